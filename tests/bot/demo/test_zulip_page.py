"""The page of the demo in a real browser: read, write, react, at two widths."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, sync_playwright

from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.server import SimulatedZulip

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture
def server() -> Iterator[SimulatedZulip]:
    with SimulatedZulip() as zulip:
        yield zulip


@pytest.fixture
def cast(server: SimulatedZulip) -> Cast:
    return add_cast(server)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield started
        started.close()


def test_the_page_shows_writes_and_reacts(
    server: SimulatedZulip, cast: Cast, browser: Browser
) -> None:
    asked = server.post(cast.bot, cast.ops, "backup now · #12", "Go on? <b>:check:</b>")
    page = browser.new_page(viewport={"width": 390, "height": 844})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server.url)
    page.get_by_label("React with check to message 1").click()
    server.wait_until(lambda: server.messages()[0].has_reaction("2705", cast.iago.id))
    page.get_by_label("Person you act as").select_option(label="Hamlet (member)")
    page.get_by_label("Topic", exact=True).fill("chat")
    page.get_by_label("Message", exact=True).fill("@ops status")
    page.get_by_role("button", name="Send").click()
    said = server.wait_for(lambda message: message.content == "@ops status")
    assert (said.sender, said.client, said.topic) == ("Hamlet", "website", "chat")
    server.react(cast.cordelia, asked, "tada")
    page.get_by_label("tada, 1, Cordelia").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "<b>✅</b>" in page.inner_text("#messages")
    assert problems == []
    page.close()


def test_the_page_gives_its_keys_only_to_this_machine(server: SimulatedZulip, cast: Cast) -> None:
    address = server.url + "/demo/people"
    known = requests.get(address, timeout=5).json()["people"]
    assert {"Iago", "ops"} <= {person["name"] for person in known}
    assert all(person["key"] is None for person in known if person["is_bot"])
    elsewhere = requests.get(address, headers={"Host": "evil.example.com"}, timeout=5)
    assert elsewhere.status_code == 403
    assert cast.iago.api_key not in elsewhere.text


def test_a_zuliprc_for_each_of_the_cast(server: SimulatedZulip, cast: Cast, tmp_path: Path) -> None:
    text = server.zuliprc(cast.bot, tmp_path / "zuliprc").read_text(encoding="utf-8")
    assert f"site={server.url}" in text
    assert cast.bot.owner is cast.desdemona
