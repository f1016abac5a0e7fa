"""T0 to T5: what the schema, the keys and the bits show without comparing people."""

from __future__ import annotations

import numpy as np

from agencies.attack.bits import row_numbers
from agencies.attack.frequency import frequency_alignment
from agencies.attack.lint import FILL, lint
from agencies.attack.marginals import EXTREMES, bit_frequencies, co_occurrence, duplicates
from agencies.attack.patterns import MOST_ROWS, mine, recovered
from agencies.attack.stage import Stage
from agencies.attack.verdict import Finding, Measure, finding, most_by_chance, proportion

_BITS_ALONE = "the encodings alone: no list of names, no key"
_HARDEN = "Use the hardening profile `standard` or `high`, and raise t if it fails with them."


def schema_and_keys(stage: Stage) -> Finding:
    """T0."""
    result = lint(stage.scheme, stage.secret, stage.people)
    measures = [
        Measure(name="rules_broken", about="rules broken", value=float(len(result.broken)), limit="lint"),
        Measure(
            name="fill",
            about=f"set bits before hardening, of complete records (should be {FILL[0]:.0%} to {FILL[1]:.0%})",
            value=result.fill,
        ),
        Measure(name="fill_off", about="distance of the fill from its range", value=result.fill_off, limit="fill"),
    ]
    advice = list(result.broken)
    if result.fill_off > 0:
        advice.append(
            f"Change the bits per feature until complete records fill {FILL[0]:.0%} to {FILL[1]:.0%} of the filter."
        )
    got = f"{_rules(len(result.broken))}; complete records fill {result.fill:.0%} of a filter before hardening"
    return finding(
        "T0", "Schema and keys", stage.cut_offs, measures,
        given="the linkage schema and the hardening, which are public", got=got, advice=" ".join(advice),
    )  # fmt: skip


def _rules(broken: int) -> str:
    return "no rule is broken" if broken == 0 else f"{broken} rules are broken" if broken > 1 else "one rule is broken"


def marginals(stage: Stage) -> Finding:
    """T1."""
    result, bits = bit_frequencies(stage.clks), stage.clks.shape[1] * 8
    measures = [
        Measure(name="bit_frequency_sd", about="spread of the bits' frequencies beyond chance", value=result.excess_sd,
                limit="bit_frequency_sd"),
        proportion("bit_extremes", f"bits set in fewer than {EXTREMES[0]:.0%} or more than {EXTREMES[1]:.0%} of the rows",
                   result.extreme_bits, bits, limit="bit_extremes"),
        Measure(name="bit_frequency_mean", about="mean frequency of a bit", value=result.mean),
        Measure(name="bit_frequency_low", about="lowest frequency", value=result.low),
        Measure(name="bit_frequency_high", about="highest frequency", value=result.high),
        Measure(name="chi2_per_bit", about="chi-squared of one common frequency, per bit (1 for random bits)",
                value=result.chi2_per_bit),
    ]  # fmt: skip
    got = f"bits are set in {result.low:.0%} to {result.high:.0%} of the rows"
    return finding("T1", "Bit frequencies", stage.cut_offs, measures, given=_BITS_ALONE, got=got, advice=_HARDEN)


def repeats(stage: Stage) -> Finding:
    """T2."""
    tokens = np.array([len(its) for its in stage.tokens])
    result, rows = duplicates(stage.clks, stage.descriptions, tokens), len(stage.clks)
    measures = [
        proportion("identical", "rows whose encoding is also that of somebody described differently",
                   result.identical_rows, rows, limit="identical"),
        Measure(name="length", about="|correlation| of set bits and number of tokens", value=result.length_correlation,
                limit="length"),
        proportion("repeated_people", "rows whose very description occurs again in the extract", result.repeated_people, rows),
        Measure(name="largest", about="most rows with one encoding", value=float(result.largest)),
        Measure(name="single_popcounts", about="numbers of set bits that occur once", value=float(result.single_popcounts)),
    ]  # fmt: skip
    got = (
        f"{result.identical_rows:,} of {rows:,} rows share their encoding with somebody described differently; "
        f"{result.repeated_people:,} describe somebody who is in the extract twice in the same words"
    )
    advice = "Encode more features in one filter; merge the extract's duplicates. " + _HARDEN
    return finding(
        "T2", "Equal encodings and length", stage.cut_offs, measures, given=_BITS_ALONE, got=got, advice=advice
    )


def together(stage: Stage) -> Finding:
    """T3."""
    result = co_occurrence(stage.clks, stage.rng)
    measures = [
        Measure(name="co_occurrence", about="pairs of bits that go together beyond chance (.0001 for random bits)",
                value=result.share, limit="co_occurrence", baseline=0.0001),
        Measure(name="phi", about="correlation of the closest 0.1 % of pairs", value=result.quantile),
        Measure(name="rows", about="rows looked at", value=float(result.rows)),
    ]  # fmt: skip
    got = f"{result.share:.2%} of all pairs of bits go together (chance: 0.01 %)"
    return finding("T3", "Co-occurrence of bits", stage.cut_offs, measures, given=_BITS_ALONE, got=got, advice=_HARDEN)


def frequencies(stage: Stage) -> Finding:
    """T4."""
    result, rows = frequency_alignment(row_numbers(stage.clks), stage.descriptions, stage.descriptions), len(stage.clks)
    together = result.tried / max(result.guessed, 1)
    chance = most_by_chance(result.tried, result.guess, together=max(together, 1.0))
    measures = [
        proportion("frequency", "people whose value the frequencies give away", result.people, rows,
                   baseline=result.tried * result.guess / max(rows, 1), limit="frequency", chance=chance),
        proportion("frequency_values", "most frequent encodings guessed right", result.right, result.guessed,
                   baseline=result.guess if result.guessed else None),
        Measure(name="rank_correlation", about="rank correlation of the frequencies", value=result.rank_correlation),
    ]  # fmt: skip
    got = (
        f"{result.right} of the {result.guessed} most frequent encodings, which stand for {result.people:,} of {rows:,} rows "
        f"(pairing at random: {result.guessed * result.guess:.1f})"
        if result.guessed
        else "nothing: no encoding occurs twice"
    )
    return finding(
        "T4", "Frequency alignment", stage.cut_offs, measures,
        given="the frequency of every value in the extract", got=got,
        advice="Encode at least three features in one filter, so that encodings do not repeat.",
    )  # fmt: skip


def patterns(stage: Stage) -> Finding:
    """T5."""
    rows = np.sort(stage.rng.permutation(len(stage.clks))[:MOST_ROWS])
    result = recovered(mine(stage.clks[rows], stage.rng), [stage.tokens[int(row)] for row in rows], stage.rng)
    measures = [
        Measure(name="patterns", about="how well the best pattern finds the people who share a q-gram (Jaccard)",
                value=result.best, limit="patterns", baseline=result.by_chance),
        proportion("patterns_recovered", "frequent q-grams recovered", result.recovered, result.frequent),
    ]  # fmt: skip
    got = f"{result.recovered:,} of {result.frequent:,} frequent letter pairs and digit pairs were read out of the bits"
    return finding("T5", "Pattern mining", stage.cut_offs, measures, given=_BITS_ALONE, got=got, advice=_HARDEN)
