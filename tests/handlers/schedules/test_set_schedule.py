"""What the plan of a schedule says, and what it binds."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.contract import Context
from handlers.errors import BadCommand
from handlers.host.settings import HostSettings
from handlers.schedules.set_schedule import HANDLER, Args
from tests.handlers.backups.conftest import Journal

NIGHTLY = Args("nightly", "backup now", "30 2 * * *", "Europe/Berlin", "once", 60)


class BeforeTheClocksGoForward:
    def now(self) -> datetime:
        return datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    host = HostSettings(root=tmp_path)
    return Context(1, 1, host, (), Journal(), BeforeTheClocksGoForward())


def test_the_plan_says_in_words_when_it_runs_also_where_clocks_are_moved(context: Context) -> None:
    plan = HANDLER.plan(context, NIGHTLY)
    assert "at 02:30 every day (Europe/Berlin)" in plan.summary
    assert plan.estimates["next_runs"] == [
        "Sun 29 Mar 2026 03:00 CEST",
        "Mon 30 Mar 2026 02:30 CEST",
        "Tue 31 Mar 2026 02:30 CEST",
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"command": "status"},
        {"cron": "31 2 * * *"},
        {"tz": "UTC"},
        {"catch_up": "all"},
        {"grace": 5},
        {"name": "weekly"},
    ],
)
def test_every_part_of_it_is_bound(context: Context, other: dict[str, str]) -> None:
    plan = HANDLER.plan(context, NIGHTLY)
    assert HANDLER.plan(context, replace(NIGHTLY, **other)).binding != plan.binding  # type: ignore[arg-type]  # values of several types


@pytest.mark.parametrize(
    ("cron", "sentence"), [("0 2 * *", "five fields"), ("0 2 30 2 *", "cannot be read")]
)
def test_a_line_that_never_comes_true_is_refused(
    context: Context, cron: str, sentence: str
) -> None:
    with pytest.raises(BadCommand, match=sentence):
        HANDLER.plan(context, replace(NIGHTLY, cron=cron))


def test_the_run_changes_nothing_on_the_host(context: Context) -> None:
    outcome = HANDLER.run(context, NIGHTLY, HANDLER.plan(context, NIGHTLY))
    assert outcome.state == "Nothing on the server was changed."
    assert list(context.host.root.iterdir()) == []
