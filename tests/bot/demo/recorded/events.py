"""Recorded event queues."""

from tests.bot.demo.recorded.asking import (
    ALL_BUT_REACTIONS,
    NARROW_OPS,
    Case,
    after_heartbeat,
    ask_case,
    changed_role,
    delete_queue,
    edited_by_bot,
    heartbeat_case,
    idle_queue,
    many_changes,
    moved_case,
    poll_after,
    reaction_events,
    resolved_case,
    switched_off_and_on,
)

EVENTS: dict[str, Case] = {
    "delete_queue": delete_queue(),
    "delete_queue_again": delete_queue(again=True),
    "get_events_after_delete": delete_queue(poll=True),
    "get_events_after_idle_700s": idle_queue,
    "ev_all_types_as_admin": poll_after(
        many_changes, "admin", apply_markdown=True, event_types=ALL_BUT_REACTIONS
    ),
    "ev_delete_message": poll_after(lambda w: w.zulip.delete(w.alice, w.say())),
    "ev_heartbeat": heartbeat_case,
    "ev_heartbeat_next_poll_dont_block": after_heartbeat,
    "ev_message_direct": poll_after(
        lambda w: w.zulip.post_direct(w.alice, w.bot, content="deploy status?")
    ),
    "ev_message_group_mention": poll_after(lambda w: w.say("@*oncall* please look")),
    "ev_message_own_message": poll_after(lambda w: w.say("mine", w.bot)),
    "ev_message_stream_mention_raw": poll_after(lambda w: w.say("@**ops-bot** status")),
    "ev_message_stream_mention_rendered": poll_after(
        lambda w: w.say("@**ops-bot** status"), apply_markdown=True
    ),
    "ev_message_with_upload": poll_after(lambda w: w.say("[graph](/user_uploads/2/a/b.png)")),
    "ev_reaction_add": poll_after(
        lambda w: w.zulip.react(w.bob, 1, "thumbs_up"), event_types=["reaction"]
    ),
    "ev_reaction_add_alias": poll_after(
        lambda w: w.zulip.react(w.bob, 1, "+1"), event_types=["reaction"]
    ),
    "ev_reaction_several_and_remove": poll_after(reaction_events, event_types=["reaction"]),
    "ev_realm_update_edit_limit": poll_after(many_changes, event_types=["update_message", "realm"]),
    "ev_realm_user_deactivate": poll_after(lambda w: w.zulip.deactivate(w.guest)),
    "ev_realm_user_reactivate": poll_after(
        switched_off_and_on, event_types=["realm_user", "subscription"]
    ),
    "ev_realm_user_update_name": poll_after(many_changes, event_types=["realm_user", "user_group"]),
    "ev_realm_user_update_role": poll_after(changed_role),
    "ev_subscription_remove": poll_after(lambda w: w.zulip.unsubscribe(w.announce, w.bot)),
    "ev_update_message_and_others_as_admin_rendered": poll_after(
        many_changes,
        "admin",
        apply_markdown=True,
        event_types=["message", "reaction", "update_message"],
    ),
    "ev_update_message_content": poll_after(edited_by_bot, event_types=["update_message"]),
    "ev_update_message_resolve_topic": poll_after(
        resolved_case, event_types=["message", "update_message"]
    ),
    "ev_update_message_topic": poll_after(
        moved_case("change_all"), event_types=["message", "update_message"]
    ),
    "ev_update_message_topic_one": poll_after(
        moved_case("change_one"), event_types=["message", "update_message"]
    ),
    "events_dont_block_empty": poll_after(lambda w: None),
    "events_redelivered_until_acked_1": poll_after(lambda w: w.say("redelivery")),
    "events_redelivered_until_acked_2": poll_after(lambda w: w.say("redelivery")),
    "register_bad_event_type": ask_case("bot", "POST", "/register", event_types=["bogus"]),
    "register_full_default": ask_case("bot", "POST", "/register"),
    "register_limited": ask_case(
        "bot",
        "POST",
        "/register",
        event_types=["message", "reaction"],
        fetch_event_types=["realm_user", "subscription", "realm_bot", "message"],
        include_subscribers=True,
    ),
    "register_minimal": ask_case("bot", "POST", "/register", event_types=["message"]),
    "register_narrow_all_public": ask_case(
        "bot",
        "POST",
        "/register",
        event_types=["message"],
        all_public_streams=True,
        narrow=NARROW_OPS,
    ),
}
