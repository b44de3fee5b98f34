"""`orchwipy run --watch` on the screen of a real terminal: while a step runs, and when all is over.

A step is held by a FIFO that it reads, until the test writes to it.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from tests.warm import Warm

PROGRAM = """\
import logging
import os
import subprocess
import sys

from orchwipy_runtime import MicroFunctions, Parallel, PauseExecution, RetryFunctionAfterDelay, ReturnUpdates


def wait_for(name):
    with open(name) as gate:
        return gate.read()


class Clock:
    def monotonic(self):
        return 0.0

    def sleep(self, seconds):
        wait_for("clock")


pipe = MicroFunctions(beginner="weigh", clock=Clock())
logging.basicConfig(format="%(message)s")  # which keeps the stderr of now
tries = []


@pipe.fn()
def weigh(*, parcel: str, **kwargs):
    print("weighing", parcel)
    return ReturnUpdates("label", grams=9)


@pipe.fn(default_next="send")
def label(*, parcel: str, **kwargs):
    print("[", end="", flush=True)
    logging.warning("no label for %s", parcel)
    subprocess.run([sys.executable, "-c", "print('from a process of its own')"])
    os.write(2, b"from below\\n")
    print("half a line, ", end="", flush=True)
    print(wait_for("gate"))
    for number in range(int(kwargs.get("lines", 0))):
        print("line", number)
    if "fail" in kwargs:
        raise ValueError("torn")
    return ReturnUpdates(None)


@pipe.fn(terminates=True)
def send(**kwargs):
    return ReturnUpdates(None)


@pipe.fn(terminates=True)
def ask(**kwargs):
    drink = input("Tea or coffee? ")
    print("With what?")
    return ReturnUpdates(None, drink=drink, more=sys.stdin.readline())


@pipe.fn(default_next="send")
def fetch(**kwargs):
    tries.append(1)
    if len(tries) == 1:
        raise RetryFunctionAfterDelay(90)
    wait_for("gate")
    return ReturnUpdates(None)


@pipe.fn()
def split(**kwargs):
    return Parallel("one", "two", join="send")


@pipe.fn()
def one(**kwargs):
    wait_for("gate")
    return ReturnUpdates(None)


@pipe.fn()
def two(**kwargs):
    wait_for("clock")
    raise ValueError("torn")
