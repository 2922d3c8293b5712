"""Copies database, uploads and configuration, as one snapshot, to all stores at once."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from handlers.backups import database_dump, facts, uploads
from handlers.backups.contents import configuration, database_facts, s3_uploads
from handlers.backups.contents.completeness import Lookup
from handlers.backups.contents.configuration import Server
from handlers.backups.contents.named_files import Named, named, naming_of, still_named
from handlers.backups.earlier_uploads import Base
from handlers.backups.fan_out import Destination, FanOut
from handlers.backups.reading.following import Following, Means, Tools
from handlers.backups.repository import (
    CONFIGURATION,
    DATABASE,
    INDEX,
    PARTS,
    STREAMS,
    UPLOADS,
    StreamRecord,
)
from handlers.backups.sealing.keys import Keys
from handlers.backups.streams import ObjectWriter
from handlers.backups.telling.pace import Pace, expected_dump
from handlers.backups.together import together
from handlers.backups.uploads import Tally
from handlers.contract import JSON, Context
from handlers.errors import HostFailure
from handlers.host import postgres, zulip_settings
from handlers.host.layout import Layout
from handlers.host.postgres import Connection
from handlers.host.zulip_settings import UploadsPlace

TAR = "GNU tar"
INDEX_FORMAT = "JSON lines"
NO_DATABASE = "PostgreSQL's roles, tablespaces and dictionaries: {why}"
NO_SALT = (
    "Whether uploaded avatars are there: `avatar_salt` in zulip-secrets.conf could not be read."
)


@dataclass(slots=True)
class Group:
    """Stores that hold the same uploads already, so that one tar serves them all."""

    destinations: tuple[Destination, ...]
    base: Base | None
    streams: dict[str, StreamRecord] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class Copying:
    """One snapshot while it is made."""

    context: Context
    snapshot: str
    fan_out: FanOut
    following: Following
    groups: Sequence[Group]
    keys: Keys = Keys()
    #: The one part that is copied; None: all of them.
    only: str | None = None
    streams: dict[str, StreamRecord] = field(default_factory=dict)
    facts: dict[str, JSON] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    writers: dict[str, ObjectWriter] = field(default_factory=dict)
    #: How long each stream took.
    seconds: dict[str, float] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)

    @property
    def layout(self) -> Layout:
        return Layout(self.context.host.root)

    @property
    def wanted(self) -> Sequence[str]:
        """The streams that are copied."""
        return streams_of(self.only)

    def writer(self, stream: str, to: Sequence[Destination]) -> ObjectWriter:
        recipients = self.keys.recipients(stream)
        self.writers[stream] = ObjectWriter(self.snapshot, stream, self.fan_out, to, recipients)
        return self.writers[stream]

    def tick(self) -> None:
        """Say how far it is, in plain bytes."""
        done = {name: writer.plain_bytes for name, writer in self.writers.items()}
        said = self.pace.sentence(done, self.following.read_bytes)
        self.context.journal.progress(said, done=sum(done.values()))

    @contextmanager
    def timed(self, stream: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        seconds = self.seconds.get(stream, 0.0) + time.monotonic() - started
        self.seconds[stream] = round(seconds, 3)


def streams_of(only: str | None) -> Sequence[str]:
    """All, or those of one part."""
    return STREAMS if only is None else PARTS[only]


def group_by_base(destinations: Sequence[tuple[Destination, Base | None]]) -> tuple[Group, ...]:
    """Stores with equal indexes together."""
    groups: dict[object, Group] = {}
    for destination, base in destinations:
        key = None if base is None else base.content
        known = groups.get(key)
        earlier = () if known is None else known.destinations
        groups[key] = Group((*earlier, destination), base)
    return tuple(groups.values())


def copy_everything(copying: Copying) -> None:
    """All streams, handed to the stores whole; HostFailure when a part of it cannot be read.

    The uploads are read after the moment that the dump shows: they can only hold more than it
    names, never less, except for what was lost or deleted.
    """
    copying.left_out += facts.left_out(copying.context.contents) if copying.only is None else []
    copying.facts["zulip"] = facts.zulip_facts(copying.layout)
    copying.facts["system"] = facts.system_facts(copying.layout)
    if DATABASE in copying.wanted:
        with postgres.connect(copying.context.host.database) as connection:
            _copy_with_dump(copying, connection)
    else:
        server = _server_if_there(copying) if CONFIGURATION in copying.wanted else None
        _follow(copying, None)
        together(
            {"files": lambda: _copy_files(copying, server, None)},
            tick=copying.tick,
            stop=copying.fan_out.stop,
        )
    copying.fan_out.drain()


def _copy_with_dump(copying: Copying, connection: Connection) -> None:
    database = copying.context.host.database
    exported = database_dump.exported_snapshot(connection)
    server = _look_at_server(copying, connection)
    _follow(copying, server.programs)
    argv = database_dump.dump_argv(database, server.programs, exported)
    with database_dump.start_dump(database, argv) as dump:

        def stop() -> None:
            copying.fan_out.stop()
            postgres.cancel(connection)
            dump.kill()

        def copy_database() -> None:
            writer = copying.writer(DATABASE, copying.fan_out.destinations)
            with copying.timed(DATABASE):
                for chunk in database_dump.output_of(dump):
                    writer.write(chunk)
                copying.streams[DATABASE] = writer.close(database_dump.FORMAT, argv)

        parts = {DATABASE: copy_database}
        if copying.only is None:
            parts["files"] = lambda: _copy_files(copying, server, connection)
        together(parts, tick=copying.tick, stop=stop)


def _look_at_server(copying: Copying, connection: Connection) -> Server:
    """In the connection's view: of the very moment that the dump shows."""
    found = database_facts.facts(connection)
    copying.facts["postgresql"] = found
    earlier = next((group.base.snapshot for group in copying.groups if group.base), None)
    tables, size = int(str(found["tables_bytes"])), int(str(found["size_bytes"]))
    copying.pace = Pace(expected_dump(tables, size, earlier))
    major = int(str(found["major"]))
    programs = postgres.programs_directory(copying.context.host.database, major)
    return Server(major, programs, found["text_search"])


