"""The passphrase in the operating system's keyring (Windows Credential Locker, macOS Keychain, Secret Service), through `keyring`.

`keyring` is an extra (`kinlink[keyring]`): without it, or where the system has no keyring, nothing is found here and nothing is stored.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from protocols.errors import KeyProblem

_SERVICE = "kinlink"
_GOOD_ENOUGH = 1.0


def find(name: str) -> str | None:
    """The passphrase kept for a party's folder; None if there is none, or no keyring that can be asked."""
    keyring = _backend()
    if keyring is None:
        return None
    try:
        held = keyring.get_password(_SERVICE, name)
    except Exception:  # a locked or broken keyring: the next place is asked
        return None
    return str(held) if held else None


def keep(name: str, passphrase: str) -> str:
    """Keep the passphrase of a party's folder; returns what the keyring is called. Raises `KeyProblem`."""
    keyring = _required()
    try:
        keyring.set_password(_SERVICE, name, passphrase)
        held = keyring.get_password(_SERVICE, name)
    except Exception:
        held = None
    if held != passphrase:
        raise KeyProblem(
            "The system's keyring did not keep the passphrase.",
            next_step="Unlock it and try again, or use KINLINK_PASSPHRASE_FILE.",
        )
    return str(keyring.name)


def forget(name: str) -> bool:
    """Take the passphrase of a party's folder out of the keyring; whether there was one. Raises `KeyProblem`."""
    keyring = _required()
    if find(name) is None:
        return False
    try:
        keyring.delete_password(_SERVICE, name)
    except Exception:
        raise KeyProblem(
            "The system's keyring did not delete the passphrase.", next_step="Delete it with the system's own tool."
        ) from None
    return True


def _required() -> Any:
    keyring = _backend()
    if keyring is None:
        raise KeyProblem(
            "There is no keyring of the operating system that can be used here.",
            next_step="Start or unlock it, or name a file with KINLINK_PASSPHRASE_FILE."
            if _installed()
            else "Install what asks it, with `pip install 'kinlink[keyring]'`, or name a file with KINLINK_PASSPHRASE_FILE.",
        )
    return keyring


def _installed() -> bool:
    return importlib.util.find_spec("keyring") is not None


def _backend() -> Any | None:
    """The system's keyring, if it is one that protects what it holds; file-based stand-ins are not used."""
    if not _installed():
        return None
    import keyring

    found = keyring.get_keyring()
    return found if found.priority >= _GOOD_ENOUGH else None
