"""The npm package asl-validator, which holds definitions against schemas of the Amazon States Language."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

_VERSION = "4.0.0"
_FOLDER = Path(sys.prefix) / "asl-validator"


def find_validator() -> Path | None:
    """The program, installed at its first use; None without Node.js."""
    if shutil.which("npm") is None:
        return None
    if not _FOLDER.exists():
        _install(_FOLDER)
    return _FOLDER / "node_modules" / ".bin" / "asl-validator"


def _install(folder: Path) -> None:
    """Whole or not at all, since several test processes may do it at once."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        subprocess.run(
            ["npm", "install", "--silent", "--prefix", f"{temporary}/it", f"asl-validator@{_VERSION}"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        try:
            os.rename(f"{temporary}/it", folder)
        except OSError:
            if not folder.exists():
                raise


def validate(validator: Path, files: Iterable[Path]) -> tuple[bool, str]:
    """Whether all the files hold valid definitions, and what was said of them."""
    arguments = [part for file in files for part in ("--json-path", str(file))]
    done = subprocess.run(
        [str(validator), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout
