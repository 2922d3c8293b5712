"""`backup prune`: the plan is the dry run, and what goes is marked before it is removed."""

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import CHECK, CROSS, Conversation
from tests.acceptance.retention import POLICY, RULES, Copies, ended, fill

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY, more_configuration=RULES)


@pytest.fixture(scope="module")
def copies(talk: Conversation) -> Copies:
    return fill(talk, 5)


def test_the_plan_says_what_goes_and_why_the_rest_stays(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    newest, second, third, fourth, oldest = copies.ids
    asked = talk.ask(cast.iago, "backup prune")
    job = talk.job_for(asked)
    card = talk.card(job.id).content

    assert f"- marked in local: `{oldest}`, `{fourth}`, `{third}`" in card
    assert "rules: `2 daily; the last 1 proven; 48 h between mark and removal`" in card
    assert f"`{newest}: the newest, one of the last 1 proven, daily`" in card
    assert f"`{second}: daily`" in card
    assert "**Way back**: a copy that is marked stays whole for 48 h" in card
    assert copies.marked == set()

    talk.react(cast.iago, talk.card(job.id).id)
    assert "In local 3 copies were marked." in ended(talk, job)
    talk.wait_for_marks(asked, CHECK)
    assert copies.marked == {third, fourth, oldest}
    assert copies.there == set(copies.ids)
    talk.look_at_host()
    listed = talk.hear(cast.hamlet, "backups")
    assert listed.count("**to be removed** from local") == 3


def test_what_was_marked_long_ago_is_removed(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    oldest = copies.ids[-1]
    copies.mark_long_ago(oldest)

    job = talk.job_for(talk.ask(cast.iago, "backup prune --yes"))

    assert "In local 1 copy was removed" in ended(talk, job)
    assert "Every copy that stays is whole." in ended(talk, job)
    assert oldest not in copies.there
    assert "There is no copy" in ended(
        talk, talk.job_for(talk.ask(cast.iago, f"backup show {oldest}"))
    )


def test_it_goes_on_while_the_bot_is_restarted(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup prune"))
    card = talk.card(job.id)
    talk.restart_bot()
    talk.react(cast.iago, card.id)

    assert "In local no copy went" in ended(talk, job)
    assert talk.reached(job.id, "succeeded").reason == "done"


def test_a_plan_is_stale_once_something_else_would_go(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup prune"))
    card = talk.card(job.id)
    third = copies.ids[2]
    copies.unmark(third)  # now it would be marked
    talk.react(cast.iago, card.id)

    assert "not what was consented to" in ended(talk, job)
    assert talk.job(job.id).status == "stale"
    assert third not in copies.marked


def test_a_store_that_does_not_exist_is_named(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())

    assert "`local`" in talk.hear(cast.iago, "backup prune --store nowhere")
    assert len(talk.jobs()) == jobs


def test_who_may_not_change_anything_is_told_so(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())

    assert "You may not run `backup prune`" in talk.hear(cast.hamlet, "backup prune")
    assert len(talk.jobs()) == jobs


def test_with_the_store_away_nothing_is_done(
    talk: Conversation, cast: Cast, copies: Copies
) -> None:
    with talk.local_store_unusable():
        asked = talk.ask(cast.iago, "backup prune")
        end = ended(talk, talk.job_for(asked))
        talk.wait_for_marks(asked, CROSS)

    assert "No store can be read." in end
    assert "Store local" in end
