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
from tempfile import TemporaryDirectory

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
_PLACE = re.compile(r"(?P<option>-c|--constraint|-f|--find-links)[\s=]*(?P<place>.+)")


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
    with TemporaryDirectory(prefix="orchwipy-") as place:
        listed = Path(place) / "requirements.txt"
        listed.write_text("\n".join(_lines(requirements, left_out)) + "\n", encoding="utf-8")
        _run_pip(listed, folder, python, architecture)
    _remove(folder, left_out)
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: found[name] for name in sorted(found) if _is_wanted(PurePosixPath(name))}


def _run_pip(requirements: Path, folder: Path, python: str, architecture: str) -> None:
    # -I: pip, and not a file of that name in the working directory
    command = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += [
        "--no-input",
        "--no-compile",
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={python}",
    ]
    command += [f"--platform={each}" for each in _platforms(python, architecture)]
    command += [f"--target={folder}", f"--requirement={requirements}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False)  # noqa: S603 - see above
    if done.returncode != 0:
        raise PackageRefused(
            f"pip finds no wheels for Python {python} on {architecture} for all that is required",
            help="what it says is above; a package without a wheel is built first: `pip wheel`",
        )


def _platforms(python: str, architecture: str) -> list[str]:
    """The tags of wheels that run there, the best first; pip does not tell the older from the newer ones."""
    machine = MACHINES[architecture]
    newest = _GLIBC if int(python.partition(".")[2]) >= 12 else _OLD_GLIBC
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{machine}", f"linux_{machine}"]


def _lines(file: Path, left_out: set[str], above: tuple[Path, ...] = ()) -> Iterator[str]:
    """The lines of a requirements file and of those that it names, without certain packages."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PackageRefused(f"--requirements {file}: {getattr(error, 'strerror', error)}") from error
    if file.resolve() in above:
        raise PackageRefused(f"--requirements {file}: it names itself")
    above = (*above, file.resolve())
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        nested, option, name = (each.match(line) for each in (_NESTED, _PLACE, _NAME))
        if nested:
            yield from _lines(file.parent / nested["file"], left_out, above)
        elif option and (file.parent / option["place"]).exists():
            yield f"{option['option']} {(file.parent / option['place']).resolve()}"
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
