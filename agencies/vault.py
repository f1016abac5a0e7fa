"""Keys and secrets at rest: each in a file of mode 0600, under a key from a passphrase, or in clear if a person said so.

The passphrase is stretched once (scrypt, RFC 7914) and opens every file of the folder; a file is under AES-256-GCM-SIV (RFC 8452)
with its own name as associated data, so that no two files can be exchanged.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import Field

from agencies.files import private_folder, read_private, write_private
from agencies.passphrase import PassphraseSource
from protocols.errors import InputError, KeyProblem, VerificationError
from protocols.sealing import context
from protocols.signing import Wire

SETTINGS = "keys/vault.json"
SCRYPT_N = 1 << 17
_SCRYPT_R = 8
_NONCE = 12
_SALT = 16
_CHECK = b"kinlink/vault/1"


class _VaultSettings(Wire):
    """How the files are protected. `check` is a sealed constant: it tells a wrong passphrase from a damaged file."""

    format: Literal["kinlink-vault/1"] = "kinlink-vault/1"
    protection: Literal["passphrase", "none"]
    salt: str = ""
    n: int = Field(default=SCRYPT_N, ge=2, le=1 << 22)
    r: int = Field(default=_SCRYPT_R, ge=1, le=32)
    check: str = ""


class Vault:
    """The secret files of one folder, each known by its path inside it.

    The passphrase is asked for when the first file is needed, and only then.
    """

    def __init__(self, folder: Path, passphrase: PassphraseSource) -> None:
        self.folder = folder
        self._passphrase = passphrase
        self._key: bytes | None = None
        self._settings = self._read_settings()

    @classmethod
    def create(cls, folder: Path, passphrase: PassphraseSource | None, *, n: int = SCRYPT_N) -> Vault:
        """Prepare a folder. Without a passphrase its files are in clear, protected by their mode alone."""
        private_folder((folder / SETTINGS).parent)
        if passphrase is None:
            settings = _VaultSettings(protection="none")
            write_private(folder / SETTINGS, settings.canonical())
            return cls(folder, _no_passphrase)
        salt = os.urandom(_SALT)
        key = _stretched(passphrase(), salt, n, _SCRYPT_R)
        check = _sealed(_CHECK, key, SETTINGS)
        settings = _VaultSettings(protection="passphrase", salt=salt.hex(), n=n, check=check.hex())
        write_private(folder / SETTINGS, settings.canonical())
        vault = cls(folder, passphrase)
        vault._key = key  # stretching takes a third of a second; once is enough
        return vault

    @property
    def encrypted(self) -> bool:
        """Whether the files are under a passphrase."""
        return self._settings.protection == "passphrase"

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return (self.folder / name).is_file()

    def write(self, name: str, data: bytes, *, replace: bool = False) -> None:
        """Protect and write one file. Raises `InputError` if it is there already."""
        key = self._opened()
        private_folder((self.folder / name).parent)
        write_private(self.folder / name, data if key is None else _sealed(data, key, name), replace=replace)

    def read(self, name: str, what: str) -> bytes:
        """Read one file; `what` names it in messages. Raises `KeyProblem`."""
        data = read_private(self.folder / name, what)
        key = self._opened()
        if key is None:
            return data
        try:
            return AESGCMSIV(key).decrypt(data[:_NONCE], data[_NONCE:], _about(name))
        except (InvalidTag, ValueError):
            raise KeyProblem(
                f"The {what} (`{name}`) is damaged, or it was copied from another folder.",
                next_step="Restore the file from its backup, or see docs/key-ceremony.md for a lost key.",
            ) from None

    def remove(self, name: str) -> None:
        """Overwrite and delete one file, as far as the file system lets us."""
        path = self.folder / name
        size = path.stat().st_size
        with path.open("r+b") as target:
            target.write(os.urandom(size))
            target.flush()
            os.fsync(target.fileno())
        path.unlink()

    def _opened(self) -> bytes | None:
        if not self.encrypted:
            return None
        if self._key is None:
            settings = self._settings
            key = _stretched(self._passphrase(), bytes.fromhex(settings.salt), settings.n, settings.r)
            sealed = bytes.fromhex(settings.check)
            try:
                AESGCMSIV(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _about(SETTINGS))
            except (InvalidTag, ValueError):
                raise KeyProblem(
                    f"The passphrase does not open the keys in `{self.folder.name}`.",
                    next_step="Check that it is the passphrase of this folder. Without it the keys are lost: see "
                    "docs/key-ceremony.md.",
                ) from None
            self._key = key
        return self._key

    def _read_settings(self) -> _VaultSettings:
        if not (self.folder / SETTINGS).exists():
            raise InputError(
                f"`{self.folder.name}` is not an agency's folder: it has no `{SETTINGS}`.",
                next_step="Name the right folder, or make one with `kinlink agency init`.",
            )
        data = read_private(self.folder / SETTINGS, "description of the keys")
        try:
            return _VaultSettings.read(data, f"description of the keys (`{SETTINGS}`)")
        except VerificationError as error:
            raise KeyProblem(error.what, next_step="Restore the file from its backup.") from None


def _no_passphrase() -> bytes:
    raise KeyProblem("These keys are not under a passphrase.")


def _stretched(passphrase: bytes, salt: bytes, n: int, r: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=n, r=r, p=1).derive(passphrase)


def _about(name: str) -> bytes:
    return context("kinlink/vault-file/1", name)


def _sealed(data: bytes, key: bytes, name: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCMSIV(key).encrypt(nonce, data, _about(name))
