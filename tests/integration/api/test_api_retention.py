"""What is not needed is deleted on schedule, each deletion is on record, each day has its signed certificate; nobody is forgotten."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from api.cli_audit import audit_app
from api.jobs import enqueue
from api.retention import ABANDONED
from api.watch import tick
from protocols.audit.events.keeping import CertificateSigned
from protocols.consent import ConsentState, consent_state
from protocols.family import ConsentRecord
from protocols.identity import make_client_assertion
from protocols.profile import Profile
from protocols.signing import VerifyingKey, open_card
from protocols.vocabulary import Capacity, ConsentStatus, Kind, Purpose, State

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
FAMILY = "WB-20003"


def scalar(site, query, **given):
    with site.service.store.engine.connect() as connection:
        return connection.execute(text(query), given).scalar_one()


def days_later(site, monkeypatch, days):
    later = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(site.service.store, "clock", lambda: later)
    site.tokens.clear()
    for party in list(site.parties):
        credential = make_client_assertion(party, site.settings.audience, site.parties[party].signing, now=later)
        answer = site.ask_token(party, assertion=credential)
        site.tokens[party] = answer.json()["access_token"]
    return later


def retention(site, tools):
    with site.service.store.writing() as tx:
        enqueue(tx.jobs, "retention", "test", site.service.now(), f"retention:{site.service.now().isoformat()}")
    tools.work(site)


@BOTH
def test_encodings_and_unlinked_records_go_after_the_agreed_days_and_links_stay(linked, tools, monkeypatch):
    days = linked.protocol.document.retention.unlinked_days
    retention(linked, tools)
    assert len(list(linked.settings.folder.submissions.iterdir())) == 2
    days_later(linked, monkeypatch, days + 1)
    links = scalar(linked, "SELECT count(*) FROM links WHERE state = 'active'")
    retention(linked, tools)
    assert not list(linked.settings.folder.submissions.iterdir())
    assert scalar(linked, "SELECT count(*) FROM records WHERE record_ref LIKE 'POLX%'") == 0
    assert scalar(linked, "SELECT count(*) FROM links WHERE state = 'active'") == links
    purges = [event.facts["deleted"] for event in tools.events(linked, "retention:purge:completed")]
    assert {"encoded-files": 1, "unlinked-records": 80} in purges
    run = linked.call("operator", "POST", "/v1/runs").json()["run_id"]
    tools.work(linked)
    found = linked.call("operator", "GET", f"/v1/runs/{run}").json()
    assert found["state"] == "failed"
    assert "no submission with encodings" in found["problem"]
    assert scalar(linked, "SELECT count(*) FROM links WHERE state = 'active'") == links
    tools.verified(linked)


@BOTH
def test_links_end_with_the_case_and_nothing_is_recalled(linked, tools, monkeypatch):
    assert linked.ask(FAMILY).status_code == 200
    etag = linked.call("social_care", "GET", f"/v1/families/{FAMILY}").headers["etag"]
    closed = linked.county.declared[3].model_copy(update={"closed": tools.today})
    put = linked.call(
        "social_care",
        "PUT",
        f"/v1/families/{FAMILY}",
        content=closed.model_dump_json(),
        headers={"Content-Type": "application/json", "If-Match": etag},
    )
    assert put.status_code == 200, put.text
    days_later(linked, monkeypatch, linked.protocol.document.retention.links_after_close_days + 2)
    retention(linked, tools)
    assert scalar(linked, "SELECT count(*) FROM links WHERE family_ref = :f AND state = 'active'", f=FAMILY) == 0
    assert scalar(linked, "SELECT count(*) FROM cells WHERE record_ref = 'POLREF0030'") == 0
    assert scalar(linked, "SELECT count(*) FROM links WHERE family_ref = 'WB-20004' AND state = 'active'") == 6
    assert len(tools.events(linked, "family:case:closed")) == 1
    assert linked.call("workbook", "GET", "/v1/recalls").json() == []


def test_what_is_due_is_deleted_while_everything_is_stopped(linked, tools, monkeypatch):
    """Nothing is released under a suspended sharing protocol; what was agreed on deleting goes on."""
    with linked.service.store.engine.begin() as connection:
        connection.execute(text("UPDATE protocols SET state = 'suspended'"))
    days_later(linked, monkeypatch, linked.protocol.document.retention.unlinked_days + 1)
    retention(linked, tools)
    purges = [event.facts["deleted"] for event in tools.events(linked, "retention:purge:completed")]
    assert any("encoded-files" in item for item in purges), purges


def consent(ref, status=ConsentStatus.GIVEN, days=10):
    now = datetime.now(UTC)
    return ConsentRecord(
        subject_ref=ref,
        given_by_ref=ref,
        capacity=Capacity.ADULT,
        scope=("recovery.episode",),
        purpose=Purpose.SAFEGUARDING,
        notice_version="v3",
        method="in-person",
        status=status,
        given_at=now - timedelta(days=1),
        expires_at=now + timedelta(days=days),
    )


def test_consents_that_ran_out_go_and_refusals_stay(site, tools, county, monkeypatch):
    consents = [
        consent("SOCREF000M", days=1),
        consent("SOCREF001M", days=400),
        consent("SOCREF002M", ConsentStatus.REFUSED, days=1),
    ]
    path = site.submission("social_care", county.social_care, county.declared, consents)
    assert site.submit("social_care", path).status_code == 201
    days_later(site, monkeypatch, 2)
    retention(site, tools)
    with site.service.store.engine.connect() as connection:
        left = connection.execute(text("SELECT subject_ref FROM consents ORDER BY subject_ref")).scalars().all()
    assert left == ["SOCREF001M", "SOCREF002M"]


def words(site):
    """What the consents that are kept about one child come to, as a question about her family would see them."""
    with site.service.store.reading() as tx:
        family = tx.families.family(FAMILY)
        picture = tx.profiles.picture(family, [party.id for party in site.protocol.document.parties])
    about = [item for item in picture.consents if item.subject_ref == "SOCREF003C"]
    about += [one for item in picture.linked if item.member_ref == "SOCREF003C" for one in item.record.consents]
    about = list({item.model_dump_json(): item for item in about}.values())
    signed_for = [Purpose.FAMILY_SUPPORT, Purpose.SAFEGUARDING]
    state = consent_state(about, Kind.CHILD, "recovery.episode", signed_for, site.service.now())
    return len(about), state


CHILD, PARENT = {"capacity": Capacity.GILLICK_COMPETENT}, {"capacity": Capacity.PR_HOLDER}
SPOKEN = {
    "a last word that ran out, over an older one that lasts": (
        [("social_care", CHILD, 30, 400), ("social_care", CHILD, 2, 1)],
        ConsentState.EXPIRED,
    ),
    "the older one was written down by another agency": (
        [("police", CHILD, 30, 400), ("social_care", CHILD, 2, 1)],
        ConsentState.EXPIRED,
    ),
    "the older one was for another purpose that the same signature covers": (
        [("social_care", CHILD | {"purpose": Purpose.FAMILY_SUPPORT}, 30, 400), ("social_care", CHILD, 2, 1)],
        ConsentState.EXPIRED,
    ),
    "one parent's ran out, the other's lasts": (
        [
            ("social_care", PARENT | {"given_by_ref": "SOCREF003M"}, 30, 400),
            ("social_care", PARENT | {"given_by_ref": "SOCREF003F"}, 30, 1),
        ],
        ConsentState.DISPUTED,
    ),
}


@pytest.mark.parametrize("name", SPOKEN)
def test_deleting_a_consent_that_ran_out_never_brings_another_back(linked, tools, monkeypatch, name):
    """What the last word had ended stays ended: the expired one is deleted when nothing else lasts that it speaks against."""
    spoken, expected = SPOKEN[name]
    refs, now = {"social_care": "SOCREF003C", "police": "POLREF0032"}, datetime.now(UTC)

    def record(agency, change, given, days):
        return consent(refs[agency]).model_copy(
            update={"given_by_ref": refs[agency]}
            | change
            | {"given_at": now - timedelta(days=given), "expires_at": now + timedelta(days=days)}
        )

    police = [record(*item) for item in spoken if item[0] == "police"]
    care = [record(*item) for item in spoken if item[0] == "social_care"]
    county = linked.county
    linked.submit("police", linked.submission("police", county.police, consents=police))
    linked.submit("social_care", linked.submission("social_care", county.social_care, county.declared, care))
    assert tools.link(linked)["state"] == "completed"
    days_later(linked, monkeypatch, 2)
    assert words(linked) == (2, expected)
    retention(linked, tools)
    assert words(linked) == (2, expected)
    days_later(linked, monkeypatch, 402)
    retention(linked, tools)
    assert scalar(linked, "SELECT count(*) FROM consents") == 0


def test_old_decisions_lose_their_inputs_then_their_names_and_the_log_still_verifies(linked, tools, monkeypatch):
    linked.ask(FAMILY)
    rules = linked.protocol.document.retention
    days_later(linked, monkeypatch, rules.decision_inputs_days + 1)
    retention(linked, tools)
    assert scalar(linked, "SELECT length(decisions) FROM profiles") == 0
    assert scalar(linked, "SELECT count(*) FROM audit_openings WHERE value = 'w-1'") > 0
    days_later(linked, monkeypatch, 366 * rules.audit_years + 2)
    retention(linked, tools)
    assert scalar(linked, "SELECT count(*) FROM profiles") == 0
    assert scalar(linked, "SELECT count(*) FROM audit_openings WHERE value = 'w-1'") == 0
    assert tools.events(linked, "audit:personal:erased")[0].facts["reason"] == "audit-years"
    assert tools.verified(linked).size


def test_uploads_that_were_given_up_leave_nothing(site, tools, monkeypatch):
    people = [tools.Person(f"POLREF{i:04d}", [tools.clk(i)]) for i in range(3)]
    path = site.submission("police", people)
    upload = site.announce("police", path)
    site.send_part("police", upload, path, 1)
    retention(site, tools)
    assert [item.name for item in site.settings.folder.uploads.iterdir()] == [upload["upload_id"]]
    days_later(site, monkeypatch, ABANDONED.days + 1)
    retention(site, tools)
    assert not list(site.settings.folder.uploads.iterdir())
    assert site.call("police", "GET", f"/v1/uploads/{upload['upload_id']}").status_code == 404
    days_later(site, monkeypatch, ABANDONED.days + 2)
    retention(site, tools)
    purges = [event.facts["deleted"] for event in tools.events(site, "retention:purge:completed")]
    assert purges == [{"unfinished-files": 1}]
    assert site.announce("police", path)["received"] == []


def certificate(site, party, day):
    """What a day's certificate says to a party, its signature checked against the service's card."""
    found = site.call(party, "GET", f"/v1/certificates/{day}").json()
    card = open_card(site.http.get("/v1/service").json()["card"])
    key = VerifyingKey.from_dict(dict(card.signing_key))
    return json.loads(key.verify(found["certificate"], what="certificate"))


def test_days_that_nobody_was_there_for_get_their_certificates(linked, tools, monkeypatch):
    """The machine is off from one evening until four days later."""
    retention(linked, tools)
    days_later(linked, monkeypatch, 1)
    tick(linked.service)
    tools.work(linked)
    days_later(linked, monkeypatch, 5)
    for _ in range(2):
        tick(linked.service)
        tools.work(linked)
    expected = [(tools.today + timedelta(days=n)).isoformat() for n in range(4, -1, -1)]
    assert linked.call("police", "GET", "/v1/certificates").json() == expected
    answer = CliRunner().invoke(audit_app, ["certificate", expected[0], "--data", str(linked.settings.data_dir)])
    assert answer.exit_code == 0, answer.exception
    assert expected[0] in answer.output


def test_a_day_whose_certificate_failed_gets_it_although_later_days_have_theirs(linked, tools):
    retention(linked, tools)
    later = (tools.today + timedelta(days=2)).isoformat()
    with linked.service.store.writing() as tx:
        event = CertificateSigned(actor="service", day=later, sha256="0" * 64, deleted={})
        tx.retention.add_certificate(later, "signed", linked.service.now(), event)
        assert tx.retention.uncertified(tools.today + timedelta(days=4)) == [
            (tools.today + timedelta(days=n)).isoformat() for n in (3, 1, 0)
        ]


def test_sealed_values_that_a_run_brings_in_are_left_alone(linked, tools, monkeypatch):
    """A pair that was linked before is linked again: its values are there before its link is."""
    with linked.service.store.writing() as tx:
        tx.session.execute(text("UPDATE links SET state = 'closed' WHERE agency = 'police'"))
        tx.session.execute(text("UPDATE runs SET state = 'running'"))
    before = scalar(linked, "SELECT count(*) FROM cells")
    retention(linked, tools)
    assert scalar(linked, "SELECT count(*) FROM cells") == before > 0
    with linked.service.store.writing() as tx:
        tx.session.execute(text("UPDATE runs SET state = 'completed'"))
    days_later(linked, monkeypatch, 1)
    retention(linked, tools)
    assert scalar(linked, "SELECT count(*) FROM cells") < before


def test_sealed_values_go_with_their_link_and_are_counted(linked, tools, monkeypatch):
    """A link that a person ended must not leave the wrong person's values lying here until the next run."""
    cells = scalar(linked, "SELECT count(*) FROM cells WHERE record_ref = 'POLREF0030'")
    never = {"member_ref": "SOCREF003M", "agency": "police", "record_ref": "POLREF0030", "decision": "never"}
    assert linked.call("social_care", "POST", "/v1/markers", json=never).status_code == 201
    retention(linked, tools)
    assert scalar(linked, "SELECT count(*) FROM cells WHERE record_ref = 'POLREF0030'") == 0
    purges = [event.facts["deleted"] for event in tools.events(linked, "retention:purge:completed")]
    assert {"cells": cells} in purges
    assert scalar(linked, "SELECT sum(count) FROM deletions WHERE kind = 'cells'") == cells


