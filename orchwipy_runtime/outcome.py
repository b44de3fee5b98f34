"""From what a step returns to what comes next: the next step, or the end, and the next state.

The same rules hold wherever a step runs. The next step is the one that the return names, else the one in
the step's next key, else its `default_next`; without any the run ends, which only a terminal step may, or the
branch that the step is in. Where branches begin, what is next is where they join.
The state goes on as JSON, so that what could not travel fails here, with the place where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping

from orchwipy_runtime.errors import (
    InvalidReturn,
    NoNextStep,
    NotSerializable,
    ReservedName,
    UnknownStep,
    did_you_mean,
)
from orchwipy_runtime.returns import ConditionalReturns, Detach, FanOut, ReturnUpdates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.registration import Registration

__all__ = [
    "Changing",
    "Onward",
    "State",
    "changed",
    "check_keys",
    "decode",
    "encode",
    "follow",
    "is_reserved",
]

State = dict[str, object]
Changing = ReturnUpdates | Mapping[str, object]

_ARMS = (ReturnUpdates, dict, FanOut, Mapping)
_FORMS = (
    "return ReturnUpdates(...), a dict, ConditionalReturns(...) with those as arms, or branches: "
    "Parallel, MapEach, Detach"
)
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder()


class Onward:
    """What follows a return: the next step, None at the end, and the state that it gets, not yet as JSON.

    `arms` are the changes that led there, one after the other. `fan` are the branches that begin: then
    `following` is where they join, or where the run goes on without them.
    """

    __slots__ = ("arms", "fan", "following", "state")

    def __init__(
        self, following: str | None, state: State, arms: tuple[Changing, ...], fan: FanOut | None
    ) -> None:
        self.following = following
        self.state = state
        self.arms = arms
        self.fan = fan


def follow(
    registration: Registration,
    returned: object,
    state: State,
    steps: Mapping[str, Registration],
    *,
    in_branch: bool = False,
) -> Onward:
    """What follows where a step that got `state` returns this; in a branch any step may name none."""
    if registration.plain is not None:
        returned = ReturnUpdates(None, **registration.plain.updates(registration.name, returned))
    taken = _taken(registration, returned)
    fan, arm = (taken, _own_arm(taken)) if isinstance(taken, FanOut) else (None, taken)
    arms: tuple[Changing, ...] = (arm,)
    after, named, carried = _applied(registration, arm, state)
    default = registration.default_next
    if isinstance(default, FanOut):
        if not named and not carried and (fan is None or isinstance(fan, Detach)):
            if fan is not None:
                raise InvalidReturn(
                    f"step `{registration.name}` detaches branches where others begin by default",
                    step=registration.name,
                    help="name the step that follows: Detach(..., then=...)",
                )
            fan, arm = default, _own_arm(default)
            arms = (*arms, arm)
            after, named, carried = _applied(registration, arm, after)
        default = None
    joins = fan is not None and not isinstance(fan, Detach)
    if joins:
        default = None  # without a join the branches end the run, or the branch that they are in
    for target in (named, carried, default):
        if target is None or target == "":
            continue
        if target not in steps if isinstance(target, str) else True:
            raise _unknown(registration, target, named, carried, steps)
        return Onward(str.__str__(target), after, arms, fan)
    if not (registration.terminates or in_branch or joins):
        raise NoNextStep(
            f"step `{registration.name}` names no next step, and the run may not end there",
            step=registration.name,
            help=f"name it in the return (`{registration.next_key}` in a dict) or with `default_next=`, "
            "or let the run end here with `terminates=True`",
        )
    return Onward(None, after, arms, fan)


def _own_arm(fan: FanOut) -> Changing:
    """What a fan-out changes in the state of the fork, and where the run goes on."""
    return fan.then if isinstance(fan, Detach) else ReturnUpdates(fan.join, **fan.replace)


def _applied(registration: Registration, arm: Changing, state: State) -> tuple[State, object, object]:
    """The state after an arm, and the step that it names, itself or in the next key."""
    named: object = None
    if isinstance(arm, ReturnUpdates):
        after = changed(state, arm)
        check_keys(arm.replace, registration.name, registration.next_key)
        named = arm.next_fn
    else:
        after = dict(arm)
        check_keys(after, registration.name, registration.next_key)
    return after, named, after.pop(registration.next_key, None)


def changed(state: State, arm: ReturnUpdates) -> State:
    """The state after these updates."""
    removed: Container[object] = arm.remove
    if not removed:
        return {**state, **arm.replace}
    after = {} if "*" in removed else {key: value for key, value in state.items() if key not in removed}
    after.update(arm.replace)
    return after


def check_keys(keys: Iterable[object], step: str | None = None, next_key: str | None = None) -> None:
    """Refuses keys that are not text and keys that belong to the runtime.

    `step` is the step that sets them, None for the input of the run, and `next_key` the one in which it may
    name the next step.
    """
    for key in keys:
        if not isinstance(key, str):
            raise InvalidReturn(
                f"{_who(step)} a key that is no text but of type {type(key).__name__}",
                step=step,
                help="the keys of the state are names",
            )
        if is_reserved(key, next_key):
            raise ReservedName(
                f"{_who(step)} `{key}`, a name that the runtime owns",
                step=step,
                key=key,
                help="choose another name for the key",
            )


def is_reserved(key: str, next_key: str | None) -> bool:
    """Whether a key belongs to the runtime; `"$next"` is data where the next key is another."""
    if key[:1] == "$":
        return key != next_key and (key != "$next" or next_key is None)
    return key == "_original_input" or key.startswith("callback_")


def encode(state: State, step: str | None = None) -> str:
    """The state as JSON; NotSerializable with the place of what JSON cannot carry.

    `step` is the step that returned the state, None for the input of the run.
    """
    try:
        return _ENCODER.encode(state)
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_serializable(state, step, error) from None


def decode(text: str) -> State:
    """The state that JSON text holds."""
    state: State = _DECODER.decode(text)
    return state


def _taken(registration: Registration, returned: object) -> Changing | FanOut:
    arm = returned
    if isinstance(returned, ConditionalReturns):
        try:
            arm = returned.evaluate()
        except TypeError as error:
            raise InvalidReturn(
                f"step `{registration.name}` returns ConditionalReturns with an operand that cannot choose: "
                f"it is of type {type(returned.op).__name__}",
                step=registration.name,
                help="the operand is text, a number, a bool or None",
            ) from error
        if not isinstance(arm, _ARMS):
            raise InvalidReturn(
                f"step `{registration.name}` returns ConditionalReturns of which the arm that is taken is "
                f"{_named(arm)}",
                step=registration.name,
                help="an arm is ReturnUpdates(...), a dict or a fan-out; arms do not nest",
            )
    if isinstance(arm, _ARMS):
        return arm
    raise InvalidReturn(
        f"step `{registration.name}` returns {_named(arm)}, which does not say what comes next",
        step=registration.name,
        help=_FORMS,
    )


def _unknown(
    registration: Registration, target: object, named: object, carried: object, steps: Iterable[str]
) -> Exception:
    name = registration.name
    if not isinstance(target, str):
        return InvalidReturn(
            f"step `{name}` names as the next step what is no name but of type {type(target).__name__}",
            step=name,
            help="the next step is given by its name, as text",
        )
    if target is named:
        how = f"step `{name}` goes on to `{target}`"
    elif target is carried:
        how = f"step `{name}` goes on to `{target}`, which its next key `{registration.next_key}` holds,"
    else:
        how = f"step `{name}` has `{target}` as its default_next"
    joint = "" if how.endswith(",") else ","
    return UnknownStep(
        f"{how}{joint} but no step is called that", step=name, help=did_you_mean(target, steps)
    )


def _not_serializable(state: State, step: str | None, error: Exception) -> NotSerializable:
    place, what = next(_faults(state, "", ()), (None, None))
    who = f"step `{step}` returns" if step else "the input of the run has"
    if place is None or what is None:
        return NotSerializable(f"{who} a state that JSON cannot carry ({type(error).__name__})", step=step)
    return NotSerializable(
        f"{who} `{place}`, {what}, which JSON cannot carry",
        step=step,
        key=place,
        help="give it as text, numbers, bools, None, lists and dicts with text for keys",
    )


def _faults(value: object, place: str, around: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """The places of what JSON cannot carry, and what stands there."""
    if isinstance(value, dict | list | tuple):
        if id(value) in around:
            yield place, f"a {type(value).__name__} that contains itself"
        elif len(around) >= 100:
            yield place, "nested too deeply"
        elif isinstance(value, dict):
            for key, inner in value.items():
                if not isinstance(key, str | int | float | None):
                    yield place or repr(type(key)), f"a dict with a key of type {type(key).__name__}"
                there = (f"{place}.{key}" if place else key) if isinstance(key, str) else f"{place}[{key!r}]"
                yield from _faults(inner, there, (*around, id(value)))
        else:
            for number, inner in enumerate(value):
                yield from _faults(inner, f"{place}[{number}]", (*around, id(value)))
        return
    try:
        _ENCODER.encode(value)
    except ValueError:
        yield place, f"{value!r}" if isinstance(value, float) else "a number of too many digits"
    except TypeError:
        yield place, f"of type {type(value).__name__}"


def _who(step: str | None) -> str:
    return f"step `{step}` sets" if step else "the input of the run has"


def _named(value: object) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"
