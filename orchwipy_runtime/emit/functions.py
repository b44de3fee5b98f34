"""The functions of a stack, each with its role and its log group, in the words of SAM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.permissions import (
    MOST_INLINE,
    allow,
    given_policies,
    invocations,
    policy_size,
    split_by_size,
)
from orchwipy_runtime.emit.shared import DELAY_QUEUE, bucket_name
from orchwipy_runtime.emit.structure import attribute, copied, is_intrinsic, merged, ref, sub, tag_list
from orchwipy_runtime.errors import InvalidTemplate, TemplateTooLarge

__all__ = ["Function", "common_properties", "function_resources", "listed_policies", "with_given"]

_OURS = {
    "FunctionName": "the runtime finds functions by names of its own",
    "AutoPublishAlias": "steps hand off to the function itself, and its alias would have the failure queue",
}
_OUR_VARIABLES = ("OrchwipyFunctions", "OrchwipyName", "OrchwipyPipeline", "StackName")
_OF_ROLE = {
    "AssumeRolePolicyDocument": "AssumeRolePolicyDocument",
    "PermissionsBoundary": "PermissionsBoundary",
    "RolePath": "Path",
}
"""What SAM takes as properties of a function, and is of its role."""

_SENDING = {
    "EventBridge": "events:PutEvents",
    "Lambda": "lambda:InvokeFunction",
    "SNS": "sns:Publish",
    "SQS": "sqs:SendMessage",
}
"""Where Lambda sends what became of an event, and the right that the function needs for that."""

_POLLING = {
    "SQS": ("Queue", ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]),
    "Kinesis": (
        "Stream",
        [
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
        ],
    ),
    "DynamoDB": (
        "Stream",
        [
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        ],
    ),
}
"""Events for which Lambda polls with the function's role: the property with the ARN, and the rights."""


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
    environment = given.get("Environment")
    variables = environment.get("Variables") if isinstance(environment, Mapping) else None
    for name in _OUR_VARIABLES:
        if isinstance(variables, Mapping) and name in variables:
            raise InvalidTemplate(
                f"{place} sets the variable {name}, by which a function knows which step it is"
            )
    return merged(properties, listed_policies(copied(given, place)))


def listed_policies(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties with Policies as a list, also where one stands alone."""
    policies = properties.get("Policies", [])
    return properties if isinstance(policies, list) else {**properties, "Policies": [policies]}


def function_resources(function: Function, options: Options) -> dict[str, dict[str, Any]]:
    """The role, the log group, and the function."""
    properties = copied(function.properties, function.place)
    role_id, group_id = f"{function.id}Role", f"{function.id}LogGroup"
    resources: dict[str, dict[str, Any]] = {}
    policies = properties.pop("Policies", [])
    for_role = {name: properties.pop(key) for key, name in _OF_ROLE.items() if key in properties}
    if "Role" not in properties:
        statements = _statements(function, properties, options)
        resources |= _role(function, role_id, statements, policies, for_role, properties, options)
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


def _statements(
    function: Function, properties: Mapping[str, Any], options: Options
) -> list[dict[str, object]]:
    statements = [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], attribute(f"{function.id}LogGroup")),
    ]
    if function.stores:
        statements += _of_bucket(options)
    sends: dict[str, list[Any]] = {"sqs:SendMessage": [attribute(DELAY_QUEUE)]} if options.relays else {}
    destinations = properties.get("EventInvokeConfig", {}).get("DestinationConfig", {}).values()
    for each in (*destinations, properties.get("DeadLetterQueue", {})):
        if each.get("Type") in _SENDING:
            sends.setdefault(_SENDING[each["Type"]], []).append(
                each.get("Destination", each.get("TargetArn"))
            )
    statements += [allow([action], targets) for action, targets in sends.items()]
    keys = [options.kms_key, properties.get("KmsKeyArn")]
    needed = [key for number, key in enumerate(keys) if key is not None and key not in keys[:number]]
    if needed:
        statements.append(allow(["kms:Decrypt", "kms:GenerateDataKey"], copied(needed, "kms_key")))
    if properties.get("Tracing") not in (None, "PassThrough", "Disabled"):
        statements.append(allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"))
    for event in properties.get("Events", {}).values():
        source, actions = _POLLING.get(event.get("Type"), ("", []))
        arn = event.get("Properties", {}).get(source)
        if arn is not None:
            statements.append(allow(actions, arn))
    return statements


def _of_bucket(options: Options) -> Iterable[dict[str, object]]:
    if options.creates_bucket:
        bucket: Any = attribute(bucket_name(options)["Ref"])
        objects = f"${{{bucket_name(options)['Ref']}.Arn}}/"
    else:
        name = options.existing_bucket
        arn = f"arn:${{AWS::Partition}}:s3:::{name if isinstance(name, str) else f'${{{options.bucket}}}'}"
        bucket, objects = sub(arn), f"{arn}/"
    # S3 says of an object that is not there that it is not, where its key is within what may be listed.
    within = {"StringLike": {"s3:prefix": sub("${AWS::StackName}/*")}}
    return (
        allow(["s3:GetObject", "s3:PutObject"], sub(f"{objects}${{AWS::StackName}}/*")),
        allow(["s3:ListBucket"], bucket, Condition=within),
    )


def _role(
    function: Function,
    role_id: str,
    statements: Sequence[dict[str, object]],
    policies: object,
    for_role: Mapping[str, Any],
    properties: Mapping[str, Any],
    options: Options,
) -> dict[str, dict[str, Any]]:
    documents, managed = given_policies(policies, f"Policies of {function.place}")
    if properties.get("VpcConfig"):
        managed.append(sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"))
    own: list[Any] = list(statements)
    apart: list[dict[str, Any]] = []
    if function.invokes:
        invoking = invocations(function.invokes)
        if sum(map(policy_size, (*own, invoking, *documents))) + 200 > MOST_INLINE:
            apart = list(split_by_size(invoking, role_id, function.place))
        else:
            own.append(invoking)
    documents.insert(0, {"Version": "2012-10-17", "Statement": own})
    size = sum(map(policy_size, documents))
    if size > MOST_INLINE:
        raise TemplateTooLarge(
            f"the policies of {function.place} may have {size:,} characters, and IAM takes {MOST_INLINE:,}",
            help="put what is long into a managed policy, and give its ARN",
        )
    lambda_may = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
    role: dict[str, Any] = {"AssumeRolePolicyDocument": lambda_may, **for_role}
    if managed:
        role["ManagedPolicyArns"] = managed
    names = ["orchwipy", *(f"given-{number}" for number in range(1, len(documents)))]
    role["Policies"] = [
        {"PolicyName": name, "PolicyDocument": document}
        for name, document in zip(names, documents, strict=True)
    ]
    if options.tags:
        role["Tags"] = tag_list(options.tags)
    return {
        role_id: {"Type": "AWS::IAM::Role", "Properties": role},
        **{f"{function.id}Invocations{number}": each for number, each in enumerate(apart, 1)},
    }
