"""Records what somebody has to look after, and tells each incident in a topic of its own."""

from collections.abc import Callable
from datetime import datetime

from bot.deciding.outgoing import LONGEST_TOPIC_CHARACTERS, Outgoing
from bot.replies.reply import Reply
from bot.replies.vigilance import IncidentBegan
from state import incident_store
from state.database import Transaction
from state.incident_store import Incident, NewIncident


def begin(
    tx: Transaction,
    outgoing: Outgoing,
    new: NewIncident,
    now: datetime,
    word: Callable[[Incident], Reply] | None = None,
) -> Incident | None:
    """Open and tell it; None, and nothing is said, while the same is open already."""
    incident = incident_store.begin(tx, new, actor="zulip-ops", at=now)
    if incident is None:
        return None
    reply = word(incident) if word else _plainly(incident, outgoing.bot_name)
    outgoing.say(tx, topic_of(incident), reply, now)
    return incident


def topic_of(incident: Incident) -> str:
    """`incident #3: new epoch`: one topic an incident."""
    title = f"incident #{incident.id}: {incident.kind.replace('_', ' ')} {incident.subject}"
    return title.strip()[:LONGEST_TOPIC_CHARACTERS]


def _plainly(incident: Incident, bot_name: str) -> IncidentBegan:
    return IncidentBegan(bot_name, incident.id, incident.severity, incident.sentence)
