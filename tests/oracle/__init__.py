"""Random pipelines and what they really do, to measure the analyser by."""

from __future__ import annotations

from .concrete import Defect, Enumeration, TooLarge, enumerate_states
from .programs import Program
from .render import Rendered, render
from .strategies import FULL, UPSTREAM, Dialect, programs

__all__ = [
    "FULL",
    "UPSTREAM",
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
