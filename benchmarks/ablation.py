"""What each step of the matcher is worth, on a folder of families whose truth is known: one line a step, plain and hardened.

    python -m benchmarks.ablation FOLDER [--secrets 3] [--anchor social_care]

`threshold` gives every record to its most similar member at one similarity for all agencies, chosen ON THE TRUTH so that precision is .999:
better than anybody could choose it. All other steps see no truth. Printed for each agency: recall of the certain links, wrong certain links
over all agencies, recall with probable links, and review as a share of the true pairs. Fields' bits were chosen on this kind of folder with
its truth in sight, so other people lose a little.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agencies.encoders import NamedEncoding, check_encoder, protocol_encodings
from agencies.encoding.comparator import CheckEncoder
from agencies.encoding.harden import Hardening
from agencies.standardise.person import StandardiseRules
from config.resources import PROTOCOL_FILE
from kinlink.evaluate import encode_folder, families_of, no_guards
from kinlink.evaluate_folder import FolderOfExtracts, read_folder
from kinlink.evaluate_score import Scorer, total
from kinlink.quality import Quality
from linkage import one_agency
from linkage.family import Confirmed
from linkage.matcher import link
from linkage.records import EncodedRecords
from linkage.result import Link
from protocols.load import load_protocol
from protocols.matching import MatchRules

STEPS = ("threshold (chosen on the truth)", "+ calibration", "+ competition", "+ family step", "+ guards")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--anchor", default="social_care")
    parser.add_argument("--secrets", type=int, default=3)
    arguments = parser.parse_args()
    protocol = load_protocol(PROTOCOL_FILE)
    rules = protocol.document.matching
    folder = read_folder(arguments.folder, arguments.anchor, StandardiseRules())
    shipped = protocol_encodings(protocol)[0]
    plain = NamedEncoding("person", shipped.schema, "", Hardening("compat", length=shipped.schema.length))
    print("agencies:", ", ".join(name for name in folder.extracts if name != arguments.anchor))
    for name, encoding, with_checks in (
        ("plain, no check", plain, False),
        ("plain, checks", plain, True),
        ("hardened, no check", shipped, False),
        ("hardened, checks", shipped, True),
    ):
        rows: dict[str, list[Sequence[Quality]]] = {step: [] for step in STEPS}
        for number in range(arguments.secrets):
            secret = hashlib.sha256(f"ablation {number}".encode()).digest()
            checks = check_encoder(protocol, secret) if with_checks else CheckEncoder((), secret)
            encoded = encode_folder(folder, encoding, checks, secret)
            for step, quality in _steps(folder, arguments.anchor, encoded, _for(rules, with_checks)):
                rows[step].append(quality)
        for step in STEPS:
            print(_line(f"{name}: {step}", rows[step]), flush=True)


def _for(rules: MatchRules, with_checks: bool) -> MatchRules:
    """The same rules for encodings with or without comparators."""
    if with_checks:
        return rules
    return rules.model_copy(update={"guards": rules.guards.model_copy(update={"closeness_agreeing": ()})})


def _steps(
    folder: FolderOfExtracts, anchor: str, encoded: dict[str, EncodedRecords], rules: MatchRules
) -> list[tuple[str, list[Quality]]]:
    families = families_of(folder, encoded[anchor])
    others = [records for agency, records in encoded.items() if agency != anchor]
    scorer = Scorer(folder, anchor)
    bare = rules.model_copy(update={"guards": no_guards(rules.guards)})
    alone = bare.model_copy(update={"context": rules.context.model_copy(update={"rounds": 0, "penalty": 0.0})})

    def measured(chosen: MatchRules) -> list[Quality]:
        links = link(encoded[anchor], families, others, chosen, threads=1).links
        return [scorer.agency(records.agency, links) for records in others]

    whole = one_agency.confirm
    one_agency.confirm = _each_pair_alone
    try:
        calibrated = measured(alone)
    finally:
        one_agency.confirm = whole
    return [
        (STEPS[0], _threshold(scorer, encoded[anchor], others)),
        (STEPS[1], calibrated),
        (STEPS[2], measured(alone)),
        (STEPS[3], measured(bare)),
        (STEPS[4], measured(rules)),
    ]


def _each_pair_alone(anchor: object, record: object, log_odds: NDArray[np.float64], *others: object) -> Confirmed:
    """Probabilities as calibrated, in the place of the matcher's own step: no competition, no family."""
    p = 1.0 / (1.0 + np.exp(-log_odds))
    return Confirmed(p, p)


def _threshold(scorer: Scorer, anchor: EncodedRecords, others: Sequence[EncodedRecords]) -> list[Quality]:
    """The best of each record at one similarity for all: the lowest at which precision is .999."""
    links, scores = [], []
    left = np.unpackbits(anchor.clks, axis=1).astype(np.float32) * 2 - 1
    for records in others:
        right = np.unpackbits(records.clks, axis=1).astype(np.float32) * 2 - 1
        alike = right @ left.T / left.shape[1]
        best = alike.argmax(axis=1)
        for row, member in enumerate(best.tolist()):
            ref = anchor.record_refs[member]
            links.append(Link(ref, records.agency, records.record_refs[row], "certain", "", (), 1.0, ""))
            scores.append(float(alike[row, member]))
    order = np.argsort(-np.array(scores), kind="stable")
    right_links = np.array([scorer.right(links[k]) for k in order])
    precision = np.cumsum(right_links) / np.arange(1, order.size + 1)
    kept = np.flatnonzero(precision >= 0.999)
    chosen = [links[k] for k in order[: kept[-1] + 1 if kept.size else 0]]
    return [scorer.agency(records.agency, chosen) for records in others]


def _line(name: str, runs: list[Sequence[Quality]]) -> str:
    def mean(of: str) -> str:
        return "/".join(f"{np.mean([getattr(run[k], of) for run in runs]):.3f}" for k in range(len(runs[0])))

    whole = [total(run) for run in runs]
    wrong = np.mean([each.certain - each.certain_right for each in whole])
    precision = np.mean([each.precision for each in whole])
    review = "/".join(f"{np.mean([100 * run[k].review_load for run in runs]):.1f}" for k in range(len(runs[0])))
    return f"{name:52} R {mean('recall')}  P {precision:.4f} wrong {wrong:.1f}  R+ {mean('recall_with_probable')}  review {review}"


if __name__ == "__main__":
    main()
