"""Made-up towns, streets and `SG99` postcodes (no such district exists), a refuge, hostels and no fixed abode."""

from __future__ import annotations

from dataclasses import dataclass

from config.county.chance import Chance

_TOWNS = (
    "Hartmere", "Nettleford", "Wenbury", "Cobley Green", "Astley Cross", "Kingsmarsh", "Oakhanger", "Much Barley",
    "Stonewick", "Lower Quenby",
)  # fmt: skip
_STREETS = (
    "Church", "Mill", "Station", "High", "Victoria", "Albert", "Park", "Queens", "Kings", "Manor", "Green", "London",
    "School", "Springfield", "Orchard", "Meadow", "Chapel", "Grove", "Windsor", "North", "South", "West", "Alexandra",
    "Highfield", "Chestnut", "Beech", "Lime", "Hawthorn", "Elm", "Cedar", "Bramble", "Primrose", "Heron", "Kestrel",
    "Lark", "Swallow", "Tannery", "Brewery", "Foundry", "Weavers", "Coopers", "Bakers", "Priory", "Abbey", "Castle",
    "Bridge", "Ford", "Marsh", "Quarry", "Warren",
)  # fmt: skip
_KINDS = ("Road", "Street", "Lane", "Close", "Avenue", "Way", "Drive", "Crescent", "Court", "Gardens")
_INWARD = "ABDEFGHJLNPQRSTUWXYZ"
_HOUSES_PER_POSTCODE = 16


@dataclass(frozen=True)
class Address:
    """Where somebody lives. `building` is a flat or a house's name; no fixed abode has no town and no postcode."""

    building: str
    street: str
    town: str
    postcode: str

    def parts(self, columns: int) -> list[str]:
        """Spread over so many columns: building and street together, then the town, or each by itself."""
        lines = [self.building, self.street, self.town]
        if columns == 3:
            return lines
        first = " ".join(part for part in lines[:2] if part)
        return [first, self.town] if columns == 2 else [", ".join(part for part in (first, self.town) if part)]


NO_FIXED_ABODE = Address("", "No fixed abode", "", "")
REFUGE = Address("Willow House", "12 Chapel Row", "Stonewick", "SG99 4WH")
HOSTELS = (
    Address("Harbour House", "3 Station Approach", "Hartmere", "SG99 1HH"),
    Address("The Foyer", "41 Foundry Street", "Kingsmarsh", "SG99 6FY"),
)


def in_refuge(address: Address) -> bool:
    """Whether an address as held is the refuge's."""
    return address.building == REFUGE.building


class Streets:
    """The county's dwellings, given out one by one."""

    def __init__(self, chance: Chance, families: int) -> None:
        self._chance = chance
        count = max(40, families // 6)
        self._streets = [self._street(place) for place in range(count)]
        self._taken: set[tuple[str, str]] = set()

    def _street(self, place: int) -> tuple[str, str, list[str]]:
        town = self._chance.skewed(_TOWNS)
        name = f"{_STREETS[place % len(_STREETS)]} {self._chance.pick(_KINDS)}"
        return name, town, [self._postcode() for _ in range(self._chance.between(1, 4))]

    def _postcode(self) -> str:
        pick = self._chance.pick
        return f"SG99 {self._chance.between(1, 9)}{pick(_INWARD)}{pick(_INWARD)}"

    def dwelling(self) -> Address:
        """A house or flat that nobody else in the county lives in."""
        chance = self._chance
        while True:
            name, town, postcodes = chance.pick(self._streets)
            number = chance.between(1, _HOUSES_PER_POSTCODE * len(postcodes))
            flat = f"Flat {chance.between(1, 12)}" if chance.yes(0.14) else ""
            street = f"{number}{chance.pick('ABC') if chance.yes(0.03) else ''} {name}"
            postcode = postcodes[(number - 1) // _HOUSES_PER_POSTCODE]
            if (flat + street, postcode) not in self._taken:
                self._taken.add((flat + street, postcode))
                return Address(flat, street, town, postcode)
