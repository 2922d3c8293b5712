"""Answers and runs commands on the host while the bot is down; the database is only read."""

import os
import secrets
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from bot.app import launcher_of
from bot.commands.registry import grammar_of
from bot.deciding.answering import on_host
from bot.deciding.decisions import ROOT
from bot.events import HostAnswer
from bot.grammar import Parsed
from bot.on_host.from_files import FromFiles
from bot.settings import Settings
from bot.understanding.keeping import with_moment
from handlers.contract import AuditHead, Clock, Declaration
from handlers.errors import Reason, Refused
from jobs.clock import SystemClock
from jobs.journal import PLAN, RUN, Asker, RunResult, RunSpec
from jobs.launcher import Launcher, RunHandle
from jobs.lifecycle import FINAL, Status
from jobs.observing.facts import read_facts
from jobs.recovery import last_word
from jobs.runs.run_folder import RunFolder
from state import audit_log, job_store
from state.database import DatabaseUnusable, open_read_only

_FRESH_SECONDS = 10
_LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class WithoutBot:
    """Works from the configuration, the run folders and a read-only database."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)

    @property
    def launcher(self) -> Launcher:
        return launcher_of(self.settings.configuration, self.settings)

    def understand(self, text: str) -> Parsed:
        """Raises BadCommand."""
        configuration = self.settings.configuration
        parsed = grammar_of(configuration).parse(text)
        return with_moment(parsed, self.clock.now(), ZoneInfo(configuration.zulip.tz))

    def is_operation(self, parsed: Parsed) -> bool:
        """Whether it starts a run; raises Refused for what only the bot can keep."""
        if not isinstance(parsed.verb, Declaration) or parsed.help_wanted:
            return False
        if not parsed.verb.touches_host:
            raise Refused(
                f"Only the bot can carry out `{parsed.verb.name}`; start it again first.",
                reason=Reason.NOT_CONFIGURED,
                hint="Or write the schedule into zulip-ops.toml.",
            )
        return True

    def plan(self, parsed: Parsed) -> RunHandle:
        """Start the plan run; raises LauncherUnavailable."""
        self.settings.make_state_directory()
        configuration, now = self.settings.configuration, self.clock.now()
        spec = RunSpec(
            # Numbers of jobs are the database's to give; the time is none of them.
            job=int(now.timestamp()),
            attempt=1,
            mode=PLAN,
            operation=parsed.verb.name,
            arguments=dict(parsed.arguments),
            asker=Asker(kind="root", id=None, name=ROOT.name),
            host=configuration.host,
            stores=configuration.stores,
            created_at=now,
            nonce=secrets.token_hex(16),
            audit_head=self._audit_head(),
            keys=configuration.backup.keys,
            contents=self.settings.contents,
            retention=configuration.backup.retention,
        )
        return self.launcher.plan(spec)

    def _audit_head(self) -> AuditHead | None:
        """None where the bot never ran, or its database cannot be read: a backup is made anyway."""
        try:
            with closing(open_read_only(self.settings.database)) as database, database.read() as tx:
                head = audit_log.head_hash(tx)
        except DatabaseUnusable:
            return None
        return None if head is None else AuditHead(*head)

    def start(self, planned: RunResult) -> RunHandle:
        """Start the run of a plan; the runner takes the host's lock itself."""
        folder = RunFolder(self.settings.state_directory / "runs" / str(planned.name))
        spec = replace(folder.read_spec(), attempt=2, mode=RUN, fingerprint=planned.fingerprint)
        return self.launcher.start(spec)

    def end_of_run(self, handle: RunHandle) -> str | None:
        """Why the run will bring no result; None while it may. Raises LauncherUnavailable."""
        status = self.launcher.status(handle.name)
        if status.alive or status.ended:
            return None
        said = last_word(RunFolder(handle.folder))
        return f"The run has died without a result; what it wrote is in {handle.folder}.{said}"

    def end_of_job(self, number: int) -> str | None:
        """How the bot has ended the job; None while it has not, or its database is busy."""
        try:
            with closing(open_read_only(self.settings.database)) as database, database.read() as tx:
                job = job_store.get(tx, number)
        except DatabaseUnusable:
            return None
        if job is None or job.status not in {*FINAL, Status.INTERRUPTED}:
            return None
        return f"{job.status}: {job.sentence}"

    def answer(self, parsed: Parsed) -> HostAnswer:
        """What the bot would say; raises OpsError when it never ran here."""
        if parsed.arguments.get("fresh"):
            self._look_at_host()
        asker = replace(ROOT, host_user=os.geteuid())
        answer = FromFiles(self.settings, self.clock).answer(parsed, asker)
        if not answer.only_tells:
            text = f"Only the bot can carry out `{parsed.canonical}`; start it again first."
            return HostAnswer(text, is_refusal=True)
        return HostAnswer(on_host(answer.reply, answer), is_refusal=answer.reply.is_refusal)

    def _look_at_host(self) -> None:
        began, until = self.clock.now(), time.monotonic() + _FRESH_SECONDS
        self.launcher.facts()
        while time.monotonic() < until:
            facts = read_facts(self.settings.state_directory)
            if facts is not None and facts.started_at >= began:
                return
            time.sleep(_LOOK_EVERY_SECONDS)
