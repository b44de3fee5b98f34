"""Packages: what is in them, that their bytes do not change, and that they run."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchwipy_lint.cli import main
from orchwipy_runtime.emit import package
from orchwipy_runtime.emit.contents import find_contents
from orchwipy_runtime.emit.package import Package, make_package
from orchwipy_runtime.emit.place import MANIFEST, find_place
from orchwipy_runtime.errors import ChildFailed, PackageRefused
from tests.cloud.lambda_service import LambdaService

PROJECT = Path(__file__).parent.parent
SHOP = """\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn(terminates=True)
def weigh(*, parcel: str, **kwargs):
    import orchwipy_runtime

    print("runtime", orchwipy_runtime.__file__)
    return ReturnUpdates(None, grams=len(parcel))
"""
HERE = "{}.{}".format(*sys.version_info)

Screen = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    write({"src/shop.py": SHOP})


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def git(*words: str) -> None:
    subprocess.run(["git", "-C", "src", *words], check=True, capture_output=True)


def made(pipeline: str = "shop:pipe", *, verify: bool = False, **options: Any) -> Package:
    return make_package(code=Path("src"), pipeline=pipeline, verify=verify, **options)


def digest(path: Path) -> str:
    """Of an archive, or of a folder with the rights and times in it."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    found = sorted(path.rglob("*"))
    states = [(each.relative_to(path).as_posix(), each.stat()) for each in found]
    told = [(name, oct(state.st_mode), state.st_mtime) for name, state in states]
    content = [hashlib.sha256(each.read_bytes()).hexdigest() for each in found if each.is_file()]
    return hashlib.sha256(repr((told, content)).encode()).hexdigest()


# What is in a package.

MESS = [
    *("shop.py", "app/__init__.py", "app/data.csv", "tests/test_shop.py", "run.sh", "ignored.txt", ".env"),
    *("app/__pycache__/x.pyc", "x.pyc", ".mypy_cache/x", "node_modules/a/b.js", "template.yml"),
    *("env/pyvenv.cfg", "env/lib/x.py", "old/orchwipy-package.json", "old/shop.py"),
    *("orchwipy_runtime/__init__.py", "orchwipy_lint/cli/main.py", "orchwipy-failed-run.json"),
]
PLAIN = {"shop.py", "app/__init__.py", "app/data.csv", "tests/test_shop.py", "run.sh", "ignored.txt"}


def contents(**options: Any) -> set[str]:
    return set(find_contents(Path("src"), **options))


def test_the_code_without_what_is_for_development() -> None:
    write({f"src/{name}": "" for name in MESS})
    assert contents() == PLAIN
    assert list(find_contents(Path("src"))) == sorted(PLAIN)


def test_what_git_ignores_is_left_out() -> None:
    write({f"src/{name}": "" for name in MESS})
    write({"src/.gitignore": ".env\nignored.txt\napp/data.csv\n", "src/gone.py": ""})
    git("init", "-q")
    git("add", "--force", "shop.py", "app/data.csv", "gone.py", "x.pyc")
    Path("src/gone.py").unlink()
    assert contents() == PLAIN - {".env", "ignored.txt"}
    assert contents(include=["ignored.txt"]) == PLAIN - {".env"}
    assert set(find_contents(Path("src/app"))) == {"__init__.py", "data.csv"}


def test_a_checkout_within_counts_in_whole() -> None:
    git("init", "-q")
    write({"src/inner/tariff.py": "", "src/inner/.git/HEAD": ""})
    subprocess.run(["git", "init", "-q", "src/inner"], check=True)
    assert contents() == {"shop.py", "inner/tariff.py"}


def test_a_folder_that_git_ignores_counts_in_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    git("init", "-q")
    write({"src/.gitignore": "made/\n", "src/made/shop.py": ""})
    assert contents() == {"shop.py"}
    assert set(find_contents(Path("src/made"))) == {"shop.py"}
    monkeypatch.setenv("GIT_DIR", "none")
    assert contents() == {"shop.py"}


def test_git_that_cannot_list_the_files() -> None:
    write({"src/.git": "gitdir: none"})
    with pytest.raises(PackageRefused, match="git cannot list the files of"):
        contents()


