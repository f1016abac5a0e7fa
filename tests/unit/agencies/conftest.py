"""Agencies' folders and extracts for tests: real keys, real files, made-up people."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agencies.folder import AgencyFolder, init_folder
from agencies.reading import Reading, open_reading
from agencies.secret import create_secret, open_secret, seal_secret
from agencies.submission import Made, Options, make_submission
from config.resources import PROTOCOL_FILE
from protocols.sealing import SealingPrivateKey
from protocols.signing import Card, SigningKey, sign_card

sys.path.insert(0, str(Path(__file__).parent))

SERVICE = "http://127.0.0.1:9"
PASSPHRASE = b"made up for tests only"

MAPPING = """\
agency: {agency}
dates: ["%d/%m/%Y"]
record: REF
groups: {{columns: [GROUPS], separator: "|"}}
identifiers:
  given_name: FORE
  middle_name: MID
  family_name: SUR
  date_of_birth: DOB
  sex: SEX
  address: [ADDR1, ADDR2]
  postcode: PC
  nhs_number: NHS
  upn: UPN
  cro: CRO
nhs_number_status: {{column: TRACE, superseded: [Superseded], not_found: ["02", "04"]}}
aliases:
  - {{family_name: MAIDEN}}
  - {{given_name: AKA_FORE, family_name: AKA_SUR}}
former:
  - {{address: [OLD_ADDR], postcode: OLD_PC}}
kind: {{column: KIND, adult: [A], child: [C], unborn: [U]}}
expected_date: EDD
flags:
  suppressed: {{column: PROTECTED, yes: ["Y"]}}
  silent: {{column: SILENT, yes: ["Y"]}}
  shielded: {{column: SHIELDED, yes: ["Y"]}}
  deceased: {{column: DEAD, yes: ["Y"]}}
hold: {{column: HOLD}}
as_at: AS_AT
attributes:
{attributes}
"""
POLICE = """\
  police.da_incidents_12m: {count: DA_12M}
  police.da_last_incident: {date: DA_LAST, subject_role: DA_ROLE, as_at: DA_SEEN}
  police.missing_episodes_12m: {count: MISPER, last: MISPER_LAST}
codes:
  police.da_last_incident.subject_role: {VIC: VICTIM, SUS: SUSPECT}
"""
SOCIAL_CARE = """\
  csc.allocated_worker: {contact.name: DA_12M, contact.team: DA_LAST, role: DA_ROLE}
"""
COLUMNS = [
    "REF", "GROUPS", "FORE", "MID", "SUR", "DOB", "SEX", "ADDR1", "ADDR2", "PC", "NHS", "UPN", "CRO", "TRACE", "MAIDEN", "AKA_FORE", "AKA_SUR",
    "OLD_ADDR", "OLD_PC", "KIND", "EDD", "PROTECTED", "SILENT", "SHIELDED", "DEAD", "HOLD", "AS_AT", "DA_12M", "DA_LAST",
    "DA_ROLE", "DA_SEEN", "MISPER", "MISPER_LAST", "NOT_MAPPED",
]  # fmt: skip
PERSON = {
    "FORE": "Joanna", "SUR": "Whitlock", "DOB": "14/02/1988", "SEX": "F", "ADDR1": "3 Foundry Street", "ADDR2": "Hartmere",
    "PC": "SG99 5TH", "KIND": "A", "AS_AT": "10/11/2026",
}  # fmt: skip

Row = Mapping[str, str]
WriteExtract = Callable[..., Path]
MakeAgency = Callable[..., AgencyFolder]


@dataclass
class World:
    """One agency that can submit: it trusts the service, the Workbook and one other agency, and holds the secret of epoch 1."""

    agency: AgencyFolder
    other: AgencyFolder
    workbook: AgencyFolder
    service_signing: SigningKey = field(repr=False)
    service_sealing: SealingPrivateKey = field(repr=False)

    def reading(self, extract: Path, **options: object) -> Reading:
        """An extract, opened."""
        return open_reading(self.agency, extract, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def protocol_file() -> Path:
    """The protocol that ships."""
    return PROTOCOL_FILE


@pytest.fixture
def make_agency(tmp_path: Path) -> MakeAgency:
    """Makes an agency's folder, its keys under a passphrase with cheap stretching."""

    def make(name: str = "police", purpose: str = "agency", council: Path | None = None) -> AgencyFolder:
        return init_folder(
            tmp_path / name,
            name,
            service=SERVICE,
            protocol=PROTOCOL_FILE,
            purpose=purpose,
            passphrase=lambda: PASSPHRASE,
            council_folder=council,
            scrypt_n=1 << 4,
        )

    return make


