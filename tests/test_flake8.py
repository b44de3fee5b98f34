"""The plugin inside real flake8 processes."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flake8.main.cli import main

from orchwipy_lint import check_source
from orchwipy_lint.flake8_plugin import Plugin
from orchwipy_lint.selection import EVERYTHING
from tests.samples import BROKEN, NO_PIPELINE, SOUND
from tests.warm import Warm

HERE = str(Path(__file__).parent.parent)


def spawn(
    folder: Path, *args: str, stdin: str | None = None, prelude: str = "", python: str = sys.executable
) -> str:
    """What a flake8 of its own prints; it must end as a linter does and say nothing else."""
    program = f"{prelude}\nimport sys\nfrom flake8.main.cli import main\nsys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [python, "-c", program, "--isolated", *args],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": HERE},
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == (1 if done.stdout else 0)
    return done.stdout


Flake8 = Callable[..., str]


@pytest.fixture
def flake8(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Flake8:
    """flake8 in this process, on the folder."""

    def run(*args: str) -> str:
        monkeypatch.chdir(folder)
        status = main(["--isolated", "-j1", *args])
        out, err = capsys.readouterr()
        assert err == ""
        assert status == (1 if out else 0)
        return out

    return run


def ours(source: str, path: str) -> str:
    findings = check_source(source, path)
    return "".join(f"{path}:{each.line}:{each.column}: {each.code} {each.message}\n" for each in findings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    (tmp_path / "sound.py").write_text(SOUND, encoding="utf-8")
    (tmp_path / "other.py").write_text(NO_PIPELINE, encoding="utf-8")
    return tmp_path


def test_flake8_says_what_check_says(folder: Path) -> None:
    expected = ours(BROKEN, "./broken.py")
    assert expected.startswith("./broken.py:13:12: OWP101 MissingArgument: ")
    assert spawn(folder) == expected


def test_several_processes(folder: Path, warm: Warm) -> None:
    for number in range(6):
        (folder / f"copy{number}.py").write_text(BROKEN, encoding="utf-8")
    expected = "".join(
        ours(BROKEN, f"./{name}.py") for name in ("broken", *(f"copy{number}" for number in range(6)))
    )
    assert spawn(folder, "-j", "2", python=warm.python) == expected


def test_processes_that_are_not_forked(folder: Path) -> None:
    (folder / "second.py").write_text(BROKEN, encoding="utf-8")
    prelude = "import multiprocessing\nmultiprocessing.set_start_method('forkserver')"
    assert spawn(folder, "-j", "2", prelude=prelude) == ours(BROKEN, "./broken.py") + ours(
        BROKEN, "./second.py"
    )


def test_standard_input_and_its_name(folder: Path, warm: Warm) -> None:
    for words, name in ([], "stdin"), (["--stdin-display-name", "a/b.py"], "a/b.py"):
        assert spawn(folder, *words, "-", stdin=BROKEN, python=warm.python) == ours(BROKEN, name)


def test_select_and_ignore(folder: Path, flake8: Flake8) -> None:
    assert flake8("--select", "OWP101") == ours(BROKEN, "./broken.py")
    assert flake8("--select", "OWP2") == ""
    assert flake8("--ignore", "OWP") == ""
    assert flake8("--extend-ignore", "OWP101") == ""


def test_per_file_ignores(folder: Path, flake8: Flake8) -> None:
    assert flake8("--per-file-ignores", "broken.py:OWP101") == ""
    assert flake8("--per-file-ignores", "sound.py:OWP101") == ours(BROKEN, "./broken.py")


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: OWP101", "# noqa: OWP", "# NOQA:E501,OWP101"])
def test_noqa(folder: Path, flake8: Flake8, comment: str) -> None:
    silenced = BROKEN.replace('g"}\n', f'g"}}  {comment}\n')
    (folder / "broken.py").write_text(silenced, encoding="utf-8")
    assert flake8() == ""
    assert "OWP101" in flake8("--disable-noqa")


def test_noqa_for_another_code_and_on_another_line(folder: Path, flake8: Flake8) -> None:
    other = BROKEN.replace('g"}\n', 'g"}  # noqa: OWP102\n').replace("MicroFunctions(b", "MicroFunctions(  b")
    (folder / "broken.py").write_text(other.replace("def send(", "def send(  # noqa\n    "), encoding="utf-8")
    assert "./broken.py:13:12: OWP101" in flake8()


def test_show_source_points_at_the_return(folder: Path, flake8: Flake8) -> None:
    lines = flake8("--show-source").splitlines()
    assert lines[1:] == ['    return {"$next": "send", "text": f"{grams} g"}', "           ^"]


NOTED = BROKEN.replace("parcel: str, text: str", "text: str, colour: str = 'red'")


def test_what_is_off_by_default_is_turned_on_by_selecting_it(folder: Path, flake8: Flake8) -> None:
    (folder / "broken.py").write_text(NOTED, encoding="utf-8")
    assert "OWP102" not in flake8()
    assert "OWP102" in flake8("--extend-select", "OWP102")
    assert "OWP102" in flake8("--select", "OWP102")
    assert "OWP102" in flake8("--select", "OWP")


WAITS = """\
from orchwipy_runtime import MicroFunctions, Parallel, ReturnUpdates

