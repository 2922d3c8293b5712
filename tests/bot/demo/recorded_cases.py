"""For each recorded request the equivalent request to the simulated server."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import requests

from bot.demo.zulip.model.people import Role
from tests.bot.demo.world import World

Case = Callable[[World], requests.Response]

#: Recorded, but nothing that the bot or the demo will ask for.
NOT_SERVED = frozenset(
    {
        "auth/fetch_api_key_success",
        "auth/fetch_api_key_unknown_user",
        "auth/fetch_api_key_wrong_password",
        "bots/create_bot_same_full_name",
        "bots/create_generic_bot",
        "bots/create_generic_bot_duplicate_shortname",
        "bots/list_own_bots",
        "bots/regenerate_bot_api_key_forbidden_by_alice",
        "messages/scheduled_create",
        "ratelimit/fetch_api_key_bruteforce",
        "server/attachments",
        "uploads/ev_image_thumbnail_update_message",
        "users/presence_alice",
        "users/presence_alice_active",
        "users/presence_post_alice",
        "users/presence_realm_as_bot",
        "users/presence_realm_as_user",
        "users/user_group_create",
        "users/user_status_set",
        # A search marks what it found; the simulated server searches without marks.
        "messages/get_narrow_search",
        # Group mentions, renamed channels and thumbnails bring events of no use to a bot like ours.
        "events/ev_user_group_add_and_stream_rename",
        "events/ev_stream_update_name",
    }
)


def _ask(who: str, method: str, path: str, **values: object) -> Case:
    def case(world: World) -> requests.Response:
        person = None if who == "nobody" else getattr(world, who)
        return world.call(person, method, f"/api/v1{path}", values)

    return case


def _send(who: str, **values: object) -> Case:
    whole = {"type": "stream", "to": "ops", "topic": "x", "content": "hi", **values}
    return _ask(who, "POST", "/messages", **whole)


def _without(name: str, case: Mapping[str, object]) -> Case:
    return _ask("alice", "POST", "/messages", **{k: v for k, v in case.items() if k != name})


def _on_message(who: str, method: str, end: str = "", **values: object) -> Case:
    """On a message of Bob's, said in #ops by the bot when the bot is to own it."""

    def case(world: World) -> requests.Response:
        author = world.bot if who == "bot" else world.bob
        message = world.say("Approve deploy 42?", author)
        path = f"/api/v1/messages/{message}{end}"
        return world.call(getattr(world, who), method, path, values)

    return case


def _read(**values: object) -> Case:
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


def _poll_after(act: Callable[[World], object], who: str = "bot", **values: object) -> Case:
    def case(world: World) -> requests.Response:
        person = getattr(world, who)
        settings = {"apply_markdown": False, **values}
        body = world.api(person, "POST", "/register", **settings)
        act(world)
        return world.poll(person, body["queue_id"])

    return case


def _queue(path_values: Callable[[World, str], Mapping[str, object]], who: str = "bot") -> Case:
    """Ask of a queue with three events after two of them were acknowledged."""

    def case(world: World) -> requests.Response:
        queue = world.register(world.bot, "message")
        for number in range(3):
            world.say(str(number))
        world.poll(world.bot, queue, 1)
        values = path_values(world, queue)
        return world.call(getattr(world, who), "GET", "/api/v1/events", values)

    return case


def _delete_queue(*, again: bool = False, poll: bool = False) -> Case:
    def case(world: World) -> requests.Response:
        queue = world.register(world.bot, "message")
        values = {"queue_id": queue}
        response = world.call(world.bot, "DELETE", "/api/v1/events", values)
        if again:
            response = world.call(world.bot, "DELETE", "/api/v1/events", values)
        return world.poll(world.bot, queue) if poll else response

    return case


def _idle_queue(world: World) -> requests.Response:
    queue = world.register(world.bot, "message")
    world.zulip.clock.advance(timedelta(seconds=700))
    return world.poll(world.bot, queue)


def _heartbeat(world: World) -> requests.Response:
    return world.poll(world.bot, world.register(world.bot, "message"), block=True)


def _after_heartbeat(world: World) -> requests.Response:
    queue = world.register(world.bot, "message")
    world.poll(world.bot, queue, block=True)
    return world.poll(world.bot, queue, 0)


