"""Load is judged for each processor."""

import os
from datetime import timedelta

import pytest

from bot.demo.sample_host.host import SampleHost
from handlers.checks.contract import Context, Level
from handlers.checks.uptime_load import observe
from handlers.errors import HostFailure

CORES = os.cpu_count() or 1


def test_the_figures_are_told(context: Context, host: SampleHost) -> None:
    host.set_load((0.5, 0.25, 0.1), uptime=timedelta(days=3, hours=4))
    finding = observe(context)
    assert finding.level is Level.OK
    assert finding.sentence.startswith("Up 3 days 4 h; load 0.5, 0.25, 0.1 on ")
    assert dict(finding.values) == {
        "uptime_seconds": 273600.0,
        "load_1": 0.5,
        "load_5": 0.25,
        "load_15": 0.1,
        "cores": CORES,
    }


@pytest.mark.parametrize(
    ("per_core", "level"), [(1.9, Level.OK), (2.0, Level.WARNING), (4.0, Level.CRITICAL)]
)
def test_the_average_over_five_minutes_decides(
    context: Context, host: SampleHost, per_core: float, level: Level
) -> None:
    host.set_load((0.0, per_core * CORES, 0.0))
    finding = observe(context)
    assert finding.level is level
    assert (finding.hint is None) == (level is Level.OK)


@pytest.mark.parametrize("text", ["", "0.1 0.2", "a b c"])
def test_a_file_that_says_something_else_is_named(
    context: Context, host: SampleHost, text: str
) -> None:
    (host.root / "proc/loadavg").write_text(text)
    with pytest.raises(HostFailure, match="loadavg does not begin with 3 numbers"):
        observe(context)
