"""Submissions: who can open what, what is in clear, what is left out, and that nothing of a person is in the file."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from making import clks, data_key, table, use_protocol

from agencies.encoders import protocol_encodings
from agencies.encoding.keycheck import key_check_value
from agencies.folder import AgencyFolder
from agencies.secret import linkage_secret
from agencies.standardise.person import StandardPerson
from agencies.submission import Made
from agencies.submission_parts import CellContexts
from protocols.catalogue import decode_dated_value, decode_value
from protocols.errors import Busy, InputError, KeyProblem, SubmissionError, VerificationError
from protocols.sealing import open_cell
from protocols.submission import (
    CELLS,
    RECORDS,
    cell_context,
    open_submission,
)

Row = dict[str, str]


def test_the_file_is_signed_whole_and_named_by_its_content(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    made = make(people)
    assert made.path.name == f"{made.submission}.kinlink"
    assert made.submission == made.manifest.submission_id
    with open_submission(made.path) as file:
        file.verify(world.agency.signing_key.public)
        assert file.manifest == made.manifest
        with pytest.raises(SubmissionError, match="signature does not hold"):
            file.verify(world.other.signing_key.public)
    counts = made.manifest.counts
    assert (counts.records, counts.encodings, counts.families) == (40, 40, 0)
    assert counts.cells == table(made, CELLS).height
    assert made.manifest.key_check_value == key_check_value(linkage_secret(world.agency, 1), 1)
    assert made.manifest.extract_date == date(2026, 11, 10)
    assert made.path.stat().st_mode & 0o777 == 0o600


def test_the_matcher_alone_opens_the_encodings_and_they_are_those_of_the_records(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    made = make([*people, {**people[0], "REF": people[0]["REF"], "SUR": "Maidenname"}])
    rows = clks(made, data_key(made, "matcher", world.service_sealing))
    records = table(made, RECORDS)
    assert len(rows) == records["encodings"].sum() == 41
    secret = linkage_secret(world.agency, 1)
    (encoding,) = protocol_encodings(world.agency.protocol)
    encoder = encoding.encoder(secret)
    at = 0
    by_ref = {}
    for ref, count in records.select("record_ref", "encodings").iter_rows():
        by_ref[ref] = rows[at : at + count]
        at += count
    for person in people[1:]:
        day, month, year = person["DOB"].split("/")
        house, _, way = person["ADDR1"].partition(" ")
        standard = StandardPerson(
            person["FORE"].lower(), "", person["SUR"].lower(), f"{year}{month}{day}", person["SEX"].lower(),
            f"{house} {way.lower()} hartmere", person["PC"].replace(" ", ""),
        )  # fmt: skip
        assert (by_ref[world.agency.references.record(person["REF"])] == encoder.encode([standard])).all()
    for key in (world.workbook.sealing_key, world.other.sealing_key, world.agency.sealing_key):
        with pytest.raises(VerificationError):
            data_key(made, "matcher", key)
    with pytest.raises(VerificationError):
        clks(made, data_key(made, "workbook", world.workbook.sealing_key))


def test_the_workbook_alone_opens_the_values(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    people[3]["DA_12M"] = "4"
    made = make(people)
    cells = table(made, CELLS)
    key = data_key(made, "workbook", world.workbook.sealing_key)
    attributes = {each.id: each for each in world.agency.protocol.document.attributes}
    recorded = []
    for ref, attribute, as_at, sealed in cells.iter_rows():
        about = cell_context("police", ref, attribute, as_at, made.manifest.protocol_digest)
        value = decode_value(attributes[attribute], open_cell(sealed, key, about))
        if value is not None:
            recorded.append((ref, attribute, value))
    assert recorded == [(world.agency.references.record(people[3]["REF"]), "police.da_incidents_12m", {"count": 4})]
    for other in (world.service_sealing, world.other.sealing_key):
        with pytest.raises(VerificationError):
            data_key(made, "workbook", other)


def test_no_date_in_clear_tells_of_a_value(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    """Whoever has a value with a date of its own, or one from an older row, looks like whoever has none."""
    people[3].update({"DA_LAST": "28/10/2026", "DA_ROLE": "SUS", "DA_SEEN": "30/10/2026"})
    people[4].update({"AS_AT": "02/11/2026", "DA_12M": "4"})
    made = make([*people, {**people[4], "AS_AT": "10/11/2026", "DA_12M": ""}])
    cells = table(made, CELLS)
    assert set(cells["as_at"]) == {date(2026, 11, 10)}
    key = data_key(made, "workbook", world.workbook.sealing_key)
    attributes = {each.id: each for each in world.agency.protocol.document.attributes}
    found = {}
    for ref, name, as_at, sealed in cells.iter_rows():
        about = cell_context("police", ref, name, as_at, made.manifest.protocol_digest)
        value, own = decode_dated_value(attributes[name], open_cell(sealed, key, about))
        assert (own is None) == (value is None)
        if value:
            found[name] = own
    assert found == {"police.da_last_incident": date(2026, 10, 30), "police.da_incidents_12m": date(2026, 11, 2)}


def test_length_and_presence_of_cells_tell_nothing(make: Callable[..., Made], people: list[Row]) -> None:
    people[3].update({"DA_12M": "12345", "DA_LAST": "03/11/2026", "DA_ROLE": "SUS", "DA_SEEN": "04/11/2026"})
    cells = table(make(people), CELLS)
    lengths = cells.group_by("attribute").agg(pl.col("sealed").bin.size().n_unique().alias("n"))
    assert set(lengths["n"]) == {1}
    assert cells.group_by("record_ref").len()["len"].n_unique() == 1
    assert cells.select("record_ref", "attribute").is_duplicated().sum() == 0


def test_records_do_not_stand_in_the_order_of_the_extract(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    made = make(people)
    refs = table(made, RECORDS)["record_ref"].to_list()
    assert refs == sorted(refs) != [world.agency.references.record(person["REF"]) for person in people]
    cells = table(made, CELLS)["record_ref"].to_list()
    assert cells == sorted(cells)


def test_a_suppressed_person_is_not_in_the_file_at_all(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    plain = make(people[:-1])
    with_one = make([*people[:-1], {**people[-1], "PROTECTED": "Y", "GROUPS": "CANARYGROUP"}])
    assert with_one.manifest.counts == plain.manifest.counts
    assert table(plain, RECORDS).equals(table(with_one, RECORDS))
    assert table(plain, CELLS).drop("sealed").equals(table(with_one, CELLS).drop("sealed"))
    assert with_one.tally.suppressed == 1


def test_nothing_of_a_person_is_in_the_file_the_folder_or_the_manifest(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    canaries = {
        "REF": "CANARYREF77", "GROUPS": "CANARYGRP88", "FORE": "Canarella", "MID": "Canarmid", "SUR": "Canarsson",
        "ADDR1": "77 Canarway", "NHS": "9990102481", "MAIDEN": "Canarmaiden", "AKA_FORE": "Canaraka",
        "OLD_ADDR": "88 Canarold", "NOT_MAPPED": "Canarnote", "DOB": "14/02/1988", "PC": "SG99 7QQ",
    }  # fmt: skip
    made = make([*people, canaries])
    forms = []
    for text in {*canaries.values(), "19880214", "1988-02-14", "SG997QQ", "canarella", "canarsson"}:
        forms += [text.encode(), base64.b64encode(text.encode()).rstrip(b"="), text.encode("utf-16-le")]
        forms += [hashlib.sha256(text.encode()).digest(), hashlib.sha256(text.encode()).hexdigest().encode()]
    forms += [linkage_secret(world.agency, 1), linkage_secret(world.agency, 1).hex().encode()]
    extract = world.agency.path.parent / "extract.csv"
    assert b"Canarella" in extract.read_bytes()
    for path in (each for each in world.agency.path.rglob("*") if each.is_file()):
        data = path.read_bytes()
        parts = [data]
        if path.suffix == ".kinlink":
            with zipfile.ZipFile(path) as archive:
                parts += [archive.read(name) for name in archive.namelist()]
            parts += [_uncompressed(archive_table) for archive_table in (table(made, RECORDS), table(made, CELLS))]
        for form in forms:
            assert not any(form in part for part in parts), (path.name, form)


def _uncompressed(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_ipc(target, compression="uncompressed")
    return target.getvalue()


def test_nothing_is_left_behind_by_a_making_that_stops(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    broken = [{**person, "FORE": "", "SUR": ""} for person in people[:20]]
    with pytest.raises(InputError, match=r"20 records \(50%\) would be left out .* limit is 5%"):
        make([*broken, *people[20:]])
    assert list((world.agency.path / "outbox").iterdir()) == []
    made = make([*broken, *people[20:]], accept_defects=True)
    assert made.manifest.counts.records == 20
    assert made.tally.left_out == 20
    assert [path.name for path in (world.agency.path / "outbox").iterdir()] == [made.path.name]


def test_an_extract_without_one_usable_record_is_refused(make: Callable[..., Made]) -> None:
    with pytest.raises(InputError, match="No record of the extract can be used"):
        make([{"REF": ""}], accept_defects=True)


def test_more_records_than_the_registered_caseload_are_refused(
    world: Any, make: Callable[..., Made], people: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = world.agency.protocol.text.replace("registered_caseload: 600000", "registered_caseload: 39")
    assert text != world.agency.protocol.text
    use_protocol(world.agency, text)
    world.agency = AgencyFolder(world.agency.path, world.agency.passphrase)
    with pytest.raises(InputError, match="would have 40 records; `police` is registered for at most 39"):
        make(people)


def test_an_epoch_that_is_not_in_use_is_refused(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    settings = world.agency.path / "agency.yaml"
    settings.write_text(settings.read_text().replace("epoch: 1", "epoch: 2"))
    world.agency = AgencyFolder(world.agency.path, world.agency.passphrase)
    with pytest.raises(InputError, match="Epoch 2 is not in use on") as raised:
        make(people)
    assert "epoch 1" in raised.value.next_step


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("secrets/epoch-1", KeyProblem, "no linkage secret of epoch 1"),
        ("cards/service.service.card", KeyProblem, r"no trusted card of `service` \(service\)"),
        ("cards/workbook.workbook.card", KeyProblem, r"no trusted card of `workbook` \(workbook\)"),
        ("keys/signing.key", KeyProblem, "signing key .* cannot be read"),
        ("keys/reference.key", KeyProblem, "reference key .* cannot be read"),
        ("mapping.yaml", InputError, "`mapping.yaml` cannot be read"),
    ],
)
def test_what_is_missing_is_named(
    world: Any, make: Callable[..., Made], people: list[Row], path: str, error: type[Exception], said: str
) -> None:
    (world.agency.path / path).unlink()
    world.agency = AgencyFolder(world.agency.path, world.agency.passphrase)
    with pytest.raises(error, match=said):
        make(people)
    assert list((world.agency.path / "outbox").iterdir()) == []


def test_two_cards_of_a_service_are_not_chosen_from(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    held = world.agency.path / "cards" / "service.service.card"
    (held.parent / "matcher.service.card").write_bytes(held.read_bytes())
    with pytest.raises(KeyProblem, match="2 trusted cards with the purpose `service`"):
        make(people)


def test_an_encoder_that_fails_its_test_vectors_cannot_submit(
    world: Any, make: Callable[..., Made], people: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agencies.standardise.names.letters", lambda text: text[::-1])
    from agencies.standardise import person

    person._workers.cache_clear()
    person._steps.cache_clear()
    try:
        with pytest.raises(InputError, match="does not make the test vectors of the CLK `person`"):
            make(people)
    finally:
        monkeypatch.undo()
        person._workers.cache_clear()
        person._steps.cache_clear()
    assert make(people).manifest.counts.records == 40


def test_a_schema_beside_the_protocol_must_be_the_one_that_it_names(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    use_protocol(world.agency, world.agency.protocol.text)
    (world.agency.path / "person-4096.json").write_text("{}")
    world.agency = AgencyFolder(world.agency.path, world.agency.passphrase)
    with pytest.raises(Exception, match=r"`person-4096.json` is not the one that `hertfordshire v1` names"):
        make(people)


def test_a_folder_in_use_is_left_alone(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    with world.agency.lock(), pytest.raises(Busy):
        make(people)


def test_many_shelves_give_the_same_as_one(
    world: Any, make: Callable[..., Made], people: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    people[3].update({"DA_12M": "5", "MAIDEN": "Other"})
    one = make(people)
    monkeypatch.setattr("agencies.shelves._DIGITS_UP_TO", {0: 3, 1: 5})
    monkeypatch.setattr("agencies.shelves._FLUSH", 7)
    monkeypatch.setattr("agencies.submission._BATCH", 5)
    many = make(people)
    assert table(one, RECORDS).equals(table(many, RECORDS))
    key = world.service_sealing
    assert (clks(one, data_key(one, "matcher", key)) == clks(many, data_key(many, "matcher", key))).all()
    assert table(one, CELLS).drop("sealed").equals(table(many, CELLS).drop("sealed"))


def test_a_folder_left_by_a_killed_run_is_swept(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    left = world.agency.path / "outbox" / ".making-left"
    left.mkdir()
    (left / "all.records").write_text("x")
    unfinished = left.with_name("sub-1.kinlink.partial")
    unfinished.write_text("x")
    make(people)
    assert not left.exists()
    assert not unfinished.exists()


def test_the_manifest_counts_nothing_that_was_left_out(make: Callable[..., Made], people: list[Row]) -> None:
    manifest = make([*people, {**people[0], "REF": "S1", "PROTECTED": "Y"}, {**people[0], "REF": ""}]).manifest
    text = json.dumps(manifest.model_dump(mode="json"))
    for word in ("suppress", "left_out", "excluded", "rejected", "held"):
        assert word not in text


def test_contexts_made_once_are_the_contexts_that_everybody_makes(world: Any) -> None:
    contexts = CellContexts("police", "0" * 64)
    for ref in (world.agency.references.record(str(number)) for number in range(20)):
        for attribute in ("police.marac", "police.da_incidents_12m"):
            for day in (date(2026, 11, 10), date(1999, 1, 2)):
                assert contexts.of(ref, attribute, day) == cell_context("police", ref, attribute, day, "0" * 64)