def test_git_runs_nothing_that_a_checkout_names() -> None:
    git("init", "-q")
    write({"monitor.sh": "#!/bin/sh\ntouch ran\n"})
    Path("monitor.sh").chmod(0o755)
    git("config", "core.fsmonitor", str(Path("monitor.sh").resolve()))
    assert contents() == {"shop.py"}
    assert not Path("src/ran").exists()
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"exclude": ["tests"]}, PLAIN - {"tests/test_shop.py"}),
        ({"exclude": ["*.py"]}, PLAIN - {"shop.py", "app/__init__.py", "tests/test_shop.py"}),
        ({"exclude": ["/*.py", "!shop.py"]}, PLAIN),
        ({"include": ["node_modules/"]}, PLAIN | {"node_modules/a/b.js"}),
        (
            {"include": ["*.js", "env/**"], "exclude": ["*.cfg"]},
            PLAIN | {"node_modules/a/b.js", "env/lib/x.py"},
        ),
    ],
)
def test_patterns(options: dict[str, list[str]], expected: set[str]) -> None:
    write({f"src/{name}": "" for name in MESS})
    assert contents(**options) == expected


def link(name: str, target: str | Path) -> None:
    Path(name).symlink_to(target)


FORBIDDEN: dict[str, tuple[Callable[[], object], str]] = {
    "out": (lambda: link("src/more.py", Path("other.py").resolve()), "`more.py` is a link to `"),
    "out by a relative path": (lambda: link("src/more.py", "../other.py"), "outside of the code folder"),
    "out to a folder": (lambda: link("src/more", ".."), "`more` is a link to `"),
    "a folder": (lambda: link("src/more", "real"), "`more` is a link to a folder, or to nothing"),
    "nothing": (lambda: link("src/more.py", "none.py"), "`more.py` is a link to a folder, or to nothing"),
    "a pipe": (lambda: os.mkfifo("src/queue"), "`queue` is neither a file nor a folder"),
    "no text": (lambda: Path(os.fsdecode(b"src/\xff.py")).touch(), "is no UTF-8"),
}


@pytest.mark.parametrize(("make", "said"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_cannot_be_packaged(make: Callable[[], object], said: str) -> None:
    write({"other.py": "secret", "src/real/x": ""})
    make()
    with pytest.raises(PackageRefused, match=re.escape(said)):
        find_contents(Path("src"))


def test_what_is_left_out_may_be_anything() -> None:
    write({"other.py": "secret"})
    link("src/more.py", "../other.py")
    link("src/same.py", "shop.py")
    made(folder=Path("build"), exclude=["more.py"])
    assert Path("build/same.py").read_text() == SHOP
    assert not Path("build/same.py").is_symlink()
    assert not Path("build/more.py").exists()


def test_an_include_without_a_file_is_a_mistake() -> None:
    with pytest.raises(PackageRefused, match=r"--include data\.csv: there is no such file"):
        contents(include=["data.csv"])


def test_the_runtime_is_in_it_and_nothing_for_development() -> None:
    made(folder=Path("build"))
    inside = {each.relative_to("build").as_posix() for each in Path("build").rglob("*") if each.is_file()}
    runtime = {
        f"orchwipy_runtime/{each.relative_to(PROJECT / 'orchwipy_runtime').as_posix()}"
        for each in (PROJECT / "orchwipy_runtime").rglob("*.py")
    }
    assert inside == {each for each in runtime if "/emit/" not in each and "/cdk/" not in each} | {
        "shop.py",
        MANIFEST,
    }
    told = json.loads(Path("build", MANIFEST).read_text())
    assert told == {"pipeline": "shop:pipe", "python": "3.13", "architecture": "x86_64"}


# The same bytes.


def test_the_same_files_are_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write({"src/b/c.py": "", "src/b-d.py": "", "src/run.sh": "", "other/deep/x": ""})
    Path("src/run.sh").chmod(0o755)
    made(folder=Path("build"), archive=Path("code.zip"))
    shutil.copytree("src", "other/deep/src", copy_function=shutil.copy)  # other times
    for each in Path("other/deep/src").rglob("*.py"):
        os.utime(each, (1e9, 1e9))
        each.chmod(0o600)
    monkeypatch.chdir("other/deep")
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    before = os.umask(0o077)
    try:
        made(folder=Path("build"), archive=Path("code.zip"))
    finally:
        os.umask(before)
    assert digest(Path("code.zip")) == digest(tmp_path / "code.zip")
    assert digest(Path("build")) == digest(tmp_path / "build")
    assert Path("build").stat().st_mode & 0o777 == 0o755
    with zipfile.ZipFile("code.zip") as archive:
        entries = archive.infolist()
    assert [each.filename for each in entries] == sorted(each.filename for each in entries)
    assert {each.date_time for each in entries} == {(1980, 1, 1, 0, 0, 0)}
    rights = {each.filename: each.external_attr >> 16 for each in entries}
    assert rights.pop("run.sh") == 0o100755
    assert set(rights.values()) == {0o100644}


def test_the_folder_can_be_archived_anywhere(tmp_path: Path) -> None:
    made(folder=Path("build"))
    program = "import zipfile; zipfile.ZipFile('out.zip', 'w').write('build/shop.py')"  # refuses before 1980
    for zone in ("UTC+12", "UTC-14"):
        subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "TZ": zone})


