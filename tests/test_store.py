"""Stores: one suite for a folder and for S3, then what is particular to each."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from orchwipy_runtime.errors import (
    AccessDenied,
    AlreadyExists,
    Changed,
    CorruptObject,
    CredentialsExpired,
    InvalidKey,
    InvalidSetting,
    OrchwipyError,
    StoreError,
    StoreUnavailable,
)
from orchwipy_runtime.store import Entry, FolderStore, S3Store, Store, open_store
from tests.racing import count_up, create_all
from tests.servers import CUT, DAMAGE, LOSE, Answer, FaultyWay, S3Server, faulty_way, free_ports

PROJECT = Path(__file__).parent.parent
SECRET = b"the content that no message may hold"

_numbers = itertools.count()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Sets variables, and takes away those by which a developer's own account could come in."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)

    def enter(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return enter


@pytest.fixture
def prefix() -> str:
    return f"test-{os.getpid()}-{next(_numbers)}"


@pytest.fixture(params=["folder", "s3"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for objects, with nothing in it."""
    if request.param == "folder":
        return str(tmp_path / "objects")
    return str(request.getfixturevalue("s3_location"))


@pytest.fixture
def s3_location(s3: S3Server, environment: Callable[[dict[str, str]], None], prefix: str) -> str:
    environment(s3.environment)
    return f"s3://{s3.bucket}/{prefix}"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, prefix: str) -> Store:
    """A store with nothing in it."""
    if request.param == "folder":
        return FolderStore(tmp_path / "objects")
    s3: S3Server = request.getfixturevalue("s3")
    return S3Store(s3.bucket, prefix, client=s3.client())


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "objects")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long we and botocore would have paused before trying again."""
    pauses: list[float] = []
    monkeypatch.setattr("orchwipy_runtime.store.bucket.sleep", pauses.append)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=pauses.append, time=time.time))
    return pauses


@pytest.fixture
def way(s3: S3Server, environment: Callable[[dict[str, str]], None]) -> Iterator[FaultyWay]:
    """The way to the S3 server, on which things go wrong as a test says."""
    with faulty_way(s3.endpoint) as way:
        environment({**s3.environment, "AWS_ENDPOINT_URL_S3": way.endpoint})
        yield way


@pytest.fixture
def faulty(way: FaultyWay, s3: S3Server, prefix: str, pauses: list[float]) -> S3Store:
    """A store at the other end of the way, with the object `there`."""
    S3Store(s3.bucket, prefix, client=s3.client()).create("there", SECRET)
    return S3Store(s3.bucket, prefix)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def content(store: Store, key: str) -> bytes | None:
    stored = store.read(key)
    return stored.data if stored else None


def keys(store: Store, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix)]


def every_method(store: Store, key: str, *, listing: bool = True) -> list[Callable[[], object]]:
    return [
        lambda: store.read(key),
        lambda: store.create(key, SECRET),
        lambda: store.replace(key, SECRET, etag='"x"'),
        lambda: store.delete(key),
        *([lambda: list(store.list())] if listing else ()),
    ]


# Both stores


@pytest.mark.parametrize("data", [b"", b"{}", bytes(range(256)), b"\r\n\n\x1a\x00"], ids=repr)
def test_what_is_created_is_read(store: Store, data: bytes) -> None:
    etag = store.create("runs/r1/0-start", data)
    stored = store.read("runs/r1/0-start")
    assert stored is not None
    assert (stored.data, stored.etag) == (data, etag)


def test_what_is_there_is_not_created_again(store: Store) -> None:
    store.create("a", SECRET)
    with pytest.raises(AlreadyExists) as raised:
        store.create("a", b"other")
    assert raised.value.key == "a"
    assert content(store, "a") == SECRET


def test_what_was_read_is_replaced(store: Store) -> None:
    first = store.create("a", b"1")
    second = store.replace("a", b"22", etag=first)
    stored = store.read("a")
    assert stored is not None
    assert (stored.data, stored.etag) == (b"22", second)
    assert first != second


def test_what_has_changed_is_not_replaced(store: Store) -> None:
    first = store.create("a", b"1")
    store.replace("a", SECRET, etag=first)
    with pytest.raises(Changed) as raised:
        store.replace("a", b"3", etag=first)
    assert raised.value.key == "a"
    assert content(store, "a") == SECRET


def test_what_is_gone_is_not_replaced(store: Store) -> None:
    etag = store.create("a", b"1")
    store.delete("a")
    with pytest.raises(Changed):
        store.replace("a", b"2", etag=etag)
    assert store.read("a") is None


def test_what_is_not_there(store: Store) -> None:
    assert store.read("a") is None
    assert store.read("a/b") is None
    assert keys(store) == []
    store.delete("a")
    store.delete("a/b")
    store.create("a/b/c", b"")
    assert store.read("a") is None
    assert store.read("a/b") is None
    assert store.read("a/b/c/d") is None
    store.delete("a/b")
    assert keys(store) == ["a/b/c"]


ORDERED = ["+", "-x", ".y", "0/1", "A/x", "B", "a/b/c", "a/b0", "a/c", "a0/z", "a@", "aa", "b", "~"]


@pytest.mark.parametrize("beginning", ["", "a", "a/", "a/b", "a/b/", "a/b/c", "c/d", "A/x/"])
def test_a_listing_is_ordered_by_key(store: Store, beginning: str) -> None:
    for key in reversed(ORDERED):
        store.create(key, b"")
    assert keys(store, beginning) == [key for key in ORDERED if key.startswith(beginning)]


def test_a_listing_says_how_large_and_how_old(store: Store) -> None:
    before = time.time()
    store.create("a/b", b"12345")
    [entry] = store.list()
    assert (entry.key, entry.size) == ("a/b", 5)
    assert before - 2 < entry.modified < time.time() + 2


def test_a_listing_may_change_while_it_is_read(store: Store) -> None:
    for number in range(5):
        store.create(f"{number}/x", b"")
    for entry in store.list():
        store.delete(entry.key)
    assert keys(store) == []


def test_large_objects(store: Store) -> None:
    data = os.urandom(1_000_000) * 10
    etag = store.create("large", data)
    assert content(store, "large") == data
    data += b"."
    store.replace("large", data, etag=etag)
    stored = store.read("large", sha256=digest(data), length=len(data))
    assert stored is not None
    assert stored.data == data


@pytest.mark.parametrize(
    "expected",
    [
        {"sha256": digest(b"other")},
        {"sha256": digest(SECRET).upper()},
        {"sha256": ""},
        {"length": len(SECRET) - 1},
        {"length": 0},
        {"length": len(SECRET) + 1, "sha256": digest(SECRET)},
    ],
)
def test_content_that_is_not_what_it_should_be(store: Store, expected: dict[str, Any]) -> None:
    store.create("a", SECRET)
    assert store.read("a", sha256=digest(SECRET), length=len(SECRET)) is not None
    with pytest.raises(CorruptObject) as raised:
        store.read("a", **expected)
    assert raised.value.key == "a"
    assert SECRET.decode() not in str(raised.value)
    assert store.read("nothing", **expected) is None


BAD_KEYS = [
    "",
    "/",
    "/etc/passwd",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/..",
    "a/../../b",
    "a/./b",
    "./a",
    "a\\b",
    "..\\a",
    "C:",
    "C:/a",
    "a b",
    "a\n",
    "\n",
    "a\x00b",
    "#lock",
    "a/#new",
    "a%2e",
    "*",
    "é",
    "e\u0301",
    "\uff0e\uff0e/a",
    "\ud800",
    "a" * 256,
    "a/" * 450 + "a",
]


@pytest.fixture(params=["folder", "s3"])
def untouched(
    request: pytest.FixtureRequest, tmp_path: Path, environment: Callable[[dict[str, str]], None]
) -> Iterator[Store]:
    """A store that must not be touched: there is no folder, and nobody at the endpoint."""
    environment({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"})
    yield FolderStore(tmp_path / "objects") if request.param == "folder" else S3Store("bucket", "prefix")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
def test_what_is_no_key(untouched: Store, key: str) -> None:
    for attempt in every_method(untouched, key, listing=False):
        with pytest.raises(InvalidKey, match="is no key"):
            attempt()


@pytest.mark.parametrize(
    "beginning", ["/", "/a", "a//", "../", "a/../", "./", "a\\", "é", "*", "#", "a" * 256, "a/" * 451]
)
def test_what_is_no_beginning_of_a_key(untouched: Store, beginning: str) -> None:
    with pytest.raises(InvalidKey, match="is no key"):
        untouched.list(beginning)


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "-",
        "...",
        ".a",
        "..a",
        "a..",
        "~",
        "=",
        "x=1/y=2,3",
        "user@example.org/a+b",
        "con",
        "a" * 255,
        "/".join(["a" * 99] * 9),
    ],
)
def test_unusual_keys(store: Store, key: str) -> None:
    store.create(key, key.encode())
    assert content(store, key) == key.encode()
    assert keys(store) == keys(store, key[:1]) == [key]
    store.delete(key)
    assert keys(store) == []


def test_neighbours_do_not_see_each_other(location: str) -> None:
    one, two = open_store(location), open_store(f"{location}2")
    one.create("a", b"1")
    two.create("a", b"2")
    assert [content(one, "a"), content(two, "a")] == [b"1", b"2"]
    assert keys(one) == keys(two) == ["a"]
    one.delete("a")
    assert (keys(one), keys(two)) == ([], ["a"])


def test_of_many_threads_one_creates(store: Store) -> None:
    barrier = threading.Barrier(6)

    def race(me: int) -> list[int]:
        barrier.wait()
        return create_all(store, 8, b"%d" % me)

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(race, range(6)))
    assert sorted(itertools.chain(*won)) == list(range(8))
    for me, numbers in enumerate(won):
        assert all(content(store, f"race/{number}") == b"%d" % me for number in numbers)


def test_no_replacement_by_threads_is_lost(store: Store) -> None:
    store.create("counter", b"0")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: count_up(store, 8), range(4)))
    assert content(store, "counter") == b"32"


def test_processes_race_as_threads_do(location: str) -> None:
    store = open_store(location)
    store.create("counter", b"0")
    command = [sys.executable, "-m", "tests.racing", location, "8", "8"]
    pipe = subprocess.PIPE
    racers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=PROJECT) for _ in range(3)]
    for each in racers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in racers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    won = [each.communicate()[0] for each in racers]
    assert [each.returncode for each in racers] == [0, 0, 0]
    assert sorted(map(int, " ".join(won).split())) == list(range(8))
    assert content(store, "counter") == b"24"


# No key goes on where another one ends: a folder has no place for both.
MODEL_KEYS = ["a", "a.b", "b/a", "b/b", "c/d/e", "c/d/f", "d"]
_keys = st.sampled_from(MODEL_KEYS)
_contents = st.binary(max_size=8)


def check_model(stores: Callable[[], list[Store]], *, examples: int) -> None:
    class Machine(RuleBasedStateMachine):
        """A dict, and stores that should do what it does."""

        def __init__(self) -> None:
            super().__init__()
            self.stores = stores()
            self.model: dict[str, bytes] = {}
            self.etags: dict[tuple[int, str], list[str]] = {}

        @rule(key=_keys, data=_contents)
        def create(self, key: str, data: bytes) -> None:
            for number, store in enumerate(self.stores):
                if key in self.model:
                    with pytest.raises(AlreadyExists):
                        store.create(key, data)
                else:
                    self.etags[number, key] = [store.create(key, data)]
            self.model.setdefault(key, data)

        @rule(key=_keys, data=_contents)
        def replace(self, key: str, data: bytes) -> None:
            for number, store in enumerate(self.stores):
                etags = self.etags.get((number, key))
                if key in self.model:
                    assert etags is not None
                    etags.append(store.replace(key, data, etag=etags[-1]))
                else:
                    with pytest.raises(Changed):
                        store.replace(key, data, etag=etags[-1] if etags else digest(data))
            if key in self.model:
                self.model[key] = data

        @rule(key=_keys, data=_contents)
        def replace_what_was(self, key: str, data: bytes) -> None:
            for number, store in enumerate(self.stores):
                etags = self.etags.get((number, key), [])
                for etag in set(etags) - set(etags[-1:]):
                    with pytest.raises(Changed):
                        store.replace(key, data, etag=etag)

        @rule(key=_keys)
        def delete(self, key: str) -> None:
            for store in self.stores:
                store.delete(key)
            self.model.pop(key, None)

        @rule(key=_keys)
        def read(self, key: str) -> None:
            for number, store in enumerate(self.stores):
                stored = store.read(key)
                if key in self.model:
                    assert stored is not None
                    assert (stored.data, stored.etag) == (self.model[key], self.etags[number, key][-1])
                else:
                    assert stored is None

        @invariant()
        def same_listing(self) -> None:
            expected = [(key, len(self.model[key])) for key in sorted(self.model)]
            for store in self.stores:
                assert [(each.key, each.size) for each in store.list()] == expected

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.parametrize("examples", [15, pytest.param(150, marks=pytest.mark.slow)])
def test_both_do_what_a_dict_does(s3: S3Server, prefix: str, tmp_path: Path, examples: int) -> None:
    def stores() -> list[Store]:
        name = f"{prefix}-{next(_numbers)}"
        return [FolderStore(tmp_path / name), S3Store(s3.bucket, name, client=s3.client())]

    check_model(stores, examples=examples)


# A place for objects


@pytest.mark.parametrize(
    ("location", "bucket", "prefix"),
    [
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/", "bucket", ""),
        ("s3://my.bucket-1/a/b", "my.bucket-1", "a/b"),
        ("s3://bucket/a/b/", "bucket", "a/b"),
    ],
)
def test_a_bucket_as_a_place(location: str, bucket: str, prefix: str) -> None:
    store = open_store(location)
    assert isinstance(store, S3Store)
    assert (store.bucket, store.prefix) == (bucket, prefix)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "s3:",
        "s3:/bucket",
        "s3://",
        "s3:///prefix",
        "s3://b",
        "s3://Bucket/a",
        "s3://bucket_1/a",
        "s3://bucket?x=1",
        "s3://user@bucket/a",
        "s3://bucket//a",
        "s3://bucket/a//",
        "s3://bucket/../a",
        "s3://bucket/a b",
        "s3://bucket/" + "a" * 124,
        "gs://bucket/a",
        "file:///tmp/a",
        "https://bucket.s3.amazonaws.com/a",
    ],
)
def test_what_is_no_place(location: str) -> None:
    with pytest.raises(InvalidSetting, match="help: give s3://bucket/prefix"):
        open_store(location)


def test_a_folder_as_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("some/folder")
    monkeypatch.chdir("/")
    store.create("a", b"1")
    assert (tmp_path / "some" / "folder" / "a").read_bytes() == b"1"


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSetting, match="is no folder"):
        open_store(str(tmp_path / "file"))


def test_which_errors_may_pass() -> None:
    passing = {AccessDenied, CredentialsExpired, StoreUnavailable}
    lasting = {AlreadyExists, Changed, CorruptObject, InvalidKey, OrchwipyError, StoreError}
    assert {each for each in passing | lasting if not each.permanent} == passing


# A folder


def test_a_listing_of_a_folder_goes_by_the_whole_key(folder: FolderStore) -> None:
    ordered = ["a", "b+", "b-/z", "b-c", "b.c", "b/a", "b/a-", "b/b/a", "b/b0", "b0", "b@"]
    for key in reversed(ordered):
        folder.create(key, b"")
    assert keys(folder) == ordered
    assert keys(folder, "b") == ordered[1:]


def test_after_a_deletion_nothing_is_left_in_the_way(folder: FolderStore) -> None:
    folder.create("a/b/c", b"1")
    folder.create("a/d", b"2")
    folder.delete("a/b/c")
    assert keys(folder) == ["a/d"]
    folder.create("a/b", b"3")
    assert content(folder, "a/b") == b"3"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_files_are_their_owners_alone(folder: FolderStore) -> None:
    before = os.umask(0)
    try:
        folder.create("a/b/c", b"")
    finally:
        os.umask(before)
    found = {path: path.stat().st_mode & 0o777 for path in Path(folder.folder).rglob("*")}
    assert {path.is_dir(): mode for path, mode in found.items()} == {True: 0o700, False: 0o600}
    assert len(found) == 4
    assert Path(folder.folder).stat().st_mode & 0o777 == 0o700


def test_an_object_is_a_file_and_nothing_else(folder: FolderStore) -> None:
    folder.create("a/b.json", SECRET)
    found = {path.name: path.read_bytes() for path in Path(folder.folder).rglob("*") if path.is_file()}
    assert found == {"b.json": SECRET, "#lock": b""}
    Path(folder.folder, "copied.json").write_bytes(b"{}")
    assert content(folder, "copied.json") == b"{}"


def test_other_names_are_no_objects(folder: FolderStore) -> None:
    folder.create("a", b"")
    for name in ("x y", "b#", "é", "c:d"):
        Path(folder.folder, name).touch()
        Path(folder.folder, f"{name}-folder").mkdir()
        Path(folder.folder, f"{name}-folder", "a").touch()
    assert keys(folder) == ["a"]


@pytest.mark.parametrize(
    ("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a/b", "a/b/c/d"), ("a/b/c", "a")]
)
def test_a_file_has_nothing_below_it(folder: FolderStore, first: str, second: str) -> None:
    folder.create(first, b"1")
    with pytest.raises(InvalidKey, match="one lies under the other"):
        folder.create(second, b"2")
    assert folder.read(second) is None
    assert keys(folder) == [first]


@pytest.mark.parametrize("target", ["outside", "inside", "nowhere"])
@pytest.mark.parametrize("key", ["link", "link/a", "deep/link/a"])
def test_links_are_not_followed(folder: FolderStore, tmp_path: Path, target: str, key: str) -> None:
    folder.create("inside/a", b"1")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_bytes(SECRET)
    targets = {"outside": tmp_path / "outside", "inside": Path(folder.folder, "inside")}
    pointed = targets.get(target, tmp_path / "nowhere")
    link = Path(folder.folder, key.removesuffix("/a"))
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(pointed / "a" if key == "link" else pointed)
    attempts: list[Callable[[], object]] = [
        lambda: folder.read(key),
        lambda: folder.create(key, b""),
        lambda: folder.replace(key, b"", etag=digest(SECRET)),
        lambda: folder.delete(key),
        lambda: folder.list(f"{key}/"),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidKey, match="symbolic link"):
            attempt()
    assert keys(folder) == ["inside/a"]
    assert (tmp_path / "outside" / "a").read_bytes() == SECRET
    assert not (tmp_path / "nowhere").exists()


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    FolderStore(tmp_path / "link").create("a", b"1")
    assert content(FolderStore(tmp_path / "real"), "a") == b"1"


@pytest.mark.parametrize("damage", [SECRET[:-1], SECRET + b".", b"", SECRET.swapcase()])
def test_damage_on_the_disk_is_noticed_by_who_knows_the_digest(folder: FolderStore, damage: bytes) -> None:
    etag = folder.create("a", SECRET)
    Path(folder.folder, "a").write_bytes(damage)
    with pytest.raises(CorruptObject):
        folder.read("a", sha256=digest(SECRET))
    with pytest.raises(Changed):
        folder.replace("a", b"", etag=etag)


def test_a_reader_sees_whole_objects(folder: FolderStore) -> None:
    etag = folder.create("a", b"0" * 1_000_000)
    done = threading.Event()

    def read() -> set[bytes]:
        seen = set()
        while not done.is_set():
            data = content(folder, "a") or b""
            seen.add(data[:1] if data == data[:1] * 1_000_000 else b"torn")
        return seen

    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(read)
        for number in range(40):
            etag = folder.replace("a", b"%d" % (number % 10) * 1_000_000, etag=etag)
        done.set()
    assert seen.result() <= {b"%d" % digit for digit in range(10)}


DYING = """
import os, signal, sys
from orchwipy_runtime.store import FolderStore

