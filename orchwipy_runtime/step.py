"""What the decorator makes of a function: a step, which is called like it and stands in `>>`."""

from __future__ import annotations

from orchwipy_runtime.returns import Composable, ReturnUpdates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Generic, ParamSpec, TypeVar

    from orchwipy_runtime.pipeline import Functions

    Parameters = ParamSpec("Parameters")
    Returned = TypeVar("Returned", covariant=True)

    class _Base(Composable, Generic[Parameters, Returned]): ...

else:  # the module `typing` is a good part of a cold start

    class _Base(Composable):
        def __class_getitem__(cls, _):
            return cls

    Parameters = Returned = None

__all__ = ["Step", "late", "reveal_state"]


class Step(_Base[Parameters, Returned]):
    """A step of a pipeline. Calling it calls the function as its author wrote it."""

    __wrapped__: Callable[Parameters, Returned]
    __name__: str

    def __init__(self, pipe: Functions, name: str, function: Callable[Parameters, Returned]) -> None:
        self.__dict__.update(getattr(function, "__dict__", ()))
        self.__wrapped__ = function
        self.__name__ = name
        self.__qualname__ = getattr(function, "__qualname__", name)
        self.__module__ = getattr(function, "__module__", "")
        self.__doc__ = function.__doc__
        self.pipe = pipe
        self.name = name

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        return self.__wrapped__(*args, **kwargs)

    def next(self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> ReturnUpdates:
        """Goes on to this step, which gets these keys and no others: a call, handed off.

        `coffee.next(beans=5)` is `ReturnUpdates("coffee", "*", beans=5)`, except that a type checker sees
        what the step takes, and that a key which the step needs and is not given raises here.
        """
        if args:
            raise _wrong_arguments(self.name, "is given a value without its key")
        registration = self.pipe.steps.get(self.name)
        for key in registration.signature.required if registration is not None else ():
            if key not in kwargs:
                raise _wrong_arguments(self.name, f"lacks `{key}`, which the step needs", key)
        updates = ReturnUpdates(self.name, "*")
        updates.replace = kwargs  # any names, also those of the parameters of ReturnUpdates
        return updates

    @property
    def head(self) -> str:
        """The step that comes first where it stands in a chain: itself."""
        return self.name

    @property
    def handler(self) -> Callable[..., Any]:
        """Runs the step with an event, as `Functions.handler` says."""
        return self.pipe.handler(self.name)

    def aws_lambda(self, scope: Any, *, bucket: Any = None, **props: Any) -> Any:
        """The step's function in an app of the AWS CDK; made at the first call for a scope. Needs `cdk`.

        `props` are properties of `aws_cdk.aws_lambda.Function`, and come before those of `template_props`.
        Without `code` the program's folder is packaged with the runtime. `bucket` is for states that are too
        large for an event; by default the pipeline gets one of its own.
        """
        return late("cdk.functions").aws_lambda(self.pipe, self.name, scope, bucket=bucket, **props)

    def task(self, scope: Any, *, name: str | None = None, attempts: int = 3, **props: Any) -> Any:
        """The step as a task for a state machine of the app's own, which is called `name`. Needs `cdk`.

        It gets the run's state and gives the one that follows. `attempts` is how often it is tried in all;
        `props` are for the function, as in `aws_lambda`.
        """
        return late("cdk.functions").task(self.pipe, self.name, scope, name=name, attempts=attempts, **props)

    def __repr__(self) -> str:
        return f"<step {self.name}>"


def _wrong_arguments(name: str, what: str, key: str | None = None) -> Exception:
    from orchwipy_runtime.errors import InvalidReturn, MissingArgument

    kind = InvalidReturn if key is None else MissingArgument
    return kind(
        f"`{name}.next(...)` {what}",
        step=name,
        key=key,
        help=f"give it the keys that `{name}` is to get, by keyword: {name}.next({key or 'key'}=...)",
    )


if TYPE_CHECKING:

    class Rewired(Step[Parameters, Returned]):
        """A step with `inputs` or `bind`: the keys that it reads are not the parameters of its function."""

        def next(self, /, *args: Any, **kwargs: Any) -> ReturnUpdates: ...


def reveal_state() -> None:
    """Has `orchwipy check` show the state with which the step starts that calls this; does nothing else."""


def late(module: str) -> Any:
    """A module of this package that is for development: it asks the analyser, or is for the CDK.

    It is not imported by a statement: who checks the types of a program would read all of those then.
    """
    from importlib import import_module

    return import_module(f"orchwipy_runtime.{module}")
