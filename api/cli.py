"""The central service's commands: a thin layer over plain functions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api import cli_gate, cli_people
from api.admin import OPERATOR, init_service, load_version, register_card, retire_key, revoke_client
from api.backup import back_up, restore
from api.cli_audit import audit_app
from api.cli_options import HERE, DataDir
from api.contacts import set_contacts
from api.doctor import examine
from api.following import follow
from api.identity import Contacts
from api.operator_client import OperatorClient, operator
from api.runs import RUN_ID
from api.service import open_service
from api.settings import load_settings
from api.soundness import require_sound
from api.store.migrate import migrate as migrate_database
from config.resources import PROTOCOL_FILE
from protocols.alerts import in_words
from protocols.errors import InputError, Refusal
from protocols.load import load_protocol

service_app = typer.Typer(no_args_is_help=True, help="The central service: set up, register parties.")
run_app = typer.Typer(no_args_is_help=True, help="Linking runs: start, status.")

service_app.command("sign-in-link")(cli_people.sign_in_link)
service_app.command("sessions")(cli_people.sessions)
service_app.command("end-session")(cli_people.end_session)
service_app.command("gate-pass")(cli_gate.gate_pass)
service_app.add_typer(cli_gate.canary_app, name="canary")

__all__ = ["audit_app", "doctor", "migrate", "run_app", "serve", "service_app", "worker"]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, emoji=False)


@service_app.command("init")
def init(
    protocol: Annotated[Path, typer.Option(help="The sharing protocol's file.", exists=True, dir_okay=False)],
    data: DataDir = HERE,
    mode: Annotated[str | None, typer.Option(help="`demo` or `production`.")] = None,
    audience: Annotated[str | None, typer.Option(help="The service's identifier in credentials.")] = None,
    origin: Annotated[str | None, typer.Option(help="The audit log's name.")] = None,
) -> None:
    """Make a service: folder, keys, database, sharing protocol, the operator's credential."""
    if mode != "production" and protocol.read_bytes() != PROTOCOL_FILE.read_bytes():
        require_sound(load_protocol(protocol))  # it is in force at once; the shipped one is held sound by its tests
    settings = init_service(data, protocol, mode=mode, audience=audience, origin=origin)
    console = _console()
    console.print(f"Service made in {settings.data_dir} ({settings.mode}).")
    console.print(
        "Its card is service.card; compare its fingerprints with every agency. The audit log's key is log.vkey."
    )


@service_app.command("register")
def register(
    cards: Annotated[list[Path], typer.Argument(help="Parties' cards.", exists=True, dir_okay=False)],
    data: DataDir = HERE,
) -> None:
    """Believe parties' cards from now on. Compare their fingerprints with their owners first."""
    service = open_service(load_settings(data))
    try:
        for card in cards:
            found = register_card(service, card.read_text("utf-8"))
            _console().print(
                f"Registered {found.party}: signing key {found.verifying_key.kid}, "
                f"sealing key {found.sealing_public_key.fingerprint}."
            )
    finally:
        service.close()


@service_app.command("retire-key")
def retire(key: Annotated[str, typer.Argument(help="The signing key's id.")], data: DataDir = HERE) -> None:
    """Stop believing one key of a party, at once."""
    service = open_service(load_settings(data))
    try:
        retire_key(service, key)
    finally:
        service.close()
    _console().print("The key is not believed any more.")


@service_app.command("revoke")
def revoke(party: Annotated[str, typer.Argument(help="The party.")], data: DataDir = HERE) -> None:
    """Shut a party out at once: its keys and tokens."""
    service = open_service(load_settings(data))
    try:
        revoke_client(service, party)
    finally:
        service.close()
    _console().print(f"{party} is shut out.")


@service_app.command("contacts")
def contacts(
    agency: Annotated[str, typer.Argument(help="The agency.")],
    controller: Annotated[
        str | None, typer.Option(help="The controller's mailbox: an office's, not a person's.")
    ] = None,
    officer: Annotated[str | None, typer.Option(help="Its data protection officer's mailbox.")] = None,
    data: DataDir = HERE,
) -> None:
    """Say whom to write to at an agency, for its record of processing; without options: show it."""
    service = open_service(load_settings(data))
    try:
        found = set_contacts(service, OPERATOR, agency, Contacts(controller, officer))
    finally:
        service.close()
    _console().print(f"{agency}: controller {found.controller or 'not given'}, officer {found.officer or 'not given'}.")


@service_app.command("load-protocol")
def load_protocol_version(
    protocol: Annotated[Path, typer.Argument(help="The sharing protocol's file.", exists=True, dir_okay=False)],
    data: DataDir = HERE,
    live: Annotated[bool, typer.Option(help="Put it in force at once (demo mode only).")] = False,
) -> None:
    """Keep a version of the sharing protocol."""
    if live:
        require_sound(load_protocol(protocol))
    service = open_service(load_settings(data))
    try:
        loaded = load_version(service, protocol, "demo" if live else None)
    finally:
        service.close()
    _console().print(f"{loaded.label}: {loaded.digest}")


@service_app.command("backup")
def backup(
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    data: DataDir = HERE,
    with_keys: Annotated[bool, typer.Option(help="With the private keys: keep such a file as safe as them.")] = False,
) -> None:
    """Write one file from which the service can be restored; it may be running."""
    service = open_service(load_settings(data))
    try:
        body = back_up(service, out, with_keys)
    finally:
        service.close()
    keys = "with the private keys" if with_keys else "without the private keys: keep those of DATA/keys apart"
    _console().print(f"Wrote {out}: {len(body['files'])} files, {keys}.")


