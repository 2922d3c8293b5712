"""Files and functions stay short enough to be read."""

from tests.architecture.lengths import long_things


def test_nothing_is_longer_than_the_house_permits() -> None:
    assert not [str(thing) for thing in long_things() if thing.too_long]
