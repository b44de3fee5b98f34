"""What `check_graph` warns with, and names where programs written for OrchWiPy look for them."""

from orchwipy_runtime.returns import ConditionalReturns, ReturnUpdates

__all__ = [
    "ConditionalReturns",
    "DefaultArgument",
    "GraphWarning",
    "MissingArgument",
    "ReturnUpdates",
    "UncheckedStep",
]


class GraphWarning(UserWarning):
    """Something in a pipeline that would fail, or that its author should know."""


class MissingArgument(GraphWarning):
    """A step needs a key that some path does not bring: OWP101."""


class DefaultArgument(GraphWarning):
    """A step uses a default on some path: OWP102."""


class UncheckedStep(GraphWarning):
    """A step whose source cannot be read, so that no path beyond it is checked."""
