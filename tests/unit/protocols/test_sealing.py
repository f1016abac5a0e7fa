"""A box opens for its recipient in its context, and for nothing else; a stream cannot be cut, reordered or altered."""

import io

import pytest

from protocols.errors import KinlinkError, VerificationError
from protocols.sealing import (
    SealingPrivateKey,
    SealingPublicKey,
    context,
    new_data_key,
    open_box,
    open_cell,
    open_stream,
    seal_box,
    seal_cell,
    seal_stream,
)

ABOUT = context("test", "police", 1)


def test_a_box_opens_for_its_recipient_only():
    mine, other = SealingPrivateKey.generate(), SealingPrivateKey.generate()
    box = seal_box(b"linkage secret", SealingPublicKey.from_text(mine.public.text()), ABOUT)
    assert open_box(box, SealingPrivateKey(mine.raw), ABOUT) == b"linkage secret"
    for key, about in [(other, ABOUT), (mine, context("test", "police", 2))]:
        with pytest.raises(VerificationError):
            open_box(box, key, about)
    with pytest.raises(VerificationError):
        open_box(box[:-1] + bytes([box[-1] ^ 1]), mine, ABOUT)


def test_contexts_do_not_run_together():
    assert context("ab", "c") != context("a", "bc")


def test_a_cell_is_bound_to_its_context():
    key = new_data_key()
    cell = seal_cell(b"value", key, ABOUT)
    assert open_cell(cell, key, ABOUT) == b"value"
    for wrong in [
        (cell, key, context("other")),
        (cell, new_data_key(), ABOUT),
        (cell[:-1], key, ABOUT),
        (b"", key, ABOUT),
    ]:
        with pytest.raises(VerificationError):
            open_cell(*wrong)


def frames(chunks, key):
    return list(seal_stream(chunks, key, ABOUT))


@pytest.mark.parametrize("chunks", [[b"one"], [b"one", b"two", b"three"], [], [b""]])
def test_a_stream_comes_back_whole(chunks):
    key = new_data_key()
    sealed = b"".join(frames(chunks, key))
    assert b"".join(open_stream(io.BytesIO(sealed), key, ABOUT)) == b"".join(chunks)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: f[:-1],
        lambda f: f[1:],
        lambda f: [f[1], f[0], f[2]],
        lambda f: [f[0], f[2]],
        lambda f: [f[0], f[1], f[2][:-3]],
        lambda f: [],
        lambda f: [b"\x00\x00\x00\x01x"],
    ],
)
def test_a_spoilt_stream_is_refused(spoil):
    key = new_data_key()
    sealed = b"".join(spoil(frames([b"one", b"two", b"three"], key)))
    with pytest.raises(VerificationError):
        list(open_stream(io.BytesIO(sealed), key, ABOUT))


def test_no_secret_shows_in_a_representation():
    key = SealingPrivateKey.generate()
    assert repr(key.raw)[2:10] not in repr(key)


@pytest.mark.parametrize("text", ["", "%%%", "AAAA"])
def test_a_malformed_key_is_a_clear_error(text):
    with pytest.raises(KinlinkError):
        SealingPublicKey.from_text(text)
