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


@pytest.fixture(scope="module")
def checkov(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("checkov")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    install = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "checkov>=3.2"]
    subprocess.run(install, check=True)
    return home / "bin" / "checkov"


def findings(checkov: Path, folder: Path, text: str) -> dict[str, set[str]]:
    """The resources that fail, by check."""
    file = folder / "template.yml"
    file.write_text(text, encoding="utf-8")
    command = [str(checkov), "-f", str(file), "--framework", "cloudformation", "-o", "json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] > 0
    found: dict[str, set[str]] = {}
    for each in report["results"]["failed_checks"]:
        found.setdefault(each["check_id"], set()).add(each["resource"])
    return found


@pytest.mark.parametrize("form", ["sam", "cloudformation"])
def test_by_default_the_exceptions_are_these(checkov: Path, tmp_path: Path, form: str) -> None:
    text = render_template(program("rounds"), Options(pipeline="rounds:pipe", format=form))
    assert findings(checkov, tmp_path, text).keys() == NEVER.keys() | BY_OPTION.keys()


@pytest.mark.parametrize("form", ["sam", "cloudformation"])
def test_with_all_options_few_are_left(checkov: Path, tmp_path: Path, form: str) -> None:
    plan = plan_of({"begin": ["again"], "again": ["begin", "end"], "end": []})
    text = render_template(plan, Options(pipeline="shop:pipe", format=form, **HARDENED))  # type: ignore[arg-type]
    assert findings(checkov, tmp_path, text).keys() == NEVER.keys()
