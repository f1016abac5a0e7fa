"""One family, person or record is erased from the log, for a ground and by an officer's word; the log and all that is stored still fit."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from api.backup import back_up, restore
from api.cli_audit import audit_app
from api.erasing import erase
from api.erasures import Ground, Of
from api.fsck import check_store
from api.jobs import enqueue
from api.problems import NotFound
from api.service import open_service
from protocols.errors import InputError, Refusal

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
FAMILY, OTHER, MOTHER, RECORD, OFFICER = "WB-20003", "WB-20004", "SOCREF003M", "POLREF0030", "dpo-council"


def column(site, query, **given):
    with site.service.store.engine.connect() as connection:
        return connection.execute(text(query), given).scalars().all()


def close(site, tools, days=60):
    """Close the family's case, so long ago, and let the schedule end its links."""
    put(site, site.county.declared[3].model_copy(update={"closed": tools.today - timedelta(days=days)}))
    with site.service.store.writing() as tx:
        enqueue(tx.jobs, "retention", "test", site.service.now(), f"retention:{site.service.now().isoformat()}")
    tools.work(site)


def put(site, declaration):
    etag = site.call("social_care", "GET", f"/v1/families/{FAMILY}").headers["etag"]
    headers = {"Content-Type": "application/json", "If-Match": etag}
    answer = site.call(
        "social_care", "PUT", f"/v1/families/{FAMILY}", content=declaration.model_dump_json(), headers=headers
    )
    assert answer.status_code == 200, answer.text


def emergency(site):
    """An emergency access to the family, opened and reviewed."""
    rules = site.protocol.document.break_glass
    given = {
        "family_ref": FAMILY,
        "reason": rules.reasons[0],
        "explanation": "A child is at immediate risk tonight.",
        "manager": "w-boss",
    }
    opened = site.call("workbook", "POST", "/v1/break-glass", json=given, headers=site.worker_header(FAMILY))
    assert opened.status_code == 201, opened.text
    return opened.json()["access_id"]


def review(site, access):
    done = {"reviewer": "w-judge", "outcome": "justified"}
    assert site.call("social_care", "POST", f"/v1/break-glass/{access}/review", json=done).status_code == 200


@pytest.fixture
def told(linked):
    """A county in which two families were asked about, one of them also in vain and in an emergency, and an officer looked who saw it."""
    assert linked.ask(FAMILY).status_code == 200
    assert linked.ask(OTHER).status_code == 200
    assert linked.ask(FAMILY, worker="w-stranger").status_code == 403
    review(linked, emergency(linked))
    assert linked.officer().get(f"/v1/audit/families/{FAMILY}").status_code == 200
    assert linked.officer().get(f"/v1/audit/records/police/{RECORD}").status_code == 200
    return linked


def family_gone(site, ground=Ground.LAW):
    return erase(site.service, Of.FAMILY, "social_care", FAMILY, ground, OFFICER)


@BOTH
def test_a_family_is_erased_and_everything_else_stays(told, tools):
    bodies = column(told, "SELECT body FROM audit_entries ORDER BY entry")
    with pytest.raises(Refusal, match="1 cases are open") as refused:
        family_gone(told)
    assert "links are in force" in str(refused.value)
    assert FAMILY not in str(refused.value)
    assert not tools.events(told, "audit:personal:erased")
    close(told, tools)
    before = column(told, "SELECT count(*) FROM audit_openings")[0]
    workers = column(told, "SELECT count(*) FROM audit_openings WHERE field IN ('worker', 'session', 'manager')")
    done, report = family_gone(told)
    assert (done.answers, done.emergencies, done.inputs) == (1, 1, 0)
    assert column(told, "SELECT count(*) FROM audit_openings")[0] == before - done.openings + 1  # the approver's own
    assert column(told, "SELECT entry FROM audit_openings WHERE value = :f", f=FAMILY) == []
    assert column(told, "SELECT value FROM audit_openings WHERE field = 'explanation'") == []
    kept = column(told, "SELECT count(*) FROM audit_openings WHERE field IN ('worker', 'session', 'manager')")
    assert kept == workers, "who asked is somebody else's, and stays"
    assert column(told, "SELECT family_ref FROM profiles") == [OTHER]
    assert column(told, "SELECT length(decisions) > 0 FROM profiles") == [1]
    assert column(told, "SELECT access FROM break_glass") == []
    assert column(told, "SELECT number FROM changes WHERE family_ref = :f", f=FAMILY) == []
    assert column(told, "SELECT body FROM audit_entries ORDER BY entry")[: len(bodies)] == bodies
    (entry,) = tools.events(told, "audit:personal:erased")
    assert dict(entry.facts) == {"openings": done.openings, "reason": "legal-obligation", "of": "family"}
    assert (entry.index, report.size) == (done.entry, done.entry + 1)
    assert any("worker" in item for item in done.left)
    assert any("ended links" in item for item in done.left)
    tools.verified(told)
    with pytest.raises(NotFound):
        family_gone(told)
    seen = told.officer().get(f"/v1/audit/families/{FAMILY}").json()
    assert (seen["answers"], seen["refusals"], seen["emergencies"]) == ([], [], [])


