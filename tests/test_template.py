"""Templates: what AWS takes, what each role may do, and what is refused with which words."""

from __future__ import annotations

import io
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchwipy_runtime import MicroFunctions, ReturnUpdates
from orchwipy_runtime.emit.ids import logical_ids
from orchwipy_runtime.emit.limits import INLINE
from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.permissions import MOST_INLINE, MOST_MANAGED, given_policies, policy_size
from orchwipy_runtime.emit.plan import Plan
from orchwipy_runtime.emit.references import check_circles
from orchwipy_runtime.emit.structure import merged
from orchwipy_runtime.emit.template import build_cfn_template, make_template, render_template
from orchwipy_runtime.errors import (
    CircularTemplate,
    InvalidSetting,
    InvalidTemplate,
    PlanRefused,
    TemplateTooLarge,
    UnknownStep,
)
from orchwipy_runtime.names import part_of
from tests.emission import chain, invoked, lint_both, plan_of, program, read, resources, transformed

GOLDEN = Path(__file__).parent / "templates"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:deps:3"


def options(**more: Any) -> Options:
    return Options(**{"pipeline": "shop:pipe", **more})


def template_of(plan: Plan, **more: Any) -> dict[str, Any]:
    """The template after a way through YAML."""
    return read(render_template(plan, options(**more)))


def function_of(plan: Plan, **more: Any) -> dict[str, Any]:
    """The properties of the first step's function."""
    found: dict[str, Any] = next(
        iter(resources(template_of(plan, **more), "AWS::Serverless::Function").values())
    )
    return found


def seed() -> str:
    """What `build_cfn_template` writes for a program of OrchWiPy's shape."""
    pipe = MicroFunctions(beginner="begin_run")

    @pipe.fn(template_props={"MemorySize": 512, "Timeout": 60, "Layers": [{"Ref": "PillowLayer"}]})
    def begin_run(*, order: str, **kwargs: object) -> ReturnUpdates:
        return ReturnUpdates("end_run")

    @pipe.fn(terminates=True, template_props={"Policies": [{"S3ReadPolicy": {"BucketName": "photos"}}]})
    def end_run(**kwargs: object) -> dict[str, object]:
        return {}

    written = io.StringIO()
    build_cfn_template(
        output_template=written,
        code_py_relative_to_template=Path("src/shop.py"),
        plant=pipe,
        layers=["DepsLayer"],
        policies=[{"Statement": [{"Effect": "Allow", "Action": ["ses:SendEmail"], "Resource": "*"}]}],
        environment={"LEVEL": {"Ref": "Level"}},
        more_template_params=[("Level", 3)],
        MemorySize=256,
        Architectures=["arm64"],
    )
    return written.getvalue()


PROPS: dict[str, dict[str, object]] = {
    "scalars": {"MemorySize": 1024, "Timeout": 120, "Description": "Reads the orders"},
    "maps": {
        "Environment": {"Variables": {"STAGE": {"Ref": "Stage"}, "RETRIES": 3, "DRY": True}},
        "Tags": {"team": "orders"},
        "EphemeralStorage": {"Size": 1024},
        "EventInvokeConfig": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 600},
    },
    "lists": {"Layers": [LAYER, {"Ref": "OtherLayer"}], "Architectures": ["arm64"]},
    "policies": {
        "Policies": [
            {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": {"Fn::Sub": "${Identity}"}},
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": {"Ref": "TableArn"}}
                ],
            },
            "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
            "AWSLambdaVPCAccessExecutionRole",
            {"Ref": "OwnPolicyArn"},
            {"S3ReadPolicy": {"BucketName": {"Ref": "Photos"}}},
            {"SESCrudPolicy": {"IdentityName": "shop.example"}},
        ],
        "PermissionsBoundary": {"Ref": "Boundary"},
    },
    "queue": {
        "Events": {
            "Orders": {"Type": "SQS", "Properties": {"Queue": {"Ref": "OrdersArn"}, "BatchSize": 1}},
        },
    },
    "events": {
        "Events": {
            "Daily": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}},
            "Web": {"Type": "Api", "Properties": {"Path": "/orders", "Method": "post"}},
        },
    },
    "network": {
        "VpcConfig": {"SubnetIds": [{"Ref": "SubnetA"}], "SecurityGroupIds": [{"Ref": "Group"}]},
        "Tracing": "Active",
        "KmsKeyArn": KEY,
    },
}
OTHERS = {
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "TableName": {"Fn::Sub": "${Prefix}-${AWS::Region}"},
        },
    },
}
LOOP = {"begin": ["again"], "again": ["begin", "end"], "end": []}
ALL = {
    "memory": 512,
    "layers": (LAYER, "DepsLayer"),
    "environment": {"STAGE": {"Ref": "Stage"}},
    "tags": {"team": "orders"},
    "tracing": True,
    "kms_key": {"Ref": "KeyArn"},
    "subnets": ({"Ref": "SubnetA"}, {"Ref": "SubnetB"}),
    "security_groups": ({"Ref": "Group"},),
    "reserved_concurrency": 5,
    "max_steps_in_run": 40,
    "attempts": 1,
    "version": "7",
    "alarm_actions": ({"Ref": "TopicArn"},),
    "stack_name": "orders-live",
    "parameters": ("KeyArn", ("Stage", "test")),
}


