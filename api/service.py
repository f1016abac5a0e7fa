"""The running service: its settings, store, keys and what it remembers while it runs."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from anyio import CapacityLimiter

from api.data_folder import DataFolder, write_whole
from api.limiting import Limiter
from api.metrics import Metrics
from api.protocol_versions import ProtocolCache
from api.settings import Settings
from api.store.engine import make_engine
from api.store.migrate import check_schema
from api.store.store import Clock, Store, utc_now
from protocols.audit.note import NoteKey
from protocols.errors import KeyProblem
from protocols.sealing import SealingPrivateKey
from protocols.signing import Card, SigningKey, sign_card

if TYPE_CHECKING:
    from api.kept_run import KeptRun
    from api.oidc import Provider

PARTY = "service"
SIGNING_FILE = "signing.jwk"
SEALING_FILE = "sealing.key"


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """The service's private keys: it signs receipts and checkpoints with one, the matcher opens encodings with the other."""

    signing: SigningKey
    sealing: SealingPrivateKey

    @classmethod
    def generate(cls) -> ServiceKeys:
        """New keys."""
        return cls(SigningKey.generate(), SealingPrivateKey.generate())

    def write(self, folder: DataFolder) -> None:
        """Keep the keys in the data folder, readable by this user only."""
        write_whole(folder.keys / SIGNING_FILE, json.dumps(self.signing.as_dict()).encode())
        write_whole(folder.keys / SEALING_FILE, base64.b64encode(self.sealing.raw))

    @classmethod
    def read(cls, folder: DataFolder) -> ServiceKeys:
        """The keys of the data folder. Raises `KeyProblem`."""
        folder.require()
        try:
            signing = SigningKey.from_dict(json.loads((folder.keys / SIGNING_FILE).read_text("utf-8")))
            sealing = SealingPrivateKey(base64.b64decode((folder.keys / SEALING_FILE).read_bytes(), validate=True))
        except (OSError, ValueError) as error:
            raise KeyProblem(
                "The service's keys cannot be read from its data folder.", next_step="Restore them from the backup."
            ) from error
        return cls(signing, sealing)

    @property
    def card(self) -> str:
        """How the service introduces itself."""
        card = Card(
            party=PARTY,
            purpose="service",
            signing_key=self.signing.public.as_dict(),
            sealing_key=self.sealing.public.text(),
        )
        return sign_card(card, self.signing)


@dataclass(slots=True)
class Service:
    """Everything that a route or a job needs."""

    settings: Settings
    store: Store
    keys: ServiceKeys
    protocols: ProtocolCache = field(default_factory=ProtocolCache)
    limiter: Limiter = field(default_factory=Limiter)
    metrics: Metrics = field(default_factory=Metrics)
    answering: CapacityLimiter = field(init=False)
    kept_run: KeptRun | None = None
    """What the last linking run of this process left: in memory only, and replaced by the next run."""

    _provider: Provider | None = None

    def __post_init__(self) -> None:
        # Python puts one answer together at a time; only waiting for a database elsewhere leaves room for another.
        by_database = 1 if self.store.engine.dialect.name == "sqlite" else 4
        self.answering = CapacityLimiter(self.settings.answers_at_once or by_database)

    @property
    def provider(self) -> Provider:
        """The identity provider of people."""
        if self._provider is None:
            from api.oidc import Provider  # an OpenID Connect client, which no command needs

            self._provider = Provider(self.settings)
        return self._provider

    @property
    def folder(self) -> DataFolder:
        """The data folder."""
        return self.settings.folder

    @property
    def log_key(self) -> NoteKey:
        """The key by which the audit log's checkpoints are checked."""
        return NoteKey.of(self.settings.origin, self.keys.signing.public)

    def now(self) -> datetime:
        """The time."""
        return self.store.clock()

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()


def open_service(settings: Settings, clock: Clock = utc_now) -> Service:
    """Open the store and the keys. Raises a `KinlinkError` that says what to run if the schema is not this version's."""
    keys = ServiceKeys.read(settings.folder)
    engine = make_engine(settings.url)
    try:
        check_schema(engine)
    except BaseException:
        engine.dispose()
        raise
    return Service(settings, Store(engine, clock), keys)
