"""The five stories: every person, date, reference and value that they promise is in the committed county."""

from __future__ import annotations

from datetime import date

import pytest

SCOPE = {"recovery.episode", "recovery.attendance_90d", "mh.open_referral", "mh.care_plan"}


class Story:
    """Finds people of one family by name, at any agency."""

    def __init__(self, folder, ref: str) -> None:
        self.folder, self.ref = folder, ref
        self.care = folder.extracts["social_care"]
        self.members = {
            (row["pers_forename"], row["pers_surname"]): (row, member)
            for member in folder.family(ref)
            for row in self.care.rows
            if row["pers_person_id"] == member["member_ref"]
        }

    def person(self, given: str, family: str) -> str:
        row, _ = self.members[given, family]
        return self.folder.person_of("social_care", row["pers_person_id"])

    def held(self, agency: str, given: str, family: str) -> list[dict[str, str]]:
        return self.folder.held_of(agency, self.person(given, family))

    def value(self, attribute: str, agency: str, given: str, family: str) -> dict[str, str]:
        extract = self.folder.extracts[agency]
        return extract.value(self.held(agency, given, family)[0], attribute)

    def born(self, given: str, family: str) -> date:
        return self.care.day(self.members[given, family][0]["pers_dob"])

    def stage(self, given: str, family: str) -> str:
        return self.members[given, family][1]["stage"]

    def workers(self, function: str) -> dict[str, str]:
        rows = self.folder.table("social_care/allocations.csv")
        mine = [row for row in rows if row["family_ref"] == self.ref and row["role_function"] == function]
        return {row["worker"]: row["for_ref"] for row in mine}


@pytest.fixture
def story(folder):
    return lambda ref: Story(folder, ref)


@pytest.mark.parametrize("ref", ["WB-20417", "WB-20533", "WB-20588", "WB-19922", "WB-20650", "WB-20701"])
def test_every_story_has_its_workers_by_easy_names(story, ref) -> None:
    told = story(ref)
    digits = ref.removeprefix("WB-")
    assert set(told.workers("social-worker")) == {f"w-{digits}-sw"}
    assert set(told.workers("team-manager")) == {f"w-{digits}-tm"}
    assert set(told.workers("emergency-duty")) == {"w-edt"}


def test_unborn_alias_and_birth(story, folder) -> None:
    told = story("WB-20417")
    maya = ("Maya", "Okafor")
    row, member = told.members[maya]
    assert (member["role"], told.born(*maya)) == ("MOTHER", date(1998, 2, 14))
    assert (row["pers_common_child_id"], row["pers_former_surname"]) == ("9990102481", "Whitlock")
    assert told.born("Tia", "Whitlock") == date(2021, 9, 3)
    assert told.stage("Tia", "Whitlock") == "CP"
    unborn = next(member for member in folder.family("WB-20417") if member["kind"] == "UNBORN")
    assert (unborn["stage"], unborn["expected_date"], unborn["mother_ref"]) == (
        "PLO",
        "2027-01-20",
        member["member_ref"],
    )

    client = told.held("recovery", *maya)[0]
    assert (client["FirstName"], client["LastName"]) == ("Maya", "Whitlock")
    assert told.value("recovery.episode", "recovery", *maya)["status"] == "IN_TREATMENT"
    assert told.value("recovery.ost_at_home", "recovery", *maya) == {"ost": "Y", "take_home": "Y", "locked_box": "N"}
    maternity = told.value("health.maternity", "health", *maya)
    assert (maternity["gestation_weeks"], maternity["missed_antenatal"]) == ("24", "3")
    nominal = told.held("police", *maya)
    assert ("Mia", "Okafor") in {(row["FORENAME"], row["SURNAME"]) for row in nominal}
    assert len({row["NOMINAL_NO"] for row in nominal}) == 1
    assert told.value("police.da_incidents_12m", "police", *maya) == {"count": "4"}
    assert told.value("police.da_last_incident", "police", *maya)["subject_role"] == "CHILD_PRESENT"


def test_the_partner_whose_day_of_birth_is_a_convention(story, folder) -> None:
    told = story("WB-20417")
    assert told.born("Liam", "Price") == date(1995, 6, 15)
    client = told.held("recovery", "Liam", "Price")[0]
    recorded = folder.extracts["recovery"].day(client["BirthDate"])
    assert (recorded.year, recorded.month) == (1995, 6)
    assert recorded.day != 15
    assert folder.agencies_of(told.person("Liam", "Price")) == {"social_care", "recovery"}


def test_consent_then_duty(story, folder) -> None:
    told = story("WB-20533")
    assert told.born("Darren", "Cole") == date(1984, 11, 22)
    assert told.stage("Josh", "Cole") == "CIN"
    assert (date(2026, 11, 16) - told.born("Josh", "Cole")).days // 365 == 7
    answers = {row["member_ref"]: row for row in folder.table("social_care/consents.csv")}
    darren = answers[told.members["Darren", "Cole"][1]["member_ref"]]
    amy = answers[told.members["Amy", "Fletcher"][1]["member_ref"]]
    assert (darren["status"], darren["notice_version"], set(darren["scope"].split("|"))) == ("GIVEN", "v3", SCOPE)
    assert (amy["status"], set(amy["scope"].split("|"))) == ("REFUSED", SCOPE)
    for attribute in ("recovery.episode", "recovery.key_worker", "recovery.attendance_90d"):
        assert told.value(attribute, "recovery", "Darren", "Cole")
    for attribute in ("mh.open_referral", "mh.care_plan", "mh.crisis_contacts_6m"):
        assert told.value(attribute, "mental_health", "Darren", "Cole")
    assert told.value("recovery.episode", "recovery", "Amy", "Fletcher")
    assert told.value("mh.open_referral", "mental_health", "Amy", "Fletcher")
    assert told.value("mh.crisis_contacts_6m", "mental_health", "Amy", "Fletcher")


