"""What AWS takes at most, each checked before AWS refuses it in its own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.structure import is_intrinsic
from orchwipy_runtime.errors import InvalidSetting, TemplateTooLarge

__all__ = [
    "INLINE",
    "check_environment",
    "check_names",
    "check_size",
    "check_template",
    "count_resources",
    "room_for_stack",
]

INLINE = 51_200
"""Bytes of a template that is sent as it is; a larger one is uploaded to S3 first.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""
_BODY = 1_000_000
_RESOURCES = 500
_PARAMETERS = 200
_OUTPUTS = 200
_FUNCTION_NAME = 64
_ENVIRONMENT = 4_096
_STACK = re.compile("[A-Za-z][A-Za-z0-9-]{0,127}")

_API = frozenset({"Api", "HttpApi"})
_MAPPED = frozenset({"SQS", "Kinesis", "DynamoDB", "MSK", "MQ", "SelfManagedKafka", "DocumentDB"})


def room_for_stack(parts: Iterable[str]) -> int:
    """How many characters the stack's name may have, so that no function's name is too long."""
    return _FUNCTION_NAME - 1 - max(map(len, parts))


def check_names(parts: Iterable[str], options: Options) -> None:
    """Refuses a stack's name that CloudFormation does not take, or that makes a function's name too long."""
    if options.stack_name is None:
        return
    room = room_for_stack(parts)
    if not _STACK.fullmatch(options.stack_name):
        raise InvalidSetting(
            f"`{options.stack_name}` is no name of a stack",
            help="it has letters, digits and dashes, and begins with a letter",
        )
    if len(options.stack_name) > room:
        raise TemplateTooLarge(
            f"the stack's name `{options.stack_name}` has {len(options.stack_name)} characters: with the "
            f"longest step's, a function's name would have more than {_FUNCTION_NAME}",
            help=f"give the stack a name of at most {room} characters, or shorten the names of steps",
        )


def check_environment(place: str, properties: Mapping[str, Any]) -> None:
    """Refuses variables that are larger than Lambda takes, as far as their values are known."""
    variables = properties.get("Environment", {}).get("Variables", {})
    if not isinstance(variables, Mapping) or is_intrinsic(variables):
        return
    size = sum(len(name.encode()) + len(_known(value).encode()) for name, value in variables.items())
    if size > _ENVIRONMENT:
        raise TemplateTooLarge(
            f"the environment of {place} has {size:,} bytes, and Lambda takes {_ENVIRONMENT:,}",
            help="keep what is large in the code, or in Parameter Store",
        )


def _known(value: object) -> str:
    return value if isinstance(value, str) else ""


def check_template(template: Mapping[str, Any], options: Options) -> None:
    """Refuses more resources, parameters or outputs than a stack takes."""
    count = count_resources(template["Resources"])
    if count > _RESOURCES:
        more = (
            "--functions one puts all steps into one function; or make several pipelines of it"
            if options.functions == "each"
            else "move some of other_resource_templates to a stack of their own"
        )
        raise TemplateTooLarge(
            f"the stack would have {count:,} resources, and CloudFormation takes {_RESOURCES}", help=more
        )
    for section, most in (("Parameters", _PARAMETERS), ("Outputs", _OUTPUTS)):
        count = len(template.get(section, ()))
        if count > most:
            raise TemplateTooLarge(
                f"the template has {count:,} {section.lower()}, and CloudFormation takes {most}",
                help="give some of them as values",
            )


def check_size(text: str) -> None:
    """Refuses a template that is too large even for an upload."""
    size = len(text.encode())
    if size > _BODY:
        raise TemplateTooLarge(
            f"the template has {size:,} bytes, and CloudFormation takes {_BODY:,}",
            help="--functions one puts all steps into one function; or make several pipelines of it",
        )


def count_resources(resources: Mapping[str, Mapping[str, Any]]) -> int:
    """How many resources there are when SAM has written out its own."""
    count, apis = len(resources), 0
    for resource in resources.values():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        properties = resource.get("Properties", {})
        count += "EventInvokeConfig" in properties
        count += "Role" not in properties
        for event in properties.get("Events", {}).values():
            kind = event.get("Type")
            count += 1 if kind in _MAPPED or kind in _API else 2
            apis |= kind in _API
    return count + 3 * apis
