from orchwipy_runtime import Functions

pipe = Functions(beginner="count")


@pipe.fn()  # E
def count(*, words: list[str], **kwargs: object) -> int:
    return len(words)


def measure(*, words: list[str], **kwargs: object) -> str:
    return words[0]


pipe.step(measure)  # E
pipe.step(measure, nmae="first")  # E
pipe.fn(default_nxet="count")  # E
