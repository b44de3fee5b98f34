"""A program as Lambda takes it: the code folder, what it requires, and our runtime.

The same files give the same bytes. What is for development alone, the analyser above all, is not in it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import orchwipy_runtime
from orchwipy_runtime.emit import importing
from orchwipy_runtime.emit.archive import write_archive, write_folder
from orchwipy_runtime.emit.child import ask_child
from orchwipy_runtime.emit.contents import find_contents
from orchwipy_runtime.emit.place import MANIFEST
from orchwipy_runtime.emit.requirements import MACHINES, install
from orchwipy_runtime.errors import PackageRefused

__all__ = ["Package", "make_package"]

_MOST_UNZIPPED = 250 * 1024 * 1024
_MOST_ZIPPED = 50 * 1024 * 1024
"""Of a function with its layers, and of an archive that is not uploaded by way of S3.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_LARGEST = 5


@dataclass(frozen=True, slots=True)
class Package:
    """What was made: how many files, their bytes, those of the archive, and what should be known of it.

    `steps` are what `importing.shapes` says of the pipeline in the package, where it was verified.
    """

    files: int
    unzipped: int
    zipped: int
    notes: tuple[str, ...]
    steps: Mapping[str, Any] = field(default_factory=dict)


def make_package(
    *,
    code: Path,
    pipeline: str,
    folder: Path | None = None,
    archive: Path | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    requirements: Path | None = None,
    python: str = "3.13",
    architecture: str = "x86_64",
    with_boto3: bool = False,
    verify: bool = True,
    seconds: float = 60.0,
) -> Package:
    """Packages a code folder into a folder, an archive, or both, which replace what was made there before.

    `pipeline` is what is deployed, as module:pipe. `include` and `exclude` are as in `find_contents`,
    `requirements` and what follows as in `install`. With `verify` the pipeline is imported from the package
    in a process of its own, for at most `seconds`; wheels for another Python or processor prevent that.

    Raises PackageRefused and ChildFailed, and has changed nothing then.
    """
    module = pipeline.partition(":")[0]
    made = [each for each in (folder, archive) if each is not None]
    if folder is not None:
        _check_replaceable(folder, code)
    if archive is not None and archive.is_dir():
        raise PackageRefused(f"`{archive}` is a folder", help="--zip names the archive's file")
    with TemporaryDirectory(prefix="orchwipy-") as name:
        place = Path(name).resolve()
        files = find_contents(code, include=include, exclude=exclude, without=made)
        _check_module(module, files)
        _add(files, _runtime(), "the runtime")
        notes = []
        if requirements is not None:
            wheels = install(
                requirements,
                place / "wheels",
                python=python,
                architecture=architecture,
                with_boto3=with_boto3,
            )
            _add(files, wheels, f"`{requirements}`")
            notes += _marker_notes(python)
        _add(files, {MANIFEST: _manifest(place, pipeline, python, architecture)}, "the package")
        unzipped = _check_size(files)
        steps: Mapping[str, Any] = {}
        if verify:
            foreign = requirements is not None and not _is_here(python, architecture)
            if foreign:
                notes.append(f"not verified: its wheels are for Python {python} on {architecture}")
            else:
                steps = _verify(files, place / "verified", pipeline, seconds)
        packed = place / "code.zip"
        write_archive(files, packed)
        zipped = packed.stat().st_size
        if zipped > _MOST_ZIPPED:
            notes.append(
                f"an archive of more than {_size(_MOST_ZIPPED)} has to be uploaded by way of S3, as `sam"
                " deploy` and CloudFormation do"
            )
        if folder is not None:
            _replace(folder, files)
        if archive is not None:
            _publish(packed, archive)
    return Package(len(files), unzipped, zipped, tuple(notes), steps)


def _runtime() -> dict[str, Path]:
    """What Lambda needs of this package: all but what deploys."""
    folder = Path(orchwipy_runtime.__file__ or "").parent
    return {
        f"orchwipy_runtime/{name}": path
        for path in folder.rglob("*.py")
        if not (name := path.relative_to(folder).as_posix()).startswith(("cdk/", "emit/"))
    }


def _add(files: dict[str, Path], more: Mapping[str, Path], whose: str) -> None:
    for name, path in more.items():
        if name in files and not cmp(files[name], path, shallow=False):
            raise PackageRefused(
                f"`{name}` is in the code folder, and another one in {whose}", help="rename yours"
            )
        files[name] = path


