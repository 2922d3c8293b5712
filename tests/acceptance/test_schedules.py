"""Schedules from chat: agreed to once, changed, stopped, run out of turn, and lost with consent."""

from datetime import timedelta
from functools import partial

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from jobs.configuration import ScheduleSettings
from jobs.lifecycle import OPEN
from state import inbox, job_store, schedule_store
from state.job_store import Job
from state.schedule_store import Schedule
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import Conversation

WEEKLY = ScheduleSettings("weekly", "status", "0 4 * * 1", tz="UTC")
ADD = '"backup now" --cron "30 2 * * *" --tz Europe/Berlin'


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, schedules=(WEEKLY,))


def settle(talk: Conversation) -> None:
    """Until everything that is due by now is done and told."""
    assert talk.hear(talk.stage.cast.iago, "whoami")
    talk.until(lambda: not talk.read(inbox.open_entries), "every command is answered")
    talk.until(lambda: not talk.read(lambda tx: job_store.in_status(tx, *OPEN)), "no open job")
    talk.settled()


def row(talk: Conversation, name: str) -> Schedule | None:
    return talk.read(lambda tx: schedule_store.get(tx, name))


def add(talk: Conversation, name: str, what: str = ADD) -> Job:
    """As Iago does it, with his own word."""
    job = talk.job_for(talk.ask(talk.stage.cast.iago, f"schedule add {name} {what} --yes"))
    return talk.reached(job.id, "succeeded")


def runs_of(talk: Conversation, name: str) -> list[Job]:
    return [job for job in talk.jobs() if (job.origin, job.asker_name) == ("schedule", name)]


def has_run(talk: Conversation, name: str, times: int) -> bool:
    return len(runs_of(talk, name)) == times


def said(talk: Conversation, name: str) -> list[str]:
    topic = f"schedule: {name}"
    return [message.content for message in talk.stage.zulip.messages(talk.stage.cast.ops, topic)]


def suspensions(talk: Conversation, name: str) -> list[str]:
    """What was said to Iago about the consent to it."""
    mention = f"@**|{talk.stage.cast.iago.id}** "
    return [text for text in said(talk, name) if text.startswith(mention)]


def test_a_schedule_is_agreed_to_once_by_the_effect_of_what_it_runs(
    talk: Conversation, cast: Cast
) -> None:
    job = talk.job_for(talk.ask(cast.iago, f"schedule add nightly {ADD}"))
    card = talk.card(job.id)
    assert job.effect == "routine"
    assert "**routine**" in card.content
    assert "runs: `backup now`" in card.content
    assert "at 02:30 every day (Europe/Berlin)" in card.content
    assert "next runs: " in card.content
    assert row(talk, "nightly") is None

    talk.react(cast.iago, card.id)
    talk.reached(job.id, "succeeded")
    kept = row(talk, "nightly")
    assert kept is not None
    assert (kept.source, kept.effect, kept.asker_id) == ("chat", "routine", cast.iago.id)
    assert (kept.agreed_by, kept.job_id) == ([cast.iago.id], job.id)
    assert kept.fingerprint == talk.job(job.id).fingerprint
    listed = talk.hear(cast.iago, "schedules")
    assert (
        "**nightly** runs `backup now` at 02:30 every day (Europe/Berlin). Next: <time:" in listed
    )
    assert "Added by @_**Iago|" in listed
    assert "From zulip-ops.toml." in listed

    talk.restart_bot()
    assert talk.app is not None
    assert talk.app.scheduler.next_wake("nightly") is not None
    talk.let_pass(timedelta(days=1))
    settle(talk)
    (ran,) = runs_of(talk, "nightly")
    assert (ran.status, ran.consent, ran.command) == ("succeeded", "schedule", "backup now")


def test_the_running_bot_wakes_for_what_was_added_and_no_more_for_what_was_removed(
    talk: Conversation, cast: Cast
) -> None:
    add(talk, "brief")
    assert talk.app is not None
    scheduler = talk.app.scheduler
    talk.until(lambda: scheduler.next_wake("brief") is not None, "it wakes")
    before = scheduler.next_wake("brief")
    job = talk.job_for(talk.ask(cast.iago, 'schedule change brief --cron "0 5 * * *" --yes'))
    talk.reached(job.id, "succeeded")
    talk.until(lambda: scheduler.next_wake("brief") != before, "it wakes at another time")
    changed = row(talk, "brief")
    assert changed is not None
    assert (changed.command, changed.cron, changed.tz) == (
        "backup now",
        "0 5 * * *",
        "Europe/Berlin",
    )
    assert "is removed by @_**Iago|" in talk.hear(cast.iago, "schedule remove brief")
    talk.until(lambda: scheduler.next_wake("brief") is None, "it wakes no more")
    assert row(talk, "brief") is None


