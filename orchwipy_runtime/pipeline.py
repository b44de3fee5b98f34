"""The pipeline object: the steps that its decorator adds to it, and how it is run on this machine.

What runs it is loaded at the first run: declaring needs neither JSON nor logging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchwipy_runtime.declarations import read_signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any, ParamSpec, Protocol, TextIO, TypeVar

    from orchwipy_runtime.local import RunResult
    from orchwipy_runtime.returns import ConditionalReturns, ReturnUpdates

    Place = str | PathLike[str]

    class Clock(Protocol):
        """What tells the time of a local run and waits for its retries; the module `time` is one."""

        def monotonic(self) -> float: ...
        def sleep(self, seconds: float, /) -> object: ...

    Parameters = ParamSpec("Parameters")
    Returned = TypeVar(
        "Returned", bound=ReturnUpdates | ConditionalReturns[Any] | Mapping[str, object], covariant=True
    )

    class Step(Protocol[Parameters, Returned]):
        """A step: the function as its author wrote it, and its handler."""

        __name__: str

        def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned: ...

        @property
        def handler(self) -> Callable[..., Any]:
            """Runs the step with an event, as `Functions.handler` says."""
            ...


__all__ = ["MAX_RETRIES", "MOST_STEPS", "Functions", "MicroFunctions", "Registration"]


class Registration:
    """A step as it was registered: the function and what its decorator said."""

    __slots__ = (
        "default_next",
        "function",
        "name",
        "next_key",
        "signature",
        "template_props",
        "terminates",
    )

    def __init__(
        self,
        name: str,
        function: Callable[..., object],
        *,
        default_next: str | None,
        next_key: str,
        terminates: bool,
        template_props: Mapping[str, object] | None,
    ) -> None:
        self.signature = read_signature(function)
        self.name = name
        self.function = function
        self.default_next = default_next
        self.next_key = next_key or "$next"
        self.terminates = terminates
        self.template_props = template_props


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

    While a step is called, `running_name` is its name, `current_args` the state that it got, `current_retry`
    counts its delayed retries from 0, `idempotency_key` is the same for every call of this step in this run,
    and `current_context` is Lambda's context, None elsewhere.
    """

    running_name: str | None = None
    current_args: dict[str, Any] | None = None
    current_retry: int = 0
    current_context: Any = None
    idempotency_key: str | None = None

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
    ) -> None:
        self.beginner = beginner
        self.debugging = debugging
        self.debug_args_fname = debug_args_fname
        self.log_args = log_args
        self.max_steps_in_run = max_steps_in_run
        self.max_retries = max_retries
        self.clock = clock
        self.journal = journal
        self.steps: dict[str, Registration] = {}
        self._default_next = dict(default_next or {})
        for name, function in (functions or {}).items():
            self._register(name, function, None, "$next", False, None)

    def fn(
        self,
        default_next: str | None = None,
        next_key: str = "$next",
        terminates: bool = False,
        template_props: Mapping[str, object] | None = None,
    ) -> Callable[[Callable[Parameters, Returned]], Step[Parameters, Returned]]:
        """Registers the decorated function as a step of its name and returns it, with its `handler`.

        `default_next` is the step that follows where a return names none, `next_key` the key in which
        returns name it, `terminates` allows the run to end here, `template_props` go to the deployed
        function. A second function of one name replaces the first.
        """

        def register(function: Callable[Parameters, Returned]) -> Step[Parameters, Returned]:
            name = function.__name__
            self._register(name, function, default_next, next_key, terminates, template_props)
            if not hasattr(function, "__self__"):  # a bound method takes no attributes
                function.handler = self.handler(name)  # type: ignore[attr-defined]
            return function  # type: ignore[return-value]

        return register

    def _register(
        self,
        name: str,
        function: Callable[..., object],
        default_next: str | None,
        next_key: str,
        terminates: bool,
        template_props: Mapping[str, object] | None,
    ) -> None:
        self.steps[name] = Registration(
            name,
            function,
            default_next=default_next or self._default_next.get(name),
            next_key=next_key,
            terminates=terminates,
            template_props=template_props,
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
        """What follows the steps whose returns need not name it, by name."""
        return {name: each.default_next for name, each in self.steps.items() if each.default_next}

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

        from orchwipy_runtime.checking import check_graph

        return check_graph(self, start, defaults=warn_default_passing, caller=_getframe(1))

    def save_dot(self, f: TextIO, *, top_node: str | None = None) -> None:
        """Writes the graph of the steps in the DOT language; `top_node` is drawn above all. Needs `lint`."""
        from sys import _getframe

        from orchwipy_runtime.checking import draw

        f.write(draw(self, top=top_node, caller=_getframe(1)))

    def set_log_level(self, level: int) -> None:
        """Sets the level of this package's logger."""
        import logging

        logging.getLogger("orchwipy_runtime").setLevel(level)


class MicroFunctions(Functions):
    """A pipeline of which every step is a Lambda function of its own when it is deployed.

    `template_props` are properties of the steps' functions, by step, besides those that `fn` is given, and
    `other_resource_templates` are resources that are deployed with them, by their logical names.

    `schedule` begins runs of the deployed pipeline by itself: `rate(5 minutes)`, `cron(0 6 * * ? *)`, or
    `at(2030-01-31T06:00:00)`, in the time zone `schedule_timezone` (by default UTC), with the keys of
    `schedule_input`.
    """

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
        template_props: Mapping[str, Mapping[str, object]] | None = None,
        other_resource_templates: Mapping[str, Mapping[str, object]] | None = None,
        schedule: str | None = None,
        schedule_input: Mapping[str, object] | None = None,
        schedule_timezone: str | None = None,
    ) -> None:
        super().__init__(
            beginner=beginner,
            functions=functions,
            default_next=default_next,
            debugging=debugging,
            debug_args_fname=debug_args_fname,
            log_args=log_args,
            max_steps_in_run=max_steps_in_run,
            max_retries=max_retries,
            clock=clock,
            journal=journal,
        )
        self.template_props = dict(template_props or {})
        self.other_resource_templates = dict(other_resource_templates or {})
        self.scheduled: dict[str, Any] | None = None
        if schedule is not None:
            self.scheduled = {
                "expression": schedule,
                "state": schedule_input,
                "timezone": schedule_timezone,
            }

    @classmethod
    def from_functions(cls, fn: Functions, /) -> MicroFunctions:
        """A pipeline with the settings and the steps of another; later registrations are its own."""
        made = cls(
            beginner=fn.beginner,
            debugging=fn.debugging,
            debug_args_fname=fn.debug_args_fname,
            log_args=fn.log_args,
            max_steps_in_run=fn.max_steps_in_run,
            max_retries=fn.max_retries,
            clock=fn.clock,
            journal=fn.journal,
            template_props=getattr(fn, "template_props", None),
            other_resource_templates=getattr(fn, "other_resource_templates", None),
        )
        made.steps = dict(fn.steps)
        made.scheduled = getattr(fn, "scheduled", None)
        return made

    @property
    def is_lambda(self) -> bool:
        """Whether this process is a function on Lambda."""
        from os import environ

        return "AWS_LAMBDA_FUNCTION_NAME" in environ

    def lambda_handler(self, event: object, context: Any) -> dict[str, object]:
        """Delivers an event of Lambda to the step that this function is, and hands off what follows.

        The environment says which step that is: see `orchwipy_runtime.aws.settings`. Returns what became of
        the event; a failure is raised, so that Lambda tries again and in the end tells the failure queue.
        """
        return self._deliver(event, context, None)

    def handler(self, step: str) -> Callable[..., Any]:
        """What takes `(event, context=None)` for a step: on Lambda it delivers, elsewhere it runs."""
        run_from = super().handler(step)

        def handle(event: Mapping[str, Any], context: Any = None) -> Any:
            return self._deliver(event, context, step) if self.is_lambda else run_from(event)

        return handle

    def _deliver(self, event: object, context: Any, step: str | None) -> dict[str, object]:
        from orchwipy_runtime.aws.delivery import deliver
        from orchwipy_runtime.aws.services import services_for

        return deliver(self, event, context, services_for(self.steps, step))
