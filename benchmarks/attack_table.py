"""The table that shapes the defaults: hardening profiles, what attacks get out of them, and what they cost in links.

    python -m benchmarks.attack_table FOLDER [--keep FILE] [--write docs/attacks.md] [--only TEXT] [--no-links]

FOLDER has one CSV for each agency and truth.csv, as `kinlink evaluate` reads them. The anchor's encodings are attacked by the whole suite (the
attacker holds the extract itself, and its groups); then all agencies are linked to the anchor with the same encoding. It takes hours:
`--keep` remembers each profile as it is done, so that a run goes on where it stopped. `--write` replaces the table in a document,
between its two marker lines; without it the table is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agencies.attack.suite import run_suite
from agencies.attack.verdict import CutOffs, Finding, Verdict, worst
from agencies.encoders import NamedEncoding, protocol_comparators
from agencies.encoding.comparator import Comparator
from agencies.encoding.harden import Hardening
from agencies.encoding.schema import shipped_schema
from agencies.standardise.person import StandardiseRules
from config.resources import PROTOCOL_FILE
from kinlink.evaluate import evaluate
from kinlink.evaluate_folder import read_folder
from protocols.load import LoadedProtocol, load_protocol

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
SECRET = hashlib.sha256(b"the attack table").digest()
SEED = 1
WITH_COMPARATORS = "with comparators, "
TESTS = ("T1", "T2", "T3", "T5", "T6", "T7", "T8", "T9", "T10")
MEASURES = {
    "T3 pairs": "co_occurrence",
    "T5 q-grams": "patterns_recovered",
    "T6 index": "fidelity",
    "T6 model": "fidelity_modelled",
    "T7": "unseeded",
    "T8 20": "seeds_20",
    "T8 5 %": "seeds_5pct",
    "T8 25 %": "seeds_quarter",
    "T8 25 % published": "seeds_quarter_published",
    "T7 groups": "unseeded_groups",
    "T8 20 groups": "seeds_20_groups",
    "T8 5 % groups": "seeds_5pct_groups",
    "T8 25 % groups": "seeds_quarter_groups",
    "T9 whole": "learner",
    "T10": "singled_out",
}
ATTACKS = ("profile", "bits", *MEASURES, "T9 given", "T9 family", "verdict", "fails")
LINKS = ("profile", "bits", "P certain", "R certain", "F1 certain", "P all", "R all", "F1 all", "verdict")


def main() -> None:
    """Measure every profile, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--anchor", default="social_care")
    parser.add_argument("--keep", type=Path, help="remember results in this JSON file")
    parser.add_argument("--write", type=Path, help="replace the table in this document")
    parser.add_argument("--only", default="", help="only profiles whose name holds this text")
    parser.add_argument("--no-links", action="store_true", help="attack only")
    parser.add_argument("--no-attacks", action="store_true", help="link only")
    parser.add_argument("--sample", type=int, default=2_000, help="encodings to attack")
    arguments = parser.parse_args()
    kept: dict[str, dict[str, Any]] = {}
    if arguments.keep and arguments.keep.is_file():
        kept = json.loads(arguments.keep.read_text())
    for name, schema_name, hardening in profiles():
        if arguments.only not in name:
            continue
        schema = shipped_schema(schema_name)
        protocol = under(name.startswith(WITH_COMPARATORS))
        row = kept.get(name, {})
        if row.get("schema") != schema.digest:
            row = kept[name] = {"schema": schema.digest}
        if "findings" not in row and not arguments.no_attacks:
            row |= attacked(
                arguments.folder,
                arguments.anchor,
                schema_name,
                hardening,
                arguments.sample,
                protocol_comparators(protocol),
            )
            remember(arguments.keep, kept)
        if "R all" not in row and not arguments.no_links:
            row |= linked(arguments.folder, arguments.anchor, schema_name, hardening, protocol)
            remember(arguments.keep, kept)
        print(f"{name} done", file=sys.stderr, flush=True)
    text = table(kept, arguments.anchor)
    if arguments.write:
        replace_table(arguments.write, text)
    else:
        print(text)


def profiles() -> Iterator[tuple[str, str, Hardening]]:
    """Every profile with its name, its schema, its hardening: all at two lengths, then what the choice was between at 4,096."""
    for schema_name, length in (("person", 1024), ("person-2048", 2048)):
        for profile in ("compat", "xor-fold", "rule-90", "blip"):
            yield f"{profile} {length}", schema_name, Hardening(profile, length=length)
        for profile in ("standard", "high"):
            for t in (3, 5):
                yield f"{profile} t={t} {length}", schema_name, Hardening(profile, t, length)
    long = "person-4096"
    yield "standard t=6 4096", long, Hardening("standard", 6, 4096)
    yield f"{WITH_COMPARATORS}compat 4096", long, Hardening("compat", length=4096)
    for profile, t in (("high", 6), ("standard", 5), ("standard", 6)):
        yield f"{WITH_COMPARATORS}{profile} t={t} 4096", long, Hardening(profile, t, 4096)


def under(comparators: bool) -> LoadedProtocol:
    """The shipped sharing protocol, with its comparators or (both its encoding and its match rules) without them."""
    shipped = load_protocol(PROTOCOL_FILE)
    if comparators:
        return shipped
    document = shipped.document
    guards = document.matching.guards.model_copy(update={"closeness_agreeing": ()})
    without = {
        "encoding": document.encoding.model_copy(update={"comparators": ()}),
        "matching": document.matching.model_copy(update={"guards": guards}),
    }
    return replace(shipped, document=document.model_copy(update=without))


