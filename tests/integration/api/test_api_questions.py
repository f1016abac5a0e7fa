"""What a data protection officer asks is answered in one step, by command and by HTTP, and each question is on record."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from api.cli_audit import audit_app
from kinlink.protocol_cli import app as protocol_app
from protocols.consent_export import consent_record
from protocols.errors import InputError
from protocols.family import ConsentRecord
from protocols.vocabulary import Capacity, ConsentStatus, Purpose

RUN = CliRunner()
FAMILY, MOTHER, RECORD = "WB-20003", "SOCREF003M", "POLREF0030"


def get(site, path, **params):
    answer = site.officer().get(f"/v1/audit/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def link_of(site, record):
    with site.service.store.engine.connect() as connection:
        return connection.execute(text("SELECT link FROM links WHERE record_ref = :r"), {"r": record}).scalar_one()


def test_who_saw_a_family(asked, tools):
    found = get(asked, f"families/{FAMILY}")
    assert [(item["worker"], item["role_function"]) for item in found["answers"]] == [("w-1", "social-worker")]
    assert found["answers"][0]["released"] > 0
    assert [(item["reason"], item["worker"]) for item in found["refusals"]] == [("not-allocated", "w-2")]
    question = tools.events(asked, "audit:question:answered")[-1]
    assert (question.actor, question.facts["question"], question.facts["rows"]) == ("social_care", "who-saw-family", 2)
    with asked.service.store.reading() as tx:
        assert tx.audit.entries_about("person", "dpo-council")[-1] == question.index
    assert get(asked, "families/WB-20004")["answers"] == []


@pytest.mark.parametrize(
    "path",
    [
        f"families/{FAMILY}",
        f"people/{MOTHER}",
        f"people/{MOTHER}/consents",
        f"records/police/{RECORD}",
        "agencies/police",
    ],
)
def test_no_machine_asks_who_is_known_where(asked, path):
    """The key that declares families and submits records would turn each of these questions into an oracle."""
    for party in ("social_care", "police", "workbook", "operator"):
        answer = asked.call(party, "GET", f"/v1/audit/{path}")
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:kinlink:problem:sign-in"), party


def test_who_saw_a_family_under_any_of_its_references(asked, tools):
    """The eldest child changes, and with it the reference: who asked before is still who saw this family."""
    now = asked.call("social_care", "GET", f"/v1/families/{FAMILY}")
    renamed = asked.county.declared[3].model_copy(update={"aliases": ("WB-OLD3",)})
    put = asked.call(
        "social_care",
        "PUT",
        f"/v1/families/{FAMILY}",
        content=renamed.model_dump_json(),
        headers={"Content-Type": "application/json", "If-Match": now.headers["etag"]},
    )
    assert put.status_code == 200, put.text
    assert asked.ask("WB-OLD3").status_code == 200
    asked.ask("WB-OLD3", worker="w-7")
    for ref in (FAMILY, "WB-OLD3"):
        found = get(asked, f"families/{ref}")
        assert [item["worker"] for item in found["answers"]] == ["w-1", "w-1"]
        assert [item["worker"] for item in found["refusals"]] == ["w-2", "w-7"]


def test_what_was_released_about_a_record_as_of_a_date(asked):
    found = get(asked, f"records/police/{RECORD}")
    released = found["releases"][0]
    told = {
        value.attribute
        for member in asked.profile.members
        if member.record_ref == MOTHER
        for agency in member.agencies
        if agency.agency == "police"
        for value in agency.values
    }
    assert set(released["attributes"]) == told
    before = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert get(asked, f"records/police/{RECORD}", as_of=before)["releases"] == []


def test_a_breach_pack_names_everyone_who_saw_it_and_the_deadline(asked):
    asked.ask("WB-20004")
    aware = "2026-11-20T09:00:00+00:00"
    link = link_of(asked, RECORD)
    found = get(asked, f"links/{link}/breach", aware_at=aware)
    assert found["workers"] == ["w-1"]
    assert len(found["seen_by"]) == 1
    assert found["seen_by"][0]["profile"] == asked.profile.members[0].agencies[0].decision_id.split(".")[0]
    assert found["notify_by"] == "2026-11-23T09:00:00+00:00"


def test_a_subject_access_draft_leaves_third_parties_out(asked):
    found = get(asked, f"people/{MOTHER}")
    assert found["cases"] == 1
    assert {item["agency"] for item in found["agencies"]} >= {"Hertfordshire Constabulary"}
    assert found["disclosures"]
    shown = json.dumps(found)
    for third in ("SOCREF003F", "SOCREF003C", "w-1", FAMILY, "POLREF0031"):
        assert third not in shown


def test_a_subject_access_draft_leaves_out_what_is_somebody_elses(asked, tools):
    """A link that was wrong ended at another person's record: who saw it is a matter of the breach, not of this person."""
    assert "Hertfordshire Constabulary" in str(get(asked, f"people/{MOTHER}")["agencies"])
    never = {"member_ref": MOTHER, "agency": "police", "record_ref": RECORD, "decision": "never"}
    assert asked.call("social_care", "POST", "/v1/markers", json=never).status_code == 201
    found = get(asked, f"people/{MOTHER}")
    assert found["take_out_before_sending"]["left out, found to be another person's"] == 1
    assert "Hertfordshire Constabulary" not in str(found["agencies"]) + str(found["disclosures"])


