"""A step as a function, and as a task of a state machine of somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchwipy_runtime.cdk.home import Home
from orchwipy_runtime.cdk.values import tokens
from orchwipy_runtime.emit.functions import function_resources
from orchwipy_runtime.emit.plain import without_transform
from orchwipy_runtime.emit.plan import Plan, PlannedStep
from orchwipy_runtime.emit.shared import BUCKET
from orchwipy_runtime.emit.steps import describe_steps
from orchwipy_runtime.emit.tasks import Tasks
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.names import part_of
from orchwipy_runtime.pipeline import Functions

__all__ = ["aws_lambda", "role_of", "task"]

_ENI = "service-role/AWSLambdaENIManagementAccess"
_OURS = ("Code", "Environment", "FunctionName", "Handler", "LoggingConfig", "Role", "Runtime")
_SECONDS = "Timeout"
_MEMORY = "MemorySize"


def aws_lambda(pipe: Functions, step: str, scope: Any, *, bucket: Any = None, **props: Any) -> Any:
    """The step's function in this scope, an `aws_cdk.aws_lambda.Function`; made at the first call.

    `bucket` is for states that are too large for an event; by default the pipeline gets one. `props` are the
    properties of the function, as the CDK names them; they come before those of `template_props`. Without
    `code` the folder of the program is packaged, without Docker.
    """
    from aws_cdk import Duration, aws_logs
    from aws_cdk import aws_lambda as awslambda

    home = Home(pipe, scope)
    described = _described(home, step)
    name = f"{described.id}Function"
    function = home.find(name)
    if function is not None:
        if props or bucket is not None:
            raise InvalidSetting(
                f"the function of `{step}` is there already, and cannot be given {_listed(props, bucket)}",
                step=step,
                help="give it where the function is made: at the first of aws_lambda(...), task(...) and "
                "state_machine(...) in this scope",
            )
        return function
    made = without_transform(function_resources(described, home.options))
    role_id, group_id = f"{described.id}Role", f"{described.id}LogGroup"
    strange = made.keys() - {name, role_id, group_id}
    if strange:
        raise InvalidSetting(
            f"template_props of the step `{step}` ask for more than a function: {min(strange)}",
            step=step,
            help="with the CDK give event sources and the like to the function: "
            f"{step}.aws_lambda(scope).add_event_source(...)",
        )
    bucket = bucket or home.bucket()
    group = aws_logs.LogGroup(home.construct, group_id, retention=aws_logs.RetentionDays.ONE_MONTH)
    known = {
        BUCKET: bucket.bucket_name,
        f"{BUCKET}.Arn": bucket.bucket_arn,
        f"{group_id}.Arn": group.log_group_arn,
    }
    properties = tokens(made[name]["Properties"], known)
    given: dict[str, Any] = {
        "architecture": awslambda.Architecture.custom(properties.pop("Architectures")[0]),
        "handler": properties["Handler"],
        "log_group": group,
        "logging_format": awslambda.LoggingFormat.JSON,
        "memory_size": properties.pop(_MEMORY, None),
        "runtime": awslambda.Runtime(properties["Runtime"], awslambda.RuntimeFamily.PYTHON),
        "timeout": Duration.seconds(properties.pop(_SECONDS)),
        **props,
        "environment": {**properties["Environment"]["Variables"], **props.get("environment", {})},
    }
    if role_id in made and "role" not in props:
        given["role"] = role_of(home, role_id, tokens(made[role_id]["Properties"], known))
        if "vpc" in props:
            from aws_cdk import aws_iam

            given["role"].add_managed_policy(aws_iam.ManagedPolicy.from_aws_managed_policy_name(_ENI))
        if bucket.encryption_key is not None:
            bucket.encryption_key.grant_encrypt_decrypt(given["role"])
    given.setdefault("code", None)
    given["code"] = given["code"] or home.code()
    function = awslambda.Function(home.construct, name, **given)
    for key, value in properties.items():
        if key not in _OURS:
            function.node.default_child.add_property_override(key, value)
    return function


def role_of(home: Home, name: str, properties: Mapping[str, Any]) -> Any:
    """A role with the properties that it has in a template, to which the app may add."""
    from aws_cdk import aws_iam

    (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
    conditions = trust.get("Condition")
    role = aws_iam.Role(
        home.construct,
        name,
        assumed_by=aws_iam.ServicePrincipal(trust["Principal"]["Service"], conditions=conditions),
        inline_policies={
            each["PolicyName"]: aws_iam.PolicyDocument.from_json(each["PolicyDocument"])
            for each in properties["Policies"]
        },
        managed_policies=[
            aws_iam.ManagedPolicy.from_managed_policy_arn(home.construct, f"{name}Managed{number}", arn)
            for number, arn in enumerate(properties.get("ManagedPolicyArns", []), 1)
        ],
    )
    apart = {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies"}
    for key in properties.keys() - apart:
        role.node.default_child.add_property_override(key, properties[key])
    return role


def task(
    pipe: Functions, step: str, scope: Any, *, name: str | None = None, attempts: int = 3, **props: Any
) -> Any:
    """The step as an `aws_stepfunctions_tasks.LambdaInvoke`, to go into a state machine of the app's own.

    The state called `name`, by default as the step is, gets the run's state and gives the one that follows.
    `props` are for the function, as in `aws_lambda`.
    """
    from aws_cdk import Duration
    from aws_cdk import aws_stepfunctions as sfn
    from aws_cdk import aws_stepfunctions_tasks as tasks

    sent = {
        "step": step,
        "run": sfn.JsonPath.string_at("$$.Execution.Name"),
        "retry": sfn.JsonPath.number_at("$$.State.RetryCount"),
        "event": sfn.JsonPath.object_at("$"),
        "branches": [],
    }
    function = aws_lambda(pipe, step, scope, **props)
    function.add_environment("OrchwipyAttempts", str(attempts))
    made = tasks.LambdaInvoke(
        scope,
        name or step,
        lambda_function=function,
        payload=sfn.TaskInput.from_object({KEY: {"states": sent}}),
        output_path="$.Payload.event",
        retry_on_service_exceptions=False,
    )
    as_ours = Tasks(function_arn=str, machine_arn="", partition="aws", attempts=attempts, express=False)
    for each in as_ours.task(step)["Retry"]:
        often = {"max_attempts": each["MaxAttempts"]}
        if each["MaxAttempts"]:
            often |= {
                "interval": Duration.seconds(each["IntervalSeconds"]),
                "backoff_rate": each["BackoffRate"],
                "max_delay": Duration.seconds(each["MaxDelaySeconds"]),
                "jitter_strategy": sfn.JitterType(each["JitterStrategy"]),
            }
        made.add_retry(errors=each["ErrorEquals"], **often)
    return made


def _described(home: Home, step: str) -> Any:
    """The function that the step becomes where a state machine goes from step to step."""
    planned = PlannedStep(
        name=step,
        part=part_of(step),
        registration=home.pipe.steps[step],
        successors=(),
        unresolved=False,
        ends=True,
        in_loop=False,
    )
    (described,) = describe_steps(Plan(home.name, home.pipe, (planned,), ()), home.options)
    return described


def _listed(props: Mapping[str, Any], bucket: Any) -> str:
    names = [*props, *(["bucket"] if bucket is not None else [])]
    return ", ".join(f"`{each}`" for each in names)