def test_what_only_reads_needs_no_consent(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.hamlet, 'schedule add looks status --cron "0 6 * * *"'))
    assert (job.effect, job.consent) == ("read", "none")
    talk.reached(job.id, "succeeded")
    kept = row(talk, "looks")
    assert kept is not None
    assert (kept.asker_id, kept.agreed_by, kept.tz) == (cast.hamlet.id, [], "UTC")
    talk.let_pass(timedelta(days=1))
    settle(talk)
    assert said(talk, "looks")[-1].startswith("**Server status: ")
    assert "is removed" in talk.hear(cast.hamlet, "schedule remove looks")


def test_the_policy_is_explained_by_what_would_run(talk: Conversation, cast: Cast) -> None:
    for command, effect in (("status", "read"), ("backup verify", None), ("backups", "read")):
        asked = f'policy test @**Iago** \'schedule add x "{command}" --cron "0 2 * * *"\''
        answer = talk.hear(cast.iago, asked)
        assert (f"It is {effect}." if effect else "The command in quotes: ") in answer


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ('schedule add x "bakcup now" --cron "0 2 * * *"', "The command in quotes: "),
        ('schedule add x "cancel 3" --cron "0 2 * * *"', "`cancel` makes no sense in a schedule"),
        ('schedule add x "help" --cron "0 2 * * *"', "`help` makes no sense in a schedule"),
        ('schedule add x "approve 3" --cron "0 2 * * *"', "`approve` makes no sense"),
        ("schedule add x 'schedule remove y' --cron \"0 2 * * *\"", "`schedule remove` makes no"),
        ('schedule add x "backup now" --cron "0 2 * *"', "needs five fields, and `0 2 * *` has 4"),
        ('schedule add x "backup now" --cron "0 99 * * *"', "`--cron` cannot be read"),
        ('schedule add x "backup now" --cron "0 2 * * *" --tz Mars/X', "no time zone `Mars/X`"),
        ('schedule add x "backup now" --cron "0 2 * * *" --grace 99999', "which is a week"),
        ('schedule add x "backup now"', "`--cron` is missing"),
        ('schedule add weekly status --cron "0 2 * * *"', "stands in zulip-ops.toml"),
        ("schedule change nobody --grace 5", "There is no schedule `nobody`."),
        ("schedule change weekly --grace 5", "stands in zulip-ops.toml"),
        ("schedule remove weekly", "stands in zulip-ops.toml"),
        ("schedule pause nobody", "There is no schedule `nobody`."),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    talk: Conversation, cast: Cast, command: str, answer: str
) -> None:
    jobs = len(talk.jobs())
    assert answer in talk.hear(cast.iago, command)
    assert len(talk.jobs()) == jobs


def test_nobody_schedules_or_stops_what_they_may_not_ask_for(
    talk: Conversation, cast: Cast
) -> None:
    add(talk, "guarded")
    assert "You may not run" in talk.hear(cast.hamlet, f"schedule add mine {ADD}")
    for act in ("pause", "resume", "run", "remove"):
        assert f"You may not run `schedule {act} guarded`" in talk.hear(
            cast.hamlet, f"schedule {act} guarded"
        )
    kept = row(talk, "guarded")
    assert kept is not None
    assert not kept.paused
    assert "is removed" in talk.hear(cast.iago, "schedule remove guarded")


def test_a_name_is_taken_once(talk: Conversation, cast: Cast) -> None:
    waiting = talk.job_for(talk.ask(cast.iago, f"schedule add twice {ADD}"))
    answer = talk.hear(cast.desdemona, f"schedule add twice {ADD}")
    assert f"Job #{waiting.id} is about the schedule `twice` already." in answer
    talk.card(waiting.id)
    talk.hear(cast.iago, f"cancel {waiting.id}")
    talk.reached(waiting.id, "cancelled")
    add(talk, "twice")
    assert "There is a schedule `twice` already" in talk.hear(
        cast.iago, f"schedule add twice {ADD}"
    )
    assert "is like that already" in talk.hear(cast.iago, "schedule change twice --grace 60")
    talk.hear(cast.iago, "schedule remove twice")


def test_a_paused_schedule_owes_nothing_when_it_goes_on(talk: Conversation, cast: Cast) -> None:
    add(talk, "paused")
    assert "is paused by @_**Iago|" in talk.hear(cast.iago, "schedule pause paused")
    assert "is paused already" in talk.hear(cast.iago, "schedule pause paused")
    talk.restart_bot()
    talk.let_pass(timedelta(days=1))
    settle(talk)
    assert runs_of(talk, "paused") == []
    assert "Paused." in talk.hear(cast.iago, "schedules")
    assert "goes on, says @_**Iago|" in talk.hear(cast.iago, "schedule resume paused")
    assert "is not paused" in talk.hear(cast.iago, "schedule resume paused")
    settle(talk)
    assert runs_of(talk, "paused") == []
    talk.let_pass(timedelta(days=1))
    settle(talk)
    assert len(runs_of(talk, "paused")) == 1
    talk.hear(cast.iago, "schedule remove paused")


