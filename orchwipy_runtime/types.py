"""Names where programs written for OrchWiPy look for them."""

from orchwipy_runtime.returns import ConditionalReturns, ReturnUpdates

__all__ = ["ConditionalReturns", "ReturnUpdates"]
