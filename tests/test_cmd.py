"""The command line of a pipeline's own program."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchwipy_runtime import Functions, MicroFunctions, microservice
from orchwipy_runtime.cmd import command_line_args, command_line_invoke
from orchwipy_runtime.errors import InvalidSetting, InvalidTemplate

PROGRAM = """\
import argparse
import json
from orchwipy_runtime import MicroFunctions, ReturnUpdates
from orchwipy_runtime.cmd import command_line_args, command_line_invoke

pipe = MicroFunctions(beginner="greet")


@pipe.fn()
def greet(*, name: str = "you", **kwargs):
    return ReturnUpdates("write", text=f"Hello, {name}")


@pipe.fn(terminates=True)
def write(*, text: str, **kwargs):
    with open("greeting.txt", "w") as file:
        file.write(text)
    return {}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    command_line_args(parser)
    command_line_invoke(pipe, parser.parse_args())
"""

BROKEN = PROGRAM.replace("text=f", "txt=f")


def run(
    folder: Path, *arguments: str, program: str = PROGRAM, flags: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    (folder / "hello.py").write_text(program, encoding="utf-8")
    command = [sys.executable, *flags, "hello.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command_line_args(parser)
    return parser.parse_args(arguments)


class TestRun:
    def test_it_runs_and_prints_nothing(self, tmp_path: Path) -> None:
        done = run(tmp_path, "run", "--run", flags=("-W", "error"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tmp_path / "greeting.txt").read_text() == "Hello, you"

    def test_with_the_arguments_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "args.json").write_text(json.dumps({"name": "Zoë"}), encoding="utf-8")
        done = run(tmp_path, "run", "--run", "--arg-file", "args.json")
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "greeting.txt").read_text(encoding="utf-8") == "Hello, Zoë"

    def test_nothing_is_asked_for(self, tmp_path: Path) -> None:
        assert run(tmp_path, "run").returncode == 0
        assert run(tmp_path, "check").returncode == 0
        assert run(tmp_path).returncode == 0
        assert not (tmp_path / "greeting.txt").exists()

    def test_arguments_without_a_run(self, tmp_path: Path) -> None:
        file = tmp_path / "args.json"
        file.write_text("{}")
        with pytest.raises(InvalidSetting, match="--arg-file is given without --run"):
            command_line_invoke(Functions(beginner="greet"), parsed("run", "--arg-file", str(file)))

    def test_arguments_that_are_no_object(self, tmp_path: Path) -> None:
        file = tmp_path / "args.json"
        file.write_text("[1]")
        with pytest.raises(InvalidSetting, match="--arg-file holds a list"):
            command_line_invoke(Functions(beginner="greet"), parsed("run", "--run", "--arg-file", str(file)))

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        done = run(tmp_path, "run", "--run", "--arg-file", "none.json")
        assert done.returncode == 2
        assert "argument --arg-file: can't open 'none.json'" in done.stderr


class TestCheck:
    def test_a_sound_pipeline(self, tmp_path: Path) -> None:
        done = run(tmp_path, "check", "--check-call-graph")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_a_broken_one(self, tmp_path: Path) -> None:
        done = run(tmp_path, "check", "--check-call-graph", program=BROKEN)
        assert (done.returncode, done.stdout) == (1, "")
        assert (
            "hello.py:11: MissingArgument: OWP101 MissingArgument: step `write` needs `text`" in done.stderr
        )
        assert "Traceback" not in done.stderr

    def test_the_drawing_is_written_all_the_same(self, tmp_path: Path) -> None:
        file = tmp_path / "graph.dot"
        for program, status in ((PROGRAM, 0), (BROKEN, 1)):
            file.unlink(missing_ok=True)
            done = run(tmp_path, "check", "--save-call-graph", "graph.dot", program=program)
            assert done.returncode == status
            assert ("OWP101" in done.stderr) is bool(status)
            assert '"greet" -> "write" [label="+' in file.read_text(encoding="utf-8")

    def test_a_drawing_on_the_standard_output(self, tmp_path: Path) -> None:
        done = run(tmp_path, "check", "--save-call-graph", "-")
        assert done.stdout.startswith('digraph "pipe" {\n')

    def test_defaults_are_said(self, tmp_path: Path) -> None:
        program = PROGRAM.replace("*, text: str,", "*, text: str, where: str = 'here',")
        done = run(tmp_path, "check", "--check-call-graph", program=program)
        assert done.returncode == 0
        assert "DefaultArgument: OWP102" in done.stderr

    def test_a_drawing_that_cannot_be_written(self, tmp_path: Path) -> None:
        done = run(tmp_path, "check", "--save-call-graph", "no/graph.dot")
        assert done.returncode == 2
        assert done.stderr == "hello.py: error: `no/graph.dot` cannot be written: No such file or directory\n"


class TestTemplate:
    @pytest.fixture
    def arguments(self, tmp_path: Path) -> argparse.Namespace:
        (tmp_path / "template.yml").write_text("old")
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "code.py").write_text("")
        return parsed(
            "lambda",
            f"--create-template={tmp_path / 'template.yml'}",
            f"--code-path={tmp_path / 'src' / 'code.py'}",
        )

    def test_it_is_built_with_upstreams_arguments(
        self, arguments: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: dict[str, Any] = {}

        def build_cfn_template(**options: Any) -> None:
            given.update(options)
            options["output_template"].write("new")

        monkeypatch.setattr(microservice, "build_cfn_template", build_cfn_template)
        pipe = MicroFunctions(beginner="end")

        @pipe.fn(terminates=True)
        def end(**kwargs: object) -> dict[str, object]:
            return {}

        command_line_invoke(pipe, arguments)
        assert (tmp_path / "template.yml").read_text() == "new"
        del given["output_template"]
        assert given == {
            "code_py_relative_to_template": Path("src/code.py"),
            "plant": pipe,
            "layers": [],
            "policies": [],
            "environment": None,
            "more_template_params": None,
        }

    def test_one_is_built(self, tmp_path: Path) -> None:
        command = ("lambda", "--create-template", "template.yml", "--code-path", "hello.py")
        done = run(tmp_path, *command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert "OrchwipyPipeline: hello:pipe\n" in (tmp_path / "template.yml").read_text()

    def test_none_of_a_broken_pipeline(self, tmp_path: Path) -> None:
        command = ("lambda", "--create-template", "template.yml", "--code-path", "hello.py")
        done = run(tmp_path, *command, program=BROKEN)
        assert done.returncode == 1
        assert "OWP101" in done.stderr
        assert not (tmp_path / "template.yml").exists()

    def test_where_none_can_be_built_nothing_is_lost(
        self, arguments: argparse.Namespace, tmp_path: Path
    ) -> None:
        pipe = MicroFunctions(beginner="end", other_resource_templates={"FailureQueue": {}})

        @pipe.fn(terminates=True)
        def end(**kwargs: object) -> dict[str, object]:
            return {}

        with pytest.raises(InvalidTemplate, match="other_resource_templates has `FailureQueue`"):
            command_line_invoke(pipe, arguments)
        assert (tmp_path / "template.yml").read_text() == "old"

    def test_of_functions_there_is_none(
        self, arguments: argparse.Namespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.fails(Functions(beginner="end"), arguments, capsys, "only a pipeline of MicroFunctions")
        assert (tmp_path / "template.yml").read_text() == "old"

    def test_code_that_is_not_below_the_template(
        self,
        arguments: argparse.Namespace,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        arguments.create_template = str(tmp_path / "out" / "template.yml")
        self.fails(MicroFunctions(beginner="end"), arguments, capsys, "the folder of the template")

    def fails(
        self,
        pipe: Functions,
        arguments: argparse.Namespace,
        capsys: pytest.CaptureFixture[str],
        message: str,
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            command_line_invoke(pipe, arguments)
        assert caught.value.code == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1


COMMANDS = [
    [],
    ["run"],
    ["run", "--run"],
    ["run", "--run", "--arg-file", "input.json"],
    ["check"],
    ["check", "--check-call-graph"],
    ["check", "--check-call-graph", "--save-call-graph", "graph.dot"],
    ["lambda", "--create-template", "template.yml", "--code-path", "input.json"],
]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="upstream needs Python 3.11")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_upstream_takes_the_same_arguments(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = pytest.importorskip("orchwipy.cmd")
    monkeypatch.chdir(tmp_path)
    Path("input.json").write_text("{}")
    parser = argparse.ArgumentParser()
    upstream.command_line_args(parser)
    theirs, ours = vars(parser.parse_args(arguments)), vars(parsed(*arguments))
    for values in (theirs, ours):
        for name, value in values.items():
            if hasattr(value, "close"):
                value.close()
                values[name] = value.name
    assert ours == theirs


@pytest.mark.skipif(sys.version_info < (3, 11), reason="upstream needs Python 3.11")
@pytest.mark.parametrize("arguments", [["run", "--run"], ["check", "--check-call-graph"]], ids=" ".join)
def test_upstream_does_the_same(arguments: list[str], tmp_path: Path) -> None:
    pytest.importorskip("orchwipy")
    programs = (PROGRAM, PROGRAM.replace("orchwipy_runtime", "orchwipy"))
    ours, theirs = (run(tmp_path, *arguments, program=each) for each in programs)
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