def _edited_too_late(world: World) -> requests.Response:
    world.zulip.set_edit_limit(timedelta(seconds=1))
    message = world.say("early", world.bot)
    world.zulip.clock.advance(timedelta(seconds=22))
    values = {"content": "too late"}
    return world.call(world.bot, "PATCH", f"/api/v1/messages/{message}", values)


def _edited_while_off(world: World) -> requests.Response:
    world.zulip.allow_editing(allowed=False)
    return _on_message("bot", "PATCH", content="x")(world)


def _delete_forbidden(world: World) -> requests.Response:
    world.api(world.owner, "PATCH", "/realm", delete_own_message_policy=2)
    return _on_message("bob", "DELETE")(world)


def _on_deleted(who: str, method: str, **values: object) -> Case:
    def case(world: World) -> requests.Response:
        message = world.say("to be deleted", world.bob)
        world.zulip.delete(world.bob, message)
        return world.call(getattr(world, who), method, f"/api/v1/messages/{message}", values)

    return case


def _twice(who: str, method: str, path: str, **values: object) -> Case:
    def case(world: World) -> requests.Response:
        message = world.say("react", world.bot)
        target = path.format(message=message)
        world.call(getattr(world, who), method, f"/api/v1{target}", values)
        return world.call(getattr(world, who), method, f"/api/v1{target}", values)

    return case


def _resolved(world: World) -> requests.Response:
    message = world.say("done", topic="other topic")
    values = {"topic": "✔ other topic", "propagate_mode": "change_all"}
    return world.call(world.alice, "PATCH", f"/api/v1/messages/{message}", values)


def _moved(mode: str) -> Case:
    def case(world: World) -> requests.Response:
        message = world.say("move me")
        world.say("and me")
        values = {"topic": "deploys (done)", "propagate_mode": mode}
        return world.call(world.alice, "PATCH", f"/api/v1/messages/{message}", values)

    return case


def _nothing_new(world: World) -> requests.Response:
    message = world.say("same")
    return world.call(world.alice, "PATCH", f"/api/v1/messages/{message}", {"topic": "deploys"})


def _history(world: World) -> requests.Response:
    message = world.say("one", world.bot)
    world.zulip.edit(world.bot, message, "two")
    world.zulip.move(world.alice, message, topic="deploys (done)")
    return world.call(world.alice, "GET", f"/api/v1/messages/{message}/history")


def _after_empty_edit(world: World) -> requests.Response:
    message = world.say("gone soon", world.bot)
    path = f"/api/v1/messages/{message}"
    world.call(world.bot, "PATCH", path, {"content": ""})
    return world.call(world.bot, "GET", path, {"apply_markdown": False})


def _reacted_message(world: World) -> requests.Response:
    message = world.say("react", world.bot)
    world.zulip.react(world.alice, message, "thumbs_up")
    world.zulip.react(world.bob, message, "check")
    return world.call(world.bot, "GET", f"/api/v1/messages/{message}", {"apply_markdown": False})


def _deactivated(world: World) -> requests.Response:
    world.zulip.deactivate(world.guest)
    return world.call(world.guest, "GET", "/api/v1/users/me")


def _to_deactivated(world: World) -> requests.Response:
    world.zulip.deactivate(world.guest)
    return _send("bot", type="direct", to=[world.guest.id])(world)


def _taken_back(world: World) -> requests.Response:
    world.zulip.react(world.bob, 1, "check")
    values = {"emoji_name": "check"}
    return world.call(world.bob, "DELETE", "/api/v1/messages/1/reactions", values)


def _limited(method: str, path: str, **values: object) -> Case:
    def case(world: World) -> requests.Response:
        world.zulip.set_rate_limit(1)
        world.call(world.mod, "GET", "/api/v1/users/me")
        return world.call(world.mod, method, f"/api/v1{path}", values)

    return case


def _uploaded_file(path: str) -> Case:
    def case(world: World) -> requests.Response:
        url = world.upload(world.bot, ("graph üß.png", b"png")).json()["url"]
        if path == "temporary":
            url = world.api(world.bot, "GET", url)["url"]
            return world.call(None, "GET", url)
        return world.call(world.bot, "GET", path + url)

    return case


def _reaction_events(world: World) -> None:
    message = world.say("react", world.bot)
    world.zulip.react(world.bob, message, "check")
    world.zulip.react(world.bot, message, "eyes")
    world.zulip.react(world.bot, message, "zulip")
    world.zulip.unreact(world.bob, message, "check")