os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
FolderStore(sys.argv[1]).create("a/b", b"half")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_writer_that_dies_is_in_nobodys_way(folder: FolderStore) -> None:
    done = subprocess.run([sys.executable, "-c", DYING, folder.folder], cwd=PROJECT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert keys(folder) == []
    assert folder.read("a/b") is None
    folder.create("a/b", b"whole")
    assert content(folder, "a/b") == b"whole"


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything, so that the tests of permissions are somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize("closed", [".", "a", "a/b"])
def test_what_may_not_be_read_is_not_absent(folder: FolderStore, closed: str) -> None:
    folder.create("a/b", SECRET)
    place = Path(folder.folder, closed)
    place.chmod(0)
    try:
        with without_privileges(), pytest.raises(AccessDenied, match="owner"):
            folder.read("a/b")
        with without_privileges(), pytest.raises(AccessDenied):
            folder.create("a/c", b"")
    finally:
        place.chmod(0o700)
    assert keys(folder) == ["a/b"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        FolderStore(tmp_path / "file" / "below").create("a", b"")


# S3


def test_pages_of_a_listing(s3: S3Server, prefix: str) -> None:
    client = s3.client()
    pages: list[int] = []

    def small(params: dict[str, object], **_: object) -> None:
        params["MaxKeys"] = 3
        pages.append(3)

    store = S3Store(s3.bucket, prefix, client=client)
    for key in ORDERED:
        store.create(key, b"")
    client.meta.events.register("before-parameter-build.s3.ListObjectsV2", small)
    try:
        assert keys(store) == ORDERED
    finally:
        client.meta.events.unregister("before-parameter-build.s3.ListObjectsV2", small)
    assert len(pages) == 5


@pytest.mark.slow
def test_more_objects_than_a_page_has(s3_location: str) -> None:
    store = open_store(s3_location)
    expected = sorted(f"{number % 7}/{number}" for number in range(2_100))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.create(key, b""), expected))
    assert keys(store) == expected


