"""A pipeline as a state machine, and what begins its runs by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchwipy_runtime.cdk.functions import aws_lambda, role_of
from orchwipy_runtime.cdk.home import Home
from orchwipy_runtime.cdk.tasks import add_tasks, without_tasks
from orchwipy_runtime.checking import Caller
from orchwipy_runtime.emit.importing import shapes
from orchwipy_runtime.emit.machine import STATE_MACHINE
from orchwipy_runtime.emit.plan import make_plan
from orchwipy_runtime.emit.schedule import cron, schedule_properties
from orchwipy_runtime.emit.shared import FAILURE_QUEUE
from orchwipy_runtime.emit.states import definition, state_machine_statements
from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.micro import MicroFunctions

__all__ = ["schedule", "state_machine"]

_TWO_WEEKS = 14


def state_machine(
    pipe: MicroFunctions,
    scope: Any,
    *,
    express: bool = False,
    attempts: int = 3,
    timeout: Any = None,
    tracing: bool = False,
    **props: Any,
) -> Any:
    """The pipeline's machine in this scope, an `aws_cdk.aws_stepfunctions.StateMachine`.

    Arguments are those of `MicroFunctions.state_machine`. Raises PlanRefused where the analyser finds an
    error in the pipeline.
    """
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as awslambda
    from aws_cdk import aws_logs
    from aws_cdk import aws_stepfunctions as sfn

    home = Home(pipe, scope)
    if home.find(STATE_MACHINE) is not None:
        raise InvalidSetting(
            f"`{scope.node.path}` has the state machine of `{home.place}` already",
            help="keep what state_machine(...) gives, and call it once",
        )
    caller = Caller(str(home.file), 1, {home.name: pipe})
    plan, following = without_tasks(make_plan(pipe, caller=caller))
    if tracing:
        props = {"tracing": awslambda.Tracing.ACTIVE, **props}
    functions = {
        step.name: aws_lambda(pipe, step.name, scope, **({} if home.has_function(step.name) else props))
        for step in plan.steps
    }
    for function in functions.values():
        function.add_environment("OrchwipyAttempts", str(attempts))
    _check_package(home, pipe, following)

    def arn(step: str) -> str:
        return str(functions[step].function_arn)

    # Made of text: the machine's role has it, and the machine has that role.
    name = cdk.Names.unique_resource_name(home.construct, max_length=80, separator="-")
    here = f"{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
    arns = f"arn:{cdk.Aws.PARTITION}:states:{here}"
    own, executions = f"{arns}:stateMachine:{name}", f"{arns}:execution:{name}"
    machine = definition(
        plan,
        function_arn=arn,
        machine_arn=own,
        attempts=attempts,
        express=express,
        timeout=int(timeout.to_seconds()) if isinstance(timeout, cdk.Duration) else timeout,
        partition=cdk.Aws.PARTITION,
    )
    statements = state_machine_statements(
        plan,
        arn,
        machine_arn=own,
        executions_arn=[f"{executions}:*", f"{executions}/*"],
        express=express,
    )
    role = role_of(
        home,
        f"{STATE_MACHINE}Role",
        _role("states.amazonaws.com", statements),
    )
    for statement in add_tasks(machine, plan, following):
        role.add_to_policy(statement)
    group = aws_logs.LogGroup(
        home.construct,
        f"{STATE_MACHINE}LogGroup",
        log_group_name=f"/aws/vendedlogs/states/{cdk.Names.unique_resource_name(home.construct)}",
        retention=aws_logs.RetentionDays.ONE_MONTH,
    )
    return sfn.StateMachine(
        home.construct,
        STATE_MACHINE,
        state_machine_name=name if any(step.forks for step in plan.steps) else None,
        definition_body=sfn.DefinitionBody.from_string(json.dumps(machine, indent=1)),
        state_machine_type=sfn.StateMachineType.EXPRESS if express else sfn.StateMachineType.STANDARD,
        role=role,
        # What goes from state to state is the run's state: logs hold none of it.
        logs=sfn.LogOptions(destination=group, level=sfn.LogLevel.ERROR, include_execution_data=False),
        tracing_enabled=tracing,
    )


def schedule(
    pipe: MicroFunctions,
    scope: Any,
    *,
    name: str = "Schedule",
    expression: str | None = None,
    timezone: str | None = None,
    state: Mapping[str, object] | None = None,
    **fields: object,
) -> Any:
    """A schedule that begins runs of the pipeline's machine in this scope, as a `CfnResource`.

    Arguments are those of `MicroFunctions.schedule`.
    """
    import aws_cdk as cdk
    from aws_cdk import aws_sqs as sqs

    if expression is not None and fields:
        raise InvalidSetting(
            "a schedule has either an expression or fields", key="schedule", help="give one of them"
        )
    wanted: dict[str, Any] = dict(pipe.scheduled or {"expression": None, "state": None, "timezone": None})
    given = {"expression": cron(**fields) if fields else expression, "state": state, "timezone": timezone}
    wanted |= {key: value for key, value in given.items() if value is not None}
    if wanted["expression"] is None:
        raise InvalidSetting(
            "it is not said when runs are to begin",
            key="schedule",
            help='write schedule(scope, expression="rate(5 minutes)"), schedule(scope, hour=6), or schedule= '
            "of the pipeline",
        )
    home = Home(pipe, scope)
    machine = home.find(STATE_MACHINE) or state_machine(pipe, scope)
    failures = home.find(FAILURE_QUEUE) or sqs.Queue(
        home.construct,
        FAILURE_QUEUE,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        retention_period=cdk.Duration.days(_TWO_WEEKS),
    )
    may = [
        {"Effect": "Allow", "Action": ["states:StartExecution"], "Resource": machine.state_machine_arn},
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": failures.queue_arn},
    ]
    role = role_of(home, f"{name}Role", _role("scheduler.amazonaws.com", may))
    properties = schedule_properties(
        pipe,
        **wanted,
        target=machine.state_machine_arn,
        role=role.role_arn,
        dead_letters=failures.queue_arn,
        name="" if name == "Schedule" else name,
    )
    return cdk.CfnResource(home.construct, name, type="AWS::Scheduler::Schedule", properties=properties)


def _role(service: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    """The properties of a role that a service takes for this account."""
    import aws_cdk as cdk

    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
        "Condition": {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
    }
    policy = {"Version": "2012-10-17", "Statement": statements}
    return {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "orchwipy", "PolicyDocument": policy}],
    }


def _check_package(home: Home, pipe: MicroFunctions, following: Mapping[str, Any]) -> None:
    """Refuses what the app says of the pipeline, and its functions would not know."""
    packaged = home.packaged_steps()
    if packaged is None:
        return
    for name, (follows, ends) in shapes(pipe).items():
        if hasattr(pipe.steps[name].function, "task"):
            continue
        wanted = [None, True] if name in following else [follows, ends]
        if packaged.get(name) != wanted:
            raise InvalidSetting(
                f"on Lambda, where only `{home.place}` is imported, step `{name}` leads elsewhere than here",
                step=name,
                help=f"give `{name}` terminates=True: it ends there, and the machine goes on with the task"
                if name in following
                else f"put `{name}` together with `>>` in the module itself, not in the app",
            )
