"""What a pipeline's program imports, here and in every Lambda function.

    from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

Names are loaded when they are asked for, and nothing here is third-party: this package is imported at
every cold start.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.emit.upstream import build_cfn_template as build_cfn_template
    from orchwipy_runtime.errors import OrchwipyError, PauseExecution, RetryFunctionAfterDelay
    from orchwipy_runtime.micro import MicroFunctions
    from orchwipy_runtime.pipeline import Functions
    from orchwipy_runtime.returns import ConditionalReturns, Detach, MapEach, Parallel, ReturnUpdates
    from orchwipy_runtime.step import reveal_state

__all__ = [
    "ConditionalReturns",
    "Detach",
    "Functions",
    "MapEach",
    "MicroFunctions",
    "OrchwipyError",
    "Parallel",
    "PauseExecution",
    "RetryFunctionAfterDelay",
    "ReturnUpdates",
    "reveal_state",
]

_HOMES = {
    "ConditionalReturns": "returns",
    "Detach": "returns",
    "Functions": "pipeline",
    "MapEach": "returns",
    "MicroFunctions": "micro",
    "OrchwipyError": "errors",
    "Parallel": "returns",
    "PauseExecution": "errors",
    "RetryFunctionAfterDelay": "errors",
    "ReturnUpdates": "returns",
    "reveal_state": "step",
    "build_cfn_template": "emit.upstream",  # for development alone, so that `import *` does not load it
}


if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
