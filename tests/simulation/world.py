"""A world in which everything that may go wrong on the way from step to step does, and can be done again.

Deliveries run interleaved: each of them stops before and after every request to AWS, and the world decides
who goes on, who crashes there, which request fails, and which event is delivered once more. One seed is one
course of events.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import greenlet

from orchwipy_runtime import MicroFunctions
from orchwipy_runtime.aws.delivery import deliver
from orchwipy_runtime.aws.relay import relay
from orchwipy_runtime.aws.services import Services
from orchwipy_runtime.aws.settings import Settings
from orchwipy_runtime.errors import (
    AlreadyExists,
    Changed,
    CorruptObject,
    EventTooLarge,
    ServiceUnavailable,
    StoreUnavailable,
)
from orchwipy_runtime.store import Entry, Store, Stored
from orchwipy_runtime.store.objects import check_key

Answer = TypeVar("Answer")

STACK = "sim"
ATTEMPTS = 3


class Crash(BaseException):
    """The function's process is gone."""


@dataclass
class Context:
    """Lambda's context of an invocation."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@dataclass
class Event:
    """An event that Lambda has taken, and how often it was delivered in vain."""

    function: str
    payload: str
    request_id: str
    failures: int = 0


@dataclass
class Faults:
    """How likely each fault is, at every place where it can happen."""

    crash: float = 0.0
    refuse: float = 0.0
    duplicate: float = 0.0


class MemoryStore(Store):
    """A store in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def create(self, key: str, data: bytes) -> str:
        check_key(key)
        if key in self.objects:
            raise AlreadyExists(key)
        self.objects[key] = data
        return _etag(data)

    def replace(self, key: str, data: bytes, *, etag: str) -> str:
        if key not in self.objects or _etag(self.objects[key]) != etag:
            raise Changed(key)
        self.objects[key] = data
        return _etag(data)

    def read(self, key: str, *, sha256: str | None = None, length: int | None = None) -> Stored | None:
        check_key(key)
        if key not in self.objects:
            return None
        data = self.objects[key]
        if sha256 not in (None, _etag(data)) or length not in (None, len(data)):
            raise CorruptObject(key)
        return Stored(data, _etag(data))

    def list(self, prefix: str = "") -> Iterator[Entry]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield Entry(key, len(self.objects[key]), 0.0)

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)


