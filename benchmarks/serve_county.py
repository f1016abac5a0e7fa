"""A service's store as large as a county's, written straight into its tables: what is sealed is random, as it looks from here."""

from __future__ import annotations

import json
import os
import random
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from api.admin import init_service, register_card
from api.families import StoredFamily
from api.service import Service, open_service
from api.settings import load_settings
from api.store.tables import CellRow, ChainRow, RecordRow, SubmissionRow
from api.store.tables_work import LinkRow
from config.resources import PROTOCOL_FILE
from protocols.catalogue import encode_value
from protocols.family import Allocation, FamilyDeclaration, FamilyMember, FamilyRelationship
from protocols.sealing import SealingPrivateKey, new_data_key, seal_cell
from protocols.signing import Card, SigningKey, sign_card
from protocols.vocabulary import Contact, Kind, Relationship, Role, RoleFunction, Stage

AGENCIES = 8
CHILDREN, ADULTS = 5, 7
MEMBERS = CHILDREN + ADULTS
NOW = datetime.now(UTC)
SINCE = NOW.date() - timedelta(days=200)
BATCH = 20_000


def make(folder: Path, families: int, records: int, varied: bool = False, **given: object) -> SigningKey:
    """Set a service up with `families` of twelve, known at eight agencies, among `records`; gives the Workbook's signing key.

    Families are all alike, or `varied` in what their adults are to their children.
    """
    protocol = folder.parent / "protocol.yaml"
    protocol.write_text(PROTOCOL_FILE.read_text("utf-8").replace("from: 2027-09-01", "from: 2026-03-16"))
    init_service(folder, protocol, **given)
    service = open_service(load_settings(folder, **given))
    workbook = SigningKey.generate()
    card = Card(
        party="workbook",
        purpose="workbook",
        signing_key=workbook.public.as_dict(),
        sealing_key=SealingPrivateKey.generate().public.text(),
    )
    try:
        register_card(service, sign_card(card, workbook))
        _fill(service, families, records, varied)
    finally:
        service.close()
    return workbook


def family_ref(number: int) -> str:
    """The reference of a family."""
    return f"WB-{100_000 + number}"


def worker(number: int) -> str:
    """Who works with a family."""
    return f"w-{number:06d}"


