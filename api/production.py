"""What a service must have before it may be used for real: each thing that is missing is named, and the start is refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from api.settings import Settings
from protocols.errors import InputError

DEFAULT_AUDIENCE = "kinlink"
DEFAULT_ORIGIN = "kinlink.local/audit"
DEFAULTS = ("changeme", "password", "secret", "kinlink", "example", "default", "postgres")
SHORTEST_SECRET = 16
DIFFERENT_LETTERS = 8


def missing(settings: Settings) -> list[str]:
    """What is missing, as sentences. A demo needs less, but even a demo is not served to a network in clear."""
    encrypted = settings.tls_at_proxy or (settings.tls_certificate is not None and settings.tls_key is not None)
    found = []
    if not encrypted and (settings.mode == "production" or not _loopback(settings.host)):
        found.append("TLS: set `tls_certificate` and `tls_key`, or `tls_at_proxy` if a proxy on this machine does it")
    if (settings.tls_certificate is None) is not (settings.tls_key is None):
        found.append("TLS: `tls_certificate` and `tls_key` belong together")
    if settings.mode == "demo":
        return found
    if settings.audience == DEFAULT_AUDIENCE:
        found.append("a name of its own: set `audience`, so that a credential for another service is not accepted")
    if settings.origin == DEFAULT_ORIGIN:
        found.append("an audit log with a name of its own: set `origin`")
    found.extend(_people(settings))
    found.extend(_secrets(settings))
    return found


def _people(settings: Settings) -> Iterator[str]:
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        yield "an identity provider for people: set `oidc_issuer` and `oidc_client_id`"
    elif urlsplit(settings.oidc_issuer).scheme != "https":
        yield "an identity provider that is reached over TLS: set `oidc_issuer` to its https address"
    if settings.public_url is None or urlsplit(settings.public_url).scheme != "https":
        yield "the address that people's browsers know: set `public_url` to it, with https"


def _secrets(settings: Settings) -> Iterator[str]:
    """Secrets that are no secret: left as in an example, or short enough to be tried out."""
    if settings.oidc_client_secret_file is not None and _guessable(settings.oidc_secret or ""):
        yield "a secret of its own at the identity provider: the one in `oidc_client_secret_file` is a default or short"
    url = urlsplit(settings.url)
    if url.scheme.startswith("postgresql") and url.password is not None and _guessable(unquote(url.password)):
        yield "a password of its own for the database: the one in its address is a default or short"


def _guessable(secret: str) -> bool:
    plain = "".join(letter for letter in secret.casefold() if letter.isalnum())
    return (
        len(secret) < SHORTEST_SECRET or len(set(secret)) < DIFFERENT_LETTERS or any(word in plain for word in DEFAULTS)
    )


def refuse_if_missing(settings: Settings) -> None:
    """Raise `InputError` that names everything that is missing."""
    found = missing(settings)
    if found:
        raise InputError(
            f"The service does not start in {settings.mode} mode. Missing: {'; '.join(found)}.",
            next_step="See docs/operating.md.",
        )


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
