"""`backup probe`: what each store can do, in a message, and remembered in the store."""

import pytest

from bot.demo.sample_host.host import Extent
from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from handlers.backups.probing.abilities import newest_probe
from handlers.host.object_store import open_store
from tests.acceptance.conversation import CHECK, CROSS, Conversation

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=Extent(messages=20, uploads=2))


@pytest.fixture(scope="module")
def stores() -> tuple[str, ...]:
    return ("local", "s3")


def test_every_store_is_probed_and_told_of(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup probe")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    assert "Find out what local and s3 can do, and note it there." in card.content

    talk.react(cast.iago, card.id)
    talk.restart_bot()
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CHECK)

    assert "local and s3 were probed." in end.content
    assert "- **local**: of 16 writers of one key one wins; " in end.content
    assert "a wrong SHA-256 is refused; a wrong MD5 is refused; " in end.content
    for store in talk.stage.stores:
        found = newest_probe(open_store(store))
        assert found is not None
        assert found.may_lease


def test_a_store_that_cannot_be_used_fails_the_job_and_not_the_other(
    talk: Conversation, cast: Cast
) -> None:
    with talk.local_store_unusable():
        asked = talk.ask(cast.iago, "backup probe --yes")
        end = talk.end_of(talk.job_for(asked).id)
        talk.wait_for_marks(asked, CROSS)

    assert "local could NOT be probed. Store local: " in end.content
    assert "s3 was probed." in end.content
    assert "- **s3**: of 16 writers of one key one wins" in end.content


def test_a_store_that_does_not_exist_is_named_and_makes_no_job(
    talk: Conversation, cast: Cast
) -> None:
    jobs = len(talk.jobs())

    assert "`moon`" in talk.hear(cast.iago, "backup probe moon")
    assert len(talk.jobs()) == jobs


def test_who_may_only_read_is_told_so(talk: Conversation, cast: Cast) -> None:
    assert "You may not run `backup probe`" in talk.hear(cast.hamlet, "backup probe")
