"""The judge of `kills` is judged: into the remains of a life without a fault one is planted."""

import fcntl
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.killing.cycles import Cycle, Scene
from bench.killing.findings import Findings
from bench.killing.judge import Case, expected, judge
from bench.killing.killer import Killer
from bench.killing.life import jobs_after
from bench.killing.world import NEW, effects
from bot.demo.sample_host.releases import releases_directory
from handlers.host.processes import RUN_MARKER
from jobs.runs.host_lock import LOCK_FILE
from tests.acceptance.conversation import Conversation
from tests.bench.past_the_program import database_file, write

UNDISTURBED = Cycle(Scene.CHAT, ())


@pytest.fixture(scope="module")
def case(deadly: Killer) -> Case:
    lived, unsettled = deadly.live(UNDISTURBED)
    assert unsettled == ""
    return lived


@pytest.fixture
def talk(deadly: Killer, case: Case) -> Conversation:
    return deadly.talk


@pytest.fixture
def job_id(talk: Conversation, case: Case) -> int:
    return jobs_after(talk, case.after_job)[0].id


def judged(talk: Conversation, case: Case) -> Findings:
    return judge(talk, case, jobs_after(talk, case.after_job))


@contextmanager
def database_as_it_was(talk: Conversation) -> Iterator[None]:
    write(talk)
    kept = database_file(talk).read_bytes()
    try:
        yield
    finally:
        for ending in ("-wal", "-shm"):
            Path(f"{database_file(talk)}{ending}").unlink(missing_ok=True)
        database_file(talk).write_bytes(kept)


def end_of(talk: Conversation, job_id: int) -> str:
    (end,) = [one.content for one in talk.from_bot() if f"**Job #{job_id}** (" in one.content]
    return end


def test_nothing_is_wrong_with_a_life_that_nobody_disturbs(talk: Conversation, case: Case) -> None:
    found = judged(talk, case)
    assert found == Findings(cycles=1)


@pytest.mark.parametrize(
    ("point", "ends"),
    [
        ("runner_started:2", ("failed",)),
        ("run_begun:2", ("was interrupted", "failed, says")),
    ],
)
def test_an_upgrade_that_never_began_needs_nobodys_word(
    case: Case, point: str, ends: tuple[str, ...]
) -> None:
    wanted = expected(replace(case, cycle=Cycle(Scene.UPGRADE, (point,))))

    assert (wanted.status, wanted.ends, wanted.effects) == ("failed", ends, 0)


def test_a_command_without_a_job_is_lost(talk: Conversation, case: Case) -> None:
    found = judge(talk, case, [])
    assert found.lost
    assert f"{UNDISTURBED}: 0 jobs and not 1" in found.wrong


def test_a_second_job_of_one_command_is_a_double_effect(
    talk: Conversation, case: Case, job_id: int
) -> None:
    (job,) = jobs_after(talk, case.after_job)
    found = judge(talk, case, [replace(job, id=job_id + 1), job])
    assert found.double_effects
    assert f"{UNDISTURBED}: 2 jobs and not 1" in found.wrong


def test_a_second_copy_is_a_double_effect(talk: Conversation, case: Case) -> None:
    copies = case.effects.copies | {"20260101T000000Z-0a1b2c3d"}
    found = judged(talk, replace(case, effects=replace(case.effects, copies=copies)))
    assert (found.double_effects, found.lost) == (1, 0)
    assert f"{UNDISTURBED}: 2 copies and not 1" in found.wrong


def test_success_without_an_effect_is_a_loss(talk: Conversation, case: Case) -> None:
    (store,) = talk.stage.stores
    (copy,) = case.effects.copies
    assert store.path is not None
    record = store.path / f"snapshots/{copy}.json"
    aside = record.with_suffix(".aside")
    record.rename(aside)
    try:
        left = case.effects.copies & effects(talk.stage).copies
        found = judged(talk, replace(case, effects=replace(case.effects, copies=left)))
    finally:
        aside.rename(record)
    assert (found.lost, found.double_effects) == (1, 0)


def test_an_upgrade_that_nobody_wanted_is_an_effect_too(
    deadly: Killer, talk: Conversation, case: Case
) -> None:
    script = deadly.first / "scripts/upgrade-zulip"
    (tarball,) = releases_directory(talk.stage.host.layout).glob(f"*{NEW}*.tar.gz")
    subprocess.run((script, tarball), check=True, stdout=subprocess.DEVNULL)
    now = effects(talk.stage)
    assert now.upgrades == 1
    found = judged(talk, replace(case, effects=replace(case.effects, upgrades=now.upgrades)))
    assert found.double_effects == 1
    assert f"{UNDISTURBED}: 1 upgrades and not 0" in found.wrong


def test_an_end_that_is_told_twice(talk: Conversation, case: Case, job_id: int) -> None:
    again(talk, job_id, end_of(talk, job_id), case)


