"""Says why a command is not carried out, before anything is made of it."""

from bot.commands.contract import Asker, Command
from bot.deciding.scheduling import is_about_schedules
from bot.grammar import Parsed, Verb
from bot.permissions import Denied, Place, allowed_where, may_ask
from bot.replies.alarms import ReadOnly
from bot.replies.refusals import NobodyCouldApprove, NotPermitted, Refusal, WrongPlace
from bot.replies.reply import Reply
from bot.replies.wording import to_type
from bot.vigilance import read_only
from handlers.contract import Effect as HostEffect
from handlers.errors import Reason
from jobs.configuration import Policy
from jobs.consent_terms import effect_policy, terms_of
from state.database import Transaction


def why_forbidden(
    parsed: Parsed, asker: Asker, place: Place, policy: Policy, channel: str
) -> tuple[Reply, Reason] | None:
    """Why not, in the person's words; root and root's schedules may do what is declared."""
    if asker.is_root:
        return None
    if (on_host := hosts_own(parsed)) is not None:
        hint = f'There, as root: `zulip-ops do "{parsed.verb.name} … {on_host} …"`.'
        message = f"`{on_host}` is taken on the host alone, never from chat."
        return Refusal(message, hint, Reason.WRONG_PLACE.value), Reason.WRONG_PLACE
    effect = parsed.verb.effect
    decision = may_ask(policy, asker.user_id or 0, effect)
    if isinstance(decision, Denied):
        reply = NotPermitted(parsed.canonical, list(decision.needed), list(decision.has))
        return reply, Reason.NOT_PERMITTED
    channel_alone = is_about_schedules(parsed) or (
        isinstance(parsed.verb, Command) and parsed.verb.only_in_channel
    )
    if channel_alone and place is not Place.OPS_CHANNEL:
        return WrongPlace(parsed.canonical, channel, only_reads=False), Reason.WRONG_PLACE
    if isinstance(allowed_where(place, effect), Denied):
        only_reads = effect in (None, HostEffect.READ)
        return WrongPlace(parsed.canonical, channel, only_reads), Reason.WRONG_PLACE
    if parsed.yes and effect is not None and not effect_policy(policy, effect).yes:
        message = f"The policy does not allow `--yes` for {effect.value} commands."
        hint = f"Leave it out and react to the plan with ✅: `{_without_yes(parsed)}`."
        return Refusal(message, hint, Reason.NOT_PERMITTED.value), Reason.NOT_PERMITTED
    return None


def why_read_only(
    tx: Transaction, parsed: Parsed, asker: Asker, bot_name: str
) -> tuple[Reply, Reason] | None:
    """Nothing is set going while the bot's key or channel is in doubt, but by root and by what root
    or a quorum agreed to before; whatever stops something is done."""
    verb = parsed.verb
    sets_going = verb.sets_going if isinstance(verb, Command) else verb.effect != HostEffect.READ
    if asker.is_root or not sets_going:
        return None
    incident = read_only.because(tx)
    if incident is None:
        return None
    reply = ReadOnly(bot_name, parsed.canonical, incident.id)
    return reply, read_only.REASONS[incident.kind]


def why_nobody_could_approve(
    effect: HostEffect, parsed: Parsed, asker: Asker, policy: Policy
) -> tuple[Reply, Reason] | None:
    """Said at once instead of after a plan for which nobody could ever say ✅."""
    if asker.is_root or parsed.yes or effect is HostEffect.READ:
        return None
    terms = terms_of(policy, effect, asker.user_id or 0)
    if terms.enough_people(asker.user_id):
        return None
    reply = NobodyCouldApprove(
        parsed.canonical, effect.value, terms.needed, list(effect_policy(policy, effect).approve)
    )
    return reply, Reason.NOBODY_MAY_APPROVE


def hidden(about: tuple[Verb, ...], bot_name: str) -> Refusal:
    """Somebody asks how a command is typed that they may not run."""
    names = ", ".join(f"`{verb.name}`" for verb in about)
    message = f"You may not run {names}, so there is nothing to explain."
    hint = f"{to_type(bot_name, 'whoami')} shows what you may do."
    return Refusal(message, hint, Reason.NOT_PERMITTED.value)


def hosts_own(parsed: Parsed) -> str | None:
    """An option that was typed and that only the host's own command line may have."""
    for each in parsed.verb.parameters:
        if each.on_host_only and each.name in parsed.arguments:
            return f"--{each.name.replace('_', '-')}"
    return None


def _without_yes(parsed: Parsed) -> str:
    return parsed.canonical.removesuffix(" --yes")
