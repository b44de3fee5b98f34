"""The Python API: what it promises, on good input and on bad."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import orchwipy_lint
from orchwipy_lint import (
    Finding,
    Severity,
    check_paths,
    check_source,
    load_pipelines,
    survey,
    verdict,
    workspace,
)
from orchwipy_lint.flow import Flow, analyse
from orchwipy_lint.model import Pipeline
from orchwipy_lint.selection import Selection, UnknownRule
from orchwipy_lint.source import program
from orchwipy_lint.source.discover import MissingPath
from tests.samples import BROKEN, NO_PIPELINE, SOUND


def codes(findings: list[Finding]) -> list[str]:
    return [each.code for each in findings]


def test_a_broken_text() -> None:
    (finding,) = check_source(BROKEN)
    assert (finding.code, finding.name, finding.severity) == ("OWP101", "missing-argument", Severity.ERROR)
    assert (finding.path, finding.line, finding.column) == ("<string>", 13, 12)
    assert (finding.pipeline, finding.step, finding.key) == ("pipe", "send", "parcel")
    assert finding.witness == ("weigh", "label", "send")
    assert "MissingArgument" in finding.message


def test_a_text_as_bytes_and_its_name() -> None:
    assert check_source(BROKEN.encode(), "a.py") == check_source(BROKEN, path="a.py")
    assert check_source(BROKEN, "a.py")[0].path == "a.py"


@pytest.mark.parametrize("text", [SOUND, NO_PIPELINE, "", "\0", "def (", b"\xff\xfe\x00"])
def test_texts_without_findings(text: str | bytes) -> None:
    assert check_source(text) == []


@pytest.mark.parametrize("ending", ["def (", "\0", "x = '"])
def test_a_text_that_names_the_package_and_does_not_parse(ending: str) -> None:
    (finding,) = check_source(BROKEN + ending)
    assert finding.code == "OWP001"


def test_a_text_that_declares_another_encoding_is_still_text() -> None:
    text = "# coding: latin-1\n" + BROKEN.replace("{grams} g", "{grams} é")
    assert codes(check_source(text)) == ["OWP101"]
    assert codes(check_source(text.replace("é", "茶"))) == ["OWP101"]
    assert codes(check_source(text.replace("latin-1", "utf-8"))) == ["OWP101"]


def test_lone_surrogates_do_no_harm() -> None:
    assert codes(check_source(BROKEN.replace("{grams} g", "\udc80"))) in (["OWP001"], ["OWP101"])


def test_noqa_is_heeded() -> None:
    assert check_source(BROKEN.replace('g"}\n', 'g"}  # noqa: OWP101\n')) == []


def test_a_selection() -> None:
    assert check_source(BROKEN, selection=Selection(ignore=("missing-argument",))) == []
    assert codes(check_source(BROKEN, selection=Selection(select=("OWP1",), ignore=("OWP102",)))) == [
        "OWP101"
    ]
    with pytest.raises(UnknownRule):
        check_source(BROKEN, selection=Selection(select=("OWP9",)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "broken.py").write_text(BROKEN)
    (tmp_path / "pkg" / "sound.py").write_text(SOUND)
    (tmp_path / "other.py").write_text(NO_PIPELINE)
    return tmp_path


def test_paths_of_any_kind(folder: Path) -> None:
    (finding,) = check_paths(["."])
    assert (finding.path, finding.code) == (os.path.join("pkg", "broken.py"), "OWP101")
    assert check_paths([Path("pkg")]) == [finding]
    mixed: list[str | Path] = ["pkg", Path("pkg/broken.py"), "."]
    assert check_paths(iter(mixed)) == [finding]
    assert check_paths([]) == []


def test_a_missing_path(folder: Path) -> None:
    for ask in (check_paths, load_pipelines):
        with pytest.raises(MissingPath):
            ask(["pkg", "nowhere"])


def test_pipelines(folder: Path) -> None:
    (folder / "pkg" / "bad.py").write_text(BROKEN + "def (")
    broken, sound = load_pipelines(["."])
    assert (broken.name, broken.beginner, broken.path) == ("pipe", "weigh", os.path.join("pkg", "broken.py"))
    assert [step.name for step in sound.steps] == ["weigh", "label", "send"]


def test_one_failure_of_the_analyser_does_not_hide_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_on_sound(pipeline: Pipeline) -> Flow:
        if "sound" in pipeline.path:
            raise ZeroDivisionError("of\n all things")
        return analyse(pipeline)

    monkeypatch.setattr(verdict, "analyse", fail_on_sound)
    missing, internal = check_paths(["."])
    assert missing.code == "OWP101"
    assert (internal.code, internal.severity, internal.line) == ("OWP002", Severity.WARNING, 3)
    assert internal.message.startswith(
        "the analyser failed on this file: ZeroDivisionError: of all things (in test_api.py, line "
    )
    assert internal.help is not None
    assert "please report it" in internal.help


def test_a_failure_of_a_reader_is_one_finding_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(draft: object, readers: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(program, "assembled", fail)
    (finding,) = check_source(BROKEN)
    assert (finding.code, finding.line, finding.column) == ("OWP002", 1, 1)
    assert "ZeroDivisionError (in test_api.py" in finding.message
    assert check_source(NO_PIPELINE) == []


def test_files_and_folders_that_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *args: object) -> object:
        raise PermissionError(13, "Permission denied", path)

    for module in (survey, workspace):
        monkeypatch.setattr(module, "open", refuse, raising=False)
    findings = check_paths(["pkg/sound.py"])
    assert [(each.code, each.path, each.message) for each in findings] == [
        ("OWP001", os.path.join("pkg", "sound.py"), "cannot be read: Permission denied")
    ]
    assert load_pipelines(["pkg"]) == []


def test_findings_are_sorted_and_each_is_there_once(folder: Path) -> None:
    (folder / "a.py").write_text(BROKEN + BROKEN.replace("pipe", "pipe2"))
    findings = check_paths(["pkg", "a.py", "pkg/broken.py"])
    assert findings == sorted(set(findings), key=lambda each: each.sort_key)
    assert len(findings) >= 3


def test_the_public_names() -> None:
    assert set(orchwipy_lint.__all__) <= set(dir(orchwipy_lint))
    for name in orchwipy_lint.__all__:
        assert getattr(orchwipy_lint, name) is not None
        assert name == "__version__" or f"`{name}" in (orchwipy_lint.__doc__ or "")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        orchwipy_lint.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_loads_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import orchwipy_lint; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "orchwipy_lint\n"
