"""The arguments of `pipe.fn(...)` and `pipe.step(...)`."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from orchwipy_lint.model import Parameter, Span
from orchwipy_lint.source.declared import Registration
from orchwipy_lint.source.names import Names
from orchwipy_lint.source.places import Places
from orchwipy_lint.source.plain import Bound, Plain
from orchwipy_lint.source.targets import Registered

__all__ = ["Options"]

_POSITIONAL = ("default_next", "next_key", "terminates")


class Options:
    """Reads the options of the steps of one file."""

    def __init__(self, names: Names, places: Places) -> None:
        self.names = names
        self.places = places

    def read(self, registration: Registration) -> Registered:
        """What a registration says of its step."""
        call = registration.call
        given: dict[str | None, ast.expr] = dict(zip(_POSITIONAL, call.args, strict=False))
        places: dict[str | None, ast.keyword] = {}
        for each in call.keywords:
            if each.arg is None and isinstance(each.value, ast.Dict):
                given.update(self.written_out(each.value))
            else:
                given[each.arg] = each.value
                places[each.arg] = each
        default, key, ends = (self.names.constant(given.get(name)) for name in _POSITIONAL)
        value = default[0] if default else None
        plain, problems = self.plain(registration, given, places)
        return Registered(
            default_next=value if isinstance(value, str) and value else None,
            default_known="default_next" not in given or default is not None,
            next_key=key[0] if key and isinstance(key[0], str) and key[0] else "$next",
            terminates=bool(ends[0]) if ends else "terminates" in given,
            plain=plain,
            problems=problems,
        )

    def written_out(self, node: ast.Dict) -> dict[str | None, ast.expr]:
        """The options in `**{...}`; the key None stands for those that the text does not tell."""
        found: dict[str | None, ast.expr] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            known = self.names.constant(key)
            found[known[0] if known and isinstance(known[0], str) else None] = value
        return found

    def plain(
        self,
        registration: Registration,
        given: Mapping[str | None, ast.expr],
        places: Mapping[str | None, ast.keyword],
    ) -> tuple[Plain | None, tuple[tuple[str, Span, str, str], ...]]:
        """How a plain function is called, None for a step that is none; and what is wrong with it."""
        returns = self.names.constant(given.get("returns"))
        problems: list[tuple[str, Span, str, str]] = []
        if "returns" not in given or returns == (None,):
            function = registration.function
            takes_all = function is None or function.node.args.kwarg is not None
            if None in given and not takes_all:  # what the text does not tell may say so
                span = self.places.span(registration.call)
                return Plain(registration.path, span, self.places.text(span), None, False, None, None), ()
            for option in ("inputs", "bind"):
                if option in given and self.names.constant(given[option]) not in ((None,), ({},)):
                    span = self.places.span(places[option] if option in places else given[option])
                    what = f"step `{registration.name}` has `{option}` and no `returns`"
                    advice = (
                        "say with `returns=` under which key its result is stored: "
                        "`inputs` and `bind` are for functions that know nothing of pipelines"
                    )
                    problems.append((registration.path, span, what, advice))
            return None, tuple(problems)
        span = self.places.span(places["returns"] if "returns" in places else given["returns"])
        keys = _keys(returns[0]) if returns else None
        if returns and keys is None:
            what = f"`returns` of step `{registration.name}` is neither a key nor several"
            advice = 'name keys as text: `returns="key"`, or a tuple of them'
            problems.append((registration.path, span, what, advice))
        is_single = bool(returns) and isinstance(returns[0], str) if returns else False
        inputs, bind = self.inputs(given.get("inputs")), self.bind(given.get("bind"))
        return Plain(registration.path, span, self.places.text(span), keys, is_single, inputs, bind), tuple(
            problems
        )

    def inputs(self, node: ast.expr | None) -> dict[str, tuple[Span, str | None]] | None:
        entries = self.entries(node)
        if entries is None:
            return None
        found: dict[str, tuple[Span, str | None]] = {}
        for name, (place, value) in entries.items():
            known = self.names.constant(value)
            found[name] = (place, known[0] if known and isinstance(known[0], str) else None)
        return found

    def bind(self, node: ast.expr | None) -> dict[str, Bound] | None:
        entries = self.entries(node)
        if entries is None:
            return None
        return {
            name: Bound(place, self.parameters(value)) if isinstance(value, ast.Lambda) else Bound(place)
            for name, (place, value) in entries.items()
        }

    def entries(self, node: ast.expr | None) -> dict[str, tuple[Span, ast.expr]] | None:
        """A dict of parameters, each with the place of its key; None where it cannot be read."""
        if node is None or self.names.constant(node) == (None,):
            return {}
        found: dict[str, tuple[Span, ast.expr]] = {}
        if isinstance(node, ast.Call) and self.names.dotted(node.func) == "dict" and not node.args:
            for each in node.keywords:
                if each.arg is None:
                    return None
                found[each.arg] = (self.places.span(each), each.value)
            return found
        if not isinstance(node, ast.Dict):
            return None
        for key, value in zip(node.keys, node.values, strict=True):
            known = self.names.constant(key)
            if key is None or not known or not isinstance(known[0], str):
                return None
            found[known[0]] = (self.places.span(key), value)
        return found

    def parameters(self, node: ast.Lambda) -> tuple[Parameter, ...]:
        """The keys that a bound function reads; none where it takes whatever comes."""
        arguments = node.args
        if arguments.vararg is not None:
            return ()
        optional = len(arguments.defaults)
        positional = [*arguments.posonlyargs, *arguments.args]
        required = [(each, number < len(positional) - optional) for number, each in enumerate(positional)] + [
            (each, default is None)
            for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        ]
        return tuple(
            Parameter(
                each.arg,
                self.places.span(each),
                type=self.names.annotations.type_of(each.annotation),
                required=is_required,
                annotation=ast.unparse(each.annotation) if each.annotation else None,
            )
            for each, is_required in required
        )


def _keys(value: object) -> tuple[str, ...] | None:
    """The keys that `returns` names; None where it names none."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (tuple, list)) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None
