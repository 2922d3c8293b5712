"""What is in a copy: parts by choice, and a copy that has not all that its database names."""

import re

import pytest

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.people import Person
from handlers.backups import catalogue
from handlers.backups.catalogue import SnapshotSummary
from tests.acceptance.conversation import CHECK, CROSS, Conversation

pytestmark = pytest.mark.story


def shown(talk: Conversation, person: Person, command: str) -> str:
    """What the job of a read command ends with."""
    return talk.end_of(talk.job_for(talk.ask(person, command)).id).content


def newest(talk: Conversation) -> SnapshotSummary:
    return catalogue.list_snapshots(talk.stage.stores[0])[0]


def test_a_whole_copy_says_what_it_is_of_and_that_it_is_consistent(
    talk: Conversation, cast: Cast
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    end = talk.end_of(job.id)

    said = shown(talk, cast.hamlet, f"backup show {job.id}")

    assert "inconsistent" not in end.content
    assert "- Consistent: every file that its database names is in it (attachments 20," in said
    assert "40 users, 200 messages, 20 attachments" in said
    assert "- Not in it: Logs: `backup.logs` is not set" in said
    assert "The bot's own database" not in said


def test_a_part_is_asked_for_in_words_and_counts_for_no_backup(
    talk: Conversation, cast: Cast
) -> None:
    asked = talk.ask(cast.iago, "backup now --only uploads")
    card = talk.card(talk.job_for(asked).id)
    assert "Copy the uploads alone to local. That is no backup of the server" in card.content
    assert "only: `uploads`" in card.content

    talk.react(cast.iago, card.id)
    end = talk.end_of(talk.job_for(asked).id)
    talk.wait_for_marks(asked, CHECK)

    assert "ALONE, and is no backup of the server" in end.content
    assert newest(talk).only == "uploads"
    listed = talk.hear(cast.iago, "backups")
    assert re.search(r"job #\d+ · \*\*the uploads alone\*\* · verified in local", listed)
    said = shown(talk, cast.iago, f"backup show {newest(talk).id}")
    assert "- The uploads **alone**: no server can be restored from it" in said
    assert "- Database:" not in said


def test_a_part_that_there_is_not_is_named_with_those_that_there_are(
    talk: Conversation, cast: Cast
) -> None:
    jobs = len(talk.jobs())

    said = talk.hear(cast.iago, "backup now --only everything")

    assert "`everything`" in said
    for part in ("database", "uploads", "config"):
        assert part in said
    assert len(talk.jobs()) == jobs


def test_who_may_take_no_backup_may_take_no_part_of_one(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())

    said = talk.hear(cast.cordelia, "backup now --only config")

    assert "You may not run `backup now" in said
    assert len(talk.jobs()) == jobs


def test_a_part_for_a_store_that_is_away_leaves_nothing(talk: Conversation, cast: Cast) -> None:
    with talk.local_store_unusable():
        asked = talk.ask(cast.iago, "backup now --yes --only database")
        end = talk.end_of(talk.job_for(asked).id)
        talk.wait_for_marks(asked, CROSS)

    assert "local" in end.content


@pytest.fixture
def lost_upload(talk: Conversation) -> str:
    """A file that the database names, and that somebody has deleted by hand."""
    uploads = talk.stage.host.layout.uploads
    lost = sorted(uploads.glob("files/*/*/*/*"))[0]
    lost.unlink()
    return str(lost.relative_to(uploads))


def test_a_copy_that_lacks_an_upload_is_called_inconsistent_everywhere(
    talk: Conversation, cast: Cast, lost_upload: str
) -> None:
    asked = talk.ask(cast.iago, "backup now --yes")
    job = talk.job_for(asked)
    talk.restart_bot()
    end = talk.end_of(job.id)

    lacking = "a file that its database names was not on the server"
    assert f"It is **inconsistent**: {lacking}. Not in it: `" in end.content
    assert lost_upload.encode("ascii", "backslashreplace").decode() in end.content
    assert newest(talk).missing_files == 1
    assert f"**inconsistent**: {lacking}" in talk.hear(cast.iago, "backups")
    status = talk.hear(cast.iago, "status --fresh")
    assert f"is verified, but **inconsistent** ({lacking})." in status
    assert f"What is missing: `@ops backup show {newest(talk).id}`." in status
    said = shown(talk, cast.hamlet, f"backup show {job.id}")
    assert f"- **Inconsistent**: {lacking}" in said
    assert "- Missing: `files/2/" in said
    card = talk.card(talk.job_for(talk.ask(cast.iago, "backup now")).id)
    assert "the newest copy in local is inconsistent" in card.content
