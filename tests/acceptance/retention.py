"""A store with tiny copies for conversations about which of them stay."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.retention.tiny import TinyCopies
from handlers.backups.repository import snapshot_ids
from handlers.backups.retention import marks
from handlers.host.object_store import open_store
from handlers.host.store_contract import Store
from state.job_store import Job
from tests.acceptance.conversation import Conversation

RULES = "[backup.retention]\nkeep = { daily = 2 }\nproven = 1\n"
POLICY = """
[policy.roles]
viewer = [{hamlet}]
operator = [{iago}, {desdemona}]
[policy.read]
ask = ["viewer", "operator"]
[policy.routine]
ask = ["operator"]
yes = true
[policy.destructive]
ask = ["operator"]
approve = ["operator"]
people = 1
arming_seconds = 0
"""


@dataclass(frozen=True, slots=True)
class Copies:
    """The local store of a stage."""

    store: Store
    #: Newest first; each relies on the one before it.
    ids: list[str]

    @property
    def there(self) -> set[str]:
        return set(snapshot_ids(self.store))

    @property
    def marked(self) -> set[str]:
        return set(marks.marked(self.store))

    def unmark(self, snapshot: str) -> None:
        """As if no prune had ever come by."""
        for note in list(self.store.entries(f"{marks.TOMBSTONES}{snapshot}/")):
            self.store.delete(note.key)

    def mark_long_ago(self, snapshot: str) -> None:
        self.unmark(snapshot)
        marks.mark(self.store, snapshot, datetime.now(UTC) - timedelta(days=3), 1, "by rule")


def fill(talk: Conversation, number: int) -> Copies:
    """A copy of each of the last days, the newest of them proven."""
    store = open_store(talk.stage.stores[0])
    tiny, made = TinyCopies(store, made=9_000), list[str]()
    for back in reversed(range(number)):
        add = tiny.add if back else tiny.add_proven
        made.append(add(datetime.now(UTC) - timedelta(days=back, hours=1), made[-1:]))
    return Copies(store, made[::-1])


def job_of(snapshot: str) -> int:
    """Tiny copies carry their number in both."""
    return int(snapshot[-8:], 16)


def ended(talk: Conversation, job: Job) -> str:
    return talk.end_of(job.id).content
