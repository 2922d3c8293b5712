"""Recorded people, channels, reactions, files, limits and settings."""

from tests.bot.demo.recorded.asking import (
    REACTIONS,
    STREAM,
    UNKNOWN,
    Case,
    ask_case,
    limited_case,
    on_message,
    poll_after,
    taken_back,
    twice_case,
    uploaded_file,
)

OTHERS: dict[str, Case] = {
    "bots/storage_get": ask_case("bot", "GET", "/bot_storage"),
    "bots/storage_put": ask_case("bot", "PUT", "/bot_storage", storage={"k": "v"}),
    "ratelimit/call_1_headers": ask_case("mod", "GET", "/users/me"),
    "ratelimit/call_2_headers": ask_case("mod", "GET", "/users/me"),
    "ratelimit/rate_limit_hit_429": limited_case("GET", "/users/me"),
    "ratelimit/rate_limit_hit_register": limited_case("POST", "/register", event_types=["message"]),
    "ratelimit/rate_limit_hit_send": limited_case("POST", "/messages", **STREAM),
    "reactions/add_alias_by_other_user": on_message("alice", "POST", "/reactions", emoji_name="+1"),
    "reactions/add_alias_plus_one_dup": twice_case("bob", "POST", REACTIONS, emoji_name="+1"),
    "reactions/add_by_bot": on_message("bot", "POST", "/reactions", emoji_name="eyes"),
    "reactions/add_duplicate": twice_case("bob", "POST", REACTIONS, emoji_name="thumbs_up"),
    "reactions/add_success": on_message("bob", "POST", "/reactions", emoji_name="thumbs_up"),
    "reactions/add_to_unknown_message": ask_case(
        "bob", "POST", f"{UNKNOWN}/reactions", emoji_name="tada"
    ),
    "reactions/add_unknown_emoji": on_message(
        "bob", "POST", "/reactions", emoji_name="nonexistent_emoji"
    ),
    "reactions/add_with_code": on_message(
        "bob",
        "POST",
        "/reactions",
        emoji_name="check",
        emoji_code="2705",
        reaction_type="unicode_emoji",
    ),
    "reactions/remove_missing": on_message("bob", "DELETE", "/reactions", emoji_name="thumbs_up"),
    "reactions/remove_success": taken_back,
    "reactions/zulip_extra_emoji": on_message("bot", "POST", "/reactions", emoji_name="zulip"),
    "realm/set_allow_editing_false": ask_case(
        "owner", "PATCH", "/realm", allow_message_editing=False
    ),
    "realm/set_allow_editing_true": ask_case(
        "owner", "PATCH", "/realm", allow_message_editing=True
    ),
    "realm/set_delete_own_policy_admins": ask_case(
        "owner", "PATCH", "/realm", delete_own_message_policy=2
    ),
    "realm/set_delete_own_policy_everyone": ask_case(
        "owner", "PATCH", "/realm", delete_own_message_policy=5
    ),
    "realm/set_edit_limit_default": ask_case(
        "owner", "PATCH", "/realm", message_content_edit_limit_seconds=600
    ),
    "realm/set_edit_limit_short": ask_case(
        "owner", "PATCH", "/realm", message_content_edit_limit_seconds=1
    ),
    "server/realm_emoji": ask_case("bot", "GET", "/realm/emoji"),
    "server/realm_linkifiers": ask_case("bot", "GET", "/realm/linkifiers"),
    "server/realm_profile_fields": ask_case("bot", "GET", "/realm/profile_fields"),
    "server/server_settings": ask_case("nobody", "GET", "/server_settings"),
    "streams/create_announce_only_stream": ask_case(
        "owner",
        "POST",
        "/users/me/subscriptions",
        subscriptions=[{"name": "announce-new"}],
        stream_post_policy=2,
        principals=[4, 5],
    ),
    "streams/create_private_stream": ask_case(
        "owner", "POST", "/users/me/subscriptions", subscriptions=[{"name": "s"}], invite_only=True
    ),
    "streams/get_stream_id": ask_case("bot", "GET", "/get_stream_id", stream="ops"),
    "streams/get_stream_id_unknown": ask_case("bot", "GET", "/get_stream_id", stream="nope"),
    "streams/get_streams": ask_case("bot", "GET", "/streams"),
    "streams/rename_stream": ask_case("owner", "PATCH", "/streams/1", new_name="ops-renamed"),
    "streams/rename_stream_back": ask_case("owner", "PATCH", "/streams/1", new_name="ops"),
    "streams/resubscribe_bot_ops": lambda w: w.call(
        w.owner,
        "POST",
        "/api/v1/users/me/subscriptions",
        {"subscriptions": [{"name": "secret"}], "principals": [w.bot.id]},
    ),
    "streams/stream_members": ask_case("bot", "GET", "/streams/1/members"),
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
    "streams/subscribe_creates_stream": ask_case(
        "owner", "POST", "/users/me/subscriptions", subscriptions=[{"name": "new"}]
    ),
    "streams/subscriptions_me": ask_case("bot", "GET", "/users/me/subscriptions"),
    "streams/topics": ask_case("bot", "GET", "/users/me/1/topics"),
    "streams/unsubscribe_bot": ask_case(
        "bot", "DELETE", "/users/me/subscriptions", subscriptions=["announce-only"]
    ),
    "streams/unsubscribe_bot_ops": ask_case(
        "bot", "DELETE", "/users/me/subscriptions", subscriptions=["ops"]
    ),
    "uploads/download_via_temporary_url": uploaded_file("temporary"),
    "uploads/ev_image_message_rendered": poll_after(
        lambda w: w.say("CPU: [cpu.png](/user_uploads/2/a/cpu.png)", w.bot), apply_markdown=True
    ),
    "uploads/get_temporary_url": uploaded_file("/api/v1"),
    "uploads/get_upload_with_basic_auth_on_plain_path": uploaded_file(""),
    "uploads/image_message_after_thumbnailing": on_message("alice", "GET"),
    "uploads/upload_log_txt": lambda w: w.upload(w.bot, ("upgrade.log", b"log")),
    "uploads/upload_no_file": lambda w: w.upload(w.bot),
    "uploads/upload_png": lambda w: w.upload(w.bot, ("graph üß.png", b"png")),
    "uploads/upload_too_big_26MiB": lambda w: w.upload(w.bot, ("big", bytes(26 * 1024 * 1024))),
    "uploads/upload_two_files": lambda w: w.upload(w.bot, ("a", b"a"), ("b", b"b")),
    "users/deactivate_bob_as_alice_forbidden": lambda w: w.call(
        w.alice, "DELETE", f"/api/v1/users/{w.bob.id}"
    ),
    "users/deactivate_guest": lambda w: w.call(w.owner, "DELETE", f"/api/v1/users/{w.guest.id}"),
    "users/presence_post_as_bot": ask_case("bot", "POST", "/users/me/presence", status="active"),
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
    "users/user_by_email": ask_case("bot", "GET", "/users/alice@example.com"),
    "users/user_by_id": lambda w: w.call(w.bot, "GET", f"/api/v1/users/{w.alice.id}"),
    "users/user_by_id_unknown": ask_case("bot", "GET", "/users/99999"),
    "users/user_groups": ask_case("bot", "GET", "/user_groups"),
    "users/user_groups_as_alice": ask_case("alice", "GET", "/user_groups"),
    "users/users_list_as_bot": ask_case("bot", "GET", "/users"),
    "users/users_list_as_guest": ask_case("guest", "GET", "/users"),
    "users/users_list_client_gravatar_false_custom_fields": ask_case(
        "bot", "GET", "/users", client_gravatar=False, include_custom_profile_fields=True
    ),
    "users/users_list_initial": ask_case("owner", "GET", "/users"),
    "users/users_me_alice": ask_case("alice", "GET", "/users/me"),
    "users/users_me_bot": ask_case("bot", "GET", "/users/me"),
}
