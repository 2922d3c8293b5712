"""The door to Zulip's releases: finds one, fetches its tarball and holds it to its SHA-256."""

import hashlib
import http.client
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

from handlers.errors import HostFailure, Reason
from handlers.host.settings import ReleaseSettings

SUMS = "SHA256SUMS.txt"
TIME_LIMIT = timedelta(seconds=30)
_LARGEST_SUMS_BYTES = 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
#: As sha256sum writes it: 64 hex digits, a blank, a blank or an asterisk, the name.
_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) [ *](?P<name>[A-Za-z0-9][A-Za-z0-9._+-]{0,99})")


@dataclass(frozen=True, slots=True)
class Release:
    """One release by its immutable id: whatever else is served under its name is refused."""

    version: str
    file_name: str
    sha256: str
    #: Where it was found, as people are told.
    origin: str


class _Readable(Protocol):
    def read(self, amount: int, /) -> bytes: ...


def find_release(settings: ReleaseSettings, version: str) -> Release:
    """The release of that version, from the list of checksums; HostFailure when there is none."""
    name = f"zulip-server-{version}.tar.gz"
    with _opened(settings, SUMS) as file:
        text = _limited(file, SUMS, _LARGEST_SUMS_BYTES).decode(errors="replace")
    lines = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
    sums = {line["sha256"] for line in lines if line is not None and line["name"] == name}
    if len(sums) != 1:
        raise HostFailure(
            f"{_place(settings, SUMS)} names {'several different files' if sums else 'no file'}"
            f" {name}.",
            reason=Reason.NO_RELEASE,
            hint="Look there for what is released.",
        )
    return Release(version, name, sums.pop(), _place(settings, name))


def fetch(settings: ReleaseSettings, release: Release, into: Path) -> Path:
    """The tarball in our own directory `into`, with the right SHA-256; fetched unless it is there.

    Raises HostFailure when it cannot be read, is too large, or is not the one that was named.
    """
    target = into / f"{release.sha256[:16]}-{release.file_name}"
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target.is_file():
        with suppress(HostFailure):
            compare(target, release)
            return target
    partial = target.with_suffix(".partial")
    try:
        with _opened(settings, release.file_name) as source, partial.open("wb") as copy:
            digest = _copy(source, copy, release, settings.largest_bytes)
        if digest != release.sha256:
            raise _other_content(release, digest)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def compare(tarball: Path, release: Release) -> None:
    """Hash the file once more; HostFailure when it is not the release."""
    try:
        with tarball.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(str(tarball), error) from error
    if digest != release.sha256:
        raise _other_content(release, digest)


def _copy(source: _Readable, target: IO[bytes], release: Release, largest: int) -> str:
    digest, size = hashlib.sha256(), 0
    while chunk := _read(source, release.origin):
        size += len(chunk)
        if size > largest:
            raise HostFailure(
                f"{release.origin} is larger than {largest:,} bytes, so it was not fetched.",
                reason=Reason.NO_RELEASE,
                hint="Raise `largest_bytes` in [host.releases] if it is meant to be.",
            )
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def _limited(source: _Readable, name: str, largest: int) -> bytes:
    content = b""
    while chunk := _read(source, name):
        content += chunk
        if len(content) > largest:
            raise HostFailure(f"{name} is larger than {largest:,} bytes, so it is not believed.")
    return content


def _read(source: _Readable, name: str) -> bytes:
    try:
        return source.read(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _unreadable(name, error) from error


@contextmanager
def _opened(settings: ReleaseSettings, name: str) -> Iterator[_Readable]:
    if settings.directory is None:
        with _downloaded(settings, name) as response:
            yield response
        return
    path = settings.directory / name
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(str(path), error) from error
    with file:
        yield file


@contextmanager
def _downloaded(settings: ReleaseSettings, name: str) -> Iterator[http.client.HTTPResponse]:
    """http.client knows no proxies and follows no redirects: only the named host is asked."""
    url = urlsplit(_place(settings, name))
    if url.scheme != "https" or url.hostname not in settings.hosts:
        raise HostFailure(
            f"Releases may not be fetched from {url.scheme}://{url.netloc}.",
            reason=Reason.NOT_CONFIGURED,
            hint="`host.releases.url` needs https and a host that `host.releases.hosts` lists.",
        )
    context = ssl.create_default_context()
    seconds = TIME_LIMIT.total_seconds()
    connection = http.client.HTTPSConnection(
        url.hostname, url.port, timeout=seconds, context=context
    )
    try:
        connection.request("GET", url.path, headers={"User-Agent": "zulip-ops"})
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise HostFailure(
                f"{url.geturl()} answers {response.status}.", reason=Reason.NO_RELEASE
            )
        yield response
    except (OSError, http.client.HTTPException) as error:
        raise _unreadable(url.geturl(), error) from error
    finally:
        connection.close()


def _place(settings: ReleaseSettings, name: str) -> str:
    if settings.directory is not None:
        return str(settings.directory / name)
    return f"{settings.url.rstrip('/')}/{name}"


def _unreadable(what: str, error: Exception) -> HostFailure:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return HostFailure(
        f"{what} could not be read: {why}.",
        reason=Reason.NO_RELEASE,
        hint="Check [host.releases] in zulip-ops.toml.",
    )


def _other_content(release: Release, found: str) -> HostFailure:
    return HostFailure(
        f"{release.file_name} is not what was named: its SHA-256 is {found[:12]}… and not"
        f" {release.sha256[:12]}….",
        reason=Reason.VERIFICATION_FAILED,
        hint="Do not use that file. Compare it with what its publisher says.",
    )
