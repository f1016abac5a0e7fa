"""The mental health trust: open and recent referrals."""

from __future__ import annotations

from config.county.layout import CONTACT, Layout

MENTAL_HEALTH = Layout(
    agency="mental_health",
    source="RiO open and recent referrals",
    delimiter=",",
    encoding="utf-8",
    quote_all=True,
    date_format="%d %b %Y",
    record="RiO_ID",
    given="Forename",
    middle="Middle_Name",
    family="Surname",
    born="Date_Of_Birth",
    sex="Gender",
    sexes=("Male", "Female"),
    nhs="NHS_Number",
    address=("Address_1", "Address_2"),
    unmapped=("Address_3",),
    postcode="Post_Code",
    groups="Household_ID",
    aliases=({"family_name": "Birth_Surname"}, {"given_name": "Preferred_Name"}),
    flags={
        "suppressed": ("Legally_Restricted", "Yes"),
        "shielded": ("S_Flag", "Yes"),
        "deceased": ("Deceased", "Yes"),
    },
    hold="Withhold_Reason",
    as_at="Record_Date",
    attributes={
        "mh.open_referral": {"team": "Referral_Team", "date": "Referral_Date"},
        "mh.care_plan": {
            "current": "Care_Plan_Current",
            "last_review": "Care_Plan_Review",
            **dict(zip(CONTACT, ("Care_Coordinator", "Coordinator_Team", "Coordinator_Tel"), strict=True)),
        },
        "mh.crisis_contacts_6m": {"count": "Crisis_6M", "last": "Crisis_Last", "type": "Crisis_Type"},
        "mh.mha_status": {"status": "MHA_Status"},
        "mh.dna_6m": {"count": "DNA_6M"},
        "mh.perinatal_team": {"open": "Perinatal_Open"},
    },
    codes={
        "mh.open_referral.team": {
            "Community Mental Health Team": "CMHT",
            "Crisis Resolution and Home Treatment": "CRHT",
            "Community Perinatal": "PERINATAL",
            "Early Intervention in Psychosis": "EIP",
            "Mental Health Liaison": "LIAISON",
            "Psychological Therapies": "PSYCHOLOGY",
        },
        "mh.crisis_contacts_6m.type": {"CRHTT": "CRHT", "MHLT": "LIAISON", "S136": "S136"},
        "mh.mha_status.status": {
            "Informal": "INFORMAL",
            "Section 2": "S2",
            "Section 3": "S3",
            "CTO": "CTO",
            "Not detained": "NONE",
        },
    },
)
