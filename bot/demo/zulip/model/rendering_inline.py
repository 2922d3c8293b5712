"""Turn the inline marks of a message into HTML; everything else is escaped."""

import re
from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import quote

from bot.demo.zulip.model import emoji
from bot.demo.zulip.model.people import Person

TOKEN = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?P<code_text>.+?)(?<!`)(?P=ticks)(?!`))"
    r"|(?P<mention>(?<![^\s'\"({\[/<])@(?P<silent>_?)\*\*(?P<name>[^*\n]+)\*\*)"
    r"|(?P<channel>\#\*\*(?P<channel_name>[^*>\n]+)(?:>(?P<topic>[^*\n]+))?\*\*)"
    r"|(?P<time><time:(?P<moment>[^<>\n]+)>)"
    r"|(?P<link>\[(?P<link_text>[^\[\]\n]*)\]\((?P<target>[^\s()]+)\))"
    r"|(?P<url>https?://[^\s<>\"'`]*[^\s<>\"'`.,:;!?)\]])"
    r"|(?P<bold>\*\*(?P<bold_text>[^\s*](?:[^*\n]*[^\s*])?)\*\*)"
    r"|(?P<italic>(?<![*\w])\*(?P<italic_text>[^\s*](?:[^*\n]*[^\s*])?)\*(?![*\w]))"
    r"|(?P<struck>~~(?P<struck_text>[^~\n]+)~~)"
    r"|(?P<emoji>:(?P<emoji_name>[a-z0-9_+-]+):)",
    re.DOTALL,
)
SAFE_TARGET = re.compile(r"(?:https?://|mailto:|/user_uploads/|/?#narrow/)", re.IGNORECASE)


def render_inline(text: str, people: Sequence[Person]) -> str:
    """Safe HTML for one run of text; line ends become `<br>`."""
    parts: list[str] = []
    place = 0
    for match in TOKEN.finditer(text):
        parts.append(_plain(text[place : match.start()]))
        assert match.lastgroup is not None
        kind = next(name for name in _RENDERERS if match[name] is not None)
        parts.append(_RENDERERS[kind](match, people))
        place = match.end()
    parts.append(_plain(text[place:]))
    return "".join(parts)


def _plain(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>\n")


def _code(match: re.Match[str], people: Sequence[Person]) -> str:
    del people
    return f"<code>{escape(match['code_text'].strip(), quote=False)}</code>"


def _mention(match: re.Match[str], people: Sequence[Person]) -> str:
    name, silent = match["name"], bool(match["silent"])
    if name.casefold() in {"all", "everyone", "channel", "stream", "topic"}:
        at = "" if silent else "@"
        return f'<span class="user-mention" data-user-id="*">{at}{escape(name)}</span>'
    _, bar, number = name.rpartition("|")
    for person in people:
        by_id = bool(bar) and number == str(person.id)
        if by_id or person.full_name.casefold() == name.casefold():
            label = escape(person.full_name)
            if silent:
                kind, at = "user-mention silent", ""
            else:
                kind, at = "user-mention", "@"
            return f'<span class="{kind}" data-user-id="{person.id}">{at}{label}</span>'
    return _plain(match[0])


def _channel(match: re.Match[str], people: Sequence[Person]) -> str:
    del people
    name, topic = match["channel_name"], match["topic"]
    target = f"/#narrow/stream/{quote(name, safe='')}"
    if topic is None:
        return f'<a class="stream" href="{target}">#{escape(name)}</a>'
    target += f"/topic/{quote(topic, safe='')}"
    return f'<a class="stream-topic" href="{target}">#{escape(name)} &gt; {escape(topic)}</a>'


def _time(match: re.Match[str], people: Sequence[Person]) -> str:
    del people
    moment = escape(match["moment"])
    return f'<time datetime="{moment}">{moment}</time>'


def _link(match: re.Match[str], people: Sequence[Person]) -> str:
    target = match["target"]
    if not SAFE_TARGET.match(target):
        return _plain(match[0])
    text = render_inline(match["link_text"], people) if match["link_text"] else escape(target)
    return f'<a href="{escape(target)}">{text}</a>'


def _url(match: re.Match[str], people: Sequence[Person]) -> str:
    del people
    target = escape(match["url"])
    return f'<a href="{target}">{target}</a>'


def _wrapped(tag: str, group: str) -> "Renderer":
    def render(match: re.Match[str], people: Sequence[Person]) -> str:
        return f"<{tag}>{render_inline(match[group], people)}</{tag}>"

    return render


def _emoji(match: re.Match[str], people: Sequence[Person]) -> str:
    del people
    name = match["emoji_name"]
    code = emoji.CODES.get(name)
    if code is None:
        return _plain(match[0])
    title = escape(name.replace("_", " "))
    return (
        f'<span aria-label="{title}" class="emoji emoji-{code}" role="img" '
        f'title="{title}">:{escape(name)}:</span>'
    )


Renderer = Callable[[re.Match[str], Sequence[Person]], str]
_RENDERERS: dict[str, Renderer] = {
    "code": _code,
    "mention": _mention,
    "channel": _channel,
    "time": _time,
    "link": _link,
    "url": _url,
    "bold": _wrapped("strong", "bold_text"),
    "italic": _wrapped("em", "italic_text"),
    "struck": _wrapped("del", "struck_text"),
    "emoji": _emoji,
}
