"""Holds uploads and configuration of a copy to its index, and both to the restored database."""

import ast
import configparser
import io
import tarfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from handlers.backups.contents.completeness import Lookup
from handlers.backups.contents.named_files import named, naming_of
from handlers.backups.drills.findings import Findings, refuted
from handlers.backups.drills.place.cluster import QUESTION_LIMIT, Cluster
from handlers.backups.drills.stored_copy import Copy
from handlers.backups.repository import CONFIGURATION, INDEX, UPLOADS, Snapshot, is_id
from handlers.backups.tar_stream import Member, TarReader
from handlers.backups.uploads import Indexed, encode_line, read_index, tar_name
from handlers.errors import HostFailure
from handlers.host import postgres

#: Zulip does not start, or is another one to its users, without these.
REQUIRED_SECRETS = (
    "avatar_salt",
    "camo_key",
    "rabbitmq_password",
    "secret_key",
    "shared_secret",
)
SETTINGS, MACHINE, SECRETS = (
    f"etc/zulip/{name}" for name in ("settings.py", "zulip.conf", "zulip-secrets.conf")
)
#: Far above anything that people write by hand.
LARGEST_FILE = 4 * 1024 * 1024
_READ_BYTES = 1024 * 1024
#: For each copy that holds uploads; there may be a thousand of them.
_GATHERED_BYTES = 16 * 1024
#: In the facts of a copy: where its uploads are, when they are not in it.
IN_S3 = "uploads_in_s3"
_WHY_NOT_NAMED = {
    True: "Uploads that Zulip keeps in S3 are not in the copy.",
    False: "Files that the database names were not looked for: there were no uploads to copy.",
}
NAMED = 5


def check_index(
    copy: Copy, cluster: Cluster, spool: Path, avatar_salt: str, findings: Findings
) -> None:
    """Every file that the restored database names is in the index, if it was there to be copied.

    Leaves below `spool` one file for each copy that holds uploads of this one, with its lines.
    """
    spool.mkdir(mode=0o700)
    then = copy.snapshot.named_files
    if then is None:
        _sort_out(copy, spool, None)
        findings.not_checked.append(_WHY_NOT_NAMED[IN_S3 in copy.snapshot.facts])
        return
    try:
        with postgres.connect(cluster.database, timeout=QUESTION_LIMIT) as connection:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN READ ONLY")
            naming = naming_of(copy.snapshot.facts.get("postgresql"), avatar_salt)
            # The database is that of then, so there is nobody else to be asked again.
            lookup = Lookup(named(connection, naming), ask_again=lambda some: some)
            _sort_out(copy, spool, lookup)
            found = lookup.finish()
    except HostFailure as failure:
        raise cluster.why_it_failed() or failure from failure
    if found.missing > then.missing + then.deleted_meanwhile:
        raise refuted(_without_file(found.missing, found.first_missing))
    missing = max(found.missing, then.missing)
    findings.checked.append(_as_it_was(sum(found.counts.values()), missing))


def check_all_uploads(copy: Copy, spool: Path, findings: Findings) -> None:
    """Take every upload out of the tars and compare it with the index."""
    files = 0
    for holder in copy.holders():
        files += _compare(copy, holder, lines_of(spool / holder.id))
    findings.checked.append(f"All {files:,} uploads were taken out and are what was copied.")


def check_configuration(copy: Copy, findings: Findings) -> str:
    """`/etc/zulip` can be read by Zulip, and holds every secret that it needs.

    Returns one of them, `avatar_salt`, from which the names of avatars are made.
    """
    found = dict(texts(copy, {SETTINGS, MACHINE, SECRETS}))
    for name in (SETTINGS, MACHINE, SECRETS):
        if name not in found:
            raise refuted(f"The configuration in the copy has no /{name}.")
    try:
        ast.parse(found[SETTINGS])
    except (SyntaxError, ValueError):
        raise refuted(f"/{SETTINGS} in the copy is not Python that can be read.") from None
    _parsed(found[MACHINE], MACHINE)
    held = _parsed(found[SECRETS], SECRETS)
    secrets = held["secrets"] if held.has_section("secrets") else {}
    lacking = [name for name in REQUIRED_SECRETS if not secrets.get(name)]
    if lacking:
        raise refuted(f"/{SECRETS} in the copy lacks {', '.join(lacking)}.")
    findings.checked.append("/etc/zulip can be read and holds every secret that Zulip needs.")
    return str(secrets["avatar_salt"])


