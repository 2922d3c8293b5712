"""What can be said, and what somebody hears who says it wrongly."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.grammar import Grammar, Parsed
from bot.understanding.tokens import LONGEST_COMMAND_CHARACTERS
from handlers.contract import Declaration, Effect, Kind, Parameter
from handlers.errors import BadCommand, Reason

VERSION = r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?(-(beta|rc)[0-9])?"


@dataclass(frozen=True)
class Query:
    """A command of the bot's own."""

    name: str
    effect: Effect | None
    example: str
    parameters: tuple[Parameter, ...] = ()
    summary: str = "What it does"


NUMBER = Parameter("number", Kind.INTEGER, "the job", "12", positional=True, required=True)
SERVICE = Parameter(
    "service", Kind.CHOICE, "what to restart", "nginx", True, True, ("nginx", "zulip")
)
RELEASE = Parameter("version", Kind.WORD, "the release", "10.4", True, pattern=VERSION)
STORE = Parameter("store", Kind.WORD, "one store only", "local")
LEVEL = Parameter("log_level", Kind.CHOICE, "how much", "info", choices=("info", "debug"))
FAILED = Parameter("failed", Kind.FLAG, "only the failed ones", "--failed")
BEFORE = Parameter("before", Kind.INTEGER, "older than this job", "12")
TITLE = Parameter("title", Kind.WORD, "a title", "'a b'", True, True, pattern=r"[ -~]{0,40}")
CRON = Parameter("cron", Kind.WORD, "when", "'0 2 * * *'", required=True, pattern=r"[0-9*/, -]+")
WHY = Parameter("why", Kind.TEXT, "the reason", "it is too late", positional=True)
REASON = Parameter("reason", Kind.TEXT, "the reason", '"it was done"', longest=20)

WHO = Parameter("who", Kind.PERSON, "somebody", "@**Iago**", True, True)
WHOM = Parameter("whom", Kind.PERSON, "somebody else", "@**Iago**", True)
TITLED = Parameter("title", Kind.WORD, "a title", '"a b"', pattern=r".+")

VERBS = (
    Query("status", Effect.READ, "status"),
    Declaration("backup now", "Back up", "m", Effect.ROUTINE, "backup now", (STORE, LEVEL)),
    Declaration(
        "backup verify", "Verify", "m", Effect.READ, "backup verify --store local", (STORE,)
    ),
    Query("backups", Effect.READ, "backups"),
    Query("history", Effect.READ, "history --failed", (FAILED, BEFORE)),
    Query("job", Effect.READ, "job 12", (NUMBER,)),
    Declaration("restart", "Restart", "m", Effect.ROUTINE, "restart nginx", (SERVICE,)),
    Declaration("upgrade", "Upgrade", "m", Effect.DISRUPTIVE, "upgrade 10.4", (RELEASE,)),
    Declaration("restore", "Restore", "m", Effect.DESTRUCTIVE, "restore"),
    Query("schedule add", Effect.ROUTINE, "schedule add x --cron '0 2 * * *'", (TITLE, CRON)),
    Query("schedules", Effect.READ, "schedules"),
    Query("reject", Effect.ROUTINE, "reject 12 it is too late", (NUMBER, WHY)),
    Query("resolve", Effect.READ, 'resolve 12 --reason "it was done"', (NUMBER, REASON)),
    Query("whoami", None, "whoami"),
    Query("ask", Effect.READ, "ask @**Iago**", (WHO, WHOM)),
    Query("help", None, "help backup"),
)


def grammar() -> Grammar:
    """Built by each test anew: also how it is built is tried."""
    return Grammar(VERBS)


RESOLVE = Query("job resolve", Effect.READ, "job 12 resolve --failed", (NUMBER, FAILED, TITLED))


def numbered() -> Grammar:
    return Grammar((*VERBS, RESOLVE))


def refused(text: str) -> BadCommand:
    with pytest.raises(BadCommand) as caught:
        grammar().parse(text)
    assert caught.value.message.isprintable()
    return caught.value


