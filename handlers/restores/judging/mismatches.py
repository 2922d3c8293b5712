"""What of the copy and of this server does not go together, each with what to do about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handlers.backups.contents import text_search
from handlers.backups.repository import Snapshot
from handlers.contract import JSON, Context, Precondition
from handlers.host import postgres
from handlers.host.deployments import Deployment
from handlers.host.layout import Layout
from handlers.restores.judging.present import Present

#: In every database from its template.
_ALWAYS_THERE = frozenset({"plpgsql"})
#: Of names in one sentence.
NAMED = 5


@dataclass(frozen=True, slots=True)
class Made:
    """How and on what the copy was made, as far as its commit record says."""

    zulip: str | None
    postgresql: str | None
    major: int | None
    size_bytes: int
    extensions: tuple[str, ...]
    system_identifier: str | None
    #: Files of text search that its dictionaries read.
    dictionaries: tuple[str, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Made":
        zulip, postgresql = _table(snapshot.facts, "zulip"), _table(snapshot.facts, "postgresql")
        major, size = postgresql.get("major"), postgresql.get("size_bytes")
        return cls(
            zulip=_text(zulip.get("version")),
            postgresql=_text(postgresql.get("version")),
            major=major if isinstance(major, int) else None,
            size_bytes=size if isinstance(size, int) else 0,
            extensions=tuple(sorted(set(_table(postgresql, "extensions")) - _ALWAYS_THERE)),
            system_identifier=_text(postgresql.get("system_identifier")),
            dictionaries=_texts(_table(postgresql, "text_search").get("files")),
        )


def deployment_for(made: Made, present: Present) -> Deployment | None:
    """Whose code fits the copy's database: the present one, or an older one that is still here."""
    trees = (present.deployment, *present.deployments)
    return next((tree for tree in trees if tree is not None and tree.version == made.zulip), None)


def of_zulip(made: Made, present: Present) -> Precondition:
    name = "zulip_fits"
    tree, now = deployment_for(made, present), present.deployment
    if tree is None or now is None:
        running = "no deployment can be read" if now is None else f"{now.version} is deployed"
        return Precondition(
            name,
            f"The copy is of Zulip {made.zulip or 'of an unknown version'}, and {running} here:"
            f" code and database have to be of one version. {_remedy(made, now)}",
            holds=False,
        )
    if tree == now:
        return Precondition(name, f"The copy is of Zulip {now.version}, as deployed.", holds=True)
    return Precondition(
        name,
        f"The copy is of Zulip {made.zulip}, and {now.version} is deployed. {tree.path.name} with"
        f" {tree.version} is still here, and becomes current.",
        holds=True,
    )


def of_postgresql(made: Made, present: Present) -> Precondition:
    name = "postgresql_fits"
    if present.database is None:
        why = "it does not answer" if present.failure is None else present.failure.message
        return Precondition(name, f"PostgreSQL has to answer: {why}", holds=False)
    now = present.database
    if made.major is not None and made.major > now.major:
        return Precondition(
            name,
            f"The copy is of PostgreSQL {made.postgresql}, and {now.server_version} runs here. An"
            " older server does not read a newer dump: upgrade PostgreSQL to"
            f" {made.major} first, with Zulip's `upgrade-postgresql`.",
            holds=False,
        )
    if made.major is not None and made.major < now.major:
        return Precondition(
            name,
            f"The copy is of PostgreSQL {made.postgresql}, and {now.server_version} runs here; a"
            " newer server reads an older dump.",
            holds=True,
        )
    return Precondition(name, f"PostgreSQL {now.server_version} reads this dump.", holds=True)


def of_extensions(made: Made, present: Present) -> Precondition:
    name = "extensions_are_here"
    missing = sorted(set(made.extensions) - present.extensions)
    if present.database is None or not missing:
        here = ", ".join(made.extensions) or "none beside those every database has"
        return Precondition(name, f"Extensions that it needs: {here}.", holds=True)
    return Precondition(
        name,
        f"The copy needs {', '.join(missing)}, which this PostgreSQL does not have: install the"
        " package that brings it, such as"
        f" `postgresql-{present.database.major}-{missing[0].replace('_', '-')}`.",
        holds=False,
    )


def of_dictionaries(context: Context, made: Made, present: Present) -> Precondition:
    """Files that lie outside of the database, and without which its dictionaries cannot be made."""
    name, missing = "dictionaries_are_here", list(made.dictionaries)
    if present.database is not None and missing:
        major = present.database.major
        programs = postgres.programs_directory(context.host.database, major)
        places = text_search.directories(Layout(context.host.root), programs, major)
        missing = [file for file in missing if not any((place / file).exists() for place in places)]
    if present.database is None or not missing:
        here = ", ".join(made.dictionaries) or "none"
        return Precondition(name, f"Text search files that it needs: {here}.", holds=True)
    return Precondition(
        name,
        f"The copy needs the text search files {', '.join(missing)}, which this PostgreSQL does not"
        " have. They are in its configuration, below usr/share/postgresql: `backup show` with"
        " `--by-hand` says how to get at it.",
        holds=False,
    )


def warnings(made: Made, snapshot: Snapshot, present: Present) -> Iterator[str]:
    """What does not stop it, and what one wants to know before."""
    now = present.database
    if now is not None and made.system_identifier not in {None, now.system_identifier}:
        yield "The copy was made on another PostgreSQL cluster than this one."
    if snapshot.named_files is not None and snapshot.named_files.missing:
        missing = snapshot.named_files.missing
        yield f"{missing:,} file{'s' * (missing != 1)} that its database names are not in the copy."
    for sentence in snapshot.left_out:
        if sentence.startswith("Uploads"):
            yield f"Not in it: {sentence}"


def _remedy(made: Made, now: Deployment | None) -> str:
    if made.zulip is None or now is None:
        return "Restore it by hand: `backup show` with `--by-hand` prints the commands."
    return (
        f"Deploy {made.zulip} first; or restore it by hand on a server with {made.zulip}:"
        " `backup show` with `--by-hand` prints the commands."
    )


def _table(facts: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def _texts(values: JSON) -> tuple[str, ...]:
    return tuple(str(each) for each in values) if isinstance(values, list) else ()


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None
