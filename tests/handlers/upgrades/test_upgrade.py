"""An upgrade on the sample host: its plan, its run, and what is left when it fails."""

import time
from pathlib import Path

import pytest

from bot.demo.sample_host.scripts.controls import Manners
from handlers.errors import HostFailure, Refused
from handlers.host import zulip_web
from handlers.host.deployments import current_deployment
from handlers.host.layout import Layout
from handlers.host.releases import SUMS
from handlers.upgrades import preflight
from tests.handlers.upgrades.conftest import NEW, Bench


def unmet(bench: Bench, version: str = "1.4") -> dict[str, str]:
    checks = bench.plan(version).preconditions
    return {check.name: check.sentence for check in checks if not check.holds}


def test_the_plan_binds_bytes_deployment_migrations_and_way_back(bench: Bench) -> None:
    before = bench.links
    plan = bench.plan("1.4")
    sums = (bench.host.root / "srv/zulip-releases" / SUMS).read_text()
    assert f"{plan.binding['sha256']}  zulip-server-1.4.tar.gz" in sums
    assert plan.binding["deployment"] == before["current"]
    assert (plan.binding["from_version"], plan.binding["to_version"]) == ("1.3", "1.4")
    assert plan.binding["pending_migrations"] == []
    assert plan.binding["way_back"] == "rollback"
    assert all(check.holds for check in plan.preconditions), plan.preconditions
    assert plan.estimates["the_last_runs_took"] == "1 min 1 s"
    assert bench.links == before


def test_a_release_with_migrations_has_another_way_back(bench: Bench) -> None:
    plan = bench.plan("1.5")
    assert plan.binding["pending_migrations"] == [f"zerver.{name}" for name in NEW]
    assert plan.binding["way_back"] == "restore"
    assert "restore the backup" in plan.way_back


def test_two_plans_of_the_same_release_are_the_same(bench: Bench) -> None:
    assert bench.plan("1.4").binding == bench.plan("1.4").binding


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("1.2", "1.2 is older than 1.3"),
        ("1.3", "Zulip 1.3 runs already."),
        ("1.4-beta1", "names no file zulip-server-1.4-beta1.tar.gz"),
        ("1.9", "names no file zulip-server-1.9.tar.gz"),
        ("2.0", "across a series"),
    ],
)
def test_a_release_that_cannot_be_taken_is_refused_in_one_sentence(
    bench: Bench, version: str, why: str
) -> None:
    with pytest.raises((Refused, HostFailure)) as refused:
        bench.plan(version)
    assert why in refused.value.message


def test_another_deployment_is_waited_for_by_nobody(bench: Bench) -> None:
    bench.host.layout.deployment_lock.mkdir()
    assert "Another deployment holds" in unmet(bench)["no_other_deployment"]


def test_what_can_only_be_read_is_named() -> None:
    place = preflight.may_write(Layout(Path("/proc/1")), Path("/proc/2"))
    assert not place.holds
    assert "cannot write to /home/zulip/deployments, /proc/2, and it has to." in place.sentence


def test_a_stopped_program_is_named(bench: Bench) -> None:
    bench.host.stop_program("zulip-tornado")
    assert unmet(bench) == {"programs_run": "Not running: zulip-tornado."}


def test_zulip_must_answer_and_run_what_is_deployed(bench: Bench) -> None:
    bench.zulip.set_version("1.1", 278)
    assert "1.1 is running, but 1.3 is deployed." in unmet(bench)["zulip_is_well"]
    bench.zulip.outages.go_down()
    assert "502" in unmet(bench)["zulip_is_well"]


def test_options_that_would_change_the_upgrade_are_not_allowed(bench: Bench) -> None:
    with bench.host.layout.machine_file.open("a") as file:
        file.write("\n[deployment]\ndeploy_options = --skip-migrations --skip-puppet\n")
    assert "--skip-migrations" in unmet(bench)["options_are_safe"]


def test_a_tarball_that_was_changed_afterwards_is_not_taken(bench: Bench) -> None:
    plan = bench.plan("1.4")
    (fetched,) = bench.host.layout.fetched_releases.iterdir()
    bench.host.publish("1.4", ("0700_smuggled",))
    fetched.unlink()
    with pytest.raises(HostFailure, match="is not what was named"):
        bench.upgrade("1.4", plan)
    assert not (bench.store.path or bench.host.root / "no").exists()
    assert current_deployment(bench.host.layout).version == "1.3"


def test_a_file_that_was_lost_before_stops_no_upgrade_and_is_told(bench: Bench) -> None:
    sorted(bench.host.layout.uploads.glob("avatars/2/*.original"))[0].unlink()
    assert bench.plan("1.4").estimates["warning"] is None

    outcome = bench.upgrade("1.4")

    lacking = "a file that its database names was not on the server"
    assert f"was verified before; it is **inconsistent**, as {lacking}." in outcome.sentence
    warning = str(bench.plan("1.5").estimates["warning"])
    assert warning.endswith(f"is inconsistent: {lacking}")


def test_an_upgrade_ends_with_the_new_version_answering_and_its_downtime_measured(
    bench: Bench,
) -> None:
    before = bench.links["current"]
    generation = bench.zulip.realm.settings.server_generation
    bench.host.behave(Manners(away_seconds=1.0))
    started = time.monotonic()
    outcome = bench.upgrade("1.4")
    took = time.monotonic() - started

    assert zulip_web.ask_version(bench.host.settings()).version == "1.4"
    assert bench.links == {
        "current": bench.links["current"],
        "last": before,
        "next": bench.links["current"],
    }
    assert bench.links["current"] > before
    assert outcome.facts["to_version"] == "1.4"
    downtime = bench.journal.facts["downtime_seconds"]
    within = bench.journal.facts["downtime_within_seconds"]
    assert isinstance(downtime, float)
    assert isinstance(within, float)
    assert 1.0 - within <= downtime < took
    assert "It did not answer for" in outcome.sentence
    assert outcome.next == "rollback"
    assert bench.zulip.realm.settings.server_generation > generation
    assert not bench.host.layout.deployment_lock.exists()
    assert list(bench.host.layout.fetched_releases.iterdir()) == []


