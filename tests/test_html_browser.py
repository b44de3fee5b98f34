"""The page of HTML in a real browser, by mouse and by keys: nobody complains, nothing is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchwipy_lint.cli import main
from tests.browser import Page, browse, find_chromium
from tests.samples import BROKEN
from tests.test_html import HOSTILE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no chromium here to open the page with"),
    pytest.mark.skipif(os.name != "posix", reason="the browser is told what to do over pipes"),
]

LENGTH = 60


def long_pipeline() -> str:
    """A pipeline of many steps, whose last one lacks a key."""
    lines = [
        "from orchwipy_runtime import Functions, ReturnUpdates",
        "",
        'long = Functions(beginner="step_0")',
    ]
    for number in range(LENGTH - 1):
        code = f'    return ReturnUpdates("step_{number + 1}")'
        lines += ["", "", "@long.fn()", f"def step_{number}(**kwargs):", code]
    last = f"def step_{LENGTH - 1}(*, needed, **kwargs):"
    lines += ["", "", "@long.fn(terminates=True)", last, "    return {}"]
    return "\n".join([*lines, ""])


FAINT = """\
(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const linear = (each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = numbers(colour).map((each) => linear(each / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
  };
  const ratio = (one, other) => {
    const [more, less] = [light(one), light(other)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const isText = (each) => each.nodeType === Node.TEXT_NODE && each.data.trim();
  const read = [...document.querySelectorAll("body *")]
    .filter((each) => !each.closest("svg, script, option") && each.checkVisibility())
    .filter((each) => [...each.childNodes].some(isText));
  const drawn = [...document.querySelectorAll(".node text")].filter((each) => each.checkVisibility());
  const box = (each) => getComputedStyle(each.parentNode.querySelector("[fill]:not([fill=none])")).fill;
  return [
    ...read.map((each) => [each.textContent, ratio(getComputedStyle(each).color, behind(each))]),
    ...drawn.map((each) => [each.textContent, ratio(getComputedStyle(each).fill, box(each))]),
  ].filter(([, found]) => found < 4.5).map(([text, found]) => `${text}: ${found.toFixed(1)}`);
})()
"""
"""The texts with less contrast than the guidelines for accessible pages ask for."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "broken.py").write_text(BROKEN, encoding="utf-8")
    (folder / "hostile.py").write_text(HOSTILE, encoding="utf-8")
    (folder / "long.py").write_text(long_pipeline(), encoding="utf-8")
    main(["check", str(folder), "--format", "html", "-o", str(folder / "report.html")])
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browse(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page, report: Path) -> Iterator[Page]:
    browser.open(report)
    yield browser
    assert browser.complaints() == []
    assert browser.requests() == []


def node(name: str) -> str:
    return f'figure:not([hidden]) .node[data-name="{name}"]'


def names(page: Page, kind: str) -> list[str]:
    """The nodes of the shown drawing that have a class."""
    found: list[str] = page.value(
        f"[...document.querySelectorAll('figure:not([hidden]) .node.{kind}')].map(each => each.dataset.name)"
    )
    return found


def panel(page: Page) -> str:
    """The heading of the node's panel that is shown."""
    found: str = page.value("document.querySelector('.node-panel.shown h2')?.firstChild.data ?? ''")
    return found


def is_in_the_middle(page: Page, name: str) -> bool:
    x, y = page.middle(node(name))
    left, top, width, height = page.box("#drawings")
    return abs(x - left - width / 2) < 3 and abs(y - top - height / 2) < 3


def is_seen(page: Page, name: str) -> bool:
    x, y, width, height = page.box(node(name))
    left, top, over, down = page.box("#drawings")
    return x >= left and y >= top and x + width <= left + over and y + height <= top + down


class TestMouse:
    def test_a_step_opens_its_panel(self, page: Page) -> None:
        page.click(node("label"))
        assert panel(page) == "label"
        assert names(page, "selected") == ["label"]
        assert "def label(" in page.value("document.querySelector('.node-panel.shown .source').textContent")
        page.click(".node-panel.shown .close")
        assert panel(page) == ""

    def test_a_finding_lights_its_path_and_lists_its_hops(self, page: Page) -> None:
        page.click("#finding-0 summary")
        assert names(page, "lit") == ["weigh", "label", "send"]
        assert page.value("document.querySelectorAll('.edge.lit').length") == 2
        assert all(is_seen(page, each) for each in names(page, "lit"))
        page.click("#finding-0 .hops li:nth-child(2) a")
        assert panel(page) == "label"
        assert page.value("document.querySelector('.node-panel.shown .line.lit').dataset.line") == "13"
        page.click("#finding-0 summary")
        assert names(page, "lit") == []

    def test_a_finding_of_another_pipeline_turns_to_it(self, page: Page) -> None:
        number = page.value("document.querySelectorAll('details').length") - 1
        page.click(f"#finding-{number} summary")
        assert page.value("document.querySelectorAll('figure:not([hidden])').length") == 1
        assert len(names(page, "lit")) == LENGTH
        assert is_seen(page, f"step_{LENGTH - 1}")
        assert page.value("document.querySelectorAll('details[open]').length") == 1
        page.click("#finding-0 summary")
        assert names(page, "lit") == ["weigh", "label", "send"]
        assert page.value("document.querySelectorAll('figure.lighting').length") == 1

    def test_dragging_moves_and_opens_nothing(self, page: Page) -> None:
        x, y = page.middle(node("label"))
        page.drag((x, y), (x + 20, y + 10), (x + 60, y + 30))
        assert page.middle(node("label")) == pytest.approx((x + 60, y + 30), abs=1)
        assert panel(page) == ""

    def test_the_wheel_zooms_where_the_pointer_is(self, page: Page) -> None:
        x, y = page.middle(node("label"))
        before = page.box(node("label"))[2]
        page.wheel(x, y, -300)
        assert page.box(node("label"))[2] > 1.2 * before
        assert page.middle(node("label")) == pytest.approx((x, y), abs=1)
        page.wheel(x, y, 300)
        assert page.box(node("label"))[2] == pytest.approx(before, rel=0.01)

    def test_buttons_zoom_and_fit(self, page: Page) -> None:
        before = page.box(node("label"))
        page.click("#in")
        assert page.box(node("label"))[2] > before[2]
        page.click("#out")
        page.click("#out")
        assert page.box(node("label"))[2] < before[2]
        page.click("#fit")
        assert page.box(node("label")) == pytest.approx(before, abs=1)


class TestKeys:
    def test_search_lights_up_and_centres(self, page: Page) -> None:
        page.value("document.querySelector('#pipelines').focus()")
        page.press("ArrowDown")
        page.press("ArrowDown")
        page.press("/")
        page.type("step_5")
        assert page.value("document.querySelector('#search output').value") == "1 of 11"
        assert len(names(page, "match")) == 11
        assert is_in_the_middle(page, "step_5")
        page.press("Enter")
        assert panel(page) == "step_5"
        page.press("Enter")
        assert panel(page) == "step_50"
        assert is_seen(page, "step_50")
        page.press("Enter", shift=True)
        assert panel(page) == "step_5"
        page.type("x")
        assert page.value("document.querySelector('#search output').value") == "no step"
        page.press("Escape")
        assert panel(page) == ""

    def test_zoom_move_and_fit(self, page: Page) -> None:
        before = page.box(node("label"))
        page.press("+")
        assert page.box(node("label"))[2] > before[2]
        page.press("-")
        page.press("ArrowRight")
        assert page.box(node("label"))[0] == pytest.approx(before[0] - 60, abs=1)
        page.press("0")
        assert page.box(node("label")) == pytest.approx(before, abs=1)

    def test_everything_is_reached_by_tab_and_opened_by_enter(self, page: Page) -> None:
        reached: list[str] = []
        while "label" not in reached and len(reached) < 40:
            page.press("Tab")
            focused = "(each => each.id || each.dataset.name || each.tagName)(document.activeElement)"
            reached.append(page.value(focused))
            if reached[-1] == "SUMMARY" and not names(page, "lit"):
                page.press("Enter")
                assert names(page, "lit") == ["weigh", "label", "send"]
        page.press("Enter")
        assert panel(page) == "label"
        page.press("Escape")
        assert (panel(page), page.value("document.activeElement.dataset.name")) == ("", "label")
        assert {"pipelines", "INPUT", "in", "out", "fit", "SUMMARY", "weigh", "label"} <= set(reached)


class TestElsewhere:
    def test_an_address_may_name_a_finding(self, page: Page, report: Path) -> None:
        page.open(report, "#finding-0")
        assert names(page, "lit") == ["weigh", "label", "send"]

    def test_what_the_code_holds_does_nothing(self, page: Page) -> None:
        page.value(
            "window.alert = () => { throw new Error('it ran') }; document.querySelector('#pipelines').focus()"
        )
        page.press("ArrowDown")
        for each in ("straße", "<svg onload=alert(4)>"):
            page.click(node(each))
            assert panel(page) == each
        page.click('.node[data-name^="\\" onclick"]')
        assert panel(page) == '" onclick="alert(5)'

    def test_where_a_text_stands_for_the_drawing(
        self, page: Page, report: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchwipy_lint.draw.svg.MOST_SECONDS", 0.001)
        other = report.with_name("without.html")
        main(["check", str(report.with_name("broken.py")), "--format", "html", "-o", str(other)])
        page.open(other)
        page.click("#finding-0 summary")
        page.click("#finding-0 .hops li:nth-child(2) a")
        assert panel(page) == "label"
        assert page.value("document.querySelector('.node-panel.shown .line.lit').dataset.line") == "13"
        page.click("#in")
        page.press("0")
        left, top, width, height = page.box("#drawings")
        x, y = page.middle(".instead")
        assert left < x < left + width
        assert top < y < top + height
        page.click(".node-panel.shown .close")
        assert panel(page) == ""

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_stands_out(self, page: Page, scheme: str) -> None:
        page.prefer(scheme)
        page.settle()
        page.click("#finding-0 summary")
        page.click(node("label"))
        low = page.value(FAINT)
        assert low == []
