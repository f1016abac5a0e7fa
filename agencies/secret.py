"""The linkage secret: made at one agency, sealed to the others, never to the central service and never to the Workbook.

A sealed secret is a JWS by its sender over a box (HPKE) for one recipient. The box is bound to sender, recipient, protocol digest
and epoch; the key-check value travels beside it and is compared when it is opened, and by two people reading it to each other.
"""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field

from agencies.encoding.keycheck import key_check_value
from agencies.folder import AgencyFolder, set_epoch
from protocols.errors import InputError, KeyProblem, VerificationError
from protocols.sealing import context, open_box, seal_box
from protocols.signing import Card, Wire, decode_base64url, signer_of

SECRET_BYTES = 32
SUFFIX = ".sealed-secret"
_KIND = "kinlink-secret+jws"
_MOST_BYTES = 1 << 16


class StoredSecret(Wire):
    """A linkage secret at rest, with where it came from."""

    format: Literal["kinlink-stored-secret/1"] = "kinlink-stored-secret/1"
    epoch: int = Field(ge=1)
    secret: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    origin: str
    since: AwareDatetime

    @property
    def check(self) -> str:
        """The key-check value."""
        return key_check_value(bytes.fromhex(self.secret), self.epoch)


class SealedSecret(Wire):
    """What travels: for one recipient, one epoch, one protocol."""

    format: Literal["kinlink-sealed-secret/1"] = "kinlink-sealed-secret/1"
    sender: str
    recipient: str
    recipient_key: str = Field(pattern=r"^[0-9a-f]{32}$")
    protocol_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    epoch: int = Field(ge=1)
    key_check_value: str
    box: str
    created_at: AwareDatetime


def secret_name(epoch: int) -> str:
    """Where the secret of an epoch lies in the folder."""
    return f"secrets/epoch-{epoch}"


def create_secret(folder: AgencyFolder, epoch: int) -> StoredSecret:
    """Make the secret of an epoch from the operating system's random source. Raises `InputError` if there is one."""
    _check_agency(folder)
    _check_epoch(folder, epoch)
    return _store(folder, epoch, os.urandom(SECRET_BYTES), origin="created here")


def stored_secret(folder: AgencyFolder, epoch: int) -> StoredSecret:
    """The secret of an epoch. Raises `KeyProblem`."""
    if not folder.vault.has(secret_name(epoch)):
        raise KeyProblem(
            f"`{folder.path.name}` holds no linkage secret of epoch {epoch}.",
            next_step="Open the one that was sealed to this agency: kinlink agency secret open FILE",
        )
    data = folder.vault.read(secret_name(epoch), f"linkage secret of epoch {epoch}")
    try:
        held = StoredSecret.read(data, "stored linkage secret")
    except VerificationError:
        held = None
    if held is None or held.epoch != epoch:
        raise KeyProblem(
            f"The linkage secret of epoch {epoch} is damaged.", next_step="Ask an agency to seal it again."
        )
    return held


def linkage_secret(folder: AgencyFolder, epoch: int) -> bytes:
    """The 32 bytes. Raises `KeyProblem`."""
    return bytes.fromhex(stored_secret(folder, epoch).secret)


def epochs_held(folder: AgencyFolder) -> list[int]:
    """The epochs of which this agency holds the secret."""
    names = [path.name.removeprefix("epoch-") for path in (folder.path / "secrets").glob("epoch-*")]
    return sorted(int(name) for name in names if name.isdecimal())


def seal_secret(folder: AgencyFolder, recipient: str, epoch: int, out: Path | None = None) -> Path:
    """Seal the secret of an epoch to another agency of the protocol; returns the file to send. Raises `KeyProblem`."""
    _check_agency(folder)
    _check_epoch(folder, epoch)
    card = _recipient(folder, recipient)
    held = stored_secret(folder, epoch)
    digest = folder.protocol.digest
    box = seal_box(bytes.fromhex(held.secret), card.sealing_public_key, _about(folder.party, card.party, digest, epoch))
    sealed = SealedSecret(
        sender=folder.party,
        recipient=card.party,
        recipient_key=card.sealing_public_key.fingerprint,
        protocol_digest=digest,
        epoch=epoch,
        key_check_value=held.check,
        box=base64.b64encode(box).decode(),
        created_at=datetime.now(UTC),
    )
    path = out or folder.place("outbox") / f"{card.party}{SUFFIX}"
    path.write_text(folder.signing_key.sign(sealed.canonical(), typ=_KIND) + "\n", encoding="ascii")
    return path


