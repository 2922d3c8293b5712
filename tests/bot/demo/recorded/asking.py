"""Ways to make a request to the simulated server as one that was recorded."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import requests

from bot.demo.zulip.model.people import Role
from tests.bot.demo.world import World

Case = Callable[[World], requests.Response]

STREAM = {"type": "stream", "to": "ops", "topic": "x", "content": "hi"}
REACTIONS = "/messages/{message}/reactions"
UNKNOWN = "/messages/999999"
ALL_BUT_REACTIONS = [
    *("message", "update_message", "delete_message", "realm", "realm_user"),
    *("user_group", "subscription"),
]
NARROW_OPS = [["stream", "ops"]]


def ask_case(who: str, method: str, path: str, **values: object) -> Case:
    def case(world: World) -> requests.Response:
        person = None if who == "nobody" else getattr(world, who)
        return world.call(person, method, f"/api/v1{path}", values)

    return case


def send_case(who: str, **values: object) -> Case:
    whole = {"type": "stream", "to": "ops", "topic": "x", "content": "hi", **values}
    return ask_case(who, "POST", "/messages", **whole)


def without_case(name: str, case: Mapping[str, object]) -> Case:
    return ask_case("alice", "POST", "/messages", **{k: v for k, v in case.items() if k != name})


def on_message(who: str, method: str, end: str = "", **values: object) -> Case:
    """On a message of Bob's, said in #ops by the bot when the bot is to own it."""

    def case(world: World) -> requests.Response:
        author = world.bot if who == "bot" else world.bob
        message = world.say("Approve deploy 42?", author)
        path = f"/api/v1/messages/{message}{end}"
        return world.call(getattr(world, who), method, path, values)

    return case


def read_case(**values: object) -> Case:
    def case(world: World) -> requests.Response:
        bot_said = world.say("one", world.bot)
        world.say("@**ops-bot** status")
        world.say("@**all** hi @_**ops-bot** silent")
        world.zulip.post_direct(world.alice, world.bot, content="deploy status?")
        world.zulip.react(world.bob, bot_said, "thumbs_up")
        world.zulip.edit(world.bot, bot_said, "two")
        world.zulip.move(world.admin, bot_said, topic="deploys (done)")
        chosen = {"num_before": 3, "num_after": 0, "apply_markdown": False, **values}
        if chosen.get("anchor") == "message":
            chosen["anchor"] = bot_said
        return world.call(world.bot, "GET", "/api/v1/messages", chosen)

    return case


def poll_after(act: Callable[[World], object], who: str = "bot", **values: object) -> Case:
    def case(world: World) -> requests.Response:
        person = getattr(world, who)
        settings = {"apply_markdown": False, **values}
        body = world.api(person, "POST", "/register", **settings)
        act(world)
        return world.poll(person, body["queue_id"])

    return case


def queue_case(path_values: Callable[[World, str], Mapping[str, object]], who: str = "bot") -> Case:
    """Ask of a queue with three events after two of them were acknowledged."""

    def case(world: World) -> requests.Response:
        queue = world.register(world.bot, "message")
        for number in range(3):
            world.say(str(number))
        world.poll(world.bot, queue, 1)
        values = path_values(world, queue)
        return world.call(getattr(world, who), "GET", "/api/v1/events", values)

    return case


def delete_queue(*, again: bool = False, poll: bool = False) -> Case:
    def case(world: World) -> requests.Response:
        queue = world.register(world.bot, "message")
        values = {"queue_id": queue}
        response = world.call(world.bot, "DELETE", "/api/v1/events", values)
        if again:
            response = world.call(world.bot, "DELETE", "/api/v1/events", values)
        return world.poll(world.bot, queue) if poll else response

    return case


def idle_queue(world: World) -> requests.Response:
    queue = world.register(world.bot, "message")
    world.zulip.clock.advance(timedelta(seconds=700))
    return world.poll(world.bot, queue)


def heartbeat_case(world: World) -> requests.Response:
    return world.poll(world.bot, world.register(world.bot, "message"), block=True)


def after_heartbeat(world: World) -> requests.Response:
    queue = world.register(world.bot, "message")
    world.poll(world.bot, queue, block=True)
    return world.poll(world.bot, queue, 0)


def edited_too_late(world: World) -> requests.Response:
    world.zulip.set_edit_limit(timedelta(seconds=1))
    message = world.say("early", world.bot)
    world.zulip.clock.advance(timedelta(seconds=22))
    values = {"content": "too late"}
    return world.call(world.bot, "PATCH", f"/api/v1/messages/{message}", values)


def edited_while_off(world: World) -> requests.Response:
    world.zulip.allow_editing(allowed=False)
    return on_message("bot", "PATCH", content="x")(world)


def delete_forbidden(world: World) -> requests.Response:
    world.api(world.owner, "PATCH", "/realm", delete_own_message_policy=2)
    return on_message("bob", "DELETE")(world)


