"""A step as its pipeline knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchwipy_runtime.declarations import read_signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.plain import Plain
    from orchwipy_runtime.returns import FanOut

__all__ = ["Registration"]


class Registration:
    """A step as it was registered: the function and what its decorator said.

    `default_next` is the step that follows where a return names none, or the branches that begin then.
    `plain` says how a function is called that knows nothing of pipelines; it is None for the others.
    """

    __slots__ = (
        "default_next",
        "function",
        "name",
        "next_key",
        "plain",
        "powertools",
        "signature",
        "template_props",
        "terminates",
    )

    def __init__(
        self,
        name: str,
        function: Callable[..., object],
        *,
        default_next: str | FanOut | None = None,
        next_key: str = "$next",
        terminates: bool = False,
        template_props: Mapping[str, object] | None = None,
        returns: str | Sequence[str] | None = None,
        inputs: Mapping[str, str] | None = None,
        bind: Mapping[str, object] | None = None,
        powertools: bool = False,
    ) -> None:
        self.plain: Plain | None = None
        if returns is not None:
            from orchwipy_runtime.plain import read_plain

            self.plain, self.signature = read_plain(name, function, returns, inputs or {}, bind or {})
        elif inputs or bind:
            from orchwipy_runtime.errors import DeclarationError

            raise DeclarationError(
                "OWP306",
                f"step `{name}` has `{'inputs' if inputs else 'bind'}` and no `returns`",
                step=name,
                help="say with `returns=` under which key its result is stored: "
                "`inputs` and `bind` are for functions that know nothing of pipelines",
            )
        else:
            self.signature = read_signature(function, name)
        self.name = name
        self.function = function
        self.default_next = default_next
        self.next_key = next_key or "$next"
        self.terminates = terminates or returns is not None
        self.template_props = template_props
        self.powertools = powertools
