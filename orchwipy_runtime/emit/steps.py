"""The steps of a plan → the functions that they become, and the relay of delayed retries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchwipy_runtime.emit.functions import Function, common_properties, with_given
from orchwipy_runtime.emit.ids import ALL_STEPS, RELAY, logical_ids
from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.plan import Plan, PlannedStep
from orchwipy_runtime.emit.shared import DELAY_QUEUE, FAILURE_QUEUE, RELAY_TIMEOUT, bucket_name
from orchwipy_runtime.emit.structure import attribute, copied, is_intrinsic, merged
from orchwipy_runtime.errors import InvalidTemplate, UnknownStep, did_you_mean
from orchwipy_runtime.names import ALL_STEPS_PART

__all__ = ["RELAY_PART", "describe_relay", "describe_steps"]

RELAY_PART = "delayed-retries"

_HANDLER = "orchwipy_runtime.aws.handler.handler"
_RELAY_HANDLER = "orchwipy_runtime.aws.relay.handler"
_VISITS = 16
"""How often a chain may come to a function before Lambda stops it.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""
_GREATEST = ("MemorySize", "Timeout")
"""Properties of which a function that is several steps has the greatest."""


def describe_steps(plan: Plan, options: Options) -> list[Function]:
    """The functions of the steps: one each, or one in all."""
    strange = next((name for name in plan.pipe.template_props if name not in plan.pipe.steps), None)
    if strange is not None:
        raise UnknownStep(
            f"template_props of the pipeline has `{strange}`, but no step is called that",
            step=strange,
            help=did_you_mean(strange, plan.pipe.steps),
        )
    base = _base(plan, options)
    if options.functions == "one":
        return [_all_steps(plan, base, options)]
    ids = logical_ids(each.name for each in plan.steps)
    parts = {each.name: each.part for each in plan.steps}
    taken = next((each.name for each in plan.steps if each.part == RELAY_PART and options.relays), None)
    if taken is not None:
        raise InvalidTemplate(
            f"the step `{taken}` would have the name of the relay's function", step=taken, help="rename it"
        )
    return [_step(each, ids[each.name], parts, plan, base, options) for each in plan.steps]


