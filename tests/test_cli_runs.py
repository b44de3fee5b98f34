"""`orchwipy runs`: what it lists, shows and goes on with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchwipy_lint.cli import main
from orchwipy_lint.cli.tracebacks import users_lines
from orchwipy_lint.times import age, duration
from orchwipy_runtime import local_journal
from orchwipy_runtime.aws.services import Services
from orchwipy_runtime.aws.settings import Settings
from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.runs import read_run
from orchwipy_runtime.store import FolderStore
from tests.cloud.deployment import Deployment, path_of
from tests.cloud.lambda_service import LambdaService
from tests.servers import S3Server
from tests.test_runs import on_lambda

SHOP = """\
from orchwipy_runtime import MicroFunctions, PauseExecution, RetryFunctionAfterDelay, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, grams: int, draft: str = "", **kwargs):
    if grams == 7 and pipe.current_retry < 2:
        raise RetryFunctionAfterDelay(0)
    return ReturnUpdates("label", "draft", rounds=0)


@pipe.fn()
def label(*, grams: int, rounds: int, **kwargs):
    if grams == 0:
        raise PauseExecution
    following = "label" if grams == 3 and rounds == 0 else "send"
    return ReturnUpdates(following, rounds=rounds + 1)


@pipe.fn(terminates=True)
def send(*, grams: int, secret: str = "", **kwargs):
    return ReturnUpdates(None, "secret", price=price(grams))


def price(grams):
    return 1 / (grams - 4)
"""
BROKEN = 4
PAUSED = 0

Screen = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FolderStore]:
    """A folder with a program, and the journal beside it."""
    monkeypatch.chdir(tmp_path)
    names = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "OrchwipyRequestBucket", "StackName")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ORCHWIPY_JOURNAL", "journal")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("shop", None)
    Path("shop.py").write_text(SHOP)
    yield FolderStore("journal")
    sys.modules.pop("shop", None)


def begin(run: str, *, grams: int, more: str = "draft=x") -> int:
    """A run of the program on this machine."""
    return main(["run", "shop.py", f"grams={grams}", more, "--journal", "journal", "--run-id", run])


def runs(*words: str) -> int:
    return main(["runs", *words])


def copy(store: FolderStore, objects: dict[str, bytes]) -> None:
    for key, data in objects.items():
        store.create(key, data)


def make_old(hours: float) -> None:
    """Nothing was heard of the runs for so long."""
    then = time.time() - hours * 3600
    for each in Path("journal").rglob("*"):
        os.utime(each, (then, then))


def timeless(text: str) -> str:
    """The text without times, and without the columns that these make wide."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"\b(?:now|\d+ (?:s|min|h|days) ago)\b", "AGO", text)
    text = re.sub(r"\d+(?:\.\d)? (?:ms|s|min|h)\b( \d+ (?:s|min))?", "T", text)
    return re.sub(r"  +", "  ", text)


def printed(capsys: Screen) -> str:
    out, err = capsys.readouterr()
    assert err == ""
    return timeless(out)


def told(capsys: Screen) -> str:
    """What is printed of a run, without the drawing."""
    head, _, rest = printed(capsys).split("\n\n", 2)
    return f"{head}\n\n{rest}"


def refused(capsys: Screen) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("orchwipy: ")
    return err


