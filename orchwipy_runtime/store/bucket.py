"""Objects in an S3 bucket, through botocore alone, which starts sooner than boto3.

botocore is loaded and its client made at the first request. It repeats by itself what fails for the moment
(5xx, throttling, time-outs); a conflict of two writers at one key is repeated here.
"""

from __future__ import annotations

import os
import re
from contextlib import closing, contextmanager
from threading import Lock
from time import sleep

from orchwipy_runtime.errors import (
    AccessDenied,
    CorruptObject,
    CredentialsExpired,
    InvalidSetting,
    OrchwipyError,
    StoreError,
    StoreUnavailable,
)
from orchwipy_runtime.store.objects import (
    Entry,
    Stored,
    changed,
    check_content,
    check_key,
    check_length,
    check_prefix,
    key_fault,
    taken,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["S3Store"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX_LENGTH = 123  # with a slash and the longest key, what S3 takes
_ATTEMPTS = 6  # at a key that others are writing

# Seconds; botocore's own are a minute each, longer than many a function may run.
_CONNECT_TIMEOUT = 5
_READ_TIMEOUT = 20

_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_DAMAGED = {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
_LOGIN = "give the function its role, or log in again on this machine; and see that the clock is right"
_PERMISSIONS = {
    "create": "s3:PutObject on its objects",
    "replace": "s3:PutObject and s3:GetObject on its objects",
    "read": "s3:GetObject on its objects, and s3:ListBucket on the bucket, without which S3 says the same of "
    "an object that is not there",
    "list": "s3:ListBucket on the bucket",
    "delete": "s3:DeleteObject on its objects",
}


class S3Store:
    """The objects in a bucket, under `<prefix>/` where a prefix is given.

    Unless a botocore `client` is given, one is made from the environment as always: credentials, region,
    `AWS_ENDPOINT_URL_S3`. With an endpoint of its own the bucket stands in the path, not in the host's name.
    """

    __slots__ = ("_client", "_lock", "_root", "bucket", "prefix")

    def __init__(self, bucket: str, prefix: str = "", *, client: object | None = None) -> None:
        prefix = prefix.removesuffix("/")
        if not _BUCKET.fullmatch(bucket):
            raise InvalidSetting(f"`{bucket}` is no name of a bucket", help="give s3://bucket/prefix")
        if prefix and (fault := key_fault(prefix, _PREFIX_LENGTH)):
            raise InvalidSetting(
                f"`{prefix}` is no prefix for objects: {fault}", help="give s3://bucket/prefix"
            )
        self.bucket = bucket
        self.prefix = prefix
        self._root = f"{prefix}/" if prefix else ""
        self._client: Any = client
        self._lock = Lock()

    def create(self, key: str, data: bytes) -> str:
        check_key(key)
        return self._put("create", key, data, taken(key), IfNoneMatch="*")

    def replace(self, key: str, data: bytes, *, etag: str) -> str:
        check_key(key)
        return self._put("replace", key, data, changed(key), IfMatch=etag)

    def read(self, key: str, *, sha256: str | None = None, length: int | None = None) -> Stored | None:
        check_key(key)
        with self._requests("read", key) as client:
            try:
                answer = client.get_object(Bucket=self.bucket, Key=self._root + key, ChecksumMode="ENABLED")
            except client.exceptions.NoSuchKey:
                return None
            with closing(answer["Body"]) as body:
                check_length(answer["ContentLength"], length, key)
                data: bytes = body.read()
        check_content(data, sha256, length, key)
        return Stored(data, answer["ETag"])

    def list(self, prefix: str = "") -> Iterator[Entry]:
        check_prefix(prefix)
        return self._pages(prefix)

    def delete(self, key: str) -> None:
        check_key(key)
        with self._requests("delete", key) as client:
            client.delete_object(Bucket=self.bucket, Key=self._root + key)

    def _put(self, action: str, key: str, data: bytes, refused: StoreError, **condition: str) -> str:
        attempt = 1
        while True:
            with self._requests(action, key) as client:
                try:
                    answer = client.put_object(
                        Bucket=self.bucket,
                        Key=self._root + key,
                        Body=data,
                        ChecksumAlgorithm="SHA256",
                        **condition,
                    )
                except client.exceptions.ClientError as error:
                    code, status = _said(error)
                    if status == 412 or code == "NoSuchKey":
                        raise refused from None
                    if status != 409 or attempt == _ATTEMPTS:
                        raise
                else:
                    etag: str = answer["ETag"]
                    return etag
            sleep(0.05 * 2**attempt * os.urandom(1)[0] / 255)  # those who met should not meet again
            attempt += 1

    def _pages(self, prefix: str) -> Iterator[Entry]:
        following: dict[str, str] = {}
        while True:
            with self._requests("list", prefix) as client:
                page = client.list_objects_v2(Bucket=self.bucket, Prefix=self._root + prefix, **following)
            for each in page.get("Contents", ()):
                key = each["Key"][len(self._root) :]
                if not key_fault(key):
                    yield Entry(key, each["Size"], each["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            following = {"ContinuationToken": page["NextContinuationToken"]}

    @contextmanager
    def _requests(self, action: str, key: str) -> Iterator[Any]:
        """Gives the client; what it raises becomes an error of ours."""
        from botocore import exceptions

        try:
            yield self._connected()
        except exceptions.ClientError as error:
            raise self._refusal(*_said(error), error, action, key) from error
        except exceptions.FlexibleChecksumError as error:
            raise CorruptObject(
                f"{self._place(key)} is not what was written: its checksum is another", key=key
            ) from error
        except (
            exceptions.NoCredentialsError,
            exceptions.PartialCredentialsError,
            exceptions.CredentialRetrievalError,
            exceptions.NoAuthTokenError,
            exceptions.TokenRetrievalError,
            exceptions.SSOError,
        ) as error:
            raise CredentialsExpired(
                f"there are no credentials for {self._place(key)}", key=key, help=_LOGIN
            ) from error
        except (
            exceptions.HTTPClientError,
            exceptions.ConnectionError,
            exceptions.IncompleteReadError,
        ) as error:
            raise StoreUnavailable(
                f"{self._place(key)} cannot be reached: {type(error).__name__}",
                key=key,
                help="see that there is a way to the endpoint, and that it is the right one",
            ) from error
        except exceptions.BotoCoreError as error:
            raise StoreError(
                f"{self._place(key)}: the request to {action} fails: {type(error).__name__}",
                key=key,
                help="see its cause; it is often the configuration of AWS on this machine",
            ) from error

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                from botocore.config import Config
                from botocore.session import get_session

                config = Config(
                    connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT, retries={"mode": "standard"}
                )
                try:
                    self._client = get_session().create_client("s3", config=config)
                except ValueError as error:
                    raise InvalidSetting(
                        f"no client for S3 can be made: {error}",
                        help="see AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL",
                    ) from error
            return self._client

    def _refusal(self, code: str, status: int, error: Exception, action: str, key: str) -> OrchwipyError:
        """What an answer of S3 that is no success means."""
        place, text = self._place(key), str(error)
        if code in _CREDENTIALS:
            return CredentialsExpired(f"{place}: the credentials are not taken: {text}", key=key, help=_LOGIN)
        if code == "NoSuchBucket":
            return StoreError(
                f"there is no bucket `{self.bucket}`",
                key=key,
                help="make it, or see that region and name are right",
            )
        if code in _DAMAGED:
            return CorruptObject(f"{place} was damaged on its way there: {text}", key=key)
        if status == 403:
            return AccessDenied(
                f"{place}: S3 does not let us {action} it: {text}",
                key=key,
                help=f"grant {_PERMISSIONS[action]}",
            )
        if status >= 500 or status in (409, 429) or code == "RequestTimeout" or "Throttl" in code:
            return StoreUnavailable(
                f"{place}: S3 cannot {action} it now: {text}", key=key, help="try again later"
            )
        return StoreError(f"{place}: S3 does not {action} it: {text}", key=key)

    def _place(self, key: str) -> str:
        return f"s3://{self.bucket}/{self._root}{key}"


def _said(error: Any) -> tuple[str, int]:
    """The code and the HTTP status of an answer that is an error."""
    answer = error.response
    code: str = answer.get("Error", {}).get("Code", "")
    status: int = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code, status
