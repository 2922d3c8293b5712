"""`backup key check`: a question is sealed, opened elsewhere, and answered in the channel."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.sample_host.host import Extent
from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from handlers.host import processes
from handlers.host.age import Identity, key_id
from tests.acceptance.conversation import CHECK, CROSS, Conversation

pytestmark = pytest.mark.story

RECOVERY = Identity.generate()
KEY = key_id(RECOVERY.recipient)


@pytest.fixture(scope="module")
def wish() -> Wish:
    sealed = f'[backup.keys]\nrecovery = ["{RECOVERY.recipient}"]'
    return Wish(extent=Extent(messages=20, uploads=2), more_configuration=sealed)


def opened(message: str, folder: Path) -> str:
    """As a person copies it from the message and opens it on a machine of their own."""
    found = re.search(r"-----BEGIN AGE.*END AGE ENCRYPTED FILE-----", message, re.DOTALL)
    assert found is not None, message
    (folder / "question.txt").write_text(f"{found[0]}\n")
    (folder / "recovery.key").write_text(f"{RECOVERY.text}\n")
    argv = ("age", "-d", "-i", str(folder / "recovery.key"), str(folder / "question.txt"))
    return processes.run(argv, timeout=timedelta(seconds=20)).output


@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
def test_the_key_is_shown_to_be_held(talk: Conversation, cast: Cast, tmp_path: Path) -> None:
    talk.look_at_host()
    before = talk.hear(cast.iago, "status")
    assert f"Nobody has shown yet that the recovery key `{KEY}` is held." in before
    asked = talk.ask(cast.iago, "backup key check")
    question = talk.end_of(talk.job_for(asked).id).content
    talk.wait_for_marks(asked, CHECK)
    assert f"To the recovery key `{KEY}` a word was sealed." in question
    assert "**never on the server**" in question
    assert "`@ops backup key check ANSWER`" in question
    talk.restart_bot()

    answered = talk.ask(cast.desdemona, f"backup key check {opened(question, tmp_path)}")
    end = talk.end_of(talk.job_for(answered).id)
    talk.wait_for_marks(answered, CHECK)

    assert f"That is it: Desdemona has the recovery key `{KEY}` at hand" in end.content
    assert "With that the key is set up." in end.content
    talk.look_at_host()
    after = talk.hear(cast.iago, "status")
    assert f"The recovery key `{KEY}` was last shown to be held on " in after
    assert "by Desdemona." in after


def test_a_wrong_answer_is_refused(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup key check AAAA-BBBB-CCCC-DDDD")
    end = talk.end_of(talk.job_for(asked).id)
    talk.wait_for_marks(asked, CROSS)

    assert "That is not what was last sealed to a recovery key." in end.content


def test_what_is_no_answer_at_all_makes_no_job(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())

    assert "`yes`" in talk.hear(cast.iago, "backup key check yes")
    assert len(talk.jobs()) == jobs


def test_who_may_not_even_read_is_told_so(talk: Conversation, cast: Cast) -> None:
    assert "You may not run `backup key check`" in talk.hear(cast.cordelia, "backup key check")