@pytest.mark.parametrize(
    ("database", "of", "agency", "ref"),
    [
        ("postgresql", Of.RECORD, "police", RECORD),
        ("sqlite", Of.RECORD, "police", RECORD),
        ("sqlite", Of.MEMBER, "social_care", MOTHER),
    ],
    indirect=["database"],
)
def test_a_record_and_a_person_are_erased_field_by_field(told, tools, of, agency, ref):
    told.officer().get(f"/v1/audit/people/{MOTHER}")
    close(told, tools)
    done, _ = erase(told.service, of, agency, ref, Ground.UNLAWFUL, OFFICER)
    assert (done.answers, done.emergencies, done.inputs) == (0, 0, 1)
    assert column(told, "SELECT entry FROM audit_openings WHERE value IN (:a, :b)", a=ref, b=f"{agency}/{ref}") == []
    assert sorted(column(told, "SELECT family_ref FROM profiles WHERE length(decisions) > 0")) == [OTHER]
    assert len(column(told, "SELECT entry FROM audit_openings WHERE field = 'family' AND value = :f", f=FAMILY)) > 2
    (entry,) = tools.events(told, "audit:personal:erased")
    assert (entry.facts["of"], entry.facts["reason"]) == (of.value, "unlawfully-processed")
    answers = told.officer().get(f"/v1/audit/families/{FAMILY}").json()["answers"]
    assert [item["worker"] for item in answers] == ["w-1"]
    tools.verified(told)


@BOTH
def test_what_was_erased_is_not_counted_again_when_its_years_are_over(told, tools, monkeypatch):
    close(told, tools)
    family_gone(told)
    later = told.service.now() + timedelta(days=366 * told.protocol.document.retention.audit_years + 2)
    monkeypatch.setattr(told.service.store, "clock", lambda: later)
    with told.service.store.writing() as tx:
        enqueue(tx.jobs, "retention", "late", told.service.now())
    tools.work(told)
    assert [entry.facts["reason"] for entry in tools.events(told, "audit:personal:erased")] == [
        "legal-obligation",
        "audit-years",
    ]
    assert column(told, "SELECT profile FROM profiles") == []
    tools.verified(told)


