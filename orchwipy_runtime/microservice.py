"""Names where programs written for OrchWiPy look for them."""

from orchwipy_runtime.errors import PauseExecution, RetryFunctionAfterDelay
from orchwipy_runtime.pipeline import Functions, MicroFunctions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class LambdaContext(Protocol):
        """What Lambda tells of an invocation, as far as steps ask for it: `pipe.current_context`."""

        function_name: str
        aws_request_id: str
        log_group_name: str
        log_stream_name: str

        def get_remaining_time_in_millis(self) -> int: ...

else:
    LambdaContext = object

__all__ = [
    "DelayedRetryFunction",
    "FunctionOnLambda",
    "Functions",
    "LambdaContext",
    "MicroFunctions",
    "PauseExecution",
    "RetryFunctionAfterDelay",
]

FunctionOnLambda = DelayedRetryFunction = MicroFunctions
