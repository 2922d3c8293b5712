"""Composes the configuration with the bot's key, and names what is wrong with either."""

from dataclasses import dataclass
from pathlib import Path

from bot.zulip_client import ZulipClient
from jobs.configuration import Configuration
from jobs.configuration_file import read_configuration
from jobs.schedules import Recurrence, recurrence_of


@dataclass(frozen=True, slots=True)
class Settings:
    """What the bot is started with."""

    path: Path
    configuration: Configuration

    @property
    def state_directory(self) -> Path:
        return self.configuration.state.directory

    @property
    def database(self) -> Path:
        return self.state_directory / "zulip-ops.db"

    @property
    def socket(self) -> Path:
        return self.state_directory / "bot.sock"

    @property
    def lock(self) -> Path:
        return self.state_directory / "bot.lock"

    def recurrences(self) -> dict[str, Recurrence]:
        return {one.name: recurrence_of(one) for one in self.configuration.schedules}

    def client(self) -> ZulipClient:
        """A client of our own for one thread; raises ZuliprcError."""
        zuliprc = self.configuration.zulip.zuliprc
        return ZulipClient(zuliprc)


def read_settings(path: Path) -> Settings:
    """Raises ConfigurationError."""
    return Settings(path, read_configuration(path))
