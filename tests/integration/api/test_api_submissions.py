"""A submission comes in whole or not at all; what does not fit is refused with a clear sentence, and changes nothing."""

import base64
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from api.admin import register_card, retire_key
from protocols.signing import VerifyingKey, open_card
from protocols.submission import ClkPart, Counts, Receipt

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def people(tools):
    return [tools.Person(f"POLREF{i:04d}", [tools.clk(i)], groups=["case-1"]) for i in range(6)]


@BOTH
def test_a_submission_is_received_with_a_receipt_that_anyone_can_check(site, people, tools):
    path = site.submission("police", people)
    answer = site.submit("police", path)
    assert answer.status_code == 201, answer.text
    card = open_card(site.http.get("/v1/service").json()["card"])
    key = VerifyingKey.from_dict(dict(card.signing_key))
    receipt = Receipt.read(key.verify(answer.json()["receipt"], what="receipt"), "receipt")
    assert (receipt.agency, receipt.counts.records) == ("police", 6)
    assert receipt.submission == answer.json()["submission"]
    own = site.call("police", "GET", "/v1/submissions").json()
    assert [(item["id"], item["state"]) for item in own] == [(receipt.submission, "received")]
    assert [event.facts["submission"] for event in tools.events(site, "submission:file:received")] == [
        receipt.submission
    ]
    assert not list(site.settings.folder.uploads.iterdir())
    tools.verified(site)


def test_sending_it_twice_is_the_same_as_once(site, people, tools):
    path = site.submission("police", people)
    first, second = site.submit("police", path), site.submit("police", path)
    assert first.json() == second.json()
    again = site.announce("police", path)
    assert (again["state"], again["receipt"]) == ("complete", first.json()["receipt"])
    assert len(tools.events(site, "submission:file:received")) == 1


