"""A mapping to fill in: made by `init` from the protocol's catalogue, so that no attribute has to be looked up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from agencies.mapping import CONTACT_PARTS
from protocols.catalogue import expected_words
from protocols.document_catalogue import Attribute, ValueType
from protocols.load import LoadedProtocol

Columns = Mapping[str, Sequence[str]]

_HEAD = """\
# Which column of the extract is what. Write your own column names on the right; delete what the extract does not have.
# A column that is not named here is never read. docs/data-officer.md explains every line.
agency: {agency}
source: ""                     # the source system and report, for your own information
dates: ["%d/%m/%Y"]            # date formats of the extract, tried in order
record: {record}        # several rows with one reference are aliases or former addresses of one person
# groups: {{columns: [HOUSEHOLD], separator: "|"}}   # household, case or occurrence references
identifiers:
{identifiers}# nhs_number_status: {{column: NHS_TRACE, superseded: [SUPERSEDED], not_found: ["02", "04"]}}
# aliases:
#   - {{family_name: BIRTH_SURNAME}}
# former:
#   - {{address: [PREVIOUS_ADDRESS], postcode: PREVIOUS_POSTCODE}}
# kind: {{column: PERSON_TYPE, adult: [ADULT], child: [CHILD], unborn: [UNBORN]}}   # without it: from the date of birth
flags:
  suppressed: {{column: PROTECTED, yes: ["Y"]}}   # removed before encoding: protected persons, sealed and pre-adoption identities
#  silent: {{column: LIVE_INVESTIGATION, yes: ["Y"]}}
#  shielded: {{column: ADDRESS_WITHHELD, yes: ["Y"]}}
#  deceased: {{column: DECEASED, yes: ["Y"]}}
# hold: {{column: HOLD_REASON}}
as_at: {as_at}            # the column with the date that a row's values are true for, or `today`: the day of the extract
"""


# The columns that stand in a new mapping; where an extract's own columns are known, one that it does not have is a comment.
_STAND_IN = {
    "given_name": ["FORENAME"],
    "middle_name": ["MIDDLE_NAMES"],
    "family_name": ["SURNAME"],
    "date_of_birth": ["DATE_OF_BIRTH"],
    "sex": ["SEX"],
    "address": ["ADDRESS_1", "ADDRESS_2"],
    "postcode": ["POSTCODE"],
    "nhs_number": ["NHS_NUMBER"],
    "upn": ["UPN"],
    "cro": ["CRO_NUMBER"],
}
_CHECKED_ONLY = ("nhs_number", "upn", "cro")


def mapping_template(protocol: LoadedProtocol, agency: str, known: Columns | None = None) -> str:
    """The text of a new `mapping.yaml` for one agency; `known` has the columns of an extract by what they look like."""
    given = {**_STAND_IN, "record": ["LOCAL_REFERENCE"], "as_at": ["EXTRACT_DATE"], **(known or {})}
    attributes = [each for each in protocol.document.attributes if each.agency == agency]
    identifiers = "".join(
        _identifier(name, given[name], out=name in _CHECKED_ONLY if known is None else name not in known)
        for name in _STAND_IN
    )
    words = {name: json.dumps(given[name][0], ensure_ascii=False) for name in ("record", "as_at")}
    lines = [_HEAD.format(agency=agency, identifiers=identifiers, **words)]
    if attributes:
        lines.append("# attributes:")
        lines += [f"#   {line}" for each in attributes for line in _attribute(each)]
        lines.append("# codes:                       # your own codes, translated to those of the catalogue")
        lines.append('#   attribute.field: {"LOCAL": "CATALOGUE"}')
    return "\n".join(lines) + "\n"


def _identifier(name: str, columns: Sequence[str], *, out: bool) -> str:
    written = json.dumps(list(columns) if name == "address" else columns[0], ensure_ascii=False)
    about = "   # only checked: never encoded, never sent" if name in _CHECKED_ONLY else ""
    return f"{'# ' if out else '  '}{name}: {written}{about}\n"


def _attribute(attribute: Attribute) -> list[str]:
    fields, words = [], []
    for name, kind in attribute.types.items():
        if kind.type is ValueType.CONTACT:
            fields += [f'"{name}.{part}": COLUMN' for part in CONTACT_PARTS]
        else:
            fields.append(f"{name}: COLUMN")
        words.append(f"{name}: {expected_words(kind)}")
    return [f"# {attribute.title}. {'; '.join(words)}", f"{attribute.id}: {{{', '.join(fields)}}}"]
