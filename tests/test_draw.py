"""Pictures of pipelines and what renders them.

`golden/draw/` holds a pipeline a file, and beside it its drawings as text, in Mermaid and in DOT. The first
line of one may say how it is drawn (`# orchwipy graph --findings`). To add a case add its program and run
`python -m tests.test_draw`, which writes all drawings anew; look at what has changed.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import networkx as nx
import pygraphviz
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docs.make_drawings import printed
from orchwipy_lint.check import load_pipelines
from orchwipy_lint.draw import dot, mermaid
from orchwipy_lint.draw import json as draw_json
from orchwipy_lint.draw.making import picture_of
from orchwipy_lint.draw.outline import MAX_DEPTH, Block, outline
from orchwipy_lint.draw.picture import END, UNKNOWN, EdgeKind, NodeKind, Picture
from orchwipy_lint.draw.text import ASCII, render
from orchwipy_lint.findings import Finding
from orchwipy_lint.flow import Flow, analyse
from orchwipy_lint.flow.graph import RECURSIVE, Region
from orchwipy_lint.flow.graph import UNKNOWN as UNKNOWN_NODE
from orchwipy_lint.model import (
    Arm,
    Base,
    Effect,
    FanOut,
    Parameter,
    Pipeline,
    ReturnSite,
    Span,
    Step,
    Target,
    Value,
)
from orchwipy_lint.rules import RULES
from orchwipy_lint.verdict import found_in

TESTS = Path(__file__).parent
CASES = TESTS / "golden" / "draw"
FORMATS = {"text": ".txt", "mermaid": ".mmd", "dot": ".dot"}


# Golden drawings


def drawn(case: Path, form: str) -> str:
    """What `orchwipy graph` prints for a case."""
    first = case.read_text(encoding="utf-8").partition("\n")[0]
    options = shlex.split(first.removeprefix("# orchwipy graph")) if first.startswith("#") else []
    return printed([case.name, "--format", form, *options])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", sorted(CASES.glob("*.py")), ids=lambda case: case.stem)
def test_golden(case: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    monkeypatch.setenv("COLUMNS", "80")
    assert drawn(case, form) == case.with_suffix(FORMATS[form]).read_text(encoding="utf-8")


def test_there_are_no_drawings_without_a_program() -> None:
    names = {each.stem for each in CASES.glob("*.py")}
    assert len(names) >= 12
    assert {each.stem for each in CASES.iterdir() if each.is_file()} == names


# Laws


def laws(pipeline: Pipeline) -> None:
    """What holds of every picture, and of every drawing of it."""
    flow = analyse(pipeline)
    picture = picture_of(pipeline, flow=flow)
    names = dict.fromkeys(step.name for step in pipeline.steps)
    by_kind = {kind: [each.id for each in picture.nodes if each.kind is kind] for kind in NodeKind}
    assert by_kind[NodeKind.STEP] == list(names)
    assert not names.keys() & set(by_kind[NodeKind.MISSING])
    begins = [each.id for each in picture.nodes if each.begins]
    assert begins == ([] if pipeline.beginner is None else [pipeline.beginner])
    ids = [each.id for each in picture.nodes]
    assert len(set(ids)) == len(ids)

    pairs = {(each.source, each.target) for each in picture.edges}
    expected, joins = expected_pairs(flow)
    assert expected <= pairs
    unreached = {each.id for each in picture.nodes if not each.reached}
    # The flow goes no further than branches whose join is not known; the picture draws what is there.
    unreached |= {step.name for number, step in enumerate(pipeline.steps) if flow.before[number] is None}
    if any(each.target == RECURSIVE for each in flow.graph.edges):
        unreached |= (
            names.keys()
        )  # the flow ends where a branch comes to what began it, and the picture goes on
    for source, target in pairs - expected - joins:
        assert source in unreached or target in joins_of(pipeline, {source, *unreached})
    joined = {each.target for each in picture.edges if each.kind in (EdgeKind.JOIN, EdgeKind.UNRESOLVED)}
    assert all(join in joined or (fork, join) in pairs for fork, join in joins)
    keys = [(each.source, each.target, each.kind) for each in picture.edges]
    assert len(set(keys)) == len(keys)
    assert all(
        each.ways and len({way.lines for way in each.ways}) == len(each.ways) for each in picture.edges
    )
    assert {end for pair in pairs for end in pair} <= set(ids)
    assert all((each.target == UNKNOWN) is (each.kind is EdgeKind.UNRESOLVED) for each in picture.edges)
    onward = nx.DiGraph((each.source, each.target) for each in picture.edges if not each.back)
    assert nx.is_directed_acyclic_graph(onward)
    drawings(picture)


def drawings(picture: Picture) -> None:
    """Every node and edge is in every drawing once, and nothing else is."""
    ends = Counter((each.source, each.target) for each in picture.edges)

    graph = pygraphviz.AGraph(string=dot.render(picture))
    assert graph.nodes() == [each.id for each in picture.nodes]
    assert Counter((str(one), str(other)) for one, other in graph.edges()) == ends

    nodes, edges = read_mermaid(mermaid.render(picture))
    called = dict(zip(nodes, (each.id for each in picture.nodes), strict=True))
    assert Counter((called[one], called[other]) for one, other in edges) == ends

    (written,) = json.loads(draw_json.render([picture]))["pipelines"]
    assert [each["id"] for each in written["nodes"]] == [each.id for each in picture.nodes]
    assert [(each["source"], each["target"]) for each in written["edges"]] == [
        (each.source, each.target) for each in picture.edges
    ]

    blocks = list(flattened(outline(picture)))
    steps = [each.id for each in picture.nodes if each.kind is NodeKind.STEP or each.begins]
    assert sorted(each.node.id for each in blocks) == sorted(steps)
    assert sorted(edge.number for each in blocks for edge in each.edges) == list(range(len(picture.edges)))
    assert all(line.cell_len <= 60 for line in list(render(picture, width=60, signs=ASCII))[1:])


def expected_pairs(flow: Flow) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Which node leads to which as the flow has it, which has each branch apart; and forks to their joins."""
    graph = flow.graph
    found, joins = set(), set()
    for edge in graph.edges:
        source = graph.nodes[edge.source]
        if flow.before[edge.source] is None:
            continue  # as a step of the main run it is not reached, where it is one of a branch
        if edge.target < 0:
            target = UNKNOWN if edge.target == UNKNOWN_NODE else edge.arm.target.step or END
        elif graph.nodes[edge.target].fork is None:
            target = graph.nodes[edge.target].step.name
        elif edge.target == region_exit(graph.nodes[edge.target].region):
            target = join_of(graph.nodes[edge.target].region)
        else:
            continue  # to a fork, from which branches lead on
        if source.fork is not None and not edge.spawns and source.fork.fan.kind != "detach":
            joins.add((source.step.name, target))
        else:
            found.add((source.step.name, target))
    found |= {(step.name, UNKNOWN) for step in flow.pipeline.steps for site in step.returns if site.problem}
    return found, joins


