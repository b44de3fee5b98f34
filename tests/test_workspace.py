"""Which files belong together, and what a check of some of them shows: from anywhere, by any name."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchwipy_lint import Finding, check_paths, load_pipelines
from orchwipy_lint.check import check_files
from orchwipy_lint.cli import main
from orchwipy_lint.config import InvalidConfiguration
from orchwipy_lint.source.components import Component, components_of
from orchwipy_lint.workspace import Workspaces
from tests.samples import BROKEN, SOUND
from tests.test_fixtures import FIXTURES

Screen = pytest.CaptureFixture[str]
PROJECTS = FIXTURES / "projects"

CORE = """\
from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="weigh")
"""
STEPS = """\
from orchwipy_runtime import ReturnUpdates

from .core import pipe
from .names import SEND


@pipe.fn()
def weigh(*, parcel: str, **kwargs):
    return ReturnUpdates("label", "weight", grams=len(parcel))


@pipe.fn()
def label(*, grams: int):
    return {"$next": SEND, "text": f"{grams} g"}
"""
LAST = """\
import mail.core as core


@core.pipe.fn(terminates=True)
def send(*, parcel: str, text: str, **kwargs):
    return {}
"""
FILES = {
    "__init__.py": "",
    "core.py": CORE,
    "steps.py": STEPS,
    "last.py": LAST,
    "names.py": 'SEND = "send"\n',
}
LETTERS = st.sampled_from("abcdefgh")
FOUND = [("steps.py", 9, "OWP107"), ("steps.py", 13, "OWP301"), ("steps.py", 14, "OWP101")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a pipeline in a package `mail`, and a file that has nothing to do with it."""
    root = tmp_path / "project"
    (root / "mail").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    for name, text in FILES.items():
        (root / "mail" / name).write_text(text)
    (root / "apart.py").write_text("import os\nimport json.decoder\n")
    monkeypatch.chdir(root)
    return root


def places(paths: Iterable[str | Path]) -> list[tuple[str, int, str]]:
    return [(os.path.basename(each.path), each.line, each.code) for each in check_paths(paths)]


