"""The baseline: what is known is left out, whatever becomes of its lines; what is found no more is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flake8.main.cli import main as flake8_main

from orchwipy_lint import check_paths, check_source
from orchwipy_lint.cli import main
from tests.samples import BROKEN, SOUND

Screen = pytest.CaptureFixture[str]

NAME = ".orchwipy-baseline.json"
WORSE = BROKEN.replace('"label", grams', '"label", "colour", grams')
"""OWP107 in line 8 besides."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    (tmp_path / "src").mkdir()
    for name in ("one.py", "src/two.py"):
        (tmp_path / name).write_text(BROKEN, encoding="utf-8")
    return tmp_path


def checked(capsys: Screen, *args: str) -> tuple[list[str], str]:
    """What a check says, as `one.py 101`, and what its summary says of the baseline."""
    main(["check", "--format=concise", *args])
    out, err = capsys.readouterr()
    found = [line.split()[:2] for line in out.splitlines()]
    codes = [f"{path.partition(':')[0]} {code.removeprefix('OWP')}" for path, code in found]
    return codes, err.partition("baseline: ")[2].strip()


def update(capsys: Screen, *args: str) -> str:
    assert main(["check", "--update-baseline", *args]) == 0
    return capsys.readouterr().out


def recorded(folder: Path, name: str = NAME) -> list[str]:
    data = json.loads((folder / name).read_text(encoding="utf-8"))
    return [f"{each['path']} {each['code'].removeprefix('OWP')}" for each in data["findings"]]


def test_later_checks_show_what_is_new(folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert update(capsys) == f"2 findings recorded in {NAME}\n"
    assert recorded(folder) == ["one.py 101", "src/two.py 101"]
    assert checked(capsys) == ([], "2 known")
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "no findings in 2 pipelines (6 steps, 2 files); baseline: 2 known\n"
    (folder / "one.py").write_text(WORSE, encoding="utf-8")
    assert checked(capsys) == (["one.py 107"], "2 known")
    assert checked(capsys, "src/two.py") == ([], "1 known")
    assert main(["check"]) == 1
    capsys.readouterr()
    assert [each.code for each in check_paths(["one.py"])] == ["OWP107"]
    assert len(check_source(WORSE, "one.py")) == 2, "a text by itself is of no project"
    monkeypatch.chdir(folder / "src")
    assert checked(capsys, "..") == (["../one.py 107"], "2 known")


def test_entries_survive_moved_lines(folder: Path, capsys: Screen) -> None:
    update(capsys)
    (folder / "one.py").write_text(f"'''Text\nbefore it.'''\n\n{BROKEN}", encoding="utf-8")
    assert checked(capsys) == ([], "2 known")


def test_what_is_the_same_twice_is_counted(folder: Path, capsys: Screen) -> None:
    twice = BROKEN.replace(
        '    return {"$next"', '    if grams:\n        return {"$next": "send"}\n    return {"$next"'
    )
    (folder / "one.py").write_text(twice, encoding="utf-8")
    before, _ = checked(capsys, "one.py")
    update(capsys, "one.py")
    assert recorded(folder) == sorted(before)
    assert checked(capsys, "one.py") == ([], f"{len(before)} known")


def test_flake8_leaves_the_same_out(folder: Path, capsys: Screen) -> None:
    update(capsys)
    (folder / "one.py").write_text(WORSE, encoding="utf-8")
    flake8_main(["--isolated", "-j1"])
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["OWP107"]


def test_standard_input_is_known_by_its_name(
    folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    update(capsys)
    with (folder / "one.py").open(encoding="utf-8") as text:
        monkeypatch.setattr("sys.stdin", text)
        assert checked(capsys, "--stdin-filename=src/two.py", "-") == ([], "1 known")


STALE = "1 stale (--update-baseline drops it)"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], f"1 known, {STALE}"),
        (["src"], "1 known"),
        (["one.py"], STALE),
        (["one.py", "--select", "OWP107"], ""),
        (["one.py", "--ignore", "OWP101"], ""),
    ],
)
def test_what_is_mended_is_stale(folder: Path, capsys: Screen, args: list[str], said: str) -> None:
    update(capsys)
    (folder / "one.py").write_text(SOUND, encoding="utf-8")
    assert checked(capsys, *args) == ([], said)
    assert main(["check", *args]) == 0, "that is no failure"


