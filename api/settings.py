"""The service's settings: from the environment (`KINLINK_…`), secrets from files, nothing at import."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.data_folder import DataFolder, write_whole
from api.store.engine import sqlite_url
from protocols.errors import InputError

SETTINGS_FILE = "settings.json"


class Settings(BaseSettings):
    """Everything that can be set. Each field's description is what an operator reads."""

    model_config = SettingsConfigDict(env_prefix="KINLINK_", frozen=True, extra="forbid")

    data_dir: Path = Field(description="The data folder: keys, submissions, and the database unless it is PostgreSQL.")
    database_url: SecretStr | None = Field(default=None, description="PostgreSQL's address; left out for SQLite.")
    database_url_file: Path | None = Field(default=None, description="A file that holds PostgreSQL's address.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8440, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    audience: str = Field(
        default="kinlink",
        pattern=r"^[a-z0-9][a-z0-9.:/-]{2,100}$",
        description="The service's identifier in credentials.",
    )
    origin: str = Field(
        default="kinlink.local/audit", pattern=r"^[a-z0-9][a-z0-9./-]{2,100}$", description="The audit log's name."
    )
    mode: Literal["demo", "production"] = Field(
        default="demo", description="`production` refuses what only a demo may do."
    )
    tls_certificate: Path | None = Field(
        default=None, description="The certificate's file, if this process does TLS itself."
    )
    tls_key: Path | None = Field(default=None, description="The certificate's private key.")
    tls_at_proxy: bool = Field(default=False, description="Whether a proxy on this machine does TLS.")
    proxy_addresses: str = Field(
        default="127.0.0.1,::1",
        pattern=r"^[0-9A-Fa-f:.,/]+$",
        description="From where that proxy asks: only there is its `X-Forwarded-For` believed.",
    )
    oidc_issuer: str | None = Field(
        default=None, description="The identity provider of the people who use the service."
    )
    oidc_client_id: str | None = Field(default=None, description="The service's client id at the identity provider.")
    oidc_client_secret_file: Path | None = Field(
        default=None, description="A file with the client's secret, if it has one."
    )
    oidc_scope: str = Field(default="openid", description="What the service asks the identity provider for.")
    oidc_roles_claim: str = Field(default="roles", description="The claim that lists a person's roles.")
    oidc_person_claim: str = Field(default="sub", description="The claim that identifies a person: an id, not a name.")
    step_up_seconds: int = Field(
        default=300, ge=30, description="How fresh a sign-in must be to approve a sharing protocol."
    )
    step_up_acr: str | None = Field(
        default=None, description="The authentication context that an approval asks the identity provider for."
    )
    session_hours: int = Field(default=8, ge=1, le=24, description="How long a person's session lasts at most.")
    session_idle_minutes: int = Field(default=30, ge=1, description="After how long unused it ends.")
    worker_auth_hours: int = Field(
        default=12, ge=1, le=24, description="How long ago a worker may have signed in at the Workbook."
    )
    public_url: str | None = Field(default=None, description="The address that people's browsers know the service by.")
    job_deaths: int = Field(default=5, ge=1, description="How many workers may die in one job before it is given up.")
    embedded_worker: bool = Field(default=True, description="Whether `kinlink serve` runs a worker of its own.")
    most_body_bytes: int = Field(
        default=1 << 20, ge=1024, description="The longest request body but for parts of a file."
    )
    most_file_bytes: int = Field(default=16 << 30, ge=1024, description="The longest file that may be announced.")
    body_seconds: float = Field(default=60.0, gt=0, description="How long a request's body may take to arrive.")
    head_seconds: float = Field(default=10.0, gt=0, description="How long a request's head may take to arrive.")
    header_bytes: int = Field(default=16 << 10, ge=1024, description="The longest head of a request.")
    requests_per_client_minute: int = Field(default=1200, ge=1, description="Requests of one client in a minute.")
    tokens_per_address_minute: int = Field(
        default=120, ge=1, description="Token requests from one address in a minute."
    )
    answers_at_once: int = Field(
        default=0,
        ge=0,
        description="Profiles that are put together at a time, the rest wait their turn; 0: 1 on SQLite, 4 on PostgreSQL.",
    )
    checkpoint_seconds: float = Field(default=60.0, gt=0, description="How often the audit log's head is signed.")
    stop_seconds: int = Field(default=20, ge=1, description="How long a stop waits for requests that are under way.")
    threads: int = Field(default=0, ge=0, description="Threads of a linking run; 0 takes every core.")

    @property
    def folder(self) -> DataFolder:
        """The data folder."""
        return DataFolder(self.data_dir)

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach the service over TLS."""
        return self.tls_at_proxy or self.tls_certificate is not None

    @property
    def oidc_secret(self) -> str | None:
        """The service's secret at the identity provider, from its file."""
        if self.oidc_client_secret_file is None:
            return None
        try:
            return self.oidc_client_secret_file.read_text("utf-8").strip()
        except OSError as error:
            raise InputError(
                f"`{self.oidc_client_secret_file}` cannot be read.", next_step="Put the client's secret there."
            ) from error

    @property
    def url(self) -> str:
        """The database's address. It may hold a password: never shown."""
        if self.database_url_file is not None:
            try:
                return self.database_url_file.read_text("utf-8").strip()
            except OSError as error:
                raise InputError(
                    f"`{self.database_url_file}` cannot be read.", next_step="Put the database's address there."
                ) from error
        return self.database_url.get_secret_value() if self.database_url else sqlite_url(self.folder.database)


def load_settings(data_dir: Path, **given: object) -> Settings:
    """The settings for a data folder: what is given, the environment, what `init` wrote, the defaults, in that order.

    Raises `InputError`.
    """
    root = data_dir.resolve()
    values: dict[str, Any] = {
        name: value for name, value in _written(root).items() if _environment(name) not in os.environ
    }
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(data_dir=root, **values)
    except ValidationError as error:
        said = sorted({_said(item["loc"], item["type"], item["msg"]) for item in error.errors()})
        raise InputError(
            f"Settings are not usable: {'; '.join(said)}.",
            next_step="Correct them in the environment or in the data folder's settings; docs/operating.md lists all.",
        ) from None


def _said(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """Which setting, and what is expected of it; what was given may be a secret, and is not said."""
    name = f"`{_environment(str(place[0]))}`" if place else "(all)"
    expected = message.split(", ")[0]  # the rest may tell how it was read
    return name if kind == "value_error" else f"{name} ({expected[:1].lower()}{expected[1:]})"


def write_settings(settings: Settings, names: Collection[str]) -> None:
    """Keep chosen settings in the data folder, where every later start finds them. None of them is a secret."""
    chosen = settings.model_dump(mode="json", include=set(names) - {"data_dir", "database_url"})
    write_whole(settings.data_dir / SETTINGS_FILE, json.dumps(chosen, indent=1).encode())


def _written(root: Path) -> dict[str, Any]:
    path = root / SETTINGS_FILE
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"`{path}` cannot be read.", next_step="Correct it, or remove it.") from error
    return found if isinstance(found, dict) else {}


def _environment(name: str) -> str:
    return f"KINLINK_{name.upper()}"
