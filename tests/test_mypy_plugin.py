"""How the plugin behaves beside what it finds: versions, flags, configuration, shadow files, failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mypy import api
from mypy.version import __version__

from orchwipy_lint import mypy_plugin
from orchwipy_lint.checker import module
from orchwipy_lint.config import configuration_of
from orchwipy_lint.workspace import Workspace

from .incremental import Checked
from .samples import BROKEN, SOUND

ROOT = Path(__file__).parent.parent

_SEVERAL = """{
        "$next": "send",
        "text": f"{grams} g"
    }"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return Checked(tmp_path_factory.mktemp("checked"))


@pytest.fixture
def project(checked: Checked) -> Iterator[Checked]:
    configured = checked.config.read_text()
    checked.forget()
    checked.write({"parcels.py": BROKEN})
    yield checked
    checked.config.write_text(configured)
    (checked.root / "pyproject.toml").unlink(missing_ok=True)


def errors(lines: list[str]) -> list[str]:
    return [line.partition(": ")[2] for line in lines if ": error: " in line]


def printed(project: Checked, *flags: str) -> tuple[str, str, int]:
    """What the command prints, what it complains of, and its exit status."""
    arguments = ["--config-file", str(project.config), "--cache-dir", str(project.warm_cache)]
    return api.run([*arguments, *flags, "--no-error-summary", str(project.root)])


@pytest.mark.parametrize("version", ["1.19.0", "2.3.9", "2.5.0", "3.0.0+dev"])
def test_other_versions_are_refused_with_one_line(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        mypy_plugin.plugin(version)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.count("\n") == 1
    assert version in said
    assert "mypy 2.4" in said


def test_this_version_is_taken() -> None:
    assert mypy_plugin.plugin(__version__).__name__ == "PipelinePlugin"


def test_a_missing_extra_is_said_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "libcst", None)
    with pytest.raises(SystemExit) as ended:
        mypy_plugin.plugin(__version__)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.count("\n") == 1
    assert "pip install 'orchwipy-lint[lint]'" in said


def test_what_is_wrong_is_reported(project: Checked) -> None:
    (error,) = errors(project.cold())
    assert error.endswith("[orchwipy-missing-argument]")


def test_codes_can_be_disabled(project: Checked) -> None:
    with project.config.open("a") as config:
        config.write("disable_error_code = orchwipy-missing-argument\n")
    assert errors(project.cold()) == []


def test_codes_can_be_disabled_on_the_command_line(project: Checked) -> None:
    assert errors(project.cold("--disable-error-code", "orchwipy-missing-argument")) == []
    _, said, status = printed(project, "--disable-error-code", "orchwipy-strange")
    assert "Invalid error code(s): orchwipy-strange" in said
    assert status == 2


@pytest.mark.parametrize(
    "setting", ["disable_error_code = orchwipy-missing-argument", "ignore_errors = True"]
)
def test_single_modules_have_settings_of_their_own(project: Checked, setting: str) -> None:
    project.write({"parcels.py": BROKEN, "letters.py": BROKEN})
    assert len(errors(project.warm())) == 2
    with project.config.open("a") as config:
        config.write(f"[mypy-letters]\n{setting}\n")
    for lines in project.warm(), project.cold():
        assert {Path(line.partition(":")[0]).name for line in lines} == {"parcels.py"}


def test_modules_have_settings_in_comments(project: Checked) -> None:
    project.write({"parcels.py": '# mypy: disable-error-code="orchwipy-missing-argument"\n' + BROKEN})
    assert project.cold() == project.warm() == []


@pytest.mark.parametrize("comment", ["type: ignore[orchwipy-missing-argument]", "type: ignore"])
@pytest.mark.parametrize("line", ['"$next": "send",', '"text": f"{grams} g"'])
def test_a_comment_ignores_what_it_names(project: Checked, comment: str, line: str) -> None:
    """The comment is in any line of the return; as it is of use, nobody calls it unused."""
    several = BROKEN.replace('{"$next": "send", "text": f"{grams} g"}', _SEVERAL)
    project.write({"parcels.py": several})
    assert len(errors(project.warm())) == 1
    project.write({"parcels.py": several.replace(line, f"{line}  # {comment}")})
    assert project.cold() == project.warm() == []