def joins_of(pipeline: Pipeline, steps: set[str]) -> set[str]:
    """Where the branches that these steps begin lead, which may run through others."""
    arms = (
        arm for step in pipeline.steps if step.name in steps for site in step.returns for arm in site.arms
    )
    return {(arm.target.step or END) if arm.target.known else UNKNOWN for arm in arms if arm.fan is not None}


def region_exit(region: Region | None) -> int | None:
    return None if region is None else region.exit


def join_of(region: Region | None) -> str:
    if region is None:
        return END
    if region.fork.fan.kind != "detach" and not region.fork.arm.target.known:
        return UNKNOWN
    return region.join or END


def flattened(blocks: list[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        for each in block.edges:
            yield from flattened(each.under)


_NODE = re.compile(r'    (\w+)(?:\(\["|\["|\(\(\("|\{\{").*(?:"\]\)|"\]|"\)\)\)|"\}\})', re.ASCII)
_EDGE = re.compile(r'    (\w+) (?:-->|-\.->|==>)(?:\|"[^"]+"\|)? (\w+)', re.ASCII)


def read_mermaid(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The ids of the nodes and the edges of a flowchart, of which every line must be known."""
    lines = text.splitlines()
    assert lines[0] == lines[2] == "---"
    assert lines[3] == "flowchart TD"
    nodes: list[str] = []
    edges: list[tuple[str, str]] = []
    for line in lines[4:]:
        node, edge = _NODE.fullmatch(line), _EDGE.fullmatch(line)
        if edge is not None:
            edges.append((edge[1], edge[2]))
        elif node is not None:
            nodes.append(node[1])
        else:
            assert re.match(r"    (classDef|class|linkStyle) ", line), line
    return nodes, edges


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_laws_of_the_pictures_of_fixtures(every: int) -> None:
    """Of all files, or for the quick suite of each fourth."""
    folders = (TESTS / "fixtures", TESTS / "programs", CASES, TESTS.parent / "examples")
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))[::every]]
    pipelines = load_pipelines(paths)
    assert len(pipelines) > 300 / every
    codes = [rule.code for rule in RULES]
    for pipeline in pipelines:
        found = [each for each in found_in(pipeline, codes) if each.path == pipeline.path]
        try:
            laws(pipeline)
            paths_of_findings(pipeline, found)
        except AssertionError as error:
            raise AssertionError(f"{pipeline.path}: {pipeline.name}") from error


def paths_of_findings(pipeline: Pipeline, findings: list[Finding]) -> None:
    """The path of a finding goes by the steps of its witness, and along edges from each to the next."""
    picture = picture_of(pipeline, findings=findings)
    assert [each.finding for each in picture.findings] == findings
    for shown in picture.findings:
        edges = [picture.edges[each.edge] for each in shown.ways]
        assert all(each.way < len(picture.edges[each.edge].ways) for each in shown.ways)
        taken = nx.DiGraph((each.source, each.target) for each in edges)
        taken.add_nodes_from(shown.nodes)
        assert {each.id for each in picture.nodes} >= set(shown.nodes)
        witness = shown.finding.witness or ()
        assert all(nx.has_path(taken, *pair) for pair in pairwise(witness)), (shown, edges)
        painted = picture.marked([shown])
        assert {each.id for each in painted.nodes if each.marked} == set(shown.nodes)
        assert {number for number, each in enumerate(painted.edges) if each.marked} == {
            each.edge for each in shown.ways
        }
    assert picture.marked([]) == picture


NAMES = ["start", "end", "graph", "a b", "é", "<b>", "o", "x", 'say "hi"', "s#1", "end_", "_end"]
SPAN = Span(1, 1, 1, 2)
KEYS = st.sampled_from(["key", "other", "-", "a|b", "<i>"])
EFFECTS = st.builds(
    Effect,
    base=st.sampled_from(Base),
    drops=st.frozensets(KEYS, max_size=2),
    sets=st.dictionaries(KEYS, st.just(Value()), max_size=2),
    opens=st.booleans(),
)
LABELS = st.none() | st.sampled_from(
    ["default", "key == 'a'", "key != 'a'", "not key", "key", 'x["|"]  > 1', "("]
)


@st.composite
def arms(draw: st.DrawFn, names: list[str], *, depth: int = 0) -> Arm:
    target = draw(st.sampled_from([*names, *names, "nowhere", None]))
    fan = None
    if depth == 0 and draw(st.integers(0, 3)) == 0:
        kind = draw(st.sampled_from(["parallel", "map", "detach"]))
        most = 1 if kind == "map" else 3
        fan = FanOut(kind, tuple(draw(st.lists(arms(names, depth=1), min_size=1, max_size=most))))
    is_known = draw(st.integers(0, 9)) > 0
    return Arm(
        SPAN,
        "return",
        draw(EFFECTS),
        Target(target if is_known else None, known=is_known),
        draw(LABELS) if depth == 0 else None,
        fan=fan,
    )


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    steps = []
    for name in names:
        sites = [
            ReturnSite(SPAN, (), "unread") if not each else ReturnSite(SPAN, tuple(each))
            for each in draw(st.lists(st.lists(arms(names), max_size=3), max_size=2))
        ]
        parameters = tuple(Parameter(key, SPAN) for key in draw(st.lists(KEYS, max_size=2, unique=True)))
        steps.append(Step(name, "made.py", SPAN, parameters, tuple(sites)))
    beginner = draw(st.sampled_from([*names, "missing"]))
    return Pipeline("pipe", "made.py", SPAN, beginner, tuple(steps))


def arm(target: str | None, *, known: bool = True, branch: str | None = None) -> Arm:
    fan = None if branch is None else FanOut("parallel", (arm(branch),))
    return Arm(SPAN, "return", Effect(Base.STATE), Target(target, known=known), fan=fan)


def made(beginner: str, **ahead: list[Arm]) -> Pipeline:
    steps = (
        Step(name, "made.py", SPAN, (), (ReturnSite(SPAN, tuple(each)),)) for name, each in ahead.items()
    )
    return Pipeline("pipe", "made.py", SPAN, beginner, tuple(steps))


NOT_KNOWN_WHERE_IT_JOINS = made(
    "fork",
    fork=[arm("join", branch="inner"), arm("join")],
    inner=[arm(None, known=False, branch="last")],
    last=[arm("join")],
    join=[arm(None)],
)
"""A branch comes to where the branches around it join, and its own may join elsewhere."""
COMES_TO_WHAT_BEGAN_IT = made(
    "start",
    start=[arm(None, known=False, branch="one")],
    one=[arm("fork")],
    fork=[arm("join", branch="one"), arm("end")],
    end=[arm(None)],
)


@settings(max_examples=50)
@given(pipelines())
@example(NOT_KNOWN_WHERE_IT_JOINS)
@example(COMES_TO_WHAT_BEGAN_IT)
def test_laws_of_the_pictures_of_any_pipeline(pipeline: Pipeline) -> None:
    laws(pipeline)


def test_what_is_nested_deep_stands_by_itself() -> None:
    """A tree of decisions, deeper than the drawing goes."""
    steps = []
    for number in range(2**8 - 1):
        ahead = [2 * number + 1, 2 * number + 2]
        sites = [ReturnSite(SPAN, (Arm(SPAN, "", Effect(Base.STATE), Target(f"s{each}")),)) for each in ahead]
        steps.append(Step(f"s{number}", "made.py", SPAN, (), tuple(sites if ahead[1] < 2**8 - 1 else ())))
    picture = picture_of(Pipeline("tree", "made.py", SPAN, "s0", tuple(steps)))
    drawings(picture)
    lines = [line.plain for line in render(picture)]
    assert max(map(len, lines)) <= 3 * MAX_DEPTH + len("└─ → s255")


if __name__ == "__main__":
    import os

    os.chdir(CASES)
    os.environ["COLUMNS"] = "80"
    for program in sorted(CASES.glob("*.py")):
        for name, ending in FORMATS.items():
            program.with_suffix(ending).write_text(drawn(program, name), encoding="utf-8")
    sys.exit()
