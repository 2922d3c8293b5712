"""All recorded requests by name, and those that are knowingly left out."""

from tests.bot.demo.recorded.asking import Case
from tests.bot.demo.recorded.errors import ERRORS
from tests.bot.demo.recorded.events import EVENTS
from tests.bot.demo.recorded.messages import MESSAGES
from tests.bot.demo.recorded.others import OTHERS

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


CASES: dict[str, Case] = {
    **{f"errors/{name}": case for name, case in ERRORS.items()},
    **{f"events/{name}": case for name, case in EVENTS.items()},
    **{f"messages/{name}": case for name, case in MESSAGES.items()},
    **OTHERS,
}
