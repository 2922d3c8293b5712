"""The wrong answers that a server may give when it is asked about a message or a person."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.demo.zulip.faults import Fault, Forgery, Trouble

#: Of a person, a message and the bot's channel: nothing can be decided without these.
NEEDED = {
    "user": ("user_id", "is_active", "is_bot", "is_guest", "role", "full_name", "date_joined"),
    "message": ("id", "sender_id", "content", "type", "client", "timestamp", "sender_realm_str"),
    "subscriptions": ("stream_id", "subscribers", "invite_only", "is_web_public"),
}
MOST_NEEDED = 7
NUMBERS = {"user": "user_id", "message": "id", "subscriptions": "stream_id"}
HTML = b"<!doctype html><html><body><h1>Zulip</h1></body></html>"
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """One way in which a question is not answered, under the name that is counted."""

    group: str  # "500", "429", "nothing" or "garbage"
    name: str
    trouble: Trouble = Trouble.FORGED
    forge: Callable[[bytes], Forgery] | None = None

    def fault(self, path: str, user: str) -> Fault:
        """For every request of this user's for that path."""
        fault = Fault(self.trouble, "GET", path, user, wait=timedelta(seconds=30))
        if self.forge is None:
            return fault
        return Fault(self.trouble, "GET", path, user, forge=self.forge)


def _forging(name: str, forge: Callable[[bytes], Forgery]) -> WrongAnswer:
    return WrongAnswer("garbage", name, forge=forge)


def _json(value: object) -> Forgery:
    return Forgery(json.dumps(value).encode())


def _changed(body: bytes, change: Callable[[str, Record], object]) -> Forgery:
    """The right answer with another record."""
    whole: Record = json.loads(body)
    key = next(one for one in NEEDED if one in whole)
    found = whole[key]
    whole[key] = (
        [change(key, one) for one in found] if isinstance(found, list) else (change(key, found))
    )
    return _json(whole)


def _field(key: str, place: int) -> str:
    return NEEDED[key][place % len(NEEDED[key])]


def _without(place: int) -> WrongAnswer:
    def forge(body: bytes) -> Forgery:
        def change(key: str, record: Record) -> object:
            del record[_field(key, place)]
            return record

        return _changed(body, change)

    return _forging(f"without_field_{place}", forge)


def _mistyped(place: int) -> WrongAnswer:
    """Text for numbers and numbers for text, as a careless reader would take both."""

    def forge(body: bytes) -> Forgery:
        def change(key: str, record: Record) -> object:
            field = _field(key, place)
            value = record[field]
            record[field] = 1 if isinstance(value, str | bool) else str(value)
            return record

        return _changed(body, change)

    return _forging(f"mistyped_field_{place}", forge)


def _of_another(key: str, record: Record) -> object:
    """A record that is right in itself, and about somebody or something else."""
    number = NUMBERS[key]
    return {**record, number: record[number] + 1}


def _listed(key: str, record: Record) -> object:
    del key
    return [record]


def _nothing(key: str, record: Record) -> object:
    del key, record
    return None


def _torn_reactions(key: str, record: Record) -> object:
    """Of a message: somebody's reaction without who it was; of others, as bad."""
    if key != "message":
        return {**record, "is_bot": None, "subscribers": None}
    torn = [{**one, "user_id": None} for one in record["reactions"]]
    return {**record, "reactions": torn or None}


ANSWERS: tuple[WrongAnswer, ...] = (
    WrongAnswer("500", "server_error", Trouble.SERVER_ERROR),
    WrongAnswer("500", "bad_gateway", Trouble.BAD_GATEWAY),
    WrongAnswer("429", "rate_limited", Trouble.RATE_LIMITED),
    WrongAnswer("nothing", "cut", Trouble.CUT),
    WrongAnswer("nothing", "hangs", Trouble.HANG),
    _forging("page", lambda body: Forgery(HTML, content_type="text/html")),
    _forging("page_as_json", lambda body: Forgery(HTML)),
    _forging("page_not_found", lambda body: Forgery(HTML, 404, "text/html")),
    _forging("redirect", lambda body: Forgery(body, 302)),
    _forging("truncated", lambda body: Forgery(body[: len(body) * 2 // 3])),
    _forging("empty", lambda body: Forgery(b"")),
    _forging("no_utf_8", lambda body: Forgery(b"\xff\xfe" + body)),
    _forging("no_object", lambda body: _json([json.loads(body)])),
    _forging("no_record", lambda body: _json({"result": "success", "msg": ""})),
    _forging("no_result", lambda body: _json({**json.loads(body), "result": None})),
    _forging("error_as_200", lambda body: _json({**json.loads(body), "result": "error"})),
    _forging("right_answer_as_500", lambda body: Forgery(body, 500)),
    _forging("record_is_null", lambda body: _changed(body, _nothing)),
    _forging("record_is_list", lambda body: _changed(body, _listed)),
    _forging("record_of_another", lambda body: _changed(body, _of_another)),
    _forging("torn_reactions", lambda body: _changed(body, _torn_reactions)),
    *(_without(place) for place in range(MOST_NEEDED)),
    *(_mistyped(place) for place in range(MOST_NEEDED)),
)
GROUPS = ("500", "429", "nothing", "garbage")