class TestList:
    def test_the_whole_screen(self, store: FolderStore, capsys: Screen) -> None:
        for run, grams in (("A-1", 5), ("A-2", BROKEN), ("A-3", PAUSED), ("A-4", 3), ("A-5", 5)):
            begin(run, grams=grams)
        store.delete("runs/A-5/2-send")
        copy(store, waiting())
        for number, run in enumerate(("r", "A-5", "A-4", "A-3", "A-2", "A-1")):
            for each in Path("journal/runs", run).iterdir():
                os.utime(each, (time.time() - number, time.time() - number))
        capsys.readouterr()
        assert runs("list") == 0
        assert printed(capsys).splitlines() == [
            "Run  Status  Steps  At  Started  Age  Took",
            "r  waiting  1  weigh  TIME  AGO  T",
            "A-5  running  2  send  TIME  AGO  T",
            "A-4  ended  4  send  TIME  AGO  T",
            "A-3  paused  2  label  TIME  AGO  T",
            "A-2  failed  3  send  TIME  AGO  T",
            "A-1  ended  3  send  TIME  AGO  T",
        ]

    def test_columns_are_aligned_and_nothing_is_cut(self, capsys: Screen) -> None:
        begin("A" * 120, grams=5)
        begin("B", grams=5)
        capsys.readouterr()
        assert runs("list") == 0
        lines = capsys.readouterr().out.splitlines()
        assert {line.index("ended") for line in lines[1:]} == {lines[0].index("Status")}
        assert all(line == line.rstrip() and "\x1b" not in line for line in lines)
        assert any(line.startswith("A" * 120 + "   ended") for line in lines)

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ([], ["A-1", "A-2", "A-3"]),
            (["--status", "failed"], ["A-2"]),
            (["--status", "ended", "--limit", "1"], ["A-3"]),
            (["--status", "waiting"], []),
            (["--limit", "2"], ["A-2", "A-3"]),
        ],
    )
    def test_some_of_them(self, words: list[str], expected: list[str], capsys: Screen) -> None:
        for number, grams in enumerate((5, BROKEN, 5)):
            begin(f"A-{number + 1}", grams=grams)
            for each in Path(f"journal/runs/A-{number + 1}").iterdir():
                os.utime(each, (number, number))
        capsys.readouterr()
        assert runs("list", "--format", "json", *words) == 0
        listed = json.loads(capsys.readouterr().out)
        assert sorted(each["run"] for each in listed["runs"]) == expected

    def test_for_programs(self, capsys: Screen) -> None:
        begin("A-1", grams=5)
        capsys.readouterr()
        runs("list", "--format", "json")
        listed = json.loads(capsys.readouterr().out)
        (run,) = listed["runs"]
        assert listed["version"] == 1
        assert run | {"run": "A-1", "status": "ended", "steps": 3, "step": "send"} == run
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", run["started"])
        assert list(run) == ["run", "status", "steps", "latest", "step", "started", "seconds"]

    def test_a_run_with_a_damaged_record_hides_no_other(self, capsys: Screen) -> None:
        begin("A-1", grams=5)
        begin("A-2", grams=5)
        Path("journal/runs/A-1/2-send").write_text("{}")
        capsys.readouterr()
        assert runs("list") == 0
        assert sorted(line.split("  ")[1] for line in printed(capsys).splitlines()[1:]) == [
            "ended",
            "unreadable",
        ]
        assert runs("list", "--status", "failed") == 0
        assert printed(capsys) == "no run is failed\n"
        assert runs("show", "A-1") == 2
        assert "`runs/A-1/2-send` is no record of a run" in refused(capsys)

    def test_an_empty_journal(self, capsys: Screen) -> None:
        Path("journal").mkdir()
        assert runs("list") == 0
        assert printed(capsys) == "no runs\n"


def waiting() -> dict[str, bytes]:
    """A run on Lambda whose first step waits for its retry."""
    objects = on_lambda(grams=5, tries=1).objects
    return {key: objects[key] for key in ("runs/r/input", "runs/r/0-weigh.retry-1")}


def failing() -> dict[str, bytes]:
    """A run on Lambda of which a call has failed, and is tried again."""
    objects = on_lambda(grams=13).objects
    return {key: data for key, data in objects.items() if not key.endswith(("/2-send", "-0.3"))}


