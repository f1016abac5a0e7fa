"""An act on a version of a sharing protocol, as it crosses the wire: signed by the party that vouches for the office."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from protocols.errors import VerificationError
from protocols.lifecycle import Act
from protocols.signing import SigningKey, VerifyingKey

ACT_TYPE: Final = "kinlink-act+jws"
MOST_SKEW: Final = timedelta(minutes=5)


def sign_act(act: Act, key: SigningKey) -> str:
    """The act as a JWS: the party says that this person, in this office, did this to this digest."""
    return key.sign(act.canonical(), typ=ACT_TYPE)


def read_act(token: str, key: VerifyingKey, now: datetime) -> Act:
    """Read a signed act. Raises `VerificationError` if the signature does not hold or the act is not of this moment."""
    act = Act.read(key.verify(token, what="act's signature"), "act")
    if abs(now - act.at) > MOST_SKEW:
        raise VerificationError(
            f"The act bears another time than now: expected at most {MOST_SKEW.seconds // 60} minutes apart.",
            next_step="Sign it again; check this machine's clock.",
        )
    return act
