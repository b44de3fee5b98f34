"""What `[tool.orchwipy]` says: what is refused, what it does to a check and to flake8, how it is shown."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from flake8.main.cli import main as flake8_main

from orchwipy_lint import check_paths, check_source, load_pipelines
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
        ("zzz = 1", "no key `zzz` in [tool.orchwipy]; its keys are roots, include, exclude, select, "),
        ("root = []", "did you mean `roots`?"),
        ("roots = 1", "`roots` in [tool.orchwipy] is a list of strings, and not 1"),
        ("roots = []", '`roots` in [tool.orchwipy] names no folder; write ["."] for'),
        ('roots = ["old", "../other"]', 'names "../other"; write a folder below that of the pyproject.toml'),
        ('roots = ["a/../../b"]', "write a folder below"),
        ('roots = ["/tmp"]', "write a folder below"),
        ("roots = ['C:\\x']", "write a folder below"),
        ('roots = ["odl"]', "`roots` in [tool.orchwipy] names `odl`, and "),
        ('roots = ["many.py"]', "has no such folder"),
        ('include = "*.py"', "`include` in [tool.orchwipy] is a list of strings"),
        ('include = ["!"]', "`include` in [tool.orchwipy]: `!` is no pattern"),
        (
            'packages = ["our-pipes"]',
            '`packages` in [tool.orchwipy] names "our-pipes", which is no dotted name',
        ),
        ("packages = 'pipes'", "is a list of strings"),
        ('classes = ["Pipeline"]', 'names "Pipeline" without its module; write "package.Pipeline"'),
        ("contracts = []", "`contracts` in [tool.orchwipy] is a table of tables, and not []; write [tool.or"),
        ("contracts = { orders = 1 }", "gives `orders` 1; write"),
        ("contracts.orders.id = 1", 'gives `id` of `orders` 1; write "str", or {'),
        ("contracts.orders.id.typ = 'str'", "`id` of `orders` the key `typ`; did you mean `type`?"),
        ("contracts.orders.id.zzz = 1", "`id` of `orders` the key `zzz`; its keys are type, required"),
        ("contracts.orders.id.type = 1", "`id` of `orders` the type 1; write an annotation"),
        ("contracts.orders.id.required = 'no'", '`id` of `orders` `required` "no"; it is true or false'),
        ("contracts.orders.'$next' = 'str'", "keys that begin with `$` are the runtime's"),
        ("contracts.orders.id = 'strr'", "gives `id` of `orders` the type `strr`, which cannot be read"),
        ('classes = [".Pipeline"]', "which is no dotted name"),
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
    assert found == Configuration(folder / "pyproject.toml", folder)


@pytest.mark.parametrize(
    ("files", "root"),
    [
        ({"pyproject.toml": "", "old/x": ""}, ""),
        ({"pyproject.toml": "", "old/setup.cfg": "[flake8]"}, "old"),
        ({"pyproject.toml": "", "old/.git": "gitdir: elsewhere"}, "old"),
        ({"pyproject.toml": "[tool.orchwipy]\nignore = []", "old/setup.cfg": ""}, ""),
        ({"pyproject.toml": "[tool.orchwipy]\nignore = []", "old/pyproject.toml": ""}, "old"),
        ({"setup.cfg": "", ".git/HEAD": ""}, ""),
        ({".git/HEAD": ""}, ""),
    ],
)
def test_where_the_root_is(folder: Path, files: dict[str, str], root: str) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    assert configuration_of("old/many.py").root == configuration_of("old").root == folder / root


@pytest.mark.parametrize("section", ["orchwipy", "tool:orchwipy", "tool.orchwipy", "orchwipy:severities"])
def test_settings_in_a_setup_cfg_are_refused(folder: Path, section: str) -> None:
    (folder / "setup.cfg").write_text(f"[flake8]\nx = [orchwipy]\n[{section}]\nselect = x\n")
    with pytest.raises(InvalidConfiguration) as refused:
        configuration_of("old/many.py")
    assert str(refused.value) == (
        f"{folder / 'setup.cfg'}: [{section}] is not read here; what it says belongs in [tool.orchwipy] of a"
        " pyproject.toml beside it"
    )


def test_roots(folder: Path) -> None:
    configure(folder, 'roots = ["./old/", ".", "old"]')
    assert configuration_of("many.py").roots == ("old", "")


def test_what_a_walk_takes(folder: Path, capsys: Screen) -> None:
    (folder / "bin").mkdir()
    for name in ("bin/run", "bin/data.json", "old/more.pyw"):
        (folder / name).write_text(MANY, encoding="utf-8")
    assert checked(capsys) == BOTH
    configure(folder, 'include = ["/old/*.py*", "bin/*", "!*.json"]\nexclude = ["more.*"]')
    assert checked(capsys) == ["bin/run 101", "bin/run 107", "old/many.py 101", "old/many.py 107"]
    configure(folder / "bin", 'include = ["*.json"]')
    assert checked(capsys, "bin", "many.py") == [
        "bin/data.json 101",
        "bin/data.json 107",
        "many.py 101",
        "many.py 107",
    ]


DIALECT = """{}

