"""What runs is compared with what is deployed, and silence is critical."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.demo.sample_host.host import SampleHost
from handlers.checks.contract import Context, Level
from handlers.checks.zulip_version import observe
from tests.fakes.small_zulip import SmallZulip, small_zulip


@pytest.fixture
def zulip(host: SampleHost) -> Iterator[SmallZulip]:
    with small_zulip() as running:
        host.url = running.url
        yield running


@pytest.fixture
def context(zulip: SmallZulip, host: SampleHost, context: Context) -> Context:
    return replace(context, host=host.settings())


def test_a_healthy_server_is_ok(context: Context) -> None:
    finding = observe(context)
    assert finding.level is Level.OK
    assert finding.sentence == "9.2 is running, as deployed, and says it is healthy."
    seconds = finding.values["health_seconds"]
    assert isinstance(seconds, float)
    assert dict(finding.values) == {
        "deployed": "9.2",
        "deployed_path": "/home/zulip/deployments/2026-11-20-10-00-00",
        "running": "9.2",
        "differs": False,
        "feature_level": 278,
        "health": "ok",
        "health_seconds": seconds,
    }


def test_a_deployment_that_is_not_running_yet_is_a_warning(
    context: Context, host: SampleHost
) -> None:
    host.switch_version("10.4")
    finding = observe(context)
    assert finding.level is Level.WARNING
    assert finding.sentence == "9.2 is running, but 10.4 is deployed."
    assert finding.values["differs"] is True
    assert finding.hint


def test_a_server_that_is_not_ready_is_critical_in_its_own_words(
    context: Context, zulip: SmallZulip
) -> None:
    zulip.be_unready("Cannot query redis")
    finding = observe(context)
    assert finding.level is Level.CRITICAL
    assert finding.sentence == "It says that it is not ready: Cannot query redis."
    assert finding.values["health"] == "Cannot query redis"
    assert finding.values["running"] == "9.2"


def test_silence_is_critical_and_the_deployment_is_told_all_the_same(context: Context) -> None:
    silent = replace(context, host=replace(context.host, url="http://127.0.0.1:9"))
    finding = observe(silent)
    assert finding.level is Level.CRITICAL
    assert "refused" in finding.sentence
    assert finding.values["deployed"] == "9.2"
    assert finding.values["running"] is None
    assert finding.hint


def test_a_hanging_server_leaves_time_to_say_so(context: Context, zulip: SmallZulip) -> None:
    zulip.delay_seconds = 2.0
    finding = observe(replace(context, time_limit=timedelta(seconds=0.5)))
    assert finding.level is Level.CRITICAL
    assert "no answer within 0.4 s" in finding.sentence


def test_a_deployment_that_cannot_be_read_is_unknown_with_the_reason(
    context: Context, host: SampleHost
) -> None:
    host.layout.current.unlink()
    finding = observe(context)
    assert finding.level is Level.UNKNOWN
    assert "current could not be read: No such file or directory." in finding.sentence
    assert finding.values["running"] == "9.2"
    assert finding.values["differs"] is None
