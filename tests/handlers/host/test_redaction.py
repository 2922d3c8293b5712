"""Secrets are hidden in every spelling and across every edge, at a cost that is linear."""

import base64
import json
import re
import secrets
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.host.redaction import LINE_WAS_CUT, LONGEST_LINE, MASK, Redactor, forms, of_host
from handlers.host.settings import HostSettings, StoreSettings
from tests.fakes.hostile import HOSTILE

ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: secret,
    "url": lambda secret: quote(secret, safe=""),
    "url, lower case": lambda secret: re.sub("%..", lambda code: code[0].lower(), quote(secret)),
    "hex": lambda secret: secret.encode().hex(),
    "HEX": lambda secret: secret.encode().hex().upper(),
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "shell": shlex.quote,
}
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)


def streamed(redactor: Redactor, *pieces: str) -> str:
    stream = redactor.stream()
    return "".join([*(stream.feed(piece) for piece in pieces), stream.end()])


@given(secret=PRINTABLE, encoding=st.sampled_from(sorted(ENCODINGS)))
@settings(deadline=None, max_examples=200)
def test_no_spelling_of_a_secret_leaks_at_any_split(secret: str, encoding: str) -> None:
    redactor = Redactor([secret])
    spelling = ENCODINGS[encoding](secret)
    text = f"before <{spelling}> after\n"

    for split in range(len(text) + 1):
        said = streamed(redactor, text[:split], text[split:])
        assert spelling not in said
        assert said.startswith("before")
        assert said.endswith("after\n")


