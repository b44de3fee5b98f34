"""mypy with the plugin, run in this process on many files at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mypy import build
from mypy.errors import CompileError
from mypy.main import process_options
from mypy.modulefinder import BuildSource

__all__ = ["CONFIGURATION", "Message", "check", "read_message"]

CONFIGURATION = """\
[mypy]
plugins = orchwipy_lint.mypy_plugin
{more}
# What a program imports that uses the runtime, of which nothing is asked here.
[mypy-orchwipy_lint.*,libcst.*,networkx.*,boto3.*,botocore.*,yaml.*,samtranslator.*,aws_cdk.*,constructs.*]
follow_imports = skip
[mypy-pydantic.*,aws_lambda_powertools.*,orchwipy.*,orkestra.*]
follow_imports = skip
ignore_missing_imports = True
"""

_LINE = re.compile(
    r"(?P<path>.+?):(?P<line>\d+): (?P<severity>error|note): (?P<text>.*?)(?:  \[(?P<code>[\w-]+)\])?"
)


@dataclass(frozen=True)
class Message:
    """A line of mypy's output; `code` is without the beginning that all of ours have."""

    path: str
    line: int
    severity: str
    text: str
    code: str | None


def check(
    files: Mapping[str, Path], cache: Path, *, flags: Iterable[str] = (), more: str = ""
) -> list[Message]:
    """What mypy says of these files, by the names of their modules."""
    cache.mkdir(parents=True, exist_ok=True)
    config = cache / "mypy.ini"
    config.write_text(CONFIGURATION.format(more=more))
    root = str(Path(__file__).parent.parent)
    arguments = ["--config-file", str(config), "--cache-dir", str(cache / "cache"), *flags, "-c", "pass"]
    _, options = process_options(arguments)
    options.mypy_path.append(root)
    sources = [BuildSource(str(path), module, None) for module, path in files.items()]
    try:
        lines = build.build(sources, options).errors
    except CompileError as error:
        lines = error.messages
    return [read_message(line) for line in lines]


def read_message(line: str) -> Message:
    """What a line of the output says."""
    found = _LINE.fullmatch(line)
    assert found, line
    return Message(found["path"], int(found["line"]), found["severity"], found["text"], found["code"])
