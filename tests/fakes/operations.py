"""An operation that ends as its argument says."""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from handlers.contract import Context, Declaration, Effect, Handler, Outcome, Plan, Precondition
from handlers.errors import OpsError, Reason
from handlers.host.processes import run, start

NAMES = {
    "fake look": Effect.READ,
    "fake change": Effect.ROUTINE,
    "fake upgrade": Effect.DISRUPTIVE,
}
DECLARATIONS = tuple(
    Declaration(
        name=name,
        summary="End as the argument says",
        module="tests.fakes.operations",
        effect=effect,
        example=name,
        time_limit=timedelta(seconds=3) if name == "fake upgrade" else timedelta(minutes=2),
    )
    for name, effect in NAMES.items()
)
LONG = timedelta(minutes=1)

#: Lines as long as those of real tools.
HUGE_LINE = "x" * 119 + "\n"


@dataclass(frozen=True)
class Args:
    end: str = "ok"


def plan(context: Context, args: Args) -> Plan:
    """Files below the host's root change it: `version` the binding, `full` a precondition."""
    if args.end == "plan fails":
        run(("sh", "-c", "echo cannot look; exit 1"), timeout=LONG)
    if args.end == "plan is slow":
        time.sleep(LONG.total_seconds())
    version = context.host.root / "version"
    return Plan(
        summary="It would end as it is told." * (400 if args.end == "plan is long" else 1),
        binding={"version": version.read_text() if version.exists() else "1"},
        steps=("Do it",),
        way_back="Nothing needs to be undone.",
        preconditions=(
            Precondition(
                "free_space", "There must be room.", not (context.host.root / "full").exists()
            ),
        ),
        estimates={"duration_seconds": 90, "size_bytes": 1_800_000_000},
    )


def carry_out(context: Context, args: Args, _plan: Plan) -> Outcome:
    with context.journal.step("Do it"):
        ENDINGS[args.end](context)
    return Outcome("It is done.", "The server runs.", {"effects": 1}, next="history")


def leave_an_effect(context: Context) -> None:
    with (context.host.root / "effects").open("a") as effects:
        effects.write(f"{context.job}-{context.attempt}\n")


def fail(context: Context) -> None:
    run(("sh", "-c", "echo it went wrong; exit 3"), timeout=LONG, output=context.journal.output)


def err(_context: Context) -> None:
    raise ValueError("nobody thought of this")


def fill_the_disk(context: Context) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", str(context.host.root / "big"))


def be_slow(context: Context) -> None:
    for second in range(600):
        context.journal.progress("Slowly", done=second, total=600)
        time.sleep(0.1)


def grow_a_tree(context: Context) -> None:
    pids = context.host.root / "pids"
    script = (
        f"echo $$ >> {pids}; sleep 60 & echo $! >> {pids};"
        f" setsid sh -c 'echo $$ >> {pids}; trap \"\" TERM; sleep 60; sleep 60' &"
        f" (setsid --fork sh -c 'echo $$ >> {pids}; sleep 60'); sleep 60"
    )
    with start(("sh", "-c", script)) as tool:
        tool.wait(LONG)


def be_stubborn(context: Context) -> None:
    """Swallows the request to end, as a handler with a broad except would."""
    (context.host.root / "pids").touch()
    while True:
        try:
            grow_a_tree(context)
        except OpsError:
            time.sleep(0.01)


def talk_much(context: Context) -> None:
    for _ in range(1000):
        context.journal.output(HUGE_LINE * 500)


def tell_a_secret(context: Context) -> None:
    """The value of the sample secrets file, in everything that a handler can say."""
    secret = (context.host.root / "secret").read_text()
    context.journal.output(f"half of it {secret[:9]}")
    context.journal.output(f"{secret[9:]}, and in a line: {secret}\n")
    context.journal.progress(f"Using {secret}")
    context.journal.fact("found", {"deep": [secret]})
    raise OpsError(
        f"It failed with {secret}.", reason=Reason.TOOL_FAILED, hint=f"Do not use {secret}."
    )


ENDINGS: dict[str, Callable[[Context], None]] = {
    "ok": leave_an_effect,
    "fail": fail,
    "bug": err,
    "disk full": fill_the_disk,
    "slow": be_slow,
    "tree": grow_a_tree,
    "stubborn": be_stubborn,
    "huge": talk_much,
    "secret": tell_a_secret,
}

HANDLER = Handler(args=Args, plan=plan, run=carry_out)
