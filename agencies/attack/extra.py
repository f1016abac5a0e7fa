"""The attacks need SciPy and scikit-learn, which an agency's plain installation does not have."""

from __future__ import annotations

import importlib

from protocols.errors import InputError


def need_extra() -> None:
    """Raise `InputError` unless the packages of `kinlink[attack]` are there."""
    for name in ("scipy", "sklearn"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            raise InputError(
                f"The attack laboratory needs a package that is not installed (`{name}`).",
                next_step="Install it with: pip install 'kinlink[attack]'",
            ) from None
