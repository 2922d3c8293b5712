"""Answers what only reads from an installation's files: configuration, facts and database."""

from dataclasses import dataclass

from bot.commands.contract import Answer, Asker, Command, Installation, Look, Scene, ServerSeen
from bot.commands.help import help_on, overview
from bot.commands.registry import verbs
from bot.deciding.answering import facts_of
from bot.grammar import Parsed
from bot.identity import remembered
from bot.settings import Settings
from bot.vigilance.audit_watch import examine
from handlers.contract import Clock
from handlers.errors import HostFailure, OpsError, Reason
from handlers.host.zulip_web import ask_health
from state import installation
from state.database import Transaction, open_read_only


@dataclass(frozen=True, slots=True)
class FromFiles:
    """Nothing is written: the bot may be running beside it, or be down."""

    settings: Settings
    clock: Clock

    def answer(self, parsed: Parsed, asker: Asker) -> Answer:
        """What the bot would say to this asker; whether they may ask is the caller's to judge.

        Raises OpsError when the bot never ran here, and DatabaseUnusable.
        """
        if not self.settings.database.exists():
            raise OpsError(
                f"There is no database at {self.settings.database} yet.",
                reason=Reason.NOT_CONFIGURED,
                hint="Start the bot once: `zulip-ops run`.",
            )
        database = open_read_only(self.settings.database)
        try:
            with database.read() as tx:
                return _answer(self._scene(tx, parsed, asker), parsed)
        finally:
            database.close()

    def _scene(self, tx: Transaction, parsed: Parsed, asker: Asker) -> Scene:
        facts, problem = facts_of(self.settings.state_directory)
        return Scene(
            tx=tx,
            now=self.clock.now(),
            asker=asker,
            installation=self._installation(tx),
            facts=facts,
            facts_problem=problem,
            server=self._server_seen() if _looks_at(parsed, Look.HEALTH) else None,
            audit=examine(tx, facts) if _looks_at(parsed, Look.AUDIT_LOG) else None,
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
            tz=configuration.zulip.tz,
            state_directory=self.settings.state_directory,
            runs_directory=self.settings.state_directory / "runs",
        )


def _answer(scene: Scene, parsed: Parsed) -> Answer:
    if parsed.help_wanted or not isinstance(parsed.verb, Command):
        about = help_on(scene, parsed.about) if parsed.about else None
        return Answer(about or overview(scene))
    return parsed.verb.answer(scene, parsed.arguments)


def _looks_at(parsed: Parsed, look: Look) -> bool:
    return isinstance(parsed.verb, Command) and look in parsed.verb.looks
