"""What an HTML page says of each node of a picture, and of each finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchwipy_lint.draw.excerpts import Excerpts
from orchwipy_lint.draw.markup import Element, add
from orchwipy_lint.draw.picture import Edge, Known, Node, NodeKind, Outcome, Picture, Shown, Way
from orchwipy_lint.findings import Finding, Hop
from orchwipy_lint.model import Span
from orchwipy_lint.visible import visible

__all__ = ["Numbered", "add_finding", "add_nodes", "add_run", "finding_id", "node_ids"]

Numbered = tuple[int, Shown]
"""A finding with its number on the page."""

_OTHERS = {
    NodeKind.MISSING: "Something leads here, and there is no such step.",
    NodeKind.UNKNOWN: "What leads here goes to a step that cannot be known from the text.",
    NodeKind.END: "The run ends here.",
}
_OUTCOMES = {
    Outcome.THROUGH: "The run has been here.",
    Outcome.RUNNING: "The run is here.",
    Outcome.WAITING: "The run waits here, to try again.",
    Outcome.PAUSED: "The run has paused here.",
    Outcome.STOPPED: "The run was stopped here.",
    Outcome.FAILED: "The run failed here.",
}


def finding_id(number: int) -> str:
    return f"finding-{number}"


def node_ids(picture: Picture, number: int) -> dict[str, str]:
    """The id on the page of what is said of each node, by the node's own."""
    return {node.id: f"node-{number}-{each}" for each, node in enumerate(picture.nodes)}


def add_nodes(
    parent: Element,
    picture: Picture,
    ids: Mapping[str, str],
    findings: Iterable[Numbered],
    excerpts: Excerpts,
) -> None:
    """A section for each node, with what there is to know of it; `findings` are those of the picture."""
    panels = _Panels(picture, ids, tuple(findings), excerpts)
    for node in picture.nodes:
        panels.add(parent, node)


class _Panels:
    """What is said of the nodes of one picture, looked up by node."""

    def __init__(
        self, picture: Picture, ids: Mapping[str, str], findings: Sequence[Numbered], excerpts: Excerpts
    ) -> None:
        self.ids = ids
        self.excerpts = excerpts
        self.labels = {node.id: node.label for node in picture.nodes}
        self.ahead: dict[str, list[Edge]] = {each: [] for each in ids}
        self.behind: dict[str, list[Edge]] = {each: [] for each in ids}
        for edge in picture.edges:
            self.ahead[edge.source].append(edge)
            self.behind[edge.target].append(edge)
        self.about: dict[str, list[Numbered]] = {each: [] for each in ids}
        self.passing: dict[str, list[Numbered]] = {each: [] for each in ids}
        self.wrong = {(shown.finding.path, shown.finding.line) for _, shown in findings}
        for each in findings:
            own = each[1].finding.step
            if own in self.about:
                self.about[own].append(each)
            for name in each[1].nodes:
                if name != own:
                    self.passing[name].append(each)

    def add(self, parent: Element, node: Node) -> None:
        section = add(parent, "section", id=self.ids[node.id], class_="node-panel", tabindex="-1")
        add(section, "button", "×", type="button", class_="close", title="Close ( Esc )", aria_label="Close")
        head = add(section, "h2", node.label)
        if node.path is not None and node.span is not None:
            add(head, "small", f" {node.path}:{node.span.line}")
        remarks = list(_remarks(node))
        if remarks:
            noted = add(section, "ul", class_="remarks")
            for each in remarks:
                add(noted, "li", each)
        _add_links(section, "Findings", self.about[node.id])
        _add_links(section, "On the path of", self.passing[node.id])
        if node.path is not None and node.span is not None:
            self.add_source(section, node.path, node.span)
        if node.kind is NodeKind.STEP and node.path is not None:
            _add_known(section, "Reads", node.needs, "required", "optional", "no key by its name")
        if node.state is not None:
            rest = (Known("…", None, False),) if node.open else ()
            _add_known(section, "Known before it", (*node.state, *rest), "sure", "maybe", "no key")
        self.add_ways(section, "Leads to", [(each, each.target) for each in self.ahead[node.id]])
        self.add_ways(section, "Comes from", [(each, each.source) for each in self.behind[node.id]])

    def add_source(self, parent: Element, path: str, span: Span) -> None:
        add(parent, "h3", "Source")
        lines = self.excerpts.definition(path, span)
        if lines is None:
            add(parent, "p", f"{path} is not at hand.", class_="none")
            return
        source = add(parent, "pre", class_="source", tabindex="0", aria_label="source")
        for number, text in lines.items():
            kind = "line wrong" if (path, number) in self.wrong else "line"
            line = add(source, "span", text.expandtabs(), class_=kind, data_line=str(number))
            line.tail = "\n"

    def add_ways(self, parent: Element, title: str, edges: Sequence[tuple[Edge, str]]) -> None:
        """What leads along edges, each with the node at its other end."""
        if not edges:
            return
        add(parent, "h3", title)
        listed = add(parent, "ul", class_="ways")
        for edge, other in edges:
            for way in edge.ways:
                item = add(listed, "li")
                add(item, "a", self.labels[other], href=f"#{self.ids[other]}")
                for kind, text in _about(edge, way):
                    add(item, "span", text, class_=kind)


