"""What the service wants somebody at this party to look at: an emergency, a refused question, a file that was put aside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from agencies.client import ServiceClient
from protocols.errors import VerificationError

PAGE = 500


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to look at. `about` is its kind, with what it is about: never a person."""

    alert: str
    cursor: int
    at: datetime
    about: str
    seen: bool


def read_alerts(client: ServiceClient, unseen: bool) -> list[Alert]:
    """Every alert of this party, newest first, page by page. Raises `VerificationError` for an answer that is none."""
    found: list[Alert] = []
    while True:
        before = {"before": str(found[-1].cursor)} if found else {}
        page = client.json("GET", "/v1/alerts", params={"limit": str(PAGE), "unseen": str(unseen).lower(), **before})
        try:
            found += [_read(item) for item in page]
        except (KeyError, TypeError, ValueError):
            raise VerificationError(
                "The service's answer is no list of alerts.", next_step="Ask its operator."
            ) from None
        if len(page) < PAGE:
            return found


def see_alert(client: ServiceClient, alert: str) -> None:
    """Say that somebody has looked at an alert."""
    client.call("POST", f"/v1/alerts/{quote(alert, safe='')}/seen")


def _read(item: dict[str, object]) -> Alert:
    at, cursor = datetime.fromisoformat(str(item["at"])), int(str(item["cursor"]))
    return Alert(str(item["alert_id"]), cursor, at, str(item["about"]), item["seen_at"] is not None)
