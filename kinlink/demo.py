"""`kinlink demo`: the whole way for a made-up county, from extracts to profiles, every step a command that a person could run."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from agencies.passphrase import FILE_VARIABLE
from config.resources import COUNTY_DATA
from kinlink import demo_steps
from kinlink.demo_stage import Call, Stage
from kinlink.demo_summary import print_summary
from protocols.errors import Unavailable


def demo(
    home: Annotated[Path, typer.Option("--home", help="The demo's folder; made anew every time.")] = Path(".demo"),
    port: Annotated[int, typer.Option(help="The port of the central service; 0 takes a free one.")] = 0,
) -> None:
    """Run the demo county from extracts to profiles."""
    begun = time.monotonic()
    port = port or _free_port()
    home = _clean(home)
    os.environ[FILE_VARIABLE] = str(home / "passphrase")
    stage = Stage(home)
    with stage.curtain():
        demo_steps.introduce_parties(stage, f"http://127.0.0.1:{port}", COUNTY_DATA)
        demo_steps.serve(stage, port)
        demo_steps.share_the_secret(stage)
        demo_steps.wait_until_ready(stage, port)
        demo_steps.submit(stage)
        demo_steps.link(stage)
        demo_steps.ask(stage)
        demo_steps.verify(stage)
        print_summary(stage, demo_steps.AGENCIES, home / "service" / "kinlink.db", time.monotonic() - begun)
        if sys.stdout.isatty():
            _stay(stage, port)


def _clean(home: Path) -> Path:
    """An empty folder with a passphrase for every party's keys in it."""
    if home.exists() and not (home / ".kinlink-demo").exists() and any(home.iterdir()):
        raise Unavailable(f"`{home}` is not empty and was not made by the demo.", next_step="Name another with --home.")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / ".kinlink-demo").touch()
    (home / "passphrase").write_text(secrets.token_urlsafe(24) + "\n")
    (home / "passphrase").chmod(0o600)
    return home.resolve()


def _stay(stage: Stage, port: int) -> None:
    stage.console.print("\nIn place of an identity provider, a link signs a person in once:")
    officer = ("--person", "dpo-1", "--role", "police:data-protection-officer")
    stage.run([Call(("service", "sign-in-link", *officer, "--data", "service"))])
    stage.console.print(f"\nThe service is up at http://127.0.0.1:{port} (data in {stage.home}). Ctrl-C ends it.")
    try:
        stage.started[0].wait()
    except KeyboardInterrupt:
        stage.console.print("Ended.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
