"""The door to S3, and the way to any store: write-once objects in a directory or a bucket."""

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from handlers.errors import HostFailure, Reason
from handlers.host.local_store import LocalStore
from handlers.host.settings import StoreSettings
from handlers.host.store_contract import (
    CHUNK_BYTES,
    Entry,
    Store,
    key_parts,
    missing,
    overwrites,
)

CONNECT_SECONDS = 10
READ_SECONDS = 60
#: Kept open at once, by as many threads.
CONNECTIONS = 16
#: Between the tries of one request; then the store has failed.
PATIENCE = (0.25, 0.5, 1.0, 2.0, 4.0)
DEFAULT_REGION = "us-east-1"
_TRY_AGAIN = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"})
_QUOTA = frozenset({"QuotaExceeded", "InsufficientCapacity", "XMinioStorageFull"})

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a bucket answered to one request, whatever that was."""

    status: int
    #: Of an error, such as `PreconditionFailed`; empty: it was carried out.
    code: str
    headers: Mapping[str, str]
    fields: Mapping[str, Any]
    #: What is raised of it where it was not looked for; None: it was carried out.
    failure: HostFailure | None = None


def open_store(settings: StoreSettings) -> Store:
    """The store that the settings describe; nothing is contacted yet."""
    if (settings.path is None) == (settings.bucket is None):
        raise HostFailure(
            f"Store {settings.name} needs either `path` or `bucket`.",
            reason=Reason.NOT_CONFIGURED,
            hint="Correct its `[[stores]]` table in zulip-ops.toml.",
        )
    if settings.path is not None:
        return LocalStore(settings.name, settings.path)
    return S3Store(settings)


def md5_of(data: bytes | bytearray) -> str:
    """As S3 wants it in a request."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


