"""Anyone checks a copy offline, with the service's key alone; whatever was done to it is named."""

import json
import shutil
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest
import rfc8785
from typer.testing import CliRunner

from api.audit_log import export_lines
from api.cli import audit_app
from protocols.audit.merkle import leaf_hash
from protocols.audit.note import NoteKey
from protocols.audit.proof import read_proof
from protocols.audit.verify import read_key_file
from protocols.errors import InputError, VerificationError
from protocols.signing import SigningKey

RUN = CliRunner()


@pytest.fixture
def copy(linked, tools, tmp_path):
    linked.ask("WB-20003")
    tools.verified(linked)
    linked.service.close()
    target = tmp_path / "copy.db"
    shutil.copy(linked.settings.folder.database, target)
    with closing(sqlite3.connect(target)) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            database.execute(f"DROP TRIGGER {name}")
        database.commit()
    return target


def verify(linked, copy, *more):
    key = linked.settings.data_dir / "log.vkey"
    return RUN.invoke(audit_app, ["verify", str(copy), "--key", str(key), *more])


def change(copy, statement, *values):
    with closing(sqlite3.connect(copy)) as database:
        database.execute(statement, values)
        database.commit()


def test_an_untouched_copy_verifies_with_the_key_or_the_card(linked, copy):
    answer = verify(linked, copy)
    assert answer.exit_code == 0, answer.exception
    assert "The audit log verifies" in answer.output
    card = RUN.invoke(audit_app, ["verify", str(copy), "--card", str(linked.settings.data_dir / "service.card")])
    assert card.exit_code == 0, card.exception
    assert "No key" not in card.output


TAMPERINGS = {
    "altered": (
        "UPDATE audit_entries SET body = replace(body, 'operator', 'operatoR') WHERE entry = 3",
        "entry 3: altered",
    ),
    "removed": ("DELETE FROM audit_entries WHERE entry = 20", "entry 20: missing"),
    "cut off": ("DELETE FROM audit_entries WHERE entry >= 30", "entry 30: missing"),
    "added": (
        "INSERT INTO audit_entries SELECT max(entry) + 1, x'00', body FROM audit_entries",
        "altered: its bytes do not fit",
    ),
    "swapped": (
        "UPDATE audit_entries SET entry = CASE entry WHEN 5 THEN -1 WHEN 6 THEN 5 END WHERE entry IN (5, 6)",
        "entry -1: added",
    ),
    "another value kept": (
        "UPDATE audit_openings SET value = 'WB-1' WHERE entry = (SELECT min(entry) FROM audit_openings WHERE field = 'family')",
        "what is kept for `family`",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_named_by_its_index(linked, copy, name):
    statement, what = TAMPERINGS[name]
    change(copy, statement)
    answer = verify(linked, copy)
    assert isinstance(answer.exception, VerificationError)
    assert what in answer.output, answer.output


def test_a_copy_of_another_service_does_not_verify(linked, copy, tmp_path):
    other = tmp_path / "other.vkey"
    other.write_text(NoteKey.of(linked.settings.origin, SigningKey.generate().public).text())
    answer = RUN.invoke(audit_app, ["verify", str(copy), "--key", str(other)])
    assert isinstance(answer.exception, VerificationError)


def test_a_checkpoint_that_somebody_kept_proves_a_rewritten_history(linked, copy, tools, tmp_path):
    kept = linked.call("police", "GET", "/v1/audit/checkpoint")
    assert kept.headers["content-type"].startswith("text/plain")
    (tmp_path / "kept").write_text(kept.text)
    change(copy, "DELETE FROM audit_checkpoints")
    size = int(kept.text.split("\n")[1])
    change(copy, "DELETE FROM audit_entries WHERE entry >= ?", size - 10)
    answer = verify(linked, copy, "--checkpoint", str(tmp_path / "kept"))
    assert isinstance(answer.exception, VerificationError)
    assert f"a checkpoint was signed for {size} entries" in answer.output


def test_an_export_verifies_and_holds_no_personal_data_by_default(linked, tools, tmp_path):
    linked.ask("WB-20003")
    data = str(linked.settings.data_dir)
    for more, opened in (((), False), (("--openings",), True)):
        out = tmp_path / f"export-{opened}"
        made = RUN.invoke(audit_app, ["export", "--data", data, "--out", str(out), *more])
        assert made.exit_code == 0, made.exception
        assert verify(linked, out).exit_code == 0
        assert ("WB-20003" in out.read_text()) is opened
        assert out.stat().st_mode & 0o077 == 0
    lines = out.read_text().splitlines()
    lines[4] = json.dumps(json.loads(lines[4]) | {"index": 7})
    out.write_text("\n".join(lines))
    assert "entry 3: missing" in verify(linked, out).output
    out.write_text(lines[0] + "\nnot json\n")
    assert isinstance(verify(linked, out).exception, VerificationError)


@pytest.fixture
def export(linked, tmp_path):
    """An export as its lines: the head, the entries, the checkpoints; and a way to verify what became of them."""
    answer = linked.ask("WB-20003")
    out = tmp_path / "export"
    made = RUN.invoke(audit_app, ["export", "--data", str(linked.settings.data_dir), "--out", str(out)])
    assert made.exit_code == 0, made.exception
    head, *rest = [json.loads(line) for line in out.read_text().splitlines()]
    entries = [item for item in rest if "entry" in item]
    notes = [item for item in rest if "checkpoint" in item]

    def said(*more, head=head, entries=entries, notes=notes):
        out.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in (head, *entries, *notes)))
        return verify(linked, out, *more)

    return SimpleNamespace(
        entries=entries, notes=notes, head=head, said=said, profile=answer.headers["kinlink-profile"]
    )


