"""The command: what it prints, where, and its exit status."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchwipy_lint import __version__, check, verdict
from orchwipy_lint.cli import main
from orchwipy_lint.rules import RULES
from tests.samples import BROKEN, NO_PIPELINE, SOUND
from tests.warm import Warm

MESSAGE = check.check_source(BROKEN)[0].message if check.check_source(BROKEN) else ""

Screen = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    (tmp_path / "sound.py").write_text(SOUND, encoding="utf-8")
    (tmp_path / "other.py").write_text(NO_PIPELINE, encoding="utf-8")
    return tmp_path


def run(*args: str) -> int:
    """The exit status of the command, as the shell sees it."""
    try:
        return main(args)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 1


def spawn(
    folder: Path,
    *args: str,
    prelude: str = "",
    env: dict[str, str] | None = None,
    python: str = sys.executable,
) -> bytes:
    program = f"{prelude}\nimport sys\nfrom orchwipy_lint.cli import main\nsys.exit(main())"
    done = subprocess.run(
        [python, "-c", program, *args],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        check=False,
    )
    return done.stdout + b"=> %d" % done.returncode


class TestCheck:
    @pytest.mark.parametrize("count", ["0", "-1", "two", "1.5"])
    def test_a_number_of_processes_that_is_none(self, folder: Path, capsys: Screen, count: str) -> None:
        assert run("check", f"--jobs={count}") == 2
        assert f"{count} is no number of processes; write 1 or more" in capsys.readouterr().err

    def test_the_whole_screen(self, folder: Path, capsys: Screen) -> None:
        assert run("check") == 1
        out, err = capsys.readouterr()
        assert err == ""
        lines = out.splitlines()
        assert lines[0] == f"broken.py:13:12 OWP101 {MESSAGE}"
        assert lines[1] == ""
        assert [line.split()[:2] for line in lines[2:5]] == [
            ["weigh", "broken.py:8"],
            ["label", "broken.py:13"],
            ["send", "broken.py:17"],
        ]
        assert lines[-3].startswith("   help: ")
        assert lines[-2:] == ["", "1 error in 2 pipelines (6 steps, 3 files)"]

    def test_a_sound_file(self, folder: Path, capsys: Screen) -> None:
        assert run("check", "sound.py") == 0
        assert capsys.readouterr() == ("no findings in 1 pipeline (3 steps, 1 file)\n", "")

    def test_no_pipeline(self, folder: Path, capsys: Screen) -> None:
        assert run("check", "other.py") == 0
        assert capsys.readouterr() == ("no pipeline found in 1 file\n", "")

    def test_an_empty_folder(self, tmp_path: Path, capsys: Screen) -> None:
        assert run("check", str(tmp_path)) == 0
        assert capsys.readouterr() == ("no pipeline found in 0 files\n", "")

    def test_concise(self, folder: Path, capsys: Screen) -> None:
        assert run("check", "--format", "concise", "./broken.py", "sound.py") == 1
        assert capsys.readouterr() == (
            f"broken.py:13:12: OWP101 {MESSAGE}\n",
            "1 error in 2 pipelines (6 steps, 2 files)\n",
        )

    def test_json(self, folder: Path, capsys: Screen) -> None:
        assert run("check", "--format", "json") == 1
        out, err = capsys.readouterr()
        assert err == ""
        printed = json.loads(out)
        assert list(printed) == ["version", "pipelines", "findings"]
        assert printed["pipelines"] == [
            {"name": "pipe", "path": "broken.py", "beginner": "weigh", "steps": 3},
            {"name": "pipe", "path": "sound.py", "beginner": "weigh", "steps": 3},
        ]
        (finding,) = printed["findings"]
        assert (finding["code"], finding["line"], finding["column"]) == ("OWP101", 13, 12)
        assert (finding["step"], finding["key"]) == ("send", "parcel")
        assert finding["witness"] == ["weigh", "label", "send"]

    def test_json_without_a_pipeline_is_json_all_the_same(self, folder: Path, capsys: Screen) -> None:
        assert run("check", "--format", "json", "other.py") == 0
        assert json.loads(capsys.readouterr().out) == {"version": 1, "pipelines": [], "findings": []}

    def test_missing_paths(self, folder: Path, capsys: Screen) -> None:
        assert run("check", "broken.py", "nowhere", "gone.py") == 2
        assert capsys.readouterr() == ("", "orchwipy: no such file or folder: nowhere, gone.py\n")

    @pytest.mark.parametrize(
        ("args", "status", "codes"),
        [
            (["--select", "OWP2"], 0, []),
            (["--select", "OWP2,OWP101"], 1, ["OWP101"]),
            (["--select", "OWP2", "--select", "missing-argument"], 1, ["OWP101"]),
            (["--ignore", "missing-argument"], 0, []),
            (["--select", "OWP101", "--ignore", "OWP1"], 1, ["OWP101"]),
            (["--exit-zero"], 0, ["OWP101"]),
            (["--fail-on", "error"], 1, ["OWP101"]),
            (["--fail-on", "warning"], 1, ["OWP101"]),
        ],
    )
    def test_options(
        self, folder: Path, capsys: Screen, args: list[str], status: int, codes: list[str]
    ) -> None:
        assert run("check", "--format=json", "broken.py", *args) == status
        assert [each["code"] for each in json.loads(capsys.readouterr().out)["findings"]] == codes

    def test_fail_on_counts_what_is_as_bad_or_worse(self, folder: Path, capsys: Screen) -> None:
        (folder / "warned.py").write_text(
            SOUND + "\n\n@pipe.fn(terminates=True)\ndef lost(**kwargs):\n    return {}\n"
        )
        assert run("check", "warned.py") == 1
        assert "OWP202" in capsys.readouterr().out
        assert run("check", "--fail-on", "error", "warned.py") == 0
        assert capsys.readouterr().out.endswith("\n1 warning in 1 pipeline (4 steps, 1 file)\n")

    def test_notes(self, folder: Path, capsys: Screen) -> None:
        (folder / "noted.py").write_text(BROKEN.replace('{"$next"', '{**load(), "$next"'))
        args = ("check", "--format=concise", "noted.py", "--ignore=OWP106")
        assert run(*args) == 0
        assert capsys.readouterr().out == ""
        assert run(*args, "--show-notes") == 0
        assert "OWP109" in capsys.readouterr().out
        assert run(*args, "--fail-on=note") == 1
        assert "OWP109" in capsys.readouterr().out

    def test_noqa(self, folder: Path, capsys: Screen) -> None:
        (folder / "broken.py").write_text(BROKEN.replace('g"}\n', 'g"}  # noqa: OWP101\n'))
        assert run("check", "broken.py") == 0

    @pytest.mark.parametrize("option", ["--select", "--ignore"])
    def test_unknown_rules(self, folder: Path, capsys: Screen, option: str) -> None:
        assert run("check", option, "OWP101,mising-argument") == 2
        assert capsys.readouterr() == (
            "",
            "orchwipy: no rule has the code or name `mising-argument`; did you mean `missing-argument`?\n",
        )

    @pytest.mark.parametrize(
        "args", [["--format", "xml"], ["--fail-on", "never"], ["--colour"], ["--show"], ["--stdin-filename"]]
    )
    def test_wrong_options(self, folder: Path, capsys: Screen, args: list[str]) -> None:
        assert run("check", *args) == 2
        assert capsys.readouterr().err.startswith("usage: orchwipy")

    def test_standard_input(self, folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
        def give(text: str) -> None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

        give(BROKEN)
        assert run("check", "--format=concise", "-") == 1
        assert capsys.readouterr().out == f"<stdin>:13:12: OWP101 {MESSAGE}\n"
        give(BROKEN)
        assert run("check", "--format=concise", "--stdin-filename", "a/b.py", "-", "sound.py") == 1
        assert capsys.readouterr() == (
            f"a/b.py:13:12: OWP101 {MESSAGE}\n",
            "1 error in 2 pipelines (6 steps, 2 files)\n",
        )
        give("")
        assert run("check", "-") == 0
        assert capsys.readouterr().out == "no pipeline found in 1 file\n"

    def test_a_name_for_standard_input_that_is_not_read(self, folder: Path, capsys: Screen) -> None:
        assert run("check", "--stdin-filename", "a.py", "sound.py") == 2
        assert capsys.readouterr().err == (
            "orchwipy: --stdin-filename names standard input, which is read for the path `-`\n"
        )

    def test_a_file_that_does_not_parse_and_the_others(self, folder: Path, capsys: Screen) -> None:
        (folder / "bad.py").write_text("import orchwipy_runtime\ndef (\n")
        (folder / "bad_other.py").write_text("def (\n")
        assert run("check", "--format=concise") == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("bad.py:2:")
        assert " OWP001 " in lines[0]
        assert lines[1:] == [f"broken.py:13:12: OWP101 {MESSAGE}"]

    def test_a_failure_of_the_analyser(
        self, folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(pipeline: object) -> object:
            raise KeyError("a")

        monkeypatch.setattr(verdict, "analyse", fail)
        assert run("check", "broken.py") == 1
        out, err = capsys.readouterr()
        assert err == ""
        assert "OWP002 the analyser failed on this file: KeyError: 'a' (in test_cli.py, line" in out
        assert "please report it" in out
        assert "Traceback" not in out


class TestOutput:
    def test_no_colours_and_no_broken_lines_in_a_pipe(self, folder: Path, warm: Warm) -> None:
        narrow = {"COLUMNS": "20", "TERM": "xterm-256color"}
        out = spawn(folder, "check", "broken.py", env=narrow, python=warm.python)
        assert b"\x1b" not in out
        assert out.decode().splitlines()[0] == f"broken.py:13:12 OWP101 {MESSAGE}"

    def test_colours_where_they_are_forced(self, folder: Path, warm: Warm) -> None:
        forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
        out = spawn(folder, "check", "broken.py", env=forced, python=warm.python)
        assert b"\x1b[1;31mOWP101\x1b[0m" in out

    @pytest.mark.parametrize("form", ["text", "concise", "json"])
    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
    def test_any_encoding(self, folder: Path, form: str, encoding: str, warm: Warm) -> None:
        (folder / "broken.py").write_text(BROKEN.replace("parcel", "päckchen_茶"), encoding="utf-8")
        out = spawn(
            folder,
            *("check", "--format", form, "broken.py"),
            env={"PYTHONIOENCODING": encoding},
            python=warm.python,
        )
        assert out.endswith(b"=> 1")
        text = out.decode(encoding)
        assert "weigh -> label -> send" in text or "\\u2192" in text
        assert "\\u8336" in text

    def test_a_reader_that_goes_away(self, folder: Path, warm: Warm) -> None:
        read, write = os.pipe()
        os.close(read)
        program = "import sys\nfrom orchwipy_lint.cli import main\nsys.exit(main())"
        with os.fdopen(write, "wb") as gone:
            done = subprocess.run(
                [warm.python, "-c", program, "check", "broken.py"],
                cwd=folder,
                stdout=gone,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert (done.returncode, done.stderr) == (2, b"")

    def test_an_interrupt(self, folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*args: object, **kwargs: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(check, "check_files", interrupt)
        assert run("check") == 130
        assert capsys.readouterr() == ("", "orchwipy: interrupted\n")

    @pytest.mark.parametrize(
        ("module", "args"),
        [("libcst", ["check"]), ("rich", ["check"]), ("rich", ["rules"]), ("rich", ["explain", "OWP101"])],
    )
    def test_without_the_extra(self, folder: Path, module: str, args: list[str]) -> None:
        prelude = (
            "import importlib.abc, sys\n"
            "class Absent(importlib.abc.MetaPathFinder):\n"
            "    def find_spec(self, name, path, target=None):\n"
            f"        if name == {module!r}: raise ModuleNotFoundError('absent', name=name)\n"
            "sys.meta_path.insert(0, Absent())"
        )
        assert spawn(folder, *args, prelude=prelude).decode() == (
            f'orchwipy: {module} is not installed; install it with: pip install "orchwipy-lint[lint]"'
            + os.linesep
            + "=> 2"
        )


class TestExplainAndRules:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.code))
    def test_each_rule_by_code_and_by_name(self, capsys: Screen, rule: object) -> None:
        code, name = (getattr(rule, each) for each in ("code", "name"))
        assert run("explain", code) == 0
        by_code = capsys.readouterr()
        assert run("explain", name) == 0
        assert capsys.readouterr() == by_code
        out, err = by_code
        assert err == ""
        assert out.startswith(f"{code} {name} (")
        assert max(map(len, out.split("\nBad:")[0].splitlines())) <= 88

    def test_an_explanation_has_the_examples(self, capsys: Screen) -> None:
        (rule,) = [each for each in RULES if each.code == "OWP101"]
        assert run("explain", "owp101") == 0
        out = capsys.readouterr().out
        bad = "\n".join(f"    {line}".rstrip() for line in rule.bad.strip("\n").splitlines())
        good = "\n".join(f"    {line}".rstrip() for line in rule.good.strip("\n").splitlines())
        assert out.endswith(f"\n\nBad:\n\n{bad}\n\nGood:\n\n{good}\n")

    def test_an_unknown_rule(self, capsys: Screen) -> None:
        assert run("explain", "OWP11") == 2
        assert capsys.readouterr() == (
            "",
            "orchwipy: no rule has the code or name `OWP11`; did you mean `OWP113`?\n",
        )
        assert run("explain", "zzz") == 2
        assert capsys.readouterr().err == "orchwipy: no rule has the code or name `zzz`\n"

    def test_all_rules(self, capsys: Screen) -> None:
        assert run("rules") == 0
        head, *lines = capsys.readouterr().out.splitlines()
        assert head.split() == ["Code", "Name", "Severity", "Default", "What"]
        assert [line.split()[:4] for line in lines] == [
            [rule.code, rule.name, rule.severity.value, "on" if rule.enabled else "off"] for rule in RULES
        ]

    def test_all_rules_as_json(self, capsys: Screen) -> None:
        assert run("rules", "--format", "json") == 0
        printed = json.loads(capsys.readouterr().out)
        assert [each["code"] for each in printed] == [rule.code for rule in RULES]
        assert all(list(each) == ["code", "name", "severity", "enabled", "explanation"] for each in printed)


class TestCommand:
    def test_version(self, capsys: Screen) -> None:
        assert run("--version") == 0
        assert capsys.readouterr() == (f"orchwipy-lint {__version__}\n", "")

    def test_without_a_command(self, capsys: Screen) -> None:
        assert run() == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("usage: orchwipy ")

    def test_help_names_the_commands(self, capsys: Screen) -> None:
        assert run("--help") == 0
        out = capsys.readouterr().out
        assert all(f"\n    {command} " in out for command in ("check", "explain", "rules"))

    def test_as_a_module_and_as_a_script(self, folder: Path) -> None:
        script = Path(sys.executable).with_name("orchwipy")
        for command in ([sys.executable, "-m", "orchwipy_lint"], [str(script)]):
            done = subprocess.run(
                [*command, "check", "--format=json", "broken.py"],
                cwd=folder,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 1
            assert json.loads(done.stdout)["findings"][0]["code"] == "OWP101"


def test_an_engine_that_there_is_not(folder: Path, capsys: Screen) -> None:
    (folder / "pyproject.toml").write_text('[tool.orchwipy]\nengine = "steam"\n', encoding="utf-8")
    assert run("check", "sound.py") == 2
    assert 'there is no engine "steam"' in capsys.readouterr().err