def _remarks(node: Node) -> Iterator[str]:
    if node.kind in _OTHERS:
        yield _OTHERS[node.kind]
    if node.begins:
        yield "Runs begin here."
    if node.ends:
        yield "Runs may end here."
    if not node.reached:
        yield "No path leads here."
    if node.outcome is not None:
        yield _OUTCOMES[node.outcome]
    if node.joins:
        yield f"Joins the branches of {', '.join(node.joins)}."
    yield from node.notes
    if node.cut:
        yield f"{node.cut} more {'edge' if node.cut == 1 else 'edges'}, not drawn here."


def _add_known(
    parent: Element, title: str, keys: tuple[Known, ...], sure: str, unsure: str, none: str
) -> None:
    add(parent, "h3", title)
    if not keys:
        add(parent, "p", none, class_="none")
        return
    body = add(add(parent, "table"), "tbody")
    for each in keys:
        row = add(body, "tr", class_=None if each.sure else "maybe")
        add(row, "th", each.key)
        add(row, "td", each.type or "")
        add(row, "td", sure if each.sure else unsure)


def _about(edge: Edge, way: Way) -> Iterator[tuple[str, str]]:
    if edge.kind.value not in ("plain", "otherwise"):
        yield "kind", edge.kind.value
    if edge.back:
        yield "kind", "back"
    if way.condition is not None:
        yield "condition", way.condition
    if way.note is not None:
        yield "note", way.note
    if str(way.changes):
        yield "changes", str(way.changes)
    if edge.taken:
        often = "taken" if edge.taken == 1 else f"taken {edge.taken} times"
        yield "taken", often if len(edge.ways) == 1 else f"one of these {often}"  # which one nobody knows


def _add_links(parent: Element, title: str, findings: Sequence[Numbered]) -> None:
    if not findings:
        return
    add(parent, "h3", title)
    listed = add(parent, "ul", class_="links")
    for number, shown in findings:
        link = add(add(listed, "li"), "a", href=f"#{finding_id(number)}")
        _add_headline(link, shown.finding)


# A run


def add_run(parent: Element, picture: Picture, ids: Mapping[str, str]) -> None:
    """The nodes that the run of a picture came to, each with how it left it."""
    add(parent, "h2", "The run")
    listed = add(parent, "ul", class_="visits")
    for node in picture.nodes:
        if node.outcome is not None:
            item = add(listed, "li")
            add(item, "a", node.label, href=f"#{ids[node.id]}")
            add(item, "span", node.outcome.value, class_="outcome")


# Findings


def add_finding(
    parent: Element, number: int, shown: Shown, drawing: str | None, ids: Mapping[str, str]
) -> None:
    """What can be opened to see a finding: where it is, its path hop by hop, what to do.

    `drawing` is the id of the one that its path is in, None if it is in none; `ids` are those of its nodes.
    """
    finding = shown.finding
    details = add(parent, "details", id=finding_id(number), class_=f"finding {finding.severity.value}")
    if drawing is not None:
        details.set("data-drawing", drawing)
        details.set("data-nodes", " ".join(ids[each] for each in shown.nodes))
        details.set("data-edges", " ".join(dict.fromkeys(str(each.edge) for each in shown.ways)))
    _add_headline(add(details, "summary"), finding)
    add(details, "p", f"{finding.path}:{finding.line}:{finding.column}", class_="place")
    if finding.hops:
        hops = add(details, "ol", class_="hops")
        for hop in finding.hops:
            _add_hop(add(hops, "li"), hop, ids)
        if finding.also:
            add(details, "p", finding.also, class_="also")
    else:
        if finding.step is not None and finding.step in ids:
            add(add(details, "p", "step "), "a", finding.step, href=f"#{ids[finding.step]}")
        if finding.related:
            others = add(details, "ul", class_="related")
            for each in finding.related:
                add(others, "li", f"{each.path}:{each.line}: {each.message}")
    if finding.help:
        add(add(details, "p", class_="help"), "b", "help:").tail = visible(f" {finding.help}")


def _add_headline(parent: Element, finding: Finding) -> None:
    add(parent, "span", finding.severity.value, class_=f"severity {finding.severity.value}")
    add(parent, "span", finding.code, class_="code")
    add(parent, "span", finding.message, class_="message")


def _add_hop(parent: Element, hop: Hop, ids: Mapping[str, str]) -> None:
    if hop.step in ids:
        add(parent, "a", hop.step, href=f"#{ids[hop.step]}", data_line=str(hop.line))
    else:
        add(parent, "b", hop.step)
    add(parent, "span", f"{hop.path}:{hop.line}", class_="place")
    add(parent, "code", hop.text)
    add(parent, "span", hop.remark, class_="remark")
    if hop.label is not None:
        add(parent, "span", hop.label, class_="condition")