@pytest.mark.parametrize(
    ("text", "verb", "arguments", "canonical"),
    [
        ("status", "status", {}, "status"),
        ("STATUS", "status", {}, "status"),
        ("Backup Now", "backup now", {}, "backup now"),
        ("`backup now`", "backup now", {}, "backup now"),
        ("backup now --store local", "backup now", {"store": "local"}, "backup now --store local"),
        ("backup now --store=local", "backup now", {"store": "local"}, "backup now --store local"),
        ("backup now —store “local”", "backup now", {"store": "local"}, "backup now --store local"),
        (
            "backup now --log-level DEBUG --store a.b",
            "backup now",
            {"store": "a.b", "log_level": "debug"},
            "backup now --store a.b --log-level debug",
        ),
        ("job 12", "job", {"number": 12}, "job 12"),
        ("job #12", "job", {"number": 12}, "job 12"),
        ("job 007", "job", {"number": 7}, "job 7"),
        ("history", "history", {"failed": False}, "history"),
        ("history --failed", "history", {"failed": True}, "history --failed"),
        (
            "history --before 40 --failed",
            "history",
            {"failed": True, "before": 40},
            "history --failed --before 40",
        ),
        ("restart NGINX", "restart", {"service": "nginx"}, "restart nginx"),
        ("upgrade", "upgrade", {}, "upgrade"),
        ("upgrade 1.4", "upgrade", {"version": "1.4"}, "upgrade 1.4"),
        ("upgrade 10.0-rc1", "upgrade", {"version": "10.0-rc1"}, "upgrade 10.0-rc1"),
        (
            "schedule add 'two words' --cron \"0 2 * * *\"",
            "schedule add",
            {"title": "two words", "cron": "0 2 * * *"},
            'schedule add "two words" --cron "0 2 * * *"',
        ),
        (
            "schedule add it’s --cron=“0 2 * * *”",
            "schedule add",
            {"title": "it's", "cron": "0 2 * * *"},
            'schedule add "it\'s" --cron "0 2 * * *"',
        ),
        (
            'schedule add "" --cron *',
            "schedule add",
            {"title": "", "cron": "*"},
            'schedule add "" --cron *',
        ),
    ],
)
def test_command_is_understood(
    text: str, verb: str, arguments: dict[str, object], canonical: str
) -> None:
    parsed = grammar().parse(text)

    assert parsed.verb.name == verb
    assert parsed.arguments == arguments
    assert parsed.canonical == canonical
    assert not parsed.help_wanted
    assert not parsed.yes


@pytest.mark.parametrize("text", ["backup now --yes", "backup now —yes", "Backup now –yes"])
def test_yes_is_taken_where_something_changes(text: str) -> None:
    parsed = grammar().parse(text)

    assert parsed.yes
    assert "yes" not in parsed.arguments
    assert parsed.canonical == "backup now --yes"


def test_yes_comes_last_in_the_canonical_command() -> None:
    assert grammar().parse("restart --yes zulip").canonical == "restart zulip --yes"


@pytest.mark.parametrize("text", ["status --yes", "whoami --yes", "backup verify --yes"])
def test_yes_is_refused_where_nothing_changes(text: str) -> None:
    error = refused(text)

    assert error.reason is Reason.BAD_ARGUMENT
    assert "changes nothing" in error.message


@pytest.mark.parametrize(
    ("text", "about", "canonical"),
    [
        ("help", [], "help"),
        ("HELP", [], "help"),
        ("--help", [], "help"),
        ("-h", [], "help"),
        ("help --help", [], "help"),
        ("help help", ["help"], "help help"),
        ("help backup", ["backup now", "backup verify"], "help backup"),
        ("backup --help", ["backup now", "backup verify"], "help backup"),
        ("help Backup now", ["backup now"], "help backup now"),
        ("backup now --help", ["backup now"], "help backup now"),
        ("backup now -h", ["backup now"], "help backup now"),
        ("backup now --store x --help", ["backup now"], "help backup now"),
        ("backup now —help", ["backup now"], "help backup now"),
        ("job 12 --help", ["job"], "help job"),
        ("help job 12", ["job"], "help job"),
    ],
)
def test_help_is_wanted(text: str, about: list[str], canonical: str) -> None:
    parsed = grammar().parse(text)

    assert parsed.help_wanted
    assert parsed.verb.name == "help"
    assert [verb.name for verb in parsed.about] == about
    assert parsed.canonical == canonical