@pytest.fixture
def make_world(make_agency: MakeAgency) -> Callable[[str], World]:
    """Makes a world around one agency."""

    def make(name: str = "police") -> World:
        agency = make_agency(name)
        other = make_agency("social_care" if name != "social_care" else "police")
        workbook = make_agency("workbook", "workbook", council=agency.path if name == "social_care" else None)
        signing, sealing = SigningKey.generate(), SealingPrivateKey.generate()
        card = Card(
            party="service", purpose="service", signing_key=signing.public.as_dict(), sealing_key=sealing.public.text()
        )
        for each in (agency, other, workbook):
            each.trust(sign_card(card, signing))
        agency.trust(workbook.signed_card())
        agency.trust(other.signed_card())
        other.trust(agency.signed_card())
        create_secret(other, 1)
        open_secret(agency, seal_secret(other, name, 1))
        attributes = SOCIAL_CARE if name == "social_care" else POLICE
        (agency.path / "mapping.yaml").write_text(MAPPING.format(agency=name, attributes=attributes))
        return World(agency, other, workbook, signing, sealing)

    return make


@pytest.fixture
def world(make_world: Callable[[str], World]) -> World:
    """The police."""
    return make_world("police")


@pytest.fixture
def write_extract(tmp_path: Path) -> WriteExtract:
    """Writes rows (each given as what differs from `PERSON`) as a CSV with every column of the mapping."""

    def write(
        rows: Iterable[Row],
        name: str = "extract.csv",
        delimiter: str = ",",
        encoding: str = "utf-8",
        folder: Path | None = None,
    ) -> Path:
        path = (folder or tmp_path) / name
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding=encoding, newline="") as target:
            writer = csv.DictWriter(target, COLUMNS, delimiter=delimiter, restval="")
            writer.writeheader()
            writer.writerows({**PERSON, **row} for row in rows)
        return path

    return write


@pytest.fixture
def people() -> list[dict[str, str]]:
    """Forty people without a defect: different names, dates and addresses, nobody born on a day that stands for not known."""
    given = ["Adeola", "Bryony", "Cerys", "Dominik", "Eilidh", "Farouk", "Gwen", "Hamza", "Imogen", "Jakub"]
    family = ["Abernethy", "Birdsall", "Chowdhury", "Dunmore"]
    found = []
    for number in range(40):
        found.append(
            {
                "REF": f"P{number:05d}",
                "FORE": given[number % 10],
                "SUR": family[number // 10],
                "DOB": f"{2 + number % 12:02d}/{1 + number % 11:02d}/{1960 + number}",
                "SEX": "MF"[number % 2],
                "ADDR1": f"{number + 1} Tannery Way",
                "ADDR2": "Hartmere",
                "PC": f"SG99 {number % 10}AB",
                "KIND": "A",
            }
        )
    return found


@pytest.fixture
def make(world: Any, write_extract: Callable[..., Path]) -> Callable[..., Made]:
    def make_it(rows: list[dict[str, str]], **options: Any) -> Made:
        return make_submission(world.agency, world.reading(write_extract(rows)), Options(**options))

    return make_it
