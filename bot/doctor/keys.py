"""Tries the keys to which copies are sealed, and says what nobody can open or rehearse."""

import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bot.doctor.contract import Diagnosis, failed, ok, told, warning
from bot.settings import Settings
from handlers.backups.custody.proofs import last_proof
from handlers.backups.sealing.keys import drill_identity, lasting
from handlers.contract import Clock
from handlers.errors import HostFailure
from handlers.host.age import CannotOpen, Identity, key_id, open_sealed, seal
from handlers.host.settings import KeySettings
from handlers.wording import duration
from jobs.clock import SystemClock

_MAKE_ONE = "Make a key on another machine as docs/operations.md says, and add it as"
_PROBE = bytes(64 * 1024)


def examine_keys(settings: Settings) -> Iterator[Diagnosis]:
    """Whether copies are sealed, to whom, and whether this host can read them again."""
    keys = settings.configuration.backup.keys
    if not keys.recovery:
        yield warning(
            "keys",
            "Copies are not sealed: whoever can read a store has every secret of the server.",
            f"{_MAKE_ONE} `backup.keys.recovery`.",
        )
        return
    seal((_PROBE,), sorted(lasting(keys)))
    recovery = " and ".join(f"`{key_id(each)}`" for each in keys.recovery)
    drill = "" if keys.drill is None else f", and to the drill key `{key_id(keys.drill)}`"
    yield ok("keys", f"Copies are sealed to the recovery key {recovery}{drill}.")
    yield from _drill(keys)


def examine_custody(settings: Settings, clock: Clock | None = None) -> Iterator[Diagnosis]:
    """Of each recovery key: when somebody last showed that it is held."""
    now = (clock or SystemClock()).now()
    for recipient in settings.configuration.backup.keys.recovery:
        yield _custody(key_id(recipient), settings.state_directory, now)


def _custody(key: str, state_directory: Path, now: datetime) -> Diagnosis:
    subject, ask = f"recovery key {key}", "Run `backup key check`, and answer it."
    proof = last_proof(state_directory, key)
    if proof is None:
        sentence = "Nobody has shown yet that it is held, so its set-up has not ended."
        return warning(subject, sentence, ask)
    age = duration(max(0.0, (now - proof.at).total_seconds()))
    sentence = f"It was last shown to be held {age} ago, by {proof.by}."
    if proof.is_due(now):
        return warning(subject, f"{sentence} It is due once a month.", ask)
    return ok(subject, sentence)


def _drill(keys: KeySettings) -> Iterator[Diagnosis]:
    try:
        identity = drill_identity(keys)
    except HostFailure as error:
        yield told("drill key", error)
        return
    if identity is None:
        yield warning(
            "drill key",
            "None is here, so copies stay unproven: nothing on this host can open one after its"
            " backup.",
            "Rehearse with the recovery key elsewhere, or add `drill` and `drill_identity_file`.",
        )
        return
    assert keys.drill_identity_file is not None
    yield _tried(identity, keys.drill_identity_file)


def _tried(identity: Identity, path: Path) -> Diagnosis:
    opened = bytearray()
    try:
        open_sealed((bytes(seal((_PROBE,), (identity.recipient,))),), (identity,), opened.extend)
    except CannotOpen:
        opened.clear()
    if opened != _PROBE:
        return failed("drill key", f"{path} does not open what is sealed to it.", "Make a new one.")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return warning(
            "drill key",
            f"{path} has mode {mode:04o}, and with it others can open every copy.",
            f"chmod 0600 {path}",
        )
    return ok("drill key", f"The key in {path} opens what is sealed to it.")