def _server_if_there(copying: Copying) -> Server | None:
    """The configuration is worth a copy just when the database does not answer."""
    try:
        with postgres.connect(copying.context.host.database) as connection:
            return _look_at_server(copying, connection)
    except HostFailure as failure:
        copying.left_out.append(NO_DATABASE.format(why=failure.message))
        return None


def _follow(copying: Copying, programs: Path | None) -> None:
    tools = Tools(copying.context.host.database, programs)
    means = Means(tools, copying.keys, copying.keys.sealing)
    for destination in copying.fan_out.usable:
        copying.following.start(copying.snapshot, destination, means)


def _copy_files(copying: Copying, server: Server | None, connection: Connection | None) -> None:
    """Configuration and uploads; `connection` has the view that the dump shows."""
    if CONFIGURATION in copying.wanted:
        with copying.timed(CONFIGURATION):
            writer = copying.writer(CONFIGURATION, copying.fan_out.destinations)
            copying.left_out += configuration.copy(copying.context, server, writer)
            copying.streams[CONFIGURATION] = writer.close(TAR)
    if UPLOADS in copying.wanted:
        place = zulip_settings.uploads_place(copying.layout)
        lookup = _look_at_uploads(copying, place, connection)
        for group in copying.groups:
            with copying.timed(UPLOADS):
                _copy_uploads(copying, group, place, lookup)


def _look_at_uploads(
    copying: Copying, place: UploadsPlace, connection: Connection | None
) -> Callable[[], Lookup | None]:
    """How the files that the database names are looked for, once for each scan."""
    if place.buckets is not None:
        known, said = s3_uploads.look(copying.layout, place.buckets)
        copying.facts["uploads_in_s3"] = known
        copying.left_out += said
        return lambda: None
    if not place.directory.is_dir():
        shown = copying.layout.shown(place.directory)
        copying.left_out.append(f"Uploads: there is no directory {shown}.")
    if connection is None:
        return lambda: None
    avatar_salt = zulip_settings.secret(copying.layout, "avatar_salt")
    naming = naming_of(copying.facts["postgresql"], avatar_salt)
    if naming.avatar_salt is None:
        copying.left_out.append(NO_SALT)

    def ask_again(some: Sequence[Named]) -> Sequence[Named]:
        with postgres.connect(copying.context.host.database) as now:
            return still_named(now, naming, some)

    return lambda: Lookup(named(connection, naming), ask_again)


def _copy_uploads(
    copying: Copying, group: Group, place: UploadsPlace, lookup: Callable[[], Lookup | None]
) -> None:
    tar = copying.writer(UPLOADS, group.destinations)
    index = copying.writer(INDEX, group.destinations)
    base = iter(()) if group.base is None else group.base.lines()
    streams = uploads.Streams(tar, index)
    try:
        group.tally = uploads.copy(place.directory, copying.snapshot, base, streams, lookup())
        group.streams[UPLOADS] = tar.close(TAR)
        group.streams[INDEX] = index.close(INDEX_FORMAT)
    except HostFailure:
        # Where each store of this group has failed, those of the others go on.
        if not any(each.is_usable for each in group.destinations) and copying.fan_out.usable:
            return
        raise