def rewritten(entries, start):
    """Entries from `start` on with their places, chain and leaf hashes recomputed: what somebody does who forges with care."""
    remade, previous = [], None
    for index, item in enumerate(entries):
        body = json.loads(item["entry"])
        if index >= start:
            body |= {"index": index, "previous": previous}
        text = rfc8785.dumps(body)
        previous = leaf_hash(text).hex()
        remade.append({"index": index, "entry": text.decode(), "leaf": previous})
    return remade


def test_an_export_names_the_entry_that_was_changed(export):
    changed = [dict(item) for item in export.entries]
    changed[25]["entry"] = changed[25]["entry"].replace('"at":"2', '"at":"1')
    assert "entry 25: altered" in export.said(entries=changed).output


def test_an_entry_that_is_added_at_the_end_of_an_export_is_named(export):
    end = len(export.entries)
    assert export.said().exit_code == 0
    forged = rewritten([*export.entries, export.entries[-1]], end)
    for head in (export.head, export.head | {"size": end + 1}):
        assert f"entry {end}: added" in export.said(entries=forged, head=head).output


def test_a_copy_of_nothing_does_not_verify(export, tmp_path, linked):
    assert isinstance(export.said(entries=[], notes=[]).exception, VerificationError)
    assert isinstance(export.said(entries=[], notes=[], head=export.head | {"size": 0}).exception, VerificationError)
    assert (
        f"the copy was made of {len(export.entries)} entries"
        in export.said(entries=export.entries[:9], notes=[]).output
    )
    empty = tmp_path / "empty"
    empty.touch()
    assert isinstance(verify(linked, empty).exception, VerificationError)


def test_whoever_was_given_an_answer_can_check_that_it_is_on_record(export):
    """An outsider has the export, the key, and the id of what a worker was told: a release without its entry is noticed."""
    found = export.said("--answer", export.profile)
    assert (found.exit_code, f"On record: {export.profile}" in found.output) == (0, True)
    told = next(n for n, item in enumerate(export.entries) if export.profile in item["entry"])
    never = export.said("--answer", "prf-" + "0" * 20)
    assert "was given and is not on record" in never.output
    assert isinstance(never.exception, VerificationError)
    hidden = rewritten([*export.entries[:told], *export.entries[told + 1 :]], told)
    assert isinstance(export.said("--answer", export.profile, entries=hidden).exception, VerificationError)


def test_the_export_is_one_view_of_the_log(linked, tools):
    tools.verified(linked)
    linked.ask("WB-20003")
    with linked.service.store.reading() as tx:
        lines = [json.loads(line) for line in export_lines(tx.audit, linked.service.log_key, False)]
    assert lines[0]["size"] == sum("entry" in line for line in lines)


def test_a_proof_of_one_entry_is_checked_offline(linked, tools, tmp_path):
    linked.ask("WB-20003")
    index = tools.events(linked, "profile:family:answered")[0].index
    out = tmp_path / "one.tlog-proof"
    data = str(linked.settings.data_dir)
    made = RUN.invoke(audit_app, ["proof", str(index), "--data", data, "--out", str(out)])
    assert made.exit_code == 0, made.exception
    proof = read_proof(out.read_text())
    key = read_key_file(linked.settings.data_dir / "log.vkey")
    assert proof.verify(key).size > index
    said = verify(linked, out)
    assert f"The proof holds: entry {index}, `profile:family:answered`" in said.output
    assert "Give --key" in str(getattr(RUN.invoke(audit_app, ["verify", str(out)]).exception, "next_step", ""))
    out.write_text(out.read_text().replace(f"index {index}", f"index {index - 1}"))
    with pytest.raises(VerificationError):
        read_proof(out.read_text()).verify(key)
    assert isinstance(verify(linked, out).exception, VerificationError)
    beyond = RUN.invoke(audit_app, ["proof", "999999", "--data", data])
    assert "under no checkpoint" in str(beyond.exception)


def test_a_file_that_cannot_be_written_is_said(linked, tmp_path):
    data = str(linked.settings.data_dir)
    for words in (["export"], ["article-30", "police"]):
        answer = RUN.invoke(audit_app, [*words, "--data", data, "--out", str(tmp_path / "none" / "x")])
        assert isinstance(answer.exception, InputError), answer.exception


def test_a_file_that_is_no_copy_is_said(linked, tmp_path):
    junk = tmp_path / "junk"
    junk.write_bytes(b"SQLite format 3\x00" + b"junk" * 100)
    assert isinstance(verify(linked, junk).exception, VerificationError)
