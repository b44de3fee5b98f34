"""Registration: a pipeline object and the steps that its decorator adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchwipy_runtime.declarations import read_signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from orchwipy_runtime.returns import ConditionalReturns, ReturnUpdates

    StepFunction = TypeVar(
        "StepFunction", bound=Callable[..., ReturnUpdates | ConditionalReturns[Any] | Mapping[str, object]]
    )

__all__ = ["Functions", "MicroFunctions", "Registration"]


class Registration:
    """A step as it was registered: the function and what its decorator said."""

    __slots__ = (
        "default_next",
        "function",
        "name",
        "next_key",
        "signature",
        "template_props",
        "terminates",
    )

    def __init__(
        self,
        function: Callable[..., object],
        *,
        default_next: str | None,
        next_key: str,
        terminates: bool,
        template_props: Mapping[str, object] | None,
    ) -> None:
        self.signature = read_signature(function)
        self.name: str = function.__name__
        self.function = function
        self.default_next = default_next
        self.next_key = next_key or "$next"
        self.terminates = terminates
        self.template_props = template_props


class Functions:
    """A pipeline whose runs begin at the step `beginner`.

    `steps` holds what was registered, by name, in the order of registration.
    """

    def __init__(self, *, beginner: str) -> None:
        self.beginner = beginner
        self.steps: dict[str, Registration] = {}

    def fn(
        self,
        default_next: str | None = None,
        next_key: str = "$next",
        terminates: bool = False,
        template_props: Mapping[str, object] | None = None,
    ) -> Callable[[StepFunction], StepFunction]:
        """Registers the decorated function as a step of its name and returns it unchanged.

        `default_next` is the step that follows where a return names none, `next_key` the key in which
        returns name it, `terminates` allows the run to end here, `template_props` go to the deployed
        function. A second function of one name replaces the first.
        """

        def register(function: StepFunction) -> StepFunction:
            self.steps[function.__name__] = Registration(
                function,
                default_next=default_next,
                next_key=next_key,
                terminates=terminates,
                template_props=template_props,
            )
            return function

        return register


class MicroFunctions(Functions):
    """A pipeline of which every step is a Lambda function of its own when it is deployed."""
