"""Root consents alone: three times in 24 hours, always explained, always told."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from bot.demo.s3_server import S3Server
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.views import SeenMessage
from bot.events import HostAnswer, HostCommand
from state import approval_store, audit_log, incident_store
from state.job_store import Job
from tests.acceptance.conftest import SMALL, small_stage
from tests.acceptance.conversation import Conversation, is_root
from tests.conftest import Clusters

POLICY = """
[policy.roles]
operator = [{iago}]
approver = [{desdemona}]
[policy.read]
ask = ["operator", "approver"]
[policy.routine]
ask = ["operator"]
approve = ["approver"]
"""
#: Any that is not root.
BOTS_ACCOUNT = 990
WHY = "the approver cannot be reached"

pytestmark = pytest.mark.skipif(not is_root(), reason="only root breaks the glass")


@pytest.fixture
def stage(clusters: Clusters, s3: S3Server, tmp_path: Path) -> Iterator[Stage]:
    """One for each test: each finds the glass whole."""
    wish = Wish(extent=SMALL, policy=POLICY)
    with small_stage(wish, ("local",), clusters, s3, tmp_path) as made:
        yield made


@pytest.fixture
def talk(stage: Stage) -> Iterator[Conversation]:
    with closing(Conversation(stage)) as conversation:
        conversation.start_bot()
        yield conversation


def waiting(talk: Conversation, cast: Cast) -> Job:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    talk.card(job.id)
    return talk.reached(job.id, "awaiting_approval")


def break_glass(
    talk: Conversation, job: Job, reason: str = WHY
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (
            *(sys.executable, "-I", "-m", "bot", "approve", str(job.id)),
            *("--config", str(talk.stage.configuration)),
            *("--break-glass", "--reason", reason),
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def incidents_told(talk: Conversation, job: Job) -> list[SeenMessage]:
    begins = f"incident #{len(talk.read(incident_store.open_incidents))}: break glass #{job.id}"
    return talk.stage.zulip.messages(talk.stage.cast.ops, begins)


def test_bad_words_break_nothing(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast)
    short = break_glass(talk, job, "urgent")
    assert short.stdout.startswith("`--reason` needs 10 characters")
    assert short.returncode == 1
    quoted = break_glass(talk, job, 'it is "urgent" now')
    assert (quoted.returncode, "double quotes" in quoted.stderr) == (2, True)
    with talk.without_bot():
        alone = break_glass(talk, job)
        assert "Only the bot can carry out `approve" in alone.stdout
        assert alone.returncode == 1
    assert talk.job(job.id).status == "awaiting_approval"
    talk.hear(cast.iago, f"cancel {job.id}")
    talk.reached(job.id, "cancelled")
    late = break_glass(talk, job)
    assert late.stdout.startswith(f"Job #{job.id} is cancelled: it waits for no consent.")
    assert late.returncode == 1
    nothing = break_glass(talk, replace(job, id=job.id + 50))
    assert nothing.stdout.startswith(f"There is no job #{job.id + 50}.")
    assert nothing.returncode == 1


def test_a_job_starts_without_the_others_and_it_is_told(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast)
    done = break_glass(talk, job)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"**Glass broken.** root on the host agreed to job #{job.id} ")
    ended = talk.reached(job.id, "succeeded")
    assert ended.consent == "break_glass"
    talk.settled()
    said = [message.content for message in talk.in_topic_of(job.id)]
    (told,) = [text for text in said if text.startswith("**Glass broken.**")]
    assert f"`{WHY}`" in told
    assert "Within these 24 hours that is possible 2 times more." in told
    (incident,) = incidents_told(talk, job)
    assert re.match(r"\*\*Incident #\d+, critical\.\*\* \*\*Glass broken\.", incident.content)
    request = talk.read(lambda tx: approval_store.get(tx, job.id))
    assert request is not None
    assert request.status == "consumed", "used once"
    entries = talk.read(lambda tx: audit_log.page(tx, limit=100))
    broken = [one for one in entries if one.action == "glass broken"]
    (entry,) = [one for one in broken if one.detail["job"] == job.id]
    assert (entry.actor, entry.detail["job"], entry.detail["reason"]) == ("host:root", job.id, WHY)
    assert entry.detail["fingerprint"] == job.fingerprint
    shown = talk.hear(cast.iago, f"job {job.id}")
    assert "agreed to by root on the host, in the place of others" in shown
    why = talk.hear(cast.iago, f"why {job.id}")
    assert "in their place, with `--break-glass`." in why


def test_the_fourth_time_within_a_day_is_refused(talk: Conversation, cast: Cast) -> None:
    for _ in range(3):
        job = waiting(talk, cast)
        assert break_glass(talk, job).stdout.startswith("**Glass broken.**")
        talk.reached(job.id, "succeeded")
    fourth = waiting(talk, cast)
    refused = break_glass(talk, fourth)
    assert refused.stdout.startswith(
        "The glass was broken 3 times within 24 hours, and that is the most: job "
        f"#{fourth.id} waits for people. The next time is possible from "
    )
    assert refused.returncode == 1
    assert talk.job(fourth.id).status == "awaiting_approval"
    talk.react(cast.desdemona, talk.card(fourth.id).id)
    talk.reached(fourth.id, "succeeded")


def test_it_works_while_zulip_is_away_and_is_told_afterwards(
    talk: Conversation, cast: Cast
) -> None:
    job = waiting(talk, cast)
    before = len(talk.in_topic_of(job.id))
    with talk.stage.zulip.outages.away():
        assert break_glass(talk, job).returncode == 0
        talk.reached(job.id, "succeeded")
        assert len(talk.in_topic_of(job.id)) == before
    talk.settled()
    said = [message.content for message in talk.in_topic_of(job.id)]
    assert sum(text.startswith("**Glass broken.**") for text in said) == 1
    assert len(incidents_told(talk, job)) == 1


def test_nobody_in_zulip_can(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast)
    for person in (cast.iago, cast.desdemona):
        answer = talk.hear(person, f'approve {job.id} --break-glass --reason "{WHY}"')
        assert answer.startswith("Only root on the host breaks the glass."), answer
    assert talk.job(job.id).status == "awaiting_approval"
    talk.hear(cast.iago, f"cancel {job.id}")


def test_the_account_of_the_bot_cannot_either(talk: Conversation, cast: Cast) -> None:
    """Whoever has taken the bot over speaks to its socket as the bot."""
    job = waiting(talk, cast)
    assert talk.app is not None
    answers: SimpleQueue[HostAnswer] = SimpleQueue()
    command = f'approve {job.id} --break-glass --reason "{WHY}"'
    talk.app.dispatcher.events.put(HostCommand(command, BOTS_ACCOUNT, answers))
    answer = answers.get(timeout=20)
    assert answer.text.startswith("Only root on the host breaks the glass.")
    assert answer.is_refusal
    talk.hear(cast.iago, f"cancel {job.id}")
