"""Times as people and programs read them."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ["age", "duration", "iso", "local"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def duration(seconds: float) -> str:
    """How long something took."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds) // _MINUTE} min {int(seconds) % _MINUTE} s"
    return f"{int(seconds) // _HOUR} h {int(seconds) % _HOUR // _MINUTE} min"


def age(seconds: float) -> str:
    """How long ago something was, or, where that is negative, in how long it will be."""
    if abs(seconds) < 1:
        return "now"
    whole = int(abs(seconds))
    if whole < _MINUTE:
        amount = f"{whole} s"
    elif whole < _HOUR:
        amount = f"{whole // _MINUTE} min"
    elif whole < 2 * _DAY:
        amount = f"{whole // _HOUR} h"
    else:
        amount = f"{whole // _DAY} days"
    return f"{amount} ago" if seconds > 0 else f"in {amount}"


def local(at: float) -> str:
    """A moment, given in seconds since the epoch, in this machine's time zone."""
    return datetime.fromtimestamp(at, timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def iso(at: float | None) -> str | None:
    """A moment for programs, in UTC."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
