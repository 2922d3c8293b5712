"""Endpoints for event queues: register, poll, delete."""

from bot.demo.zulip.api.asking import Asked
from bot.demo.zulip.api.registration import initial_data
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.messages import Message
from bot.demo.zulip.model.reading import Filter, Term, conditions, parse_narrow
from bot.demo.zulip.model.wire import Wire
from bot.demo.zulip.queues import Poll, Subscription


def post_register(asked: Asked) -> Wire:
    parameters = asked.parameters
    types = parameters.words("event_types")
    fetched = parameters.words("fetch_event_types")
    narrow = parse_narrow(parameters.json("narrow", []))
    for accepted in ("client_gravatar", "slim_presence", "queue_lifespan_secs"):
        parameters.optional(accepted)
    capabilities = parameters.json("client_capabilities", {})
    bulk = isinstance(capabilities, dict) and bool(capabilities.get("bulk_message_deletion"))
    with_members = parameters.flag("include_subscribers", default=False)
    subscription = Subscription(
        event_types=None if types is None else frozenset(types),
        rendered=parameters.flag("apply_markdown", default=False),
        all_public=parameters.flag("all_public_streams", default=False),
        accepts=_accepts(asked, narrow),
        bulk_deletion=bulk,
    )
    queue = asked.site.queues.create(asked.person, subscription)
    wanted = types if fetched is None else fetched
    settings = asked.realm.settings
    return {
        "queue_id": queue.id,
        "zulip_version": settings.zulip_version,
        "zulip_feature_level": settings.feature_level,
        "zulip_merge_base": settings.zulip_version,
        **initial_data(asked, wanted, with_members=with_members),
        "last_event_id": -1,
    }


def _accepts(asked: Asked, narrow: list[Term]) -> Filter:
    found = conditions(asked.realm, asked.person, narrow)

    def accepts(message: Message) -> bool:
        return all(condition(message) for condition in found)

    return accepts


def poll_of(asked: Asked) -> Poll:
    """What GET /events asks for; Tornado's errors carry no `var_name`."""
    parameters = asked.parameters
    queue_id = parameters.optional("queue_id")
    if queue_id is None:
        raise ApiError("Missing 'queue_id' argument")
    asked.site.queues.find(asked.person, queue_id)
    if parameters.optional("last_event_id") is None:
        raise ApiError("Missing 'last_event_id' argument")
    number = parameters.number("last_event_id")
    dont_block = parameters.flag("dont_block", default=False)
    return Poll(asked.person, queue_id, number, dont_block)


def delete_queue(asked: Asked) -> Wire:
    asked.site.queues.remove(asked.person, asked.parameters.text("queue_id"))
    return {}