def test_other_keys_under_the_prefix_are_no_objects(s3: S3Server, s3_location: str, prefix: str) -> None:
    for key in (f"{prefix}/a", f"{prefix}/folder/", f"{prefix}/x y", f"{prefix}/é", f"{prefix}x"):
        s3.client().put_object(Bucket=s3.bucket, Key=key, Body=b"1")
    assert keys(open_store(s3_location)) == ["a"]


def test_objects_lie_under_the_prefix(s3: S3Server, s3_location: str, prefix: str) -> None:
    open_store(s3_location).create("a/b", b"1")
    assert s3.keys(prefix) == [f"{prefix}/a/b"]
    assert content(S3Store(s3.bucket), f"{prefix}/a/b") == b"1"


def test_threads_share_one_client(s3_location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.session import Session

    made: list[object] = []
    create_client = Session.create_client

    def counted(session: Session, *args: object, **kwargs: object) -> object:
        made.append(session)
        return create_client(session, *args, **kwargs)

    monkeypatch.setattr(Session, "create_client", counted)
    store = open_store(s3_location)
    assert made == []
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(store.read, "abcd")) == [None] * 4
    assert len(made) == 1


def test_a_permission_that_is_lacking(
    s3: S3Server, prefix: str, environment: Callable[[dict[str, str]], None]
) -> None:
    environment(s3.restricted(f"{prefix}/inside"))
    inside = S3Store(s3.bucket, f"{prefix}/inside")
    inside.create("a", b"1")
    assert (content(inside, "a"), inside.read("b"), keys(inside)) == (b"1", None, ["a"])
    outside = S3Store(s3.bucket, f"{prefix}/outside")
    grants = ["s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"]
    for attempt, grant in zip(every_method(outside, "a"), grants, strict=True):
        with pytest.raises(AccessDenied, match=f"help: grant .*{grant}"):
            attempt()