def _many_changes(world: World) -> None:
    message = world.say("@**ops-bot** status")
    _reaction_events(world)
    world.zulip.edit(world.alice, message, "changed")
    world.zulip.move(world.alice, message, topic="✔ deploys")
    world.zulip.delete(world.alice, message)
    world.zulip.set_edit_limit(timedelta(seconds=1))
    world.zulip.change_role(world.bob, Role.MODERATOR)
    world.zulip.rename(world.bob, "Bob Builder")
    world.zulip.deactivate(world.guest)
    world.zulip.reactivate(world.guest)
    world.zulip.unsubscribe(world.announce, world.bot)


def _edited_by_bot(world: World) -> None:
    world.zulip.edit(world.bot, world.say("Approve?", world.bot), "Approved.")


def _changed_role(world: World) -> None:
    world.zulip.change_role(world.bob, Role.MODERATOR)


def _switched_off_and_on(world: World) -> None:
    world.zulip.deactivate(world.guest)
    world.zulip.reactivate(world.guest)


STREAM = {"type": "stream", "to": "ops", "topic": "x", "content": "hi"}
REACTIONS = "/messages/{message}/reactions"
UNKNOWN = "/messages/999999"
ALL_BUT_REACTIONS = [
    *("message", "update_message", "delete_message", "realm", "realm_user"),
    *("user_group", "subscription"),
]
NARROW_OPS = [["stream", "ops"]]

ERRORS: dict[str, Case] = {
    "api_key_of_other_user": lambda w: w.key(w.alice.email, w.bob.api_key),
    "bad_event_queue_id": _ask(
        "bot", "GET", "/events", queue_id="1700000000:123", last_event_id=-1
    ),
    "bad_event_queue_id_uuid": _ask(
        "bot", "GET", "/events", queue_id="fb67bf8a-c031-47cc-84cf-ed80accacda8", last_event_id=-1
    ),
    "bad_json_param": _ask(
        "bot", "GET", "/messages", anchor="newest", num_before="abc", num_after=0
    ),
    "bearer_auth_header": lambda w: w.authorized("Bearer abc"),
    "body_too_large_nginx_413": lambda w: w.upload(w.bot, ("big", bytes(81 * 1024 * 1024))),
    "deactivated_user_api_call": _deactivated,
    "delete_already_deleted": _on_deleted("admin", "DELETE"),
    "delete_already_deleted_by_owner": _on_deleted("admin", "DELETE"),
    "delete_not_permitted": _delete_forbidden,
    "edit_deleted_message": _on_deleted("bob", "PATCH", content="x"),
    "edit_disabled_by_org": _edited_while_off,
    "edit_not_your_message": _on_message("alice", "PATCH", content="hacked"),
    "edit_nothing": _on_message("bob", "PATCH"),
    "edit_same_content_topic": _nothing_new,
    "edit_time_limit_exceeded": _edited_too_late,
    "edit_unknown_message": _ask("bob", "PATCH", UNKNOWN, content="x"),
    "events_invalid_key": lambda w: w.key(w.bot.email, "x" * 32),
    "events_last_event_id_beyond_newest": _queue(
        lambda w, q: {"queue_id": q, "last_event_id": 3, "dont_block": True}
    ),
    "events_last_event_id_too_big": _queue(
        lambda w, q: {"queue_id": q, "last_event_id": 100000, "dont_block": True}
    ),
    "events_missing_last_event_id": _queue(lambda w, q: {"queue_id": q, "dont_block": True}),
    "events_no_queue_id": _ask("bot", "GET", "/events"),
    "events_old_last_event_id_already_pruned": _queue(
        lambda w, q: {"queue_id": q, "last_event_id": -1, "dont_block": True}
    ),
    "events_other_users_queue": _queue(
        lambda w, q: {"queue_id": q, "last_event_id": 1, "dont_block": True}, who="alice"
    ),
    "get_narrow_bad_operator": _read(anchor="newest", narrow=[["bogus", "x"]]),
    "get_narrow_unknown_stream": _read(anchor="newest", narrow=[["stream", "nope"]]),
    "get_single_unknown": _ask("bot", "GET", UNKNOWN),
    "get_too_many": _read(anchor="newest", num_before=5001),
    "invalid_api_key_401": lambda w: w.key(w.bot.email, "x" * 32),
    "invalid_api_key_short_401": lambda w: w.key(w.bot.email, "short"),
    "malformed_auth_header": lambda w: w.authorized("Basic not-base64!"),
    "method_not_allowed": _ask("bot", "PUT", "/messages"),
    "missing_param": _ask("bot", "POST", "/messages", type="stream"),
    "no_auth_401": _ask("nobody", "GET", "/users/me"),
    "not_found_endpoint": _ask("bot", "GET", "/nonexistent"),
    "realm_users_as_bot_forbidden": _ask("bot", "PATCH", "/realm", name="x"),
    "send_announce_only_as_member": _send("alice", to="announce-only"),
    "send_bad_type": _send("bot", type="bogus"),
    "send_direct_to_deactivated": _to_deactivated,
    "send_direct_unknown_user": _send("bot", type="direct", to=["nobody@example.com"]),
    "send_direct_unknown_user_id": _send("bot", type="direct", to=[99999]),
    "send_empty_content": _send("bot", content="   "),
    "send_null_byte": _send("bot", content="a\x00b"),
    "send_stream_does_not_exist": _send("bot", to="nope"),
    "send_stream_id_does_not_exist": _send("bot", to=9999),
    "unknown_email_401": lambda w: w.key("nobody@example.com", w.bob.api_key),
}

