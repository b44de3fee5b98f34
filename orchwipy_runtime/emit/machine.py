"""The state machine of a pipeline as resources of its template."""

from __future__ import annotations

from typing import Any

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.plan import Plan
from orchwipy_runtime.errors import InvalidSetting

__all__ = ["STATE_MACHINE", "state_machine_resources"]

STATE_MACHINE = "StateMachine"


def state_machine_resources(plan: Plan, options: Options) -> dict[str, Any]:
    """The state machine STATE_MACHINE, its role and its log group, by their logical ids."""
    raise InvalidSetting(
        "the engine `stepfunctions` is not there yet",
        help="use the engine `direct`, in which each step invokes the next",
    )
