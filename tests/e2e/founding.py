"""How a county is founded for tests: agencies' folders with their keys, who trusts whom, and the secret on its way to all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agencies.folder import AgencyFolder, init_folder
from agencies.secret import open_secret, seal_secret
from api.admin import register_card
from api.service import Service

PASSPHRASE = "made up for tests only"

Folders = dict[str, AgencyFolder]


def found(root: Path, names: Sequence[str], service: str, protocol: Path) -> Folders:
    """Folders of the agencies and of the Workbook, which belongs to social care."""
    folders = {}
    for name in (*names, "workbook"):
        purpose = "workbook" if name == "workbook" else "agency"
        folders[name] = init_folder(
            root / name,
            name,
            service=service,
            protocol=protocol,
            purpose=purpose,
            passphrase=PASSPHRASE.encode,
            council_folder=root / "social_care" if purpose == "workbook" else None,
            scrypt_n=1 << 8,
        )
    return folders


def introduce(folders: Folders, service: Service, card: Path) -> None:
    """The service knows everybody, everybody the service, and each agency the Workbook."""
    for folder in folders.values():
        register_card(service, folder.signed_card())
        folder.trust(card.read_text())
        if folder.settings.purpose == "agency":
            folder.trust(folders["workbook"].signed_card())


def share_secret(folders: Folders, names: Sequence[str]) -> None:
    """Social care's secret of epoch 1, to the agencies named."""
    giver = folders["social_care"]
    for name in names:
        giver.trust(folders[name].signed_card())
        folders[name].trust(giver.signed_card())
        open_secret(folders[name], seal_secret(giver, name, 1))
