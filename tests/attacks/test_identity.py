"""Somebody who is not who they would have to be."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.faults import Fault, Trouble
from bot.demo.zulip.model import posting
from bot.demo.zulip.model.people import Person, Role
from state import audit_log
from tests.acceptance.conversation import Conversation
from tests.attacks.conftest import Gang
from tests.attacks.outcome import (
    ignored,
    no_job,
    open_incident,
    reason_of,
    took_no_notice,
    waiting,
)

#: Longer than anything may stay unknown.
A_MINUTE = timedelta(seconds=60)


@pytest.fixture(autouse=True)
def gang_is_there(gang: Gang) -> Gang:
    """Before the first command, so that each of them has its number."""
    return gang


@pytest.fixture
def plan(talk: Conversation, cast: Cast) -> Iterator[int]:
    """The number of a job that waits for somebody else."""
    job = waiting(talk, cast.iago)
    yield job.id
    if talk.job(job.id).status == "awaiting_approval":
        talk.hear(cast.iago, f"cancel {job.id}")


@pytest.mark.parametrize("client", ["irc_mirror", "zephyr_mirror", "JabberMirror"])
def test_a01_a_mirror_speaks_as_an_administrator(
    talk: Conversation, cast: Cast, client: str
) -> None:
    """What a forged message looks like: the administrator's own id, and a mirror's client."""
    zulip = talk.stage.zulip
    with no_job(talk):
        forged = zulip.post(cast.iago, cast.ops, "forged", "@**ops** backup now", client=client)
        assert reason_of(talk, forged) == "foreign_client"
    assert not talk.marks(forged)


def test_a02_mail_arrives_as_somebodys_message(talk: Conversation, cast: Cast) -> None:
    """As recorded of Zulip 9.2: what the server itself sends has the client `Internal`."""
    zulip = talk.stage.zulip
    with no_job(talk):
        mail = zulip.post(cast.iago, cast.ops, "mail", "@**ops** backup now", client="Internal")
        assert reason_of(talk, mail) == "foreign_client"


@pytest.mark.parametrize("name", ["Iago", "Iаgo", "IAGO", "Iago|5"])
def test_a03_a_twin_of_an_operator(talk: Conversation, cast: Cast, gang: Gang, name: str) -> None:
    talk.stage.zulip.rename(gang.twin, name)
    with no_job(talk):
        asked = talk.ask(gang.twin, "backup now")
        assert reason_of(talk, asked) == "not_permitted"
    assert f"|{gang.twin.id}**" in talk.hear(gang.twin, "whoami")


def test_a03_a_twin_cannot_approve(talk: Conversation, gang: Gang, plan: int) -> None:
    talk.react(gang.twin, talk.card(plan).id)
    assert ignored(talk, talk.job(plan), gang.twin) == "unlisted"


def test_a04_a_bot_of_an_operator_neither_asks_nor_approves(
    talk: Conversation, gang: Gang, plan: int
) -> None:
    with no_job(talk):
        assert reason_of(talk, talk.ask(gang.robot, "backup now")) == "not_human"
        assert reason_of(talk, talk.ask(gang.robot, f"approve {plan}")) == "not_human"
    talk.react(gang.robot, talk.card(plan).id)
    assert ignored(talk, talk.job(plan), gang.robot) == "account"


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMINISTRATOR])
def test_a05_a_bot_is_made_administrator(
    talk: Conversation, gang: Gang, plan: int, role: Role
) -> None:
    talk.stage.zulip.change_role(gang.robot, role)
    with no_job(talk):
        assert reason_of(talk, talk.ask(gang.robot, "backup now")) == "not_human"
    talk.react(gang.robot, talk.card(plan).id)
    assert ignored(talk, talk.job(plan), gang.robot) == "account"
    talk.stage.zulip.change_role(gang.robot, Role.MEMBER)


def test_a07_an_account_is_switched_off_after_its_command(talk: Conversation, cast: Cast) -> None:
    """As recorded of Zulip 9.2, the account is there still, with `is_active` false."""
    zulip = talk.stage.zulip
    with no_job(talk):
        with talk.without_bot():
            asked = talk.ask(cast.hamlet, "backup now")
            zulip.deactivate(cast.hamlet)
        assert reason_of(talk, asked) == "not_active"
    zulip.reactivate(cast.hamlet)


@pytest.mark.parametrize("trouble", [Trouble.SERVER_ERROR, Trouble.RATE_LIMITED, Trouble.CUT])
def test_a08_whether_somebody_may_cannot_be_read(
    talk: Conversation, cast: Cast, plan: int, trouble: Trouble
) -> None:
    zulip = talk.stage.zulip
    person = f"/api/v1/users/{cast.hamlet.id}"
    wait = timedelta(seconds=0.1)
    zulip.faults.plan(Fault(trouble, "GET", person, wait=wait), times=10_000)
    try:
        talk.react(cast.hamlet, talk.card(plan).id)
        talk.until(lambda: zulip.faults.hits() > 1, "the reader has tried")
        assert talk.job(plan).status == "awaiting_approval"
        zulip.change_role(cast.hamlet, Role.GUEST)
    finally:
        zulip.faults.clear()
    assert ignored(talk, talk.job(plan), cast.hamlet) == "account"
    zulip.change_role(cast.hamlet, Role.MEMBER)


def test_a09_a_new_account_is_the_second_person(talk: Conversation, gang: Gang, plan: int) -> None:
    asked = talk.ask(gang.newcomer, f"approve {plan}")
    assert "your account is under a week old" in talk.answer_to(asked)
    talk.react(gang.newcomer, talk.card(plan).id)
    assert ignored(talk, talk.job(plan), gang.newcomer) == "new"
    assert talk.job(plan).status == "awaiting_approval"


def test_a09_a_new_account_may_still_stop_it(talk: Conversation, gang: Gang, plan: int) -> None:
    talk.react(gang.newcomer, talk.card(plan).id, "cross_mark")
    assert talk.reached(plan, "rejected").reason == "rejected"


def test_a11_somebody_writes_with_the_bots_key(talk: Conversation, cast: Cast, plan: int) -> None:
    stolen = talk.say(cast.bot, "@**ops** backup now")
    assert took_no_notice(talk, stolen)
    talk.let_pass(A_MINUTE)
    talk.let_pass(timedelta(0))
    incident = open_incident(talk, "key_compromise")
    assert incident.severity == "critical"
    assert f"My account wrote message {stolen}, and that was not me" in incident.sentence
    assert talk.reached(plan, "stale").reason == "key_compromise"
    with no_job(talk):
        assert reason_of(talk, talk.ask(cast.iago, "backup now")) == "key_compromise"
        # What stops something is done all the same, and what lets it go on is not.
        stopped = talk.ask(cast.iago, "hold for 2h because somebody has the key")
        assert reason_of(talk, stopped) == "done"
        assert reason_of(talk, talk.ask(cast.iago, "hold end")) == "key_compromise"
        assert reason_of(talk, talk.ask(cast.iago, "schedule run it")) == "key_compromise"
    assert reason_of(talk, talk.ask(cast.iago, "incidents")) == "done"
    talk.close_incidents()
    assert reason_of(talk, talk.ask(cast.iago, "hold end")) == "done"
    waiting_again = waiting(talk, cast.iago)
    talk.hear(cast.iago, f"cancel {waiting_again.id}")


def test_a11_somebody_reacts_with_the_bots_key(talk: Conversation, cast: Cast, plan: int) -> None:
    talk.react(cast.bot, talk.card(plan).id)
    assert "reacted to message" in open_incident(talk, "key_compromise").sentence
    assert talk.reached(plan, "stale").reason == "key_compromise"
    opened = [one for one in talk.read(audit_log.page) if one.action == "incident opened"]
    assert opened[0].detail["kind"] == "key_compromise"
    talk.close_incidents()


def test_a12_somebody_joins_those_who_run_the_organization(
    talk: Conversation, cast: Cast, plan: int
) -> None:
    """The group of Zulip's owners is the one that gives the most; it gives nothing here."""
    talk.stage.zulip.change_role(cast.cordelia, Role.OWNER)
    with no_job(talk):
        assert reason_of(talk, talk.ask(cast.cordelia, "backup now")) == "not_permitted"
    talk.react(cast.cordelia, talk.card(plan).id)
    assert ignored(talk, talk.job(plan), cast.cordelia) == "unlisted"
    talk.stage.zulip.change_role(cast.cordelia, Role.MEMBER)