class TestShow:
    def test_a_run_that_has_ended(self, capsys: Screen) -> None:
        begin("A-1", grams=7)
        capsys.readouterr()
        assert runs("show", "A-1") == 0
        assert told(capsys) == (
            "A-1  ended at send  pipeline local  began TIME, AGO  took T\n"
            "\n"
            "input: draft, grams\n"
            "0  weigh  through  T  TIME  +rounds -draft  2 retries\n"
            "1  label  through  T  TIME\n"
            "2  send  ended  T  TIME  +price\n"
        )

    def test_a_run_that_failed(self, capsys: Screen) -> None:
        begin("A-1", grams=BROKEN)
        capsys.readouterr()
        assert runs("show", "A-1") == 0
        lines = told(capsys).splitlines()
        assert lines[:7] == [
            "A-1  failed at send  pipeline local  began TIME, AGO  took T",
            "",
            "input: draft, grams",
            "0  weigh  through  T  TIME  +rounds -draft",
            "1  label  through  T  TIME",
            "2  send  failed  T  TIME",
            "",
        ]
        assert lines[7] == "Traceback (most recent call last):"
        frames = [line for line in lines if line.startswith('  File "')]
        assert [frame.rpartition(", ")[2] for frame in frames] == ["in send", "in price"]
        assert lines[-4:] == [
            "ZeroDivisionError: division by zero",
            "",
            "the state's keys: grams, rounds",
            "mend it and go on with: orchwipy runs resume A-1 --program FILE",
        ]

    def test_a_run_that_paused_in_a_journal_that_is_named(self, capsys: Screen) -> None:
        begin("A-1", grams=PAUSED)
        Path("journal").rename("my journal")
        capsys.readouterr()
        assert runs("show", "--journal", "my journal", "A-1") == 0
        assert told(capsys).splitlines()[4:] == [
            "1  label  paused  T  TIME",
            "",
            "the state's keys: grams, rounds",
            "go on with: orchwipy runs resume A-1 --journal 'my journal' --program FILE KEY=VALUE",
        ]

    def test_a_loop(self, capsys: Screen) -> None:
        begin("A-1", grams=3)
        capsys.readouterr()
        runs("show", "A-1")
        assert [line.split("  ")[:2] for line in told(capsys).splitlines()[3:]] == [
            ["0", "weigh"],
            ["1", "label"],
            ["2", "label"],
            ["3", "send"],
        ]

    def test_a_run_that_was_not_handed_off(self, store: FolderStore, capsys: Screen) -> None:
        begin("A-1", grams=5)
        store.delete("runs/A-1/2-send")
        store.delete("runs/A-1/1-label.sent")
        capsys.readouterr()
        assert runs("show", "A-1") == 0
        assert told(capsys).splitlines()[4:] == [
            "1  label  through, not handed off  T  TIME",
            "",
            "last heard of AGO",
        ]
        make_old(hours=3)
        assert runs("show", "A-1") == 0
        assert told(capsys).splitlines()[6:] == [
            "last heard of AGO",
            "a step on Lambda runs for 15 minutes at most: this run may be lost",
            "go on with: orchwipy runs resume A-1 --program FILE",
        ]

    def test_a_run_that_waits(self, store: FolderStore, capsys: Screen) -> None:
        copy(store, waiting())
        assert runs("show", "r") == 0
        assert told(capsys).splitlines()[3:7] == [
            "0  weigh  waiting  T  TIME  1 retry",
            "",
            "weigh was to be tried again TIME, AGO",
            "last heard of AGO",
        ]

    def test_a_call_that_failed_and_is_tried_again(self, store: FolderStore, capsys: Screen) -> None:
        copy(store, failing())
        assert runs("show", "r") == 0
        lines = told(capsys).splitlines()
        assert lines[5] == "2  send  failing  2 failed calls"
        assert "ValueError: 13 is too many" in lines
        assert not any("orchwipy_runtime" in line for line in lines)

    def test_values_are_shown_when_they_are_asked_for(self, capsys: Screen) -> None:
        for run, grams in (("A-1", 5), ("A-2", BROKEN), ("A-3", PAUSED)):
            begin(run, grams=grams, more="secret=hunter2")
            capsys.readouterr()
            for words in (["list"], ["show", run], ["show", run, "--format", "json"]):
                assert runs(*words) == 0
                assert "hunter2" not in capsys.readouterr().out
        assert runs("show", "A-2", "--state") == 0
        out = capsys.readouterr().out
        assert json.loads(out[out.index("\n{\n") :]) == {"grams": 4, "secret": "hunter2", "rounds": 1}
        assert runs("show", "A-2", "--state", "--format", "json") == 0
        assert json.loads(capsys.readouterr().out)["state"]["secret"] == "hunter2"

    def test_for_programs(self, store: FolderStore, capsys: Screen) -> None:
        begin("A-1", grams=BROKEN)
        capsys.readouterr()
        assert runs("show", "A-1", "--format", "json") == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown | {"run": "A-1", "pipeline": "local", "status": "failed", "step": "send"} == shown
        first, _, last = shown["path"]
        times = {name: first[name] for name in ("seconds", "at")}
        assert first == {
            "position": "0",
            "step": "weigh",
            "outcome": "through",
            "handed_off": True,
            "keys": ["grams", "rounds"],
            "detached": False,
            "retries": 0,
            "failed_calls": 0,
            **times,
        }
        assert last["outcome"] == "failed"
        assert shown["error"]["type"] == "ZeroDivisionError"
        assert "state" not in shown
        copy(store, waiting())
        runs("show", "r", "--format", "json")
        shown = json.loads(capsys.readouterr().out)
        assert (shown["due"], shown["error"]) == ("1970-01-12T13:46:45.000Z", None)

    def test_what_a_journal_holds_cannot_move_the_cursor(self, store: FolderStore, capsys: Screen) -> None:
        Path("shop.py").write_text(SHOP.replace("price=price", "**{'\\x1b[2J': 1}, price=price"))
        begin("A-1", grams=5, more="bell\x07=1")
        begin("A-2", grams=BROKEN, more="bell\x07=1")
        capsys.readouterr()
        for words in (["list"], ["show", "A-1", "--state"], ["show", "A-2", "--state"]):
            assert runs(*words) == 0
            out = capsys.readouterr().out
            assert not re.search(r"[\x00-\x09\x0b-\x1f]", out)
        assert "\\x07" in out

    def test_colours_are_for_terminals(self, monkeypatch: pytest.MonkeyPatch, capsys: Screen) -> None:
        begin("A-1", grams=5)
        monkeypatch.setenv("FORCE_COLOR", "1")
        capsys.readouterr()
        assert runs("show", "A-1") == 0
        assert "\x1b[1;32mended" in capsys.readouterr().out
        monkeypatch.setenv("NO_COLOR", "1")
        assert runs("show", "A-1") == 0
        assert "\x1b[32m" not in capsys.readouterr().out


