"""What time brings: schedules that are due, missed or caught up, and plans that expire."""

from datetime import datetime, timedelta

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from bot.events import ScheduleDue
from jobs.configuration import ScheduleSettings
from jobs.lifecycle import OPEN
from state import inbox, job_store, schedule_store
from state.job_store import Job
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import STOP, Conversation

REPORT = ScheduleSettings("report", "status", "0 * * * *", catch_up="skip", grace=10)
NIGHTLY = ScheduleSettings("nightly", "backup now", "30 2 * * *", catch_up="once", grace=10)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, schedules=(REPORT, NIGHTLY))


@pytest.fixture(autouse=True)
def half_past_twelve(talk: Conversation) -> None:
    """Each test begins at a time of day at which nothing is owed."""
    go_to(talk, 12, 30)
    settle(talk)


def go_to(talk: Conversation, hour: int, minute: int) -> datetime:
    """On to the next time that the clock shows that (UTC)."""
    now = talk.clock.now()
    there = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    there += DAY if there <= now else timedelta(0)
    talk.let_pass(there - now + timedelta(seconds=1))
    return there


def settle(talk: Conversation) -> None:
    """Until everything that is due by now is done and told."""
    # Events are handled in order: behind the answer, the clock has been looked at.
    assert talk.hear(talk.stage.cast.iago, "whoami")
    talk.until(lambda: not talk.read(inbox.open_entries), "every command is answered")
    talk.until(lambda: not talk.read(lambda tx: job_store.in_status(tx, *OPEN)), "no open job")
    talk.settled()


def said(talk: Conversation, schedule: str) -> list[str]:
    """Everything in the topic of a schedule."""
    topic = f"schedule: {schedule}"
    return [message.content for message in talk.stage.zulip.messages(talk.stage.cast.ops, topic)]


def runs(talk: Conversation, schedule: str) -> list[schedule_store.ScheduleRun]:
    return talk.read(lambda tx: schedule_store.runs_of(tx, schedule, limit=1000))


def scheduled_jobs(talk: Conversation) -> list[Job]:
    """Newest first."""
    return [job for job in talk.jobs() if job.origin == "schedule"]


def test_a_report_that_is_due_arrives_once(talk: Conversation) -> None:
    before, due = len(said(talk, "report")), len(runs(talk, "report"))
    at = go_to(talk, 13, 0)
    assert talk.app is not None
    for _ in range(3):
        talk.app.dispatcher.events.put(ScheduleDue("report"))
    settle(talk)
    talk.restart_bot()
    settle(talk)

    (answer,) = said(talk, "report")[before:]
    assert answer.startswith("**Server status: ")
    assert "Programs" in answer
    assert len(runs(talk, "report")) == due + 1
    assert runs(talk, "report")[0].due_at == at


def test_reports_that_were_missed_are_told_together_and_left(talk: Conversation) -> None:
    before = len(said(talk, "report"))
    with talk.without_bot():
        go_to(talk, 15, 30)
    settle(talk)
    talk.restart_bot()
    settle(talk)

    (missed,) = said(talk, "report")[before:]
    assert missed.startswith("The schedule **report** (`status`) was missed 3 times since <time:")
    assert missed.endswith("It is not made up for.")


def test_a_scheduled_backup_succeeds_in_one_quiet_line(talk: Conversation) -> None:
    before, jobs = len(said(talk, "nightly")), len(scheduled_jobs(talk))
    go_to(talk, 2, 30)
    settle(talk)

    assert len(scheduled_jobs(talk)) == jobs + 1
    job = scheduled_jobs(talk)[0]
    (told,) = said(talk, "nightly")[before:]
    assert (job.status, job.consent, job.caught_up) == ("succeeded", "schedule", False)
    assert f"**Job #{job.id}** (`backup now`) succeeded" in told
    assert "@**" not in told
    assert talk.in_topic_of(job.id) == []
    assert f"job #{job.id} succeeded" in talk.hear(talk.stage.cast.iago, "schedules")


