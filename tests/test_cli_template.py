"""`orchwipy template` and `orchwipy asl`: what they print and write, and what a program cannot do to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchwipy_lint.cli import main
from tests.warm import Warm

SHOP = """\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn(default_next="send")
def weigh(*, parcel: str, **kwargs):
    return ReturnUpdates(None, grams=len(parcel))


@pipe.fn(terminates=True)
def send(*, grams: float, **kwargs):
    return ReturnUpdates(None)
"""
BROKEN = SHOP.replace("grams=len(parcel)", "weight=len(parcel)")
UNREACHED = SHOP + "\n\n@pipe.fn(terminates=True)\ndef spare(**kwargs):\n    return {}\n"

Screen = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", warm.python)  # for the process in which a program is imported
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    Path("shop.py").write_text(SHOP)


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


# What follows needs no template: it goes wrong before.

FATAL = {
    "sys.exit": ("import sys; sys.exit(3)", "`shop.py` ends its process when it is imported: sys.exit(3)"),
    "os._exit": (
        "import os; os._exit(0)",
        "the program ended its process when it was imported: exit status 0",
    ),
    "a signal": ("import os; os.kill(os.getpid(), 9)", "when it was imported: signal SIGKILL"),
    "an error": ("import json; json.loads('{')", "`shop.py` cannot be imported"),
    "a pause": (
        "from orchwipy_runtime import PauseExecution as P; raise P",
        "`shop.py` raises PauseExecution",
    ),
    "an interrupt": ("raise KeyboardInterrupt", "`shop.py` raises KeyboardInterrupt when it is imported"),
    "no Python": ("def", "`shop.py` cannot be imported"),
    "no pipeline": ("del pipe", "`shop.py` has no pipeline"),
    "several": ("other = MicroFunctions(beginner='weigh')", "say which: shop.py:pipe"),
    "not deployable": (
        "from orchwipy_runtime import Functions; pipe = Functions(beginner='weigh')",
        "help: make it one, or make one of it: MicroFunctions.from_functions(pipe)",
    ),
}


@pytest.mark.parametrize(("more", "said"), FATAL.values(), ids=FATAL)
def test_a_program_that_cannot_be_imported(more: str, said: str, capfd: Screen) -> None:
    Path("shop.py").write_text(f"{SHOP}\n{more}\n")
    assert main(["asl", "shop.py"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err


def test_a_program_that_does_not_end(capfd: Screen) -> None:
    Path("shop.py").write_text(
        "import threading\n\nprint('busy', flush=True)\nthreading.Event().wait()\n", encoding="utf-8"
    )
    assert main(["template", "shop.py", "--time-limit", "2"]) == 2
    assert capfd.readouterr() == (
        "",
        "busy\norchwipy: `shop.py`: the program was not through after 2 s\n"
        "help: importing it should only declare its pipeline; --time-limit gives it longer\n",
    )


def test_an_error_is_shown_with_the_programs_own_traceback(capfd: Screen) -> None:
    Path("shop.py").write_text("import json\n\n\ndef load():\n    json.loads('{')\n\n\nload()\n")
    assert main(["template", "shop.py", "-o", "template.yml"]) == 2
    err = capfd.readouterr().err
    assert [line.rpartition("/")[2] for line in err.splitlines() if "File " in line] == [
        'shop.py", line 8, in <module>',
        'shop.py", line 5, in load',
    ]
    assert not Path("template.yml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["template", "none.py"], "there is no file `none.py`"),
        (["asl", "none.py:pipe"], "there is no file `none.py`"),
        (["template", "shop.py", "--check"], "--check takes the file to look at: -o FILE"),
        (["template", "shop.py", "--env", "TABLE"], "--env: `TABLE` is no NAME=VALUE"),
        (["template", "shop.py", "--code", "none"], "there is no `none`"),
        (["template", "shop.py", "--code", "other"], "`shop.py` is outside of the code folder `other`"),
        (["template", "shop.py", "--code", "notes.txt"], "`notes.txt` was not made by `orchwipy package`"),
        (
            ["asl", "my-shop.py"],
            "`my-shop.py` cannot be imported on Lambda: `my-shop` is no name of a module",
        ),
    ],
)
def test_what_cannot_be_asked_for(words: list[str], said: str, capfd: Screen) -> None:
    write({"my-shop.py": SHOP, "other/more.py": "", "notes.txt": ""})
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err


class TestTemplate:
    def test_the_same_to_a_file_as_to_the_screen(self, capfd: Screen) -> None:
        assert main(["template", "shop.py"]) == 0
        shown = capfd.readouterr()
        assert shown.err == ""
        assert "Made by orchwipy" in shown.out.splitlines()[0]
        assert main(["template", "shop.py", "-o", "-"]) == 0
        assert capfd.readouterr() == shown
        assert main(["template", "shop.py:pipe", "-o", "template.yml"]) == 0
        assert capfd.readouterr() == ("", "")
        assert Path("template.yml").read_bytes() == shown.out.encode()

    def test_the_program_is_never_imported_here(self, capfd: Screen) -> None:
        noisy = "import os, sys\nprint('out'); sys.stderr.write('err\\n')\n"
        noisy += "open('pid', 'w').write(str(os.getpid()))\n"
        Path("shop.py").write_text(noisy + SHOP)
        assert main(["template", "shop.py"]) == 0
        out, err = capfd.readouterr()
        assert sorted(err.split()) == ["err", "out"]
        assert out.startswith("# Made by")
        assert Path("pid").read_text() != str(os.getpid())
        assert "shop" not in sys.modules

    def test_files_are_named_from_the_template(self) -> None:
        write({"src/app/__init__.py": "", "src/app/shop.py": SHOP})
        Path("deploy").mkdir()
        assert main(["template", "src/app/shop.py", "--code", "src", "-o", "deploy/template.yml"]) == 0
        text = Path("deploy/template.yml").read_text()
        assert "from ../src/app/shop.py," in text.splitlines()[0]
        assert "CodeUri: ../src\n" in text
        assert "OrchwipyPipeline: app.shop:pipe\n" in text

    def test_a_program_in_a_package_is_imported_as_on_lambda(self, capfd: Screen) -> None:
        program = SHOP.replace(
            "from orch", "from . import tariff\nfrom app import tariff as same\n\nfrom orch", 1
        )
        write(
            {
                "src/app/__init__.py": "from app import shop\n",
                "src/app/tariff.py": "",
                "src/app/shop.py": program,
            }
        )
        assert main(["template", "src/app/shop.py", "--code", "src"]) == 0
        assert "OrchwipyPipeline: app.shop:pipe\n" in capfd.readouterr().out

    def test_errors_stop_it_and_are_shown_as_in_a_check(self, capfd: Screen) -> None:
        Path("shop.py").write_text(BROKEN)
        assert main(["check", "shop.py"]) == 1
        checked = capfd.readouterr().out.splitlines()
        assert main(["template", "shop.py", "-o", "template.yml"]) == 1
        out, err = capfd.readouterr()
        assert out == ""
        shown = err.splitlines()
        assert "OWP101" in shown[0]
        assert shown[:-1] == checked[:-1]
        assert shown[-1] == "orchwipy: nothing is made of `shop.py`, for it has errors"
        assert not Path("template.yml").exists()

    def test_an_error_about_the_whole_pipeline_is_shown_where_it_is_made(self, capfd: Screen) -> None:
        Path("shop.py").write_text(SHOP.replace('beginner="weigh"', 'beginner="wait"'))
        assert main(["asl", "shop.py"]) == 1
        assert capfd.readouterr().err.startswith("shop.py:3:1 OWP")

    def test_warnings_do_not_stop_it(self, capfd: Screen) -> None:
        Path("shop.py").write_text(UNREACHED)
        assert main(["template", "shop.py"]) == 0
        out, err = capfd.readouterr()
        assert out.startswith("# Made by")
        assert err.startswith("shop.py:")

    def test_check(self, capfd: Screen) -> None:
        command = ["template", "shop.py", "-o", "template.yml"]
        assert main([*command, "--check"]) == 1
        assert not Path("template.yml").exists()
        out, err = capfd.readouterr()
        assert out.startswith("--- template.yml\n+++ template.yml (as it would be written)\n@@ ")
        assert err == "orchwipy: `template.yml` is not there: write it again without --check\n"
        assert main(command) == 0
        assert main([*command, "--check"]) == 0
        assert capfd.readouterr() == ("", "")
        changed = Path("template.yml").read_text().replace("Runtime: ", "Runtime: not-", 1)
        Path("template.yml").write_text(changed)
        assert main([*command, "--check"]) == 1
        out, err = capfd.readouterr()
        lost = next(line for line in out.splitlines()[2:] if line.startswith("-"))
        assert lost.strip("- ").startswith("Runtime: not-")
        assert err == "orchwipy: `template.yml` is out of date: write it again without --check\n"
        assert Path("template.yml").read_text() == changed

    def test_a_reader_that_goes_away(self) -> None:
        command = [
            sys.executable,
            "-m",
            "orchwipy_lint",
            "template",
            "shop.py",
            "-o",
            "template.yml",
            "--check",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert b"Broken pipe" not in process.stderr.read()

    def test_options(self, capfd: Screen) -> None:
        layer = "arn:aws:lambda:us-east-1:123456789012:layer:x:1"
        words = {
            "--runtime python3.12": "Runtime: python3.12",
            "--architecture arm64": "- arm64",
            "--timeout 77": "Timeout: 77",
            "--memory 777": "MemorySize: 777",
            "--reserved-concurrency 7": "ReservedConcurrentExecutions: 7",
            "--retention-days 90": "RetentionInDays: 90",
            "--expiry-days 78": "ExpirationInDays: 78",
            "--max-steps 79": "OrchwipyMaxStack: '79'",
            f"--layer LayerArn --layer {layer}": f"- {layer}",
            "--env TABLE=parcels=all": "TABLE: parcels=all",
            "--tag team=parcels": "team: parcels",
            "--param Table=parcels --param Other": "Default: parcels",
            "--kms-key arn:aws:kms:us-east-1:123456789012:key/k": "arn:aws:kms:us-east-1:123456789012:key/k",
            "--alarm-action arn:aws:sns:us-east-1:123456789012:t": "- arn:aws:sns:us-east-1:123456789012:t",
            "--subnet subnet-1 --security-group sg-1": "- subnet-1",
            "--tracing": "Tracing: Active",
            "--no-journal": "OrchwipyJournal: 'off'",
            "--stack-name parcels": "Resources:",
        }
        assert main(["template", "shop.py", *" ".join(words).split()]) == 0
        lines = capfd.readouterr().out.splitlines()
        for text in words.values():
            assert any(line.strip(" ").endswith(text) for line in lines), text

    def test_other_kinds_of_template(self, capfd: Screen) -> None:
        words = "--format cloudformation --functions one --bucket parcels-of-mine --no-delayed-retries"
        assert main(["template", "shop.py", *words.split()]) == 0
        out = capfd.readouterr().out
        assert all(each in out for each in ("CodeBucket", "all-steps", "parcels-of-mine"))
        assert "DelayQueue" not in out

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--timeout", "901"], "the option `timeout` is 901"),
            (["--stack-name", "parcels" * 9], "parcelsparcels"),
            (["--subnet", "subnet-1"], "a VPC needs both"),
        ],
    )
    def test_what_aws_would_refuse(self, words: list[str], said: str, capfd: Screen) -> None:
        assert main(["template", "shop.py", *words]) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert said in err

    def test_of_a_package(self, capfd: Screen) -> None:
        write({"src/app/__init__.py": "", "src/app/shop.py": SHOP, "src/other/shop.py": SHOP})
        command = [
            "package",
            "src/app/shop.py",
            "--code",
            "src",
            "--python",
            "3.12",
            "--architecture",
            "arm64",
        ]
        assert main([*command, "-o", "build", "--zip", "code.zip"]) == 0
        for code in ("build", "code.zip"):
            capfd.readouterr()
            assert main(["template", "src/app/shop.py", "--code", code]) == 0
            out = capfd.readouterr().out
            assert f"CodeUri: {code}\n" in out
            assert "OrchwipyPipeline: app.shop:pipe\n" in out
            assert "Runtime: python3.12\n" in out
            assert "- arm64\n" in out
            assert main(["template", "src/other/shop.py", "--code", code]) == 2
            assert f"`{code}` is a package of `app.shop`, which" in capfd.readouterr().err


class TestStateMachine:
    @pytest.mark.parametrize(
        ("words", "arns"),
        [
            (
                [],
                {"us-east-1:123456789012:function:stack-weigh", "us-east-1:123456789012:function:stack-send"},
            ),
            (
                ["--express", "--stack-name", "s"],
                {"us-east-1:123456789012:function:s-weigh", "us-east-1:123456789012:function:s-send"},
            ),
            (
                ["--functions", "one", "--region", "eu-west-1", "--account", "210987654321"],
                {"eu-west-1:210987654321:function:stack-all-steps"},
            ),
        ],
    )
    def test_the_functions_are_named_as_in_the_stack(
        self, words: list[str], arns: set[str], capfd: Screen
    ) -> None:
        assert main(["asl", "shop.py", *words]) == 0
        out, err = capfd.readouterr()
        assert err == ""
        assert {"StartAt", "States"} <= json.loads(out).keys()
        named = {part for part in out.split('"') if part.startswith("arn:aws:lambda:")}
        assert named == {f"arn:aws:lambda:{each}" for each in arns}
        assert "${" not in out
