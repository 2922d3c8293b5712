"""An interrupted job keeps the host until a person says how it ended; incidents are closed."""

from contextlib import closing
from itertools import count

import pytest

from bot.demo.zulip.cast import Cast
from bot.on_host.command_line import HostCommandLine
from bot.settings import read_settings
from state import audit_log, incident_store, job_store, run_store
from state.database import open_database
from state.incident_store import NewIncident
from state.job_store import Job, NewJob
from tests.acceptance.conversation import Conversation

_numbers = count(1)


@pytest.fixture(scope="module")
def stores() -> tuple[str, ...]:
    return ("local",)


@pytest.fixture
def interrupted(talk: Conversation, cast: Cast) -> Job:
    """As a lost upgrade would be left; the operation there is leaves nothing, so it never is."""
    with (
        talk.without_bot(),
        closing(open_database(talk.stage.state / "zulip-ops.db")) as database,
        database.write() as tx,
    ):
        job = job_store.create(
            tx,
            NewJob(
                epoch=1,
                operation="backup now",
                arguments={},
                command="backup now",
                effect="routine",
                status="interrupted",
                origin="chat",
                asker_id=cast.iago.id,
                asker_name="Iago",
                consent="reaction",
                nonce=f"interrupted-{next(_numbers)}",
                created_at=talk.clock.now(),
            ),
            actor="chat:5",
        )
        job_store.change(tx, job.id, sentence="The run's process was killed.")
    return job


def on_host(talk: Conversation, command: str, code: int = 0) -> list[str]:
    said: list[str] = []
    line = HostCommandLine(read_settings(talk.stage.configuration), said.append)
    assert line.carry_out(command) == code
    return said


def test_what_is_queued_waits_for_a_persons_word_and_goes_on(
    talk: Conversation, cast: Cast, interrupted: Job
) -> None:
    waiting = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    talk.reached(waiting.id, "queued")
    talk.settled()
    told = talk.in_topic_of(waiting.id)[-1].content
    assert f"waits for job #{interrupted.id}" in told
    assert talk.read(lambda tx: run_store.get_run(tx, waiting.id, 2)) is None

    command = f"job {interrupted.id} resolve --succeeded --reason 'looked: nothing is `missing`'"
    answer = talk.hear(cast.iago, command)
    assert answer.startswith(f"**Job #{interrupted.id}** (`backup now`) succeeded, says @_**Iago|")
    assert "`` looked: nothing is `missing` ``" in answer
    talk.reached(waiting.id, "succeeded")

    resolved = talk.job(interrupted.id)
    assert (resolved.status, resolved.reason) == ("succeeded", "resolved")
    assert resolved.ended_at is not None
    talk.settled()
    end, resolved_by_bot = talk.in_topic_of(interrupted.id)[-2:]
    assert (end.content, end.topic.startswith("✔ ")) == (answer, True)
    assert "marked this topic as resolved" in resolved_by_bot.content
    shown = talk.hear(cast.iago, f"job {interrupted.id}")
    assert "- how it ended was decided by Iago: `` looked: nothing is `missing` ``" in shown
    assert "The run's process was killed." in shown
    entries = talk.read(lambda tx: audit_log.page(tx, limit=100))
    (entry,) = [
        one
        for one in entries
        if (one.action, one.detail.get("job")) == ("job resolved", interrupted.id)
    ]
    assert entry.actor == f"chat:{cast.iago.id}"
    assert entry.detail["reason"] == "looked: nothing is `missing`"


def test_root_says_it_on_the_host(talk: Conversation, cast: Cast, interrupted: Job) -> None:
    command = f'job {interrupted.id} resolve --failed --reason "the disk was full"'
    said = on_host(talk, command)
    assert said[0].startswith(f"**Job #{interrupted.id}** (`backup now`) failed, says root on the")
    assert talk.job(interrupted.id).status == "failed"
    talk.settled()
    assert "`the disk was full`" in talk.in_topic_of(interrupted.id)[-1].content
    for again in (talk.hear(cast.iago, command), on_host(talk, command, 1)[0]):
        assert again.startswith(f"Job #{interrupted.id} failed; only an interrupted job is resol")


def test_without_the_bot_root_is_told_to_start_it(talk: Conversation, interrupted: Job) -> None:
    command = f'job {interrupted.id} resolve --failed --reason "the disk was full"'
    with talk.without_bot():
        said = on_host(talk, command, 1)
    assert said[-1].startswith(f"Only the bot can carry out `job {interrupted.id} resolve --failed")
    assert talk.job(interrupted.id).status == "interrupted"
    on_host(talk, command)
    assert talk.job(interrupted.id).status == "failed"


def test_bad_words_change_nothing(talk: Conversation, cast: Cast, interrupted: Job) -> None:
    number = interrupted.id
    reason = '--reason "the disk was full"'
    answers = {
        f"job {number} resolve {reason}": "Say how the job ended: either `--succeeded` or",
        f"job {number} resolve --succeeded --failed {reason}": "Say how the job ended: either",
        f"job {number} resolve --failed": "`--reason` is missing. For example: `@ops job 12 reso",
        f"job {number} resolve --failed --reason ok": "`--reason` needs 10 characters or more",
        f"job {number + 90} resolve --failed {reason}": f"There is no job #{number + 90}.",
        f"job first resolve --failed {reason}": "`job` takes",
    }
    for command, answer in answers.items():
        assert talk.hear(cast.iago, command).startswith(answer), command
    refused = talk.hear(cast.hamlet, f"job {number} resolve --failed {reason}")
    assert refused.startswith(f"You may not run `job {number} resolve`: it needs the role")
    assert talk.job(number).status == "interrupted"
    on_host(talk, f"job {number} resolve --failed {reason}")


def test_incidents_are_listed_and_closed_with_a_reason(talk: Conversation, cast: Cast) -> None:
    assert talk.hear(cast.hamlet, "incidents") == "No incident is open."
    new = NewIncident("break_glass", "#12", "critical", "Root agreed to job #12.", {})
    with (
        talk.without_bot(),
        closing(open_database(talk.stage.state / "zulip-ops.db")) as database,
        database.write() as tx,
    ):
        incident = incident_store.begin(tx, new, actor="zulip-ops", at=talk.clock.now())
    assert incident is not None
    listed = talk.hear(cast.hamlet, "incidents")
    assert f"- #{incident.id} **critical** · <time:" in listed
    close = f"incident {incident.id} close"
    refused = talk.hear(cast.hamlet, f'{close} --reason "all is well"')
    assert refused.startswith(f"You may not run `{close}`: it needs the role")
    assert talk.hear(cast.iago, f"{close} --reason fine").startswith("`--reason` needs 10")
    answer = talk.hear(cast.iago, f'{close} --reason "it was a drill"')
    assert answer == f"Incident #{incident.id} is closed by @_**Iago|5**: `it was a drill`"
    assert talk.hear(cast.iago, f'{close} --reason "it was a drill"').startswith("Closed already")
    assert talk.hear(cast.iago, 'incident 99 close --reason "it was a drill"').startswith(
        "There is no incident #99."
    )
    assert talk.hear(cast.iago, "incidents") == "No incident is open."
    assert talk.audit_chain_holds()
