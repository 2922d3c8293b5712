"""Releases come from a directory or over https, and only with the SHA-256 that was named."""

import functools
import hashlib
import http.server
import shutil
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.errors import HostFailure
from handlers.host import processes
from handlers.host.releases import SUMS, compare, fetch, find_release
from handlers.host.settings import ReleaseSettings

CONTENT = b"not really a tarball"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = "zulip-server-9.4.tar.gz"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "releases"
    place.mkdir()
    (place / NAME).write_bytes(CONTENT)
    (place / SUMS).write_text(f"{'0' * 64}  zulip-server-latest.tar.gz\n{DIGEST}  {NAME}\n")
    return place


@pytest.fixture
def settings(directory: Path) -> ReleaseSettings:
    return ReleaseSettings(directory=directory)


def test_a_release_is_found_by_its_exact_name(settings: ReleaseSettings) -> None:
    release = find_release(settings, "9.4")
    assert (release.version, release.sha256) == ("9.4", DIGEST)
    assert release.origin.endswith(f"/releases/{NAME}")


@pytest.mark.parametrize("version", ["9.5", "9", "latest/../9.4"])
def test_what_is_not_listed_is_not_taken(settings: ReleaseSettings, version: str) -> None:
    with pytest.raises(HostFailure, match="names no file"):
        find_release(settings, version)


def test_two_sums_for_one_name_are_believed_neither(
    settings: ReleaseSettings, directory: Path
) -> None:
    with (directory / SUMS).open("a") as file:
        file.write(f"{'1' * 64}  {NAME}\n")
    with pytest.raises(HostFailure, match="several different files"):
        find_release(settings, "9.4")


def test_a_fetched_tarball_is_private_and_is_not_fetched_twice(
    settings: ReleaseSettings, directory: Path, tmp_path: Path
) -> None:
    release, into = find_release(settings, "9.4"), tmp_path / "cache"
    first = fetch(settings, release, into)
    assert first.read_bytes() == CONTENT
    assert into.stat().st_mode & 0o777 == 0o700
    (directory / NAME).unlink()
    assert fetch(settings, release, into) == first


def test_a_tarball_with_other_content_is_refused_and_not_kept(
    settings: ReleaseSettings, directory: Path, tmp_path: Path
) -> None:
    release, into = find_release(settings, "9.4"), tmp_path / "cache"
    (directory / NAME).write_bytes(b"something else")
    with pytest.raises(HostFailure, match="is not what was named") as refused:
        fetch(settings, release, into)
    assert refused.value.reason == "verification_failed"
    assert list(into.iterdir()) == []


def test_a_copy_that_was_changed_is_noticed_right_before_use(
    settings: ReleaseSettings, tmp_path: Path
) -> None:
    release = find_release(settings, "9.4")
    fetched = fetch(settings, release, tmp_path / "cache")
    compare(fetched, release)
    fetched.write_bytes(b"something else")
    with pytest.raises(HostFailure, match="is not what was named"):
        compare(fetched, release)
    assert fetch(settings, release, tmp_path / "cache").read_bytes() == CONTENT


def test_a_tarball_that_is_too_large_is_refused(settings: ReleaseSettings, tmp_path: Path) -> None:
    small = replace(settings, largest_bytes=5)
    with pytest.raises(HostFailure, match="larger than 5 bytes"):
        fetch(small, find_release(settings, "9.4"), tmp_path / "cache")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests read along; the server says nothing."""


@pytest.fixture
def https(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ReleaseSettings]:
    """The same files over https, with a certificate that this process trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    openssl = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(key), "-out", str(certificate))
    processes.run((*openssl.split(), *subject, *files), timeout=timedelta(seconds=20))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(directory))
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"https://localhost:{server.server_port}"
    yield ReleaseSettings(url=url, hosts=("localhost",))
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_https_the_same_holds(https: ReleaseSettings, tmp_path: Path) -> None:
    release = find_release(https, "9.4")
    assert release.origin == f"{https.url}/{NAME}"
    assert fetch(https, release, tmp_path / "cache").read_bytes() == CONTENT


def test_what_the_server_does_not_have_is_said(
    https: ReleaseSettings, directory: Path, tmp_path: Path
) -> None:
    release = find_release(https, "9.4")
    (directory / NAME).unlink()
    with pytest.raises(HostFailure, match="answers 404"):
        fetch(https, release, tmp_path / "cache")


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    https: ReleaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(HostFailure, match="could not be read"):
        find_release(https, "9.4")


@pytest.mark.parametrize("url", ["http://localhost/x", "https://example.org", "file:///srv"])
def test_only_https_and_only_the_listed_hosts_are_asked(url: str) -> None:
    with pytest.raises(HostFailure, match="Releases may not be fetched from"):
        find_release(ReleaseSettings(url=url, hosts=("localhost",)), "9.4")