def test_consents_of_people_who_are_not_linked_go_with_their_encodings(linked, tools, monkeypatch):
    consents = [consent(ref, days=400) for ref in ("POLREF0030", "POLXREF0001")]
    linked.submit("police", linked.submission("police", linked.county.police, consents=consents))
    of_members = [consent("SOCREF003M", days=400), consent("SOCREF003F", days=400)]
    care = linked.submission("social_care", linked.county.social_care, linked.county.declared, of_members)
    linked.submit("social_care", care)
    assert tools.link(linked)["state"] == "completed"
    days_later(linked, monkeypatch, linked.protocol.document.retention.unlinked_days + 1)
    retention(linked, tools)
    with linked.service.store.engine.connect() as connection:
        left = connection.execute(text("SELECT subject_ref FROM consents ORDER BY subject_ref")).scalars().all()
    assert left == ["POLREF0030", "SOCREF003F", "SOCREF003M"]


@BOTH
def test_each_day_has_one_signed_certificate(linked, tools, monkeypatch):
    retention(linked, tools)
    people = linked.county.police[:-1]
    linked.submit("police", linked.submission("police", people))
    tools.link(linked)
    days_later(linked, monkeypatch, 1)
    for _ in range(2):
        tick(linked.service)
        tools.work(linked)
    today = tools.today.isoformat()
    days = linked.call("police", "GET", "/v1/certificates").json()
    assert days == [today]
    whole = certificate(linked, "operator", today)
    assert whole["day"] == today
    assert whole["deleted"]["submissions"] == 1
    assert whole["deleted"]["records"] == 260
    own = certificate(linked, "police", today)
    assert own == whole | {"agency": "police", "deleted": {"submissions": 1, "files": 1}}
    for other in ("health", "social_care", "workbook"):
        assert certificate(linked, other, today)["deleted"] == {}, "what police sent is nobody else's business"
    assert len(tools.events(linked, "retention:certificate:signed")) == 1
    assert linked.call("police", "GET", "/v1/certificates/2020-01-01").status_code == 404