def _fill(service: Service, families: int, records: int, varied: bool) -> None:
    with service.store.reading() as tx:
        protocol = service.protocols.live(tx.identity)
    agencies = [party.id for party in protocol.document.parties]
    assert len(agencies) == AGENCIES
    for number, agency in enumerate(agencies):
        _submission(service, agency, number, protocol.digest)
        _insert(service, RecordRow, _records(agency, families, records // AGENCIES))
        attributes = [item for item in protocol.document.attributes if item.agency == agency]
        key, today = new_data_key(), NOW.date()
        length = {a.id: len(seal_cell(encode_value(a, None), key, b"")) for a in attributes}
        about = {a.id: a.about.kinds for a in attributes}
        cells = (
            {
                "submission": _name(agency),
                "record_ref": _ref(agency, place),
                "attribute": name,
                "source": _name(agency),
                "as_at": today,
                "sealed": os.urandom(length[name]),
            }
            for place in range(families * MEMBERS)
            for name in sorted(about)
            if _kind(place) in about[name]
        )
        _insert(service, CellRow, cells)
        if agency != "social_care":
            _insert(service, LinkRow, _links(agency, families))
    for start in range(0, families, 100):
        with service.store.writing() as tx:
            for number in range(start, min(start + 100, families)):
                found: StoredFamily = tx.families.declare(_family(number, varied), NOW, "social_care")
                assert found.version == 1
    with service.store.writing() as tx:
        tx.families.confirm(NOW, None)
    _insert(service, LinkRow, _links("social_care", families))


def _name(agency: str) -> str:
    return f"sub-{agency.encode().hex():0<24.24}"


def _ref(agency: str, place: int) -> str:
    return f"{agency[:4]}-{place:08d}"


def _kind(place: int) -> Kind:
    return Kind.CHILD if place % MEMBERS < CHILDREN else Kind.ADULT


def _insert(service: Service, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            with service.store.writing() as tx:
                tx.session.execute(insert(table), batch)
            batch = []
    if batch:
        with service.store.writing() as tx:
            tx.session.execute(insert(table), batch)


def _submission(service: Service, agency: str, number: int, digest: str) -> None:
    with service.store.writing() as tx:
        tx.session.execute(
            insert(SubmissionRow).values(
                submission=_name(agency),
                agency=agency,
                number=number + 1,
                file_sha256=secrets.token_hex(32),
                manifest="{}",
                protocol_digest=digest,
                epoch=1,
                workbook_key=secrets.token_hex(16),
                workbook_box=secrets.token_urlsafe(1600),
                extract_date=NOW.date(),
                state="current",
                receipt="",
                received_at=NOW,
            )
        )
        tx.session.execute(insert(ChainRow).values(submission=_name(agency), position=0, source=_name(agency)))


def _records(agency: str, families: int, records: int) -> Iterator[dict[str, Any]]:
    for place in range(max(records, families * MEMBERS)):
        yield {
            "submission": _name(agency),
            "record_ref": _ref(agency, place),
            "kind": _kind(place).value,
            "shielded": False,
            "silent": False,
            "deceased": False,
            "hold": None,
        }


def _links(agency: str, families: int) -> Iterator[dict[str, Any]]:
    for place in range(families * MEMBERS):
        yield {
            "link": f"lnk-{secrets.token_hex(12)}",
            "family_ref": family_ref(place // MEMBERS),
            "member_ref": _ref("social_care", place),
            "agency": agency,
            "record_ref": _ref(agency, place),
            "grade": "certain",
            "state": "active",
            "evidence": json.dumps(["person"]),
            "first_run": None,
            "last_run": None,
            "made_at": NOW,
            "changed_at": NOW,
        }


def _family(number: int, varied: bool) -> FamilyDeclaration:
    refs = [_ref("social_care", number * MEMBERS + place) for place in range(MEMBERS)]
    children, adults = refs[:CHILDREN], refs[CHILDREN:]
    roles = [Role.MOTHER, Role.FATHER, *[Role.OTHER_ADULT] * (ADULTS - 2)]
    members = [
        FamilyMember(
            record_ref=ref, role=Role.CHILD, kind=Kind.CHILD, stage=Stage("CP"), stage_since=SINCE, joined=SINCE
        )
        for ref in children
    ]
    members += [
        FamilyMember(record_ref=ref, role=role, kind=Kind.ADULT, joined=SINCE)
        for ref, role in zip(adults, roles, strict=True)
    ]
    return FamilyDeclaration(
        family_ref=family_ref(number),
        opened=SINCE,
        members=tuple(members),
        relationships=tuple(
            FamilyRelationship(adult_ref=adult, child_ref=child, relationship=relationship, contact=contact)
            for adult in adults
            for child, (relationship, contact) in zip(children, _ties(number, varied, adult), strict=True)
        ),
        allocations=(Allocation(worker=worker(number), role_function=RoleFunction.SOCIAL_WORKER, since=SINCE),),
    )


def _ties(number: int, varied: bool, adult: str) -> list[tuple[Relationship, Contact]]:
    """What an adult is to each child: a parent at home to the first, anything to the others if families are varied."""
    at_home = (Relationship.PARENT, Contact.LIVES_WITH)
    if not varied:
        return [at_home] * CHILDREN
    chance = random.Random(f"{number} {adult}")
    contacts = [contact for contact in Contact if contact is not Contact.PROHIBITED]
    return [at_home, *((chance.choice(list(Relationship)), chance.choice(contacts)) for _ in range(CHILDREN - 1))]