def test_an_end_that_is_told_again_in_other_words(
    talk: Conversation, case: Case, job_id: int
) -> None:
    again(talk, job_id, f"**Job #{job_id}** (`backup now`) failed after 2 s.", case)


def test_the_end_of_another_job(talk: Conversation, case: Case, job_id: int) -> None:
    again(talk, job_id, "**Job #99** (`backup now`) succeeded after 2 s.", case)


def test_anything_else_that_is_said_twice(talk: Conversation, case: Case, job_id: int) -> None:
    again(talk, job_id, "Job #1 waits for another one.", case, times=2)


def again(talk: Conversation, job_id: int, text: str, case: Case, times: int = 1) -> None:
    """Posted by the bot's account into the topic of the job; it is a double message."""
    zulip, cast = talk.stage.zulip, talk.stage.cast
    topic = talk.in_topic_of(job_id)[0].topic
    posted = [zulip.post(cast.bot, cast.ops, topic, text) for _ in range(times)]
    try:
        found = judged(talk, case)
    finally:
        for each in posted:
            zulip.delete(cast.desdemona, each)
    assert (found.double_messages, found.lost) == (1, 0)
    assert len(found.wrong) == 1


def test_an_end_that_is_never_told(talk: Conversation, case: Case, job_id: int) -> None:
    zulip, cast = talk.stage.zulip, talk.stage.cast
    (end,) = [one for one in talk.from_bot() if f"**Job #{job_id}** (" in one.content]
    zulip.delete(cast.desdemona, end.id)
    try:
        found = judged(talk, case)
    finally:
        zulip.post(cast.bot, cast.ops, end.topic, end.content)
    assert (found.lost, found.double_messages) == (1, 0)
    assert len(found.wrong) == 1


def test_a_status_that_is_not_true(talk: Conversation, case: Case, job_id: int) -> None:
    with database_as_it_was(talk):
        write(talk, f"UPDATE jobs SET status = 'failed' WHERE id = {job_id}")
        found = judged(talk, case)
    assert any("is failed and not succeeded" in one for one in found.wrong)


def test_a_command_that_is_answered_twice_and_one_that_is_not(
    talk: Conversation, case: Case
) -> None:
    zulip, cast = talk.stage.zulip, talk.stage.cast
    unanswered = talk.say(cast.iago, "@**ops** status")
    answered = talk.message(case.asked[0])
    more = zulip.post(cast.bot, cast.ops, answered.topic, "Yes?")
    try:
        found = judged(talk, replace(case, asked=(*case.asked, unanswered)))
    finally:
        zulip.delete(cast.desdemona, more)
    assert (found.lost, found.double_messages) == (1, 1)


def test_a_mark_that_is_missing(talk: Conversation, case: Case) -> None:
    cast = talk.stage.cast
    talk.unreact(cast.bot, case.asked[0])
    try:
        found = judged(talk, case)
    finally:
        talk.react(cast.bot, case.asked[0])
    assert found.wrong == [f"{UNDISTURBED}: the marks are set()"]


def test_a_lock_that_is_left(talk: Conversation, case: Case) -> None:
    with (talk.stage.state / LOCK_FILE).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = judged(talk, case)
    assert found.wrong == [f"{UNDISTURBED}: the host's lock is held"]


def test_a_lock_of_zulips_own_that_is_left(talk: Conversation, case: Case) -> None:
    lock = talk.stage.host.layout.deployment_lock
    lock.mkdir()
    try:
        found = judged(talk, case)
    finally:
        lock.rmdir()
    assert found.wrong == [f"{UNDISTURBED}: Zulip's own lock is left"]


def test_a_process_that_is_left(talk: Conversation, case: Case) -> None:
    marked = {**os.environ, RUN_MARKER: str(case.run_folders[-1])}
    with subprocess.Popen(("sleep", "60"), env=marked) as left:
        found = judged(talk, case)
        left.kill()
    assert found.wrong == [f"{UNDISTURBED}: processes are left: [{left.pid}]"]


def test_an_audit_log_that_was_written_over(talk: Conversation, case: Case) -> None:
    with database_as_it_was(talk):
        write(
            talk,
            "DROP TRIGGER audit_entries_never_change",
            "UPDATE audit_entries SET actor = 'nobody' WHERE seq = 2",
        )
        found = judged(talk, case)
    assert not found.integrity_ok
    assert found.wrong == [f"{UNDISTURBED}: the audit chain is broken"]


def test_a_database_that_is_damaged(talk: Conversation, case: Case) -> None:
    jobs = jobs_after(talk, case.after_job)
    with database_as_it_was(talk):
        with closing(sqlite3.connect(database_file(talk))) as database:
            page_of = "SELECT rootpage FROM sqlite_master WHERE name = 'jobs_by_status'"
            (page,) = database.execute(page_of).fetchone()
            (size,) = database.execute("PRAGMA page_size").fetchone()
        with database_file(talk).open("r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"\xff" * 64)
        found = judge(talk, case, jobs)
    assert not found.integrity_ok