def test_scheduled_work_is_asked_for_once(site):
    for _ in range(3):
        tick(site.service)
    with site.service.store.reading() as tx:
        kinds = sorted(job.kind for job in tx.jobs.jobs())
    assert kinds == ["certificate", "retention"]


def test_an_agency_is_told_silently_when_somebody_asks_about_a_silent_record(linked, tools):
    def changed(person):
        return tools.Person(**(vars(person) | {"flags": {"silent": True}})) if person.ref == "POLREF0030" else person

    linked.submit("police", linked.submission("police", [changed(person) for person in linked.county.police]))
    answer = Profile.read(linked.ask(FAMILY).content, "profile")
    mother = next(member for member in answer.members if member.record_ref == "SOCREF003M")
    assert next(a for a in mother.agencies if a.agency == "police").state is State.NOTHING_TO_SHARE
    linked.ask("WB-20004")
    for _ in range(2):
        tick(linked.service)
    alerts = linked.call("police", "GET", "/v1/alerts").json()
    assert [item["about"].split(":")[0] for item in alerts] == ["silent-record-asked"]
    assert linked.call("workbook", "GET", "/v1/alerts").json() == []
    assert linked.call("social_care", "GET", "/v1/alerts").json() == []


def test_reminders_are_sent_once(linked, tools, monkeypatch):
    seen = Profile.read(linked.ask(FAMILY).content, "profile")
    assert seen
    never = {"member_ref": "SOCREF003M", "agency": "police", "record_ref": "POLREF0030", "decision": "never"}
    linked.call("social_care", "POST", "/v1/markers", json=never)
    days_later(linked, monkeypatch, 2)
    for _ in range(2):
        tick(linked.service)
    alerts = [item["about"].split(":")[0] for item in linked.call("workbook", "GET", "/v1/alerts").json()]
    assert alerts == ["recall-unanswered"]