@service_app.command("restore")
def restore_service(
    source: Annotated[Path, typer.Argument(help="The backup.", exists=True, dir_okay=False)],
    data: DataDir = HERE,
    keys: Annotated[
        Path | None, typer.Option(help="The folder with the private keys.", exists=True, file_okay=False)
    ] = None,
) -> None:
    """Make a data folder from a backup: every file and the whole audit log are checked first."""
    settings = restore(source, data, keys)
    _console().print(f"Restored into {settings.data_dir}: the audit log verifies, and the service carries on from it.")


@service_app.command("alerts")
def alerts(
    data: DataDir = HERE,
    seen: Annotated[list[str] | None, typer.Option(help="Say that somebody has looked at this alert (alr-…).")] = None,
) -> None:
    """What the operator should look at, newest first; no alert names a person."""
    service = open_service(load_settings(data))
    try:
        for alert in seen or ():
            with service.store.writing() as tx:
                if not tx.desk.see_alert(OPERATOR, alert, service.now()):
                    raise InputError(
                        f"There is no alert `{alert}` for the operator.", next_step="Leave `--seen` out to list them."
                    )
        with service.store.reading() as tx:
            found = tx.desk.alerts(OPERATOR, unseen=True)
    finally:
        service.close()
    for item in found:
        _console().print(f"{item.alert}  {item.at:%d %b %Y %H:%M} UTC  {in_words(item.about)}", markup=False)
    if not found:
        _console().print("There is nothing to look at.")


@service_app.command("status")
def status(data: DataDir = HERE) -> None:
    """Parties, sharing protocol, submissions and the log's size."""
    service = open_service(load_settings(data))
    try:
        with service.store.reading() as tx:
            live, clients = tx.identity.live_protocol(), tx.identity.clients()
            newest, size, families = tx.submissions.newest(), tx.audit.size(), tx.families.count()
            keys = {
                item.client: [key for key in tx.identity.keys(item.client) if key.retired_at is None]
                for item in clients
            }
    finally:
        service.close()
    console = _console()
    console.print(
        f"Sharing protocol: {live.protocol} version {live.version} ({live.digest[:12]})"
        if live
        else "No sharing protocol is in force."
    )
    console.print(f"Families: {families}. Audit log: {size} entries.")
    table = Table("party", "access", "signing key", "last submission", "state", "records")
    for item in clients:
        last = newest.get(item.client)
        table.add_row(
            item.client,
            "revoked" if item.revoked_at else "yes",
            ", ".join(key.kid for key in keys[item.client]) or "none",
            last.extract_date.isoformat() if last else "",
            last.state if last else "",
            str(last.manifest.counts.records) if last else "",
        )
    console.print(table)


def serve(
    data: DataDir = HERE,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
) -> None:
    """Run the central service until Ctrl-C."""
    from api.serve import serve as run_server  # the whole application, which no other command needs

    settings = load_settings(data, host=host, port=port)
    console = Console(stderr=False, highlight=False, soft_wrap=True)
    run_server(settings, ready=lambda url: console.print(f"Kinlink listens on {url}"))


def worker(data: DataDir = HERE) -> None:
    """Run a worker in a process of its own (any number on PostgreSQL)."""
    from api.worker import work  # the matcher takes a second to load, and no other command needs it

    work(data)


@service_app.command("doctor")
def doctor(data: DataDir = HERE) -> None:
    """Look at everything that can be wrong with this installation, and say what to do."""
    found = examine(load_settings(data))
    table = Table("what", "state", "")
    for item in found:
        table.add_row(item.what, item.state, item.detail)
    _console().print(table)
    problems = sum(item.state == "problem" for item in found)
    if problems:
        raise InputError(f"{problems} of {len(found)} things need attention.", next_step="See the table above.")


def migrate(data: DataDir = HERE) -> None:
    """Bring the service's database to this version's schema."""
    before, after = migrate_database(load_settings(data).url)
    _console().print(f"Schema {before or 'none'} → {after}.")


@run_app.command("start")
def start(data: DataDir = HERE, wait: Annotated[bool, typer.Option(help="Wait until it has ended.")] = False) -> None:
    """Ask for a linking run."""
    with operator(load_settings(data)) as client:
        run = client.start_run()
        _console().print(f"Run {run} is asked for.")
        if wait:
            _follow(client, run)


@run_app.command("status")
def run_status(
    run: Annotated[str | None, typer.Argument(help="The run; left out: the newest.")] = None, data: DataDir = HERE
) -> None:
    """How far a run is."""
    with operator(load_settings(data)) as client:
        if run is None:
            runs = client.runs()
            if not runs:
                raise InputError("There was no run yet.", next_step="Start one with `kinlink run start`.")
            found = runs[0]
        else:
            if not re.fullmatch(RUN_ID, run):
                raise InputError(f"There is no run `{run}`.", next_step="Leave it out for the newest.")
            found = client.run(run)
    _show(found)


def _follow(client: OperatorClient, run: str) -> None:
    found = follow(lambda: client.run(run))
    _show(found)
    if found["state"] == "failed":
        raise Refusal(f"The run failed: {found['problem']}", next_step="The links before it are still in force.")


def _show(run: dict[str, Any]) -> None:
    console = _console()
    stage = run["stage"]
    place = f", stage {stage['number']} of {stage['of']}: {stage['name']}" if run["state"] == "running" else ""
    console.print(f"Run {run['run_id']}: {run['state']}{place}.")
    if run["problem"]:
        console.print(run["problem"])
    if run["totals"]:
        table = Table("agency", "certain", "probable")
        for agency, counts in sorted(run["totals"].items()):
            table.add_row(agency, str(counts.get("certain", 0)), str(counts.get("probable", 0)))
        console.print(table)
