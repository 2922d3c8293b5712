"""The way back on the sample host: when it is allowed, when not, and what it leaves."""

import pytest

from bot.demo.sample_host.scripts.controls import Manners
from handlers.errors import HostFailure, Refused
from handlers.host import zulip_web
from tests.handlers.upgrades.conftest import NEW, Bench


def test_without_a_deployment_before_there_is_no_way_back(bench: Bench) -> None:
    with pytest.raises(Refused, match="`last` leads to none"):
        bench.plan_rollback()


def test_rolling_back_swaps_the_links_and_measures(bench: Bench) -> None:
    bench.upgrade("1.4")
    after = bench.links
    outcome = bench.roll_back()
    assert zulip_web.ask_version(bench.host.settings()).version == "1.3"
    assert bench.links["current"] == after["last"]
    assert bench.links["last"] == after["current"]
    assert outcome.sentence.startswith("Zulip went back from 1.4 to 1.3. It did not answer for")
    assert bench.journal.facts["downtime_seconds"] != 0
    assert outcome.next == "status"
    assert bench.plan_rollback().binding["to_version"] == "1.4"


def test_past_a_migration_it_is_refused_with_the_migration_named(bench: Bench) -> None:
    bench.upgrade("1.5")
    plan = bench.plan_rollback()
    (refused,) = [check for check in plan.preconditions if not check.holds]
    assert refused.name == "database_allows_it"
    assert f"zerver.{NEW[0]}, zerver.{NEW[1]}" in refused.sentence
    assert "restore the backup" in refused.sentence


def test_the_old_versions_own_tool_has_the_last_word(bench: Bench) -> None:
    """A migration of a library, or one that no tree on this host knows any more."""
    bench.upgrade("1.4")
    before = bench.links
    assert bench.host.database is not None
    bench.host.database.cluster.sql(
        "INSERT INTO zulip.django_migrations (app, name, applied)"
        " VALUES ('zerver', '0900_elsewhere', now())",
        database=bench.host.database.name,
    )
    assert all(check.holds for check in bench.plan_rollback().preconditions)
    with pytest.raises(HostFailure) as failed:
        bench.roll_back()
    assert "`check-database-compatibility` ended with exit code 1." in failed.value.message
    assert "zerver - 0900_elsewhere" in failed.value.tail
    assert bench.links == before
    assert zulip_web.ask_version(bench.host.settings()).version == "1.4"


def test_an_old_version_that_does_not_answer_is_told_with_what_is_left(bench: Bench) -> None:
    bench.upgrade("1.4")
    bench.host.behave(Manners(never_back="1.3"))
    bench.back_within_seconds = 3
    with pytest.raises(HostFailure) as failed:
        bench.roll_back()
    assert failed.value.state is not None
    assert failed.value.state.startswith("Zulip does NOT answer. `current` points at")
    assert failed.value.hint is not None
    assert "supervisorctl status" in failed.value.hint


def test_it_waits_for_no_other_deployment(bench: Bench) -> None:
    bench.upgrade("1.4")
    bench.host.layout.deployment_lock.mkdir()
    (refused,) = [check for check in bench.plan_rollback().preconditions if not check.holds]
    assert refused.name == "no_other_deployment"
