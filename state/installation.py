"""What is true of this installation: the host's id, the epoch, and small settings."""

from sqlalchemy import Integer, ScalarSelect, cast, select
from sqlalchemy.dialects.sqlite import insert

from state.database import Transaction
from state.models import settings

HOST_ID = "host_id"
EPOCH = "epoch"


def get(tx: Transaction, name: str) -> str | None:
    """A setting that was kept with `put`, None when it never was."""
    return tx.execute(select(settings.c.value).where(settings.c.name == name)).scalar()


def put(tx: Transaction, name: str, value: str) -> None:
    row = insert(settings).values(name=name, value=value)
    tx.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def host_id(tx: Transaction) -> str:
    """Random hex, made with the database; part of every plan's binding."""
    value: str = tx.execute(select(settings.c.value).where(settings.c.name == HOST_ID)).scalar_one()
    return value


def epoch(tx: Transaction) -> int:
    """Counts how often Zulip's message ids began again; they mean something only within one."""
    return tx.execute(select(present_epoch())).scalar_one()


def present_epoch() -> ScalarSelect[int]:
    """For use inside another statement."""
    return select(cast(settings.c.value, Integer)).where(settings.c.name == EPOCH).scalar_subquery()