class S3Store:
    """A bucket, through plain PUTs, GETs and listings; safe to use from several threads."""

    def __init__(
        self,
        settings: StoreSettings,
        credentials: tuple[str, str] | None = None,
        *,
        patience: tuple[float, ...] = PATIENCE,
    ) -> None:
        assert settings.bucket is not None
        self._credentials = credentials
        self.name = settings.name
        self._settings = settings
        self._patience = patience
        self._bucket = settings.bucket
        #: A bucket that locks its objects takes none without a checksum; others are spared it.
        self._sends_md5 = False
        self._prefix = settings.prefix.strip("/") + "/" if settings.prefix.strip("/") else ""

    @cached_property
    def _client(self) -> Any:
        return _s3_client(self._settings, self._credentials)

    def put(self, key: str, data: bytes | bytearray) -> None:
        # A repeated PUT of ours writes the same bytes, so only the first one has to look.
        if self.exists(key):
            raise overwrites(self.name, key)
        try:
            self._put(key, data)
        except _ChecksumWanted:
            self._sends_md5 = True
            self._put(key, data)

    def claim(self, key: str, data: bytes) -> bool:
        # A bucket that locks its objects takes none without a checksum.
        what = {**self._where(key), "Body": data, "ContentMD5": md5_of(data)}
        try:
            self._ask(lambda: self._client.put_object(**what, IfNoneMatch="*"))
        except HostFailure:
            # Whoever was first; after an answer that was lost on its way it may be ourselves.
            if not self.exists(key):
                raise
            return self.get(key) == data
        return True

    def get(self, key: str) -> bytes:
        return b"".join(self.stream(key))

    def stream(self, key: str) -> Iterator[bytes]:
        """As every store; a connection that breaks is taken up again where it broke off."""
        done, failures = 0, 0
        while True:
            before = done
            try:
                for chunk in self._read(key, done):
                    done += len(chunk)
                    yield chunk
            except _BrokenOffError as error:
                failures = 1 if done > before else failures + 1
                if failures > len(self._patience):
                    raise self._failure(error.cause) from error.cause
                time.sleep(self._patience[failures - 1])
            else:
                return

    def exists(self, key: str) -> bool:
        where = self._where(key)
        try:
            self._ask(lambda: self._client.head_object(**where))
        except _NotFound:
            return False
        return True

    def entries(self, prefix: str) -> Iterator[Entry]:
        below = self._prefix + "/".join(key_parts(self.name, prefix.rstrip("/"))) + "/"
        position: dict[str, str] = {}
        while True:
            page = self._ask(
                lambda: self._client.list_objects_v2(
                    Bucket=self._bucket,
                    Prefix=below,
                    **position,  # noqa: B023 (called at once)
                )
            )
            for item in page.get("Contents", ()):
                yield Entry(item["Key"].removeprefix(self._prefix), item["Size"])
            if not page.get("IsTruncated"):
                return
            position = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, key: str) -> None:
        where = self._where(key)
        # Tried once: what is left behind is garbage without a commit record, and no harm.
        self._ask(lambda: self._client.delete_object(**where), patience=())

    def check(self) -> None:
        try:
            self._ask(
                lambda: self._client.head_bucket(Bucket=self._bucket), patience=self._patience[:1]
            )
        except _NotFound:
            raise HostFailure(
                f"Store {self.name}: there is no bucket {self._bucket}.",
                reason=Reason.STORE_FAILED,
                hint="Make the bucket, or correct `bucket` in zulip-ops.toml.",
            ) from None

    def free_bytes(self) -> int | None:
        return None

    def versioning(self) -> str:
        """`Enabled`, `Suspended` or `off`."""
        answer = self._ask(lambda: self._client.get_bucket_versioning(Bucket=self._bucket))
        return str(answer.get("Status") or "off")

    def inventories(self) -> int:
        """How many lists of its objects S3 is told to make."""
        answer = self._ask(
            lambda: self._client.list_bucket_inventory_configurations(Bucket=self._bucket)
        )
        return len(answer.get("InventoryConfigurationList", ()))

    def request(self, operation: str, key: str | None = None, **more: Any) -> Reply:
        """One request, tried once, to find out how the bucket answers it.

        `operation` and `more` as boto3 has them. Raises HostFailure where there is no answer.
        """
        import botocore.exceptions  # noqa: PLC0415 (slow, and only stores in S3 need it)

        where = {"Bucket": self._bucket} if key is None else self._where(key)
        try:
            fields = getattr(self._client, operation)(**where, **more)
        except botocore.exceptions.ClientError as error:
            status, code = _said(error)
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            return Reply(status, code, headers, {}, self._failure(error))
        except (botocore.exceptions.BotoCoreError, OSError) as error:
            raise self._failure(error) from error
        told = fields["ResponseMetadata"]
        return Reply(told["HTTPStatusCode"], "", told["HTTPHeaders"], fields)

    def _put(self, key: str, data: bytes | bytearray) -> None:
        where = self._where(key)
        checksum = {"ContentMD5": md5_of(data)} if self._sends_md5 else {}
        self._ask(lambda: self._client.put_object(**where, Body=data, **checksum))

    def _where(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + "/".join(key_parts(self.name, key))}

    def _read(self, key: str, start: int) -> Iterator[bytes]:
        import botocore.exceptions  # noqa: PLC0415 (slow, and only stores in S3 need it)
        import urllib3.exceptions  # noqa: PLC0415 (comes with botocore)

        where = self._where(key)
        span = {"Range": f"bytes={start}-"} if start else {}
        try:
            answer = self._ask(lambda: self._client.get_object(**where, **span))
        except _NotFound:
            raise missing(self.name, key) from None
        except _PastTheEnd:
            return
        body = answer["Body"]
        try:
            yield from body.iter_chunks(CHUNK_BYTES)
        except (
            botocore.exceptions.BotoCoreError,
            urllib3.exceptions.HTTPError,
            OSError,
        ) as error:
            raise _BrokenOffError(error) from error
        finally:
            body.close()

    def _ask(
        self, request: Callable[[], Answer], patience: tuple[float, ...] | None = None
    ) -> Answer:
        """The answer to one request, tried again while the failure may pass."""
        import botocore.exceptions  # noqa: PLC0415 (slow, and only stores in S3 need it)

        for pause in (*(self._patience if patience is None else patience), None):
            try:
                return request()
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                if pause is None or not _may_pass(error):
                    raise self._failure(error) from error
            except OSError as error:
                raise self._failure(error) from error
            time.sleep(pause)
        raise AssertionError("The last try returns or raises.")

    def _failure(self, error: Exception) -> HostFailure:
        import botocore.exceptions  # noqa: PLC0415 (slow, and only stores in S3 need it)

        if isinstance(error, botocore.exceptions.ClientError):
            status, code = _said(error)
            full = status == 507 or code in _QUOTA
            hint = _HINTS.get(code) or (_ACCESS if status in (401, 403) else None)
            wants_checksum = status == 400 and any(word in str(error) for word in _LOCKED)
            kind = _ChecksumWanted if wants_checksum else _KINDS.get(status, HostFailure)
            return kind(
                f"Store {self.name}: bucket {self._bucket} answered {status} {code}.",
                reason=Reason.DISK_FULL if full else Reason.STORE_FAILED,
                hint=hint,
            )
        where = self._settings.endpoint or "S3"
        return HostFailure(
            f"Store {self.name}: {where} cannot be used ({type(error).__name__}).",
            reason=Reason.STORE_FAILED,
            hint="Check the network, the endpoint and the credentials of the store.",
        )


