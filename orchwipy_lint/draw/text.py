"""A picture in the characters of a terminal.

pipe  example.py
▶ start  choice: str | None
├─ choice == 'c'  drops all +beans → coffee
└┄ choice != 'c'  drops all
   tea
   └─ drops all +beans → coffee
coffee  beans: int
│  +milk
drink  milk: bool | None
└─ drops all → ■ end

What only one arm leads to stands under it. A bar leads to the step below; `→` names a step that stands
elsewhere, and `↑` one to which the run goes back. Branches, which all run, have double lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from orchwipy_lint.draw.outline import Block, Outgoing, outline
from orchwipy_lint.draw.picture import EdgeKind, Node, NodeKind, Picture, Way
from orchwipy_lint.visible import visible

__all__ = ["ASCII", "SIGNS", "Signs", "render"]


class Signs(NamedTuple):
    """What lines are made of."""

    begin: str
    end: str
    to: str
    back: str
    mark: str
    bar: str
    """Beside what stands under an edge that is not the last."""
    lines: dict[EdgeKind, tuple[str, str, str]]
    """For each kind of edge: the bar to the step below, and how the others begin, the last one apart."""

    @property
    def all(self) -> str:
        """Every sign, for whoever wants to know whether an encoding has them."""
        lines = "".join("".join(each) for each in self.lines.values())
        return self.begin + self.end + self.to + self.back + self.mark + self.bar + lines


def _signs(
    begin: str, end: str, to: str, back: str, mark: str, bar: str, single: str, broken: str, double: str
) -> Signs:
    """The signs, with the strokes of lines that are single, broken and double."""
    lines = {
        kind: (strokes[0], strokes[1:3], strokes[3:])
        for strokes, kinds in (
            (single, (EdgeKind.PLAIN,)),
            (broken, (EdgeKind.OTHERWISE, EdgeKind.DETACH, EdgeKind.UNRESOLVED)),
            (double, (EdgeKind.BRANCH, EdgeKind.MAP, EdgeKind.JOIN)),
        )
        for kind in kinds
    }
    return Signs(begin, end, to, back, mark, bar, lines)


SIGNS = _signs("▶", "■", "→", "↑", "✗", "│", "│├─└─", "┆├┄└┄", "║╞═╘═")
ASCII = _signs(">", "#", "->", "^", "!", "|", "||-`-", ":|.`.", "#|=`=")

_NAME = "bold"
_LESS = "dim"
_CONDITION = "cyan"
_CHANGES = "green"
_WRONG = "bold red"


def render(picture: Picture, *, width: int = 80, signs: Signs = SIGNS) -> Iterator[Text]:
    """The lines of the drawing, none of them wider than asked where that can be had.

    Below stand the findings whose paths are painted, each with its number in the picture, from 1.
    """
    yield from _Writer(picture, max(width, 40), signs).lines()


class _Writer:
    def __init__(self, picture: Picture, width: int, signs: Signs) -> None:
        self.picture, self.signs = picture, signs
        self.nodes = {each.id: each for each in picture.nodes}
        self.marks = any(each.marked for each in picture.nodes) or any(each.marked for each in picture.edges)
        self.width = width - (2 if self.marks else 0)
        self.console = Console(width=self.width)  # wraps, and prints nothing

    def lines(self) -> Iterator[Text]:
        name, path = visible(self.picture.name), visible(self.picture.path)
        yield Text.assemble((name, "bold underline"), "  ", (path, _LESS))
        yield from self.blocks(outline(self.picture), "")
        for number, shown in enumerate(self.picture.findings, 1):
            if shown.marked:
                finding = shown.finding
                said = f"{finding.path}:{finding.line} {finding.code} {finding.message}"
                yield Text.assemble((f"{number} ", _WRONG), visible(said))

    def blocks(self, blocks: Sequence[Block], before: str) -> Iterator[Text]:
        """The blocks of one level, `before` being the bars of the levels around it."""
        for block, following in zip_longest(blocks, blocks[1:]):
            leads_on = (
                following is not None
                and len(block.edges) == 1
                and block.edges[0].edge.target == following.node.id
            )
            inner = f"{before}{self.signs.bar if block.edges else ' '}  "
            yield from self.put(self.headline(block.node), before, inner, marked=block.node.marked)
            for row in self.beneath(block.node):
                yield from self.put(row, inner, f"{inner}  ", marked=False)
            if leads_on:
                edge = block.edges[0].edge
                bar = self.signs.lines[edge.kind][0]
                rows = [_of_way(way) for way in edge.ways]
                yield from self.arm(rows, f"{before}{bar}  ", f"{before}{bar}  ", marked=edge.marked)
            else:
                for outgoing in block.edges:
                    yield from self.outgoing(outgoing, before, outgoing is block.edges[-1])

    def outgoing(self, outgoing: Outgoing, before: str, is_last: bool) -> Iterator[Text]:
        edge = outgoing.edge
        _, tee, corner = self.signs.lines[edge.kind]
        inner = f"{before}{' ' if is_last else self.signs.bar}  "
        rows = [_of_way(way) for way in edge.ways]
        if not outgoing.under:
            rows[-1] = _joined([rows[-1], self.target(self.nodes[edge.target], edge.back)], " ")
        start = f"{before}{corner if is_last else tee} "
        yield from self.arm(rows, start, inner, marked=edge.marked)
        yield from self.blocks(outgoing.under, inner)

    def arm(self, rows: list[Text], first: str, further: str, *, marked: bool) -> Iterator[Text]:
        """The ways of an edge, a row each."""
        for number, row in enumerate(rows):
            text = row if number == 0 else _joined([Text("or", _LESS), row], " ")
            yield from self.put(text, first if number == 0 else further, f"{further}  ", marked=marked)

    def headline(self, node: Node) -> Text:
        """A node with what it needs."""
        parts = [Text(visible(node.label), _WRONG if node.marked else _NAME)]
        if node.begins:
            parts = [_joined([Text(self.signs.begin, "green"), parts[0]], " ")]
        if node.needs:
            parts.append(Text(visible(", ".join(map(str, node.needs))), _LESS))
        if node.kind is NodeKind.MISSING:
            parts.append(Text("no such step", "magenta"))
        return _joined(parts, "  ")

    def beneath(self, node: Node) -> Iterator[Text]:
        """What else there is to say of a node, a row each."""
        if node.joins:
            yield Text(visible(f"joins the branches of {', '.join(node.joins)}"), _LESS)
        if not node.reached:
            yield Text("no path leads here", "yellow")
        for note in node.notes:
            yield Text(visible(note), _LESS)
        if node.state is not None:
            known = ", ".join([*map(str, node.state), *(["…"] if node.open else [])])
            yield Text(visible(f"known: {known or 'nothing'}"), "blue")
        if node.cut:
            yield Text(f"{node.cut} more {'edge' if node.cut == 1 else 'edges'}", _LESS)

    def target(self, node: Node, back: bool) -> Text:
        """Where an edge leads, if that stands elsewhere."""
        sign = self.signs.back if back else self.signs.to
        if node.kind is NodeKind.END:
            return Text(f"{sign} {self.signs.end} end", "blue")
        if node.kind is NodeKind.MISSING and not node.begins:
            return Text(f"{sign} {visible(node.label)}, no such step", "magenta")
        return Text(f"{sign} {visible(node.label)}", "magenta" if node.kind is NodeKind.UNKNOWN else "")

    def put(self, text: Text, first: str, further: str, *, marked: bool) -> Iterator[Text]:
        """A row, broken where it is too wide, with what stands before it."""
        room = max(self.width - max(len(first), len(further)), 20)
        lines = list(text.wrap(self.console, room)) or [Text()]
        for number, line in enumerate(lines):
            line.rstrip()
            gutter = (f"{self.signs.mark} " if marked else "  ") if self.marks else ""
            whole = Text.assemble(
                (gutter, _WRONG), (first if number == 0 else further, _WRONG if marked else ""), line
            )
            whole.rstrip()
            yield whole


def _of_way(way: Way) -> Text:
    """When a way is taken, and what it changes."""
    parts = [
        Text(visible(way.condition), _CONDITION) if way.condition else None,
        Text(visible(way.note)) if way.note else None,
        Text(visible(str(way.changes)), _CHANGES) if str(way.changes) else None,
    ]
    return _joined([each for each in parts if each is not None], "  ")


def _joined(parts: list[Text], gap: str) -> Text:
    return Text(gap).join(each for each in parts if each.plain)
