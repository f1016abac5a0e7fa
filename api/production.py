"""What a service must have before it may be used for real: each thing that is missing is named, and the start is refused."""

from __future__ import annotations

import ipaddress

from api.settings import Settings
from protocols.errors import InputError

DEFAULT_AUDIENCE = "kinlink"
DEFAULT_ORIGIN = "kinlink.local/audit"


def missing(settings: Settings) -> list[str]:
    """What is missing, as sentences. A demo needs less, but even a demo is not served to a network in clear."""
    encrypted = settings.tls_at_proxy or (settings.tls_certificate is not None and settings.tls_key is not None)
    found = []
    if not encrypted and (settings.mode == "production" or not _loopback(settings.host)):
        found.append("TLS: set `tls_certificate` and `tls_key`, or `tls_at_proxy` if a proxy on this machine does it")
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        found.append("TLS: `tls_certificate` and `tls_key` belong together")
    if settings.mode == "demo":
        return found
    if settings.audience == DEFAULT_AUDIENCE:
        found.append("a name of its own: set `audience`, so that a credential for another service is not accepted")
    if settings.origin == DEFAULT_ORIGIN:
        found.append("an audit log with a name of its own: set `origin`")
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        found.append("an identity provider for people: set `oidc_issuer` and `oidc_client_id`")
    return found


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
