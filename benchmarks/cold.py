"""A module of 500 steps, checked with nothing cached: as a multiple of `ast.parse`, and the memory."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path

from benchmarks.shared import in_fresh_process, milliseconds, module, seconds, table, times
from orchwipy_lint import check_source
from orchwipy_lint.source.program import read_program

STEPS = 500

# Each work in an interpreter of its own, which has loaded what the work needs before it counts.
MEMORY = """
import re, sys, tracemalloc
from pathlib import Path
from orchwipy_lint import check_source
def highest():  # getrusage would count what the parent had when it forked
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
text = Path(sys.argv[1]).read_text()
check_source(text[:text.index("@pipe.fn")])
before = highest()
check_source(text)
print(highest() - before)
tracemalloc.start()
check_source(text)
print(tracemalloc.get_traced_memory()[1] // 1024)
"""


def main() -> None:
    text = module(STEPS)
    data = text.encode()
    parse = seconds(lambda: ast.parse(text))
    works = {
        "ast.parse": parse,
        "read_program": seconds(lambda: read_program({"module.py": data})),
        "check_source": seconds(lambda: check_source(text)),
    }
    print(f"{STEPS} steps, {text.count(chr(10)):,} lines, {len(data) // 1024:,} kB")
    table(
        ("work", "time", "of ast.parse"),
        [(name, milliseconds(t), times(t / parse)) for name, t in works.items()],
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "module.py")
        file.write_text(text)
        resident, traced = (in_fresh_process(MEMORY, str(file)) or "").split()
    print()
    print(f"memory of check_source: {_megabytes(resident)} resident, {_megabytes(traced)} traced")


def _megabytes(kilobytes: str) -> str:
    return f"{int(kilobytes) / 1024:,.0f} MB"


if __name__ == "__main__":
    main()
