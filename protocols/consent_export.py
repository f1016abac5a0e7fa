"""A consent as a record that other systems can read, with the fields of ISO/IEC TS 27560:2023 (consent record
information structure).
"""

from __future__ import annotations

import hashlib
from typing import Any

from protocols.document import SharingProtocol
from protocols.family import ConsentRecord
from protocols.vocabulary import ConsentStatus

VERSION = "ISO/IEC TS 27560:2023"


def consent_record(record: ConsentRecord, document: SharingProtocol) -> dict[str, Any]:
    """The record as JSON data. People stand in it by the agency's pseudonymous references only.

    The record's id is the SHA-256 of what was recorded, so the same record has the same id in every export.
    """
    titles = {attribute.id: attribute.title for attribute in document.attributes}
    agencies = {attribute.id: attribute.agency for attribute in document.attributes}
    names = {party.id: party.name for party in document.parties}
    notice = next((notice for notice in document.consents.notices if notice.id == record.notice_version), None)
    known = [item for item in record.scope if item in titles]
    return {
        "schema_version": VERSION,
        "record_id": hashlib.sha256(record.canonical()).hexdigest(),
        "pii_principal_id": record.subject_ref,
        "pii_processing": {
            "privacy_notice": f"{document.id}/{record.notice_version}",
            "privacy_notice_title": notice.title if notice else None,
            "language": "en",
            "jurisdiction": document.jurisdiction,
            "purposes": [
                {
                    "purpose": record.purpose.value,
                    "lawful_basis": "consent",
                    "pii_information": [{"pii_type": item, "description": titles.get(item)} for item in record.scope],
                    "collection_method": record.method,
                    "pii_controllers": sorted({names[agencies[item]] for item in known}),
                    "storage_duration_days": document.consents.lasts_days,
                }
            ],
        },
        "party_identification": [
            {"party_id": party.id, "party_name": party.name, "party_role": "pii_controller"}
            for party in document.parties
            if party.id in {agencies[item] for item in known}
        ],
        "event": _events(record),
    }


def _events(record: ConsentRecord) -> list[dict[str, Any]]:
    given_first = record.status is ConsentStatus.WITHDRAWN
    first = {
        "event_time": record.given_at.isoformat(),
        "event_type": "explicit",
        "event_state": "consent given" if given_first else f"consent {record.status.value.lower()}",
        "entity_id": record.given_by_ref,
        "entity_capacity": record.capacity.value,
        "valid_until": record.expires_at.isoformat() if record.expires_at else None,
    }
    if record.withdrawn_at is None:
        return [first]
    withdrawn = {
        **first,
        "event_time": record.withdrawn_at.isoformat(),
        "event_state": "consent withdrawn",
        "valid_until": None,
    }
    return [first, withdrawn]
