"""An extract's column names, and a first mapping out of them. They are shown to the person at the desk only: a file without a header
row has a person in their place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from agencies.extract import read_header
from agencies.files import write_private
from agencies.folder import AgencyFolder
from agencies.mapping import FileMap, load_mapping
from agencies.mapping_template import mapping_template
from protocols.errors import InputError

# What source systems call an identifier, letters and digits only; the first that is there is proposed.
_USUAL = {
    "record": ("personid", "nominalno", "crn", "clientid", "patientid", "rioid", "nominalid", "personref", "pupilid", "localreference", "id"),
    "given_name": ("forename", "forename1", "firstname", "givenname", "forenames", "fname", "persforename"),
    "middle_name": ("middlename", "middlenames", "forename2", "secondname"),
    "family_name": ("surname", "familyname", "lastname", "lname", "perssurname"),
    "date_of_birth": ("dob", "dateofbirth", "birthdate", "persdob"),
    "sex": ("sex", "gender", "perssex", "gendercode"),
    "postcode": ("postcode", "mainpostcode", "postalcode", "addresspostcode"),
    "nhs_number": ("nhsnumber", "nhsno", "persnhsnumber"),
    "upn": ("upn", "uniquepupilnumber", "persupn"),
    "cro": ("cro", "cronumber", "crono"),
    "as_at": ("extractdate", "lastupdated", "updated", "asat", "recorddate", "lastreview"),
}  # fmt: skip
_ADDRESS = re.compile(r"^(?:main|home|current)?address(?:line)?[0-9]?$|^(?:street|town|city)$")


def print_columns(
    folder: AgencyFolder, extract: Path, mapping: Path | None, write: Path | None, console: Console
) -> None:
    """Show each column with what the mapping makes of it; with `write`, make a first mapping out of them. Raises `InputError`."""
    path = mapping or folder.path / folder.settings.mapping
    used: tuple[str, ...] = ()
    form = FileMap()
    if write is None and path.is_file():
        current = load_mapping(path, folder.party, folder.protocol)
        used, form = current.columns, current.file
    header = read_header(extract, form)
    proposed = proposals(header)
    names = {column: name for name, columns in proposed.items() for column in columns}
    for at, column in enumerate(header, start=1):
        state = "mapped" if column in used else f"looks like {names[column]}" if column in names else "not read"
        console.print(f"{at:>4}  {escape(column):<32} [dim]{state}[/]")
    missing = [column for column in used if column not in header]
    if missing:
        console.print(f"[yellow]In the mapping and not in the file:[/] {escape(', '.join(missing))}")
    if write is not None:
        if write.exists():
            raise InputError(
                f"`{write.name}` is there already, and it is not overwritten.", next_step="Give another name."
            )
        write_private(write, mapping_template(folder.protocol, folder.party, proposed).encode())
        console.print(f"{escape(write.name)} is a first mapping: go through every line, then use it with --mapping.")


def proposals(header: Sequence[str]) -> dict[str, list[str]]:
    """For each identifier, the columns that look like it; nothing where none does."""
    plain = {column: "".join(filter(str.isalnum, column.casefold())) for column in header}
    found: dict[str, list[str]] = {}
    for name, usual in _USUAL.items():
        ranked = [column for each in usual for column in header if plain[column] == each]
        if ranked:
            found[name] = ranked[:1]
    address = [column for column in header if _ADDRESS.match(plain[column])]
    if address:
        found["address"] = address
    return found
