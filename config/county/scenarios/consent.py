"""WB-20533: at child in need one parent consents and the other refuses, before a section 47 enquiry changes the basis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from config.county.consents import ADULT_SCOPE, Consent, at
from config.county.people import Person
from config.county.places import Address
from config.county.scenarios.scene import Scene
from config.county.staff import contact

_HOME = Address("", "52 Orchard Way", "Wenbury", "SG99 5RW")


def scene(numbers: Iterator[str]) -> Scene:
    """Darren consents to four attributes, Amy to none."""
    scene = Scene("WB-20533", date(2026, 8, 24), numbers)
    darren = scene.person("Darren Cole", date(1984, 11, 22), "M", _HOME, origin="british")
    amy = scene.person("Amy Fletcher", date(1987, 4, 30), "F", _HOME, origin="british")
    josh = scene.person("Josh Cole", date(2019, 5, 9), "M", _HOME, origin="british")
    scene.adult(darren, "FATHER")
    scene.adult(amy, "MOTHER")
    scene.child(
        josh,
        "CIN",
        date(2026, 9, 7),
        cin_plan={"start": date(2026, 9, 7)},
        assessment_factors={"factors": "1B|4B"},
    )
    for parent in (darren, amy):
        scene.bond(parent, josh, "PARENT", "LIVES_WITH")
    _held(scene, darren, amy)
    scene.consents = [
        _answer(scene, darren, "GIVEN", date(2026, 9, 14)),
        _answer(scene, amy, "REFUSED", date(2026, 9, 14)),
    ]
    scene.workers(sw=None, tm=None, rec=darren, mh=amy, fsw=None, adm=None)
    return scene


def _held(scene: Scene, darren: Person, amy: Person) -> None:
    scene.held(
        "recovery",
        darren,
        {
            "recovery.episode": {"status": "IN_TREATMENT", "date": date(2026, 7, 13)},
            "recovery.key_worker": contact("Nia Thorne", "Wenbury Hub", 533),
            "recovery.substance_group": {"group": "ALCOHOL"},
            "recovery.attendance_90d": {"offered": 12, "attended": 9},
        },
        ("HH20533",),
    )
    scene.held(
        "recovery",
        amy,
        {
            "recovery.episode": {"status": "REFERRED", "date": date(2026, 10, 5)},
            "recovery.key_worker": contact("Nia Thorne", "Wenbury Hub", 533),
        },
        ("HH20533",),
    )
    scene.held(
        "mental_health",
        darren,
        {
            "mh.open_referral": {"team": "CMHT", "date": date(2026, 8, 3)},
            "mh.care_plan": {
                "current": True,
                "last_review": date(2026, 10, 20),
                **contact("Idris Pettit", "Adult Community North", 534),
            },
            "mh.crisis_contacts_6m": {"count": 1, "last": date(2026, 9, 26), "type": "LIAISON"},
        },
        ("H20533",),
    )
    scene.held(
        "mental_health",
        amy,
        {
            "mh.open_referral": {"team": "PSYCHOLOGY", "date": date(2026, 9, 1)},
            "mh.crisis_contacts_6m": {"count": 2, "last": date(2026, 10, 31), "type": "CRHT"},
        },
        ("H20533",),
    )


def _answer(scene: Scene, person: Person, status: str, day: date) -> Consent:
    ref = scene.case.refs[person.id]
    given = at(day, 14, 20)
    return Consent(
        member=ref,
        given_by=ref,
        capacity="ADULT",
        scope=ADULT_SCOPE,
        purpose="family-support",
        notice="v3",
        method="signed-form",
        status=status,
        given_at=given,
        expires_at=given + timedelta(days=365) if status == "GIVEN" else None,
    )
