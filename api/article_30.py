"""The record of processing of one agency (UK GDPR Art 30)."""

from __future__ import annotations

from typing import Any

from api.identity import Contacts
from api.problems import NotFound
from api.questions import Asking, QuestionStore, on_record
from protocols.document import SharingProtocol

_MISSING = (
    "MISSING: UK GDPR Art 30(1)(a) asks for it; the service's operator records it with `kinlink service contacts`"
)


def article_30(
    store: QuestionStore, agency: str, protocol: SharingProtocol, contacts: Contacts, who: Asking
) -> dict[str, Any]:
    """The record of processing of one agency (UK GDPR Art 30), from the agreement that is enforced and what is held.

    What nobody has given, and Art 30(1)(a) asks for, is said to be missing.
    """
    party = next((item for item in protocol.parties if item.id == agency), None)
    if party is None:
        raise NotFound(
            f"Agency `{agency}` is no party of {protocol.id}.", next_step="Use an id of the sharing protocol."
        )
    functions = {item.id: item.title for item in protocol.functions}
    bases = {item.id: item for item in protocol.bases}
    grants = [item for item in protocol.grants if item.agency == agency]
    used = sorted({item.basis for item in grants})
    attributes = [item for item in protocol.attributes if item.agency == agency]
    on_record(store, who, "article-30", agency, len(grants))
    return {
        "controller": party.name,
        "controller_contact": contacts.controller or _MISSING,
        "data_protection_officer": contacts.officer or _MISSING,
        "with": sorted(item.name for item in protocol.parties if item.id != agency),
        "party_class": party.party_class.value,
        "contact": {"team": party.desk.team, "phone": party.desk.phone},
        "agreement": {
            "id": protocol.id,
            "version": protocol.version,
            "agreed": protocol.agreed.isoformat(),
            "review": protocol.review_date.isoformat(),
        },
        "purposes": sorted({purpose.value for item in grants for purpose in item.purposes}),
        "data_subjects": [
            "everybody in this agency's extract, as encodings and pseudonymous records: those who are not linked for "
            f"{protocol.retention.unlinked_days} days",
            "children, unborn children and adults who are declared as members of families in open cases",
            "workers who ask, by staff id",
        ],
        "categories": [
            {"id": item.id, "title": item.title, "sensitivity": item.sensitivity.value} for item in attributes
        ],
        "recipients": sorted({functions[to] for item in grants for to in item.to}),
        "bases": [
            {
                "id": name,
                "statute": bases[name].statute,
                "art6": bases[name].art6,
                "art9": bases[name].art9,
                "art10": bases[name].art10,
            }
            for name in used
        ],
        "transfers": "none outside the United Kingdom by this service",
        "retention": protocol.retention.model_dump(mode="json"),
        "security": [
            "identifiers are encoded at the agency with a key that the service does not have; encodings are pseudonymised personal data",
            "values are sealed at the agency to the Workbook; the service cannot open them",
            "every answer and refusal is in an append-only log that the agency can check",
        ],
        "held": store.counts_of(agency),
    }