@pipe.fn()
def weigh(*, parcel: str, **kwargs):
    return ReturnUpdates("label", grams=3)

@pipe.fn(terminates=True)
def label(*, gramms: int, **kwargs):
    return {{}}
"""


@pytest.mark.parametrize(
    ("settings", "head"),
    [
        (
            'packages = ["company.flow"]',
            "from company.flow import MicroFunctions, ReturnUpdates\npipe = MicroFunctions(beginner='weigh')",
        ),
        (
            'packages = ["flow"]',
            "import flow\nfrom flow.returns import *\npipe = flow.core.MicroFunctions(beginner='weigh')",
        ),
        (
            'packages = ["flow"]\nclasses = ["company.pipes.Pipe"]',
            "from flow import ReturnUpdates\nfrom company.pipes import Pipe as P\npipe = P(beginner='weigh')",
        ),
        (
            'packages = ["flow"]\nclasses = ["company.pipes.Pipe"]',
            "from flow import ReturnUpdates\nfrom company import pipes\n"
            "class Ours(pipes.Pipe):\n    beginner = 'weigh'\npipe = Ours()",
        ),
    ],
)
def test_what_stands_for_the_package(folder: Path, capsys: Screen, settings: str, head: str) -> None:
    text = DIALECT.format(head)
    (folder / "new.py").write_text(text, encoding="utf-8")
    assert checked(capsys, "new.py") == by_flake8(capsys, "--extend-ignore=E,F", "new.py") == []
    assert load_pipelines(["new.py"]) == []
    configure(folder, settings)
    assert checked(capsys, "new.py") == by_flake8(capsys, "--extend-ignore=E,F", "new.py") == ["new.py 101"]
    assert [each.name for each in load_pipelines(["new.py"])] == ["pipe"]


def test_a_class_of_the_project_imported_by_its_neighbours(folder: Path, capsys: Screen) -> None:
    package = folder / "company" / "flows"
    package.mkdir(parents=True)
    for each in (package.parent, package):
        (each / "__init__.py").touch()
    (package.parent / "pipes.py").write_text("class Pipe: ...\n", encoding="utf-8")
    head = "from flow import ReturnUpdates\nfrom ..pipes import Pipe\npipe = Pipe(beginner='weigh')"
    (package / "new.py").write_text(DIALECT.format(head), encoding="utf-8")
    configure(folder, 'packages = ["flow"]\nclasses = ["company.pipes.Pipe"]')
    assert checked(capsys, "company") == [f"{Path('company', 'flows', 'new.py')} 101"]


def test_what_only_looks_like_it(folder: Path, capsys: Screen) -> None:
    head = "from flow.less import MicroFunctions, ReturnUpdates\npipe = MicroFunctions(beginner='weigh')"
    (folder / "new.py").write_text(DIALECT.format(head), encoding="utf-8")
    configure(folder, 'packages = ["flow.l", "low"]\nclasses = ["flow.less.Functions"]')
    assert checked(capsys, "new.py") == []


def test_the_command_to_fix_heeds_it(folder: Path, capsys: Screen) -> None:
    head = "from flow import MicroFunctions, ReturnUpdates\npipe = MicroFunctions(beginner='weigh')"
    (folder / "new.py").write_text(DIALECT.format(head), encoding="utf-8")
    configure(folder, 'packages = ["flow"]')
    assert main(["check", "--diff", "--unsafe-fixes", "new.py"]) == 1
    assert "would fix 1 finding" in capsys.readouterr().err


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == list(KEYS)


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
        'per-file-ignores = { "old/*" = ["OWP2"] }\n'
        '[tool.orchwipy.contracts.orders]\nid = { type = "int" }\nnote = { type = "str", required = false }',
    )
    assert main(["config", "old/many.py"]) == 0
    shown = capsys.readouterr().out
    assert shown == (
        f"# {folder / 'pyproject.toml'}\n"
        f"# root: {folder}\n"
        'roots            = ["."]  # by default\n'
        'include          = ["*.py"]  # by default\n'
        "exclude          = []  # by default\n"
        "select           = []  # by default\n"
        'ignore           = ["OWP107"]\n'
        'per-file-ignores = { "old/*" = ["OWP2"] }\n'
        'severities       = { "OWP1" = "note" }\n'
        "packages         = []  # by default\n"
        "classes          = []  # by default\n"
        'contracts        = { "orders" = { "id" = "int",'
        ' "note" = { "type" = "str", "required" = false } } }\n'
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
    assert (shown["version"], shown["file"], shown["root"]) == (1, file, str(folder))
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
