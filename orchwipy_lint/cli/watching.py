"""`orchwipy check --watch`: the check again whenever a file has changed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

__all__ = ["watch"]

_Stamps = dict[str, tuple[int, int]]
_CLEAR = "\x1b[2J\x1b[3J\x1b[H"
_SETTINGS = ("pyproject.toml", "setup.cfg")


def pause() -> None:
    """Waits until it is worth looking again."""
    time.sleep(0.5)


def watch(check: Callable[[], int], paths: Sequence[str]) -> int:
    """Checks, and checks again when a file of the projects of these paths has changed; ends by Ctrl-C.

    What cannot be done is said by `check`, and may be mended while this waits. Returns the exit status 0.
    """
    try:
        while True:
            before = _stamps(paths)  # what changes during the check is seen after it
            if sys.stdout.isatty():
                sys.stdout.write(_CLEAR)
            check()
            sys.stdout.flush()
            count = sum(not each.endswith(_SETTINGS) for each in before)
            print(f"\nwaiting for a change in {count} files; Ctrl-C ends", file=sys.stderr, flush=True)
            while _stamps(paths) == before:
                pause()
    except KeyboardInterrupt:
        print(file=sys.stderr)  # after the ^C
        return 0


def _stamps(paths: Sequence[str]) -> _Stamps:
    """When the files were changed last, and their sizes; of those that are there."""
    from orchwipy_lint.config import InvalidConfiguration
    from orchwipy_lint.workspace import Workspaces, place_of

    workspaces = Workspaces()
    files: set[str] = set()
    for path in paths:
        place = place_of(path)
        if not os.path.isdir(place):
            files.add(place)
        folder = os.path.join(place, "")
        while (above := os.path.dirname(folder)) != folder:
            folder = above
            files.update(os.path.join(folder, each) for each in _SETTINGS)
        try:
            files.update(workspaces.of(path).paths())
        except (InvalidConfiguration, OSError):
            continue  # the check says so; it is the settings that are waited for
    stamps: _Stamps = {}
    for path in files:
        try:
            status = os.stat(path)
        except OSError:
            continue
        stamps[path] = (status.st_mtime_ns, status.st_size)
    return stamps
