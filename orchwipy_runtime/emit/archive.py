"""Files as a folder or an archive: the same files, the same bytes, whenever and wherever they are written.

Neither holds the times, the rights and the order of files on this machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

__all__ = ["write_archive", "write_folder"]

_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""An archive's times begin here."""
_A_DAY_LATER = 315_619_200
"""In seconds; who makes an archive of the folder may be to the west of here."""
_FILE, _PROGRAM = 0o644, 0o755
_REGULAR = 0o100000
_UNIX = 3


def write_archive(files: Mapping[str, Path], archive: Path) -> None:
    """Writes the files, by their names, into a new zip archive."""
    with ZipFile(archive, "w") as opened:
        for name in sorted(files):
            entry = ZipInfo(name, _EARLIEST)
            entry.compress_type = ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = (_REGULAR | _rights(files[name])) << 16
            entry.file_size = files[name].stat().st_size
            with files[name].open("rb") as source, opened.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def write_folder(files: Mapping[str, Path], folder: Path) -> None:
    """Writes the files, by their names, into a folder that is empty or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    folders = {folder}
    for name in sorted(files):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[name], path)
        path.chmod(_rights(files[name]))
        os.utime(path, (_A_DAY_LATER, _A_DAY_LATER))
        folders.update(each for each in path.parents if folder in each.parents)
    for each in sorted(folders, reverse=True):
        each.chmod(_PROGRAM)
        os.utime(each, (_A_DAY_LATER, _A_DAY_LATER))


def _rights(path: Path) -> int:
    return _PROGRAM if path.stat().st_mode & 0o100 else _FILE