def test_credentials_that_are_wrong(
    s3: S3Server, prefix: str, environment: Callable[[dict[str, str]], None]
) -> None:
    for wrong in ({"AWS_SECRET_ACCESS_KEY": "another"}, {"AWS_ACCESS_KEY_ID": "nobody"}):
        environment({**s3.environment, **wrong})
        for attempt in every_method(S3Store(s3.bucket, prefix), "a"):
            with pytest.raises(CredentialsExpired, match="log in again"):
                attempt()


def test_no_credentials(
    s3: S3Server,
    prefix: str,
    environment: Callable[[dict[str, str]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment(s3.environment)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsExpired, match="there are no credentials"):
        S3Store(s3.bucket, prefix).read("a")


def test_a_bucket_that_is_not_there(s3: S3Server) -> None:
    read, create, _, delete, listing = every_method(S3Store("no-such-bucket", client=s3.client()), "a")
    for attempt in (read, create, delete, listing):  # a replacement meets 412 first at this server
        with pytest.raises(StoreError, match="there is no bucket `no-such-bucket`"):
            attempt()


def test_nobody_answers(
    s3: S3Server, environment: Callable[[dict[str, str]], None], pauses: list[float]
) -> None:
    [port] = free_ports(1)
    environment({**s3.environment, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"})
    for attempt in every_method(S3Store(s3.bucket), "a"):
        with pytest.raises(StoreUnavailable, match=f"s3://{s3.bucket}/a? ?cannot be reached") as raised:
            attempt()
        assert SECRET.decode() not in str(raised.value)
    assert len(pauses) == 10


def test_an_endpoint_that_is_none(s3: S3Server, environment: Callable[[dict[str, str]], None]) -> None:
    environment({**s3.environment, "AWS_ENDPOINT_URL_S3": "http://not an endpoint"})
    with pytest.raises(InvalidSetting, match="AWS_ENDPOINT_URL_S3"):
        S3Store(s3.bucket).read("a")


def test_a_configuration_that_is_wrong(environment: Callable[[dict[str, str]], None]) -> None:
    environment({"AWS_PROFILE": "nobody", "AWS_CONFIG_FILE": os.devnull})
    with pytest.raises(StoreError, match="the request to read fails: ProfileNotFound"):
        S3Store("bucket").read("a")


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_with_an_endpoint_the_bucket_is_in_the_path(
    way: FaultyWay,
    s3: S3Server,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv(variable, way.endpoint.replace("127.0.0.1", "localhost"))
    S3Store(s3.bucket, prefix).create("a", b"")
    assert way.requests[-1] == f"PUT /{s3.bucket}/{prefix}/a"


ANSWERS: list[tuple[int, str, type[OrchwipyError]]] = [
    (400, "ExpiredToken", CredentialsExpired),
    (400, "ExpiredTokenException", CredentialsExpired),
    (400, "InvalidToken", CredentialsExpired),
    (403, "RequestExpired", CredentialsExpired),
    (403, "RequestTimeTooSkewed", CredentialsExpired),
    (403, "AccessDenied", AccessDenied),
    (403, "AllAccessDisabled", AccessDenied),
    (404, "NoSuchBucket", StoreError),
    (404, "NotFound", StoreError),
    (400, "BadDigest", CorruptObject),
    (400, "InvalidArgument", StoreError),
    (405, "MethodNotAllowed", StoreError),
]


def test_answers_that_are_errors(faulty: S3Store, way: FaultyWay) -> None:
    for (status, code, expected), attempt in itertools.product(ANSWERS, every_method(faulty, "there")):
        way.script.append(Answer(status, code))
        with pytest.raises(
            OrchwipyError, match=code if code != "NoSuchBucket" else "there is no bucket"
        ) as raised:
            attempt()
        assert type(raised.value) is expected
        assert SECRET.decode() not in str(raised.value)
    assert len(way.requests) == 5 * len(ANSWERS)
    assert content(faulty, "there") == SECRET


LATER = [(500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable"), (400, "RequestTimeout")]


@pytest.mark.parametrize(("status", "code"), LATER)
def test_what_fails_for_the_moment_is_tried_again(
    faulty: S3Store, way: FaultyWay, pauses: list[float], status: int, code: str
) -> None:
    way.script = [Answer(status, code), Answer(status, code)]
    assert content(faulty, "there") == SECRET
    assert (len(way.requests), len(pauses)) == (3, 2)
    way.script = [Answer(status, code), Answer(status, code)]
    faulty.create("new", b"1")
    assert content(faulty, "new") == b"1"


@pytest.mark.parametrize(("status", "code"), LATER)
def test_what_fails_for_long(faulty: S3Store, way: FaultyWay, status: int, code: str) -> None:
    for attempt in every_method(faulty, "there"):
        way.script = [Answer(status, code)] * 3
        with pytest.raises(StoreUnavailable):
            attempt()
        assert way.script == []


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_writers_that_meet_try_again(faulty: S3Store, way: FaultyWay, pauses: list[float], code: str) -> None:
    way.script = [Answer(409, code)] * 5
    etag = faulty.create("new", b"1")
    way.script = [Answer(409, code)] * 5
    faulty.replace("new", b"2", etag=etag)
    assert content(faulty, "new") == b"2"
    assert len(pauses) == 10
    assert all(0 <= pause <= 2 for pause in pauses)


def test_writers_that_meet_for_long(faulty: S3Store, way: FaultyWay) -> None:
    for attempt in every_method(faulty, "new")[1:3]:
        way.script = [Answer(409, "ConditionalRequestConflict")] * 6
        with pytest.raises(StoreUnavailable):
            attempt()
        assert way.script == []


def test_an_object_that_went_away_has_changed(faulty: S3Store, way: FaultyWay) -> None:
    way.script = [Answer(404, "NoSuchKey")]  # as S3 says it; the server of these tests says 412
    with pytest.raises(Changed):
        faulty.replace("there", b"", etag='"x"')


def test_a_write_whose_answer_is_lost_meets_itself(faulty: S3Store, way: FaultyWay) -> None:
    way.script = [LOSE]
    with pytest.raises(AlreadyExists, match="an earlier attempt may have written it"):
        faulty.create("new", b"1")
    stored = faulty.read("new")
    assert stored is not None
    assert stored.data == b"1"
    way.script = [LOSE]
    with pytest.raises(Changed, match="an earlier attempt may have written it"):
        faulty.replace("new", b"2", etag=stored.etag)
    assert content(faulty, "new") == b"2"


def test_other_answers_that_are_lost_are_asked_for_again(faulty: S3Store, way: FaultyWay) -> None:
    for _ in range(3):
        way.script = [LOSE]
        assert keys(faulty) == ["there"]
        way.script = [LOSE]
        assert content(faulty, "there") == SECRET
    way.script = [LOSE]
    faulty.delete("there")
    assert faulty.read("there") is None


def test_damage_on_the_way_is_noticed(
    faulty: S3Store, way: FaultyWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever botocore is told to do with checksums of its own accord.
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    monkeypatch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
    faulty.create("new", SECRET)
    way.script = [DAMAGE]
    with pytest.raises(CorruptObject, match="its checksum is another") as raised:
        faulty.read("new")
    assert SECRET.decode() not in str(raised.value)
    assert content(faulty, "new") == SECRET


def test_an_answer_that_is_none_of_s3(faulty: S3Store, way: FaultyWay) -> None:
    way.script = [DAMAGE] * 3  # a listing that is no XML
    with pytest.raises(StoreUnavailable):
        keys(faulty)


def test_half_an_answer(faulty: S3Store, way: FaultyWay) -> None:
    way.script = [CUT]
    with pytest.raises(StoreUnavailable):
        faulty.read("there")
    assert content(faulty, "there") == SECRET


def test_what_is_too_long_is_not_fetched(faulty: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.response import StreamingBody

    monkeypatch.setattr(StreamingBody, "read", lambda *_: pytest.fail("the content is read"))
    with pytest.raises(CorruptObject):
        faulty.read("there", length=3)


def test_an_entry_holds_what_it_is_given() -> None:
    entry = Entry("a", 1, 2.5)
    assert (entry.key, entry.size, entry.modified) == ("a", 1, 2.5)
    assert not hasattr(entry, "__dict__")
