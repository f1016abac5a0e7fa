"""`kinlink protocol`: read, question, compare, rehearse and compile a sharing protocol, without a server; and act on its versions at one."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated

import typer

from config.resources import PROTOCOL_FILE, SCHEMAS
from kinlink import protocol_acts
from kinlink.protocol_rehearsal import rehearsed
from kinlink.protocol_side import side_of
from protocols.cedar import compile_to_cedar
from protocols.decision_inputs import Remembered, read_lines
from protocols.diff import Told, changes, effect
from protocols.document import SharingProtocol
from protocols.document_checks import expiries, orphans
from protocols.errors import InputError, ProtocolError, Refusal
from protocols.load import LoadedProtocol, load_protocol
from protocols.pages import lifecycle_page, protocol_page
from protocols.pages_matrix import matrix_page
from protocols.personas import load_personas
from protocols.rehearsal import RehearsalReport, ReleaseCount, rehearse
from protocols.schema import json_schema
from protocols.sentences import (
    capital,
    day_words,
    sentence_of_grant,
    sentence_of_never,
    sentence_of_prohibition,
)
from protocols.vocabulary import RoleFunction
from protocols.why import why_text

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

KNOCK_OUT_PAGE = "knock-out.md"
protocol_acts.add_to(app)

DECISION = re.compile(r"prf-[0-9a-f]{20}\.\d{2}\.\d{2}\.\d{3}")
PERSONAS = PROTOCOL_FILE.with_name("personas.yaml")
FileArgument = Annotated[Path, typer.Argument(help="The sharing protocol's YAML file.")]
PersonasOption = Annotated[Path, typer.Option("--personas", help="The golden personas.")]


@app.command()
def check(
    file: FileArgument = PROTOCOL_FILE,
    schemas: Annotated[Path, typer.Option("--schemas", help="Folder of the linkage schemas.")] = SCHEMAS,
    matching: Annotated[
        bool,
        typer.Option("--matching", help="Also that no link can be certain on too little (seconds; encodes pairs)."),
    ] = False,
) -> None:
    """Check a sharing protocol: every error with its line, then what deserves a question."""
    loaded = load_protocol(file)
    document = loaded.document
    _check_schemas(document, schemas)
    typer.echo(f"{document.title}: version {document.version} can be used.")
    typer.echo(f"Digest {loaded.digest}")
    typer.echo(
        f"{len(document.parties)} parties, {len(document.attributes)} attributes, {len(document.grants)} grants, "
        f"{len(document.prohibitions)} prohibitions, {len(document.never_release)} never-release items."
    )
    if matching:
        _explain_matching(loaded)
    else:
        typer.echo("Not looked at: whether a link could be certain on too little. Ask with --matching.")
    for name in orphans(document):
        typer.echo(f"Question: `{name}` is catalogued and told to nobody. Is it needed?")
    day, what = expiries(document)[0]
    typer.echo(f"Next in the calendar: {day_words(day)}, {what}.")


@app.command()
def explain(
    file: FileArgument = PROTOCOL_FILE,
    rule: Annotated[str | None, typer.Option("--rule", help="Only this rule.")] = None,
    agency: Annotated[str | None, typer.Option("--agency", help="Only what this agency may tell.")] = None,
    to: Annotated[RoleFunction | None, typer.Option("--to", help="Only what this function may be told.")] = None,
    matching: Annotated[
        bool,
        typer.Option("--matching", help="The knock-out table: what grade a link gets if exactly these parts agree."),
    ] = False,
) -> None:
    """Say every rule in a sentence, made from the object that is enforced."""
    if matching:
        _explain_matching(load_protocol(file))
        return
    document = load_protocol(file).document
    lines = [
        f"{grant.id}: {capital(sentence_of_grant(document, grant))}"
        for grant in document.grants
        if (agency is None or grant.agency == agency) and (to is None or to in grant.to) and rule in (None, grant.id)
    ]
    lines += [
        f"{item.id}: {sentence_of_prohibition(document, item)}"
        for item in document.prohibitions
        if rule in (None, item.id)
        and (agency is None or not item.agencies or agency in item.agencies)
        and (to is None or (to in item.to if item.to else to not in item.except_to))
    ]
    lines += [sentence_of_never(item) for item in document.never_release if rule in (None, item.id)]
    if rule is not None and not lines:
        raise InputError(f"There is no rule `{rule}`.", next_step="List them with: kinlink protocol explain")
    typer.echo("\n\n".join(lines))


def _explain_matching(loaded: LoadedProtocol) -> None:
    """Print the knock-out table; fail if a link could be certain on what must never be enough."""
    # Needs the matcher, which an agency's machine does not have.
    from kinlink.knockout import knock_out_table, require_sound
    from kinlink.knockout_page import table_text

    lines = knock_out_table(loaded)
    typer.echo(table_text(loaded, lines))
    require_sound(loaded, lines)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The version that is compared with.")],
    new: Annotated[Path, typer.Argument(help="The version that is asked about.")],
) -> None:
    """Say what changed between two versions, in the language of the rules, and what it lets be told."""
    before, after = load_protocol(old), load_protocol(new)
    found = changes(before.document, after.document)
    if not found:
        typer.echo("Nothing changed.")
        return
    for change in found:
        typer.echo(f"{change}\n")
    added, removed = effect(before.document, after.document)
    _print_told("Newly told", added)
    _print_told("No longer told", removed)


@app.command("rehearse")
def rehearse_command(
    draft: Annotated[str, typer.Argument(help="The draft's file; or with -C or --data a version's digest.")],
    live: Annotated[Path, typer.Option("--live", help="The version that is live.")] = PROTOCOL_FILE,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", help="Kept decision inputs (JSON lines), exported by the service.")
    ] = None,
    personas: PersonasOption = PERSONAS,
    report: Annotated[Path | None, typer.Option("--report", help="Write the report here, as JSON.")] = None,
    folder: protocol_acts.FolderOption = None,
    data: protocol_acts.DataOption = None,
) -> None:
    """Ask what a draft would have changed, and hold it against the golden personas. Fails if it may not be scheduled.

    With an agency's folder or the service's, the service rehearses the version on everything that it keeps, and asks the matcher too.
    """
    if folder is not None or data is not None:
        with side_of(folder, data) as side:
            made_there = rehearsed(side, side.whole(draft))
        if report is not None:
            report.write_bytes(RehearsalReport.model_validate(made_there["report"], strict=False).canonical())
        return
    one, two = load_protocol(live), load_protocol(Path(draft))
    remembered = _remembered(inputs) if inputs else []
    made = rehearse(remembered, load_personas(personas), one.compiled, two.compiled)
    if report is not None:
        report.write_bytes(made.canonical())
    _print_report(made)
    if not made.passes:
        raise Refusal("The draft cannot be scheduled.", next_step="Change the draft, or agree on other personas first.")


@app.command("compile")
def compile_command(
    file: FileArgument = PROTOCOL_FILE,
    out: Annotated[Path, typer.Option("--out", help="Folder for the Cedar files.")] = Path("cedar"),
) -> None:
    """Compile to Cedar: policies, schema and entities, for a second engine to decide with."""
    made = compile_to_cedar(load_protocol(file).compiled)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("policies.cedar", made.policies),
        ("schema.cedarschema", made.schema),
        ("entities.json", made.entities),
    ):
        (out / name).write_text(text, encoding="utf-8")
        typer.echo(f"{out / name}: {len(text.encode())} bytes")


@app.command()
def pages(
    file: FileArgument = PROTOCOL_FILE,
    out: Annotated[Path, typer.Option("--out", help="Folder for the pages.")] = Path("docs"),
) -> None:
    """Write the pages that are generated: the agreement in plain English, who may be told what, the life of a version."""
    from kinlink.knockout import knock_out_table  # needs the matcher, which an agency's machine does not have
    from kinlink.knockout_page import matching_page

    loaded = load_protocol(file)
    made = generated_pages(loaded) | {KNOCK_OUT_PAGE: matching_page(loaded, knock_out_table(loaded))}
    for name, text in made.items():
        (out / name).write_text(text, encoding="utf-8")
        typer.echo(str(out / name))


@app.command()
def schema(
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = PROTOCOL_FILE.with_name(
        "protocol.schema.json"
    ),
) -> None:
    """Write the JSON Schema of sharing protocols, for editors."""
    out.write_text(json_schema(), encoding="utf-8")
    typer.echo(str(out))


@app.command()
def why(
    what: Annotated[str, typer.Argument(help="A decision's id, or a file of kept inputs (JSON lines).")],
    data: Annotated[
        Path, typer.Option("--data", help="The service's data folder.", envvar="KINLINK_DATA_DIR")
    ] = protocol_acts.HERE,
    file: Annotated[
        Path, typer.Option("--protocol", help="The version under which the inputs of a file were decided.")
    ] = PROTOCOL_FILE,
) -> None:
    """Decide again as of its time: the rule, the version, what was so, and why other rules did not apply."""
    if DECISION.fullmatch(what):
        typer.echo(protocol_acts.explained(what, data))
        return
    loaded = load_protocol(file)
    for item in _remembered(Path(what)):
        typer.echo(why_text(item, loaded))


def generated_pages(loaded: LoadedProtocol) -> dict[str, str]:
    """The generated pages by their file names."""
    return {
        f"protocol-{loaded.document.id}.md": protocol_page(loaded),
        "protocol-matrix.md": matrix_page(loaded),
        "protocol-lifecycle.md": lifecycle_page(),
    }


def _check_schemas(document: SharingProtocol, schemas: Path) -> None:
    for clk in document.encoding.clks:
        path = schemas / clk.schema_file
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise ProtocolError(
                f"The linkage schema `{clk.schema_file}` of CLK `{clk.id}` cannot be read: {error.strerror}.",
                next_step="Name its folder with --schemas.",
            ) from error
        if found != clk.schema_sha256:
            raise ProtocolError(
                f"The linkage schema `{clk.schema_file}` is not the agreed one: expected SHA-256 {clk.schema_sha256}, got {found}.",
                next_step="Put the agreed schema back, or agree on a new version of the sharing protocol.",
            )


def _remembered(inputs: Path) -> list[Remembered]:
    try:
        with inputs.open(encoding="utf-8") as lines:
            return list(read_lines(lines))
    except (OSError, UnicodeDecodeError):
        raise InputError(f"`{inputs.name}` cannot be read.", next_step="Export the inputs again.") from None


def _print_told(title: str, told: tuple[Told, ...]) -> None:
    typer.echo(f"{title}: {len(told)}")
    for item in told:
        condition = f" ({item.condition})" if item.condition else ""
        typer.echo(f"  {item.agency} | {item.what} | {item.function} | {item.stage}{condition}")


def _print_report(made: RehearsalReport) -> None:
    typer.echo(f"{made.draft} against {made.live}: {made.questions} questions, {made.unchanged} decided as before.")
    _print_counts("Releases added", made.added)
    _print_counts("Releases removed", made.removed)
    typer.echo(
        f"People touched: {made.adults} adults, {made.children} children; outside any open case: {made.outside}."
    )
    typer.echo(f"Golden personas: {made.personas}; treated otherwise than agreed: {len(made.failed_personas)}.")
    for failure in made.failed_personas:
        typer.echo(f"  {failure}")
    typer.echo(f"Report digest {made.digest}")


def _print_counts(title: str, counts: tuple[ReleaseCount, ...]) -> None:
    typer.echo(f"{title}: {sum(item.count for item in counts)}")
    for item in counts:
        typer.echo(f"  {item.agency} | {item.what} | {item.function} | {item.stage}: {item.count}")
