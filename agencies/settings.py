"""`agency.yaml`: what an agency's folder is for, and where it finds what it needs. No secret stands in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from agencies.yaml_file import read_yaml
from protocols.errors import InputError

FILE = "agency.yaml"


class Settings(BaseModel):
    """The settings of one folder; paths are relative to it.

    `epoch` is the epoch of the linkage secret that submissions are made under. `council_folder` is for the Workbook's connector only:
    the folder of children's social care, whose local names and allocations it reads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    party: str = Field(alias="agency", pattern=r"^[a-z][a-z0-9_-]{1,40}$")
    purpose: Literal["agency", "workbook"] = "agency"
    service: str
    audience: str = "kinlink"
    protocol: str
    mapping: str = "mapping.yaml"
    epoch: int = Field(default=1, ge=1)
    council_folder: str | None = None
    certificate_authority: str | None = None

    @field_validator("service")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("expected an address such as `https://kinlink.example.gov.uk`")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("expected `https`: plain `http` is for this machine only")
        return value.rstrip("/")


def read_settings(folder: Path) -> Settings:
    """Read `agency.yaml` of a folder. Raises `InputError`."""
    if not (folder / FILE).is_file():
        raise InputError(
            f"`{folder.resolve().name}` is not an agency's folder: it has no `{FILE}`.",
            next_step="Go to the agency's folder or name it with -C; `kinlink agency init` makes one.",
        )
    return read_yaml(folder / FILE, Settings)


def settings_text(party: str, purpose: str, service: str, audience: str, protocol: str, council: str | None) -> str:
    """`agency.yaml` for a new folder; paths are relative to it."""
    lines = [
        "# Settings of this folder. Paths are relative to it. No secret belongs in here.",
        f"agency: {json.dumps(party)}",
        f"purpose: {purpose}",
        f"service: {json.dumps(service)}   # where the central service answers",
        f"audience: {json.dumps(audience)}   # the service's name in credentials",
        f"protocol: {json.dumps(protocol)}",
    ]
    if purpose == "agency":
        lines += ["mapping: mapping.yaml", "epoch: 1"]
    if council is not None:
        lines.append(f"council_folder: {json.dumps(council)}   # local names, which never leave")
    return "\n".join(lines) + "\n"
