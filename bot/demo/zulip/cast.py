"""The cast of the demo: the realm "Ops Lab", its channel #ops, and the people in it."""

from dataclasses import dataclass

from bot.demo.zulip.model.channels import Channel
from bot.demo.zulip.model.people import Person, Role
from bot.demo.zulip.server import SimulatedZulip


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays in the demo."""

    desdemona: Person  # owner
    iago: Person  # administrator
    hamlet: Person  # member
    cordelia: Person  # member
    polonius: Person  # guest
    bot: Person  # "ops", owned by Desdemona
    ops: Channel

    def names(self) -> dict[int, str]:
        """By user id."""
        people = (
            self.desdemona,
            self.iago,
            self.hamlet,
            self.cordelia,
            self.polonius,
            self.bot,
        )
        return {person.id: person.full_name for person in people}


def add_cast(zulip: SimulatedZulip) -> Cast:
    """Add people, bot and channel to a server; everybody is in #ops."""
    desdemona = zulip.add_person("Desdemona", "desdemona@example.com", role=Role.OWNER)
    iago = zulip.add_person("Iago", "iago@example.com", role=Role.ADMINISTRATOR)
    hamlet = zulip.add_person("Hamlet", "hamlet@example.com")
    cordelia = zulip.add_person("Cordelia", "cordelia@example.com")
    polonius = zulip.add_person("Polonius", "polonius@example.com", role=Role.GUEST)
    bot = zulip.add_person("ops", "ops-bot@example.com", is_bot=True, owner=desdemona)
    ops = zulip.add_channel("ops", description="Looking after this server", creator=desdemona)
    zulip.subscribe(ops, desdemona, iago, hamlet, cordelia, polonius, bot)
    return Cast(desdemona, iago, hamlet, cordelia, polonius, bot, ops)
