"""Writes what is said in the simulated Zulip into the sample host's database, as Zulip would."""

import csv
import io

from bot.demo.sample_host.database import SampleDatabase
from bot.demo.zulip.server import SimulatedZulip
from bot.demo.zulip.views import SeenMessage
from handlers.errors import HostFailure


class Mirror:
    """One numbering for both: a copy then holds what was said, and a restore forgets the rest.

    The sample's own messages come first; those of people count on from there.
    """

    def __init__(self, database: SampleDatabase, zulip: SimulatedZulip) -> None:
        self._database, self._zulip = database, zulip
        self._newest, self._identity = database.newest_message(), database.identity()
        zulip.outages.rewind_message_ids(self._newest)

    def write(self) -> None:
        """What was said since; while PostgreSQL is away, later."""
        new = [message for message in self._zulip.messages() if message.id > self._newest]
        if not new:
            return
        try:
            self._database.copy_messages(_as_csv(new))
        except HostFailure:
            return
        self._newest = new[-1].id

    def restored_to(self) -> int | None:
        """The newest message where another database has taken the place of the one before."""
        identity = self._database.identity()
        if identity == self._identity:
            return None
        self._identity, self._newest = identity, self._database.newest_message()
        return self._newest


def _as_csv(messages: list[SeenMessage]) -> str:
    text = io.StringIO()
    # What is empty is no NULL then.
    rows = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for each in messages:
        rows.writerow(
            (each.id, 2, 1, 1, each.topic[:60], each.content, each.sent_at.isoformat(), "f")
        )
    return text.getvalue()