def test_an_upload_is_resumed_where_it_stopped(site, tools, monkeypatch):
    people = [tools.Person(f"POLREF{i:04d}", [tools.clk(i)] * 8) for i in range(120)]
    path = site.submission("police", people)
    small = 65_536
    monkeypatch.setattr("api.routes.submissions.open_upload", with_part_bytes(small))
    upload = site.announce("police", path)
    assert upload["parts"] == -(-path.stat().st_size // small) > 2
    assert site.send_part("police", upload, path, 2).status_code == 204
    early = site.call("police", "POST", f"/v1/uploads/{upload['upload_id']}/complete")
    assert early.status_code == 422
    assert "the first is 1" in early.json()["detail"]
    again = site.announce("police", path)
    assert (again["upload_id"], again["received"], again["state"]) == (upload["upload_id"], [2], "open")
    for number in set(range(1, upload["parts"] + 1)) - {2}:
        assert site.send_part("police", upload, path, number).status_code == 204
    assert site.call("police", "POST", f"/v1/uploads/{upload['upload_id']}/complete").status_code == 201


def with_part_bytes(size):
    from api.uploads import open_upload

    def changed(store, agency, sha256, length, part_bytes, now):
        return open_upload(store, agency, sha256, length, size, now)

    return changed


def test_a_part_that_is_cut_altered_or_too_long_is_not_kept(site, people):
    path = site.submission("police", people)
    upload, data = site.announce("police", path), path.read_bytes()
    for part, digest, what in [
        (data[:-1], None, "cut off"),
        (data + b"x", None, "longer"),
        (data[:-1] + b"x", __import__("hashlib").sha256(data).digest(), "altered"),
    ]:
        answer = site.put_part("police", upload, 1, part, digest)
        assert answer.status_code == 422
        assert what in answer.json()["detail"]
    assert site.announce("police", path)["received"] == []
    assert not [item for item in site.settings.folder.uploads.rglob("*") if item.is_file()]


def test_a_part_without_its_digest_or_beyond_the_file_is_refused(site, people):
    path = site.submission("police", people)
    upload = site.announce("police", path)
    bare = site.call("police", "PUT", f"/v1/uploads/{upload['upload_id']}/parts/1", content=path.read_bytes())
    assert bare.status_code == 422
    assert "Content-Digest" in bare.json()["detail"]
    assert site.put_part("police", upload, 9, b"x").status_code == 422


def test_another_agency_cannot_tell_that_it_exists(site, people):
    path = site.submission("police", people)
    upload = site.announce("police", path)
    done = site.submit("police", path).json()["submission"]
    unknown = "up-" + "0" * 24
    for method, address in [
        ("GET", "/v1/uploads/{}"),
        ("POST", "/v1/uploads/{}/complete"),
        ("PUT", "/v1/uploads/{}/parts/1"),
    ]:
        theirs, nobodys = (site.call("health", method, address.format(ref)) for ref in (upload["upload_id"], unknown))
        assert theirs.status_code == nobodys.status_code == 404
        assert without_instance(theirs) == without_instance(nobodys)
    assert site.call("health", "GET", "/v1/submissions").json() == []
    theirs = site.call("health", "POST", f"/v1/submissions/{done}/withdraw")
    nobodys = site.call("health", "POST", "/v1/submissions/sub-" + "0" * 24 + "/withdraw")
    assert theirs.status_code == nobodys.status_code == 404
    assert without_instance(theirs) == without_instance(nobodys)
    same_file = site.announce("health", path)
    assert same_file["upload_id"] != upload["upload_id"]
    assert same_file["received"] == []


def without_instance(answer):
    return {name: value for name, value in answer.json().items() if name != "instance"}


def refused(site, tools, party, path, what):
    """The file is refused for this reason; nothing of it is stored, and the log says so."""
    before = site.call(party, "GET", "/v1/submissions").json()
    families, files = count(site, "families"), len(list(site.settings.folder.submissions.iterdir()))
    answer = site.submit(party, path)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert what in answer.json()["detail"], answer.json()["detail"]
    assert answer.json()["next_step"]
    assert site.call(party, "GET", "/v1/submissions").json() == before
    assert count(site, "families") == families
    assert not list(site.settings.folder.uploads.iterdir())
    assert len(list(site.settings.folder.submissions.iterdir())) == files
    last = tools.events(site, "submission:file:quarantined")[-1]
    assert what in last.facts["problem"]
    upload = site.announce(party, path)
    assert upload["state"] == "quarantined"
    assert what in upload["problem"]


def count(site, table):
    from sqlalchemy import text

    with site.service.store.engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608


def test_a_foreign_or_unknown_signer_is_refused(site, people, tools):
    stranger = tools.Party("police")
    path = site.submission("police", people)
    forged = path.with_name("forged.kinlink")
    tools.build(forged, stranger, people, site.protocol, site.card, site.parties["workbook"])
    refused(site, tools, "police", forged, "not this agency's current key")
    refused(site, tools, "health", path, "another agency")


def rewritten(path, change, remove=()):
    """The same ZIP with some parts changed or left out."""
    target = path.with_name(f"changed-{path.name}")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as sink:
        for name in source.namelist():
            data = source.read(name)
            if name in change:
                data = change[name](data)
            if name not in remove:
                sink.writestr(name, data)
    return target


def test_a_submission_that_a_retired_key_signed_is_refused(site, people, tools):
    """Somebody who stole the old key has no token, but may have put a file into the outbox."""
    made = site.submission("police", people)
    old = site.parties["police"]
    site.parties["police"] = tools.Party("police", sealing=old.sealing)
    register_card(site.service, site.parties["police"].card)
    retire_key(site.service, old.signing.public.kid)
    site.tokens.clear()
    refused = site.submit("police", made)
    assert refused.status_code == 422
    assert "current key" in refused.json()["detail"]
    assert site.submit("police", site.submission("police", people)).status_code == 201


def test_altered_and_truncated_files_are_refused(site, people, tools):
    def flipped(data):
        return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]

    path = site.submission("police", people)
    refused(site, tools, "police", rewritten(path, {"cells.parquet": flipped}), "altered")
    refused(
        site, tools, "police", rewritten(path, {"manifest.json": lambda d: d.replace(b"test", b"tesu")}), "signature"
    )
    refused(site, tools, "police", rewritten(path, {}, {"cells.parquet"}), "missing ['cells.parquet']")
    packed = path.with_name("packed.kinlink")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as sink:
        for name in source.namelist():
            sink.writestr(name, source.read(name))
    refused(site, tools, "police", packed, "compressed")
    cut = path.with_name("cut.kinlink")
    cut.write_bytes(path.read_bytes()[:-200])
    refused(site, tools, "police", cut, "not a submission")
    junk = path.with_name("junk.kinlink")
    junk.write_bytes(b"name;birthday\nSmith;1990\n")
    refused(site, tools, "police", junk, "not a submission")


MANIFEST_FAULTS = {
    "protocol_digest": ("0" * 64, "was made for hertfordshire version 1"),
    "protocol_version": (2, "was made for hertfordshire version 2"),
    "epoch": (99, "epoch 99"),
    "extract_date": (datetime.now(UTC).date() + timedelta(days=3), "in the future"),
    "created_at": (datetime.now(UTC) + timedelta(hours=2), "made in the future"),
    "counts": (Counts(records=7, encodings=6, cells=36, families=0, consents=0), "counts 7 records; there are 6"),
}


