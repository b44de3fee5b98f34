"""Random pipelines and what they really do, to measure the analyser by."""

from __future__ import annotations

from .concrete import Conflict, Defect, Enumeration, TooLarge, enumerate_states
from .programs import Program
from .render import Rendered, render
from .strategies import FORKED, FULL, PROMISED, UPSTREAM, Dialect, programs

__all__ = [
    "FORKED",
    "FULL",
    "PROMISED",
    "UPSTREAM",
    "Conflict",
    "Defect",
    "Dialect",
    "Enumeration",
    "Program",
    "Rendered",
    "TooLarge",
    "enumerate_states",
    "programs",
    "render",
]
