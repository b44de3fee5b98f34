from typing import TypedDict

from orchwipy_runtime import (
    ConditionalReturns,
    Detach,
    MapEach,
    MicroFunctions,
    Parallel,
    PauseExecution,
    ReturnUpdates,
    RetryFunctionAfterDelay,
)

pipe = MicroFunctions(beginner="sort", default_next={"sort": "pack"}, template_props={"pack": {"MemorySize": 512}})


class Parcel(TypedDict):
    weight: float


class Sorted(TypedDict):
    parcels: list[Parcel]


@pipe.fn("pack")
def sort(*, parcels: list[Parcel], **kwargs: object) -> Sorted:
    return {"parcels": sorted(parcels, key=lambda parcel: parcel["weight"])}


@pipe.fn(default_next=Parallel("label", ReturnUpdates("weigh", "draft", scale=2), join="post"))
def pack(*, parcels: list[Parcel], urgent: bool = False, **kwargs: object) -> ReturnUpdates | dict[str, object]:
    if urgent:
        return {**kwargs, "$next": "post", "parcels": parcels}
    return ReturnUpdates(None, packed=True)


@pipe.fn()
def label(*, scale: int = 1, **kwargs: object) -> ConditionalReturns[int | None]:
    if not kwargs:
        raise PauseExecution
    return ConditionalReturns(scale or None, ReturnUpdates("post"), true={"$next": "weigh"}, large=Parallel("post"))


@pipe.fn()
def weigh(**kwargs: object) -> MapEach:
    return MapEach(
        label, over="parcels", item="parcel", collect="weight", into="weights", join=post, max_concurrency=4, note=""
    )


@pipe.fn()
def post(**kwargs: object) -> Detach:
    if "retry" in kwargs:
        raise RetryFunctionAfterDelay(3)
    return Detach(ReturnUpdates("audit", who="me"), "weigh", then=ReturnUpdates("done"))


@pipe.fn()
def done(*, merged: bool, **kwargs: object) -> Parallel:
    return Parallel(weigh, {"$next": "label"}, join=post, merge={"sizes": "list"}, on_error="collect", when=3)


_ = sort >> pack >> [label, weigh >> post] >> done
_ = sort >> Parallel(label, weigh) >> (label, "post") >> done
pipe.run(parcels=[], anything=3)
pipe.run_from(step="pack", parcels=[])