EVENTS: dict[str, Case] = {
    "delete_queue": _delete_queue(),
    "delete_queue_again": _delete_queue(again=True),
    "get_events_after_delete": _delete_queue(poll=True),
    "get_events_after_idle_700s": _idle_queue,
    "ev_all_types_as_admin": _poll_after(
        _many_changes, "admin", apply_markdown=True, event_types=ALL_BUT_REACTIONS
    ),
    "ev_delete_message": _poll_after(lambda w: w.zulip.delete(w.alice, w.say())),
    "ev_heartbeat": _heartbeat,
    "ev_heartbeat_next_poll_dont_block": _after_heartbeat,
    "ev_message_direct": _poll_after(
        lambda w: w.zulip.post_direct(w.alice, w.bot, content="deploy status?")
    ),
    "ev_message_group_mention": _poll_after(lambda w: w.say("@*oncall* please look")),
    "ev_message_own_message": _poll_after(lambda w: w.say("mine", w.bot)),
    "ev_message_stream_mention_raw": _poll_after(lambda w: w.say("@**ops-bot** status")),
    "ev_message_stream_mention_rendered": _poll_after(
        lambda w: w.say("@**ops-bot** status"), apply_markdown=True
    ),
    "ev_message_with_upload": _poll_after(lambda w: w.say("[graph](/user_uploads/2/a/b.png)")),
    "ev_reaction_add": _poll_after(
        lambda w: w.zulip.react(w.bob, 1, "thumbs_up"), event_types=["reaction"]
    ),
    "ev_reaction_add_alias": _poll_after(
        lambda w: w.zulip.react(w.bob, 1, "+1"), event_types=["reaction"]
    ),
    "ev_reaction_several_and_remove": _poll_after(_reaction_events, event_types=["reaction"]),
    "ev_realm_update_edit_limit": _poll_after(
        _many_changes, event_types=["update_message", "realm"]
    ),
    "ev_realm_user_deactivate": _poll_after(lambda w: w.zulip.deactivate(w.guest)),
    "ev_realm_user_reactivate": _poll_after(
        _switched_off_and_on, event_types=["realm_user", "subscription"]
    ),
    "ev_realm_user_update_name": _poll_after(
        _many_changes, event_types=["realm_user", "user_group"]
    ),
    "ev_realm_user_update_role": _poll_after(_changed_role),
    "ev_subscription_remove": _poll_after(lambda w: w.zulip.unsubscribe(w.announce, w.bot)),
    "ev_update_message_and_others_as_admin_rendered": _poll_after(
        _many_changes,
        "admin",
        apply_markdown=True,
        event_types=["message", "reaction", "update_message"],
    ),
    "ev_update_message_content": _poll_after(_edited_by_bot, event_types=["update_message"]),
    "ev_update_message_resolve_topic": _poll_after(
        _resolved, event_types=["message", "update_message"]
    ),
    "ev_update_message_topic": _poll_after(
        _moved("change_all"), event_types=["message", "update_message"]
    ),
    "ev_update_message_topic_one": _poll_after(
        _moved("change_one"), event_types=["message", "update_message"]
    ),
    "events_dont_block_empty": _poll_after(lambda w: None),
    "events_redelivered_until_acked_1": _poll_after(lambda w: w.say("redelivery")),
    "events_redelivered_until_acked_2": _poll_after(lambda w: w.say("redelivery")),
    "register_bad_event_type": _ask("bot", "POST", "/register", event_types=["bogus"]),
    "register_full_default": _ask("bot", "POST", "/register"),
    "register_limited": _ask(
        "bot",
        "POST",
        "/register",
        event_types=["message", "reaction"],
        fetch_event_types=["realm_user", "subscription", "realm_bot", "message"],
        include_subscribers=True,
    ),
    "register_minimal": _ask("bot", "POST", "/register", event_types=["message"]),
    "register_narrow_all_public": _ask(
        "bot",
        "POST",
        "/register",
        event_types=["message"],
        all_public_streams=True,
        narrow=NARROW_OPS,
    ),
}

