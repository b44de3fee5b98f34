"""The entry of every deployed function: `orchwipy_runtime.aws.handler.handler`.

The environment variable OrchwipyPipeline says which pipeline it is, as `module:pipe`. It is imported when
the function starts, so that a program that cannot be imported fails there.
"""

from __future__ import annotations

import os
from importlib import import_module

from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.micro import MicroFunctions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["handler"]


def _find(place: str | None) -> MicroFunctions:
    module, _, name = (place or "").partition(":")
    if not module or not name:
        raise InvalidSetting(
            "the environment variable OrchwipyPipeline does not say where the pipeline is",
            key="OrchwipyPipeline",
            help="set it to the module and the pipeline's name in it, as in `shop:pipe`",
        )
    pipe = getattr(import_module(module), name, None)
    if not isinstance(pipe, MicroFunctions):
        raise InvalidSetting(
            f"OrchwipyPipeline is `{place}`, but `{name}` of `{module}` is no MicroFunctions",
            key="OrchwipyPipeline",
        )
    return pipe


_pipe = _find(os.environ.get("OrchwipyPipeline"))


def handler(event: object, context: Any) -> dict[str, object]:
    """Delivers an event of Lambda to the step that this function is."""
    return _pipe.lambda_handler(event, context)
