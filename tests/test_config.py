"""What `[tool.orchwipy]` says: what is refused, what it does to a check and to flake8, how it is shown."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from flake8.main.cli import main as flake8_main

from orchwipy_lint import check_paths, check_source
from orchwipy_lint.cli import main
from orchwipy_lint.config import KEYS, Configuration, InvalidConfiguration, configuration_of
from orchwipy_lint.project import project_of
from tests.samples import BROKEN, SOUND

Screen = pytest.CaptureFixture[str]

MANY = """\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, parcel: str, **kwargs):
    return ReturnUpdates("label", "colour", grams=3)


@pipe.fn()
def label(*, grams: int, **kwargs):
    return {"$next": "send", "text": f"{grams} g"}


@pipe.fn(terminates=True)
def send(*, parcel: str, text: str, speed: int = 1, **kwargs):
    return {}
"""
"""OWP107 in line 8, OWP101 and OWP102 (off by default) in line 13."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("many.py", "old/many.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(MANY, encoding="utf-8")
    return tmp_path


def configure(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.orchwipy]\n{text}\n", encoding="utf-8")


def checked(capsys: Screen, *args: str) -> list[str]:
    """What `orchwipy check` says, as `old/many.py 107`."""
    main(["check", "--format=concise", *args])
    return sorted(
        f"{path.partition(':')[0]} {code.removeprefix('OWP')}"
        for path, code in (line.split()[:2] for line in capsys.readouterr().out.splitlines())
    )


def by_flake8(capsys: Screen, *args: str) -> list[str]:
    flake8_main(["--isolated", "-j1", *args])
    return sorted(
        f"{path.removeprefix('./').partition(':')[0]} {code.removeprefix('OWP')}"
        for path, code in (line.split()[:2] for line in capsys.readouterr().out.splitlines())
    )


BOTH = ["many.py 101", "many.py 107", "old/many.py 101", "old/many.py 107"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", BOTH),
        ('select = ["OWP102"]', ["many.py 102", "old/many.py 102"]),
        ('select = ["default-argument", "OWP107"]\nignore = ["OWP107"]', ["many.py 102", "old/many.py 102"]),
        ('ignore = ["OWP1"]', []),
        ('per-file-ignores = { "old/" = ["OWP107"] }', ["many.py 101", "many.py 107", "old/many.py 101"]),
        ('per-file-ignores = { "many.py" = ["OWP"] }', []),
        (
            'select = ["OWP101"]\nper-file-ignores = { "/many.py" = ["OWP1"] }',
            ["old/many.py 101"],
        ),
        ('severities = { OWP107 = "note" }', ["many.py 101", "old/many.py 101"]),
        ('severities = { OWP1 = "note", OWP101 = "warning" }', ["many.py 101", "old/many.py 101"]),
        ('exclude = ["old"]', ["many.py 101", "many.py 107"]),
        ('exclude = ["*.py", "!/many.py"]', ["many.py 101", "many.py 107"]),
    ],
)
def test_a_check_and_flake8_do_as_configured(
    folder: Path, capsys: Screen, text: str, expected: list[str]
) -> None:
    configure(folder, text)
    assert checked(capsys) == expected
    assert by_flake8(capsys) == expected


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        ('select = ["OWP102"]', ["--select", "OWP101"], ["101"]),
        ('ignore = ["OWP101"]', ["--select", "OWP101"], ["101"]),
        ('ignore = ["OWP101"]', ["--ignore", "OWP107"], []),
        ('per-file-ignores = { "*.py" = ["OWP101"] }', ["--select", "OWP101"], []),
        ('severities = { OWP1 = "note" }', ["--show-notes"], ["101", "107"]),
        ('exclude = ["many.py"]', [], ["101", "107"]),
    ],
)
def test_the_command_line_wins(
    folder: Path, capsys: Screen, text: str, args: list[str], expected: list[str]
) -> None:
    configure(folder, text)
    assert checked(capsys, "many.py", *args) == [f"many.py {each}" for each in expected]


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        ('ignore = ["OWP107"]', ["--select", "OWP"], ["101", "102"]),
        ('severities = { OWP107 = "note" }', ["--extend-select", "OWP107"], ["101", "107"]),
        ('severities = { OWP102 = "error" }', [], ["101", "107"]),
        ('select = ["OWP102"]', ["--extend-ignore", "OWP102"], []),
    ],
)
def test_flake8_selects_on_top(
    folder: Path, capsys: Screen, text: str, args: list[str], expected: list[str]
) -> None:
    configure(folder, text)
    assert by_flake8(capsys, "many.py", *args) == [f"many.py {each}" for each in expected]