def test_the_backup_is_verified_before_anything_is_touched(bench: Bench) -> None:
    bench.upgrade("1.4")
    titles = bench.titles()
    assert titles.index("Read the copy in store disk back to its end") < titles.index(
        "Unpack the release"
    )
    assert titles[-1].startswith("Wait until 1.4 answers from outside")
    assert all(good for _, good in bench.journal.steps)


def test_without_a_verified_copy_nothing_is_touched(bench: Bench) -> None:
    plan, before = bench.plan("1.4"), bench.links

    def lose_the_dump(title: str) -> None:
        if title.startswith("Read the copy"):
            assert bench.store.path is not None
            for dump in bench.store.path.rglob("database*"):
                dump.write_bytes(b"nothing")

    bench.journal.on_step = lose_the_dump
    with pytest.raises(HostFailure, match="No store has a verified copy"):
        bench.upgrade("1.4", plan)
    assert bench.links == before
    assert "Unpack the release" not in bench.titles()


def test_a_deployment_made_by_hand_during_the_backup_stops_it(bench: Bench) -> None:
    plan = bench.plan("1.4")

    def upgrade_by_hand(title: str) -> None:
        if title == "Write the commit records":
            bench.host.switch_version("1.3")

    bench.journal.on_step = upgrade_by_hand
    with pytest.raises(Refused, match="became the present deployment") as refused:
        bench.upgrade("1.4", plan)
    assert refused.value.reason == "plan_changed"
    assert "Unpack the release" not in bench.titles()


def test_each_migration_is_shown_as_it_ends(bench: Bench) -> None:
    bench.upgrade("1.5")
    said = [sentence for sentence, _, _ in bench.journal.said]
    assert [f"Applied zerver.{name}" for name in NEW] == [s for s in said if "Applied" in s]
    assert ("Apply the migrations", True) in bench.journal.steps


def test_a_failure_before_the_switch_leaves_the_old_version_running(bench: Bench) -> None:
    before = bench.links["current"]
    bench.host.behave(Manners(fail_at="Installing static assets"))
    with pytest.raises(HostFailure) as failed:
        bench.upgrade("1.4")
    failure = failed.value
    assert failure.message == "`upgrade-zulip` ended with exit code 1."
    assert failure.state is not None
    assert "Zulip answers and runs 1.3." in failure.state
    assert "(1.3) as before. No migration was applied." in failure.state
    assert f"`next` points at {bench.links['next']}, which was not finished." in failure.state
    assert "is verified." in failure.state
    assert bench.links["current"] == before
    assert ("Install the static files", False) in bench.journal.steps
    assert bench.journal.facts["downtime_seconds"] == 0


def test_after_a_first_migration_that_failed_the_old_version_is_started_again(
    bench: Bench,
) -> None:
    # So long that a probe falls into it on the busiest machine.
    bench.host.behave(Manners(failing_migration=NEW[0], away_seconds=3))
    with pytest.raises(HostFailure) as failed:
        bench.upgrade("1.5")
    assert failed.value.state is not None
    assert failed.value.state.startswith("As no migration was applied, 1.3 was started again.")
    assert "Zulip answers and runs 1.3." in failed.value.state
    assert zulip_web.ask_version(bench.host.settings()).version == "1.3"
    assert isinstance(bench.journal.facts["downtime_seconds"], float)
    assert bench.journal.facts["downtime_seconds"] > 0


def test_with_a_migration_applied_the_old_version_is_not_started(bench: Bench) -> None:
    bench.host.behave(Manners(failing_migration=NEW[1]))
    with pytest.raises(HostFailure) as failed:
        bench.upgrade("1.5")
    assert failed.value.state is not None
    assert "Zulip does NOT answer." in failed.value.state
    assert f"Migrations were applied: zerver.{NEW[0]}." in failed.value.state
    assert failed.value.hint is not None
    assert "restore the backup" in failed.value.hint
    assert NEW[0] in bench.migrations()


def test_a_new_version_that_never_answers_is_taken_back(bench: Bench) -> None:
    before = bench.links["current"]
    bench.host.behave(Manners(never_back="1.4"))
    bench.back_within_seconds = 6
    with pytest.raises(HostFailure) as failed:
        bench.upgrade("1.4")
    assert "no probe was answered by a healthy 1.4; nothing answers." in failed.value.message
    assert failed.value.state is not None
    assert "1.3 was started again" in failed.value.state
    assert bench.links["current"] == before
    assert zulip_web.ask_version(bench.host.settings()).version == "1.3"


def test_connections_that_are_refused_count_as_away(bench: Bench) -> None:
    bench.host.behave(Manners(refuse=True, away_seconds=3))
    outcome = bench.upgrade("1.4")
    assert bench.journal.facts["downtime_seconds"] != 0
    assert outcome.facts["answering"] == "1.4"


def test_what_fails_after_the_switch_leaves_the_new_version_live(bench: Bench) -> None:
    bench.host.behave(Manners(fail_at="Skipping purging"))
    with pytest.raises(HostFailure) as failed:
        bench.upgrade("1.4")
    assert failed.value.state is not None
    assert failed.value.state.startswith("Zulip answers and runs 1.4.")
    assert failed.value.hint is not None
    assert "The new version is live" in failed.value.hint
    assert zulip_web.ask_version(bench.host.settings()).version == "1.4"
