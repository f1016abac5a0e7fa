"""Drills: what docs/key-ceremony.md says for a lost and for a compromised key, done for real with made-up agencies.

They use the same functions as the commands, in a temporary folder, and say what was shown at each step.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from agencies.folder import AgencyFolder, init_folder, renew
from agencies.secret import (
    create_secret,
    epochs_held,
    open_secret,
    retire_secret,
    seal_secret,
    stored_secret,
    use_epoch,
)
from config.resources import PROTOCOL_FILE
from protocols.errors import InputError, KeyProblem, VerificationError

_SERVICE = "http://127.0.0.1:9"
_PASSPHRASE = b"drill only, never for real keys"


def run_drill(which: str) -> Iterator[str]:
    """Run one drill; yields what was done and shown, line by line. Raises `InputError`; a step that fails raises its own error."""
    if which not in _DRILLS:
        raise InputError(f"There is no drill `{which[:30]}`.", next_step=f"Drills are {', '.join(_DRILLS)}.")
    with tempfile.TemporaryDirectory(prefix="kinlink-drill-") as place:
        yield from _DRILLS[which](Path(place))


def _ceremony(place: Path) -> tuple[AgencyFolder, AgencyFolder]:
    """Two agencies that trust each other; the first made the secret of epoch 1, the second opened it."""
    custodian, other = (
        init_folder(
            place / name,
            name,
            service=_SERVICE,
            protocol=PROTOCOL_FILE,
            passphrase=lambda: _PASSPHRASE,
            scrypt_n=1 << 10,
        )
        for name in ("social_care", "police")
    )
    custodian.trust(other.signed_card())
    other.trust(custodian.signed_card())
    create_secret(custodian, 1)
    open_secret(other, seal_secret(custodian, "police", 1))
    return custodian, other


def _lost_key(place: Path) -> Iterator[str]:
    custodian, police = _ceremony(place)
    check = stored_secret(custodian, 1).check
    yield f"Two agencies hold the secret of epoch 1 (check value {check})."
    sealed = seal_secret(custodian, "police", 1)
    reference = police.references.record("41/N0000001")
    police.vault.remove("secrets/epoch-1")
    police = renew(police)
    yield "police lost its keys and its secret; it made new keys (kinlink agency renew-keys)."
    _must_fail(lambda: open_secret(police, sealed))
    yield "What was sealed to the lost key does not open any more, as it must be."
    _must_fail(lambda: custodian.trust(police.signed_card()))
    yield "social_care refuses the new card as it is: somebody has to say that police told them in person."
    custodian.trust(police.signed_card(), replace=True)
    yield "social_care compared fingerprints by telephone and trusts the new card (kinlink agency trust --replace)."
    opened = open_secret(police, seal_secret(custodian, "police", 1))
    _must_hold(opened.check == check)
    yield f"The secret was sealed again and opened: check value {opened.check}, the same as before."
    _must_hold(police.references.record("41/N0000001") == reference)
    yield "Record references are as before, since the reference key was not lost: links and markers stay."


def _compromised_key(place: Path) -> Iterator[str]:
    custodian, police = _ceremony(place)
    yield f"Two agencies hold the secret of epoch 1 (check value {stored_secret(custodian, 1).check})."
    second = create_secret(custodian, 2)
    yield f"The secret of epoch 1 is compromised: social_care made the one of epoch 2 (check value {second.check})."
    police = renew(police)
    custodian.trust(police.signed_card(), replace=True)
    yield "It leaked at police: police made new keys, and social_care trusts the new card after a call."
    opened = open_secret(police, seal_secret(custodian, "police", 2))
    _must_hold(opened.check == second.check != stored_secret(police, 1).check)
    yield "police opened the secret of epoch 2; both read the same check value, another than that of epoch 1."
    _must_fail(lambda: retire_secret(police, 1))
    yield "The secret of epoch 1 is still in use and cannot be destroyed yet: nobody is cut off by mistake."
    for folder in (custodian, police):
        use_epoch(folder, 2)
    yield "Both changed to epoch 2 (kinlink agency secret use 2); their next submissions replace all encodings."
    for folder in (custodian, police):
        retire_secret(folder, 1)
        _must_hold(epochs_held(folder) == [2])
    yield "Both destroyed the secret of epoch 1. What was encoded under it cannot be compared with anything any more."


def _must_fail(step: Callable[[], object]) -> None:
    try:
        step()
    except (KeyProblem, VerificationError):
        return
    raise VerificationError("The drill failed: a step that must be refused was not.", next_step="Do not go live.")


def _must_hold(outcome: bool) -> None:
    if not outcome:
        raise VerificationError(
            "The drill failed: the outcome is not the one that was promised.", next_step="Do not go live."
        )


_DRILLS: dict[str, Callable[[Path], Iterator[str]]] = {"lost-key": _lost_key, "compromised-key": _compromised_key}
