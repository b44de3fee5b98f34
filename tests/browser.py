"""A headless Chromium, told what to do by its DevTools protocol over a pair of pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Page", "browse", "find_chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_KEYS = {
    "Enter": 13,
    "Escape": 27,
    "Tab": 9,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
_SECONDS = 60
# The browser reads what it is told from descriptor 3, and answers on 4.
_AS_THREE_AND_FOUR = """\
import fcntl, os, sys
for target, given in zip((3, 4), [fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3]]):
    os.dup2(given, target)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_chromium() -> str | None:
    """Where the browser is."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class _Pipes:
    """Messages to and from the browser: JSON, each with a null byte at its end."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader, self.writer = os.fdopen(reader, "rb"), os.fdopen(writer, "wb")
        self.events: list[dict[str, Any]] = []
        self.count = 0
        self.rest = b""

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """What a command returns; events that come before it are kept."""
        self.count += 1
        message: dict[str, Any] = {"id": self.count, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        self.writer.write(json.dumps(message).encode() + b"\0")
        self.writer.flush()
        while True:
            found = self.next()
            if found.get("id") != self.count:
                self.events.append(found)
            elif "error" in found:
                raise RuntimeError(f"{method}: {found['error']}")
            else:
                result: dict[str, Any] = found["result"]
                return result

    def next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.reader], [], [], _SECONDS)
            got = os.read(self.reader.fileno(), 1 << 20) if ready else b""
            if not got:
                raise RuntimeError("the browser says nothing more")
            self.rest += got
        line, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


class Page:
    """A tab. Every method returns when what it does is done and painted."""

    def __init__(self, pipes: _Pipes) -> None:
        self.pipes = pipes
        target = pipes.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = pipes.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.size(1280, 800)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.pipes.ask(method, self.session, **parameters)

    def size(self, width: int, height: int) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme: str) -> None:
        """`light` or `dark`."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, file: Path, fragment: str = "") -> None:
        """Loads a page of a file; what was said of another is forgotten."""
        self.pipes.events.clear()
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=file.as_uri() + fragment)
        self.value(
            "document.readyState === 'complete' || new Promise(done => addEventListener('load', done))"
        )
        self.settle()

    def value(self, expression: str) -> Any:
        """What an expression comes to in the page."""
        found = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"]["description"])
        return found["result"].get("value")

    def settle(self) -> None:
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Where an element is on the screen: left, top, width, height."""
        found = self.value(
            f"(box => [box.x, box.y, box.width, box.height])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        left, top, width, height = found
        return left, top, width, height

    def middle(self, selector: str) -> tuple[float, float]:
        left, top, width, height = self.box(selector)
        return left + width / 2, top + height / 2

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector: str) -> None:
        self.value(f"document.querySelector({json.dumps(selector)}).scrollIntoView?.({{block: 'nearest'}})")
        x, y = self.middle(selector)
        self.drag((x, y))

    def drag(self, *points: tuple[float, float]) -> None:
        """Presses at the first point, releases at the last."""
        self.mouse("mouseMoved", *points[0])
        self.mouse("mousePressed", *points[0], button="left", buttons=1, clickCount=1)
        for point in points[1:]:
            self.mouse("mouseMoved", *point, button="left", buttons=1)
        self.mouse("mouseReleased", *points[-1], button="left", clickCount=1)
        self.settle()

    def wheel(self, x: float, y: float, down: float) -> None:
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=down)
        self.settle()

    def press(self, key: str, *, shift: bool = False) -> None:
        named = {"key": key, "modifiers": 8 if shift else 0, "windowsVirtualKeyCode": _KEYS.get(key, 0)}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **named)
        self.settle()

    def type(self, text: str) -> None:
        for each in text:
            self.press(each)

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def requests(self) -> list[str]:
        """What has been asked for since the page was opened, besides the page."""
        return [
            each["params"]["request"]["url"]
            for each in self.pipes.events
            if each.get("method") == "Network.requestWillBeSent" and each["params"].get("type") != "Document"
        ]

    def complaints(self) -> list[str]:
        """What the browser has said since then: exceptions, the console, its log."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(each["params"]) for each in self.pipes.events if each.get("method") in kinds]


@contextmanager
def browse(profile: Path) -> Iterator[Page]:
    """A page in a browser of its own, whose profile is in a folder."""
    chromium = find_chromium()
    assert chromium is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    command = [
        sys.executable, "-c", _AS_THREE_AND_FOUR, str(theirs_in), str(theirs_out), chromium,
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(theirs_in, theirs_out),
    )
    os.close(theirs_in)
    os.close(theirs_out)
    pipes = _Pipes(ours_in, ours_out)
    try:
        yield Page(pipes)
        pipes.ask("Browser.close")
        process.wait(_SECONDS)
    finally:
        process.kill()
        process.wait()
        pipes.close()
