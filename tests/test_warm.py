"""The commands that need not start are what a command is: these tests are run by both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm import Warm


@pytest.fixture(params=["warm", "started"])
def python(request: pytest.FixtureRequest, warm: Warm) -> str:
    return warm.python if request.param == "warm" else sys.executable


def run(command: list[str], **options: object) -> tuple[int, str, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("", 0),
        ("import sys; sys.exit(3)", 3),
        ("import os; os._exit(4)", 4),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
    ],
)
def test_the_exit_status(python: str, program: str, status: int) -> None:
    assert run([python, "-c", program]) == (status, "", "")


def test_what_is_to_be_done_at_the_end(python: str) -> None:
    program = (
        "import atexit, sys, threading\n"
        "wait = threading.main_thread().join\n"
        "atexit.register(print, 'last')\n"
        "threading.Thread(target=lambda: (wait(), print('thread'))).start()\n"
        "print('first')\n"
        "sys.exit(5)\n"
    )
    assert run([python, "-c", program]) == (5, "first\nthread\nlast\n", "")


def test_an_error(python: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("def fail():\n    raise ValueError('why')\n\n\nfail()\n")
    status, out, err = run([python, "program.py"], cwd=tmp_path)
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", "ValueError: why")
    # Python 3.10 shows how the program was started, too.
    assert [line.split('"')[2] for line in lines if "File " in line][-2:] == [
        ", line 5, in <module>",
        ", line 2, in fail",
    ]


def test_what_a_program_finds(python: str, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("NAME = 'beside'\n")
    (tmp_path / "program.py").write_text(
        "import os, sys, beside\n"
        "print(beside.NAME, __name__, sys.argv, os.environ['MINE'], os.environ.get('HOME'))\n"
        "print(sys.stdin.read(), os.getcwd() == sys.argv[2])\n"
    )
    arguments = ["program.py", "-x", str(tmp_path)]
    environment = {"MINE": "é", "PYTHONUTF8": "1"}
    assert run([python, *arguments], cwd=tmp_path, env=environment, input="given", encoding="utf-8") == (
        0,
        f"beside __main__ {arguments} é None\ngiven True\n",
        "",
    )


def test_the_interpreters_own_options_and_variables_are_heeded(warm: Warm) -> None:
    program = "import sys; print('libcst' in sys.modules)"
    assert run([warm.python, "-c", program]) == (0, "True\n", "")
    assert run([warm.python, "-I", "-c", program]) == (0, "False\n", "")
    assert run([warm.python, "-c", program], env={"PYTHONOPTIMIZE": "1"}) == (0, "False\n", "")


def test_it_ends_with_who_asked_for_it(python: str) -> None:
    program = "import threading; print('busy', flush=True); threading.Event().wait()"
    with subprocess.Popen([python, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        process.kill()
        assert process.communicate(timeout=60)[0] == b"", "its output is closed as soon as it has ended"
