"""A pipeline of each shape, and what its runs come to on every engine.

`SHAPES` has the runs: the name of the pipeline here, the input, the final state and the path on this machine.
Where a run fails, the class of the error stands in the place of the state, and the path is what was taken
before the step that failed, or from which the branch began that did.
"""

from typing import Any, NamedTuple

from orchwipy_runtime import (
    ConditionalReturns,
    Detach,
    MapEach,
    MicroFunctions,
    Parallel,
    RetryFunctionAfterDelay,
    ReturnUpdates,
)


class Shape(NamedTuple):
    pipe: str
    input: dict[str, Any]
    state: dict[str, Any] | str
    path: list[str]


# One step after the other.
line = MicroFunctions(beginner="line_first")


@line.fn(returns="number")
def line_first(start):
    return start + 1


@line.fn(returns=("low", "high"))
def line_second(number):
    return number - 1, number + 1


@line.fn()
def line_third(*, low, high, **kwargs):
    return ReturnUpdates(None, "low", "high", span=[low, high])


line_first >> line_second >> line_third


# Two branches that join.
diamond = MicroFunctions(beginner="diamond_top")


@diamond.fn(returns="number")
def diamond_top(start):
    return start + 1


@diamond.fn(returns="left")
def diamond_left(number):
    return number * 2


@diamond.fn(returns="right")
def diamond_right(number):
    return number * 3


@diamond.fn(returns="total")
def diamond_bottom(left, right):
    return left + right


diamond_top >> [diamond_left, diamond_right] >> diamond_bottom


# A diamond in a branch, and a group right after a group, with a step that does nothing between them.
nested = MicroFunctions(beginner="nested_top")


@nested.fn(returns="a")
def nested_top(start):
    return start


@nested.fn(returns="b")
def nested_outer(a):
    return a + 1


@nested.fn(returns="c")
def nested_inner_one(b):
    return b + 1


@nested.fn(returns="d")
def nested_inner_two(b):
    return b + 2


@nested.fn(returns="e")
def nested_inner_join(c, d):
    return c + d


@nested.fn(returns="f")
def nested_other(a):
    return a + 10


@nested.fn(returns="g")
def nested_after_one(e):
    return -e


@nested.fn(returns="h")
def nested_after_two(f):
    return -f


@nested.fn(returns="all")
def nested_bottom(a, b, c, d, e, f, g, h):
    return [a, b, c, d, e, f, g, h]


(
    nested_top
    >> [nested_outer >> [nested_inner_one, nested_inner_two] >> nested_inner_join, nested_other]
    >> [nested_after_one, nested_after_two]
    >> nested_bottom
)


# Branches of one, two and three steps, one of which drops a key.
uneven = MicroFunctions(beginner="uneven_top")


@uneven.fn(returns="a")
def uneven_top(start):
    return start


@uneven.fn(returns="short")
def uneven_short(a):
    return a


@uneven.fn(returns="draft")
def uneven_middle_one(a):
    return a + 1


@uneven.fn()
def uneven_middle_two(*, draft, **kwargs):
    return ReturnUpdates(None, "draft", "start", middle=draft + 1)


@uneven.fn(returns="long")
def uneven_long_one(a):
    return [a]


@uneven.fn(returns="long")
def uneven_long_two(long):
    return [*long, 2]


@uneven.fn(returns="long")
def uneven_long_three(long):
    return [*long, 3]


@uneven.fn(returns="all")
def uneven_bottom(short, middle, long):
    return [short, middle, long]


(
    uneven_top
    >> [
        uneven_short,
        uneven_middle_one >> uneven_middle_two,
        uneven_long_one >> uneven_long_two >> uneven_long_three,
    ]
    >> uneven_bottom
)


# A branch that goes one of two ways to the join, from which one step more may follow.
conditional = MicroFunctions(beginner="conditional_top")


@conditional.fn()
def conditional_top(*, kind, **kwargs):
    return Parallel(
        ReturnUpdates("conditional_sort", weight=2),
        "conditional_other",
        join="conditional_bottom",
        begun=True,
    )


@conditional.fn()
def conditional_sort(*, kind, **kwargs):
    return ConditionalReturns(
        kind,
        ReturnUpdates("conditional_bottom", handled="as it is"),
        parcel=ReturnUpdates("conditional_parcel"),
    )


@conditional.fn()
def conditional_parcel(*, weight, **kwargs):
    return {**kwargs, "weight": weight, "handled": weight * 10}


@conditional.fn()
def conditional_other(*, kind, **kwargs):
    return ReturnUpdates(None, other=kind)


