"""The key-check value: what two agencies read to each other to know that they hold the same secret for the same epoch."""

from __future__ import annotations

from agencies.encoding.subkeys import subkey
from protocols.errors import KeyProblem

_GROUPS, _GROUP_DIGITS = 4, 4


def key_check_value(secret: bytes, epoch: int) -> str:
    """Sixteen hex digits in groups of four, such as ``3f2a-9c01-77be-0d54``.

    64 bits of a value derived for this purpose alone: it tells nothing about the keys that encode, and it is too short to prove a
    guess of a 256-bit secret right. Raises `KeyProblem` for a secret or an epoch that cannot be.
    """
    if epoch < 1:
        raise KeyProblem("An epoch is a whole number from 1.", next_step="Take the epoch from the sharing protocol.")
    digits = subkey(secret, f"key-check/v1/epoch={epoch}", _GROUPS * _GROUP_DIGITS // 2).hex()
    return "-".join(digits[i : i + _GROUP_DIGITS] for i in range(0, len(digits), _GROUP_DIGITS))
