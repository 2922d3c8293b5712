"""What is said of a restore: its steps, its way back, what it costs, and how it ended."""

from handlers.contract import JSON, Context, Outcome
from handlers.restores.judging import conditions, estimating, lost
from handlers.restores.judging.chosen import Chosen, standing_sentence
from handlers.restores.judging.mismatches import Made
from handlers.restores.judging.present import Present
from handlers.restores.switching import arrangement
from handlers.restores.switching.arrangement import DATABASE, UPLOADS, Names
from handlers.restores.switching.failing import Switch
from handlers.upgrades import probing

STEPS = (
    "Take a backup and read it back; without a verified copy nothing is touched",
    "Restore beside what is there, under other names, and check it against the commit record",
    "Compare the settings, which are not changed",
    "Stop Zulip, and probe it from outside until it answers again",
    "Swap by renaming; what was there is kept under another name",
    "Purge the queues and flush the caches, which know the other database",
    "Start Zulip, and wait until it answers from outside, and is healthy",
)


def steps(parts: tuple[str, ...]) -> tuple[str, ...]:
    return STEPS if DATABASE in parts else tuple(each for each in STEPS if "queues" not in each)


def kept_as(parts: tuple[str, ...], names: Names) -> dict[str, JSON]:
    kept = {DATABASE: names.old_database, UPLOADS: str(names.old_uploads)}
    return {part: kept[part] for part in parts}


def way_back(names: Names, parts: tuple[str, ...]) -> str:
    what = {
        DATABASE: f"the database as `{names.old_database}`",
        UPLOADS: f"the uploads in `{names.old_uploads}`",
    }
    kept = " and ".join(what[part] for part in parts)
    return (
        f"what is there now is kept, {kept}, until a person drops it. If anything fails after Zulip"
        " was stopped, both are renamed back and Zulip is started again at once. What is written"
        " after the copy was taken is not in what is restored."
    )


def estimates(
    context: Context, chosen: Chosen, now: Present, parts: tuple[str, ...]
) -> dict[str, JSON]:
    gone = lost.since_copy(context, chosen.snapshot, now) if DATABASE in parts else None
    return {
        "would_be_lost": None if gone is None else gone.sentence(),
        "standing": standing_sentence(chosen.place.standing, context.clock.now()),
        **estimating.expected(context, chosen.snapshot, parts),
        "the_last_restores_took": estimating.earlier_runs(context),
        "database_bytes": Made.of(chosen.snapshot).size_bytes,
        "uploads_bytes": chosen.snapshot.uploads.bytes,
        "worth_knowing": list[JSON](conditions.warnings(context, chosen, now)),
    }


def outcome(
    context: Context,
    chosen: Chosen,
    switch: Switch,
    what: tuple[tuple[str, ...], lost.Lost | None],
    notes: list[str],
    watch: probing.Watch,
) -> Outcome:
    (parts, gone), snapshot, names = what, chosen.snapshot, Names.of(context)
    away = probing.note_downtime(context, watch)
    found = arrangement.look(context)
    to_drop = arrangement.commands_to_drop(context.host.database, found)
    kept = " and ".join(f"`{each}`" for each in to_drop)
    last = lost.copied_message(snapshot)
    epoch = (
        ""
        if DATABASE not in parts or last is None
        else f" Message numbers go on after {last.id}, so a new epoch begins, and what waited for"
        " consent is void."
    )
    told = "" if gone is None else f" Not in it any more: {gone.sentence()}."
    return Outcome(
        sentence=f"{' and '.join(parts).capitalize()} of copy `{snapshot.id}` were restored."
        f" {probing.told(away)}{told} {' '.join(notes)}".rstrip(),
        state=f"Zulip answers and runs {switch.after.version}. {found.sentence()} All from before"
        f" is kept until a person drops it on the host, as root: {kept}.{epoch}",
        facts={
            "restored": snapshot.id,
            "parts": list[JSON](parts),
            "snapshot": switch.safety_copy,
            "old_database": names.old_database if DATABASE in parts else None,
            "old_uploads": str(names.old_uploads) if UPLOADS in parts else None,
            "lost_messages": None if gone is None else gone.messages,
            "lost_seconds": None if gone is None else gone.seconds,
            "message_ids_go_on_after": last.id if last and DATABASE in parts else None,
        },
        next="status",
    )
