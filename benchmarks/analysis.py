"""The fixpoint alone, on models of pipelines: its time by the number of steps, which should be linear."""

from __future__ import annotations

from benchmarks.shared import milliseconds, model, seconds, table, times
from orchwipy_lint.flow import analyse

SIZES = (1_000, 5_000, 20_000, 60_000)


def main() -> None:
    rows: list[tuple[str, ...]] = []
    first: float | None = None
    for size in SIZES:
        pipeline = model(size)
        taken = seconds(lambda pipeline=pipeline: analyse(pipeline), rounds=5)  # type: ignore[misc]
        each = taken / size
        first = first or each
        rows.append((f"{size:,}", milliseconds(taken), f"{each * 1e6:.1f} µs", times(each / first)))
    table(("steps", "analysis", "a step", f"of that at {SIZES[0]:,}"), rows)


if __name__ == "__main__":
    main()