def test_severities_decide_the_exit_status(folder: Path) -> None:
    configure(folder, 'ignore = ["OWP101"]')
    assert main(["check", "--fail-on=error"]) == 0
    configure(folder, 'ignore = ["OWP101"]\nseverities = { nothing-to-drop = "error" }')
    assert main(["check", "--fail-on=error"]) == 1


def test_each_file_has_its_own_project(folder: Path, capsys: Screen) -> None:
    configure(folder, 'ignore = ["OWP107"]')
    configure(folder / "old", 'ignore = ["OWP101"]')
    assert checked(capsys) == by_flake8(capsys) == ["many.py 101", "old/many.py 107"]


def test_standard_input_is_of_the_project_of_its_name(
    folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(folder / "old", 'ignore = ["OWP101"]')
    with (folder / "many.py").open(encoding="utf-8") as text:
        monkeypatch.setattr("sys.stdin", text)
        assert checked(capsys, "--stdin-filename", "old/new.py", "-") == ["old/new.py 107"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selct = []", "there is no key `selct` in [tool.orchwipy]; did you mean `select`?"),
        ("per_file_ignores = {}", "did you mean `per-file-ignores`?"),
        ("zzz = 1", "no key `zzz` in [tool.orchwipy]; its keys are select, ignore, per-file-ignores, "),
        ('select = "OWP1"', '`select` in [tool.orchwipy] is a list of strings, and not "OWP1"; write '),
        ("ignore = [1]", "`ignore` in [tool.orchwipy] is a list of strings, and not [1]"),
        ("exclude = true", "is a list of strings, and not true"),
        ('exclude = ["a", "!"]', "`exclude` in [tool.orchwipy]: `!` is no pattern"),
        ("per-file-ignores = []", "`per-file-ignores` in [tool.orchwipy] is a table of lists, and not []"),
        ('per-file-ignores = { a = "OWP1" }', 'is a list of strings, and not "OWP1"'),
        ("severities = 1", "`severities` in [tool.orchwipy] is a table, and not 1"),
        ('severities = { OWP1 = "eror" }', 'gives `OWP1` the severity "eror"; it is "error" or "warning"'),
        ("engine = 1979-05-27", 'no engine "1979-05-27"'),
        ("baseline = 1", "`baseline` in [tool.orchwipy] is the path of a file, and not 1"),
        (
            'select = ["missing-argumnt"]',
            "in [tool.orchwipy]: no rule has the code or name `missing-argumnt`; did you mean `missing",
        ),
        ('severities = { OWP9 = "note" }', "`severities` in [tool.orchwipy]: no rule has the code or name"),
        ('per-file-ignores = { a = ["x"] }', "`per-file-ignores` in [tool.orchwipy]: no rule has"),
    ],
)
def test_what_is_refused(folder: Path, capsys: Screen, text: str, message: str) -> None:
    configure(folder, text)
    assert main(["check", "many.py"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"orchwipy: {folder / 'pyproject.toml'}: ")
    assert message in err
    assert f"OWP002 the analyser cannot run: InvalidConfiguration: {folder}" in _flake8_text(capsys)


def test_it_is_refused_where_there_is_no_file_to_check(folder: Path, capsys: Screen) -> None:
    (folder / "empty").mkdir()
    configure(folder / "empty", "selct = []")
    assert main(["check", "empty"]) == 2
    assert "did you mean `select`?" in capsys.readouterr().err


def _flake8_text(capsys: Screen) -> str:
    flake8_main(["--isolated", "-j1", "many.py"])
    return capsys.readouterr().out


@pytest.mark.parametrize("text", ["[tool", "[tool]\norchwipy = 1"])
def test_what_is_no_configuration_at_all(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfiguration, match=r"pyproject\.toml"):
        configuration_of("many.py")


@pytest.mark.parametrize("text", ["", "tool = 1", "[tool.other]\nselect = 1"])
def test_what_says_nothing_of_us(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    found = configuration_of("many.py")
    assert found == Configuration(folder / "pyproject.toml")


def test_a_file_that_changes_is_read_again(folder: Path) -> None:
    configure(folder, 'ignore = ["OWP101"]')
    assert project_of("many.py").selection.ignore == ("OWP101",)
    configure(folder, 'ignore = ["OWP102"]')
    os.utime(folder / "pyproject.toml", ns=(1, 1))
    assert project_of("many.py").selection.ignore == ("OWP102",)


def test_a_text_without_a_file_is_of_no_project(folder: Path) -> None:
    configure(folder, 'ignore = ["OWP101"]')
    (folder / "broken.py").write_text(BROKEN, encoding="utf-8")
    (folder / "sound.py").write_text(SOUND, encoding="utf-8")
    assert [each.code for each in check_source(BROKEN)] == ["OWP101"]
    assert check_paths(["broken.py", "sound.py"]) == []


def test_what_is_in_force_is_shown(folder: Path, capsys: Screen) -> None:
    configure(
        folder,
        'ignore = ["OWP107"]\nengine = "direct"\nseverities = { OWP1 = "note" }\n'
        'per-file-ignores = { "old/*" = ["OWP2"] }',
    )
    assert main(["config", "old/many.py"]) == 0
    shown = capsys.readouterr().out
    assert shown == (
        f"# {folder / 'pyproject.toml'}\n"
        "select           = []  # by default\n"
        'ignore           = ["OWP107"]\n'
        'per-file-ignores = { "old/*" = ["OWP2"] }\n'
        'severities       = { "OWP1" = "note" }\n'
        "exclude          = []  # by default\n"
        'engine           = "direct"\n'
        'baseline         = ".orchwipy-baseline.json"  # by default\n'
    )
    before = configuration_of(".")
    configure(folder, shown)  # it is TOML
    os.utime(folder / "pyproject.toml", ns=(1, 1))
    assert replace(configuration_of("."), given=before.given) == before


def test_a_default_is_shown(folder: Path, capsys: Screen) -> None:
    configure(folder, "")
    assert main(["config"]) == 0
    shown = capsys.readouterr().out
    assert "severities       = {}  # by default\n" in shown
    assert "# engine is not given\n" in shown
    configure(folder, shown)
    os.utime(folder / "pyproject.toml", ns=(1, 1))
    assert project_of(".").configuration.engine is None


def test_it_is_shown_to_programs(folder: Path, capsys: Screen) -> None:
    configure(folder, 'severities = { OWP1 = "note" }')
    assert main(["config", "--format=json", "old"]) == 0
    shown = json.loads(capsys.readouterr().out)
    file = str(folder / "pyproject.toml")
    assert (shown["version"], shown["file"]) == (1, file)
    settings = {each["key"]: (each["value"], each["from"]) for each in shown["settings"]}
    assert list(settings) == list(KEYS)
    assert settings["severities"] == ({"OWP1": "note"}, file)
    assert settings["select"] == ([], None)
    assert settings["engine"] == (None, None)


def test_what_cannot_be_shown(folder: Path, capsys: Screen) -> None:
    assert main(["config", "nowhere"]) == 2
    assert capsys.readouterr().err == "orchwipy: no such file or folder: nowhere\n"
    configure(folder, 'selct = ["OWP1"]')
    assert main(["config"]) == 2
    assert "did you mean `select`?" in capsys.readouterr().err
