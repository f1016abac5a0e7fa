"""The demo's stage: runs real `kinlink` commands as processes of their own, shows what a person would type, and cleans up."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from protocols.errors import Unavailable

_GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Call:
    """One command: its words after `kinlink`, the folder it runs in (relative to the demo's), and how it may end."""

    words: tuple[str, ...]
    folder: str = "."
    expect: int = 0
    also: tuple[int, ...] = ()

    def as_expected(self, code: int) -> bool:
        """Whether a command may end with this exit code."""
        return code in (self.expect, *self.also)

    def typed(self) -> str:
        """What a person would type."""
        return shlex.join(("kinlink", *self.words))


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did."""

    call: Call
    code: int
    out: str
    seconds: float


@dataclass
class Stage:
    """Runs calls and shows them. `home` is the demo's folder; nothing is written outside it."""

    home: Path
    console: Console = field(default_factory=lambda: _console())
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def title(self, number: int, text: str, why: str) -> None:
        """Announce a step."""
        self.console.print(f"\n[bold cyan]{number}. {text}[/]")
        self.console.print(f"[dim]{why}[/]")

    def run(self, calls: Sequence[Call], *, show: int | None = None, at_once: int = 2) -> list[Done]:
        """Run calls that do not depend on each other; show each command, and up to `show` lines of what it printed."""
        results = []
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            for done in pool.map(self._finish, calls):
                self._show(done, show)
                if not done.call.as_expected(done.code):
                    raise Unavailable(
                        f"The demo stopped: `{done.call.typed()}` ended with exit code {done.code}, expected {done.call.expect}."
                    )
                results.append(done)
        return results

    def start(self, call: Call, log: str) -> subprocess.Popen[bytes]:
        """Start a command that stays; its output goes to a file."""
        self.console.print(f"[green]$[/] {call.typed()} &")
        with (self.home / log).open("wb") as target:
            process = subprocess.Popen(  # noqa: S603 - our own program
                self._argv(call),
                cwd=self.home / call.folder,
                env=self._env(),
                stdout=target,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    @contextlib.contextmanager
    def curtain(self) -> Iterator[None]:
        """However the demo ends, every process that it started ends too."""
        previous = signal.signal(signal.SIGTERM, _interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, previous)
            for process in self.started:
                if process.poll() is None:
                    process.terminate()
            deadline = time.monotonic() + _GRACE_SECONDS
            for process in self.started:
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _finish(self, call: Call) -> Done:
        begun = time.monotonic()
        done = subprocess.run(  # noqa: S603 - our own program
            self._argv(call),
            cwd=self.home / call.folder,
            env=self._env(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Done(call, done.returncode, done.stdout + done.stderr, time.monotonic() - begun)

    def _show(self, done: Done, limit: int | None) -> None:
        where = "" if done.call.folder == "." else f"[dim]{done.call.folder}[/] "
        self.console.print(f"{where}[green]$[/] {done.call.typed()}  [dim]{done.seconds:.1f} s[/]")
        lines = done.out.rstrip().splitlines()
        failed = not done.call.as_expected(done.code)
        for line in lines if limit is None or failed else lines[:limit]:
            self.console.print(Text.from_ansi("    " + line))

    def _argv(self, call: Call) -> list[str]:
        return [sys.executable, "-m", "kinlink", *call.words]

    def _env(self) -> dict[str, str]:
        width = str(max(80, min(self.console.width - 6, 130)))
        return {**os.environ, "COLUMNS": width}


def _console() -> Console:
    width = None if sys.stdout.isatty() else 118
    return Console(highlight=False, soft_wrap=True, width=width)


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt
