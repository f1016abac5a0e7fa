"""A subject-access answer about one person, drafted from what the service keeps, for a human to check before it is sent."""

from __future__ import annotations

from typing import Any

from api.identity import DECLARING_AGENCY
from api.questions import Asking, QuestionStore, attributes_of, on_record, require_person
from api.runs import ActiveLink
from protocols.document import SharingProtocol
from protocols.vocabulary import Grade


def subject_access(store: QuestionStore, member_ref: str, protocol: SharingProtocol, who: Asking) -> dict[str, Any]:
    """A draft of a subject-access answer about one person, for a human to check. Third parties are left out.

    Workers appear by function, families as the number of cases, other members not at all. A record that was found to be somebody
    else's, or is not confirmed to be this person's, is left out and only counted. The values themselves are with the source agencies
    and the Workbook: the service cannot open them.
    """
    known, families = store.links(None, member_ref), store.families_of(member_ref)
    consents = store.consents_of(DECLARING_AGENCY, member_ref)
    require_person(store, member_ref, bool(known or families or consents))
    wrong = store.wrong([item.link for item in known])
    links = [item for item in known if item.link not in wrong and item.grade is Grade.CERTAIN]
    by_agency: dict[str, list[ActiveLink]] = {}
    for item in links:
        by_agency.setdefault(item.agency, []).append(item)
    names = {party.id: party.name for party in protocol.parties}
    titles = {item.id: item.title for item in protocol.attributes}
    seen = store.answers_through([item.link for item in links])
    of = {item.link: item.agency for item in links}
    on_record(store, who, "subject-access", member_ref, len(seen))
    return {
        "draft": "For a person to check before it is sent: serious harm, third parties, and what others have to answer themselves.",
        "record_ref": member_ref,
        "cases": len(families),
        "encodings_held": "yes" if store.holds(DECLARING_AGENCY, member_ref) else "no",
        "agencies": [
            {
                "agency": names.get(agency, agency),
                "records": [{"grade": item.grade.value, "state": item.state} for item in items],
            }
            for agency, items in sorted(by_agency.items())
        ],
        "disclosures": [
            {
                "at": item.at.isoformat(),
                "by": names.get(of[link], of[link]),
                "to": item.role_function,
                "purpose": item.purpose,
                "what": [titles.get(name, name) for name in attributes_of(item, member_ref, of[link]) or []],
                "values": item.released,
            }
            for link, item in seen
        ],
        "consents": [
            {
                "scope": [titles.get(name, name) for name in item.scope],
                "purpose": item.purpose.value,
                "status": item.status.value,
                "given_at": item.given_at.isoformat(),
                "notice": item.notice_version,
            }
            for item in consents
        ],
        "corrections": [
            {"agency": names.get(of[link], of[link]), "reason": reason, "state": state, "at": at.isoformat()}
            for link, reason, state, at in store.challenges_of([item.link for item in links])
        ],
        "kept_for": {
            "links": f"until {protocol.retention.links_after_close_days} days after the case is closed",
            "who saw what": f"{protocol.retention.audit_years} years",
        },
        "take_out_before_sending": {
            "ask first": sorted(
                f"{names.get(agency, agency)}: {caution}"
                for agency, items in by_agency.items()
                for caution in store.cautions(agency, [item.record_ref for item in items])
            ),
            "left out, found to be another person's": len(wrong),
            "left out, not confirmed to be this person's": len(known) - len(wrong) - len(links),
        },
    }