def test_what_is_gone_is_stale_and_forgotten(folder: Path, capsys: Screen) -> None:
    update(capsys)
    (folder / "one.py").unlink()
    assert checked(capsys, "src") == ([], f"1 known, {STALE}")
    update(capsys, "src")
    assert recorded(folder) == ["src/two.py 101"]


def test_an_update_keeps_what_it_has_not_checked(folder: Path, capsys: Screen) -> None:
    update(capsys)
    (folder / "one.py").write_text(WORSE, encoding="utf-8")
    (folder / "src" / "two.py").write_text(SOUND, encoding="utf-8")
    assert update(capsys, "one.py") == f"3 findings recorded in {NAME}\n"
    assert recorded(folder) == ["one.py 101", "one.py 107", "src/two.py 101"]
    before = (folder / NAME).read_bytes()
    update(capsys, "one.py")
    assert (folder / NAME).read_bytes() == before
    update(capsys)
    assert recorded(folder) == ["one.py 101", "one.py 107"]


def test_a_file_that_cannot_be_read_is_never_known(folder: Path, capsys: Screen) -> None:
    update(capsys)
    (folder / "one.py").write_text(f"{BROKEN}def (", encoding="utf-8")
    assert checked(capsys) == (["one.py 001"], "1 known")
    update(capsys)
    assert recorded(folder) == ["one.py 101", "src/two.py 101"]
    assert checked(capsys) == (["one.py 001"], "1 known")


def test_notes_that_are_known_are_not_stale_where_they_are_not_shown(folder: Path, capsys: Screen) -> None:
    (folder / "pyproject.toml").write_text(
        '[tool.orchwipy]\nseverities = { OWP101 = "note" }\n', encoding="utf-8"
    )
    update(capsys, "--show-notes")
    assert recorded(folder) == ["one.py 101", "src/two.py 101"]
    assert checked(capsys) == ([], "")
    assert checked(capsys, "--show-notes") == ([], "2 known")


def test_the_configuration_names_the_file(folder: Path, capsys: Screen) -> None:
    (folder / "pyproject.toml").write_text('[tool.orchwipy]\nbaseline = "src/known.json"\n', encoding="utf-8")
    update(capsys)
    assert recorded(folder, "src/known.json") == ["one.py 101", "src/two.py 101"]
    assert checked(capsys) == ([], "2 known")
    assert not (folder / NAME).exists()


def test_each_project_has_its_own(folder: Path, capsys: Screen) -> None:
    (folder / "src" / "pyproject.toml").write_text("", encoding="utf-8")
    update(capsys)
    assert (recorded(folder), recorded(folder / "src")) == (["one.py 101"], ["two.py 101"])
    assert checked(capsys) == ([], "2 known")


def test_nothing_to_record_makes_no_file(folder: Path, capsys: Screen) -> None:
    for name in ("one.py", "src/two.py"):
        (folder / name).write_text(SOUND, encoding="utf-8")
    assert update(capsys) == f"0 findings recorded in {NAME}\n"
    assert not (folder / NAME).exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "findings": []}',
        '{"version": 1, "findings": [{"path": "one.py"}]}',
        "\udcff",
    ],
)
def test_a_file_that_is_no_baseline(folder: Path, capsys: Screen, text: str) -> None:
    (folder / NAME).write_text(text, encoding="utf-8", errors="surrogateescape")
    for args in ([], ["--update-baseline"]):
        assert main(["check", *args]) == 2
        assert capsys.readouterr().err.startswith(f"orchwipy: {folder / NAME} is no baseline (")


@pytest.mark.parametrize("args", [["--select=OWP1"], ["--ignore=OWP1"], ["-"]])
def test_an_update_is_of_all_that_is_configured(folder: Path, capsys: Screen, args: list[str]) -> None:
    assert main(["check", "--update-baseline", *args]) == 2
    assert capsys.readouterr().err.startswith("orchwipy: --update-baseline records what the configuration")


def test_a_baseline_that_cannot_be_written(folder: Path, capsys: Screen) -> None:
    (folder / "pyproject.toml").write_text('[tool.orchwipy]\nbaseline = "no/known.json"\n', encoding="utf-8")
    assert main(["check", "--update-baseline"]) == 2
    assert capsys.readouterr().err.startswith(
        f"orchwipy: cannot write the baseline {folder / 'no/known.json'}: "
    )


def test_without_a_project_there_is_no_baseline(folder: Path, capsys: Screen) -> None:
    (folder / "pyproject.toml").unlink()
    assert main(["check", "--update-baseline"]) == 2
    assert "there is no pyproject.toml" in capsys.readouterr().err
