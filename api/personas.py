"""The golden personas of this service: those in its data folder, or the ones that ship."""

from __future__ import annotations

import hashlib
from pathlib import Path

from api.service import Service
from config.resources import PROTOCOL_FILE
from protocols.personas import Persona, load_personas

PERSONAS_FILE = "personas.yaml"


def personas_of(service: Service) -> tuple[Persona, ...]:
    """The golden personas. Raises `InputError` that names what is wrong in their file."""
    return load_personas(_file(service))


def personas_mark(service: Service) -> str:
    """What tells these personas from any others: the beginning of their file's SHA-256."""
    return hashlib.sha256(_file(service).read_bytes()).hexdigest()[:16]


def _file(service: Service) -> Path:
    own: Path = service.folder.root / PERSONAS_FILE
    return own if own.is_file() else PROTOCOL_FILE.with_name(PERSONAS_FILE)
