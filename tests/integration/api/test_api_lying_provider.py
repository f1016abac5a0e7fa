"""Somebody in the identity provider's place, over HTTP: what it says of one person is not believed of another."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from api.oidc import Provider
from api.settings import load_settings
from protocols.errors import KinlinkError
from protocols.lifecycle import Office

KEY = ECKey.generate_key("P-256", {"kid": "k", "use": "sig", "alg": "ES256"})
BACK = "https://kinlink.test/v1/sign-in/callback"


class Liar(BaseHTTPRequestHandler):
    """An OpenID provider of four answers. `server.said` is what its identity token and its userinfo say."""

    def do_GET(self):
        issuer, said = self.server.issuer, self.server.said
        self._answer(
            {
                "/.well-known/openid-configuration": {
                    "issuer": said.get("issuer", issuer),
                    "authorization_endpoint": f"{issuer}/auth",
                    "token_endpoint": said.get("token_endpoint", f"{issuer}/token"),
                    "userinfo_endpoint": f"{issuer}/me",
                    "jwks_uri": f"{issuer}/keys",
                },
                "/keys": {"keys": [KEY.as_dict(private=False)]},
                "/me": {"sub": said.get("userinfo", "dpo-1"), "roles": ["police:data-protection-officer"]},
            }[self.path]
        )

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": self.server.issuer, "aud": "kinlink", "sub": "dpo-1", "nonce": self.server.nonce}
        token = jwt.encode(
            {"alg": "ES256", "kid": "k"}, claims | {"iat": now, "exp": now + 60, "auth_time": now - 5}, KEY
        )
        self._answer({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def liar():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    server.issuer, server.said = f"http://127.0.0.1:{server.server_port}", {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def signed_in(liar, tmp_path):
    provider, now = (
        Provider(load_settings(tmp_path, oidc_issuer=liar.issuer, oidc_client_id="kinlink")),
        datetime.now(UTC),
    )
    begun = provider.begin(BACK, "/v1/me", False, now)
    liar.nonce = begun.sign_in.nonce
    return provider.finish("code", begun.sign_in, BACK, now)


def test_roles_that_are_told_apart_from_the_identity_are_this_persons(liar, tmp_path):
    assert signed_in(liar, tmp_path).offices == {("police", Office.DATA_PROTECTION_OFFICER)}
    liar.said = {"userinfo": "siro-1"}
    with pytest.raises(KinlinkError, match="two people"):
        signed_in(liar, tmp_path)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"issuer": "https://elsewhere.test"}, "another name"),
        ({"token_endpoint": "http://elsewhere.test/token"}, "not an https address"),
    ],
)
def test_a_description_that_leads_elsewhere_is_not_followed(liar, tmp_path, said, what):
    liar.said = said
    with pytest.raises(KinlinkError, match=what):
        signed_in(liar, tmp_path)
