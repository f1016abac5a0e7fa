"""The constabulary: nominals, with aliases and former addresses as further rows, from two generations of system."""

from __future__ import annotations

from config.county.layout import Layout

POLICE = Layout(
    agency="police",
    source="Niche RMS nominal export",
    delimiter=";",
    encoding="windows-1252",
    line_end="\r\n",
    date_format="%d/%m/%Y",
    old_date_format="%Y-%m-%d",
    record="NOMINAL_NO",
    given="FORENAME",
    middle="MIDDLE_NAMES",
    family="SURNAME",
    born="DOB",
    sex="GENDER",
    sexes=("Male", "Female"),
    address=("ADDRESS_LINE",),
    postcode="POSTCODE",
    unmapped=("TOWN",),
    groups="OCC_REFS",
    kind="PERSON_TYPE",
    kinds={"ADULT": "ADULT", "CHILD": "JUVENILE"},
    flags={
        "suppressed": ("PROT_PERSON", "Y"),
        "silent": ("LIVE_INV", "Y"),
        "shielded": ("ADDR_WITHHELD", "Y"),
        "deceased": ("DECEASED", "Y"),
    },
    hold="HOLD_REASON",
    as_at="UPDATED",
    rows_for_aliases=True,
    attributes={
        "police.da_incidents_12m": {"count": "DA_12M"},
        "police.da_last_incident": {"date": "DA_LAST", "subject_role": "DA_ROLE"},
        "police.dash_risk": {"risk": "DASH", "date": "DASH_DATE"},
        "police.marac": {"status": "MARAC", "date": "MARAC_DATE"},
        "police.protective_order": {"order": "ORDER_TYPE", "expires": "ORDER_EXPIRY", "subject_role": "ORDER_ROLE"},
        "police.missing_episodes_12m": {"count": "MISPER_12M", "last": "MISPER_LAST"},
        "police.s46_protection_last": {"date": "PPO_DATE"},
        "police.relevant_conviction": {"class": "CONV_CLASS", "years": "CONV_YEARS"},
    },
    codes={
        "police.da_last_incident.subject_role": {
            "VIC": "VICTIM",
            "SUS": "SUSPECT",
            "INV": "INVOLVED",
            "CHP": "CHILD_PRESENT",
        },
        "police.dash_risk.risk": {"S": "STANDARD", "M": "MEDIUM", "H": "HIGH"},
        "police.marac.status": {"NO": "NONE", "REF": "REFERRED", "HRD": "HEARD", "RPT": "REPEAT"},
        "police.protective_order.order": {
            "DAPN": "DAPN",
            "DAPO": "DAPO",
            "NON-MOL": "NMO",
            "RESTRAINING": "RO",
            "BAIL": "BAIL_CONDITIONS",
        },
        "police.protective_order.subject_role": {"PROT": "PROTECTED", "RESP": "RESTRICTED"},
        "police.relevant_conviction.class": {
            "VIO": "VIOLENCE",
            "SEX": "SEXUAL",
            "CRU": "CHILD_CRUELTY",
            "DRU": "DRUG_SUPPLY",
        },
    },
)
