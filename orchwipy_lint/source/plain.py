"""Functions that know nothing of pipelines → steps: the keys that they read, and those of their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from orchwipy_lint.model import Arm, Base, Effect, Parameter, ReturnSite, Span, Step, Target, Value
from orchwipy_lint.types import ANY, Type

__all__ = ["Bound", "Plain", "plain_step"]


@dataclass(frozen=True, slots=True)
class Bound:
    """An entry of `bind`: where it stands, and the keys that it reads when the step starts."""

    span: Span
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Plain:
    """What a plain function's registration says; what the text does not tell is None.

    `path`, `span` and `text` are the `returns=` of it. `inputs` has a place and a key for each parameter.
    """

    path: str
    span: Span
    text: str
    returns: tuple[str, ...] | None
    is_single: bool
    inputs: Mapping[str, tuple[Span, str | None]] | None
    bind: Mapping[str, Bound] | None

    def key_of(self, parameter: str) -> str | None:
        """The key that a parameter reads; None where it is not known, or there is none."""
        if self.inputs is None or self.bind is None or parameter in self.bind:
            return None
        return self.inputs[parameter][1] if parameter in self.inputs else parameter


def plain_step(
    name: str,
    path: str,
    span: Span,
    plain: Plain,
    parameters: Sequence[Parameter] | None,
    types: Sequence[Type],
    default: Target,
    next_key: str,
) -> Step:
    """The step that a plain function is.

    `parameters` are those of its own, under their own names; None where the function is not known. `types`
    are those of the values under `returns`.
    """
    own = [_read(each, plain) for each in parameters or ()]
    computed = [each for bound in (plain.bind or {}).values() for each in bound.parameters]
    inputs = [key for _, key in (plain.inputs or {}).values()]
    keys = plain.returns or ()
    effect = Effect(
        base=Base.STATE,
        drops=frozenset({next_key}),
        sets={key: Value(type=each) for key, each in zip(keys, types, strict=True)},
        opens=plain.returns is None,
    )
    said = plain.span if plain.path == path else span
    arm = Arm(said, plain.text, effect, default)
    return Step(
        name=name,
        path=path,
        span=span,
        parameters=_once([*own, *computed]),
        returns=(ReturnSite(said, (arm,)),),
        default_next=default.step,
        terminates=True,
        next_key=next_key,
        read_keys=frozenset(key for key in inputs if key is not None) if parameters is None else frozenset(),
        reads_all=parameters is None
        or None in inputs
        or plain.inputs is None
        or plain.bind is None
        or any(each.name == "_original_input" for each in parameters),
        is_plain=True,
        problems=tuple(_problems(name, plain, parameters)),
    )


def _read(parameter: Parameter, plain: Plain) -> Parameter:
    """A parameter as one that reads its key; one that reads none is supplied."""
    if parameter.supplied:
        return parameter
    key = plain.key_of(parameter.name)
    return replace(parameter, supplied=True) if key is None else replace(parameter, name=key)


def _once(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Each key once: it is required if anything requires it."""
    found: dict[tuple[str, bool], Parameter] = {}
    for each in parameters:
        known = found.get((each.name, each.supplied))
        if known is None:
            found[each.name, each.supplied] = each
        elif each.required and not known.required:
            found[each.name, each.supplied] = each if known.type is ANY else replace(known, required=True)
        elif known.type.is_any:
            found[each.name, each.supplied] = replace(known, type=each.type)
    return tuple(found.values())


def _problems(
    step: str, plain: Plain, parameters: Sequence[Parameter] | None
) -> Iterable[tuple[str, Span, str, str]]:
    """What the registration says that the function does not have."""
    if parameters is not None:
        known = [each.name for each in parameters]
        listed = ", ".join(f"`{each}`" for each in known) or "none"
        given = [("inputs", each, span) for each, (span, _) in (plain.inputs or {}).items()]
        given += [("bind", each, bound.span) for each, bound in (plain.bind or {}).items()]
        for source, each, span in given:
            if each not in known:
                yield (
                    plain.path,
                    span,
                    f"`{source}` of step `{step}` names `{each}`, which is no parameter of the function",
                    f"its parameters are {listed}",
                )
    for each, bound in (plain.bind or {}).items():
        if each in (plain.inputs or {}):
            yield (
                plain.path,
                bound.span,
                f"`inputs` and `bind` of step `{step}` both name `{each}`",
                "a parameter is read from a key, or bound, and not both",
            )
