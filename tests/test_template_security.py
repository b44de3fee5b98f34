"""Templates before checkov, in an environment of its own, so this is slow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.template import render_template
from tests.emission import plan_of, program

pytestmark = pytest.mark.slow

NEVER = {
    "CKV_AWS_18": "who reads the bucket is in CloudTrail; a log bucket is the account's business",
    "CKV_AWS_21": "objects are written once and expire: versions would only cost",
    "CKV_AWS_116": "failures go to the failure destination, which holds more than a dead-letter queue",
}
BY_OPTION = {
    "CKV_AWS_27": "queues are encrypted with SQS's own keys, which checkov does not count; or kms_key",
    "CKV_AWS_115": "reserved concurrency takes from the account's: reserved_concurrency",
    "CKV_AWS_117": "a VPC is no gain for a function that talks to AWS alone: subnets, security_groups",
    "CKV_AWS_158": "logs are encrypted with CloudWatch's own keys: kms_key",
    "CKV_AWS_173": "the variables hold no secrets: kms_key",
}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
HARDENED = {
    "kms_key": KEY,
    "reserved_concurrency": 5,
    "subnets": ("subnet-0123456789abcdef0",),
    "security_groups": ("sg-0123456789abcdef0",),
    "tracing": True,
}


def _templates() -> dict[str, str]:
    """Templates by form and by whether they have the options of `HARDENED`."""
    rounds = program("rounds")
    loop = plan_of({"begin": ["again"], "again": ["begin", "end"], "end": []})
    made = {}
    for form in ("sam", "cloudformation"):
        made[f"{form}-default"] = render_template(rounds, Options(pipeline="rounds:pipe", format=form))
        options = Options(pipeline="shop:pipe", format=form, **HARDENED)  # type: ignore[arg-type]
        made[f"{form}-hardened"] = render_template(loop, options)
    return made


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The checks that fail, by template: of all in one run of checkov, most of which is its start."""
    home = tmp_path_factory.mktemp("checkov")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    install = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*install, "checkov>=3.2"], check=True)
    folder = tmp_path_factory.mktemp("templates")
    templates = _templates()
    for name, text in templates.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    command = [str(home / "bin" / "checkov"), "-d", str(folder)]
    command += ["--framework", "cloudformation", "-o", "json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    found: dict[str, set[str]] = {name: set() for name in templates}
    for each in report["results"]["failed_checks"]:
        found[Path(each["file_path"]).stem].add(each["check_id"])
    return found


@pytest.mark.parametrize("form", ["sam", "cloudformation"])
def test_by_default_the_exceptions_are_these(findings: dict[str, set[str]], form: str) -> None:
    assert findings[f"{form}-default"] == NEVER.keys() | BY_OPTION.keys()


@pytest.mark.parametrize("form", ["sam", "cloudformation"])
def test_with_all_options_few_are_left(findings: dict[str, set[str]], form: str) -> None:
    assert findings[f"{form}-hardened"] == NEVER.keys()
