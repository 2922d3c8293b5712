"""The keys of one run: to which it seals, and with which it can open what was sealed."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from handlers.backups.repository import INDEX
from handlers.backups.sealing.record import Key, Sealing, Use
from handlers.errors import HostFailure, Reason
from handlers.host import directories
from handlers.host.age import Identity
from handlers.host.settings import KeySettings

#: Below the state directory: opens indexes of uploads and nothing else.
INDEX_KEY_FILE = "index.key"
_COMMENT = (
    "# Opens the index of the uploads in copies of this host, so that later backups know what the\n"
    "# stores hold. It opens nothing else; without it the next backup copies all uploads anew.\n"
)


@dataclass(frozen=True, slots=True)
class Keys:
    """What stands in the configuration, and the secret keys that are at hand."""

    settings: KeySettings = KeySettings()
    #: In memory alone, and gone with the run; none: nothing is sealed.
    run: Identity | None = None
    index: Identity | None = None
    drill: Identity | None = None
    #: Named for this run alone, by somebody on the host.
    named: Identity | None = None

    @property
    def sealing(self) -> Sealing | None:
        """To which keys this run seals; None: it does not."""
        if self.run is None:
            return None
        keys = [Key.of(Use.RECOVERY, each) for each in self.settings.recovery]
        if self.settings.drill is not None:
            keys.append(Key.of(Use.DRILL, self.settings.drill))
        keys.append(Key.of(Use.RUN, self.run.recipient))
        if self.index is not None:
            keys.append(Key.of(Use.INDEX, self.index.recipient))
        return Sealing(tuple(keys))

    def recipients(self, stream: str) -> tuple[str, ...]:
        """To which public keys the objects of a stream are sealed; none: not at all."""
        keys = () if self.sealing is None else self.sealing.keys
        return tuple(each.recipient for each in keys if _opens(each, stream))

    def openers(self, sealing: Sealing | None, stream: str) -> tuple[Identity, ...] | None:
        """The secret keys at hand that open a stream of a snapshot; None: it is not sealed."""
        if sealing is None:
            return None
        fitting = {each.recipient for each in sealing.keys if _opens(each, stream)}
        held = (self.run, self.drill, self.index, self.named)
        return tuple(each for each in held if each is not None and each.recipient in fitting)

    def may_build_on(self, sealing: Sealing | None) -> bool:
        """Whether a snapshot sealed as this run seals may rely on uploads in one sealed so.

        Each lasting key must open all that a snapshot needs, and what is not sealed must need no
        key. What holds for a snapshot holds for all that it relies on in its turn.
        """
        return may_build_on(self.settings, sealing)


def may_build_on(settings: KeySettings, sealing: Sealing | None) -> bool:
    """As `Keys.may_build_on`, before a run has keys."""
    if sealing is None or not settings.recovery:
        return sealing is None and not settings.recovery
    return {each.recipient for each in sealing.keys_that_last} >= lasting(settings)


def lasting(settings: KeySettings) -> frozenset[str]:
    """The public keys of the configuration that have to open every copy."""
    drill = () if settings.drill is None else (settings.drill,)
    return frozenset((*settings.recovery, *drill)) if settings.recovery else frozenset()


def keys_of_run(
    settings: KeySettings, state_directory: Path | None, say: Callable[[str], None]
) -> Keys:
    """New keys for a run that makes a copy; what is missing beside them is said, not raised."""
    if not settings.recovery:
        return Keys(settings, drill=_drill(settings, say))
    index = None
    if state_directory is not None:
        try:
            index = _index_identity(state_directory / INDEX_KEY_FILE)
        except HostFailure as failure:
            say(f"{failure.message} All uploads are copied anew until that is put right.")
    return Keys(settings, Identity.generate(), index, _drill(settings, say))


def keys_at_hand(
    settings: KeySettings, say: Callable[[str], None], named: Path | None = None
) -> Keys:
    """The keys for reading copies that were made some time ago; `named` is a file with another.

    Raises HostFailure where that file holds none.
    """
    identity = None if named is None else Identity.read(named)
    return Keys(settings, drill=_drill(settings, say), named=identity)


def drill_identity(settings: KeySettings) -> Identity | None:
    """The drill key's secret; None: there is none here. HostFailure where it cannot be used."""
    path = settings.drill_identity_file
    if path is None:
        return None
    identity = Identity.read(path)
    if identity.recipient != settings.drill:
        raise HostFailure(
            f"The key file {path} holds another key than `backup.keys.drill` names.",
            reason=Reason.NOT_CONFIGURED,
            hint=f"Write what `age-keygen -y {path}` prints there, or name the file of that key.",
        )
    return identity


def _drill(settings: KeySettings, say: Callable[[str], None]) -> Identity | None:
    """A copy is worth more than its rehearsal: it is made without the drill key, too."""
    try:
        return drill_identity(settings)
    except HostFailure as failure:
        say(f"{failure.message} What is sealed to it cannot be read here.")
        return None


def _index_identity(path: Path) -> Identity:
    """Made once, by the first run that seals."""
    try:
        if not path.exists():
            _write(path, Identity.generate())
    except OSError as error:
        raise HostFailure(f"{path} cannot be written: {error.strerror}.") from error
    return Identity.read(path)


def _write(path: Path, identity: Identity) -> None:
    """The file appears whole or not at all; another run may have been first."""
    directories.make(path.parent, 0o750)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{_COMMENT}{identity.text}\n")
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    directories.sync(path.parent)


def _opens(key: Key, stream: str) -> bool:
    return key.use is not Use.INDEX or stream == INDEX
