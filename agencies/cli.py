"""`kinlink agency` and `kinlink workbook`: thin over functions that a program can call too. Problems are raised, not printed."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agencies import settings as settings_file
from agencies.cli_attack import attack_command
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
from agencies.cli_parties import (
    AudienceOption,
    CleartextOption,
    FolderOption,
    ProtocolOption,
    ServiceOption,
    make_folder,
    print_card,
    trust_cards,
)
from agencies.cli_references import references_command
from agencies.cli_secret import secret_app
from agencies.cli_service import add_to
from agencies.cli_workbook import workbook_app
from agencies.console import output, progress_bar
from agencies.folder import AgencyFolder
from config.resources import PROTOCOL_FILE
from protocols.errors import InputError

agency_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
agency_app.command("attack")(attack_command)
agency_app.command("references")(references_command)
agency_app.add_typer(secret_app, name="secret", help="The linkage secret: make, seal, open, compare, change.")

FamiliesOption = Annotated[
    Path | None,
    typer.Option("--declarations", help="Folder with families.csv and consents.csv; else the extract's own folder."),
]


__all__ = ["agency_app", "workbook_app"]


class Format(StrEnum):
    """What `encode` writes."""

    SUBMISSION = "submission"
    CLKHASH_JSON = "clkhash-json"


@agency_app.command()
def init(
    agency: Annotated[str, typer.Option("--agency", help="The agency's id in the sharing protocol.")],
    service: ServiceOption,
    protocol: ProtocolOption,
    folder: FolderOption = Path(),
    audience: AudienceOption = "kinlink",
    clear_keys: CleartextOption = False,
) -> None:
    """Make this agency's folder: keys, settings, a mapping to fill in, and a card to give to the others."""
    made = make_folder(folder, agency, "agency", service, protocol, audience, clear_keys)
    print_card(made)


@agency_app.command()
def card(folder: FolderOption = Path()) -> None:
    """Show this agency's card: the file to send, and the fingerprints to read out on the telephone."""
    print_card(AgencyFolder(folder))


@agency_app.command()
def trust(
    cards: Annotated[list[Path], typer.Argument(help="Cards of other parties.")],
    folder: FolderOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="The fingerprints have been compared already.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="A party told us in person that its keys changed.")
    ] = False,
) -> None:
    """Trust other parties' cards, after comparing fingerprints with their owners."""
    trust_cards(AgencyFolder(folder), cards, yes=yes, replace=replace)


@agency_app.command("renew-keys")
def renew_keys(
    folder: FolderOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make new signing and sealing keys (lost or compromised ones). References stay. Every other party must get the new card."""
    from agencies.folder import renew

    if not yes:
        typer.confirm("What is sealed to the old keys will not open any more. Go on?", abort=True)
    print_card(renew(AgencyFolder(folder)))


@agency_app.command()
def keyring(
    folder: FolderOption = Path(),
    forget: Annotated[bool, typer.Option("--forget", help="Take it out again.")] = False,
) -> None:
    """Keep the passphrase of this folder's keys in the operating system's keyring, so that it need not be typed or stand in a file."""
    from agencies import keyring_store

    opened = AgencyFolder(folder)
    if forget:
        found = keyring_store.forget(opened.party)
        output().print("Taken out of the keyring." if found else "The keyring holds no passphrase of this folder.")
        return
    passphrase = opened.passphrase()
    AgencyFolder(folder, lambda: passphrase).signing_key  # noqa: B018 - opens only under the right passphrase
    kept = keyring_store.keep(opened.party, passphrase.decode())
    output().print(
        f"The passphrase of `{escape(opened.party)}` is kept in {escape(kept)}; this folder opens without asking."
    )


@agency_app.command()
def columns(
    extract: ExtractArgument,
    folder: FolderOption = Path(),
    mapping: MappingOption = None,
    write: Annotated[Path | None, typer.Option("--write", help="Write a first mapping to this file.")] = None,
) -> None:
    """Show what an extract's columns are called and what the mapping makes of each: on this screen only, for whoever writes the mapping."""
    from agencies.columns import print_columns

    print_columns(AgencyFolder(folder), extract, mapping, write, output())


@agency_app.command()
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


@agency_app.command()
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


add_to(agency_app)


@agency_app.command()
def conformance(
    folder: FolderOption = Path(),
    protocol: Annotated[Path | None, typer.Option("--protocol", help="A protocol instead of the folder's.")] = None,
) -> None:
    """Encode the protocol's test vectors under the public test key and compare: proof that this encoder makes what all others make."""
    from agencies.encoders import check_conformance
    from protocols.load import load_protocol

    console, failed = output(), False
    path = protocol or _own_protocol(folder)
    loaded = load_protocol(path)
    console.print(f"[dim]{escape(loaded.label)}, {loaded.digest[:16]}…[/]")
    for name, result in check_conformance(loaded, path.parent):
        for each in result.checks:
            console.print(
                f"{'[green]same  [/]' if each.passed else '[bold red]differs[/]'} {name}: {each.name}  [dim]{each.got[:24]}[/]"
            )
        failed |= not result.passed
    if failed:
        raise InputError(
            "This encoder does not make the protocol's test vectors; it cannot make a submission.",
            next_step="Install the release that the protocol names.",
        )
    console.print("[bold green]Conformant.[/]")


@agency_app.command()
def rules() -> None:
    """List every defect that `check` knows, with what is done about it, as the table in docs/data-officer.md."""
    from agencies.quality.rules import rules_table

    typer.echo(rules_table(), nl=False)


@agency_app.command()
def drill(
    which: Annotated[str, typer.Argument(help="lost-key or compromised-key")],
) -> None:
    """Rehearse what docs/key-ceremony.md says, with made-up agencies in a temporary folder."""
    from agencies.drills import run_drill

    for line in run_drill(which):
        output().print(escape(line))


def _own_protocol(folder: Path) -> Path:
    """The protocol of a folder; outside of one, the protocol that ships."""
    if not (folder / settings_file.FILE).exists():
        return PROTOCOL_FILE
    opened = AgencyFolder(folder)
    return opened.path / opened.settings.protocol


def _declarations(extract: Path, given: Path | None) -> Path | None:
    from agencies.declarations import CONSENTS, FAMILIES

    if given is not None:
        if not given.is_dir():
            raise InputError(f"There is no folder `{given.name}`.", next_step="Correct `--declarations`.")
        return given
    beside = extract.parent
    return beside if any((beside / name).exists() for name in (FAMILIES, CONSENTS)) else None