@pytest.mark.parametrize("text", ["", " ", "\n", "``"])
def test_empty_command_has_its_own_reason(text: str) -> None:
    assert refused(text).reason is Reason.EMPTY_COMMAND


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("bakcup now", "Did you mean `backup now`?"),
        ("backup nwo", "Did you mean `backup now`?"),
        ("bakcup nwo --store x", "Did you mean `backup now`?"),
        ("retsart nginx", "Did you mean `restart`?"),
        ("stauts", "Did you mean `status`?"),
        ("stats", "Did you mean `status`?"),
        ("histroy --failed", "Did you mean `history`?"),
        ("upgrad 1.4", "Did you mean `upgrade`?"),
        ("who am i", "Did you mean `whoami`?"),
        ("shedules", "Did you mean `schedules`?"),
        ("help bakcups", "Did you mean `backups`?"),
        ("backup", "`backup` needs another word: `backup now`, `backup verify`"),
        ("backup zzz", "There is `backup now`, `backup verify`"),
        ("backup --yes", "`backup now`"),
        ("make coffee", "There is no command `make coffee`. `help` lists"),
        ("; rm -rf /", "`; rm -rf /`"),
        ("> status", "`> status`"),
        ("@**all** status", "`@**all** status`"),
        ("status; backup now --yes", "`status`"),
        ("$(status)", "`$(status)`"),
        ("--yes", "`--yes`"),
        ("a`b`", "`a'b'`"),
    ],
)
def test_unknown_verb_gets_one_line_with_the_closest(text: str, named: str) -> None:
    error = refused(text)

    assert error.reason is Reason.UNKNOWN_VERB
    assert named in error.message
    assert len(error.message) < 200


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("statsu", "There is no command `statsu`. Did you mean `@ops status`?", None),
        (
            "make tea",
            "There is no command `make tea`. `@ops help` lists those that there are.",
            None,
        ),
        ("job x", "`job` needs the job, and `x` is none.", "For example: `@ops job 12`."),
        (
            "history --before",
            "`--before` needs a value.",
            "For example: `@ops history --before 12`.",
        ),
    ],
)
def test_what_is_typed_to_a_bot_can_be_copied(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(BadCommand) as caught:
        grammar().of_bot("ops").parse(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("job", "`job` needs the job."),
        ("ask nobody", "`ask` needs somebody, mentioned like `@**Iago**`, and `nobody` is none."),
        ("ask @**a** @**b** @**c**", "`ask` takes 2 words at most; `@**c**` is too much."),
        ("job x", "`job` needs the job, and `x` is none."),
        ("job -1", "`job` takes no `-1`"),
        ("job 1.5", "and `1.5` is none"),
        ("job 12345678901", "and `12345678901` is none"),
        ("job ##1", "and `##1` is none"),
        ("job #", "and `#` is none"),
        ('job ""', "and it is empty"),
        ("job 1 2", "`job` takes one word at most; `2` is too much."),
        ("job it's", "and `it's` is none"),
        ("status now", "`status` stands without words like `now`."),
        ("status --frsh", "`status` takes no `--frsh`, and no other option."),
        ("history --faild", "`history` takes no `--faild`, only `--failed`, `--before`."),
        ("history --fail", "`--fail`"),
        ("history -f", "`history` takes no `-f`"),
        ("history --failed=yes", "`--failed` takes no value."),
        ("history --before", "`--before` needs a value."),
        ("history --before --failed", "`--before`"),
        ("history --before x", "`--before` needs a whole number, and `x` is none."),
        ("history --before 1 --before 2", "`--before` was given 2 times."),
        ("history --failed --failed", "`--failed` was given 2 times."),
        ("history --", "A lone `--` means nothing here."),
        ("job -- 12", "A lone `--`"),
        ("backup now --yes --yes", "`--yes` was given 2 times."),
        ("backup now --yes=1", "`--yes` takes no value."),
        ("backup now please", "`backup now` stands without words like `please`."),
        ("backup now --sotre x", "only `--store`, `--log-level`, `--yes`."),
        ("backup now --store -x", "`--store` needs a word like `local`, and `-x` is none."),
        ("backup now --store '--yes'", "and `--yes` is none"),
        ("backup now --store 'a b'", "and `a b` is none"),
        ("backup now --store ../../etc", "and `../../etc` is none"),
        ("backup now --store $(id)", "and `$(id)` is none"),
        (
            "backup now --log-level loud",
            "`--log-level` needs one of `info`, `debug`, and `loud` is none.",
        ),
        ("restart", "`restart` needs what to restart."),
        ("restart foo", "`restart` needs one of `nginx`, `zulip`, and `foo` is none."),
        ("restart nginx zulip", "`zulip` is too much"),
        ("upgrade --remote-url=https://evil/x.git", "`--remote-url`"),
        ("upgrade master", "`upgrade` needs the release, like `10.4`, and `master` is none."),
        ("upgrade 10.4;id", "and `10.4;id` is none"),
        ("upgrade 1.4`", "and `1.4'` is none"),
        ("schedule add x", "`--cron` is missing."),
        ("schedule add x --cron 'a'", "and `a` is none"),
    ],
)
def test_bad_argument_is_named_with_what_is_allowed_and_an_example(text: str, named: str) -> None:
    error = refused(text)

    assert error.reason is Reason.BAD_ARGUMENT
    assert named in error.message
    assert error.hint is not None
    assert error.hint.startswith("For example: `")


@pytest.mark.parametrize(
    "text",
    ["x" * 10_000, "status\x00", "\u202estatus", "```\nstatus\n```", "status\nstatus", "say 'it"],
)
def test_unreadable_text_is_refused(text: str) -> None:
    assert refused(text).reason is Reason.UNREADABLE_TEXT


def test_newline_at_the_end_of_a_value_does_not_pass_its_pattern() -> None:
    assert refused("upgrade '1.4\n'").reason is Reason.UNREADABLE_TEXT


def within_its_limits(parsed: Parsed) -> bool:
    """Whether every argument is what its parameter allows, judged apart from the grammar."""
    known = {parameter.name: parameter for parameter in parsed.verb.parameters}
    for name, value in parsed.arguments.items():
        parameter = known[name]
        if parameter.kind is Kind.INTEGER:
            good = type(value) is int and 0 <= value < 10**10
        elif parameter.kind is Kind.FLAG:
            good = type(value) is bool
        elif parameter.kind is Kind.CHOICE:
            good = value in parameter.choices
        else:
            good = re.fullmatch(parameter.pattern, str(value)) is not None
            good = good and str(value).isascii() and not str(value).startswith("-")
        if not good:
            return False
    required = {p.name for p in parsed.verb.parameters if p.required}
    return parsed.help_wanted or required <= parsed.arguments.keys()


LOOSE_WORDS = """status backup now verify history job restart nginx upgrade 1.4 12 help schedule
add --yes --store --store=local --failed --before --cron --help -h -- - = ' " ` “ ” ‘ ’ — –yes ; &&
| $(id) ../.. @**all** #12 --log-level=debug"""
PIECES = st.sampled_from([*LOOSE_WORDS.split(), "\u202e", "\u00a0", "\n", "'a b'", '"0 2 * * *"'])


@settings(deadline=None, max_examples=1500)
@given(st.one_of(st.text(max_size=320), st.lists(PIECES, max_size=8).map(" ".join)))
def test_any_text_is_a_proper_command_or_a_refusal(text: str) -> None:
    try:
        parsed = grammar().parse(text)
    except BadCommand:
        return
    assert within_its_limits(parsed)
    assert not parsed.yes or parsed.verb.effect not in (None, Effect.READ)
    again = grammar().parse(parsed.canonical)
    assert again == parsed


@settings(deadline=None, max_examples=500)
@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).filter(
        lambda title: not ('"' in title and "'" in title) and not title.startswith("-")
    ),
    st.booleans(),
)
def test_canonical_command_says_the_same_again(title: str, yes: bool) -> None:
    quoted = f"'{title}'" if '"' in title else f'"{title}"'
    if "```" in title or "~~~" in title:
        return
    parsed = grammar().parse(f"schedule add {quoted} --cron * {'--yes' * yes}")

    assert parsed.arguments["title"] == title
    assert grammar().parse(parsed.canonical) == parsed