def test_a_hidden_mother_and_a_man_in_two_families(story, folder) -> None:
    hidden, second = story("WB-20588"), story("WB-19922")
    samira = ("Samira", "Haddad")
    row, _ = hidden.members[samira]
    assert hidden.born(*samira) == date(1991, 1, 1)
    assert (row["addr_address_line"], row["pers_confidential_address"]) == ("Willow House 12 Chapel Row", "Y")
    for agency in ("police", "health"):
        assert all(folder.extracts[agency].flagged(held, "shielded") for held in hidden.held(agency, *samira))
    assert hidden.value("health.gp_practice", "health", *samira)
    assert hidden.value("police.dash_risk", "police", *samira)["risk"] == "HIGH"
    assert hidden.value("police.marac", "police", *samira)["status"] == "HEARD"
    assert hidden.value("police.protective_order", "police", *samira)["subject_role"] == "PROTECTED"

    karim = ("Karim", "Haddad")
    assert hidden.members[karim][1]["member_ref"] == second.members[karim][1]["member_ref"]
    assert hidden.value("probation.supervision", "probation", *karim)["order"] == "LICENCE"
    assert hidden.value("probation.rosh", "probation", *karim) == {"level": "HIGH", "target": "KNOWN_ADULT"}
    assert hidden.value("probation.child_contact_condition", "probation", *karim)["condition"] == "Y"
    assert hidden.value("probation.requirements", "probation", *karim)
    assert second.stage("Ellie", "Mercer") == "CIN"
    contacts = {row["contact"] for row in folder.table("social_care/relationships.csv") if _is_of(row, hidden, karim)}
    assert contacts == {"PROHIBITED"}

    assert hidden.workers("da-victim-practitioner") == {"w-20588-dav": hidden.members[samira][1]["member_ref"]}
    officer = {"w-20588-dap": hidden.members[karim][1]["member_ref"]}
    assert hidden.workers("da-perpetrator-officer") == second.workers("da-perpetrator-officer") == officer


def test_unrelated_people_share_the_refuge(folder) -> None:
    held = [row for row in folder.extracts["health"].rows if row["POST_CODE"] == "SG99 4WH"]
    refs = {patient["MRN"] for patient in held}
    families = {row["family_ref"] for row in folder.truth if row["record"] in refs} - {""}
    assert len(families) >= 3
    rivals = [row for row in held if (row["PAT_FORENAME"], row["PAT_SURNAME"]) == ("Samar", "Hamdan")]
    assert [row["PAT_DOB"] for row in rivals] == ["19910101"]


def test_father_and_son_of_one_name_and_twins(story, folder) -> None:
    told = story("WB-20650")
    father = ("Mohammed", "Ali")
    assert (told.members[father][0]["pers_middle_names"], told.born(*father)) == ("Yusuf", date(1979, 8, 7))
    clients = [row for row in folder.extracts["recovery"].named("Muhammad", "Ali") if row["PCode"] == "SG99 8AS"]
    assert [(row["MiddleName"], row["BirthDate"], row["AkaFirst"], row["AkaLast"]) for row in clients] == [
        ("Yusuf", "07.08.2001", "Muhammad", "Ali Jr")
    ]
    son = folder.person_of("recovery", clients[0]["ClientRef"])
    assert son != told.person(*father)
    assert folder.extracts["recovery"].value(clients[0], "recovery.substance_group")
    assert told.born("Ava", "Reid") == told.born("Eva", "Reid") == date(2018, 5, 11)
    assert told.person("Ava", "Reid") != told.person("Eva", "Reid")


def test_protected_silent_and_asked_about_at_night(story, folder) -> None:
    told = story("WB-20701")
    nicola = ("Nicola", "Hart")
    police = folder.extracts["police"]
    flags = {
        flag: {row["NOMINAL_NO"] for row in told.held("police", *nicola) if police.flagged(row, flag)}
        for flag in ("silent", "suppressed")
    }
    assert len(flags["silent"]) == len(flags["suppressed"]) == 1
    assert flags["silent"] != flags["suppressed"]
    assert told.value("mh.crisis_contacts_6m", "mental_health", *nicola)["count"] == "2"
    assert told.value("mh.mha_status", "mental_health", *nicola)["status"] == "INFORMAL"
    assert "police" not in folder.agencies_of(told.person("Margaret", "Hart"))


def _is_of(row: dict[str, str], told: Story, name: tuple[str, str]) -> bool:
    return row["family_ref"] == told.ref and row["adult_ref"] == told.members[name][1]["member_ref"]
