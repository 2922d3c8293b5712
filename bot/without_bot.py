"""Answers and runs commands on the host while the bot is down; the database is only read."""

import secrets
import time
from dataclasses import dataclass, field, replace

from bot.answering import facts_of
from bot.app import launcher_of
from bot.commands.contract import Command, Installation, Scene, ServerSeen
from bot.commands.help import help_on, overview
from bot.commands.registry import verbs
from bot.decisions import ROOT
from bot.grammar import Grammar, Parsed
from bot.identity import remembered
from bot.settings import Settings
from handlers.contract import Clock, Declaration
from handlers.errors import HostFailure, OpsError, Reason
from handlers.host.zulip_web import ask_health
from jobs.clock import SystemClock
from jobs.facts import read_facts
from jobs.journal import PLAN, RUN, Asker, RunResult, RunSpec
from jobs.launcher import Launcher, RunHandle
from jobs.run_folder import RunFolder
from state import installation
from state.database import Transaction, open_read_only

_FRESH_SECONDS = 10
_LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class WithoutBot:
    """Works from the configuration, the run folders and a read-only database."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    grammar: Grammar = field(default_factory=lambda: Grammar(verbs()))

    @property
    def launcher(self) -> Launcher:
        return launcher_of(self.settings.configuration, self.settings)

    def understand(self, text: str) -> Parsed:
        """Raises BadCommand."""
        return self.grammar.parse(text)

    def is_operation(self, parsed: Parsed) -> bool:
        """Whether it starts a run."""
        return isinstance(parsed.verb, Declaration) and not parsed.help_wanted

    def plan(self, parsed: Parsed) -> RunHandle:
        """Start the plan run; raises LauncherUnavailable."""
        self.settings.state_directory.mkdir(mode=0o750, parents=True, exist_ok=True)
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
        )
        return self.launcher.plan(spec)

    def start(self, planned: RunResult) -> RunHandle:
        """Start the run of a plan; the runner takes the host's lock itself."""
        folder = RunFolder(self.settings.state_directory / "runs" / str(planned.name))
        spec = replace(folder.read_spec(), attempt=2, mode=RUN, fingerprint=planned.fingerprint)
        return self.launcher.start(spec)

    def answer(self, parsed: Parsed) -> str:
        """What the bot would say; raises OpsError when it never ran here."""
        if not self.settings.database.exists():
            raise OpsError(
                f"There is no database at {self.settings.database} yet.",
                reason=Reason.NOT_CONFIGURED,
                hint="Start the bot once: `zulip-ops run`.",
            )
        if parsed.arguments.get("fresh"):
            self._look_at_host()
        database = open_read_only(self.settings.database)
        try:
            with database.read() as tx:
                return self._answer(self._scene(tx), parsed)
        finally:
            database.close()

    def _answer(self, scene: Scene, parsed: Parsed) -> str:
        if parsed.help_wanted or not isinstance(parsed.verb, Command):
            about = help_on(scene, parsed.about) if parsed.about else None
            return (about or overview(scene)).text()
        answer = parsed.verb.answer(scene, parsed.arguments)
        if answer.cancel_job is not None:
            return "Only the bot can cancel a job; start it again first."
        return answer.reply.text()

    def _look_at_host(self) -> None:
        began, until = self.clock.now(), time.monotonic() + _FRESH_SECONDS
        self.launcher.facts()
        while time.monotonic() < until:
            facts = read_facts(self.settings.state_directory)
            if facts is not None and facts.started_at >= began:
                return
            time.sleep(_LOOK_EVERY_SECONDS)

    def _scene(self, tx: Transaction) -> Scene:
        facts, problem = facts_of(self.settings.state_directory)
        return Scene(
            tx=tx,
            now=self.clock.now(),
            asker=ROOT,
            installation=self._installation(tx),
            facts=facts,
            facts_problem=problem,
            server=self._server_seen(),
        )

    def _server_seen(self) -> ServerSeen:
        try:
            health = ask_health(self.settings.configuration.host)
        except HostFailure as error:
            return ServerSeen(ok=False, sentence=error.message)
        return ServerSeen(ok=health.ready, sentence=f"`/health` says {health.message}.")

    def _installation(self, tx: Transaction) -> Installation:
        identity = remembered(tx)
        configuration = self.settings.configuration
        return Installation(
            host_id=installation.host_id(tx),
            epoch=installation.epoch(tx),
            bot_name=identity.bot_name if identity else "ops",
            channel=configuration.zulip.channel,
            policy=configuration.policy,
            verbs=verbs(),
            recurrences=self.settings.recurrences(),
            state_directory=self.settings.state_directory,
            runs_directory=self.settings.state_directory / "runs",
        )
