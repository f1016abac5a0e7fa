"""How a worker stops that was told to: it finishes the job in hand if that is soon done, or else gives it back, so that no death is counted.

The job's handler may be deep in compiled code, where Python's own signal handlers wait; a thread of its own hears the signal at once.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from contextlib import suppress
from typing import Protocol

from protocols.errors import KinlinkError

HAND_BACK_SECONDS = 2.0


class Stoppable(Protocol):
    """What is to be stopped."""

    stopping: threading.Event

    def hand_back(self) -> None:
        """Give back the job in hand."""


def stop_on_signal(worker: Stoppable, grace: float, interruptible: bool) -> None:
    """Stop on SIGTERM, and on SIGINT if that is meant for this process: after `grace` seconds, or a second signal, without waiting."""
    heard, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, (lambda *_: None) if interruptible else signal.SIG_IGN)

    def wait() -> None:
        os.read(heard, 1)
        worker.stopping.set()
        select.select([heard], [], [], grace)
        _end(worker)

    threading.Thread(target=wait, name="signals", daemon=True).start()


def stop_with_parent(worker: Stoppable) -> None:
    """End when the process that started this one is gone: what is half done is taken up again later."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        worker.stopping.set()
        _end(worker)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _end(worker: Stoppable) -> None:
    """Give back the job in hand, if the database takes it in time, and end this process."""

    def give() -> None:
        with suppress(KinlinkError):
            worker.hand_back()

    giving = threading.Thread(target=give, name="hand-back", daemon=True)
    giving.start()
    giving.join(HAND_BACK_SECONDS)
    os._exit(0)
