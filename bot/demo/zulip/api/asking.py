"""A request as the endpoints see it: who asks, with which client, and typed parameters."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.realm import KEY_LENGTH, Realm
from bot.demo.zulip.queues import Queues
from bot.demo.zulip.uploads import Upload, Uploads

#: How Zulip takes a client's name out of the User-Agent header.
USER_AGENT = re.compile(
    r"^(?P<name>[^/ ]*[^0-9/(]*)(?:/(?P<version>[^/ ]*))?(?:[ /].*)?$", re.DOTALL
)
#: Parameters that every endpoint takes.
ALWAYS_KNOWN = frozenset({"client"})
NOT_LOGGED_IN = "Not logged in: API authentication or user session required"


class Parameters:
    """The values of query and form; remembers which were read, as Zulip reports the others."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._read: set[str] = set(ALWAYS_KNOWN)

    def ignored(self) -> list[str]:
        return [name for name in self._values if name not in self._read]

    def optional(self, name: str) -> str | None:
        self._read.add(name)
        return self._values.get(name)

    def text(self, name: str) -> str:
        """Raises ApiError when it is missing."""
        value = self.optional(name)
        if value is None:
            raise ApiError(
                f"Missing '{name}' argument", "REQUEST_VARIABLE_MISSING", extra={"var_name": name}
            )
        return value

    def json(self, name: str, default: object = None) -> object:
        """Raises ApiError when it is there but not JSON."""
        value = self.optional(name)
        if value is None:
            return default
        try:
            parsed: object = json.loads(value)
        except ValueError as error:
            raise ApiError(f"{name} is not valid JSON") from error
        return parsed

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.json(name, default)
        if not isinstance(value, bool):
            raise ApiError(f"{name} is not a boolean")
        return value

    def number(self, name: str) -> int:
        """Raises ApiError when it is missing or not an integer."""
        self.text(name)
        value = self.json(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ApiError(f"{name} is not an integer")
        return value

    def optional_number(self, name: str) -> int | None:
        return None if self.optional(name) is None else self.number(name)

    def words(self, name: str) -> list[str] | None:
        value = self.json(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise ApiError(f"{name} is not a list")
        return [str(item) for item in value]


@dataclass(frozen=True, slots=True)
class Site:
    """What the endpoints work on."""

    realm: Realm
    queues: Queues
    uploads: Uploads


@dataclass(frozen=True, slots=True)
class Asked:
    """One authenticated request."""

    site: Site
    person: Person
    parameters: Parameters
    client: str
    path: Mapping[str, str] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)

    @property
    def realm(self) -> Realm:
        return self.site.realm

    def path_number(self, name: str) -> int:
        return int(self.path[name])


def client_name(user_agent: str | None, explicit: str | None) -> str:
    """The `client` of a message: the parameter if given, else from the User-Agent."""
    if explicit:
        return explicit
    if not user_agent:
        return "Unspecified"
    match = USER_AGENT.match(user_agent)
    name = match["name"].strip() if match else ""
    return "website" if name == "Mozilla" else name or "Unspecified"


def credentials(header: str | None) -> tuple[str, str]:
    """Address and key of an Authorization header; raises ApiError as recorded."""
    if not header:
        raise _unauthorized(NOT_LOGGED_IN)
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        if not encoded:
            raise _unauthorized("Invalid authorization header for basic auth")
        raise ApiError("This endpoint requires HTTP basic authentication.")
    try:
        email, colon, key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _unauthorized("Invalid authorization header for basic auth") from error
    if not colon:
        raise _unauthorized("Invalid authorization header for basic auth")
    return email, key


def authenticate(realm: Realm, header: str | None) -> Person:
    """Raises ApiError 401 with the texts recorded for each way to fail."""
    email, key = credentials(header)
    if len(key) != KEY_LENGTH or not key.isalnum():
        raise _unauthorized("Malformed API key")
    person = realm.person_by_email(email)
    if person is None or person.api_key != key:
        raise _unauthorized("Invalid API key")
    if not person.is_active:
        raise _unauthorized("Account is deactivated")
    return person


def _unauthorized(text: str) -> ApiError:
    headers = {"WWW-Authenticate": 'Basic realm="zulip"'}
    return ApiError(text, "UNAUTHORIZED", 401, headers=headers)
