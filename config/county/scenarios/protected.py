"""WB-20701: a woman in a live police investigation and under protection, asked about at night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from config.county.people import Name
from config.county.places import Address
from config.county.scenarios.scene import Scene

_HOME = Address("Flat 9", "70 Castle Court", "Astley Cross", "SG99 9CC")
_BEFORE = Address("", "2 Quarry Lane", "Much Barley", "SG99 9QL")


def scene(numbers: Iterator[str]) -> Scene:
    """Police hold one silent record and one that never leaves them; the grandmother, unknown to police, is the control."""
    scene = Scene("WB-20701", date(2026, 9, 21), numbers)
    nicola = scene.person("Nicola Hart", date(1992, 12, 3), "F", _HOME, origin="british")
    margaret = scene.person("Margaret Hart", date(1961, 7, 25), "F", _HOME, origin="british")
    jack = scene.person("Jack Hart", date(2015, 4, 16), "M", _HOME, origin="british")
    scene.adult(nicola, "MOTHER")
    scene.adult(margaret, "CARER")
    scene.child(
        jack, "CIN", date(2026, 10, 5), cin_plan={"start": date(2026, 10, 5)}, assessment_factors={"factors": "4B"}
    )
    scene.bond(nicola, jack, "PARENT", "LIVES_WITH")
    scene.bond(margaret, jack, "GRANDPARENT", "LIVES_WITH")
    silent = scene.held("police", nicola, {"police.da_incidents_12m": {"count": 1}}, ("41/90077/26",))
    silent.flags.add("silent")
    protected = scene.held("police", nicola, {})
    protected.names = [Name("Nicola", "", "Hart"), Name("Nicole", "", "Harding")]
    protected.addresses = [_BEFORE]
    protected.flags.add("suppressed")
    scene.held(
        "mental_health",
        nicola,
        {
            "mh.crisis_contacts_6m": {"count": 2, "last": date(2026, 11, 12), "type": "CRHT"},
            "mh.mha_status": {"status": "INFORMAL"},
        },
    )
    scene.workers(sw=None, tm=None, mh=nicola, fsw=None, edu=None, adm=None)
    return scene
