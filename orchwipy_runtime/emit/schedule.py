"""When runs begin by themselves: expressions as they should be, and a schedule as a resource.

Each time that comes is one run: its id is made of the time, so that a second attempt of the scheduler to
begin it begins no second run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.permissions import allow
from orchwipy_runtime.emit.plan import Plan
from orchwipy_runtime.emit.shared import FAILURE_QUEUE
from orchwipy_runtime.emit.structure import attribute, copied, ref, tag_list
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import InvalidSetting, listed
from orchwipy_runtime.outcome import check_keys, encode
from orchwipy_runtime.pipeline import Functions

__all__ = ["check_expression", "cron", "schedule_properties", "schedule_resources"]

_SCHEDULE = "Schedule"
_ROLE = "ScheduleRole"

_SECONDS_TO_BEGIN = 3600
_ATTEMPTS_TO_BEGIN = 10
"""How long, and how often, the scheduler tries again to begin a run."""

_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)(s?)\)")
_AT = re.compile(r"at\([0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\)")
_CRON = re.compile(r"cron\(([^()]*)\)")
_NAME = re.compile(r"[A-Za-z0-9_]{0,64}")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,49}")

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: dict[str, tuple[int, int, tuple[str, ...], str]] = {
    "minute": (0, 59, (), ""),
    "hour": (0, 23, (), ""),
    "day": (1, 31, (), r"L|LW|(?:[1-9]|[12][0-9]|3[01])W"),
    "month": (1, 12, _MONTHS, ""),
    "week_day": (1, 7, _DAYS, r"L|(?:[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:L|#[1-5])"),
    "year": (1970, 2199, (), ""),
}
"""Of each field of a cron expression: its range, the names of its values, and its forms of its own.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

_HELP = (
    "write rate(5 minutes), rate(1 day), at(2030-01-31T06:00:00), or cron(0 6 * * ? *) with minute, hour, "
    "day, month, day of the week and year, one of the days being `?`"
)


def check_expression(expression: object) -> str:
    """The expression, where EventBridge Scheduler takes it; InvalidSetting otherwise."""
    wrong = _fault(expression) if isinstance(expression, str) else "it is no text"
    if wrong is not None:
        raise InvalidSetting(
            f"the schedule `{expression}` means nothing: {wrong}", key="schedule", help=_HELP
        )
    return str(expression)


def cron(
    *,
    minute: object = None,
    hour: object = None,
    day: object = None,
    month: object = None,
    week_day: object = None,
    year: object = None,
) -> str:
    """The cron expression with these fields; what is not given is any, or 0 where something longer is given.

    `week_day` is from 1 or SUN to 7 or SAT.
    """
    if day is not None and week_day is not None:
        raise InvalidSetting(
            "a schedule has either `day` or `week_day`", key="schedule", help="make two schedules of it"
        )
    if minute is None:
        minute = "*" if hour is None and day is None and month is None and week_day is None else 0
    if hour is None:
        hour = "*" if day is None and month is None and week_day is None else 0
    days = ("?", week_day) if week_day is not None else ("*" if day is None else day, "?")
    any_month, any_year = ("*" if each is None else each for each in (month, year))
    return check_expression(f"cron({minute} {hour} {days[0]} {any_month} {days[1]} {any_year})")


