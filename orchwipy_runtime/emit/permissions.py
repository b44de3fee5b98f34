"""What a function may do: its role, with exactly what the graph and its properties ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from orchwipy_runtime.emit.structure import copied, is_intrinsic, ref, replaced, sub
from orchwipy_runtime.errors import InvalidTemplate, TemplateTooLarge

__all__ = [
    "MOST_INLINE",
    "allow",
    "function_arn",
    "given_policies",
    "invocations",
    "policy_size",
    "split_by_size",
]

MOST_INLINE = 10_240
"""Characters of all inline policies of a role, white space not counted.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
MOST_MANAGED = 6_144
"""Characters of a managed policy."""

_LONGEST = {
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-99",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "s" * 62,  # a function's name has 64, with a dash and a step
}
_UNKNOWN = 100  # characters of a value that is known at deployment only


def allow(actions: Sequence[str], resource: object, **more: object) -> dict[str, object]:
    """A statement of a policy."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def function_arn(part: str) -> dict[str, str]:
    """The ARN of the function whose name ends in `part`.

    It is made of text: with references a loop of steps would be a circle of resources.
    """
    pseudo = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}"
    return sub(f"{pseudo}-{part}")


def invocations(parts: Sequence[str]) -> dict[str, object]:
    """The right to invoke the functions whose names end in these parts."""
    return allow(["lambda:InvokeFunction"], [function_arn(part) for part in parts])


def given_policies(given: object, place: str) -> tuple[list[Any], list[Any]]:
    """Policies as SAM takes them → documents of a role, and ARNs of managed policies.

    A policy is a document, a statement, an ARN, the name of a managed policy of AWS, an intrinsic function
    that gives an ARN, or one of SAM's policy templates.
    """
    documents: list[Any] = []
    managed: list[Any] = []
    for each in given if isinstance(given, list | tuple) else [given]:
        if isinstance(each, str):
            managed.append(each if each.startswith("arn:") else _managed(each))
        elif is_intrinsic(each):
            managed.append(copied(each, place))
        elif isinstance(each, Mapping) and "Statement" in each:
            documents.append({"Version": "2012-10-17", **copied(each, place)})
        elif isinstance(each, Mapping) and "Effect" in each:
            documents.append({"Version": "2012-10-17", "Statement": [copied(each, place)]})
        elif isinstance(each, Mapping) and len(each) == 1:
            ((name, values),) = each.items()
            documents.append(_expanded(str(name), copied(values or {}, place), place))
        else:
            raise InvalidTemplate(
                f"{place} holds what is no policy: {each!r}",
                help="a policy is a statement, a document, the ARN or name of a managed policy, "
                "or a policy template of SAM",
            )
    return documents, managed


def _managed(name: str) -> object:
    path = "service-role/" if name.startswith("AWSLambda") and "/" not in name else ""
    return sub(f"arn:${{AWS::Partition}}:iam::aws:policy/{path}{name}")


def _expanded(name: str, values: object, place: str) -> Any:
    """A policy template of SAM, filled in here because the transform leaves roles of ours alone."""
    try:
        from samtranslator.policy_template_processor.exceptions import (
            InsufficientParameterValues,
            InvalidParameterValues,
        )
        from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor
    except ImportError as error:
        raise InvalidTemplate(
            f"{place} holds the policy template `{name}`, which only AWS's translator can expand",
            help="pip install aws-sam-translator, or write out its statements",
        ) from error
    processor = PolicyTemplatesProcessor(PolicyTemplatesProcessor.get_default_policy_templates_json())
    if not processor.has(name):
        raise InvalidTemplate(
            f"{place} holds `{name}`, which is no policy template of SAM",
            help="see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/"
            "serverless-policy-template-list.html",
        )
    try:
        expanded = processor.convert(name, values)
    except (InsufficientParameterValues, InvalidParameterValues) as error:
        raise InvalidTemplate(f"{place}: the policy template `{name}`: {error}") from error
    return {"Version": "2012-10-17", **copied(expanded, place)}


def policy_size(document: object) -> int:
    """The most characters that a policy can have when it is deployed."""
    return len(json.dumps(_resolved(document), separators=(",", ":")))


def _resolved(value: Any) -> Any:
    if is_intrinsic(value):
        text = value.get("Fn::Sub")
        if isinstance(text, str):
            return replaced(text, _filled)
        return "x" * _UNKNOWN
    if isinstance(value, dict):
        return {key: _resolved(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each) for each in value]
    return value


def _filled(text: str) -> str:
    for name, longest in _LONGEST.items():
        text = text.replace(f"${{{name}}}", longest)
    return text


def split_by_size(statement: Mapping[str, Any], role: str, place: str) -> Iterator[dict[str, Any]]:
    """Managed policies for a role, that together hold a statement that is too long for one."""
    whole = statement["Resource"]
    most = MOST_MANAGED - policy_size({**statement, "Resource": []}) - 64
    ends = list(accumulate(policy_size(each) + 1 for each in whole))
    start = 0
    while start < len(whole):
        before = ends[start - 1] if start else 0
        stop = next(
            (number for number in range(start, len(whole)) if ends[number] - before > most), len(whole)
        )
        if stop == start:
            raise TemplateTooLarge(f"a resource in the policies of {place} is too long for a policy")
        document = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": whole[start:stop]}]}
        yield {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": document, "Roles": [ref(role)]},
        }
        start = stop
