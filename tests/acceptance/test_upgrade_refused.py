"""Upgrades and rollbacks that are refused, on a sample host that runs 9.2."""

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import CROSS, Conversation
from tests.acceptance.test_upgrade import look_and_back_up


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(version="9.2", extent=SMALL, releases=(("1.4", ()), ("9.3", ())))


def refused(talk: Conversation, asked: int) -> str:
    """The end of a job that was refused before anybody was asked for consent."""
    job = talk.reached(talk.job_for(asked).id, "failed")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CROSS)
    assert job.card_message_id is None
    assert "Nothing was changed." in end.content
    return f"{job.reason}: {end.content}"


def test_an_older_release_is_refused_word_for_word(talk: Conversation, cast: Cast) -> None:
    look_and_back_up(talk, "9.2")
    end = refused(talk, talk.ask(cast.iago, "upgrade 1.4"))
    assert end.startswith("preflight_failed")
    assert "1.4 is older than 9.2, which runs now; an upgrade only goes forward." in end
    assert talk.stage.zulip.realm.settings.zulip_version == "9.2"


def test_a_release_that_is_not_there_is_named(talk: Conversation, cast: Cast) -> None:
    end = refused(talk, talk.ask(cast.iago, "upgrade 9.9"))
    assert end.startswith("no_release")
    assert "names no file zulip-server-9.9.tar.gz" in end


def test_while_another_deployment_is_under_way_nothing_begins(
    talk: Conversation, cast: Cast
) -> None:
    lock = talk.stage.host.layout.deployment_lock
    lock.mkdir()
    end = refused(talk, talk.ask(cast.iago, "upgrade 9.3"))
    lock.rmdir()
    assert "Another deployment holds Zulip's own lock." in end


def test_without_a_deployment_before_there_is_no_rollback(talk: Conversation, cast: Cast) -> None:
    end = refused(talk, talk.ask(cast.iago, "rollback"))
    assert "There is no deployment to go back to" in end


def test_a_plan_that_nobody_else_approves_starts_nothing(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "upgrade 9.3"))
    card = talk.card(job.id)
    talk.react(cast.iago, card.id)
    talk.react(cast.hamlet, card.id)
    talk.settled()
    assert talk.job(job.id).status == "awaiting_approval"
    talk.react(cast.desdemona, card.id, "cross_mark")
    assert talk.reached(job.id, "rejected").reason == "rejected"
    assert talk.stage.zulip.realm.settings.zulip_version == "9.2"


@pytest.mark.parametrize("command", ["upgrade 9.3", "rollback"])
def test_who_may_not_ask_is_told_so(talk: Conversation, cast: Cast, command: str) -> None:
    before = len(talk.jobs())
    assert "operator" in talk.hear(cast.hamlet, command)
    assert len(talk.jobs()) == before


@pytest.mark.parametrize("words", ["upgrade", "upgrade latest", "upgrade ../9.3", "rollback 9.1"])
def test_a_bad_argument_is_named_and_starts_nothing(
    talk: Conversation, cast: Cast, words: str
) -> None:
    before = len(talk.jobs())
    answer = talk.hear(cast.iago, words)
    assert f"`@ops {words.split(maxsplit=1)[0]}" in answer
    assert len(talk.jobs()) == before
