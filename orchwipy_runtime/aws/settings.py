"""What a deployed function is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping

from orchwipy_runtime.errors import InvalidSetting

__all__ = ["Settings"]

_INLINE = 200_000
_MOST_INLINE = 1_000_000
_ATTEMPTS = 3


class Settings:
    """The environment variables of a function of a pipeline, read and checked.

    - `stack` (StackName): the name of the stack. It is the pipeline's name, the first part of every
      function's name and the prefix of every object.
    - `step` (OrchwipyName): the step that the function is, None where it is all of them.
    - `one` (OrchwipyFunctions, `one` or `each`): whether one function is all steps of the pipeline.
    - `bucket` (OrchwipyRequestBucket): where records and large states are, None without one.
    - `journal` (OrchwipyJournal, `on` or `off`): whether outcomes are recorded; given a bucket, they are.
    - `queue` (DelayQueueURL): the queue of delayed retries, None without one.
    - `inline` (OrchwipyInlineBytes): how many bytes of state lie in an event itself. An asynchronous event
      has at most 1 MB, and a failure record has to hold the event with its wrapping.
    - `attempts` (OrchwipyAttempts): how often Lambda invokes a function for one event in all, from 1 to 3.
    - `version` (OrchwipyVersion): of the program, if it has one.
    """

    __slots__ = ("attempts", "bucket", "inline", "journal", "one", "queue", "stack", "step", "version")

    def __init__(
        self,
        *,
        stack: str,
        step: str | None = None,
        one: bool = False,
        bucket: str | None = None,
        journal: bool = True,
        queue: str | None = None,
        inline: int = _INLINE,
        attempts: int = _ATTEMPTS,
        version: str | None = None,
    ) -> None:
        self.stack = stack
        self.step = step
        self.one = one
        self.bucket = bucket
        self.journal = journal and bucket is not None
        self.queue = queue
        self.inline = inline
        self.attempts = attempts
        self.version = version

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings; InvalidSetting for a variable that is missing or means nothing."""
        stack = environment.get("StackName")
        if not stack:
            raise InvalidSetting(
                "the environment variable StackName is not set",
                key="StackName",
                help="it holds the name of the stack, from which the names of the steps' functions are made",
            )
        journal = _choice(environment, "OrchwipyJournal", "on", "off")
        functions = _choice(environment, "OrchwipyFunctions", "each", "one")
        return cls(
            stack=stack,
            step=environment.get("OrchwipyName") or None,
            one=functions == "one",
            bucket=environment.get("OrchwipyRequestBucket") or None,
            journal=journal == "on",
            queue=environment.get("DelayQueueURL") or None,
            inline=_number(environment, "OrchwipyInlineBytes", _INLINE, _MOST_INLINE),
            attempts=_number(environment, "OrchwipyAttempts", _ATTEMPTS, 3),
            version=environment.get("OrchwipyVersion") or None,
        )


def _choice(environment: Mapping[str, str], name: str, default: str, other: str) -> str:
    value = environment.get(name) or default
    if value not in (default, other):
        raise InvalidSetting(
            f"the environment variable {name} is neither `{default}` nor `{other}`",
            key=name,
            help=f"the default is `{default}`",
        )
    return value


def _number(environment: Mapping[str, str], name: str, default: int, most: int) -> int:
    value = environment.get(name)
    if not value:
        return default
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise InvalidSetting(
            f"the environment variable {name} is no whole number from 1 to {most:,}",
            key=name,
            help=f"the default is {default:,}",
        )
    return int(value)