def test_run_carries_it_out_once_and_history_shows_it(talk: Conversation, cast: Cast) -> None:
    add(talk, "sooner")
    assert "runs once now, says @_**Iago|" in talk.hear(cast.iago, "schedule run sooner")
    talk.wait(lambda: runs_of(talk, "sooner") or None, "its job")
    settle(talk)
    (ran,) = runs_of(talk, "sooner")
    assert ran.status == "succeeded"
    assert f"job #{ran.id} succeeded" in talk.hear(cast.iago, "schedules")
    assert f"#{ran.id}" in talk.hear(cast.iago, "history")
    talk.hear(cast.iago, "schedule remove sooner")


def test_the_schedules_of_root_are_paused_from_chat_and_no_more(
    talk: Conversation, cast: Cast
) -> None:
    assert "is paused" in talk.hear(cast.hamlet, "schedule pause weekly")
    talk.restart_bot()
    kept = row(talk, "weekly")
    assert kept is not None
    assert kept.paused
    assert "goes on" in talk.hear(cast.hamlet, "schedule resume weekly")


def test_what_somebody_added_who_is_gone_runs_no_more(talk: Conversation, cast: Cast) -> None:
    add(talk, "orphan")
    talk.stage.zulip.deactivate(cast.iago)
    try:
        talk.let_pass(timedelta(days=1))
        talk.until(lambda: bool(suspensions(talk, "orphan")), "it is told")
    finally:
        talk.stage.zulip.reactivate(cast.iago)
    settle(talk)
    assert runs_of(talk, "orphan") == []
    (told,) = suspensions(talk, "orphan")
    assert "The schedule **orphan** (`backup now`) was due and nothing was started: the" in told
    talk.let_pass(timedelta(days=1))
    settle(talk)
    assert suspensions(talk, "orphan") == [told]
    assert "Suspended: the account" in talk.hear(cast.iago, "schedules")
    talk.hear(cast.iago, "schedule resume orphan")
    talk.let_pass(timedelta(days=1))
    settle(talk)
    assert len(runs_of(talk, "orphan")) == 1
    talk.hear(cast.iago, "schedule remove orphan")


def test_a_policy_by_which_it_could_not_be_agreed_to_suspends_it(
    talk: Conversation, cast: Cast
) -> None:
    add(talk, "outlawed")
    path = talk.stage.configuration
    before = path.read_text()
    path.write_text(
        before.replace(
            f"operator = [{cast.desdemona.id}, {cast.iago.id}]", f"operator = [{cast.desdemona.id}]"
        )
    )
    try:
        talk.let_pass(timedelta(days=1))
        talk.until(lambda: bool(suspensions(talk, "outlawed")), "it is told")
        talk.restart_bot()
        answer = talk.hear(cast.desdemona, "schedule resume outlawed")
        assert "does not hold any more: whoever added it may not ask for routine" in answer
    finally:
        path.write_text(before)
    assert runs_of(talk, "outlawed") == []
    talk.restart_bot()
    assert "is removed" in talk.hear(cast.iago, "schedule remove outlawed")


def test_the_first_failure_notifies_whoever_added_it_and_so_does_no_second(
    talk: Conversation, cast: Cast
) -> None:
    add(talk, "failing")
    store = talk.stage.folder / "backups"
    away = store.with_name("away")
    # No backup may have been taken yet.
    store.mkdir(exist_ok=True)
    store.rename(away)
    store.write_text("no directory")
    try:
        for number in (1, 2):
            talk.hear(cast.iago, "schedule run failing")
            talk.until(partial(has_run, talk, "failing", number), "its job")
            settle(talk)
    finally:
        store.unlink()
        away.rename(store)
    second, first = runs_of(talk, "failing")
    assert {first.status, second.status} == {"failed"}
    mention = f"@**|{cast.iago.id}** "
    assert talk.end_of(first.id).content.startswith(f"{mention}**Job #{first.id}**")
    assert talk.end_of(second.id).content.startswith(f"**Job #{second.id}**")
    talk.hear(cast.iago, "schedule run failing")
    talk.until(lambda: len(runs_of(talk, "failing")) == 3, "its job")
    settle(talk)
    assert "The run before it had not succeeded." in said(talk, "failing")[-1]
    talk.hear(cast.iago, "schedule remove failing")


def test_what_root_writes_into_the_file_goes_before_the_same_name_from_chat(
    talk: Conversation, cast: Cast
) -> None:
    add(talk, "shared")
    path = talk.stage.configuration
    before = path.read_text()
    with talk.without_bot():
        path.write_text(
            before + '[[schedules]]\nname = "shared"\ncommand = "status"\ncron = "0 5 * * *"\n'
        )
    kept = row(talk, "shared")
    assert kept is not None
    assert (kept.source, kept.command, kept.asker_id) == ("file", "status", None)
    with talk.without_bot():
        path.write_text(before)
    assert row(talk, "shared") is None
