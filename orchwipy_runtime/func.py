"""Names where programs written for OrchWiPy look for them."""

from orchwipy_runtime.errors import PauseExecution
from orchwipy_runtime.pipeline import Functions
from orchwipy_runtime.returns import ConditionalReturns, ReturnUpdates

__all__ = ["ConditionalReturns", "Functions", "PauseExecution", "ReturnUpdates"]
