"""Pipelines in apps of the AWS CDK: what is synthesised, offline, with roles as exact as in templates."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.plan import make_plan
from orchwipy_runtime.emit.template import make_template
from orchwipy_runtime.errors import InvalidSetting, NeedsStepFunctions, PackageRefused
from orchwipy_runtime.names import function_name
from tests.cloud.account import function_arn
from tests.cloud.asl_validator import find_validator, validate
from tests.cloud.deployment import Deployment
from tests.cloud.lambda_service import LambdaService
from tests.cloud.state_machines import StateMachines
from tests.emission import lint
from tests.servers import S3Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="the CDK needs Node.js"),
]
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
os.environ.setdefault("JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION", "1")

SHOP = """
from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="receive", schedule="rate(1 day)", schedule_input={"order": "A", "grams": 1})


@pipe.fn()
def receive(*, order: str, grams: int, **kwargs):
    return ConditionalReturns(grams > 30_000, ReturnUpdates("post"), true=ReturnUpdates("freight"))


@pipe.fn(terminates=True)
def post(*, order: str, **kwargs):
    return {"order": order, "price": 4.5}


@pipe.fn(
    terminates=True,
    template_props={
        "MemorySize": 1024,
        "Timeout": 120,
        "EphemeralStorage": {"Size": 1024},
        "Environment": {"Variables": {"LIMIT": 5}},
        "Policies": [{"Effect": "Allow", "Action": ["ses:SendEmail"], "Resource": "*"}],
    },
)
def freight(*, order: str, **kwargs):
    return {"order": order, "price": 80.0}


@pipe.fn(terminates=True)
def book(*, order: str, price: float, **kwargs):
    return {"order": order, "price": price}
"""
LINE = """
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="receive")


@pipe.fn()
def receive(**kwargs):
    return ReturnUpdates("pack")


@pipe.fn(terminates=True)
def pack(**kwargs):
    return {}
"""
FORKS = """
from orchwipy_runtime import Detach, MapEach, MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="fetch")


@pipe.fn(returns="images")
def fetch(count: int):
    return list(range(count))


@pipe.fn(returns="thumb")
def resize(image: int):
    return image * 2


@pipe.fn(returns=())
def audit(images: list):
    pass


@pipe.fn(returns="left")
def left(thumbs: list):
    return len(thumbs)


@pipe.fn(returns="right")
def right(thumbs: list):
    return sum(thumbs)


@pipe.fn(terminates=True)
def join(*, left: int, right: int, **kwargs):
    return ReturnUpdates(None, both=left + right)


@pipe.fn(terminates=True)
def book(*, both: int, **kwargs):
    return {"booked": both}


