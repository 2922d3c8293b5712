"""Recorded refusals."""

from tests.bot.demo.recorded.asking import (
    UNKNOWN,
    Case,
    ask_case,
    deactivated_case,
    delete_forbidden,
    edited_too_late,
    edited_while_off,
    nothing_new,
    on_deleted,
    on_message,
    queue_case,
    read_case,
    send_case,
    to_deactivated,
)

ERRORS: dict[str, Case] = {
    "api_key_of_other_user": lambda w: w.key(w.alice.email, w.bob.api_key),
    "bad_event_queue_id": ask_case(
        "bot", "GET", "/events", queue_id="1700000000:123", last_event_id=-1
    ),
    "bad_event_queue_id_uuid": ask_case(
        "bot", "GET", "/events", queue_id="fb67bf8a-c031-47cc-84cf-ed80accacda8", last_event_id=-1
    ),
    "bad_json_param": ask_case(
        "bot", "GET", "/messages", anchor="newest", num_before="abc", num_after=0
    ),
    "bearer_auth_header": lambda w: w.authorized("Bearer abc"),
    "body_too_large_nginx_413": lambda w: w.upload(w.bot, ("big", bytes(81 * 1024 * 1024))),
    "deactivated_user_api_call": deactivated_case,
    "delete_already_deleted": on_deleted("admin", "DELETE"),
    "delete_already_deleted_by_owner": on_deleted("admin", "DELETE"),
    "delete_not_permitted": delete_forbidden,
    "edit_deleted_message": on_deleted("bob", "PATCH", content="x"),
    "edit_disabled_by_org": edited_while_off,
    "edit_not_your_message": on_message("alice", "PATCH", content="hacked"),
    "edit_nothing": on_message("bob", "PATCH"),
    "edit_same_content_topic": nothing_new,
    "edit_time_limit_exceeded": edited_too_late,
    "edit_unknown_message": ask_case("bob", "PATCH", UNKNOWN, content="x"),
    "events_invalid_key": lambda w: w.key(w.bot.email, "x" * 32),
    "events_last_event_id_beyond_newest": queue_case(
        lambda w, q: {"queue_id": q, "last_event_id": 3, "dont_block": True}
    ),
    "events_last_event_id_too_big": queue_case(
        lambda w, q: {"queue_id": q, "last_event_id": 100000, "dont_block": True}
    ),
    "events_missing_last_event_id": queue_case(lambda w, q: {"queue_id": q, "dont_block": True}),
    "events_no_queue_id": ask_case("bot", "GET", "/events"),
    "events_old_last_event_id_already_pruned": queue_case(
        lambda w, q: {"queue_id": q, "last_event_id": -1, "dont_block": True}
    ),
    "events_other_users_queue": queue_case(
        lambda w, q: {"queue_id": q, "last_event_id": 1, "dont_block": True}, who="alice"
    ),
    "get_narrow_bad_operator": read_case(anchor="newest", narrow=[["bogus", "x"]]),
    "get_narrow_unknown_stream": read_case(anchor="newest", narrow=[["stream", "nope"]]),
    "get_single_unknown": ask_case("bot", "GET", UNKNOWN),
    "get_too_many": read_case(anchor="newest", num_before=5001),
    "invalid_api_key_401": lambda w: w.key(w.bot.email, "x" * 32),
    "invalid_api_key_short_401": lambda w: w.key(w.bot.email, "short"),
    "malformed_auth_header": lambda w: w.authorized("Basic not-base64!"),
    "method_not_allowed": ask_case("bot", "PUT", "/messages"),
    "missing_param": ask_case("bot", "POST", "/messages", type="stream"),
    "no_auth_401": ask_case("nobody", "GET", "/users/me"),
    "not_found_endpoint": ask_case("bot", "GET", "/nonexistent"),
    "realm_users_as_bot_forbidden": ask_case("bot", "PATCH", "/realm", name="x"),
    "send_announce_only_as_member": send_case("alice", to="announce-only"),
    "send_bad_type": send_case("bot", type="bogus"),
    "send_direct_to_deactivated": to_deactivated,
    "send_direct_unknown_user": send_case("bot", type="direct", to=["nobody@example.com"]),
    "send_direct_unknown_user_id": send_case("bot", type="direct", to=[99999]),
    "send_empty_content": send_case("bot", content="   "),
    "send_null_byte": send_case("bot", content="a\x00b"),
    "send_stream_does_not_exist": send_case("bot", to="nope"),
    "send_stream_id_does_not_exist": send_case("bot", to=9999),
    "unknown_email_401": lambda w: w.key("nobody@example.com", w.bob.api_key),
}