def test_a_subject_access_draft_says_whom_to_ask_first(asked, tools):
    def changed(person):
        return tools.Person(**(vars(person) | {"flags": {"silent": True}})) if person.ref == RECORD else person

    asked.submit("police", asked.submission("police", [changed(person) for person in asked.county.police]))
    found = get(asked, f"people/{MOTHER}")["take_out_before_sending"]
    assert found["ask first"] == ["Hertfordshire Constabulary: keeps silent about a record"]


def test_consents_are_given_out_in_the_form_that_other_systems_read(asked, tools, tmp_path):
    now = datetime.now(UTC)
    given = {"given_by_ref": MOTHER, "capacity": Capacity.ADULT, "purpose": Purpose.SAFEGUARDING}
    given |= {"scope": ("recovery.episode",), "notice_version": "v3", "method": "in-person"}
    consent = ConsentRecord(
        subject_ref=MOTHER, **given, status=ConsentStatus.GIVEN, given_at=now, expires_at=now + timedelta(days=90)
    )
    county = asked.county
    for _ in range(2):
        path = asked.submission("social_care", county.social_care, county.declared, [consent])
        assert asked.submit("social_care", path).status_code == 201
    (receipt,) = get(asked, f"people/{MOTHER}/consents")
    assert receipt == consent_record(consent, asked.protocol.document)
    assert receipt["schema_version"] == "ISO/IEC TS 27560:2023"
    assert get(asked, "people/SOCREF004M/consents") == []
    out = tmp_path / "receipts.json"
    words = ["consent-receipts", MOTHER, "--data", str(asked.settings.data_dir), "--out", str(out)]
    assert RUN.invoke(audit_app, words).exit_code == 0
    assert json.loads(out.read_text()) == {"receipts": [receipt]}
    questions = [event.facts["question"] for event in tools.events(asked, "audit:question:answered")]
    assert questions == ["consent-receipts"] * 3
    outsider = asked.sign_in("other", ["police:data-protection-officer"])
    assert outsider.get(f"/v1/audit/people/{MOTHER}/consents").status_code == 403


def test_a_record_of_processing_comes_from_the_agreement(asked):
    found = get(asked, "agencies/police")
    assert found["controller"] == "Hertfordshire Constabulary"
    assert found["held"]["links certain"] > 0
    assert "everybody in this agency's extract" in found["data_subjects"][0], "most of them are in no case at all"
    assert "Hertfordshire Recovery Service" in found["with"]
    assert all(item["statute"] and item["art6"] for item in found["bases"])
    assert asked.officer().get("/v1/audit/agencies/fire").status_code == 404


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("families/WB-29993", ["who-saw", "WB-29993"]),
        ("people/SOCREF999M", ["subject-access", "SOCREF999M"]),
        ("people/SOCREF999M/consents", ["consent-receipts", "SOCREF999M"]),
        ("records/police/POLREF9999", ["released", "police", "POLREF9999"]),
        ("records/fire/POLREF0030", ["released", "fire", RECORD]),
    ],
)
def test_a_mistyped_reference_is_not_answered_with_nothing(asked, tools, path, words):
    """That nobody saw a family, or that nothing is held about a person, is an answer: it must not be a slip of the pen."""
    answer = asked.officer().get(f"/v1/audit/{path}")
    assert answer.status_code == 404, answer.text
    assert words[-1] not in answer.json()["detail"]
    by_command = RUN.invoke(audit_app, [*words, "--data", str(asked.settings.data_dir)])
    assert isinstance(by_command.exception, InputError)
    assert "mistyped" in by_command.exception.next_step
    assert not tools.events(asked, "audit:question:answered")


