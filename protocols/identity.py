"""How a machine proves who it is, and how the Workbook says which worker is asking.

A client assertion is `private_key_jwt` (RFC 7523): a short-lived JWT that the client signs for the service's token endpoint.
A worker assertion travels with every question of the Workbook: the service checks the allocation itself and believes only who asks.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, Field, ValidationError

from protocols.errors import InputError, KeyProblem, VerificationError
from protocols.signing import SigningKey, VerifyingKey, Wire, decode_base64url
from protocols.vocabulary import Purpose, RoleFunction

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH = "/v1/token"  # noqa: S105 - a path
WORKER_HEADER = "Kinlink-Worker"
LIFETIME = timedelta(minutes=2)
SKEW = timedelta(seconds=30)
PRINTABLE = r"^[!-~]+$"
_CLIENT = re.compile(r"[a-z][a-z0-9_]{0,63}")


class ClientAssertion(Wire):
    """The claims of a `private_key_jwt`; `aud` is the service's identifier, times are seconds since 1970."""

    iss: str
    sub: str
    aud: str
    jti: str = Field(min_length=16, max_length=64)
    iat: int
    exp: int


class WorkerAssertion(Wire):
    """Who is asking, as the Workbook vouches for it. `worker` is an opaque staff id, never a name."""

    iss: str
    worker: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    role_function: RoleFunction
    purpose: Purpose
    case: str = Field(max_length=40, pattern=PRINTABLE)
    auth_time: AwareDatetime
    session: str = Field(max_length=64, pattern=PRINTABLE)
    jti: str = Field(min_length=16, max_length=64)
    iat: int
    exp: int


def make_client_assertion(client: str, audience: str, key: SigningKey, now: datetime | None = None) -> str:
    """A fresh client assertion, good for two minutes and one use."""
    now = now or datetime.now(UTC)
    claims = ClientAssertion(
        iss=client,
        sub=client,
        aud=audience,
        jti=secrets.token_urlsafe(24),
        iat=int(now.timestamp()),
        exp=int((now + LIFETIME).timestamp()),
    )
    return key.sign(claims.canonical(), typ="JWT")


def make_worker_assertion(
    client: str,
    worker: str,
    role_function: RoleFunction,
    purpose: Purpose,
    case: str,
    auth_time: datetime,
    session: str,
    key: SigningKey,
    now: datetime | None = None,
) -> str:
    """A fresh worker assertion, good for two minutes. Raises `InputError` that names what cannot stand in one."""
    now = now or datetime.now(UTC)
    try:
        claims = WorkerAssertion(
            iss=client,
            worker=worker,
            role_function=role_function,
            purpose=purpose,
            case=case,
            auth_time=auth_time,
            session=session,
            jti=secrets.token_urlsafe(24),
            iat=int(now.timestamp()),
            exp=int((now + LIFETIME).timestamp()),
        )
    except ValidationError as error:
        fields = sorted({str(item["loc"][0]) for item in error.errors()})
        raise InputError(
            f"A question cannot be asked with this: {', '.join(f'`{field}`' for field in fields)}.",
            next_step="Give a staff id of letters, digits, dots and dashes, and a case's reference without spaces, such as `WB-20417`.",
        ) from None
    return key.sign(claims.canonical(), typ="JWT")


def read_client_assertion(token: str, key: VerifyingKey, audience: str, now: datetime | None = None) -> ClientAssertion:
    """Verify a client assertion. Raises `KeyProblem`. Whether its `jti` was used before is for the caller to check."""
    try:
        claims = ClientAssertion.read(key.verify(token, what="credential"), "credential")
    except VerificationError as error:
        raise KeyProblem(error.what, next_step=error.next_step) from error
    _check_times(claims.iat, claims.exp, now, "credential")
    if claims.iss != claims.sub:
        raise KeyProblem("The credential's `iss` and `sub` differ.", next_step="Make it with `kinlink agency`.")
    if claims.aud != audience:
        raise KeyProblem(
            "The credential was made for another service.",
            next_step="Compare the service's address in the agency's settings with the one it was registered at.",
        )
    return claims


def read_worker_assertion(token: str, key: VerifyingKey, client: str, now: datetime | None = None) -> WorkerAssertion:
    """Verify a worker assertion made by `client`. Raises `KeyProblem`."""
    try:
        claims = WorkerAssertion.read(key.verify(token, what="worker assertion"), "worker assertion")
    except VerificationError as error:
        raise KeyProblem(error.what, next_step=error.next_step) from error
    _check_times(claims.iat, claims.exp, now, "worker assertion")
    if claims.iss != client:
        raise KeyProblem(
            "The worker assertion was made by another client.", next_step="Sign it with the key that asks."
        )
    return claims


def client_claimed(token: str) -> str:
    """The client id that an assertion claims, unverified: only to look up its keys. Raises `KeyProblem`."""
    try:
        client = json.loads(decode_base64url(token.split(".")[1]))["sub"]
        if not isinstance(client, str) or not _CLIENT.fullmatch(client):
            raise ValueError("sub")
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise malformed_credential() from error
    return client


def malformed_credential() -> KeyProblem:
    """What is said of something that is no credential at all."""
    return KeyProblem("The credential is malformed.", next_step="Make it with `kinlink agency`.")


def _check_times(issued: int, expires: int, now: datetime | None, what: str) -> None:
    at = (now or datetime.now(UTC)).timestamp()
    if expires - issued > LIFETIME.total_seconds() + 1:
        raise KeyProblem(
            f"The {what} lives too long: at most {LIFETIME.seconds} seconds.", next_step="Make a shorter one."
        )
    if at > expires + SKEW.total_seconds():
        raise KeyProblem(f"The {what} has expired.", next_step="Make a new one; check this machine's clock.")
    if at < issued - SKEW.total_seconds():
        raise KeyProblem(f"The {what} is from the future.", next_step="Check this machine's clock.")
