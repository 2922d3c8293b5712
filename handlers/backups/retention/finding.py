"""Finds the one copy that somebody means, in each store, also where its record is damaged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from handlers.backups import repository
from handlers.backups.retention.copies import Copy
from handlers.backups.retention.survey import Survey, Surveyor
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class InStore:
    """The copy in one store, and what lies around it there."""

    settings: StoreSettings
    survey: Survey
    copy: Copy

    @property
    def name(self) -> str:
        return self.settings.name


@dataclass(slots=True)
class Meant:
    """One copy; `unreadable` says which stores could not be asked, and why."""

    id: str
    job: int | None
    places: tuple[InStore, ...]
    unreadable: list[HostFailure] = field(default_factory=list)


def find_copy(stores: Sequence[StoreSettings], wanted: str, verb: str) -> Meant:
    """By a job's number or by its id; BadCommand where there is none, or more than one."""
    places: list[InStore] = []
    unreadable: list[HostFailure] = []
    for settings in stores:
        try:
            places += _in_store(settings, wanted)
        except HostFailure as failure:
            unreadable.append(failure)
    ids = sorted({place.copy.id for place in places}, reverse=True)
    if len(ids) > 1:
        raise BadCommand(
            f"Job #{wanted} made more than one copy: {', '.join(ids)}.",
            reason=Reason.BAD_ARGUMENT,
            hint=f"Name one of them: `{verb} {ids[0]}`.",
        )
    if not ids:
        raise _none(wanted, [store.name for store in stores], unreadable)
    jobs = [place.copy.job for place in places if place.copy.job is not None]
    return Meant(ids[0], jobs[0] if jobs else None, tuple(places), unreadable)


def _in_store(settings: StoreSettings, wanted: str) -> Iterator[InStore]:
    survey = Surveyor(open_store(settings)).look()
    for copy in survey.copies:
        if wanted in {copy.id, str(copy.job)}:
            yield InStore(settings, survey, copy)


def _none(
    wanted: str, names: Sequence[str], unreadable: Sequence[HostFailure]
) -> BadCommand | HostFailure:
    if unreadable:
        said = " ".join(failure.message for failure in unreadable)
        return HostFailure(
            f"No store that can be read has a copy `{wanted}`. {said}",
            reason=Reason.STORE_FAILED,
            hint=unreadable[0].hint,
        )
    what = f"copy `{wanted}`" if repository.is_id(wanted) else f"copy of job #{wanted}"
    return BadCommand(
        f"There is no {what} in {' or '.join(names)}.",
        reason=Reason.BAD_ARGUMENT,
        hint="`backups` lists them, with their jobs and their ids.",
    )