def schedule_properties(
    pipe: Functions,
    *,
    expression: object,
    state: Mapping[str, object] | None,
    timezone: str | None,
    target: object,
    role: object,
    dead_letters: object,
    name: str = "",
) -> dict[str, Any]:
    """The properties of an AWS::Scheduler::Schedule that begins runs with this state.

    `target` is the ARN of what is invoked, `role` of who does it, `dead_letters` of the queue for what could
    not be begun. `name` tells one schedule of a pipeline from another. Raises InvalidSetting, and what a
    state that cannot begin a run raises.
    """
    begins = dict(state or {})
    check_keys(begins)
    first = pipe.steps.get(pipe.beginner)
    missing = [key for key in first.signature.required if key not in begins] if first else []
    if missing:
        raise InvalidSetting(
            f"scheduled runs begin with `{pipe.beginner}`, which needs {listed(missing)}",
            step=pipe.beginner,
            key=missing[0],
            help="give it in `schedule_input`, or give the parameter a default",
        )
    if timezone is not None and not _ZONE.fullmatch(timezone):
        raise InvalidSetting(
            f"`{timezone}` is no time zone", key="schedule_timezone", help="write it as in Europe/Berlin"
        )
    if not _NAME.fullmatch(name):
        raise InvalidSetting(
            f"a schedule cannot be called `{name}`", key="name", help="use letters, digits and underscores"
        )
    time = f"{name}-<aws.scheduler.scheduled-time>" if name else "<aws.scheduler.scheduled-time>"
    sent = {KEY: {"scheduled": time}, **json.loads(encode(begins))}
    return {
        "ScheduleExpression": check_expression(expression),
        **({} if timezone is None else {"ScheduleExpressionTimezone": timezone}),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": target,
            "RoleArn": role,
            "Input": json.dumps(sent),
            "DeadLetterConfig": {"Arn": dead_letters},
            "RetryPolicy": {
                "MaximumEventAgeInSeconds": _SECONDS_TO_BEGIN,
                "MaximumRetryAttempts": _ATTEMPTS_TO_BEGIN,
            },
        },
    }


def schedule_resources(plan: Plan, begins: str, options: Options) -> dict[str, dict[str, Any]]:
    """The schedule of a pipeline that has one, and the role that may begin its runs, and no more.

    `begins` is the logical id of the function or the state machine that runs begin with.
    """
    target = attribute(begins) if options.engine == "direct" else ref(begins)
    action = "lambda:InvokeFunction" if options.engine == "direct" else "states:StartExecution"
    statements = [allow([action], target), allow(["sqs:SendMessage"], attribute(FAILURE_QUEUE))]
    key: dict[str, Any] = {}
    if options.kms_key is not None:
        key = {"KmsKeyArn": copied(options.kms_key, "kms_key")}
        statements.append(allow(["kms:Decrypt", "kms:GenerateDataKey"], copied(options.kms_key, "kms_key")))
    may_assume = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
    }
    role: dict[str, Any] = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [may_assume]},
        "Policies": [
            {
                "PolicyName": "orchwipy",
                "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
            }
        ],
        **({"Tags": tag_list(options.tags)} if options.tags else {}),
    }
    properties = schedule_properties(
        plan.pipe,
        **plan.pipe.scheduled or {},
        target=target,
        role=attribute(_ROLE),
        dead_letters=attribute(FAILURE_QUEUE),
    )
    return {
        _ROLE: {"Type": "AWS::IAM::Role", "Properties": role},
        _SCHEDULE: {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {"Name": ref("AWS::StackName"), **properties, **key},
        },
    }


def _fault(expression: str) -> str | None:
    """What is wrong with an expression, None where nothing is."""
    rate = _RATE.fullmatch(expression)
    if rate:
        value, unit, plural = rate.groups()
        if (value == "1") == bool(plural):
            return f"it is {value} {unit if value == '1' else f'{unit}s'}"
        return None
    if _AT.fullmatch(expression):
        return None
    found = _CRON.fullmatch(expression)
    if not found:
        return "it is none of rate, cron and at"
    fields = found[1].split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields, and cron has {len(_FIELDS)}"
    named = dict(zip(_FIELDS, fields, strict=True))
    if (named["day"] == "?") == (named["week_day"] == "?"):
        return "one of day and day of the week is `?`, and the other is not"
    for name, field in named.items():
        for part in field.split(","):
            if not (field == "?" and name in ("day", "week_day")) and not _fits(part.upper(), name):
                return f"`{part}` is no {name.replace('week_day', 'day of the week')}"
    return None


def _fits(part: str, field: str) -> bool:
    least, most, names, special = _FIELDS[field]
    if special and re.fullmatch(special, part):
        return True
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and 0 < int(step) <= most):
        return False
    if span == "*":
        return True
    ends = [names.index(each) + least if each in names else each for each in span.split("-")]
    numbers = [int(each) for each in ends if isinstance(each, int) or each.isdecimal()]
    return 0 < len(numbers) == len(ends) <= 2 and all(least <= each <= most for each in numbers)