@given(secret=PRINTABLE, before=st.binary(max_size=4), after=st.binary(max_size=4))
@settings(deadline=None, max_examples=200)
def test_a_secret_inside_base64_leaks_no_more_than_its_edges(
    secret: str, before: bytes, after: bytes
) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    said = Redactor([secret]).redact(encoded)

    left = said.replace(MASK, "")
    assert MASK in said
    assert len(left) <= len(encoded) - (len(secret) * 8 // 6 - 3)


def test_each_line_of_a_secret_of_many_lines_is_hidden() -> None:
    redactor = Redactor(["first line of it\nsecond line of it\n"])

    assert redactor.redact("a second line of it b\n") == f"a {MASK} b\n"


def test_overlapping_secrets_leave_no_remainder() -> None:
    redactor = Redactor(["abcdefgh12345678", "12345678zyxwvuts"])

    assert redactor.redact("abcdefgh12345678zyxwvuts") == MASK


def test_short_values_do_not_hide_ordinary_words() -> None:
    assert Redactor(["true", "zulip"]).redact("zulip is true") == "zulip is true"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id AKIAIOSFODNN7EXAMPLE.", f"id {MASK}."),
        ("postgresql://zulip:s3cr:et@db/zulip", f"postgresql://zulip:{MASK}@db/zulip"),
        ("password=hunter2 next", f"password={MASK} next"),
        ("PGPASSWORD='two words' next", f"PGPASSWORD={MASK} next"),
        ("rabbitmq_password = abc", f"rabbitmq_password = {MASK}"),
        ("AWS_SECRET_ACCESS_KEY=abc/def", f"AWS_SECRET_ACCESS_KEY={MASK}"),
        ('{"token": "abcdefgh", "id": 3}', f'{{"token": {MASK}, "id": 3}}'),
        (r'"{\"api_key\": \"abcdefgh\"}"', rf'"{{\"api_key\": {MASK}}}"'),
        ("secret: abcdefgh", f"secret: {MASK}"),
        ("Authorization: Basic abcdefgh", f"Authorization: Basic {MASK}"),
        ("key: value", "key: value"),
        ("x eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0 y", f"x {MASK} y"),
        ("AGE-SECRET-KEY-1QQQQQQQQ", MASK),
        ("12:00 INFO dumping table zulip_message", "12:00 INFO dumping table zulip_message"),
        ("see https://zulip.com/help", "see https://zulip.com/help"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, said: str) -> None:
    assert Redactor(()).redact(text) == said


BODY = "\n".join(secrets.token_urlsafe(45).replace("-", "/").replace("_", "+") for _ in range(9))
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----\n"
LOCKED_KEY = KEY.replace("\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n", 1)


@pytest.mark.parametrize("key", [KEY, LOCKED_KEY, json.dumps(KEY)])
@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_a_key_block_is_hidden_wherever_it_is_cut(key: str, size: int) -> None:
    text = f"before\n{key}\nIt is done.\n"
    said = streamed(Redactor(()), *(text[at : at + size] for at in range(0, len(text), size)))

    assert not [line for line in BODY.splitlines() if line[:8] in said]
    assert said.startswith("before\n")
    assert said.endswith("It is done.\n")


def test_an_endless_line_is_cut_but_never_through_a_secret() -> None:
    secret = secrets.token_hex(20)
    redactor = Redactor([secret])
    text = "x" * (LONGEST_LINE - 10) + secret + "y" * 1000

    said = streamed(
        redactor, *(text[at : at + 999] for at in range(0, len(text), 999)), "y\nnext\n"
    )

    assert said.endswith(f"xx{MASK}{LINE_WAS_CUT}next\n")


def test_a_gigabyte_without_a_line_end_is_not_held() -> None:
    stream = Redactor([secrets.token_hex(20)]).stream()
    said = sum(len(stream.feed("x" * 1_000_000)) for _ in range(1000))

    assert said == LONGEST_LINE + len(LINE_WAS_CUT)


@pytest.fixture(scope="module")
def many_secrets() -> list[str]:
    return [secrets.token_urlsafe(32) for _ in range(15)]


@contextmanager
def linear(seconds: float = 60) -> Iterator[None]:
    """Ends what takes hundreds of times as long as it should: a pattern that begins again inside of
    what it has read takes hours for a megabyte. `bin/bench redaction` measures how long it takes.
    """

    def give_up(_number: int, _frame: object) -> None:
        raise TimeoutError("this takes as long as if it were quadratic")

    previous = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_megabyte_costs_no_more_than_its_length(
    unit: str, many_secrets: list[str]
) -> None:
    redactor = Redactor(many_secrets)
    with linear():
        redactor.redact(unit * (1_000_000 // len(unit)))


def test_a_near_miss_megabyte_costs_no_more_either(many_secrets: list[str]) -> None:
    redactor = Redactor(many_secrets)
    near = many_secrets[0][:-1] + "~"
    with linear():
        assert redactor.redact(near * (1_000_000 // len(near))).startswith(near)


def test_what_is_quadratic_would_be_noticed() -> None:
    with pytest.raises(TimeoutError), linear(0.1):
        re.search(r"(?:a*)*b", "a" * 100_000)


def test_the_secrets_of_the_host_and_its_stores_are_known(tmp_path: Path) -> None:
    (tmp_path / "etc/zulip").mkdir(parents=True)
    (tmp_path / "etc/zulip/zulip-secrets.conf").write_text(
        "[secrets]\n# a remark that is long\npostgres_password = pass-of-postgres\n"
    )
    keys = tmp_path / "keys"
    keys.write_text("access-key-id\nsecret/access=key\n")
    store = StoreSettings("bucket", bucket="b", credentials_file=keys)

    redactor = of_host(HostSettings(root=tmp_path), [store, StoreSettings("local")])

    said = redactor.redact("pass-of-postgres access-key-id secret/access=key [secrets]")
    assert said == f"{MASK} {MASK} {MASK} [secrets]"


def test_a_host_without_a_secrets_file_still_hides_by_pattern(tmp_path: Path) -> None:
    assert of_host(HostSettings(root=tmp_path), ()).redact("token=abc") == f"token={MASK}"


@pytest.mark.parametrize(
    ("secret", "spellings"),
    [
        (
            "abcd/efgh",
            {
                "abcd/efgh",
                *("abcd%2Fefgh", "abcd%2fefgh"),
                *("616263642f65666768", "616263642F65666768"),
                # At each of the three places at which base64 may have begun.
                *("YWJjZC9lZmdo", "FiY2QvZWZna", "hYmNkL2VmZ2"),
            },
        ),
        (
            'it\'s/a "seçret"',
            {
                'it\'s/a "seçret"',
                *('it\'s/a \\"seçret\\"', 'it\'s/a \\"se\\u00e7ret\\"'),
                *("'it'\"'\"'s/a \"seçret\"'", "it'\\''s/a \"seçret\""),
                *("it%27s%2Fa%20%22se%C3%A7ret%22", "it%27s%2fa%20%22se%c3%a7ret%22"),
                *("it%27s/a%20%22se%C3%A7ret%22", "it%27s/a%20%22se%c3%a7ret%22"),
                *("it%27s%2Fa+%22se%C3%A7ret%22", "it%27s%2fa+%22se%c3%a7ret%22"),
                *("697427732f6120227365c3a772657422", "697427732F6120227365C3A772657422"),
                *("aXQncy9hICJzZcOncmV0I", "l0J3MvYSAic2XDp3JldC", "pdCdzL2EgInNlw6dyZXQi"),
            },
        ),
        (
            "12345678",
            {
                *("12345678", "3132333435363738"),
                *("MTIzNDU2Nz", "EyMzQ1Njc4", "xMjM0NTY3O"),
            },
        ),
        ("1234567", {"31323334353637", "MTIzNDU2N", "EyMzQ1Nj", "xMjM0NTY3"}),
    ],
)
def test_the_spellings_of_a_secret(secret: str, spellings: set[str]) -> None:
    assert forms(secret) == spellings


def test_each_long_line_of_a_secret_is_a_secret() -> None:
    found = forms("a\nlong line of it\nshort")
    assert "long line of it" in found
    assert "a\\nlong line of it\\nshort" in found
    assert "a%0Along+line+of+it%0Ashort" in found
    assert not any("\n" in form for form in found)
    assert not {"a", "short"} & found


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("key_of_it = 'quoted=value'", "quoted=value"),
        ('key_of_it = "doubly quoted"', "doubly quoted"),
        ("key_of_it = spaced out \t", "spaced out"),
        ("  AKEYWITHOUTNAME", "AKEYWITHOUTNAME"),
    ],
)
def test_a_value_of_a_secrets_file_is_known_without_its_quotes(
    tmp_path: Path, line: str, hidden: str
) -> None:
    store = tmp_path / "keys"
    store.write_text(f"{line}\n")
    redactor = of_host(
        HostSettings(root=tmp_path),
        [StoreSettings("bucket", bucket="b", credentials_file=store)],
    )
    assert redactor.redact(f"<{hidden}>") == f"<{MASK}>"


@pytest.mark.parametrize(
    "line", ["# a remark that is long", "; another remark", "[a long section]"]
)
def test_what_is_no_value_of_a_secrets_file_is_no_secret(tmp_path: Path, line: str) -> None:
    store = tmp_path / "keys"
    store.write_text(f"{line}\n")
    redactor = of_host(
        HostSettings(root=tmp_path),
        [StoreSettings("bucket", bucket="b", credentials_file=store)],
    )
    assert redactor.redact(f"<{line}>") == f"<{line}>"


@pytest.mark.parametrize("spelling", ["surrogateescape", "replace"])
def test_a_value_need_not_be_text(tmp_path: Path, spelling: str) -> None:
    """One byte that is no UTF-8 once kept every run from starting; and tools' output is read so."""
    value = b"\xff\xfe-secret"
    store = tmp_path / "keys"
    store.write_bytes(b"key = " + value + b"\n")
    redactor = of_host(
        HostSettings(root=tmp_path),
        [StoreSettings("bucket", bucket="b", credentials_file=store)],
    )

    said = redactor.redact(f"<{value.decode(errors=spelling)}> %FF%FE-secret {value.hex()}")

    assert said == f"<{MASK}> {MASK} {MASK}"


def test_base64_of_addresses_has_signs_of_its_own() -> None:
    found = forms("??>>??>>")
    assert {"Pz8+Pj8/Pj", "Pz8-Pj8_Pj"} <= found


def test_what_is_held_back_is_one_text_however_it_came() -> None:
    redactor = Redactor(["a-secret-of-ours"])
    assert streamed(redactor, "so it is ", "a-secret", "-of-ours", " here") == (
        f"so it is {MASK} here"
    )
