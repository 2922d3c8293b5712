"""Looks whether copies can be drilled here: a place, an account, and PostgreSQL's programs."""

from collections.abc import Iterator

from bot.doctor.contract import Diagnosis, ok, warning
from bot.settings import Settings
from handlers.backups.drills import preflight
from handlers.backups.drills.place import scratch
from handlers.errors import HostFailure
from handlers.host import postgres
from handlers.host.settings import HostSettings
from handlers.wording import size

SUBJECT = "drills"
_UNPROVEN = "Until then copies stay unproven; `host.drills` has the settings."


def examine_drills(settings: Settings) -> Iterator[Diagnosis]:
    """A copy of the live database's major version; nothing is made or started."""
    host = settings.configuration.host
    if host.drills.every_days == 0:
        yield ok(SUBJECT, "No drills are expected here.")
        return
    try:
        yield _looked_at(host)
    except HostFailure as failure:
        yield warning(SUBJECT, failure.message, failure.hint or _UNPROVEN)


def _looked_at(host: HostSettings) -> Diagnosis:
    account, directory = scratch.account(host.drills), host.drills.directory
    why = scratch.unfit(directory)
    if why is not None:
        return warning(SUBJECT, why, _UNPROVEN)
    with postgres.connect(host.database) as connection:
        major = postgres.read_facts(connection).major
    version = preflight.version_of(preflight.programs_for(host, major), major)
    who = "as we are" if account is None else f"as `{account}`"
    free = size(scratch.free_bytes(directory))
    return ok(SUBJECT, f"PostgreSQL {version} can be drilled {who} in {directory}, {free} free.")
