"""What a step's function says about itself, read from its code object when it is decorated.

No source is read, and the `inspect` module is not needed for this: decorating five hundred steps costs next
to nothing. What is wrong is said in the words of the analyser's findings OWP301, OWP302 and OWP305.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["COROUTINE", "GENERATOR", "TAKES_ARGUMENTS", "Signature", "fault", "read_signature"]

TAKES_ARGUMENTS = 0x04
GENERATOR = 0x20
COROUTINE = 0x80 | 0x100 | 0x200
_TAKES_KEYWORDS = 0x08


class Signature:
    """What to call a step with: keys that it needs, and parameters that the runtime supplies."""

    __slots__ = ("callbacks", "required", "wants_original_input")

    def __init__(
        self, required: tuple[str, ...], callbacks: tuple[str, ...], wants_original_input: bool
    ) -> None:
        self.required = required
        self.callbacks = callbacks
        self.wants_original_input = wants_original_input


def read_signature(function: Callable[..., object], name: str) -> Signature:
    """The signature of a function that can be the step `name`; a DeclarationError for one that cannot."""
    code = getattr(function, "__code__", None)
    if code is None:  # a callable of another kind, which only a call can tell about
        return Signature((), (), False)
    flags, names, positional = code.co_flags, code.co_varnames, code.co_argcount
    if (
        not flags & _TAKES_KEYWORDS
        or flags & (GENERATOR | COROUTINE)
        or positional > hasattr(function, "__self__")
    ):
        raise fault(function, name, state_whole=True)
    required: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    wants_original_input = False
    defaults = getattr(function, "__kwdefaults__", None) or ()
    for name in names[positional : positional + code.co_kwonlyargcount]:
        if name == "_original_input":
            wants_original_input = True
        elif name.startswith("callback_"):
            callbacks += (name,)
        elif name not in defaults:
            required += (name,)
    return Signature(required, callbacks, wants_original_input)


def fault(function: Callable[..., object], name: str, *, state_whole: bool = False) -> Exception:
    """Why the function cannot be the step `name`; with `state_whole` as one that is given the whole state."""
    from orchwipy_runtime.errors import DeclarationError

    code = function.__code__
    if state_whole and not code.co_flags & _TAKES_KEYWORDS:
        return DeclarationError(
            "OWP301",
            f"step `{name}` has no `**kwargs`: every other key of the state would raise TypeError",
            step=name,
            help="add `**kwargs` as the last parameter, or say with `returns=` which key its result is",
        )
    bound = hasattr(function, "__self__")
    if (code.co_argcount if state_whole else code.co_posonlyargcount) > bound:
        parameter = code.co_varnames[bound]
        return DeclarationError(
            "OWP302",
            f"parameter `{parameter}` of step `{name}` is positional: the state comes by keyword",
            step=name,
            key=parameter,
            help="make the step a function of the module"
            if parameter in ("self", "cls") and _stands_in_a_class(function)
            else f"write `def {function.__name__}(*, {parameter}, ...)`",
        )
    awaits = code.co_flags & COROUTINE
    return DeclarationError(
        "OWP305",
        f"step `{name}` is {'a coroutine' if awaits else 'a generator'}: "
        "calling it runs nothing and returns no changes",
        step=name,
        help="make it a plain function, with `asyncio.run(...)` inside where it must await"
        if awaits
        else "return the changes, and keep the `yield` in a function of its own",
    )


def _stands_in_a_class(function: Callable[..., object]) -> bool:
    home, _, _ = function.__qualname__.rpartition(".")
    return home != "" and not home.endswith("<locals>")
