"""Submitting to a real service: received once however often it is sent, cut off and continued, refused with a reason."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agencies.client import ServiceClient
from agencies.difference import last_submitted
from agencies.reading import open_reading
from agencies.receipts import check_file, read_receipt, receipt_path, receipts, verify_receipt
from agencies.secret import linkage_secret
from agencies.submission import Made, Options, make_submission
from agencies.submit import newest_in_outbox, submissions, submit, withdraw
from protocols.errors import KeyProblem, KinlinkError, Refusal, SubmissionError, Unavailable, VerificationError
from protocols.signing import Card, SigningKey, sign_card

# Sends the newest submission and kills itself, as the operating system would, once 60 % is sent.
KILLED = """
import os, signal, sys
from pathlib import Path
from agencies.client import ServiceClient
from agencies.folder import AgencyFolder
from agencies.submit import newest_in_outbox, submit

def at_sixty(stage, done, total):
    if done >= 0.6 * total:
        os.kill(os.getpid(), signal.SIGKILL)

folder = AgencyFolder(Path(sys.argv[1]), lambda: sys.argv[2].encode())
with ServiceClient(folder) as client:
    submit(folder, newest_in_outbox(folder), client, at_sixty)
"""


def make(county: Any, name: str) -> Made:
    folder = county.folder(name)
    return make_submission(
        folder,
        open_reading(folder, county.extract(name)),
        Options(
            declarations=county.root / name if name == "social_care" else None,
            accept_difference=True,
            attack_report="a" * 64,
        ),
    )


def send(county: Any, name: str, path: Path | None = None) -> Any:
    folder = county.folder(name)
    with ServiceClient(folder, pause=lambda seconds: None) as client:
        return submit(folder, path or newest_in_outbox(folder), client)


def test_killed_at_sixty_per_cent_it_goes_on_and_ends_with_the_same_receipt(county: Any) -> None:
    made = make(county, "social_care")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(county.root / "social_care"), county.passphrase], check=False, timeout=60
    )
    assert killed.returncode == -9
    folder = county.folder("social_care")
    assert not receipt_path(folder, made.submission).exists()
    sent = send(county, "social_care")
    parts = -(-made.path.stat().st_size // 131072)
    assert sent.held_parts >= 0.55 * parts > 5
    assert sent.held_parts + sent.sent_parts == parts
    again = send(county, "social_care")
    assert (again.receipt, again.sent_parts) == (sent.receipt, 0)
    assert sent.receipt.submission == made.submission
    assert sent.receipt.counts == made.manifest.counts
    before = last_submitted(folder)
    assert before is not None
    assert before.submission == made.submission


def test_the_receipt_is_verified_offline_and_an_altered_one_is_noticed(county: Any, tmp_path: Path) -> None:
    made = make(county, "police")
    receipt = send(county, "police").receipt
    folder = county.folder("police")
    held = read_receipt(folder, made.submission)
    assert held == receipt == receipts(folder)[-1]
    check_file(made.path, held)
    kept = receipt_path(folder, made.submission)
    said = json.loads(kept.read_text())
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps({**said, "submission": "sub-" + "0" * 24}))
    with pytest.raises(VerificationError, match="was altered"):
        read_receipt(folder, str(altered))
    altered.write_text(json.dumps({**said, "jws": said["jws"][:-8] + "AAAAAAAA"}))
    with pytest.raises(VerificationError, match="receipt's signature does not hold"):
        read_receipt(folder, str(altered))
    with pytest.raises(VerificationError):
        verify_receipt(said["jws"], folder.card)
    other = make(county, "police")
    with pytest.raises(VerificationError, match="The receipt is not for this submission"):
        check_file(other.path, held)


def test_a_new_submission_replaces_the_last_and_a_withdrawn_one_is_gone(county: Any) -> None:
    folder = county.folder("probation")
    first = make(county, "probation")
    send(county, "probation", first.path)
    second = make(county, "probation")
    send(county, "probation", second.path)
    with ServiceClient(folder) as client:
        states = {each["id"]: each["state"] for each in submissions(folder, client)}
        assert states[second.submission] in ("received", "current")
        assert states[first.submission] == "superseded"
        withdraw(folder, second.submission, client)
        assert {each["id"]: each["state"] for each in submissions(folder, client)}[second.submission] == "withdrawn"
    with ServiceClient(county.folder("recovery")) as stranger, pytest.raises(KinlinkError):
        withdraw(county.folder("recovery"), second.submission, stranger)
    assert last_submitted(folder) is None


def test_an_altered_or_cut_off_file_is_noticed_before_a_byte_is_sent(county: Any, tmp_path: Path) -> None:
    made = make(county, "recovery")
    whole = made.path.read_bytes()
    bad = tmp_path / made.path.name
    middle = len(whole) // 2
    for data in (whole[:middle], whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :], b"", b"not a file"):
        bad.write_bytes(data)
        with pytest.raises(SubmissionError):
            send(county, "recovery", bad)
    with zipfile.ZipFile(made.path) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.writestr("extra.csv", "more")
    with pytest.raises(SubmissionError, match="extra 1"):
        send(county, "recovery", bad)


def test_another_agencys_file_and_a_foreign_credential_are_refused(county: Any) -> None:
    made = make(county, "recovery")
    with pytest.raises(KeyProblem, match="is a submission of `recovery`; this folder is `police`'s"):
        send(county, "police", made.path)
    # A folder that says it is the recovery service, with keys that nobody registered.
    folder = county.folder("recovery")
    folder.__dict__["signing_key"] = SigningKey.generate()
    with ServiceClient(folder) as client, pytest.raises(KinlinkError) as raised:
        submissions(folder, client)
    assert isinstance(raised.value, KeyProblem | Refusal)
    folder = county.folder("recovery")
    with ServiceClient(folder) as client, pytest.raises(KinlinkError):
        client.json("GET", "/v1/submissions", scope="submit:police")


def test_a_submission_with_an_altered_signature_key_is_quarantined_and_the_last_one_stays(county: Any) -> None:
    """Made under the recovery service's name with another signing key: the service refuses it and keeps what it had."""
    good = make(county, "recovery")
    send(county, "recovery", good.path)
    forger = county.folder("recovery")
    key = SigningKey.generate()
    forger.__dict__["signing_key"] = key
    forged = make_submission(
        forger,
        open_reading(forger, county.extract("recovery")),
        Options(accept_difference=True, attack_report="a" * 64),
    )
    with ServiceClient(county.folder("recovery"), pause=lambda seconds: None) as client:
        with pytest.raises(KinlinkError) as raised:
            submit(forger, forged.path, client)
        assert raised.value.slug in ("submission", "verification", "key")
        states = {each["id"]: each["state"] for each in submissions(county.folder("recovery"), client)}
    assert states[good.submission] in ("received", "current")
    assert not receipt_path(forger, forged.submission).exists()
    forged.path.unlink()


