"""What a pipeline object says of the call that is under way, to each thread of its own."""

from __future__ import annotations

from _thread import _local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.pipeline import Functions

__all__ = ["CallUnderWay", "OfCall"]


class CallUnderWay(_local):
    """What is known of the call under way in each thread; a copy of a pipeline has its own."""

    def __reduce__(self) -> tuple[type[CallUnderWay], tuple[()]]:
        return CallUnderWay, ()


class OfCall:
    """An attribute of a pipeline that each thread has of its own: branches call steps at once."""

    def __init__(self, default: object) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, pipe: Functions | None, owner: type) -> object:
        return self.default if pipe is None else getattr(pipe.call_under_way, self.name, self.default)

    def __set__(self, pipe: Functions, value: object) -> None:
        setattr(pipe.call_under_way, self.name, value)
