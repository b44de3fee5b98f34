"""From what a step returns to what comes next."""

from __future__ import annotations

import math
import types
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import pytest

from orchwipy_runtime import ConditionalReturns, Functions, ReturnUpdates
from orchwipy_runtime.errors import (
    InvalidReturn,
    NoNextStep,
    NotSerializable,
    OrchwipyError,
    ReservedName,
    UnknownStep,
)
from orchwipy_runtime.outcome import decode, encode, follow

STATE: dict[str, Any] = {"a": 1, "b": [2]}


class Named(str, Enum):
    PACK = "pack"


def after(returned: Any, state: dict[str, Any] = STATE, **options: Any) -> tuple[str | None, dict[str, Any]]:
    """What follows a step `weigh`, which is declared with the options."""
    pipe = Functions(beginner="weigh")

    def pack(**kwargs: object) -> dict[str, object]:
        return {}

    def send(**kwargs: object) -> dict[str, object]:
        return {}

    def weigh(**kwargs: object) -> dict[str, object]:
        return {}

    for each in (pack, send):
        pipe.fn(terminates=True)(each)
    pipe.step(weigh, **options)
    onward = follow(pipe.steps["weigh"], returned, state, pipe.steps)
    return onward.following, onward.state


GOTO = {"next_key": "goto", "terminates": True}
SEND = {"default_next": "send"}
END = {"terminates": True}


@pytest.mark.parametrize(
    ("returned", "options", "target", "state"),
    [
        (ReturnUpdates("pack", c=3), {}, "pack", {"a": 1, "b": [2], "c": 3}),
        (ReturnUpdates("pack", a=3), {}, "pack", {"a": 3, "b": [2]}),
        (ReturnUpdates("pack", "a", c=3), {}, "pack", {"b": [2], "c": 3}),
        (ReturnUpdates("pack", "a", a=3), {}, "pack", {"b": [2], "a": 3}),
        (ReturnUpdates("pack", "nothing"), {}, "pack", STATE),
        (ReturnUpdates("pack", "*", c=3), {}, "pack", {"c": 3}),
        (ReturnUpdates("pack", "a", "*"), {}, "pack", {}),
        ({"$next": "pack", "c": 3}, {}, "pack", {"c": 3}),
        (types.MappingProxyType({"$next": "pack", "c": 3}), {}, "pack", {"c": 3}),
        (ConditionalReturns("x", {"$next": "send"}, x={"$next": "pack", "c": 3}), {}, "pack", {"c": 3}),
        (ConditionalReturns("y", {"$next": "send"}, x={"$next": "pack", "c": 3}), {}, "send", {}),
        (ReturnUpdates("pack"), SEND, "pack", STATE),
        (ReturnUpdates(None), SEND, "send", STATE),
        (ReturnUpdates(""), SEND, "send", STATE),
        ({}, SEND, "send", {}),
        ({"$next": None}, SEND, "send", {}),
        ({"$next": ""}, SEND, "send", {}),
        ({"c": 3}, {"default_next": "send", "terminates": True}, "send", {"c": 3}),
        ({"c": 3}, END, None, {"c": 3}),
        (ReturnUpdates(None), END, None, STATE),
        (ReturnUpdates(None, **{"$next": "pack"}), {}, "pack", STATE),
        (ReturnUpdates("send", **{"$next": "pack"}), {}, "send", STATE),
        ({"goto": "pack", "c": 3}, GOTO, "pack", {"c": 3}),
        ({"goto": "pack", "$next": "c"}, GOTO, "pack", {"$next": "c"}),
        ({"$next": "pack"}, GOTO, None, {"$next": "pack"}),
        (ReturnUpdates(None, goto="pack"), GOTO, "pack", STATE),
        (ReturnUpdates("send", goto="pack"), GOTO, "send", STATE),
        ({"$next": "pack"}, {"next_key": ""}, "pack", {}),
        (ReturnUpdates(Named.PACK), {}, "pack", STATE),
    ],
)
def test_what_follows(returned: Any, options: Any, target: str | None, state: object) -> None:
    following, next_state = after(returned, **options)
    assert (following, next_state) == (target, state)
    assert following is None or type(following) is str


@pytest.mark.parametrize(
    ("returned", "target"),
    [(ReturnUpdates(None), "pack"), (ReturnUpdates("send"), "send"), (ReturnUpdates(None, "goto"), None)],
)
def test_a_carried_next_key_is_consumed(returned: Any, target: str | None) -> None:
    assert after(returned, {"goto": "pack", "a": 1}, **GOTO) == (target, {"a": 1})


def test_the_incoming_state_is_left_alone() -> None:
    state: dict[str, Any] = {"a": 1, "goto": "pack"}
    after(ReturnUpdates(None, "a", b=2), state, **GOTO)
    assert state == {"a": 1, "goto": "pack"}


