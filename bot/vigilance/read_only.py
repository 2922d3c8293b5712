"""Takes nothing but what reads, while the bot's key or its channel is not what it should be."""

import logging
from datetime import datetime

from bot.deciding.effects import Effect
from bot.deciding.following import Following
from bot.replies.alarms import ReadOnlyBegan
from bot.vigilance import incidents, voiding
from handlers.errors import Reason
from state import incident_store
from state.database import Transaction
from state.incident_store import Incident, NewIncident

#: The kinds of incident that last until somebody has looked, and why commands are refused then.
KEY, CHANNEL = "key_compromise", "open_channel"
REASONS = {KEY: Reason.KEY_COMPROMISE, CHANNEL: Reason.CHANNEL_OPEN}
VOID = {
    KEY: "Somebody else may have used my key before it had started, so its consent is void and"
    " nothing was done.",
    CHANNEL: "The channel was open to others before it had started, so its consent is void and"
    " nothing was done.",
}

_logger = logging.getLogger(__name__)


def because(tx: Transaction) -> Incident | None:
    """The incident because of which nothing is changed now."""
    return next((one for one in incident_store.open_incidents(tx) if one.kind in REASONS), None)


def begin(
    tx: Transaction, following: Following, kind: str, sentence: str, now: datetime
) -> tuple[Effect, ...]:
    """Void what people in Zulip have asked for, and say so once; what root or a schedule had
    consent for is not touched."""
    waited = [job for job in voiding.waiting(tx) if job.origin == "chat"]
    new = NewIncident(kind, "", "critical", sentence, {"void": [job.id for job in waited]})

    def word(incident: Incident) -> ReadOnlyBegan:
        commands = [{"id": job.id, "command": job.command} for job in waited]
        return ReadOnlyBegan(
            following.outgoing.bot_name, incident.id, sentence, commands, kind == CHANNEL
        )

    if incidents.begin(tx, following.outgoing, new, now, word) is None:
        return ()
    _logger.critical("%s", sentence)
    return voiding.void(tx, following, waited, (REASONS[kind], VOID[kind]), now)
