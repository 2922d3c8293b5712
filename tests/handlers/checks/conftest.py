"""A sample host without a database, and what a check is given of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.demo.sample_host.host import Extent, SampleHost
from handlers.checks.contract import Context

NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)


@dataclass
class StandingClock:
    """Shows the time it is set to."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def host(tmp_path: Path) -> SampleHost:
    return SampleHost.create(tmp_path / "host", extent=Extent(uploads=0))


@pytest.fixture
def context(host: SampleHost, tmp_path: Path) -> Context:
    return Context(host.settings(), (), tmp_path, StandingClock(), timedelta(seconds=5))
