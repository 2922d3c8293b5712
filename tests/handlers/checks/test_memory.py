"""Memory that processes can still get decides, not memory that is free."""

import pytest

from bot.demo.sample_host.host import GIB, SampleHost
from handlers.checks.contract import Context, Level
from handlers.checks.memory import observe
from handlers.errors import HostFailure


def test_the_figures_are_told_in_bytes(context: Context, host: SampleHost) -> None:
    host.set_memory(total=4 * GIB, available=GIB, swap=(2 * GIB, GIB))
    finding = observe(context)
    assert finding.level is Level.OK
    assert finding.sentence == "25 % of 4.3 GB is available; 1.1 GB of 2.1 GB of swap is used."
    assert dict(finding.values) == {
        "total": 4 * GIB,
        "available": GIB,
        "swap_total": 2 * GIB,
        "swap_free": GIB,
    }


@pytest.mark.parametrize(
    ("percent", "level"), [(11, Level.OK), (9, Level.WARNING), (4, Level.CRITICAL)]
)
def test_little_memory_is_pressing(
    context: Context, host: SampleHost, percent: int, level: Level
) -> None:
    host.set_memory(total=4 * GIB, available=4 * GIB * percent // 100)
    finding = observe(context)
    assert finding.level is level
    assert (finding.hint is None) == (level is Level.OK)


def test_a_file_without_figures_is_named(context: Context, host: SampleHost) -> None:
    (host.root / "proc/meminfo").write_text("MemFree: 1 kB\n")
    with pytest.raises(HostFailure, match="says nothing of MemTotal and MemAvailable"):
        observe(context)
