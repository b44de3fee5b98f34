"""Writers that race, in threads of a test or as processes: `python -m tests.racing LOCATION KEYS TIMES`."""

from __future__ import annotations

import sys

from orchwipy_lint.cache import Cache
from orchwipy_runtime.errors import AlreadyExists, Changed
from orchwipy_runtime.store import Store, open_store


def create_all(store: Store, number: int, data: bytes) -> list[int]:
    """Which of the objects `race/0`, `race/1`, ... this writer could create."""
    return [each for each in range(number) if _created(store, f"race/{each}", data)]


def _created(store: Store, key: str, data: bytes) -> bool:
    try:
        store.create(key, data)
    except AlreadyExists:
        return False
    return True


def count_up(store: Store, times: int) -> None:
    """Adds one to the object `counter`, so many times."""
    while times:
        stored = store.read("counter")
        assert stored is not None
        try:
            store.replace("counter", b"%d" % (int(stored.data) + 1), etag=stored.etag)
        except Changed:
            continue
        times -= 1


def write_and_read(folder: str, number: int) -> int:
    """How many texts were read from a cache that nobody wrote into it."""
    cache = Cache(folder)
    wrong = 0
    for turn in range(40):
        key = f"{turn % 8:064x}"
        cache.put(key, f"{turn % 8}" * 5_000)
        wrong += cache.get(key) not in (None, f"{turn % 8}" * 5_000)
        if turn == number == 3:
            cache.clean()
    return wrong


if __name__ == "__main__":
    location, number, times = sys.argv[1:]
    store = open_store(location)
    store.read("counter")
    print("ready", flush=True)
    sys.stdin.readline()
    print(*create_all(store, int(number), b""))
    count_up(store, int(times))
