"""The configuration as one tar: files as they lie on the host, and what only programs can tell."""

from dataclasses import dataclass
from pathlib import Path

from handlers.backups.contents import own_state, roles, text_search
from handlers.backups.contents.trees import TreeCopier
from handlers.backups.streams import ObjectWriter
from handlers.backups.tar_stream import TarWriter
from handlers.contract import JSON, Context
from handlers.host.layout import Layout

#: What certbot keeps, and where Zulip's installer puts the certificate and its key.
CERTIFICATES = (
    "etc/letsencrypt",
    "etc/ssl/certs/zulip.combined-chain.crt",
    "etc/ssl/private/zulip.key",
)
#: What `ALTER SYSTEM` wrote; it lies with the data and is in no dump.
ALTERED_SETTINGS = "*/*/postgresql.auto.conf"


@dataclass(frozen=True, slots=True)
class Server:
    """PostgreSQL as the backup found it."""

    major: int
    #: Where its programs lie.
    programs: Path
    #: What `facts.text_search` says of it.
    text_search: JSON


def copy(context: Context, server: Server | None, stream: ObjectWriter) -> list[str]:
    """Write all of it into the stream; returns sentences about what could not go into it.

    Raises HostFailure where /etc/zulip cannot be read: without its secrets no copy is whole.
    """
    layout, writer = Layout(context.host.root), TarWriter(stream.write)
    copier = TreeCopier(context.host.root, writer)
    copier.copy(layout.configuration, needed=True)
    copier.copy(layout.root / "etc/postgresql")
    for path in sorted(layout.postgresql_data.glob(ALTERED_SETTINGS)):
        copier.copy(path)
    if context.contents.certificates:
        for name in CERTIFICATES:
            copier.copy(layout.root / name)
    if context.contents.logs:
        copier.copy(layout.logs)
    if server is not None:
        copier.odd += text_search.copy(
            layout, server.programs, server.major, server.text_search, writer
        )
        copier.odd += roles.copy(context.host.database, server.programs, writer)
    copier.odd += own_state.copy(context, writer)
    writer.close()
    return copier.odd
