"""The doctor tells in the line of each store when it was probed, and what is not relied on."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.doctor.contract import Diagnosis, Verdict
from bot.doctor.stores import examine_stores
from bot.settings import Settings
from handlers.backups.probing.abilities import Ability, Probe, note
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from jobs.configuration import Configuration

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
GOOD = {Ability.ONE_WINNER: True, Ability.READ_BACK: True, Ability.DELETES: True}


class At:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


def examined(tmp_path: Path, *probes: Probe) -> Diagnosis:
    store = StoreSettings("disk", path=tmp_path / "copies")
    for each in probes:
        note(open_store(store), each)
    configuration = Configuration(stores=(store,))
    [said] = examine_stores(Settings(tmp_path / "zulip-ops.toml", configuration), At())
    return said


def probed(found: Mapping[Ability, bool], days: int = 3, **more: float) -> Probe:
    error = more.get("clock_error_seconds")
    return Probe(NOW - timedelta(days=days), dict(found), error, int(more.get("winners", 1)))


def test_a_store_that_was_never_probed_is_warned_of(tmp_path: Path) -> None:
    said = examined(tmp_path)

    assert (said.subject, said.verdict) == ("store disk", Verdict.WARNING)
    assert said.sentence == (
        "65.5 kB were written, read back and deleted. What else it can do was never tried, so"
        " nothing relies on it."
    )
    assert said.advice == "Run `backup probe disk`."


def test_a_good_store_says_when_it_was_probed(tmp_path: Path) -> None:
    said = examined(tmp_path, probed({**GOOD, Ability.ONE_WINNER: False}, days=9), probed(GOOD))

    assert said.verdict is Verdict.OK
    assert said.sentence.endswith("read back and deleted. Probed 3 days ago.")


def test_what_nothing_depends_on_is_a_remark(tmp_path: Path) -> None:
    said = examined(tmp_path, probed({**GOOD, Ability.CHECKS_MD5: False}))

    assert said.verdict is Verdict.OK
    assert "It takes what has another MD5 than was sent." in said.sentence


def test_a_store_in_which_several_win_is_warned_of(tmp_path: Path) -> None:
    said = examined(tmp_path, probed({**GOOD, Ability.ONE_WINNER: False}, winners=16))

    assert said.verdict is Verdict.WARNING
    assert "Of 16 writers of one key 16 won, so no lease is taken there" in said.sentence
    assert said.advice == "`backup probe disk` tells all of it."


def test_a_clock_that_differs_is_warned_of(tmp_path: Path) -> None:
    said = examined(tmp_path, probed(GOOD, clock_error_seconds=-300.0))

    assert said.verdict is Verdict.WARNING
    assert "Its clock is 5 min behind ours" in said.sentence


def test_an_old_probe_is_to_be_repeated(tmp_path: Path) -> None:
    said = examined(tmp_path, probed(GOOD, days=100))

    assert said.verdict is Verdict.WARNING
    assert "Probed 100 days ago. What is behind it may have changed since." in said.sentence
    assert said.advice == "Run `backup probe disk`."
