"""`backup delete`: one copy, at once, with the consent of somebody else."""

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import CHECK, CROSS, Conversation
from tests.acceptance.retention import POLICY, RULES, Copies, ended, fill, job_of

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY, more_configuration=RULES)


@pytest.fixture(scope="module")
def copies(talk: Conversation) -> Copies:
    return fill(talk, 4)


def test_it_takes_somebody_else_and_then_the_copy_is_gone(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    oldest = copies.ids[-1]
    asked = talk.ask(cast.iago, f"backup delete {job_of(oldest)}")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    assert "**destructive**" in card.content
    assert f"Delete copy `{oldest}` of job #{job_of(oldest)} from local, at once" in card.content
    assert f"- snapshot: `{oldest}`" in card.content
    assert "its uploads stay for other copies in: `local`" in card.content
    assert "**Way back**: none." in card.content

    talk.react(cast.desdemona, card.id)

    assert f"Copy `{oldest}` was deleted from local" in ended(talk, job)
    talk.wait_for_marks(asked, CHECK)
    assert copies.there == set(copies.ids[:-1])


@pytest.mark.parametrize(
    "command", ["backup delete {newest}", "backup delete {newest} --store local"]
)
def test_the_newest_copy_is_not_deleted(
    talk: Conversation, cast: Cast, copies: Copies, command: str
) -> None:
    asked = talk.ask(cast.iago, command.format(newest=copies.ids[0]))
    end = ended(talk, talk.job_for(asked))
    talk.wait_for_marks(asked, CROSS)

    assert "It cannot be deleted from local: it is the newest copy there" in end
    assert "it is one of the last 1 proven copies there" in end
    assert copies.ids[0] in copies.there


def test_bad_arguments_are_named_and_make_no_job(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())

    assert "`twelve`" in talk.hear(cast.iago, "backup delete twelve")
    assert "backup delete 12" in talk.hear(cast.iago, "backup delete")
    assert "`local`" in talk.hear(cast.iago, "backup delete 12 --store nowhere")
    assert len(talk.jobs()) == jobs


def test_a_copy_that_is_not_there_is_one_sentence(talk: Conversation, cast: Cast) -> None:
    end = ended(talk, talk.job_for(talk.ask(cast.iago, "backup delete 4711")))

    assert "There is no copy of job #4711 in local." in end


def test_who_may_not_delete_is_told_so(talk: Conversation, cast: Cast, copies: Copies) -> None:
    said = talk.hear(cast.hamlet, f"backup delete {copies.ids[1]}")

    assert "You may not run" in said
    assert copies.ids[1] in copies.there


def test_with_the_store_away_its_reason_is_told(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    with talk.local_store_unusable():
        end = ended(talk, talk.job_for(talk.ask(cast.iago, f"backup delete {copies.ids[1]}")))

    assert "No store that can be read has a copy" in end


def test_consent_holds_over_a_restart_and_a_kept_copy_stays(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    third = copies.ids[2]
    job = talk.job_for(talk.ask(cast.iago, f"backup delete {third}"))
    card = talk.card(job.id)
    kept = talk.job_for(talk.ask(cast.desdemona, f"backup keep {third} for 2d"))
    talk.react(cast.desdemona, talk.card(kept.id).id)
    talk.reached(kept.id, "succeeded")
    talk.restart_bot()

    talk.react(cast.desdemona, card.id)

    assert "It cannot be deleted from local: it is kept until" in ended(talk, job)
    assert third in copies.there