def _of_program(name: str, **more: Any) -> str:
    return render_template(
        program(name), options(pipeline=f"{name}:pipe", source=f"tests/programs/{name}.py", **more)
    )


def _cases() -> dict[str, Any]:
    """Templates by what they are of, as functions that render them."""
    made: dict[str, Any] = {"rounds": partial(_of_program, "rounds")}

    def add(name: str, graph: dict[str, list[str]], settings: dict[str, Any], **more: Any) -> None:
        made[name] = lambda: render_template(plan_of(graph, **settings), options(**more))

    for form in ("sam", "cloudformation"):
        for functions in ("each", "one"):
            add(f"one step, {form}, {functions}", {"only": []}, {}, format=form, functions=functions)
            add(f"a loop, {form}, {functions}", LOOP, {}, format=form, functions=functions)
        add(f"a self-loop, {form}", {"again": ["again"]}, {}, format=form)
        add(f"all options, {form}", {"only": []}, {}, format=form, **ALL)
        add(f"500 steps in one function, {form}", chain(500), {}, format=form, functions="one")
        for kind, props in PROPS.items():
            if (kind, form) != ("events", "cloudformation"):
                settings = {"props": {"only": props}}
                add(f"{kind}, {form}", {"only": []}, settings, format=form, delayed_retries=False)
    add("other resources", {"only": []}, {"other_resource_templates": OTHERS})
    add("a bucket that is there", chain(2), {}, bucket="company-bucket", functions="one")
    add("a bucket as a parameter", {"only": []}, {}, bucket="OrchwipyRequestBucket")
    add("nothing that can be left out", chain(2), {}, delayed_retries=False, journal=False)
    strange = {"é_1": ["a b"], "a b": ["relay"], "relay": [], "x" * 80: []}
    add("strange names", strange, {}, delayed_retries=False)
    made["the seed's arguments"] = seed
    return made


CASES = _cases()
LARGE = {
    "orders": partial(_of_program, "orders"),
    "heavy": partial(_of_program, "heavy"),
    "50 steps": lambda: render_template(plan_of(chain(50)), options()),
    "100 steps, each to all": lambda: render_template(
        plan_of({f"step_{each}": [f"step_{other}" for other in range(100)] for each in range(100)}),
        options(functions="each", stack_name="dense"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_aws_takes_it(case: str) -> None:
    assert lint_both(CASES[case]()) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", LARGE)
def test_aws_takes_large_ones(case: str) -> None:
    assert lint_both(LARGE[case]()) == []


@pytest.mark.parametrize("case", [*CASES, "50 steps", "orders", "heavy"])
def test_what_is_written(case: str) -> None:
    render = {**CASES, **LARGE}[case]
    text = render()
    assert text == render()
    assert " &" not in text
    template = read(text)
    check_circles(template)
    check_circles(transformed(template))
    assert ("sam deploy" in text) is (len(text.encode()) > INLINE)


@pytest.mark.parametrize("name", sorted(each.stem for each in GOLDEN.glob("*.yml")))
def test_golden(name: str) -> None:
    stem, *words = name.split("-")
    more = dict(word.split("=") for word in words)
    assert _of_program(stem, **more) == (GOLDEN / f"{name}.yml").read_text(encoding="utf-8")
