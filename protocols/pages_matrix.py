"""The page that shows who may be told what from which stage on, worked out by asking the decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from protocols.decision_index import SlotKey
from protocols.document import SharingProtocol
from protocols.load import LoadedProtocol
from protocols.markdown import MADE, joined
from protocols.matrix import Matrix, Person, cell_words, full_matrix, people_of
from protocols.sentences import MODE_WORDS, capital, day_words, either
from protocols.vocabulary import Contact, Mode, RoleFunction


def matrix_page(loaded: LoadedProtocol, at: datetime | None = None) -> str:
    """Who may be told what from which stage on, as Markdown, worked out by asking the decision."""
    document = loaded.document
    moment = at or everybody_takes_part(document)
    protocol = loaded.compiled
    matrix = full_matrix(protocol, moment)
    functions = [function for function in document.functions if any(f == function.id for _, f, _, _ in matrix)]
    letters = {function.id: f"{number}" for number, function in enumerate(functions, start=1)}
    nobody = [function.title for function in document.functions if function.id not in letters]
    lines = [
        MADE,
        f"# Who may be told what: {document.title}, version {document.version}",
        f"Worked out by asking the decision about every function, stage, relationship and level of contact, as of "
        f"{day_words(moment.date())}, for safeguarding, by a worker on the case, over a certain link, with nothing held, silent "
        "or shielded. A cell names the stage of the child from which on it is told, and what it takes: `consent` (of the person), "
        "`own client` (only about the person whom the worker works with). `-` is never.",
        *(f"{letters[function.id]}. {function.title}" for function in functions),
        f"Never told anything: {either(nobody)}." if nobody else "",
    ]
    for party in document.parties:
        keys = sorted((key for key in protocol.slots if key[0] == party.id), key=_slot_order)
        lines += [f"## {capital(party.name)}", _table(document, matrix, keys, list(letters), letters)]
    return joined(lines)


def everybody_takes_part(document: SharingProtocol) -> datetime:
    """Noon of the first day on which every party takes part."""
    day = max(party.since for party in document.parties)
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _slot_order(key: SlotKey) -> tuple[int, str]:
    order = (Mode.EXISTENCE, Mode.CONTACT, Mode.CONTENT, Mode.REVIEW)
    return (order.index(key[2]), key[1] or "")


def _table(
    document: SharingProtocol,
    matrix: Matrix,
    keys: list[SlotKey],
    functions: list[RoleFunction],
    letters: dict[RoleFunction, str],
) -> str:
    titles = {attribute.id: attribute.title for attribute in document.attributes}
    rows = [
        "| what | about | " + " | ".join(letters[function] for function in functions) + " |",
        "|---" * (len(functions) + 2) + "|",
    ]
    for key in keys:
        cells = [cell_words(matrix, key, function) for function in functions]
        if all(cell == "-" for cell in cells):
            continue
        what = titles[key[1]] if key[1] else MODE_WORDS[key[2]]
        about = _about(people_of(matrix, key))
        rows.append(f"| {what} | {about} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _about(people: Iterable[Person]) -> str:
    found = list(people)
    words = [person.kind.lower() for person in found if person.relationship is None]
    by_contact: dict[str, list[str]] = {}
    for person in found:
        if person.relationship is not None and not person.expecting:
            name = person.relationship.lower().replace("_", " ")
            by_contact.setdefault(name, []).append(str(person.contact).lower().replace("_", " "))
    levels: dict[tuple[str, ...], list[str]] = {}
    for name, ways in by_contact.items():
        levels.setdefault(tuple(ways), []).append(name)
    for contact, names in levels.items():
        words.append(f"{either(names)} ({'any contact' if len(contact) == len(Contact) else either(contact)})")
    if found and all(person.expecting for person in found):
        words.append("expectant mother")
    return "; ".join(words)
