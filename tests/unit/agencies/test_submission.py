"""Submissions: who can open what, what is in clear, what is left out, and that nothing of a person is in the file."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from agencies.difference import accept_state
from agencies.encoders import protocol_encodings
from agencies.encoding.keycheck import key_check_value
from agencies.folder import AgencyFolder
from agencies.local_view import read_view
from agencies.secret import linkage_secret
from agencies.standardise.person import StandardPerson
from agencies.submission import Made, Options, make_submission
from agencies.submission_parts import CellContexts
from protocols.catalogue import decode_dated_value, decode_value
from protocols.errors import Busy, InputError, KeyProblem, SubmissionError, VerificationError
from protocols.sealing import SealingPrivateKey, open_box, open_cell, open_stream
from protocols.submission import (
    CELLS,
    CHECKS,
    CONSENTS,
    FAMILIES,
    RECORDS,
    box_context,
    cell_context,
    clk_context,
    clk_part,
    open_submission,
)

Row = dict[str, str]


@pytest.fixture
def make(world: Any, write_extract: Callable[..., Path]) -> Callable[..., Made]:
    def make_it(rows: list[Row], **options: Any) -> Made:
        return make_submission(world.agency, world.reading(write_extract(rows)), Options(**options))

    return make_it


def table(made: Made, name: str) -> pl.DataFrame:
    with open_submission(made.path) as file, file.open(name) as source:
        return pl.read_parquet(io.BytesIO(source.read()))


def data_key(made: Made, who: str, key: SealingPrivateKey) -> bytes:
    manifest = made.manifest
    recipient = getattr(manifest, who)
    about = box_context(who, manifest.agency, manifest.protocol_digest, manifest.epoch)
    return open_box(base64.b64decode(recipient.box), key, about)


def clks(made: Made, key: bytes) -> np.ndarray[Any, Any]:
    manifest = made.manifest
    with open_submission(made.path) as file, file.open(clk_part("person")) as source:
        about = clk_context(manifest.agency, "person", manifest.protocol_digest)
        data = b"".join(open_stream(source, key, about))  # type: ignore[arg-type]
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, manifest.clks[0].bits // 8)


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
    _use_protocol(world.agency, text)
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
    _use_protocol(world.agency, world.agency.protocol.text)
    (world.agency.path / "person-4096.json").write_text("{}")
    world.agency = AgencyFolder(world.agency.path, world.agency.passphrase)
    with pytest.raises(Exception, match=r"`person-4096.json` is not the one that `hertfordshire v1` names"):
        make(people)


def test_a_delta_holds_only_what_changed(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    with pytest.raises(InputError, match="no submission to be the base"):
        make(people, delta=True)
    first = make(people)
    with pytest.raises(InputError, match="no submission to be the base"):
        make(people, delta=True)
    accept_state(world.agency, first.submission)
    changed = [dict(person) for person in people[1:]]
    changed[0]["SUR"] = "Newname"
    changed[1]["DA_12M"] = "2"
    changed.append({**people[0], "REF": "NEW1", "FORE": "Zelda"})
    made = make(changed, delta=True)
    assert (made.manifest.kind, made.manifest.base) == ("delta", first.submission)
    keyed = world.agency.references.record
    rows = {row[0]: row for row in table(made, RECORDS).select("record_ref", "op", "encodings").iter_rows()}
    assert rows == {
        keyed(people[0]["REF"]): (keyed(people[0]["REF"]), "remove", 0),
        keyed(people[1]["REF"]): (keyed(people[1]["REF"]), "put", 1),
        keyed(people[2]["REF"]): (keyed(people[2]["REF"]), "put", 1),
        keyed("NEW1"): (keyed("NEW1"), "put", 1),
    }
    counts = made.manifest.counts
    assert (counts.records, counts.removed, counts.encodings) == (3, 1, 3)
    assert len(clks(made, data_key(made, "matcher", world.service_sealing))) == 3
    assert made.difference is not None
    assert (made.difference.added, made.difference.removed, made.difference.changed) == (1, 1, 2)


def test_a_new_day_alone_is_no_change(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    """An extract of which only its own date moved on: nothing changed, whatever that date stands beside."""
    people[3].update({"DA_12M": "4"})
    accept_state(world.agency, make([{**each, "AS_AT": "03/11/2026"} for each in people]).submission)
    difference = make(people).difference
    assert (difference.added, difference.changed, difference.unchanged) == (0, 0, 40)
    people[4].update({"DA_LAST": "28/10/2026", "DA_ROLE": "SUS", "DA_SEEN": "30/10/2026"})
    assert make(people).difference.changed == 1


def test_a_delta_without_a_change_is_not_made(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    accept_state(world.agency, make(people).submission)
    with pytest.raises(InputError, match="Nothing changed since the last submission"):
        make(people, delta=True)


def test_a_delta_of_families_alone_has_no_records(
    make_world: Callable[[str], Any], write_extract: Callable[..., Path], people: list[Row]
) -> None:
    world = make_world("social_care")
    folder = world.agency.path.parent / "lcs"
    people[1].update({"DOB": "03/04/2019", "KIND": "C"})
    extract = write_extract(people, folder=folder)
    _declare(folder, people[0]["REF"], people[1]["REF"])
    first = make_submission(world.agency, world.reading(extract), Options(declarations=folder))
    accept_state(world.agency, first.submission)
    made = make_submission(world.agency, world.reading(extract), Options(declarations=folder, delta=True))
    assert (made.manifest.counts.records, made.manifest.counts.families) == (0, 1)
    assert table(made, RECORDS).columns[-1] == "op"
    assert len(clks(made, data_key(made, "matcher", world.service_sealing))) == 0


def test_a_delta_over_another_protocol_is_refused(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    accept_state(world.agency, make(people).submission)
    _use_protocol(world.agency, world.agency.protocol.text.replace("version: 1\n", "version: 2\n", 1))
    world.agency = AgencyFolder(world.agency.path, world.agency.passphrase)
    with pytest.raises(InputError, match="delta cannot be made"):
        make(people, delta=True)


def test_a_swing_of_more_than_a_fifth_raises_an_alarm(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    accept_state(world.agency, make(people).submission)
    eight = make(people[8:])
    assert eight.difference is not None
    assert eight.difference.share == pytest.approx(0.2)
    with pytest.raises(InputError, match=r"22% changed since the last submission \(0 new, 9 gone, 0 changed\)"):
        make(people[9:])
    assert make(people[9:], accept_difference=True).manifest.counts.records == 31


def test_a_damaged_memory_of_the_last_submission_is_told(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    accept_state(world.agency, make(people).submission)
    (world.agency.path / "local" / "submitted.parquet").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"`local/submitted.parquet` is damaged"):
        make(people)


def test_an_accepted_submission_of_which_nothing_is_remembered_is_no_base(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    """A difference from another submission than the one in force would be wrong."""
    first, second = make(people), make(people)
    accept_state(world.agency, first.submission)
    (world.agency.path / "local" / f"{second.submission}.state.parquet").unlink()
    accept_state(world.agency, second.submission)
    with pytest.raises(InputError, match="no submission to be the base"):
        make(people, delta=True)


def test_what_is_remembered_goes_with_the_file_in_the_outbox(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    first, second = make(people), make(people)
    first.path.unlink()
    make(people)
    kept = {path.name.split(".")[0] for path in (world.agency.path / "local").glob("*.state.parquet")}
    assert first.submission not in kept
    assert second.submission in kept


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


def test_social_care_declares_families_and_keeps_names_at_home(
    make_world: Callable[[str], Any], write_extract: Callable[..., Path], people: list[Row]
) -> None:
    world = make_world("social_care")
    folder = world.agency.path.parent / "lcs"
    people[1].update({"DOB": "03/04/2019", "KIND": "C"})
    mother, child = people[0]["REF"], people[1]["REF"]
    extract = write_extract(people, folder=folder)
    _declare(folder, mother, child)
    made = make_submission(world.agency, world.reading(extract), Options(declarations=folder))
    keyed = world.agency.references.record
    with open_submission(made.path) as file:
        (family,) = file.families()
        (consent,) = file.consents()
    assert {member.record_ref for member in family.members} == {keyed(mother), keyed(child), keyed("U1")}
    assert consent.subject_ref == keyed(mother)
    records = {row[0]: row for row in table(made, RECORDS).select("record_ref", "kind", "encodings").iter_rows()}
    assert records[keyed("U1")][1:] == ("UNBORN", 0)
    assert made.manifest.counts.records == 41
    assert set(made.manifest.parts) == {RECORDS, CELLS, CHECKS, FAMILIES, CONSENTS, clk_part("person")}
    view = read_view(world.agency)
    assert view.members[keyed(mother)].name == "Adeola Abernethy"
    assert keyed(people[5]["REF"]) not in view.members
    assert view.family("WB-0") == "WB-1"
    data = made.path.read_bytes()
    assert b"Adeola" not in data
    assert b"Adeola" not in (world.agency.path / "local" / "display").read_bytes()


def test_a_family_with_an_unknown_member_stops_the_making(
    make_world: Callable[[str], Any], write_extract: Callable[..., Path], people: list[Row]
) -> None:
    world = make_world("social_care")
    folder = world.agency.path.parent / "lcs"
    people[1].update({"DOB": "03/04/2019", "KIND": "C"})
    extract = write_extract(people, folder=folder)
    _declare(folder, people[0]["REF"], "ABSENT")
    with pytest.raises(InputError, match=r"`members.csv`, row 3: the member `ABSENT` is not in the extract"):
        make_submission(world.agency, world.reading(extract), Options(declarations=folder))
    assert list((world.agency.path / "outbox").iterdir()) == []


def _declare(folder: Path, mother: str, child: str) -> None:
    (folder / "families.csv").write_text("family_ref,aliases,opened,closed\nWB-1,WB-0,2026-01-05,\n")
    (folder / "members.csv").write_text(
        "family_ref,member_ref,role,kind,stage,stage_since,expected_date,mother_ref,joined,left\n"
        f"WB-1,{mother},MOTHER,ADULT,,,,,2026-01-05,\nWB-1,{child},CHILD,CHILD,CP,2026-03-01,,,2026-01-05,\n"
        f"WB-1,U1,UNBORN,UNBORN,PLO,2026-09-01,2027-01-20,{mother},2026-09-01,\n"
    )
    (folder / "relationships.csv").write_text(
        f"family_ref,adult_ref,child_ref,relationship,contact\nWB-1,{mother},{child},PARENT,LIVES_WITH\n"
    )
    (folder / "allocations.csv").write_text(
        "family_ref,worker,role_function,for_ref,from,until\nWB-1,w-1,social-worker,,2026-01-05,\n"
    )
    (folder / "consents.csv").write_text(
        "member_ref,given_by_ref,capacity,scope,purpose,notice_version,method,status,given_at,expires_at,withdrawn_at\n"
        f"{mother},,ADULT,recovery.episode,family-support,v3,in-person,GIVEN,2026-05-01T10:00:00+01:00,,\n"
    )


def _use_protocol(folder: AgencyFolder, text: str) -> None:
    (folder.path / "protocol.yaml").write_text(text)
    settings = folder.path / "agency.yaml"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith("protocol:")]
    settings.write_text("\n".join([*lines, "protocol: protocol.yaml"]) + "\n")


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
