"""What the log does not tell, or tells otherwise, is named; and what the agencies' files do not have."""

import pytest
from sqlalchemy import text

from api.admin import retire_key, revoke_client
from api.fsck import check_store
from api.stored_files import check_files
from api.watch import tick
from api.worker import Worker

MOTHER, RECORD = "SOCREF003M", "POLREF0030"


def findings(site):
    with site.service.store.reading() as tx:
        return list(check_store(tx.session, tx, site.settings.folder.submissions))


DAMAGE = {
    "an answer without its entry": ("UPDATE profiles SET entry = 0", "has no entry"),
    "decisions that were changed": (
        "UPDATE profiles SET decisions = x'00112233445566778899aabbccddeeff00'",
        "commits to",
    ),
    "an answer that was removed": ("DELETE FROM profiles", "in the log and not in the store"),
    "an alert from nowhere": (
        "INSERT INTO alerts (alert, at, about, recipient, entry) VALUES ('alr-x', '2026-01-01 00:00:00', 'x', 'police', 0)",
        "alert `alr-x` has no entry",
    ),
    "a member nobody declared": ("INSERT INTO members VALUES ('WB-20003', 'STRANGER01')", "the stored members"),
    "a link of nobody": (
        "UPDATE links SET member_ref = 'STRANGER01' WHERE record_ref = 'POLREF0030'",
        "nobody who is declared",
    ),
    "a view that was removed": (
        "DELETE FROM views WHERE profile = (SELECT min(profile) FROM profiles)",
        " counts",
    ),
    "a link from nowhere": (
        "INSERT INTO links SELECT 'lnk-x', family_ref, 'SOCREF003F', agency, 'POLXREF0001', grade, state, evidence, first_run, "
        "last_run, made_at, changed_at, ended_why FROM links WHERE record_ref = 'POLREF0030'",
        "`lnk-x` was made by no run",
    ),
    "a run that says that it changed something else": (
        "UPDATE runs SET changes = replace(changes, 'certain', 'probable')",
        "is said to have changed",
    ),
    "a verdict from nowhere": (
        "INSERT INTO challenges (challenge, opened_by, reason, state, opened_at) "
        "VALUES ('chl-x', 'police', 'OTHER', 'rejected', '2026-01-01 00:00:00')",
        "the verdict on challenge `chl-x` has no entry",
    ),
    "a review from nowhere": (
        "INSERT INTO break_glass (access, family_ref, worker, role_function, reason, manager, explanation, opened_at, expires_at, "
        "review_due, outcome) VALUES ('bgl-x', 'WB-1', 'w', 'x', 'X', 'm', 'e', '2026-01-01 00:00:00', '2026-01-01 00:00:00', "
        "'2026-01-01 00:00:00', 'justified')",
        "the review of emergency access `bgl-x` has no entry",
    ),
    "a version from nowhere": (
        "INSERT INTO protocols (digest, protocol, version, text, state, loaded_at) VALUES ('d0', 'p', 9, '', 'draft', '2026-01-01 00:00:00')",
        "version `d0` has no entry",
    ),
    "an approval from nowhere": (
        "INSERT INTO acts (sha256, digest, token, body, entry) SELECT 'a0', digest, 't', 'b', 0 FROM protocols",
        "the signed act `a0` has no entry",
    ),
    "an alert that was removed": ("DELETE FROM alerts", "alerts are in the log and not in the store"),
    "a marker from nowhere": (
        "INSERT INTO markers VALUES ('mrk-x', 'SOCREF003M', 'police', 'POLREF0030', 'must', 'social_care', '2026-01-01 00:00:00')",
        "marker `mrk-x` has no entry",
    ),
    "names that were erased off the record": (
        "DELETE FROM audit_openings WHERE entry = (SELECT min(entry) FROM profiles)",
        "4 commitments have lost what opened them, 0 were erased on record",
    ),
    "a wrong head": ("UPDATE audit_head SET size = size + 1", "the log's head"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_fsck_names_what_does_not_fit(asked, name):
    assert findings(asked) == []
    statement, what = DAMAGE[name]
    with asked.service.store.engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text(statement))
    assert any(what in item for item in findings(asked)), findings(asked)


ALTERED = {
    "UPDATE profiles SET worker = 'w-9'": "has it: worker",
    "UPDATE profiles SET family_ref = 'WB-1'": "has it: family, worker",
    "UPDATE profiles SET purpose = 'family-support'": "has it: purpose, family, worker",
    "UPDATE profiles SET at = '2020-01-01 00:00:00.000000'": "has it: at",
    "UPDATE views SET link = 'lnk-x' WHERE link = (SELECT max(link) FROM views WHERE released > 0)": "is not what its decisions released",
    "UPDATE alerts SET recipient = 'police'": "has it: recipient",
    "UPDATE client_keys SET jwk = (SELECT jwk FROM client_keys WHERE client = 'health') WHERE client = 'police'": "in another's place",
    "UPDATE client_keys SET client = 'health' WHERE client = 'police'": "has it: client",
    "UPDATE protocols SET text = replace(text, 'hours: ', 'hours: 1')": "the text of version",
    "UPDATE submissions SET epoch = 2 WHERE agency = 'police'": "has it: epoch",
    "UPDATE submissions SET manifest = replace(manifest, 'police', 'health')": "the manifest of submission",
    "UPDATE submissions SET file_sha256 = 'x' WHERE agency = 'social_care'": "a file that nobody announced",
    "UPDATE families SET declaration = replace(declaration, 'w-1', 'w-9')": "a family is not stored as entry",
    "UPDATE markers SET decision = 'must' WHERE record_ref = 'POLREF0099'": "has it: decision",
    "UPDATE challenges SET state = 'rejected'": "the verdict on challenge",
    "UPDATE recalls SET outcome = 'retained'": "the answer to recall",
    "UPDATE clients SET revoked_at = NULL": "`recovery` has access",
    "UPDATE client_keys SET retired_at = NULL": "is believed, and entry",
    "UPDATE person_sessions SET offices = '[\"operator\"]'": "has it: offices",
    "UPDATE certificates SET text = 'e30.e30.x'": "the certificate of",
}


def test_what_is_stored_otherwise_than_its_entry_says_is_named(asked):
    """Whoever has the database could put another name on an answer, let a worker onto a case, or take back a shutting out."""
    body = {"member_ref": MOTHER, "agency": "police", "record_ref": "POLREF0099", "decision": "never", "worker": "w-1"}
    assert asked.call("social_care", "POST", "/v1/markers", json=body).status_code == 201
    new = {"reason": "NOT_THIS_PERSON", "record_ref": RECORD}
    challenge = asked.call("police", "POST", "/v1/challenges", json=new).json()["challenge_id"]
    asked.call("social_care", "POST", f"/v1/challenges/{challenge}/verdict", json={"verdict": "upheld"})
    recall = asked.call("workbook", "GET", "/v1/recalls").json()[0]["recall_id"]
    asked.call("workbook", "POST", f"/v1/recalls/{recall}/acknowledgement", json={"outcome": "removed"})
    asked.officer()
    revoke_client(asked.service, "recovery")
    retire_key(asked.service, asked.parties["probation"].signing.public.kid)
    tick(asked.service)
    while Worker(asked.service).one():
        pass
    found = findings(asked)
    assert found == []
    for statement, what in ALTERED.items():
        assert not any(what in item for item in found), what
        with asked.service.store.engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql(statement)
        found = findings(asked)
        assert any(what in item for item in found), (statement, found)
    assert not any("w-9" in item for item in found)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET shielded = NOT shielded WHERE record_ref = 'POLREF0030'",
        "UPDATE records SET hold = 'OBJECTION' WHERE record_ref = 'POLREF0030'",
        "DELETE FROM records WHERE record_ref = 'POLREF0030'",
    ],
)
def test_a_flag_that_was_taken_away_is_noticed(asked, statement):
    """What an agency keeps back about a record is in its signed file; the database alone decides from a copy of it."""
    with asked.service.store.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql(statement)
    (found,) = [item for item in findings(asked) if "as its files have them" in item]
    assert found.startswith("1 stored records")
    assert "POLREF0030" not in found


def test_fsck_checks_the_files(asked):
    path = next(asked.settings.folder.submissions.iterdir())
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    assert any("altered" in item for item in findings(asked))
    path.unlink()
    assert any("missing" in item for item in findings(asked))


def test_a_file_that_is_deleted_while_fsck_looks_is_not_missing(asked):
    """Its submission ends on record, then the file goes: fsck may have begun before both."""
    with asked.service.store.reading() as tx:
        (submission,) = tx.session.execute(text("SELECT submission FROM submissions WHERE agency = 'police'")).one()
        with asked.service.store.engine.begin() as other:
            other.execute(text("UPDATE submissions SET state = 'superseded' WHERE agency = 'police'"))
        asked.settings.folder.submission(submission).unlink()
        assert not list(check_files(tx.session, asked.settings.folder.submissions))
        with asked.service.store.engine.begin() as other:
            other.execute(text("UPDATE submissions SET state = 'current' WHERE agency = 'police'"))
        assert list(check_files(tx.session, asked.settings.folder.submissions))