pipe = MicroFunctions(beginner="fetch")


@pipe.fn()
def fetch(**kwargs):
    return Parallel("stock", join="offer")


@pipe.fn()
def stock(**kwargs):
    return ReturnUpdates(None, left=1)


@pipe.fn(terminates=True)
def offer(**kwargs):
    return {}
"""


def test_the_engine_of_the_project_turns_its_rule_on(folder: Path, flake8: Flake8) -> None:
    (folder / "waits.py").write_text(WAITS, encoding="utf-8")
    assert "OWP401" not in flake8()
    assert "OWP401" in flake8("--extend-select", "OWP401")
    (folder / "pyproject.toml").write_text('[tool.orchwipy]\nengine = "direct"\n', encoding="utf-8")
    assert "OWP401" in flake8()


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_other_line_ends(folder: Path, flake8: Flake8, newline: str) -> None:
    (folder / "broken.py").write_bytes(BROKEN.replace("\n", newline).encode())
    assert "./broken.py:13:12: OWP101" in flake8("--select", "OWP")


def test_other_encodings(folder: Path, flake8: Flake8) -> None:
    text = "# -*- coding: latin-1 -*-\n" + BROKEN.replace("{grams} g", "{grams} é")
    (folder / "broken.py").write_bytes(text.encode("latin-1"))
    assert "./broken.py:14:12: OWP101" in flake8()
    (folder / "broken.py").write_bytes(b"\xef\xbb\xbf" + BROKEN.encode())
    assert "./broken.py:13:12: OWP101" in flake8()


def test_columns_count_characters(folder: Path, flake8: Flake8) -> None:
    (folder / "broken.py").write_text(BROKEN.replace("    return {", "    'é茶'; return {"), encoding="utf-8")
    assert "./broken.py:13:18: OWP101" in flake8("--select", "OWP")


def test_a_file_that_does_not_parse_is_flake8s_own_business(folder: Path, flake8: Flake8) -> None:
    (folder / "broken.py").write_text(BROKEN + "def (", encoding="utf-8")
    assert {line.split()[1][:1] for line in flake8().splitlines()} <= {"E"}


def test_a_failure_of_the_analyser_is_one_finding(folder: Path, warm: Warm) -> None:
    prelude = (
        "import orchwipy_lint.verdict as verdict\n"
        "def fail(*args): raise RecursionError('too deep')\n"
        "verdict.analyse = fail"
    )
    assert spawn(folder, prelude=prelude, python=warm.python).splitlines()[:1] == [
        "./broken.py:3:8: OWP002 the analyser failed on this file:"
        " RecursionError: too deep (in <string>, line 2)"
    ]


def test_an_analyser_that_cannot_be_loaded_is_one_finding(folder: Path) -> None:
    lines = spawn(folder, prelude="import sys; sys.modules['libcst'] = None").splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["./broken.py:1:1:", "./sound.py:1:1:"]
    assert all(" OWP002 the analyser cannot run: ModuleNotFoundError: " in line for line in lines)
    assert lines[0].endswith('(pip install "orchwipy-lint[lint]" where flake8 is installed)')


def test_where_there_is_no_pipeline_the_analyser_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.orchwipy]\nignore = ["OWP107"]\n', encoding="utf-8")
    program = (
        "import ast, sys\n"
        "from orchwipy_lint.flake8_plugin import Plugin\n"
        "assert list(Plugin(ast.parse(''), 'a.py', ['import os\\n']).run()) == []\n"
        "print(*{'orchwipy_lint.rules', 'libcst', 'multiprocessing'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


def test_files_that_the_project_leaves_out_are_looked_at_when_flake8_has_them(
    folder: Path, flake8: Flake8, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "setup.cfg").touch()
    (folder / "script").write_text(BROKEN, encoding="utf-8")
    (folder / "importing").write_text("import broken\n\nprint(broken)\n", encoding="utf-8")
    assert flake8("script") == ours(BROKEN, "script")
    assert flake8("importing") == ""
    (folder / "nothing").write_text(NO_PIPELINE, encoding="utf-8")
    monkeypatch.setattr("orchwipy_lint.workspace.Workspace.overlaid", None)
    assert flake8("nothing", "nothing") == ""


def test_the_plugin_reports_each_finding_once() -> None:
    lines = BROKEN.splitlines(keepends=True)
    reported = list(Plugin(ast.parse(BROKEN), "a.py", lines).run())
    assert len(reported) == len(set(reported))
    codes = {text.split()[0] for _, _, text, _ in reported}
    assert codes == {each.code for each in check_source(BROKEN, selection=EVERYTHING)}
