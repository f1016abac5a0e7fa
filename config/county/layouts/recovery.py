"""The recovery service: a client list."""

from __future__ import annotations

from config.county.layout import CONTACT, Layout

RECOVERY = Layout(
    agency="recovery",
    source="Halo client list",
    delimiter="\t",
    encoding="utf-8",
    date_format="%d.%m.%Y",
    record="ClientRef",
    given="FirstName",
    middle="MiddleName",
    family="LastName",
    born="BirthDate",
    sex="SexCode",
    sexes=("1", "2"),
    address=("FlatOrHouse", "Street"),
    postcode="PCode",
    unmapped=("Town",),
    groups="LinkedHousehold",
    aliases=({"given_name": "AkaFirst", "family_name": "AkaLast"},),
    flags={"suppressed": ("Restricted", "1"), "shielded": ("SafeAddress", "1"), "deceased": ("Died", "1")},
    hold="HoldCode",
    as_at="LastReview",
    attributes={
        "recovery.episode": {"status": "EpisodeStatus", "date": "EpisodeDate"},
        "recovery.key_worker": dict(zip(CONTACT, ("Keyworker", "Hub", "HubTel"), strict=True)),
        "recovery.substance_group": {"group": "DrugGroup"},
        "recovery.attendance_90d": {"offered": "Appts90", "attended": "Attended90"},
        "recovery.ost_at_home": {"ost": "OST", "take_home": "TakeHome", "locked_box": "LockedBox"},
        "recovery.last_screen": {"date": "ScreenDate", "result": "ScreenResult", "group": "ScreenGroup"},
        "recovery.parental_status": {"status": "ParentalStatus"},
    },
    codes={
        "recovery.episode.status": {
            "REF": "REFERRED",
            "INTX": "IN_TREATMENT",
            "COMP": "COMPLETED",
            "UNPL": "UNPLANNED_EXIT",
            "TRAN": "TRANSFERRED",
        },
        "recovery.substance_group.group": {"A": "ALCOHOL", "O": "OPIATE", "N": "NON_OPIATE", "M": "MIXED"},
        "recovery.last_screen.group": {"A": "ALCOHOL", "O": "OPIATE", "N": "NON_OPIATE", "M": "MIXED"},
        "recovery.last_screen.result": {"NEG": "NEGATIVE", "POS": "POSITIVE", "DEC": "DECLINED"},
        "recovery.parental_status.status": {
            "All": "ALL_CHILDREN_LIVE_WITH_CLIENT",
            "Some": "SOME_CHILDREN_LIVE_WITH_CLIENT",
            "None": "NONE_LIVE_WITH_CLIENT",
            "NotParent": "NOT_A_PARENT",
            "Declined": "DECLINED",
        },
    },
)
