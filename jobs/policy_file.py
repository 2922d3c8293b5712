"""Says which policy the configuration file holds at this moment."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from jobs.configuration import Policy
from jobs.configuration_file import ConfigurationError, read_configuration
from jobs.consent_terms import policy_sha256

_logger = logging.getLogger(__name__)

#: What a file is known by without reading it: inode, size, and when in ns its content and when its
#: content, owner or mode last changed; the first of these two can be set at will.
Stamp = tuple[int, int, int, int]


@dataclass(slots=True)
class PolicyFile:
    """Reads the file again whenever it has changed; what cannot be read permits nothing."""

    path: Path
    #: As the file was last read.
    policy: Policy
    #: Until it was looked at: like no file's.
    _stamp: Stamp | None = field(default=(0, 0, 0, 0), init=False)
    _sha256: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._sha256 = policy_sha256(self.policy)

    def sha256(self) -> str:
        """The fingerprint of the policy that the file holds now."""
        self.refresh()
        return self._sha256

    def refresh(self) -> None:
        """Read the file if it is not the one that was read last."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            found = read_configuration(self.path).policy
        except ConfigurationError as error:
            # Closed, not open: a slip of the pen must not leave yesterday's powers in place.
            _logger.error("%s Until it is mended nobody is permitted anything.", error.message)
            found = Policy()
        self.policy, self._sha256 = found, policy_sha256(found)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