@pytest.mark.parametrize(
    ("returned", "options", "error", "message"),
    [
        (None, {}, InvalidReturn, "step `weigh` returns None, which does not say what comes next"),
        (None, END, InvalidReturn, "returns None"),
        (["pack"], {}, InvalidReturn, "returns an object of type list"),
        ("pack", {}, InvalidReturn, "ReturnUpdates(...), a dict, ConditionalReturns(...)"),
        (ConditionalReturns("x", None), {}, InvalidReturn, "the arm that is taken is None"),  # type: ignore[arg-type]
        (
            ConditionalReturns("x", ConditionalReturns("y", {})),  # type: ignore[arg-type]
            {},
            InvalidReturn,
            "arms do not nest",
        ),
        (ConditionalReturns([], {}), {}, InvalidReturn, "an operand that cannot choose: it is of type list"),  # type: ignore[type-var]
        ({"$next": 5}, {}, InvalidReturn, "what is no name but of type int"),
        ({"$next": False}, END, InvalidReturn, "what is no name but of type bool"),
        ({"$next": "pack", 5: 1}, {}, InvalidReturn, "a key that is no text but of type int"),
        (ReturnUpdates("pakc"), {}, UnknownStep, "goes on to `pakc`, but no step is called that"),
        (ReturnUpdates("pakc"), {}, UnknownStep, "did you mean `pack`?"),
        (ReturnUpdates("zzz"), {}, UnknownStep, "the steps are `pack`, `send`, `weigh`"),
        ({"goto": "pakc"}, GOTO, UnknownStep, "`pakc`, which its next key `goto` holds, but no step"),
        ({}, {"default_next": "snd"}, UnknownStep, "has `snd` as its default_next, but no step"),
        ({"c": 3}, {}, NoNextStep, "step `weigh` names no next step"),
        (ReturnUpdates(None), {}, NoNextStep, "`terminates=True`"),
        ({"goto": "pack"}, {}, NoNextStep, "(`$next` in a dict)"),
        ({"$next": "pack", "$stack": []}, {}, ReservedName, "step `weigh` sets `$stack`, a name that the"),
        (ReturnUpdates("pack", _original_input={}), {}, ReservedName, "`_original_input`"),
        (ReturnUpdates("pack", callback_done=1), {}, ReservedName, "`callback_done`"),
    ],
)
def test_what_is_refused(returned: Any, options: Any, error: type[OrchwipyError], message: str) -> None:
    with pytest.raises(error) as caught:
        after(returned, **options)
    assert message in str(caught.value)
    assert caught.value.step == "weigh"
    assert "\nhelp: " in str(caught.value)


class Point(NamedTuple):
    x: int
    y: int


class Size(IntEnum):
    BIG = 3


@pytest.mark.parametrize(
    ("value", "carried"),
    [
        ((1, (2,)), [1, [2]]),
        (Point(1, 2), [1, 2]),
        (Size.BIG, 3),
        (Named.PACK, "pack"),
        ({2: "a", None: "b", True: "c"}, {"2": "a", "null": "b", "true": "c"}),
        ("\ud800 ✓", "\ud800 ✓"),
        (1e300, 1e300),
        (2**70, 2**70),
        ({}, {}),
    ],
)
def test_what_json_makes_of_a_value(value: object, carried: object) -> None:
    back = decode(encode({"k": value}, "weigh"))["k"]
    assert back == carried
    assert type(back) is type(carried)


RING: list[Any] = []
RING.append({"again": RING})
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("state", "place", "what"),
    [
        ({"k": {1, 2}}, "k", "of type set"),
        ({"a": 1, "k": {"list": [0, {"at": date(2026, 1, 1)}]}}, "k.list[1].at", "of type date"),
        ({"k": (0, b"raw")}, "k[1]", "of type bytes"),
        ({"k": Decimal(1)}, "k", "of type Decimal"),
        ({"k": [math.nan]}, "k[0]", "nan"),
        ({"k": {"x": -math.inf}}, "k.x", "-inf"),
        ({"k": {1: {2j}}}, "k[1]", "of type set"),
        ({"k": {(1, 2): 3}}, "k", "a dict with a key of type tuple"),
        ({"k": RING}, "k[0].again", "a list that contains itself"),
        ({"k": DEEP}, "k" + "[0]" * 99, "nested too deeply"),
        ({"k": ...}, "k", "of type ellipsis"),
    ],
)
def test_what_json_cannot_carry_is_named_with_its_place(state: Any, place: str, what: str) -> None:
    with pytest.raises(NotSerializable) as caught:
        encode(state, "weigh")
    assert caught.value.message == f"step `weigh` returns `{place}`, {what}, which JSON cannot carry"
    assert (caught.value.step, caught.value.key) == ("weigh", place)


def test_the_input_of_a_run_has_no_step() -> None:
    with pytest.raises(NotSerializable, match="the input of the run has `k`, of type set"):
        encode({"k": set()})
