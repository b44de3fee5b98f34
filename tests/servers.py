"""Servers on the loopback interface for tests: a real S3, and what can go wrong on the way to one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REGION = "us-east-1"
BUCKET = "orchwipy-tests"

_START_SECONDS = 60
# Every port that the server would otherwise choose by itself.
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "volume.port.public",
    "filer.port",
    "filer.port.grpc",
    "filer.port.public",
    "s3.port",
    "s3.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


class S3Server:
    """SeaweedFS with a bucket in it, which really verifies signatures, permissions, conditions, checksums.

    It is not S3 where it keeps folders: a listing goes folder by folder (`a/b` before `a-b`), and where a
    folder was no object can be for a while.
    """

    def __init__(self, endpoint: str, key: str, secret: str) -> None:
        self.endpoint = endpoint
        self.bucket = BUCKET
        self.environment = _environment(endpoint, key, secret)
        self._clients: dict[str, Any] = {}
        self._taken: list[tuple[str, str, str]] = []  # the restricted users: a name, a key and its secret
        self._free: list[tuple[str, str, str]] = []

    def client(self, service: str = "s3") -> Any:
        """A botocore client that may do everything, the same one each time."""
        if service not in self._clients:
            self._clients[service] = botocore.session.get_session().create_client(
                service,
                region_name=REGION,
                endpoint_url=self.endpoint,
                aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def restricted(self, prefix: str) -> dict[str, str]:
        """An environment with a pipeline's permissions: for what lies under `<prefix>/`, nothing else."""
        iam = self.client("iam")
        bucket = f"arn:aws:s3:::{self.bucket}"
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                    "Resource": f"{bucket}/{prefix}/*",
                },
                {
                    "Effect": "Allow",
                    "Action": ["s3:ListBucket"],
                    "Resource": bucket,
                    "Condition": {"StringLike": {"s3:prefix": [f"{prefix}/*"]}},
                },
            ],
        }
        if self._free:
            user, key, secret = self._free.pop()
        else:
            user = f"restricted-{len(self._taken)}"
            iam.create_user(UserName=user)
            made = iam.create_access_key(UserName=user)["AccessKey"]
            key, secret = made["AccessKeyId"], made["SecretAccessKey"]
        self._taken.append((user, key, secret))
        iam.put_user_policy(UserName=user, PolicyName="prefix", PolicyDocument=json.dumps(policy))
        return _environment(self.endpoint, key, secret)

    def release(self) -> None:
        """Nobody needs the restricted users any more: the next who asks for some gets them, with new rights.

        What the server does with users takes the longer the more there are.
        """
        self._free += self._taken
        self._taken.clear()

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def clear(self) -> None:
        """Removes all objects."""
        client = self.client()
        for key in self.keys():
            client.delete_object(Bucket=self.bucket, Key=key)


@contextmanager
def serve_s3() -> Iterator[S3Server]:
    """Runs an S3 server of its own, empty but for the bucket."""
    with tempfile.TemporaryDirectory(prefix="orchwipy-s3-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for last in (False, False, True):  # somebody else may take one of the ports meanwhile
            ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
            process = _start_seaweed(folder, ports)
            try:
                server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", "admin", "admin-secret")
                if _wait_until_ready(server, process):
                    yield server
                    return
            finally:
                # It takes seconds to end in good order, and nothing in its folder is worth that.
                process.kill()
                process.wait()
                for port in ports.values():
                    for each in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                        each.unlink(missing_ok=True)
            if last:
                log = (folder / "log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"the S3 server does not start:\n{log[-2000:]}")


def free_ports(number: int) -> list[int]:
    """As many ports of the loopback interface that nobody listens at now."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _start_seaweed(folder: Path, ports: dict[str, int]) -> subprocess.Popen[bytes]:
    everything = ["Admin", "Read", "List", "Tagging", "Write"]
    credentials = [{"accessKey": "admin", "secretKey": "admin-secret"}]
    identity = {"name": "admin", "credentials": credentials, "actions": everything}
    data = Path(tempfile.mkdtemp(dir=folder))
    config = folder / "identities.json"
    config.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    command = [
        str(Path(sysconfig.get_path("scripts"), "weed")),
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        f"-s3.config={config}",
        "-s3.autoCreateBucket=false",
        "-s3.iam.readOnly=false",  # so that restricted users can be made
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    # No credentials of whoever runs the tests, and its logs where its data is.
    environment = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.environ["PATH"]}
    with open(folder / "log", "wb") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)


def _wait_until_ready(server: S3Server, process: subprocess.Popen[bytes]) -> bool:
    """True when an object can be written, which is well after the port is open; False where that fails."""
    client = server.client()
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(BotoCoreError, ClientError):
            with suppress(client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou):
                client.create_bucket(Bucket=server.bucket)
            client.put_object(Bucket=server.bucket, Key="ready", Body=b"")
            client.delete_object(Bucket=server.bucket, Key="ready")
            return True
        time.sleep(0.05)
    return False


def _environment(endpoint: str, key: str, secret: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost",
    }


class Answer(NamedTuple):
    """An error, as S3 words it."""

    status: int
    code: str


DAMAGE = "one byte of the answer is another"
CUT = "the answer ends in the middle"
LOSE = "the request is carried out, and the answer is lost"


class FaultyWay:
    """A server that passes requests on, each with the next fault of `script`, as long as it has some."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.script: list[Answer | str] = []
        self.requests: list[str] = []


@contextmanager
def faulty_way(target: str) -> Iterator[FaultyWay]:
    """Runs a faulty way to the server at `target`."""
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def meet(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                way.requests.append(f"{self.command} {self.path}")
                fault = way.script.pop(0) if way.script else None
            if isinstance(fault, Answer):
                text = f"<Error><Code>{fault.code}</Code><Message>As the script says.</Message></Error>"
                self.reply(fault.status, {"Content-Type": "application/xml"}, text.encode())
                return
            status, headers, content = self.passed_on(body)
            if fault == LOSE:
                self.close_connection = True
            elif fault == CUT:
                self.close_connection = True
                self.reply(status, headers, content, sent=len(content) // 2)
            elif fault == DAMAGE:
                self.reply(status, headers, bytes([content[0] ^ 1]) + content[1:])
            else:
                self.reply(status, headers, content)

        do_DELETE = do_GET = do_PUT = meet  # noqa: N815

        def passed_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            headers = {name: value for name, value in self.headers.items() if name != "Expect"}
            connection = HTTPConnection(urlsplit(target).netloc, timeout=30)
            try:
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                return response.status, dict(response.getheaders()), response.read()
            finally:
                connection.close()

        def reply(
            self, status: int, headers: dict[str, str], content: bytes, sent: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in (
                    "content-length",
                    "transfer-encoding",
                    "connection",
                    "date",
                    "server",
                ):
                    self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:sent])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        way = FaultyWay(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield way
        finally:
            server.shutdown()
            thread.join()