def test_while_something_goes_on_nothing_is_erased(told, tools):
    close(told, tools, days=5)
    with pytest.raises(Refusal, match="closed too short a time ago"):
        family_gone(told)
    close(told, tools)
    link = column(told, "SELECT link FROM links WHERE record_ref = :r", r=RECORD)[0]
    for what, statement in {
        "1 recalls are not acknowledged": (
            "INSERT INTO recalls (recall, link, reason, opened_at) VALUES ('rcl-1', :l, 'x', '2026-01-01 00:00:00')",
            "DELETE FROM recalls",
        ),
        "1 challenges are not decided": (
            "INSERT INTO challenges (challenge, opened_by, reason, state, opened_at) "
            "VALUES ('chl-1', 'police', 'OTHER', 'open', '2026-01-01 00:00:00')",
            "INSERT INTO challenge_links VALUES ('chl-1', :l)",
            "DELETE FROM challenge_links",
            "DELETE FROM challenges",
        ),
        "1 emergency accesses are not reviewed": (
            "UPDATE break_glass SET reviewed_at = NULL",
            "UPDATE break_glass SET reviewed_at = '2026-01-01 00:00:00'",
        ),
        "1 records are under an agency's hold": (
            "UPDATE records SET hold = 'COURT_ORDER' WHERE record_ref = 'POLREF0030'",
            "UPDATE records SET hold = NULL",
        ),
    }.items():
        half = len(statement) // 2
        with told.service.store.engine.begin() as connection:
            for item in statement[:half]:
                connection.execute(text(item), {"l": link} if ":l" in item else {})
        for of, agency, ref in ((Of.FAMILY, "social_care", FAMILY), (Of.RECORD, "police", RECORD)):
            with pytest.raises(Refusal, match=what):
                erase(told.service, of, agency, ref, Ground.LAW, OFFICER)
        with told.service.store.engine.begin() as connection:
            for item in statement[half:]:
                connection.execute(text(item))
    assert family_gone(told)[0].answers == 1


def test_only_a_data_protection_officer_who_was_here_lately_approves(told, tools, monkeypatch):
    close(told, tools)
    told.sign_in("cg-health", ["health:caldicott-guardian"])
    told.sign_in("dpo-police", ["police:data-protection-officer"])
    for approver in ("nobody", "cg-health", "dpo-police", "not an id"):
        with pytest.raises(InputError, match="approver"):
            erase(told.service, Of.FAMILY, "social_care", FAMILY, Ground.LAW, approver)
    erase(told.service, Of.RECORD, "police", RECORD, Ground.LAW, "dpo-police")
    told.sign_in(OFFICER, ["operator"])
    with pytest.raises(InputError, match="approver"):
        family_gone(told)
    told.sign_in(OFFICER, ["social_care:data-protection-officer"])
    later = told.service.now() + timedelta(days=31)
    with monkeypatch.context() as patch:
        patch.setattr(told.service.store, "clock", lambda: later)
        with pytest.raises(InputError, match="approver"):
            family_gone(told)
    assert family_gone(told)


def test_a_backup_made_afterwards_is_whole_and_has_nothing_of_it(told, tools, tmp_path):
    close(told, tools)
    family_gone(told)
    back_up(told.service, tmp_path / "copy.tar", with_keys=True)
    service = open_service(restore(tmp_path / "copy.tar", tmp_path / "new", None))
    try:
        with service.store.reading() as tx:
            assert list(check_store(tx.session, tx, service.folder.submissions)) == []
            assert tx.audit.entries_about("family", FAMILY) == []
    finally:
        service.close()


def test_by_command_the_reference_comes_from_a_file_and_is_never_shown(told, tools, tmp_path):
    close(told, tools)
    file = tmp_path / "reference"
    more = ["--reason", "objection-upheld", "--approver", OFFICER, "--data", str(told.settings.data_dir)]
    for wrong in ("", "Anna Example", f"{FAMILY}\n{OTHER}"):
        file.write_text(wrong)
        answer = CliRunner().invoke(audit_app, ["erase", "family", "--ref", str(file), *more])
        assert isinstance(answer.exception, InputError)
        assert "one reference" in str(answer.exception)
        assert not wrong or wrong not in str(answer.exception)
    answer = CliRunner().invoke(audit_app, ["erase", "family", "--ref", "-", *more], input=f"{FAMILY}\n")
    assert answer.exit_code == 0, answer.exception
    assert "The log verifies" in answer.output
    assert "Left: backups" in answer.output
    assert FAMILY not in answer.output
    (entry,) = tools.events(told, "audit:personal:erased")
    assert entry.facts["reason"] == "objection-upheld"
    answer = CliRunner().invoke(audit_app, ["erase", "family", "--agency", "police", "--ref", str(file), *more])
    assert isinstance(answer.exception, InputError)