@conditional.fn(terminates=True)
def conditional_bottom(*, weight, handled, other, **kwargs):
    return ReturnUpdates(None, summary=[weight, handled, other])


# Branches only where they are asked for: else the run goes its ordinary way.
chosen = MicroFunctions(beginner="chosen_top")


@chosen.fn(default_next="chosen_bottom")
def chosen_top(*, fast, **kwargs):
    return ConditionalReturns(
        fast,
        ReturnUpdates(None, way="plain"),
        true=Parallel("chosen_one", "chosen_two", join="chosen_bottom", way="branches"),
    )


@chosen.fn(returns="one")
def chosen_one():
    return 1


@chosen.fn(returns="two")
def chosen_two():
    return 2


@chosen.fn(terminates=True)
def chosen_bottom(*, way, one=0, two=0, **kwargs):
    return {"way": way, "sum": one + two}


# Several branches give values to one key, which become one in every way that there is.
merged = MicroFunctions(beginner="merged_top")


@merged.fn()
def merged_top(**kwargs):
    return Parallel(
        ReturnUpdates("merged_branch", mark=1),
        ReturnUpdates("merged_branch", mark=2),
        ReturnUpdates("merged_dropper"),
        join="merged_bottom",
        merge={
            "mark": "list",
            "values": "concat",
            "table": "update",
            "total": "sum",
            "begin": "first",
            "end": "last",
        },
    )


@merged.fn()
def merged_branch(*, mark, **kwargs):
    return ReturnUpdates(
        None,
        values=[mark, mark],
        table={"both": mark, str(mark): True},
        total=mark,
        begin=mark,
        end=mark,
    )


@merged.fn()
def merged_dropper(**kwargs):
    return ReturnUpdates(None, "total", "unused", own=3)


@merged.fn(returns="done")
def merged_bottom(mark, values, table, total, begin, end, own):
    return True


# A branch that fails ends the run with its error.
stopped = MicroFunctions(beginner="stopped_top")


@stopped.fn(returns="a")
def stopped_top(start):
    return start


@stopped.fn(returns="b")
def stopped_good(a):
    return a


@stopped.fn(returns="c")
def stopped_bad(a):
    if a < 0:
        raise ValueError(f"{a} is below zero")
    return a


@stopped.fn(returns="d")
def stopped_bottom(b, c):
    return b + c


stopped_top >> [stopped_good, stopped_bad] >> stopped_bottom


# A branch that fails lets the others finish, brings nothing, and is told to the join.
collected = MicroFunctions(beginner="collected_top")


@collected.fn(returns="a")
def collected_top(start):
    return start


@collected.fn(returns="b")
def collected_good(a):
    return a


@collected.fn(returns="early")
def collected_begin(a):
    return a


@collected.fn(returns="c")
def collected_bad(a):
    if a < 0:
        raise ValueError(f"{a} is below zero")
    return a


@collected.fn(returns="d")
def collected_bottom(errors, b=None, c=None):
    return [b, c, len(errors)]


collected_top >> (collected_good, collected_begin >> collected_bad) >> collected_bottom


# A branch for each item of a list.
mapped = MicroFunctions(beginner="mapped_top")


@mapped.fn(returns="numbers")
def mapped_top(count):
    return list(range(count))


@mapped.fn(returns="square")
def mapped_square(number):
    return number * number


@mapped.fn(returns="total")
def mapped_bottom(squares):
    return sum(squares)


(
    mapped_top
    >> MapEach(
        ReturnUpdates("mapped_square", "numbers"),
        over="numbers",
        item="number",
        collect="square",
        into="squares",
        max_concurrency=10,
    )
    >> mapped_bottom
)


# A map in a map.
grid = MicroFunctions(beginner="grid_top")


@grid.fn(returns="rows")
def grid_top(height, width):
    return [[row * width + column for column in range(width)] for row in range(height)]


@grid.fn()
def grid_row(*, row, **kwargs):
    return MapEach(
        "grid_cell", over="row", item="cell", collect="value", into="values", join="grid_row_end", shift=100
    )


@grid.fn(returns="value")
def grid_cell(cell, shift):
    return cell + shift


@grid.fn()
def grid_row_end(*, values, **kwargs):
    return ReturnUpdates(None, total=sum(values))


@grid.fn(returns="sum")
def grid_bottom(totals):
    return sum(totals)


grid_top >> MapEach("grid_row", over="rows", item="row", collect="total", into="totals") >> grid_bottom


# Items that fail leave None in the list.
mended = MicroFunctions(beginner="mended_top")


