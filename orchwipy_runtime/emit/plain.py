"""Functions in the words of SAM → resources that CloudFormation takes without a transform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchwipy_runtime.emit.structure import is_intrinsic, ref, tag_list
from orchwipy_runtime.errors import InvalidTemplate

__all__ = ["PARAMETERS", "without_transform"]

PARAMETERS = {
    "CodeBucket": "The bucket with the archive of the code",
    "CodeKey": "The key of the archive in that bucket",
}

_SOURCES = {"SQS": "Queue", "Kinesis": "Stream", "DynamoDB": "Stream"}
_ONLY_SAM = frozenset(
    {
        "AutoPublishCodeSha256",
        "DeploymentPreference",
        "FunctionUrlConfig",
        "ImageUri",
        "ProvisionedConcurrencyConfig",
        "VersionDescription",
    }
)


def without_transform(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The resources, with SAM's functions written out; other resources of SAM are refused."""
    made: dict[str, dict[str, Any]] = {}
    for name, resource in resources.items():
        kind = str(resource.get("Type"))
        if kind == "AWS::Serverless::Function":
            made |= _function(name, resource)
        elif kind.startswith("AWS::Serverless::"):
            raise InvalidTemplate(
                f"the resource `{name}` is an {kind}, which plain CloudFormation does not have",
                help="use the format sam, or describe it by CloudFormation's own resources",
            )
        else:
            made[name] = dict(resource)
    return made


def _function(name: str, resource: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    given = dict(resource["Properties"])
    strange = sorted(_ONLY_SAM & given.keys())
    if strange:
        raise InvalidTemplate(
            f"the function `{name}` has the property {strange[0]}, which plain CloudFormation does not have",
            help="use the format sam",
        )
    events: Mapping[str, Any] = given.pop("Events", {})
    invocation = given.pop("EventInvokeConfig", None)
    properties: dict[str, Any] = {}
    for key, value in given.items():
        if key == "CodeUri":
            properties["Code"] = _code(value)
        elif key == "InlineCode":
            properties["Code"] = {"ZipFile": value}
        elif key == "Tracing":
            properties["TracingConfig"] = {"Mode": value}
        elif key == "DeadLetterQueue":
            properties["DeadLetterConfig"] = {"TargetArn": value["TargetArn"]}
        elif key == "Tags" and isinstance(value, Mapping) and not is_intrinsic(value):
            properties["Tags"] = tag_list(value)
        else:
            properties[key] = value
    made: dict[str, dict[str, Any]] = {
        name: {**resource, "Type": "AWS::Lambda::Function", "Properties": properties}
    }
    if invocation is not None:
        made[f"{name}EventInvokeConfig"] = _invocation(name, invocation)
    for event, described in events.items():
        made[f"{name}{event}"] = _mapping(name, event, described)
    return made


def _code(place: object) -> dict[str, Any]:
    if isinstance(place, Mapping):
        names = {"Bucket": "S3Bucket", "Key": "S3Key", "Version": "S3ObjectVersion"}
        return {names.get(str(key), str(key)): value for key, value in place.items()}
    bucket, key = PARAMETERS
    return {"S3Bucket": ref(bucket), "S3Key": ref(key)}


def _invocation(function: str, given: Mapping[str, Any]) -> dict[str, Any]:
    properties = {"FunctionName": ref(function), "Qualifier": "$LATEST", **given}
    if "DestinationConfig" in given:
        properties["DestinationConfig"] = {
            when: {"Destination": where["Destination"]} for when, where in given["DestinationConfig"].items()
        }
    return {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": properties}


def _mapping(function: str, event: str, described: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(described.get("Type"))
    if kind not in _SOURCES:
        raise InvalidTemplate(
            f"the event `{event}` of `{function}` is of the type {kind}, which only SAM has",
            help="use the format sam, or describe its resources in other_resource_templates",
        )
    properties = dict(described.get("Properties", {}))
    source = properties.pop(_SOURCES[kind])
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {"FunctionName": ref(function), "EventSourceArn": source, **properties},
    }
