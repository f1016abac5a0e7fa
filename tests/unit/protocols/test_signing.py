"""A signature holds for what was signed and for its signer only; a card proves that its maker holds the key it shows."""

import pytest

from protocols.errors import KeyProblem, VerificationError
from protocols.sealing import SealingPrivateKey
from protocols.signing import Card, SigningKey, VerifyingKey, open_card, sign_card, signer_of


@pytest.fixture
def key():
    return SigningKey.generate()


def card_of(key, party="police"):
    return Card(
        party=party,
        purpose="agency",
        signing_key=key.public.as_dict(),
        sealing_key=SealingPrivateKey.generate().public.text(),
    )


def test_a_detached_signature_covers_its_payload(key):
    token = key.sign(b"manifest", detached=True)
    assert signer_of(token) == key.public.kid
    key.public.verify(token, payload=b"manifest")
    for signer, payload in [(key, b"manifesto"), (SigningKey.generate(), b"manifest")]:
        with pytest.raises(VerificationError):
            signer.public.verify(token, payload=payload)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_a_malformed_signature_is_a_verification_error(key, token):
    with pytest.raises(VerificationError):
        key.public.verify(token)


def test_a_card_comes_back_and_an_altered_one_does_not(key):
    token = sign_card(card_of(key), key)
    assert open_card(token).verifying_key.kid == key.public.kid
    header, _, signature = token.split(".")
    other = sign_card(card_of(key, "probation"), key).split(".")[1]
    for bad in [f"{header}.{other}.{signature}", sign_card(card_of(key), SigningKey.generate()), "nonsense"]:
        with pytest.raises(VerificationError):
            open_card(bad)


def test_a_private_key_never_passes_for_a_public_one(key):
    with pytest.raises(KeyProblem):
        VerifyingKey.from_dict(key.as_dict())
    assert "d" not in key.public.as_dict()
    assert key.as_dict()["d"] not in repr(key)
