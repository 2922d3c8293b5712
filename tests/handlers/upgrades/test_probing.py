"""Downtime is measured from probes, and says how exact it is."""

import pytest

from handlers.upgrades.probing import Downtime, Probe, downtime, told


def probes(line: str) -> list[Probe]:
    """One probe a second of 0.1 s each: `+` was answered, `-` was not."""
    return [
        Probe(float(at), at + 0.1, "1.4" if mark == "+" else None) for at, mark in enumerate(line)
    ]


@pytest.mark.parametrize(
    ("line", "seconds", "within", "spells"),
    [
        ("+++", 0.0, 0.0, 0),
        ("+--+", 2.1, 2.1, 1),
        ("+-+-+", 2.2, 4.2, 2),
        ("--+", 2.1, 1.1, 1),
        ("+---", 2.1, 1.0, 1),
        ("", 0.0, 0.0, 0),
    ],
)
def test_downtime_is_from_the_first_failed_probe_to_the_first_good_one(
    line: str, seconds: float, within: float, spells: int
) -> None:
    assert downtime(probes(line)) == Downtime(seconds, within, spells, len(line))


def test_the_sentence_says_how_exact_it_is() -> None:
    assert told(Downtime(0.8, 0.5, 1, 40)) == (
        "It did not answer for 0.80 s: measured from outside, one probe every 0.25 s, so at most"
        " 0.50 s off."
    )
    assert "for 12 s, in 2 spells: " in told(Downtime(12.0, 0.5, 2, 40))
    assert told(Downtime(0.0, 0.0, 0, 40)).startswith("No probe from outside failed")
