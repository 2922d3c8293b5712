"""Which copy is drilled, and from which store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from handlers.backups import planning
from handlers.backups.drills.stored_copy import no_key
from handlers.backups.repository import STREAMS, Snapshot, read_snapshot, snapshot_ids
from handlers.backups.sealing.keys import Keys
from handlers.backups.sealing.record import Sealing, Use
from handlers.backups.showing.find import find
from handlers.backups.standing import UNKNOWN, Standing, standings
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from handlers.host.store_contract import Store

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One copy in one store."""

    settings: StoreSettings
    snapshot: Snapshot
    #: Its last drill failed; only one that looks at everything can say otherwise.
    is_refuted: bool = False


@dataclass(frozen=True, slots=True)
class _Candidate:
    """The newest verified copy in one store, and when anything there was last drilled."""

    settings: StoreSettings
    snapshot: Snapshot
    drilled_at: datetime
    is_refuted: bool


def choose(stores: Sequence[StoreSettings], wanted: str | None, only: str | None) -> Chosen:
    """The copy that was named, or the newest verified one; where two stores hold it, that of the
    two in which a drill was longest ago, so that each has its turn.

    Raises BadCommand and HostFailure where there is none, each with what to do.
    """
    among = planning.choose_stores(stores, only)
    if wanted is not None:
        places = find(among, wanted).places
        drilled = {each.settings.name: _drilled_in(each.settings) for each in places}
        first = min(places, key=lambda each: drilled[each.settings.name])
        if not first.snapshot.is_whole:
            raise _only_a_part(first.snapshot)
        return Chosen(first.settings, first.snapshot, first.standing.is_refuted)
    candidates, failures = _candidates(among)
    if not candidates:
        raise failures[0] if failures else _nothing_verified(among)
    newest = max(each.snapshot.id for each in candidates)
    holding = [each for each in candidates if each.snapshot.id == newest]
    taken = min(holding, key=lambda each: each.drilled_at)
    return Chosen(taken.settings, taken.snapshot, taken.is_refuted)


def check_keys(snapshot: Snapshot, keys: Keys) -> None:
    """HostFailure where nothing here opens it, with how to make a key that opens the next ones."""
    openers = (keys.openers(snapshot.sealing, stream) for stream in STREAMS)
    if all(each is None or each for each in openers):
        return
    assert snapshot.sealing is not None
    raise no_key(snapshot, _how_to_get_one(snapshot.sealing, keys))


def _how_to_get_one(sealing: Sealing, keys: Keys) -> str:
    if any(each.use is Use.DRILL for each in sealing.keys):
        return (
            "Put the secret of that drill key here, as root and with mode 0600, and name its file"
            " as `backup.keys.drill_identity_file`."
        )
    if keys.drill is not None:
        return "Take a new backup, which will be sealed to the drill key too, and drill that one."
    return (
        "Make a drill key with `age-keygen -o /etc/zulip-ops/drill.key`, write its public key as"
        " `backup.keys.drill` and its file as `backup.keys.drill_identity_file`, take a new backup,"
        " and drill that one."
    )


def _candidates(
    stores: Sequence[StoreSettings],
) -> tuple[list[_Candidate], list[HostFailure]]:
    """A store that cannot be read does not keep the others from being drilled."""
    found, failures = list[_Candidate](), list[HostFailure]()
    for settings in stores:
        try:
            store = open_store(settings)
            noted = standings(store)
            newest = _newest_verified(store, noted)
        except HostFailure as failure:
            failures.append(failure)
            continue
        if newest is not None:
            drilled_at = _newest_drill(noted.values())
            is_refuted = noted[newest.id].is_refuted
            found.append(_Candidate(settings, newest, drilled_at, is_refuted))
    return found, failures


def _newest_verified(store: Store, noted: Mapping[str, Standing]) -> Snapshot | None:
    """Of whole copies; a part is no copy of a server, and of a damaged record others tell."""
    for each in snapshot_ids(store):
        if not noted.get(each, UNKNOWN).is_verified:
            continue
        try:
            snapshot = read_snapshot(store, each)
        except HostFailure as failure:
            if failure.reason is not Reason.VERIFICATION_FAILED:
                raise
            continue
        if snapshot.is_whole:
            return snapshot
    return None


def _drilled_in(settings: StoreSettings) -> datetime:
    return _newest_drill(standings(open_store(settings)).values())


def _newest_drill(found: Iterable[Standing]) -> datetime:
    drills = (at for each in found for at in (each.proven_at, each.refuted_at) if at is not None)
    return max(drills, default=_NEVER)


def _only_a_part(snapshot: Snapshot) -> BadCommand:
    return BadCommand(
        f"Copy {snapshot.id} holds one part of the server alone, and a drill needs a whole copy.",
        reason=Reason.BAD_ARGUMENT,
        hint="`backups` lists them; `drill` takes the newest whole one.",
    )


def _nothing_verified(stores: Sequence[StoreSettings]) -> BadCommand:
    names = ", ".join(store.name for store in stores)
    return BadCommand(
        f"There is no verified copy in {names}, so there is nothing to drill.",
        reason=Reason.BAD_ARGUMENT,
        hint="Take one with `backup now`.",
    )
