"""What people do in each scene, every thing as soon as it can be done."""

from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.killing.cycles import Scene
from bench.killing.world import NEW, runs_new
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.views import SeenMessage
from bot.on_host.command_line import HostCommandLine
from bot.settings import read_settings
from jobs.lifecycle import Status
from state.job_store import Job
from tests.acceptance.conversation import CHECK, Conversation

BACKUP, UPGRADE = "backup now", f"upgrade {NEW}"
POLICY = """
[policy.roles]
operator = [{iago}]
approver = [{desdemona}]
[policy.read]
ask = ["operator", "approver"]
[policy.routine]
ask = ["operator"]
yes = true
[policy.disruptive]
ask = ["operator"]
approve = ["approver"]
"""
ARMING = POLICY.replace("yes = true", "arming_seconds = 1")
_CONFIRMED = frozenset({Scene.CHAT, Scene.GAP, Scene.ARMING})


@dataclass(slots=True)
class People:
    """Iago, who asks; Desdemona, who approves upgrades; and root."""

    talk: Conversation
    scene: Scene
    #: The messages that are commands; the first is what the cycle is about.
    asked: list[int] = field(default_factory=list)
    #: A person who waits for something that is held meanwhile.
    holding: ExitStack = field(default_factory=ExitStack)
    _is_done: bool = False

    def begin(self) -> None:
        """While there is no bot."""
        match self.scene:
            case Scene.SCHEDULE:
                return
            case Scene.HOST:
                settings = read_settings(self.talk.stage.configuration)
                assert HostCommandLine(settings, lambda _line: None).carry_out(BACKUP) == 0
            case Scene.UPGRADE:
                self._type(UPGRADE)
            case Scene.CANCEL_RUN:
                self.holding.enter_context(self.talk.backup_held())
                self._type(f"{BACKUP} --yes")
            case _:
                self._type(BACKUP)

    def _type(self, command: str) -> None:
        self.asked.append(self.talk.ask(self._iago, command))

    @property
    def _iago(self) -> Person:
        return self.talk.stage.cast.iago

    def go_on(self, jobs: list[Job]) -> None:
        """Whatever the bot knows of it."""
        if not self._is_done and jobs:
            self._is_done = self._act(jobs[0])

    def _act(self, job: Job) -> bool:
        if self.scene is Scene.CANCEL_RUN:
            return self._cancel(job) if self.talk.held_at_the_table() else False
        if self.scene is Scene.UPGRADE and job.status == Status.INTERRUPTED:
            return self._resolve(job)
        card = self.card_of(job)
        if card is None:
            return False
        if self.scene is Scene.CANCEL:
            return self._cancel(job)
        if self.scene in _CONFIRMED:
            return self._agree(self._iago, card)
        if self.scene is Scene.UPGRADE and not card.has_reaction(CHECK, self._desdemona.id):
            self._agree(self._desdemona, card)
        return False

    @property
    def _desdemona(self) -> Person:
        return self.talk.stage.cast.desdemona

    def card_of(self, job: Job) -> SeenMessage | None:
        """The plan, as soon as it can be seen."""
        if job.fingerprint is None:
            return None
        return next((one for one in self.talk.from_bot() if job.fingerprint in one.content), None)

    def _agree(self, person: Person, card: SeenMessage) -> bool:
        self.talk.react(person, card.id)
        return True

    def _cancel(self, job: Job) -> bool:
        self._type(f"cancel {job.id}")
        return True

    def _resolve(self, job: Job) -> bool:
        """After a look at the host, as people are told to."""
        how = "--succeeded" if runs_new(self.talk.stage) else "--failed"
        command = f'job {job.id} resolve {how} --reason "looked at the host"'
        self.asked.append(self.talk.ask(self._desdemona, command))
        return True
