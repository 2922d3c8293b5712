"""What the tests of the simulated server share: one world for each test."""

from collections.abc import Iterator

import pytest

from tests.bot.demo.world import World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()
