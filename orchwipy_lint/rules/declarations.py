"""How a step is declared and what it returns, each step by itself."""

from __future__ import annotations

from collections.abc import Iterator

from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.model import Arm
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.rules.paths import arms_of, at, unless_partial

__all__ = [
    "ASYNC_STEP",
    "INVALID_DECLARATION",
    "NO_VAR_KEYWORD",
    "POSITIONAL_PARAMETER",
    "RESERVED_NAME",
    "UNREADABLE_RETURN",
]


def no_var_keyword(flow: Flow) -> Iterator[Finding]:
    for step in flow.pipeline.steps:
        if not step.has_var_keyword and not step.is_plain:
            yield at(
                NO_VAR_KEYWORD,
                flow.pipeline,
                step.path,
                step.span,
                f"step `{step.name}` has no `**kwargs`: every other key of the state would raise TypeError",
                step=step.name,
                help="add `**kwargs` as the last parameter, or say with `returns=` which key its result is",
            )


def positional_parameter(flow: Flow) -> Iterator[Finding]:
    for step in flow.pipeline.steps:
        for each in step.parameters:
            if each.positional:
                yield at(
                    POSITIONAL_PARAMETER,
                    flow.pipeline,
                    step.path,
                    each.span,
                    f"parameter `{each.name}` of step `{step.name}` is positional: "
                    "the state comes by keyword",
                    step=step.name,
                    key=each.name,
                    help="make the step a function of the module"
                    if each.supplied and each.name in ("self", "cls")
                    else f"write `def {step.name}(*, {each.name}, ...)`",
                )


def unreadable_return(flow: Flow) -> Iterator[Finding]:
    for step in flow.pipeline.steps:
        for site in step.returns:
            if site.problem is not None and not step.is_generator:
                yield at(
                    UNREADABLE_RETURN,
                    flow.pipeline,
                    step.path,
                    site.span,
                    f"step `{step.name}` returns what cannot be read: {site.problem}",
                    severity=unless_partial(flow, UNREADABLE_RETURN.severity),
                    step=step.name,
                )


def reserved_name(flow: Flow) -> Iterator[Finding]:
    for step in flow.pipeline.steps:
        seen: set[object] = set()
        for arm in arms_of(step):
            for key in (*arm.effect.sets, *arm.effect.maybe, *_of_fan(arm)):
                if _is_reserved(key, step.next_key) and (arm.span, key) not in seen:
                    seen.add((arm.span, key))
                    yield at(
                        RESERVED_NAME,
                        flow.pipeline,
                        step.path,
                        arm.span,
                        f"step `{step.name}` sets `{key}`, a name that the runtime owns",
                        step=step.name,
                        key=key,
                        help="choose another name for the key",
                    )


def async_step(flow: Flow) -> Iterator[Finding]:
    for step in flow.pipeline.steps:
        if step.is_async or step.is_generator:
            kind = "a coroutine" if step.is_async else "a generator"
            yield at(
                ASYNC_STEP,
                flow.pipeline,
                step.path,
                step.span,
                f"step `{step.name}` is {kind}: calling it runs nothing and returns no changes",
                step=step.name,
                help="make it a plain function, with `asyncio.run(...)` inside where it must await"
                if step.is_async
                else "return the changes, and keep the `yield` in a function of its own",
            )


def invalid_declaration(flow: Flow) -> Iterator[Finding]:
    for step in flow.pipeline.steps:
        for path, span, problem, advice in step.problems:
            yield at(INVALID_DECLARATION, flow.pipeline, path, span, problem, step=step.name, help=advice)


def _of_fan(arm: Arm) -> tuple[str, ...]:
    """The keys that a fan-out sets besides those of its state."""
    fan = arm.fan
    return () if fan is None else tuple(key for key in (fan.item, fan.into, fan.errors) if key is not None)


def _is_reserved(key: str, next_key: str) -> bool:
    if key == "$next":
        return next_key == "$next"
    return key.startswith(("$", "callback_")) or key == "_original_input"


def _example(name: str, signature: str, body: str) -> str:
    return f'''\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="{name}")


@pipe.fn(terminates=True)
{signature}
    {body}
'''


_GOOD = _example("bill", "def bill(*, amount: int, **kwargs):", 'return {"paid": amount}')

NO_VAR_KEYWORD = Rule(
    code="OWP301",
    severity=Severity.ERROR,
    explanation=(
        "A step is called with the whole state as keyword arguments. Without `**kwargs` every key that it "
        "does not name raises TypeError, if not today then when another step sets a new key."
    ),
    bad=_example("bill", "def bill(*, amount: int):", 'return {"paid": amount}'),
    good=_GOOD,
    check=no_var_keyword,
)

POSITIONAL_PARAMETER = Rule(
    code="OWP302",
    severity=Severity.ERROR,
    explanation=(
        "The state reaches a step by keyword alone, so its parameters stand behind a `*`. A method has "
        "`self` as a positional parameter, which nobody passes: a step is a plain function."
    ),
    bad=_example("bill", "def bill(amount: int, **kwargs):", 'return {"paid": amount}'),
    good=_GOOD,
    check=positional_parameter,
)

UNREADABLE_RETURN = Rule(
    code="OWP303",
    severity=Severity.ERROR,
    explanation=(
        "A return is none of the forms that say what changes and what comes next: `ReturnUpdates(...)`, "
        "`ConditionalReturns(...)` with those or dicts as arms, a dict, or a local or conditional "
        "expression of them. What a helper function returns cannot be read: let it give the values, and "
        "write the return in the step. Arms do not nest, and none of them is `None`."
    ),
    bad=_example("bill", "def bill(*, amount: int, **kwargs):", "return make_result(amount)"),
    good=_GOOD,
    check=unreadable_return,
)

RESERVED_NAME = Rule(
    code="OWP304",
    severity=Severity.ERROR,
    explanation=(
        "Keys that start with `$`, `_original_input` and `callback_...` belong to the runtime, which "
        "would overwrite them or take them for its own. Choose another name."
    ),
    bad=_example("bill", "def bill(*, amount: int, **kwargs):", 'return {"$paid": amount}'),
    good=_GOOD,
    check=reserved_name,
)

ASYNC_STEP = Rule(
    code="OWP305",
    severity=Severity.ERROR,
    explanation=(
        "A coroutine or a generator does nothing when it is called: the runtime would get an object "
        "instead of changes. Steps are plain functions."
    ),
    bad=_example("bill", "async def bill(*, amount: int, **kwargs):", 'return {"paid": amount}'),
    good=_GOOD,
    check=async_step,
)

INVALID_DECLARATION = Rule(
    code="OWP306",
    severity=Severity.ERROR,
    explanation=(
        "What a plain function is registered with does not fit it. `inputs=` and `bind=` are for functions "
        "whose result is stored (`returns=`), they name parameters that the function has, and each "
        "parameter comes from one of the two. The program raises DeclarationError when it is loaded."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="price")


@pipe.fn(returns="total", inputs={"amuont": "items"})
def price(amount):
    return amount * 2
""",
    good="""\
from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="price")


@pipe.fn(returns="total", inputs={"amount": "items"})
def price(amount):
    return amount * 2
""",
    check=invalid_declaration,
)
