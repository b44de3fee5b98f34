"""The pipeline object of which the steps are Lambda functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchwipy_runtime.pipeline import MAX_RETRIES, Functions
from orchwipy_runtime.step import late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.pipeline import Clock, Place

__all__ = ["MicroFunctions"]


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
        powertools: bool = False,
        model: type[Any] | None = None,
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
            powertools=powertools,
            model=model,
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
            powertools=fn.powertools,
            model=fn.entry_model,
        )
        from copy import copy

        made.steps = {name: copy(each) for name, each in fn.steps.items()}
        made.composed = dict(fn.composed)
        made.scheduled = getattr(fn, "scheduled", None)
        return made

    def state_machine(
        self,
        scope: Any,
        *,
        express: bool = False,
        attempts: int = 3,
        timeout: Any = None,
        tracing: bool = False,
        bucket: Any = None,
        **props: Any,
    ) -> Any:
        """The pipeline as a state machine in an app of the AWS CDK, with its functions. Needs `cdk`.

        `express` makes an express machine, `attempts` is how often a step is tried in all, `timeout`, in
        seconds or as a Duration, is for a whole run, and `tracing` has machine and functions traced by X-Ray.
        `bucket` and `props` are for those functions that `aws_lambda` of a step did not make before.
        """
        if bucket is not None:
            props["bucket"] = bucket
        return late("cdk.machine").state_machine(
            self, scope, express=express, attempts=attempts, timeout=timeout, tracing=tracing, **props
        )

    def schedule(
        self,
        scope: Any,
        *,
        expression: str | None = None,
        minute: object = None,
        hour: object = None,
        day: object = None,
        month: object = None,
        week_day: object = None,
        year: object = None,
        timezone: str | None = None,
        state: Mapping[str, object] | None = None,
        name: str = "Schedule",
    ) -> Any:
        """Begins runs of the state machine by itself, which is made if there is none in this scope yet.

        When: by an expression, or by fields of cron, of which those that are not given are any, or 0 where
        something longer is given; without either as `schedule=` of the pipeline says. Runs begin with the
        keys of `state`. Several schedules have a `name` each. Needs `cdk`.
        """
        fields = {
            "minute": minute,
            "hour": hour,
            "day": day,
            "month": month,
            "week_day": week_day,
            "year": year,
        }
        given = {key: value for key, value in fields.items() if value is not None}
        return late("cdk.machine").schedule(
            self, scope, name=name, expression=expression, timezone=timezone, state=state, **given
        )

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
