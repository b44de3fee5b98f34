"""How the plugin behaves beside what it finds: versions, configuration, shadow files, failures."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy.version import __version__

from orchwipy_lint import mypy_plugin
from orchwipy_lint.checker.sources import Sources

from .incremental import Checked
from .samples import BROKEN, SOUND


@pytest.fixture
def project(tmp_path: Path) -> Checked:
    project = Checked(tmp_path)
    project.write({"parcels.py": BROKEN})
    return project


def errors(lines: list[str]) -> list[str]:
    return [line.partition(": ")[2] for line in lines if ": error: " in line]


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


def test_what_is_wrong_is_reported(project: Checked) -> None:
    (error,) = errors(project.cold())
    assert error.endswith("[orchwipy-missing-argument]")


def test_codes_can_be_disabled(project: Checked) -> None:
    with project.config.open("a") as config:
        config.write("disable_error_code = orchwipy-missing-argument\n")
    assert errors(project.cold()) == []


def test_the_projects_configuration_counts_and_a_change_of_it_is_seen(project: Checked) -> None:
    assert len(errors(project.warm())) == 1
    (project.root / "pyproject.toml").write_text('[tool.orchwipy]\nignore = ["OWP101"]\n')
    assert errors(project.warm()) == []
    (project.root / "pyproject.toml").write_text("[tool.orchwipy]\n")
    assert len(errors(project.warm())) == 1


def test_a_wrong_configuration_is_one_finding(project: Checked) -> None:
    (project.root / "pyproject.toml").write_text('[tool.orchwipy]\nignore = ["OWP999"]\n')
    (error,) = errors(project.warm())
    assert "OWP999" in error
    assert error.endswith("[orchwipy-internal-error]")
    (project.root / "pyproject.toml").write_text("[tool.orchwipy]\n")
    assert errors(project.warm())[0].endswith("[orchwipy-missing-argument]")


def test_a_failure_is_one_finding(project: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("[strange]")

    monkeypatch.setattr(Sources, "part", fail)
    (error,) = errors(project.cold())
    assert "ValueError" in error
    assert error.endswith("[orchwipy-internal-error]")


def test_unsaved_text_is_read(project: Checked, tmp_path: Path) -> None:
    unsaved = tmp_path / "unsaved.py"
    unsaved.write_text(SOUND)
    path = str(project.root / "parcels.py")
    assert errors(project.cold("--shadow-file", path, str(unsaved))) == []
    assert len(errors(project.cold())) == 1
