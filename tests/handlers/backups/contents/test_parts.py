"""`backup now --only`: one part is copied, verified, and taken for a whole copy nowhere."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.backups import catalogue, take_backup
from handlers.backups.contents import database_facts
from handlers.backups.repository import DATABASE, PARTS, Snapshot, from_json
from handlers.backups.showing.by_hand import commands
from handlers.checks import backups as check
from handlers.checks.contract import Context as Looking
from handlers.checks.contract import Finding, Level
from handlers.contract import JSON, Outcome
from handlers.host import postgres
from handlers.host.settings import DatabaseSettings
from tests.handlers.backups.conftest import Desk

LIMIT = timedelta(seconds=5)


def copy_part(desk: Desk, only: str) -> Outcome:
    args = take_backup.Args(only=only)
    return take_backup.run(desk.context(), args, take_backup.plan(desk.context(), args))


def snapshot_of(desk: Desk, outcome: Outcome) -> Snapshot:
    return catalogue.snapshot(desk.store, str(outcome.facts["snapshot"]))


def without_database(desk: Desk) -> DatabaseSettings:
    return replace(desk.host.settings().database, host=str(desk.host.root))


@pytest.mark.parametrize("only", list(PARTS))
def test_a_part_holds_its_streams_alone_and_says_so(desk: Desk, only: str) -> None:
    outcome = copy_part(desk, only)

    snapshot = snapshot_of(desk, outcome)
    assert set(snapshot.streams) == set(PARTS[only])
    assert (snapshot.only, snapshot.is_whole, snapshot.format) == (only, False, 2)
    assert "ALONE, and is no backup of the server" in outcome.sentence
    [found] = catalogue.list_snapshots(desk.store)
    assert found.only == only
    assert found.standing.verified_at is not None
    assert [title for title, well in desk.journal.steps if well][1].startswith("Copy the ")


@pytest.mark.parametrize("only", list(PARTS))
def test_the_commands_by_hand_bring_back_that_part_alone(desk: Desk, only: str) -> None:
    snapshot = snapshot_of(desk, copy_part(desk, only))

    lines = "\n".join(commands(snapshot, desk.store, desk.host.settings().database))

    assert ("pg_restore" in lines, "configuration |" in lines, "uploads |" in lines) == (
        only == "database",
        only == "config",
        only == "uploads",
    )


def test_the_plan_of_a_part_is_bound_to_it_and_says_that_it_counts_for_nothing(desk: Desk) -> None:
    plan = take_backup.plan(desk.context(), take_backup.Args(only="database"))

    assert plan.binding["only"] == "database"
    assert plan.summary.endswith("That is no backup of the server, and does not count as one.")
    assert plan.estimates["uploads"] is None


def test_uploads_and_configuration_are_copied_while_the_database_is_away(desk: Desk) -> None:
    host = replace(desk.host.settings(), database=without_database(desk))
    for only in ("uploads", "config"):
        context, args = replace(desk.context(), host=host), take_backup.Args(only=only)
        plan = take_backup.plan(context, args)
        assert all(each.holds for each in plan.preconditions)
        outcome = take_backup.run(context, args, plan)

    [said] = snapshot_of(desk, outcome).left_out
    assert said.startswith("PostgreSQL's roles, tablespaces and dictionaries: PostgreSQL cannot be")


def test_a_whole_copy_builds_on_uploads_that_were_copied_alone(desk: Desk) -> None:
    copy_part(desk, "uploads")
    copy_part(desk, "database")

    snapshot = snapshot_of(desk, desk.back_up())

    assert (snapshot.uploads.files, snapshot.uploads.new_files) == (76, 0)
    assert snapshot.is_whole


def look(desk: Desk) -> Finding:
    state = desk.host.root.with_name("state")
    return check.observe(Looking(desk.host.settings(), desk.stores, state, desk.clock, LIMIT))


def table(value: JSON) -> dict[str, JSON]:
    assert isinstance(value, dict)
    return value


def test_the_check_of_freshness_counts_no_part(desk: Desk) -> None:
    whole = desk.back_up()
    desk.clock.move(timedelta(hours=30))
    copy_part(desk, "database")

    finding = look(desk)

    assert finding.level is Level.WARNING
    assert isinstance(finding.values["stores"], list)
    assert table(finding.values["stores"][0])["newest"] == whole.facts["snapshot"]


def test_where_there_are_parts_alone_the_check_says_so(desk: Desk) -> None:
    copy_part(desk, "config")

    finding = look(desk)

    assert finding.level is Level.WARNING
    assert "Of the newest copies in disk none is of the whole server." in finding.sentence


def test_an_inconsistent_copy_is_a_warning_that_says_what_is_wrong(desk: Desk) -> None:
    sorted(desk.host.layout.uploads.glob("files/*/*/*/*"))[0].unlink()
    desk.back_up()

    finding = look(desk)

    assert finding.level is Level.WARNING
    assert "It is inconsistent: a file that its database names was not" in finding.sentence


def test_a_program_that_knows_no_parts_refuses_their_records(desk: Desk) -> None:
    snapshot = copy_part(desk, "uploads").facts["snapshot"]
    record = json.loads((desk.directory / f"snapshots/{snapshot}.json").read_text())

    assert record["format"] == 2
    with pytest.raises(ValueError, match="newer than this program"):
        from_json({**record, "format": 3})
    with pytest.raises(ValueError, match="not known"):
        from_json({**record, "only": "everything"})


def test_facts_are_of_the_moment_of_the_dump_and_large_tables_are_estimated(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_facts, "COUNTED_BYTES", 64 * 1024)

    snapshot = snapshot_of(desk, desk.back_up())

    found = table(snapshot.facts["postgresql"])
    assert "messages" in str(found["counts_estimated"])
    assert table(found["counts"])["messages"] == 300
    assert (found["timeline"], found["encoding"]) == (1, "UTF8")
    assert table(found["locale"])["collate"] == "C"
    assert table(found["collations"])["differing"] == []
    assert table(found["extensions"])["plpgsql"] == "1.0"
    assert len(str(found["migrations_sha256"])) == 64
    assert "zerver_message" in table(found["largest_tables"])
    assert snapshot.seconds.keys() >= {DATABASE, "uploads", "configuration", "copying"}


def test_a_database_that_names_nothing_of_zulips_has_facts_too(
    database: DatabaseSettings,
) -> None:
    with postgres.connect(database) as connection:
        found = database_facts.facts(connection)

    assert found["tables_bytes"] == 0
    assert set(table(found["counts"]).values()) == {None}
