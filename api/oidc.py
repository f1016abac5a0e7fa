"""The identity provider of the people who use the service: OpenID Connect, authorization code flow with PKCE.

What comes back is believed only if its signature, issuer, audience, nonce, times and access-token hash all hold (OpenID Connect Core
3.1.3.7), and only in the browser that began (its cookie's hash is kept beside the state).
"""

from __future__ import annotations

import ipaddress
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.people import PERSON, SIGN_IN_MINUTES, SignIn, Vouched, digest, offices_of
from api.settings import Settings
from protocols.errors import InputError, KeyProblem, Unavailable

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
_LEEWAY = 30
_FRESH_SECONDS = 3600
_TIMEOUT = 10
_AGAIN = "Sign in again; if it is refused again, tell the service's operator."


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, with what it keeps and what the service keeps."""

    address: str
    browser: str
    state_sha256: str
    sign_in: SignIn


class Provider:
    """The identity provider. Its description and keys are read when first needed, and again every hour."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._description: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = 0.0

    def begin(self, redirect_uri: str, return_to: str, again: bool, now: datetime) -> Begun:
        """Begin a sign-in. Raises `Unavailable` if there is no provider or it does not answer."""
        description, _ = self._known()
        state, browser, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        verifier = secrets.token_urlsafe(48)
        asked: dict[str, object] = {"nonce": nonce, "max_age": self._settings.session_hours * 3600}
        if again:
            asked |= {"max_age": 0, "prompt": "login"}
            if self._settings.step_up_acr:
                asked["acr_values"] = self._settings.step_up_acr
        with self._client(redirect_uri) as client:
            address, _ = client.create_authorization_url(
                description["authorization_endpoint"], state=state, code_verifier=verifier, **asked
            )
        until = now + timedelta(minutes=SIGN_IN_MINUTES)
        return Begun(address, browser, digest(state), SignIn(digest(browser), nonce, verifier, return_to, again, until))

    def finish(self, code: str, sign_in: SignIn, redirect_uri: str, now: datetime) -> Vouched:
        """Who came back. Raises `KeyProblem` if what came back is not to be believed."""
        description, keys = self._known()
        try:
            with self._client(redirect_uri) as client:
                token = client.fetch_token(
                    description["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=sign_in.verifier,
                )
                claims = self._verified(token, sign_in, keys, now)
                roles = _at(claims, self._settings.oidc_roles_claim)
                if roles is None and "userinfo_endpoint" in description:
                    more = client.get(description["userinfo_endpoint"]).raise_for_status().json()
                    if more.get("sub") != claims["sub"]:
                        raise KeyProblem("The identity provider speaks of two people.", next_step=_AGAIN)
                    roles = _at(more, self._settings.oidc_roles_claim)
        except (OAuthError, JoseError) as error:
            raise KeyProblem(
                "What the identity provider sent is not to be believed, or was used before.", next_step=_AGAIN
            ) from error
        except (httpx2.HTTPError, ValueError) as error:
            raise _silent() from error
        person = claims.get(self._settings.oidc_person_claim)
        if not isinstance(person, str) or not PERSON.fullmatch(person):
            raise KeyProblem(
                f"The identity provider's claim `{self._settings.oidc_person_claim}` is not usable as a person's id.",
                next_step="Tell the service's operator: see `oidc_person_claim` in docs/operating.md.",
            )
        return Vouched(
            person=person,
            offices=offices_of(roles),
            authenticated_at=datetime.fromtimestamp(claims["auth_time"], UTC),
            acr=claims.get("acr"),
            how="provider",
        )

    def _verified(self, token: dict[str, Any], sign_in: SignIn, keys: KeySet, now: datetime) -> dict[str, Any]:
        text = token.get("id_token")
        if not isinstance(text, str) or len(text) > 16_384:
            raise KeyProblem("The identity provider sent no identity.", next_step=_AGAIN)
        try:
            decoded = jwt.decode(text, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            decoded = jwt.decode(text, self._known(anew=True)[1], algorithms=ALGORITHMS)
        expected = {"iss": self._settings.oidc_issuer, "aud": self._settings.oidc_client_id}
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {name: {"essential": True, "value": value} for name, value in expected.items()},
            {
                "nonce": sign_in.nonce,
                "client_id": self._settings.oidc_client_id,
                "access_token": token.get("access_token"),
                "max_age": 1,
            },
        )
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
        proved = now - datetime.fromtimestamp(claims["auth_time"], UTC)
        allowed = self._settings.step_up_seconds if sign_in.again else self._settings.session_hours * 3600
        if not timedelta(seconds=-_LEEWAY) <= proved <= timedelta(seconds=allowed + _LEEWAY):
            raise KeyProblem("The identity provider did not ask who you are just now.", next_step=_AGAIN)
        return dict(claims)

    def _client(self, redirect_uri: str) -> OAuth2Client:
        secret = self._settings.oidc_secret
        return OAuth2Client(
            client_id=self._settings.oidc_client_id,
            client_secret=secret,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=self._settings.oidc_scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT,
            trust_env=False,
        )

    def _known(self, anew: bool = False) -> tuple[dict[str, Any], KeySet]:
        """The provider's description and keys (OpenID Connect Discovery 1.0)."""
        issuer = self._settings.oidc_issuer
        if issuer is None or self._settings.oidc_client_id is None:
            raise Unavailable(
                "No identity provider is set up.",
                next_step="Ask the operator; in a demo, use `kinlink service sign-in-link`.",
            )
        with self._lock:
            if self._keys is None or anew or time.monotonic() - self._read_at > _FRESH_SECONDS:
                try:
                    with httpx2.Client(timeout=_TIMEOUT, trust_env=False) as http:
                        place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
                        found = http.get(place).raise_for_status().json()
                        if found.get("issuer") != issuer:
                            raise InputError(
                                "The identity provider calls itself by another name than `oidc_issuer`.",
                                next_step="Set `oidc_issuer` to the issuer of its own description.",
                            )
                        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                            require_encrypted(str(found[name]), name)
                        listed = http.get(found["jwks_uri"]).raise_for_status().json()
                except (httpx2.HTTPError, ValueError, KeyError) as error:
                    raise _silent() from error
                signing = [key for key in listed.get("keys", []) if key.get("use", "sig") == "sig"]
                self._description, self._keys = found, KeySet.import_key_set({"keys": signing})
                self._read_at = time.monotonic()
            return self._description, self._keys


def require_encrypted(address: str, name: str) -> None:
    """Raise `InputError` for an address in clear that is not on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and _here(parts.hostname or "")):
        return
    raise InputError(f"`{name}` is not an https address.", next_step="Give the provider's https address.")


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _silent() -> Unavailable:
    return Unavailable("The identity provider does not answer as it should.", next_step="Try again in a moment.")


def _at(claims: dict[str, Any], path: str) -> object:
    """A claim by its name, or by a path with dots into nested claims."""
    found: Any = claims
    for part in [path] if path in claims else path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
