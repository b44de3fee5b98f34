"""What makes a finding the same one in the next report, wherever its lines have gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import PurePath

from orchwipy_lint.findings import Finding
from orchwipy_lint.places import portable

__all__ = ["fingerprints"]


def fingerprints(findings: Iterable[Finding], folder: PurePath | None = None) -> list[str]:
    """One for each, no two alike: from the file, the pipeline, the step, the key and the code.

    Files are named from `folder`, by default the working directory. Those that have all of these in common
    are numbered in their order.
    """
    seen: Counter[str] = Counter()
    made = []
    for each in findings:
        parts = (each.code, portable(each.path, folder), each.pipeline, each.step, each.key)
        identity = "\0".join("" if part is None else part for part in parts)
        seen[identity] += 1
        text = f"{identity}\0{seen[identity]}"
        made.append(sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return made
