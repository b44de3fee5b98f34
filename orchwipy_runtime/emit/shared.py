"""What the functions of a stack share: the bucket, the queues, the alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.structure import attribute, copied, ref, sub, tag_list

__all__ = [
    "BUCKET",
    "DELAY_QUEUE",
    "FAILURE_QUEUE",
    "RELAY_TIMEOUT",
    "alarms",
    "bucket",
    "bucket_name",
    "delay_queues",
    "failure_queue",
]

BUCKET = "PayloadBucket"
FAILURE_QUEUE = "FailureQueue"
DELAY_QUEUE = "DelayQueue"
RELAY_TIMEOUT = 30

_DEAD_LETTERS = "DelayDeadLetterQueue"
_TWO_WEEKS = 14 * 24 * 3600
_METRICS = 10
"""The most metrics that one alarm can add up.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.md
"""

Resources = dict[str, dict[str, Any]]


def bucket_name(options: Options) -> Any:
    """The bucket's name, as a value in the template."""
    return ref(BUCKET) if options.creates_bucket else options.existing_bucket


def bucket(options: Options) -> Resources:
    """A private, encrypted bucket whose objects expire; nothing where the bucket is there already."""
    if not options.creates_bucket:
        return {}
    encryption: dict[str, Any] = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    if options.kms_key is not None:
        encryption = {
            "ServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms",
                "KMSMasterKeyID": copied(options.kms_key, "kms_key"),
            },
            "BucketKeyEnabled": True,
        }
    blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    expiry = {
        "Id": "runs",
        "Status": "Enabled",
        "Prefix": sub("${AWS::StackName}/"),
        "ExpirationInDays": options.expiry_days,
    }
    unfinished = {
        "Id": "unfinished-uploads",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    properties: dict[str, Any] = {
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "PublicAccessBlockConfiguration": dict.fromkeys(blocked, True),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "LifecycleConfiguration": {"Rules": [expiry, unfinished]},
        **_tags(options),
    }
    only_tls = {
        "Sid": "OnlyTLS",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [attribute(BUCKET), sub(f"${{{BUCKET}.Arn}}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {
        BUCKET: {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": properties,
        },
        f"{BUCKET}Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": ref(BUCKET),
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [only_tls]},
            },
        },
    }


def failure_queue(options: Options) -> Resources:
    """The queue that gets what no attempt could deliver."""
    return {FAILURE_QUEUE: _queue(options, MessageRetentionPeriod=_TWO_WEEKS)}


def delay_queues(options: Options) -> Resources:
    """The queue of delayed retries, and the one for what the relay could not relay."""
    redrive = {"deadLetterTargetArn": attribute(_DEAD_LETTERS), "maxReceiveCount": 5}
    return {
        _DEAD_LETTERS: _queue(options, MessageRetentionPeriod=_TWO_WEEKS),
        DELAY_QUEUE: _queue(options, VisibilityTimeout=6 * RELAY_TIMEOUT, RedrivePolicy=redrive),
    }


def _queue(options: Options, **properties: object) -> dict[str, Any]:
    key = options.kms_key
    secret = {"SqsManagedSseEnabled": True} if key is None else {"KmsMasterKeyId": copied(key, "kms_key")}
    return {"Type": "AWS::SQS::Queue", "Properties": {**properties, **secret, **_tags(options)}}


def alarms(parts: Sequence[str], options: Options) -> Resources:
    """Alarms on failures that the failure queue could not take; one adds up the functions that it can."""
    made: Resources = {}
    for start in range(0, len(parts), _METRICS):
        name = f"LostFailuresAlarm{start // _METRICS + 1 if len(parts) > _METRICS else ''}"
        metrics: list[dict[str, Any]] = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Lambda",
                        "MetricName": "DestinationDeliveryFailures",
                        "Dimensions": [{"Name": "FunctionName", "Value": sub(f"${{AWS::StackName}}-{part}")}],
                    },
                    "Period": 300,
                    "Stat": "Sum",
                },
                "ReturnData": False,
            }
            for number, part in enumerate(parts[start : start + _METRICS], 1)
        ]
        total = {"Id": "total", "Expression": "SUM(METRICS())", "Label": "lost failures", "ReturnData": True}
        actions = {"AlarmActions": copied(options.alarm_actions, "alarm_actions")}
        made[name] = {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmDescription": "Failures of steps that Lambda could not put into the failure queue",
                "ComparisonOperator": "GreaterThanThreshold",
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "TreatMissingData": "notBreaching",
                **(actions if options.alarm_actions else {}),
                "Metrics": [total, *metrics],
                **_tags(options),
            },
        }
    return made


def _tags(options: Options) -> dict[str, Any]:
    return {"Tags": tag_list(options.tags)} if options.tags else {}
