"""Chains of diamonds: upstream's `check_graph`, which walks every path, beside `check_source`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.shared import diamonds, milliseconds, seconds, table, times
from benchmarks.shared import in_fresh_process as fresh
from orchwipy_lint import check_source

BESIDE = (4, 8, 12, 16)
ALONE = (100, 333, 1_000, 3_333, 6_666)
LIMIT = 60.0

UPSTREAM = """
import contextlib, io, runpy, sys, time
pipe = runpy.run_path(sys.argv[1])["pipe"]
start = time.process_time()
with contextlib.redirect_stderr(io.StringIO()):
    pipe.check_graph("fork0")
print(time.process_time() - start)
"""


def main() -> None:
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for count in BESIDE:
            text = diamonds(count, "orchwipy")
            file = Path(folder, f"diamonds_{count}.py")
            file.write_text(text)
            ours = seconds(lambda text=text: check_source(text), rounds=5)  # type: ignore[misc]
            theirs = fresh(UPSTREAM, str(file), limit=LIMIT)
            told = (milliseconds(float(theirs)), times(float(theirs) / ours)) if theirs else _beyond(ours)
            rows.append((str(count), f"{3 * count + 1}", milliseconds(ours), *told))
    table(("diamonds", "steps", "ours, from source", "upstream, graph alone", "ratio"), rows)
    print()
    rows.clear()
    first: float | None = None
    for count in ALONE:
        text = diamonds(count, "orchwipy_runtime")
        steps = 3 * count + 1
        taken = seconds(lambda text=text: check_source(text), rounds=1 if count > 1_000 else 3)  # type: ignore[misc]
        first = first or taken / steps
        rows.append((str(count), f"{steps:,}", milliseconds(taken), times(taken / steps / first)))
    table(("diamonds", "steps", "ours, from source", f"a step, of that at {3 * ALONE[0] + 1}"), rows)


def _beyond(ours: float) -> tuple[str, str]:
    return f"over {LIMIT:.0f} s", f"over {LIMIT / ours:,.0f}×"


if __name__ == "__main__":
    main()