@pytest.mark.parametrize("field", MANIFEST_FAULTS)
def test_a_manifest_that_does_not_fit_is_refused(site, people, tools, field):
    value, what = MANIFEST_FAULTS[field]
    refused(site, tools, "police", site.submission("police", people, **{field: value}), what)


def test_encodings_of_another_schema_or_length_are_refused(site, people, tools, protocol):
    name = protocol.document.encoding.clks[0].id
    digest = protocol.document.encoding.clks[0].schema_sha256
    for part, what in [
        (ClkPart(name=name, bits=1024, rows=6, schema_digest="0" * 64), "not the ones of the sharing protocol"),
        (ClkPart(name="other", bits=1024, rows=6, schema_digest=digest), "not the ones of the sharing protocol"),
        (ClkPart(name=name, bits=512, rows=6, schema_digest=digest), "has 512 bits"),
        (ClkPart(name=name, bits=1024, rows=5, schema_digest=digest), "counts 5 encodings"),
    ]:
        refused(site, tools, "police", site.submission("police", people, clks=(part,)), what)


def test_records_that_do_not_fit_are_refused_by_row_and_never_by_value(site, tools):
    def people(*changed):
        good = [tools.Person(f"POLREF{i:04d}", [tools.clk(i)]) for i in range(4)]
        return good + list(changed)

    secret = "Samira-Haddad-1991"
    for bad, what in [
        (tools.Person("POLREF0001", [tools.clk(9)]), "appears more than once, in 2 rows; the first is row 2"),
        (tools.Person(f"x {secret}", [tools.clk(9)]), "not a pseudonym of 8 to 64"),
        (tools.Person("POLREF0009", [tools.clk(9)], hold=secret[:20]), "`hold` is not a reason"),
        (tools.Person("POLREF0009", [tools.clk(9)], groups=[""]), "`groups`"),
        (tools.Person("POLREF0009", [tools.clk(9)], groups=[f"g{i}" for i in range(65)]), "`groups`"),
        (tools.Person("POLREF0009", [], kind="ADULT"), "`encodings` is not 0"),
    ]:
        path = site.submission("police", people(bad))
        refused(site, tools, "police", path, what)
        assert secret not in site.announce("police", path)["problem"]


def test_cells_must_be_one_for_every_attribute_and_of_one_length(site, people, tools):
    fewer = site.submission("police", people)
    import polars as pl

    from protocols.submission import CELLS, part_of

    for change, what in [
        (lambda t: t.head(t.height - 1), "1 cells are missing and 0"),
        (lambda t: pl.concat([t, t.head(1)]), "two cells for one attribute"),
        (lambda t: t.with_columns(pl.lit("health.maternity").alias("attribute")), "not in the catalogue"),
        (lambda t: t.with_columns(pl.col("sealed").bin.slice(1)), "another length"),
        (lambda t: t.with_columns(pl.lit(tools.today + timedelta(days=1)).alias("as_at")), "in the future"),
        (lambda t: t.drop("as_at"), "other columns"),
        (lambda t: t.with_columns(pl.col("sealed").bin.encode("hex")), "Column `sealed`"),
    ]:
        scratch = fewer.parent / "cells"
        with zipfile.ZipFile(fewer) as source:
            change(pl.read_parquet(source.read(CELLS))).write_parquet(scratch)
        refused(site, tools, "police", resigned(site, fewer, {CELLS: scratch}, part_of), what)


def resigned(site, path, files, part_of):
    """The same submission with other parts, signed again by its own agency."""
    from protocols.submission import Manifest, write_submission

    target = path.with_name(f"resigned-{path.name}")
    with zipfile.ZipFile(path) as source:
        manifest = Manifest.model_validate_json(source.read("manifest.json"))
        parts = {}
        for name in manifest.parts:
            parts[name] = path.parent / f"part-{name.replace('/', '-')}"
            parts[name].write_bytes(source.read(name))
    parts |= files
    manifest = manifest.model_copy(update={"parts": {name: part_of(part) for name, part in parts.items()}})
    write_submission(target, manifest, site.parties[manifest.agency].signing, parts)
    return target


def test_a_table_that_is_not_parquet_is_refused(site, people, tools):
    from protocols.submission import RECORDS, part_of

    path = site.submission("police", people)
    junk = path.parent / "junk"
    junk.write_bytes(b"PAR1" + b"\x00" * 50 + b"PAR1")
    refused(site, tools, "police", resigned(site, path, {RECORDS: junk}, part_of), "cannot be read as a Parquet table")


