"""Where `orchwipy check` writes its report, in which format, and the statistics."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from orchwipy_lint.cli import main
from orchwipy_lint.cli.formats import FORMATS
from tests.samples import BROKEN, SOUND

Screen = pytest.CaptureFixture[str]

SUMMARY = "1 error in 2 pipelines (6 steps, 2 files)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    (tmp_path / "sound.py").write_text(SOUND, encoding="utf-8")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


class TestOutput:
    @pytest.mark.parametrize("form", FORMATS)
    def test_the_file_holds_what_would_be_printed(
        self, folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch, form: str
    ) -> None:
        assert main(["check", "--format", form]) == 1
        printed = capsys.readouterr().out
        assert printed.endswith("\n")
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert main(["check", "--format", form, "--output", "report"]) == 1
        assert capsys.readouterr() == ("", SUMMARY)
        assert (folder / "report").read_text(encoding="utf-8") == printed

    @pytest.mark.parametrize("form", ["concise", "github"])
    def test_nothing_found_is_an_empty_list(self, folder: Path, capsys: Screen, form: str) -> None:
        assert main(["check", "--format", form, "sound.py"]) == 0
        assert capsys.readouterr() == ("", "no findings in 1 pipeline (3 steps, 1 file)\n")

    @pytest.mark.parametrize(
        ("output", "reason"),
        [
            ("gone/report", "there is no folder {folder}/gone; make it first"),
            ("broken.py/report", "there is no folder {folder}/broken.py; make it first"),
        ],
    )
    def test_a_folder_that_is_missing(self, folder: Path, capsys: Screen, output: str, reason: str) -> None:
        before = names(folder)
        assert main(["check", "-o", output]) == 2
        said = (
            f"orchwipy: cannot write the report to {output}: {reason.format(folder=os.path.realpath('.'))}\n"
        )
        assert capsys.readouterr() == ("", said)
        assert names(folder) == before

    def test_a_folder_is_no_file(self, folder: Path, capsys: Screen) -> None:
        assert main(["check", "-o", "."]) == 2
        assert capsys.readouterr().err == (
            "orchwipy: cannot write the report: . is a folder; name a file in it\n"
        )

    def test_what_was_there_stays_where_the_check_cannot_be_done(self, folder: Path, capsys: Screen) -> None:
        (folder / "report").write_text("old", encoding="utf-8")
        assert main(["check", "-o", "report", "gone.py"]) == 2
        assert (folder / "report").read_text(encoding="utf-8") == "old"

    def test_whole_or_not_at_all(self, folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "report").write_text("old", encoding="utf-8")

        def replace(source: str, target: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", replace)
        assert main(["check", "-o", "report"]) == 2
        error = "orchwipy: cannot write the report to report: No space left on device\n"
        assert capsys.readouterr() == ("", error)
        assert (folder / "report").read_text(encoding="utf-8") == "old"
        assert names(folder) == ["broken.py", "report", "sound.py"]

    def test_a_link_stays_one(self, folder: Path) -> None:
        (folder / "link").symlink_to("report")
        assert main(["check", "--format", "concise", "-o", "link"]) == 1
        assert (folder / "link").is_symlink()
        assert (folder / "report").read_text(encoding="utf-8").startswith("broken.py:13:12: OWP101")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_a_pipe_is_written_to_and_stays(self, folder: Path) -> None:
        os.mkfifo("pipe")
        read: list[str] = []
        reader = Thread(
            target=lambda: read.append((folder / "pipe").read_text(encoding="utf-8")), daemon=True
        )
        reader.start()
        assert main(["check", "--format", "concise", "-o", "pipe"]) == 1
        reader.join(timeout=30)
        assert read
        assert read[0].startswith("broken.py:13:12: OWP101")
        assert (folder / "pipe").is_fifo()

    def test_a_dash_is_standard_output(self, folder: Path, capsys: Screen) -> None:
        assert main(["check", "-o", "-", "sound.py"]) == 0
        assert capsys.readouterr() == ("no findings in 1 pipeline (3 steps, 1 file)\n", "")


class TestStatistics:
    TWICE = BROKEN.replace("parcel: str, text", "parcel: str, stamp: int, text")
    COUNTS = "2     OWP101 missing-argument\n"

    def test_text_has_them_before_the_summary(self, folder: Path, capsys: Screen) -> None:
        (folder / "broken.py").write_text(self.TWICE, encoding="utf-8")
        assert main(["check", "--statistics", "broken.py"]) == 1
        assert capsys.readouterr().out.endswith(
            f"\n\n{self.COUNTS}\n2 errors in 1 pipeline (3 steps, 1 file)\n"
        )

    def test_concise_has_them_last(self, folder: Path, capsys: Screen) -> None:
        (folder / "broken.py").write_text(self.TWICE, encoding="utf-8")
        assert main(["check", "--statistics", "--format", "concise", "broken.py"]) == 1
        lines = capsys.readouterr().out.splitlines(keepends=True)
        assert [line.startswith("broken.py:13:12: OWP101") for line in lines] == [True, True, False]
        assert lines[-1] == self.COUNTS

    @pytest.mark.parametrize("form", ["text", "concise"])
    def test_nothing_found_is_nothing_counted(self, folder: Path, capsys: Screen, form: str) -> None:
        assert main(["check", "--statistics", "--format", form, "sound.py"]) == 0
        assert "".join(capsys.readouterr()) == "no findings in 1 pipeline (3 steps, 1 file)\n"

    @pytest.mark.parametrize("form", sorted(set(FORMATS) - {"text", "concise"}))
    def test_other_formats_have_no_place_for_them(self, folder: Path, capsys: Screen, form: str) -> None:
        assert main(["check", "--statistics", "--format", form]) == 2
        assert capsys.readouterr() == (
            "",
            f"orchwipy: --statistics is for --format text or concise; {form} has no place for it\n",
        )
