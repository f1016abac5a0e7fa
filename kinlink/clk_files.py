"""CLKs from a file: clkhash's JSON, or the submission of an agency, opened by the service that it was sealed to."""

from __future__ import annotations

import base64
import binascii
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InputError
from protocols.submission import Manifest, open_submission

FEWEST_BYTES = 8


@dataclass(frozen=True, slots=True, eq=False)
class ClkFile:
    """(n, bytes) CLKs; for a submission the record of each row, and under what terms they were encoded."""

    name: str
    clks: NDArray[np.uint8]
    refs: tuple[str, ...] | None = None
    terms: dict[str, str] | None = None

    @property
    def bits(self) -> int:
        """Length of one CLK."""
        return 8 * int(self.clks.shape[1])

    def label(self, row: int) -> str:
        """What a row is called in the output: its number, or its record."""
        return str(row) if self.refs is None else self.refs[row]


def read_clks(path: Path, service: Path | None = None) -> ClkFile:
    """The CLKs of a file. `service` is the data folder of the service that a submission was sealed to.

    Raises `InputError` that names the entry, `KeyProblem` or `SubmissionError`.
    """
    if zipfile.is_zipfile(path):
        return _submission(path, service)
    try:
        listed = json.loads(path.read_bytes())["clks"]
    except OSError as error:
        raise InputError(f"`{path.name}` cannot be read.", next_step="Check the path.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'`{path.name}` is not a file of CLKs: expected a submission, or JSON of the form {{"clks": ["…", …]}}.',
            next_step="Make it with: kinlink agency encode people.csv --format clkhash-json",
        ) from error
    if not isinstance(listed, list) or not listed:
        raise InputError(f"`{path.name}` holds no CLK.", next_step="Check the file it was made from.")
    found = ClkFile(path.name, _table(path.name, listed))
    _check_filled(found)
    return found


def check_comparable(left: ClkFile, right: ClkFile) -> None:
    """Raise `InputError` unless both sides are of one length and, where that is known, encoded under the same terms."""
    if left.bits != right.bits:
        raise InputError(
            f"`{left.name}` holds CLKs of {left.bits} bits and `{right.name}` of {right.bits}.",
            next_step="Encode both under one linkage schema.",
        )
    if left.terms is None or right.terms is None:
        return
    for what, value in left.terms.items():
        if right.terms[what] != value:
            raise InputError(
                f"`{left.name}` and `{right.name}` were encoded under two {what}s: {value} and {right.terms[what]}.",
                next_step="Such CLKs say nothing about each other. Compare submissions of one epoch of one sharing protocol.",
            )


def _table(name: str, listed: list[object]) -> NDArray[np.uint8]:
    rows, size = [], -1
    for number, text in enumerate(listed):
        try:
            row = base64.b64decode(str(text), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError(f"`{name}` entry {number} is not base64.", next_step="Make the file again.") from error
        size = len(row) if size < 0 else size
        if len(row) != size or size < FEWEST_BYTES:
            expected = f"{8 * size}, as the first" if size >= FEWEST_BYTES else f"at least {8 * FEWEST_BYTES}"
            raise InputError(
                f"`{name}` entry {number} has {8 * len(row)} bits; expected {expected}.",
                next_step="All CLKs of a file must be of one length.",
            )
        rows.append(row)
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), size)


def _check_filled(found: ClkFile) -> None:
    low, high = found.clks.min(axis=1), found.clks.max(axis=1)
    flat = np.flatnonzero((low == high) & np.isin(low, (0, 255)))
    if flat.size:
        raise InputError(
            f"`{found.name}` entry {found.label(int(flat[0]))} has only zeros or only ones, which encodes nobody "
            f"({flat.size:,} such entries).",
            next_step="Leave people without usable fields out when encoding.",
        )


def _submission(path: Path, service: Path | None) -> ClkFile:
    # The centre's part, which an agency's machine need not have.
    from api.data_folder import DataFolder
    from api.opening import open_encodings
    from api.service import ServiceKeys

    if service is None:
        raise InputError(
            f"`{path.name}` is a submission: its CLKs are sealed to the service.",
            next_step="On the service's machine, name its data folder with --service.",
        )
    with open_submission(path) as file:
        manifest = file.manifest
    if manifest.counts.encodings == 0:
        raise InputError(f"`{path.name}` holds no CLK.", next_step="Check the extract it was made from.")
    clk = manifest.clks[0].name
    key = ServiceKeys.read(DataFolder(service)).sealing
    opened = open_encodings([path], manifest.agency, clk, key)
    refs = tuple(opened.record_refs[row] for row in opened.owner.tolist())
    return ClkFile(path.name, opened.clks, refs, _terms(manifest))


def _terms(manifest: Manifest) -> dict[str, str]:
    return {
        "sharing protocol": manifest.protocol_digest,
        "epoch": str(manifest.epoch),
        "linkage schema": manifest.clks[0].schema_digest,
        "linkage secret": manifest.key_check_value,
    }
