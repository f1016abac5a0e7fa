"""Made-up staff: the contacts that agencies give, and the opaque ids of the council's workers."""

from __future__ import annotations

from config.county.chance import Chance
from config.county.names import ORIGINS
from config.county.numbers import telephone
from config.county.records import Value


class Staff:
    """A pool of workers of one agency, each with a name, a team and a telephone number kept for drama."""

    def __init__(self, chance: Chance, teams: tuple[str, ...], size: int, first_number: int) -> None:
        self._chance = chance
        self.contacts: list[Value] = []
        for place in range(size):
            names = ORIGINS[chance.weighted((("british", 7), ("west-african", 1), ("south-asian-other", 1)))]
            given = chance.pick(names.women + names.men)
            self.contacts.append(
                contact(f"{given} {chance.pick(names.families)}", teams[place % len(teams)], first_number + place)
            )

    def one(self) -> Value:
        """Somebody's contact."""
        return dict(self._chance.pick(self.contacts))


def contact(name: str, team: str, number: int) -> Value:
    """A contact in the fields of the catalogue."""
    return {"contact.name": name, "contact.team": team, "contact.phone": telephone(number)}