def on_deleted(who: str, method: str, **values: object) -> Case:
    def case(world: World) -> requests.Response:
        message = world.say("to be deleted", world.bob)
        world.zulip.delete(world.bob, message)
        return world.call(getattr(world, who), method, f"/api/v1/messages/{message}", values)

    return case


def twice_case(who: str, method: str, path: str, **values: object) -> Case:
    def case(world: World) -> requests.Response:
        message = world.say("react", world.bot)
        target = path.format(message=message)
        world.call(getattr(world, who), method, f"/api/v1{target}", values)
        return world.call(getattr(world, who), method, f"/api/v1{target}", values)

    return case


def resolved_case(world: World) -> requests.Response:
    message = world.say("done", topic="other topic")
    values = {"topic": "✔ other topic", "propagate_mode": "change_all"}
    return world.call(world.alice, "PATCH", f"/api/v1/messages/{message}", values)


def moved_case(mode: str) -> Case:
    def case(world: World) -> requests.Response:
        message = world.say("move me")
        world.say("and me")
        values = {"topic": "deploys (done)", "propagate_mode": mode}
        return world.call(world.alice, "PATCH", f"/api/v1/messages/{message}", values)

    return case


def nothing_new(world: World) -> requests.Response:
    message = world.say("same")
    return world.call(world.alice, "PATCH", f"/api/v1/messages/{message}", {"topic": "deploys"})


def history_case(world: World) -> requests.Response:
    message = world.say("one", world.bot)
    world.zulip.edit(world.bot, message, "two")
    world.zulip.move(world.alice, message, topic="deploys (done)")
    return world.call(world.alice, "GET", f"/api/v1/messages/{message}/history")


def after_empty_edit(world: World) -> requests.Response:
    message = world.say("gone soon", world.bot)
    path = f"/api/v1/messages/{message}"
    world.call(world.bot, "PATCH", path, {"content": ""})
    return world.call(world.bot, "GET", path, {"apply_markdown": False})


def reacted_message(world: World) -> requests.Response:
    message = world.say("react", world.bot)
    world.zulip.react(world.alice, message, "thumbs_up")
    world.zulip.react(world.bob, message, "check")
    return world.call(world.bot, "GET", f"/api/v1/messages/{message}", {"apply_markdown": False})


def deactivated_case(world: World) -> requests.Response:
    world.zulip.deactivate(world.guest)
    return world.call(world.guest, "GET", "/api/v1/users/me")


def to_deactivated(world: World) -> requests.Response:
    world.zulip.deactivate(world.guest)
    return send_case("bot", type="direct", to=[world.guest.id])(world)


def taken_back(world: World) -> requests.Response:
    world.zulip.react(world.bob, 1, "check")
    values = {"emoji_name": "check"}
    return world.call(world.bob, "DELETE", "/api/v1/messages/1/reactions", values)


def limited_case(method: str, path: str, **values: object) -> Case:
    def case(world: World) -> requests.Response:
        world.zulip.set_rate_limit(1)
        world.call(world.mod, "GET", "/api/v1/users/me")
        return world.call(world.mod, method, f"/api/v1{path}", values)

    return case


def uploaded_file(path: str) -> Case:
    def case(world: World) -> requests.Response:
        url = world.upload(world.bot, ("graph üß.png", b"png")).json()["url"]
        if path == "temporary":
            url = world.api(world.bot, "GET", url)["url"]
            return world.call(None, "GET", url)
        return world.call(world.bot, "GET", path + url)

    return case


def reaction_events(world: World) -> None:
    message = world.say("react", world.bot)
    world.zulip.react(world.bob, message, "check")
    world.zulip.react(world.bot, message, "eyes")
    world.zulip.react(world.bot, message, "zulip")
    world.zulip.unreact(world.bob, message, "check")


def many_changes(world: World) -> None:
    message = world.say("@**ops-bot** status")
    reaction_events(world)
    world.zulip.edit(world.alice, message, "changed")
    world.zulip.move(world.alice, message, topic="✔ deploys")
    world.zulip.delete(world.alice, message)
    world.zulip.set_edit_limit(timedelta(seconds=1))
    world.zulip.change_role(world.bob, Role.MODERATOR)
    world.zulip.rename(world.bob, "Bob Builder")
    world.zulip.deactivate(world.guest)
    world.zulip.reactivate(world.guest)
    world.zulip.unsubscribe(world.announce, world.bot)


def edited_by_bot(world: World) -> None:
    world.zulip.edit(world.bot, world.say("Approve?", world.bot), "Approved.")


def changed_role(world: World) -> None:
    world.zulip.change_role(world.bob, Role.MODERATOR)


def switched_off_and_on(world: World) -> None:
    world.zulip.deactivate(world.guest)
    world.zulip.reactivate(world.guest)
