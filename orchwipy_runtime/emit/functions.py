"""The functions of a stack, each with its role and its log group, in the words of SAM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.roles import role_resources
from orchwipy_runtime.emit.shared import DELAY_QUEUE
from orchwipy_runtime.emit.structure import attribute, copied, is_intrinsic, merged, ref, sub, tag_list
from orchwipy_runtime.errors import InvalidTemplate

__all__ = ["Function", "common_properties", "function_resources", "with_given"]

_OURS = {
    "FunctionName": "the runtime finds functions by names of its own",
    "AutoPublishAlias": "steps hand off to the function itself, and its alias would have the failure queue",
}
_MAPS = ("DeadLetterQueue", "Environment", "EventInvokeConfig", "Events")
_OUR_VARIABLES = ("OrchwipyFunctions", "OrchwipyName", "OrchwipyPipeline", "StackName")
_OF_ROLE = {
    "AssumeRolePolicyDocument": "AssumeRolePolicyDocument",
    "PermissionsBoundary": "PermissionsBoundary",
    "RolePath": "Path",
}
"""What SAM takes as properties of a function, and is of its role."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function to describe.

    `id` begins its logical ids, and `part` ends its name. It `invokes` functions with these parts, and
    `stores` says whether it uses the bucket; `properties` are SAM's, with Policies and all. People know it
    by `place`.
    """

    id: str
    part: str
    place: str
    properties: Mapping[str, Any]
    invokes: Sequence[str]
    stores: bool = True


def common_properties(options: Options) -> dict[str, Any]:
    """The properties that all functions begin with."""
    variables: dict[str, Any] = {"StackName": ref("AWS::StackName")}
    properties: dict[str, Any] = {
        "CodeUri": options.code,
        "Runtime": options.runtime,
        "Architectures": [options.architecture],
        "Timeout": options.timeout,
    }
    if options.memory is not None:
        properties["MemorySize"] = options.memory
    if options.layers:
        properties["Layers"] = [
            each if each.startswith("arn:") else ref(each) for each in copied(options.layers, "layers")
        ]
    if options.kms_key is not None:
        properties["KmsKeyArn"] = copied(options.kms_key, "kms_key")
    if options.subnets:
        properties["VpcConfig"] = {
            "SubnetIds": copied(options.subnets, "subnets"),
            "SecurityGroupIds": copied(options.security_groups, "security_groups"),
        }
    if options.tracing:
        properties["Tracing"] = "Active"
    if options.reserved_concurrency is not None:
        properties["ReservedConcurrentExecutions"] = options.reserved_concurrency
    if options.tags:
        properties["Tags"] = dict(options.tags)
    if options.functions == "one":
        variables["OrchwipyFunctions"] = "one"
    if options.relays:
        variables["DelayQueueURL"] = ref(DELAY_QUEUE)
    properties["Environment"] = {"Variables": variables}
    return properties


def with_given(properties: Any, given: Mapping[str, object], place: str) -> Any:
    """The properties of a function, and what somebody wants besides or instead."""
    for name, why in _OURS.items():
        if name in given:
            raise InvalidTemplate(f"{place} sets {name}, which cannot be set: {why}")
    for name in _MAPS:
        if not isinstance(given.get(name, {}), Mapping):
            raise InvalidTemplate(f"{place} sets {name} to what is no map")
    environment = given.get("Environment")
    variables = environment.get("Variables") if isinstance(environment, Mapping) else None
    for name in _OUR_VARIABLES:
        if isinstance(variables, Mapping) and name in variables:
            raise InvalidTemplate(
                f"{place} sets the variable {name}, by which a function knows which step it is"
            )
    own = copied(given, place)
    if "Policies" in own and not isinstance(own["Policies"], list):
        own["Policies"] = [own["Policies"]]
    return merged(properties, own)


def function_resources(function: Function, options: Options) -> dict[str, dict[str, Any]]:
    """The role, the log group, and the function."""
    properties = copied(function.properties, function.place)
    role_id, group_id = f"{function.id}Role", f"{function.id}LogGroup"
    resources: dict[str, dict[str, Any]] = {}
    policies = properties.pop("Policies", [])
    for_role = {name: properties.pop(key) for key, name in _OF_ROLE.items() if key in properties}
    if "Role" not in properties:
        resources |= role_resources(function, role_id, properties, policies, for_role, options)
        properties["Role"] = attribute(role_id)
    elif policies:
        raise InvalidTemplate(
            f"{function.place} has both Role and Policies", help="give the policies to that role, or no role"
        )
    key = {} if options.kms_key is None else {"KmsKeyId": copied(options.kms_key, "kms_key")}
    tags = {"Tags": tag_list(options.tags)} if options.tags else {}
    group = {
        "LogGroupName": sub(f"/aws/lambda/${{AWS::StackName}}-{function.part}"),
        "RetentionInDays": options.retention_days,
        **key,
        **tags,
    }
    resources[group_id] = {"Type": "AWS::Logs::LogGroup", "Properties": group}
    logging = {"LogFormat": "JSON", "LogGroup": ref(group_id)}
    named = {"FunctionName": sub(f"${{AWS::StackName}}-{function.part}")}
    properties["LoggingConfig"] = merged(logging, properties.get("LoggingConfig", {}))
    _as_text(properties)
    resources[f"{function.id}Function"] = {
        "Type": "AWS::Serverless::Function",
        "Properties": {**named, **properties},
    }
    return resources


def _as_text(properties: dict[str, Any]) -> None:
    """Makes text of numbers among the variables of the environment, which Lambda wants so."""
    variables = properties.get("Environment", {}).get("Variables")
    if isinstance(variables, dict) and not is_intrinsic(variables):
        for name, value in variables.items():
            if isinstance(value, bool):
                variables[name] = "true" if value else "false"
            elif isinstance(value, int | float):
                variables[name] = str(value)
