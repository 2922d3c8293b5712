"""How an attack ended, by the reasons that the bot stored."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from bot.demo.zulip.model.people import Person
from state import incident_store
from state.incident_store import Incident
from state.job_store import Job
from state.models import outbox
from tests.acceptance.conversation import Conversation


def reason_of(talk: Conversation, message_id: int) -> str | None:
    """Why a command was not carried out; `done` for one that was."""

    def answered() -> bool:
        entry = talk.entry(message_id)
        return entry is not None and entry.status == "answered"

    talk.until(answered, f"message {message_id} is settled")
    entry = talk.entry(message_id)
    assert entry is not None
    return entry.reason


def waiting(talk: Conversation, person: Person) -> Job:
    """A backup that waits for somebody else's ✅, its card posted."""
    job = talk.job_for(talk.ask(person, "backup now"))
    talk.card(job.id)
    return talk.reached(job.id, "awaiting_approval")


def ignored(talk: Conversation, job: Job, person: Person) -> str:
    """Why the reaction of this person to the plan does not count."""
    kept = select(outbox.c.facts).where(outbox.c.job_id == job.id, outbox.c.kind == "vote_ignored")

    def why() -> str | None:
        for facts in talk.read(lambda tx: list(tx.execute(kept).scalars())):
            if facts["user_id"] == person.id:
                return str(facts["why"])
        return None

    return talk.wait(why, "a word on that reaction")


def took_no_notice(talk: Conversation, message_id: int) -> bool:
    """Whether a message was passed over, once a later one has been answered."""
    assert talk.hear(talk.stage.cast.iago, "whoami")
    talk.settled()
    return talk.entry(message_id) is None and not talk.marks(message_id)


@contextmanager
def no_job(talk: Conversation) -> Iterator[None]:
    """Nothing that happens in the block becomes a job."""
    before = len(talk.jobs())
    yield
    talk.settled()
    assert len(talk.jobs()) == before


def open_incident(talk: Conversation, kind: str) -> Incident:
    """The open incident of this kind, once there is one."""

    def found() -> Incident | None:
        return next((i for i in talk.read(incident_store.open_incidents) if i.kind == kind), None)

    return talk.wait(found, f"an incident {kind}")
