"""Logical ids: what resources are called inside a template.

A step's id depends on its name alone, so that CloudFormation keeps its function when other steps come and go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from orchwipy_runtime.errors import InvalidTemplate

__all__ = ["ALL_STEPS", "RELAY", "cfn_logical_name", "logical_ids"]

ALL_STEPS = "AllSteps"
RELAY = "Relay"

_PLAIN = re.compile("[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")
_LONGEST = 200  # of the 255 that CloudFormation takes, since what kind of resource it is follows


def cfn_logical_name(name: str) -> str:
    """The logical id of a step's function, for other resources that refer to it."""
    return f"{logical_ids([name])[name]}Function"


def logical_ids(steps: Iterable[str]) -> dict[str, str]:
    """The beginning of each step's logical ids: `fetch_page` is FetchPage.

    Names of another kind end in a hash, since two of them could become one.
    """
    ids: dict[str, str] = {}
    names: dict[str, str] = {}
    for step in steps:
        words = re.split("[^A-Za-z0-9]+", step)
        made = "".join(word[:1].upper() + word[1:] for word in words)
        if not _PLAIN.fullmatch(step) or made in (ALL_STEPS, RELAY) or len(made) > _LONGEST:
            made = f"{made[:_LONGEST]}{sha256(step.encode()).hexdigest()[:8]}"
            made = made if made[0].isalpha() else f"Step{made}"
        other = names.setdefault(made, step)
        if other != step:
            raise InvalidTemplate(
                f"the steps `{other}` and `{step}` would have one logical id, `{made}`",
                step=step,
                help="rename one of them",
            )
        ids[step] = made
    return ids
