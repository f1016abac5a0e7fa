"""The probation service: a caseload report."""

from __future__ import annotations

from config.county.layout import CONTACT, Layout

PROBATION = Layout(
    agency="probation",
    source="nDelius caseload report",
    delimiter="|",
    encoding="utf-8",
    date_format="%d-%b-%Y",
    record="CRN",
    given="FORENAME_1",
    middle="FORENAME_2",
    family="SURNAME",
    born="DATE_OF_BIRTH",
    sex="GENDER",
    address=("MAIN_ADDRESS",),
    postcode="MAIN_POSTCODE",
    former_address=("PREVIOUS_ADDRESS",),
    former_postcode="PREVIOUS_POSTCODE",
    aliases=({"given_name": "ALIAS_FORENAME", "family_name": "ALIAS_SURNAME"},),
    flags={
        "silent": ("LIVE_ENQUIRY", "Yes"),
        "shielded": ("ADDRESS_RESTRICTED", "Yes"),
        "deceased": ("DECEASED", "Yes"),
    },
    hold="LAO_REASON",
    as_at="LAST_UPDATED",
    attributes={
        "probation.supervision": {"order": "ORDER_TYPE", "start": "ORDER_START", "end": "ORDER_END"},
        "probation.practitioner": dict(zip(CONTACT, ("PROB_PRACTITIONER", "OFFICE", "OFFICE_TEL"), strict=True)),
        "probation.rosh": {"level": "ROSH", "target": "ROSH_TO"},
        "probation.requirements": {"requirement": "REQUIREMENT", "compliance": "COMPLIANCE"},
        "probation.child_contact_condition": {"condition": "CHILD_COND", "code": "CHILD_COND_CODE"},
        "probation.mappa": {"category": "MAPPA_CAT", "level": "MAPPA_LVL"},
    },
    codes={
        "probation.supervision.order": {
            "Community Order": "CO",
            "Suspended Sentence Order": "SSO",
            "Licence": "LICENCE",
            "Post Sentence Supervision": "PSS",
        },
        "probation.rosh.level": {"Low": "LOW", "Medium": "MEDIUM", "High": "HIGH", "Very High": "VERY_HIGH"},
        "probation.rosh.target": {"RCHD": "CHILDREN", "RKNA": "KNOWN_ADULT", "RPUB": "PUBLIC"},
        "probation.requirements.requirement": {
            "Rehabilitation Activity": "RAR",
            "Building Better Relationships": "DA_PROGRAMME",
            "Alcohol Treatment": "ATR",
            "Drug Rehabilitation": "DRR",
            "Mental Health Treatment": "MHTR",
        },
        "probation.requirements.compliance": {"C": "COMPLYING", "W": "WARNED", "B": "BREACH"},
        "probation.child_contact_condition.code": {"NC": "NO_CONTACT", "SUP": "SUPERVISED", "NOT": "NOTIFY"},
        "probation.mappa.category": {"M1": "1", "M2": "2", "M3": "3"},
        "probation.mappa.level": {"L1": "1", "L2": "2", "L3": "3"},
    },
)
