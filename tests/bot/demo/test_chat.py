"""The chat of the demo, with lines that are fed to it instead of a terminal."""

from collections.abc import Callable, Iterator
from datetime import UTC, timedelta

import pytest

from bot.demo.chat import Chat
from bot.demo.markdown_text import Paper
from bot.demo.transcript import Transcript
from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.server import SimulatedZulip

#: A line to type, or something that happens before the next one.
Act = str | Callable[[], None]


@pytest.fixture
def zulip() -> Iterator[SimulatedZulip]:
    with SimulatedZulip() as server:
        yield server


@pytest.fixture
def cast(zulip: SimulatedZulip) -> Cast:
    return add_cast(zulip)


class Script:
    """Satisfies `Display`: types a line when it is asked, and keeps what it is shown."""

    def __init__(self, *acts: Act) -> None:
        self._acts = iter(acts)
        self.prompts: list[str] = []
        self.shown: list[str] = []

    def ask(self, words: str) -> str | None:
        self.prompts.append(words)
        for act in self._acts:
            if isinstance(act, str):
                return act
            act()
        return None

    def say(self, text: str) -> None:
        self.shown.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.shown)


def play(zulip: SimulatedZulip, cast: Cast, script: Script) -> None:
    Chat(zulip, cast, Transcript(Paper(80, UTC)), script).run()


def test_lines_are_posted_as_who_and_where_one_is(zulip: SimulatedZulip, cast: Cast) -> None:
    script = Script("@ops status", "/as hamlet", "/topic lunch", "@ops help", "/dm version")
    play(zulip, cast, script)
    said = [(m.sender, m.channel, m.topic, m.content) for m in zulip.messages()]
    assert said == [
        ("Iago", "ops", "chat", "@ops status"),
        ("Hamlet", "ops", "lunch", "@ops help"),
        ("Hamlet", None, "", "version"),
    ]
    assert script.prompts[0] == "Iago in #ops › chat: "
    assert script.prompts[-1] == "Hamlet in #ops › lunch: "


@pytest.mark.parametrize("typed", [":check: {}", ":check:{}", ":check: #{}", ":check: [{}]"])
def test_a_reaction_goes_to_the_message_of_that_number(
    zulip: SimulatedZulip, cast: Cast, typed: str
) -> None:
    card = zulip.post(cast.bot, cast.ops, "backup now · #1", "Go on?")
    play(zulip, cast, Script(typed.format(card), f":x: {card}"))
    reactions = zulip.messages()[0].reactions
    assert [(each.emoji_code, each.user_id) for each in reactions] == [
        ("2705", cast.iago.id),
        ("274c", cast.iago.id),
    ]


def test_what_others_write_and_edit_is_shown_while_one_types(
    zulip: SimulatedZulip, cast: Cast
) -> None:
    script = Script()

    def until_shown(text: str) -> None:
        zulip.wait_until(lambda: text in script.text, timedelta(seconds=5))

    def bot_speaks() -> None:
        said = zulip.post(cast.bot, cast.ops, "chat", "Copying\n- one")
        until_shown("[2]  ops")
        zulip.edit(cast.bot, said, "Copying\n- one\n- two")
        until_shown("has edited this message:\n     - two")

    script = Script("@ops status", bot_speaks, ":check:")
    play(zulip, cast, script)
    assert "[1]" not in script.text
    assert "To the last one: :check: 2" in script.text


def test_what_is_refused_or_not_understood_is_said_and_the_chat_goes_on(
    zulip: SimulatedZulip, cast: Cast
) -> None:
    script = Script(
        *(":check: 99", "/as Nobody", "/topic", "/dm", "/dance", "status", "", "/help"), "/quit"
    )
    play(zulip, cast, script)
    assert "Zulip refuses that: Invalid message(s)" in script.text
    assert "Here are Iago, Desdemona, Hamlet, Cordelia and Polonius." in script.text
    assert "For example: /topic lunch" in script.text
    assert "For example: /dm status" in script.text
    assert "Lines with a slash are for this chat" in script.text
    assert "The bot listens to lines that begin with @ops." in script.text
    assert script.text.count("/quit         these lines") == 2
    assert [message.content for message in zulip.messages()] == ["status"]


def test_the_chat_ends_when_there_is_nobody_left_to_talk_to(
    zulip: SimulatedZulip, cast: Cast
) -> None:
    script = Script("@ops status", "@ops help")
    chat = Chat(zulip, cast, Transcript(Paper(80, UTC)), script, is_over=lambda: True)
    chat.run()
    assert zulip.messages() == []