def test_sealed_encodings_that_do_not_open_are_refused(site, people, tools):
    from protocols.submission import clk_part, part_of

    path = site.submission("police", people)
    name = clk_part(site.protocol.document.encoding.clks[0].id)
    with zipfile.ZipFile(path) as source:
        data = bytearray(source.read(name))
    data[40] ^= 1
    broken = path.parent / "broken"
    broken.write_bytes(data)
    refused(site, tools, "police", resigned(site, path, {name: broken}, part_of), "does not open")


def test_values_and_encodings_must_be_sealed_to_the_registered_keys(site, people, tools):
    good = site.submission("police", people)
    with zipfile.ZipFile(good) as source:
        from protocols.submission import Manifest

        manifest = Manifest.model_validate_json(source.read("manifest.json"))
    other = manifest.matcher.model_copy(update={"key": "0" * 32})
    refused(site, tools, "police", site.submission("police", people, matcher=other), "another key than the matcher's")
    refused(site, tools, "police", site.submission("police", people, workbook=other), "registered Workbook's")
    wrong = manifest.matcher.model_copy(update={"box": base64.b64encode(b"x" * 1200).decode()})
    refused(site, tools, "police", site.submission("police", people, matcher=wrong), "data key of the encodings")


def test_the_caseload_bounds_a_submission(site, people, tools, monkeypatch):
    party = next(item for item in site.protocol.document.parties if item.id == "police")
    live = site.service.protocols
    with site.service.store.reading() as tx:
        loaded = live.live(tx.identity)
    small = [
        item.model_copy(update={"registered_caseload": 5}) if item == party else item
        for item in loaded.document.parties
    ]
    changed = loaded.document.model_copy(update={"parties": tuple(small)})
    monkeypatch.setattr(
        "api.protocol_versions.ProtocolCache.live",
        lambda self, store: type(loaded)(changed, loaded.digest, loaded.text),
    )
    refused(site, tools, "police", site.submission("police", people), "registered for at most 5")


def test_another_linkage_secret_is_noticed(site, people, tools):
    assert site.submit("police", site.submission("police", people)).status_code == 201
    health = [tools.Person(f"HEAREF{i:04d}", [tools.clk(i)]) for i in range(3)]
    path = site.submission("health", health, key_check_value="aaaa-bbbb-cccc-dddd")
    refused(site, tools, "health", path, "another linkage secret")
    assert site.submit("health", site.submission("health", health)).status_code == 201


def test_families_with_unknown_members_are_refused_whole(site, tools, county):
    families = [*county.declared[:2], tools.declaration("WB-29999", "SOCREF000M", "SOCREF000F", "NOBODY0001")]
    path = site.submission("social_care", county.social_care, families)
    refused(site, tools, "social_care", path, "Family `WB-29999` has 1 members that are no record of this submission")
    twice = [county.declared[0], county.declared[1].model_copy(update={"aliases": ("WB-20000",)})]
    path = site.submission("social_care", county.social_care, twice)
    refused(site, tools, "social_care", path, "used by two families")


def test_only_the_declaring_agency_declares(site, tools, county):
    people = [tools.Person(item.ref, item.clks, item.kind) for item in county.social_care]
    path = site.submission("police", people, county.declared[:1])
    refused(site, tools, "police", path, "parts are not the expected ones")


def test_a_failed_submission_leaves_the_one_before_in_use(site, people, tools):
    assert site.submit("police", site.submission("police", people)).status_code == 201
    before = site.call("police", "GET", "/v1/submissions").json()
    refused(site, tools, "police", site.submission("police", people, epoch=99), "epoch 99")
    assert site.call("police", "GET", "/v1/submissions").json() == before


def test_a_withdrawn_submission_is_out_of_use(site, people):
    done = site.submit("police", site.submission("police", people)).json()["submission"]
    answer = site.call("police", "POST", f"/v1/submissions/{done}/withdraw").json()
    assert answer == {"id": done, "state": "withdrawn"}
    assert site.call("police", "GET", "/v1/submissions").json()[0]["state"] == "withdrawn"
    again = site.call("police", "POST", f"/v1/submissions/{done}/withdraw").json()
    assert again["state"] == "withdrawn"


def test_a_file_that_is_too_long_is_refused_at_its_announcement(site):
    body = {"file_sha256": "0" * 64, "bytes": site.settings.most_file_bytes + 1}
    answer = site.call("police", "POST", "/v1/uploads", json=body)
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:kinlink:problem:too-large"