def test_a_comment_that_ignores_nothing_is_told(project: Checked) -> None:
    comment = "  # type: ignore[orchwipy-missing-argument]"
    project.write({"parcels.py": SOUND.replace('g"}', f'g"}}{comment}')})
    for lines in project.cold(), project.warm():
        (error,) = errors(lines)
        assert error == 'error: Unused "type: ignore" comment  [unused-ignore]'


def test_a_comment_for_another_code_is_told(project: Checked) -> None:
    comment = "  # type: ignore[orchwipy-incompatible-argument]"
    project.write({"parcels.py": BROKEN.replace('g"}', f'g"}}{comment}')})
    lines = project.cold()
    assert [error.rpartition("[")[2] for error in errors(lines)] == [
        "orchwipy-missing-argument]",
        "unused-ignore]",
    ]
    assert any('"orchwipy-missing-argument" not covered by' in line for line in lines)


def test_pretty_output_marks_the_place(project: Checked) -> None:
    said, _, status = printed(project, "--pretty")
    assert status == 1
    assert [line.strip() for line in said.splitlines() if line.startswith("    ")] == [
        'return {"$next": "send", "text": f"{grams} g"}',
        "^" + "~" * (len('{"$next": "send", "text": f"{grams} g"}') - 1),
    ]


def test_json_output_is_as_for_errors_of_mypys_own(project: Checked) -> None:
    returned = '{"$next": "send", "text": f"{grams} g"}'
    project.write({"parcels.py": BROKEN + f"\n\ngrams = 1 if not pipe else 2\nlast: int = {returned}\n"})
    said, _, _ = printed(project, "--output", "json")
    ours, native = (json.loads(line) for line in said.splitlines())
    assert (ours["code"], native["code"]) == ("orchwipy-missing-argument", "assignment")
    assert ours.keys() == native.keys()
    for each, before in (ours, "    return "), (native, "last: int = "):
        assert (each["severity"], each["column"]) == ("error", len(before))
        assert (each["line"], each["end_column"]) == (each["end_line"], len(before + returned))
    assert ours["line"] == 13
    assert [line.partition(" ")[0] for line in ours["hint"].splitlines()] == [
        "weigh",
        "label",
        "send",
        "help:",
    ]


def test_the_projects_configuration_counts_and_a_change_of_it_is_seen(project: Checked) -> None:
    assert len(errors(project.warm())) == 1
    (project.root / "pyproject.toml").write_text('[tool.orchwipy]\nignore = ["OWP101"]\n')
    assert errors(project.warm()) == []
    (project.root / "pyproject.toml").write_text("[tool.orchwipy]\n")
    assert len(errors(project.warm())) == 1


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "pyproject.toml",
            '[tool.orchwipy]\nignore = ["OWP999"]\n',
            "in (tool.orchwipy): no rule has the code or name `OWP999`",
        ),
        ("pyproject.toml", "[tool.orchwipy\n", "pyproject.toml cannot be read: "),
        ("setup.cfg", "[orchwipy]\n", "it says belongs in (tool.orchwipy) of a pyproject.toml"),
        (".orchwipy-baseline.json", "{\n", "is no baseline"),
    ],
)
def test_what_is_wrong_with_the_project_is_one_finding(
    project: Checked, file: str, text: str, message: str
) -> None:
    (project.root / "pyproject.toml").write_text("[tool.orchwipy]\n")
    (place := project.root / file).write_text(text)
    for lines in project.warm(), project.cold(), project.warm():
        (error,) = errors(lines)
        assert ":1: error: the analyser cannot run: " in lines[0]
        assert message in error
        assert error.endswith("[orchwipy-internal-error]")
        assert "bug" not in "".join(lines)
    place.write_text("[tool.orchwipy]\n" if place.suffix == ".toml" else "")
    if place.suffix == ".json":
        place.unlink()
    assert errors(project.warm())[0].endswith("[orchwipy-missing-argument]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# coding: strange\n" + BROKEN, "unknown encoding: strange"),
        (BROKEN.replace("{grams} g", "{" + "+".join(["grams"] * 300) + "}"), "nested too deeply to be read"),
    ],
)
def test_a_module_that_cannot_be_read_is_one_finding(project: Checked, text: str, message: str) -> None:
    project.write({"parcels.py": text})
    for lines in project.cold(), project.warm(), project.warm():
        (error,) = errors(lines)
        assert message in error
        assert error.endswith("[orchwipy-unreadable-file]")