MESSAGES: dict[str, Case] = {
    "delete_own_message_success": _on_message("bob", "DELETE"),
    "delete_success_admin": _on_message("admin", "DELETE"),
    "edit_content_success": _on_message("bot", "PATCH", content="Approved by Bob."),
    "edit_empty_content": _on_message("bot", "PATCH", content=""),
    "edit_history": _history,
    "edit_resolve_topic": _resolved,
    "edit_topic_one": _moved("change_one"),
    "edit_topic_success_change_all": _moved("change_all"),
    "flags_read": _ask("bot", "POST", "/messages/flags", messages=[1], op="add", flag="read"),
    "get_after_empty_edit": _after_empty_edit,
    "get_anchor_id": _read(anchor="message", num_after=2, narrow=NARROW_OPS),
    "get_anchor_oldest": _read(anchor="oldest", num_before=0, num_after=3, apply_markdown=True),
    "get_include_anchor_false": _read(anchor="message", include_anchor=False, num_after=3),
    "get_message_with_reactions": _reacted_message,
    "get_narrow_dm": _read(anchor="newest", narrow=[{"operator": "dm", "operand": [7]}]),
    "get_narrow_mentions": _read(
        anchor="newest", narrow=[{"operator": "is", "operand": "mentioned"}]
    ),
    "get_narrow_newest": _read(
        anchor="newest",
        narrow=[
            {"operator": "channel", "operand": "ops"},
            {"operator": "topic", "operand": "deploys (done)"},
        ],
    ),
    "get_single": _after_empty_edit,
    "render_markdown": _ask("bot", "POST", "/messages/render", content="**bold**"),
    "send_announce_only_as_bot_owned_by_owner": _send("bot", to="announce-only"),
    "send_direct_by_ids": lambda w: _send("alice", type="direct", to=[w.bot.id])(w),
    "send_empty_topic": _send("alice", topic=""),
    "send_group_dm": lambda w: _send("alice", type="direct", to=[w.bot.id, w.bob.id])(w),
    "send_long_10000": _send("alice", content="a" * 10_000),
    "send_missing_topic": _without("topic", STREAM),
    "send_ops_bot_reply_markdown": _send("bot", content="**bold** `code`"),
    "send_private_by_email": _send("alice", type="private", to=["ops-bot@localhost"]),
    "send_private_channel_bot_not_subscribed_but_owner_is": _send("bot", to="secret"),
    "send_public_stream_not_subscribed": _send("bot"),
    "send_stream_by_id_channel_type": _send("alice", type="channel", to=1, topic="channel events"),
    "send_stream_success": _send("alice"),
    "send_too_long_10001_truncated": _send("alice", topic="channel events", content="b" * 10_001),
    "send_topic_too_long_61": _send("alice", topic="t" * 61),
    "send_with_local_id_and_queue": _send("bot", queue_id="x", local_id="100.01"),
    "send_with_upload_link": _send("bot", content="[graph](/user_uploads/2/a/b.png)"),
    "send_with_wildcard_mention": _send("alice", topic="channel events", content="@**all** hi"),
    "typing_stream": _ask(
        "bot", "POST", "/typing", type="stream", op="start", stream_id=1, topic="deploys"
    ),
}

