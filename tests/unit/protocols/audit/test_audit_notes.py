"""Notes, checkpoints and proofs follow the published formats to the byte."""

import base64
from datetime import UTC, datetime

import pytest

from protocols.audit.checkpoint import Checkpoint, open_checkpoint
from protocols.audit.merkle import inclusion_proof, leaf_hash, nodes_of, root
from protocols.audit.note import COSIGNATURE, NoteKey, cosign_note, read_note, sign_note
from protocols.audit.proof import Proof, read_proof
from protocols.errors import VerificationError
from protocols.signing import SigningKey

# The example of the reference implementation of signed notes: text, key and signature.
NAME = "PeterNeumann"
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def published_key():
    public = NoteKey.from_text(VKEY).public
    text = [base64.urlsafe_b64encode(item).rstrip(b"=").decode() for item in (SEED, public)]
    return SigningKey.from_dict({"kty": "OKP", "crv": "Ed25519", "d": text[0], "x": text[1]})


def test_the_published_note_is_made_and_verified_to_the_byte():
    note = read_note(NOTE)
    assert str(note) == NOTE
    assert [key.name for key in note.verified_by([NoteKey.from_text(VKEY)])] == [NAME]
    assert str(sign_note(note.text, NAME, published_key())) == NOTE
    assert NoteKey.of(NAME, published_key().public).text() == VKEY


@pytest.mark.parametrize(
    "broken",
    [
        NOTE.replace("cryptography", "cryptographY"),
        NOTE.replace("JnAM=", "JnAA="),
        NOTE.replace("\u2014 ", "- "),
        NOTE.replace("PeterNeumann x0", "SomeoneElse x0"),
        NOTE[:-1],
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("then", "th\ten"),
        "",
    ],
)
def test_a_broken_note_is_refused(broken):
    with pytest.raises(VerificationError):
        read_note(broken).verified_by([NoteKey.from_text(VKEY)])


def test_a_key_that_does_not_fit_its_id_is_refused():
    for text in [VKEY.replace("c74f20a3", "c74f20a4"), VKEY[:-4], "name", "a b+00000000+AAAA"]:
        with pytest.raises(VerificationError):
            NoteKey.from_text(text)


def test_a_cosignature_covers_its_time():
    key, agency = SigningKey.generate(), SigningKey.generate()
    checkpoint = Checkpoint("kinlink.example/log", 3, leaf_hash(b"root"))
    note = cosign_note(checkpoint.sign(key), "police", agency, datetime(2026, 11, 20, tzinfo=UTC))
    keys = [NoteKey.of("kinlink.example/log", key.public), NoteKey.of("police", agency.public, COSIGNATURE)]
    assert [item.name for item in read_note(str(note)).verified_by(keys)] == ["kinlink.example/log", "police"]
    later = note.signatures[1].signature
    moved = str(note).replace(
        note.signatures[1].line(),
        type(note.signatures[1])("police", keys[1].key_id, bytes([0, *later[1:7], later[7] ^ 1]) + later[8:]).line(),
    )
    with pytest.raises(VerificationError):
        read_note(moved).verified_by(keys)


def test_a_checkpoint_of_another_log_is_refused():
    key = SigningKey.generate()
    text = str(Checkpoint("one", 1, leaf_hash(b"")).sign(key))
    assert open_checkpoint(text, NoteKey.of("one", key.public)).size == 1
    with pytest.raises(VerificationError):
        open_checkpoint(text, NoteKey.of("two", key.public))
    with pytest.raises(VerificationError):
        open_checkpoint(text, NoteKey.of("one", SigningKey.generate().public))
    foreign = str(sign_note("two\n1\n" + base64.b64encode(leaf_hash(b"")).decode() + "\n", "one", key))
    with pytest.raises(VerificationError, match="log `two`"):
        open_checkpoint(foreign, NoteKey.of("one", key.public))


@pytest.mark.parametrize("text", ["one\n01\nAAAA\n", "one\n1\nAAAA\n", "one\n", "one\n-1\n" + "A" * 43 + "=\n"])
def test_a_malformed_checkpoint_is_refused(text):
    key = SigningKey.generate()
    with pytest.raises(VerificationError, match="not a checkpoint"):
        open_checkpoint(str(sign_note(text, "one", key)), NoteKey.of("one", key.public))


def test_a_proof_file_says_the_entry_is_in_the_log_and_cannot_be_bent():
    key = SigningKey.generate()
    bodies = [f"entry {index}".encode() for index in range(11)]
    node = nodes_of([leaf_hash(body) for body in bodies])
    checkpoint = str(Checkpoint("log", 11, root(11, node)).sign(key))
    proof = Proof(6, tuple(inclusion_proof(6, 11, node)), checkpoint, extra=bodies[6])
    text = proof.text()
    assert text.startswith("c2sp.org/tlog-proof@v1\nextra ")
    vkey = NoteKey.of("log", key.public)
    assert read_proof(text).verify(vkey).size == 11
    assert read_proof(Proof(6, proof.path, checkpoint).text()).verify(vkey, bodies[6]).size == 11
    for broken in [
        text.replace("index 6", "index 5"),
        text.replace("index 6", "index 06"),
        text.replace("extra ", "extra A"),
        text.replace("@v1", "@v2"),
        text.replace("\n\n", "\n", 1),
        Proof(6, proof.path[:-1], checkpoint, bodies[6]).text(),
        Proof(6, proof.path, checkpoint, bodies[5]).text(),
        Proof(6, proof.path, checkpoint).text(),
    ]:
        with pytest.raises(VerificationError):
            read_proof(broken).verify(vkey)
