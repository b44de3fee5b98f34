"""Templates: what AWS takes, what each role may do, and what is refused with which words."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import orchwipy_lint
import orchwipy_runtime.microservice
from orchwipy_runtime import MicroFunctions, ReturnUpdates
from orchwipy_runtime.aws.settings import Settings
from orchwipy_runtime.emit.ids import logical_ids
from orchwipy_runtime.emit.limits import INLINE, count_resources
from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.permissions import MOST_INLINE, MOST_MANAGED, given_policies, policy_size
from orchwipy_runtime.emit.plan import Plan, PlannedFork
from orchwipy_runtime.emit.references import check_circles
from orchwipy_runtime.emit.structure import merged
from orchwipy_runtime.emit.template import make_template, render_template
from orchwipy_runtime.emit.upstream import build_cfn_template
from orchwipy_runtime.emit.yaml import _dumper, to_yaml
from orchwipy_runtime.errors import (
    CircularTemplate,
    InvalidSetting,
    InvalidTemplate,
    PlanRefused,
    TemplateTooLarge,
    UnknownStep,
)
from orchwipy_runtime.names import function_name, part_of
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
        add(f"one step, {form}", {"only": []}, {}, format=form)
        add(f"a loop, {form}", LOOP, {}, format=form)
        add(f"all options, {form}", {"only": []}, {}, format=form, **ALL)
        machine: dict[str, Any] = {"format": form, "engine": "stepfunctions"}
        add(f"a state machine of a loop, {form}", LOOP, {}, **machine)
        add(f"a state machine of one function, {form}", LOOP, {}, functions="one", **machine)
        add(f"an express machine, {form}", {"only": []}, {}, express=True, **machine)
        add(f"a state machine, all options, {form}", {"only": []}, {}, **machine, **ALL)
        add(f"500 steps in one function, {form}", chain(500), {}, format=form, functions="one")
        for kind, props in PROPS.items():
            if form == "sam" or kind in ("policies", "queue", "network"):
                settings = {"props": {"only": props}}
                add(f"{kind}, {form}", {"only": []}, settings, format=form, delayed_retries=False)
    long = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{'b' * 40}{n}/*" for n in range(152)],
    }
    add("invocations apart", chain(2), {"props": {"step_0": {"Policies": [long]}}}, delayed_retries=False)
    add("a self-loop", {"again": ["again"]}, {})
    add("a loop in one function", LOOP, {}, functions="one")
    add("other resources", {"only": []}, {"other_resource_templates": OTHERS})
    add("a bucket that is there", chain(2), {}, bucket="company-bucket", functions="one")
    add("a bucket as a parameter", {"only": []}, {}, bucket="OrchwipyRequestBucket")
    add("nothing that can be left out", chain(2), {}, delayed_retries=False, journal=False)
    strange = {"é_1": ["a b"], "a b": ["relay"], "relay": [], "x" * 80: []}
    add("strange names", strange, {}, delayed_retries=False)
    made["the seed's arguments"] = seed
    return made


CASES = _cases()
LARGE: dict[str, Any] = {
    "orders": partial(_of_program, "orders"),
    "heavy": partial(_of_program, "heavy"),
    "50 steps": lambda: render_template(plan_of(chain(50)), options()),
}


QUICK = {
    "a loop in one function",
    "invocations apart",
    "all options, cloudformation",
    "all options, sam",
    "one step, sam",
    "policies, sam",
    "the seed's arguments",
}
"""Those that are linted whenever the suite runs: cfn-lint takes a tenth of a second for each resource."""


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in (*CASES, *LARGE)],
)
def test_aws_takes_it(case: str) -> None:
    assert lint_both({**CASES, **LARGE}[case]()) == []


@pytest.mark.parametrize("case", [*CASES, *LARGE])
def test_the_translator_takes_it(case: str) -> None:
    render = {**CASES, **LARGE}[case]
    text = render()
    assert text == render()
    assert " &" not in text
    template = read(text)
    written_out = transformed(template)
    check_circles(template)
    check_circles(written_out)
    assert count_resources(template["Resources"]) == len(written_out["Resources"])
    assert ("sam deploy" in text) is (len(text.encode()) > INLINE)


def test_the_state_machine_may_invoke_the_steps_and_no_step_another() -> None:
    template = make_template(plan_of(LOOP), options(engine="stepfunctions"))
    resources = template["Resources"]
    assert {each["Type"] for each in resources.values()}.isdisjoint({"AWS::SQS::Queue"})
    (statement,) = [
        statement
        for name, resource in resources.items()
        if resource["Type"] == "AWS::IAM::Role"
        for policy in resource["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "lambda:InvokeFunction" in statement["Action"]
    ]
    named = [each["Fn::Sub"].partition(":function:")[2] for each in statement["Resource"]]
    assert named == [f"${{AWS::StackName}}-{step}" for step in LOOP]
    machine = resources["StateMachine"]["Properties"]
    states = json.loads(machine["DefinitionString"]["Fn::Sub"])["States"].values()
    invoked = [each["Parameters"]["FunctionName"] for each in states if each["Type"] == "Task"]
    assert [{"Fn::Sub": each} for each in invoked] == statement["Resource"]
    assert template["Outputs"]["StateMachine"] == {"Value": {"Ref": "StateMachine"}}


def branching(*forks: PlannedFork) -> Plan:
    """A plan of three steps, after the first of which branches begin."""
    plan = plan_of({"a": [], "b": [], "c": []})
    return replace(plan, steps=(replace(plan.steps[0], forks=forks), *plan.steps[1:]))


def test_functions_alone_cannot_wait_for_branches() -> None:
    join = PlannedFork("parallel", ("b", "b"), "c", path="shop.py", line=7)
    mapped = PlannedFork("map", ("b",), "c", path="shop.py", line=9)
    with pytest.raises(InvalidTemplate) as refused:
        template_of(branching(join, mapped))
    assert str(refused.value).startswith(
        "OWP401 branches that join need Step Functions: b & b, then c after `a` (shop.py:7); each b, then c "
        "after `a` (shop.py:9)\nhelp: deploy with `--engine stepfunctions`"
    )


def test_a_step_may_invoke_its_detached_branches() -> None:
    template = template_of(branching(PlannedFork("detach", ("b",), "c")))
    assert invoked(template, "ARole") == {"b", "c"}
    assert not any("states:StartExecution" in json.dumps(each) for each in template["Resources"].values())


def _forked(kind: str, express: bool) -> str:
    plan = branching(PlannedFork(kind, ("b",), "c"))
    return render_template(plan, options(engine="stepfunctions", express=express))


@pytest.mark.parametrize(
    ("kind", "express"),
    [
        pytest.param("parallel", False, marks=pytest.mark.slow),
        pytest.param("detach", True, marks=pytest.mark.slow),
        pytest.param("map", True, marks=pytest.mark.slow),
        ("map", False),
    ],
)
def test_aws_takes_branches(kind: str, express: bool) -> None:
    assert lint_both(_forked(kind, express)) == []


@pytest.mark.parametrize(
    ("kind", "express", "actions"),
    [
        ("parallel", False, []),
        ("detach", True, ["StartExecution"]),
        ("map", True, []),
        ("map", False, ["StartExecution", "DescribeExecution", "RedriveExecution", "StopExecution"]),
    ],
)
def test_a_machine_may_begin_executions_of_itself_alone(kind: str, express: bool, actions: list[str]) -> None:
    text = _forked(kind, express)
    role = read(text)["Resources"]["StateMachineRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    found = [each for each in role["Statement"] if each["Action"][0].startswith("states:")]
    assert [action.removeprefix("states:") for each in found for action in each["Action"]] == actions
    for each in found:
        named = each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
        assert all("${AWS::StackName}" in arn["Fn::Sub"] for arn in named)


@pytest.mark.parametrize("name", sorted(each.stem for each in GOLDEN.glob("*.yml")))
def test_golden(name: str) -> None:
    stem, *words = name.split("-")
    more = dict(word.split("=") for word in words)
    text = _of_program(stem, **more).replace(f"orchwipy {orchwipy_lint.__version__}", "orchwipy VERSION")
    assert text == (GOLDEN / f"{name}.yml").read_text(encoding="utf-8")


_unhurried = settings(suppress_health_check=[HealthCheck.too_slow])
_NAMES = st.text("abz_019é -", min_size=1, max_size=6)
_CHOICES = {
    "format": st.sampled_from(["sam", "cloudformation"]),
    "functions": st.sampled_from(["each", "one"]),
    "delayed_retries": st.booleans(),
}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Steps and what may follow them, in any way."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=8, unique_by=part_of))
    return {name: draw(st.lists(st.sampled_from(names), max_size=4, unique=True)) for name in names}


class TestRights:
    @given(data=st.data())
    @settings(_unhurried, max_examples=60)
    def test_a_role_may_invoke_its_successors_and_no_others(self, data: st.DataObject) -> None:
        graph = data.draw(graphs())
        names = list(graph)
        chosen = data.draw(st.fixed_dictionaries(_CHOICES))
        plan = plan_of(graph)
        template = make_template(plan, options(**chosen))  # refuses circles itself
        relayed = {"all-steps"} if chosen["functions"] == "one" else {part_of(name) for name in names}
        if chosen["functions"] == "one":
            loops = {"AllStepsFunction"} if any(graph.values()) else set()
            assert invoked(template, "AllStepsRole") == ({"all-steps"} if loops else set())
        else:
            ids = logical_ids(names)
            for step in plan.steps:
                expected = {part_of(each) for each in graph[step.name]}
                assert invoked(template, f"{ids[step.name]}Role") == expected
            loops = {f"{ids[step.name]}Function" for step in plan.steps if step.in_loop}
        if chosen["delayed_retries"]:
            assert invoked(template, "RelayRole") == relayed
            loops.add("RelayFunction")
        functions = resources(template, "AWS::Serverless::Function")
        functions |= resources(template, "AWS::Lambda::Function")
        assert {name for name, each in functions.items() if each.get("RecursiveLoop") == "Allow"} == loops

    @given(graph=graphs())
    @settings(_unhurried, max_examples=10)
    def test_no_graph_is_a_circle_of_resources(self, graph: dict[str, list[str]]) -> None:
        check_circles(transformed(make_template(plan_of(graph), options())))

    def test_all_rights_of_a_step(self) -> None:
        role = resources(template_of(plan_of(chain(2))), "AWS::IAM::Role")["Step0fc67da28Role"]
        (policy,) = role["Policies"]
        rights = {
            action: statement["Resource"]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in statement["Action"]
        }
        bucket = {"Fn::GetAtt": ["PayloadBucket", "Arn"]}
        objects = {"Fn::Sub": "${PayloadBucket.Arn}/${AWS::StackName}/*"}
        queues = [{"Fn::GetAtt": [name, "Arn"]} for name in ("DelayQueue", "FailureQueue")]
        group = {"Fn::GetAtt": ["Step0fc67da28LogGroup", "Arn"]}
        invoke = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-"
        assert rights == {
            "logs:CreateLogStream": group,
            "logs:PutLogEvents": group,
            "s3:GetObject": objects,
            "s3:PutObject": objects,
            "s3:ListBucket": bucket,
            "sqs:SendMessage": queues,
            "lambda:InvokeFunction": [{"Fn::Sub": f"{invoke}step_1"}],
        }
        (listing,) = (
            each for each in policy["PolicyDocument"]["Statement"] if each["Action"] == ["s3:ListBucket"]
        )
        assert listing["Condition"] == {"StringLike": {"s3:prefix": {"Fn::Sub": "${AWS::StackName}/*"}}}
        assert "ManagedPolicyArns" not in role

    def test_invocations_stand_apart_where_policies_of_users_leave_no_room(self) -> None:
        template = read(CASES["invocations apart"]())
        assert invoked(template, "Step0fc67da28Role") == {"step_1"}
        assert len(resources(template, "AWS::IAM::ManagedPolicy")) == 1

    def test_invocations_that_are_too_many_for_one_policy(self) -> None:
        names = [f"step_{number:03}" for number in range(100)]
        template = template_of(plan_of({name: names if name == names[0] else [] for name in names}))
        first = f"{logical_ids(names)[names[0]]}Role"
        assert invoked(template, first) == set(names)
        assert invoked(template, "RelayRole") == set(names)
        for role in resources(template, "AWS::IAM::Role").values():
            assert sum(policy_size(each["PolicyDocument"]) for each in role["Policies"]) <= MOST_INLINE
        apart = resources(template, "AWS::IAM::ManagedPolicy").values()
        assert len(apart) == 6
        assert all(policy_size(each["PolicyDocument"]) <= MOST_MANAGED for each in apart)

    def test_many_delayed_retries_of_one_step_are_a_loop_too(self) -> None:
        assert "RecursiveLoop" not in function_of(plan_of(chain(2)))
        assert function_of(plan_of(chain(2), max_retries=20))["RecursiveLoop"] == "Allow"
        assert "RecursiveLoop" not in function_of(plan_of(chain(2), max_retries=20), delayed_retries=False)


class TestDestinations:
    def test_those_of_users_may_be_sent_to(self) -> None:
        topic = {"Type": "SNS", "Destination": {"Ref": "TopicArn"}}
        bus = {"Type": "EventBridge", "Destination": {"Ref": "BusArn"}}
        config = {"EventInvokeConfig": {"DestinationConfig": {"OnFailure": topic, "OnSuccess": bus}}}
        letters = {"DeadLetterQueue": {"Type": "SQS", "TargetArn": {"Ref": "QueueArn"}}}
        template = template_of(plan_of({"only": []}, props={"only": {**config, **letters}}))
        (policy,) = template["Resources"]["OnlyRole"]["Properties"]["Policies"]
        rights = {
            each["Action"][0]: each["Resource"]
            for each in policy["PolicyDocument"]["Statement"]
            if each["Action"][0].startswith(("sns", "events", "sqs"))
        }
        assert rights == {
            "sqs:SendMessage": [{"Fn::GetAtt": ["DelayQueue", "Arn"]}, {"Ref": "QueueArn"}],
            "sns:Publish": [{"Ref": "TopicArn"}],
            "events:PutEvents": [{"Ref": "BusArn"}],
        }

    @pytest.mark.parametrize("steps", [1, 10, 11, 25])
    def test_alarms_watch_every_function_ten_at_a_time(self, steps: int) -> None:
        template = template_of(plan_of(chain(steps)), alarm_actions=("arn:aws:sns:eu-central-1:1:me",))
        alarms = resources(template, "AWS::CloudWatch::Alarm").values()
        metrics = [
            [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
            for alarm in alarms
        ]
        assert all(len(each) <= 10 for each in metrics)
        assert [
            each["Dimensions"][0]["Value"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
            for watched in metrics
            for each in watched
        ] == list(chain(steps))
        assert all(alarm["AlarmActions"] == ["arn:aws:sns:eu-central-1:1:me"] for alarm in alarms)

    def test_retries_in_time(self) -> None:
        template = template_of(plan_of({"only": []}), timeout=900)
        queue = template["Resources"]["DelayQueue"]["Properties"]
        relay = template["Resources"]["RelayFunction"]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * relay["Timeout"]
        mapping = relay["Events"]["Delayed"]["Properties"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        variables = relay["Environment"]["Variables"]
        assert variables == {"StackName": {"Ref": "AWS::StackName"}, "DelayQueueURL": {"Ref": "DelayQueue"}}

    def test_without_delayed_retries_there_is_no_queue_for_them(self) -> None:
        template = template_of(plan_of(LOOP), delayed_retries=False, journal=False)
        assert not any("Delay" in name or "Relay" in name for name in template["Resources"])
        for properties in resources(template, "AWS::Serverless::Function").values():
            variables = properties["Environment"]["Variables"]
            assert "DelayQueueURL" not in variables
            assert variables["OrchwipyJournal"] == "off"


class TestText:
    @_unhurried
    @given(value=st.recursive(st.text() | st.integers() | st.booleans(), st.lists, max_leaves=6))
    def test_what_is_written_is_read_again(self, value: object) -> None:
        assert read(to_yaml({"Value": {"deep": [value, value]}}, ["made"])) == {
            "Value": {"deep": [value, value]}
        }

    def test_it_is_the_same_without_libyaml(self, monkeypatch: pytest.MonkeyPatch) -> None:
        texts = ["plain", "é → ☕", "yes", "1", "a\nb\n", "a: b", "#", "x" * 300, " y ", "a\n  b", "", "!Sub"]
        values = {"Texts": texts, "Numbers": [1, 2.5, True], "Nested": {"a": [{"b": texts}], "c": {}}}
        quick = to_yaml(values, ["made"])
        monkeypatch.delattr(yaml, "CSafeDumper", raising=False)
        _dumper.cache_clear()
        try:
            assert to_yaml(values, ["made"]) == quick
        finally:
            _dumper.cache_clear()


class TestProperties:
    def test_defaults(self) -> None:
        properties = function_of(plan_of(chain(2)))
        assert properties["FunctionName"] == {"Fn::Sub": "${AWS::StackName}-step_0"}
        assert properties["Handler"] == "orchwipy_runtime.aws.handler.handler"
        assert properties["Environment"]["Variables"] == {
            "StackName": {"Ref": "AWS::StackName"},
            "DelayQueueURL": {"Ref": "DelayQueue"},
            "OrchwipyPipeline": "shop:pipe",
            "OrchwipyRequestBucket": {"Ref": "PayloadBucket"},
            "OrchwipyName": "step_0",
            "OrchwipyAttempts": "3",
        }
        assert properties["EventInvokeConfig"]["MaximumRetryAttempts"] == 2
        assert properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Type"] == "SQS"

    @pytest.mark.parametrize("functions", ["each", "one"])
    def test_the_runtime_understands_its_environment(self, functions: str) -> None:
        names = ["begin", "a name that has to be cut, as it is longer than a part"]
        plan = plan_of({names[0]: [names[1]], names[1]: []})
        made = resources(
            template_of(plan, functions=functions, attempts=2, journal=False, version="7"),
            "AWS::Serverless::Function",
        )
        known = {"AWS::StackName": "shop-live", "PayloadBucket": "payloads", "DelayQueue": "https://queue"}
        found = {}
        for properties in made.values():
            variables = properties["Environment"]["Variables"]
            environment = {
                name: known[value["Ref"]] if isinstance(value, dict) else value
                for name, value in variables.items()
            }
            name = properties["FunctionName"]["Fn::Sub"].replace("${AWS::StackName}", "shop-live")
            found[name] = Settings.from_environment(environment)
        one = functions == "one"
        expected = {
            function_name("shop-live", step, one=one): Settings(
                stack="shop-live",
                step=None if one else step,
                one=one,
                bucket="payloads",
                journal=False,
                queue="https://queue",
                attempts=2,
                version="7",
            )
            for step in names
        }
        relay = found.pop("shop-live-delayed-retries")
        assert (relay.stack, relay.one, relay.queue) == ("shop-live", one, "https://queue")
        assert found == expected

    def test_scalars_replace_maps_merge_lists_append(self) -> None:
        given = {
            "Timeout": 5,
            "Layers": ["b"],
            "Environment": {"Variables": {"A": "2", "C": {"Ref": "AWS::Region"}}},
            "VpcConfig": {"Ref": "Vpc"},
            "Architectures": ["arm64"],
        }
        base = {
            "Timeout": 3,
            "Layers": ["a"],
            "Environment": {"Variables": {"A": "1", "B": "1"}},
            "VpcConfig": {"SubnetIds": ["s"]},
            "Architectures": ["x86_64"],
        }
        assert merged(base, given) == {
            "Timeout": 5,
            "Layers": ["a", "b"],
            "Environment": {"Variables": {"A": "2", "B": "1", "C": {"Ref": "AWS::Region"}}},
            "VpcConfig": {"Ref": "Vpc"},
            "Architectures": ["arm64"],
        }

    @_unhurried
    @given(data=st.data())
    def test_merging_shares_and_changes_nothing(self, data: st.DataObject) -> None:
        base, more = data.draw(_MAPS), data.draw(_MAPS)
        before = repr((base, more))
        result = merged(base, more)
        assert merged(base, {}) == base
        assert merged({}, more) == more
        assert all(_place(result, path) is not None for path in _paths(more))
        _spoil(result)
        assert repr((base, more)) == before

    def test_one_step_has_nothing_of_another(self) -> None:
        shared = {
            "Policies": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
            "Tags": {"a": "b"},
        }
        props = {"step_0": shared, "step_1": shared, "step_2": {"MemorySize": 512}}
        both = template_of(plan_of(chain(3), props=props))
        none = template_of(plan_of(chain(3)))
        name = logical_ids(["step_2"])["step_2"]
        changed = both["Resources"][f"{name}Function"]["Properties"]
        assert changed.pop("MemorySize") == 512
        assert changed == none["Resources"][f"{name}Function"]["Properties"]
        assert both["Resources"][f"{name}Role"] == none["Resources"][f"{name}Role"]
        assert shared == {
            "Policies": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
            "Tags": {"a": "b"},
        }

    def test_the_decorator_comes_after_the_pipeline_and_the_options(self) -> None:
        plan = plan_of(
            {"only": []},
            template_props={"only": {"MemorySize": 2, "Timeout": 2, "Description": "of the pipeline"}},
            props={"only": {"Timeout": 3}},
        )
        properties = function_of(plan, memory=1024, timeout=1, more_params={"MemorySize": 1})
        assert (properties["MemorySize"], properties["Timeout"]) == (2, 3)
        assert properties["Description"] == "of the pipeline"

    def test_the_runtime_knows_how_often_lambda_tries(self) -> None:
        props = {"only": {"EventInvokeConfig": {"MaximumRetryAttempts": 0}}}
        variables = function_of(plan_of({"only": []}, props=props))["Environment"]["Variables"]
        assert variables["OrchwipyAttempts"] == "1"

    def test_one_function_has_what_any_step_wants(self) -> None:
        statements = [{"Effect": "Allow", "Action": f"s3:{each}", "Resource": "*"} for each in "ab"]
        props = {
            "step_0": {"Timeout": 100, "MemorySize": 512, "Policies": statements[:1], "Tags": {"a": "1"}},
            "step_1": {"Timeout": 60, "MemorySize": 1024, "Policies": statements, "Tags": {"b": "2"}},
        }
        template = template_of(plan_of(chain(2), props=props), functions="one")
        properties = template["Resources"]["AllStepsFunction"]["Properties"]
        assert (properties["Timeout"], properties["MemorySize"]) == (100, 1024)
        assert properties["Tags"] == {"a": "1", "b": "2"}
        assert "OrchwipyName" not in properties["Environment"]["Variables"]
        policies = template["Resources"]["AllStepsRole"]["Properties"]["Policies"]
        assert [each["PolicyDocument"]["Statement"] for each in policies[1:]] == [
            [each] for each in statements
        ]

    def test_in_one_function_too_the_decorator_comes_last(self) -> None:
        plan = plan_of(
            {"only": []},
            template_props={"only": {"Runtime": "python3.12", "Policies": "AmazonS3ReadOnlyAccess"}},
            props={"only": {"Runtime": "python3.11", "Policies": ["AmazonSESFullAccess"]}},
        )
        template = template_of(plan, functions="one")
        assert template["Resources"]["AllStepsFunction"]["Properties"]["Runtime"] == "python3.11"
        managed = template["Resources"]["AllStepsRole"]["Properties"]["ManagedPolicyArns"]
        assert [each["Fn::Sub"].rpartition("/")[2] for each in managed] == [
            "AmazonS3ReadOnlyAccess",
            "AmazonSESFullAccess",
        ]

    def test_code_path_and_other_braces(self) -> None:
        other = {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Type": "String",
                "Value": "{code_path}/{other} {{resolve:ssm:x}}",
                "Description": {"Fn::Sub": "${code_path}"},
            },
        }
        plan = plan_of({"only": []}, other_resource_templates={"Place": other})
        template = template_of(plan, code="build", code_path="src/shop.py")
        made = template["Resources"]["Place"]["Properties"]
        assert made["Value"] == "src/shop.py/{other} {{resolve:ssm:x}}"
        assert made["Description"] == {"Fn::Sub": "${code_path}"}

    def test_every_unknown_ref_is_a_parameter(self) -> None:
        props = {
            "Environment": {
                "Variables": {
                    "A": {"Ref": "Plain"},
                    "B": {"Fn::Sub": "${InText}-${AWS::Region}-${!Literal}-${FailureQueue.QueueName}"},
                    "C": {"Fn::Sub": ["${Own}${Outer}", {"Own": {"Ref": "Inner"}}]},
                    "D": {"Fn::Join": ["", ["x", {"Ref": "InJoin"}]]},
                }
            }
        }
        plan = plan_of({"only": []}, props={"only": props})
        template = template_of(plan, parameters=("Named", ("Given", True), ("Plain", 3)))
        assert template["Parameters"] == {
            "Named": {"Type": "String"},
            "Given": {"Type": "String", "Default": "true"},
            "Plain": {"Type": "String", "Default": "3"},
            "InText": {"Type": "String"},
            "Outer": {"Type": "String"},
            "Inner": {"Type": "String"},
            "InJoin": {"Type": "String"},
        }


_MAPS: Any = st.dictionaries(
    st.sampled_from("abcd"),
    st.recursive(
        st.integers() | st.text(max_size=2) | st.just({"Ref": "X"}),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def _paths(value: object) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [()]
    return [(key, *rest) for key, inner in value.items() for rest in _paths(inner) or [()]]


def _place(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _spoil(value: Any) -> None:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    for each in list(inner):
        _spoil(each)
    if isinstance(value, dict | list):
        value.clear()


class TestPolicies:
    @pytest.mark.parametrize(
        ("policy", "arn"),
        [
            ("AWSLambdaSQSQueueExecutionRole", "policy/service-role/AWSLambdaSQSQueueExecutionRole"),
            ("AmazonS3ReadOnlyAccess", "policy/AmazonS3ReadOnlyAccess"),
            ("service-role/AWSLambdaRole", "policy/service-role/AWSLambdaRole"),
        ],
    )
    def test_managed_ones_by_name(self, policy: str, arn: str) -> None:
        assert given_policies([policy], "x") == ([], [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:{arn}"}])

    def test_a_single_one_needs_no_list(self) -> None:
        arn = "arn:aws:iam::123456789012:policy/own"
        assert given_policies(arn, "x") == ([], [arn])

    @pytest.mark.parametrize(
        ("policy", "said"),
        [
            ({"NoSuchPolicy": {}}, "`NoSuchPolicy`, which is no policy template"),
            ({"S3ReadPolicy": {}}, "the policy template `S3ReadPolicy`: "),
            (7, "holds what is no policy: 7"),
        ],
    )
    def test_what_is_none(self, policy: object, said: str) -> None:
        with pytest.raises(InvalidTemplate, match=said):
            given_policies([policy], "Policies")

    def test_policy_templates_without_the_translator(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "samtranslator.policy_template_processor.processor", None)
        with pytest.raises(InvalidTemplate, match="pip install aws-sam-translator"):
            given_policies([{"S3ReadPolicy": {"BucketName": "b"}}], "Policies")


def _with_props(**props: object) -> Plan:
    return plan_of({"only": []}, props={"only": props})


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "a name of the pipeline's": (
        lambda: make_template(
            plan_of({"only": []}, other_resource_templates={"OnlyRole": {"Type": "AWS::IAM::Role"}}),
            options(),
        ),
        InvalidTemplate,
        "other_resource_templates has `OnlyRole`",
    ),
    "a name of what SAM makes": (
        lambda: make_template(
            plan_of({"only": []}, other_resource_templates={"OnlyFunctionEventInvokeConfig": {}}), options()
        ),
        InvalidTemplate,
        "other_resource_templates has `OnlyFunctionEventInvokeConfig`",
    ),
    "a function's name": (
        lambda: make_template(_with_props(FunctionName="x"), options()),
        InvalidTemplate,
        "the step `only` sets FunctionName",
    ),
    "an alias": (
        lambda: make_template(_with_props(AutoPublishAlias="live"), options()),
        InvalidTemplate,
        "sets AutoPublishAlias",
    ),
    "a variable of ours": (
        lambda: make_template(_with_props(Environment={"Variables": {"StackName": "x"}}), options()),
        InvalidTemplate,
        "sets the variable StackName",
    ),
    "what is no data": (
        lambda: make_template(_with_props(Tags={"a": object()}), options()),
        InvalidTemplate,
        r"template_props of the step `only`.Tags.a is of type object",
    ),
    "what should be a map": (
        lambda: make_template(_with_props(Events=["Orders"]), options()),
        InvalidTemplate,
        "sets Events to what is no map",
    ),
    "a role and policies": (
        lambda: make_template(_with_props(Role="arn:x", Policies=["arn:y"]), options()),
        InvalidTemplate,
        "both Role and Policies",
    ),
    "an attribute of nothing": (
        lambda: make_template(_with_props(Layers=[{"Fn::GetAtt": ["Nothing", "Arn"]}]), options()),
        InvalidTemplate,
        "`OnlyFunction` needs the resource `Nothing`",
    ),
    "props of no step": (
        lambda: make_template(plan_of({"only": []}, template_props={"onyl": {}}), options()),
        UnknownStep,
        "`onyl`, but no step is called that",
    ),
    "steps that differ in one function": (
        lambda: make_template(
            plan_of(
                chain(2), props={"step_0": {"Runtime": "python3.12"}, "step_1": {"Runtime": "python3.13"}}
            ),
            options(functions="one"),
        ),
        InvalidTemplate,
        "the steps `step_0` and `step_1` want another Runtime each",
    ),
    "steps that differ deep inside": (
        lambda: make_template(
            plan_of(
                chain(2),
                props={
                    "step_0": {"Environment": {"Variables": {"A": "1"}}},
                    "step_1": {"Environment": {"Variables": {"A": "2"}}},
                },
            ),
            options(functions="one"),
        ),
        InvalidTemplate,
        "the steps `step_0` and `step_1` want another Environment.Variables.A each",
    ),
    "a step with the relay's name": (
        lambda: make_template(plan_of({"delayed-retries": []}), options()),
        InvalidTemplate,
        "the name of the relay's function",
    ),
    "an event that only SAM has": (
        lambda: make_template(
            _with_props(Events={"Daily": {"Type": "Schedule", "Properties": {}}}),
            options(format="cloudformation"),
        ),
        InvalidTemplate,
        "of the type Schedule, which only SAM has",
    ),
    "a property that only SAM has": (
        lambda: make_template(_with_props(FunctionUrlConfig={}), options(format="cloudformation")),
        InvalidTemplate,
        "FunctionUrlConfig, which plain CloudFormation does not have",
    ),
    "a resource that only SAM has": (
        lambda: make_template(
            plan_of({"only": []}, other_resource_templates={"Api": {"Type": "AWS::Serverless::Api"}}),
            options(format="cloudformation"),
        ),
        InvalidTemplate,
        "`Api` is an AWS::Serverless::Api",
    ),
    "a stack's name that is too long": (
        lambda: make_template(plan_of({"a" * 40: []}), options(stack_name="s" * 24)),
        TemplateTooLarge,
        "has 24 characters.*\nhelp: give the stack a name of at most 23 characters",
    ),
    "no stack's name": (
        lambda: make_template(plan_of({"a": []}), options(stack_name="my_stack")),
        InvalidSetting,
        "`my_stack` is no name of a stack",
    ),
    "too many resources": (
        lambda: make_template(plan_of(chain(150)), options()),
        TemplateTooLarge,
        "would have 628 resources, and CloudFormation takes 500\nhelp: --functions one",
    ),
    "too many parameters": (
        lambda: make_template(
            _with_props(Layers=[{"Ref": f"Layer{number}"} for number in range(201)]), options()
        ),
        TemplateTooLarge,
        "201 parameters, and CloudFormation takes 200",
    ),
    "too much text": (
        lambda: render_template(
            plan_of(
                {"only": []},
                other_resource_templates={
                    "Big": {"Type": "AWS::SNS::Topic", "Metadata": {"x": "x" * 1_000_000}}
                },
            ),
            options(),
        ),
        TemplateTooLarge,
        "and CloudFormation takes 1,000,000",
    ),
    "policies that are too long": (
        lambda: make_template(
            _with_props(Policies=[{"Effect": "Allow", "Action": ["s3:GetObject"] * 700, "Resource": "*"}]),
            options(),
        ),
        TemplateTooLarge,
        "the policies of the step `only` may have .* IAM takes 10,240",
    ),
    "an environment that is too large": (
        lambda: make_template(_with_props(Environment={"Variables": {"A": "x" * 4_000}}), options()),
        TemplateTooLarge,
        "the environment of the step `only` has 4,.* Lambda takes 4,096",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    make, error, said = REFUSED[case]
    with pytest.raises(error, match=said):
        make()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"format": "yaml"}, "it is sam or cloudformation"),
        ({"attempts": 4}, "`attempts` is 4"),
        ({"timeout": 901}, "`timeout` is 901"),
        ({"retention_days": 8}, "cannot be kept for 8 days"),
        ({"pipeline": "shop.py"}, "does not say where the pipeline is"),
        ({"subnets": ("a",)}, "both subnets and security groups"),
        ({"bucket": "s3://x"}, "no name of a bucket"),
    ],
)
def test_options_that_mean_nothing(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        options(**given)


def test_circles_that_users_make_are_named() -> None:
    """One that AWS refuses, and that neither the translator nor cfn-lint sees in a template of SAM."""
    props = {
        "Events": {"Web": {"Type": "Api", "Properties": {"Path": "/", "Method": "get"}}},
        "Environment": {"Variables": {"API": {"Ref": "ServerlessRestApi"}}},
    }
    with pytest.raises(
        CircularTemplate, match=": OnlyFunction → ServerlessRestApi → OnlyFunctionWeb → OnlyFunction"
    ):
        make_template(_with_props(**props), options())


def test_ids_depend_on_the_name_alone() -> None:
    names = ["fetch", "fetch_page", "fetchPage", "FetchPage", "fetch__page", "a_1", "a1", "relay", "é", "1"]
    together = logical_ids(names)
    assert len(set(together.values())) == len(names)
    assert all(each.isalnum() and each.isascii() and each[0].isalpha() for each in together.values())
    assert all(logical_ids([name]) == {name: together[name]} for name in names)
    assert (together["fetch"], together["fetch_page"], together["a1"]) == ("Fetch", "FetchPage", "A1")


def test_outputs() -> None:
    template = template_of(plan_of({"other": [], "first": ["other"]}))
    assert template["Outputs"]["PipelineEntryLambdaArn"] == {
        "Value": {"Fn::GetAtt": ["OtherFunction", "Arn"]}
    }
    assert template["Outputs"]["FailureQueueUrl"] == {"Value": {"Ref": "FailureQueue"}}
    assert template["Outputs"]["Bucket"] == {"Value": {"Ref": "PayloadBucket"}}


class TestBuildCfnTemplate:
    def test_it_is_where_programs_look_for_it(self) -> None:
        assert orchwipy_runtime.build_cfn_template is build_cfn_template
        assert orchwipy_runtime.microservice.build_cfn_template is build_cfn_template
        name = orchwipy_runtime.microservice.cfn_logical_name("begin_run")
        assert name == "BeginRunFunction"
        assert name in make_template(plan_of({"begin_run": []}), options())["Resources"]

    def test_the_seeds_parameters(self) -> None:
        template = read(seed())
        assert list(template["Parameters"]) == [
            "Level",
            "OrchwipyRequestBucket",
            "OrchwipyMaxStack",
            "DepsLayer",
            "PillowLayer",
        ]
        assert template["Parameters"]["OrchwipyMaxStack"] == {"Type": "String", "Default": "50"}
        properties = template["Resources"]["BeginRunFunction"]["Properties"]
        assert properties["CodeUri"] == "src"
        assert properties["Environment"]["Variables"]["OrchwipyPipeline"] == "shop:pipe"
        assert properties["Environment"]["Variables"]["OrchwipyMaxStack"] == {"Ref": "OrchwipyMaxStack"}
        assert (properties["MemorySize"], properties["Timeout"]) == (512, 60)
        assert properties["Architectures"] == ["arm64"]
        assert properties["Layers"] == [{"Ref": "DepsLayer"}, {"Ref": "PillowLayer"}]
        assert template["Outputs"]["PipelineEntryLambdaArn"] == {
            "Value": {"Fn::GetAtt": ["BeginRunFunction", "Arn"]}
        }

    def test_a_pipeline_with_errors_is_refused_and_nothing_is_written(self) -> None:
        pipe = MicroFunctions(beginner="begin")

        @pipe.fn()
        def begin(**kwargs: object) -> ReturnUpdates:
            return ReturnUpdates("nowhere")

        written = io.StringIO()
        with pytest.raises(PlanRefused, match="OWP201"):
            build_cfn_template(
                output_template=written,
                code_py_relative_to_template="shop.py",
                plant=pipe,
                layers=[],
                policies=[],
            )
        assert written.getvalue() == ""
