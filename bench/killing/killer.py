"""Has real bots die of one command after another, each at its place, on one stage."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.killing.cycles import Cycle, Scene
from bench.killing.judge import Findings, judge
from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from jobs.configuration import ScheduleSettings
from jobs.lifecycle import FINAL
from jobs.runs.crashpoints import CRASH_AT
from state import job_store, outbox, schedule_store
from state.database import Transaction, open_database
from state.job_store import Job
from state.schedule_store import NewSchedule
from tests.acceptance.conversation import POLL_SECONDS, Conversation

#: As little as a copy can be made of.
TINY = Extent(messages=20, uploads=2, median_upload_bytes=512)
COMMAND = "backup now"
#: From the command until everything is settled; machines are slow at times.
LIMIT = timedelta(seconds=100)
ARMING = """
[policy.roles]
operator = [{iago}]
[policy.routine]
ask = ["operator"]
yes = true
arming_seconds = 1
"""
PLAIN = ARMING.replace("arming_seconds = 1\n", "")


@dataclass(slots=True)
class Killer:
    """One stage, and one bot after another on it."""

    talk: Conversation
    _number: int = 0
    _known: set[int] = field(default_factory=set)

    def warm_up(self) -> None:
        """A first bot learns where the events begin."""
        self._configure(Scene.CHAT)
        self.talk.stage.state.mkdir(mode=0o750, exist_ok=True)
        self.talk.start_process()
        self.talk.kill_bot()

    def carry_out(self, cycle: Cycle) -> Findings:
        """One cycle, from a dead bot to a dead bot."""
        self._number += 1
        self._configure(cycle.scene)
        crashes = list(cycle.crashes)
        if cycle.scene is Scene.GAP:
            self.talk.stage.zulip.outages.lose_queues()
        asked = None if cycle.scene is Scene.SCHEDULE else self._ask()
        self._start(crashes)
        try:
            kills = self._live(cycle, crashes, asked)
            jobs = self._new_jobs()
            found = judge(self.talk, cycle, asked, jobs)
        finally:
            self.talk.kill_bot()
        self._known |= {job.id for job in jobs}
        found.kills = kills
        found.points = {one.partition(":")[0] for one in cycle.crashes}
        if crashes and not cycle.in_run:
            found.wrong.append(f"{cycle}: it never came to {crashes[0]}")
        return found

    def _ask(self) -> int:
        return self.talk.ask(self.talk.stage.cast.iago, COMMAND)

    def _start(self, crashes: list[str]) -> None:
        more = {CRASH_AT: crashes[0]} if crashes else {}
        self.talk.start_process(wait=False, more=more)

    def _live(self, cycle: Cycle, crashes: list[str], asked: int | None) -> int:
        """Restart what dies and confirm what waits, until all is settled; how often it died."""
        kills, reacted = int(cycle.in_run), False
        give_up = time.monotonic() + LIMIT.total_seconds()
        while not self._is_settled(asked):
            assert time.monotonic() < give_up, f"{cycle} never settled\n{self.talk.told()}"
            process = self.talk.process
            assert process is not None
            if process.poll() is not None:
                assert process.returncode == -signal.SIGKILL, f"{cycle}: {process.returncode}"
                kills += 1
                del crashes[0]
                self._start(crashes)
            reacted = reacted or self._confirm()
            time.sleep(POLL_SECONDS)
        return kills

    def _confirm(self) -> bool:
        """✅ as soon as the plan can be seen, whatever the bot knows of it."""
        iago = self.talk.stage.cast.iago
        for job in self._new_jobs():
            for message in self.talk.from_bot():
                if job.fingerprint is not None and job.fingerprint in message.content:
                    self.talk.react(iago, message.id)
                    return True
        return False

    def _is_settled(self, asked: int | None) -> bool:
        """Whether the job has ended and nobody has anything left to say or to do."""

        def look(tx: Transaction) -> bool:
            return outbox.count_pending(tx) == 0 and all(
                job.status in FINAL for job in self._jobs(tx)
            )

        jobs = self._new_jobs()
        return bool(jobs) and self.talk.read(look) and not self.talk.processes()

    def _new_jobs(self) -> list[Job]:
        return self.talk.read(self._jobs)

    def _jobs(self, tx: Transaction) -> list[Job]:
        return [job for job in job_store.page(tx, limit=5) if job.id not in self._known]

    def _configure(self, scene: Scene) -> None:
        schedules: tuple[ScheduleSettings, ...] = ()
        if scene is Scene.SCHEDULE:
            schedules = (self._due_schedule(),)
        policy = ARMING if scene is Scene.ARMING else PLAIN
        self.talk.stage.write_configuration(Wish(policy=policy, schedules=schedules))

    def _due_schedule(self) -> ScheduleSettings:
        """One that is known for two minutes, and was due in between."""
        due = datetime.now(UTC) - timedelta(minutes=1)
        one = ScheduleSettings(
            name=f"nightly-{self._number}",
            command=COMMAND,
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
    with Stage.set_up(folder, Wish(extent=TINY), cluster=cluster, s3=s3) as stage:
        stage.zulip.set_rate_limit(100_000)
        stage.stores = stage.stores[:1]
        made = Killer(Conversation(stage))
        made.warm_up()
        try:
            yield made
        finally:
            if made.talk.process is not None:
                made.talk.kill_bot()