def test_mutants_of_a_version_with_other_characters_never_pass() -> None:
    random, built = Random(1), grammar()
    for _ in range(10_000):
        text = list("upgrade 10.4")
        strange = chr(random.choice([*range(0x80, 0x2FFF), *range(0xFE00, 0xFFFF)]))
        text.insert(random.randrange(len(text) + 1), strange)
        try:
            parsed = built.parse("".join(text))
        except BadCommand:
            continue
        # What keyboards make of spaces, quotes and dashes may be undone; nothing else.
        assert parsed.arguments in ({"version": "10.4"}, {})
        assert strange in "\u00a0“”„‟‘’‚‛"


@pytest.mark.parametrize(
    ("text", "arguments", "canonical"),
    [
        ("reject 12", {"number": 12}, "reject 12"),
        ("reject 12 too  late", {"number": 12, "why": "too late"}, "reject 12 too late"),
        ("Reject 12 --yes", {"number": 12, "why": "--yes"}, "reject 12 --yes"),
        ("reject 12 no -- no", {"number": 12, "why": "no -- no"}, "reject 12 no -- no"),
        ('reject 12 "so late"', {"number": 12, "why": "so late"}, "reject 12 so late"),
        (
            "reject 12 Iago's turn, 'I \"think\"'",
            {"number": 12, "why": 'Iago\'s turn, I "think"'},
            'reject 12 "Iago\'s" turn, I \'"think"\'',
        ),
        (
            'resolve 12 --reason " was  done"',
            {"number": 12, "reason": "was done"},
            'resolve 12 --reason "was done"',
        ),
        ("resolve --reason=done 12", {"number": 12, "reason": "done"}, "resolve 12 --reason done"),
    ],
)
def test_free_text_is_kept_as_it_was_typed(
    text: str, arguments: dict[str, object], canonical: str
) -> None:
    parsed = grammar().parse(text)
    assert (parsed.arguments, parsed.canonical, parsed.yes) == (arguments, canonical, False)
    assert grammar().parse(canonical) == parsed


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("reject 12 " + "x" * 201, "The reason has 201 characters; 200 are the most."),
        ("reject -- 12", "lone `--`"),
        ("reject --yes 12", "`reject` takes no `--yes`, and no other option."),
        ("resolve 12 --reason", "`--reason` needs a value."),
        ('resolve 12 --reason ""', "`--reason` needs words, and it is empty."),
        ("resolve 12 --reason --yes", "`--reason` needs words in quotes, and `--yes` is none."),
        ('resolve 12 --reason "one two three four five"', "20 are the most."),
        ("resolve 12 --reason it was", "`resolve` takes one word at most; `was` is too much."),
    ],
)
def test_free_text_that_cannot_be_kept_is_refused(text: str, named: str) -> None:
    error = refused(text)
    assert named in error.message
    assert error.reason is Reason.BAD_ARGUMENT


@given(st.text(st.sampled_from("ab -'\"`=."), max_size=30))
def test_any_free_text_says_the_same_again(text: str) -> None:
    try:
        parsed = grammar().parse(f"reject 12 {text}")
    except BadCommand:
        return
    assert parsed.verb.name == "reject"
    assert grammar().parse(parsed.canonical) == parsed


def test_a_word_that_names_something_is_held_to_what_there_is() -> None:
    store = Parameter("to", Kind.WORD, "one store only", "disk", place="store")
    backup = Declaration("backup now", "Back up", "m", Effect.ROUTINE, "backup now", (store,))
    held = Grammar((*VERBS[2:], backup), names={"store": ("local", "s3")}).of_bot("ops")

    assert held.parse("backup now --to s3").arguments == {"to": "s3"}
    with pytest.raises(BadCommand) as caught:
        held.parse("backup now --to nowhere")

    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert caught.value.message == "`--to` needs one of `local`, `s3`, and `nowhere` is none."
    assert caught.value.hint == "For example: `@ops backup now --to local`."


def test_grammar_may_be_used_by_many_threads() -> None:
    texts = [f"history --before {number}" for number in range(1, 400)]
    with ThreadPoolExecutor(8) as pool:
        found = [parsed.arguments["before"] for parsed in pool.map(grammar().parse, texts)]
    assert found == list(range(1, 400))


