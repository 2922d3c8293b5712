"""What is typed wrong, or to do harm, is refused in one line, makes no job and ends nothing."""

import pytest

from bot.demo.zulip.cast import Cast
from tests.acceptance.conversation import EYES, Conversation

REFUSED = {
    "unknown verb": ("bakcup now", "Did you mean `@ops backup now`?"),
    "half of a verb": ("backup", "`@ops backup now`"),
    "nothing like it": ("xyzzy", "`@ops help`"),
    "bad argument": ("job x", "`x` is none. For example: `@ops job 12`."),
    "missing argument": ("job", "For example: `@ops job 12`."),
    "too many": ("job 1 2", "`2` is too much."),
    "unknown option": ("history --all", "takes no `--all`, only `--failed`, `--before`."),
    "option without value": (
        "history --before",
        "`--before` needs a value. For example: `@ops history --before 120`.",
    ),
    "option twice": ("backup now --to a --to b", "`--to` was given 2 times."),
    "yes where nothing is to confirm": ("status --yes", "takes no `--yes`."),
    "no such job": ("job 4711", "There is no job #4711. `@ops history` lists them."),
    "log of no job": ("log 4711", "There is no job #4711. `@ops history` lists them."),
    "cancel of no job": ("cancel 4711", "There is no job #4711. `@ops history` lists them."),
    "a huge number": ("job 99999999999999999999", "For example: `@ops job 12`."),
    "the largest number": ("job 9999999999", "There is no job #9999999999."),
    "help on nothing": ("help xyzzy", "`@ops help`"),
    "shell": ("; rm -rf /", ""),
    "shell after a verb": ("status; rm -rf /", ""),
    "substitution": ("job $(reboot)", ""),
    "control characters": ("job \x07\x1b[2J", ""),
    "right-to-left": ("job \u202e21", ""),
    "only a mark": ("\u202e", ""),
    "quotes left open": ('job "12', ""),
    "quoted verb": ('"backup now"', ""),
    "backticks": ("`job 12`", ""),
    "a code block": ("```\nbackup now --yes\n```", ""),
    "a code block below": ("\n```\nbackup now --yes\n```", ""),
    "a quote below": ("\n> backup now --yes", ""),
    "two lines": ("status\nbackup now --yes", "A command is one line"),
    "an option that is none": ("backup now -- --yes", "A lone `--` means nothing here."),
    "a dash for a value": ("backup now --to --yes", ""),
    "a path for a store": ("backup now --to ../../etc", "`../../etc` is none."),
    "markdown": ("job **@all**", ""),
    "a mention of everybody": ("@**all** job", ""),
}


@pytest.mark.parametrize(("command", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_in_one_line(talk: Conversation, cast: Cast, command: str, said: str) -> None:
    jobs = len(talk.jobs())
    asked = talk.ask(cast.iago, command)
    answer = talk.answer_to(asked)
    entry = talk.entry(asked)

    assert "\n" not in answer
    assert said in answer
    assert "Traceback" not in answer
    assert len(answer) < 300
    assert "@**" not in answer.replace("`@**", ""), "nobody is notified by an echo"
    assert entry is not None
    assert entry.status == "answered"
    assert entry.job_id is None
    assert len(talk.jobs()) == jobs
    assert talk.marks(asked) == {EYES}


@pytest.mark.parametrize("text", ["@**ops**", "@**ops**   ", "@ops", "@**ops**,", "@**ops**:"])
def test_a_lone_mention_gets_the_short_help(talk: Conversation, cast: Cast, text: str) -> None:
    answer = talk.answer_to(talk.say(cast.iago, text))
    assert answer.startswith("- `@ops status`")


@pytest.mark.parametrize("filling", ["x", "x ", "`", "*", "あ", "--yes "])
def test_ten_thousand_characters_are_refused_in_one_line(
    talk: Conversation, cast: Cast, filling: str
) -> None:
    text = ("@**ops** job " + filling * 10_000)[:10_000]
    answer = talk.answer_to(talk.say(cast.iago, text))
    assert "\n" not in answer
    assert len(answer) < 400
    assert talk.stage.zulip.message(1) is not None


def test_a_shell_line_after_the_name_is_refused(talk: Conversation, cast: Cast) -> None:
    answer = talk.answer_to(talk.say(cast.iago, "@ops; rm -rf /"))
    assert "\n" not in answer
    assert talk.stage.host.layout.uploads.is_dir()


@pytest.mark.parametrize(
    "text",
    [
        "> @**ops** backup now --yes",
        "```quote\n@**ops** backup now --yes\n```",
        "```\n@**ops** backup now --yes\n```",
        "    @**ops** backup now --yes",
        "`@**ops** backup now --yes`",
        "please, @**ops** backup now --yes",
        "@_**ops** backup now --yes",
        "@**opsy** backup now --yes",
        "@opsy backup now --yes",
        "@*ops* backup now --yes",
    ],
)
def test_what_only_speaks_of_the_bot_is_no_command(
    talk: Conversation, cast: Cast, text: str
) -> None:
    said = talk.say(cast.iago, text)
    # Events come in order: once the later one is answered, the earlier one was passed over.
    assert talk.hear(cast.iago, "whoami")
    assert talk.entry(said) is None
    assert talk.marks(said) == set()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Status", "**Server status"),
        ("history —failed", "No job has failed."),
        ("  whoami  ", "You are "),
        ("STATUS", "**Server status"),
    ],
)
def test_what_phones_make_of_a_command_is_undone(
    talk: Conversation, cast: Cast, typed: str, meant: str
) -> None:
    assert talk.hear(cast.iago, typed).startswith(meant)
