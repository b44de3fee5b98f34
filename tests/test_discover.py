"""Which files are read: paths, folders, what git ignores, links and loops."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchwipy_lint.source.discover import Discovery, MissingPath, find_files, mentions_package


def make(root: Path, *paths: str) -> None:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")


def ignore(folder: Path, *patterns: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("\n".join(patterns) + "\n")


def found(*paths: str) -> list[str]:
    return list(find_files(paths).files)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_package_is_looked_for_in_bytes() -> None:
    assert mentions_package(b"\xff\x00 from orchwipy_runtime import x")
    assert not mentions_package(b"from orchestra import wipe")


def test_python_files_of_a_folder_in_order(root: Path) -> None:
    make(root, "b.py", "a.py", "pkg/z.py", "pkg/a.py", "a/a.py", "notes.txt", "stub.pyi", "x.pyc", "script")
    assert found(".") == ["a.py", "b.py", "a/a.py", "pkg/a.py", "pkg/z.py"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (".", "pkg/a.py"),
        ("./", "pkg/a.py"),
        ("pkg", "pkg/a.py"),
        ("./pkg", "pkg/a.py"),
        ("pkg/", "pkg/a.py"),
        ("pkg//a.py", "pkg/a.py"),
        ("./pkg/a.py", "pkg/a.py"),
        ("../here/pkg", "../here/pkg/a.py"),
    ],
)
def test_paths_are_reported_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    make(tmp_path, "here/pkg/a.py")
    monkeypatch.chdir(tmp_path / "here")
    assert found(given) == [expected]


def test_an_absolute_path_stays_absolute(root: Path) -> None:
    make(root, "pkg/a.py")
    assert found(str(root)) == [str(root / "pkg" / "a.py")]


def test_a_named_file_is_taken_whatever_it_is(root: Path) -> None:
    make(root, "script", "ignored.py", ".venv/pyvenv.cfg", ".venv/x.py")
    ignore(root, "ignored.py")
    assert found("script", "ignored.py", ".venv/x.py") == ["script", "ignored.py", ".venv/x.py"]


def test_each_file_once_in_the_order_of_the_paths(root: Path) -> None:
    make(root, "pkg/a.py", "pkg/b.py", "z.py")
    assert found("z.py", "pkg/b.py", "./pkg", ".", str(root / "z.py")) == ["z.py", "pkg/b.py", "pkg/a.py"]


def test_missing_paths_are_all_named(root: Path) -> None:
    make(root, "a.py")
    (root / "dangling.py").symlink_to("nowhere.py")
    with pytest.raises(MissingPath) as caught:
        found("a.py", "no.py", "a.py/b.py", "dangling.py", "no.py", "")
    assert caught.value.paths == ("no.py", "a.py/b.py", "dangling.py", "")
    assert str(caught.value) == "no such file or folder: no.py, a.py/b.py, dangling.py, "
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize(
    "folder", [".git", ".hg", "__pycache__", "node_modules", ".tox", ".nox", ".mypy_cache", ".ruff_cache"]
)
def test_folders_of_tools_are_passed_over(root: Path, folder: str) -> None:
    make(root, f"{folder}/a.py", f"pkg/{folder}/a.py")
    assert found(".") == []
    assert found(folder) == [f"{folder}/a.py"]


def test_virtual_environments_are_passed_over_whatever_their_name(root: Path) -> None:
    make(root, "env/pyvenv.cfg", "env/lib/python3.11/site-packages/a.py", "a.py")
    assert found(".") == ["a.py"]
    assert found("env") == ["env/lib/python3.11/site-packages/a.py"]


class TestGitignore:
    def test_patterns_of_every_kind(self, root: Path) -> None:
        make(
            root,
            "build/a.py",
            "pkg/build/b.py",
            "only/here.py",
            "pkg/only/here.py",
            "x_gen.py",
            "keep_gen.py",
        )
        ignore(root, "# comment", "", "build/", "/only", "*_gen.py", "!keep_gen.py", "\\#odd.py")
        assert found(".") == ["keep_gen.py", "pkg/only/here.py"]

    def test_a_nested_file_wins_over_one_above(self, root: Path) -> None:
        make(root, "a.py", "pkg/a.py", "pkg/b.py", "pkg/deep/a.py")
        ignore(root, "a.py")
        ignore(root / "pkg", "!a.py", "b.py")
        ignore(root / "pkg" / "deep", "*")
        assert found(".") == ["pkg/a.py"]

    def test_nothing_below_an_ignored_folder_comes_back(self, root: Path) -> None:
        make(root, "out/a.py")
        ignore(root, "out/")
        ignore(root / "out", "!*")
        assert found(".") == []

    def test_a_folder_taken_back(self, root: Path) -> None:
        make(root, "a.py", "src/a.py", "other/a.py")
        ignore(root, "/*", "!/src")
        assert found(".") == ["src/a.py"]

    def test_files_above_the_folder_count_up_to_the_repository(self, root: Path) -> None:
        make(root, "pkg/inner/a.py", "pkg/inner/gen.py", "pkg/inner/b.py")
        ignore(root, "gen.py")
        ignore(root / "pkg", "/inner/b.py")
        assert found("pkg/inner") == ["pkg/inner/a.py"]

    def test_a_file_above_the_repository_does_not_count(self, root: Path) -> None:
        make(root, "repo/.git/HEAD", "repo/a.py")
        ignore(root, "a.py")
        assert found("repo") == ["repo/a.py"]

    def test_without_a_repository_only_files_below_count(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        make(tmp_path, "pkg/a.py", "pkg/b.py")
        ignore(tmp_path, "a.py")
        ignore(tmp_path / "pkg", "b.py")
        if any((parent / ".git").exists() for parent in tmp_path.parents):
            pytest.skip("the temporary folder lies in a repository")
        assert found("pkg") == ["pkg/a.py"]

    @pytest.mark.parametrize("named", ["out", "out/deep"])
    def test_an_ignored_folder_that_is_named_is_walked(self, root: Path, named: str) -> None:
        make(root, "out/deep/a.py", "out/deep/b.py")
        ignore(root, "out/")
        ignore(root / "out" / "deep", "b.py")
        assert found(named) == ["out/deep/a.py"]

    def test_a_repository_may_be_marked_by_a_file(self, root: Path) -> None:
        (root / ".git").rmdir()
        (root / ".git").write_text("gitdir: elsewhere\n")
        make(root, "pkg/a.py", "pkg/b.py")
        ignore(root, "b.py")
        assert found("pkg") == ["pkg/a.py"]

    def test_lines_that_are_no_pattern_are_passed_over_as_git_does(self, root: Path) -> None:
        make(root, "a.py", "b.py")
        (root / ".gitignore").write_bytes(b"\xef\xbb\xbfa.py\r\n!\n\xff\xfe\n[\n")
        assert found(".") == ["b.py"]

    def test_an_empty_one_says_nothing(self, root: Path) -> None:
        make(root, "a.py")
        ignore(root, "# nothing", "   ")
        assert found(".") == ["a.py"]

    def test_one_that_is_a_folder_says_nothing(self, root: Path) -> None:
        make(root, "a.py", ".gitignore/b.py")
        assert found(".") == ["a.py", ".gitignore/b.py"]


def test_links_to_files_count_and_links_to_folders_do_not(root: Path) -> None:
    make(root, "real/a.py", "pkg/b.py")
    (root / "pkg" / "link.py").symlink_to(root / "real" / "a.py")
    (root / "pkg" / "loop").symlink_to(root, target_is_directory=True)
    (root / "pkg" / "self.py").symlink_to("self.py")
    (root / "pkg" / "gone.py").symlink_to("nowhere.py")
    assert found("pkg") == ["pkg/b.py", "pkg/link.py"]
    assert found("pkg/loop/real") == ["pkg/loop/real/a.py"]


def test_pipes_and_folders_named_like_python_files(root: Path) -> None:
    make(root, "folder.py/a.py")
    os.mkfifo(root / "pipe.py")
    assert found(".") == ["folder.py/a.py"]


def test_a_folder_that_cannot_be_listed_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(root, "a.py", "closed/b.py")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert find_files(["."]) == Discovery(("a.py",), (("closed", "Permission denied"),))


def test_a_deep_tree(root: Path) -> None:
    folder = root
    for _ in range(300):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("")
    assert len(found(".")) == 1
