"""Why a command is not carried out, before anything is made of it."""

from dataclasses import replace

import pytest

from bot.commands.contract import Answer, Asker, Command, Scene
from bot.deciding.refusing import (
    hidden,
    why_forbidden,
    why_nobody_could_approve,
    why_read_only,
)
from bot.grammar import Parsed, Verb
from bot.permissions import Place
from bot.replies.alarms import ReadOnly
from bot.replies.refusals import NobodyCouldApprove, NotPermitted, Refusal, WrongPlace
from bot.vigilance.read_only import CHANNEL, KEY, because, begin
from handlers.contract import Declaration, Effect, Kind, Parameter
from handlers.errors import Reason
from jobs.configuration import EffectPolicy, Policy
from tests.bot.deciding.waiting_plan import NOW, Desk

DESDEMONA, IAGO, HAMLET = 10, 11, 12
OPERATORS = EffectPolicy(ask=("operator",), approve=("operator",))
POLICY = Policy(
    {"operator": (IAGO, DESDEMONA), "viewer": (HAMLET,)},
    read=EffectPolicy(ask=("viewer", "operator")),
    routine=EffectPolicy(ask=("operator",), yes=True),
    disruptive=OPERATORS,
    destructive=OPERATORS,
)
ROOT = Asker("root", is_root=True)
STATUS = Command("status", "What it does", Effect.READ, "status", lambda *_: no_answer())
WHOAMI = replace(STATUS, name="whoami", effect=None)
SCHEDULE = Declaration("schedule add", "Add", "m", Effect.READ, "schedule add", effect_of="command")
HERE, DIRECT, ELSEWHERE = Place.OPS_CHANNEL, Place.DIRECT, Place.ANOTHER_CHANNEL


def no_answer() -> Answer:
    raise AssertionError(f"Nothing is answered here, for no {Scene}.")


def by(user_id: int | None) -> Asker:
    return Asker("somebody", user_id)


def of_effect(effect: Effect, name: str = "upgrade") -> Verb:
    return Declaration(name, "What it does", "m", effect, name)


def parsed(verb: Verb, *, yes: bool = False, help_wanted: bool = False) -> Parsed:
    canonical = f"{verb.name} --yes" if yes else verb.name
    return Parsed(verb, {}, canonical, yes=yes, help_wanted=help_wanted)


def forbidden(
    verb: Verb, asker: Asker, place: Place = HERE, *, yes: bool = False, policy: Policy = POLICY
) -> object:
    return why_forbidden(parsed(verb, yes=yes), asker, place, policy, "ops")


@pytest.mark.parametrize(
    ("verb", "asker", "place"),
    [
        (WHOAMI, HAMLET, HERE),
        (WHOAMI, 99, DIRECT),
        (STATUS, HAMLET, HERE),
        (STATUS, HAMLET, DIRECT),
        (of_effect(Effect.ROUTINE), IAGO, HERE),
        (of_effect(Effect.DISRUPTIVE), DESDEMONA, HERE),
    ],
)
def test_whoever_has_the_role_may_ask(verb: Verb, asker: int, place: Place) -> None:
    assert forbidden(verb, by(asker), place) is None


@pytest.mark.parametrize("place", Place)
def test_an_option_of_the_host_is_taken_from_root_alone(place: Place) -> None:
    option = Parameter("identity", Kind.WORD, "a file", "/root/key", on_host_only=True)
    verb = Declaration("restore", "What", "m", Effect.READ, "restore", parameters=(option,))
    typed = Parsed(verb, {"identity": "/root/key"}, "restore --identity /root/key")

    assert why_forbidden(typed, ROOT, place, POLICY, "ops") is None
    refused = why_forbidden(typed, by(IAGO), place, POLICY, "ops")

    assert refused is not None
    assert refused[1] is Reason.WRONG_PLACE
    assert refused[0].text() == (
        "`--identity` is taken on the host alone, never from chat."
        ' There, as root: `zulip-ops do "restore … --identity …"`.'
    )
    assert forbidden(verb, by(IAGO)) is None, "without it, it is a command like any other"


@pytest.mark.parametrize("place", Place)
def test_root_may_do_what_is_declared(place: Place) -> None:
    assert forbidden(of_effect(Effect.DESTRUCTIVE), ROOT, place, yes=True) is None


def test_whoever_lacks_the_role_is_told_which() -> None:
    assert forbidden(of_effect(Effect.ROUTINE), by(HAMLET), ELSEWHERE, yes=True) == (
        NotPermitted("upgrade --yes", ["operator"], ["viewer"]),
        Reason.NOT_PERMITTED,
    )


def test_somebody_without_a_number_has_no_role() -> None:
    policy = replace(POLICY, roles={"viewer": (1,)})
    assert forbidden(STATUS, by(None), policy=policy) == (
        NotPermitted("status", ["viewer", "operator"], []),
        Reason.NOT_PERMITTED,
    )


@pytest.mark.parametrize("place", [DIRECT, ELSEWHERE])
def test_what_changes_something_is_asked_for_in_the_ops_channel(place: Place) -> None:
    assert forbidden(of_effect(Effect.ROUTINE), by(IAGO), place) == (
        WrongPlace("upgrade", "ops", only_reads=False),
        Reason.WRONG_PLACE,
    )


