"""The states of coffee, before each step."""

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict


class OrderState(TypedDict):
    """What `order` gets."""

    guest: str
    size: NotRequired[Literal["large", "small"]]


class GrindState(TypedDict):
    """What `grind` gets."""

    grams: Literal[17] | float
    guest: str
    size: NotRequired[Literal["large", "small"]]


class CleanState(TypedDict):
    """What `clean` gets."""

    dust: Literal[1]
    grams: Literal[17] | float
    guest: str
    size: NotRequired[Literal["large", "small"]]


class CountState(TypedDict):
    """What `count` gets."""

    grams: Literal[17] | float
    guest: str
    size: NotRequired[Literal["large", "small"]]


# What `pour` gets, and keys that the text does not tell.
PourState = TypedDict(
    "PourState",
    {
        "beans": NotRequired[dict[str, Literal[90]]],
        "dust": NotRequired[list[Any]],
        "grams": NotRequired[Literal[17] | float],
        "guest": str,
        "milk": NotRequired[int | None],
        "size": NotRequired[Literal["large", "small"]],
        "to go": NotRequired[None],
    },
)
