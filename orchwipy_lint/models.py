"""How pipelines are written down."""

from __future__ import annotations

from orchwipy_lint import model
from orchwipy_lint.codec import Codec
from orchwipy_lint.types import Atom, Scalar, Type

__all__ = ["MODELS"]

MODELS = Codec(
    tuple,
    (
        *(each for name in model.__all__ if isinstance(each := getattr(model, name), type)),
        *(Atom, Scalar, Type),
    ),
)
"""Reads and writes what `orchwipy_lint.model` has."""
