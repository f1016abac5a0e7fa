"""An agency's folder: its settings, its keys, other parties' cards, what it made and what it got back.

agency.yaml   settings            mapping.yaml   which column is what
keys/         signing, sealing and reference key (protected)      secrets/   linkage secrets by epoch (protected)
cards/        cards of other parties, compared and trusted by a person
outbox/       submissions made    receipts/      receipts of the service
local/        what never leaves: reports, display names, what was submitted last
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from agencies import settings as settings_file
from agencies.files import private_folder, write_private
from agencies.passphrase import PassphraseSource, find_passphrase
from agencies.settings import read_settings
from agencies.vault import SCRYPT_N, Vault
from protocols.errors import Busy, InputError, KeyProblem
from protocols.load import LoadedProtocol, load_protocol
from protocols.sealing import SealingPrivateKey, context
from protocols.signing import Card, SigningKey, open_card, sign_card

SIGNING_KEY = "keys/signing.key"
SEALING_KEY = "keys/sealing.key"
REFERENCE_KEY = "keys/reference.key"
_REFERENCE_BYTES = 20


class AgencyFolder:
    """One folder, opened. Keys are read when they are first used."""

    def __init__(self, path: Path, passphrase: PassphraseSource = find_passphrase) -> None:
        self.path = path
        self.settings = read_settings(path)
        self.vault = Vault(path, passphrase)

    @property
    def party(self) -> str:
        """The agency's id (or `workbook`)."""
        return self.settings.party

    @cached_property
    def signing_key(self) -> SigningKey:
        """The key that signs submissions and credentials."""
        return SigningKey.from_dict(json.loads(self.vault.read(SIGNING_KEY, "signing key")))

    @cached_property
    def sealing_key(self) -> SealingPrivateKey:
        """The key that opens what is sealed to this party."""
        return SealingPrivateKey(self.vault.read(SEALING_KEY, "sealing key"))

    @cached_property
    def references(self) -> References:
        """How local references become record and group references."""
        return References(self.vault.read(REFERENCE_KEY, "reference key"))

    @cached_property
    def protocol(self) -> LoadedProtocol:
        """The sharing protocol that `agency.yaml` names."""
        return load_protocol(self.path / self.settings.protocol)

    @cached_property
    def card(self) -> Card:
        """How this party introduces itself."""
        return Card(
            party=self.party,
            purpose=self.settings.purpose,
            signing_key=self.signing_key.public.as_dict(),
            sealing_key=self.sealing_key.public.text(),
        )

    def signed_card(self) -> str:
        """The card, signed with the key that it introduces."""
        return sign_card(self.card, self.signing_key)

    def place(self, name: str) -> Path:
        """A folder inside this one (`outbox`, `receipts`, `local`, `cards`), made if it is not there."""
        return private_folder(self.path / name)

    def trusted_card(self, party: str, purpose: str) -> Card:
        """A card that a person compared and trusted. Raises `KeyProblem`."""
        path = self.path / "cards" / f"{party}.{purpose}.card"
        if not path.is_file():
            raise KeyProblem(
                f"There is no trusted card of `{party}` ({purpose}) in `{self.path.name}`.",
                next_step="Get it from its owner, then run: kinlink agency trust CARD",
            )
        card = open_card(path.read_text(encoding="ascii", errors="replace"))
        if (card.party, card.purpose) != (party, purpose):
            raise KeyProblem(f"`{path.name}` holds a card of another party.", next_step="Trust the right card again.")
        return card

    def only_card(self, purpose: str) -> Card:
        """The one trusted card of the service, or of the Workbook. Raises `KeyProblem`."""
        parties = [path.name.split(".")[0] for path in (self.path / "cards").glob(f"*.{purpose}.card")]
        if len(parties) > 1:
            raise KeyProblem(
                f"There are {len(parties)} trusted cards with the purpose `{purpose}` in `{self.path.name}`.",
                next_step="Delete from `cards/` the one that is not in use.",
            )
        return self.trusted_card(parties[0] if parties else purpose, purpose)

    def trust(self, token: str, *, replace: bool = False) -> Card:
        """Store another party's card after a person has compared its fingerprints. Raises `KeyProblem`, `VerificationError`."""
        card = open_card(token)
        path = self.place("cards") / f"{card.party}.{card.purpose}.card"
        if path.exists() and not replace:
            held = self.trusted_card(card.party, card.purpose)
            if held == card:
                return card
            raise KeyProblem(
                f"`{card.party}` ({card.purpose}) is trusted already, with other keys.",
                next_step="If they told you in person that their keys changed, trust the new card with --replace.",
            )
        write_private(path, token.strip().encode(), replace=True)
        return card

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder: two commands do not write into it at once. Raises `Busy`."""
        path = self.path / ".lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _locked(descriptor):
                raise Busy(
                    f"Another command is at work in `{self.path.name}`.", next_step="Wait until it has finished."
                )
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: the folder of one data officer on one desk
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class References:
    """Keyed references: HMAC-SHA256 of a local reference, 160 bits in base32. Nobody without the key can go back."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise KeyProblem("The reference key is damaged.", next_step="Restore it from its backup.")
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def record(self, local: str) -> str:
        """The record reference of a local reference."""
        return self._reference("record", local)

    def group(self, local: str) -> str:
        """The group reference of a local household, case or occurrence."""
        return self._reference("group", local)

    def content(self, text: str) -> bytes:
        """16 keyed bytes of anything local, to see whether it changed."""
        keyed = self._keyed.copy()
        keyed.update(b"kinlink/content/1\0" + text.encode())
        return keyed.digest()[:16]

    def _reference(self, kind: str, local: str) -> str:
        keyed = self._keyed.copy()
        keyed.update(context("kinlink/reference/1", kind, local.strip()))
        return base64.b32encode(keyed.digest()[:_REFERENCE_BYTES]).decode().lower()


