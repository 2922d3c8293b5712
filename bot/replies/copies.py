"""What is told of one copy: what is in it, where it lies, and how it is restored by hand."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.replies.custody import key_asked_for
from bot.replies.drills import evidence_shown
from bot.replies.probes import stores_probed
from bot.replies.restores import restore_planned
from bot.replies.wording import code, count, fence, listing, moment, to_type
from handlers.wording import PARTS, duration, missing_files, size

#: Of the files that are missing.
_NAMED = 5


def backup_shown(shown: Mapping[str, Any], bot_name: str) -> str:
    """Of `backup show`, with or without `--by-hand`."""
    lines = _by_hand(shown) if "commands" in shown else _details(shown, bot_name)
    return "\n".join(lines)


def _by_hand(shown: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"This restores {code(shown['id'])} from {shown['store']} beside what is there, without"
        " me. Nothing of the server is changed by it."
    )
    yield fence("\n".join(shown["commands"]), "bash")


def _details(shown: Mapping[str, Any], bot_name: str) -> Iterator[str]:
    took = duration(shown["seconds"])
    yield f"- Taken {moment(shown['created_at'])} by job #{shown['job']}, in {took}"
    yield from (_store(store) for store in shown["stores"])
    yield from (f"- {message}" for message in shown["unreadable"])
    yield f"- {_versions(shown)}"
    only = shown.get("only")
    if only:
        yield f"- {PARTS[only].capitalize()} **alone**: no server can be restored from it"
    if only in {None, "database"}:
        yield f"- Database: {_database(shown)}"
    if only in {None, "uploads"}:
        yield f"- Uploads: {_uploads(shown['uploads'])}"
    yield from _named_files(shown.get("named_files"))
    yield f"- Written: {size(shown['stored_bytes'])} in {count(shown['objects'], 'object')}"
    yield f"- {_sealing(shown['sealed_to'])}"
    yield from (f"- Not in it: {sentence}" for sentence in shown["left_out"])
    by_hand = f"backup show {shown['id']} --by-hand"
    yield f"By hand: {to_type(bot_name, by_hand)}"


def _store(store: Mapping[str, Any]) -> str:
    told = [f"- In **{store['name']}** ({code(store['place'])}): "]
    if store["damaged_at"] is not None:
        told.append(f"**damaged**, as was found {moment(store['damaged_at'])}; ")
    if store["verified_at"] is None:
        told.append("stored, **not verified**, its content was never read to its end")
    else:
        told.append(f"verified, its content was last read {moment(store['verified_at'])}")
    if store["compared_at"] is not None:
        told.append(f"; its stored bytes were last compared {moment(store['compared_at'])}")
    told.append(f"; {_proof(store)}")
    if store.get("kept_until"):
        told.append(f"; kept until {moment(store['kept_until'])}")
    if store.get("marked_at"):
        told.append(f"; **to be removed**, marked {moment(store['marked_at'])}")
    return "".join(told)


def _proof(store: Mapping[str, Any]) -> str:
    """Until a drill has restored it, a copy is unproven; also of rows of an earlier version."""
    proven_at, refuted_at = store.get("proven_at"), store.get("refuted_at")
    if store.get("proven"):
        return f"**proven**, a drill restored it {moment(store['proven_at'])}"
    if refuted_at is not None and (proven_at is None or refuted_at >= proven_at):
        return f"**unproven**, a drill could not restore it {moment(refuted_at)}"
    if proven_at is not None:
        return f"**unproven** since, though a drill restored it {moment(proven_at)}"
    return "unproven, no drill has restored it"


def _versions(shown: Mapping[str, Any]) -> str:
    zulip, database, system = (shown.get(name) or {} for name in ("zulip", "postgresql", "system"))
    told = [f"Zulip {zulip.get('version') or 'of an unknown version'}"]
    if database.get("version"):
        told.append(f"PostgreSQL {database['version']}")
    if system.get("id"):
        told.append(f"{str(system['id']).capitalize()} {system.get('version') or ''}".rstrip())
    return listing(told)


def _database(shown: Mapping[str, Any]) -> str:
    facts = shown.get("postgresql") or {}
    told = [f"dump {size(shown['dump_bytes'])}"]
    if facts.get("migrations"):
        told.append(count(facts["migrations"], "migration"))
    counts, estimated = facts.get("counts") or {}, facts.get("counts_estimated") or ()
    told += [
        ("about " if each in estimated else "") + count(counts[each], each[:-1])
        for each in ("realms", "users", "messages", "attachments")
        if counts.get(each)
    ]
    newest = facts.get("newest_message")
    if newest:
        told.append(f"newest message {moment(newest['at'])}")
    return ", ".join(told)


def _uploads(uploads: Mapping[str, Any]) -> str:
    told = f"{count(uploads['files'], 'file')}, {size(uploads['bytes'])}"
    if uploads["earlier_copies"]:
        told += (
            f"; {count(uploads['new_files'], 'file')} came with this copy, the others lie with"
            f" {_earlier(uploads['earlier_copies'])}"
        )
    return told


def _named_files(named: Mapping[str, Any] | None) -> Iterator[str]:
    """Whether what the database names was there; nothing where nothing was looked for."""
    if named is None:
        return
    if not named["missing"]:
        counts = ", ".join(f"{kind} {number:,}" for kind, number in named["counts"].items())
        yield f"- Consistent: every file that its database names is in it ({counts or 'none'})"
        return
    yield f"- **Inconsistent**: {missing_files(named['missing'])}"
    first = named["first_missing"][:_NAMED]
    more = named["missing"] - len(first)
    paths = ", ".join(code(ascii(path)[1:-1]) for path in first)
    yield f"- Missing: {paths}" + (f" and {more:,} more" if more else "")


def _earlier(copies: int) -> str:
    return "an earlier copy" if copies == 1 else f"{copies} earlier copies"


def _sealing(keys: list[Mapping[str, str]]) -> str:
    if not keys:
        return "Not sealed: whoever can read a store can read it"
    named = [f"{key['use']} key `{key['id']}`" for key in keys]
    return f"Sealed to the {listing(named)}"


#: What some commands show, by operation; everything else is told in a sentence.
SHOWN: Mapping[str, Callable[[Mapping[str, Any], str], str]] = {
    "backup show": backup_shown,
    "backup probe": stores_probed,
    "backup key check": key_asked_for,
    "restore plan": restore_planned,
    "drill": evidence_shown,
}


def shown(operation: str, facts: Any, bot_name: str) -> str | None:
    """The text that such a command is for; None where it has none."""
    what = facts.get("shown") if isinstance(facts, Mapping) else None
    if operation not in SHOWN or not isinstance(what, Mapping):
        return None
    return SHOWN[operation](what, bot_name)
