"""The page of HTML: what is on it, that it needs nothing else, and that nothing on it becomes markup."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchwipy_lint.check import check_files, load_pipelines
from orchwipy_lint.cli import main
from orchwipy_lint.draw.checked import pictures_of
from orchwipy_lint.draw.excerpts import Excerpts
from orchwipy_lint.draw.html import render
from orchwipy_lint.draw.markup import html
from orchwipy_lint.draw.panels import add_finding, add_nodes, node_ids
from orchwipy_lint.draw.picture import (
    Changes,
    Edge,
    EdgeKind,
    Known,
    Node,
    NodeKind,
    Picture,
    Shown,
    Taken,
    Way,
)
from orchwipy_lint.findings import Finding, Hop, Related, Severity
from orchwipy_lint.model import Span
from orchwipy_lint.visible import visible
from tests.samples import BROKEN, SOUND

Screen = pytest.CaptureFixture[str]

HOSTILE = '''\
from orchwipy_runtime import Functions, ReturnUpdates

evil = Functions(beginner="straße")


@evil.fn()
def straße(*, x: "<b>&amp;</b>" = "</script><script>alert(1)</script>", **kwargs):
    """</pre></section><script>alert(2)</script><!-- \u202e -->"""
    if x == "</title><img src=x onerror='alert(3)'>":
        return {"$next": "<svg onload=alert(4)>", "</text><script>": 1, "a\\nb": 2}
    if x == "-->]]>&lt;":
        return ReturnUpdates('" onclick="alert(5)', 'key"with`quotes')
    return ReturnUpdates("end")


@evil.fn(terminates=True)
def end(*, needed, **kwargs):
    return {}
'''


def parse(text: str) -> Any:
    """The tree of a page, of which a browser would say nothing."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def by_class(tree: Any, name: str) -> list[Any]:
    return [each for each in tree.iter() if name in each.get("class", "").split()]


def text_of(element: Any) -> str:
    return "".join(element.itertext())