@pytest.mark.parametrize(
    ("verbs", "complaint"),
    [
        ((Query("status", None, "status"),), "no verb `help`"),
        ((*VERBS, VERBS[0]), "same name"),
        ((*VERBS, Query("x", None, "x", (STORE, STORE))), "taken"),
        ((*VERBS, Query("x", None, "x", (Parameter("yes", Kind.FLAG, "y", "y"),))), "taken"),
        ((*VERBS, Query("x", None, "x", (Parameter("a-b", Kind.FLAG, "y", "y"),))), "lower_case"),
        ((*VERBS, Query("x", None, "x", (RELEASE, NUMBER))), "required"),
        ((*VERBS, Query("x", None, "x", (WHY, RELEASE))), "free text"),
    ],
)
def test_verb_that_could_not_be_typed_is_noticed_when_the_grammar_is_built(
    verbs: tuple[Query, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Grammar(verbs)


def test_longest_text_with_a_typo_is_answered() -> None:
    text = ("bakcup " * 100)[:LONGEST_COMMAND_CHARACTERS]
    assert refused(text).reason is Reason.UNKNOWN_VERB


@pytest.mark.parametrize(
    "text", ["job 12 resolve --failed", "job #12 resolve --failed", "Job Resolve 12 --failed"]
)
def test_a_number_may_stand_behind_its_noun(text: str) -> None:
    parsed = numbered().parse(text)
    assert parsed.verb is RESOLVE
    assert parsed.arguments == {"number": 12, "failed": True}
    assert parsed.canonical == "job 12 resolve --failed"
    assert numbered().parse(parsed.canonical) == parsed


def test_the_noun_alone_is_another_verb() -> None:
    assert numbered().parse("job 12").verb.name == "job"
    for text in ("job resolve", "job 12 resolve x --failed", "job 12 unresolve", "job x resolve"):
        with pytest.raises(BadCommand):
            numbered().parse(text)


def test_an_example_has_the_number_where_it_is_typed() -> None:
    with pytest.raises(BadCommand) as caught:
        numbered().parse("job 7 resolve --title")
    assert caught.value.hint == 'For example: `job 12 resolve --title "a b"`.'


def test_help_for_a_noun_names_all_that_can_be_done() -> None:
    assert {verb.name for verb in numbered().parse("help job").about} == {"job", "job resolve"}


@pytest.mark.parametrize(
    ("text", "who", "canonical"),
    [
        ("ask @**Iago**", "Iago", "ask @**Iago**"),
        ("ask @_**Iago|11**", "Iago|11", "ask @**Iago|11**"),
        ("ask @**Zoë Ünal**", "Zoë Ünal", "ask @**Zoë Ünal**"),
        ("ask 11", "|11", "ask @**|11**"),
        ("ask |11", "|11", "ask @**|11**"),
    ],
)
def test_somebody_is_mentioned_or_known_by_number(text: str, who: str, canonical: str) -> None:
    parsed = grammar().parse(text)
    assert (parsed.arguments, parsed.canonical) == ({"who": who}, canonical)
    assert grammar().parse(canonical) == parsed


REJECT = "reject 12 it is too late"
LONG = 'resolve 12 --reason "it was done"'


def told(text: str) -> tuple[str, str | None]:
    error = refused(text)
    return error.message, error.hint


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("", "There is no command.", "Type `help`."),
        ("history --", "A lone `--` means nothing here.", "history --failed"),
        ("job 1 2", "`job` takes one word at most; `2` is too much.", "job 12"),
        ("job ''", "`job` needs the job, and it is empty.", "job 12"),
        ("status now", "`status` stands without words like `now`.", "status"),
        ("status --yes", "`status` changes nothing, so it takes no `--yes`.", "status"),
        ("reject --yes", "`reject` takes no `--yes`, and no other option.", REJECT),
        (
            "backup now --sotre x",
            "`backup now` takes no `--sotre`, only `--store`, `--log-level`, `--yes`.",
            "backup now",
        ),
        (
            "history --before 1 --before 2",
            "`--before` was given 2 times.",
            "history --before 12",
        ),
        ("history --failed --failed", "`--failed` was given 2 times.", "history --failed"),
        ("history --failed=yes", "`--failed` takes no value.", "history --failed"),
        ("history --before", "`--before` needs a value.", "history --before 12"),
        ("schedule add x", "`--cron` is missing.", "schedule add 'a b' --cron '0 2 * * *'"),
        ("resolve 1 --reason ''", "`--reason` needs words, and it is empty.", LONG),
        (
            "resolve 1 --reason ' -x'",
            "`--reason` needs words in quotes, and `-x` is none.",
            LONG,
        ),
        (
            f"resolve 1 --reason {'x' * 21}",
            "The reason has 21 characters; 20 are the most.",
            LONG,
        ),
        (
            f"reject 12 {'x' * 201}",
            "The reason has 201 characters; 200 are the most.",
            REJECT,
        ),
    ],
)
def test_each_refusal_has_its_sentence_and_an_example(text: str, sentence: str, hint: str) -> None:
    example = hint if hint.startswith("Type") else f"For example: `{hint}`."
    assert told(text) == (sentence, example)


