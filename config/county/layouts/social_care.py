"""Children's social care: a case system's person export, with column names of the standard safeguarding dataset."""

from __future__ import annotations

from config.county.layout import Layout

SOCIAL_CARE = Layout(
    agency="social_care",
    source="Liquidlogic LCS, person export with standard safeguarding column names",
    delimiter=",",
    encoding="utf-8-sig",
    line_end="\r\n",
    date_format="%Y-%m-%d",
    record="pers_person_id",
    given="pers_forename",
    middle="pers_middle_names",
    family="pers_surname",
    born="pers_dob",
    sex="pers_sex",
    nhs="pers_common_child_id",
    address=("addr_address_line",),
    postcode="addr_address_postcode",
    unmapped=("addr_address_town",),
    former_address=("addr_previous_line",),
    former_postcode="addr_previous_postcode",
    groups="workbook_refs",
    aliases=(
        {"family_name": "pers_former_surname"},
        {"given_name": "pers_known_as"},
    ),
    kind="pers_subject",
    kinds={"ADULT": "A", "CHILD": "C", "UNBORN": "U"},
    flags={"shielded": ("pers_confidential_address", "Y"), "deceased": ("pers_deceased", "Y")},
    hold="release_hold",
    attributes={
        "csc.case_stage": {"stage": "case_stage", "since": "case_stage_date"},
        "csc.allocated_worker": {
            "contact.name": "invo_professional_name",
            "contact.team": "invo_professional_team",
            "contact.phone": "invo_professional_phone",
            "role": "invo_professional_role",
        },
        "csc.cin_plan": {"start": "cinp_cin_plan_start_date", "end": "cinp_cin_plan_end_date"},
        "csc.cp_plan": {"start": "cppl_cp_plan_start_date", "category": "cppl_cp_plan_latest_category"},
        "csc.assessment_factors": {"factors": "cina_assessment_factors"},
        "csc.unborn": {"edd": "pers_expected_dob", "pre_birth_plan": "pre_birth_plan"},
        "csc.pre_proceedings": {"decided": "prep_pre_pro_decision_date", "outcome": "prep_outcome"},
        "csc.previous_child_removed": {"removed": "child_removed", "years": "child_removed_years"},
        "csc.safety_flag": {"flag": "safety_flag"},
    },
    codes={
        "csc.case_stage.stage": {
            "Family Help": "FAMILY_HELP",
            "CIN": "CIN",
            "S47": "S47",
            "CP": "CP",
            "PLO": "PLO",
            "Care proceedings": "CARE",
            "Closed": "CLOSED",
        },
        "csc.allocated_worker.role": {"SW": "SOCIAL_WORKER", "FHLP": "FAMILY_HELP_LEAD", "LCPP": "LCPP"},
        "csc.cp_plan.category": {
            "NEG": "NEGLECT",
            "PHY": "PHYSICAL",
            "SAB": "SEXUAL",
            "EMO": "EMOTIONAL",
            "MUL": "MULTIPLE",
        },
        "csc.pre_proceedings.outcome": {"Open": "OPEN", "Ended": "ENDED", "Issued": "PROCEEDINGS"},
        "csc.safety_flag.flag": {"WS": "WORKER_SAFETY", "DNVA": "DO_NOT_VISIT_ALONE"},
    },
)