def describe_relay(plan: Plan, options: Options) -> Function:
    """The function that takes delayed retries out of their queue."""
    common = merged(common_properties(options), copied(options.more_params, "more_params"))
    apart = ("Events", "EventInvokeConfig", "Handler", "Policies", "Role")
    kept = {key: value for key, value in common.items() if key not in apart}
    queue = {
        "Queue": attribute(DELAY_QUEUE),
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    properties = {
        "Handler": _RELAY_HANDLER,
        **kept,
        "Timeout": RELAY_TIMEOUT,
        "RecursiveLoop": "Allow",
        "Events": {"Delayed": {"Type": "SQS", "Properties": queue}},
    }
    one = options.functions == "one"
    return Function(
        id=RELAY,
        part=RELAY_PART,
        place="the relay",
        properties=properties,
        invokes=[ALL_STEPS_PART] if one else [each.part for each in plan.steps],
        stores=False,
    )


def _base(plan: Plan, options: Options) -> Any:
    """What all steps' functions begin with, the options for them included."""
    properties = {"Handler": _HANDLER, **common_properties(options)}
    variables: dict[str, Any] = {
        "OrchwipyPipeline": options.pipeline,
        "OrchwipyRequestBucket": bucket_name(options),
    }
    if options.max_steps_in_run is not None:
        variables["OrchwipyMaxStack"] = options.max_steps_in_run
    if options.version is not None:
        variables["OrchwipyVersion"] = options.version
    if not options.journal or options.engine != "direct":
        variables["OrchwipyJournal"] = "off"
    properties = merged(properties, {"Environment": {"Variables": variables}})
    if options.engine == "direct":
        failed = {"Type": "SQS", "Destination": attribute(FAILURE_QUEUE)}
        properties["EventInvokeConfig"] = {
            "MaximumRetryAttempts": options.attempts - 1,
            "DestinationConfig": {"OnFailure": failed},
        }
    if options.policies:
        properties["Policies"] = copied(options.policies, "policies")
    given = {"Environment": {"Variables": options.environment}}
    properties = with_given(properties, given, "the option `environment`")
    return with_given(properties, options.more_params, "the option `more_params`")


def _step(
    step: PlannedStep, logical: str, parts: Mapping[str, str], plan: Plan, base: Any, options: Options
) -> Function:
    place = f"the step `{step.name}`"
    properties = base
    for given in _given(step, plan):
        properties = with_given(properties, given, f"template_props of {place}")
    variables = {"OrchwipyName": step.name}
    direct = options.engine == "direct"
    often = options.relays and plan.pipe.max_retries + 1 >= _VISITS
    properties = _finished(properties, variables, loops=direct and (step.in_loop or often))
    invokes = [part for name, part in parts.items() if name in step.leads_to] if direct else []
    return Function(logical, step.part, place, properties, invokes)


def _all_steps(plan: Plan, base: Any, options: Options) -> Function:
    """One function with what any of the steps needs."""
    wanted: dict[str, Any] = {}
    whose: dict[str, str] = {}
    for step in plan.steps:
        own: dict[str, Any] = {}
        for given in _given(step, plan):
            own = with_given(own, given, f"template_props of the step `{step.name}`")
        _join(wanted, own, step.name, whose, "")
    properties = with_given(base, wanted, "template_props")
    direct = options.engine == "direct"
    hops = direct and any(step.leads_to for step in plan.steps)
    often = options.relays and plan.pipe.max_retries + 1 >= _VISITS
    properties = _finished(properties, {}, loops=hops or often)
    invokes = [ALL_STEPS_PART] if hops else []
    return Function(ALL_STEPS, ALL_STEPS_PART, "the function of all steps", properties, invokes)


def _given(step: PlannedStep, plan: Plan) -> Iterator[Mapping[str, object]]:
    """The properties that the pipeline says of a step, and then those that its decorator says."""
    for given in (plan.pipe.template_props.get(step.name), step.registration.template_props):
        if given:
            yield given


def _finished(properties: Any, variables: Mapping[str, str], *, loops: bool) -> Any:
    """The properties with what follows from all the others."""
    config = properties.get("EventInvokeConfig", {})
    retries = config.get("MaximumRetryAttempts")
    more: dict[str, Any] = {"Environment": {"Variables": dict(variables)}}
    if isinstance(retries, int):
        more["Environment"]["Variables"]["OrchwipyAttempts"] = retries + 1
    if loops and "RecursiveLoop" not in properties:
        more["RecursiveLoop"] = "Allow"
    return merged(properties, more)


def _join(into: dict[str, Any], more: Mapping[str, Any], step: str, whose: dict[str, str], path: str) -> None:
    """Adds what a step wants to what the others want; of two values where one can be, the steps are named."""
    for key, value in more.items():
        place = f"{path}.{key}" if path else key
        if _is_map(value) and _is_map(into.get(key, {})):
            _join(into.setdefault(key, {}), value, step, whose, place)
            continue
        present = into.setdefault(key, value)
        owner = whose.setdefault(place, step)
        if present == value:
            continue
        if isinstance(present, list) and isinstance(value, list) and key != "Architectures":
            present.extend(each for each in value if each not in present)
        elif key in _GREATEST and isinstance(present, int) and isinstance(value, int):
            into[key] = max(present, value)
        else:
            raise InvalidTemplate(
                f"the steps `{owner}` and `{step}` want another {place} each, and one function is both",
                step=step,
                help="let them want the same, or deploy a function for each step",
            )


def _is_map(value: object) -> bool:
    return isinstance(value, dict) and not is_intrinsic(value)
