"""A person's consents and refusals in the form that other systems read (ISO/IEC TS 27560)."""

from __future__ import annotations

from typing import Any

from api.identity import DECLARING_AGENCY
from api.questions import Asking, QuestionStore, on_record, require_person
from protocols.consent_export import consent_record
from protocols.document import SharingProtocol


def consent_receipts(
    store: QuestionStore, member_ref: str, protocol: SharingProtocol, who: Asking
) -> list[dict[str, Any]]:
    """The consents and refusals about one person that are kept, with the fields of ISO/IEC TS 27560.

    A consent that two submissions carry is one.
    """
    kept_of = store.consents_of(DECLARING_AGENCY, member_ref)
    require_person(store, member_ref, bool(kept_of or store.families_of(member_ref)))
    made = [consent_record(item, protocol) for item in kept_of]
    kept = {item["record_id"]: item for item in made}
    on_record(store, who, "consent-receipts", member_ref, len(kept))
    return list(kept.values())
