"""Fields that log records have while a step runs, so that a log can be searched by run.

`run_id`, `step`, `hop` and `attempt` are added to what any logger writes, the step's own included, where it
goes through a handler of the root logger. Lambda's JSON log format has them as fields. A record that brings
one of them itself keeps its own.
"""

from __future__ import annotations

import logging

__all__ = ["Fields"]


class Fields:
    """While it lasts, log records have these fields."""

    def __init__(self, *, run_id: str, step: str, hop: int, attempt: int) -> None:
        self._values = {"run_id": run_id, "step": step, "hop": hop, "attempt": attempt}
        self._handlers: list[logging.Handler] = []

    def __enter__(self) -> None:
        self._handlers = list(logging.getLogger().handlers)
        for handler in self._handlers:
            handler.addFilter(self._add)

    def __exit__(self, *error: object) -> None:
        for handler in self._handlers:
            handler.removeFilter(self._add)

    def _add(self, record: logging.LogRecord) -> bool:
        for name, value in self._values.items():
            record.__dict__.setdefault(name, value)
        return True
