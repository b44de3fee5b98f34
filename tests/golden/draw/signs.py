"""Names and conditions that mean something to Mermaid, DOT, HTML and Markdown."""

from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

end = MicroFunctions(beginner="graph")


@end.fn()
def graph(*, path: str, style: "dict[str, list[str]] | None" = None, **kwargs):
    if path == 'C:\\new "folder"<br/>&amp;':
        return ReturnUpdates("end", "*", __a__=1, _b_=2)
    if path == "#quot; `code` **bold** 100% $$x$$ |pipe| [list] {dict} ~~a~~":
        return ReturnUpdates("subgraph", "style")
    return ConditionalReturns(path, ReturnUpdates("end_"), **{"1. first": ReturnUpdates("é"), "- x": ReturnUpdates("ö")})


@end.fn(name="end", terminates=True)
def finish(**kwargs):
    return {}


@end.fn(name="end_", default_next="end")
def almost(**kwargs):
    return {"é": "→", "ключ": 1}


@end.fn()
def subgraph(**kwargs):
    return {"$next": "class"}


@end.fn()
def é(**kwargs):
    return {"$next": "ö"}


@end.fn(terminates=True)
def ö(**kwargs):
    return {}
