"""What tests of templates share: plans of any graph, AWS's translator, and cfn-lint, all in this process."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import networkx as nx
import yaml

from orchwipy_runtime import MicroFunctions
from orchwipy_runtime.emit.plan import Plan, PlannedStep, make_plan
from orchwipy_runtime.names import part_of

PROGRAMS = Path(__file__).parent / "programs"
REGION = "eu-central-1"


@cache
def program(name: str) -> Plan:
    """The plan of one of the tests' programs."""
    spec = importlib.util.spec_from_file_location(f"emitted_{name}", PROGRAMS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return make_plan(module.pipe, caller=sys._getframe())


def plan_of(graph: Mapping[str, Sequence[str]], **settings: Any) -> Plan:
    """The plan of a pipeline with these steps and what follows them; `settings` are the pipeline's."""
    props = settings.pop("props", {})
    pipe = MicroFunctions(beginner=next(iter(graph)), **settings)
    for name in graph:

        def step(**kwargs: object) -> dict[str, object]:
            return {}

        step.__name__ = name
        pipe.fn(terminates=not graph[name], template_props=props.get(name))(step)
    edges = nx.DiGraph((source, target) for source in graph for target in graph[source])
    looping = {each for part in nx.strongly_connected_components(edges) if len(part) > 1 for each in part}
    steps = tuple(
        PlannedStep(
            name=name,
            part=part_of(name),
            registration=pipe.steps[name],
            successors=tuple(graph[name]),
            unresolved=False,
            ends=not graph[name],
            in_loop=name in looping or name in graph[name],
        )
        for name in graph
    )
    return Plan("pipe", pipe, steps, ())


def chain(count: int) -> dict[str, list[str]]:
    """A graph of steps in a row."""
    return {f"step_{each}": [f"step_{each + 1}"] if each + 1 < count else [] for each in range(count)}


# Ten times as fast, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(text, Loader=_LOADER)
    return template


class _ManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def transformed(template: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS's translator makes of a template, as if `sam package` had uploaded the code."""
    from samtranslator.translator.transform import transform

    packaged = copy.deepcopy(dict(template))
    if "Transform" not in packaged:
        return packaged
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and "CodeUri" in resource["Properties"]:
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    with patch.dict("os.environ", AWS_DEFAULT_REGION=REGION):
        made: dict[str, Any] = transform(packaged, {"AWS::Region": REGION}, _ManagedPolicies())
    return made


@cache
def _linter() -> Any:
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn(regions=[REGION]))


def lint(text: str) -> list[str]:
    """What cfn-lint says of a template: errors and warnings."""
    from cfnlint.decode.decode import decode_str

    template, errors = decode_str(text)
    found = errors or _linter().validate_template(template)
    return [f"{each.rule.id} {each.message} {getattr(each, 'path', '')}" for each in found]


def lint_both(text: str) -> list[str]:
    """What cfn-lint says of a template and of what the translator makes of it."""
    template = read(text)
    found = lint(text)
    if "Transform" in template:
        found += lint(json.dumps(transformed(template)))
    return found


def resources(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The properties of the resources of a type."""
    found: dict[str, Any] = template["Resources"]
    return {name: each["Properties"] for name, each in found.items() if each["Type"] == kind}


def invoked(template: Mapping[str, Any], role: str) -> set[str]:
    """The parts of the names of the functions that a role may invoke, wherever it is allowed."""
    policies = [each["PolicyDocument"] for each in template["Resources"][role]["Properties"]["Policies"]]
    policies += [
        each["PolicyDocument"]
        for each in resources(template, "AWS::IAM::ManagedPolicy").values()
        if {"Ref": role} in each["Roles"]
    ]
    arns = [
        arn["Fn::Sub"]
        for policy in policies
        for statement in policy["Statement"]
        if "lambda:InvokeFunction" in statement["Action"]
        for arn in statement["Resource"]
    ]
    prefix = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-"
    assert all(each.startswith(prefix) for each in arns)
    return {each.removeprefix(prefix) for each in arns}
