"""Which messages are commands, and whose."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.understanding.gate import (
    NOT_FOR_US,
    OLDEST_COMMAND,
    UNANSWERED,
    Addressed,
    Gate,
    IncomingMessage,
    NotForUs,
    Refusal,
    judge_person,
)
from handlers.errors import Reason
from jobs.consent_rules import Voter

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT, IAGO, OPS, LOBBY = 17, 11, 4, 5


def gate() -> Gate:
    """Built by each test anew: also how it is built is tried."""
    return Gate(bot_id=BOT, bot_name="ops", ops_channel_id=OPS, realm="")


def message(
    content: str,
    *,
    channel_id: int | None = OPS,
    recipients: int = 0,
    sender_id: int = IAGO,
    client: str = "website",
    realm: str = "",
    sent_at: datetime = NOW,
    mentioned: bool | None = None,
    edited: bool = False,
    moved: bool = False,
) -> IncomingMessage:
    return IncomingMessage(
        sender_id=sender_id,
        content=content,
        channel_id=channel_id,
        recipients=recipients,
        client=client,
        realm=realm,
        sent_at=sent_at,
        mentioned=mentioned,
        edited=edited,
        moved=moved,
    )


def direct(content: str, *, recipients: int = 2) -> IncomingMessage:
    return message(content, channel_id=None, recipients=recipients)


COMMANDS = [
    ("@**ops** status", "status"),
    ("@**OPS** status", "status"),
    ("@**Ops**  status  ", "status"),
    ("@**ops|17** status", "status"),
    ("@**|17** status", "status"),
    ("@**anything at all|17** status", "status"),
    ("@**ops**", ""),
    ("@**ops** ", ""),
    ("@**ops**\n", ""),
    ("  @**ops** status", "status"),
    ("@**ops**, status", "status"),
    ("@**ops**: status", "status"),
    ("@**ops**     status", "status"),
    ("@**ops**\tstatus", "status"),
    ("@ops status", "status"),
    ("@Ops status", "status"),
    ("@ops", ""),
    ("@ops: status", "status"),
    ("@ops; rm -rf /", "; rm -rf /"),
    ("@ops `status`", "`status`"),
]


@pytest.mark.parametrize(("content", "text"), COMMANDS)
def test_message_that_begins_with_the_bots_mention_is_a_command(content: str, text: str) -> None:
    assert gate().judge(message(content), NOW) == Addressed(text)


#: Nothing here may run; every one talks about the bot, shows a command, or is for somebody else.
EMBEDDED = [
    "",
    " ",
    "status",
    "backup now --yes",
    "ops status",
    "ops: status",
    "/me @**ops** status",
    "/poll @**ops** status",
    "@_**ops** status",
    "@_**ops|17** status",
    "@**all** status",
    "@**everyone** status",
    "@**channel** status",
    "@**stream** status",
    "@**topic** status",
    "@*ops* status",
    "@*operators* @**ops** status",
    "@**ops|18** status",
    "@**ops|170** status",
    "@**ops|1** status",
    "@**ops|017a** status",
    "@**ops|-17** status",
    "@**ops|** status",
    "@**ops|١٧** status",
    "@**|** status",
    "@**ops team** status",
    "@**ops ** status",
    "@**opsy** status",
    "@** ops** status",
    "@**ops* status",
    "@*ops** status",
    "@****ops**** status",
    "@**Iago** @**ops** status",
    "@opsy status",
    "@ops-team status",
    "@ops_team status",
    "@ops2 status",
    "@opś status",
    "@оps status",
    "@ ops status",
    "@\u200bops status",
    "@\u202eops status",
    "\u202e@ops status",
    "\u200b@**ops** status",
    "\u00a0@**ops** status",
    "＠ops status",
    "please @**ops** status",
    "hey @ops status",
    "1. @**ops** status",
    "- @**ops** status",
    "* @**ops** status",
    "# @**ops** status",
    "> @**ops** status",
    ">@**ops** status",
    " > @**ops** status",
    "`@**ops** status`",
    "``@**ops** status``",
    "```\n@**ops** status\n```",
    "```quote\n@**ops** status\n```",
    "````quote\n@**ops** status\n````",
    "```spoiler plan\n@**ops** status\n```",
    "```text\n@ops status\n```",
    "~~~\n@**ops** status\n~~~",
    "    @**ops** status",
    "     @**ops** status",
    "\t@**ops** status",
    "$$@**ops** status$$",
    "**@**ops** status**",
    "*@**ops** status*",
    "~~@**ops** status~~",
    "(@**ops** status)",
    '"@**ops** status"',
    "[@**ops** status](https://example.com)",
    "| @**ops** status |\n|---|",
    "\\@**ops** status",
    "&#64;ops status",
    "What does this do?\n@**ops** status",
    "Try this:\n\n@ops backup now --yes",
    "@_**Iago|11** [said](#narrow/near/1):\n```quote\n@**ops** status\n```",
    "<!-- -->@**ops** status",
    "!ops status",
    "#**ops** status",
    "mail to ops@ops status",
]


@pytest.mark.parametrize("content", EMBEDDED)
def test_quoted_or_embedded_command_is_none(content: str) -> None:
    assert gate().judge(message(content), NOW) is NOT_FOR_US


def test_corpus_of_embedded_forms_is_large_enough() -> None:
    assert len(set(EMBEDDED)) >= 60


@pytest.mark.parametrize(
    "content",
    [
        "@**ops** status\n> and this",
        "@**ops** status\nbackup now",
        "@**ops** status\n@**ops** backup now --yes",
        "@**ops**\nstatus",
        "@ops status\r\nbackup now",
        "@ops status\u2028backup now",
        "@**ops** > status",
        "@**ops** ```status```",
        "@**ops** ```\nstatus\n```",
        "@**ops**\n```\nstatus\n```",
        "@**ops**\n> status",
        "@**ops**\n\n    status",
        "@**ops** ~~~",
    ],
)
def test_more_than_one_line_or_a_block_is_refused_and_not_run(content: str) -> None:
    judgement = gate().judge(message(content), NOW)

    assert isinstance(judgement, Refusal)
    assert judgement.reason is Reason.UNREADABLE_TEXT
    assert "\n" not in judgement.sentence


class TestWhere:
    @pytest.mark.parametrize("content", ["status", "@**ops** status", "@ops status", " status\n"])
    def test_direct_message_needs_no_mention(self, content: str) -> None:
        assert gate().judge(direct(content), NOW) == Addressed("status")

    @pytest.mark.parametrize(
        "content",
        [
            "> status",
            "```\nstatus\n```",
            "```quote\nstatus\n```",
            "    status",
            "\tstatus",
            ">status",
        ],
    )
    def test_quotes_and_blocks_are_refused_in_direct_messages(self, content: str) -> None:
        judgement = gate().judge(direct(content), NOW)

        assert isinstance(judgement, Refusal)
        assert judgement.reason is Reason.UNREADABLE_TEXT

    @pytest.mark.parametrize(
        "content", ["@_**ops** status", "@**all** status", "@**Iago|11** status"]
    )
    def test_other_mentions_in_direct_messages_are_not_taken_off(self, content: str) -> None:
        assert gate().judge(direct(content), NOW) == Addressed(content)

    def test_group_of_people_has_to_mention_the_bot(self) -> None:
        assert gate().judge(direct("status", recipients=3), NOW) == NotForUs()
        assert gate().judge(direct("@ops status", recipients=3), NOW) == NotForUs()
        assert gate().judge(direct("@**ops** status", recipients=3), NOW) == Addressed("status")

    def test_direct_message_to_oneself_is_not_for_the_bot(self) -> None:
        assert gate().judge(direct("status", recipients=1), NOW) == NotForUs()

    def test_plain_name_counts_in_the_ops_channel_only(self) -> None:
        assert gate().judge(message("@ops status", channel_id=LOBBY), NOW) == NotForUs()

    def test_mention_counts_in_every_channel(self) -> None:
        judged = gate().judge(message("@**ops** status", channel_id=LOBBY), NOW)
        assert judged == Addressed("status")


class TestNamesakes:
    def test_name_that_zulip_did_not_take_for_the_bot_is_somebody_else(self) -> None:
        assert gate().judge(message("@**ops** status", mentioned=False), NOW) == NotForUs()
        assert gate().judge(message("@**ops** status", mentioned=True), NOW) == Addressed("status")

    def test_id_decides_whatever_the_flag_says(self) -> None:
        judged = gate().judge(message("@**Iago|17** status", mentioned=False), NOW)
        assert judged == Addressed("status")

    def test_plain_name_carries_no_flag(self) -> None:
        judged = gate().judge(message("@ops status", mentioned=False), NOW)
        assert judged == Addressed("status")

    @pytest.mark.parametrize("name", ["Ops Bot", "ops.bot", "o+(p)s", "Größe"])
    def test_any_name_can_be_mentioned(self, name: str) -> None:
        gate = Gate(bot_id=BOT, bot_name=name, ops_channel_id=OPS, realm="")

        for content in (f"@**{name}** status", f"@{name} status", f"@{name.lower()} status"):
            assert gate.judge(message(content), NOW) == Addressed("status")


class TestOrigin:
    def test_own_message_is_never_a_command(self) -> None:
        assert gate().judge(message("@**ops** status", sender_id=BOT), NOW) == NotForUs()

    @pytest.mark.parametrize(
        "client",
        ["Internal", "internal", "zephyr_mirror", "irc_mirror", "jabber_mirror", "JabberMirror"],
    )
    def test_mail_and_mirrors_never_command(self, client: str) -> None:
        judged = gate().judge(message("@**ops** status", client=client), NOW)

        assert isinstance(judged, Refusal)
        assert judged.reason is Reason.FOREIGN_CLIENT
        assert judged.reason in UNANSWERED

    def test_other_realm_never_commands(self) -> None:
        judged = gate().judge(message("@**ops** status", realm="zulipinternal"), NOW)

        assert isinstance(judged, Refusal)
        assert judged.reason is Reason.OTHER_REALM

    @pytest.mark.parametrize("mark", ["edited", "moved"])
    def test_edited_or_moved_message_never_commands(self, mark: str) -> None:
        judged = gate().judge(
            message("@**ops** status", edited=mark == "edited", moved=mark == "moved"), NOW
        )

        assert isinstance(judged, Refusal)
        assert judged.reason is Reason.NOT_A_COMMAND
        assert mark in judged.sentence

    def test_message_not_for_the_bot_is_not_refused_for_its_origin(self) -> None:
        judged = gate().judge(message("hello", client="Internal", edited=True), NOW)
        assert judged == NotForUs()


class TestAge:
    @pytest.mark.parametrize("age", [timedelta(), OLDEST_COMMAND, -timedelta(minutes=1)])
    def test_fresh_message_commands(self, age: timedelta) -> None:
        judged = gate().judge(message("@ops status", sent_at=NOW - age), NOW)
        assert judged == Addressed("status")

    def test_older_message_is_offered_for_repeating(self) -> None:
        sent_at = NOW - OLDEST_COMMAND - timedelta(seconds=1)
        judged = gate().judge(message("@ops backup now", sent_at=sent_at), NOW)

        assert isinstance(judged, Refusal)
        assert judged.reason is Reason.TOO_OLD
        assert judged.text == "backup now"

    def test_message_from_the_future_is_no_command(self) -> None:
        judged = gate().judge(message("@ops status", sent_at=NOW + timedelta(hours=1)), NOW)

        assert isinstance(judged, Refusal)
        assert judged.reason is Reason.NOT_A_COMMAND


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (Voter(is_human=True, is_active=True, is_guest=False), None),
        (Voter(is_human=False, is_active=True, is_guest=False), Reason.NOT_HUMAN),
        (Voter(is_human=True, is_active=False, is_guest=False), Reason.NOT_ACTIVE),
        (Voter(is_human=True, is_active=True, is_guest=True), Reason.GUEST),
        (Voter(is_human=False, is_active=False, is_guest=True), Reason.NOT_HUMAN),
        (None, Reason.UNREADABLE_PERSON),
    ],
)
def test_only_an_active_human_who_is_no_guest_may_command(
    person: Voter | None, reason: Reason | None
) -> None:
    assert judge_person(person) is reason


TOO_OLD_AT = NOW - OLDEST_COMMAND - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("refused", "reason", "sentence"),
    [
        (
            message("@**ops** status", realm="other"),
            Reason.OTHER_REALM,
            "I answer to people of this organization only.",
        ),
        (
            message("@**ops** status", client="Internal"),
            Reason.FOREIGN_CLIENT,
            "I take no commands from mail or mirrors.",
        ),
        (
            message("@**ops** status", edited=True),
            Reason.NOT_A_COMMAND,
            "I run no edited messages; please send it as a new one.",
        ),
        (
            message("@**ops** status", moved=True),
            Reason.NOT_A_COMMAND,
            "I run no moved messages; please send it as a new one.",
        ),
        (
            message("@**ops** status", sent_at=TOO_OLD_AT),
            Reason.TOO_OLD,
            "That is more than ten minutes old; please repeat it.",
        ),
        (
            message("@**ops** status", sent_at=NOW + OLDEST_COMMAND + timedelta(microseconds=1)),
            Reason.NOT_A_COMMAND,
            "That was sent in the future; please check the clocks.",
        ),
        (
            message("@**ops** > status"),
            Reason.UNREADABLE_TEXT,
            "I read no commands out of quotes and code blocks.",
        ),
        (
            message("@**ops** status\nbackup now"),
            Reason.UNREADABLE_TEXT,
            "A command is one line; please send that line alone.",
        ),
    ],
)
def test_each_refusal_has_its_sentence(
    refused: IncomingMessage, reason: Reason, sentence: str
) -> None:
    judgement = gate().judge(refused, NOW)
    assert isinstance(judgement, Refusal)
    assert (judgement.reason, judgement.sentence) == (reason, sentence)


@pytest.mark.parametrize("sent_at", [NOW - OLDEST_COMMAND, NOW + OLDEST_COMMAND])
def test_ten_minutes_off_are_still_a_command(sent_at: datetime) -> None:
    assert gate().judge(message("@**ops** status", sent_at=sent_at), NOW) == Addressed("status")


def test_what_the_bot_says_is_never_a_command() -> None:
    own = message("status", channel_id=None, recipients=2, sender_id=BOT)
    assert gate().judge(own, NOW) == NOT_FOR_US


@pytest.mark.parametrize("content", ["@**ops**XX status", "@**ops**X"])
def test_only_a_comma_or_a_colon_belongs_to_the_mention(content: str) -> None:
    assert gate().judge(message(content), NOW) == Addressed(content.removeprefix("@**ops**"))


def test_only_one_sign_belongs_to_the_mention() -> None:
    assert gate().judge(message("@**ops**,status"), NOW) == Addressed("status")
    assert gate().judge(message("@**ops**,,status"), NOW) == Addressed(",status")


def test_a_mention_inside_a_word_is_none() -> None:
    """Nor do the letters before it belong to it."""
    assert gate().judge(direct("X@**ops** status"), NOW) == Addressed("X@**ops** status")


def test_four_blanks_before_the_mention_make_code_of_it() -> None:
    refusal = gate().judge(direct("    @**ops** status"), NOW)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.text) == (Reason.UNREADABLE_TEXT, "@**ops** status")
