"""The pipeline object: the steps that its decorator adds to it, and how it is run on this machine.

What runs it is loaded at the first run: declaring needs neither JSON nor logging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchwipy_runtime.registration import Registration
from orchwipy_runtime.step import Step, late
from orchwipy_runtime.under_way import CallUnderWay, OfCall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any, ParamSpec, Protocol, TextIO, TypedDict, TypeVar, overload

    import networkx as nx
    from typing_extensions import Unpack

    from orchwipy_runtime.local import RunResult
    from orchwipy_runtime.returns import ConditionalReturns, FanOut, ReturnUpdates
    from orchwipy_runtime.step import Rewired

    Place = str | PathLike[str]
    Following = str | Step[..., Any] | FanOut | None

    class Clock(Protocol):
        """What tells the time of a local run and waits for its retries; the module `time` is one."""

        def monotonic(self) -> float: ...
        def sleep(self, seconds: float, /) -> object: ...

    Parameters = ParamSpec("Parameters")
    Returned = TypeVar(
        "Returned", bound=ReturnUpdates | ConditionalReturns[Any] | Mapping[str, object] | FanOut
    )
    Result = TypeVar("Result")

    class Options(TypedDict, total=False):
        """What `step` takes whatever the function is."""

        name: str | None
        default_next: Following
        next_key: str
        terminates: bool
        template_props: Mapping[str, object] | None
        powertools: bool | None


__all__ = ["MAX_RETRIES", "MOST_STEPS", "Functions"]


MOST_STEPS = 25
"""The most steps of a run where neither the pipeline nor the environment says it."""

MAX_RETRIES = 4
"""The most delayed retries of a step where the pipeline does not say it."""

_FAILED_RUN = "orchwipy-failed-run.json"


class Functions:
    """A pipeline whose runs begin at the step `beginner`.

    `steps` holds what was registered, by name, in the order of registration. A run that fails is saved in
    the file `debug_args_fname`, or, with `debugging`, in the current directory. `log_args` is a file that
    gets a line of JSON for each call of a step, with the state that it got. `max_steps_in_run` is the most
    steps that a run takes (by default what the environment variable OrchwipyMaxStack says, else 25), and
    `max_retries` how often one step may ask to be tried again. `clock` stands for the module `time`.
    `journal` is a folder in which it is written down what becomes of every step of a run on this machine.
    `functions` are steps to begin with, by name, and `default_next` says what follows steps that name no
    next one, where their decorator does not say it.

    With `powertools` the `logger`, `metrics` and `tracer` of a step's module are wired to it (see
    `orchwipy_runtime.powertools`). `model` is a class of pydantic: a run begins with what it makes of the
    run's input, or fails before a step is called.

    While a step is called, `running_name` is its name, `current_args` the state that it got, `current_retry`
    counts its delayed retries from 0, `idempotency_key` is the same for every call of this step in this run,
    and `current_context` is Lambda's context, None elsewhere.
    """

    shows_runs = True
    """Whether a run that is started in a notebook is shown there as it goes on; may be set to False."""

    if TYPE_CHECKING:
        running_name: str | None
        current_args: dict[str, Any] | None
        current_retry: int
        current_context: Any
        idempotency_key: str | None
    else:
        running_name = OfCall(None)
        current_args = OfCall(None)
        current_retry = OfCall(0)
        current_context = OfCall(None)
        idempotency_key = OfCall(None)

    def __init__(
        self,
        *,
        beginner: str,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        default_next: Mapping[str, str] | None = None,
        debugging: bool = False,
        debug_args_fname: Place | None = None,
        log_args: Place | None = None,
        max_steps_in_run: int | None = None,
        max_retries: int = MAX_RETRIES,
        clock: Clock | None = None,
        journal: Place | None = None,
        powertools: bool = False,
        model: type[Any] | None = None,
    ) -> None:
        self.beginner = beginner
        self.debugging = debugging
        self.debug_args_fname = debug_args_fname
        self.log_args = log_args
        self.max_steps_in_run = max_steps_in_run
        self.max_retries = max_retries
        self.clock = clock
        self.journal = journal
        self.powertools = powertools
        self.entry_model = model
        self.steps: dict[str, Registration] = {}
        self.composed: dict[str, str | FanOut | None] = {}
        self._default_next = dict(default_next or {})
        self.call_under_way = CallUnderWay()
        for name, function in (functions or {}).items():
            self.step(function, name=name)

    if TYPE_CHECKING:

        @overload
        def fn(
            self,
            default_next: Following = None,
            next_key: str = "$next",
            terminates: bool = False,
            template_props: Mapping[str, object] | None = None,
            *,
            powertools: bool | None = None,
        ) -> Callable[[Callable[Parameters, Returned]], Step[Parameters, Returned]]: ...

        @overload
        def fn(
            self,
            default_next: Following = None,
            next_key: str = "$next",
            terminates: bool = False,
            template_props: Mapping[str, object] | None = None,
            *,
            returns: str | Sequence[str],
            powertools: bool | None = None,
        ) -> Callable[[Callable[Parameters, Result]], Step[Parameters, Result]]: ...

        @overload
        def fn(
            self,
            default_next: Following = None,
            next_key: str = "$next",
            terminates: bool = False,
            template_props: Mapping[str, object] | None = None,
            *,
            returns: str | Sequence[str],
            inputs: Mapping[str, str] | None = None,
            bind: Mapping[str, object] | None = None,
            powertools: bool | None = None,
        ) -> Callable[[Callable[Parameters, Result]], Rewired[Parameters, Result]]: ...

    def fn(
        self,
        default_next: Following = None,
        next_key: str = "$next",
        terminates: bool = False,
        template_props: Mapping[str, object] | None = None,
        *,
        returns: str | Sequence[str] | None = None,
        inputs: Mapping[str, str] | None = None,
        bind: Mapping[str, object] | None = None,
        powertools: bool | None = None,
    ) -> Callable[[Callable[..., Any]], Step[..., Any]]:
        """Registers the decorated function as a step of its name; what is returned is the function still.

        `default_next` is the step that follows where a return names none, or the branches that begin then,
        `next_key` the key in which returns name it, `terminates` allows the run to end here,
        `template_props` go to the deployed function. A second function of one name replaces the first.

        With `returns` the function need know nothing of pipelines: it is called with the keys of the state
        that its parameters name, and its result is stored under the key `returns`; or its results under
        several, or nowhere with `()`. `inputs` reads a parameter from another key. `bind` gives one a
        constant, or what a function returns when the step starts, called with the keys that its own
        parameters name. `powertools` is the pipeline's where it is not given.
        """

        step: Callable[..., Step[..., Any]] = self.step

        def register(function: Callable[..., Any]) -> Step[..., Any]:
            return step(
                function,
                default_next=default_next,
                next_key=next_key,
                terminates=terminates,
                template_props=template_props,
                returns=returns,
                inputs=inputs,
                bind=bind,
                powertools=powertools,
            )

        return register

    if TYPE_CHECKING:

        @overload
        def step(
            self, function: Callable[Parameters, Returned], /, **options: Unpack[Options]
        ) -> Step[Parameters, Returned]: ...

        @overload
        def step(
            self,
            function: Callable[Parameters, Result],
            /,
            *,
            returns: str | Sequence[str],
            **options: Unpack[Options],
        ) -> Step[Parameters, Result]: ...

        @overload
        def step(
            self,
            function: Callable[Parameters, Result],
            /,
            *,
            returns: str | Sequence[str],
            inputs: Mapping[str, str] | None = None,
            bind: Mapping[str, object] | None = None,
            **options: Unpack[Options],
        ) -> Rewired[Parameters, Result]: ...

    def step(
        self,
        function: Callable[..., Any],
        /,
        *,
        name: str | None = None,
        default_next: Following = None,
        next_key: str = "$next",
        terminates: bool = False,
        template_props: Mapping[str, object] | None = None,
        returns: str | Sequence[str] | None = None,
        inputs: Mapping[str, str] | None = None,
        bind: Mapping[str, object] | None = None,
        powertools: bool | None = None,
    ) -> Step[..., Any]:
        """Registers a function as the step `name`, by default its own name; the rest is as for `fn`.

        One function can be several steps under several names.
        """
        if isinstance(function, Step):
            function = function.__wrapped__
        name = name or function.__name__
        if isinstance(default_next, Step):
            default_next = default_next.name
        follows = default_next or self._default_next.get(name)
        registration = Registration(
            name,
            function,
            default_next=follows,
            next_key=next_key,
            terminates=terminates,
            template_props=template_props,
            returns=returns,
            inputs=inputs,
            bind=bind,
            powertools=self.powertools if powertools is None else powertools,
        )
        before = self.steps.get(name)
        self.steps[name] = registration
        if name in self.composed:  # by its name alone, or it replaces a step that was put there
            registration.terminates = True
            if before is None and default_next is not None and self.composed[name] is not None:
                self._refuse_two(name, default_next, self.composed[name])
            registration.default_next = self.composed[name] or follows
        return Step(self, name, function)

    def compose(self, step: str, following: str | FanOut | None = None) -> None:
        """Has `following` come after the returns of a step that name none, which may end the run else.

        This is what `>>` does; the step may be registered later.
        """
        registration = self.steps.get(step)
        if registration is not None:
            registration.terminates = True
        self.composed.setdefault(step, None)
        if following is None:
            return
        known = self.composed[step] or (registration and registration.default_next)
        if known is not None and known is not following and known != following:
            self._refuse_two(step, known, following)
        self.composed[step] = following
        if registration is not None:
            registration.default_next = following

    def _refuse_two(self, step: str, one: object, other: object) -> None:
        from orchwipy_runtime.errors import DeclarationError

        names = [getattr(each, "heads", None) or (each,) for each in (one, other)]
        group = ", ".join(str(name) for each in names for name in each)
        raise DeclarationError(
            "OWP209",
            f"`{names[0][0]}` follows step `{step}` already, and `{names[1][0]}` cannot as well",
            step=step,
            help=f"write {step} >> [{group}] where they are to run at once, or name the next step in the "
            "returns where one of them is to follow",
        )

    def handler(self, step: str) -> Callable[..., Any]:
        """What takes `(event, context=None)` for a step: here it runs the pipeline from that step.

        On Lambda it delivers the event to the step, as the pipeline's `lambda_handler` does.
        """

        def handle(event: Mapping[str, Any], context: Any = None) -> Any:
            return self.run_from(step=step, **event)

        return handle

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The handlers of the steps, by name."""
        return {name: self.handler(name) for name in self.steps}

    @property
    def default_next(self) -> dict[str, str]:
        """The steps that follow those whose returns need not name them, by name."""
        return {
            name: each.default_next
            for name, each in self.steps.items()
            if isinstance(each.default_next, str) and each.default_next
        }

    def run(self, /, **state: Any) -> RunResult:
        """Runs the pipeline here, from its beginner, with the keys of `state`."""
        from orchwipy_runtime.local import perform, start_run

        run = start_run(self, state)
        if self.log_args:
            with open(self.log_args, "w"):
                pass  # each run writes its own
        return perform(run)

    def run_from(self, /, *, step: str, **state: Any) -> RunResult:
        """Runs the pipeline here, from any of its steps."""
        from orchwipy_runtime.local import perform, start_run

        return perform(start_run(self, state, step=step))

    def resume(self, fname: Place) -> RunResult:
        """Goes on with a run that failed and was saved, from the step that failed and with its state."""
        from orchwipy_runtime.local import perform
        from orchwipy_runtime.saved_run import read_saved_run

        return perform(read_saved_run(self, fname))

    def run_from_last_fail(self) -> RunResult:
        """Resumes the run that failed last, from where this pipeline saves it."""
        return self.resume(self.failed_run_path or _FAILED_RUN)

    @property
    def failed_run_path(self) -> Place | None:
        """Where a run that fails is saved; None where it is not."""
        return self.debug_args_fname or (_FAILED_RUN if self.debugging else None)

    def pipeline_fail(self, input_data: dict[str, Any]) -> None:
        """Called when a step fails, with the state that it got. For subclasses; does nothing here.

        What was raised is in `sys.exc_info()`.
        """

    def always_on_exit(self, *, input_data: dict[str, Any]) -> None:
        """Called after each call of a step, however it ended, with the state that it got. For subclasses."""

    def check_graph(self, *start: str, warn_default_passing: bool = False) -> bool:
        """Analyses the steps as they are registered, and warns of what would fail; False for an error.

        Runs begin at the steps `start`, by default at the beginner. Warnings are those of
        `orchwipy_runtime.call_graph`, at the line that they are about; of defaults that are used only
        with `warn_default_passing`. Needs the extra `lint`.
        """
        from sys import _getframe

        checking, caller = late("checking"), _getframe(1)
        is_sound: bool = checking.check_graph(self, start, defaults=warn_default_passing, caller=caller)
        return is_sound

    def save_dot(self, f: TextIO, *, top_node: str | None = None) -> None:
        """Writes the graph of the steps in the DOT language; `top_node` is drawn above all. Needs `lint`."""
        from sys import _getframe

        f.write(late("checking").draw(self, top=top_node, caller=_getframe(1)))

    def call_graph(self) -> nx.DiGraph:
        """The steps as a networkx graph: nodes by name, edges with `arms`, what leads along. Needs `lint`."""
        from sys import _getframe

        graph: nx.DiGraph = late("checking").call_graph(self, caller=_getframe(1))
        return graph

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the pipeline drawn; without the extra `draw`, as text."""
        bundle: dict[str, str] = late("notebook").bundle_of_pipeline(self)
        return bundle

    def set_log_level(self, level: int) -> None:
        """Sets the level of this package's logger."""
        import logging

        logging.getLogger("orchwipy_runtime").setLevel(level)
