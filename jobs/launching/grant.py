"""Consent to a schedule, judged once: what exactly may recur, under which policy and epoch."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass

from handlers.contract import JSON
from jobs.journal import LARGEST_NUMBER
from jobs.runs.fields import Fields, Unreadable

#: As it may be typed in `schedule add`.
SCHEDULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
#: One line that people can read; what it means is judged when it is run.
COMMAND = re.compile(r"[a-z][ -~]{0,499}")
CRON = re.compile(r"[A-Za-z0-9*/,?#-]{1,100}(?: [A-Za-z0-9*/,?#-]{1,100}){4}")
TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,39}(?:/[A-Za-z0-9][A-Za-z0-9_+-]{0,39}){0,2}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Grant:
    """A change of any field is another grant, and needs consent anew."""

    schedule: str
    command: str
    #: Five fields, as cron has them.
    cron: str
    tz: str
    #: SHA-256 of the policy under which it was consented to.
    policy_sha256: str
    epoch: int
    #: The plan message with the consent: where it can be read, and no proof of it.
    message_id: int

    @property
    def mark(self) -> str:
        """Names exactly this grant: SHA-256 of its canonical JSON."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_json(self) -> dict[str, JSON]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Fields) -> "Grant":
        """The inverse of `to_json`, and strict: raises Unreadable for whatever is not expected."""
        record.nothing_but(*cls.__slots__)
        return cls(
            schedule=schedule_name(record),
            command=record.matching("command", COMMAND),
            cron=record.matching("cron", CRON),
            tz=record.matching("tz", TIME_ZONE),
            policy_sha256=record.matching("policy_sha256", SHA256),
            epoch=_number(record, "epoch"),
            message_id=_number(record, "message_id"),
        )


def schedule_name(record: Fields) -> str:
    """Raises Unreadable."""
    return record.matching("schedule", SCHEDULE)


def _number(record: Fields, name: str) -> int:
    number = record.whole(name)
    if not 1 <= number <= LARGEST_NUMBER:
        raise Unreadable(f"`{name}` of the grant is out of range.")
    return number
