"""Names where programs written for OrchWiPy look for them."""

from os import environ

from orchwipy_runtime.errors import PauseExecution
from orchwipy_runtime.pipeline import MOST_STEPS, Functions
from orchwipy_runtime.returns import ConditionalReturns, ReturnUpdates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    class SupportsOrchwipyFn(Protocol):
        """A function that can be a step."""

        __name__: str

        def __call__(self, **kwds: Any) -> ConditionalReturns[Any] | ReturnUpdates | Mapping[str, object]: ...

else:
    from collections.abc import Callable as SupportsOrchwipyFn

__all__ = [
    "ConditionalReturns",
    "Functions",
    "OrchwipyMaxStack",
    "PauseExecution",
    "ReturnUpdates",
    "SupportsOrchwipyFn",
]

OrchwipyMaxStack = int(environ.get("OrchwipyMaxStack") or MOST_STEPS)
"""The most steps of a run where the pipeline does not say it."""
