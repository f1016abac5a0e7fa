"""`kinlink agency`: an extract looked at, checked, and made into a submission."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agencies.cli_clkhash import Header, encode_clkhash
from agencies.cli_extract import (
    JSON,
    WEB_PAGE,
    DateOption,
    ExtractArgument,
    MappingOption,
    check_report_path,
    day_of,
)
from agencies.cli_parties import FolderOption
from agencies.console import output, progress_bar
from agencies.folder import AgencyFolder
from protocols.errors import InputError

FamiliesOption = Annotated[
    Path | None,
    typer.Option("--declarations", help="Folder with families.csv and consents.csv; else the extract's own folder."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to a group."""
    for command in (columns, check, encode):
        app.command()(command)


class Format(StrEnum):
    """What `encode` writes."""

    SUBMISSION = "submission"
    CLKHASH_JSON = "clkhash-json"


def columns(
    extract: ExtractArgument,
    folder: FolderOption = Path(),
    mapping: MappingOption = None,
    write: Annotated[Path | None, typer.Option("--write", help="Write a first mapping to this file.")] = None,
) -> None:
    """Show what an extract's columns are called and what the mapping makes of each: on this screen only, for whoever writes the mapping."""
    from agencies.columns import print_columns

    print_columns(AgencyFolder(folder), extract, mapping, write, output())


def check(
    extract: ExtractArgument,
    folder: FolderOption = Path(),
    mapping: MappingOption = None,
    declarations: FamiliesOption = None,
    extract_date: DateOption = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a web page too.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report as JSON too.")] = None,
) -> None:
    """Read an extract as `encode` would, submit nothing, and report: counts, defects with row numbers, coverage, what is held back."""
    from agencies.check import check_extract
    from agencies.files import write_private
    from agencies.reading import open_reading
    from agencies.report_html import html_report
    from agencies.report_terminal import print_report

    check_report_path(html, WEB_PAGE)
    check_report_path(json_file, JSON)
    opened = AgencyFolder(folder)
    with progress_bar() as progress:
        reading = open_reading(opened, extract, mapping=mapping, extract_date=day_of(extract_date), progress=progress)
        report = check_extract(opened, reading, _declarations(extract, declarations))
    print_report(report, output())
    if html:
        write_private(html, html_report(report).encode(), replace=True)
    if json_file:
        write_private(json_file, (json.dumps(report.as_json(), indent=2) + "\n").encode(), replace=True)


def encode(
    extract: ExtractArgument,
    folder: FolderOption = Path(),
    mapping: MappingOption = None,
    declarations: FamiliesOption = None,
    extract_date: DateOption = None,
    delta: Annotated[bool, typer.Option("--delta", help="Only what changed since the last submission.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the first rows as they are compared; write nothing.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="With --preview: every step that changed something.")
    ] = False,
    rows: Annotated[int, typer.Option("--rows", min=1, max=200, help="Rows of the preview.")] = 20,
    accept_defects: Annotated[
        bool, typer.Option("--accept-defects", help="Although many records are left out.")
    ] = False,
    accept_difference: Annotated[bool, typer.Option("--accept-difference", help="Although much changed.")] = False,
    override_report: Annotated[
        str | None,
        typer.Option(
            "--override-report",
            metavar="REASON",
            help="Although the attack report blocks, is old or is missing: why. Every data protection officer reads it.",
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="A submission, or plain CLKs as anonlink reads them.")
    ] = Format.SUBMISSION,
    schema: Annotated[Path | None, typer.Option("--schema", help="clkhash linkage schema, for clkhash-json.")] = None,
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", help="File with the secret, for clkhash-json.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to write, for clkhash-json.")] = None,
    header: Annotated[
        Header,
        typer.Option(
            "--header", help="For clkhash-json: compare the first line with the schema, skip it, or there is none."
        ),
    ] = Header.CHECK,
) -> None:
    """Make a submission out of an extract: encoded, sealed, signed, in the outbox. `submit` sends it."""
    if form is Format.CLKHASH_JSON:
        encode_clkhash(extract, schema, secret_file, out, header)
        return
    if schema or secret_file or out:
        raise InputError(
            "`--schema`, `--secret-file` and `--out` belong to `--format clkhash-json`.",
            next_step="A submission takes its schemas from the sharing protocol and its secret from the folder.",
        )
    from agencies.attack.command import clear_submission
    from agencies.reading import open_reading
    from agencies.submission import Options, make_submission

    opened = AgencyFolder(folder)
    with progress_bar() as progress:
        reading = open_reading(opened, extract, mapping=mapping, extract_date=day_of(extract_date), progress=progress)
        if preview:
            from agencies.preview import print_explanation, print_preview

            (print_explanation if explain else print_preview)(reading, output(), rows)
            return
        clearance = clear_submission(opened, reading, override_report)
        made = make_submission(
            opened,
            reading,
            Options(
                _declarations(extract, declarations),
                delta,
                accept_defects,
                accept_difference,
                clearance.report,
                clearance.override,
            ),
        )
    counts, console = made.manifest.counts, output()
    console.print(
        f"[bold]{made.submission}[/] is in the outbox ({made.path.stat().st_size:,} bytes, {made.manifest.kind})."
    )
    console.print(
        f"{counts.records:,} records, {counts.encodings:,} encodings, {counts.cells:,} sealed values"
        + (
            f", {counts.families:,} families, {counts.consents:,} consents"
            if counts.families or counts.consents
            else ""
        )
        + (f", {counts.removed:,} removed" if counts.removed else "")
        + f"; epoch {made.manifest.epoch}, check value {made.manifest.key_check_value}."
    )
    if made.tally.left_out:
        console.print(
            f"[yellow]{made.tally.left_out:,} records were left out because of defects: see `kinlink agency check`.[/]"
        )
    if clearance.override:
        console.print(
            f"[yellow]The attack report was overridden ({', '.join(clearance.overridden)}): every data protection officer will be told.[/]"
        )
    console.print("Next: kinlink agency submit")


def _declarations(extract: Path, given: Path | None) -> Path | None:
    from agencies.declarations import CONSENTS, FAMILIES

    if given is not None:
        if not given.is_dir():
            raise InputError(f"There is no folder `{given.name}`.", next_step="Correct `--declarations`.")
        return given
    beside = extract.parent
    return beside if any((beside / name).exists() for name in (FAMILIES, CONSENTS)) else None
