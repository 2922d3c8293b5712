"""A plan that waits for consent, with the parts of the bot that decide on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from bot.deciding.consenting import Consenting
from bot.deciding.following import Following
from bot.deciding.outgoing import Outgoing
from bot.observations import Gone, MessageQuestion, MessageSeen, Seen, Unreadable
from bot.observations import Observation as Look
from bot.reader import content_sha256
from bot.zulip_api.words import CHECK, UNICODE_EMOJI, Emoji, Message, Person, Reaction
from handlers.contract import Effect, Plan
from handlers.errors import Reason
from handlers.host.settings import HostSettings
from handlers.registry import declaration
from jobs.configuration import EffectPolicy, Policy
from jobs.consent_terms import policy_sha256
from jobs.engine import Asked, Consent, Engine
from jobs.journal import PLAN, ResultStatus, RunResult
from jobs.lifecycle import Status
from state import approval_store, job_store, run_store
from state.approval_store import Request
from state.database import Transaction
from state.job_store import Job
from state.models import approval_requests, jobs, outbox

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
#: When everybody joined.
LONG_AGO = NOW - timedelta(days=365)
BOT, IAGO, DESDEMONA, HAMLET, POLONIUS = 17, 11, 10, 12, 13
COMMAND, CARD = 499, 500
WORDS = "@ops upgrade 10.4"
PLAN_TEXT = "The plan of the upgrade."
FINGERPRINT = "f" * 64
APPROVED = EffectPolicy(ask=("operator",), approve=("operator",), expires_minutes=30)
POLICY = Policy(
    {"operator": (IAGO, DESDEMONA, HAMLET)},
    routine=EffectPolicy(ask=("operator",), yes=True),
    disruptive=APPROVED,
    destructive=APPROVED,
)
#: How people are named, and their accounts.
NAMES = {IAGO: "Iago", DESDEMONA: "Desdemona", HAMLET: "Hamlet", POLONIUS: "Polonius"}


def person(user_id: int, **more: Any) -> Person:
    usual = Person(
        id=user_id,
        name=NAMES.get(user_id, "Somebody"),
        email=f"user{user_id}@example.com",
        role=400,
        is_bot=False,
        is_active=True,
        is_guest=False,
        is_admin=False,
        is_owner=False,
        joined_at=LONG_AGO,
    )
    return replace(usual, **more)


def message(message_id: int, sender_id: int, content: str, **more: Any) -> Message:
    usual = Message(
        id=message_id,
        sender_id=sender_id,
        sender_name=NAMES.get(sender_id, "ops"),
        sender_realm="",
        channel_id=4,
        topic="upgrade · #1",
        participants=(),
        content=content,
        client="website",
        sent_at=NOW,
        mentioned=False,
        reactions=(),
        changes=(),
        edited=False,
        moved=False,
    )
    return replace(usual, **more)


def reaction(user_id: int, emoji: Emoji = CHECK) -> Reaction:
    return Reaction(user_id, emoji.name, emoji.code, UNICODE_EMOJI)


def command_seen(**more: Any) -> Message:
    return replace(message(COMMAND, IAGO, WORDS), **more)


def card_seen(*reactions: Reaction, **more: Any) -> Message:
    return message(CARD, BOT, PLAN_TEXT, reactions=reactions, **more)


def card_look(*reactions: Reaction, at: datetime = NOW, **more: Any) -> Look:
    """The plan as it was posted, the command as it was sent, and everybody who reacted."""
    return look(message_seen(card_seen(*reactions, **more)), at)


def message_seen(
    plan: Message,
    others: Mapping[int, Message | None] | None = None,
    people: Mapping[int, Person] | None = None,
) -> MessageSeen:
    everybody = {one: person(one) for one in NAMES}
    return MessageSeen(
        plan,
        content_sha256(plan.content),
        dict(everybody if people is None else people),
        dict({COMMAND: command_seen()} if others is None else others),
    )


def look(seen: Seen, at: datetime = NOW) -> Look:
    started, ended = at - timedelta(seconds=2), at - timedelta(seconds=1)
    return Look(MessageQuestion(CARD), seen, started, ended)


GONE, UNREADABLE = look(Gone("deleted")), look(Unreadable("timed out"))


@dataclass(frozen=True)
class Desk:
    """Where it is decided; everything happens in one transaction."""

    tx: Transaction
    policy: Policy = POLICY

    @property
    def engine(self) -> Engine:
        return Engine(1, "host", HostSettings(root=Path("/sample")), (), self.policy)

    @property
    def outgoing(self) -> Outgoing:
        return Outgoing(4, "ops", "ops")

    @property
    def consenting(self) -> Consenting:
        following = Following(self.engine, self.outgoing)
        return Consenting(self.engine, following, BOT, lambda: policy_sha256(self.policy))

    def waiting(
        self,
        effect: Effect = Effect.DISRUPTIVE,
        consent: Consent = Consent.REACTION,
        **more: Any,
    ) -> Job:
        """A job whose plan was made and, where it has to be, posted as message `CARD`."""
        asked = Asked(
            declaration=replace(declaration("upgrade"), effect=effect),
            arguments={"version": "10.4"},
            command="upgrade 10.4",
            origin="chat",
            asker_id=IAGO,
            asker_name="Iago",
            message_id=COMMAND,
            message_sha256=content_sha256(WORDS),
            inbox_id=None,
            consent=consent,
        )
        start = self.engine.accept(self.tx, replace(asked, **more), NOW)
        run_store.end_run(self.tx, start.job.id, 1, result={}, at=NOW)
        result = RunResult(
            job=start.job.id,
            attempt=1,
            mode=PLAN,
            status=ResultStatus.PLANNED,
            reason=Reason.DONE,
            sentence="",
            state="",
            started_at=NOW,
            ended_at=NOW,
            boot_id="boot",
            plan=Plan("A plan.", {}, (), "None."),
            fingerprint=FINGERPRINT,
            card_sha256=content_sha256(PLAN_TEXT),
        )
        job = self.engine.take_plan(self.tx, start.job, result, NOW)
        if consent is Consent.REACTION:
            self.change(job, message_id=CARD)
        return job

    def change(self, job: Job, **values: Any) -> Request:
        one = update(approval_requests).where(approval_requests.c.job_id == job.id)
        self.tx.execute(one.values(**values))
        return self.request(job)

    def run(self, job: Job) -> None:
        """Another job runs meanwhile, which keeps the host."""
        one = update(jobs).where(jobs.c.id == job.id)
        self.tx.execute(one.values(status=Status.RUNNING.value))

    def request(self, job: Job) -> Request:
        found = approval_store.get(self.tx, job.id)
        assert found is not None
        return found

    def again(self, job: Job) -> Job:
        found = job_store.get(self.tx, job.id)
        assert found is not None
        return found

    def said(self) -> list[tuple[str, dict[str, Any]]]:
        """What was put into the outbox to be posted: kinds and facts."""
        query = select(outbox.c.kind, outbox.c.facts).where(outbox.c.action == "post")
        return [(kind, facts) for kind, facts in self.tx.execute(query.order_by(outbox.c.id))]

    def posted_at(self) -> set[tuple[int | None, datetime]]:
        """For which jobs, and when."""
        query = select(outbox.c.job_id, outbox.c.created_at).where(outbox.c.action == "post")
        return {(job_id, at) for job_id, at in self.tx.execute(query)}