each = MapEach(resize, over="images", item="image", collect="thumb", into="thumbs")
fetch >> Detach(audit) >> each >> [left, right] >> join
"""
Import = Callable[..., ModuleType]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Import]:
    """Imports a program anew, from a folder of its own."""
    made: list[str] = []

    def import_it(text: str = SHOP, name: str = "shop", folder: str = "code") -> ModuleType:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path / folder))
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        made.append(name)
        return importlib.import_module(name)

    yield import_it
    for name in made:
        sys.modules.pop(name, None)


class Made:
    """A stack, and what is synthesised of it."""

    def __init__(self, folder: Path) -> None:
        import aws_cdk as cdk

        self.app = cdk.App(outdir=str(folder / "cdk.out"), analytics_reporting=False)
        self.stack = cdk.Stack(self.app, "Shop")

    def template(self) -> dict[str, Any]:
        template: dict[str, Any] = self.app.synth().get_stack_by_name("Shop").template
        return template


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    found = template["Resources"].items()
    return {name: each.get("Properties", {}) for name, each in found if each["Type"] == f"AWS::{kind}"}


def said(value: Any) -> str:
    """A value as one text, with references by their names."""
    if isinstance(value, str):
        return value
    ((kind, argument),) = value.items()
    if kind == "Fn::Join":
        return "".join(map(said, argument[1]))
    return f"<{argument if kind == 'Ref' else '.'.join(argument)}>"


def machine_of(template: dict[str, Any]) -> dict[str, Any]:
    (properties,) = of_type(template, "StepFunctions::StateMachine").values()
    machine: dict[str, Any] = json.loads(said(properties["DefinitionString"]))
    return machine


def faults(template: dict[str, Any]) -> list[str]:
    """What cfn-lint says, but for the dependencies that the CDK writes besides references."""
    return [each for each in lint(json.dumps(template)) if not each.startswith("W3005")]


def check_definition(machine: dict[str, Any], folder: Path) -> None:
    from statelint.linter import Linter

    path = folder / "machine.json"
    path.write_text(json.dumps(machine).replace("<AWS::Partition>", "aws"))
    # The CDK writes 2.0 as JavaScript does.
    assert [each for each in Linter.validate(path) if not each.endswith("is 2 but should be a Float")] == []
    validator = find_validator()
    assert validator is not None
    valid, text = validate(validator, [path])
    assert valid, text


def allowed(template: dict[str, Any], role: str) -> set[tuple[str, str]]:
    """What a role may do: each action with each resource."""
    documents = [each["PolicyDocument"] for each in template["Resources"][role]["Properties"]["Policies"]]
    documents += [
        each["PolicyDocument"]
        for each in of_type(template, "IAM::Policy").values()
        if {"Ref": role} in each["Roles"]
    ]
    return {
        (action, said(resource))
        for document in documents
        for statement in document["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def role_of(template: dict[str, Any], part: str) -> str:
    return next(name for name in of_type(template, "IAM::Role") if f"{part}Role" in name)


def test_a_pipeline_as_a_state_machine(program: Import, made: Made, tmp_path: Path) -> None:
    from aws_cdk.aws_stepfunctions import StateMachine

    shop = program()
    machine = shop.pipe.state_machine(made.stack)
    assert isinstance(machine, StateMachine)
    template = made.template()
    assert faults(template) == []
    check_definition(machine_of(template), tmp_path)
    functions = of_type(template, "Lambda::Function")
    assert len(functions) == 4
    by_step = {each["Environment"]["Variables"]["OrchwipyName"]: each for each in functions.values()}
    freight = by_step["freight"]
    assert (freight["MemorySize"], freight["Timeout"], freight["EphemeralStorage"]) == (
        1024,
        120,
        {"Size": 1024},
    )
    assert freight["Environment"]["Variables"] == {
        "LIMIT": "5",
        "OrchwipyAttempts": "3",
        "OrchwipyJournal": "off",
        "OrchwipyName": "freight",
        "OrchwipyPipeline": "shop:pipe",
        "OrchwipyRequestBucket": {"Ref": next(iter(of_type(template, "S3::Bucket")))},
        "StackName": {"Ref": "AWS::StackName"},
    }
    assert {each["Handler"] for each in functions.values()} == {"orchwipy_runtime.aws.handler.handler"}


def test_roles_are_as_exact_as_in_templates(program: Import, made: Made) -> None:
    shop = program()
    shop.pipe.state_machine(made.stack)
    template = made.template()
    plan = make_plan(shop.pipe, caller=sys._getframe())
    options = Options(pipeline="shop:pipe", engine="stepfunctions", format="cloudformation")
    expected = make_template(plan, options)["Resources"]
    (bucket,) = of_type(template, "S3::Bucket")
    for part in ("Receive", "Post", "Freight", "Book"):
        group = next(name for name in of_type(template, "Logs::LogGroup") if f"{part}LogGroup" in name)
        ours = {
            (action, _plain(resource))
            for policy in expected[f"{part}Role"]["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in statement["Action"]
            for resource in _listed(statement["Resource"])
        }
        theirs = {
            (action, resource.replace(bucket, "PayloadBucket").replace(group, f"{part}LogGroup"))
            for action, resource in allowed(template, role_of(template, part))
        }
        assert theirs == ours
    invoked = {each for each in allowed(template, role_of(template, "StateMachine")) if "lambda" in each[0]}
    assert invoked == {
        ("lambda:InvokeFunction", f"<{name}.Arn>") for name in of_type(template, "Lambda::Function")
    }


def _plain(resource: Any) -> str:
    if isinstance(resource, dict) and "Fn::Sub" in resource:
        return str(resource["Fn::Sub"]).replace("${", "<").replace("}", ">")
    return said(resource)


def test_the_same_twice(program: Import, tmp_path: Path) -> None:
    templates = []
    for name in ("a", "b"):
        made = Made(tmp_path / name)
        program(LINE).pipe.state_machine(made.stack)
        templates.append(made.template())
    assert templates[0] == templates[1]


def test_ids_stay_when_a_step_is_added(program: Import, tmp_path: Path) -> None:
    longer = LINE.replace('ReturnUpdates("pack")', 'ReturnUpdates("label")') + (
        "\n\n@pipe.fn()\ndef label(**kwargs):\n    return ReturnUpdates('pack')\n"
    )
    ids = []
    for name, text in (("a", LINE), ("b", longer)):
        made = Made(tmp_path / name)
        program(text).pipe.state_machine(made.stack)
        ids.append(made.template()["Resources"].keys())
    assert ids[0] < ids[1]
    assert {name[:13] for name in ids[1] - ids[0]} == {"ShopPipeLabel"}


def test_the_package_is_the_program_and_the_runtime_alone(
    program: Import, made: Made, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "cdk.json").write_text("{}")
    program(LINE).receive.aws_lambda(made.stack)
    made.template()
    (asset,) = (tmp_path / "cdk.out").glob("asset.*")
    assert {each.name for each in asset.iterdir()} == {"shop.py", "orchwipy-package.json", "orchwipy_runtime"}
    assert {"cdk", "emit"}.isdisjoint(each.name for each in (asset / "orchwipy_runtime").iterdir())


def test_what_lambda_could_not_import_is_found_here(program: Import, made: Made) -> None:
    shop = program(LINE.replace("\npipe", "\nimport pytest\n\npipe"))
    with pytest.raises(PackageRefused, match="No module named 'pytest'"):
        shop.receive.aws_lambda(made.stack)


def test_a_function_has_the_options_of_the_cdk(program: Import, made: Made, tmp_path: Path) -> None:
    from aws_cdk import Duration, aws_lambda, aws_s3

    shop = program()
    bucket = aws_s3.Bucket(made.stack, "Mine")
    code = aws_lambda.Code.from_asset(str(tmp_path / "code"))
    function = shop.freight.aws_lambda(
        made.stack,
        bucket=bucket,
        code=code,
        timeout=Duration.seconds(5),
        tracing=aws_lambda.Tracing.ACTIVE,
        environment={"MORE": "1"},
        architecture=aws_lambda.Architecture.ARM_64,
        layers=[aws_lambda.LayerVersion.from_layer_version_arn(made.stack, "L", LAYER)],
    )
    bucket.grant_read(function)
    assert shop.freight.aws_lambda(made.stack) is function
    template = made.template()
    assert faults(template) == []
    (properties,) = of_type(template, "Lambda::Function").values()
    assert (properties["Timeout"], properties["MemorySize"]) == (5, 1024)
    assert (properties["Layers"], properties["Architectures"]) == ([LAYER], ["arm64"])
    assert {"LIMIT", "MORE"} < properties["Environment"]["Variables"].keys()
    may = {action for action, _ in allowed(template, role_of(template, "Freight"))}
    assert {"xray:PutTraceSegments", "s3:GetObject*", "ses:SendEmail"} < may
    assert len(of_type(template, "S3::Bucket")) == 1


LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:deps:3"


def test_a_function_in_a_vpc_may_have_its_interfaces(program: Import, made: Made) -> None:
    from aws_cdk import aws_ec2

    vpc = aws_ec2.Vpc(made.stack, "Vpc", max_azs=1)
    program(LINE).pack.aws_lambda(made.stack, vpc=vpc)
    (role,) = (each for name, each in of_type(made.template(), "IAM::Role").items() if "PackRole" in name)
    assert [said(each) for each in role["ManagedPolicyArns"]] == [
        "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
    ]


def test_options_of_the_machine(program: Import, made: Made, tmp_path: Path) -> None:
    shop = program(LINE)
    receive = shop.receive.aws_lambda(made.stack, memory_size=2048)
    shop.pipe.state_machine(
        made.stack, express=True, attempts=2, timeout=_seconds(60), tracing=True, memory_size=512
    )
    receive.add_environment("LATE", "1")
    template = made.template()
    assert faults(template) == []
    (properties,) = of_type(template, "StepFunctions::StateMachine").values()
    assert properties["StateMachineType"] == "EXPRESS"
    assert properties["TracingConfiguration"] == {"Enabled": True}
    machine = machine_of(template)
    check_definition(machine, tmp_path)
    assert machine["TimeoutSeconds"] == 60
    assert machine["States"]["pack"]["Retry"][-1]["MaxAttempts"] == 1
    functions = of_type(template, "Lambda::Function").values()
    assert sorted(each["MemorySize"] for each in functions) == [512, 2048]
    assert {each["Environment"]["Variables"]["OrchwipyAttempts"] for each in functions} == {"2"}


def test_tasks_of_the_cdk_between_steps(program: Import, made: Made, tmp_path: Path) -> None:
    from aws_cdk import aws_dynamodb, aws_sns
    from aws_cdk import aws_stepfunctions as sfn
    from aws_cdk import aws_stepfunctions_tasks as tasks

    shop = program()
    topic = aws_sns.Topic(made.stack, "Topic")
    table = aws_dynamodb.Table(
        made.stack,
        "Table",
        partition_key=aws_dynamodb.Attribute(name="id", type=aws_dynamodb.AttributeType.STRING),
    )
    order = sfn.JsonPath.string_at("$.order")
    publish = tasks.SnsPublish(
        made.stack, "Publish", topic=topic, message=sfn.TaskInput.from_json_path_at("$.order")
    )
    key = tasks.DynamoAttributeValue.from_string(order)
    put = tasks.DynamoPutItem(made.stack, "Put", table=table, item={"id": key})
    rest = sfn.Wait(made.stack, "Rest", time=sfn.WaitTime.duration(_seconds(5)))
    shop.post >> publish >> put.next(rest) >> shop.book
    shop.freight >> publish
    shop.pipe.state_machine(made.stack)
    template = made.template()
    assert faults(template) == []
    machine = machine_of(template)
    check_definition(machine, tmp_path)
    states = machine["States"]
    for name in ("after post", "after freight"):
        (end,) = (way for way in states[name]["Choices"] if way["StringEquals"] == "end")
        assert end["Next"] == "the task Publish"
    assert states["the task Publish"]["Next"] == "the task Put"
    assert states["the task Put"]["Next"] == "book"
    assert list(states["the task Put"]["Branches"][0]["States"]) == ["Put", "Rest"]
    # What a task gives is dropped, and it sees the run's state.
    assert states["the task Put"]["InputPath"] == "$.event"
    assert states["the task Put"]["ResultPath"] is None
    may = {action for action, _ in allowed(template, role_of(template, "StateMachine"))}
    assert {"sns:Publish", "dynamodb:PutItem", "lambda:InvokeFunction"} < may
    assert len(of_type(template, "Lambda::Function")) == 4


def test_a_machine_with_tasks_between_steps_runs(
    program: Import, lambda_service: LambdaService, machines: StateMachines, s3: S3Server, tmp_path: Path
) -> None:
    from aws_cdk import aws_stepfunctions as sfn

    deployment = Deployment("tasked", tmp_path, lambda_service, s3)
    tasked = program((deployment.code / "tasked.py").read_text(), "tasked")
    made = Made(tmp_path / "app")
    order = {"seen": sfn.JsonPath.string_at("$.order")}
    note = sfn.Pass(made.stack, "Note", parameters=order)
    choice = sfn.Choice(made.stack, "Heavy").when(
        sfn.Condition.number_greater_than("$.kilos", 30), sfn.Fail(made.stack, "Too heavy", error="Heavy")
    )
    tasked.weigh >> choice.otherwise(sfn.Succeed(made.stack, "Light")) >> note >> tasked.book
    tasked.pipe.state_machine(made.stack)
    text = json.dumps(machine_of(made.template()))
    for step in ("Weigh", "Book"):
        name = function_name(deployment.stack, step.lower())
        text = re.sub(f"<TaskedPipe{step}Function.*?>", function_arn(name), text)
    machine = json.loads(text.replace("<AWS::Partition>", "aws"))
    light = machines.run(machine, "run-1", {"order": "A", "grams": 2000})
    heavy = machines.run(machine, "run-2", {"order": "B", "grams": 61_000})
    assert light.output == {"order": "A", "kilos": 2.0, "booked": "run-1/0-book"}
    entered = [each for each in light.entered if "after" not in each]
    assert entered[2:] == [
        "weigh",
        "the task Heavy",
        "Heavy",
        "Light",
        "the task Note",
        "Note",
        "book",
        "the run ends",
    ]
    assert (heavy.status, heavy.error) == ("FAILED", "Heavy")


def _seconds(number: int) -> Any:
    from aws_cdk import Duration

    return Duration.seconds(number)


def _pass(made: Made, name: str) -> Any:
    from aws_cdk import aws_stepfunctions as sfn

    return sfn.Pass(made.stack, name)


def test_branches_and_a_task_behind_their_join(program: Import, made: Made, tmp_path: Path) -> None:
    shop = program(FORKS)
    shop.join >> _pass(made, "Note") >> shop.book
    shop.pipe.state_machine(made.stack)
    template = made.template()
    assert faults(template) == []
    machine = machine_of(template)
    check_definition(machine, tmp_path)
    (end,) = (way for way in machine["States"]["after join"]["Choices"] if way["StringEquals"] == "end")
    assert end["Next"] == "the task Note"
    (properties,) = of_type(template, "StepFunctions::StateMachine").values()
    here = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    own = f"{here}:stateMachine:{properties['StateMachineName']}"
    may = allowed(template, role_of(template, "StateMachine"))
    # To begin detached branches and the items of a map: executions of this machine alone.
    assert {resource for action, resource in may if action == "states:StartExecution"} == {own}
    steps = {
        each["Environment"]["Variables"]["OrchwipyName"]
        for each in of_type(template, "Lambda::Function").values()
    }
    assert {"fetch", "resize", "audit", "left", "right", "join", "book"} <= steps


class TestWhatDoesNotGo:
    def test_a_task_in_a_branch(self, program: Import, made: Made) -> None:
        shop = program(FORKS)
        shop.left >> _pass(made, "Note")
        with pytest.raises(InvalidSetting, match="comes after `left` in a branch"):
            shop.pipe.state_machine(made.stack)

    def test_a_task_where_branches_join(self, program: Import, made: Made) -> None:
        shop = program(FORKS)
        shop.join >> [shop.audit, shop.book] >> _pass(made, "Note")
        with pytest.raises(InvalidSetting, match="`join` names the task `Note`"):
            shop.pipe.state_machine(made.stack)

    def test_a_task_that_leads_to_branches(self, program: Import, made: Made) -> None:
        shop = program(FORKS)
        shop.join >> _pass(made, "Note") >> [shop.book, shop.audit]
        with pytest.raises(InvalidSetting, match="`Note` of the CDK leads to a group"):
            shop.pipe.state_machine(made.stack)

    def test_a_task_runs_in_the_machine_alone(self, program: Import, made: Made) -> None:
        shop = program(LINE)
        shop.pack >> _pass(made, "Rest")
        with pytest.raises(NeedsStepFunctions, match="`Rest` is a task of the CDK"):
            shop.pipe.run()

    def test_a_task_is_not_called_like_a_step(self, program: Import, made: Made) -> None:
        shop = program(LINE)
        with pytest.raises(InvalidSetting, match="called like a step"):
            shop.pack >> _pass(made, "receive")

    def test_a_task_is_named_by_no_return(self, program: Import, made: Made) -> None:
        shop = program(LINE.replace("terminates=True", "").replace("return {}", 'return {"$next": "Rest"}'))
        shop.pipe.step(shop.receive, name="again") >> _pass(made, "Rest")
        with pytest.raises(InvalidSetting, match="`pack` names the task `Rest`"):
            shop.pipe.state_machine(made.stack)

    def test_a_task_is_no_branch(self, program: Import, made: Made) -> None:
        shop = program(LINE)
        with pytest.raises(InvalidSetting, match="a branch is of type Pass"):
            shop.receive >> [shop.pack, _pass(made, "Rest")]

    def test_no_run_begins_with_a_task(self, program: Import, made: Made) -> None:
        shop = program(LINE.replace('beginner="receive"', 'beginner="Rest"'))
        _pass(made, "Rest") >> shop.receive
        with pytest.raises(InvalidSetting, match="runs cannot begin with `Rest`"):
            shop.pipe.state_machine(made.stack)

    def test_before_a_task_a_step_has_to_be_able_to_end(self, program: Import, made: Made) -> None:
        shop = program(LINE.replace('ReturnUpdates("pack")', "ReturnUpdates(None)"))
        shop.receive >> _pass(made, "Rest") >> shop.pack
        with pytest.raises(InvalidSetting, match="terminates=True") as raised:
            shop.pipe.state_machine(made.stack)
        assert raised.value.step == "receive"

    def test_what_the_app_alone_puts_together(self, program: Import, made: Made) -> None:
        shop = program(LINE.replace('ReturnUpdates("pack")', "ReturnUpdates(None)"))
        shop.receive >> shop.pack
        with pytest.raises(InvalidSetting, match="in the module itself, not in the app"):
            shop.pipe.state_machine(made.stack)

    def test_options_come_where_a_function_is_made(self, program: Import, made: Made) -> None:
        shop = program(LINE)
        shop.pack.aws_lambda(made.stack)
        with pytest.raises(InvalidSetting, match="cannot be given `memory_size`"):
            shop.pack.aws_lambda(made.stack, memory_size=512)

    def test_one_machine_in_a_scope(self, program: Import, made: Made) -> None:
        shop = program(LINE)
        shop.pipe.state_machine(made.stack)
        with pytest.raises(InvalidSetting, match="has the state machine of `shop:pipe` already"):
            shop.pipe.state_machine(made.stack)

    def test_when_is_not_said_or_twice(self, program: Import, made: Made) -> None:
        shop = program(LINE)
        with pytest.raises(InvalidSetting, match="not said when"):
            shop.pipe.schedule(made.stack)
        with pytest.raises(InvalidSetting, match="either an expression or fields"):
            shop.pipe.schedule(made.stack, expression="rate(1 day)", hour=6)

    def test_a_pipeline_that_no_function_could_find(self, made: Made) -> None:
        from orchwipy_runtime import MicroFunctions

        pipe = MicroFunctions(beginner="only")

        @pipe.fn(terminates=True)
        def only(**kwargs: object) -> dict[str, object]:
            return {}

        with pytest.raises(InvalidSetting, match="no module has the pipeline"):
            only.aws_lambda(made.stack)


def test_schedules(program: Import, made: Made) -> None:
    shop = program()
    shop.pipe.schedule(made.stack)
    shop.pipe.schedule(made.stack, hour=6, week_day="MON-FRI", timezone="Europe/Berlin", name="Morning")
    state = {"order": "B", "grams": 2}
    shop.pipe.schedule(made.stack, expression="rate(2 hours)", state=state, name="Often")
    template = made.template()
    assert faults(template) == []
    daily, morning, often = of_type(template, "Scheduler::Schedule").values()
    assert daily["ScheduleExpression"] == "rate(1 day)"
    assert morning["ScheduleExpression"] == "cron(0 6 ? * MON-FRI *)"
    assert morning["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert often["ScheduleExpression"] == "rate(2 hours)"
    inputs = [json.loads(each["Target"]["Input"]) for each in (daily, morning, often)]
    assert [each["order"] for each in inputs] == ["A", "A", "B"]
    # At the same time they begin different runs.
    assert len({each["$orchwipy"]["scheduled"] for each in inputs}) == 3
    (machine,) = of_type(template, "StepFunctions::StateMachine")
    (queue,) = of_type(template, "SQS::Queue")
    for part in ("Schedule", "Morning", "Often"):
        assert allowed(template, role_of(template, part)) == {
            ("states:StartExecution", f"<{machine}>"),
            ("sqs:SendMessage", f"<{queue}.Arn>"),
        }


def test_steps_as_tasks_of_a_machine_of_ones_own(program: Import, made: Made, tmp_path: Path) -> None:
    from aws_cdk import aws_stepfunctions as sfn

    shop = program(LINE)
    chain = shop.receive.task(made.stack).next(shop.pack.task(made.stack, name="Pack it", attempts=2))
    sfn.StateMachine(made.stack, "Mine", definition_body=sfn.DefinitionBody.from_chainable(chain))
    template = made.template()
    assert faults(template) == []
    machine = machine_of(template)
    check_definition(machine, tmp_path)
    assert list(machine["States"]) == ["receive", "Pack it"]
    receive = machine["States"]["receive"]
    assert receive["OutputPath"] == "$.Payload.event"
    assert receive["Parameters"]["Payload"]["$orchwipy"]["states"] == {
        "step": "receive",
        "run.$": "$$.Execution.Name",
        "retry.$": "$$.State.RetryCount",
        "event.$": "$",
        "branches": [],
    }
    assert [each["MaxAttempts"] for each in machine["States"]["Pack it"]["Retry"]] == [0, 6, 1]


def test_two_pipelines_in_a_stack(program: Import, made: Made) -> None:
    for name in ("first", "second"):
        program(LINE, name=name).pipe.state_machine(made.stack)
    template = made.template()
    assert faults(template) == []
    said_by = {
        each["Environment"]["Variables"]["OrchwipyPipeline"]
        for each in of_type(template, "Lambda::Function").values()
    }
    assert said_by == {"first:pipe", "second:pipe"}
