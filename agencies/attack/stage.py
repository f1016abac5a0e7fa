"""Where the attacks take place: the sample, its encodings, the attacker's list and what several attacks compute alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from agencies.attack.bits import Clks, Ints
from agencies.attack.checks import Checks
from agencies.attack.modelled import BASE_KEYS, Modelled, model_of
from agencies.attack.people import People, Scheme, corrupted, end_of_group
from agencies.attack.verdict import CutOffs
from agencies.attack.views import Dense, Encoded, dense

GRAPH_ROWS = 4000
ENOUGH_FOR_STRUCTURE = 2000
FEW_KNOWN = 20
SHARES_KNOWN = {"seeds_5pct": 0.05, "seeds_quarter": 0.25}
DEEP_KEYS = 4
FEW_ROWS, FEW_KEYS = 1_000, 6


@dataclass(frozen=True, slots=True)
class Whole:
    """One encoding of every record, as the victim's similarities, the attacker's model of them, and the comparators."""

    victim: Encoded
    expected: Modelled
    checks: Checks | None

    @property
    def size(self) -> int:
        """Number of records."""
        return self.victim.size


@dataclass
class Stage:
    """A sample of what is to be sent, attacked.

    `people[i]` is encoded as row i; `groups[i]` and `records[i]` number the group and the record that row i belongs to (a record may
    have several encodings), `kinds[i]` its kind of person, which the service sees; `partial` if they are part of an extract. `listed` is a public list of names, or None for the worst case: the attacker holds the extract itself.
    """

    scheme: Scheme
    secret: bytes
    people: People
    groups: Ints
    records: Ints
    kinds: Ints
    cut_offs: CutOffs
    rng: np.random.Generator
    listed: People | None = None
    deep: bool = False
    partial: bool = False
    known: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        rows = len(self.graph.firsts)
        shares = {name: round(share * rows) for name, share in SHARES_KNOWN.items()}
        self.known = {"seeds_20": FEW_KNOWN, **shares}

    @property
    def judges_structure(self) -> bool:
        """Whether what is found by structure alone (nobody known, or groups given) says something about the extract.

        In a small part of it there are too few groups of one shape, and too few people who are in it twice, to be confused with each
        other, so that far more is found than in the whole.
        """
        return not self.partial or len(self.people) >= ENOUGH_FOR_STRUCTURE

    @cached_property
    def clks(self) -> Clks:
        """The encodings as they are sent."""
        return self.scheme.encode(self.secret, self.people)

    @cached_property
    def tokens(self) -> list[list[str]]:
        """What each row's filter is made of."""
        return [self.scheme.tokens(person) for person in self.people]

    @cached_property
    def descriptions(self) -> Ints:
        """Equal numbers for rows whose filters are made of the same tokens."""
        numbers: dict[tuple[str, ...], int] = {}
        return np.array([numbers.setdefault(tuple(its), len(numbers)) for its in self.tokens], dtype=np.int64)

    @cached_property
    def whole(self) -> Whole:
        """All records, for attacks that compute similarities as they go: whole matrices need not fit in memory."""
        firsts = np.unique(self.records, return_index=True)[1]
        people = [self.people[int(row)] for row in firsts]
        model = model_of(self.scheme, people, self.rng, DEEP_KEYS)
        checks = self.scheme.checks(self.secret, people, people)
        return Whole(Encoded([self.clks[firsts]]), model, checks)

    @cached_property
    def graph(self) -> Graph:
        """The first rows (whole groups, in random order) as similarity graphs, small enough for whole matrices."""
        return Graph(self, end_of_group(self.groups, min(len(self.people), GRAPH_ROWS)))

    def key(self) -> bytes:
        """A key of the attacker's own."""
        return self.rng.bytes(32)


@dataclass
class Graph:
    """The victim's similarities of the first `rows` rows, and what an attacker expects them to be."""

    stage: Stage
    rows: int

    @property
    def people(self) -> People:
        """The people of these rows."""
        return self.stage.people[: self.rows]

    @property
    def groups(self) -> Ints:
        """Their groups."""
        return self.stage.groups[: self.rows]

    @property
    def records(self) -> Ints:
        """Their records."""
        return self.stage.records[: self.rows]

    @cached_property
    def seen(self) -> Ints:
        """Equal numbers for rows beside which the same stands in clear: the kind of person, and which comparators there are."""
        columns = [self.stage.kinds[: self.rows]]
        if self.checks is not None:
            columns += list((self.checks.seen >= 0).T.astype(np.int64))
        return np.unique(np.stack(columns), axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)

    @cached_property
    def firsts(self) -> Ints:
        """One row of each record: what attacks are given that do not know which encodings are of one record."""
        return np.unique(self.records, return_index=True)[1]

    @cached_property
    def victim(self) -> Dense:
        """Similarities of what is sent."""
        return dense(Encoded([self.stage.clks[: self.rows]]))

    @cached_property
    def one_key(self) -> Dense:
        """Similarities of the attacker's list, encoded once under a key of the attacker's own: the published attack."""
        return dense(Encoded([self.stage.scheme.encode(self.stage.key(), self.people)]))

    @cached_property
    def model(self) -> Modelled:
        """The attacker's model of the list."""
        return model_of(self.stage.scheme, self.people, self.stage.rng, self._keys)

    @cached_property
    def expected(self) -> Dense:
        """Expected similarities from the model."""
        return dense(self.model)

    @cached_property
    def dirty(self) -> Dense:
        """Expected similarities of a list with errors."""
        rng = self.stage.rng
        return dense(model_of(self.stage.scheme, corrupted(self.people, rng), rng, self._keys))

    @property
    def _keys(self) -> int:
        """Over how many keys the model averages: fewer for a quick look."""
        return BASE_KEYS if self.rows > FEW_ROWS else FEW_KEYS

    @cached_property
    def checks(self) -> Checks | None:
        """The comparators beside the encodings, as the service sees them, and the values of the people on a clean list."""
        return self.stage.scheme.checks(self.stage.secret, self.people, self.people)

    def seeds(self, count: int, among: Ints) -> Ints:
        """Rows of `count` randomly known people out of the rows `among` (all rows of their records)."""
        records = self.records[among]
        chosen = self.stage.rng.permutation(np.unique(records))[:count]
        return among[np.isin(records, chosen)]
