"""Whether a copy can be restored here and now: every condition, each as one sentence."""

from collections.abc import Iterator

from handlers.backups.repository import CONFIGURATION, Snapshot
from handlers.backups.repository import DATABASE as DUMP
from handlers.backups.repository import UPLOADS as TAR
from handlers.backups.restoring.source import no_key
from handlers.contract import Context, Precondition
from handlers.errors import HostFailure, Reason, Refused
from handlers.host import zulip_settings
from handlers.host.layout import Layout
from handlers.restores.judging import mismatches, rooms
from handlers.restores.judging.chosen import Chosen
from handlers.restores.judging.mismatches import Made
from handlers.restores.judging.present import Present
from handlers.restores.switching import arrangement
from handlers.restores.switching.arrangement import DATABASE, PARTS, UPLOADS, Names
from handlers.upgrades import preflight

#: The stream of a copy that each part is restored from.
STREAMS = {DATABASE: DUMP, UPLOADS: TAR}


def parts_of(context: Context, snapshot: Snapshot, only: str | None) -> tuple[str, ...]:
    """What is to be restored: all that the copy holds, or the part that was named.

    Raises Refused where it holds none of that, or Zulip keeps its uploads in S3.
    """
    held = tuple(part for part in PARTS if _holds(snapshot, part))
    in_s3 = zulip_settings.uploads_place(Layout(context.host.root)).buckets is not None
    wanted = held if only is None else (only,)
    parts = tuple(part for part in wanted if part in held and not (part == UPLOADS and in_s3))
    if parts:
        return parts
    said = "Zulip keeps its uploads in S3." if in_s3 and only == UPLOADS else ""
    raise Refused(
        said or f"Copy `{snapshot.id}` holds no {only or 'database and no uploads'}.",
        reason=Reason.PREFLIGHT_FAILED,
        hint="`backups` lists the copies; `--only` restores one part alone.",
    )


def _holds(snapshot: Snapshot, part: str) -> bool:
    """Uploads that were not there to be copied are no reason to put none in the place of many."""
    return STREAMS[part] in snapshot.streams and (part != UPLOADS or snapshot.uploads.files > 0)


def preconditions(
    context: Context, chosen: Chosen, now: Present, parts: tuple[str, ...]
) -> tuple[Precondition, ...]:
    """In the order in which one would put them right."""
    layout, made = Layout(context.host.root), Made.of(chosen.snapshot)
    database: tuple[Precondition, ...] = ()
    if DATABASE in parts:
        database = (
            mismatches.of_zulip(made, now),
            mismatches.of_postgresql(made, now),
            mismatches.of_extensions(made, now),
            mismatches.of_dictionaries(context, made, now),
        )
    return (
        _key(chosen),
        *database,
        rooms.has_room(context, chosen.snapshot, parts, made.size_bytes),
        _names_are_free(context),
        _can_be_renamed(Names.of(context), parts),
        preflight.no_other_deployment(layout),
        preflight.may_write(layout, Names.of(context).uploads.parent),
    )


def warnings(context: Context, chosen: Chosen, now: Present) -> Iterator[str]:
    """What does not stop it."""
    yield from chosen.unreadable
    if CONFIGURATION not in chosen.snapshot.streams:
        yield "The copy holds no configuration to compare with."
    if zulip_settings.uploads_place(Layout(context.host.root)).buckets is not None:
        yield "Zulip keeps its uploads in S3: they are in no copy, and stay as they are."
    yield from mismatches.warnings(Made.of(chosen.snapshot), chosen.snapshot, now)


def _key(chosen: Chosen) -> Precondition:
    name = "key_is_here"
    if chosen.opens:
        sealed = chosen.snapshot.sealing is not None
        return Precondition(
            name,
            "A key that opens the copy is here." if sealed else "The copy is not sealed.",
            holds=True,
        )
    return Precondition(
        name,
        f"{no_key(chosen.snapshot).message} On the host, name its file once:"
        ' `zulip-ops do "restore … --identity FILE"`. Never type a key into chat.',
        holds=False,
    )


def _names_are_free(context: Context) -> Precondition:
    """An earlier attempt of this very job may have left something; it is never overwritten."""
    name = "names_are_free"
    try:
        found = arrangement.look(context)
    except HostFailure as failure:
        return Precondition(
            name,
            f"Databases can be neither made nor renamed here: {failure.message}",
            holds=False,
        )
    if not any(
        (
            found.has_new_database,
            found.has_old_database,
            found.has_new_uploads,
            found.has_old_uploads,
        )
    ):
        return Precondition(name, "Databases can be made and renamed here.", holds=True)
    drop = "; ".join(
        f"`{each}`" for each in arrangement.commands_to_drop(context.host.database, found)
    )
    return Precondition(
        name, f"An earlier attempt has left what is in the way: {drop}.", holds=False
    )


def _can_be_renamed(names: Names, parts: tuple[str, ...]) -> Precondition:
    name = "uploads_can_be_renamed"
    if UPLOADS in parts and names.uploads.is_mount():
        return Precondition(
            name,
            f"{names.uploads} is a file system of its own, and cannot be renamed: restore the"
            " database with `--only database`, and the uploads by hand.",
            holds=False,
        )
    return Precondition(name, "What is there can be renamed.", holds=True)
