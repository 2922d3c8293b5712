"""Root consents alone, because the others cannot be reached: counted, explained, and told."""

from datetime import timedelta

from bot.commands.contract import Answer, BrokenGlass, Scene
from bot.commands.job import no_such_job
from bot.commands.reasons import too_short
from bot.replies.consent import GlassBroken, GlassIntact
from bot.replies.refusals import Refusal
from bot.replies.wording import to_type
from handlers.errors import Reason
from jobs.lifecycle import Status
from state import incident_store, job_store

#: As the incident is called that each use is.
KIND = "break_glass"
MOST = 3
WITHIN = timedelta(hours=24)
#: There is a plan, and consent to it is still missing.
_WAITS = frozenset({Status.AWAITING_APPROVAL, Status.ARMING})


def break_glass(scene: Scene, number: int, reason: str | None) -> Answer:
    """Only for the host's superuser: the bot's own account is not enough."""
    if scene.asker.host_user != 0:
        hint = f'There: `zulip-ops approve {number} --break-glass --reason "…"`.'
        return _refuse("Only root on the host breaks the glass.", hint, Reason.NOT_PERMITTED)
    job = job_store.get(scene.tx, number)
    if job is None:
        return no_such_job(scene, number)
    if job.status not in _WAITS:
        message = f"Job #{number} is {job.status.replace('_', ' ')}: it waits for no consent."
        hint = f"{to_type(scene.installation.bot_name, f'job {number}')} tells more."
        return _refuse(message, hint, Reason.BUSY)
    if reason is None:
        hint = f'For example: `zulip-ops approve {number} --break-glass --reason "…"`.'
        return _refuse("`--break-glass` needs a `--reason`.", hint, Reason.BAD_ARGUMENT)
    return too_short(reason) or _counted(scene, job, reason)


def _counted(scene: Scene, job: job_store.Job, reason: str) -> Answer:
    uses = incident_store.begun_since(scene.tx, KIND, scene.now - WITHIN)
    if len(uses) >= MOST:
        again = uses[-MOST] + WITHIN
        return Answer(GlassIntact(job.id, len(uses), again.isoformat()))
    told = GlassBroken(job.id, job.command, scene.asker.name, reason, MOST - len(uses) - 1)
    return Answer(told, broken_glass=BrokenGlass(job.id, reason))


def _refuse(message: str, hint: str, reason: Reason) -> Answer:
    return Answer(Refusal(message, hint, reason.value))
