"""What a template is asked for besides the code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchwipy_runtime.errors import InvalidSetting

__all__ = ["CREATE", "Options"]

CREATE = "create"
"""Stands for a bucket that is made with the stack."""

_CHOICES = {
    "format": ("sam", "cloudformation"),
    "engine": ("direct", "stepfunctions"),
    "functions": ("each", "one"),
}
_RANGES = {
    "attempts": (1, 3),
    "timeout": (1, 900),
    "memory": (128, 10_240),
    "reserved_concurrency": (0, 1_000_000),
    "expiry_days": (1, 36_500),
    "max_steps_in_run": (1, 1_000_000),
}
_RETENTION = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288),
    3653,
)
_PLACE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PARAMETER = re.compile(r"[A-Za-z0-9]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a pipeline is deployed. Where a value may be an intrinsic function, such as `{"Ref": "KeyArn"}`,
    what it refers to becomes a parameter of the template.

    - `pipeline`: where the functions find it, as `module:pipe`.
    - `format`: `sam`, or `cloudformation`, which needs no transform and takes the code from the parameters
      CodeBucket and CodeKey.
    - `engine`: `direct`, each step invokes the next, or `stepfunctions`.
      `express`: its state machine is an express one, for runs of five minutes at most.
    - `functions`: `each` step is one, or `one` is all of them.
    - `source`: the file that the template is made from, for its header.
    - `code`: the folder or archive with the code, relative to the template; `code_path` what `{code_path}`
      in properties stands for, by default the same.
    - `layers`: ARNs, or names of parameters that hold them. `policies`: for every step, as SAM takes them.
      `environment`: variables of every step. `more_params`: properties of every step's function, as SAM
      names them.
    - `parameters`: more parameters of the template, names or pairs of a name and its default.
    - `max_steps_in_run`: for a pipeline that does not say it itself. `attempts`: how often Lambda invokes a
      function for one event in all. `timeout` in seconds, `memory` in MB, `reserved_concurrency`: of each.
    - `runtime`, `architecture` (x86_64 or arm64), `version` of the program, `tags`, `tracing` by X-Ray.
    - `retention_days` of the logs, `alarm_actions` the ARNs that the alarm tells.
    - `kms_key`: the ARN of a key for bucket, queues, logs and variables; by default they have AWS's own.
    - `subnets` and `security_groups`: the VPC that functions are in.
    - `bucket`: `create`, the name of one that is there, or of the parameter that names it; objects of a
      created one expire after `expiry_days`.
    - `delayed_retries`: whether steps may ask to be tried again later. `journal`: whether it is written down
      what each step came to.
    - `stack_name`: where it is known, names are checked exactly.
    """

    pipeline: str
    format: str = "sam"
    engine: str = "direct"
    express: bool = False
    functions: str = "each"
    source: str | None = None
    code: str = "."
    code_path: str | None = None
    layers: tuple[str, ...] = ()
    policies: tuple[object, ...] = ()
    environment: Mapping[str, object] = field(default_factory=dict)
    parameters: tuple[str | tuple[str, object], ...] = ()
    max_steps_in_run: int | None = None
    attempts: int = 3
    timeout: int = 30
    memory: int | None = None
    runtime: str = "python3.13"
    architecture: str = "x86_64"
    version: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    tracing: bool = False
    retention_days: int = 30
    alarm_actions: tuple[object, ...] = ()
    kms_key: object = None
    subnets: tuple[object, ...] = ()
    security_groups: tuple[object, ...] = ()
    reserved_concurrency: int | None = None
    bucket: str = CREATE
    expiry_days: int = 30
    delayed_retries: bool = True
    journal: bool = True
    stack_name: str | None = None
    more_params: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InvalidSetting(
                    f"the option `{name}` is `{getattr(self, name)}`", help=f"it is {' or '.join(choices)}"
                )
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InvalidSetting(
                    f"the option `{name}` is {value}", help=f"AWS takes from {least:,} to {most:,}"
                )
        if self.retention_days not in _RETENTION:
            raise InvalidSetting(
                f"logs cannot be kept for {self.retention_days} days",
                help=f"CloudWatch takes {', '.join(map(str, _RETENTION))}",
            )
        if not _PLACE.fullmatch(self.pipeline):
            raise InvalidSetting(
                f"`{self.pipeline}` does not say where the pipeline is",
                help="give the module and its name there, as in `shop:pipe`",
            )
        if bool(self.subnets) != bool(self.security_groups):
            raise InvalidSetting("a VPC needs both subnets and security groups", help="give both, or neither")
        if not _BUCKET.fullmatch(self.bucket) and not _PARAMETER.fullmatch(self.bucket):
            raise InvalidSetting(
                f"`{self.bucket}` is no name of a bucket, nor of a parameter",
                help=f"give `{CREATE}`, the name of a bucket, or of a parameter that will hold it",
            )

    @property
    def creates_bucket(self) -> bool:
        return self.bucket == CREATE

    @property
    def existing_bucket(self) -> object:
        """The name of the bucket that is not made with the stack."""
        return self.bucket if _BUCKET.fullmatch(self.bucket) else {"Ref": self.bucket}

    @property
    def relays(self) -> bool:
        """Whether the stack has the queue and the relay of delayed retries."""
        return self.engine == "direct" and self.delayed_retries
