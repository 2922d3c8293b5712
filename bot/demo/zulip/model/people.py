"""The people of the realm, bots included, and what their roles allow."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Role(IntEnum):
    """Zulip's own numbers."""

    OWNER = 100
    ADMINISTRATOR = 200
    MODERATOR = 300
    MEMBER = 400
    GUEST = 600


@dataclass(eq=False, slots=True)
class Person:
    """One account; the object lives as long as the realm, so what it says is always present."""

    id: int
    email: str
    full_name: str
    api_key: str
    joined_at: datetime
    role: Role = Role.MEMBER
    is_bot: bool = False
    is_active: bool = True
    owner: "Person | None" = None
    is_system_bot: bool = False
    #: `sender_realm_str`: of this organization, or of another one on the same server.
    realm: str = ""

    @property
    def is_guest(self) -> bool:
        return self.role is Role.GUEST

    @property
    def is_administrator(self) -> bool:
        return self.role <= Role.ADMINISTRATOR

    @property
    def silent_mention(self) -> str:
        return f"@_**{self.full_name}|{self.id}**"