_ACCESS = (
    "Check the store's credentials_file, and that its key may read, write and list the bucket."
)


_HINTS = {
    "RequestTimeTooSkewed": "Set the clock of this host: the store's differs by more than 15 min."
}


class _NotFound(HostFailure):
    """The bucket or the object is not there."""


class _PastTheEnd(HostFailure):
    """All of the object had been read when the connection broke."""


class _ChecksumWanted(HostFailure):
    """The bucket locks objects, and takes none without a checksum."""


#: S3 says the first, in a sentence; other servers have a code of their own for it.
_LOCKED = ("Content-MD5", "MissingUploadObjectWithObjectLockHeaders")
_KINDS: dict[int, type[HostFailure]] = {404: _NotFound, 416: _PastTheEnd}


class _BrokenOffError(Exception):
    """A download broke off."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _s3_client(settings: StoreSettings, credentials: tuple[str, str] | None) -> Any:
    import boto3  # noqa: PLC0415 (slow, and only stores in S3 need it)
    from botocore.config import Config  # noqa: PLC0415 (as above)

    key, secret = credentials or _credentials(settings)
    own = settings.endpoint is not None
    # Many servers refuse or drop the checksums that boto3 adds; ours stand in the manifest.
    when: Literal["when_required", "when_supported"] = "when_required" if own else "when_supported"
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region or (DEFAULT_REGION if own else None),
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            retries={"total_max_attempts": 1, "mode": "standard"},
            s3={"addressing_style": "path" if own else "auto"},
            request_checksum_calculation=when,
            response_checksum_validation=when,
        ),
    )


def _credentials(settings: StoreSettings) -> tuple[str | None, str | None]:
    """Access key and secret key; none of both leaves the search to boto3."""
    if settings.credentials_file is None:
        return None, None
    hint = f"Write two lines into {settings.credentials_file}: access key and secret key."
    try:
        lines = settings.credentials_file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise HostFailure(
            f"Store {settings.name}: {settings.credentials_file} could not be read"
            f" ({type(error).__name__}).",
            reason=Reason.NOT_CONFIGURED,
            hint=hint,
        ) from error
    if len(lines) != 2:
        raise HostFailure(
            f"Store {settings.name}: {settings.credentials_file} does not hold two lines.",
            reason=Reason.NOT_CONFIGURED,
            hint=hint,
        )
    return lines[0], lines[1]


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed a moment later."""
    import botocore.exceptions  # noqa: PLC0415 (slow, and only stores in S3 need it)

    if isinstance(error, botocore.exceptions.ClientError):
        status, code = _said(error)
        return status >= 500 or status == 429 or code in _TRY_AGAIN
    return isinstance(
        error, (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError)
    )


def _said(error: Any) -> tuple[int, str]:
    """Status and code of what S3 answered."""
    response = error.response
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status, str(response.get("Error", {}).get("Code", ""))