def test_a_family_that_is_none_and_was_asked_about_is_answered(asked):
    """Somebody tried references out: that is what the officer wants to see."""
    asked.ask("WB-29993")
    assert [item["reason"] for item in get(asked, "families/WB-29993")["refusals"]] == ["unknown-family"]


def test_while_everything_is_stopped_the_officer_still_answers_people(asked):
    """A sharing protocol is suspended because something went wrong: that is when people ask what was told about them."""
    with asked.service.store.engine.begin() as connection:
        connection.execute(text("UPDATE protocols SET state = 'suspended'"))
    assert asked.ask(FAMILY).status_code == 503
    assert get(asked, f"people/{MOTHER}")["encodings_held"] == "yes"
    assert get(asked, "agencies/police")["controller"]


def test_a_decision_is_explained_with_its_rule_or_its_reasons(asked):
    told = asked.profile.members[0].agencies
    granted = next(value for agency in told for value in agency.values)
    found = get(asked, f"decisions/{granted.decision_id}")
    line = next(item for item in found["decisions"] if item[1] == granted.attribute)
    assert line[2:4] == ["granted", granted.rule]
    silent = next(agency for agency in told if not agency.values)
    refused = get(asked, f"decisions/{silent.decision_id}")
    assert all(item[2] == "refused" and item[3] for item in refused["decisions"])
    assert asked.officer().get("/v1/audit/decisions/prf-" + "0" * 20 + ".00.00.000").status_code == 404


@pytest.mark.parametrize(
    "words",
    [
        ("who-saw", FAMILY),
        ("released", "police", RECORD),
        ("subject-access", MOTHER),
        ("article-30", "police"),
        ("fsck",),
    ],
    ids=lambda words: words[0],
)
def test_the_same_by_command(asked, words, tmp_path):
    data = str(asked.settings.data_dir)
    answer = RUN.invoke(audit_app, [*words, "--data", data])
    assert answer.exit_code == 0, answer.exception
    assert answer.output.strip()
    if words[0] != "fsck":
        out = tmp_path / "answer.json"
        written = RUN.invoke(audit_app, [*words, "--data", data, "--json", "--out", str(out)])
        assert written.exit_code == 0, written.exception
        assert json.loads(out.read_text())
        assert out.stat().st_mode & 0o077 == 0


def test_breach_and_explain_by_command(asked):
    data = str(asked.settings.data_dir)
    assert "w-1" in RUN.invoke(audit_app, ["breach", link_of(asked, RECORD), "--data", data]).output
    decision = asked.profile.members[0].agencies[0].decision_id
    assert decision in RUN.invoke(audit_app, ["explain", decision, "--data", data]).output
    assert "no link" in str(RUN.invoke(audit_app, ["breach", "lnk-0", "--data", data]).exception)
    assert "no such decision" in str(RUN.invoke(audit_app, ["explain", "x", "--data", data]).exception)


def test_why_by_command_and_by_route_say_the_same(asked):
    granted = next(value for agency in asked.profile.members[0].agencies for value in agency.values)
    found = get(asked, f"decisions/{granted.decision_id}")
    (said,) = found["why"]
    assert f"Granted by `{granted.rule}`." in said
    assert found["inputs"][0]["attribute"] == granted.attribute
    result = RUN.invoke(protocol_app, ["why", granted.decision_id, "--data", str(asked.settings.data_dir)])
    assert result.exit_code == 0, result.output
    assert said.strip() in result.output
