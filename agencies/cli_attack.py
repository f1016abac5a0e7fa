"""`kinlink agency attack`: attack an extract as it would be submitted, and keep the signed report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agencies.cli_extract import JSON, WEB_PAGE, DateOption, ExtractArgument, MappingOption, check_report_path, day_of
from agencies.cli_parties import FolderOption
from agencies.folder import AgencyFolder
from protocols.errors import SubmissionError

QUICK_SAMPLE = 300


def attack_command(
    extract: ExtractArgument,
    folder: FolderOption = Path(),
    mapping: MappingOption = None,
    extract_date: DateOption = None,
    attacker_list: Annotated[
        Path | None, typer.Option("--list", help="A public list (CSV) for the attacker, instead of the extract itself.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Up to 50,000 encodings; takes up to an hour.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="300 encodings in seconds: it finds less than the whole suite would.")
    ] = False,
    sample: Annotated[int | None, typer.Option("--sample", min=100, max=50_000, help="Encodings to attack.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Random seed, to repeat a report.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a web page here too.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report as JSON here too.")] = None,
) -> None:
    """Attack an extract's encodings with what is published, and say in plain words what an attacker would get."""
    from agencies.attack.command import attack_extract, cut_offs
    from agencies.attack.gate import refusal_words, store_report
    from agencies.attack.page import html_report
    from agencies.attack.report import blocking_findings
    from agencies.attack.terminal import print_report
    from agencies.console import output, progress_bar
    from agencies.files import write_private
    from agencies.reading import open_reading

    check_report_path(html, WEB_PAGE)
    check_report_path(json_file, JSON)
    opened = AgencyFolder(folder)
    if quick and sample is None:
        sample = QUICK_SAMPLE
    with progress_bar() as progress:
        reading = open_reading(opened, extract, mapping=mapping, extract_date=day_of(extract_date), progress=progress)
        report = attack_extract(
            opened, reading, sample=sample, deep=deep, attacker_list=attacker_list, seed=seed, progress=progress
        )
    page = html_report(report)
    path = store_report(opened.place("local"), report, opened.signing_key, page)
    print_report(report, output())
    for target, data in ((html, page.encode()), (json_file, report.canonical())):
        if target:
            write_private(target, data, replace=True)
    output().print(
        f"Signed and kept: local/attack/{escape(path.name)} (digest {report.digest[:16]}…), with its page beside it."
    )
    blocking = blocking_findings(report, cut_offs(opened))
    if blocking:
        raise SubmissionError(
            f"A submission of this extract would not be made: {refusal_words(blocking)}.",
            next_step="Change the encoding in the sharing protocol, and attack again; `encode --override-report` says who answers for it.",
        )
