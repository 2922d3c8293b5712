"""Rounds of observations are kept once, and not for ever."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.deciding import rounds
from bot.deciding.rounds import keep_round
from handlers.checks.contract import Level
from jobs.observing.facts import Fact, Round
from state import check_store
from state.database import open_database

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def seen(minutes: int) -> Round:
    at = NOW + timedelta(minutes=minutes)
    disks = Fact("disks", at, Level.OK, "/ is 3 % full.", None, {"used_percent": 3.0}, 0.01)
    return Round(at, at + timedelta(seconds=1), "boot", {"disks": disks})


def test_a_round_is_kept_once(tmp_path: Path) -> None:
    database = open_database(tmp_path / "zulip-ops.db")
    with database.write() as tx:
        assert keep_round(tx, seen(1))
        assert not keep_round(tx, seen(1))
        kept = check_store.latest(tx)
    database.close()
    assert kept is not None
    assert kept.started_at == seen(1).started_at
    assert kept.facts["disks"] == {
        "at": seen(1).started_at.isoformat(),
        "level": "ok",
        "sentence": "/ is 3 % full.",
        "values": {"used_percent": 3.0},
    }


def test_a_week_of_rounds_is_kept() -> None:
    assert timedelta(minutes=rounds.ROUNDS_KEPT) == timedelta(days=7)
