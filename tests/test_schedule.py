"""Schedules: which expressions there are, what they become, and that each time is one run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchwipy_runtime import MicroFunctions
from orchwipy_runtime.aws.event import read_event
from orchwipy_runtime.aws.settings import Settings
from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.schedule import check_expression, cron
from orchwipy_runtime.emit.template import render_template
from orchwipy_runtime.envelope import KEY, read_entry
from orchwipy_runtime.errors import InvalidEnvelope, InvalidSetting, ReservedName
from tests.emission import chain, lint_both, plan_of, read, resources

TIME = "2026-11-21T06:00:00Z"


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minute)",
        "rate(5 minutes)",
        "rate(12 hours)",
        "rate(1 day)",
        "at(2030-01-31T06:00:00)",
        "cron(0 6 * * ? *)",
        "cron(*/15 8-17 ? * MON-FRI *)",
        "cron(0,30 0/2 1,15 jan,JUL ? 2026-2030)",
        "cron(0 0 L * ? *)",
        "cron(0 0 15W * ? *)",
        "cron(0 0 ? * 6L *)",
        "cron(0 0 ? * TUE#2 *)",
    ],
)
def test_expressions(expression: str) -> None:
    assert check_expression(expression) == expression


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("5 minutes", "none of rate, cron and at"),
        ("", "none of rate, cron and at"),
        ("rate(0 minutes)", "none of rate, cron and at"),
        ("rate(5 weeks)", "none of rate, cron and at"),
        ("rate(1 minutes)", "it is 1 minute"),
        ("rate(5 minute)", "it is 5 minutes"),
        ("at(2030-01-31)", "none of rate, cron and at"),
        ("cron(0 6 * * ?)", "it has 5 fields, and cron has 6"),
        ("cron(0 6 * * * *)", "one of day and day of the week is `?`"),
        ("cron(0 6 ? * ? *)", "one of day and day of the week is `?`"),
        ("cron(60 6 * * ? *)", "`60` is no minute"),
        ("cron(0 24 * * ? *)", "`24` is no hour"),
        ("cron(? 6 * * ? *)", "`?` is no minute"),
        ("cron(0 6 32 * ? *)", "`32` is no day"),
        ("cron(0 6 * 13 ? *)", "`13` is no month"),
        ("cron(0 6 ? * 0 *)", "`0` is no day of the week"),
        ("cron(0 6 ? * MON#6 *)", "`MON#6` is no day of the week"),
        ("cron(0 6 * * ? 1969)", "`1969` is no year"),
        ("cron(1-2-3 6 * * ? *)", "`1-2-3` is no minute"),
        ("cron(*/0 6 * * ? *)", "`*/0` is no minute"),
        ("cron(1, 6 * * ? *)", "`` is no minute"),
        (5, "it is no text"),
    ],
)
def test_expressions_that_mean_nothing(expression: object, said: str) -> None:
    with pytest.raises(InvalidSetting) as raised:
        check_expression(expression)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({}, "cron(* * * * ? *)"),
        ({"hour": 6}, "cron(0 6 * * ? *)"),
        ({"minute": "*/15"}, "cron(*/15 * * * ? *)"),
        ({"day": "L"}, "cron(0 0 L * ? *)"),
        ({"hour": 8, "minute": 30, "week_day": "MON-FRI"}, "cron(30 8 ? * MON-FRI *)"),
        ({"month": 1, "day": 1, "year": 2030}, "cron(0 0 1 1 ? 2030)"),
    ],
)
def test_fields(fields: dict[str, Any], expression: str) -> None:
    assert cron(**fields) == expression


def test_a_schedule_has_one_kind_of_day() -> None:
    with pytest.raises(InvalidSetting, match="either `day` or `week_day`"):
        cron(day=1, week_day="MON")


FORMS: list[dict[str, Any]] = [
    {},
    {"functions": "one"},
    {"engine": "stepfunctions"},
    {"engine": "stepfunctions", "express": True},
]


def scheduled(form: dict[str, Any], form_of_text: str) -> str:
    plan = plan_of(chain(2), schedule="rate(5 minutes)", schedule_input={"size": 3})
    return render_template(plan, Options(pipeline="shop:pipe", format=form_of_text, **form))


@pytest.mark.slow
@pytest.mark.parametrize("form_of_text", ["sam", "cloudformation"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_aws_takes_it(form: dict[str, Any], form_of_text: str) -> None:
    assert lint_both(scheduled(form, form_of_text)) == []


@pytest.mark.parametrize("form_of_text", ["sam", "cloudformation"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_it_begins_one_thing_and_may_do_no_more(form: dict[str, Any], form_of_text: str) -> None:
    template = read(scheduled(form, form_of_text))
    (schedule,) = resources(template, "AWS::Scheduler::Schedule").values()
    target = schedule["Target"]
    statements = [
        (statement["Action"], statement["Resource"])
        for policy in template["Resources"]["ScheduleRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    failures = {"Fn::GetAtt": ["FailureQueue", "Arn"]}
    if "engine" in form:
        begins = (["states:StartExecution"], {"Ref": "StateMachine"})
    else:
        (entry,) = template["Outputs"]["PipelineEntryLambdaArn"].values()
        begins = (["lambda:InvokeFunction"], entry)
    assert statements == [begins, (["sqs:SendMessage"], failures)]
    assert target["Arn"] == begins[1]
    assert target["DeadLetterConfig"] == {"Arn": failures}
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(target["Input"])["size"] == 3
    assert "FailureQueueUrl" in template["Outputs"]


def test_without_one_there_is_none() -> None:
    template = read(render_template(plan_of(chain(2)), Options(pipeline="shop:pipe")))
    assert resources(template, "AWS::Scheduler::Schedule") == {}
    assert "ScheduleRole" not in template["Resources"]


def test_a_key_of_ones_own_is_used_and_may_be() -> None:
    plan = plan_of(chain(1), schedule="rate(1 day)", schedule_timezone="Europe/Berlin")
    key = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    text = render_template(plan, Options(pipeline="shop:pipe", kms_key=key, tags={"team": "data"}))
    assert lint_both(text) == []
    (schedule,) = resources(read(text), "AWS::Scheduler::Schedule").values()
    assert (schedule["KmsKeyArn"], schedule["ScheduleExpressionTimezone"]) == (key, "Europe/Berlin")
    role = read(text)["Resources"]["ScheduleRole"]["Properties"]
    assert role["Policies"][0]["PolicyDocument"]["Statement"][-1]["Resource"] == key
    assert role["Tags"] == [{"Key": "team", "Value": "data"}]


def _pipe(**settings: Any) -> MicroFunctions:
    pipe = MicroFunctions(beginner="fetch", schedule="rate(5 minutes)", **settings)

    @pipe.fn(terminates=True)
    def fetch(*, source: str, limit: int = 5, **kwargs: object) -> dict[str, object]:
        return {}

    return pipe


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({}, InvalidSetting, "begin with `fetch`, which needs `source`"),
        ({"schedule_input": {"source": "a", "$x": 1}}, ReservedName, "x"),
        (
            {"schedule_input": {"source": "a"}, "schedule_timezone": "5 o'clock"},
            InvalidSetting,
            "no time zone",
        ),
    ],
)
def test_runs_that_could_not_begin(settings: dict[str, Any], error: type[Exception], said: str) -> None:
    from sys import _getframe

    from orchwipy_runtime.emit.plan import make_plan

    plan = make_plan(_pipe(**settings), caller=_getframe())
    with pytest.raises(error, match=said):
        render_template(plan, Options(pipeline="shop:pipe"))


def test_each_time_is_a_run_of_its_own_however_often_it_is_begun() -> None:
    pipe = _pipe()
    settings = Settings(stack="shop", step="fetch")
    event = {KEY: {"scheduled": TIME}, "source": "a"}
    runs = [read_event(event, None, pipe, settings)[0].run for _ in range(2)]
    assert runs == ["scheduled-2026-11-21T06.00.00Z"] * 2
    assert read_entry({"scheduled": "2026-11-22T06:00:00Z"})[0] != runs[0]
    # In a state machine too, where the execution's name would be another at a second attempt.
    assert read_event(event, None, pipe, settings, run="execution")[0].run == runs[0]


@pytest.mark.parametrize("time", ["6 o'clock", "x" * 128, {}, "../../other"])
def test_what_is_no_time_makes_no_run(time: object) -> None:
    with pytest.raises(InvalidEnvelope):
        read_entry({"scheduled": time})


def test_a_pipeline_made_of_another_keeps_its_schedule() -> None:
    assert MicroFunctions.from_functions(_pipe()).scheduled == _pipe().scheduled is not None
