"""Who is at the keyboard when a version of the sharing protocol is acted on: an agency in its folder, or the service's operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from protocols.acts import sign_act
from protocols.errors import InputError
from protocols.lifecycle import Act, Deed, Office, Verdict
from protocols.signing import SigningKey

OPERATORS_AGENCY = "service"
Call = Callable[[str, str, object], Any]


@dataclass(frozen=True, slots=True)
class Side:
    """A party with its key and its way to the service."""

    agency: str
    key: SigningKey
    call: Call

    def standing(self, digest: str) -> dict[str, Any]:
        """Where a version stands."""
        return dict(self.call("GET", f"/v1/protocols/{digest}", None))

    def versions(self) -> list[dict[str, Any]]:
        """Every version, newest first."""
        return list(self.call("GET", "/v1/protocols", None))

    def whole(self, digest: str) -> str:
        """The digest that begins like this. Raises `InputError` if that is none or several."""
        found = [item["digest"] for item in self.versions() if item["digest"].startswith(digest)]
        if len(found) != 1 or len(digest) < 8:
            raise InputError(
                f"{len(found)} versions have a digest that begins with `{digest[:64]}`; expected one, by at least 8 digits.",
                next_step="List them with: kinlink protocol versions",
            )
        return str(found[0])

    def in_force(self) -> str:
        """The digest of the version that is live or suspended. Raises `InputError`."""
        found = [item["digest"] for item in self.versions() if item["status"] in ("live", "suspended")]
        if not found:
            raise InputError("No version is in force.", next_step="List them with: kinlink protocol versions")
        return str(found[0])

    def act(
        self,
        deed: Deed,
        digest: str,
        office: Office,
        person: str,
        *,
        reasons: str = "",
        verdict: Verdict | None = None,
        day: date | None = None,
        rehearsal: str | None = None,
    ) -> dict[str, Any]:
        """Sign an act and send it; returns where the version stands then."""
        act = Act(
            deed=deed,
            digest=digest,
            agency=self.agency,
            office=office,
            person=person,
            at=datetime.now(UTC),
            verdict=verdict,
            reasons=reasons,
            day=day,
            rehearsal=rehearsal,
        )
        return dict(self.call("POST", f"/v1/protocols/{digest}/acts", {"act": sign_act(act, self.key)}))


@contextmanager
def side_of(folder: Path | None, data: Path | None) -> Iterator[Side]:
    """An agency in its folder, or the operator on the service's data folder. Raises `InputError` for both or neither."""
    if (folder is None) == (data is None):
        raise InputError(
            "Say who acts: an agency's folder or the service's data folder.",
            next_step="Give either -C FOLDER or --data FOLDER.",
        )
    if folder is not None:
        from agencies.client import ServiceClient  # neither side's code is loaded for the other
        from agencies.folder import AgencyFolder

        opened = AgencyFolder(folder)
        with ServiceClient(opened) as client:
            yield Side(
                opened.party, opened.signing_key, lambda method, path, body: client.json(method, path, json=body)
            )
        return
    from api.operator_client import operator
    from api.settings import load_settings

    assert data is not None  # noqa: S101 - one of the two
    with operator(load_settings(data)) as session:
        yield Side(OPERATORS_AGENCY, session.key, session.call)
