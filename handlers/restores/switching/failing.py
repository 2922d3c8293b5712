"""What is done and said when a restore fails: all from before again, and how it stands."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from handlers.contract import IF_LOST, Context
from handlers.errors import HostFailure, OpsError, Reason
from handlers.host.deployments import Deployment
from handlers.restores import beside
from handlers.restores.switching import arrangement, swap, zulip_tools
from handlers.restores.switching.arrangement import Arrangement, Names
from handlers.upgrades import probing, way_back

UNTOUCHED = "Nothing that Zulip uses was changed."


@dataclass(slots=True)
class Switch:
    """How far the switch to the restored state has come."""

    #: What ran before, and is started again if it fails.
    before: Deployment
    #: Whose code fits what was restored.
    after: Deployment
    #: The snapshot that was taken right before.
    safety_copy: str
    #: From then on people may have written into what was restored.
    was_started: bool = False


@contextmanager
def removing_what_is_beside(context: Context, safety_copy: str) -> Iterator[None]:
    """Until the switch begins a failure costs nothing but the room that is given back here."""
    names = Names.of(context)
    try:
        yield
    except BaseException as failure:
        left = beside.remove(context, names)
        if isinstance(failure, OpsError):
            kept = f"Backup `{safety_copy}`, taken before, is verified."
            failure.state = " ".join(part for part in (UNTOUCHED, left, kept) if part)
        raise


@contextmanager
def bringing_back(context: Context, switch: Switch, watch: probing.Watch) -> Iterator[None]:
    """A failure, a bug of ours too, brings the old state back, and says what state that is."""
    try:
        yield
    except Exception as unknown:
        failure = _explained(context, unknown)
        names = Names.of(context)
        try:
            done = _bring_back(context, switch, watch, failure)
        except Exception as second:  # noqa: BLE001 - it has to be said where Zulip stands
            # A cancel, too: Zulip may stand still, and nobody would say so.
            again = _explained(context, second)
            done = f"The state from before was to be brought back, which failed as well. {again}"
        probing.note_downtime(context, watch)
        failure.state, failure.hint = _standing(context, switch, names, done)
        raise failure from unknown


def tell_if_lost(context: Context, names: Names, copy: str, *, switching: bool) -> None:
    """What holds should nothing more be heard of this run, and what to type then."""
    look = f'`zulip-ops do "restore plan {copy}"` on the host says what is there and what to type'
    if not switching:
        sentence = (
            f"{UNTOUCHED} Beside it may lie the database `{names.new_database}` and the directory"
            f" {names.new_uploads}: {look}."
        )
    else:
        sentence = (
            "It was switching to what it had restored, so Zulip may be stopped. Where there is a"
            f" database `{names.old_database}` the restored one is in place already; where there"
            f" is none, the one from before is. {look[0].upper() + look[1:]}."
        )
    context.journal.fact(IF_LOST, sentence)


def _bring_back(
    context: Context, switch: Switch, watch: probing.Watch, failure: OpsError
) -> str | None:
    """What was done; whoever cancels has only seconds left, and gets what a rename can do."""
    if failure.reason is Reason.CANCELLED and switch.was_started:
        return None
    if switch.was_started:
        zulip_tools.stop(context, switch.after.path)
    with context.journal.step("Bring the state from before back, by renaming"):
        found = swap.back(context, Names.of(context))
    if failure.reason is Reason.CANCELLED:
        return "The database and the uploads are those from before. Zulip was NOT started again."
    if switch.was_started and found.has_new_database:
        _forget(context, switch)
    zulip_tools.start(context, switch.before.path)
    way_back.bring_back(context, watch, switch.before.version)
    return "The state from before was brought back, and Zulip started again."


def _forget(context: Context, switch: Switch) -> None:
    """The restored server has filled caches and queues; a tool that fails stops no way back."""
    try:
        zulip_tools.forget(context, switch.before.path)
    except HostFailure as failure:
        context.journal.output(f"{failure.message}\n")


def _standing(context: Context, switch: Switch, names: Names, done: str | None) -> tuple[str, str]:
    """State and hint: what answers, what is in place, what is left, and what to type."""
    answering = probing.probe(context.host, probing.PROBE_LIMIT).version
    said: list[str | None] = [done, _answers(answering)]
    start = zulip_tools.start_server(switch.before.path)
    try:
        found = arrangement.look(context, names)
    except HostFailure as failure:
        said.append(f"What is in place could not be looked at: {failure.message}")
        hint = "On the host: see that PostgreSQL runs; then ask for `restore plan` there."
        return _joined(*said, _kept(switch)), hint
    said += [found.sentence(), _tidied(context, switch, found, answering)]
    if not found.is_swapped and answering is not None:
        return _joined(*said, _kept(switch)), "Put right what failed, then ask for it again."
    commands = arrangement.commands_back(context.host.database, found, start)
    typed = "; ".join(f"`{each}`" for each in commands)
    return _joined(*said, _kept(switch)), f"On the host, as root, for all as before: {typed}."


def _tidied(
    context: Context, switch: Switch, found: Arrangement, answering: str | None
) -> str | None:
    """What nobody ever used goes; what was live is a person's to drop."""
    if found.is_swapped or answering is None:
        return None
    if not switch.was_started:
        return beside.remove(context, found.names)
    commands = arrangement.commands_to_drop(context.host.database, found)
    if not commands:
        return None
    typed = " and ".join(f"`{each}`" for each in commands)
    return f"What was restored was live for a while, so it is kept; drop it with {typed}."


def _answers(version: str | None) -> str:
    return "Zulip does NOT answer." if version is None else f"Zulip answers and runs {version}."


def _kept(switch: Switch) -> str:
    return f"Backup `{switch.safety_copy}`, taken right before, is verified."


def _joined(*sentences: str | None) -> str:
    return " ".join(each for each in sentences if each)


def _explained(context: Context, unknown: Exception) -> OpsError:
    if isinstance(unknown, OpsError):
        return unknown
    context.journal.output("".join(traceback.format_exception(unknown)))
    return OpsError(f"zulip-ops itself is at fault ({type(unknown).__name__}).", reason=Reason.BUG)
