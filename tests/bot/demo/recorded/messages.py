"""Recorded messages: sent, edited, read."""

from tests.bot.demo.recorded.asking import (
    NARROW_OPS,
    STREAM,
    Case,
    after_empty_edit,
    ask_case,
    history_case,
    moved_case,
    on_message,
    reacted_message,
    read_case,
    resolved_case,
    send_case,
    without_case,
)

MESSAGES: dict[str, Case] = {
    "delete_own_message_success": on_message("bob", "DELETE"),
    "delete_success_admin": on_message("admin", "DELETE"),
    "edit_content_success": on_message("bot", "PATCH", content="Approved by Bob."),
    "edit_empty_content": on_message("bot", "PATCH", content=""),
    "edit_history": history_case,
    "edit_resolve_topic": resolved_case,
    "edit_topic_one": moved_case("change_one"),
    "edit_topic_success_change_all": moved_case("change_all"),
    "flags_read": ask_case("bot", "POST", "/messages/flags", messages=[1], op="add", flag="read"),
    "get_after_empty_edit": after_empty_edit,
    "get_anchor_id": read_case(anchor="message", num_after=2, narrow=NARROW_OPS),
    "get_anchor_oldest": read_case(anchor="oldest", num_before=0, num_after=3, apply_markdown=True),
    "get_include_anchor_false": read_case(anchor="message", include_anchor=False, num_after=3),
    "get_message_with_reactions": reacted_message,
    "get_narrow_dm": read_case(anchor="newest", narrow=[{"operator": "dm", "operand": [7]}]),
    "get_narrow_mentions": read_case(
        anchor="newest", narrow=[{"operator": "is", "operand": "mentioned"}]
    ),
    "get_narrow_newest": read_case(
        anchor="newest",
        narrow=[
            {"operator": "channel", "operand": "ops"},
            {"operator": "topic", "operand": "deploys (done)"},
        ],
    ),
    "get_single": after_empty_edit,
    "render_markdown": ask_case("bot", "POST", "/messages/render", content="**bold**"),
    "send_announce_only_as_bot_owned_by_owner": send_case("bot", to="announce-only"),
    "send_direct_by_ids": lambda w: send_case("alice", type="direct", to=[w.bot.id])(w),
    "send_empty_topic": send_case("alice", topic=""),
    "send_group_dm": lambda w: send_case("alice", type="direct", to=[w.bot.id, w.bob.id])(w),
    "send_long_10000": send_case("alice", content="a" * 10_000),
    "send_missing_topic": without_case("topic", STREAM),
    "send_ops_bot_reply_markdown": send_case("bot", content="**bold** `code`"),
    "send_private_by_email": send_case("alice", type="private", to=["ops-bot@localhost"]),
    "send_private_channel_bot_not_subscribed_but_owner_is": send_case("bot", to="secret"),
    "send_public_stream_not_subscribed": send_case("bot"),
    "send_stream_by_id_channel_type": send_case(
        "alice", type="channel", to=1, topic="channel events"
    ),
    "send_stream_success": send_case("alice"),
    "send_too_long_10001_truncated": send_case(
        "alice", topic="channel events", content="b" * 10_001
    ),
    "send_topic_too_long_61": send_case("alice", topic="t" * 61),
    "send_with_local_id_and_queue": send_case("bot", queue_id="x", local_id="100.01"),
    "send_with_upload_link": send_case("bot", content="[graph](/user_uploads/2/a/b.png)"),
    "send_with_wildcard_mention": send_case("alice", topic="channel events", content="@**all** hi"),
    "typing_stream": ask_case(
        "bot", "POST", "/typing", type="stream", op="start", stream_id=1, topic="deploys"
    ),
}