def page_of(*files: Path) -> tuple[str, list[Picture], list[Finding]]:
    result = check_files(files)
    pictures, others = pictures_of(load_pipelines(files), result.findings, state=True)
    return render(pictures, title="a title", summary="a summary", others=others), pictures, others


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("html")
    (made / "broken.py").write_text(BROKEN, encoding="utf-8")
    (made / "hostile.py").write_text(HOSTILE, encoding="utf-8")
    (made / "unreadable.py").write_text("import orchwipy_runtime\ndef (\n", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def made(folder: Path) -> tuple[str, list[Picture], list[Finding]]:
    return page_of(*sorted(folder.iterdir()))


@pytest.fixture(scope="module")
def tree(made: tuple[str, list[Picture], list[Finding]]) -> Any:
    return parse(made[0])


class TestPage:
    def test_it_needs_nothing_else(self, made: tuple[str, list[Picture], list[Finding]], tree: Any) -> None:
        assert not re.search(r"https?:|//[a-z]|url\(|@import", made[0])
        loading = {"src", "srcset", "data", "poster", "action", "background"}
        assert not [each for each in tree.iter() if loading & set(each.keys())]
        assert not [each for each in tree.iter() if each.tag in ("link", "iframe", "object", "embed", "base")]

    def test_its_policy_allows_its_own_script_and_style_alone(self, tree: Any) -> None:
        (policy,) = [each.get("content") for each in tree.iter("meta") if each.get("http-equiv")]
        (script,), (style,) = list(tree.iter("script")), list(tree.iter("style"))
        hashes = {
            kind: base64.b64encode(hashlib.sha256(each.text.encode()).digest()).decode()
            for kind, each in (("script", script), ("style", style))
        }
        assert policy.split("; ") == [
            "default-src 'none'",
            f"style-src 'sha256-{hashes['style']}'",
            f"script-src 'sha256-{hashes['script']}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
        attributes = {name for each in tree.iter() for name in dict(each.items())}
        assert not [each for each in attributes if each.startswith("on")]
        assert not [each for each in tree.iter() if each.get("style")]

    def test_ids_are_of_one_element_each_and_links_lead_to_them(self, tree: Any) -> None:
        ids = [each.get("id") for each in tree.iter() if each.get("id")]
        assert len(ids) == len(set(ids))
        links = {each.get("href") for each in tree.iter("a")} | {
            f"#{each.get('data-link')}" for each in by_class(tree, "node")
        }
        assert links <= {f"#{each}" for each in ids}

    def test_every_node_and_edge_is_drawn_once(
        self, made: tuple[str, list[Picture], list[Finding]], tree: Any
    ) -> None:
        figures = list(tree.iter("figure"))
        assert len(figures) == len(made[1]) == 2
        for number, (figure, picture) in enumerate(zip(figures, made[1], strict=True)):
            links = [each.get("data-link") for each in by_class(figure, "node")]
            assert sorted(links) == sorted(node_ids(picture, number).values())
            edges = [int(each.get("data-number")) for each in by_class(figure, "edge")]
            assert sorted(edges) == list(range(len(picture.edges)))

    def test_every_node_has_a_panel_and_every_finding_is_listed_once(
        self, made: tuple[str, list[Picture], list[Finding]], tree: Any
    ) -> None:
        _, pictures, others = made
        assert len(by_class(tree, "node-panel")) == sum(len(each.nodes) for each in pictures)
        listed = [
            (text_of(by_class(each, "code")[0]), text_of(by_class(each, "message")[0]))
            for each in tree.iter("details")
        ]
        shown = [shown.finding for each in pictures for shown in each.findings]
        assert [each.code for each in others] == ["OWP001"]
        assert sorted(listed) == sorted((each.code, visible(each.message)) for each in [*shown, *others])

    def test_a_finding_has_its_path(self, tree: Any) -> None:
        (finding,) = [each for each in tree.iter("details") if "`parcel`" in text_of(each)]
        hops = [[text_of(part) for part in item] for item in next(finding.iter("ol"))]
        assert [hop[0] for hop in hops] == ["weigh", "label", "send"]
        assert hops[1][1].endswith("broken.py:13")
        assert hops[1][2:] == ['{"$next": "send", "text": f"{grams} g"}', "does not set parcel"]
        names = {each.get("data-link"): each.get("data-name") for each in by_class(tree, "node")}
        assert [names[each] for each in finding.get("data-nodes").split()] == ["weigh", "label", "send"]
        assert len(finding.get("data-edges").split()) == 2

    def test_a_step_has_its_source_and_its_findings(self, tree: Any) -> None:
        (panel,) = [
            each for each in by_class(tree, "node-panel") if text_of(each.find("h2")).startswith("label")
        ]
        lines = {each.get("data-line"): text_of(each) for each in by_class(panel, "line")}
        assert lines == {str(number): BROKEN.splitlines()[number - 1] for number in (11, 12, 13)}
        assert [each.get("data-line") for each in by_class(panel, "wrong")] == ["13"]
        assert [each.get("href") for each in by_class(panel, "links")[0].iter("a")] == ["#finding-0"]

    def test_what_the_code_holds_is_text(self, folder: Path, tree: Any) -> None:
        assert len(list(tree.iter("script"))) == 1
        assert not list(tree.iter("img"))
        names = {each.get("data-name") for each in by_class(tree, "node")}
        assert {"straße", "<svg onload=alert(4)>", '" onclick="alert(5)'} <= names
        written = text_of(tree)
        for each in (
            "x == \"</title><img src=x onerror='alert(3)'>\"",
            "drops all +</text><script> +a\\nb",
            'x == "-->]]>&lt;"',
            "</pre></section><script>alert(2)</script><!-- \\u202e -->",
            "<b>&amp;</b>",
        ):
            assert each in written
        assert "\u202e" not in written

    def test_without_pictures_there_is_the_list(self) -> None:
        page = parse(render([], title="none"))
        assert not list(page.iter("figure"))
        assert "No findings" in text_of(page)


# Laws

PICTURE = Picture(
    "pipe",
    "file.py",
    (
        Node(
            "step",
            NodeKind.STEP,
            "label",
            begins=True,
            needs=(Known("key", "type"),),
            notes=("note",),
            joins=("other",),
            state=(Known("known", "its type", False),),
            open=True,
            path="missing.py",
            span=Span(1, 1, 1, 2),
        ),
        Node("lost", NodeKind.MISSING, "lost"),
    ),
    (
        Edge(
            "step",
            "lost",
            EdgeKind.BRANCH,
            (Way("condition", Changes(True, ("drop",), ("set",)), "map", "text", "file.py"),),
        ),
    ),
)
FINDING = Finding(
    code="OWP101",
    name="missing-argument",
    severity=Severity.ERROR,
    message="message",
    path="file.py",
    line=1,
    column=1,
    end_line=1,
    end_column=1,
    pipeline="pipe",
    step="step",
    related=(Related("file.py", 1, "related"),),
    help="help",
    hops=(Hop("step", "file.py", 1, "text", "remark", "label"), Hop("gone", "file.py", 1, "text", "remark")),
    also="also",
)


def panels(picture: Picture, *findings: Finding) -> str:
    """What the page says of a picture, without the drawing."""
    root = Element("div")
    ids = node_ids(picture, 0)
    shown = list(
        enumerate(Shown(each, tuple(node.id for node in picture.nodes), (Taken(0, 0),)) for each in findings)
    )
    add_nodes(root, picture, ids, shown, Excerpts())
    for number, each in shown:
        add_finding(root, number, each, "drawing-0", ids)
    return html(root)


def replaced(value: Any, text: str) -> Any:
    """The same data with a text put behind each text in it that a program can decide."""
    if isinstance(value, str):
        return value + text
    if isinstance(value, tuple):
        return tuple(replaced(each, text) for each in value)
    if hasattr(value, "__dataclass_fields__"):
        fields = {name: replaced(getattr(value, name), text) for name in value.__dataclass_fields__}
        return type(value)(**fields)
    return value


def shape(text: str) -> list[str]:
    """The elements of a fragment, with the names of their attributes."""
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    return [f"{each.tag} {sorted(each.keys())}" for each in tree.iter()]


SHAPE = shape(panels(PICTURE, FINDING))
TEXTS = st.text(max_size=20) | st.lists(
    st.sampled_from(
        ["<script>", "</script>", "</pre>", "<!--", "-->", "]]>", '"', "'", "&amp;", "\0", "\r\n", "é"]
    ),
    max_size=6,
).map("".join)


@settings(max_examples=40)
@given(TEXTS)
def test_no_text_changes_the_elements_of_the_page(text: str) -> None:
    made = panels(replaced(PICTURE, text), replaced(FINDING, text))
    assert shape(made) == SHAPE
    (message, *_) = by_class(parse(made), "message")
    assert text_of(message) == visible(f"message{text}")


class TestExcerpts:
    SOURCE = "import x\n\n\n@x.fn(\n    1,\n)\ndef one(\n    *, a,\n):\n\treturn 1\n\n\ntwo = x.fn()(x)\n"

    def test_a_definition_comes_with_its_decorators(self, tmp_path: Path) -> None:
        file = tmp_path / "a.py"
        file.write_text(self.SOURCE, encoding="utf-8")
        lines = Excerpts().definition(str(file), Span(7, 5, 7, 8))
        assert lines is not None
        assert list(lines) == [4, 5, 6, 7, 8, 9, 10]
        assert (lines[4], lines[10]) == ("@x.fn(", "\treturn 1")

    def test_elsewhere_it_is_the_line_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "a.py"
        file.write_bytes(b"# coding: latin-1\r\n\xe9 = 1\r\n")
        assert Excerpts().definition(str(file), Span(2, 1, 2, 2)) == {2: "é = 1"}

    @pytest.mark.parametrize("data", [b"def (", b"\xff", b"# coding: nope\n", b"\0", b""], ids=repr)
    def test_a_file_that_has_changed_since(self, tmp_path: Path, data: bytes) -> None:
        file = tmp_path / "a.py"
        file.write_bytes(data)
        assert Excerpts().definition(str(file), Span(7, 5, 7, 8)) is None

    def test_a_file_that_is_gone(self) -> None:
        assert Excerpts().definition("<stdin>", Span(1, 1, 1, 2)) is None


class TestCommands:
    def test_graph_makes_a_page_of_all_pipelines(self, folder: Path, tmp_path: Path, capsys: Screen) -> None:
        assert main(["graph", str(folder), "-o", str(tmp_path / "x.html")]) == 0
        page = parse((tmp_path / "x.html").read_text(encoding="utf-8"))
        names = [text_of(each).split(" · ")[0] for each in page.iter("option")]
        assert names == ["pipe", "evil"]
        assert text_of(page.find("head/title")) == "pipe, evil"

    def test_check_draws_what_has_findings(self, tmp_path: Path, capsys: Screen) -> None:
        (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
        (tmp_path / "sound.py").write_text(SOUND, encoding="utf-8")
        output = tmp_path / "report.html"
        assert main(["check", str(tmp_path), "--format", "html", "-o", str(output)]) == 1
        assert capsys.readouterr().err == "1 error in 2 pipelines (6 steps, 2 files)\n"
        page = parse(output.read_text(encoding="utf-8"))
        assert [each.get("aria-label") for each in page.iter("figure")] == [
            f"pipe in {tmp_path / 'broken.py'}"
        ]
        (summary,) = by_class(page, "summary")
        assert text_of(summary) == "1 error in 2 pipelines (6 steps, 2 files)"

    def test_of_a_large_pipeline_the_paths_alone_are_drawn(
        self, tmp_path: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchwipy_lint.report.html._MOST_NODES", 3)
        (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
        assert main(["check", str(tmp_path), "--format", "html"]) == 1
        page = parse(capsys.readouterr().out)
        drawn = [each.get("data-name") for each in by_class(page, "node")]
        assert drawn == ["weigh", "label", "send"]  # and not the end

    def test_a_file_that_cannot_be_read(self, folder: Path, capsys: Screen) -> None:
        assert main(["check", str(folder / "unreadable.py"), "--format", "html"]) == 1
        page = parse(capsys.readouterr().out)
        assert not list(page.iter("figure"))
        assert [text_of(each) for each in by_class(page, "code")] == ["OWP001"]

    def test_standard_input_is_reported_and_not_drawn(
        self, capsys: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from io import BytesIO, TextIOWrapper

        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(BROKEN.encode())))
        assert main(["check", "-", "--format", "html"]) == 1
        page = parse(capsys.readouterr().out)
        assert not list(page.iter("figure"))
        assert [text_of(each) for each in by_class(page, "code")] == ["OWP101"]
        assert len(list(next(page.iter("ol")))) == 3

    @pytest.mark.parametrize("command", ["graph", "check"])
    def test_without_graphviz(
        self, folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        monkeypatch.setattr("orchwipy_lint.draw.svg.find_spec", lambda name: None)
        assert main([command, str(folder / "broken.py"), "--format", "html"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert 'pip install "orchwipy-lint[draw]"' in said.err

    @pytest.mark.parametrize("form", ["svg", "html"])
    def test_where_graphviz_takes_too_long(
        self, folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch, form: str
    ) -> None:
        monkeypatch.setattr("orchwipy_lint.draw.svg.MOST_SECONDS", 0.001)
        assert main(["graph", "--format", form, str(folder / "broken.py")]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "nodes after 0.001 s; draw a part of the pipeline, by `orchwipy graph` with" in said.err
        assert "or all of it as mermaid or dot" in said.err
        assert said.err.count("\n") == 1

    def test_a_report_has_the_findings_also_where_it_takes_too_long(
        self, folder: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchwipy_lint.draw.svg.MOST_SECONDS", 0.001)
        assert main(["check", "--format", "html", str(folder / "broken.py")]) == 1
        out, err = capsys.readouterr()
        assert err == ""
        page = parse(out)
        said = " ".join(text_of(each) for each in by_class(page, "instead"))
        assert "nodes after 0.001 s; draw a part of the pipeline, by `orchwipy graph` with" in said
        assert {text_of(each) for each in by_class(page, "code")} == {"OWP101"}
        assert by_class(page, "node-panel")
