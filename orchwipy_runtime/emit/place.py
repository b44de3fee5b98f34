"""Where a program's code is: the folder that is deployed, and what its module is called from there."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchwipy_runtime.errors import PackageRefused

__all__ = ["MANIFEST", "Place", "find_place", "module_name", "relative_to"]

MANIFEST = "orchwipy-package.json"
"""What a package says of itself: `pipeline` as module:pipe, and `python` and `architecture` it is for."""

_PACKAGE = "__init__"


@dataclass(frozen=True, slots=True)
class Place:
    """Imports begin at `folder`, from where the program is `module`, and `code` is what is deployed.

    `runtime` and `architecture` are those of the package, None where the code is none.
    """

    folder: Path
    module: str
    code: str
    runtime: str | None = None
    architecture: str | None = None


def find_place(file: Path, code: str | None) -> Place:
    """The place of a program's file. `code` is the folder with it, by default the file's own; or a package
    made of it, folder or archive; or the address of one in S3, made of the file's own folder.

    Raises PackageRefused where the file is not in the code, or no module's file.
    """
    if code is None or code.startswith("s3://"):
        return Place(file.parent, module_name(file, file.parent), code or str(file.parent))
    path = Path(code)
    if not path.exists():
        raise PackageRefused(f"there is no `{code}`", help="`orchwipy package` makes folders and archives")
    manifest = _manifest(path)
    if manifest is None:
        if not path.is_dir():
            raise PackageRefused(
                f"`{code}` was not made by `orchwipy package`", help="give a folder, or a package"
            )
        return Place(path, module_name(file, path), code)
    module = manifest["pipeline"].partition(":")[0]
    if path.is_dir() and path.resolve() in file.resolve().parents:
        folder = path
    else:
        folder = _folder_of(file, module)
        if module_name(file, folder) != module:
            raise PackageRefused(
                f"`{code}` is a package of `{module}`, which `{file}` is not",
                help="make a package of this file, or name the other",
            )
    return Place(
        folder, module_name(file, folder), code, f"python{manifest['python']}", manifest["architecture"]
    )


def module_name(file: Path, folder: Path) -> str:
    """What the module in a file is called where imports begin at a folder."""
    try:
        relative = file.resolve().relative_to(folder.resolve())
    except ValueError:
        raise PackageRefused(
            f"`{file}` is outside of the code folder `{folder}`", help="--code names a folder that it is in"
        ) from None
    parts = relative.with_suffix("").parts
    if len(parts) > 1 and parts[-1] == _PACKAGE:
        parts = parts[:-1]
    wrong = next((part for part in parts if not part.isidentifier()), None)
    if file.suffix != ".py" or wrong is not None:
        raise PackageRefused(
            f"`{file}` cannot be imported on Lambda: `{wrong or file.name}` is no name of a module",
            help="use letters, digits and underscores, and .py",
        )
    return ".".join(parts)


def _folder_of(file: Path, module: str) -> Path:
    """Where imports would begin for the file to be as deep as the module."""
    parents = file.resolve().parents
    depth = module.count(".") + (file.stem == _PACKAGE)
    return parents[min(depth, len(parents) - 1)]


def _manifest(path: Path) -> dict[str, Any] | None:
    try:
        if path.is_dir():
            text = (path / MANIFEST).read_bytes()
        else:
            with zipfile.ZipFile(path) as archive:
                text = archive.read(MANIFEST)
        found: dict[str, Any] = json.loads(text)
        return found if {"pipeline", "python", "architecture"} <= found.keys() else None
    except (OSError, KeyError, ValueError, AttributeError, zipfile.BadZipFile):
        return None


def relative_to(place: str, folder: Path) -> str:
    """How a template in a folder names a place."""
    return place if place.startswith("s3://") else Path(os.path.relpath(place, folder)).as_posix()
