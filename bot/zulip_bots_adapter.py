"""Lets the commands that only read answer under Zulip's own runners of bots as well."""

import configparser
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zulip_bots.lib import AbstractBotHandler

from bot import exits
from bot.commands.contract import Asker, Command
from bot.commands.registry import verbs
from bot.deciding.intake import INTERNAL_REALM
from bot.deciding.refusing import why_forbidden
from bot.grammar import Grammar, Parsed
from bot.on_host.from_files import FromFiles
from bot.permissions import Place, roles_of
from bot.sending.message_text import fit
from bot.settings import CONFIGURATION_FILE, Settings, read_settings
from bot.understanding.gate import UNANSWERED, Addressed, Gate, IncomingMessage, Refusal
from handlers.contract import Effect
from handlers.errors import BadCommand, OpsError, Reason
from jobs.clock import SystemClock
from jobs.configuration import Policy
from state.database import DatabaseUnusable

#: Asked for by `zulip-run-bot --registry`.
__version__ = version("zulip-ops")
#: The section of the file given as `--bot-config-file`; its one key is `config`.
SECTION = "zulip-ops"
#: Names zulip-ops.toml where that file does not.
VARIABLE = "ZULIP_OPS_CONFIG"
NOBODY = -1


@dataclass(slots=True)
class ReadOnlyBot:
    """One reply a message; nothing is started, stored or sent besides."""

    settings: Settings | None = None

    def usage(self) -> str:
        return (
            "Answers the commands of zulip-ops that only read: status, backups, history and more; "
            f"`help` lists them. [{SECTION}] config= in --bot-config-file, or {VARIABLE}, names "
            "zulip-ops.toml. Everything else needs the daemon, `zulip-ops run`."
        )

    def initialize(self, bot_handler: AbstractBotHandler) -> None:
        """Ends the program with one sentence when the configuration cannot be used."""
        with exits.in_words():
            self.settings = read_settings(_configuration_file(bot_handler))

    def handle_message(self, message: Mapping[str, Any], bot_handler: AbstractBotHandler) -> None:
        gate = Gate(
            bot_id=getattr(bot_handler, "user_id", 0),
            bot_name=bot_handler.identity().name,
            ops_channel_id=0,
            realm="",
        )
        now = SystemClock().now()
        judged = gate.judge(_incoming(message, now), now)
        if isinstance(judged, Addressed):
            bot_handler.send_reply(dict(message), fit(self._said(judged.text, message)))
        elif isinstance(judged, Refusal) and judged.reason not in UNANSWERED:
            bot_handler.send_reply(dict(message), judged.sentence)

    def _said(self, text: str, message: Mapping[str, Any]) -> str:
        try:
            return self._answer(text, message)
        except OpsError as error:
            return f"{error.message} {error.hint or ''}".rstrip()
        except DatabaseUnusable as error:
            return error.message
        except OSError as error:
            return f"{error.filename or 'A file'} cannot be read: {error.strerror or error}."

    def _answer(self, text: str, message: Mapping[str, Any]) -> str:
        assert self.settings is not None, "initialize comes first"
        try:
            parsed = Grammar(verbs()).parse(text)
        except BadCommand as error:
            if error.reason is not Reason.EMPTY_COMMAND:
                raise
            parsed = Grammar(verbs()).parse("help")
        configuration = self.settings.configuration
        policy, channel = configuration.policy, configuration.zulip.channel
        asker = _asker(message, policy)
        if not parsed.help_wanted:
            if not _only_reads(parsed):
                return _needs_daemon(parsed, channel)
            place = _place(message, channel)
            forbidden = why_forbidden(parsed, asker, place, policy, channel)
            if forbidden is not None:
                return forbidden[0].text()
        answer = FromFiles(self.settings, SystemClock()).answer(parsed, asker)
        if not answer.only_tells:
            return _needs_daemon(parsed, channel)
        return answer.reply.text()


def _asker(message: Mapping[str, Any], policy: Policy) -> Asker:
    """Zulip vouches for the sender's number; whoever has none gets what needs no role."""
    name, user_id = str(message.get("sender_full_name") or "somebody"), _user_id(message)
    if user_id == NOBODY:
        return Asker(name, zulip_role="not known by number")
    return Asker(name, user_id, roles_of(policy, user_id), zulip_role="role not looked at")


def _configuration_file(bot_handler: AbstractBotHandler) -> Path:
    try:
        told = bot_handler.get_config_info(SECTION, optional=True)
    except (configparser.Error, KeyError):
        sys.exit(f"zulip-ops: The file given as --bot-config-file has no section [{SECTION}].")
    return Path(told.get("config") or os.environ.get(VARIABLE) or CONFIGURATION_FILE)


def _incoming(message: Mapping[str, Any], now: datetime) -> IncomingMessage:
    """The runners have taken the mention off, so what is left is judged as if said to us alone."""
    realm, sent = message.get("sender_realm_str"), message.get("timestamp")
    return IncomingMessage(
        sender_id=_user_id(message),
        content=str(message.get("content") or ""),
        channel_id=None,
        recipients=2,
        client=str(message.get("client") or ""),
        realm=INTERNAL_REALM if realm == INTERNAL_REALM else "",
        sent_at=datetime.fromtimestamp(sent, UTC) if isinstance(sent, int) else now,
    )


def _user_id(message: Mapping[str, Any]) -> int:
    """Missing in zulip-bot-shell, and a text in zulip_bots' own tests."""
    sender_id = message.get("sender_id")
    return sender_id if isinstance(sender_id, int) and sender_id > 0 else NOBODY


def _place(message: Mapping[str, Any], channel: str) -> Place:
    """A terminal names no type of message; nobody else reads it."""
    if message.get("type") != "stream":
        return Place.DIRECT
    ours = str(message.get("display_recipient", "")).casefold() == channel.casefold()
    return Place.OPS_CHANNEL if ours else Place.ANOTHER_CHANNEL


def _only_reads(parsed: Parsed) -> bool:
    reads = parsed.verb.effect in {None, Effect.READ}
    return reads and isinstance(parsed.verb, Command) and not parsed.arguments.get("fresh")


def _needs_daemon(parsed: Parsed, channel: str) -> str:
    return (
        f"`{parsed.canonical}` needs the daemon `zulip-ops run`; where that runs, ask for it in "
        f"#**{channel}**."
    )


handler_class = ReadOnlyBot
