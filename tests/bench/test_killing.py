"""The cycles of the proof that nothing is lost: where who dies, and in which scene."""

from collections import Counter

from bench.killing.cycles import Cycle, Scene, drawn, each_point_once, is_in_bot
from jobs.runs.crashpoints import BOT_POINTS, POINTS
from tests.architecture.tree import sources

MANY = drawn(20 * len(POINTS), seed=1)


def in_the_code() -> set[str]:
    """The names that the program itself gives to its places."""
    return {
        word.partition('"')[0]
        for source in sources("bot", "jobs", "handlers", "state")
        for word in source.text.split('crashpoint("')[1:]
    }


def passings(cycles: list[Cycle]) -> Counter[str]:
    return Counter(name for cycle in cycles for name in cycle.points)


def test_the_short_form_comes_to_every_place_that_the_code_names() -> None:
    assert set(passings(each_point_once())) == in_the_code()


def test_the_long_form_comes_to_every_place_that_the_code_names_equally_often() -> None:
    assert set(passings(MANY)) == in_the_code()
    assert min(passings(MANY).values()) == 20


def test_each_scene_is_played_in_either_form() -> None:
    assert {cycle.scene for cycle in each_point_once()} == set(Scene)
    assert {cycle.scene for cycle in MANY} == set(Scene)


def test_the_same_seed_draws_the_same_cycles() -> None:
    assert drawn(200, seed=7) == drawn(200, seed=7)
    assert drawn(200, seed=7) != drawn(200, seed=8)


def test_it_is_known_which_run_is_lost() -> None:
    lost = {
        "before_result": "plan",
        "before_result:2": "run",
        "lock_taken": "run",
        "card_written": "plan",
        "result_renamed:2": None,
        "after_handler,loss_taken": "run",
        "message_sent": None,
        "": None,
    }
    assert {at: Cycle(Scene.CHAT, (at,)).lost_run for at in lost} == lost
    assert all(is_in_bot(name) for name in BOT_POINTS)
