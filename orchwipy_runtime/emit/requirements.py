"""The wheels that a program requires, for the Python and the processor that it will run on."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from orchwipy_runtime.errors import PackageRefused

__all__ = ["MACHINES", "install"]

_OURS = "orchwipy-lint"
_OF_LAMBDA = frozenset({"boto3", "botocore", "jmespath", "s3transfer"})
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included"""

_OF_THE_MACHINE = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})
"""What an installation says of itself and of where it took place."""

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
_OLD_GLIBC = 26
_GLIBC = 34
_OLDEST_GLIBC = 5
"""Amazon Linux 2, which has Python 3.11 and before, Amazon Linux 2023, and what manylinux began with."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NESTED = re.compile(r"(?:-r|--requirement)[\s=]*(?P<file>.+)")
_CONSTRAINTS = re.compile(r"(?:-c|--constraint)[\s=]*(?P<file>.+)")


def install(
    requirements: Path, folder: Path, *, python: str, architecture: str, with_boto3: bool = False
) -> dict[str, Path]:
    """Installs what a requirements file names into a folder; the files by their names from there.

    Only wheels are taken, so that nothing of them runs. orchwipy-lint is passed over, for a package has our
    runtime, and so are, unless `with_boto3`, the packages that Lambda has. Raises PackageRefused.
    """
    left_out = {_OURS} if with_boto3 else {_OURS, *_OF_LAMBDA}
    if find_spec("pip") is None:
        raise PackageRefused("--requirements needs pip, which is not installed", help="python -m ensurepip")
    listed = folder.with_name("requirements.txt")
    listed.write_text("\n".join(_lines(requirements, left_out)) + "\n", encoding="utf-8")
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-compile", "--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={each}" for each in _platforms(python, architecture)]
    command += [f"--target={folder}", f"--requirement={listed}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False)  # noqa: S603 - see above
    if done.returncode != 0:
        raise PackageRefused(
            f"pip cannot install the wheels of `{requirements}` for Python {python} on {architecture}",
            help="what it says is above; a package without a wheel is built first: `pip wheel`",
        )
    _remove(folder, left_out)
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: found[name] for name in sorted(found) if _is_wanted(PurePosixPath(name))}


def _platforms(python: str, architecture: str) -> list[str]:
    """The tags of wheels that run there, the best first; pip does not tell the older from the newer ones."""
    machine = MACHINES[architecture]
    newest = _GLIBC if int(python.partition(".")[2]) >= 12 else _OLD_GLIBC
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{machine}", f"linux_{machine}"]


def _lines(file: Path, left_out: set[str]) -> Iterator[str]:
    """The lines of a requirements file and of those that it names, without certain packages."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PackageRefused(f"--requirements {file}: {error.strerror}") from error
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        nested, constraints, name = (each.match(line) for each in (_NESTED, _CONSTRAINTS, _NAME))
        if nested:
            yield from _lines(file.parent / nested["file"], left_out)
        elif constraints:
            yield f"-c {(file.parent / constraints['file']).resolve()}"
        elif line and not (name and _normal(name[0]) in left_out):
            yield line


def _remove(folder: Path, distributions: set[str]) -> None:
    """Removes distributions that others brought along."""
    for record in folder.glob("*.dist-info/RECORD"):
        if _normal(record.parent.name.partition("-")[0]) in distributions:
            with record.open(encoding="utf-8", newline="") as lines:
                names = [row[0] for row in csv.reader(lines) if row]
            for name in names:
                place = (folder / name).resolve()
                if folder.resolve() in place.parents:
                    place.unlink(missing_ok=True)
            shutil.rmtree(record.parent, ignore_errors=True)


def _is_wanted(name: PurePosixPath) -> bool:
    """Scripts hold the path of this machine's Python, and Lambda has no use for them."""
    return not (
        name.parts[0] in ("bin", "__pycache__")
        or (name.parent.suffix == ".dist-info" and name.name in _OF_THE_MACHINE)
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