@mended.fn()
def mended_top(*, numbers, **kwargs):
    return MapEach(
        "mended_divide",
        over="numbers",
        item="number",
        collect="share",
        into="shares",
        join="mended_bottom",
        on_error="collect",
        errors="faults",
    )


@mended.fn(returns="share")
def mended_divide(number):
    if number == 0:
        raise ValueError("no share of nothing")
    return 12 // number


@mended.fn(returns="good")
def mended_bottom(shares, faults):
    return len(shares) - len(faults)


# Branches in the items of a map, and a map in a branch.
mixed = MicroFunctions(beginner="mixed_top")


@mixed.fn(returns="words")
def mixed_top(text):
    return text.split()


@mixed.fn(returns=())
def mixed_word(word):
    pass


@mixed.fn(returns="size")
def mixed_size(word):
    return len(word)


@mixed.fn(returns="upper")
def mixed_upper(word):
    return word.upper()


@mixed.fn(returns="entry")
def mixed_entry(size, upper):
    return {"size": size, "upper": upper}


@mixed.fn(returns="count")
def mixed_count(words):
    return len(words)


@mixed.fn(returns="report")
def mixed_bottom(entries, count):
    return [count, *(each["upper"] for each in entries)]


mixed_word >> [mixed_size, mixed_upper] >> mixed_entry
(
    mixed_top
    >> [MapEach(mixed_word, over="words", item="word", collect="entry", into="entries"), mixed_count]
    >> mixed_bottom
)


# Branches after which nothing follows: the run ends with them.
ending = MicroFunctions(beginner="ending_top")


@ending.fn(returns="a")
def ending_top(start):
    return start


@ending.fn(returns="b")
def ending_one(a):
    return a + 1


@ending.fn(returns="c")
def ending_two(a):
    return a + 2


ending_top >> [ending_one, ending_two]


# A branch that nobody waits for: what it does, and that it fails, changes nothing.
detached = MicroFunctions(beginner="detached_top")


@detached.fn(returns="a")
def detached_top(start):
    return start


@detached.fn(returns="seen")
def detached_audit(a):
    return a


@detached.fn(returns="more")
def detached_audit_more(seen):
    if seen < 0:
        raise ValueError(f"{seen} is below zero")
    return seen


@detached.fn(returns="b")
def detached_bottom(a):
    return a + 1


detached_audit >> detached_audit_more
detached_top >> Detach(detached_audit) >> detached_bottom


# A step of a branch that asks to be tried again.
waiting = MicroFunctions(beginner="waiting_top")


@waiting.fn()
def waiting_top(**kwargs):
    return Parallel("waiting_ask", "waiting_other", join="waiting_bottom")


@waiting.fn()
def waiting_ask(**kwargs):
    if waiting.current_retry < 2:
        raise RetryFunctionAfterDelay(0)
    return ReturnUpdates(None, tries=waiting.current_retry + 1)


@waiting.fn(returns="other")
def waiting_other():
    return 1


@waiting.fn(returns="total")
def waiting_bottom(tries, other):
    return tries + other


