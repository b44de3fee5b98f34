"""Branches on Step Functions: the machines of all shapes with the real handlers, in this process."""

from __future__ import annotations

import functools
import json
import sys
from random import Random
from typing import Any

import pytest

from orchwipy_runtime import MicroFunctions
from orchwipy_runtime.aws.delivery import deliver
from orchwipy_runtime.emit.plan import make_plan
from orchwipy_runtime.emit.states import definition
from tests.programs import shapes
from tests.programs.shapes import SHAPES, Shape
from tests.simulation.machine import Failed, Machine
from tests.simulation.world import Faults, World


class Runs:
    """A pipeline on a machine. `world` has its store."""

    def __init__(self, pipe: MicroFunctions, *, express: bool = False, **settings: Any) -> None:
        self.world = World(pipe, Random(0), Faults(), **settings)
        self.definition = definition(
            make_plan(pipe, caller=sys._getframe()),
            function_arn=str,
            machine_arn="arn:machine",
            express=express,
        )
        self.machine = Machine(self.definition, self._call)
        self.calls: list[str] = []

    def _call(self, step: str, payload: Any) -> Any:
        world = self.world
        self.calls.append(step)
        try:
            answer = world.through(lambda: deliver(world.pipe, payload, None, world.services(step)))
        except Exception as error:
            cause = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": ["..."]}
            raise Failed(type(error).__name__, json.dumps(cause)) from error
        return json.loads(json.dumps(answer))

    def run(self, state: dict[str, Any], name: str = "run-1") -> Any:
        return self.machine.run(name, state)


@functools.cache
def runs_of(pipe: str, express: bool) -> Runs:
    return Runs(getattr(shapes, pipe), express=express)


@pytest.mark.parametrize("express", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.pipe}-{json.dumps(shape.input)}")
def test_every_shape_ends_as_on_this_machine(shape: Shape, express: bool) -> None:
    runs = Runs(getattr(shapes, shape.pipe), express=express)
    if isinstance(shape.state, str):
        with pytest.raises(Failed) as failed:
            runs.run(shape.input)
        assert failed.value.error == shape.state
    elif express and shape.input.get("count") == 1000:
        with pytest.raises(Failed) as failed:
            runs.run(shape.input)
        assert failed.value.error == "StateTooLarge"
    else:
        assert runs.run(shape.input) == shape.state
