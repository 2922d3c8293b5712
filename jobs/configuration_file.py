"""Reads zulip-ops.toml strictly, and names the key when something in it is wrong."""

import json
import os
import stat
import tomllib
from dataclasses import fields, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from handlers.contract import Effect
from handlers.errors import OpsError, Reason
from handlers.host import age
from handlers.host.settings import KeySettings, RetentionSettings
from jobs.configuration import Configuration, EffectPolicy, Policy, ScheduleSettings
from jobs.consent_terms import effect_policy
from jobs.waiting import parsed, windows_of

_CONFIGURATION = TypeAdapter(Configuration)
_SOME_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


class ConfigurationError(OpsError):
    """The configuration cannot be used; the message names the file and the key."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, reason=Reason.NOT_CONFIGURED, hint=hint)


def read_configuration(path: Path) -> Configuration:
    """The configuration in `path`; raises ConfigurationError with one sentence."""
    try:
        with path.open("rb") as file:
            # Of the very file that is read, whatever lies under its name a moment later.
            _check_owner(os.fstat(file.fileno()), path)
            text = file.read().decode("utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration at {path}.",
            hint="Copy zulip-ops.toml.example there and fill it in.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from None
    return parse_configuration(text, path)


def _check_owner(found: os.stat_result, path: Path) -> None:
    """Whoever can write this file has root's power: they must be root, or be us already."""
    if found.st_uid not in {0, os.geteuid()}:
        raise ConfigurationError(
            f"{path} belongs to user {found.st_uid}; "
            "whoever can write it has the power of the bot.",
            hint=f"Run: chown root {path}",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(
            f"{path} can be written by others than its owner; "
            "whoever can write it has the power of the bot.",
            hint=f"Run: chmod go-w {path}",
        )


def parse_configuration(text: str, path: Path) -> Configuration:
    """The configuration that `text` says; `path` is only named in errors."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from None
    try:
        # JSON mode is strict and still takes paths from strings and tuples from arrays.
        configuration = _CONFIGURATION.validate_json(json.dumps(tables, default=str))
    except ValidationError as error:
        raise ConfigurationError(_sentence(path, error.errors()[0], tables)) from None
    configuration = _as_we_are(configuration)
    if configuration.limits.commands_a_minute < 1:
        raise ConfigurationError(f"{path}: `limits.commands_a_minute` must be at least 1.")
    if configuration.host.drills.every_days < 0:
        raise ConfigurationError(f"{path}: `host.drills.every_days` must be at least 0.")
    _check_zone(configuration.zulip.tz, f"{path}: `zulip.tz`")
    _check_policy(configuration.policy, path)
    _check_stores(configuration, path)
    _check_keys(configuration.backup.keys, f"{path}: `backup.keys")
    _check_retention(configuration.backup.retention, f"{path}: `backup.retention")
    _check_schedules(configuration.schedules, path)
    return configuration


def _as_we_are(configuration: Configuration) -> Configuration:
    """TOML has no word for none: an empty account means to connect as we are."""
    if configuration.host.database.system_user != "":
        return configuration
    database = replace(configuration.host.database, system_user=None)
    return replace(configuration, host=replace(configuration.host, database=database))


def _sentence(path: Path, error: ErrorDetails, tables: dict[str, object]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "unexpected_keyword_argument":
        known = _known_keys(error["loc"][:-1])
        close = get_close_matches(str(error["loc"][-1]), known, n=1)
        meant = f" Did you mean `{close[0]}`?" if close else ""
        return f"{path}: the key `{key}` is not known.{meant}"
    return f"{path}: `{key}`: {error['msg'][0].lower()}{error['msg'][1:]}."


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the schema allows at `location`."""
    schema = _CONFIGURATION.json_schema()
    node: dict[str, object] = schema
    for part in location:
        node = _resolve(node, schema)
        properties = node.get("properties")
        if isinstance(part, int):
            node = _as_table(node.get("items"))
        elif isinstance(properties, dict):
            node = _as_table(properties.get(part))
    properties = _resolve(node, schema).get("properties")
    return list(properties) if isinstance(properties, dict) else []


def _resolve(node: dict[str, object], schema: dict[str, object]) -> dict[str, object]:
    choices = node.get("anyOf")
    if isinstance(choices, list):
        # A table that may be left out: its schema, or none.
        node = next((each for each in map(_as_table, choices) if "$ref" in each), node)
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return node
    return _as_table(_as_table(schema.get("$defs")).get(reference.rpartition("/")[2]))


def _as_table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _check_policy(policy: Policy, path: Path) -> None:
    for effect in Effect:
        chosen = effect_policy(policy, effect)
        where = f"{path}: `policy.{effect.value}"
        for key, roles in (("ask", chosen.ask), ("approve", chosen.approve)):
            for role in roles:
                if role not in policy.roles:
                    raise ConfigurationError(
                        f"{where}.{key}` names the role `{role}`, "
                        "which `policy.roles` does not define."
                    )
        _check_figures(chosen, where)
        try:
            parsed(windows_of(policy, effect))
        except ValueError as error:
            raise ConfigurationError(f"{where}.window`: {error}.") from None
        if chosen.yes and effect in {Effect.DISRUPTIVE, Effect.DESTRUCTIVE}:
            raise ConfigurationError(
                f"{where}.yes` cannot be true: {effect.value} commands need another person, and "
                "`--yes` is the asker's own word."
            )


#: Smallest and largest values of the policy's figures.
_FIGURES = {"people": (1, 10), "expires_minutes": (1, 1440), "arming_seconds": (0, 3600)}


def _check_figures(chosen: EffectPolicy, where: str) -> None:
    for key, (least, most) in _FIGURES.items():
        value = getattr(chosen, key)
        if value is not None and not least <= value <= most:
            raise ConfigurationError(f"{where}.{key}` must be between {least} and {most}.")


def _check_zone(tz: str, where: str) -> ZoneInfo:
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"{where} is not a time zone: {tz}.", hint="Write it as `Europe/Berlin` or `UTC`."
        ) from None


def _check_stores(configuration: Configuration, path: Path) -> None:
    names = [store.name for store in configuration.stores]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{path}: two stores are called `{name}`.")
    for store in configuration.stores:
        if (store.path is None) == (store.bucket is None):
            raise ConfigurationError(
                f"{path}: the store `{store.name}` needs either `path` or `bucket`."
            )


def _check_keys(keys: KeySettings, where: str) -> None:
    """Public keys that age understands; nothing of a secret one is repeated."""
    named = [*(("recovery", each) for each in keys.recovery), ("drill", keys.drill)]
    for name, recipient in named:
        why = None if recipient is None else age.why_no_recipient(recipient)
        if why is not None:
            raise ConfigurationError(f"{where}.{name}` {why}.")
    if len({*keys.recovery, keys.drill}) < len(keys.recovery) + 1:
        raise ConfigurationError(f"{where}` names the same key twice.")
    if keys.drill is not None and not keys.recovery:
        raise ConfigurationError(
            f"{where}.drill` needs `recovery` beside it: without a key that lies off this host,"
            " the copies would be lost with the host.",
            hint="Make one with `age-keygen` on another machine.",
        )
    if keys.drill_identity_file is not None and keys.drill is None:
        raise ConfigurationError(
            f"{where}.drill_identity_file` needs `drill`, the public key that belongs to it.",
            hint=f"`age-keygen -y {keys.drill_identity_file}` prints it.",
        )


#: Twice as long as a backup may take (handlers/registry.py): then none is under way any more that
#: could rely on what was marked after it had begun.
LEAST_GRACE_HOURS = 24
#: Smallest and largest values of the rules of retention.
_RETENTION_FIGURES = {
    "proven": (0, 100),
    "grace_hours": (LEAST_GRACE_HOURS, 8760),
    "fresh_hours": (1, 8760),
}
_MOST_KEPT = 1000


def _check_retention(rules: RetentionSettings | None, where: str) -> None:
    if rules is None:
        return
    kept = {each.name: getattr(rules.keep, each.name) for each in fields(rules.keep)}
    for name, number in kept.items():
        if not 0 <= number <= _MOST_KEPT:
            raise ConfigurationError(f"{where}.keep.{name}` must be between 0 and {_MOST_KEPT}.")
    if not any(kept.values()):
        raise ConfigurationError(
            f"{where}.keep` keeps nothing.",
            hint="Write `keep = { daily = 7, weekly = 5, monthly = 12 }`;"
            " without the table `backup.retention` all copies stay.",
        )
    for name, (least, most) in _RETENTION_FIGURES.items():
        if not least <= getattr(rules, name) <= most:
            raise ConfigurationError(f"{where}.{name}` must be between {least} and {most}.")


def _check_schedules(schedules: tuple[ScheduleSettings, ...], path: Path) -> None:
    names = [schedule.name for schedule in schedules]
    for schedule in schedules:
        where = f"{path}: the schedule `{schedule.name}`"
        if names.count(schedule.name) > 1:
            raise ConfigurationError(f"{where} is there twice.")
        zone = _check_zone(schedule.tz, f"{where}: `tz`")
        if len(schedule.cron.split()) != 5:
            raise ConfigurationError(f"{where}: `cron` needs five fields: {schedule.cron}.")
        try:
            CronSim(schedule.cron, _SOME_MOMENT.astimezone(zone))
        except CronSimError as error:
            raise ConfigurationError(
                f"{where}: `cron` cannot be read: {schedule.cron} ({error})."
            ) from None