def open_secret(folder: AgencyFolder, path: Path) -> StoredSecret:
    """Open a secret that was sealed to this agency, check its sender and its key-check value, and keep it.

    Opening the same one twice is not an error; another secret for an epoch that is held is. Raises `KeyProblem`,
    `VerificationError`, `InputError`.
    """
    _check_agency(folder)
    sealed = _read_sealed(folder, path)
    if sealed.recipient != folder.party:
        raise KeyProblem(
            f"`{path.name}` is sealed to `{sealed.recipient}`; this folder is `{folder.party}`'s.",
            next_step=f"Ask `{sealed.sender}` for the one that is sealed to `{folder.party}`.",
        )
    if sealed.protocol_digest != folder.protocol.digest:
        raise KeyProblem(
            f"`{path.name}` was sealed under another version of the sharing protocol: expected "
            f"{folder.protocol.digest[:12]}…, got {sealed.protocol_digest[:12]}….",
            next_step="Use the same protocol file on both sides (compare its digest), then seal again.",
        )
    if sealed.recipient_key != folder.sealing_key.public.fingerprint:
        raise KeyProblem(
            f"`{path.name}` is sealed to a key that this agency does not use any more.",
            next_step=f"Send your current card to `{sealed.sender}` and ask them to seal it again.",
        )
    _check_epoch(folder, sealed.epoch)
    about = _about(sealed.sender, folder.party, sealed.protocol_digest, sealed.epoch)
    secret = open_box(_unbase64(sealed.box), folder.sealing_key, about)
    if len(secret) != SECRET_BYTES or key_check_value(secret, sealed.epoch) != sealed.key_check_value:
        raise VerificationError(
            "The secret that was opened does not have the key-check value that its sender states.",
            next_step=f"Keep nothing of it and call `{sealed.sender}`.",
        )
    if folder.vault.has(secret_name(sealed.epoch)):
        held = stored_secret(folder, sealed.epoch)
        if held.secret == secret.hex():
            return held
        raise KeyProblem(
            f"This agency holds another secret for epoch {sealed.epoch}: check value {held.check} here, "
            f"{sealed.key_check_value} from `{sealed.sender}`.",
            next_step="Find out by telephone which one the agencies use. Nothing was changed.",
        )
    return _store(folder, sealed.epoch, secret, origin=f"sealed by {sealed.sender}")


def compare_check(folder: AgencyFolder, epoch: int, heard: str) -> bool:
    """Whether a key-check value that somebody read out is ours; blanks, dashes and case do not matter."""
    return _digits(heard) == _digits(stored_secret(folder, epoch).check)


def use_epoch(folder: AgencyFolder, epoch: int) -> None:
    """Make submissions under another epoch from now on; the old secret stays until it is retired. Raises `KeyProblem`."""
    stored_secret(folder, epoch)
    _check_epoch(folder, epoch)
    set_epoch(folder, epoch)


def retire_secret(folder: AgencyFolder, epoch: int) -> None:
    """Destroy the secret of an epoch that is over. Raises `KeyProblem` for the one in use."""
    stored_secret(folder, epoch)
    if epoch == folder.settings.epoch:
        raise KeyProblem(
            f"Epoch {epoch} is the one that submissions are made under; its secret is kept.",
            next_step="Change to the next epoch first: kinlink agency secret use EPOCH",
        )
    folder.vault.remove(secret_name(epoch))


def _store(folder: AgencyFolder, epoch: int, secret: bytes, origin: str) -> StoredSecret:
    held = StoredSecret(epoch=epoch, secret=secret.hex(), origin=origin, since=datetime.now(UTC))
    folder.vault.write(secret_name(epoch), held.canonical())
    return held


def _recipient(folder: AgencyFolder, recipient: str) -> Card:
    """The trusted card of an agency of the protocol; whoever is not one never gets the secret."""
    parties = [party.id for party in folder.protocol.document.parties]
    if recipient == folder.party:
        raise KeyProblem("An agency does not seal the secret to itself.", next_step="Name another agency.")
    if recipient not in parties:
        raise KeyProblem(
            f"`{recipient[:40]}` is not an agency of the sharing protocol: the linkage secret is for agencies only, never "
            "for the central service or the Workbook.",
            next_step=f"Agencies are {', '.join(parties)}.",
        )
    card = folder.trusted_card(recipient, "agency")
    if card.purpose != "agency":
        raise KeyProblem("The linkage secret is sealed to agencies only.", next_step="Trust the agency's own card.")
    return card


def _read_sealed(folder: AgencyFolder, path: Path) -> SealedSecret:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"`{path.name}` is too long to be a sealed secret.", next_step="Choose the right file.")
        token = path.read_text(encoding="ascii").strip()
        payload = decode_base64url(token.split(".")[1])
    except OSError as error:
        raise InputError(f"`{path.name}` cannot be read: {error.strerror}.", next_step="Check the path.") from None
    except (ValueError, IndexError):
        raise VerificationError(
            f"`{path.name}` is not a sealed secret, or it is cut off.", next_step="Ask its sender for it again."
        ) from None
    claimed = SealedSecret.read(payload, "sealed secret")
    card = folder.trusted_card(claimed.sender, "agency")
    if signer_of(token) != card.verifying_key.kid:
        raise KeyProblem(
            f"`{path.name}` is not signed with the key that this agency trusts for `{claimed.sender}`.",
            next_step=f"Call `{claimed.sender}`, compare the fingerprints on their card, and open nothing until they agree.",
        )
    verified = card.verifying_key.verify(token, what="sealed secret's signature")
    return SealedSecret.read(verified, "sealed secret")


def _check_agency(folder: AgencyFolder) -> None:
    if folder.settings.purpose != "agency":
        raise KeyProblem(
            "This is the Workbook's folder: the Workbook never holds the linkage secret.",
            next_step="Do this in an agency's folder.",
        )


def _check_epoch(folder: AgencyFolder, epoch: int) -> None:
    epochs = [each.id for each in folder.protocol.document.encoding.epochs]
    if epoch not in epochs:
        raise InputError(
            f"The sharing protocol `{folder.protocol.label}` has no epoch {epoch}.",
            next_step=f"Its epochs are {', '.join(map(str, epochs))}. Add one in a new version of the protocol.",
        )


def _about(sender: str, recipient: str, digest: str, epoch: int) -> bytes:
    return context("kinlink/linkage-secret/1", sender, recipient, digest, epoch)


def _digits(value: str) -> str:
    return "".join(character for character in value.lower() if character.isalnum())


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise VerificationError("The sealed box is not base64.", next_step="Ask its sender for it again.") from None
