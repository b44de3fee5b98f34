"""Names where programs written for OrchWiPy look for them.

`build_cfn_template` and `cfn_logical_name` are loaded when they are asked for: nothing that deploys a
pipeline is loaded on Lambda.
"""

from os import environ

from orchwipy_runtime.errors import PauseExecution, RetryFunctionAfterDelay
from orchwipy_runtime.micro import MicroFunctions
from orchwipy_runtime.pipeline import MAX_RETRIES, Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from orchwipy_runtime.emit.ids import cfn_logical_name as cfn_logical_name
    from orchwipy_runtime.emit.upstream import build_cfn_template as build_cfn_template

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
    "MAX_RETRY",
    "DelayedRetryFunction",
    "FunctionOnLambda",
    "Functions",
    "LambdaContext",
    "MicroFunctions",
    "OrchwipyRequestBucket",
    "PauseExecution",
    "RetryFunctionAfterDelay",
]

FunctionOnLambda = DelayedRetryFunction = MicroFunctions

MAX_RETRY = MAX_RETRIES

OrchwipyRequestBucket = environ.get("OrchwipyRequestBucket")
"""The bucket of the functions' journal and large states; None without one."""

_HOMES = {"build_cfn_template": "upstream", "cfn_logical_name": "ids"}


if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"orchwipy_runtime.emit.{home}"), name)