def _check_module(module: str, files: Mapping[str, Path]) -> None:
    name = module.replace(".", "/")
    if f"{name}.py" not in files and f"{name}/__init__.py" not in files:
        raise PackageRefused(
            f"the pipeline's file `{name}.py` is not among the files to package",
            help=f"it is excluded, or git ignores it: --include /{name}.py takes it all the same",
        )


def _manifest(place: Path, pipeline: str, python: str, architecture: str) -> Path:
    path = place / MANIFEST
    said = {"pipeline": pipeline, "python": python, "architecture": architecture}
    path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8", newline="\n")
    return path


def _check_size(files: Mapping[str, Path]) -> int:
    sizes: dict[str, int] = {}
    for name, path in files.items():
        top = name.partition("/")[0]
        sizes[top] = sizes.get(top, 0) + path.stat().st_size
    total = sum(sizes.values())
    if total > _MOST_UNZIPPED:
        largest = sorted(sizes, key=lambda top: -sizes[top])[:_LARGEST]
        raise PackageRefused(
            f"the package has {_size(total)}, and Lambda takes {_size(_MOST_UNZIPPED)} with all layers",
            help=f"the largest in it: {', '.join(f'{each} {_size(sizes[each])}' for each in largest)}",
        )
    return total


def _size(number: int) -> str:
    return f"{number / 1024 / 1024:.1f} MB"


def _marker_notes(python: str) -> list[str]:
    """Pip reads `; python_version < "3.12"` and the like for the Python that it runs on."""
    here = "{}.{}".format(*sys.version_info)
    if here == python:
        return []
    return [f"conditions in requirements, as `; python_version`, were read for Python {here}, which ran pip"]


def _is_here(python: str, architecture: str) -> bool:
    from platform import machine

    here = (sys.platform, machine(), "{}.{}".format(*sys.version_info))
    return here == ("linux", MACHINES[architecture], python)


def _verify(files: Mapping[str, Path], folder: Path, pipeline: str, seconds: float) -> dict[str, Any]:
    """Imports the pipeline from a copy, for what is imported may write where it is; its steps."""
    write_folder(files, folder)
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ, "OrchwipyPipeline": pipeline}
    request = {
        "package": str(folder),
        "module": pipeline.partition(":")[0],
        "paths": [path for path in sys.path if path and os.path.isdir(path)],
    }
    # -I and -S: nothing of the environment is to be found; -B: nothing is to be compiled.
    command = [sys.executable, "-I", "-S", "-B", str(Path(importing.__file__).resolve())]
    answer = ask_child(command, request, seconds=seconds, environment=environment, folder=folder)
    if answer["error"] is not None:
        raise PackageRefused(
            f"the pipeline cannot be imported from the package:\n{answer['error']}",
            help="add what is missing with --requirements or --include; where a layer has it, --no-verify",
        )
    steps: dict[str, Any] = answer["steps"]
    return steps


def _check_replaceable(folder: Path, code: Path) -> None:
    """Refuses to replace what is not ours, and what the package is made of."""
    if folder.resolve() in (code.resolve(), *code.resolve().parents):
        raise PackageRefused(f"`{folder}` holds the code itself", help="-o names a folder of its own")
    if folder.exists() and not folder.is_dir():
        raise PackageRefused(f"`{folder}` is no folder", help="-o names one; --zip names an archive")
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise PackageRefused(
            f"`{folder}` is not empty, and no package was made there before", help="name another folder"
        )


def _replace(folder: Path, files: Mapping[str, Path]) -> None:
    """Puts a new folder in the place of an old one, when it is whole."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(mkdtemp(prefix=".orchwipy-", dir=folder.parent))
    try:
        write_folder(files, beside / "new")
        if folder.exists():
            folder.rename(beside / "old")
        try:
            (beside / "new").rename(folder)
        except OSError:
            if (beside / "old").exists():
                (beside / "old").rename(folder)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _publish(packed: Path, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    draft = archive.with_name(f".{archive.name}.{os.getpid()}")
    try:
        shutil.copyfile(packed, draft)
        draft.replace(archive)
    finally:
        draft.unlink(missing_ok=True)