def attacked(
    folder: Path, anchor: str, schema_name: str, hardening: Hardening, sample: int,
    comparators: Sequence[Comparator] = (),
) -> dict[str, Any]:  # fmt: skip
    """The suite's figures on the anchor's extract."""
    read = read_folder(folder, anchor, StandardiseRules())
    records = read.extracts[anchor]
    report = run_suite(
        [record.person for record in records],
        [record.family_ref for record in records],
        [(shipped_schema(schema_name), hardening)],
        kinds=[read.kind(record.person).value for record in records],
        secret=SECRET,
        seed=SEED,
        sample=sample,
        encodings=sample,
        comparators=comparators,
        tests=TESTS,
    )
    return {"rows": report.rows, "findings": [each.model_dump(mode="json") for each in report.findings]}


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """What the table shows of one profile; verdicts by today's cut-offs."""
    findings = [Finding.model_validate_json(json.dumps(each)) for each in row["findings"]]
    measures = {measure.name: measure for each in findings for measure in each.measures}
    values = {name: measure.value for name, measure in measures.items()}
    baselines = {name: measure.baseline for name, measure in measures.items()}
    verdicts = {each.test: each.judged(CutOffs()) for each in findings}
    found: dict[str, Any] = {column: values[name] for column, name in MEASURES.items()}
    found["alone"] = {column: baselines[name] for column, name in MEASURES.items() if name.endswith("_groups")}
    for kind in ("given", "family"):
        decoded = [measures[name] for name in measures if name.startswith(f"decoder_{kind}_") and "times" not in name]
        found[f"T9 {kind}"] = decoded[0].value, decoded[0].baseline
    found["verdict"] = worst(list(verdicts.values())).value
    found["fails"] = " ".join(test for test, verdict in verdicts.items() if verdict is Verdict.FAIL)
    return row | found


def linked(
    folder: Path, anchor: str, schema_name: str, hardening: Hardening, protocol: LoadedProtocol
) -> dict[str, Any]:
    """Links of all agencies to the anchor, pooled, by the matcher and the match rules that ship."""
    schema = shipped_schema(schema_name)
    encoding = NamedEncoding("person", schema, schema.digest, hardening)
    found = evaluate(folder, anchor, protocol, SECRET, encoding=encoding, threads=1)
    if found.quality is None:
        raise SystemExit("The folder has no truth.csv.")

    def total(name: str) -> int:
        return sum(getattr(item, name) for item in found.quality or ())

    certain, right, pairs = total("certain"), total("certain_right"), total("true_pairs")
    links, all_right = certain + total("probable"), right + total("probable_right")
    rates = {
        "P certain": right / max(certain, 1),
        "R certain": right / max(pairs, 1),
        "P all": all_right / max(links, 1),
        "R all": all_right / max(pairs, 1),
    }
    return rates | {
        "F1 certain": 2 * right / max(certain + pairs, 1),
        "F1 all": 2 * all_right / max(links + pairs, 1),
        "by agency": {
            item.agency: [round(item.precision, 4), round(item.recall, 4), round(item.recall_with_probable, 4)]
            for item in found.quality
        },
    }


def remember(path: Path | None, kept: dict[str, dict[str, Any]]) -> None:
    """Keep what is done."""
    if path:
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(kept, indent=1) + "\n")
        partial.replace(path)


def table(kept: dict[str, dict[str, Any]], anchor: str) -> str:
    """The table in Markdown, with the command and the machine."""
    names = [name for name, _, _ in profiles() if "findings" in kept.get(name, {})]
    shown = {name: figures(kept[name]) for name in names}

    def rows(columns: Sequence[str]) -> list[list[str]]:
        return [[*name.rsplit(" ", 1), *(_cell(shown[name], each) for each in columns[2:])] for name in names]

    sizes = sorted({kept[name]["rows"] for name in names})
    schemas = sorted({f"{name.rsplit(' ', 1)[1]}: `{kept[name]['schema'][:12]}`" for name in names})
    return "\n".join(
        [
            f"Anchor `{anchor}`, {', '.join(f'{size:,}' for size in sizes)} encodings. Made on {time.strftime('%d %B %Y')} by",
            "`python -m benchmarks.attack_table FOLDER --sample N --keep FILE --write docs/attacks.md` on",
            f"{os.cpu_count()} cores ({_processor()}), Python {platform.python_version()}, NumPy {np.__version__}; one linkage secret, "
            f"random seed {SEED}.",
            f"Linkage schemas (digest): {'; '.join(schemas)}.",
            "",
            "What attacks get (with groups, and from 200 known pairs for T9's names: in brackets what groups alone, and guessing, give):",
            "",
            *_markdown(ATTACKS, rows(ATTACKS)),
            "",
            "What links cost:",
            "",
            *_markdown(LINKS, rows(LINKS)),
        ]
    )


def _markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    titles = list(head)
    yield "| " + " | ".join(titles) + " |"
    yield "|" + "|".join("---" if number == 0 else "---:" for number in range(len(titles))) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _cell(row: dict[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return f"{_share(value[0])} ({_share(value[1])})"
    if column == "T3 pairs":
        return f"{value:.4f}".lstrip("0") or "0"
    alone = row.get("alone", {}).get(column)
    return _share(value) if alone is None else f"{_share(value)} ({_share(alone)})"


def _share(value: float) -> str:
    shown = f"{value:.3f}"
    return shown.replace("0.", ".", 1) if abs(value) < 1 else shown


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def replace_table(path: Path, text: str) -> None:
    """Put the table between the document's markers."""
    document = path.read_text(encoding="utf-8")
    before, rest = document.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
