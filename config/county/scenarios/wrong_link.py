"""WB-20650: a father and a grown-up son of one name at one address, and twins one letter apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from config.county.health import practice
from config.county.people import Name
from config.county.places import Address
from config.county.records import Value
from config.county.scenarios.scene import Scene
from config.county.staff import contact

_HOME = Address("", "114 Albert Street", "Nettleford", "SG99 8AS")
_TWINS_BORN = date(2018, 5, 11)


def scene(numbers: Iterator[str]) -> Scene:
    """The recovery service knows the son, who is no member of the declared family; the father it does not know."""
    scene = Scene("WB-20650", date(2026, 4, 20), numbers)
    father = scene.person("Mohammed Yusuf Ali", date(1979, 8, 7), "M", _HOME, origin="south-asian-muslim")
    mother = scene.person("Hannah Reid", date(1985, 1, 28), "F", _HOME, origin="british")
    son = scene.person("Muhammad Yusuf Ali", date(2001, 8, 7), "M", _HOME, origin="south-asian-muslim")
    ava = scene.person("Ava Reid", _TWINS_BORN, "F", _HOME, origin="british")
    eva = scene.person("Eva Reid", _TWINS_BORN, "F", _HOME, origin="british")
    scene.adult(mother, "MOTHER")
    scene.adult(father, "FATHER")
    for twin in (ava, eva):
        scene.child(
            twin,
            "CP",
            date(2026, 6, 3),
            cp_plan={"start": date(2026, 6, 3), "category": "NEGLECT"},
            assessment_factors={"factors": "2B"},
        )
        scene.bond(mother, twin, "PARENT", "LIVES_WITH")
        scene.bond(father, twin, "PARENT", "LIVES_WITH")

    client = scene.held(
        "recovery",
        son,
        {
            "recovery.episode": {"status": "IN_TREATMENT", "date": date(2026, 9, 10)},
            "recovery.key_worker": contact("Marek Lister", "Hartmere Hub", 650),
            "recovery.substance_group": {"group": "NON_OPIATE"},
            "recovery.attendance_90d": {"offered": 9, "attended": 7},
        },
    )
    client.names = [Name("Muhammad", "Yusuf", "Ali"), Name("Muhammad", "Yusuf", "Ali Jr")]
    visit: Value = {"last": date(2026, 10, 12), "count": 1, "injury": False, "safeguarding_flag": False}
    scene.held("health", ava, {"health.gp_practice": practice(1), "health.ed_child": visit}, ("A20650",))
    scene.held("health", eva, {"health.gp_practice": practice(1)}, ("A20650",))
    scene.held("police", eva, {"police.missing_episodes_12m": {"count": 1, "last": date(2026, 8, 19)}})
    scene.workers(sw=None, tm=None, lcpp=None, rec=father, fsw=None, hv=None, edu=None, adm=None)
    return scene