def test_a13_an_owner_of_another_organization(talk: Conversation, gang: Gang, plan: int) -> None:
    with no_job(talk):
        assert reason_of(talk, talk.ask(gang.lear, "backup now")) == "other_realm"
    talk.react(gang.lear, talk.card(plan).id)
    talk.hear(talk.stage.cast.iago, "whoami")
    talk.settled()
    assert talk.job(plan).status == "awaiting_approval"


def test_a13_a_bot_of_the_server_itself(talk: Conversation, cast: Cast) -> None:
    """As recorded of Zulip 9.2, its Notification Bot is of the realm `zulipinternal`."""
    zulip = talk.stage.zulip
    with no_job(talk), zulip.changing() as realm:
        said = posting.notify(realm, cast.ops, "moved", "@**ops** backup now").id
    assert reason_of(talk, said) == "other_realm"


@pytest.mark.parametrize("thief", ["iago", "desdemona"])
def test_a14_one_stolen_session_can_do_nothing_disruptive(
    talk: Conversation, cast: Cast, thief: str
) -> None:
    person: Person = getattr(cast, thief)
    job = waiting(talk, person)
    talk.react(person, talk.card(job.id).id)
    assert ignored(talk, job, person) == "asker"
    with no_job(talk):
        yes = talk.ask(person, "upgrade 9.4 --yes")
        assert reason_of(talk, yes) == "not_permitted"
    assert "another person has to approve it" in talk.hear(person, f"approve {job.id}")
    talk.hear(person, f"cancel {job.id}")


def test_nothing_of_all_that_was_mistaken_for_a_stolen_key(talk: Conversation, cast: Cast) -> None:
    """Whatever the bot itself said and marked here is known as its own."""
    talk.settled()
    talk.let_pass(A_MINUTE)
    talk.let_pass(A_MINUTE)
    assert talk.hear(cast.iago, "incidents") == "No incident is open."
