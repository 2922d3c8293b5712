"""`backup keep`: a copy stays until a time, whatever the rules say; or no longer."""

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from handlers.backups.retention import marks
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import CHECK, CROSS, Conversation
from tests.acceptance.retention import POLICY, RULES, Copies, ended, fill, job_of

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY, more_configuration=RULES)


@pytest.fixture(scope="module")
def copies(talk: Conversation) -> Copies:
    return fill(talk, 3)


def agreed(talk: Conversation, cast: Cast, command: str) -> str:
    """The end of a job that its asker confirmed."""
    asked = talk.ask(cast.iago, command)
    job = talk.job_for(asked)
    talk.react(cast.iago, talk.card(job.id).id)
    said = ended(talk, job)
    talk.wait_for_marks(asked, CHECK)
    return said


def test_a_copy_is_kept_and_shown_so_until_nobody_keeps_it(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    oldest = copies.ids[-1]
    said = agreed(talk, cast, f"backup keep {job_of(oldest)} until 2099-01-31")
    assert f"Copy `{oldest}` is kept in local until 2099-02-01 00:00 UTC." in said
    assert set(marks.kept(copies.store)) == {oldest}

    talk.look_at_host()
    assert "kept in local until <time:2099-02-01T00:00:00Z>" in talk.hear(cast.hamlet, "backups")
    shown = ended(talk, talk.job_for(talk.ask(cast.hamlet, f"backup show {oldest}")))
    assert "; kept until <time:2099-02-01T00:00:00Z>" in shown
    pruned = talk.card(talk.job_for(talk.ask(cast.iago, "backup prune")).id).content
    assert f"`{oldest}: kept until 2099-02-01 00:00 UTC`" in pruned
    assert "marked in local" not in pruned

    said = agreed(talk, cast, f"backup keep {oldest} off")
    assert "is no longer kept in local; the rules decide on it again." in said
    assert marks.kept(copies.store) == {}


def test_it_ends_although_the_bot_was_restarted(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    second = copies.ids[1]
    job = talk.job_for(talk.ask(cast.iago, f"backup keep {second} for 90d"))
    card = talk.card(job.id)
    talk.restart_bot()
    talk.react(cast.iago, card.id)

    assert f"Copy `{second}` is kept in local until" in ended(talk, job)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("12", "until when"),
        ("12 until yesterday", "is no time that I understand"),
        ("12 until 2020-01-01", "That time is over already"),
        ("12 for ever", "is no length of time"),
        ("twelve until Mon", "`twelve`"),
    ],
)
def test_what_cannot_be_understood_makes_no_job(
    talk: Conversation, cast: Cast, words: str, said: str
) -> None:
    jobs = len(talk.jobs())

    answer = talk.hear(cast.iago, f"backup keep {words}")

    assert said in answer or "needs `until` and a time" in answer
    assert "backup keep 12" in answer
    assert len(talk.jobs()) == jobs


def test_what_nobody_keeps_is_said(talk: Conversation, cast: Cast, copies: Copies) -> None:
    asked = talk.ask(cast.iago, f"backup keep {copies.ids[0]} off")
    end = ended(talk, talk.job_for(asked))
    talk.wait_for_marks(asked, CROSS)

    assert "Nobody keeps it; only the rules decide on it." in end


def test_who_may_not_change_anything_is_told_so(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    assert "You may not run" in talk.hear(cast.hamlet, f"backup keep {copies.ids[0]} for 2d")


def test_with_the_store_away_its_reason_is_told(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    with talk.local_store_unusable():
        end = ended(talk, talk.job_for(talk.ask(cast.iago, f"backup keep {copies.ids[0]} for 2d")))

    assert "No store that can be read has a copy" in end
