"""An agency's folder: its settings, its keys, other parties' cards, what it made and what it got back.

agency.yaml   settings            mapping.yaml   which column is what
keys/         signing, sealing and reference key (protected)      secrets/   linkage secrets by epoch (protected)
cards/        cards of other parties, compared and trusted by a person
outbox/       submissions made    receipts/      receipts of the service
local/        what never leaves: reports, display names, what was submitted last
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from pathlib import Path

from agencies import settings as settings_file
from agencies.files import private_folder, write_private
from agencies.passphrase import PassphraseSource, find_passphrase
from agencies.settings import read_settings, settings_text
from agencies.vault import SCRYPT_N, Vault
from protocols.errors import Busy, InputError, KeyProblem
from protocols.load import LoadedProtocol, load_protocol
from protocols.sealing import SealingPrivateKey
from protocols.signing import Card, SigningKey, open_card, sign_card

SIGNING_KEY = "keys/signing.key"
SEALING_KEY = "keys/sealing.key"
REFERENCE_KEY = "keys/reference.key"
_REFERENCE_BYTES = 16
_NEAR = 2


class AgencyFolder:
    """One folder, opened. Keys are read when they are first used."""

    def __init__(self, path: Path, passphrase: PassphraseSource = find_passphrase) -> None:
        self.path = path.resolve()
        self.settings = read_settings(self.path)
        if passphrase is find_passphrase:
            passphrase = partial(find_passphrase, party=self.settings.party)
        self.passphrase = passphrase
        self.vault = Vault(self.path, passphrase)

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
        return read_protocol(self.path / self.settings.protocol)

    @cached_property
    def card(self) -> Card:
        """How this party introduces itself."""
        return Card(
            party=self.party,
            purpose=self.settings.purpose,
            signing_key=self.signing_key.public.as_dict(),
            sealing_key=self.sealing_key.public.text(),
        )

    @property
    def card_path(self) -> Path:
        """The file to give to others: public keys only."""
        return self.path / f"{self.party}.card"

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
    """Keyed references: HMAC-SHA256 of a local reference, 128 bits in hex. Nobody without the key can go back."""

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
        keyed.update(f"kinlink/reference/1\0{kind}\0{local.strip()}".encode())
        return keyed.digest()[:_REFERENCE_BYTES].hex()


def read_protocol(path: Path) -> LoadedProtocol:
    """Read a sharing protocol, once for each state of its file. Raises `ProtocolError`."""
    try:
        state = path.stat()
    except OSError:
        return load_protocol(path)
    return _remembered(path.resolve(), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _remembered(path: Path, changed: int, size: int) -> LoadedProtocol:
    return load_protocol(path)


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

    What else is in the folder (extracts, a mapping) stays as it is. Raises `InputError` if it has settings or keys already, or if the
    protocol does not know the agency; then nothing is left behind.
    """
    loaded = read_protocol(protocol)
    parties = [each.id for each in loaded.document.parties]
    if purpose == "agency" and party not in parties:
        raise InputError(
            f"The sharing protocol `{loaded.document.id}` has no agency `{party[:40]}`.",
            next_step=f"Its agencies are {', '.join(parties)}.",
        )
    _refuse_used(path)
    settings = settings_text(
        party,
        purpose,
        service,
        audience,
        _relative(protocol, path),
        _relative(council_folder, path) if council_folder else None,
    )
    existed = path.exists()
    private_folder(path)
    try:
        write_private(path / settings_file.FILE, settings.encode())
        read_settings(path)
        vault = Vault.create(path, passphrase, n=scrypt_n)
        new_keys(vault)
        if purpose == "agency":
            vault.write(REFERENCE_KEY, os.urandom(32))
        for name in ("cards", "receipts", "local", *(("secrets", "outbox") if purpose == "agency" else ())):
            private_folder(path / name)
        folder = AgencyFolder(path, passphrase or find_passphrase)
        folder.__dict__["vault"] = vault
        write_private(folder.card_path, folder.signed_card().encode() + b"\n", replace=True)
    except BaseException:
        _undo(path, existed)
        raise
    return folder


def _refuse_used(path: Path) -> None:
    used = [name for name in (settings_file.FILE, "keys", "secrets") if (path / name).exists()]
    if used or (path.exists() and not path.is_dir()):
        raise InputError(
            f"`{path.resolve().name}` has {' and '.join(f'`{name}`' for name in used) or 'a file of that name'} already; "
            "nothing was changed.",
            next_step="Name another folder. To renew lost keys see docs/key-ceremony.md.",
        )


def _undo(path: Path, existed: bool) -> None:
    """Take away what an unfinished `init` made, and nothing else."""
    for name in ("keys", "cards", "receipts", "local", "secrets", "outbox"):
        shutil.rmtree(path / name, ignore_errors=True)
    (path / settings_file.FILE).unlink(missing_ok=True)
    if not existed:
        with contextlib.suppress(OSError):
            path.rmdir()


def new_keys(vault: Vault, *, replace: bool = False) -> None:
    """A new signing key and a new sealing key. The reference key stays, so that references stay."""
    vault.write(SIGNING_KEY, json.dumps(SigningKey.generate().as_dict()).encode(), replace=replace)
    vault.write(SEALING_KEY, SealingPrivateKey.generate().raw, replace=replace)


def renew(folder: AgencyFolder) -> AgencyFolder:
    """New signing and sealing keys and a new card, after a loss or a compromise; the reference key and the secrets stay."""
    with folder.lock():
        new_keys(folder.vault, replace=True)
        renewed = AgencyFolder(folder.path, folder.passphrase)
        write_private(renewed.card_path, renewed.signed_card().encode() + b"\n", replace=True)
    return renewed


def set_epoch(folder: AgencyFolder, epoch: int) -> None:
    """Write another epoch into `agency.yaml`, leaving everything else in it as it is."""
    path = folder.path / settings_file.FILE
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("epoch:")]
    write_private(path, ("\n".join([*lines, f"epoch: {epoch}"]) + "\n").encode(), replace=True)
    folder.settings = read_settings(folder.path)


def _relative(target: Path, folder: Path) -> str:
    """The path from a folder to a near file; a far one is named in full."""
    near = os.path.relpath(target.resolve(), folder.resolve())
    return near if near.count("..") <= _NEAR else str(target.resolve())
