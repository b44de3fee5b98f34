"""What the configuration says of callers: the types that it names, and what comes of it in a check.

Each folder below `fixtures/contracts/` is a project, with its findings beside the code.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchwipy_lint import check_paths, check_source, load_pipelines
from orchwipy_lint.cli import main
from orchwipy_lint.flow.classes import OTHER, Classes
from orchwipy_lint.model import Brought
from orchwipy_lint.source.contracts import read_type
from orchwipy_lint.types import ANY, Constant, Scalar, scalar
from tests.test_fixtures import FIXTURES, read_expected, read_text

PROJECTS = FIXTURES / "contracts"
FILES = sorted(PROJECTS.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PROJECTS).as_posix())
def test_what_a_contract_decides(path: Path) -> None:
    expected = read_expected(read_text(path))
    found = check_paths([path])
    assert [(each.code, each.line) for each in found] == [(each.code, each.line) for each in expected]
    for wanted, finding in zip(expected, found, strict=True):
        assert wanted.matches(finding), finding


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PROJECTS).as_posix())
def test_without_it_nothing_of_that_is_said(path: Path) -> None:
    text = read_text(path)
    at_start = {(each.code, each.line) for each in read_expected(text) if each.via and ">" not in each.via}
    assert not at_start & {(each.code, each.line) for each in check_source(text)}


def test_it_is_told_with_the_path(capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "--format=text", str(PROJECTS / "missing")])
    shown = capsys.readouterr().out
    assert "step `accept` needs `address`, which callers do not bring" in shown
    assert "step `accept` needs `note`, which callers need not bring" in shown
    assert "bring note: str | None (or not), order_id: str, adress: str    by pyproject.toml" in shown
    assert (
        "help: did you mean `adress`, which callers bring? Or promise it in the contract, or give `address`"
        " a default at line 11"
    ) in " ".join(shown.split())


def test_a_default_mends_what_nobody_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--diff", "--unsafe-fixes", str(PROJECTS / "nothing")]) == 1
    assert "+    def start(*, day: str = None, **kwargs):" in capsys.readouterr().out


def test_a_pipeline_knows_it() -> None:
    (pipeline,) = load_pipelines([PROJECTS / "carried"])
    assert pipeline.contract is not None
    assert pipeline.contract.brought["note"] == Brought(ANY, required=False, annotation="Any")


ORDERS = """\
from orchwipy_runtime import MicroFunctions

orders = MicroFunctions(beginner="accept")


@orders.fn(terminates=True)
def accept(**kwargs):
    return {}
"""


@pytest.mark.parametrize(
    ("name", "paths", "message"),
    [
        ("orders", ["."], None),
        ("jobs/a.py:orders", ["."], None),
        ("ordres", ["."], "there is no pipeline `ordres`; did you mean `orders`?"),
        ("a.py:orders", ["."], "there is no pipeline `a.py:orders`; did you mean `jobs/a.py:orders`?"),
        ("zzz", ["jobs"], "there is no pipeline `zzz`"),
        ("zzz", ["jobs/a.py"], None),
        ("zzz", ["jobs/inner"], None),
        ("zzz", [".", "broken.py"], None),
    ],
)
def test_a_contract_of_no_pipeline(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    paths: list[str],
    message: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs" / "inner").mkdir(parents=True)
    (tmp_path / "jobs" / "a.py").write_text(ORDERS, encoding="utf-8")
    (tmp_path / "broken.py").write_text("import orchwipy_runtime (", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.orchwipy]\nroots = ["jobs"]\nexclude = ["broken.py"]\n[tool.orchwipy.contracts."{name}"]\n'
    )
    assert main(["check", "--exit-zero", *paths]) == (0 if message is None else 2)
    assert (message or "") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("str", "str"),
        (" str | None ", "str | None"),
        ("list[dict[str, int]]", "list[dict[str, int]]"),
        ("Optional[typing.Union[int, str]]", "int | str | None"),
        ("typing.Literal['a', 1, None, True]", "Literal[True, 1, 'a'] | None"),
        ("Any", "Any"),
        ("dict[str, Any]", "dict[str, Any]"),
        ("list", "list"),
    ],
)
def test_types(text: str, type_: str) -> None:
    assert str(read_type(text)) == type_


@pytest.mark.parametrize(
    "text",
    [
        *("", "strr", "set[str]", "bytes", "tuple[int, str]", "datetime.date", "list[Foo]", "list[int, str]"),
        *(
            "dict[str]",
            "str[int]",
            "Optional[int, str]",
            "Literal[1.5]",
            "Literal[str]",
            "int & str",
            "'str'",
        ),
        *("1", "*str", "f(x)", "lambda: str", "str; int", "(", "\0", "x" * 9_000),
        "list[" * 3_000 + "]" * 3_000,
    ],
)
def test_what_is_no_type(text: str) -> None:
    assert read_type(text) is None


SAMPLES: dict[str, tuple[Constant, ...]] = {
    "str": ("", "a", "b", "c"),
    "int": (0, 1, 2, -1, True, False),
    "float": (0, 0.5, 1, 2.5, True, False),
    "bool": (True, False),
    "None": (None,),
    "str | None": ("", "a", "b", "c", None),
    "bool | None": (True, False, None),
    "Literal['a', 0]": ("a", 0),
    "Literal[True]": (True,),
    "object": ("", "a", "b", 0, 1, 2, True, False, None),
}
"""Of each type the values that conditions can tell apart."""


@pytest.mark.parametrize("type_", SAMPLES)
@pytest.mark.parametrize(
    "named", [(), ("a",), ("", 0), (1, True), (False, None), ("a", "b", "", 1, 0, True, False, None)]
)
def test_the_values_of_a_type_and_no_others_refute(type_: str, named: tuple[Constant, ...]) -> None:
    classes = Classes({"k": {scalar(each): number for number, each in enumerate(named)}}, {})
    read = read_type(type_)
    assert read is not None
    truth = 0
    for value in SAMPLES[type_]:
        truth |= classes.of_constant("k", Scalar(*scalar(value)))
    if type_ == "object":  # it may be a list or a dict as well
        truth |= OTHER
    assert classes.of_brought("k", Brought(read, annotation=type_)) == truth