def _sort_out(copy: Copy, spool: Path, lookup: Lookup | None) -> None:
    """Read the index once: by the copy that holds each file, and held against `lookup`."""
    sorted_out = _Sorted(spool)
    try:
        for line in read_index(copy.stream(INDEX).plain()):
            sorted_out.add(line)
            if lookup is not None:
                lookup.passes(line.path)
    except (TypeError, ValueError, KeyError) as error:
        raise refuted(f"The index of the uploads cannot be read: {error}.") from error
    sorted_out.close()
    if sorted_out.copies != set(copy.snapshot.uploads.held_by):
        raise refuted("The index of the uploads names other copies than the commit record.")


def _without_file(missing: int, first: Sequence[str]) -> str:
    shown = ", ".join(ascii(name) for name in first[:NAMED])
    more = f" and {missing - NAMED} more" if missing > NAMED else ""
    return f"The database names files that are not in the copy: {shown}{more}."


def _as_it_was(names: int, missing: int) -> str:
    if not missing:
        return f"All {names:,} files that the database names are in the copy."
    return (
        f"Of {names:,} files that the database names, {missing:,} are not in the copy: they were"
        " not on the server either."
    )


def _compare(copy: Copy, holder: Snapshot, lines: Iterator[Indexed]) -> int:
    """The tar may hold more, which was deleted since; both are in the order of the scan."""
    tar = copy.part(holder, UPLOADS, holder.streams[UPLOADS])
    compared, wanted = 0, next(lines, None)
    try:
        for member in TarReader(tar.plain()).members():
            if wanted is not None and member.name == tar_name(wanted.path):
                if not is_what_was_copied(member, wanted):
                    raise refuted(f"The upload {wanted.path!a} is not what was copied.")
                compared, wanted = compared + 1, next(lines, None)
    except ValueError as error:
        raise refuted(f"The uploads of {holder.id} cannot be taken out: {error}.") from error
    if wanted is not None:
        raise refuted(f"The upload {wanted.path!a} is not in the copy.")
    return compared


def lines_of(spooled: Path) -> Iterator[Indexed]:
    """The lines of the index that `check_index` left for one copy."""
    with spooled.open("rb") as file:
        yield from read_index(iter(lambda: file.read(_READ_BYTES), b""))


def is_what_was_copied(member: Member, line: Indexed) -> bool:
    if line.target is not None:
        return member.kind == tarfile.SYMTYPE
    return (member.kind, member.size_bytes, member.sha256) == (
        tarfile.REGTYPE,
        line.size,
        line.sha256,
    )


def texts(copy: Copy, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Some files of the configuration, each with its name; HostFailure where it is no tar."""
    try:
        with tarfile.open(fileobj=_File(copy.stream(CONFIGURATION).plain()), mode="r|") as tar:
            for member in tar:
                if member.name in names and member.isreg() and member.size <= LARGEST_FILE:
                    content = tar.extractfile(member)
                    assert content is not None
                    yield member.name, content.read().decode(errors="replace")
    except tarfile.TarError as error:
        raise refuted(f"The configuration in the copy is no tar: {error}.") from error


def _parsed(text: str, name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        # What it says of a line could be a secret.
        raise refuted(f"/{name} in the copy cannot be read.") from None
    return parser


class _Sorted:
    """The lines of an index by the copy that holds each; there may be more of these than files
    that a process may have open."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._gathered: dict[str, bytearray] = {}

    def add(self, line: Indexed) -> None:
        gathered = self._gathered.setdefault(line.snapshot, bytearray())
        gathered += encode_line(line)
        if len(gathered) >= _GATHERED_BYTES:
            self._write(line.snapshot)

    def close(self) -> None:
        for snapshot in self._gathered:
            self._write(snapshot)

    @property
    def copies(self) -> set[str]:
        return set(self._gathered)

    def _write(self, snapshot: str) -> None:
        # The name of a file: only what was just found to be an id of ours.
        if not is_id(snapshot):
            raise refuted("The index of the uploads names a copy by no id of ours.")
        with (self._directory / snapshot).open("ab") as file:
            file.write(self._gathered[snapshot])
        self._gathered[snapshot].clear()


class _File(io.RawIOBase):
    """Chunks as tarfile wants to read them."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
