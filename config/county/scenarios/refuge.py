"""WB-20588 and WB-19922: a mother and her children hidden in a refuge, and the man who is in both families."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from config.county.health import practice
from config.county.people import Name, Person
from config.county.places import REFUGE, Address
from config.county.scenarios.scene import Scene
from config.county.staff import contact

_FAMILY_HOME = Address("", "19 Tannery Road", "Kingsmarsh", "SG99 7TR")
_SECOND_HOME = Address("", "6 Heron Gardens", "Oakhanger", "SG99 3HG")
_OCCURRENCES = ("41/61207/26", "41/73311/26")
_FIRST_OF_JANUARY = date(1991, 1, 1)


def scenes(numbers: Iterator[str]) -> list[Scene]:
    """The hidden family, and the second family with the same man."""
    hidden = Scene("WB-20588", date(2026, 6, 15), numbers)
    karim = hidden.person("Karim Haddad", date(1986, 3, 19), "M", _SECOND_HOME, origin="middle-eastern")
    karim.former.append(_FAMILY_HOME)
    _hidden_family(hidden, karim)
    _neighbour_in_refuge(hidden)
    second = Scene("WB-19922", date(2026, 3, 2), numbers)
    _second_family(second, karim, hidden)
    return [hidden, second]


def _hidden_family(scene: Scene, karim: Person) -> None:
    samira = scene.person("Samira Haddad", _FIRST_OF_JANUARY, "F", REFUGE, origin="middle-eastern")
    yara = scene.person("Yara Haddad", date(2016, 10, 27), "F", REFUGE, origin="middle-eastern")
    omar = scene.person("Omar Haddad", date(2020, 2, 8), "M", REFUGE, origin="middle-eastern")
    hidden = [samira, yara, omar]
    for person in hidden:
        person.former.append(_FAMILY_HOME)
    records = [scene.adult(samira, "MOTHER")]
    scene.adult(karim, "FATHER")
    for child in (yara, omar):
        records.append(
            scene.child(
                child,
                "CP",
                date(2026, 7, 20),
                cp_plan={"start": date(2026, 7, 20), "category": "EMOTIONAL"},
                assessment_factors={"factors": "3A|3B"},
            )
        )
        scene.bond(samira, child, "PARENT", "LIVES_WITH")
        scene.bond(karim, child, "PARENT", "PROHIBITED")
    for record in records:
        record.flags.add("shielded")
    _at_police(scene, samira, karim, yara)
    _at_probation(scene, karim)
    for place, person in enumerate(hidden):
        patient = scene.held("health", person, {"health.gp_practice": practice(4)}, ("A20588",))
        patient.flags.add("shielded")
        if place:
            patient.values["health.was_not_brought_12m"] = {"count": place}
    scene.workers(sw=None, tm=None, lcpp=None, dav=samira, dap=karim, fsw=None, edu=None, adm=None)


def _at_police(scene: Scene, samira: Person, karim: Person, yara: Person) -> None:
    last = date(2026, 6, 9)
    expires = date(2027, 6, 30)
    victim = scene.held(
        "police",
        samira,
        {
            "police.da_incidents_12m": {"count": 5},
            "police.da_last_incident": {"date": last, "subject_role": "VICTIM"},
            "police.dash_risk": {"risk": "HIGH", "date": date(2026, 6, 10)},
            "police.marac": {"status": "HEARD", "date": date(2026, 6, 25)},
            "police.protective_order": {"order": "NMO", "expires": expires, "subject_role": "PROTECTED"},
        },
        _OCCURRENCES,
    )
    victim.addresses = [_FAMILY_HOME]
    victim.flags.add("shielded")
    suspect = scene.held(
        "police",
        karim,
        {
            "police.da_incidents_12m": {"count": 5},
            "police.da_last_incident": {"date": last, "subject_role": "SUSPECT"},
            "police.protective_order": {"order": "NMO", "expires": expires, "subject_role": "RESTRICTED"},
            "police.relevant_conviction": {"class": "VIOLENCE", "years": "2025-2029"},
        },
        _OCCURRENCES,
    )
    suspect.names.append(Name("Kareem", "", "Haddad"))
    witness = scene.held(
        "police",
        yara,
        {"police.da_last_incident": {"date": last, "subject_role": "CHILD_PRESENT"}},
        _OCCURRENCES[:1],
    )
    witness.addresses = [_FAMILY_HOME]
    witness.flags.add("shielded")


def _at_probation(scene: Scene, karim: Person) -> None:
    scene.held(
        "probation",
        karim,
        {
            "probation.supervision": {"order": "LICENCE", "start": date(2026, 9, 1), "end": date(2027, 8, 31)},
            "probation.practitioner": contact("Owen Stokes", "Kingsmarsh Probation Office", 588),
            "probation.rosh": {"level": "HIGH", "target": "KNOWN_ADULT"},
            "probation.requirements": {"requirement": "DA_PROGRAMME", "compliance": "WARNED"},
            "probation.child_contact_condition": {"condition": True, "code": "NO_CONTACT"},
        },
    )


def _neighbour_in_refuge(scene: Scene) -> None:
    """Another woman at the refuge with a like name and the same placeholder date: she must never be taken for Samira."""
    other = scene.person("Samar Hamdan", _FIRST_OF_JANUARY, "F", REFUGE, origin="middle-eastern")
    patient = scene.held("health", other, {"health.gp_practice": practice(4)}, ("A20588",))
    patient.flags.add("shielded")
    nominal = scene.held(
        "police",
        other,
        {"police.da_incidents_12m": {"count": 2}, "police.dash_risk": {"risk": "MEDIUM", "date": date(2026, 8, 2)}},
        ("41/69004/26",),
    )
    nominal.flags.add("shielded")


def _second_family(scene: Scene, karim: Person, hidden: Scene) -> None:
    joanne = scene.person("Joanne Mercer", date(1990, 8, 12), "F", _SECOND_HOME, origin="british")
    ellie = scene.person("Ellie Mercer", date(2018, 12, 5), "F", _SECOND_HOME, origin="british")
    scene.adult(joanne, "MOTHER")
    scene.case.family.adults.append((karim, "PARTNER"))
    known = next(record for record in hidden.records["social_care"] if record.person == karim.id)
    scene.known_as(karim, known)
    scene.child(ellie, "CIN", date(2026, 3, 30), cin_plan={"start": date(2026, 3, 30)})
    scene.bond(joanne, ellie, "PARENT", "LIVES_WITH")
    scene.bond(karim, ellie, "PARTNER_OF_PARENT", "LIVES_WITH")
    scene.held("health", ellie, {"health.gp_practice": practice(3), "health.was_not_brought_12m": {"count": 1}})
    scene.workers(sw=None, tm=None, fsw=None, adm=None)
    scene.worker("w-20588-dap", "dap", karim)
