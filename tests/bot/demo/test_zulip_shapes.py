"""Hold the simulated server to the shapes of a real Zulip 9.2, and the shapes to the recordings."""

import json
from typing import Any

import pytest
import requests

from tests import zulip_shapes
from tests.bot.demo.recorded.cases import CASES, NOT_SERVED
from tests.bot.demo.world import World

SHAPES: dict[str, Any] = json.loads(zulip_shapes.SUMMARY.read_text(encoding="utf-8"))
#: Events that Zulip has but that were not recorded.
UNRECORDED = frozenset({"event subscription/add"})


def facts_of(response: requests.Response, pool: zulip_shapes.Pool, path: str) -> dict[str, Any]:
    body: object = None
    if response.text.startswith("{"):
        body = response.json()
    status, headers = response.status_code, response.headers
    return zulip_shapes.answer(path, status, headers, body, pool)


@pytest.mark.parametrize("name", sorted(CASES))
def test_answer_has_the_recorded_shape(world: World, name: str) -> None:
    expected = SHAPES["exchanges"][name]
    pool = zulip_shapes.Pool()
    actual = facts_of(CASES[name](world), pool, expected["path"])
    told = ("status", "code", "msg", "headers")
    assert {key: actual.get(key) for key in told} == {key: expected.get(key) for key in told}
    if expected["content_type"] is not None:
        assert actual["content_type"] == expected["content_type"]
    assert zulip_shapes.mismatches(expected["body"], actual["body"]) == []
    for thing, shape in pool.shapes.items():
        if thing not in UNRECORDED:
            assert zulip_shapes.mismatches(SHAPES["pool"][thing], shape, thing) == []


def test_every_recorded_request_is_tried_or_knowingly_left_out() -> None:
    assert CASES.keys() | NOT_SERVED == SHAPES["exchanges"].keys()
    assert not CASES.keys() & NOT_SERVED


def test_summary_equals_the_recordings() -> None:
    if not zulip_shapes.RECORDED.is_dir():
        pytest.skip("the recordings are not at hand")
    fresh = json.loads(json.dumps(zulip_shapes.summarize(zulip_shapes.RECORDED)))
    assert fresh == SHAPES


def test_events_of_a_restart_have_the_recorded_shape(world: World) -> None:
    queue = world.register(world.bot, "restart", "web_reload_client")
    world.zulip.outages.restart()
    pool = zulip_shapes.Pool()
    pool.shape("events", world.events(world.bot, queue))
    assert set(pool.shapes) == {"event restart", "event web_reload_client"}
    for thing, shape in pool.shapes.items():
        assert zulip_shapes.mismatches(SHAPES["pool"][thing], shape, thing) == []
