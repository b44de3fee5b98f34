"""Drawings before the tools that they are for: Graphviz, and Mermaid itself."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import mermaidx
import pytest

from orchwipy_lint import load_pipelines
from orchwipy_lint.draw import svg
from orchwipy_lint.draw.dot import edge_id, node_id
from orchwipy_lint.draw.making import picture_of
from orchwipy_lint.draw.picture import Picture
from orchwipy_lint.flow import analyse
from tests.test_draw import CASES, read_mermaid


def picture(name: str) -> Picture:
    (pipeline,) = load_pipelines([CASES / f"{name}.py"])
    return picture_of(pipeline, flow=analyse(pipeline), state=True)


@pytest.mark.parametrize("name", ["everything", "signs"])
def test_graphviz_draws_every_node_and_edge(name: str) -> None:
    drawn = picture(name)
    root = ET.fromstring(svg.render(drawn))
    ids = Counter(each.get("id") for each in root.iter() if each.get("class") in ("node", "edge"))
    nodes = [node_id(number) for number in range(len(drawn.nodes))]
    assert ids == Counter([*nodes, *(edge_id(number) for number in range(len(drawn.edges)))])
    shown = "".join(root.itertext())
    assert all(each.label in shown for each in drawn.nodes)


def test_png() -> None:
    assert svg.render(picture("coffee"), "png").startswith(b"\x89PNG")


def test_where_graphviz_cannot_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = picture("coffee")
    with pytest.raises(svg.CannotDraw, match=r"not done with 5 nodes after 0.001 s; draw a part"):
        svg.render(drawn, seconds=0.001)
    with pytest.raises(svg.CannotDraw, match="Graphviz cannot draw pipe: "):
        svg.render(drawn, "no-such-format")
    monkeypatch.setattr(svg, "find_spec", lambda name: None)
    with pytest.raises(svg.CannotDraw, match=r'pip install "orchwipy-lint\[draw\]"'):
        svg.render(drawn)


def drawn_by_mermaid(case: Path) -> None:
    """Mermaid draws the nodes and edges of the text, and no others."""
    text = case.read_text(encoding="utf-8")
    nodes, edges = read_mermaid(text)
    drawing = mermaidx.render(text).svg()
    assert sorted(re.findall(r'id="[\w-]+-flowchart-(\w+)-\d+"', drawing)) == sorted(nodes)
    paths = re.findall(r'id="[\w-]+-L_(\w+)_\d+"', drawing)
    assert Counter(paths) == Counter(f"{source}_{target}" for source, target in edges)
    assert "rror in" not in drawing


def test_mermaid_draws_names_and_conditions_that_mean_something_to_it() -> None:
    drawn_by_mermaid(CASES / "signs.mmd")


@pytest.mark.slow
def test_mermaid_draws_all_cases() -> None:
    for case in sorted(CASES.glob("*.mmd")):
        drawn_by_mermaid(case)
