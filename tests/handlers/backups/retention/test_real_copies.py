"""Real backups are pruned, and what stays is read back whole and built on."""

from dataclasses import replace
from datetime import timedelta

from bot.demo.postgres_cluster import available_majors
from handlers.backups import catalogue
from handlers.backups.reading.following import Means, Tools
from handlers.backups.reading.verify import verify
from handlers.backups.repository import retired_ids
from handlers.backups.retention import prune_backups
from handlers.backups.showing import by_hand
from handlers.backups.standing import Note, add_note
from handlers.contract import Outcome
from handlers.host.object_store import open_store
from handlers.host.settings import KeepSettings, RetentionSettings
from tests.handlers.backups.conftest import Desk

RULES = RetentionSettings(KeepSettings(daily=1), proven=1, grace_hours=24)


def back_up(desk: Desk, name: str) -> str:
    """With one upload more than the day before."""
    (desk.host.layout.uploads / "files" / name).write_bytes(name.encode() * 100)
    found = desk.back_up()
    desk.clock.move(timedelta(days=1))
    return str(found.facts["snapshot"])


def prune(desk: Desk) -> Outcome:
    context, args = replace(desk.context(), retention=RULES), prune_backups.Args()
    return prune_backups.run(context, args, prune_backups.plan(context, args))


def test_a_copy_is_whole_although_those_that_it_builds_on_went(desk: Desk) -> None:
    first, second, third = (back_up(desk, name) for name in ("one", "two", "three"))
    store = open_store(desk.store)
    add_note(store, Note.PROVEN, third, desk.clock.now(), {})

    assert "2 copies were marked" in prune(desk).sentence
    desk.clock.move(timedelta(days=1))
    assert "2 copies were removed" in prune(desk).sentence

    assert [each.id for each in catalogue.list_snapshots(desk.store)] == [third]
    assert retired_ids(store) == [second, first]
    left = catalogue.snapshot(desk.store, third)
    assert set(left.uploads.held_by) == {first, second, third}
    # Late enough for the uploads of the others to be read again, not only looked at.
    desk.clock.move(timedelta(days=8))
    database = desk.host.settings().database
    tools = Tools(database, available_majors()[16])
    read = verify(store, left, Means(tools), desk.journal, desk.clock.now())
    assert set(read.uploads_read_at) == {first, second, third}
    lines = "\n".join(by_hand.commands(left, desk.store, database))
    assert f"for id in {first} {second} {third}; do" in lines

    fourth = str(desk.back_up().facts["snapshot"])
    built = catalogue.snapshot(desk.store, fourth)
    assert built.uploads.new_files == 0
    assert set(built.uploads.held_by) == {first, second, third}
