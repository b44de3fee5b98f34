"""What README and the pages of `docs/` show is true: every snippet runs, every output is compared.

The second word after the fence says what a block is for. A name (`python orders.py`, `ini .flake8`) is a
file for the blocks that follow. `python pipeline` is checked, and its findings are those that its comments
expect, written as in the fixtures. `python run` is run, and a `text` block after it is what it prints. The
commands of a `console` block are run one after the other, each with what it prints below it; the times in it
are any, and the blanks beside them. Blocks of `sh` (they install), of `mermaid` (they draw) and of `yaml`
and `toml` (they configure other tools) are only looked at; but `toml` may have a name.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from docs.make_drawings import render as render_drawings
from docs.make_rules import PAGE, render
from orchwipy_lint import check_source
from orchwipy_lint.rules import RULES
from tests.test_fixtures import read_expected
from tests.warm import Warm

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parent.parent
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
_SLOW = ("cdk.md", "mypy.md")
RUN = [pytest.param(each, marks=pytest.mark.slow) if each.name in _SLOW else each for each in PAGES]

_BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<role>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)#:]*)(?:#(?P<anchor>[^)]*))?\)")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\b\d+\.\d m?s\b|\b\d+ min \d+ s\b|\b(?:now|\d+ (?:s|min) ago)\b"
)
_MARK = "\x1e"


class Block(NamedTuple):
    language: str
    role: str | None
    text: str


def read_blocks(page: Path) -> list[Block]:
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(each["language"], each["role"], each["text"]) for each in found]


def run(warm: Warm, folder: Path, *command: str, **environment: str) -> str:
    """What a command prints, both streams together, where this environment's programs come first, and before
    them those that need not start."""
    programs = (str(warm.folder), str(Path(sys.executable).parent))
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={
            **{key: value for key, value in os.environ.items() if key not in ("COLUMNS", "FORCE_COLOR")},
            "PATH": os.pathsep.join((*programs, os.environ["PATH"])),
            "PYTHONUNBUFFERED": "1",  # so that both streams come in order, as on a terminal
            "PYTHONUTF8": "1",
            **environment,
        },
        check=False,
    )
    return done.stdout


def run_console(warm: Warm, text: str, folder: Path) -> str:
    """The block again, with what its commands really print."""
    commands = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    script = "".join(f"{each}\n_status=$?; printf '{_MARK}'; (exit $_status)\n" for each in commands)
    # mypy does not see what is installed to be edited.
    seen = {"PYTHONPATH": str(PROJECT)} if any(each.startswith("mypy") for each in commands) else {}
    outputs = run(warm, folder, "bash", "-c", script, **seen).split(_MARK)
    return "".join(f"$ {command}\n{output}" for command, output in zip(commands, outputs, strict=False))


def timeless(text: str) -> str:
    """The text without its times; where there are some, also without the blanks that align columns."""
    return re.sub(" {2,}", "  ", _TIME.sub("TIME", text)) if _TIME.search(text) else text


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_snippets(page: Path, tmp_path: Path, warm: Warm) -> None:
    blocks = read_blocks(page)
    for number, (language, role, text) in enumerate(blocks):
        if language == "console":
            assert timeless(run_console(warm, text, tmp_path)) == timeless(text)
        elif role == "pipeline":
            expected = [(each.code, each.line) for each in read_expected(text)]
            found = check_source(text, page.name)
            assert [(each.code, each.line) for each in found] == expected
            for each in read_expected(text):
                assert any(each.matches(finding) for finding in found)
        elif role == "run":
            printed = run(warm, tmp_path, warm.python, "-c", text)
            following = blocks[number + 1]
            assert (following.language, following.text) == ("text", printed)
        elif role is not None:
            (tmp_path / role).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    kinds = {
        "console": False,
        "sh": False,
        "text": False,
        "toml": None,
        "yaml": False,
        "mermaid": False,
        "python": True,
    }
    for language, role, text in read_blocks(page):
        if page != PAGE:
            assert kinds.get(language, True) in (None, role is not None), text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.finditer(page.read_text(encoding="utf-8")):
        target = page.parent / link["target"] if link["target"] else page
        assert target.exists()
        if link["anchor"]:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert link["anchor"] in anchors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_for_other_tools_can_be_read(page: Path) -> None:
    for language, _, text in read_blocks(page):
        if language == "yaml":
            assert yaml.safe_load(text)
        elif language == "toml":
            assert tomllib.loads(text)


def test_the_page_of_rules_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(RULES), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_drawings_on_the_pages_are_current(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    text = page.read_text(encoding="utf-8")
    assert render_drawings(text) == text, "run `make docs`"


def test_make_has_the_targets_that_the_readme_names() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    named = set(
        re.findall(r"make ([\w-]+)", "\n".join(each.text for each in read_blocks(PROJECT / "README.md")))
    )
    assert {"demo", "test"} <= named
    assert all(re.search(rf"^{each}:", makefile, re.MULTILINE) for each in named), readme


def test_the_page_of_the_house_names_every_room() -> None:
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = page.partition("## The rooms")[2].partition("##")[0]
    folders: list[str] = []
    named = set()
    for indent, name in re.findall(r"^ {4}( *)([\w./]+)", tree, re.MULTILINE):
        del folders[len(indent) // 2 :]
        if name.endswith("/"):
            folders.append(name)
        else:
            named.add("".join([*folders, name]))
    packages = [PROJECT / "orchwipy_lint", PROJECT / "orchwipy_runtime"]
    modules = [path.relative_to(PROJECT) for each in packages for path in each.rglob("*.py")]
    # The `__init__.py` of a folder inside is no room of its own.
    rooms = {each.as_posix() for each in modules if each.name != "__init__.py" or len(each.parts) == 2}
    assert named == rooms
