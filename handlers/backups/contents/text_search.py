"""The dictionaries and stop words that the database searches with, and that lie outside of it."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from handlers.backups.tar_stream import TarWriter
from handlers.contract import JSON
from handlers.host import postgres
from handlers.host.layout import Layout
from handlers.host.postgres import Connection

#: How PostgreSQL's templates call a file, and how that file's name ends.
ENDINGS = {
    "dictfile": "dict",
    "afffile": "affix",
    "stopwords": "stop",
    "synonyms": "syn",
    "rules": "rules",
}
#: Of the template `thesaurus` the option is called as that of ispell, and the file is not.
THESAURUS = "thesaurus"
_OPTION = re.compile(r"""(\w+)\s*=\s*'?([\w.-]+)'?""")
_DICTIONARIES = (
    "SELECT n.nspname, d.dictname, t.tmplname, coalesce(d.dictinitoption, '')"
    " FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace"
    " JOIN pg_ts_template t ON t.oid = d.dicttemplate"
    " WHERE n.nspname <> 'pg_catalog' ORDER BY 1, 2"
)
_CONFIGURATIONS = (
    "SELECT n.nspname || '.' || c.cfgname FROM pg_ts_config c"
    " JOIN pg_namespace n ON n.oid = c.cfgnamespace"
    " WHERE n.nspname <> 'pg_catalog' ORDER BY 1"
)


def facts(connection: Connection) -> dict[str, JSON]:
    """What the database brings of its own, and the files that a restored one would look for."""
    dictionaries = postgres.rows(connection, _DICTIONARIES)
    files = {
        name
        for _, _, template, options in dictionaries
        for name in file_names(str(template), str(options))
    }
    return {
        "configurations": [row[0] for row in postgres.rows(connection, _CONFIGURATIONS)],
        "dictionaries": {
            f"{schema}.{name}": f"{template}: {options}" if options else template
            for schema, name, template, options in dictionaries
        },
        "files": list[JSON](sorted(files)),
    }


def file_names(template: str, options: str) -> Iterator[str]:
    """The files that a dictionary with these options reads, below tsearch_data."""
    for option, value in _OPTION.findall(options.lower()):
        if option in ENDINGS:
            is_thesaurus = template == THESAURUS and option == "dictfile"
            yield f"{value}.{'ths' if is_thesaurus else ENDINGS[option]}"


def copy(layout: Layout, programs: Path, major: int, found: JSON, writer: TarWriter) -> list[str]:
    """Put these files into the tar, as PostgreSQL sees them: what a link points at is followed."""
    names = found.get("files") if isinstance(found, dict) else None
    places = directories(layout, programs, major)
    return [
        f"The text search file {name}, which the database uses: it is in none of"
        f" {', '.join(layout.shown(each) for each in places)}."
        for name in (names if isinstance(names, list) else [])
        if not _copy_one(str(name), places, major, writer)
    ]


def directories(layout: Layout, programs: Path, major: int) -> Sequence[Path]:
    """Where this PostgreSQL keeps them: Debian's place, and that of programs which were moved."""
    return (
        layout.root / f"usr/share/postgresql/{major}/tsearch_data",
        programs.parent / "share/postgresql/tsearch_data",
        programs.parent / "share/tsearch_data",
    )


def _copy_one(name: str, places: Sequence[Path], major: int, writer: TarWriter) -> bool:
    """Debian makes links of dictionaries, into a cache that is made anew on another host."""
    for place in places:
        try:
            path = (place / name).resolve(strict=True)
            writer.add_file(f"usr/share/postgresql/{major}/tsearch_data/{name}", os.fsencode(path))
        except OSError:
            continue
        return True
    return False