# The size.


def test_more_than_lambda_takes() -> None:
    write({"src/model/weights": "", "src/small": "x"})
    os.truncate("src/model/weights", 251 * 1024 * 1024)
    with pytest.raises(
        PackageRefused, match=r"has 251\.\d MB, and Lambda takes 250\.0 MB(.|\n)*model 251\.0 MB,"
    ):
        made(folder=Path("build"))
    assert not Path("build").exists()


def test_more_than_is_taken_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(folder=Path("build")).notes == ()
    monkeypatch.setattr(package, "_MOST_ZIPPED", 1000)
    (note,) = made(folder=Path("build")).notes
    assert "by way of S3" in note


def test_the_sizes_are_true() -> None:
    result = made(folder=Path("build"), archive=Path("code.zip"))
    files = [each for each in Path("build").rglob("*") if each.is_file()]
    assert result.files == len(files)
    assert result.unzipped == sum(each.stat().st_size for each in files)
    assert result.zipped == Path("code.zip").stat().st_size


# Where it is put.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folder": Path("src")}, "`src` holds the code itself"),
        ({"folder": Path()}, "`.` holds the code itself"),
        ({"folder": Path("mine")}, "`mine` is not empty, and no package was made there before"),
        ({"folder": Path("src/shop.py")}, "`src/shop.py` is no folder"),
        ({"archive": Path("mine")}, "`mine` is a folder"),
        ({"folder": Path("build"), "exclude": ["shop.py"]}, "the pipeline's file `shop.py` is not among"),
    ],
)
def test_what_is_not_replaced(options: dict[str, Any], said: str) -> None:
    write({"mine/notes.txt": "keep"})
    with pytest.raises(PackageRefused, match=re.escape(said)):
        made(**options)
    assert Path("mine/notes.txt").read_text() == "keep"
    assert Path("src/shop.py").read_text() == SHOP
    assert not Path("build").exists()


def test_a_package_replaces_one_and_is_in_none(tmp_path: Path) -> None:
    write({"src/gone.py": ""})
    made(folder=Path("src/build"), archive=Path("src/code.zip"))
    first = made(folder=Path("src/build"), archive=Path("src/code.zip"))
    Path("src/gone.py").unlink()
    second = made(folder=Path("src/build"), archive=Path("src/code.zip"))
    assert second.files == first.files - 1
    assert sorted(each.name for each in Path("src").iterdir()) == ["build", "code.zip", "shop.py"]
    assert not list(tmp_path.glob(".orchwipy*"))


def test_one_that_cannot_be_imported_replaces_nothing() -> None:
    made(folder=Path("build"))
    before = digest(Path("build"))
    write({"src/shop.py": f"import none_such\n{SHOP}"})
    with pytest.raises(PackageRefused, match="none_such"):
        made(verify=True, folder=Path("build"))
    assert digest(Path("build")) == before


# Whether it can be imported.

