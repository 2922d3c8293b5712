"""A program that is not running is named."""

import pytest

from bot.demo.sample_host.host import SampleHost
from bot.demo.sample_host.programs import NAMES
from handlers.checks.contract import Context, Level
from handlers.checks.supervisor import observe
from handlers.errors import HostFailure


def test_everything_runs(context: Context) -> None:
    finding = observe(context)
    assert finding.level is Level.OK
    assert finding.sentence == "All 16 programs are running."
    assert finding.values["running"] == finding.values["total"] == len(NAMES)


def test_a_stopped_program_is_critical_and_comes_back(context: Context, host: SampleHost) -> None:
    host.stop_program("zulip-tornado")
    finding = observe(context)
    assert finding.level is Level.CRITICAL
    assert finding.sentence == "1 of 16 programs are not running: zulip-tornado (stopped)."
    assert finding.hint is not None
    assert "supervisorctl start zulip-tornado" in finding.hint
    assert finding.values["running"] == 15
    host.start_program("zulip-tornado")
    assert observe(context).level is Level.OK


def test_a_program_on_its_way_up_is_only_a_warning(context: Context, host: SampleHost) -> None:
    host.stop_program("zulip-django", state="STARTING", detail="")
    assert observe(context).level is Level.WARNING
    host.stop_program("zulip-katex", state="BACKOFF", detail="Exited too quickly")
    assert observe(context).level is Level.CRITICAL


def test_many_are_counted_rather_than_named(context: Context, host: SampleHost) -> None:
    for name in NAMES:
        host.stop_program(name)
    sentence = observe(context).sentence
    assert sentence.startswith("16 of 16 programs are not running: ")
    assert sentence.endswith(", 13 more.")


def test_a_silent_supervisord_raises_what_the_observer_tells(
    context: Context, host: SampleHost
) -> None:
    host.stop_supervisord()
    with pytest.raises(HostFailure, match="exit code 4"):
        observe(context)