class TestComponents:
    def test_of_a_package(self, project: Path) -> None:
        workspace = Workspaces().of("mail/core.py")
        mail = {name: os.path.join("mail", name) for name in FILES}
        assert workspace.root == str(project)
        assert sorted(workspace.files) == ["apart.py", *sorted(mail.values())]
        assert workspace.components == (
            Component(
                files=(mail["core.py"], mail["last.py"], mail["steps.py"]),
                sources=tuple(sorted(mail.values())),
            ),
        )
        assert workspace.components_with([mail["names.py"]]) == list(workspace.components)
        assert workspace.components_with(["apart.py", "nowhere.py"]) == []

    def test_a_package_is_one_though_nobody_imports_it(self, project: Path) -> None:
        (project / "mail" / "last.py").unlink()
        (found,) = Workspaces().of(".").components
        assert found.packages == (os.path.join("mail", "__init__.py"),)

    def test_constants_do_not_join_what_imports_them(self, project: Path) -> None:
        (project / "one.py").write_text("from shared import KEY\n" + BROKEN)
        (project / "two.py").write_text("import shared\n" + SOUND)
        (project / "shared.py").write_text("KEY = 'key'\n")
        found = [each.sources for each in Workspaces().of(".").components if "shared.py" in each.sources]
        assert found == [("one.py", "shared.py"), ("shared.py", "two.py")]

    def test_our_own_source_joins_nobody(self, project: Path) -> None:
        (project / "orchwipy_runtime").mkdir()
        (project / "orchwipy_runtime" / "__init__.py").write_text("from orchwipy_runtime import returns\n")
        (project / "orchwipy_runtime" / "returns.py").write_text("class ReturnUpdates: ...\n")
        (project / "alone.py").write_text(SOUND)
        found = {each.files: each.sources for each in Workspaces().of(".").components}
        assert found["alone.py",] == ("alone.py",)

    def test_where_nothing_mentions_the_package_nothing_is_scanned(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("core.py", "steps.py"):
            (project / "mail" / name).unlink()
        monkeypatch.setattr("orchwipy_lint.source.imports.imports_of", None)
        workspace = Workspaces().of("mail")
        assert not workspace.has_pipelines
        assert workspace.components == ()

    @given(
        edges=st.dictionaries(
            st.sampled_from("abcdefgh"), st.frozensets(st.sampled_from("abcdefgh")), max_size=8
        ),
        starts=st.frozensets(st.sampled_from("abcdefgh")),
    )
    def test_laws(self, edges: dict[str, frozenset[str]], starts: frozenset[str]) -> None:
        files = {f"{each}.py" for each in "abcdefgh"}
        found = components_of(
            files, lambda file: edges.get(file[0], ()), lambda file: file[0] in starts, ("",)
        )
        known = [file for each in found for file in each.files]
        assert len(known) == len(set(known)), "a file is in one component at most"
        for file in files:
            others = {f"{each}.py" for each in edges.get(file[0], ())}
            assert (file in known) == (file[0] in starts or bool(others & set(known)))
            for each in found:
                if file in each.sources:
                    assert others <= set(each.sources), "what is imported is read too"
                if file in each.files:
                    assert others & set(known) <= set(each.files), "imports join"


class TestRoots:
    def test_a_project_inside_is_one_by_itself(self, project: Path) -> None:
        inner = project / "inner"
        inner.mkdir()
        (inner / "broken.py").write_text(BROKEN)
        assert len(Workspaces().of(".").components) == 2
        (inner / "setup.cfg").touch()
        assert len(Workspaces().of(".").components) == 1
        assert Workspaces().of("inner/broken.py").root == str(inner)
        assert len(check_files(["."]).pipelines) == 2

    def test_outside_any_project_the_files_of_a_folder_belong_together(self, project: Path) -> None:
        (project / "pyproject.toml").unlink()
        (project / "mail" / "last.py").write_text(LAST.replace("mail.core", "core"))
        for path in ("mail", "mail/core.py", "."):
            assert places([path]) == FOUND

    def test_files_that_a_walk_does_not_take_are_there_when_they_are_named(self, project: Path) -> None:
        (project / "pyproject.toml").write_text('[tool.orchwipy]\nexclude = ["mail/last.py"]\n')
        assert "OWP101" not in {code for _, _, code in places(["."])}
        assert places(["mail/last.py"]) == FOUND
        (project / "mail" / "last.py").rename(project / "script")
        assert places([".", "script"]) == FOUND

    def test_roots_are_where_imports_look_and_what_is_checked_by_default(
        self, project: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "mail").rename(project / "lib")
        (project / "code").mkdir()
        (project / "lib").rename(project / "code" / "mail")
        (project / "broken.py").write_text(BROKEN)
        (project / "pyproject.toml").write_text('[tool.orchwipy]\nroots = ["code"]\n')
        monkeypatch.chdir(project / "code" / "mail")
        assert main(["check", "--no-cache", "--format", "concise"]) == 1
        printed = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
        assert printed == [os.path.join("..", "mail", "steps.py")] * 3


class TestNames:
    def test_of_files_that_nobody_named(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def shown(path: str | Path) -> set[str]:
            return {each.path for each in check_paths([path])}

        steps = project / "mail" / "steps.py"
        assert shown(os.path.join("mail", "core.py")) == {os.path.join("mail", "steps.py")}
        assert shown(project / "mail" / "core.py") == {str(steps)}
        monkeypatch.chdir(project / "mail")
        assert shown("core.py") == shown(os.path.join("..", "mail", "core.py")) == {"steps.py"}
        monkeypatch.chdir(project.parent)
        assert shown(os.path.join("project", "mail", "core.py")) == {
            os.path.join("project", "mail", "steps.py")
        }

    def test_in_help(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(project / "mail")
        (missing,) = [each for each in check_paths(["core.py"]) if each.code == "OWP101"]
        assert "a default at last.py:5" in (missing.help or "")

    @pytest.mark.skipif(os.name == "nt", reason="links need rights there")
    def test_a_link_leads_to_the_same(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        link = project.parent / "link"
        link.symlink_to(project / "mail", target_is_directory=True)
        assert (
            places([link]) == places([link / "core.py"]) == places([link, "mail", "mail/steps.py"]) == FOUND
        )
        monkeypatch.chdir(link)
        assert places(["core.py"]) == places(["../mail/last.py"]) == FOUND
        assert {each.path for each in check_paths([str(link)])} == {str(link / "steps.py")}

    def test_pipelines_are_found_by_any_part(self, project: Path) -> None:
        for name in ("core.py", "steps.py", "last.py"):
            (pipeline,) = load_pipelines([os.path.join("mail", name)])
            assert {step.name for step in pipeline.steps} == {"weigh", "label", "send"}
            assert pipeline.path == os.path.join("mail", "core.py")
            (absolute,) = Workspaces().of(".").pipelines(f"mail/{name}")
            assert {step.path for step in absolute.steps} == {
                str(project / "mail" / each) for each in ("steps.py", "last.py")
            }
        assert load_pipelines(["mail/names.py"]) == []


class TestTexts:
    def test_a_text_stands_in_the_place_of_a_file(self, project: Path) -> None:
        text = STEPS.replace('"text":', '"parcel": "p", "text":').encode()
        found = check_files(["mail"], texts=[("mail/steps.py", text)]).findings
        assert [each.code for each in found] == ["OWP107", "OWP301"]
        assert places(["mail"]) == FOUND
        new = b"from .core import pipe\n\n@pipe.fn()\ndef more(**kwargs):\n    return {}\n"
        (outline,) = check_files([], texts=[("mail/new.py", new)]).pipelines
        assert outline.steps == 4

    def test_a_text_that_takes_an_import_away(self, project: Path) -> None:
        result = check_files([], texts=[("mail/last.py", b"")])
        assert (result.pipelines, result.findings, result.files) == ((), (), 1)


def test_any_number_of_processes_finds_the_same(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        (project / f"flow{number}.py").write_text(BROKEN.replace("pipe", f"pipe{number}"))
    alone = check_files(["."])
    monkeypatch.setattr("orchwipy_lint.workspace._BYTES_A_WORKER", 1)
    assert check_files(["."], jobs=3) == alone
    assert len(alone.findings) == 9


def test_a_configuration_that_is_wrong_is_said_of_any_file(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.orchwipy]\nselct = []\n")
    with pytest.raises(InvalidConfiguration):
        check_paths(["mail/core.py"])


class TestFixes:
    def test_they_are_made_where_the_findings_stand(self, project: Path, capsys: Screen) -> None:
        before = {name: (project / "mail" / name).read_bytes() for name in FILES}
        main(["check", "--fix", "--no-cache", "mail/core.py"])
        assert "fixed 2 findings in 1 file" in capsys.readouterr().err
        after = {name: (project / "mail" / name).read_bytes() for name in FILES}
        assert {name for name in FILES if before[name] != after[name]} == {"steps.py"}
        assert places(["."]) == FOUND[2:]
        text = (project / "mail" / "steps.py").read_text()
        assert 'ReturnUpdates("label", grams=len(parcel))' in text
        assert "def label(*, grams: int, **kwargs):" in text

    def test_those_of_two_files_are_seen_together(self, project: Path, capsys: Screen) -> None:
        last = LAST.replace(", **kwargs", "")
        (project / "mail" / "last.py").write_text(last)
        main(["check", "--fix", "--unsafe-fixes", "--no-cache"])
        assert "fixed 4 findings in 2 files" in capsys.readouterr().err
        assert {code for _, _, code in places(["."])} == {"OWP110"}

    def test_a_diff_names_files_as_people_do(
        self, project: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project / "mail")
        assert main(["check", "--diff", "core.py"]) == 1
        out = capsys.readouterr().out
        assert [line for line in out.splitlines() if line.startswith(("---", "+++"))] == [
            "--- steps.py",
            "+++ steps.py",
        ]


@pytest.mark.parametrize("fixture", sorted(PROJECTS.iterdir()), ids=lambda each: each.name)
def test_safe_fixes_of_a_project_bring_nothing_new(
    fixture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    folder = tmp_path / fixture.name
    shutil.copytree(fixture, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "setup.cfg").touch()
    monkeypatch.chdir(folder)

    def counted(findings: list[Finding]) -> Counter[tuple[str, str | None, str | None, str | None]]:
        return Counter((each.code, each.pipeline, each.step, each.key) for each in findings)

    found = check_paths(["."])
    before = counted(found)
    mendable = {each.path for each in found if each.code in ("OWP107", "OWP301", "OWP302")}
    texts = {path: path.read_bytes() for path in folder.rglob("*.py")}
    main(["check", "--fix", "--no-cache", "--exit-zero"])
    after = counted(check_paths(["."]))
    assert after <= before
    changed = {str(path.relative_to(folder)) for path, data in texts.items() if path.read_bytes() != data}
    assert changed <= mendable
    assert bool(changed) == (after != before)
    assert main(["check", "--diff"]) == 0, "a second time there is nothing to do"
    capsys.readouterr()


class TestBaselines:
    def test_they_go_by_the_place_of_a_finding(self, project: Path, capsys: Screen) -> None:
        assert main(["check", "--update-baseline"]) == 0
        for path in (".", "mail/core.py", "mail/steps.py", "mail/last.py"):
            capsys.readouterr()
            assert main(["check", "--format", "concise", path]) == 0
            assert "baseline: 3 known" in capsys.readouterr().err
        (project / "mail" / "last.py").write_text(LAST.replace("parcel: str, ", ""))
        main(["check", "--format", "concise", "mail/last.py"])
        assert "2 known" in capsys.readouterr().err
        main(["check", "--format", "concise", "mail/steps.py"])
        assert "2 known, 1 stale" in capsys.readouterr().err

    def test_ignores_and_comments_go_by_the_place_of_a_finding(self, project: Path) -> None:
        (project / "pyproject.toml").write_text(
            '[tool.orchwipy.per-file-ignores]\n"mail/core.py" = ["OWP1"]\n"mail/steps.py" = ["OWP107"]\n'
        )
        silent = STEPS.replace("grams: int):", "grams: int):  # noqa: OWP301")
        (project / "mail" / "steps.py").write_text(silent)
        assert places(["mail/core.py"]) == places(["."]) == FOUND[2:]