UNIMPORTABLE = {
    "a module that is not there": ("import none_such", "ModuleNotFoundError: No module named 'none_such'"),
    "a module of this environment": ("import yaml", "ModuleNotFoundError: No module named 'yaml'"),
    "the analyser": ("import orchwipy_lint", "ModuleNotFoundError: No module named 'orchwipy_lint'"),
    "a file of the working directory": ("open('notes.txt')", "No such file or directory: 'notes.txt'"),
    "sys.exit": ("raise SystemExit(0)", "SystemExit: 0"),
    "another pipeline": ("pipe = None", "OrchwipyPipeline is `shop:pipe`, but `pipe` of `shop` is no Micro"),
}


@pytest.mark.parametrize(("more", "said"), UNIMPORTABLE.values(), ids=UNIMPORTABLE)
def test_what_cannot_be_imported(more: str, said: str) -> None:
    write({"src/shop.py": f"{SHOP}\n\n{more}\n", "notes.txt": ""})
    with pytest.raises(PackageRefused) as caught:
        made(verify=True, folder=Path("build"))
    assert said in caught.value.message
    assert str(Path.cwd()) not in caught.value.message
    assert not Path("build").exists()


def test_frames_are_the_programs_own() -> None:
    write({"src/shop.py": f"import tariff\n{SHOP}", "src/tariff.py": "\n1 / 0\n"})
    with pytest.raises(PackageRefused) as caught:
        made(verify=True, folder=Path("build"))
    frames = re.findall(r'File "(.*)", line (\d+)', caught.value.message)
    assert frames == [("shop.py", "1"), ("tariff.py", "2")]


def test_what_ends_the_process_or_does_not_end() -> None:
    write({"src/shop.py": f"import os; os._exit(0)\n{SHOP}"})
    with pytest.raises(ChildFailed, match="exit status 0"):
        made(verify=True, folder=Path("build"))
    write({"src/shop.py": f"while True: pass\n{SHOP}"})
    with pytest.raises(ChildFailed, match=r"not through after 0\.1 s"):
        made(verify=True, folder=Path("build"), seconds=0.1)


def test_a_name_that_python_has_already() -> None:
    Path("src/shop.py").rename("src/json.py")
    with pytest.raises(PackageRefused, match="no MicroFunctions"):
        made("json:pipe", verify=True, folder=Path("build"))


def test_what_importing_writes_is_not_in_it() -> None:
    write({"src/shop.py": f"open('mark', 'w').close()\nimport boto3\n{SHOP}"})
    made(verify=True, folder=Path("build"), archive=Path("code.zip"))
    assert not Path("build/mark").exists()
    assert not list(Path("build").rglob("*.pyc"))
    with zipfile.ZipFile("code.zip") as archive:
        assert "mark" not in archive.namelist()


# What the module is called.


@pytest.mark.parametrize(
    ("file", "code", "module"),
    [
        ("src/shop.py", None, "shop"),
        ("src/app/shop.py", None, "shop"),
        ("src/app/shop.py", "src", "app.shop"),
        ("src/app/shop.py", ".", "src.app.shop"),
        ("src/app/__init__.py", "src", "app"),
        ("src/app/../shop.py", "src/../src", "shop"),
        ("src/shop.py", "s3://bucket/key", "shop"),
        ("src/other.py", "src/app", "`src/other.py` is outside of the code folder `src/app`"),
        ("src/my-shop.py", "src", "`my-shop` is no name of a module"),
        ("src/shop.txt", "src", "`src/shop.txt` cannot be imported on Lambda"),
        ("src/shop.py", "code.zip", "`code.zip` was not made by `orchwipy package`"),
        ("src/shop.py", "none", "there is no `none`"),
    ],
)
def test_the_module(file: str, code: str | None, module: str) -> None:
    write({"src/app/__init__.py": "", "code.zip": "none"})
    if "`" not in module:
        place = find_place(Path(file), code)
        assert (place.module, place.runtime) == (module, None)
        assert place.code == (code or str(Path(file).parent))
    else:
        with pytest.raises(PackageRefused, match=re.escape(module)):
            find_place(Path(file), code)


