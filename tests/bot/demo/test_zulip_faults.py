"""What tests can make the simulated server do wrong, and that it then does exactly that."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests
import zulip

from bot.demo.zulip.faults import Fault, Trouble
from bot.demo.zulip.model.errors import ApiError
from tests.bot.demo.world import World

MESSAGE = {"type": "stream", "to": "ops", "topic": "x", "content": "once"}
POST = ("POST", "/api/v1/messages")


def sent(world: World) -> int:
    return len(world.zulip.messages("ops", "x"))


@pytest.mark.parametrize(
    ("trouble", "status", "kind"),
    [
        (Trouble.RATE_LIMITED, 429, "application/json"),
        (Trouble.SERVER_ERROR, 500, "application/json"),
        (Trouble.BAD_GATEWAY, 502, "text/html"),
    ],
)
@pytest.mark.parametrize("after_effect", [False, True])
def test_an_answer_goes_wrong_before_or_after_the_effect(
    world: World, trouble: Trouble, status: int, kind: str, after_effect: bool
) -> None:
    world.zulip.faults.plan(Fault(trouble, *POST, after_effect=after_effect))
    response = world.call(world.bot, *POST, MESSAGE)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith(kind)
    assert sent(world) == int(after_effect)
    assert world.call(world.bot, *POST, MESSAGE).status_code == 200


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_connection_is_cut_before_or_after_the_effect(world: World, after_effect: bool) -> None:
    world.zulip.faults.plan(Fault(Trouble.CUT, *POST, after_effect=after_effect))
    with pytest.raises(requests.ConnectionError):
        world.call(world.bot, *POST, MESSAGE)
    assert sent(world) == int(after_effect)
    assert [call.status for call in world.zulip.calls(*POST)] == [0]


def test_no_answer_at_all_ends_with_the_client_or_the_server(world: World) -> None:
    world.zulip.faults.plan(Fault(Trouble.HANG, "GET", after_effect=True))
    with pytest.raises(requests.ReadTimeout):
        requests.get(world.zulip.url + "/api/v1/server_settings", timeout=0.1)
    world.zulip.wait_until(lambda: bool(world.zulip.calls()))


def test_a_fault_hits_only_what_it_is_meant_for_and_as_often(world: World) -> None:
    fault = Fault(Trouble.SERVER_ERROR, path="/api/v1/users/*", user=world.bot.email)
    world.zulip.faults.plan(fault, times=2)
    path = "/api/v1/users/me"
    assert world.call(world.alice, "GET", path).status_code == 200
    statuses = [world.call(world.bot, "GET", path).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]
    assert (world.zulip.faults.hits(), world.zulip.faults.pending()) == (2, 0)


def test_an_answer_can_be_late(world: World) -> None:
    world.zulip.faults.plan(Fault(Trouble.DELAY, wait=timedelta(seconds=0.1)))
    response = world.call(None, "GET", "/api/v1/server_settings")
    assert response.elapsed >= timedelta(seconds=0.1)


def test_a_restart_ends_held_polls_with_html_and_keeps_queues(world: World) -> None:
    queue = world.register(world.bot, "message", "restart")
    with world.zulip.outages.away():
        response = world.poll(world.bot, queue)
        assert response.status_code == 502
        assert response.headers["Content-Type"].startswith("text/html")
        world.say("while it was down")
    kinds = [event["type"] for event in world.events(world.bot, queue)]
    assert kinds == ["message", "restart"]


def test_a_held_poll_sees_the_restart_as_a_bad_gateway(world: World) -> None:
    world.zulip.queues.heartbeat = timedelta(seconds=30)
    queue = world.register(world.bot, "message")
    client = zulip_client(world)
    world.zulip.wait_until(lambda: len(world.zulip.queues.of(world.bot)) == 1)
    threading.Timer(0.1, world.zulip.outages.restart).start()
    values = {"queue_id": queue, "last_event_id": -1}
    result = client.call_endpoint("events", "GET", values, longpolling=True)
    assert (result["result"], result["status_code"]) == ("http-error", 502)


def zulip_client(world: World) -> zulip.Client:
    return zulip.Client(
        email=world.bot.email,
        api_key=world.bot.api_key,
        site=world.zulip.url,
        retry_on_errors=False,
    )


def test_a_restart_can_lose_queues_and_changes_the_generation(world: World) -> None:
    before = world.api(world.bot, "POST", "/register")["server_generation"]
    queue = world.register(world.bot, "message")
    world.zulip.outages.restart(keep_queues=False, version=("10.4", 378))
    assert world.poll(world.bot, queue).json()["code"] == "BAD_EVENT_QUEUE_ID"
    after = world.api(world.bot, "POST", "/register")
    assert after["server_generation"] > before
    assert (after["zulip_version"], after["zulip_feature_level"]) == ("10.4", 378)


def test_refused_connections_come_back_on_the_same_port(world: World) -> None:
    url = world.zulip.url
    with (
        world.zulip.outages.away(refused=True),
        pytest.raises(requests.ConnectionError),
    ):
        world.call(None, "GET", "/api/v1/server_settings")
    assert world.zulip.url == url
    assert world.call(None, "GET", "/api/v1/server_settings").status_code == 200


def test_queues_of_one_person_can_be_dropped(world: World) -> None:
    mine, hers = world.register(world.bot, "message"), world.register(world.alice, "message")
    assert world.zulip.outages.lose_queues(world.bot) == 1
    assert world.poll(world.bot, mine).status_code == 400
    assert world.poll(world.alice, hers).status_code == 200


def test_an_event_can_come_twice_under_two_numbers(world: World) -> None:
    queue = world.register(world.bot, "message")
    world.zulip.outages.duplicate_events()
    world.say("twice")
    world.say("once")
    events = world.events(world.bot, queue)
    assert [event["message"]["content"] for event in events] == ["twice", "twice", "once"]
    assert [event["id"] for event in events] == [0, 1, 2]


def test_acknowledged_events_can_come_once_more(world: World) -> None:
    queue = world.register(world.bot, "message")
    world.say("again")
    world.events(world.bot, queue)
    world.zulip.outages.redeliver(world.bot)
    assert [event["id"] for event in world.events(world.bot, queue, 0)] == [0]
    assert world.events(world.bot, queue, 0) == []


def test_a_restored_backup_counts_messages_anew_from_an_older_number(world: World) -> None:
    kept = world.say("kept")
    lost = world.say("lost")
    world.zulip.outages.restore_backup(kept)
    assert world.zulip.message(lost) is None
    assert world.say("new under an old number") == lost


def test_imported_messages_are_old_and_bring_no_event(world: World) -> None:
    queue = world.register(world.bot, "message")
    at = datetime(2020, 1, 1, tzinfo=UTC)
    number = world.zulip.import_message(world.alice, "ops", "old", "@**ops-bot** status", at)
    assert world.events(world.bot, queue) == []
    found = world.api(world.bot, "GET", f"/messages/{number}")["message"]
    assert found["timestamp"] == int(at.timestamp())


def test_health_says_what_is_missing(world: World) -> None:
    assert world.call(None, "GET", "/health").json() == {"result": "success", "msg": ""}
    world.zulip.set_ready("Cannot query postgresql")
    response = world.call(None, "GET", "/health")
    assert (response.status_code, response.json()["code"]) == (500, "SERVER_NOT_READY")


def test_a_person_can_be_refused_like_a_client(world: World) -> None:
    world.zulip.set_edit_limit(timedelta(seconds=10))
    message = world.say("early")
    world.zulip.clock.advance(timedelta(seconds=29))
    world.zulip.edit(world.alice, message, "within the grace")
    world.zulip.clock.advance(timedelta(seconds=2))
    with pytest.raises(ApiError, match="time limit"):
        world.zulip.edit(world.alice, message, "too late")
    world.zulip.set_edit_limit(None)
    world.zulip.edit(world.alice, message, "whenever")
