"""What messages look like on a terminal."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.demo.markdown_text import Paper
from bot.demo.transcript import Transcript
from bot.demo.zulip.views import SeenMessage, SeenReaction

MESSAGE = SeenMessage(
    id=14,
    sender_id=9,
    sender="ops",
    content="**Job #1** is running\n- ✔ Copy: done",
    sent_at=datetime(2026, 11, 23, 15, 50, tzinfo=UTC),
    client="ZulipPython",
    channel="ops",
    topic="backup now · #1",
    participant_ids=frozenset(),
    reactions=(SeenReaction("check", "2705", "unicode_emoji", 5),),
    is_edited=False,
)


def transcript() -> Transcript:
    return Transcript(Paper(80, UTC))


def test_a_message_has_a_place_a_number_an_author_and_words() -> None:
    heading, head, *body = transcript().message(MESSAGE).splitlines()
    assert heading.startswith("── #ops › backup now · #1 ──")
    assert head == "[14] ops · 15:50"
    assert body == ["     Job #1 is running", "     - ✔ Copy: done"]


def test_only_a_change_of_place_is_told_again() -> None:
    shown = transcript()
    shown.message(MESSAGE)
    assert "──" not in shown.message(replace(MESSAGE, id=15))
    assert "── direct messages" in shown.message(replace(MESSAGE, channel=None, topic=""))


def test_an_edit_shows_what_is_new() -> None:
    shown = transcript()
    shown.message(MESSAGE)
    edited = replace(MESSAGE, content=f"{MESSAGE.content}\n- ✔ Verify: done")
    assert shown.change(MESSAGE, edited) == (
        "[14] ops has edited this message:\n     - ✔ Verify: done"
    )
    assert shown.change(edited, MESSAGE) is None


def test_reactions_are_named_as_they_are_typed() -> None:
    assert transcript().reactions(MESSAGE, {5: "Iago"}) == ":check: Iago"
    assert transcript().reactions(MESSAGE, {}) == ":check: somebody"
