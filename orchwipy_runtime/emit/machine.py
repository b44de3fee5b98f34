"""The state machine of a pipeline as resources of its template."""

from __future__ import annotations

import json
from typing import Any

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.plan import Plan
from orchwipy_runtime.emit.states import definition, state_machine_statements
from orchwipy_runtime.emit.structure import attribute, copied, ref, sub, tag_list
from orchwipy_runtime.names import function_name

__all__ = ["STATE_MACHINE", "state_machine_resources"]

STATE_MACHINE = "StateMachine"

_ROLE = "StateMachineRole"
_LOG_GROUP = "StateMachineLogGroup"
_HERE = "${AWS::Region}:${AWS::AccountId}"
_ARN = f"arn:${{AWS::Partition}}:lambda:{_HERE}:function:"
# Made of text: the machine's role has it, and the machine has that role.
_MACHINE = f"arn:${{AWS::Partition}}:states:{_HERE}:stateMachine:${{AWS::StackName}}"
_EXECUTIONS = f"arn:${{AWS::Partition}}:states:{_HERE}:execution:${{AWS::StackName}}"


def state_machine_resources(plan: Plan, options: Options) -> dict[str, Any]:
    """The state machine STATE_MACHINE, its role and its log group, by their logical ids."""
    one = options.functions == "one"

    def arn(step: str) -> str:
        return _ARN + function_name("${AWS::StackName}", step, one=one)

    machine_of = definition(
        plan,
        function_arn=arn,
        attempts=options.attempts,
        express=options.express,
        machine_arn=_MACHINE,
        partition="${AWS::Partition}",
    )
    machine: dict[str, Any] = {
        "StateMachineName": ref("AWS::StackName"),
        "StateMachineType": "EXPRESS" if options.express else "STANDARD",
        "DefinitionString": sub(json.dumps(machine_of, indent=1)),
        "RoleArn": attribute(_ROLE),
        "LoggingConfiguration": {
            # What goes from state to state is the run's state: logs hold none of it.
            "Level": "ERROR",
            "IncludeExecutionData": False,
            "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": attribute(_LOG_GROUP)}}],
        },
    }
    if options.tracing:
        machine["TracingConfiguration"] = {"Enabled": True}
    key = {} if options.kms_key is None else {"KmsKeyId": copied(options.kms_key, "kms_key")}
    tags = {"Tags": tag_list(options.tags)} if options.tags else {}
    may_assume = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "states.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
    }
    statements = state_machine_statements(
        plan,
        lambda step: sub(arn(step)),
        machine_arn=sub(_MACHINE),
        executions_arn=[sub(f"{_EXECUTIONS}:*"), sub(f"{_EXECUTIONS}/*")],
        express=options.express,
        logging=True,
        tracing=options.tracing,
    )
    policy = {
        "PolicyName": "orchwipy",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
    }
    return {
        _ROLE: {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [may_assume]},
                "Policies": [policy],
                **tags,
            },
        },
        _LOG_GROUP: {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": sub("/aws/vendedlogs/states/${AWS::StackName}"),
                "RetentionInDays": options.retention_days,
                **key,
                **tags,
            },
        },
        STATE_MACHINE: {"Type": "AWS::StepFunctions::StateMachine", "Properties": {**machine, **tags}},
    }
