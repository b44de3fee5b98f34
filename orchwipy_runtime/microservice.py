"""Names where programs written for OrchWiPy look for them."""

from orchwipy_runtime.errors import PauseExecution, RetryFunctionAfterDelay
from orchwipy_runtime.pipeline import Functions, MicroFunctions

__all__ = ["Functions", "MicroFunctions", "PauseExecution", "RetryFunctionAfterDelay"]
