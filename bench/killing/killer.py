"""Has real bots die of one command after another, each at its places, on one stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.killing.cycles import Cycle, Scene
from bench.killing.deaths import Deaths
from bench.killing.findings import Findings
from bench.killing.judge import Case, judge
from bench.killing.life import LIMIT, Doctor, Life, jobs_after, nothing
from bench.killing.nursery import Nursery
from bench.killing.people import ARMING, BACKUP, POLICY, People
from bench.killing.world import MANNERS, WISH, Effects, effects, put_back
from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.s3_server import S3Server
from bot.demo.stage import Stage
from handlers.host.deployments import current_deployment
from jobs.configuration import ScheduleSettings
from jobs.runs import process_tree
from state import schedule_store
from state.database import open_database
from state.schedule_store import NewSchedule
from tests.acceptance.conversation import Conversation


@dataclass(slots=True)
class Killer:
    """One stage, and one bot after another on it."""

    talk: Conversation
    nursery: Nursery
    #: The deployment that the host is put back to.
    first: Path
    limit: timedelta = LIMIT
    #: What is done to the world each time that the bot has died.
    doctor: Doctor = nothing
    _number: int = 0
    _known_folders: set[Path] = field(default_factory=set)

    def warm_up(self) -> None:
        """A first bot learns where the events begin."""
        self._configure(Scene.CHAT)
        self.talk.stage.state.mkdir(mode=0o750, exist_ok=True)
        self.talk.start_process()
        self.talk.kill_bot()

    def carry_out(self, cycle: Cycle) -> Findings:
        """One cycle, from a dead bot to a dead bot."""
        case, unsettled = self.live(cycle)
        found = judge(self.talk, case, jobs_after(self.talk, case.after_job))
        if unsettled:
            found.wrong.append(f"{cycle}: {unsettled}")
        self._judge_deaths(case, found)
        self._clear()
        return found

    def live(self, cycle: Cycle) -> tuple[Case, str]:
        """All of it but the judgement; and why it never came to rest, if so."""
        self._number += 1
        self._configure(cycle.scene)
        if cycle.scene is Scene.GAP:
            self.talk.stage.zulip.outages.lose_queues()
        after_message = max((one.id for one in self.talk.stage.zulip.messages()), default=0)
        after_job = max((job.id for job in jobs_after(self.talk, 0)), default=0)
        before = effects(self.talk.stage)
        people = People(self.talk, cycle.scene)
        life = Life(
            self.talk, cycle, people, self.nursery, after_job, self._log, self.limit, self.doctor
        )
        unsettled = life.lead()
        now = effects(self.talk.stage)
        case = Case(
            cycle,
            tuple(people.asked),
            after_message,
            after_job,
            Effects(now.copies - before.copies, now.upgrades - before.upgrades),
            tuple(life.run_folders()),
        )
        return case, unsettled

    @property
    def _log(self) -> Path:
        return self.talk.stage.folder / f"bots-of-{self._number}.log"

    def _judge_deaths(self, case: Case, found: Findings) -> None:
        """By the last words of those who died."""
        died = Deaths(case.cycle, self._log).all_places(list(case.run_folders))
        found.kills, found.points = len(died), set(died)
        if missing := case.cycle.points - found.points:
            found.wrong.append(f"{case.cycle}: nobody died at {', '.join(sorted(missing))}")

    def _clear(self) -> None:
        """Nothing of this cycle goes on in the next one."""
        for folder in set(self.talk.run_folders()) - self._known_folders:
            process_tree.end(folder)
            self._known_folders.add(folder)
        put_back(self.talk.stage, self.first)

    def _configure(self, scene: Scene) -> None:
        schedules = (self._due_schedule(),) if scene is Scene.SCHEDULE else ()
        policy = ARMING if scene is Scene.ARMING else POLICY
        self.talk.stage.write_configuration(replace(WISH, policy=policy, schedules=schedules))

    def _due_schedule(self) -> ScheduleSettings:
        """One that is known for two minutes, and was due in between."""
        due = datetime.now(UTC) - timedelta(minutes=1)
        one = ScheduleSettings(
            name=f"nightly-{self._number}",
            command=BACKUP,
            cron=f"{due.minute} {due.hour} * * *",
            tz="UTC",
        )
        row = NewSchedule(one.name, one.command, one.cron, one.tz, one.catch_up, one.grace)
        database = open_database(self.talk.stage.state / "zulip-ops.db")
        try:
            with database.write() as tx:
                schedule_store.sync_from_file(tx, [row], due - timedelta(minutes=1))
        finally:
            database.close()
        return one


@contextmanager
def killer(
    folder: Path, cluster: PostgresCluster | None = None, s3: S3Server | None = None
) -> Iterator[Killer]:
    """On a stage of its own; everything is gone afterwards."""
    with Stage.set_up(folder, WISH, cluster=cluster, s3=s3) as stage, Nursery() as nursery:
        stage.zulip.set_rate_limit(100_000)
        stage.stores = stage.stores[:1]
        stage.host.behave(MANNERS)
        first = current_deployment(stage.host.layout).path
        made = Killer(Conversation(stage), nursery, first)
        made.warm_up()
        try:
            yield made
        finally:
            if made.talk.process is not None:
                made.talk.kill_bot()
