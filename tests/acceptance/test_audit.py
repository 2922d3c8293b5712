"""The audit log: who did what when, told to whoever may read, and held against what was kept."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.s3_server import S3Server
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.views import SeenMessage
from bot.on_host.command_line import ask_bot
from state import audit_log, incident_store
from tests.acceptance.conftest import SMALL, small_stage
from tests.acceptance.conversation import Conversation
from tests.conftest import Clusters

DAY = timedelta(days=1)


@pytest.fixture
def stage(clusters: Clusters, s3: S3Server, tmp_path: Path) -> Iterator[Stage]:
    """One for each test: what one of them damages stays damaged."""
    with small_stage(Wish(extent=SMALL), ("local",), clusters, s3, tmp_path) as made:
        yield made


@pytest.fixture
def talk(stage: Stage) -> Iterator[Conversation]:
    """Something has happened already, so that there are entries."""
    with closing(Conversation(stage)) as conversation:
        conversation.start_bot()
        job = conversation.job_for(conversation.ask(stage.cast.iago, "backup now --yes"))
        conversation.reached(job.id, "succeeded")
        conversation.settled()
        yield conversation


def heads_told(talk: Conversation) -> list[SeenMessage]:
    return talk.stage.zulip.messages(talk.stage.cast.ops, "audit")


def incidents_told(talk: Conversation) -> list[SeenMessage]:
    return [m for m in talk.from_bot() if m.content.startswith("**Incident #")]


def next_day(talk: Conversation, days: int = 1) -> None:
    talk.let_pass(days * DAY)
    # Events are handled in order, and what is read comes back as one.
    assert talk.hear(talk.stage.cast.iago, "audit verify")
    talk.settled()


def tamper(talk: Conversation, statement: str) -> None:
    """As root with the file in hand, while the bot is away."""
    with talk.without_bot(), closing(sqlite3.connect(talk.stage.state / "zulip-ops.db")) as file:
        for name in ("never_change", "never_vanish"):
            file.execute(f"DROP TRIGGER IF EXISTS audit_entries_{name}")
        file.execute(statement)
        file.commit()


def test_entries_are_shown_newest_first_and_page_by_page(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now --yes")
    job = talk.job_for(asked)
    talk.reached(job.id, "succeeded")
    talk.settled()
    first = talk.hear(cast.iago, "audit").splitlines()
    assert len(first) <= 11
    assert "**job moved** · " in first[0]
    assert f"job #{job.id}" in first[0]
    assert "`running -> succeeded (done)`" in first[0]
    created = next(line for line in first if "**job created**" in line)
    assert f"@_**Iago|{cast.iago.id}**" in created
    assert "`backup now --yes`" in created

    seen, command = [], "audit"
    while command:
        lines = talk.hear(cast.iago, command).splitlines()
        seen += [int(found[1]) for line in lines if (found := re.match(r"- (\d+) ", line))]
        older = re.search(r"^Older: `@ops (audit --before \d+)`$", lines[-1])
        command = older[1] if older else ""
    assert seen == list(range(seen[0], 0, -1))


def test_it_is_for_those_who_may_read(talk: Conversation, cast: Cast) -> None:
    assert talk.hear(cast.hamlet, "audit").startswith("- ")
    refused = talk.hear(cast.cordelia, "audit")
    assert refused.startswith("You may not run `audit`: it needs the role")
    assert talk.hear(cast.iago, "audit --before soon").startswith("`--before` needs a whole number")
    assert talk.hear(cast.iago, "audit --before 1") == "There is nothing before entry 1."


def test_the_head_goes_into_the_record_of_every_backup(talk: Conversation, cast: Cast) -> None:
    talk.look_at_host()
    (record,) = (talk.stage.folder / "backups" / "snapshots").glob("*.json")
    head = json.loads(record.read_text())["audit_head"]
    assert talk.read(lambda tx: audit_log.hash_of(tx, head["seq"])) == head["hash"]
    answer = talk.hear(cast.iago, "audit verify")
    assert re.match(r"All \d+ entries hold; the head is `[0-9a-f]{12}`\.", answer)
    assert "That fits the record of the backup of <time:" in answer


def test_the_head_is_told_once_a_day_whatever_happens(talk: Conversation, cast: Cast) -> None:
    assert heads_told(talk) == [], "on the first day there is nothing to hold it against"
    next_day(talk)
    talk.restart_bot()
    talk.let_pass(timedelta(minutes=1))
    assert talk.hear(cast.iago, "audit verify")
    talk.settled()
    (told,) = heads_told(talk)
    found = re.fullmatch(
        r"The audit log holds ([\d,]+) entries, all as written\. Head: `(\d+) ([0-9a-f]{64})`",
        told.content,
    )
    assert found is not None
    assert talk.read(lambda tx: audit_log.hash_of(tx, int(found[2]))) == found[3]
    assert "the head that I told <time:" in talk.hear(cast.iago, "audit verify")


def test_after_days_without_the_bot_it_is_told_once(talk: Conversation, cast: Cast) -> None:
    before = len(heads_told(talk))
    with talk.without_bot():
        talk.let_pass(3 * DAY)
    next_day(talk, days=0)
    assert len(heads_told(talk)) == before + 1


def test_a_tail_that_was_cut_off_is_noticed(talk: Conversation, cast: Cast) -> None:
    next_day(talk)
    head = talk.read(audit_log.head)
    assert head is not None
    tamper(talk, f"DELETE FROM audit_entries WHERE seq > {head.seq - 3}")
    answer = talk.hear(cast.iago, "audit verify")
    assert answer.startswith("**The audit log is not what was written.** It ends at entry ")
    assert "its end was cut off." in answer
    (told,) = talk.wait(lambda: incidents_told(talk) or None, "the incident")
    assert told.topic == "incident #1: audit chain"
    assert talk.hear(cast.iago, "audit verify").startswith("**The audit log is not")
    next_day(talk)
    assert len(incidents_told(talk)) == 1, "told once while it is open"


def test_the_first_bad_entry_is_named(talk: Conversation, cast: Cast) -> None:
    tamper(talk, "UPDATE audit_entries SET actor = 'chat:6' WHERE seq = 2")
    answer = talk.hear(cast.hamlet, "audit verify")
    assert "Entry 2 is not what was written: its hash differs." in answer
    on_the_host = ask_bot(talk.stage.state / "bot.sock", "audit verify")
    assert on_the_host.text == answer
    assert on_the_host.is_refusal, "its exit code says so too"


def test_a_damaged_entry_is_no_stumbling_block(talk: Conversation, cast: Cast) -> None:
    tamper(talk, "UPDATE audit_entries SET detail = '{' WHERE seq = 1")
    answer = talk.hear(cast.iago, "audit")
    assert answer == (
        "An entry of the audit log is damaged, so this page cannot be shown. "
        "`@ops audit verify` names it."
    )
    assert "Entry 1 is not what was written" in talk.hear(cast.iago, "audit verify")
    assert [one.kind for one in talk.read(incident_store.open_incidents)] == ["audit_chain"]