@pytest.mark.parametrize("name", ["shop.py", "__init__.py"])
def test_the_module_of_a_package(name: str) -> None:
    write({f"src/deep/app/{name}": SHOP, f"src/other/{name}": SHOP})
    module = find_place(Path("src/deep/app", name), "src").module
    made(
        f"{module}:pipe", folder=Path("build"), archive=Path("code.zip"), python="3.12", architecture="arm64"
    )
    for code in ("build", "code.zip"):
        place = find_place(Path("src/deep/app", name), code)
        assert place.folder.resolve() == Path("src").resolve()
        assert (place.module, place.code, place.runtime, place.architecture) == (
            module,
            code,
            "python3.12",
            "arm64",
        )
        with pytest.raises(PackageRefused, match=re.escape(f"`{code}` is a package of `{module}`, which")):
            find_place(Path("src/other", name), code)


# The command.

HARMLESS = {
    "prints": "import os; print('out'); os.write(1, b'out'); os.system('echo out')",
    "a closed stream": "import sys; sys.stdout.close()",
    "threads": "import threading; threading.Thread(target=threading.Event().wait).start()",
    "an exit handler": "import atexit, threading; atexit.register(threading.Event().wait)",
    "another directory": "import os; os.chdir('/')",
    "a fork": "import os; os.fork()",
    "arguments and input": "import sys; assert len(sys.argv) == 1 and sys.stdin.read() == ''",
}


@pytest.mark.parametrize("more", HARMLESS.values(), ids=HARMLESS)
def test_what_a_program_does_harms_nothing(more: str, capfd: Screen) -> None:
    write({"src/shop.py": f"{more}\n{SHOP}"})
    assert main(["package", "src/shop.py", "-o", "build"]) == 0
    out, err = capfd.readouterr()
    assert re.fullmatch(
        r"shop:pipe in \d+ files: \d+ kB of the 250 MB that Lambda takes, \d+ kB zipped\n", out
    )
    assert not err.replace("out", "").strip()


def test_the_command_says_what_is_wrong(capfd: Screen) -> None:
    assert main(["package", "src/shop.py"]) == 2
    assert capfd.readouterr() == (
        "",
        "orchwipy: there is nothing to make: name a folder by -o, or an archive by --zip\n",
    )
    assert main(["package", "src/shop.py", "-o", "src"]) == 2
    assert "`src` holds the code itself" in capfd.readouterr().err
    assert main(["package", "src/shop.py", "-o", "build", "--requirements", "none.txt"]) == 2
    assert "--requirements none.txt: No such file" in capfd.readouterr().err


# Requirements.


def wheel(name: str, files: Mapping[str, str], *requires: str, tag: str = "py3-none-any") -> None:
    """A wheel as small as they come."""
    info = f"{name}-1.0.dist-info"
    inside = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        + "".join(f"Requires-Dist: {each}\n" for each in requires),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: none\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    inside[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in (*inside, f"{info}/RECORD"))
    Path("wheels").mkdir(exist_ok=True)
    with zipfile.ZipFile(f"wheels/{name}-1.0-{tag}.whl", "w") as archive:
        for each, text in inside.items():
            archive.writestr(each, text)


def test_wheels_for_there(tmp_path: Path) -> None:
    wheel("tariff", {"tariff.py": "WHERE = 'x86'"}, "botocore", tag="cp312-cp312-manylinux_2_34_x86_64")
    wheel("tariff", {"tariff.py": "WHERE = 'arm'"}, "botocore", tag="cp312-cp312-manylinux_2_34_aarch64")
    wheel("botocore", {"botocore/__init__.py": ""})
    write(
        {
            "requirements.txt": "--no-index\n--find-links wheels\n-r deep/more.txt\n"
            "orchwipy-lint[lint]==9 \\\n    --hash=sha256:00\nBoto3>=1.36 # Lambda has it\n",
            "deep/more.txt": "# nothing\n-c limits.txt\ntariff\n",
            "deep/limits.txt": "tariff==1.0\n",
            "src/shop.py": f"import tariff\n{SHOP}",
        }
    )
    done = made(
        verify=True,
        folder=Path("build"),
        requirements=Path("requirements.txt"),
        python="3.12",
        architecture="arm64",
    )
    assert Path("build/tariff.py").read_text() == "WHERE = 'arm'"
    more = {each.parts[1] for each in Path("build").rglob("*")} - {"orchwipy_runtime", "shop.py", MANIFEST}
    assert more == {"tariff.py", "tariff-1.0.dist-info"}  # no script, and no botocore
    inside = {each.name for each in Path("build/tariff-1.0.dist-info").iterdir()}
    assert inside == {"METADATA", "WHEEL", "entry_points.txt"}
    assert done.notes[-1] == "not verified: its wheels are for Python 3.12 on arm64"


