"""`check_graph` and `save_dot`: the analyser on a pipeline as it stands in memory."""

from __future__ import annotations

import ast
import asyncio
import copy
import functools
import importlib.util
import io
import linecache
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import networkx as nx
import pydot
import pytest

from orchwipy_lint import Severity, check_source
from orchwipy_lint.source import live
from orchwipy_lint.source.limits import parse
from orchwipy_runtime import ConditionalReturns, Functions, MicroFunctions, ReturnUpdates
from orchwipy_runtime.call_graph import DefaultArgument, GraphWarning, MissingArgument, UncheckedStep
from orchwipy_runtime.errors import AnalyserMissing, UnknownStep

FIXTURES = Path(__file__).parent / "fixtures"
NO_MODULES = ("contracts", "mypy", "projects", "unreadable")
"""Folders with files that are not programs by themselves."""

KITCHEN = """\
from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="start")


@pipe.fn()
def start(*, wish: str, **kwargs):
    return ConditionalReturns(
        wish,
        ReturnUpdates("bread", "*"),
        cake=ReturnUpdates("cake", "*", eggs=2),
    )


@pipe.fn()
def bread(**kwargs):
    return {"$next": "cake", "eggs": 5}


@pipe.fn()
def cake(*, eggs: int, sugar: int = 100, **kwargs):
    return ReturnUpdates("decorate", icing=True)


@pipe.fn(terminates=True)
def decorate(*, icing: bool, **kwargs):
    return {}
"""

Said = list[warnings.WarningMessage]


def check(pipe: Functions, *start: str, **options: bool) -> tuple[bool, Said]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        return pipe.check_graph(*start, **options), said


def places(said: Said) -> list[tuple[type[Warning], str, int]]:
    return [(each.category, Path(each.filename).name, each.lineno) for each in said]


