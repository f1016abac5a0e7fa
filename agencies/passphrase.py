"""Where the passphrase that protects an agency's keys comes from: never from an argument."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from agencies import keyring_store
from protocols.errors import KeyProblem

FILE_VARIABLE = "KINLINK_PASSPHRASE_FILE"
VARIABLE = "KINLINK_PASSPHRASE"
SHORTEST = 12
_CREDENTIAL = "kinlink-passphrase"

PassphraseSource = Callable[[], bytes]


def find_passphrase(*, new: bool = False, party: str = "") -> bytes:
    """The passphrase, from the first of these that is there.

    1. the file that `KINLINK_PASSPHRASE_FILE` names, 2. the variable `KINLINK_PASSPHRASE`, 3. the system's credential store
    (`kinlink-passphrase` in systemd's `CREDENTIALS_DIRECTORY`), 4. the operating system's keyring, where it is kept for `party`,
    5. a question at the terminal, twice for a new one. Raises `KeyProblem`.
    """
    text = _from_environment()
    if text is None and party and not new:
        text = keyring_store.find(party)
    if text is None:
        text = _asked(new=new)
    if text is None:
        raise KeyProblem(
            "The keys of this folder are under a passphrase, and none was given.",
            next_step=f"Set `{FILE_VARIABLE}` to a file that holds it, set `{VARIABLE}`, keep it in the system's keyring "
            "(kinlink agency keyring), or run this in a terminal.",
        )
    if new and len(text) < SHORTEST:
        raise KeyProblem(
            f"A passphrase has at least {SHORTEST} characters; this one is shorter.",
            next_step="Take four or more random words.",
        )
    return text.encode()


def _from_environment() -> str | None:
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return _read(Path(named))
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / _CREDENTIAL).is_file():
        return _read(Path(credentials) / _CREDENTIAL)
    return None


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise KeyProblem(
            f"The passphrase file `{path.name}` cannot be read: {reason}.",
            next_step=f"Correct the path in `{FILE_VARIABLE}`.",
        ) from None
    if not text:
        raise KeyProblem(
            f"The passphrase file `{path.name}` is empty.", next_step="Put the passphrase on its first line."
        )
    return text


def _asked(*, new: bool) -> str | None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    first = getpass.getpass("Passphrase of this folder's keys: ", stream=sys.stderr)
    if new and getpass.getpass("The same again: ", stream=sys.stderr) != first:
        raise KeyProblem("The two passphrases differ.", next_step="Start again.")
    return first or None
