"""Name what is longer than the house likes, after the tests have run."""

from _pytest.terminal import TerminalReporter

from tests.architecture.lengths import long_things


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    smells = long_things()
    if smells:
        terminalreporter.section("longer than the house likes")
        for smell in smells:
            terminalreporter.line(str(smell))
