"""Endpoints for people: read them, change their roles, switch accounts off and on."""

from datetime import timedelta

from bot.demo.zulip.api.asking import Asked
from bot.demo.zulip.model import administering, wire
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.people import Person, Role
from bot.demo.zulip.model.wire import Wire

NOT_FOR_BOTS = "This endpoint does not accept bot requests."


def get_users(asked: Asked) -> Wire:
    asked.parameters.optional("client_gravatar")
    with_profile = asked.parameters.flag("include_custom_profile_fields", default=False)
    return {"members": [_member(asked, p, with_profile) for p in asked.realm.members()]}


def get_own_user(asked: Asked) -> Wire:
    found = _member(asked, asked.person, not asked.person.is_bot)
    return {**found, "max_message_id": asked.realm.max_message_id(asked.person)}


def get_user(asked: Asked) -> Wire:
    asked.parameters.optional("client_gravatar")
    with_profile = asked.parameters.flag("include_custom_profile_fields", default=False)
    return {"user": _member(asked, _named(asked), with_profile)}


def _member(asked: Asked, person: Person, with_profile: object) -> Wire:
    profile: Wire = {"profile_data": {}} if with_profile and not person.is_bot else {}
    return wire.person_wire(asked.realm, person) | profile


def _named(asked: Asked) -> Person:
    who = asked.path["user"]
    if who.isdecimal():
        person = asked.realm.people.get(int(who))
    else:
        person = asked.realm.person_by_email(who)
    if person is None or person.realm:
        raise ApiError("No such user")
    return person


def patch_user(asked: Asked) -> Wire:
    person = _administered(asked)
    role = asked.parameters.optional_number("role")
    full_name = asked.parameters.optional("full_name")
    if role is not None:
        if role not in set(Role):
            raise ApiError("Invalid role")
        administering.change_role(asked.realm, person, Role(role))
    if full_name is not None:
        administering.rename_person(asked.realm, person, full_name)
    return {}


def delete_user(asked: Asked) -> Wire:
    administering.deactivate(asked.realm, _administered(asked))
    return {}


def reactivate_user(asked: Asked) -> Wire:
    administering.reactivate(asked.realm, _administered(asked))
    return {}


def _administered(asked: Asked) -> Person:
    person = _named(asked)
    if not asked.person.is_administrator:
        raise ApiError("Insufficient permission")
    return person


def get_user_groups(asked: Asked) -> Wire:
    if asked.person.is_bot:
        raise ApiError(NOT_FOR_BOTS)
    return {"user_groups": [_group(asked, role) for role in administering.GROUP_OF_ROLE]}


def _group(asked: Asked, role: Role) -> Wire:
    members = [p.id for p in asked.realm.members() if p.role is role and p.is_active]
    return {
        "id": administering.GROUP_OF_ROLE[role],
        "name": f"role:{role.name.lower()}s",
        "description": role.name.capitalize(),
        "members": sorted(members),
        "direct_subgroup_ids": [],
        "is_system_group": True,
        "can_mention_group": 9,
    }


def post_presence(asked: Asked) -> Wire:
    if asked.person.is_bot:
        raise ApiError(NOT_FOR_BOTS)
    for name in ("status", "new_user_input", "ping_only", "last_update_id"):
        asked.parameters.optional(name)
    now = asked.realm.clock.timestamp()
    return {"presences": {}, "server_timestamp": now, "presence_last_update_id": 1}


def patch_realm(asked: Asked) -> Wire:
    if not asked.person.is_administrator:
        raise ApiError("Must be an organization administrator", "UNAUTHORIZED_PRINCIPAL")
    answer: Wire = {}
    limit = asked.parameters.json("message_content_edit_limit_seconds")
    if limit is not None:
        answer["message_content_edit_limit_seconds"] = limit
        administering.set_edit_limit(asked.realm, _limit(limit))
    if asked.parameters.optional("allow_message_editing") is not None:
        allowed = asked.parameters.flag("allow_message_editing", default=True)
        administering.allow_editing(asked.realm, allowed=allowed)
        answer["allow_message_editing"] = allowed
    policy = asked.parameters.optional_number("delete_own_message_policy")
    if policy is not None:
        administering.set_delete_policy(asked.realm, policy)
        answer["delete_own_message_policy"] = policy
    return answer


def _limit(value: object) -> timedelta | None:
    if value == "unlimited":
        return None
    if isinstance(value, int) and value > 0:
        return timedelta(seconds=value)
    raise ApiError(f"Bad value for 'message_content_edit_limit_seconds': {value}")


def get_storage(asked: Asked) -> Wire:
    kept = asked.realm.storage.get(asked.person.id, {})
    keys = asked.parameters.words("keys")
    if keys is None:
        return {"storage": kept}
    if any(key not in kept for key in keys):
        raise ApiError("Key does not exist.")
    return {"storage": {key: kept[key] for key in keys}}


def put_storage(asked: Asked) -> Wire:
    values = asked.parameters.json("storage")
    if not isinstance(values, dict):
        raise ApiError("storage is not a dict")
    kept = asked.realm.storage.setdefault(asked.person.id, {})
    kept.update({str(key): str(value) for key, value in values.items()})
    return {}


def delete_storage(asked: Asked) -> Wire:
    kept = asked.realm.storage.get(asked.person.id, {})
    keys = asked.parameters.words("keys")
    for key in list(kept) if keys is None else keys:
        if key not in kept:
            raise ApiError("Key does not exist.")
        del kept[key]
    return {}
