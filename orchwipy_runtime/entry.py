"""What a run begins with, where the pipeline has a model of it: validated once, before the first step."""

from __future__ import annotations

from orchwipy_runtime.errors import InvalidInput, InvalidSetting
from orchwipy_runtime.outcome import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.pipeline import Functions

__all__ = ["validated"]

_MOST = 5


def validated(pipe: Functions, step: str, text: str) -> str:
    """The state of `text`, as JSON, as the pipeline's model has it; what begins elsewhere stays as it is.

    Raises InvalidInput, which names the fields and holds nothing of their values.
    """
    if step != pipe.beginner:
        return text
    model: Any = pipe.entry_model
    if not hasattr(model, "model_validate_json"):
        raise InvalidSetting(
            f"the pipeline's model is {model!r}, which is no model of pydantic",
            key="model",
            help="give a class that is derived from pydantic.BaseModel",
        )
    try:
        state = model.model_validate_json(text).model_dump(mode="json")
    except ValueError as error:  # pydantic's ValidationError is one
        faults = _faults(error)
    else:
        return encode(state, step)
    shown = "; ".join(f"`{field}`: {what}" for field, what in faults[:_MOST])
    more = f"; and {len(faults) - _MOST} more" if len(faults) > _MOST else ""
    # What pydantic raises shows values.
    raise InvalidInput(
        f"the run begins with what {model.__name__} does not take: {shown}{more}",
        step=step,
        key=faults[0][0],
        help=f"see the fields of {model.__name__}; nothing was called",
    ) from None


def _faults(error: Any) -> list[tuple[str, str]]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [(".".join(map(str, each["loc"])) or "the whole", each["msg"]) for each in found]
