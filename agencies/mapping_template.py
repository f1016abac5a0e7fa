"""A mapping to fill in: made by `init` from the protocol's catalogue, so that no attribute has to be looked up."""

from __future__ import annotations

from agencies.mapping import CONTACT_PARTS
from protocols.catalogue import expected_words
from protocols.document_catalogue import Attribute, ValueType
from protocols.load import LoadedProtocol

_HEAD = """\
# Which column of the extract is what. Write your own column names on the right; delete what the extract does not have.
# A column that is not named here is never read. docs/data-officer.md explains every line.
agency: {agency}
source: ""                     # the source system and report, for your own information
dates: ["%d/%m/%Y"]            # date formats of the extract, tried in order
record: LOCAL_REFERENCE        # several rows with one reference are aliases or former addresses of one person
# groups: {{columns: [HOUSEHOLD], separator: "|"}}   # household, case or occurrence references
identifiers:
  given_name: FORENAME
  middle_name: MIDDLE_NAMES
  family_name: SURNAME
  date_of_birth: DATE_OF_BIRTH
  sex: SEX
  address: [ADDRESS_1, ADDRESS_2]
  postcode: POSTCODE
#  nhs_number: NHS_NUMBER      # NHS number, unique pupil number, criminal records number: checked only, never used or sent
#  upn: UPN
#  cro: CRO_NUMBER
# nhs_number_status: {{column: NHS_TRACE, superseded: [SUPERSEDED], not_found: ["02", "04"]}}
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
as_at: EXTRACT_DATE            # the column with the date that a row's values are true for, or one date such as 2026-11-16
"""


def mapping_template(protocol: LoadedProtocol, agency: str) -> str:
    """The text of a new `mapping.yaml` for one agency."""
    attributes = [each for each in protocol.document.attributes if each.agency == agency]
    lines = [_HEAD.format(agency=agency)]
    if attributes:
        lines.append("# attributes:")
        lines += [f"#   {line}" for each in attributes for line in _attribute(each)]
        lines.append("# codes:                       # your own codes, translated to those of the catalogue")
        lines.append('#   attribute.field: {"LOCAL": "CATALOGUE"}')
    return "\n".join(lines) + "\n"


def _attribute(attribute: Attribute) -> list[str]:
    fields, words = [], []
    for name, kind in attribute.types.items():
        if kind.type is ValueType.CONTACT:
            fields += [f'"{name}.{part}": COLUMN' for part in CONTACT_PARTS]
        else:
            fields.append(f"{name}: COLUMN")
        words.append(f"{name}: {expected_words(kind)}")
    return [f"# {attribute.title}. {'; '.join(words)}", f"{attribute.id}: {{{', '.join(fields)}}}"]