OTHERS: dict[str, Case] = {
    "bots/storage_get": _ask("bot", "GET", "/bot_storage"),
    "bots/storage_put": _ask("bot", "PUT", "/bot_storage", storage={"k": "v"}),
    "ratelimit/call_1_headers": _ask("mod", "GET", "/users/me"),
    "ratelimit/call_2_headers": _ask("mod", "GET", "/users/me"),
    "ratelimit/rate_limit_hit_429": _limited("GET", "/users/me"),
    "ratelimit/rate_limit_hit_register": _limited("POST", "/register", event_types=["message"]),
    "ratelimit/rate_limit_hit_send": _limited("POST", "/messages", **STREAM),
    "reactions/add_alias_by_other_user": _on_message(
        "alice", "POST", "/reactions", emoji_name="+1"
    ),
    "reactions/add_alias_plus_one_dup": _twice("bob", "POST", REACTIONS, emoji_name="+1"),
    "reactions/add_by_bot": _on_message("bot", "POST", "/reactions", emoji_name="eyes"),
    "reactions/add_duplicate": _twice("bob", "POST", REACTIONS, emoji_name="thumbs_up"),
    "reactions/add_success": _on_message("bob", "POST", "/reactions", emoji_name="thumbs_up"),
    "reactions/add_to_unknown_message": _ask(
        "bob", "POST", f"{UNKNOWN}/reactions", emoji_name="tada"
    ),
    "reactions/add_unknown_emoji": _on_message(
        "bob", "POST", "/reactions", emoji_name="nonexistent_emoji"
    ),
    "reactions/add_with_code": _on_message(
        "bob",
        "POST",
        "/reactions",
        emoji_name="check",
        emoji_code="2705",
        reaction_type="unicode_emoji",
    ),
    "reactions/remove_missing": _on_message("bob", "DELETE", "/reactions", emoji_name="thumbs_up"),
    "reactions/remove_success": _taken_back,
    "reactions/zulip_extra_emoji": _on_message("bot", "POST", "/reactions", emoji_name="zulip"),
    "realm/set_allow_editing_false": _ask("owner", "PATCH", "/realm", allow_message_editing=False),
    "realm/set_allow_editing_true": _ask("owner", "PATCH", "/realm", allow_message_editing=True),
    "realm/set_delete_own_policy_admins": _ask(
        "owner", "PATCH", "/realm", delete_own_message_policy=2
    ),
    "realm/set_delete_own_policy_everyone": _ask(
        "owner", "PATCH", "/realm", delete_own_message_policy=5
    ),
    "realm/set_edit_limit_default": _ask(
        "owner", "PATCH", "/realm", message_content_edit_limit_seconds=600
    ),
    "realm/set_edit_limit_short": _ask(
        "owner", "PATCH", "/realm", message_content_edit_limit_seconds=1
    ),
    "server/realm_emoji": _ask("bot", "GET", "/realm/emoji"),
    "server/realm_linkifiers": _ask("bot", "GET", "/realm/linkifiers"),
    "server/realm_profile_fields": _ask("bot", "GET", "/realm/profile_fields"),
    "server/server_settings": _ask("nobody", "GET", "/server_settings"),
    "streams/create_announce_only_stream": _ask(
        "owner",
        "POST",
        "/users/me/subscriptions",
        subscriptions=[{"name": "announce-new"}],
        stream_post_policy=2,
        principals=[4, 5],
    ),
    "streams/create_private_stream": _ask(
        "owner", "POST", "/users/me/subscriptions", subscriptions=[{"name": "s"}], invite_only=True
    ),
    "streams/get_stream_id": _ask("bot", "GET", "/get_stream_id", stream="ops"),
    "streams/get_stream_id_unknown": _ask("bot", "GET", "/get_stream_id", stream="nope"),
    "streams/get_streams": _ask("bot", "GET", "/streams"),
    "streams/rename_stream": _ask("owner", "PATCH", "/streams/1", new_name="ops-renamed"),
    "streams/rename_stream_back": _ask("owner", "PATCH", "/streams/1", new_name="ops"),
    "streams/resubscribe_bot_ops": lambda w: w.call(
        w.owner,
        "POST",
        "/api/v1/users/me/subscriptions",
        {"subscriptions": [{"name": "secret"}], "principals": [w.bot.id]},
    ),
    "streams/stream_members": _ask("bot", "GET", "/streams/1/members"),
    "streams/subscribe_bot": lambda w: w.call(
        w.owner,
        "POST",
        "/api/v1/users/me/subscriptions",
        {"subscriptions": [{"name": "secret"}], "principals": [w.bot.id]},
    ),
    "streams/subscribe_bot_again": lambda w: w.call(
        w.owner,
        "POST",
        "/api/v1/users/me/subscriptions",
        {"subscriptions": [{"name": "ops"}], "principals": [w.bot.id]},
    ),
    "streams/subscribe_creates_stream": _ask(
        "owner", "POST", "/users/me/subscriptions", subscriptions=[{"name": "new"}]
    ),
    "streams/subscriptions_me": _ask("bot", "GET", "/users/me/subscriptions"),
    "streams/topics": _ask("bot", "GET", "/users/me/1/topics"),
    "streams/unsubscribe_bot": _ask(
        "bot", "DELETE", "/users/me/subscriptions", subscriptions=["announce-only"]
    ),
    "streams/unsubscribe_bot_ops": _ask(
        "bot", "DELETE", "/users/me/subscriptions", subscriptions=["ops"]
    ),
    "uploads/download_via_temporary_url": _uploaded_file("temporary"),
    "uploads/ev_image_message_rendered": _poll_after(
        lambda w: w.say("CPU: [cpu.png](/user_uploads/2/a/cpu.png)", w.bot), apply_markdown=True
    ),
    "uploads/get_temporary_url": _uploaded_file("/api/v1"),
    "uploads/get_upload_with_basic_auth_on_plain_path": _uploaded_file(""),
    "uploads/image_message_after_thumbnailing": _on_message("alice", "GET"),
    "uploads/upload_log_txt": lambda w: w.upload(w.bot, ("upgrade.log", b"log")),
    "uploads/upload_no_file": lambda w: w.upload(w.bot),
    "uploads/upload_png": lambda w: w.upload(w.bot, ("graph üß.png", b"png")),
    "uploads/upload_too_big_26MiB": lambda w: w.upload(w.bot, ("big", bytes(26 * 1024 * 1024))),
    "uploads/upload_two_files": lambda w: w.upload(w.bot, ("a", b"a"), ("b", b"b")),
    "users/deactivate_bob_as_alice_forbidden": lambda w: w.call(
        w.alice, "DELETE", f"/api/v1/users/{w.bob.id}"
    ),
    "users/deactivate_guest": lambda w: w.call(w.owner, "DELETE", f"/api/v1/users/{w.guest.id}"),
    "users/presence_post_as_bot": _ask("bot", "POST", "/users/me/presence", status="active"),
    "users/reactivate_guest": lambda w: w.call(
        w.owner, "POST", f"/api/v1/users/{w.guest.id}/reactivate"
    ),
    "users/rename_bob": lambda w: w.call(
        w.owner, "PATCH", f"/api/v1/users/{w.bob.id}", {"full_name": "Bob Builder"}
    ),
    "users/rename_bob_back": lambda w: w.call(
        w.owner, "PATCH", f"/api/v1/users/{w.bob.id}", {"full_name": "Bob"}
    ),
    "users/role_change_bob_back": lambda w: w.call(
        w.owner, "PATCH", f"/api/v1/users/{w.bob.id}", {"role": 400}
    ),
    "users/role_change_bob_to_moderator": lambda w: w.call(
        w.owner, "PATCH", f"/api/v1/users/{w.bob.id}", {"role": 300}
    ),
    "users/role_change_forbidden": lambda w: w.call(
        w.alice, "PATCH", f"/api/v1/users/{w.bob.id}", {"role": 300}
    ),
    "users/user_by_email": _ask("bot", "GET", "/users/alice@example.com"),
    "users/user_by_id": lambda w: w.call(w.bot, "GET", f"/api/v1/users/{w.alice.id}"),
    "users/user_by_id_unknown": _ask("bot", "GET", "/users/99999"),
    "users/user_groups": _ask("bot", "GET", "/user_groups"),
    "users/user_groups_as_alice": _ask("alice", "GET", "/user_groups"),
    "users/users_list_as_bot": _ask("bot", "GET", "/users"),
    "users/users_list_as_guest": _ask("guest", "GET", "/users"),
    "users/users_list_client_gravatar_false_custom_fields": _ask(
        "bot", "GET", "/users", client_gravatar=False, include_custom_profile_fields=True
    ),
    "users/users_list_initial": _ask("owner", "GET", "/users"),
    "users/users_me_alice": _ask("alice", "GET", "/users/me"),
    "users/users_me_bot": _ask("bot", "GET", "/users/me"),
}

CASES: dict[str, Case] = {
    **{f"errors/{name}": case for name, case in ERRORS.items()},
    **{f"events/{name}": case for name, case in EVENTS.items()},
    **{f"messages/{name}": case for name, case in MESSAGES.items()},
    **OTHERS,
}
