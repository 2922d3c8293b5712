"""Rows with everything filled in that a test does not care about."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from state import job_store
from state.database import Transaction
from state.inbox import NewEntry
from state.job_store import Job, NewJob
from state.outbox import NewRow

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
IAGO = 11

_numbers = itertools.count(1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def new_job(**values: Any) -> NewJob:
    job = NewJob(
        epoch=1,
        operation="backup now",
        arguments={"skip_uploads": False},
        command="backup now",
        effect="routine",
        status="planning",
        origin="chat",
        asker_name="Iago",
        asker_id=IAGO,
        consent="reaction",
        nonce=f"nonce-{next(_numbers)}",
        created_at=NOW,
    )
    return replace(job, **values)


def make_job(tx: Transaction, **values: Any) -> Job:
    return job_store.create(tx, new_job(**values), actor="user/11")


def new_entry(message_id: int = 1, **values: Any) -> NewEntry:
    entry = NewEntry(
        origin="chat",
        source_key=f"chat/1/{message_id}",
        epoch=1,
        message_id=message_id,
        sender_id=IAGO,
        sender_name="Iago",
        content="@ops status",
        content_sha256="0" * 64,
        channel_id=4,
        topic="lobby",
        direct=False,
        client="website",
        sent_at=NOW,
        received_at=after(0.2),
    )
    return replace(entry, **values)


def new_row(lane: str = "topic", **values: Any) -> NewRow:
    row = NewRow(
        lane=lane,
        action="post",
        target={"type": "topic", "channel_id": 4, "topic": "backup now · #12"},
        kind="job_ended",
        facts={},
        priority=2,
        created_at=NOW,
    )
    return replace(row, **values)