@pytest.mark.parametrize("verb", [STATUS, WHOAMI])
def test_what_only_reads_may_be_asked_for_in_a_direct_message_too(verb: Verb) -> None:
    assert forbidden(verb, by(HAMLET), ELSEWHERE) == (
        WrongPlace(verb.name, "ops", only_reads=True),
        Reason.WRONG_PLACE,
    )


@pytest.mark.parametrize("verb", [replace(STATUS, only_in_channel=True), SCHEDULE])
def test_some_of_what_only_reads_is_for_the_ops_channel_alone(verb: Verb) -> None:
    assert forbidden(verb, by(IAGO), HERE) is None
    for place in (DIRECT, ELSEWHERE):
        assert forbidden(verb, by(IAGO), place) == (
            WrongPlace(verb.name, "ops", only_reads=False),
            Reason.WRONG_PLACE,
        )


def test_yes_counts_only_where_the_policy_allows_it() -> None:
    assert forbidden(of_effect(Effect.ROUTINE), by(IAGO), yes=True) is None
    assert forbidden(of_effect(Effect.DISRUPTIVE), by(IAGO), yes=True) == (
        Refusal(
            "The policy does not allow `--yes` for disruptive commands.",
            "Leave it out and react to the plan with ✅: `upgrade`.",
            "not_permitted",
        ),
        Reason.NOT_PERMITTED,
    )
    assert forbidden(WHOAMI, by(IAGO), yes=True) is None


def nobody(effect: Effect, asker: Asker, *, policy: Policy = POLICY, yes: bool = False) -> object:
    return why_nobody_could_approve(effect, parsed(of_effect(effect), yes=yes), asker, policy)


def test_a_plan_that_somebody_could_approve_is_made() -> None:
    assert nobody(Effect.ROUTINE, by(IAGO)) is None
    assert nobody(Effect.DISRUPTIVE, by(IAGO)) is None
    assert nobody(Effect.DESTRUCTIVE, by(HAMLET)) is None


def test_a_plan_that_nobody_could_approve_is_not_even_made() -> None:
    assert nobody(Effect.DESTRUCTIVE, by(IAGO)) == (
        NobodyCouldApprove("upgrade", "destructive", 2, ["operator"]),
        Reason.NOBODY_MAY_APPROVE,
    )


def test_nobody_is_needed_for_root_for_a_yes_and_for_what_only_reads() -> None:
    bare = Policy()
    assert nobody(Effect.DESTRUCTIVE, ROOT, policy=bare) is None
    assert nobody(Effect.DESTRUCTIVE, by(IAGO), policy=bare, yes=True) is None
    approved = Policy(read=EffectPolicy(approve=("ghost",)))
    assert nobody(Effect.READ, by(IAGO), policy=approved) is None
    assert nobody(Effect.DISRUPTIVE, by(IAGO), policy=bare) is not None


def test_somebody_without_a_number_is_nobodys_other_person() -> None:
    policy = replace(POLICY, roles={"operator": (0, 1)})
    assert nobody(Effect.DESTRUCTIVE, by(None), policy=policy) is None


def test_what_somebody_may_not_run_is_not_explained_to_them() -> None:
    verbs = (of_effect(Effect.ROUTINE, "backup now"), of_effect(Effect.READ, "backup verify"))
    assert hidden(verbs, "ops") == Refusal(
        "You may not run `backup now`, `backup verify`, so there is nothing to explain.",
        "`@ops whoami` shows what you may do.",
        "not_permitted",
    )


ACTS = replace(STATUS, name="approve", sets_going=True)


def doubt(desk: Desk, kind: str = KEY) -> int:
    """The bot's key or channel is in doubt; the number of the incident."""
    begin(desk.tx, desk.consenting.following, kind, "Something is wrong.", NOW)
    found = because(desk.tx)
    assert found is not None
    return found.id


@pytest.mark.parametrize(
    ("kind", "reason"), [(KEY, Reason.KEY_COMPROMISE), (CHANNEL, Reason.CHANNEL_OPEN)]
)
@pytest.mark.parametrize("verb", [of_effect(Effect.ROUTINE), ACTS])
def test_nothing_is_set_going_while_key_or_channel_are_in_doubt(
    desk: Desk, kind: str, reason: Reason, verb: Verb
) -> None:
    asked = parsed(verb, yes=True)
    assert why_read_only(desk.tx, asked, by(IAGO), "ops") is None
    number = doubt(desk, kind)
    assert why_read_only(desk.tx, asked, by(IAGO), "ops") == (
        ReadOnly("ops", f"{verb.name} --yes", number),
        reason,
    )


@pytest.mark.parametrize("verb", [STATUS, of_effect(Effect.READ)])
def test_what_reads_or_stops_something_is_done_even_then(desk: Desk, verb: Verb) -> None:
    doubt(desk)
    assert why_read_only(desk.tx, parsed(verb), by(IAGO), "ops") is None


def test_root_is_not_in_doubt(desk: Desk) -> None:
    doubt(desk)
    assert why_read_only(desk.tx, parsed(of_effect(Effect.ROUTINE)), ROOT, "ops") is None
