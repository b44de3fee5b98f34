"""Which files of a code folder are deployed.

In a checkout those are the files that git knows or would add; elsewhere all of them. Either way without what
is for development: caches, virtual environments, packages made before, templates.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from shutil import which

from pathspec import GitIgnoreSpec

from orchwipy_runtime.emit.place import MANIFEST
from orchwipy_runtime.errors import PackageRefused

__all__ = ["find_contents"]

_NEVER = (".git", ".hg", ".svn", "/orchwipy_runtime/", "/orchwipy_lint/")
"""The runtime of a package is the one that makes it."""

_LEFT_OUT = (
    *("__pycache__/", "*.py[cod]", "*.egg-info/", ".eggs/"),
    *(".hypothesis/", ".import_linter_cache/", ".mypy_cache/", ".nox/", ".pytest_cache/", ".ruff_cache/"),
    *(".tox/", ".venv/", "node_modules/", ".aws-sam/", "cdk.out/", ".orchwipy*/", "orchwipy-failed-run.json"),
    *(".env", ".env.*", ".envrc", ".aws/", ".netrc", "*.pem"),  # secrets
    *("/template.yml", "/template.yaml", "/template.json", "/samconfig.toml", ".gitignore", ".DS_Store"),
)

_OF_HOOKS = frozenset({"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"})


def find_contents(
    folder: Path, *, include: Sequence[str] = (), exclude: Sequence[str] = (), without: Iterable[Path] = ()
) -> dict[str, Path]:
    """The files of a folder that are deployed, sorted, by their names from there with slashes.

    Patterns are those of `.gitignore`: what `exclude` names is left out, and what `include` names is taken
    that would be left out otherwise. `without` are places that are never looked at. Raises PackageRefused for
    links that lead out of the folder, and for what is neither file nor folder.
    """
    folder = folder.resolve()
    avoided = {each.resolve() for each in without}
    never, left_out = _spec(_NEVER), _spec(_LEFT_OUT)
    wanted, unwanted = _spec(include), _spec(exclude)

    def skips(name: str) -> bool:
        return never.match_file(name) or folder / name in avoided

    everything = list(_walk(folder, "", skips))
    made = {os.path.dirname(name) for name in everything if os.path.basename(name) == MANIFEST}
    virtual = {os.path.dirname(name) for name in everything if os.path.basename(name) == "pyvenv.cfg"}
    known = _known_to_git(folder)
    found = {}
    for name in everything:
        if name == MANIFEST or made & _folders(name) or unwanted.match_file(name):
            continue
        usual = (known is None or name in known) and not virtual & _folders(name)
        if wanted.match_file(name) or (usual and not left_out.match_file(name)):
            found[name] = _checked(folder, name)
    for pattern in include:
        if not any(map(_spec([pattern]).match_file, found)):
            raise PackageRefused(f"--include {pattern}: there is no such file in `{folder}`")
    return dict(sorted(found.items()))


def _spec(patterns: Iterable[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise PackageRefused(f"a pattern cannot be read: {error}") from error


def _folders(name: str) -> set[str]:
    """The folders that a file is in, but for the code folder itself."""
    parts = name.split("/")[:-1]
    return {"/".join(parts[: number + 1]) for number in range(len(parts))}


def _walk(folder: Path, prefix: str, skips: Callable[[str], bool]) -> Iterator[str]:
    """All that is no folder, links included. Links to folders are not followed."""
    try:
        with os.scandir(folder / prefix) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise PackageRefused(f"`{folder / prefix}` cannot be listed: {error.strerror}") from error
    for entry in listed:
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if not skips(f"{name}/") and not skips(name):
                yield from _walk(folder, f"{name}/", skips)
        elif not skips(name):
            yield name


def _known_to_git(folder: Path) -> frozenset[str] | None:
    """The files that git knows or would add; None outside of a checkout, and for a folder that it ignores."""
    if not any((each / ".git").exists() for each in (folder, *folder.parents)):
        return None
    if _git(folder, "check-ignore", "--quiet", ".").returncode == 0:
        return None
    done = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if done.returncode != 0:
        raise PackageRefused(
            f"git cannot list the files of `{folder}`: {done.stderr.decode(errors='replace').strip()}"
        )
    listed = frozenset(filter(None, map(os.fsdecode, done.stdout.split(b"\0"))))
    # A checkout within has one entry, a folder; all of it counts.
    inner = [name for name in listed if (folder / name).is_dir() and not (folder / name).is_symlink()]
    more = {each for name in inner for each in _walk(folder, f"{name.rstrip('/')}/", lambda _: False)}
    return listed | more


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    git = which("git")
    if git is None:
        raise PackageRefused(
            f"`{folder}` is in a git checkout, and git, which knows the files, is not installed",
            help="install git, or copy the code folder out of the checkout",
        )
    # In a hook git says which checkout it is about. The folder's own configuration may name a program for
    # its file system monitor.
    environment = {key: value for key, value in os.environ.items() if key not in _OF_HOOKS}
    command = [git, "-c", "core.fsmonitor=false", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)  # noqa: S603


def _checked(folder: Path, name: str) -> Path:
    """The file that is to be read for a name."""
    path = folder / name
    real = path.resolve() if path.is_symlink() else path
    if folder not in real.parents:
        raise PackageRefused(
            f"`{name}` is a link to `{real}`, outside of the code folder `{folder}`",
            help=f"put the file into the folder, or leave the link out: --exclude /{name}",
        )
    if not real.is_file():
        what = "a link to a folder, or to nothing" if path.is_symlink() else "neither a file nor a folder"
        raise PackageRefused(f"`{name}` is {what}", help=f"leave it out: --exclude /{name}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise PackageRefused(
            f"the name of {name!a} is no UTF-8, which an archive cannot hold", help="rename the file"
        ) from None
    return real
