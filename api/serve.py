"""The server process: one for each data folder, on loopback unless told otherwise; its worker ends with it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import FrameType

import uvicorn

from api.app import create_app
from api.audit_log import sign_checkpoint
from api.data_folder import write_whole
from api.heads import punctual
from api.logs import configure, log
from api.production import refuse_if_missing
from api.service import Service, open_service
from api.settings import Settings
from protocols.errors import KinlinkError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(settings: Settings, ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve until told to stop; `ready` is called with the address once requests are answered.

    Raises `Busy` if another process serves this data folder, `InputError` if the schema is not this version's.
    """
    settings.folder.require()
    refuse_if_missing(settings)
    with ExitStack() as stack:
        stack.enter_context(settings.folder.locked("serve"))
        service = open_service(settings)
        stack.callback(service.close)
        configure()
        settings.folder.ensure_metrics_token()
        clean(service)
        server = _Server(_config(service, settings))
        stack.callback(_sign, service)
        if settings.embedded_worker:
            stack.enter_context(_EmbeddedWorker(settings))
        stack.enter_context(_Checkpoints(service))
        _settle()
        server.when_ready = lambda: _ready(server, settings, ready)
        stack.callback(lambda: settings.folder.address.unlink(missing_ok=True))
        server.run()


def _settle() -> None:
    """What was loaded stays: do not look through it for rubbish at every answer (a tenth of an answer's time)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def clean(service: Service) -> None:
    """Remove what a crash left half-written: nothing on record points at it."""
    for folder in (service.folder.uploads, service.folder.submissions):
        for path in folder.rglob(".*"):
            with suppress(OSError):
                if path.is_dir():
                    for inner in path.iterdir():
                        inner.unlink()
                    path.rmdir()
                else:
                    path.unlink()


def _config(service: Service, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(service),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Behind a proxy every request would come from one address, and all callers share one limit on sign-ins and tokens.
        proxy_headers=settings.tls_at_proxy,
        forwarded_allow_ips=settings.proxy_addresses,
        http=punctual(settings.head_seconds),
        ws="none",
        lifespan="off",
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        h11_max_incomplete_event_size=settings.header_bytes,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=settings.stop_seconds,
    )


class _Server(uvicorn.Server):
    """uvicorn, telling when it is ready and stopping without raising the signal again."""

    when_ready: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self.when_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


def _ready(server: _Server, settings: Settings, ready: Callable[[str], None]) -> None:
    port = server.servers[0].sockets[0].getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"{'https' if settings.tls_certificate else 'http'}://{host}:{port}"
    write_whole(settings.folder.address, url.encode())
    log().info("listening", address=url)
    ready(url)


def _sign(service: Service) -> None:
    """Sign the log's head, so that whatever happened is under a checkpoint."""
    try:
        with service.store.writing() as tx:
            sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
    except KinlinkError as error:
        log().error("checkpoint not signed", error=type(error).__name__)


class _Checkpoints:
    """Signs a checkpoint on a schedule."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._service.settings.checkpoint_seconds):
            _sign(self._service)


class _EmbeddedWorker:
    """A worker in a process of its own, so that linking never slows an answer. It ends when this process does, however."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="worker", daemon=True)

    def __enter__(self) -> None:
        self._start()
        self._thread.start()

    def _start(self) -> None:
        environment = dict(os.environ)
        for name, value in self._settings.model_dump(mode="json", exclude={"database_url"}).items():
            if value is not None:
                environment[f"KINLINK_{name.upper()}"] = str(value)
        if self._settings.database_url is not None:
            environment["KINLINK_DATABASE_URL"] = self._settings.database_url.get_secret_value()
        self._process = subprocess.Popen([sys.executable, "-m", "api.worker"], stdin=subprocess.PIPE, env=environment)

    def _watch(self) -> None:
        """Start the worker again if it dies."""
        while not self._stop.wait(1):
            process = self._process
            if process is not None and process.poll() is not None:
                log().warning("worker ended and is started again", status=process.returncode)
                self._start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
