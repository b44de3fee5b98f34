"""The account that everything is in, and what a function is told of it."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

ACCOUNT = "123456789012"
REGION = "us-east-1"
SECRET_KEY = "secret"


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def access_key(name: str) -> str:
    """The access key that a function has, by which it is known as the invoker."""
    return f"AKIA{hashlib.sha256(name.encode()).hexdigest()[:16].upper()}"


def lambda_variables(name: str, handler: str, folder: Path) -> dict[str, str]:
    """The environment variables that Lambda sets. Of this process nothing leaks in but where programs and
    modules are found."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]),
        # As in Lambda, where the code's folder cannot be written to.
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(folder),
        "_HANDLER": handler,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": access_key(name),
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
        # What botocore would look for elsewhere on the machine, or in the network.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
