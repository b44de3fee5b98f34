"""Names where programs written for OrchWiPy look for them.

`build_cfn_template` is loaded when it is asked for: nothing that deploys a pipeline is loaded on Lambda.
"""

from orchwipy_runtime.errors import PauseExecution, RetryFunctionAfterDelay
from orchwipy_runtime.pipeline import Functions, MicroFunctions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from orchwipy_runtime.emit.template import build_cfn_template as build_cfn_template

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


if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name != "build_cfn_template":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from orchwipy_runtime.emit.template import build_cfn_template

        return build_cfn_template
