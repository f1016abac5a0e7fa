"""Making a submission out of a large extract: seconds and peak memory, the extract made up as it is written.

python -m benchmarks.submit [rows]     1,000,000 rows unless given; about 200 bytes a row
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from agencies.folder import init_folder
from agencies.reading import open_reading
from agencies.secret import create_secret
from agencies.submission import Options, make_submission
from config.resources import PROTOCOL_FILE
from protocols.sealing import SealingPrivateKey
from protocols.signing import Card, SigningKey, sign_card

MAPPING = """\
agency: police
dates: ["%d/%m/%Y"]
record: REF
groups: {columns: [OCC], separator: "|"}
identifiers: {given_name: FORE, middle_name: MID, family_name: SUR, date_of_birth: DOB, sex: SEX, address: [ADDR], postcode: PC}
flags:
  suppressed: {column: PROT, yes: ["Y"]}
  silent: {column: SILENT, yes: ["Y"]}
as_at: AS_AT
attributes:
  police.da_incidents_12m: {count: DA}
  police.da_last_incident: {date: DA_LAST, subject_role: DA_ROLE}
  police.marac: {status: MARAC, date: MARAC_DATE}
"""
HEADER = "REF,OCC,FORE,MID,SUR,DOB,SEX,ADDR,PC,PROT,SILENT,AS_AT,DA,DA_LAST,DA_ROLE,MARAC,MARAC_DATE\n"


def write_extract(path: Path, rows: int, seed: int = 7) -> None:
    """People with skewed names; one in ten rows is an alias row of an earlier reference, one in five has a value."""
    chance = random.Random(seed)
    syllables = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "wa"]
    names = ["".join(chance.choices(syllables, k=3)).title() for _ in range(4000)]
    weights = [1 / (at + 3) for at in range(len(names))]
    given = chance.choices(names, weights, k=100_000)
    family = chance.choices(names, weights, k=100_000)
    with path.open("w") as target:
        target.write(HEADER)
        for row in range(rows):
            alias = row > 1000 and chance.random() < 0.1
            ref = row - chance.randrange(1, 900) if alias else row
            born = f"{chance.randrange(1, 29):02d}/{chance.randrange(1, 13):02d}/{chance.randrange(1940, 2025)}"
            born = f"{ref % 28 + 1:02d}/{ref % 12 + 1:02d}/{1940 + ref % 85}" if alias or row % 1 == 0 else born
            value = "3,02/11/2026,VICTIM,HEARD,03/11/2026" if chance.random() < 0.2 else ",,,,"
            target.write(
                f"N{ref:08d},O{ref // 3:07d},{given[chance.randrange(100_000)]},,{family[chance.randrange(100_000)]},{born},"
                f"{'MF'[ref % 2]},{ref % 300} {names[ref % 4000]} Road,SG99 {ref % 10}{chr(65 + ref % 26)}A,,,10/11/2026,{value}\n"
            )


def main() -> None:
    """Run it and print one line for each figure."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        protocol = root / "protocol.yaml"
        protocol.write_text(
            PROTOCOL_FILE.read_text().replace("registered_caseload: 600000", "registered_caseload: 50000000")
        )
        folder = init_folder(
            root / "police", "police", service="http://127.0.0.1:9", protocol=protocol, passphrase=None
        )
        for party, purpose in (("service", "service"), ("workbook", "workbook")):
            signing = SigningKey.generate()
            card = Card(
                party=party,
                purpose=purpose,
                signing_key=signing.public.as_dict(),
                sealing_key=SealingPrivateKey.generate().public.text(),
            )
            folder.trust(sign_card(card, signing))
        create_secret(folder, 1)
        (folder.path / "mapping.yaml").write_text(MAPPING)
        extract = root / "extract.csv"
        write_extract(extract, rows)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        begun, worked = time.monotonic(), time.process_time()
        reading = open_reading(folder, extract)
        _ = reading.survey
        surveyed = time.monotonic()
        made = make_submission(folder, reading, Options(accept_defects=True))
        seconds, work = time.monotonic() - begun, time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        counts = made.manifest.counts
        print(f"extract     {rows:,} rows, {extract.stat().st_size / 1e6:,.0f} MB")
        print(f"submission  {counts.records:,} records, {counts.encodings:,} encodings, {counts.cells:,} values, "
              f"{made.path.stat().st_size / 1e6:,.0f} MB")  # fmt: skip
        print(
            f"time        {seconds:,.1f} s ({surveyed - begun:,.1f} s across rows), {rows / seconds:,.0f} rows/s; processor {work:,.1f} s"
        )
        print(f"peak memory {peak:,.0f} MB ({before:,.0f} MB before)")


if __name__ == "__main__":
    main()
