"""The acute and maternity hospital: an extract of its patient index."""

from __future__ import annotations

from config.county.layout import Layout

HEALTH = Layout(
    agency="health",
    source="Acute and maternity patient record, master index extract",
    delimiter=";",
    encoding="utf-8",
    date_format="%Y%m%d",
    record="MRN",
    given="PAT_FORENAME",
    middle="PAT_MIDDLE",
    family="PAT_SURNAME",
    born="PAT_DOB",
    sex="PAT_SEX",
    sexes=("1", "2"),
    nhs="NHS_NO",
    address=("ADDR_LINE_1",),
    unmapped=("ADDR_LINE_2",),
    postcode="POST_CODE",
    groups="ADDR_KEY",
    aliases=({"family_name": "PREV_SURNAME"},),
    flags={"shielded": ("SENSITIVE", "S"), "deceased": ("DEATH_IND", "D")},
    hold="WITHHOLD",
    attributes={
        "health.ed_attendances_12m": {"count": "ED_N", "last": "ED_LAST"},
        "health.ed_child": {
            "last": "EDC_LAST",
            "count": "EDC_N",
            "injury": "EDC_INJ",
            "safeguarding_flag": "EDC_SG",
        },
        "health.maternity": {
            "booked": "MAT_BOOKED",
            "gestation_weeks": "MAT_GEST",
            "edd": "MAT_EDD",
            "missed_antenatal": "MAT_MISSED",
        },
        "health.was_not_brought_12m": {"count": "WNB_N"},
        "health.gp_practice": {"ods": "GP_ODS", "name": "GP_NAME"},
    },
)
