"""The command line: composes each side's commands into one program.

A group's code is imported only when that group is called, so that an agency's machine never needs the server's packages.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from kinlink import __version__
from protocols.errors import BUG_EXIT_CODE, InputError, KinlinkError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass(frozen=True, slots=True)
class Group:
    """A group of commands: where it lives, what it is for, and the extra it needs."""

    module: str
    attribute: str
    about: str
    extra: str = ""


GROUPS = {
    "agency": Group("agencies.cli", "agency_app", "An agency's desk: keys, check, encode, submit."),
    "workbook": Group("agencies.cli", "workbook_app", "The Workbook's connector: ask about a family."),
    "protocol": Group("kinlink.protocol_cli", "app", "The sharing protocol: check, explain, diff, rehearse, compile."),
    "service": Group("api.cli", "service_app", "The central service: set up, register parties.", "server"),
    "run": Group("api.cli", "run_app", "Linking runs: start, status.", "server"),
    "audit": Group("api.cli", "audit_app", "The audit log: verify, export, prove.", "server"),
}
JUDGED = ("service", "serve")
"""Commands that may put a sharing protocol in force."""
COMMANDS = {
    "serve": Group("api.cli", "serve", "Run the central service.", "server"),
    "worker": Group("api.cli", "worker", "Run a worker in a process of its own.", "server"),
    "migrate": Group("api.cli", "migrate", "Bring the service's database to this version's schema.", "server"),
    "evaluate": Group(
        "kinlink.evaluate_cli", "evaluate_command", "Encode, link and measure a folder of extracts.", "server"
    ),
    "compare": Group(
        "kinlink.compare_cli", "compare_command", "Compare two sets of CLKs and write the similar pairs.", "server"
    ),
    "demo": Group("kinlink.demo", "demo", "Run the demo county from extracts to profiles.", "server"),
}


def build(called: str | None) -> typer.Typer:
    """The program. Only the group or command named `called` is imported; the others are listed by name."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Record linkage at family level, without pooling names.",
    )

    @app.callback(invoke_without_command=True)
    def version(show: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
        if show:
            typer.echo(f"kinlink {__version__}")
            raise typer.Exit

    for name, group in GROUPS.items():
        loaded = _load(name, group) if name == called else typer.Typer()
        app.add_typer(loaded, name=name, help=group.about, no_args_is_help=True)
    for name, group in COMMANDS.items():
        command = _load(name, group) if name == called else _listed
        app.command(name, help=None if name == called else group.about)(command)
    return app


def _listed() -> None:
    """Stands for a command that is listed but was not called."""


def _load(name: str, group: Group) -> typer.Typer:
    try:
        loaded: typer.Typer = getattr(importlib.import_module(group.module), group.attribute)
    except ModuleNotFoundError as error:
        ours = {"agencies", "api", "config", "kinlink", "linkage", "protocols"}
        if not group.extra or (error.name or "").split(".")[0] in ours:
            raise
        raise KinlinkError(
            f"`kinlink {name}` needs packages that an agency's installation does not have (`{error.name}`).",
            next_step=f"Install them with: pip install 'kinlink[{group.extra}]'",
        ) from None
    if name in JUDGED:
        _lend_judge()
    return loaded


def _lend_judge() -> None:
    """Let the service know whether a sharing protocol's match rules are sound, which takes an agency's encoder."""
    from api.soundness import judged_by
    from protocols.load import LoadedProtocol

    def judge(loaded: LoadedProtocol) -> tuple[str, ...]:
        from kinlink.knockout import unsound  # the matcher takes a second to load

        return unsound(loaded)

    judged_by(judge)


def main() -> None:
    """Run a command; show a problem as sentences and an exit code, never as a traceback with values in it."""
    called = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        try:
            build(called)()
        except OSError as error:
            raise _as_problem(error) from None
    except KinlinkError as error:
        console.print(f"[bold red]Problem:[/] {_plain(error.what)}")
        if error.next_step:
            console.print(f"[bold]What next:[/] {_plain(error.next_step)}")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        if os.environ.get("KINLINK_TRACEBACK") == "1":
            raise
        console.print(
            f"[bold red]This is a fault in Kinlink[/] ({type(error).__name__} in {_where(error)}). Nothing was sent.\n"
            "[bold]What next:[/] run it again with KINLINK_TRACEBACK=1 set, on a machine where the extract may be seen, "
            "and report the last lines."
        )
        raise SystemExit(BUG_EXIT_CODE) from None


def _as_problem(error: OSError) -> Exception:
    """What a full disk or a missing permission is for the person at the desk; anything else stays what it is."""
    name = f"`{Path(str(error.filename)).name}`" if error.filename else "A file"
    if error.errno in _FULL:
        return InputError(
            f"{name} cannot be written: {os.strerror(error.errno)}. Nothing was sent, and nothing half-made is kept.",
            next_step="Make room on the disk (or in the quota), then run the same command again.",
        )
    if error.errno in _FORBIDDEN:
        return InputError(
            f"{name} cannot be opened or written: {os.strerror(error.errno)}.",
            next_step="Check whose file or folder it is, and that it may be written.",
        )
    return error


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _where(error: BaseException) -> str:
    """The innermost of our modules and its line: no message, since a message may hold a value."""
    place, trace = "kinlink", error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.split(".")[0] in {"agencies", "api", "config", "kinlink", "linkage", "protocols"}:
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
