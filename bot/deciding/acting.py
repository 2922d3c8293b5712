"""Does what an answer says about schedules and holds, in the transaction of the answer."""

from dataclasses import dataclass
from datetime import datetime

from bot.commands.contract import Asker, HoldAct, ScheduleAct
from bot.deciding.effects import Effect
from bot.deciding.scheduling import wake
from bot.deciding.timekeeping import ON_TIME, due_entry
from jobs.engine import actor
from state import hold_store, inbox, schedule_store
from state.database import Transaction
from state.inbox import Entry


@dataclass(frozen=True, slots=True)
class Acted:
    """What follows, and the commands that are due from it."""

    effects: tuple[Effect, ...] = ()
    entries: tuple[Entry, ...] = ()


def carry_out(
    tx: Transaction,
    act: ScheduleAct | HoldAct,
    asked: Entry,
    asker: Asker,
    now: datetime,
) -> Acted:
    """What the asker may do was judged with the answer."""
    who = actor(asked.origin, asker.user_id, asker.name)
    if isinstance(act, ScheduleAct):
        return _on_schedule(tx, act, asked.epoch, who, now)
    if act.begin is not None:
        hold_store.begin(tx, act.begin, actor=who, at=now)
    if act.end is not None:
        hold_store.end(tx, act.end, asker.name, actor=who, at=now)
    return Acted()


def _on_schedule(tx: Transaction, act: ScheduleAct, epoch: int, who: str, now: datetime) -> Acted:
    if act.act == "run":
        schedule = schedule_store.get(tx, act.name)
        assert schedule is not None
        schedule_store.record_run(tx, act.name, now, actor=who)
        entry = inbox.add(tx, due_entry(schedule, now, ON_TIME, epoch, now))
        return Acted(entries=(entry,) if entry is not None else ())
    carried_out = {
        "pause": schedule_store.pause,
        "resume": schedule_store.resume,
        "remove": schedule_store.remove,
    }[act.act]
    carried_out(tx, act.name, actor=who, at=now)
    return Acted(effects=(wake(tx),))
