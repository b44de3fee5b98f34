"""What is kept between runs: never wrong, never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import libcst
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchwipy_lint.cache import VARIABLE, Cache, Contents
from orchwipy_lint.check import check_files
from orchwipy_lint.cli import main
from orchwipy_lint.codec import Codec, Corrupt
from orchwipy_lint.models import MODELS
from orchwipy_lint.source.program import read_program
from orchwipy_lint.verdict import VERDICTS, Terms, judge
from orchwipy_lint.workspace import Workspaces, _edition
from tests.racing import write_and_read
from tests.samples import BROKEN, SOUND
from tests.test_fixtures import FILES

KEY, OTHER = "a" * 64, "b" * 64
CODES = tuple(f"OWP{number}" for number in range(100, 600))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "kept"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "sound.py").write_text(SOUND)
    return tmp_path


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.entry"))


class TestCache:
    def test_what_is_kept_is_there(self, cache: Cache) -> None:
        assert cache.get(KEY) is None
        assert cache.contents() == Contents(0, 0)
        for text in ("a text", "", "é\n\n\r\n\0"):
            cache.put(KEY, text)
            assert cache.get(KEY) == Cache(cache.folder).get(KEY) == text
        assert cache.get(OTHER) is None
        assert cache.contents().entries == 1

    def test_the_folder_says_what_it_is(self, cache: Cache) -> None:
        cache.put(KEY, "text")
        folder = Path(cache.folder)
        assert sorted(each.name for each in folder.iterdir()) == [
            ".gitignore",
            "CACHEDIR.TAG",
            f"{KEY}.entry",
        ]
        tag = (folder / "CACHEDIR.TAG").read_text()
        assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
        assert (folder / ".gitignore").read_text() == "*\n"

    def test_cleaning(self, cache: Cache) -> None:
        cache.clean()
        cache.put(KEY, "text")
        cache.clean()
        assert not os.path.exists(cache.folder)
        cache.put(KEY, "again")
        assert cache.get(KEY) == "again"

    def test_a_folder_that_holds_other_things_keeps_them(self, cache: Cache) -> None:
        folder = Path(cache.folder)
        folder.mkdir()
        mine = {".gitignore": "build\n", "notes.entry": "mine", f"{KEY}.py": "mine"}
        for name, text in mine.items():
            (folder / name).write_text(text)
        cache.put(KEY, "text")
        assert cache.get(KEY) == "text"
        cache.clean()
        assert {each.name: each.read_text() for each in folder.iterdir()} == mine

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_cannot_be_written_to(self, cache: Cache) -> None:
        os.mkdir(cache.folder, 0o500)
        cache.put(KEY, "text")
        assert cache.get(KEY) is None

    def test_a_file_in_the_place_of_the_folder(self, cache: Cache) -> None:
        Path(cache.folder).write_text("a file")
        cache.put(KEY, "text")
        assert cache.get(KEY) is None
        assert cache.contents() == Contents(0, 0)
        cache.clean()
        assert Path(cache.folder).read_text() == "a file"

    def test_what_was_not_used_for_long_goes(self, cache: Cache) -> None:
        now = time.time()
        cache.put(KEY, "old")
        cache.put(OTHER, "in use")
        for key, days in ((KEY, 31), (OTHER, 29)):
            os.utime(os.path.join(cache.folder, f"{key}.entry"), (now - days * 86_400,) * 2)
        assert Cache(cache.folder).get(OTHER) == "in use", "and that is noted"
        os.utime(os.path.join(cache.folder, f"{KEY}.entry"), (now - 31 * 86_400,) * 2)
        Cache(cache.folder).put("c" * 64, "new")
        assert {each.name[0] for each in entries(Path(cache.folder))} == {"b", "c"}
        assert os.stat(os.path.join(cache.folder, f"{OTHER}.entry")).st_mtime > now - 86_400

    def test_what_is_too_much_goes(self, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("orchwipy_lint.cache._KEPT_BYTES", 300)
        for number, key in enumerate("abcd"):
            cache.put(key * 64, "x" * 60)
            os.utime(os.path.join(cache.folder, f"{key * 64}.entry"), (number + time.time() - 100,) * 2)
        Cache(cache.folder).put("e" * 64, "")
        assert [each.name[0] for each in entries(Path(cache.folder))] == ["d", "e"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_entry_that_was_changed_is_none(cache: Cache, data: st.DataObject) -> None:
    cache.put(KEY, "some text that is kept")
    (file,) = entries(Path(cache.folder))
    whole = file.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    cut = whole[:place]
    flipped = bytes([whole[place] ^ data.draw(st.integers(1, 255))])
    file.write_bytes(data.draw(st.sampled_from([cut, cut + flipped + whole[place + 1 :], whole + b"x"])))
    assert cache.get(KEY) is None
    cache.put(KEY, "again")
    assert cache.get(KEY) == "again"


def test_several_processes_at_once(cache: Cache) -> None:
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        wrong = list(pool.map(write_and_read, [cache.folder] * 4, range(4)))
    assert wrong == [0] * 4
    assert cache.contents() == Contents(8, 8 * (5_000 + 65)), "and nothing half written"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner).map(tuple) | st.frozensets(SCALARS) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=12,
)


class TestCodec:
    @given(VALUES)
    def test_what_is_written_is_read(self, value: object) -> None:
        codec = Codec(object)
        text = codec.dumps(value)
        assert repr_of(codec.loads(text)) == repr_of(value)
        assert codec.dumps(codec.loads(text)) == text

    @given(st.text() | VALUES.map(str))
    def test_other_texts_are_corrupt_or_values(self, text: str) -> None:
        with suppress(Corrupt):
            MODELS.loads(text)

    @pytest.mark.parametrize(
        "text",
        [
            *('{"Path": ["/"]}', '{"Finding": []}', "[", "[]", '{"Base": ["nothing"]}', "[" * 100_000),
            *('{":": [1]}', "{}", '{"(": [], "{": []}', '{"(": [[]]}', '{"(": "text"}', '{"(": {"(": []}}'),
        ],
    )
    def test_what_it_does_not_know(self, text: str) -> None:
        with pytest.raises(Corrupt):
            MODELS.loads(text)
        with pytest.raises(Corrupt):
            VERDICTS.loads(text)

    def test_what_it_cannot_write(self) -> None:
        with pytest.raises(TypeError, match=r"a codec does not know (Posix|Windows)Path"):
            MODELS.dumps(Path())

    @pytest.mark.parametrize("file", FILES[:: max(1, len(FILES) // 40)], ids=lambda path: path.stem)
    def test_models_and_verdicts_of_fixtures(self, file: Path) -> None:
        sources = {file.name: file.read_bytes()}
        pipelines = read_program(sources).pipelines
        assert MODELS.loads(MODELS.dumps(pipelines)) == pipelines
        verdict = judge(sources, Terms(CODES))
        assert VERDICTS.loads(VERDICTS.dumps(verdict)) == verdict


def repr_of(value: object) -> str:
    """A text that tells True from 1 and -0.0 from 0, whatever the order of a set."""
    if isinstance(value, frozenset):
        return f"frozenset({sorted(map(repr, value))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(repr_of, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {repr_of(each)}' for key, each in value.items())}}}"
    return repr(value)


class TestProject:
    def test_kept_and_found_again(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check"]) == 1
        first = capsys.readouterr()
        kept = entries(project / ".orchwipy_cache")
        assert len(kept) == 2
        before = [each.stat().st_mtime_ns for each in kept]
        assert main(["check"]) == 1
        assert capsys.readouterr() == first
        assert [each.stat().st_mtime_ns for each in kept] == before
        (project / "broken.py").write_text(SOUND + "# changed\n")
        assert main(["check"]) == 0
        assert len(entries(project / ".orchwipy_cache")) == 3

    def test_nothing_is_kept_unless_wanted(self, project: Path) -> None:
        main(["check", "--no-cache"])
        check_files(["."])
        assert not (project / ".orchwipy_cache").exists()

    def test_another_folder(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(VARIABLE, str(project / "elsewhere"))
        main(["check", "broken.py"])
        assert len(entries(project / "elsewhere")) == 1
        capsys.readouterr()
        assert main(["cache"]) == 0
        assert capsys.readouterr().out.startswith(f"{project / 'elsewhere'}: 1 entry, ")
        assert main(["cache", "clean"]) == 0
        assert capsys.readouterr().out.startswith("removed 1 entry, ")
        assert not (project / "elsewhere").exists()

    def test_a_corrupt_or_foreign_entry_is_read_anew(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main(["check"])
        first = capsys.readouterr()
        cache = Cache(str(project / ".orchwipy_cache"))
        one, two = entries(project / ".orchwipy_cache")
        one.write_bytes(one.read_bytes()[:-1])
        cache.put(two.stem, '["Path", "/"]')
        assert main(["check"]) == 1
        assert capsys.readouterr() == first
        assert b"Verdict" in one.read_bytes()
        assert b"Verdict" in two.read_bytes()

    def test_what_decides_is_in_the_key(self, project: Path) -> None:
        def count(*args: str) -> int:
            main(["check", *args])
            return len(entries(project / ".orchwipy_cache"))

        assert count("broken.py") == 1
        assert count("broken.py", "--select", "OWP101") == 2
        assert count("broken.py", "--format", "json", "--show-notes") == 2
        (project / "pyproject.toml").write_text('[tool.orchwipy]\nclasses = ["ours.Pipe"]\n')
        assert count("broken.py") == 3
        (project / "broken.py").rename(project / "other.py")
        assert count("other.py") == 4

    def test_another_libcst_may_read_otherwise(
        self, project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert libcst._version.version in Path(str(libcst.__file__)).with_name("_version.py").read_text()
        main(["check", "broken.py"])
        other = tmp_path_factory.mktemp("site") / "libcst"
        other.mkdir()
        for name in ("__init__.py", "_version.py"):
            (other / name).write_text("version = '99.0'\n")
        _edition.cache_clear()
        with monkeypatch.context() as patched:
            patched.syspath_prepend(other.parent)
            main(["check", "broken.py"])
        _edition.cache_clear()
        assert len(entries(project / ".orchwipy_cache")) == 2
        main(["check", "broken.py"])
        assert len(entries(project / ".orchwipy_cache")) == 2

    def test_a_project_that_has_moved_finds_it_again(self, project: Path) -> None:
        main(["check"])
        moved = project / "moved"
        moved.mkdir()
        for name in ("pyproject.toml", "broken.py", ".orchwipy_cache"):
            (project / name).rename(moved / name)
        workspace = Workspaces(caching=True).of(moved)
        before = entries(moved / ".orchwipy_cache")
        workspace.verdicts(workspace.components, [each for each in CODES if each == "OWP101"])
        main(["check", "moved"])
        assert len(entries(moved / ".orchwipy_cache")) == len(before) + 1

    def test_what_lies_outside_any_project_is_not_kept(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "pyproject.toml").unlink()
        main(["check"])
        assert not (project / ".orchwipy_cache").exists()

    def test_models_are_kept_for_those_who_ask_for_them(self, project: Path) -> None:
        first = Workspaces(caching=True).of("broken.py").pipelines("broken.py")
        assert len(entries(project / ".orchwipy_cache")) == 1
        assert Workspaces(caching=True).of("broken.py").pipelines("broken.py") == first
        assert first == Workspaces().of("broken.py").pipelines("broken.py")
        assert [each.path for each in first] == [str(project / "broken.py")]


def test_a_kept_result_needs_no_libcst(project: Path) -> None:
    main(["check", "--format", "concise"])
    program = (
        "import sys; sys.modules['libcst'] = None\n"
        "from orchwipy_lint.cli import main; sys.exit(main(['check', '--format', 'concise']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("OWP101")) == (1, 1), done.stderr
