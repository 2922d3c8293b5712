"""`restore plan`: what is in the way comes first, and nothing is changed by looking."""

from datetime import timedelta

import pytest

from bot.replies.restores import restore_planned
from handlers.backups import take_backup
from handlers.backups.standing import Note, add_note
from handlers.errors import BadCommand, HostFailure, Refused
from handlers.host.age import Identity
from handlers.host.object_store import open_store
from handlers.host.settings import KeySettings
from tests.handlers.restores.conftest import Bench


def told(bench: Bench, **more: str) -> list[str]:
    return restore_planned(bench.shown(**more), "ops").splitlines()


def test_size_time_loss_and_standing_are_told(bench: Bench) -> None:
    bench.go_on_for_a_while()
    before, files = bench.databases(), bench.files()

    lines = told(bench)

    said = "\n".join(lines)
    assert lines[0] == "- ✔ The copy is not sealed."
    assert "- ✔ The copy is of Zulip 1.3, as deployed." in lines
    assert "- Would be lost: 30 messages, written in 5 min" in lines
    assert "It is verified: it was read back whole" in said
    assert "No drill has restored it." in said
    assert "- Expected: 1 s beside the running server (database at " in said
    assert lines[-1].startswith("To restore it: `@ops restore 2026")
    assert "--server NAME" in lines[-1]
    assert (bench.databases(), bench.files()) == (before, files)


def test_what_is_in_the_way_stands_first_and_nothing_is_offered(bench: Bench) -> None:
    bench.keys = KeySettings(recovery=(Identity.generate().recipient,))
    sealed = bench.back_up(job=13)
    (bench.host.layout.current / "zulip-git-version").write_text("1.4\n")

    lines = told(bench, copy=sealed)

    assert lines[0].startswith(f"- ✘ **in the way**: Copy `{sealed}` is sealed, and no key")
    assert lines[1].startswith("- ✘ **in the way**: The copy is of Zulip 1.3, and 1.4 is deployed")
    assert not any("To restore it" in line for line in lines)


def test_the_words_of_a_drill_are_told(bench: Bench) -> None:
    snapshot = str(bench.shown()["id"])
    store, now = open_store(bench.store), bench.clock.now()
    add_note(store, Note.REFUTED, snapshot, now, {})
    assert "A drill could NOT restore it" in "\n".join(told(bench))
    add_note(store, Note.PROVEN, snapshot, now + timedelta(seconds=5), {})
    assert "It is proven: a drill restored it " in "\n".join(told(bench))


def test_with_postgresql_or_the_database_away_it_says_so(bench: Bench) -> None:
    bench.sql(f'ALTER DATABASE "{bench.database}" RENAME TO "{bench.database}_x"', "postgres")
    lines = told(bench)
    assert any("**in the way**: PostgreSQL has to answer: " in line for line in lines)
    assert any("Would be lost: not known" in line for line in lines)


def test_what_an_earlier_restore_left_is_told_with_both_ways_on(bench: Bench) -> None:
    bench.restore()
    lines = [line for line in told(bench) if "**Left over**" in line]
    assert len(lines) == 1
    assert "Restore #31 has left something (" in lines[0]
    assert "The database is the restored one; the one before is kept as" in lines[0]
    assert "All as before: `" in lines[0]
    assert f"To drop what is not used: `{bench.cluster.programs}/psql" in lines[0]


def test_one_part_alone_needs_no_more_than_that(bench: Bench) -> None:
    lines = told(bench, only="uploads")
    assert not any("PostgreSQL" in line and "reads this dump" in line for line in lines)
    assert any(line.startswith("- Size: 44 uploads of ") for line in lines)
    assert lines[-1].endswith("--only uploads`, with this server's own name")


def test_a_store_that_is_away_and_a_copy_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(BadCommand, match="There is no copy of job #99"):
        bench.shown(copy="99")
    assert bench.store.path is not None
    bench.store.path.rename(bench.store.path.with_name("aside"))
    bench.store.path.write_text("")
    with pytest.raises(HostFailure, match="No store that can be read has a copy"):
        bench.shown()


def test_a_copy_of_one_part_restores_that_and_no_other(bench: Bench) -> None:
    context, args = bench.context(13), take_backup.Args(only="database")
    take_backup.run(context, args, take_backup.plan(context, args))

    assert bench.shown(copy="13")["parts"] == ["database"]
    with pytest.raises(Refused, match="holds no uploads"):
        bench.shown(copy="13", only="uploads")