Load = Callable[[str, str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Imports a text as a module of that name, from a file."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def loaded(name: str, text: str) -> ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def kitchen(load: Load) -> MicroFunctions:
    pipe = load("kitchen", KITCHEN).pipe
    assert isinstance(pipe, MicroFunctions)
    return pipe


class TestTheRegistry:
    def test_a_sound_pipeline(self, kitchen: MicroFunctions) -> None:
        assert check(kitchen) == (True, [])
        assert check(kitchen, "start") == (True, [])

    def test_a_step_replaced_in_a_copy_is_read_where_it_stands(self, kitchen: MicroFunctions) -> None:
        broken = copy.deepcopy(kitchen)

        @broken.fn()
        def bread(**kwargs: object) -> dict[str, object]:
            return {"$next": "cake"}

        passes, said = check(broken)
        line = broken.steps["bread"].function.__code__.co_firstlineno + 2
        assert not passes
        assert places(said) == [(MissingArgument, Path(__file__).name, line)]
        assert str(said[0].message) == (
            "OWP101 MissingArgument: step `cake` needs `eggs`, which start → bread → cake does not bring\n"
            'help: return {"$next": "cake", "eggs": ...} here, or give `eggs` a default at '
            f"{kitchen.steps['cake'].function.__code__.co_filename}:21"
        )
        mended = copy.deepcopy(broken)

        @mended.fn()  # type: ignore[no-redef]
        def bread(**kwargs: object) -> dict[str, object]:  # noqa: F811
            return {"$next": "cake", "eggs": 1}

        assert check(mended) == (True, [])
        assert check(kitchen) == (True, [])
        assert not check(broken)[0]

    def test_what_the_decorator_said_is_known_and_not_read(self, load: Load) -> None:
        module = load(
            "options",
            "from orchwipy_runtime import MicroFunctions, ReturnUpdates\n"
            "def options(name): return {'default_next': name, 'terminates': name is None}\n"
            "pipe = MicroFunctions(beginner='one')\n"
            "@pipe.fn(**options('two'))\n"
            "def one(**kwargs):\n"
            "    return ReturnUpdates(None)\n"
            "@pipe.fn(**options(None))\n"
            "def two(*, key, **kwargs):\n"
            "    return {}\n",
        )
        _, said = check(module.pipe)
        assert places(said) == [(MissingArgument, "options.py", 6)]
        module.pipe.steps["one"].default_next = "three"
        _, said = check(module.pipe)
        assert "leads to `three`, which is no step of `pipe`" in str(said[0].message)

    def test_a_file_is_parsed_once(self, kitchen: MicroFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
        parsed: list[str] = []

        def counted(text: str) -> ast.Module:
            parsed.append(text)
            return parse(text)

        monkeypatch.setattr(live, "parse", counted)
        assert check(kitchen, *kitchen.steps)[0]
        assert parsed == [KITCHEN]

    def test_steps_of_several_modules_each_in_its_own_file(self, load: Load) -> None:
        head = "from orchwipy_runtime import ReturnUpdates\nfrom base import pipe\n"
        base = load("base", "from orchwipy_runtime import Functions\npipe = Functions(beginner='one')\n")
        load(
            "first", f"{head}\n\n@pipe.fn()\ndef one(**kwargs):\n    return ReturnUpdates('two', '*', x=1)\n"
        )
        load("second", f"{head}@pipe.fn()\ndef two(*, y, **kwargs):\n    return ReturnUpdates('tree', y=1)\n")
        load("third", f"{head}@pipe.fn(terminates=True)\ndef three(**kwargs):\n    return {{}}\n")
        passes, said = check(base.pipe)
        assert not passes
        assert places(said) == [
            (MissingArgument, "first.py", 7),
            (GraphWarning, "second.py", 5),
            (GraphWarning, "third.py", 4),
        ]
        assert [str(each.message)[:6] for each in said] == ["OWP101", "OWP201", "OWP202"]


# Where memory knows other things than the text of the one file, and what either says alone.
DIFFERENT: dict[str, tuple[set[str], set[str]]] = {
    "alternatives_by_import.py": (set(), {"OWP101"}),  # one of the two is there
    "branch_that_never_ends.py": ({"OWP210"}, {"OWP210"}),  # where `>>` stands is not known
    "diamond_where_nobody_brings_it.py": ({"OWP101"}, {"OWP101"}),  # likewise
    "duplicate_step.py": (set(), {"OWP207"}),  # the second is there
    "escapes_into_a_copy.py": ({"OWP201", "OWP202"}, set()),  # nothing was added to it
    "registered_in_a_loop.py": ({"OWP202"}, set()),  # all of them are there
    "one_function_many_steps_lack_a_key.py": ({"OWP101"}, {"OWP101"}),  # nor where `pipe.step` does
    "replaced_after_a_condition.py": (set(), {"OWP207"}),
    "made_in_a_function_without_a_key.py": (set(), {"OWP101"}),  # nobody has called it
    "unknown_beginner.py": ({"OWP205"}, {"OWP205"}),  # the constructor's place is not known
    "unknown_beginner_of_one_of_two.py": ({"OWP205"}, {"OWP205"}),
}


@pytest.mark.parametrize(
    "folder",
    [each for each in sorted(FIXTURES.iterdir()) if each.name not in NO_MODULES],
    ids=lambda each: each.name,
)
def test_memory_shows_what_the_text_shows(folder: Path, tmp_path: Path) -> None:
    files = sorted(folder.glob("*.py"))
    loaded = 0
    for each in files:
        text = re.sub(r"\borchwipy\b", "orchwipy_runtime", each.read_text(encoding="utf-8"))
        path = tmp_path / each.name
        path.write_text(text, encoding="utf-8")
        module: dict[str, Any] = {"__name__": each.stem}
        try:
            exec(compile(text, str(path), "exec"), module)
        except Exception:  # it imports what is not there, or a declaration is refused
            continue
        loaded += 1
        pipes = {
            id(value): value for value in module.values() if isinstance(value, Functions) and value.steps
        }
        found = [check(pipe) for pipe in pipes.values()]
        live = {(str(one.message)[:6], one.lineno) for _, said in found for one in said}
        static = [one for one in check_source(text, str(path)) if one.severity is not Severity.NOTE]
        there = {(one.code, one.line) for one in static}
        ours, theirs = DIFFERENT.get(each.name, (set(), set()))
        assert ({code for code, _ in live - there}, {code for code, _ in there - live}) == (ours, theirs), (
            each
        )
        if each.name not in DIFFERENT:
            is_bad = any(one.severity is Severity.ERROR for one in static)
            assert all(passes for passes, _ in found) is not is_bad, each
    assert loaded > 0.7 * len(files)


class TestStarts:
    def test_somewhere_else(self, kitchen: MicroFunctions) -> None:
        kitchen.steps["bread"].default_next = None

        @kitchen.fn()
        def cake(*, eggs: int, **kwargs: object) -> ReturnUpdates:
            return ReturnUpdates("decorate", "eggs", "flour", icing=eggs > 2)

        @kitchen.fn(terminates=True)
        def decorate(*, icing: bool, wish: str, **kwargs: object) -> dict[str, object]:
            return {}

        paths = {
            "start": "start → cake → decorate",
            "cake": "cake → decorate",
            "bread": "bread → cake → decorate",
        }
        for start, path in paths.items():
            said = [str(each.message) for each in check(kitchen, start)[1]]
            assert [path in each for each in said if "OWP101" in each] == [True]

    def test_what_is_never_so_is_said_of_all_runs_alone(self, kitchen: MicroFunctions) -> None:
        @kitchen.fn()
        def bread(**kwargs: object) -> ReturnUpdates:
            return ReturnUpdates("cake", "flour", eggs=5)

        @kitchen.fn(terminates=True)
        def spare(**kwargs: object) -> dict[str, object]:
            return {}

        _, said = check(kitchen)
        assert sorted(str(each.message)[:6] for each in said) == ["OWP107", "OWP202"]
        assert check(kitchen, "bread") == (True, [])
        assert check(kitchen, "start", "spare") == (True, [])

    def test_several_say_each_finding_once_by_the_shortest_path(self, kitchen: MicroFunctions) -> None:
        @kitchen.fn()
        def bread(**kwargs: object) -> dict[str, object]:
            return {"$next": "cake"}

        for starts in (("start", "bread"), ("bread", "start"), ("bread", "bread")):
            passes, said = check(kitchen, *starts)
            assert not passes
            (one,) = said
            assert "which bread → cake does not bring" in str(one.message)

    def test_one_that_is_no_step(self, kitchen: MicroFunctions) -> None:
        with pytest.raises(UnknownStep, match="did you mean `bread`"):
            kitchen.check_graph("braed")

    def test_a_pipeline_without_steps(self) -> None:
        with pytest.raises(UnknownStep, match="no step is called `start`"):
            Functions(beginner="start").check_graph()

    def test_a_beginner_that_is_no_step_is_a_finding_where_it_was_asked_for(self) -> None:
        tea = Functions(beginner="biol")

        @tea.fn(terminates=True)
        def boil(**kwargs: object) -> dict[str, object]:
            return {}

        passes, said = check(tea)
        assert not passes
        assert places(said) == [(GraphWarning, Path(__file__).name, check.__code__.co_firstlineno + 3)]
        assert "OWP205 `pipe` begins with `biol`" in str(said[0].message)


class TestWarnings:
    def test_defaults_on_request(self, kitchen: MicroFunctions) -> None:
        passes, said = check(kitchen, warn_default_passing=True)
        assert passes
        assert places(said) == [(DefaultArgument, "kitchen.py", 11), (DefaultArgument, "kitchen.py", 17)]
        assert "OWP102 DefaultArgument: step `cake` uses its default for `sugar`" in str(said[0].message)

    def test_categories(self) -> None:
        assert issubclass(GraphWarning, UserWarning)
        for each in (MissingArgument, DefaultArgument, UncheckedStep):
            assert issubclass(each, GraphWarning)

    def test_a_warning_of_severity_warning_passes(self, kitchen: MicroFunctions) -> None:
        @kitchen.fn()
        def bread(**kwargs: object) -> ReturnUpdates:
            return ReturnUpdates(str(kwargs.get("way")))

        passes, said = check(kitchen)
        assert [str(each.message)[:6] for each in said] == ["OWP206"]
        assert passes

    @pytest.mark.parametrize(
        "filtered",
        [
            {"category": MissingArgument},
            {"category": GraphWarning},
            {"message": "OWP101 MissingArgument"},
            {"module": "leaky$"},
            {"lineno": 17},
        ],
    )
    def test_filters_go_by_what_it_is_and_where(self, load: Load, filtered: dict[str, Any]) -> None:
        pipe = load("leaky", KITCHEN.replace(', "eggs": 5', "")).pipe
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(MissingArgument):
                pipe.check_graph()
            warnings.filterwarnings("ignore", **filtered)
            assert pipe.check_graph() is False

    def test_each_call_says_it_again(self, kitchen: MicroFunctions) -> None:
        kitchen.steps.pop("decorate")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("default")
            kitchen.check_graph()
            kitchen.check_graph()
        assert len(said) == 2

    @pytest.mark.parametrize(
        ("comment", "silences"), [("# noqa", True), ("# noqa: OWP101", True), ("# noqa: OWP2", False)]
    )
    def test_noqa(self, load: Load, comment: str, silences: bool) -> None:
        line = 'return {"$next": "cake", "eggs": 5}'
        module = load("quiet", KITCHEN.replace(line, f'return {{"$next": "cake"}}  {comment}'))
        passes, said = check(module.pipe)
        assert (passes, said == []) == (silences, silences)


class TestStepsOfOtherKinds:
    def checked(self, pipe: Functions) -> list[str]:
        """What is said of steps that cannot be read; nothing else is."""
        passes, said = check(pipe)
        assert passes
        assert {each.category for each in said} <= {UncheckedStep}
        return [str(each.message) for each in said]

    def test_a_step_that_exec_made_may_do_anything(self) -> None:
        pipe = Functions(beginner="made")

        @pipe.fn(next_key="goto")
        def go(**kwargs: object) -> ReturnUpdates:
            return ReturnUpdates(None, "salt")  # no end, where the made step sets `goto`

        @pipe.fn(terminates=True)
        def end(*, sugar: int, **kwargs: object) -> dict[str, object]:
            return {}

        source = "def made(**kwargs):\n    return ReturnUpdates('go', goto='end', salt=1, sugar=2)\n"
        exec(compile(f"@pipe.fn()\n{source}", "<made>", "exec"), {"pipe": pipe})
        passes, said = check(pipe)
        assert passes
        line = pipe.steps["go"].function.__code__.co_firstlineno + 2
        assert places(said) == [(UncheckedStep, "<made>", 1), (GraphWarning, Path(__file__).name, line)]
        assert str(said[0].message) == (
            "step `made` is not checked, nor is any path beyond it: "
            "its source cannot be found: it was made by `exec`, or its file is gone\n"
            "help: define it with `def` in a file or in a cell of a notebook"
        )
        assert "OWP206 the text does not tell" in str(said[1].message)

    def test_what_it_needs_is_known_all_the_same(self, kitchen: MicroFunctions) -> None:
        exec("@pipe.fn()\ndef bread(*, flour, salt=1, **kwargs):\n    return {}", {"pipe": kitchen})
        passes, said = check(kitchen)
        assert not passes
        assert places(said) == [(UncheckedStep, "<string>", 1), (MissingArgument, "kitchen.py", 10)]
        assert "step `bread` needs `flour`" in str(said[1].message)

    def test_a_lambda_and_what_is_no_function(self) -> None:
        pipe = Functions(beginner="<lambda>")
        pipe.fn()(lambda **kwargs: ReturnUpdates("print"))
        pipe.fn(terminates=True)(print)  # type: ignore[type-var]
        first, second = self.checked(pipe)
        assert "step `<lambda>` is not checked, nor is any path beyond it: it is a lambda" in first
        assert "step `print` is not checked, nor is any path beyond it: it is no function" in second

    def test_a_file_that_was_changed(self, load: Load, tmp_path: Path) -> None:
        pipe = load("changing", KITCHEN).pipe
        path = tmp_path / "changing.py"
        path.write_text("\n" + KITCHEN, encoding="utf-8")
        assert ["the file was changed since" in each for each in self.checked(pipe)] == [True] * 4
        path.write_text(KITCHEN.replace("*, icing: bool", "*, topping: bool"), encoding="utf-8")
        assert ["the file was changed since" in each for each in self.checked(pipe)] == [True]
        path.write_text("def (", encoding="utf-8")
        assert ["its file cannot be read" in each for each in self.checked(pipe)] == [True] * 4
        path.unlink()
        assert ["its source cannot be found" in each for each in self.checked(pipe)] == [True] * 4

    def test_a_wrapper_is_looked_through_where_it_says_what_it_wraps(self) -> None:
        def logged(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def wrapper(**kwargs: Any) -> Any:
                return function(**kwargs)

            return wrapper

        pipe = Functions(beginner="boil")

        @pipe.fn()
        @logged
        @functools.lru_cache
        def boil(**kwargs: object) -> ReturnUpdates:
            return ReturnUpdates("pour")

        @pipe.fn(terminates=True)
        @logged
        def pour(*, cup: str, **kwargs: object) -> dict[str, object]:
            return {}

        passes, said = check(pipe)
        assert not passes
        assert "step `pour` needs `cup`, which boil → pour does not bring" in str(said[0].message)
        assert said[0].lineno == boil.__wrapped__.__wrapped__.__wrapped__.__code__.co_firstlineno + 4  # type: ignore[attr-defined]

        del pour.__wrapped__.__wrapped__  # type: ignore[attr-defined]
        (one,) = self.checked(pipe)
        assert "a decorator makes something else of it" in one

    def test_what_a_decorator_makes_fit_is_no_fault(self) -> None:
        def fitted(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def wrapper(**kwargs: Any) -> Any:
                return asyncio.run(function(kwargs["water"]))

            return wrapper

        def last(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def wrapper(**kwargs: Any) -> Any:
                *_, result = function(**kwargs)
                return result

            return wrapper

        pipe = Functions(beginner="boil")

        @pipe.fn()
        @fitted
        async def boil(water: float) -> ReturnUpdates:
            return ReturnUpdates("pour", tea=water)

        assert "leads to `pour`, which is no step" in str(check(pipe)[1][0].message)

        @pipe.fn(terminates=True)
        @last
        def pour(**kwargs: object) -> Any:
            yield None
            yield {}

        (one,) = self.checked(pipe)
        assert "step `pour` is not checked, nor is any path beyond it: a decorator makes something" in one
        assert pipe.run(water=1.0).path == ["boil", "pour"]

    def test_methods_and_functions_of_another_name(self) -> None:
        class Shop:
            def boil(self, *, water: float, **kwargs: object) -> ReturnUpdates:
                return ReturnUpdates("serve", tea=water / 2)

        def pour(*, tea: float, **kwargs: object) -> dict[str, object]:
            return {}

        pour.__name__ = "serve"
        pipe = Functions(beginner="boil")
        pipe.fn()(Shop().boil)
        pipe.fn(terminates=True)(pour)
        assert check(pipe) == (True, [])
        assert check(copy.deepcopy(pipe)) == (True, [])

    def test_functions_that_are_given_by_name(self) -> None:
        def wash(*, plates: int, **kwargs: object) -> dict[str, object]:
            return {"plates": plates}

        pipe = Functions(
            beginner="first", functions={"first": wash, "again": wash}, default_next={"first": "again"}
        )
        pipe.steps["again"].terminates = True
        assert check(pipe) == (True, [])
        pipe.steps["first"].default_next = "agian"
        assert not check(pipe)[0]

    def test_the_cells_of_a_notebook(self) -> None:
        cells = [
            "import typing as t\nimport orchwipy_runtime as o\n"
            "from orchwipy_runtime import ReturnUpdates as Go\n",
            "pipe = o.Functions(beginner='boil')\n",
            "@pipe.fn()\n"
            "def boil(*, way: t.Literal['pour', 'serve'], **kwargs):\n"
            "    return Go(way, '*', hot=1)\n",
            "@pipe.fn()\n"
            "def pour(*, hot, **kwargs):\n"
            "    return o.ConditionalReturns(hot, Go('serve', cup=1))\n",
            "@pipe.fn(terminates=True)\ndef serve(*, cup, **kwargs):\n    raise o.PauseExecution\n",
        ]
        notebook: dict[str, Any] = {"__name__": "__main__"}
        for number, cell in enumerate(cells):
            name = f"<ipython-input-{number}-owp>"
            linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
            exec(compile(cell, name, "exec"), notebook)
        passes, said = check(notebook["pipe"])
        assert not passes
        assert places(said) == [(MissingArgument, "<ipython-input-2-owp>", 3)]
        assert "which boil → serve does not bring" in str(said[0].message)

    def test_a_module_that_gets_our_names_from_elsewhere(self, load: Load) -> None:
        load(
            "common",
            "from orchwipy_runtime import Functions, ReturnUpdates\npipe = Functions(beginner='one')\n",
        )
        module = load(
            "user",
            "from common import *\nfrom common import ReturnUpdates\n"
            "@pipe.fn(terminates=True)\ndef one(**kwargs):\n    return ReturnUpdates(None)\n",
        )
        assert check(module.pipe) == (True, [])

    def test_globals_that_cannot_be_asked_are_not(self, load: Load) -> None:
        class Proxy:
            def __getattribute__(self, name: str) -> object:
                raise RuntimeError(name)

        module = load("proxied", KITCHEN)
        module.__dict__["request"] = Proxy()
        assert check(module.pipe) == (True, [])


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot")
class TestDrawing:
    def drawn(
        self, pipe: Functions, **options: Any
    ) -> tuple[str, dict[str, dict[str, str]], set[tuple[str, ...]]]:
        """The text, and what a parser of DOT sees in it: nodes, and edges with their labels and styles."""
        file = io.StringIO()
        pipe.save_dot(file, **options)
        graphs = pydot.graph_from_dot_data(file.getvalue())
        assert graphs is not None
        (graph,) = graphs
        nodes = {each.get_name().strip('"'): each.get_attributes() for each in graph.get_nodes()}
        edges = {
            (
                str(each.get_source()).strip('"'),
                str(each.get_destination()).strip('"'),
                *(value.strip('"') for _, value in sorted(each.get_attributes().items())),
            )
            for each in graph.get_edges()
        }
        return file.getvalue(), nodes, edges

    def test_steps_and_conditions(self, kitchen: MicroFunctions) -> None:
        text, nodes, edges = self.drawn(kitchen)
        assert list(nodes) == ["graph", "node", "edge", "start", "bread", "cake", "decorate", "$end"]
        assert [name for name, given in nodes.items() if "peripheries" in given] == ["decorate"]
        assert edges == {
            ("start", "bread", r"wish != 'cake'\ndrops all", "dashed"),
            ("start", "cake", r"wish == 'cake'\ndrops all +eggs"),
            ("bread", "cake", "drops all +eggs"),
            ("cake", "decorate", "+icing"),
            ("decorate", "$end", "drops all"),
        }
        assert text == self.drawn(kitchen)[0]
        assert text.startswith('digraph "pipe" {\n')

    def test_the_step_on_top(self, kitchen: MicroFunctions) -> None:
        assert '{ rank=source; "cake"; }' in self.drawn(kitchen, top_node="cake")[0]
        with pytest.raises(UnknownStep, match="did you mean `cake`"):
            kitchen.save_dot(io.StringIO(), top_node="caek")

    def test_what_is_not_known_is_dashed(self) -> None:
        pipe = Functions(beginner="ask")
        pipe.fn()(lambda **kwargs: {})

        @pipe.fn()
        def ask(*, where: str, first: bool, **kwargs: object) -> Any:
            if first:
                return ReturnUpdates(where, "first")
            if where:
                return ReturnUpdates("nowhere")
            return [where]

        _, nodes, edges = self.drawn(pipe)
        assert {"<lambda>", "ask", "nowhere", "$unknown"} < nodes.keys()
        assert all("dashed" in nodes[each]["style"] for each in ("nowhere", "$unknown"))
        assert edges == {
            ("<lambda>", "$unknown", "+… -…", "dashed"),
            ("ask", "$unknown", r"first: -first\na return that cannot be read", "dashed"),
            ("ask", "nowhere", "where"),
        }

    def test_quotes_and_backslashes(self) -> None:
        pipe = Functions(beginner="ask")

        @pipe.fn(terminates=True)
        def ask(*, path: str, **kwargs: object) -> ReturnUpdates | ConditionalReturns[str]:
            if path == 'C:\\new "folder"':
                return ReturnUpdates("ask")
            return ReturnUpdates(None)

        text, _, edges = self.drawn(pipe)
        assert r"""label="path == 'C:\\\\new \"folder\"'",""" in text
        assert len(edges) == 2


class TestCallGraph:
    def test_steps_and_what_leads_from_one_to_another(self, kitchen: MicroFunctions) -> None:
        graph = kitchen.call_graph()
        assert list(graph.nodes) == ["start", "bread", "cake", "decorate"]
        assert list(graph.edges) == [
            ("start", "cake"),
            ("start", "bread"),
            ("bread", "cake"),
            ("cake", "decorate"),
        ]
        assert graph.nodes["cake"]["needs"] == {"eggs": "int", "sugar": "int"}
        (arm,) = graph.edges["start", "bread"]["arms"]
        assert (arm["condition"], arm["changes"]) == ("wish != 'cake'", "drops all")
        assert nx.shortest_path(graph, "start", "decorate") == ["start", "cake", "decorate"]

    def test_what_is_no_step_is_left_out(self) -> None:
        pipe = Functions(beginner="ask")

        @pipe.fn(terminates=True)
        def ask(*, where: str, **kwargs: object) -> Any:
            if kwargs:
                return ReturnUpdates(where)
            return ReturnUpdates("nowhere") if where else ReturnUpdates("ask", asked=1)

        graph = pipe.call_graph()
        assert list(graph.nodes) == ["ask"]
        assert [arm["changes"] for arm in graph.edges["ask", "ask"]["arms"]] == ["+asked"]


def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "kitchen.py").write_text(KITCHEN, encoding="utf-8")
    program = (
        "import sys\n"
        "sys.modules['libcst'] = None\n"
        "from kitchen import pipe\n"
        "from orchwipy_runtime.errors import AnalyserMissing, OrchwipyError\n"
        "for each in (pipe.check_graph, pipe.call_graph, lambda: pipe.save_dot(sys.stdout)):\n"
        "    try:\n"
        "        each()\n"
        "    except AnalyserMissing as error:\n"
        "        print(isinstance(error, (OrchwipyError)), error.help)\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == 'True pip install "orchwipy-lint[lint]"\n' * 3


def test_the_error_is_an_import_error() -> None:
    assert issubclass(AnalyserMissing, ImportError)


# On each, upstream's check and ours say the same.
AGREED = {
    "sound": (KITCHEN, set()),
    "a dict forgets": (KITCHEN.replace(', "eggs": 5', ""), {("cake", "eggs")}),
    "an arm forgets": (KITCHEN.replace("eggs=2", "flour=2"), {("cake", "eggs")}),
    "dropped": (
        KITCHEN.replace("icing=True", '"eggs", icing=True').replace(
            "*, icing: bool,", "*, icing: bool, eggs: int,"
        ),
        {("decorate", "eggs")},
    ),
}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="upstream needs Python 3.11")
@pytest.mark.parametrize("name", AGREED)
def test_upstream_says_the_same(name: str, load: Load, tmp_path: Path) -> None:
    pytest.importorskip("orchwipy")
    from .oracle.upstream import said_by_upstream

    text, expected = AGREED[name]
    theirs = said_by_upstream(text.replace("orchwipy_runtime", "orchwipy"), tmp_path, "start")
    _, said = check(load("ours", text).pipe, "start")
    found = [re.search(r"step `(\w+)` needs `(\w+)`", str(each.message)) for each in said]
    assert {each.groups() for each in found if each} == theirs == expected