"""

MARK = r"[-\\|/]"
TIME = r"\d+\.\d m?s"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.py").write_text(PROGRAM)
    for name in ("gate", "clock"):
        os.mkfifo(name)


class Run:
    """`orchwipy run` in a terminal of its own."""

    def __init__(self, python: str, *words: str, rows: int, columns: int, term: str) -> None:
        ours, theirs = os.openpty()
        self._terminal = ours
        self._resize(rows, columns)
        self.screen = pyte.HistoryScreen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        without = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
        environment = {key: value for key, value in os.environ.items() if key not in without}
        # Who runs the tests in the background has interrupts ignored, and so would have this process.
        program = (
            "import signal, sys; from orchwipy_lint.cli import main; "
            "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main())"
        )
        self.process = subprocess.Popen(
            [python, "-c", program, "run", "shop.py", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**environment, "TERM": term},
        )
        os.close(theirs)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def resize(self, rows: int, columns: int) -> None:
        self.screen.resize(rows, columns)
        self._resize(rows, columns)

    def _resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    @property
    def bottom(self) -> str:
        return self.screen.display[-1].rstrip()

    @property
    def first_drawn(self) -> int:
        """The number of the first row that does not scroll."""
        return self.screen.margins.bottom + 1 if self.screen.margins else self.screen.lines - 1

    @property
    def graph(self) -> list[str]:
        """The rows between what scrolls and the bottom row, without times."""
        rows = self.screen.display[self.first_drawn : -1]
        return [re.sub(TIME, "T", each.rstrip()) for each in rows]

    @property
    def lines(self) -> list[str]:
        """All that scrolls, from the first line on, without what is empty at the end."""
        gone = ["".join(row[x].data for x in range(self.screen.columns)) for row in self.screen.history.top]
        text = "\n".join(each.rstrip() for each in [*gone, *self.screen.display[: self.first_drawn]])
        return re.sub(TIME, "T", text).rstrip("\n").split("\n")

    def until(self, shown: Callable[[], object]) -> None:
        """Reads what comes until the screen shows it."""
        patience = time.monotonic() + 60
        while not shown():
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, patience - time.monotonic()))
            assert ready, "\n".join(self.screen.display)
            self._stream.feed(os.read(self._terminal, 65536))

    def until_bottom(self, pattern: str) -> None:
        self.until(lambda: re.fullmatch(pattern, self.bottom))

    def finish(self) -> int:
        """Reads to the end; the exit status."""
        try:
            while True:
                self.until(lambda: False)
        except OSError:  # which is how a terminal says that nobody is left in it
            return self.process.wait()


Start = Callable[..., Run]


@pytest.fixture
def start(warm: Warm) -> Iterator[Start]:
    """Starts one; `signalled` where the process itself is to get signals."""
    runs: list[Run] = []

    def _start(
        *words: str, rows: int = 24, columns: int = 80, term: str = "xterm-256color", signalled: bool = False
    ) -> Run:
        python = sys.executable if signalled else warm.python
        runs.append(Run(python, *words, rows=rows, columns=columns, term=term))
        return runs[-1]

    yield _start
    for each in runs:
        each.close()


def write(name: str, text: str = "") -> None:
    """Lets go a step that reads a FIFO."""
    Path(name).write_text(text)


def test_a_step_that_runs_and_what_stays(start: Start) -> None:
    run = start("parcel=lamp", "--watch")
    run.until_bottom(rf"{MARK} label   {TIME}   the state's keys: parcel, grams")
    run.until(lambda: run.lines[-1] == "half a line,")
    assert run.lines == [
        "weighing lamp",
        "weigh   T",
        "[no label for lamp",
        "from a process of its own",
        "from below",
        "half a line,",
    ]
    write("gate", "and the rest")
    assert run.finish() == 0
    assert run.lines[5:] == [
        "half a line, and the rest",
        "label   T",
        "send    T",
        "",
        "ended after 3 steps in T",
        "{",
        '  "parcel": "lamp",',
        '  "grams": 9',
        "}",
    ]
    assert run.bottom == ""
    assert run.screen.margins is None


def test_the_path_lights_up_in_the_graph(start: Start) -> None:
    run = start("parcel=lamp", "--watch", rows=60)
    run.until(lambda: "● label  parcel: str" in run.graph)
    assert [each for each in run.graph if each][:6] == [
        "pipe",
        "✓ ▶ weigh  parcel: str",
        "  │  T",
        "✓ │  +grams",
        "● label  parcel: str",
        "  │  running",
    ]
    assert len(run.graph) > 20
    run.until(lambda: run.lines[-1] == "half a line,")
    write("gate")
    assert run.finish() == 0
    assert run.lines[5:8] == ["half a line,", "label   T", "send    T"]
    assert not any("▶" in each for each in run.screen.display)


def test_of_a_graph_that_is_too_tall_it_shows_where_the_run_is(start: Start) -> None:
    run = start("--from", "fetch", "a=1", "--watch", rows=16)
    run.until(lambda: any("fetch" in each and each.startswith("● ") for each in run.graph))
    assert len(run.graph) == 8
    write("clock")
    write("gate")
    assert run.finish() == 0


def test_steps_that_run_at_once(start: Start) -> None:
    run = start("--from", "split", "--watch")
    run.until_bottom(rf"{MARK} 2 steps   {TIME}   (one, two|two, one)")
    write("gate")
    run.until_bottom(rf"{MARK} two   {TIME}   the state's keys: none")
    assert run.lines == ["split   T", "  one   T   branch 0"]
    write("clock")
    assert run.finish() == 1
    assert run.lines[2] == "  two   T   branch 1   ValueError"
    assert "failed in step two, in a branch after split; the state's keys: none" in run.lines
    assert run.bottom == ""


@pytest.mark.parametrize("rows", [2, 3, 10, 60])
@pytest.mark.parametrize("words", [["lines=30"], ["fail=1"]], ids=["ends", "fails"])
def test_what_stays_is_the_same_without(words: list[str], rows: int, start: Start) -> None:
    lines = []
    for more in ([], ["--watch"]):
        run = start("parcel=lamp", *words, *more, rows=rows)
        run.until(lambda run=run: "half a line" in "".join(run.screen.display))  # type: ignore[misc]
        if more and rows > 2:
            run.until_bottom(f"{MARK} label .*")
        write("gate", "and the rest")
        assert run.finish() == ("fail=1" in words)
        assert run.bottom == ""
        lines.append(run.lines)
    assert lines[0] == lines[1]
    assert len(lines[0]) > 10


def test_the_time_ticks_and_the_mark_turns(start: Start) -> None:
    run = start("parcel=lamp", "--watch")
    seen: set[str] = set()

    def note() -> bool:
        if re.match(f"{MARK} label", run.bottom):
            seen.add(run.bottom)
        return len({each[0] for each in seen}) == 4 and len({each.split()[2] for each in seen}) > 4

    run.until(note)


def test_a_step_that_is_tried_again(start: Start) -> None:
    run = start("--from", "fetch", "a=1", "--watch")
    run.until_bottom(rf"{MARK} fetch   {TIME}   attempt 2 in 1 min \d+ s   the state's keys: a")
    write("clock")
    run.until_bottom(rf"{MARK} fetch   {TIME}   attempt 2   the state's keys: a")
    write("gate")
    assert run.finish() == 0
    assert run.lines[:4] == ["fetch   T", "send    T", "", "ended after 2 steps in T"]


def test_a_step_that_asks(start: Start) -> None:
    run = start("--from", "ask", "--watch")
    run.until(lambda: run.lines == ["Tea or coffee?"])
    run.until_bottom(rf"{MARK} ask   {TIME}   the state's keys: none")
    run.type("te")
    run.until(lambda: run.lines == ["Tea or coffee? te"])
    drawn = run.bottom
    run.until(lambda: run.bottom != drawn)
    run.type("a\n")
    run.until(lambda: run.lines == ["Tea or coffee? tea", "With what?"])
    run.type("milk\n")
    assert run.finish() == 0
    assert run.lines[:5] == ["Tea or coffee? tea", "With what?", "milk", "ask     T", ""]
    assert run.lines[-4:] == ["{", '  "drink": "tea",', '  "more": "milk\\n"', "}"]


def test_an_interrupt_leaves_a_terminal_as_it_was(start: Start) -> None:
    run = start("parcel=lamp", "--watch", signalled=True)
    run.until_bottom(f"{MARK} label .*")
    run.until(lambda: "half a line" in run.lines[-1])
    run.process.send_signal(signal.SIGINT)
    assert run.finish() == 130
    assert run.lines[-4:] == [
        "half a line,",
        "failed in step label; the state's keys: parcel, grams",
        "go on with: orchwipy run shop.py --resume orchwipy-failed-run.json",
        "orchwipy: interrupted",
    ]
    assert run.bottom == ""
    assert run.screen.margins is None


def test_a_row_is_cut_where_the_terminal_ends(start: Start) -> None:
    run = start("parcel=lamp", "--watch", columns=40)
    run.until_bottom(f"{MARK} label   {TIME}   the state's key.*…")
    assert len(run.bottom) == 39


def test_a_run_that_is_terminated_leaves_it_too(start: Start) -> None:
    run = start("parcel=lamp", "--watch", signalled=True)
    run.until_bottom(f"{MARK} label .*")
    run.process.terminate()
    assert run.finish() == -signal.SIGTERM
    assert run.bottom == ""
    assert run.screen.margins is None


@pytest.mark.parametrize(("rows", "columns"), [(30, 100), (24, 60)])
def test_a_terminal_that_changes_its_size(rows: int, columns: int, start: Start) -> None:
    run = start("parcel=lamp", "--watch")
    run.until_bottom(f"{MARK} label .*")
    run.until(lambda: "half a line" in run.lines[-1])
    run.resize(rows, columns)
    run.until(lambda: run.screen.margins == pyte.screens.Margins(0, rows - rows // 2 - 2))
    run.until_bottom(f"{MARK} label .*")
    write("gate", "and the rest")
    assert run.finish() == 0
    assert run.lines[-9:-7] == ["half a line, and the rest", "label   T"]
    assert not any(re.match(f"{MARK} label", each) for each in run.screen.display)


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"FORCE_COLOR": "1"}])
def test_without_a_terminal_that_can_it_is_as_without(environment: dict[str, str], warm: Warm) -> None:
    printed = []
    for more in ([], ["--watch"]):
        # Who runs the tests in the background has interrupts ignored, and so would have this process.
        program = (
            "import signal, sys; from orchwipy_lint.cli import main; "
            "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main())"
        )
        done = subprocess.run(
            [warm.python, "-c", program, "run", "shop.py", "--from", "send", "a=1", *more],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            check=True,
        )
        printed.append(re.sub(TIME, "T", done.stdout))
    assert printed[0] == printed[1]
    assert "after 1 step in T" in printed[0]


def test_a_dumb_terminal_gets_no_row(start: Start) -> None:
    run = start("--from", "send", "a=1", "--watch", term="dumb")
    assert run.finish() == 0
    assert run.lines[:3] == ["send    T", "", "ended after 1 step in T"]
    assert run.screen.cursor.y == 6