def test_a_wheel_that_there_is_not(capfd: Screen) -> None:
    wheel("tariff", {"tariff.py": ""}, tag="cp312-cp312-manylinux_2_34_x86_64")  # Python 3.11 has glibc 2.26
    write({"requirements.txt": "--no-index\n--find-links wheels\ntariff\n"})
    with pytest.raises(PackageRefused, match=r"pip finds no wheels for Python 3\.11 on x86_64"):
        made(folder=Path("build"), requirements=Path("requirements.txt"), python="3.11")
    assert "tariff" in capfd.readouterr().err
    assert not Path("build").exists()


@pytest.mark.slow
def test_boto3_can_be_had_but_not_what_is_in_the_code_too() -> None:
    wheel("boto3", {"shop.py": "other"})
    write({"requirements.txt": "--no-index\n--find-links wheels\nboto3\n"})
    with pytest.raises(PackageRefused, match=r"`shop\.py` is in the code folder, and another one in"):
        made(folder=Path("build"), requirements=Path("requirements.txt"), with_boto3=True)


def test_requirements_that_cannot_be_read() -> None:
    write({"requirements.txt": "-r more.txt\n", "more.txt": "-r requirements.txt\n"})
    with pytest.raises(PackageRefused, match=r"requirements\.txt: it names itself"):
        made(folder=Path("build"), requirements=Path("requirements.txt"))


@pytest.mark.slow
def test_wheels_of_the_index() -> None:
    write({"requirements.txt": "idna==3.10\nmarkupsafe==3.0.2\nboto3\n"})
    for number in (1, 2):
        made(
            archive=Path(f"{number}.zip"),
            requirements=Path("requirements.txt"),
            python="3.12",
            architecture="arm64",
        )
    assert digest(Path("1.zip")) == digest(Path("2.zip"))
    with zipfile.ZipFile("1.zip") as archive:
        names = archive.namelist()
    assert "idna/core.py" in names
    assert "markupsafe/_speedups.cpython-312-aarch64-linux-gnu.so" in names
    assert not [each for each in names if each.startswith(("boto", "s3transfer", "bin/"))]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="wheels are for Linux")
def test_wheels_of_the_index_are_imported() -> None:
    from platform import machine

    here = {"aarch64": "arm64"}.get(machine(), "x86_64")
    write({"requirements.txt": "idna==3.10\n", "src/shop.py": f"import idna\n{SHOP}"})
    options: dict[str, Any] = {"requirements": Path("requirements.txt"), "python": HERE, "architecture": here}
    assert made(verify=True, folder=Path("build"), **options).notes == ()
    with pytest.raises(PackageRefused, match="No module named 'idna'"):
        made(verify=True, folder=Path("build"))


# On Lambda.


def test_it_runs(lambda_service: LambdaService, tmp_path: Path) -> None:
    write({"src/app/__init__.py": "", "src/app/shop.py": SHOP})
    assert main(["package", "src/app/shop.py", "--code", "src", "--zip", "code.zip"]) == 0
    with zipfile.ZipFile("code.zip") as archive:
        archive.extractall("task")
    lambda_service.add(
        "stack-weigh",
        handler="orchwipy_runtime.aws.handler.handler",
        folder=tmp_path / "task",
        environment={"StackName": "stack", "OrchwipyName": "weigh", "OrchwipyPipeline": "app.shop:pipe"},
    )
    done = lambda_service.invoke("stack-weigh", {"parcel": "lamp"})
    assert done.outcome == "succeeded", lambda_service.logs("stack-weigh")
    assert f"runtime {tmp_path / 'task' / 'orchwipy_runtime' / '__init__.py'}" in lambda_service.logs(
        "stack-weigh"
    )
