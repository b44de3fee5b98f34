"""The pipeline object: the steps that its decorator adds to it, and how it is run on this machine.

What runs it is loaded at the first run: declaring needs neither JSON nor logging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchwipy_runtime.declarations import read_signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any, Protocol, TextIO, TypeVar

    from orchwipy_runtime.local import RunResult
    from orchwipy_runtime.returns import ConditionalReturns, ReturnUpdates

    Place = str | PathLike[str]

    class Clock(Protocol):
        """What tells the time of a local run and waits for its retries; the module `time` is one."""

        def monotonic(self) -> float: ...
        def sleep(self, seconds: float, /) -> object: ...

    StepFunction = TypeVar(
        "StepFunction", bound=Callable[..., ReturnUpdates | ConditionalReturns[Any] | Mapping[str, object]]
    )

__all__ = ["Functions", "MicroFunctions", "Registration"]


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
        function: Callable[..., object],
        *,
        default_next: str | None,
        next_key: str,
        terminates: bool,
        template_props: Mapping[str, object] | None,
    ) -> None:
        self.signature = read_signature(function)
        self.name: str = function.__name__
        self.function = function
        self.default_next = default_next
        self.next_key = next_key or "$next"
        self.terminates = terminates
        self.template_props = template_props


_FAILED_RUN = "orchwipy-failed-run.json"


class Functions:
    """A pipeline whose runs begin at the step `beginner`.

    `steps` holds what was registered, by name, in the order of registration. A run that fails is saved in
    the file `debug_args_fname`, or, with `debugging`, in the current directory. `log_args` is a file that
    gets a line of JSON for each call of a step, with the state that it got. `max_steps_in_run` is the most
    steps that a run takes (by default what the environment variable OrchwipyMaxStack says, else 25), and
    `max_retries` how often one step may ask to be tried again. `clock` stands for the module `time`.
    """

    def __init__(
        self,
        *,
        beginner: str,
        debugging: bool = False,
        debug_args_fname: Place | None = None,
        log_args: Place | None = None,
        max_steps_in_run: int | None = None,
        max_retries: int = 4,
        clock: Clock | None = None,
    ) -> None:
        self.beginner = beginner
        self.debugging = debugging
        self.debug_args_fname = debug_args_fname
        self.log_args = log_args
        self.max_steps_in_run = max_steps_in_run
        self.max_retries = max_retries
        self.clock = clock
        self.steps: dict[str, Registration] = {}

    def fn(
        self,
        default_next: str | None = None,
        next_key: str = "$next",
        terminates: bool = False,
        template_props: Mapping[str, object] | None = None,
    ) -> Callable[[StepFunction], StepFunction]:
        """Registers the decorated function as a step of its name and returns it unchanged.

        `default_next` is the step that follows where a return names none, `next_key` the key in which
        returns name it, `terminates` allows the run to end here, `template_props` go to the deployed
        function. A second function of one name replaces the first.
        """

        def register(function: StepFunction) -> StepFunction:
            self.steps[function.__name__] = Registration(
                function,
                default_next=default_next,
                next_key=next_key,
                terminates=terminates,
                template_props=template_props,
            )
            return function

        return register

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
        from orchwipy_runtime.local import perform, read_saved_run

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

    `other_resource_templates` are resources that are deployed with it, by their logical names.
    """

    def __init__(
        self,
        *,
        beginner: str,
        debugging: bool = False,
        debug_args_fname: Place | None = None,
        log_args: Place | None = None,
        max_steps_in_run: int | None = None,
        max_retries: int = 4,
        clock: Clock | None = None,
        other_resource_templates: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(
            beginner=beginner,
            debugging=debugging,
            debug_args_fname=debug_args_fname,
            log_args=log_args,
            max_steps_in_run=max_steps_in_run,
            max_retries=max_retries,
            clock=clock,
        )
        self.other_resource_templates = dict(other_resource_templates or {})

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
            other_resource_templates=getattr(fn, "other_resource_templates", None),
        )
        made.steps = dict(fn.steps)
        return made