def test_a_file_that_vanishes_is_none_of_the_project(
    project: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment when files are listed and that when they are read."""
    listed = [*Workspace(str(project.root), configuration_of(str(project.root))).paths(), "vanished.py"]
    monkeypatch.setattr(Workspace, "paths", lambda self: iter(listed))
    assert len(errors(project.cold())) == 1


def test_a_failure_is_one_finding(project: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("[strange]")

    monkeypatch.setattr(module, "part_of", fail)
    (error,) = errors(project.cold())
    assert "ValueError" in error
    assert error.endswith("[orchwipy-internal-error]")


QUICK = [
    ".",
    "-p shop",
    "-m shop.weigh",
    "-m shop.weigh -m shop.send",
    "shop/weigh.py",
    "run.py",
    "--scripts-are-modules run.py",
    "-c import@shop.weigh",
    "--follow-imports normal .",
    "--skip-cache-mtime-checks .",
    "--skip-version-check .",
    "--junit-xml {reports}/junit.xml .",
    "--explicit-package-bases .",
    "--no-namespace-packages .",
    "--show-error-context --show-column-numbers --show-error-end --show-absolute-path .",
]
"""Ways to run mypy that share a cache."""

SLOW = [
    "--no-incremental .",
    "--cache-fine-grained .",
    "--follow-imports silent shop/weigh.py",
    "--follow-imports skip shop/weigh.py",
    "--exclude send .",
    "--python-version 3.10 .",
    "--platform win32 .",
    "--no-site-packages .",
    "--linecount-report {reports} .",
    "--any-exprs-report {reports} .",
    "--lineprecision-report {reports} .",
    "--strict --allow-untyped-defs --allow-untyped-decorators --allow-incomplete-defs .",
    "--local-partial-types --allow-redefinition .",
    "--no-native-parser .",
    "--warn-unreachable --no-implicit-reexport .",
    "--check-untyped-defs .",
    "--sqlite-num-shards 2 .",
    "-n 2 .",
    "--bazel .",
]

WEIGH = """\
from orchwipy_runtime import ReturnUpdates
from shop.core import pipe


@pipe.fn()
def weigh(*, parcel: str, **kwargs):
    return ReturnUpdates("send", "parcel", grams=parcel)
"""
SHOP = {
    "run.py": "import shop.weigh\nimport shop.send\n",
    "shop/__init__.py": "",
    "shop/core.py": "from orchwipy_runtime import MicroFunctions\npipe = MicroFunctions(beginner='weigh')\n",
    "shop/weigh.py": WEIGH,
    "shop/send.py": """\
from shop.core import pipe


@pipe.fn(terminates=True)
def send(*, parcel: str, grams: int, **kwargs):
    return {}
""",
}


@pytest.mark.parametrize("flags", [*QUICK, *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW)])
def test_findings_are_the_same_whatever_the_flags(
    project: Checked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str
) -> None:
    project.write(SHOP)
    monkeypatch.chdir(project.root)
    arguments = [each.replace("@", " ").format(reports=tmp_path) for each in flags.split()]
    cache = str(project.warm_cache)
    said, failed, status = api.run(["--config-file", "../mypy.ini", "--cache-dir", cache, *arguments])
    assert (failed, status) == ("", 1)
    found = [line for line in said.splitlines() if " error: " in line]
    assert sorted(line.rpartition("[")[2] for line in found) == [
        "orchwipy-incompatible-argument]",
        "orchwipy-missing-argument]",
    ]
    assert all(f"shop{os.sep}weigh.py:7:" in line for line in found)
    assert "or give `parcel` a default at shop/send.py:5" in said


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["stubtest --mypy-config-file ../mypy.ini shop", "stubgen -p shop -o {out}"])
def test_mypys_other_programs_are_not_taken_down(project: Checked, tmp_path: Path, tool: str) -> None:
    project.write(SHOP)
    name, *arguments = tool.format(out=tmp_path).split()
    done = subprocess.run(
        [Path(sys.executable).with_name(name), *arguments],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}.", "MYPYPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert ("orchwipy-missing-argument" in said) == (name == "stubtest")
    assert (tmp_path / "shop" / "weigh.pyi").exists() == (name == "stubgen")


def test_unsaved_text_is_read(project: Checked, tmp_path: Path) -> None:
    unsaved = tmp_path / "unsaved.py"
    unsaved.write_text(SOUND)
    path = str(project.root / "parcels.py")
    assert errors(project.cold("--shadow-file", path, str(unsaved))) == []
    assert len(errors(project.cold())) == 1
