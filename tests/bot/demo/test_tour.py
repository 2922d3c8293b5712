"""The tour of the demo, played once with the real bot and once without any."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from bot.demo.bot_process import BotProcess
from bot.demo.expectations import JOB_TOPIC, REPORT, STATUS, TYPO, UPGRADE, listed
from bot.demo.markdown_text import Paper
from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from bot.demo.tour import RELEASES, SCHEDULE, Patience, Tour
from bot.demo.transcript import Transcript
from handlers.errors import HostFailure

#: As little as shows everything.
SMALL = Wish(
    version="1.3",
    extent=Extent(messages=200, uploads=20, median_upload_bytes=2048),
    releases=RELEASES,
    schedules=(SCHEDULE,),
)
HASTY = Patience(*[timedelta(seconds=0.05)] * 3)


@pytest.fixture
def stage(cluster: PostgresCluster, s3: S3Server, tmp_path: Path) -> Iterator[Stage]:
    with Stage.set_up(tmp_path, SMALL, cluster=cluster, s3=s3) as made:
        yield made
        assert made.host.database is not None
        cluster.drop_database(made.host.database.name)


def played(stage: Stage, patience: Patience, *, with_schedule: bool) -> tuple[bool, str]:
    shown: list[str] = []
    tour = Tour(stage, Transcript(Paper(100, UTC)), shown.append, patience)
    good = tour.play(with_schedule=with_schedule)
    return good, "\n".join(shown)


def test_the_real_bot_gives_every_answer_that_the_tour_expects(stage: Stage) -> None:
    with BotProcess(stage) as bot:
        # The full minute may be far; the next test has the report of the schedule.
        good, text = played(stage, Patience(), with_schedule=False)
        assert bot.end() == 0, bot.log_tail()
    assert "FAILED" not in text, text
    assert good
    assert "ok 27: " in text
    assert '"plain_sha256": ' in text
    assert f"✔ {JOB_TOPIC}" in {message.topic for message in stage.zulip.messages()}
    assert "✔ upgrade · #2" in {message.topic for message in stage.zulip.messages()}
    assert not any("· #4" in message.topic for message in stage.zulip.messages())


def test_without_answers_every_step_fails_and_says_what_it_expected(stage: Stage) -> None:
    report = (
        "**Zulip**: 1.3 is running; "
        "uptime and load, memory, disks, PostgreSQL, programs, backups, next"
    )
    stage.zulip.post(stage.cast.bot, stage.cast.ops, "schedule: status report", report)
    good, text = played(stage, HASTY, with_schedule=True)
    assert not good
    assert "(No answer came.)\nFAILED 1: expected the commands, each with an example" in text
    assert f"ok 14: {REPORT.sentence}" in text
    assert "The tour: 1 of 14 as expected." in text


def test_a_bot_that_cannot_start_is_told_with_the_end_of_its_log(stage: Stage) -> None:
    stage.configuration.write_text("[zulip]\nchanel = 'ops'\n", encoding="utf-8")
    with pytest.raises(HostFailure) as failure, BotProcess(stage):
        pass
    assert "chanel" in failure.value.tail


def test_expectations_look_for_words_and_for_what_must_not_be_there() -> None:
    assert TYPO.holds("Did you mean `@ops Backup now`?")
    assert not TYPO.holds("Did you mean\n`@ops backup now`?")
    assert not UPGRADE.end.holds("Zulip was upgraded from 1.3 to 1.4.")
    assert not STATUS.holds(
        "**Zulip**: 9.2 load memory disks postgresql programs backups next: unknown"
    )
    assert listed("20261123T155039Z-d3715241").holds(
        "20261123T155039Z-d3715241 verified in local and s3"
    )
    assert not listed("20261123T155039Z-d3715241").holds(
        "20261123T155039Z-d3715241 verified in local; stored in s3, **not verified**"
    )
