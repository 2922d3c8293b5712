"""Has somebody shown lately that the keys are held without which no copy can be opened?"""

from datetime import UTC

from handlers.backups.custody.proofs import DUE_AFTER, last_proof
from handlers.checks.contract import Check, Context, Finding, Level
from handlers.host.age import key_id

_SHOW_IT = "Ask with `backup key check`, and open what it seals where the key is kept."


def observe(context: Context) -> Finding:
    keys = [key_id(each) for each in context.keys.recovery]
    if not keys:
        return Finding(Level.OK, "Copies are not sealed: whoever can read a store can read them.")
    now, said, level = context.clock.now(), [], Level.OK
    for key in keys:
        proof = last_proof(context.state_directory, key)
        if proof is None:
            level = Level.WARNING
            said.append(f"Nobody has shown yet that the recovery key `{key}` is held.")
            continue
        shown = f"{proof.at.astimezone(UTC):%Y-%m-%d}"
        told = f"The recovery key `{key}` was last shown to be held on {shown}, by {proof.by}."
        if proof.is_due(now):
            level = Level.WARNING
            told += f" That is more than {DUE_AFTER.days} days ago."
        said.append(told)
    hint = None if level is Level.OK else _SHOW_IT
    return Finding(level, " ".join(said), {"keys": [*keys]}, hint)


CHECK = Check("recovery_key", "Somebody holds the keys that open the copies", observe)
