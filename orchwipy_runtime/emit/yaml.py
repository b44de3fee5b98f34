"""Templates as text: the same bytes for the same template, and no form of YAML that only some tools read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

__all__ = ["to_yaml"]

_NEVER = 1_000_000_000
"""Columns after which a text would be folded."""


def to_yaml(template: Mapping[str, Any], header: Iterable[str]) -> str:
    """The template, section by section, below a comment of these lines."""
    import yaml

    comment = "".join(f"# {line}\n" for line in header)
    sections = (
        yaml.dump(
            {name: section},
            Dumper=_dumper(),
            sort_keys=False,
            default_flow_style=False,
            allow_unicode=True,
            width=_NEVER,
        )
        for name, section in template.items()
    )
    return "\n".join((comment, *sections))


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        lines = value.splitlines()
        block = len(lines) > 1 and all(each == each.rstrip() and "\t" not in each for each in lines)
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if block else None)

    Dumper.add_representer(str, text)
    return Dumper
