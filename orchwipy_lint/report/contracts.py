"""What is known before each step as a contract: a JSON schema, or a module with a TypedDict for each step.

A step that no path leads to has none. A state may have no key besides those that are known, unless the text
does not tell all of them.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterable, Sequence
from typing import Any

from orchwipy_lint.flow.known import Key, Known, Status
from orchwipy_lint.model import Pipeline
from orchwipy_lint.types import Atom, Constant, Type

__all__ = ["render_schema", "render_typed_dicts"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "None": "null"}
_CLASSES = frozenset({"str", "int", "float", "bool", "None", "object"})
_ARGUMENTS = {"list": ("Any",), "dict": ("str", "Any")}


def render_schema(pipeline: Pipeline, states: Sequence[Known], step: str | None = None) -> str:
    """A JSON schema (draft 2020-12) with a definition a step; of `step` alone it is that step's."""
    document: dict[str, Any] = {"$schema": _DIALECT, "title": f"The states of {pipeline.name}"}
    if step is not None:
        document["$ref"] = f"#/$defs/{_pointer(step)}"
    document["$defs"] = {known.step: _state(known) for known in states if known.reached}
    return json.dumps(document, indent=2)


def _pointer(name: str) -> str:
    from urllib.parse import quote

    return quote(name.replace("~", "~0").replace("/", "~1"))


def _held(known: Known) -> list[Key]:
    return [key for key in known.keys if key.status is not Status.DROPPED]


def _state(known: Known) -> dict[str, Any]:
    keys = _held(known)
    return {
        "type": "object",
        "properties": {key.name: _schema(key.type) for key in keys},
        "required": [key.name for key in keys if key.status is Status.SURE],
        "additionalProperties": bool(known.others),
    }


def _schema(type_: Type) -> dict[str, Any]:
    atoms = sorted(type_.atoms or (), key=str)
    constants = [each.literal[0] for each in atoms if each.literal is not None]
    kinds = [_SCALARS[each.name] for each in atoms if each.literal is None and each.name in _SCALARS]
    others = [each for each in atoms if each.literal is None and each.name not in _SCALARS]
    if not atoms or any(each.name not in _ARGUMENTS for each in others):
        return {}
    ways: list[dict[str, Any]] = [{"enum": constants}] if constants else []
    ways += [{"type": kinds[0] if len(kinds) == 1 else kinds}] if kinds else []
    ways += map(_container, others)
    return ways[0] if len(ways) == 1 else {"anyOf": ways}


def _container(atom: Atom) -> dict[str, Any]:
    values = _schema(atom.args[-1]) if atom.args else {}
    if atom.name == "list":
        return {"type": "array", "items": values}
    return {"type": "object", "additionalProperties": values}


def render_typed_dicts(pipeline: Pipeline, states: Iterable[Known]) -> str:
    """A Python module with a TypedDict for each step, named after it."""
    taken: set[str] = set()
    classes = [_typed_dict(known, _class_name(known.step, taken)) for known in states if known.reached]
    text = "\n\n".join(classes)
    names = [name for name in ("Any", "Literal") if re.search(rf"\b{name}\b", text)]
    imports = [f"from typing import {', '.join(names)}"] if names else []
    ours = [name for name in ("NotRequired", "TypedDict") if f"{name}[" in text or name == "TypedDict"]
    imports.append(f"from typing_extensions import {', '.join(ours)}")
    return (
        f'"""The states of {_safe(pipeline.name)}, before each step."""\n\n'
        + "\n\n".join(imports)
        + f"\n\n\n{text}"
    )


def _typed_dict(known: Known, name: str) -> str:
    keys = [(key.name, _annotation(key)) for key in _held(known)]
    about = f"What `{_safe(known.step)}` gets" + (
        ", and keys that the text does not tell." if known.others else "."
    )
    if all(key.isidentifier() and not keyword.iskeyword(key) for key, _ in keys):
        lines = [f"class {name}(TypedDict):", f'    """{about}"""', ""]
        lines += [f"    {key}: {annotation}" for key, annotation in keys]
    else:
        lines = [f"# {about}", f"{name} = TypedDict(", f'    "{name}",', "    {"]
        lines += [f"        {_quoted(key)}: {annotation}," for key, annotation in keys]
        lines += ["    },", ")"]
    return "\n".join(lines).rstrip() + "\n"


def _annotation(key: Key) -> str:
    written = _written(key.type)
    return written if key.status is Status.SURE else f"NotRequired[{written}]"


def _written(type_: Type) -> str:
    atoms = sorted(type_.atoms or (), key=lambda each: (each.name == "None", str(each)))
    parts = [_class(each) for each in atoms if each.literal is None or isinstance(each.literal[0], float)]
    literals = [
        _quoted(each.literal[0]) for each in atoms if each.literal and not isinstance(each.literal[0], float)
    ]
    if literals:
        parts.insert(0, f"Literal[{', '.join(literals)}]")
    return "Any" if not parts or "Any" in parts else " | ".join(dict.fromkeys(parts))


def _class(atom: Atom) -> str:
    if atom.name in _ARGUMENTS:
        wanted = _ARGUMENTS[atom.name]
        given = tuple(map(_written, atom.args)) if len(atom.args) == len(wanted) else wanted
        return f"{atom.name}[{', '.join(given)}]"
    return atom.name if atom.name in _CLASSES else "Any"


def _class_name(step: str, taken: set[str]) -> str:
    """A name for the state of a step that no other has."""
    words = re.findall(r"[^\W_]+", step)
    base = "".join(word[0].upper() + word[1:] for word in words)
    name = base = f"{base if base[:1].isalpha() else f'Step{base}'}State"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}{number}"
    taken.add(name)
    return name


def _quoted(value: Constant) -> str:
    """A literal, text in the quotes that formatters like."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _safe(text: str) -> str:
    """Text of the program that stands in a docstring or in a comment."""
    return re.sub(r"[^\w .,()-]", "?", text)
