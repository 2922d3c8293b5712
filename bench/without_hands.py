"""A bot that decides and has no hands, for proofs about what it decides."""

from datetime import datetime
from pathlib import Path

from bot.commands.contract import Installation
from bot.commands.registry import verbs
from bot.deciding.decisions import Decisions
from bot.deciding.quota import Quota
from bot.grammar import Grammar
from bot.identity import Identity
from handlers.contract import Plan
from handlers.errors import Reason
from handlers.host.settings import HostSettings
from handlers.registry import declaration
from jobs.configuration import Policy
from jobs.engine import Asked, Consent, Engine
from jobs.journal import ResultStatus, RunResult
from jobs.policy_file import PolicyFile

NOWHERE = Path("/nowhere")


class KnownPolicy(PolicyFile):
    """A policy that changes when a story says so, without a file."""

    def refresh(self) -> None:
        """Nothing to read."""

    def become(self, policy: Policy) -> None:
        self.policy = policy
        PolicyFile.__post_init__(self)


def decisions(policy: Policy, identity: Identity, commands_a_minute: int) -> Decisions:
    """All that the bot decides, on a host that is nowhere."""
    about = Installation(
        host_id="host",
        epoch=1,
        bot_name="ops",
        channel="ops",
        policy=policy,
        verbs=verbs(),
        tz="UTC",
        state_directory=NOWHERE,
        runs_directory=NOWHERE / "runs",
    )
    return Decisions(
        Engine(1, "host", HostSettings(root=NOWHERE), (), policy),
        about,
        Grammar(verbs()),
        identity,
        KnownPolicy(NOWHERE / "zulip-ops.toml", policy),
        Quota(commands_a_minute),
    )


def planned(job_id: int, card_sha256: str, now: datetime) -> RunResult:
    """What the first run of a job brings."""
    return RunResult(
        job=job_id,
        attempt=1,
        mode="plan",
        status=ResultStatus.PLANNED,
        reason=Reason.DONE,
        sentence="It would be done.",
        state="as it was.",
        started_at=now,
        ended_at=now,
        boot_id="boot",
        plan=Plan("A plan.", {"a": 1}, ("Copy",), "None needed."),
        fingerprint=f"{job_id:064d}",
        card_sha256=card_sha256,
    )


def asked_by_root() -> Asked:
    """A job that needs nobody's consent, and keeps others from the host while it runs."""
    return Asked(
        declaration=declaration("backup now"),
        arguments={},
        command="backup now",
        origin="host",
        asker_id=None,
        asker_name="root",
        message_id=None,
        message_sha256=None,
        inbox_id=None,
        consent=Consent.ROOT,
    )
