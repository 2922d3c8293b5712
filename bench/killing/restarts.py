"""Kills the bot again and again during one long run, and compares how it ends."""

import re
import time
from dataclasses import dataclass
from datetime import timedelta

from bench.killing.killer import Killer
from bench.killing.people import BACKUP
from handlers.backups import catalogue
from jobs.lifecycle import FINAL
from state.job_store import Job
from tests.acceptance.conversation import Conversation


@dataclass(frozen=True, slots=True)
class Ending:
    """All that people see of the end of a run, without numbers, sizes and times."""

    status: str
    sentence: str
    facts: frozenset[str]
    effects: int
    steps: tuple[str, ...]
    messages: tuple[str, ...]
    final_messages: int


def ending(killer: Killer, kills: int, lasting: timedelta) -> Ending:
    """The end of a backup that takes so long, and during which the bot is killed so often."""
    talk = killer.talk
    talk.start_process()
    try:
        with talk.backup_held():
            job = talk.job_for(talk.ask(talk.stage.cast.iago, f"{BACKUP} --yes"))
            talk.wait_until_held()
            _kill(talk, kills, lasting)
        talk.until(lambda: talk.job(job.id).status in FINAL, "the run ended")
        talk.end_of(job.id)
        talk.settled()
        return _seen(talk, talk.job(job.id))
    finally:
        talk.kill_bot()


def _kill(talk: Conversation, kills: int, lasting: timedelta) -> None:
    """Evenly spread over the time, in which the run waits for a locked table."""
    started = time.monotonic()
    for number in range(1, kills + 1):
        # How long the run takes is what is being tried here.
        time.sleep(max(0.0, started + lasting.total_seconds() * number / kills - time.monotonic()))
        talk.kill_bot()
        talk.start_process()


def _seen(talk: Conversation, job: Job) -> Ending:
    bot = talk.stage.cast.bot.id
    said = [one.content for one in talk.in_topic_of(job.id) if one.sender_id == bot]
    status = talk.message(job.status_message_id or 0).content
    outcome = job.outcome or {}
    facts = outcome.get("facts")
    return Ending(
        status=job.status,
        sentence=_shape(job.sentence or ""),
        facts=frozenset(facts if isinstance(facts, dict) else ()),
        effects=_effects_of(talk, job.id),
        steps=tuple(
            line.partition(" · ")[0]
            for line in status.splitlines()
            if line.startswith(("- ✔", "- ✘"))
        ),
        messages=tuple(_shape(text.partition("\n")[0]) for text in said),
        final_messages=sum(f"**Job #{job.id}** (" in text for text in said),
    )


def _shape(text: str) -> str:
    """Without what no two runs have in common."""
    return re.sub(r"\d{8}T\d{6}Z-\w+|\d+(\.\d+)?( (ms|s|min|bytes|kB|MB)\b)?", "…", text)


def _effects_of(talk: Conversation, job_id: int) -> int:
    """How many copies lie in the stores for a job."""
    return sum(
        one.job == job_id for store in talk.stage.stores for one in catalogue.list_snapshots(store)
    )
