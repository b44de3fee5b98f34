"""Elements of an HTML page: nothing that a program holds becomes markup, it is only ever text."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from orchwipy_lint.visible import visible

__all__ = ["Element", "add", "html"]

_INLINE = ("a", "b", "code", "span")


def add(parent: Element, tag: str, text: str = "", **attributes: str | None) -> Element:
    """A new element as the last one of another, with a text and attributes; those that are None are left out.

    A `_` in the name of an attribute stands for `-`; one at its end is for names that are Python's.
    """
    named = {
        name.rstrip("_").replace("_", "-"): each for name, each in attributes.items() if each is not None
    }
    made = SubElement(parent, tag, {name: visible(each) for name, each in named.items()})
    made.text = visible(text)
    if tag in _INLINE:
        made.tail = " "  # words stay apart without a style sheet too
    return made


def html(root: Element) -> str:
    """The text of a page."""
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"