def test_a_service_with_other_keys_than_the_trusted_card_gets_nothing(county: Any) -> None:
    folder = county.folder("police")
    made = make(county, "police")
    held = folder.only_card("service")
    false = Card(
        party="service",
        purpose="service",
        signing_key=SigningKey.generate().public.as_dict(),
        sealing_key=held.sealing_key,
    )
    path = folder.path / "cards" / "service.service.card"
    before = path.read_bytes()
    key = SigningKey.generate()
    path.write_text(sign_card(false.model_copy(update={"signing_key": key.public.as_dict()}), key))
    try:
        with pytest.raises(VerificationError, match=r"shows other keys than the card .* Nothing was sent"):
            send(county, "police", made.path)
    finally:
        path.write_bytes(before)


def test_a_protocol_that_is_not_the_live_one_is_told(county: Any) -> None:
    folder = county.folder("probation")
    other = folder.path / "other.yaml"
    other.write_text(folder.protocol.text.replace("version: 1\n", "version: 2\n", 1))
    settings = folder.path / "agency.yaml"
    before = settings.read_text()
    lines = [line for line in before.splitlines() if not line.startswith("protocol:")]
    settings.write_text("\n".join([*lines, "protocol: other.yaml"]) + "\n")
    try:
        made = make(county, "probation")
        with pytest.raises(
            SubmissionError, match=r"lives under version 1 .* was made under version 2 .* Nothing was sent"
        ):
            send(county, "probation", made.path)
        made.path.unlink()
    finally:
        settings.write_text(before)


def test_a_service_that_is_not_there_is_told_and_nothing_is_lost(county: Any) -> None:
    folder = county.folder("police")
    made = make(county, "police")
    settings = folder.path / "agency.yaml"
    before = settings.read_text()
    settings.write_text(before.replace(str(county.port), "9"))
    try:
        with pytest.raises(Unavailable, match="cannot be reached") as raised:
            send(county, "police", made.path)
        assert "Nothing is lost" in raised.value.next_step
    finally:
        settings.write_text(before)
    assert send(county, "police", made.path).receipt.submission == made.submission


@pytest.mark.slow
def test_a_service_killed_in_the_middle_is_continued_after_its_restart(county: Any) -> None:
    made = make(county, "social_care")
    folder = county.folder("social_care")

    def kill_at_half(stage: str, done: int, total: int | None) -> None:
        if total and done >= total // 2 and county.process.poll() is None:
            county.kill()

    with ServiceClient(folder, pause=lambda seconds: None) as client, pytest.raises(Unavailable):
        submit(folder, made.path, client, kill_at_half)
    county.restart()
    sent = send(county, "social_care", made.path)
    assert sent.held_parts > 3
    assert sent.receipt.submission == made.submission


class Recorder(httpx2.HTTPTransport):
    """A real connection that remembers every byte that was sent: lines, headers and bodies."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent += str(request.url).encode() + repr(request.headers.raw).encode() + request.read()
        return super().handle_request(request)


def test_neither_a_name_nor_the_secret_is_in_what_is_sent_or_in_what_the_service_keeps(county: Any) -> None:
    """Every byte of every request, then everything that the service has on disk, and its log."""
    folder = county.folder("social_care")
    made = make(county, "social_care")
    recorder = Recorder()
    with ServiceClient(folder, transport=recorder) as client:
        submit(folder, made.path, client)
    assert len(recorder.sent) > made.path.stat().st_size
    secret = linkage_secret(folder, 1)
    forms = [secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret).rstrip(b"=")]
    text = ("Whitlock", "Okafor", "Haddad", "Samira", "9990102481", "SG99 ", "pers_surname", "1998-02-14")
    forms += [form for word in text for form in (word.encode(), base64.b64encode(word.encode()).rstrip(b"="))]
    extract = (county.root / "social_care" / "extract.csv").read_bytes()
    assert all(word.encode() in extract for word in text)
    kept = [path for path in (*county.data.rglob("*"), county.root / "service.log") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) > 1_000_000
    for place, data in [("requests", bytes(recorder.sent)), *((path.name, path.read_bytes()) for path in kept)]:
        for form in forms:
            assert form not in data, (place, form)
