"""The S3 server that the demo and the tests run on."""

import urllib.error
import urllib.request

import pytest

from bot.demo.s3_server import SECOND_PORT, S3Server, free_ports


def test_the_server_answers_and_refuses_who_does_not_sign(s3: S3Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{s3.endpoint}/{s3.bucket}/key", timeout=5)

    with refused.value:
        assert refused.value.code == 403


def test_ports_leave_room_for_the_second_one_of_each() -> None:
    ports = free_ports(4)

    assert len(set(ports)) == 4
    assert all(port + SECOND_PORT < 32_768 for port in ports)
