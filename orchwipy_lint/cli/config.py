"""`orchwipy config`: what is configured, and where."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from orchwipy_lint.cli.output import fail

if TYPE_CHECKING:
    from orchwipy_lint.config import Promise

__all__ = ["add"]

_TABLES = ("per-file-ignores", "severities")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "config",
        allow_abbrev=False,
        help="show the configuration that is in force",
        description="Shows what [tool.orchwipy] of the nearest pyproject.toml says for a file or a folder,"
        " and the defaults for the rest.",
    )
    parser.add_argument(
        "path", nargs="?", default=".", metavar="PATH", help="a file or a folder (default: the current one)"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    import json

    from orchwipy_lint.config import KEYS, InvalidConfiguration
    from orchwipy_lint.project import project_of

    if not os.path.exists(args.path):
        return fail(f"no such file or folder: {args.path}")
    try:
        configuration = project_of(args.path).configuration
    except InvalidConfiguration as error:
        return fail(str(error))
    file = None if configuration.file is None else str(configuration.file)
    root = None if configuration.root is None else str(configuration.root)
    settings = {key: getattr(configuration, key.replace("-", "_")) for key in KEYS}
    settings |= {key: dict(settings[key]) for key in _TABLES}
    settings["roots"] = [folder or "." for folder in configuration.roots]
    settings["contracts"] = {
        name: {each.key: _promise(each) for each in promises} for name, promises in configuration.contracts
    }
    if args.format == "json":
        rows = [
            {"key": key, "value": value, "from": file if key in configuration.given else None}
            for key, value in settings.items()
        ]
        print(json.dumps({"version": 1, "file": file, "root": root, "settings": rows}, indent=2))
        return 0
    print(f"# {file or 'there is no pyproject.toml'}")
    print(f"# root: {root or 'nothing marks one'}")
    width = max(map(len, KEYS))
    for key, value in settings.items():
        origin = "" if key in configuration.given else "  # by default"
        print(f"# {key} is not given" if value is None else f"{key:<{width}} = {_toml(value)}{origin}")
    return 0


def _promise(promise: Promise) -> object:
    return promise.type if promise.required else {"type": promise.type, "required": False}


def _toml(value: object) -> str:
    """A value as one writes it in the file."""
    import json

    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return json.dumps(value, ensure_ascii=False)
