"""Does PostgreSQL answer, how large is Zulip's database, and is anything held open too long?"""

from dataclasses import dataclass
from datetime import timedelta

from handlers.checks.contract import Check, Context, Finding, Level
from handlers.errors import HostFailure
from handlers.host import postgres
from handlers.wording import duration, size

_CONNECTIONS_SHARE = 0.8
#: A dump keeps one transaction open as long as it runs; beyond this, vacuum falls far behind.
_LONG_TRANSACTION = timedelta(hours=2)

#: Seen as an ordinary role, sessions of other roles have no state: they count by their age alone.
_ACTIVITY = """
    SELECT (SELECT extract(epoch FROM max(now() - xact_start))::float8 FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()),
           (SELECT count(*) FROM pg_stat_replication)
"""


@dataclass(frozen=True, slots=True)
class Activity:
    """What other sessions are doing."""

    #: None where no transaction is open.
    oldest_transaction: timedelta | None
    replicas: int


def observe(context: Context) -> Finding:
    database = context.host.database
    try:
        with postgres.connect(database, timeout=context.patience) as connection:
            facts = postgres.read_facts(connection)
            seconds, replicas = postgres.rows(connection, _ACTIVITY)[0]
    except HostFailure as failure:
        # Not answering is itself the news: which level that deserves is decided by what answers.
        sentence = f"The database could not be asked: {failure.message}"
        return Finding(Level.UNKNOWN, sentence, hint=failure.hint)
    oldest = None if seconds is None else timedelta(seconds=seconds)
    return judge(facts, Activity(oldest, replicas))


def judge(facts: postgres.DatabaseFacts, activity: Activity) -> Finding:
    level, hint = Level.OK, None
    said = (
        f"{facts.server_version}; the database is {size(facts.size_bytes)}, "
        f"{facts.connections} of {facts.connection_limit} connections "
        f"{'is' if facts.connections == 1 else 'are'} in use."
    )
    oldest = activity.oldest_transaction
    if facts.connections >= facts.connection_limit * _CONNECTIONS_SHARE:
        level, hint = Level.WARNING, "Look into pg_stat_activity for who holds the connections."
    elif oldest is not None and oldest > _LONG_TRANSACTION:
        level, hint = Level.WARNING, "Look into pg_stat_activity for the session and end it."
        said += f" A transaction has been open for {duration(oldest.total_seconds())}."
    return Finding(
        level,
        said,
        {
            "version": facts.server_version,
            "size_bytes": facts.size_bytes,
            "connections": facts.connections,
            "max_connections": facts.connection_limit,
            "oldest_transaction_seconds": None if oldest is None else oldest.total_seconds(),
            "replicas": activity.replicas,
        },
        hint,
    )


CHECK = Check("postgresql", "PostgreSQL answers and nothing is held open too long", observe)