SHAPES = [
    Shape(
        "line",
        {"start": 1},
        {"start": 1, "number": 2, "span": [1, 3]},
        ["line_first", "line_second", "line_third"],
    ),
    Shape(
        "diamond",
        {"start": 1},
        {"start": 1, "number": 2, "left": 4, "right": 6, "total": 10},
        ["diamond_top", "diamond_left", "diamond_right", "diamond_bottom"],
    ),
    Shape(
        "nested",
        {"start": 1},
        {
            "start": 1,
            "a": 1,
            "b": 2,
            "c": 3,
            "d": 4,
            "e": 7,
            "f": 11,
            "g": -7,
            "h": -11,
            "all": [1, 2, 3, 4, 7, 11, -7, -11],
        },
        [
            "nested_top",
            "nested_outer",
            "nested_inner_one",
            "nested_inner_two",
            "nested_inner_join",
            "nested_other",
            "before nested_after_one, nested_after_two",
            "nested_after_one",
            "nested_after_two",
            "nested_bottom",
        ],
    ),
    Shape(
        "uneven",
        {"start": 1},
        {"a": 1, "short": 1, "middle": 3, "long": [1, 2, 3], "all": [1, 3, [1, 2, 3]]},
        [
            "uneven_top",
            "uneven_short",
            "uneven_middle_one",
            "uneven_middle_two",
            "uneven_long_one",
            "uneven_long_two",
            "uneven_long_three",
            "uneven_bottom",
        ],
    ),
    Shape(
        "conditional",
        {"kind": "letter"},
        {
            "kind": "letter",
            "begun": True,
            "weight": 2,
            "handled": "as it is",
            "other": "letter",
            "summary": [2, "as it is", "letter"],
        },
        ["conditional_top", "conditional_sort", "conditional_other", "conditional_bottom"],
    ),
    Shape(
        "conditional",
        {"kind": "parcel"},
        {
            "kind": "parcel",
            "begun": True,
            "weight": 2,
            "handled": 20,
            "other": "parcel",
            "summary": [2, 20, "parcel"],
        },
        [
            "conditional_top",
            "conditional_sort",
            "conditional_parcel",
            "conditional_other",
            "conditional_bottom",
        ],
    ),
    Shape("chosen", {"fast": False}, {"way": "plain", "sum": 0}, ["chosen_top", "chosen_bottom"]),
    Shape(
        "chosen",
        {"fast": True},
        {"way": "branches", "sum": 3},
        ["chosen_top", "chosen_one", "chosen_two", "chosen_bottom"],
    ),
    Shape(
        "merged",
        {"total": 0, "unused": 0},
        {
            "mark": [1, 2],
            "values": [1, 1, 2, 2],
            "table": {"both": 2, "1": True, "2": True},
            "total": 3,
            "begin": 1,
            "end": 2,
            "own": 3,
            "done": True,
        },
        ["merged_top", "merged_branch", "merged_branch", "merged_dropper", "merged_bottom"],
    ),
    Shape(
        "stopped",
        {"start": 2},
        {"start": 2, "a": 2, "b": 2, "c": 2, "d": 4},
        ["stopped_top", "stopped_good", "stopped_bad", "stopped_bottom"],
    ),
    Shape("stopped", {"start": -2}, "ValueError", []),
    Shape(
        "collected",
        {"start": 2},
        {"start": 2, "a": 2, "b": 2, "early": 2, "c": 2, "errors": [], "d": [2, 2, 0]},
        ["collected_top", "collected_good", "collected_begin", "collected_bad", "collected_bottom"],
    ),
    Shape(
        "collected",
        {"start": -2},
        {
            "start": -2,
            "a": -2,
            "b": -2,
            "errors": [
                {"branch": 1, "step": "collected_bad", "type": "ValueError", "message": "-2 is below zero"}
            ],
            "d": [-2, None, 1],
        },
        ["collected_top", "collected_good", "collected_begin", "collected_bad", "collected_bottom"],
    ),
    *(
        Shape(
            "mapped",
            {"count": count},
            {
                "count": count,
                "numbers": list(range(count)),
                "squares": [number * number for number in range(count)],
                "total": sum(number * number for number in range(count)),
            },
            ["mapped_top", *["mapped_square"] * count, "mapped_bottom"],
        )
        for count in (0, 1, 1000)
    ),
    Shape(
        "grid",
        {"height": 2, "width": 3},
        {
            "height": 2,
            "width": 3,
            "rows": [[0, 1, 2], [3, 4, 5]],
            "totals": [303, 312],
            "sum": 615,
        },
        ["grid_top", *["grid_row", *["grid_cell"] * 3, "grid_row_end"] * 2, "grid_bottom"],
    ),
    Shape(
        "mended",
        {"numbers": [3, 0, 4]},
        {
            "numbers": [3, 0, 4],
            "shares": [4, None, 3],
            "faults": [
                {"branch": 1, "step": "mended_divide", "type": "ValueError", "message": "no share of nothing"}
            ],
            "good": 2,
        },
        ["mended_top", "mended_divide", "mended_divide", "mended_divide", "mended_bottom"],
    ),
    Shape(
        "mixed",
        {"text": "a bc"},
        {
            "text": "a bc",
            "words": ["a", "bc"],
            "entries": [{"size": 1, "upper": "A"}, {"size": 2, "upper": "BC"}],
            "count": 2,
            "report": [2, "A", "BC"],
        },
        [
            "mixed_top",
            "before mixed_word",
            *["mixed_word", "mixed_size", "mixed_upper", "mixed_entry"] * 2,
            "mixed_count",
            "mixed_bottom",
        ],
    ),
    Shape(
        "ending",
        {"start": 1},
        {"start": 1, "a": 1, "b": 2, "c": 3},
        ["ending_top", "ending_one", "ending_two"],
    ),
    *(
        Shape(
            "detached",
            {"start": start},
            {"start": start, "a": start, "b": start + 1},
            ["detached_top", "detached_bottom", "detached_audit", "detached_audit_more"],
        )
        for start in (1, -1)
    ),
    Shape(
        "waiting",
        {},
        {"tries": 3, "other": 1, "total": 4},
        ["waiting_top", "waiting_ask", "waiting_other", "waiting_bottom"],
    ),
]
