"""Compares some uploads, drawn by lot, with the index, without reading all of them.

Every object of a tar is a frame of its own, so reading can begin at any of them: the next header of
a file is found by its mark and its checksum, and what stands there is held against the index.
"""

import random
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from handlers.backups.drills.checking.files import is_what_was_copied, lines_of
from handlers.backups.drills.findings import Findings, refuted
from handlers.backups.drills.stored_copy import Copy
from handlers.backups.repository import UPLOADS, Snapshot, StoredObject, StreamRecord
from handlers.backups.tar_stream import Member, TarReader
from handlers.backups.uploads import ROOT, tar_name

#: Of 16 to 32 MiB each, or smaller.
OBJECTS = 8
#: Of what an object decompresses to; in what is beyond no file is looked for.
KEPT_BYTES = 32 * 1024 * 1024
#: Handed on in small ones: what is no header of ours costs no more than its own piece.
_PIECE_BYTES = 64 * 1024
_MARK, _MARK_AT = tarfile.GNU_MAGIC, 257


def check_some_uploads(copy: Copy, spool: Path, findings: Findings) -> None:
    """HostFailure, as `refuted` makes it, at the first upload that is not what was copied."""
    objects = [
        (holder, each) for holder in copy.holders() for each in holder.streams[UPLOADS].objects
    ]
    lot = random.SystemRandom()
    compared = 0
    for holder, each in lot.sample(objects, min(OBJECTS, len(objects))):
        compared += _compare(spool / holder.id, members_in(_plain(copy, holder, each)))
    total = copy.snapshot.uploads.files
    if compared:
        findings.checked.append(f"{compared:,} uploads drawn by lot are what was copied.")
    if compared < total:
        findings.not_checked.append(
            f"{total - compared:,} of {total:,} uploads were not taken out: that is part of"
            " `drill --complete`."
        )


def _plain(copy: Copy, holder: Snapshot, each: StoredObject) -> bytes:
    """The beginning of one object; all of it is compared with the commit record."""
    record = holder.streams[UPLOADS]
    part = StreamRecord(record.format, (each,), 0, None)
    kept = bytearray()
    for chunk in copy.part(holder, UPLOADS, part).decompressed():
        kept += chunk[: KEPT_BYTES - len(kept)]
    return bytes(kept)


def members_in(data: bytes) -> dict[str, Member]:
    """The files that lie whole in a piece of a tar, which may begin and end anywhere."""
    start = 0
    while (mark := data.find(_MARK, start + _MARK_AT)) >= 0:
        start = mark - _MARK_AT
        found = dict(_from(data, start))
        if found:
            return found
        # A header of a tar that was itself uploaded, or none at all.
        start += 1
    return {}


def _from(data: bytes, start: int) -> Iterator[tuple[str, Member]]:
    """Until it ends, or is no tar of ours."""
    pieces = (data[at : at + _PIECE_BYTES] for at in range(start, len(data), _PIECE_BYTES))
    try:
        for member in TarReader(pieces).members():
            if not member.name.startswith(f"{ROOT}/"):
                return
            yield member.name, member
    except ValueError:
        return


def _compare(lines: Path, members: Mapping[str, Member]) -> int:
    """What the index no longer names was deleted since it was copied."""
    compared = 0
    for line in lines_of(lines):
        member = members.get(tar_name(line.path))
        if member is None:
            continue
        if not is_what_was_copied(member, line):
            raise refuted(f"The upload {line.path!a} is not what was copied.")
        compared += 1
    return compared
