"""Supervisord's programs are told apart by state, and its silence from their standing still."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.sample_host.host import Extent, SampleHost
from bot.demo.sample_host.programs import NAMES
from handlers.errors import HostFailure, Reason
from handlers.host.services import Program, list_programs, parse_programs

RECORDED = (
    "process-fts-updates                                             "
    "RUNNING   pid 16588, uptime 0:01:24\n"
    "zulip-workers:zulip_events_missedmessage_mobile_notifications   "
    "FATAL     Exited too quickly (process log may have details)\n"
    "zulip-katex                                                     STOPPED   Not started\n"
)


@pytest.fixture
def host(tmp_path: Path) -> SampleHost:
    return SampleHost.create(tmp_path / "host", extent=Extent(uploads=0))


def test_lines_are_told_apart() -> None:
    programs = parse_programs(RECORDED)
    assert programs[0] == Program("process-fts-updates", "RUNNING", "pid 16588, uptime 0:01:24")
    assert [each.running for each in programs] == [True, False, False]
    assert programs[1].detail == "Exited too quickly (process log may have details)"
    assert programs[2].detail == "Not started"


@given(st.text())
def test_no_output_breaks_the_parser(text: str) -> None:
    parse_programs(text)


def test_all_programs_of_the_host_are_listed(host: SampleHost) -> None:
    programs = list_programs(host.layout)
    assert {each.name for each in programs} == set(NAMES)
    assert all(each.running for each in programs)


def test_a_stopped_program_is_no_failure_of_the_question(host: SampleHost) -> None:
    host.stop_program("zulip-tornado", state="FATAL", detail="Exited too quickly")
    (tornado,) = [each for each in list_programs(host.layout) if each.name == "zulip-tornado"]
    assert tornado == Program("zulip-tornado", "FATAL", "Exited too quickly")


def test_a_silent_supervisord_is_a_failure_with_its_own_words(host: SampleHost) -> None:
    host.stop_supervisord()
    with pytest.raises(HostFailure, match=r"exit code 4: .*no such file"):
        list_programs(host.layout)


def test_a_host_without_supervisor_is_not_configured(host: SampleHost) -> None:
    host.layout.supervisorctl.unlink()
    with pytest.raises(HostFailure) as caught:
        list_programs(host.layout)
    assert caught.value.reason is Reason.NOT_CONFIGURED


def test_supervisorctl_is_not_waited_for_for_ever(host: SampleHost) -> None:
    host.layout.supervisorctl.write_text("#!/bin/sh\nexec sleep 30\n")
    with pytest.raises(HostFailure) as caught:
        list_programs(host.layout, timedelta(seconds=0.2))
    assert caught.value.reason is Reason.TIME_LIMIT
