"""Copies database, uploads and configuration, as one snapshot, to all stores at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from handlers.backups import configuration_files, database_dump, facts, uploads
from handlers.backups.earlier_uploads import Base
from handlers.backups.fan_out import Destination, FanOut
from handlers.backups.reading.following import Following, Means, Tools
from handlers.backups.repository import (
    CONFIGURATION,
    DATABASE,
    INDEX,
    UPLOADS,
    StreamRecord,
)
from handlers.backups.sealing.keys import Keys
from handlers.backups.streams import ObjectWriter
from handlers.backups.together import together
from handlers.backups.uploads import Tally
from handlers.contract import JSON, Context
from handlers.errors import HostFailure
from handlers.host import postgres
from handlers.host.layout import Layout

TAR = "GNU tar"
INDEX_FORMAT = "JSON lines"


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
    streams: dict[str, StreamRecord] = field(default_factory=dict)
    facts: dict[str, JSON] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    writers: dict[str, ObjectWriter] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        return Layout(self.context.host.root)

    def writer(self, stream: str, to: Sequence[Destination]) -> ObjectWriter:
        recipients = self.keys.recipients(stream)
        self.writers[stream] = ObjectWriter(self.snapshot, stream, self.fan_out, to, recipients)
        return self.writers[stream]

    def tick(self) -> None:
        """Say how far it is, in plain bytes."""
        done = {name: writer.plain_bytes for name, writer in self.writers.items()}
        said = ", ".join(
            f"{name} {done[name] / 1e6:,.0f} MB" for name in (DATABASE, UPLOADS) if name in done
        )
        back = f" Read back: {self.following.read_bytes / 1e6:,.0f} MB, compressed."
        self.context.journal.progress(
            f"Copied: {said or 'nothing yet'}.{back}", done=sum(done.values())
        )


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
    names, never less.
    """
    host = copying.context.host
    copying.left_out += facts.left_out(copying.layout)
    copying.facts["zulip"] = facts.zulip_facts(copying.layout)
    copying.facts["system"] = facts.system_facts(copying.layout)
    with postgres.connect(host.database) as connection:
        exported = database_dump.exported_snapshot(connection)
        found = facts.database_facts(connection)
        copying.facts["postgresql"] = found
        programs = postgres.programs_directory(host.database, int(str(found["major"])))
        means = Means(Tools(host.database, programs), copying.keys, copying.keys.sealing)
        for destination in copying.fan_out.usable:
            copying.following.start(copying.snapshot, destination, means)
        argv = database_dump.dump_argv(host.database, programs, exported)
        with database_dump.start_dump(host.database, argv) as dump:

            def stop() -> None:
                copying.fan_out.stop()
                dump.kill()

            def copy_database() -> None:
                writer = copying.writer(DATABASE, copying.fan_out.destinations)
                for chunk in database_dump.output_of(dump):
                    writer.write(chunk)
                copying.streams[DATABASE] = writer.close(database_dump.FORMAT, argv)

            parts = {DATABASE: copy_database, UPLOADS: lambda: _copy_files(copying)}
            together(parts, tick=copying.tick, stop=stop)
    copying.fan_out.drain()


def _copy_files(copying: Copying) -> None:
    writer = copying.writer(CONFIGURATION, copying.fan_out.destinations)
    copying.left_out += configuration_files.copy(copying.layout.configuration, writer)
    copying.streams[CONFIGURATION] = writer.close(TAR)
    for group in copying.groups:
        _copy_uploads(copying, group)


def _copy_uploads(copying: Copying, group: Group) -> None:
    tar = copying.writer(UPLOADS, group.destinations)
    index = copying.writer(INDEX, group.destinations)
    base = iter(()) if group.base is None else group.base.lines()
    try:
        group.tally = uploads.copy(copying.layout.uploads, copying.snapshot, base, tar, index)
        group.streams[UPLOADS] = tar.close(TAR)
        group.streams[INDEX] = index.close(INDEX_FORMAT)
    except HostFailure:
        # Where each store of this group has failed, those of the others go on.
        if not any(each.is_usable for each in group.destinations) and copying.fan_out.usable:
            return
        raise
