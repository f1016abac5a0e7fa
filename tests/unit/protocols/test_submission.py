"""A submission is whole, signed and named by its content; whatever is cut, altered or added is found."""

import zipfile
from datetime import UTC, date, datetime

import pytest

from protocols.errors import SubmissionError
from protocols.signing import SigningKey
from protocols.submission import (
    FORMAT,
    RECORDS,
    ClkPart,
    Counts,
    Manifest,
    Recipient,
    clk_part,
    open_submission,
    part_of,
    write_submission,
)

KEY = SigningKey.generate()
DIGEST = "a" * 64


@pytest.fixture
def submission(tmp_path):
    files = {}
    for name, data in {RECORDS: b"records", clk_part("person"): b"c" * 5000}.items():
        files[name] = tmp_path / name.replace("/", "-")
        files[name].write_bytes(data)
    recipient = Recipient(key="0" * 32, box="AAAA")
    manifest = Manifest(
        format=FORMAT,
        agency="police",
        kind="full",
        protocol_id="hertfordshire",
        protocol_version=1,
        protocol_digest=DIGEST,
        epoch=1,
        key_check_value="ABCD-EFGH",
        clks=(ClkPart(name="person", bits=1024, rows=1, schema_digest=DIGEST),),
        hardening="standard",
        encoder="0.1.0",
        extract_date=date(2026, 11, 16),
        created_at=datetime(2026, 11, 16, 9, tzinfo=UTC),
        counts=Counts(records=1, encodings=1, cells=0, families=0, consents=0),
        parts={name: part_of(path) for name, path in files.items()},
        matcher=recipient,
        workbook=recipient,
    )
    path = tmp_path / "police.kinlink"
    assert write_submission(path, manifest, KEY, files) == manifest.submission_id
    return path


def test_a_whole_submission_verifies(submission):
    with open_submission(submission) as file:
        file.verify(KEY.public)
        with file.open(RECORDS) as part:
            assert part.read() == b"records"
        assert file.families() == ()


def test_another_signer_is_refused(submission):
    with open_submission(submission) as file, pytest.raises(SubmissionError, match="signature"):
        file.verify(SigningKey.generate().public)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(submission, keep):
    data = submission.read_bytes()
    submission.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(SubmissionError), open_submission(submission) as file:
        file.verify(KEY.public)


def rewritten(path, change):
    with zipfile.ZipFile(path) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as new:
        for name, data in entries.items():
            new.writestr(name, data)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update({RECORDS: b"recordz"}),
        lambda e: e.update({RECORDS: b"records and more"}),
        lambda e: e.pop(RECORDS),
        lambda e: e.update({"extra.bin": b"x"}),
        lambda e: e.pop("manifest.jws"),
        lambda e: e.pop("manifest.json"),
        lambda e: e.update({"manifest.json": e["manifest.json"].replace(b'"epoch":1', b'"epoch":2')}),
        lambda e: e.update({"manifest.json": e["manifest.json"] + b" "}),
        lambda e: e.update({"manifest.json": b"{}"}),
    ],
)
def test_an_altered_submission_is_refused(submission, change):
    rewritten(submission, change)
    with pytest.raises(SubmissionError), open_submission(submission) as file:
        file.verify(KEY.public)


def test_a_flipped_bit_anywhere_in_a_part_is_found(submission):
    data = bytearray(submission.read_bytes())
    at = data.index(b"ccccc")
    data[at] ^= 1
    submission.write_bytes(bytes(data))
    with open_submission(submission) as file, pytest.raises(SubmissionError):
        file.verify(KEY.public)
