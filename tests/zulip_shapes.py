"""Summarize recorded traffic of a real Zulip into shapes: names, types, statuses and codes.

Run `python -m tests.zulip_shapes` where the recordings are at hand to write zulip_shapes.json anew.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "recorded"
SUMMARY = Path(__file__).with_suffix(".json")
FOLDERS = (
    *("auth", "bots", "errors", "events", "messages", "ratelimit", "reactions"),
    *("realm", "server", "streams", "uploads", "users"),
)

#: A scalar is its type ("int", "int|null"), a list holds the shape of its elements, a field that
#: is not always there ends with a question mark, and "@name" is a shape of the pool.
Shape = str | list["Shape"] | dict[str, "Shape"]

#: Fields whose keys are data, not names.
MAPS = frozenset({"presences", "subscribed", "already_subscribed", "storage", "emoji"})
#: Of registration only the names and types of the first level count: the rest is Zulip's.
FLAT_PATHS = frozenset({"/api/v1/register"})
TELLING_HEADERS = frozenset(
    {
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "retry-after",
        "www-authenticate",
        "allow",
    }
)


@dataclass
class Pool:
    """Shapes of the things that many answers hold, merged over all of them."""

    shapes: dict[str, Shape] = field(default_factory=dict)

    def add(self, name: str, value: Mapping[str, object]) -> str:
        shape = {key: self.shape(key, each) for key, each in value.items()}
        known = self.shapes.get(name)
        self.shapes[name] = shape if known is None else merged(known, shape)
        return f"@{name}"

    def shape(self, name: str, value: object) -> Shape:
        if isinstance(value, dict):
            thing = thing_of(value)
            if thing is not None:
                return self.add(thing, value)
            if name in MAPS:
                return {"*": self._union(value.values())} if value else {}
            return {key: self.shape(key, each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._union(value)] if value else []
        return scalar(value)

    def _union(self, values: object) -> Shape:
        assert isinstance(values, list | type({}.values()))
        shapes = [self.shape("", value) for value in values]
        union = shapes[0]
        for shape in shapes[1:]:
            union = merged(union, shape)
        return union


def thing_of(value: Mapping[str, object]) -> str | None:
    """What kind of thing an object is, by the fields that only such a thing has."""
    if "recipient_id" in value and "sender_id" in value:
        return "message"
    if "avatar_version" in value and "result" not in value:
        return "user"
    if "type" in value and isinstance(value.get("id"), int) and "name" not in value:
        operation = value.get("op")
        return f"event {value['type']}" + (f"/{operation}" if operation else "")
    return None


def scalar(value: object) -> str:
    if value is None:
        return "null"
    return type(value).__name__


def merged(one: Shape, other: Shape) -> Shape:
    """The shape that both have; a field missing on one side becomes optional."""
    if one == other:
        return one
    if isinstance(one, list) and isinstance(other, list):
        return [merged(one[0], other[0])] if one and other else one or other
    if isinstance(one, dict) and isinstance(other, dict):
        return _merged_fields(one, other)
    names = {part for shape in (one, other) for part in _type_names(shape)}
    return "|".join(sorted(names))


def _merged_fields(one: dict[str, Shape], other: dict[str, Shape]) -> dict[str, Shape]:
    fields: dict[str, Shape] = {}
    left = {name.rstrip("?"): shape for name, shape in one.items()}
    right = {name.rstrip("?"): shape for name, shape in other.items()}
    for name in sorted(left.keys() | right.keys()):
        sides = [side[name] for side in (left, right) if name in side]
        is_always_there = name in one and name in other
        fields[name if is_always_there else f"{name}?"] = (
            merged(sides[0], sides[1]) if len(sides) > 1 else sides[0]
        )
    return fields


def _type_names(shape: Shape) -> list[str]:
    return shape.split("|") if isinstance(shape, str) else [type(shape).__name__]


def exchange(record: Mapping[str, object], pool: Pool) -> dict[str, object]:
    """One request and its answer, as facts."""
    request, response = record["request"], record["response"]
    assert isinstance(request, dict)
    assert isinstance(response, dict)
    path = path_pattern(request["path"])
    return {
        "method": request["method"],
        "path": path,
        **answer(path, response["status"], response["headers"], response["body"], pool),
    }


def answer(
    path: str, status: object, headers: Mapping[str, str], body: object, pool: Pool
) -> dict[str, object]:
    """Status, telling headers, error code and text, and the shape of the body."""
    names = {name.lower(): value for name, value in headers.items()}
    facts: dict[str, object] = {
        "status": status,
        "content_type": names.get("content-type", "").split(";")[0] or None,
        "headers": sorted(TELLING_HEADERS & names.keys()),
        "code": None,
    }
    if not isinstance(body, dict):
        return facts | {"body": "text"}
    if body.get("result") == "error":
        facts |= {"code": body.get("code"), "msg": masked(str(body["msg"]))}
    if path in FLAT_PATHS and body.get("result") == "success":
        flat = {name: _flat(value) for name, value in body.items()}
        for name in ("realm_users", "cross_realm_bots", "subscriptions"):
            for each in body.get(name, []):
                pool.add("subscription" if name == "subscriptions" else "user", each)
        return facts | {"body": flat}
    return facts | {"body": {name: pool.shape(name, value) for name, value in body.items()}}


def _flat(value: object) -> Shape:
    return type(value).__name__ if isinstance(value, list | dict) else scalar(value)


def path_pattern(path: str) -> str:
    path = re.sub(r"(/user_uploads)/(temporary/)?.+$", r"\1/\2{file}", path)
    path = re.sub(r"/[^/]+@[^/]+", "/{email}", path)
    return re.sub(r"/\d+(?=/|$)", "/{id}", path)


def masked(text: str) -> str:
    """The text without what is particular to one request."""
    text = re.sub(r"'[^']*@[^']*'|[\w.+-]+@[\w.-]+\w", "{email}", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b\d{10}:\d+", "{queue}", text)
    return re.sub(r"-?\b\d+\b", "{number}", text)


def summarize(recorded: Path) -> dict[str, object]:
    """Everything that the simulated server is held to."""
    pool = Pool()
    exchanges: dict[str, object] = {}
    for path in sorted(each for folder in FOLDERS for each in recorded.glob(f"{folder}/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if "request" in record:
            exchanges[f"{path.parent.name}/{path.stem}"] = exchange(record, pool)
    for path in sorted(recorded.glob("restart/*.json")):
        for event in _events(json.loads(path.read_text(encoding="utf-8"))):
            pool.shape("", event)
    for step in json.loads(next(recorded.glob("client_demo*.json")).read_text(encoding="utf-8")):
        pool.shape("", step["result"])
    return {"pool": dict(sorted(pool.shapes.items())), "exchanges": exchanges}


def _events(record: Mapping[str, object]) -> Iterator[object]:
    polls = record["event_polls_by_bot"]
    assert isinstance(polls, list)
    for poll in polls:
        if isinstance(poll.get("body"), dict):
            yield from poll["body"].get("events", [])


def mismatches(expected: Shape, actual: Shape, where: str = "") -> list[str]:
    """What the actual shape has, lacks or types otherwise than the expected one."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _field_mismatches(expected, actual, where)
    if isinstance(expected, list) and isinstance(actual, list):
        # An empty list fits any; one whose elements nobody has seen is not judged.
        return mismatches(expected[0], actual[0], f"{where}[]") if expected and actual else []
    if isinstance(expected, str) and set(_type_names(actual)) <= set(expected.split("|")):
        return []
    return [f"{where or 'body'}: expected {expected}, found {actual}"]


def _field_mismatches(
    expected: dict[str, Shape], actual: dict[str, Shape], where: str
) -> list[str]:
    found: list[str] = []
    if not expected or not actual:
        return found
    if "*" in expected:
        return mismatches(expected["*"], actual.get("*", "null"), where)
    known = {name.rstrip("?"): shape for name, shape in expected.items()}
    for name, shape in actual.items():
        plain = name.rstrip("?")
        place = f"{where}.{plain}" if where else plain
        if plain not in known:
            found.append(f"{place}: not in the recordings")
        else:
            found.extend(mismatches(known[plain], shape, place))
    required = {name for name in expected if not name.endswith("?")}
    missing = sorted(required - {name.rstrip("?") for name in actual})
    return found + [f"{where or 'body'}: {name} is missing" for name in missing]


def write_summary() -> None:
    text = json.dumps(summarize(RECORDED), indent=1, ensure_ascii=False, sort_keys=True)
    SUMMARY.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_summary()
