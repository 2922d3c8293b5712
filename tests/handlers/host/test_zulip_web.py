"""Zulip is asked over real HTTP, and every kind of answer becomes a clause for people."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.errors import HostFailure, Reason
from handlers.host.settings import HostSettings
from handlers.host.zulip_web import ask_health, ask_version
from tests.fakes.small_zulip import SmallZulip, small_zulip


@pytest.fixture
def zulip() -> Iterator[SmallZulip]:
    with small_zulip() as running:
        yield running


def test_a_healthy_server_is_ok(zulip: SmallZulip) -> None:
    health = ask_health(HostSettings(url=zulip.url))
    assert health.ready
    assert health.message == "ok"
    assert 0 < health.seconds < 4


@pytest.mark.parametrize(
    "message", ["Cannot query postgresql", "Cannot connect to rabbitmq", "Cannot query memcached"]
)
def test_what_is_not_ready_is_said_in_zulips_words(zulip: SmallZulip, message: str) -> None:
    zulip.be_unready(message)
    health = ask_health(HostSettings(url=zulip.url))
    assert not health.ready
    assert health.message == message


@pytest.mark.parametrize(
    ("status", "body", "clause"),
    [
        (502, b"<html><h1>502 Bad Gateway</h1></html>", "Zulip's own web server is not running"),
        (403, b"<html>403</html>", "did not come from loopback"),
        (500, b'{"result":"error","msg":"Internal server error"}', "500, Internal server error"),
        (404, b"\xff\xfe", "404 and not Zulip's"),
        (500, b"[1, 2]", "500 and not Zulip's"),
        (503, b"", "503 and not Zulip's"),
    ],
)
def test_other_answers_are_told_apart(
    zulip: SmallZulip, status: int, body: bytes, clause: str
) -> None:
    zulip.status, zulip.body = status, body
    assert clause in ask_health(HostSettings(url=zulip.url)).message


def test_a_redirect_is_not_followed(zulip: SmallZulip) -> None:
    zulip.status, zulip.location = 301, "https://chat.example.org/health"
    message = ask_health(HostSettings(url=zulip.url)).message
    assert message == "the answer is a redirect to https://chat.example.org/health"


def test_the_running_version_is_told(zulip: SmallZulip) -> None:
    zulip.version, zulip.feature_level = "10.4", 371
    running = ask_version(HostSettings(url=zulip.url))
    assert (running.version, running.feature_level) == ("10.4", 371)


def test_proxies_of_the_environment_are_not_asked(
    zulip: SmallZulip, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask_health(HostSettings(url=zulip.url)).ready


def test_nobody_listening_is_a_failure_with_the_address() -> None:
    with pytest.raises(HostFailure, match=r"does not answer on http://127.0.0.1:9: conn.*refused"):
        ask_health(HostSettings(url="http://127.0.0.1:9"))


def test_a_slow_server_is_not_waited_for_for_ever(zulip: SmallZulip) -> None:
    zulip.delay_seconds = 1.0
    with pytest.raises(HostFailure, match=r"no answer within 0.2 s"):
        ask_health(HostSettings(url=zulip.url), timedelta(seconds=0.2))


def test_plain_http_where_tls_is_expected_is_a_failure(zulip: SmallZulip) -> None:
    with pytest.raises(HostFailure, match="does not answer"):
        ask_health(HostSettings(url=zulip.url.replace("http:", "https:")))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1", "http://", ""])
def test_an_address_that_is_none_is_not_configured(url: str) -> None:
    with pytest.raises(HostFailure, match=r"`host\.url`") as caught:
        ask_health(HostSettings(url=url))
    assert caught.value.reason is Reason.NOT_CONFIGURED


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of another name than the one that is asked."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    path = tmp_path / "zulip.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=chat.example.org", "-keyout", str(path), "-out", f"{path}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def test_a_certificate_for_the_public_name_is_taken_on_loopback(certificate: Path) -> None:
    with small_zulip(certificate) as zulip:
        assert zulip.url.startswith("https://127.0.0.1:")
        assert ask_health(HostSettings(url=zulip.url)).ready


def test_a_certificate_is_checked_where_the_configuration_says_so(certificate: Path) -> None:
    with (
        small_zulip(certificate) as zulip,
        pytest.raises(HostFailure, match="certificate verify failed"),
    ):
        ask_health(HostSettings(url=zulip.url, check_certificate=True))
