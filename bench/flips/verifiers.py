"""Who reads the copies back: the program itself, and one that must not be believed."""

from collections.abc import Callable

from bench.flips.world import Repository
from handlers.backups.reading import verify_backup
from handlers.backups.repository import read_snapshot
from handlers.errors import HostFailure, Reason
from handlers.host.object_store import open_store

#: Raises HostFailure where it finds the snapshot damaged.
Verifier = Callable[[Repository, str], None]


def the_program(repository: Repository, snapshot: str) -> None:
    """As a runner carries out `backup verify`."""
    context, args = repository.context(), verify_backup.Args(snapshot)
    verify_backup.run(context, args, verify_backup.plan(context, args))


def a_blind_one(repository: Repository, snapshot: str) -> None:
    """Sees that every object is there in its size, as a listing shows, and opens none."""
    store = open_store(repository.store)
    record = read_snapshot(store, snapshot)
    sizes = {each.key: each.size_bytes for each in store.entries(f"objects/{snapshot}/")}
    for stream in record.streams.values():
        for each in stream.objects:
            if sizes.get(each.key) != each.bytes:
                raise HostFailure(f"{each.key} is missing.", reason=Reason.VERIFICATION_FAILED)