def test_the_longest_text_is_still_kept() -> None:
    assert grammar().parse(f"resolve 1 --reason {'x' * 20}").arguments["reason"] == "x" * 20


def test_an_example_of_a_flag_has_no_value() -> None:
    """Though its own example would be one."""
    wide = Parameter("wide", Kind.FLAG, "all of them", "yes")
    with pytest.raises(BadCommand) as caught:
        Grammar((*VERBS, Query("look", None, "look", (wide,)))).parse("look --wide=1")
    assert caught.value.hint == "For example: `look`."


@pytest.mark.parametrize("summary", ["the job.", "Xthe jobX"])
def test_a_full_stop_of_a_summary_is_left_out(summary: str) -> None:
    number = Parameter("number", Kind.INTEGER, summary, "12", True, True)
    why = Parameter("why", Kind.TEXT, summary, "so", True, longest=3)
    verbs = (*VERBS, Query("x", None, "x 1", (number,)), Query("y", None, "y so", (why,)))
    bare = summary.rstrip(".")

    with pytest.raises(BadCommand, match=f"^`x` needs {bare}\\.$"):
        Grammar(verbs).parse("x")
    with pytest.raises(BadCommand, match=f"^{bare[0].upper()}{bare[1:]} has 4 characters;"):
        Grammar(verbs).parse("y four")


def test_help_comes_with_no_arguments() -> None:
    assert grammar().parse("help").arguments == {}
    assert grammar().parse("help job").arguments == {}


@pytest.mark.parametrize("name", ["yes", "help"])
def test_no_parameter_can_be_called_like_an_option_of_every_verb(name: str) -> None:
    verb = Query("x", None, "x", (Parameter(name, Kind.FLAG, "y", "y"),))
    with pytest.raises(ValueError, match=r"^x: a parameter's name is taken\.$"):
        Grammar((*VERBS, verb))


@pytest.mark.parametrize(
    ("verbs", "complaint"),
    [
        ((Query("status", None, "status"),), r"^There is no verb `help`\.$"),
        ((*VERBS, VERBS[0]), r"^Two verbs have the same name\.$"),
        (
            (*VERBS, Query("x", None, "x", (RELEASE, WHY, WHOM))),
            r"^x: an argument follows the free text, which takes all words\.$",
        ),
    ],
)
def test_what_is_wrong_with_the_verbs_is_told(verbs: tuple[Query, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Grammar(verbs)


@pytest.mark.parametrize(
    "given", ['""', "-x", '"one two three four five"'], ids=["empty", "no words", "too long"]
)
def test_a_reason_that_will_not_do_is_answered_with_how_one_is_given(given: str) -> None:
    note = Query("note", Effect.READ, "note 12", (NUMBER, REASON))

    with pytest.raises(BadCommand) as caught:
        Grammar((*VERBS, note)).parse(f"note 12 --reason {given}")

    assert caught.value.hint == 'For example: `note 12 --reason "it was done"`.'


def test_a_things_number_may_stand_behind_its_noun_also_where_nothing_follows() -> None:
    parsed = numbered().parse("job 12 resolve")

    assert parsed.verb is RESOLVE
    assert parsed.arguments == {"number": 12, "failed": False}


def test_a_word_that_begins_with_a_dash_is_no_value() -> None:
    with pytest.raises(BadCommand, match="`-x`"):
        numbered().parse("job resolve 12 --title -x")
