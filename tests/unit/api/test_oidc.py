"""What an identity provider signs is believed for this client, this sign-in and this moment, and not otherwise.

The provider of the integration tests makes no token that lies; these are signed here, with a key that is the provider's own.
"""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from authlib.integrations.base_client import OAuthError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from api.oidc import Provider
from api.people import SignIn
from api.settings import load_settings
from protocols.errors import KinlinkError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ISSUER = "http://127.0.0.1:9"  # nobody answers there: keys are never asked for anew
KEY, FOREIGN = (ECKey.generate_key("P-256", {"kid": "k", "use": "sig", "alg": "ES256"}) for _ in range(2))
ACCESS = "an access token"


def seconds(**ago):
    return int((NOW - timedelta(**ago)).timestamp())


def claims(**changed):
    said = {
        "iss": ISSUER,
        "aud": "kinlink",
        "sub": "dpo-1",
        "nonce": "n" * 32,
        "iat": seconds(seconds=5),
        "exp": seconds(minutes=-5),
        "auth_time": seconds(seconds=20),
        "at_hash": half_hash(ACCESS),
    } | changed
    return {name: value for name, value in said.items() if value is not None}


def half_hash(token):
    return encoded(hashlib.sha256(token.encode()).digest()[:16])


def verified(tmp_path, said, key=KEY, again=False, id_token=None):
    provider = Provider(load_settings(tmp_path, oidc_issuer=ISSUER, oidc_client_id="kinlink"))
    sign_in = SignIn("b", "n" * 32, "v", "/v1/me", again, NOW + timedelta(minutes=5))
    id_token = id_token or jwt.encode({"alg": "ES256", "kid": "k"}, said, key)
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    return provider._verified({"id_token": id_token, "access_token": ACCESS}, sign_in, keys, NOW)


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_what_fits_is_believed(tmp_path):
    assert verified(tmp_path, claims())["sub"] == "dpo-1"
    assert verified(tmp_path, claims(aud=["kinlink", "other"], azp="kinlink"))["sub"] == "dpo-1"


LIES = {
    "for another client": {"aud": "another"},
    "for nobody": {"aud": None},
    "for several, handed to another one": {"aud": ["kinlink", "other"], "azp": "other"},
    "of another provider": {"iss": "http://127.0.0.1:10"},
    "of another sign-in": {"nonce": "x" * 32},
    "of no sign-in": {"nonce": None},
    "run out": {"exp": seconds(minutes=2)},
    "from the future": {"iat": seconds(hours=-1)},
    "with another access token": {"at_hash": half_hash("another")},
    "without the time of the sign-in": {"auth_time": None},
    "of a sign-in of yesterday": {"auth_time": seconds(days=1)},
    "of a sign-in to come": {"auth_time": seconds(hours=-1)},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_lies_is_not_believed(tmp_path, lie):
    with pytest.raises((JoseError, OAuthError, KinlinkError)):
        verified(tmp_path, claims(**LIES[lie]))


def test_a_token_that_another_key_signed_is_not_believed(tmp_path):
    with pytest.raises(KinlinkError):
        verified(tmp_path, claims(), FOREIGN)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_nobodys_private_key_signed_is_not_believed(tmp_path, algorithm):
    """No signature at all, or the public key taken as a shared secret."""
    head = encoded(json.dumps({"alg": algorithm, "kid": "k"}).encode()) + "." + encoded(json.dumps(claims()).encode())
    mac = hmac.digest(KEY.as_pem(private=False), head.encode(), "sha256") if algorithm == "HS256" else b""
    with pytest.raises((JoseError, KinlinkError)):
        verified(tmp_path, None, id_token=f"{head}.{encoded(mac)}")


def test_a_step_up_needs_a_sign_in_of_a_moment_ago(tmp_path):
    earlier = claims(auth_time=seconds(minutes=10))
    assert verified(tmp_path, earlier)
    with pytest.raises(KinlinkError, match="just now"):
        verified(tmp_path, earlier, again=True)
