"""Step Functions in this process, as far as our state machines use it: one branch after the other.

It holds every state to the 256 KB that AWS allows, counts the events of the history, and tries again what
fails without waiting. A task is what `call` returns for a function's ARN and a payload.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LARGEST = 262_144
_PATH = re.compile(r"\.([A-Za-z_]+)|\['([^']+)'\]|\[([0-9]+)\]")


class Failed(Exception):
    """A state failed."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass
class Machine:
    """A state machine. `entered` are the states that it came through, `started` the executions that it started
    by name, `events` the history's length and `longest` that of the longest child execution's."""

    definition: Mapping[str, Any]
    call: Callable[[str, Any], Any]
    entered: list[str] = field(default_factory=list)
    started: dict[str, Any] = field(default_factory=dict)
    events: int = 0
    longest: int = 0
    _name: str = ""

    def run(self, name: str, state: object) -> Any:
        """An execution's output, and those of the executions that it starts, in `started`. Raises Failed."""
        self._name = name
        self.events = self.longest = 0
        output = self._region(self.definition, state)
        return output

    def detached(self) -> dict[str, Any]:
        """What becomes of the executions that were started: outputs, or errors."""
        ended: dict[str, Any] = {}
        while waiting := [name for name in self.started if name not in ended]:
            for name in waiting:
                self._name = name
                try:
                    ended[name] = self._region(self.definition, self.started[name])
                except Failed as failed:
                    ended[name] = failed.error
        return ended

    def _region(self, region: Mapping[str, Any], data: Any, item: Any = None) -> Any:
        name = region["StartAt"]
        while name is not None:
            state = region["States"][name]
            self.entered.append(name)
            self.events += 2
            name, data = self._state(name, state, json.loads(json.dumps(data)), item)
            _check_size(data)
        return data

    def _state(self, name: str, state: Mapping[str, Any], data: Any, item: Any) -> tuple[str | None, Any]:
        kind = state["Type"]
        if kind == "Choice":
            return next((each["Next"] for each in state["Choices"] if _holds(each, data)), state["Default"]), data
        if kind == "Fail":
            raise Failed(*(_said(state, key, data) for key in ("Error", "Cause")))
        if kind == "Wait":
            assert isinstance(_at(data, state["SecondsPath"]), int)
            return state["Next"], data
        if kind == "Succeed":
            return None, _at(data, state.get("InputPath", "$"))
        try:
            output = self._work(state, data, item)
        except Failed as failed:
            for each in state.get("Catch", ()):
                if {"States.ALL", failed.error} & set(each["ErrorEquals"]):
                    said = {"Error": failed.error, "Cause": failed.cause}
                    return each["Next"], data if each["ResultPath"] is None else {**data, "error": said}
            raise
        assert state.get("End") is True or "Next" in state
        return state.get("Next"), output

    def _work(self, state: Mapping[str, Any], data: Any, item: Any) -> Any:
        kind = state["Type"]
        given = _at(data, state.get("InputPath", "$"))
        if "Parameters" in state and kind == "Pass":
            given = self._filled(state["Parameters"], given, item, 0)
        if kind == "Pass":
            return state.get("Result", given)
        if kind == "Task":
            return _at(self._task(state, data, item), state.get("OutputPath", "$"))
        if kind == "Parallel":
            self.events += 2
            result = [self._region(each, given) for each in state["Branches"]]
        else:
            result = self._map(state, given)
        assert state["ResultPath"] == "$.branches"
        return {**data, "branches": result}

    def _map(self, state: Mapping[str, Any], data: Any) -> list[Any]:
        items = _at(data, state["ItemsPath"])
        processor = state["ItemProcessor"]
        if "MaxConcurrencyPath" in state:
            assert _at(data, state["MaxConcurrencyPath"]) >= 0
        results = []
        for each in items:
            given = self._filled(state["ItemSelector"], data, each, 0) if "ItemSelector" in state else each
            before = self.events
            self.events += 2
            try:
                results.append(self._region(processor, given, each))
            except Failed:
                if processor["ProcessorConfig"]["Mode"] == "DISTRIBUTED":
                    raise Failed("States.ExceedToleratedFailureThreshold", "") from None
                raise
            if processor["ProcessorConfig"]["Mode"] == "DISTRIBUTED":
                self.longest = max(self.longest, self.events - before)
                self.events = before
        return results

    def _task(self, state: Mapping[str, Any], data: Any, item: Any) -> Any:
        retry = 0
        while True:
            given = self._filled(state["Parameters"], data, item, retry)
            _check_size(given)
            self.events += 3
            try:
                if state["Resource"].endswith("startExecution"):
                    return self._start(given)
                return {"Payload": self.call(given["FunctionName"], given["Payload"])}
            except Failed as failed:
                for each in state["Retry"]:
                    if {"States.ALL", failed.error} & set(each["ErrorEquals"]):
                        if retry >= each["MaxAttempts"]:
                            raise
                        break
                retry += 1

    def _start(self, given: Mapping[str, Any]) -> Any:
        assert given.keys() == {"StateMachineArn", "Name", "Input"}
        if given["Name"] in self.started:
            raise Failed("StepFunctions.ExecutionAlreadyExistsException", "")
        self.started[given["Name"]] = given["Input"]
        return {"ExecutionArn": "arn", "StartDate": 0}

    def _filled(self, template: Any, data: Any, item: Any, retry: int) -> Any:
        if isinstance(template, list):
            assert not template, "paths in lists mean nothing"
            return []
        if not isinstance(template, dict):
            return template
        context = {
            "$$.Execution.Name": self._name,
            "$$.State.RetryCount": retry,
            "$$.Map.Item.Value": item,
        }
        filled = {}
        for key, value in template.items():
            if key.endswith(".$"):
                filled[key[:-2]] = context[value] if value in context else _at(data, value)
            else:
                filled[key] = self._filled(value, data, item, retry)
        return filled


def _at(data: Any, path: str) -> Any:
    assert path.startswith("$")
    for match in _PATH.finditer(path):
        name, quoted, number = match.groups()
        data = data[int(number)] if number else data[name or quoted]
    return data


def _holds(rule: Mapping[str, Any], data: Any) -> bool:
    try:
        value = _at(data, rule["Variable"])
    except (KeyError, TypeError):
        return rule.get("IsPresent") is False
    return "StringEquals" in rule and value == rule["StringEquals"]


def _said(state: Mapping[str, Any], key: str, data: Any) -> str:
    if key in state:
        return str(state[key])
    path = state[f"{key}Path"]
    if path.startswith("States.JsonToString("):
        return json.dumps(_at(data, path[len("States.JsonToString(") : -1]))
    if path.startswith("States.Format("):
        text, _, argument = path[len("States.Format('") : -1].rpartition("', ")
        return text.replace("{}", str(_at(data, argument)))
    return str(_at(data, path))


def _check_size(data: Any) -> None:
    if len(json.dumps(data)) > LARGEST:
        raise Failed("States.DataLimitExceeded", "")
