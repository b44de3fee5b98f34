"""Branches on this machine: what they come to, in which order, and what a failure does to the others."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from orchwipy_runtime import MicroFunctions


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "programs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROGRAM = _load("shapes")


@pytest.mark.parametrize("shape", PROGRAM.SHAPES, ids=lambda shape: f"{shape.pipe}-{len(shape.path)}")
def test_each_shape(shape: Any) -> None:
    pipe: MicroFunctions = getattr(PROGRAM, shape.pipe)
    if isinstance(shape.state, str):
        with pytest.raises(ValueError, match="below zero"):
            pipe.run(**shape.input)
        return
    result = pipe.run(**shape.input)
    assert (result.state, result.path) == (shape.state, shape.path)
    assert len(result.seconds) == len(result.path)
