"""Have whoever holds a recovery key show it: they open elsewhere what was sealed to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handlers.backups.custody import proofs
from handlers.backups.custody.proofs import DUE_AFTER
from handlers.contract import JSON, Context, Handler, Outcome, Plan
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.age import key_id, sealed_text

ASK, JUDGE = "Seal a question to each recovery key", "Look whether that is the answer"


@dataclass(frozen=True, slots=True)
class Args:
    """What was opened; none: ask."""

    answer: str | None = None


def plan(_context: Context, args: Args) -> Plan:
    step = ASK if args.answer is None else JUDGE
    return Plan(
        summary="See whether the recovery key is still held.",
        binding={},
        steps=(step,),
        way_back="none needed.",
    )


def run(context: Context, args: Args, _plan: Plan) -> Outcome:
    recipients, directory = context.keys.recovery, context.state_directory
    if not recipients or directory is None:
        raise HostFailure(
            "No recovery key is configured, so copies are not sealed and there is nothing to hold.",
            reason=Reason.NOT_CONFIGURED,
            hint="docs/operations.md says how one is made.",
        )
    try:
        if args.answer is None:
            return _ask(context, recipients, directory)
        return _judge(context, recipients, directory, args.answer)
    except OSError as error:
        raise HostFailure(
            f"{error.filename or directory} cannot be used: {error.strerror or error}."
        ) from error


def _ask(context: Context, recipients: Sequence[str], directory: Path) -> Outcome:
    questions: list[JSON] = []
    with context.journal.step(ASK):
        for recipient in recipients:
            answer = proofs.new_answer()
            proofs.ask(directory, key_id(recipient), answer, context.clock.now())
            lines: list[JSON] = [*sealed_text(answer.encode(), recipient)]
            questions.append({"key": key_id(recipient), "lines": lines})
    what = "a word was sealed" if len(questions) == 1 else "a word was sealed to each"
    named = " and ".join(f"`{key_id(each)}`" for each in recipients)
    return Outcome(
        sentence=f"To the recovery key {named} {what}.",
        state="",
        facts={"shown": {"questions": questions, "days": proofs.GOOD_FOR.days}},
    )


def _judge(context: Context, recipients: Sequence[str], directory: Path, answer: str) -> Outcome:
    now = context.clock.now()
    with context.journal.step(JUDGE):
        for key in map(key_id, recipients):
            if proofs.is_right(directory, key, answer, now):
                is_first = proofs.last_proof(directory, key) is None
                proofs.prove(directory, key, context.asked_by, now)
                return _proven(context, key, is_first=is_first)
    raise BadCommand(
        "That is not what was last sealed to a recovery key.",
        reason=Reason.BAD_ARGUMENT,
        hint=f"Ask anew with `backup key check`; that is good for {proofs.GOOD_FOR.days} days.",
    )


def _proven(context: Context, key: str, *, is_first: bool) -> Outcome:
    due = f"{context.clock.now() + DUE_AFTER:%Y-%m-%d}"
    end = " With that the key is set up." if is_first else ""
    return Outcome(
        sentence=f"That is it: {context.asked_by} has the recovery key `{key}` at hand, and copies"
        f" that are sealed to it can be opened.{end} It is to be shown again by {due}.",
        state="",
        facts={"key": key, "held_by": context.asked_by},
    )


HANDLER = Handler(args=Args, plan=plan, run=run)
