"""The role of a function: what it may do follows from the graph and from its properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

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
from orchwipy_runtime.emit.structure import attribute, copied, sub, tag_list
from orchwipy_runtime.errors import TemplateTooLarge

if TYPE_CHECKING:
    from orchwipy_runtime.emit.functions import Function

__all__ = ["role_resources"]

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


def role_resources(
    function: Function,
    role_id: str,
    properties: Mapping[str, Any],
    policies: object,
    for_role: Mapping[str, Any],
    options: Options,
) -> dict[str, dict[str, Any]]:
    """The role, and the managed policies with what does not fit into it.

    `policies` are what users give, `for_role` properties of the role itself.
    """
    documents, managed = given_policies(policies, f"Policies of {function.place}")
    if properties.get("VpcConfig"):
        managed.append(sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"))
    own: list[Any] = _statements(function, properties, options)
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
