"""What a measurement prints can be read by a program."""

import json

import pytest

from bench.report import Arguments, Figure, arguments, machine, report


def test_a_report_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    report("ack", {"p99_over_baseline_ms": Figure(41.2, "<= 60"), "idle_mb": Figure(None, "<= 80")})
    line = capsys.readouterr().out
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "bench": "ack",
        "machine": machine(),
        "figures": {
            "p99_over_baseline_ms": {"value": 41.2, "goal": "<= 60"},
            "idle_mb": {"value": None, "goal": "<= 80"},
        },
    }


def test_the_machine_is_told_in_five_parts() -> None:
    parts = machine().rsplit(", ", 3)
    assert parts[0].partition(" cores, ")[0].isdecimal()
    assert parts[1].endswith(" GiB")
    assert parts[2].startswith("Python 3.")
    assert parts[3].startswith("Linux ")


@pytest.mark.parametrize(
    ("argv", "understood"),
    [
        ([], Arguments(seed=1, full=False)),
        (["--seed", "7"], Arguments(seed=7, full=False)),
        (["--full"], Arguments(seed=1, full=True)),
    ],
)
def test_arguments_of_a_measurement(argv: list[str], understood: Arguments) -> None:
    assert arguments(argv) == understood
