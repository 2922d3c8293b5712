"""Shows who did what when, and whether the record of it is still what was written."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Look, Scene
from bot.replies.refusals import Refusal
from bot.replies.vigilance import AuditPage, AuditUnread
from bot.replies.wording import to_type
from bot.vigilance.audit_watch import verdict
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import Reason
from state import audit_log, job_store
from state.audit_log import Entry

_PAGE = 10
#: As many characters of a fingerprint as its plan shows.
_SHORT = 12
_LONGEST_TOLD = 160


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    before = arguments.get("before")
    try:
        found = audit_log.page(scene.tx, before_seq=before, limit=_PAGE + 1)
    except audit_log.UnreadableLogError:
        verify = to_type(scene.installation.bot_name, "audit verify")
        message = "An entry of the audit log is damaged, so this page cannot be shown."
        return Answer(Refusal(message, f"{verify} names it.", Reason.VERIFICATION_FAILED.value))
    older = f"audit --before {found[_PAGE - 1].seq}" if len(found) > _PAGE else None
    nothing = "The audit log is empty."
    if before is not None:
        nothing = f"There is nothing before entry {before}."
    entries = [_entry(scene, entry) for entry in found[:_PAGE]]
    return Answer(AuditPage(scene.installation.bot_name, entries, older, nothing))


def _entry(scene: Scene, entry: Entry) -> dict[str, Any]:
    number = entry.detail.get("job")
    job = job_store.get(scene.tx, number) if isinstance(number, int) else None
    name, user_id = _actor(entry.actor, job)
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "actor_name": name,
        "actor_id": user_id,
        "action": entry.action,
        "job": number,
        "told": _told(entry),
    }


def _actor(actor: str, job: job_store.Job | None) -> tuple[str, int | None]:
    """Who: by name where the job of the entry knows it, else by number."""
    origin, _, who = actor.partition(":")
    if not who.isdecimal():
        return (f"{origin} {who}" if origin == "schedule" else who or origin), None
    if job is not None and job.asker_id == int(who):
        return job.asker_name, job.asker_id
    return f"user {who}", None


def _told(entry: Entry) -> str:
    """What an entry tells beside its job, on one line."""
    detail = dict(entry.detail)
    detail.pop("job", None)
    if entry.action == "job moved":
        reason = f" ({detail['reason']})" if detail.get("reason") else ""
        return f"{detail.get('from')} -> {detail.get('to')}{reason}"
    if entry.action == "job created":
        return str(detail.get("command"))
    if isinstance(fingerprint := detail.get("fingerprint"), str):
        detail["fingerprint"] = fingerprint[:_SHORT]
    return ", ".join(f"{name} {value}" for name, value in detail.items())[:_LONGEST_TOLD]


def _verify(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    bot_name, seen = scene.installation.bot_name, scene.audit
    if seen is None or not seen.is_complete:
        return Answer(AuditUnread(bot_name))
    return Answer(verdict(seen, bot_name))


COMMAND = Command(
    name="audit",
    summary="Show who did what when, newest first",
    effect=Effect.READ,
    example="audit",
    answer=_answer,
    parameters=(Parameter("before", Kind.INTEGER, "only entries with a smaller number", "120"),),
)

VERIFY = Command(
    name="audit verify",
    summary="Check that no entry of the audit log was changed, added or removed",
    effect=Effect.READ,
    example="audit verify",
    answer=_verify,
    looks=frozenset({Look.AUDIT_LOG}),
)