BRANCHES = """\
from orchwipy_runtime import Detach, MicroFunctions, Parallel, ReturnUpdates

pipe = MicroFunctions(beginner="start")


@pipe.fn()
def start(*, grams: int, **kwargs):
    return Detach("audit", then="split")


@pipe.fn()
def audit(**kwargs):
    return ReturnUpdates(None, seen=True)


@pipe.fn()
def split(**kwargs):
    return Parallel(ReturnUpdates("left", side=1), "right", join="send")


@pipe.fn()
def left(*, side: int, **kwargs):
    return ReturnUpdates(None, left=side)


@pipe.fn()
def right(*, grams: int, **kwargs):
    return ReturnUpdates(None, right=1 / (grams - 4))


@pipe.fn(terminates=True)
def send(*, left: int, right: float, **kwargs):
    return ReturnUpdates(None, sent=True)
"""


class TestBranches:
    def test_a_run_with_branches(self, store: FolderStore, capsys: Screen) -> None:
        Path("shop.py").write_text(BRANCHES)
        assert begin("A-1", grams=5) == 0
        capsys.readouterr()
        assert runs("show", "A-1") == 0
        rows = [line.split() for line in told(capsys).splitlines()[3:]]
        assert [" ".join(word for word in row if word not in ("T", "TIME")) for row in rows] == [
            "0 start through",
            "0.0.0 audit through draft, grams, seen detached",
            "1 split through +left +right +side",
            "1.0.0 left through draft, grams, left, side",
            "1.1.0 right through draft, grams, right",
            "2 send ended +sent",
        ]

    def test_one_that_failed_in_a_branch_and_goes_on(self, store: FolderStore, capsys: Screen) -> None:
        Path("shop.py").write_text(BRANCHES)
        assert begin("A-1", grams=BROKEN) == 1
        capsys.readouterr()
        assert runs("show", "A-1") == 0
        text = told(capsys)
        assert text.startswith("A-1  failed at split  pipeline local")
        assert "ZeroDivisionError" in text
        assert runs("show", "A-1", "--format", "json") == 0
        path = json.loads(capsys.readouterr().out)["path"]
        assert [(each["position"], each["outcome"], each["detached"]) for each in path] == [
            ("0", "through", False),
            ("0.0.0", "through", True),
            ("1", "failed", False),
            ("1.0.0", "through", False),
            ("1.1.0", "failed", False),
        ]
        assert runs("resume", "A-1", "grams=5", "--program", "shop.py") == 0
        assert "ended after 5 steps" in printed(capsys)
        assert runs("list") == 0
        assert "ended" in printed(capsys)


