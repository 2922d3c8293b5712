"""The stage of the conversations, with those on it whom an attack needs."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from bot.demo.stage import Stage, Wish
from bot.demo.zulip.model.people import Person
from tests.acceptance.conftest import SMALL, cast, stage, stores, talk, talkative

__all__ = ["cast", "stage", "stores", "talk", "talkative"]

#: Everybody who attacks is listed as far as root could be talked into it: ids 10 to 13.
POLICY = """
[policy.roles]
operator = [{iago}, {desdemona}]
approver = [{desdemona}, {hamlet}, 10, 11, 12]
[policy.read]
ask = ["operator", "approver"]
[policy.routine]
ask = ["operator", "approver"]
approve = ["operator", "approver"]
[policy.disruptive]
ask = ["operator"]
approve = ["operator", "approver"]
"""


@dataclass(frozen=True, slots=True)
class Gang:
    """Accounts that want more than they may."""

    #: A bot of Iago's, who is an operator.
    robot: Person
    #: Made yesterday.
    newcomer: Person
    #: The owner of another organization on the same server.
    lear: Person
    #: Bears Iago's name.
    twin: Person


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY)


@pytest.fixture(scope="module")
def gang(stage: Stage) -> Gang:
    zulip, cast = stage.zulip, stage.cast
    found = Gang(
        robot=zulip.add_person("robot", "robot-bot@example.com", is_bot=True, owner=cast.iago),
        newcomer=zulip.add_person("Newcomer", "newcomer@example.com"),
        lear=zulip.add_person("Lear", "lear@example.org"),
        twin=zulip.add_person("Iago", "twin@example.com"),
    )
    assert [one.id for one in (found.robot, found.newcomer, found.lear)] == [10, 11, 12]
    with zulip.changing() as realm:
        found.newcomer.joined_at = realm.clock.now() - timedelta(days=1)
        found.lear.realm = "lear"
    zulip.subscribe(cast.ops, found.robot, found.newcomer, found.lear, found.twin)
    return found
