"""The cycles of the proof that nothing is lost, and how what is left is judged."""

from collections import Counter

from bench.killing.cycles import Cycle, Scene, at, drawn, each_point_once
from jobs.runs.crashpoints import BOT_POINTS, POINTS


def names_of(cycles: list[Cycle]) -> Counter[str]:
    return Counter(one.partition(":")[0] for cycle in cycles for one in cycle.crashes)


def test_the_short_form_comes_to_every_named_place() -> None:
    assert set(names_of(each_point_once())) == set(POINTS)


def test_the_long_form_comes_to_every_place_equally_often() -> None:
    cycles = drawn(10 * len(POINTS), seed=1)
    last = names_of([cycle for cycle in cycles if len(cycle.crashes) == 1])
    assert set(last) >= set(POINTS) - {"recovery_decided", "reconnected"}
    assert min(names_of(cycles).values()) == 10


def test_the_same_seed_draws_the_same_cycles() -> None:
    assert drawn(200, seed=7) == drawn(200, seed=7)
    assert drawn(200, seed=7) != drawn(200, seed=8)


def test_a_run_that_dies_before_its_result_counts_is_lost() -> None:
    assert at("before_result").loses_run
    assert not at("result_renamed").loses_run
    assert not any(at(name).in_run for name in BOT_POINTS)
    assert at("result_renamed").in_run


def test_each_situation_is_tried() -> None:
    assert {cycle.scene for cycle in each_point_once()} == set(Scene)