class TestResume:
    def test_a_failed_run_when_the_program_is_mended(self, capsys: Screen) -> None:
        assert begin("A-1", grams=BROKEN) == 1
        out = capsys.readouterr().out
        command = "orchwipy runs resume A-1 --journal journal --program shop.py"
        assert out.endswith(f"failed in step send; the state's keys: grams, rounds\ngo on with: {command}\n")
        assert not Path("orchwipy-failed-run.json").exists()
        assert runs(*command.split()[2:]) == 1
        assert capsys.readouterr().out.endswith(f"go on with: {command}\n")
        Path("shop.py").write_text(SHOP.replace("grams - 4", "grams - 3"))
        assert runs(*command.split()[2:]) == 0
        lines = printed(capsys).splitlines()
        assert lines[:5] == [
            "weigh  T  before",
            "label  T  before",
            "send  T",
            "",
            "ended after 3 steps in T",
        ]
        assert runs("show", "A-1") == 0
        assert "A-1  ended at send" in printed(capsys)

    def test_a_paused_run_with_what_it_waits_for(self, store: FolderStore, capsys: Screen) -> None:
        assert begin("A-1", grams=PAUSED) == 0
        command = "orchwipy runs resume A-1 --journal journal --program shop.py KEY=VALUE"
        assert capsys.readouterr().out.endswith(f"go on with: {command}\n")
        assert runs("resume", "A-1", "grams=5", "--program", "shop.py:pipe", 'note={"a": 1}', "by=me") == 0
        state = json.loads(read_run(store, "A-1").state or "")
        assert state == {"grams": 5, "rounds": 1, "note": {"a": 1}, "by": "me", "price": 1.0}

    def test_a_run_of_lambda_goes_on_here(self, store: FolderStore, capsys: Screen) -> None:
        copy(store, on_lambda(grams=0).objects)
        assert runs("resume", "r", "grams=5", "--program", "shop.py") == 0
        assert read_run(store, "r").pipeline == "sim"

    def test_a_run_that_may_be_alive_is_left_alone(self, store: FolderStore, capsys: Screen) -> None:
        begin("A-1", grams=5)
        store.delete("runs/A-1/2-send")
        capsys.readouterr()
        assert runs("resume", "A-1", "--program", "shop.py") == 2
        assert timeless(refused(capsys)) == (
            "orchwipy: run `A-1` may be alive: it is running, last heard of AGO\n"
            "help: a step on Lambda runs for 15 minutes at most; wait, or resume it all the same with"
            " --force\n"
        )
        assert runs("resume", "A-1", "--program", "shop.py", "--force") == 0
        assert read_run(store, "A-1").status == "ended"

    def test_a_run_that_got_lost(self, store: FolderStore) -> None:
        begin("A-1", grams=5)
        store.delete("runs/A-1/2-send")
        make_old(hours=0.3)
        assert runs("resume", "A-1", "--program", "shop.py") == 0

    def test_of_two_who_resume_one_succeeds(
        self, store: FolderStore, capsys: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody else is between what this one reads and what it writes."""
        begin("A-1", grams=BROKEN)
        resume = local_journal.resume_run

        def late(pipe: Any, journal: Any, run: Any, changes: Any, **more: Any) -> Any:
            resume(pipe, journal, read_run(store, "A-1"), {"grams": 5}).execute()
            return resume(pipe, journal, run, changes, **more)

        monkeypatch.setattr(local_journal, "resume_run", late)
        capsys.readouterr()
        assert runs("resume", "A-1", "--program", "shop.py") == 2
        assert refused(capsys) == (
            "orchwipy: run `A-1` was resumed by somebody else just now\n"
            "help: `orchwipy runs show` tells how it goes\n"
        )
        assert json.loads(read_run(store, "A-1").state or "")["grams"] == 5

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["ended", "--program", "shop.py"], "run `ended` has ended: there is nothing to go on with\n"),
            (["ended"], "run `ended` has ended: there is nothing to go on with\n"),
            (["other"], "there is no run `other` in the journal\nhelp: `orchwipy runs list` shows"),
            (["../x"], "the run's id is not usable"),
            (["failed"], "goes on on this machine, which takes its program\nhelp: --program FILE"),
            (["failed", "--program", "none.py"], "there is no file `none.py`"),
            (["failed", "--program", "shop.py:pip"], "`shop.py` has no pipeline `pip`"),
            (["failed", "--program", "shop.py", "grams"], "`grams` is no KEY=VALUE"),
            (["failed", "--program", "shop.py", "$next=a"], "a name that the runtime owns"),
            (["failed", "--program", "other.py"], "stands at `send`, but no step is called that"),
        ],
    )
    def test_what_cannot_be_resumed(self, words: list[str], message: str, capsys: Screen) -> None:
        Path("other.py").write_text(SHOP.replace("send", "sent"))
        begin("ended", grams=5)
        begin("failed", grams=BROKEN)
        capsys.readouterr()
        assert runs("resume", *words) == 2
        assert message in refused(capsys)

    def test_an_interrupted_run(self, capsys: Screen) -> None:
        Path("shop.py").write_text(SHOP.replace("raise PauseExecution", "raise KeyboardInterrupt"))
        assert begin("A-1", grams=PAUSED) == 130
        assert "go on with: orchwipy runs resume A-1" in capsys.readouterr().out
        Path("shop.py").write_text(SHOP)
        assert runs("resume", "A-1", "--program", "shop.py", "grams=5") == 0


class TestPlace:
    def test_nothing_says_where(self, monkeypatch: pytest.MonkeyPatch, capsys: Screen) -> None:
        monkeypatch.delenv("ORCHWIPY_JOURNAL")
        assert runs("list") == 2
        assert refused(capsys) == (
            "orchwipy: it is not said where the journal is\n"
            "help: --journal FOLDER, --journal s3://bucket/stack, or the environment variable"
            " ORCHWIPY_JOURNAL\n"
        )

    @pytest.mark.parametrize(
        ("place", "message"),
        [
            ("nowhere", "there is no folder `nowhere`: no journal is kept there"),
            ("s3:/bucket", "there is no folder `s3:/bucket`"),
            ("gs://bucket/stack", "`gs://bucket/stack` is no place for objects"),
            ("s3://B!/stack", "`B!` is no name of a bucket"),
        ],
    )
    def test_places_that_are_none(self, place: str, message: str, capsys: Screen) -> None:
        assert runs("list", "--journal", place) == 2
        assert message in refused(capsys)

    def test_the_subcommand_alone_shows_what_there_is(self, capsys: Screen) -> None:
        assert runs() == 2
        assert re.findall(r"^    (\w+) ", capsys.readouterr().err, re.MULTILINE) == ["list", "show", "resume"]

    @pytest.mark.parametrize("limit", ["0", "-1", "x"])
    def test_a_limit_is_a_number(self, limit: str, capsys: Screen) -> None:
        with pytest.raises(SystemExit) as caught:
            runs("list", f"--limit={limit}")
        assert caught.value.code == 2
        assert "a whole number from 1 on" in capsys.readouterr().err

    def test_a_pipelines_own_journal(self, capsys: Screen) -> None:
        Path("shop.py").write_text(SHOP.replace('beginner="weigh"', 'beginner="weigh", journal="own"'))
        assert main(["run", "shop.py", "grams=4"]) == 1
        assert re.search(
            r"go on with: orchwipy runs resume [0-9a-f]{16} --journal own ", capsys.readouterr().out
        )

    def test_listing_loads_neither_the_linter_nor_aws(self) -> None:
        begin("A-1", grams=5)
        program = (
            "import sys; from orchwipy_lint.cli import main; main(['runs', 'list'])\n"
            "print(sorted({'libcst', 'botocore', 'networkx'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.endswith("\n[]\n")


FILE = '  File "{}", line 7, in step'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ValueError: no"], [0]),
        (
            [
                "Traceback (most recent call last):",
                FILE.format("/var/task/orchwipy_runtime/call.py"),
                "    call()",
                FILE.format("/var/task/shop.py"),
                "    price()",
                "    ~~~~~^^",
                FILE.format("/var/lang/lib/python3.12/json/decoder.py"),
                "    raise",
                "  [Previous line repeated 3 more times]",
                "ValueError: no",
                "    and more of the message",
            ],
            [0, 3, 4, 5, 9, 10],
        ),
        (
            ["Traceback (most recent call last):", FILE.format("<frozen x>"), "    x", "KeyError: 1"],
            [3],
        ),
        (
            ["e/shop.py, line 3, in x", "    x()", FILE.format("/a/shop.py"), "    y()", "KeyError: 1"],
            [2, 3, 4],
        ),
        (
            [
                "Traceback (most recent call last):",
                FILE.format("/opt/python/lib/python3.12/site-packages/x.py"),
                "KeyError: 1",
                "",
                "During handling of the above exception, another exception occurred:",
                "",
                "Traceback (most recent call last):",
                FILE.format("/var/task/shop.py"),
                "ValueError: 2",
            ],
            [2, 3, 4, 5, 6, 7, 8],
        ),
    ],
)
def test_the_users_own_part_of_a_traceback(lines: list[str], expected: list[int]) -> None:
    assert users_lines("\n".join(lines) + "\n") == [lines[number] for number in expected]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "now"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (172_800, "2 days ago"),
        (-90, "in 1 min"),
    ],
)
def test_ages(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0123, "12.3 ms"), (1, "1.0 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (90_000, "25 h 0 min")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


class TestOnLambda:
    """The same of runs on Lambda, with a real S3 and the functions in AWS's own client."""

    def test_without_a_region_it_is_said_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        services = Services(Settings(stack="shop"))
        with pytest.raises(InvalidSetting, match=r"no client for lambda(.|\n)*AWS_REGION"):
            services.invoke("shop-weigh", "{}", remaining=lambda: 0.0)

    @pytest.mark.slow
    def test_list_show_and_resume(
        self,
        lambda_service: LambdaService,
        s3: S3Server,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("ORCHWIPY_JOURNAL")
        orders = Deployment("orders", tmp_path, lambda_service, s3)
        choose = f"{orders.stack}-choose"
        orders.before_invoke = lambda invoker, function: function != choose
        orders.begin("A-1", order="A-1", grams=2000)
        orders.begin("A-2", order="A-2", grams=0)
        status, out = orders.command("runs", "list")
        assert status == 0, out
        assert [line.split("  ")[:4] for line in sorted(timeless(out).splitlines()[1:])] == [
            ["A-1", "running", "3", "choose"],
            ["A-2", "ended", "4", "report"],
        ]
        place = f"s3://{s3.bucket}/{orders.stack}"
        status, out = orders.command("runs", "show", "A-1", "--journal", place)
        assert status == 0, out
        assert "2  price  through, not handed off" in timeless(out)
        assert "3 failed calls" in out
        for words, message in (
            ([], "may be alive"),
            (["--force", "x=1"], "its state cannot be changed"),
            (["--force", "--program", "shop.py"], "--program is for a journal in a folder"),
            (["--force", "--journal", f"s3://{s3.bucket}"], "there is no run `A-1`"),
        ):
            status, out = orders.command("runs", "resume", "A-1", *words)
            assert (status, message in out) == (2, True), out
        orders.before_invoke = lambda invoker, function: True
        orders.service.refuse(choose, "ResourceNotFoundException")
        status, out = orders.command("runs", "resume", "A-1", "--force")
        assert (status, "there is none of that name" in out) == (2, True)
        assert out.endswith(f"when that is mended: orchwipy runs resume A-1 --journal {place} --force\n")
        status, out = orders.command("runs", "resume", "A-1", "--force")
        assert (status, out) == (0, f"run A-1 goes on: function {choose} was invoked\n")
        assert path_of(orders.settled("A-1"))[-1] == "report"
        status, out = orders.command("runs", "resume", "A-1")
        assert (status, out) == (2, "orchwipy: run `A-1` has ended: there is nothing to go on with\n")
