"""Composes the configuration with the bot's key, and names what is wrong with either."""

import os
from dataclasses import dataclass
from pathlib import Path

from bot.zulip_client import ZulipClient
from handlers.host import directories
from handlers.host.settings import ContentSettings
from jobs.configuration import Configuration
from jobs.configuration_file import ConfigurationError, read_configuration

#: Where it is looked for when no other file is named.
CONFIGURATION_FILE = Path("/etc/zulip-ops/zulip-ops.toml")


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
    def contents(self) -> ContentSettings:
        """What goes into copies by choice."""
        chosen = self.configuration.backup
        return ContentSettings(
            certificates=chosen.certificates,
            logs=chosen.logs,
            own_database=self.database if chosen.own_state else None,
            own_configuration=self.path if chosen.own_state else None,
        )

    @property
    def socket(self) -> Path:
        return self.state_directory / "bot.sock"

    @property
    def lock(self) -> Path:
        return self.state_directory / "bot.lock"

    def make_state_directory(self) -> None:
        """Raises ConfigurationError when it cannot be made or written."""
        directory = self.state_directory
        try:
            directories.make(directory, 0o750)
        except OSError as error:
            raise self._state_error(f"cannot be made: {error.strerror}") from None
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            raise self._state_error("cannot be written by the account that runs zulip-ops")

    def _state_error(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.path}: `state.directory`: {self.state_directory} {why}.",
            hint="Name another directory, or give it to that account.",
        )

    def client(self) -> ZulipClient:
        """A client of our own for one thread; raises ZuliprcError."""
        zuliprc = self.configuration.zulip.zuliprc
        return ZulipClient(zuliprc)


def read_settings(path: Path) -> Settings:
    """Raises ConfigurationError."""
    return Settings(path, read_configuration(path))