def test_a_scheduled_backup_fails_loudly(talk: Conversation) -> None:
    store = talk.stage.folder / "backups"
    away = store.with_name("away")
    if store.exists():
        store.rename(away)
    store.write_text("no directory")
    go_to(talk, 2, 30)
    settle(talk)
    store.unlink()
    if away.exists():
        away.rename(store)

    job = scheduled_jobs(talk)[0]
    assert job.status == "failed"
    end = talk.end_of(job.id)
    assert end.topic == f"backup now · #{job.id}"
    assert "failed" in end.content
    assert "Next: " in end.content


def test_a_missed_backup_is_made_up_for_once_and_says_so(talk: Conversation) -> None:
    before, jobs = len(said(talk, "nightly")), len(scheduled_jobs(talk))
    with talk.without_bot():
        go_to(talk, 4, 0)
    settle(talk)
    talk.restart_bot()
    settle(talk)

    assert len(scheduled_jobs(talk)) == jobs + 1
    job = scheduled_jobs(talk)[0]
    assert job.caught_up
    missed, told = said(talk, "nightly")[before:]
    assert "was missed 1 time since <time:" in missed
    assert f"**Job #{job.id}**" in told
    assert "It made up for a missed run." in told


def test_a_restart_in_the_middle_makes_nothing_twice(talk: Conversation) -> None:
    before, jobs = len(said(talk, "nightly")), len(scheduled_jobs(talk))
    with talk.backup_held():
        go_to(talk, 2, 30)
        talk.wait_until_held()
        talk.restart_bot()
        go_to(talk, 2, 35)
        assert talk.hear(talk.stage.cast.iago, "whoami")
    settle(talk)
    assert len(scheduled_jobs(talk)) == jobs + 1
    assert scheduled_jobs(talk)[0].status == "succeeded"
    assert len(said(talk, "nightly")) == before + 1


def test_a_clock_that_is_set_back_makes_nothing_twice(talk: Conversation) -> None:
    go_to(talk, 13, 0)
    settle(talk)
    before = len(said(talk, "report"))
    talk.let_pass(-20 * MINUTE)
    talk.let_pass(20 * MINUTE)
    settle(talk)
    assert len(said(talk, "report")) == before


def test_schedules_are_listed_with_their_next_run(talk: Conversation, cast: Cast) -> None:
    lines = talk.hear(cast.iago, "schedules").splitlines()
    nightly = next(line for line in lines if "**nightly**" in line)
    assert len(lines) == 2
    assert "`backup now` at 02:30 every day (UTC)" in nightly
    assert "T02:30:00Z>" in nightly
    assert "report <time:" in talk.hear(cast.iago, "status").splitlines()[-1]


def test_a_plan_that_nobody_confirms_expires(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    talk.let_pass(61 * MINUTE)
    talk.reached(job.id, "expired")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, STOP)
    talk.react(cast.iago, card.id)

    assert "Nobody consented in time, so nothing was done." in end.content
    assert f"@**Iago|{cast.iago.id}**" in end.content
    assert "Next: `@ops backup now`" in end.content
    settle(talk)
    assert talk.job(job.id).status == "expired"


def test_consent_that_comes_too_late_while_the_bot_is_away_is_none(
    talk: Conversation, cast: Cast
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    card = talk.card(job.id)
    with talk.without_bot():
        talk.let_pass(61 * MINUTE)
        talk.react(cast.iago, card.id)
    talk.reached(job.id, "expired")
    assert "so nothing was done" in talk.end_of(job.id).content


def test_a_command_that_is_found_too_late_is_not_run(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())
    with talk.without_bot():
        asked = talk.ask(cast.iago, "backup now --yes")
        talk.let_pass(11 * MINUTE)
    answer = talk.answer_to(asked)

    assert answer.startswith("I was away when you wrote `backup now --yes` at <time:")
    assert answer.endswith("Repeat it if you still want it.")
    assert "\n" not in answer
    assert len(talk.jobs()) == jobs
