"""Lists the copies there are, from the observer's last look into the stores."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Look, Scene
from bot.replies.observations import BackupList
from handlers.contract import Effect

_SHOWN = 10


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    fact = scene.facts.facts.get("backups") if scene.facts else None
    if fact is None or not isinstance(fact.values.get("stores"), list):
        why = fact.sentence if fact else scene.facts_problem
        return Answer(_unseen(scene, why or "The stores have not been looked at yet."))
    snapshots, unreadable = _merged(fact.values)
    reply = BackupList(
        bot_name=scene.installation.bot_name,
        now=scene.now.isoformat(),
        snapshots=snapshots[:_SHOWN],
        more=max(0, len(snapshots) - _SHOWN),
        unreadable=unreadable,
        seen_at=fact.at.isoformat(),
    )
    return Answer(reply)


def _unseen(scene: Scene, why: str) -> BackupList:
    bot_name, now = scene.installation.bot_name, scene.now.isoformat()
    return BackupList(bot_name, now, [], 0, [], seen_at=None, problem=why)


def _merged(values: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """One entry a snapshot, with the stores that hold it; newest first."""
    by_id: dict[str, dict[str, Any]] = {}
    unreadable: list[dict[str, str]] = []
    for store in values.get("stores", []):
        if store.get("problem"):
            unreadable.append({"name": store["name"], "why": store["problem"]})
        for snapshot in store.get("snapshots", []):
            entry = by_id.setdefault(
                snapshot["id"],
                {
                    "id": snapshot["id"],
                    "job": snapshot["job"],
                    "created_at": snapshot["created_at"],
                    "size_bytes": snapshot["size_bytes"],
                    # Neither is in facts that an earlier version wrote.
                    "only": snapshot.get("only"),
                    "missing_files": snapshot.get("missing_files", 0),
                    "stores": [],
                },
            )
            entry["stores"].append(
                {
                    "name": store["name"],
                    "verified_at": snapshot["verified_at"],
                    "compared_at": snapshot.get("compared_at"),
                    "damaged": snapshot["damaged"],
                    "proven_at": snapshot.get("proven_at") if snapshot.get("proven") else None,
                    "refuted_at": snapshot.get("refuted_at"),
                    "kept_until": snapshot.get("kept_until"),
                    "marked_at": snapshot.get("marked_at"),
                }
            )
    newest_first = sorted(by_id.values(), key=lambda entry: str(entry["id"]), reverse=True)
    return newest_first, unreadable


COMMAND = Command(
    name="backups",
    summary="List the copies: when, how big, verified and proven or not",
    effect=Effect.READ,
    example="backups",
    answer=_answer,
    looks=frozenset({Look.FRESH_FACTS}),
)
