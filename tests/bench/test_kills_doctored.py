"""A bot with a fault would be noticed: the fault is done to the world while the bot is dead."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from bench.killing.cycles import Cycle, Scene
from bench.killing.killer import Killer
from bench.killing.life import LIMIT, nothing
from tests.acceptance.conversation import Conversation
from tests.bench.past_the_program import write


@contextmanager
def doctored(
    deadly: Killer, at: str, harm: Callable[[Conversation], None], limit: timedelta = LIMIT
) -> Iterator[Killer]:
    """After the bot has died there, as a program with that fault would leave the world."""
    deadly.doctor = lambda talk, place: harm(talk) if place == at else None
    deadly.limit = limit
    try:
        yield deadly
    finally:
        deadly.doctor, deadly.limit = nothing, LIMIT


def test_an_acknowledged_command_that_is_forgotten(deadly: Killer) -> None:
    def forget(talk: Conversation) -> None:
        write(talk, "DELETE FROM inbox WHERE id = (SELECT max(id) FROM inbox)")

    with doctored(deadly, "events_committed", forget, timedelta(seconds=15)) as one:
        found = one.carry_out(Cycle(Scene.CHAT, ("events_committed",)))
    assert found.points == {"events_committed"}
    assert found.lost
    assert any("0 jobs and not 1" in text for text in found.wrong)
    assert any("never came to rest" in text for text in found.wrong)


def test_an_effect_that_a_second_run_brings_about_again(deadly: Killer) -> None:
    def open_the_fence(talk: Conversation) -> None:
        shutil.rmtree(max(talk.run_folders(), key=lambda each: each.stat().st_mtime))
        # With its start on record, a run whose folder has gone is not begun again.
        write(talk, "UPDATE runs SET started_at = NULL WHERE ended_at IS NULL")

    with doctored(deadly, "result_seen", open_the_fence) as one:
        found = one.carry_out(Cycle(Scene.CHAT, ("result_seen:2",)))
    assert (found.double_effects, found.lost, found.double_messages) == (1, 0, 0)
    assert any("2 copies and not 1" in text for text in found.wrong)


def test_a_final_message_that_is_sent_again(deadly: Killer) -> None:
    def send_again(talk: Conversation) -> None:
        write(
            talk,
            "UPDATE outbox SET status = 'new', message_id = NULL"
            " WHERE id = (SELECT max(id) FROM outbox WHERE role = 'end')",
        )

    with doctored(deadly, "topic_moved", send_again) as one:
        found = one.carry_out(Cycle(Scene.CHAT, ("topic_moved",)))
    assert (found.double_messages, found.lost, found.double_effects) == (1, 0, 0)
