"""WB-20417: an unborn child, a mother under three names, a partner whose day of birth social care does not know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from config.county.people import Name
from config.county.places import Address
from config.county.scenarios.scene import Scene
from config.county.staff import contact

_HOME = Address("Flat 3", "27 Brewery Lane", "Hartmere", "SG99 2BL")
_BEFORE = Address("", "8 Lime Close", "Hartmere", "SG99 2LC")


def scene(numbers: Iterator[str]) -> Scene:
    """The unborn child is in pre-proceedings, her sister Tia on a child protection plan."""
    scene = Scene("WB-20417", date(2026, 5, 11), numbers)
    maya = scene.person(
        "Maya Okafor", date(1998, 2, 14), "F", _HOME, origin="british", birth_family="Whitlock", nhs="9990102481"
    )
    maya.former.append(_BEFORE)
    liam = scene.person("Liam Price", date(1995, 6, 23), "M", _HOME, origin="british")
    tia = scene.person("Tia Whitlock", date(2021, 9, 3), "F", _HOME, origin="british")

    scene.adult(maya, "MOTHER")
    known_liam = scene.adult(liam, "PARTNER")
    known_liam.born = date(1995, 6, 15)  # day unknown: social care writes the 15th
    known_liam.nhs = ""
    scene.child(
        tia,
        "CP",
        date(2026, 7, 2),
        cp_plan={"start": date(2026, 7, 2), "category": "NEGLECT"},
        assessment_factors={"factors": "2B|3A"},
    )
    scene.unborn(maya, date(2027, 1, 20), "PLO", date(2026, 10, 19))
    scene.bond(maya, tia, "PARENT", "LIVES_WITH")
    scene.bond(liam, tia, "PARTNER_OF_PARENT", "LIVES_WITH")

    _recovery(scene)
    _police(scene)
    scene.held(
        "health",
        maya,
        {
            "health.maternity": {
                "booked": date(2026, 9, 30),
                "gestation_weeks": 24,
                "edd": date(2027, 1, 20),
                "missed_antenatal": 3,
            }
        },
        ("A20417",),
    )
    scene.workers(sw=None, tm=None, lcpp=None, rec=maya, fsw=None, hv=None, adm=None)
    return scene


def _recovery(scene: Scene) -> None:
    maya, liam, _ = scene.people.values()
    client = scene.held(
        "recovery",
        maya,
        {
            "recovery.episode": {"status": "IN_TREATMENT", "date": date(2026, 6, 8)},
            "recovery.key_worker": contact("Ffion Marlow", "Hartmere Hub", 417),
            "recovery.ost_at_home": {"ost": True, "take_home": True, "locked_box": False},
        },
    )
    client.names = [Name("Maya", "", "Whitlock")]
    partner = scene.held("recovery", liam, {"recovery.episode": {"status": "REFERRED", "date": date(2026, 10, 27)}})
    partner.addresses = [Address("", "", "", "")]  # an outreach worker wrote down no address


def _police(scene: Scene) -> None:
    maya = next(iter(scene.people.values()))
    nominal = scene.held(
        "police",
        maya,
        {
            "police.da_incidents_12m": {"count": 4},
            "police.da_last_incident": {"date": date(2026, 10, 4), "subject_role": "CHILD_PRESENT"},
        },
        ("41/88120/26",),
    )
    nominal.names = [Name("Maya", "", "Whitlock"), Name("Mia", "", "Okafor")]
    nominal.addresses = [_BEFORE, _HOME]