def init_folder(
    path: Path,
    party: str,
    *,
    service: str,
    protocol: Path,
    purpose: str = "agency",
    passphrase: PassphraseSource | None = find_passphrase,
    audience: str = "kinlink",
    council_folder: Path | None = None,
    scrypt_n: int = SCRYPT_N,
) -> AgencyFolder:
    """Make a folder with new keys. `passphrase=None` leaves the keys in clear (mode 0600): only if a person asked for it.

    Raises `InputError` if the folder holds anything already or the protocol does not know the agency.
    """
    loaded = load_protocol(protocol)
    parties = [each.id for each in loaded.document.parties]
    if purpose == "agency" and party not in parties:
        raise InputError(
            f"The sharing protocol `{loaded.document.id}` has no agency `{party[:40]}`.",
            next_step=f"Its agencies are {', '.join(parties)}.",
        )
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(
            f"`{path.name}` is there already and is not empty; nothing was changed.",
            next_step="Name a new folder. To renew lost keys see docs/key-ceremony.md.",
        )
    private_folder(path)
    text = _settings_text(path, party, purpose, service, audience, protocol, council_folder)
    write_private(path / settings_file.FILE, text.encode())
    try:
        read_settings(path)
        vault = Vault.create(path, passphrase, n=scrypt_n)
    except BaseException:
        _undo(path)
        raise
    new_keys(vault)
    if purpose == "agency":
        vault.write(REFERENCE_KEY, os.urandom(32))
    for name in ("secrets", "cards", "outbox", "receipts", "local"):
        private_folder(path / name)
    return AgencyFolder(path, passphrase or find_passphrase)


def new_keys(vault: Vault, *, replace: bool = False) -> None:
    """A new signing key and a new sealing key. The reference key stays, so that references stay."""
    vault.write(SIGNING_KEY, json.dumps(SigningKey.generate().as_dict()).encode(), replace=replace)
    vault.write(SEALING_KEY, SealingPrivateKey.generate().raw, replace=replace)


def set_epoch(folder: AgencyFolder, epoch: int) -> None:
    """Write another epoch into `agency.yaml`, leaving everything else in it as it is."""
    path = folder.path / settings_file.FILE
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("epoch:")]
    write_private(path, ("\n".join([*lines, f"epoch: {epoch}"]) + "\n").encode(), replace=True)
    folder.settings = read_settings(folder.path)


def _undo(path: Path) -> None:
    for made in (path / settings_file.FILE, path / "keys" / "vault.json"):
        made.unlink(missing_ok=True)
    for made in (path / "keys", path):
        if made.is_dir():
            made.rmdir()


def _settings_text(
    path: Path, party: str, purpose: str, service: str, audience: str, protocol: Path, council: Path | None
) -> str:
    quoted = json.dumps
    lines = [
        "# Settings of this folder. Paths are relative to it. No secret belongs in here.",
        f"agency: {quoted(party)}",
        f"purpose: {purpose}",
        f"service: {quoted(service)}          # where the central service answers",
        f"audience: {quoted(audience)}        # the service's name in credentials",
        f"protocol: {quoted(_relative(protocol, path))}",
    ]
    if purpose == "agency":
        lines += ["mapping: mapping.yaml", "epoch: 1"]
    if council is not None:
        lines.append(f"council_folder: {quoted(_relative(council, path))}   # local names; they never leave")
    return "\n".join(lines) + "\n"


def _relative(target: Path, folder: Path) -> str:
    return os.path.relpath(target.resolve(), folder.resolve())
