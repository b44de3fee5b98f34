"""A plan → the text of a template for SAM or CloudFormation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from orchwipy_runtime.emit.functions import Function, function_resources
from orchwipy_runtime.emit.limits import (
    INLINE,
    check_environment,
    check_names,
    check_size,
    check_template,
    room_for_stack,
)
from orchwipy_runtime.emit.machine import STATE_MACHINE, state_machine_resources
from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.plain import PARAMETERS, without_transform
from orchwipy_runtime.emit.plan import Plan, check_direct
from orchwipy_runtime.emit.references import check_circles, check_targets, made_by_sam, unknown_names
from orchwipy_runtime.emit.schedule import schedule_resources
from orchwipy_runtime.emit.shared import (
    FAILURE_QUEUE,
    alarms,
    bucket,
    bucket_name,
    delay_queues,
    failure_queue,
)
from orchwipy_runtime.emit.steps import describe_relay, describe_steps
from orchwipy_runtime.emit.structure import attribute, copied, ref, replaced
from orchwipy_runtime.emit.yaml import to_yaml
from orchwipy_runtime.errors import InvalidTemplate

__all__ = ["make_template", "render_template"]

_CODE_PATH = re.compile(r"(?<!\$)\{code_path\}")


def render_template(plan: Plan, options: Options) -> str:
    """The template as YAML: the same text for the same plan and options.

    Raises InvalidTemplate, or one below it, for what AWS would not take.
    """
    template = make_template(plan, options)
    sections = {key: value for key, value in template.items() if value}
    text = to_yaml(sections, _header(plan, options))
    if len(text.encode()) > INLINE:
        hint = f"larger than {INLINE:,} bytes: deploy it by `sam deploy`, or by way of S3"
        text = to_yaml(sections, (*_header(plan, options), hint))
    check_size(text)
    return text


def make_template(plan: Plan, options: Options) -> dict[str, Any]:
    """The template as data."""
    if options.engine == "direct":
        check_direct(plan)
    functions = describe_steps(plan, options)
    entry = _entry(plan, functions)
    relays = [describe_relay(plan, options)] if options.relays else []
    parts = [each.part for each in (*functions, *relays)]
    check_names(parts, options)
    resources = _resources(plan, options, functions, relays)
    others = _others(plan, options)
    ours = {*resources, *made_by_sam({"Resources": resources})}
    taken = next((name for name in others if name in ours), None)
    if taken is not None:
        raise InvalidTemplate(
            f"other_resource_templates has `{taken}`, which is the name of a resource of the pipeline",
            help="give it another name",
        )
    resources |= others
    plain = options.format == "cloudformation"
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        **({} if plain else {"Transform": "AWS::Serverless-2016-10-31"}),
        "Description": _description(plan, parts),
        "Parameters": _given_parameters(options),
        "Resources": without_transform(resources) if plain else resources,
        "Outputs": _outputs(entry, options, scheduled=plan.pipe.scheduled is not None),
    }
    for name in unknown_names(template):
        described = {"Description": PARAMETERS[name]} if plain and name in PARAMETERS else {}
        template["Parameters"][name] = {"Type": "String", **described}
    check_targets(template)
    check_template(template, options)
    check_circles(template)
    return template


def _resources(
    plan: Plan, options: Options, functions: Sequence[Function], relays: Sequence[Function]
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for function in functions:
        check_environment(function.place, function.properties)
        made |= function_resources(function, options)
    made |= bucket(options)
    direct, scheduled = options.engine == "direct", plan.pipe.scheduled is not None
    if direct or scheduled:
        made |= failure_queue(options)
    if direct:
        made |= alarms([each.part for each in functions], options)
    else:
        made |= state_machine_resources(plan, options)
    if scheduled:
        begins = f"{_entry(plan, functions).id}Function" if direct else STATE_MACHINE
        made |= schedule_resources(plan, begins, options)
    if options.relays:
        made |= delay_queues(options)
    for function in relays:
        made |= function_resources(function, options)
    return _with_code_path(made, options)


def _others(plan: Plan, options: Options) -> dict[str, Any]:
    others = {
        name: copied(resource, f"the resource `{name}` of other_resource_templates")
        for name, resource in plan.pipe.other_resource_templates.items()
    }
    return _with_code_path(others, options)


def _with_code_path(resources: dict[str, Any], options: Options) -> dict[str, Any]:
    path = options.code if options.code_path is None else options.code_path
    return {
        name: replaced(resource, lambda text: _CODE_PATH.sub(lambda _: path, text))
        for name, resource in resources.items()
    }


def _given_parameters(options: Options) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for each in options.parameters:
        if isinstance(each, str):
            made.setdefault(each, {"Type": "String"})
        else:
            name, default = each
            text = str(default).lower() if isinstance(default, bool) else str(default)
            made[name] = {"Type": "String", "Default": text}
    return made


def _description(plan: Plan, parts: Sequence[str]) -> str:
    steps = "1 step" if len(plan.steps) == 1 else f"{len(plan.steps):,} steps"
    return f"The pipeline {plan.name}, {steps}. The stack's name may have {room_for_stack(parts)} characters."


def _entry(plan: Plan, functions: Sequence[Function]) -> Function:
    """The function of the step that runs begin with."""
    steps = zip(functions, plan.steps, strict=False)
    return next((each for each, step in steps if step.name == plan.beginner), functions[0])


def _outputs(entry: Function, options: Options, *, scheduled: bool) -> dict[str, dict[str, Any]]:
    made: dict[str, Any] = {"PipelineEntryLambdaArn": attribute(f"{entry.id}Function")}
    if options.engine == "direct" or scheduled:
        made["FailureQueueUrl"] = ref(FAILURE_QUEUE)
    if options.engine != "direct":
        made["StateMachine"] = ref(STATE_MACHINE)
    made["Bucket"] = bucket_name(options)
    return {name: {"Value": value} for name, value in made.items()}


def _header(plan: Plan, options: Options) -> tuple[str, ...]:
    from orchwipy_lint import __version__

    source = options.source or options.pipeline.partition(":")[0]
    functions = "one function" if options.functions == "one" else "a function a step"
    return (
        f"Made by orchwipy {__version__} from {source}, pipeline {plan.name}: change the code, not this.",
        f"format {options.format}, engine {options.engine}, {functions}",
    )
