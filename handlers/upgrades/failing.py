"""What is done and said when an upgrade fails: the old version if it is safe, and how it stands."""

from collections.abc import Iterator
from contextlib import contextmanager

from handlers.contract import Context
from handlers.errors import OpsError, Reason
from handlers.upgrades import aftermath, probing, way_back

_START = "/home/zulip/deployments/current/scripts/start-server"


@contextmanager
def leaving_nothing_unsaid(
    context: Context, before: aftermath.Before, watch: probing.Watch, snapshot: str
) -> Iterator[None]:
    """A failure says what state the server is in, after the old version was started if need be."""
    try:
        yield
    except OpsError as failure:
        left = aftermath.look_after(context, before)
        done = None
        # Whoever cancels gets the server as it is; there are only seconds left to say so.
        if failure.reason is not Reason.CANCELLED:
            done = way_back.recover(context, left, watch)
        if done is not None:
            left = aftermath.look_after(context, before)
        probing.note_downtime(context, watch)
        for name, value in left.facts().items():
            context.journal.fact(name, value)
        kept = f"Backup `{snapshot}` is verified."
        failure.state = " ".join(part for part in (done, left.sentences(), kept) if part)
        failure.hint = _advice(left, snapshot)
        raise


def _advice(left: aftermath.Aftermath, snapshot: str) -> str:
    """What to do next; on the host where Zulip does not answer, as chat is away then."""
    if left.answering is None and left.database_is_as_before:
        what = "`zulip-ops do rollback` as root" if left.has_flipped else f"`{_START}` as zulip"
        return f"On the host: {what}, and read /var/log/zulip/errors.log."
    if left.answering is None:
        return (
            "Zulip's scripts go on where they stopped: put right what failed and run the upgrade"
            " again from the host with `zulip-ops do`. The other way is to restore the backup, and"
            f' the old version with it: `zulip-ops do "restore {snapshot} --server NAME"`.'
        )
    if left.has_flipped:
        return "The new version is live; look at its output for what failed after the switch."
    return "Put right what failed, then ask for the upgrade again."
