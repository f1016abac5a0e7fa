"""Agencies check that the log only grows, and put their own line under its head; nobody can do it for them."""

import base64
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from api.admin import register_card, retire_key
from api.audit_copy import cosigned_until
from protocols.audit.checkpoint import Checkpoint, open_checkpoint
from protocols.audit.merkle import EMPTY_ROOT, verify_consistency
from protocols.audit.note import COSIGNATURE, NoteKey, cosign_note, read_note
from protocols.errors import VerificationError
from protocols.signing import SigningKey, open_card

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


def head(site, party="police", old=0):
    answer = site.call(party, "GET", "/v1/audit/consistency", params={"old": old})
    assert answer.status_code == 200, answer.text
    return answer.json()


def cosign(site, party, note, key=None, name=None):
    signed = cosign_note(read_note(note), name or party, key or site.parties[party].signing, datetime.now(UTC))
    return site.call(party, "POST", "/v1/audit/cosignatures", json={"checkpoint": str(signed)})


@BOTH
def test_every_head_follows_from_the_one_before_and_says_who_stands_by_it(site, tools):
    seen, size = EMPTY_ROOT, 0
    for _ in range(5):
        found = head(site, old=size)
        checkpoint = open_checkpoint(found["checkpoint"], site.service.log_key)
        proof = [base64.b64decode(item) for item in found["proof"]]
        verify_consistency(size, checkpoint.size, seen, checkpoint.root, proof)
        seen, size = checkpoint.root, checkpoint.size
        assert cosign(site, "police", found["checkpoint"]).status_code == 200
        site.new_token("workbook")
    both = cosign(site, "social_care", found["checkpoint"])
    keys = [NoteKey.of(name, site.parties[name].signing.public, COSIGNATURE) for name in ("police", "social_care")]
    note = read_note(both.text)
    assert set(note.verified_by([site.service.log_key, *keys])) == {site.service.log_key, *keys}
    again = site.call("workbook", "GET", "/v1/audit/checkpoint", params={"cosigned": True})
    assert again.text == both.text
    assert [event.facts["size"] for event in tools.events(site, "audit:checkpoint:cosigned")][-2:] == [size, size]
    tools.verified(site)


def test_nobody_cosigns_for_another_or_something_else(site):
    found = head(site)
    note = found["checkpoint"]
    assert cosign(site, "police", note, key=SigningKey.generate()).status_code == 422
    assert cosign(site, "police", note, key=site.parties["health"].signing, name="health").status_code == 422
    assert cosign(site, "workbook", note).status_code == 403
    other = note.replace(site.settings.origin, "another.log/audit", 1)
    assert cosign(site, "police", other).status_code == 422
    assert site.call("police", "POST", "/v1/audit/cosignatures", json={"checkpoint": note}).status_code == 422
    assert site.call("police", "GET", "/v1/audit/checkpoint", params={"cosigned": True}).status_code == 404


def test_only_heads_of_this_log_as_it_was_shown_are_cosigned_and_with_a_key_in_use(site, tools):
    """The service's own key under another history: whoever has it could collect cosignatures for what never was."""
    shown = open_checkpoint(head(site)["checkpoint"], site.service.log_key)
    for size, root in ((shown.size, bytes(32)), (shown.size - 1, shown.root)):
        other = str(Checkpoint(site.settings.origin, size, root).sign(site.service.keys.signing))
        refused = cosign(site, "police", other)
        assert refused.status_code == 422
        assert "not one of this log" in refused.json()["detail"]
    old = site.parties["police"]
    site.parties["police"] = tools.Party("police")
    register_card(site.service, site.parties["police"].card)
    retire_key(site.service, old.signing.public.kid)
    site.tokens.clear()
    note = head(site)["checkpoint"]
    assert cosign(site, "police", note, key=old.signing).status_code == 422
    assert cosign(site, "police", note).status_code == 200


def test_a_log_that_is_shorter_than_what_was_shown_is_said(site):
    answer = site.call("police", "GET", "/v1/audit/consistency", params={"old": 10_000})
    assert answer.status_code == 422
    assert "somebody was shown 10000" in answer.json()["detail"]


@BOTH
def test_a_cosignature_stays(site):
    assert cosign(site, "police", head(site)["checkpoint"]).status_code == 200
    for change in ("UPDATE audit_cosignatures SET line = ''", "DELETE FROM audit_cosignatures"):
        with pytest.raises(DatabaseError, match="append-only"), site.service.store.engine.begin() as connection:
            connection.execute(text(change))


def test_a_copy_says_up_to_where_an_agency_cosigned(site, tmp_path):
    found = head(site)
    assert cosign(site, "police", found["checkpoint"]).status_code == 200
    size = open_checkpoint(found["checkpoint"], site.service.log_key).size
    police, health = (open_card(site.parties[name].card) for name in ("police", "health"))
    assert cosigned_until(site.settings.folder.database, police) == size
    assert cosigned_until(site.settings.folder.database, health) is None
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(site.settings.folder.database)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
        for (name,) in new.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            new.execute(f"DROP TRIGGER {name}")
        ((line,),) = new.execute("SELECT line FROM audit_cosignatures").fetchall()
        raw = base64.b64decode(line.split()[-1])
        forged = line.replace(line.split()[-1], base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode())
        new.execute("UPDATE audit_cosignatures SET line = ?", (forged,))
        new.commit()
    with pytest.raises(VerificationError, match="`police` on the note does not hold"):
        cosigned_until(copy, police)
