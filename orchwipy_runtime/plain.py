"""Functions that know nothing of pipelines, as steps: what they are called with, and where their result goes.

Such a function gets the keys of the state that its parameters name and no others, by keyword. `inputs` says
for a parameter that it is read from another key. `bind` gives a parameter a constant, or what a callable
returns when the step starts, which is called with the keys that its own parameters name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchwipy_runtime.declarations import COROUTINE, GENERATOR, TAKES_ARGUMENTS, Signature, fault
from orchwipy_runtime.errors import DeclarationError, InvalidReturn

__all__ = ["Plain", "read_plain"]

_SUPPLIED = "callback_"


class Plain:
    """How a plain function is called.

    `parameters` has, for each parameter that is read from the state, its key and whether it has a default.
    `computed` has the parameters that are bound to a callable, each with the parameters of that.
    """

    __slots__ = ("computed", "constants", "parameters", "returns", "single")

    def __init__(
        self,
        parameters: Mapping[str, tuple[str, bool]],
        constants: Mapping[str, object],
        computed: Mapping[str, tuple[Callable[..., object], Mapping[str, bool]]],
        returns: tuple[str, ...],
        single: bool,
    ) -> None:
        self.parameters = parameters
        self.constants = constants
        self.computed = computed
        self.returns = returns
        self.single = single

    def arguments(self, state: Mapping[str, object]) -> dict[str, object]:
        """What the function is called with, of a state that has all that it requires."""
        given = {name: state[key] for name, (key, _) in self.parameters.items() if key in state}
        given.update(self.constants)
        for name, (compute, keys) in self.computed.items():
            given[name] = compute(**{key: state[key] for key in keys if key in state})
        return given

    def updates(self, step: str, result: object) -> dict[str, object]:
        """What the result of the function changes in the state."""
        if self.single:
            return {self.returns[0]: result}
        if not self.returns:
            return {}
        if not isinstance(result, Sequence) or isinstance(result, str) or len(result) != len(self.returns):
            what = (
                f"{len(result)} values" if isinstance(result, list | tuple) else f"a {type(result).__name__}"
            )
            raise InvalidReturn(
                f"step `{step}` gives {what}, and `returns` names {len(self.returns)} keys",
                step=step,
                help="return as many values as there are keys, or give `returns` one key as text",
            )
        return dict(zip(self.returns, result, strict=True))


def read_plain(
    name: str,
    function: Callable[..., object],
    returns: str | Sequence[str],
    inputs: Mapping[str, str],
    bind: Mapping[str, object],
) -> tuple[Plain, Signature]:
    """How the function is called as a step; a DeclarationError where it cannot be one so."""
    code = getattr(function, "__code__", None)
    if code is not None and code.co_flags & (GENERATOR | COROUTINE):
        raise fault(function, name)
    parameters = _parameters(name, function)
    for source, given in (("inputs", inputs), ("bind", bind)):
        for each in given:
            if each not in parameters:
                raise _invalid(
                    name,
                    each,
                    f"`{source}` of step `{name}` names `{each}`, which is no parameter of the function",
                    f"its parameters are {', '.join(f'`{known}`' for known in parameters) or 'none'}",
                )
    for each in inputs.keys() & bind.keys():
        raise _invalid(
            name,
            each,
            f"`inputs` and `bind` of step `{name}` both name `{each}`",
            "a parameter is read from a key, or bound, and not both",
        )
    supplied = {each for each in parameters if each == "_original_input" or each.startswith(_SUPPLIED)}
    read = {
        each: (inputs.get(each, each), has_default)
        for each, has_default in parameters.items()
        if each not in bind and each not in supplied
    }
    constants = {each: value for each, value in bind.items() if not callable(value)}
    computed = {each: (value, _keys_of(value)) for each, value in bind.items() if callable(value)}
    required = [key for key, has_default in read.values() if not has_default]
    required += [key for _, keys in computed.values() for key, has_default in keys.items() if not has_default]
    signature = Signature(
        tuple(dict.fromkeys(required)),
        tuple(each for each in parameters if each.startswith(_SUPPLIED)),
        "_original_input" in parameters,
    )
    keys = (returns,) if isinstance(returns, str) else tuple(returns)
    return Plain(read, constants, computed, keys, isinstance(returns, str)), signature


def _parameters(name: str, function: Callable[..., object]) -> dict[str, bool]:
    """The parameters that can be given by keyword, and whether they have a default."""
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):
        bound = hasattr(function, "__self__")
        names = code.co_varnames[bound : code.co_argcount + code.co_kwonlyargcount]
        if code.co_posonlyargcount > bound:
            raise fault(function, name)
        positional = names[: code.co_argcount - bound]
        defaults = function.__defaults__ or ()
        with_default = {*positional[len(positional) - len(defaults) :], *(function.__kwdefaults__ or ())}
        return {each: each in with_default for each in names}
    from inspect import Parameter, signature

    try:
        found = signature(function).parameters.values()
    except (TypeError, ValueError):
        raise _invalid(
            name,
            None,
            f"step `{name}` is a function that does not tell its parameters",
            "write a function around it that names them",
        ) from None
    for each in found:
        if each.kind is Parameter.POSITIONAL_ONLY:
            raise DeclarationError(
                "OWP302",
                f"parameter `{each.name}` of step `{name}` is positional: the state comes by keyword",
                step=name,
                key=each.name,
                help="write a function around it that takes it by name",
            )
    return {
        each.name: each.default is not Parameter.empty
        for each in found
        if each.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    }


def _keys_of(compute: Callable[..., object]) -> dict[str, bool]:
    """The keys that a bound function reads, and whether they have a default; none if it is not Python's."""
    code = getattr(compute, "__code__", None)
    if code is None or code.co_flags & TAKES_ARGUMENTS:
        return {}
    return _parameters(getattr(compute, "__name__", "bind"), compute)


def _invalid(step: str, key: str | None, message: str, help: str) -> DeclarationError:
    return DeclarationError("OWP306", message, step=step, key=key, help=help)