class SteppedStore(Store):
    """The world's store as a delivery sees it: each request is a moment at which anything may happen."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, key: str, data: bytes) -> str:
        return self._world.request("create", lambda: self._world.store.create(key, data), StoreUnavailable)

    def replace(self, key: str, data: bytes, *, etag: str) -> str:
        return self._world.request(
            "replace", lambda: self._world.store.replace(key, data, etag=etag), StoreUnavailable
        )

    def read(self, key: str, *, sha256: str | None = None, length: int | None = None) -> Stored | None:
        return self._world.request(
            "read", lambda: self._world.store.read(key, sha256=sha256, length=length), StoreUnavailable
        )

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return self._world.store.list(prefix)

    def delete(self, key: str) -> None:
        self._world.store.delete(key)


class SteppedServices(Services):
    """AWS as a delivery sees it."""

    def __init__(self, world: World, step: str | None) -> None:
        settings = Settings(
            stack=STACK,
            step=None if world.one else step,
            one=world.one,
            bucket="bucket" if world.bucket else None,
            journal=world.journal,
            queue="queue" if world.has_queue else None,
            inline=world.inline,
            attempts=ATTEMPTS,
        )
        super().__init__(settings)
        self._world = world
        self._store = SteppedStore(world) if world.bucket else None

    def now(self) -> float:
        return self._world.now

    def invoke(
        self, function: str, event: str, *, remaining: Callable[[], float], trace: str | None = None
    ) -> None:
        self._world.request("invoke", lambda: self._world.accept(function, event), ServiceUnavailable)

    def send(self, body: str, delay: int, *, remaining: Callable[[], float]) -> None:
        self._world.request("send", lambda: self._world.enqueue(body, delay), ServiceUnavailable)


@dataclass
class World:
    """The functions of one pipeline, their events, their queue and their store."""

    pipe: MicroFunctions
    random: Random
    faults: Faults
    journal: bool = True
    inline: int = 200_000
    bucket: bool = True
    one: bool = False
    """Whether one function is every step."""
    has_queue: bool = True
    largest: int = 1_048_576
    refusals: int = 0
    """How many hand-offs are refused from now on."""
    requests: list[str] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    store: MemoryStore = field(default_factory=MemoryStore)
    events: list[Event] = field(default_factory=list)
    queue: list[tuple[float, str]] = field(default_factory=list)
    given_up: list[Event] = field(default_factory=list)
    now: float = 1_000_000.0
    _active: list[tuple[Any, Event]] = field(default_factory=list)
    _turns: int = 0
    _numbers: int = 0

    def accept(self, function: str, payload: str) -> None:
        """Takes an event as Lambda does: it will be delivered at least once."""
        if len(payload) > self.largest:
            raise EventTooLarge("too large")
        if self.refusals:
            self.refusals -= 1
            raise ServiceUnavailable("not now")
        self._numbers += 1
        self.functions.add(function)
        self.events.append(Event(function, payload, f"request-{self._numbers}"))

    def enqueue(self, body: str, delay: float) -> None:
        """Takes a message as SQS does."""
        self.queue.append((self.now + delay, body))

    def request(self, name: str, request: Callable[[], Answer], refusal: type[Exception]) -> Answer:
        """Carries out a request of a delivery, or not, or carries it out and loses the answer."""
        self.requests.append(name)
        self._pause()
        chance = self.random.random()
        if chance < self.faults.refuse:
            raise refusal("not now")
        try:
            result = request()
        finally:
            self._pause()
        if chance > 1 - self.faults.refuse:
            raise refusal("the answer is lost")
        return result

    def _pause(self) -> None:
        world = greenlet.getcurrent().parent
        if world is not None:
            world.switch()

    def services(self, step: str | None) -> Services:
        """AWS as the function of a step sees it, None for the relay or a function for all steps."""
        return SteppedServices(self, step)

    def through(self, work: Callable[[], Answer]) -> Answer:
        """Does something without a pause."""
        worker = greenlet.greenlet(work)
        answer = worker.switch()
        while not worker.dead:
            answer = worker.switch()
        return answer  # type: ignore[no-any-return]

    def settle_queue(self) -> None:
        """Relays the messages that wait."""
        self.now = max(self.now, max(due for due, _ in self.queue))
        waiting, self.queue = self.queue, []
        for _, body in waiting:
            event = {"Records": [{"messageId": "1", "body": body}]}
            self.through(lambda event=event: relay(event, None, self.services(None)))  # type: ignore[misc]

    def settle(self) -> None:
        """Lets everything happen until nothing is left to do."""
        while self.events or self._active or self.queue:
            self._turns += 1
            assert self._turns < 100_000, "it does not come to an end"
            if not self.events and not self._active:
                self.now = max(self.now, min(due for due, _ in self.queue))
            for message in [each for each in self.queue if each[0] <= self.now]:
                self.queue.remove(message)
                self._start_relay(message[1])
            choice = self.random.randrange(len(self.events) + len(self._active))
            if choice < len(self.events):
                self._start(self.events.pop(choice))
            else:
                self._advance(choice - len(self.events))

    def _start(self, event: Event) -> None:
        if self.random.random() < self.faults.duplicate:
            self.events.append(Event(event.function, event.payload, event.request_id, event.failures))
        step = event.function.removeprefix(f"{STACK}-")
        services = self.services(step)

        def run() -> None:
            deliver(self.pipe, json.loads(event.payload), Context(event.request_id), services)

        self._active.append((greenlet.greenlet(run), event))

    def _start_relay(self, body: str) -> None:
        """The relay's poller: a message that fails comes back."""
        event = Event("relay", body, "relay")

        def run() -> None:
            answer = relay({"Records": [{"messageId": "1", "body": body}]}, None, self.services(None))
            if answer["batchItemFailures"]:
                raise ServiceUnavailable("the message comes back")

        self._active.append((greenlet.greenlet(run), event))

    def _advance(self, number: int) -> None:
        worker, event = self._active[number]
        try:
            if self.random.random() < self.faults.crash:
                worker.throw(Crash)
            else:
                worker.switch()
        except (Exception, Crash):
            del self._active[number]
            self._failed(event)
        else:
            if worker.dead:
                del self._active[number]

    def _failed(self, event: Event) -> None:
        if event.function == "relay":
            self.queue.append((self.now + 30, event.payload))
            return
        event.failures += 1
        if event.failures < ATTEMPTS:
            self.events.append(event)
        else:
            self.given_up.append(event)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
