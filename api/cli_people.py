"""Commands about people: a demo's one-time sign-in links, and everybody's sessions."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.cli_options import HERE, DataDir
from api.people import LINK_MINUTES, PERSON, SERVICE, digest, offices_of, roles_of
from api.service import Service, open_service
from api.settings import load_settings
from protocols.audit.events.parties import PersonSignedOut, SignInLinkMade
from protocols.errors import InputError, Refusal

OPERATOR = "operator"


def make_link(service: Service, person: str, roles: list[str]) -> str:
    """The address of a link that signs somebody in once, within a quarter of an hour. Raises `Refusal` outside demo mode."""
    if service.settings.mode != "demo":
        raise Refusal("Links sign nobody in here.", next_step="People sign in at the identity provider.")
    offices = offices_of(roles)
    if not PERSON.fullmatch(person) or len(offices) != len(set(roles)):
        raise InputError(
            "The person or a role is not usable.",
            next_step="Give an id, and roles such as `police:data-protection-officer` or `operator`.",
        )
    token = secrets.token_urlsafe(32)
    base = (service.settings.public_url or service.folder.running_at()).rstrip("/")
    with service.store.writing() as tx:
        event = SignInLinkMade(actor=OPERATOR, offices=tuple(roles_of(offices)), person=person)
        tx.people.add_link(digest(token), person, offices, service.now() + timedelta(minutes=LINK_MINUTES), event)
    return f"{base}/v1/sign-in/link?token={token}"


def sign_in_link(
    person: Annotated[str, typer.Option(help="Whom it signs in: an id, not a name.")],
    role: Annotated[list[str], typer.Option(help="A role, such as police:data-protection-officer, or operator.")],
    data: DataDir = HERE,
) -> None:
    """Make a link that signs somebody in once (demo mode only)."""
    service = open_service(load_settings(data))
    try:
        address = make_link(service, person, role)
    finally:
        service.close()
    _console().print(f"Good once, for {LINK_MINUTES} minutes: {address}")


def sessions(data: DataDir = HERE) -> None:
    """List everybody's sessions."""
    service = open_service(load_settings(data))
    try:
        with service.store.reading() as tx:
            found = [item for item in tx.people.sessions() if item.expires_at > service.now()]
    finally:
        service.close()
    table = Table("session", "person", "offices", "how", "since", "last used")
    for item in found:
        since, seen = (f"{at:%Y-%m-%d %H:%M}" for at in (item.opened_at, item.seen_at))
        table.add_row(item.session, item.person, ", ".join(roles_of(item.offices)), item.how, since, seen)
    _console().print(table)


def end_session(session: Annotated[str, typer.Argument(help="The session's id.")], data: DataDir = HERE) -> None:
    """End a session, at once."""
    service = open_service(load_settings(data))
    try:
        with service.store.writing() as tx:
            if not tx.people.end_session(session, PersonSignedOut(actor=SERVICE, session=session, by=OPERATOR)):
                raise InputError(f"There is no session `{session}`.", next_step="See `kinlink service sessions`.")
    finally:
        service.close()
    _console().print("The session has ended.")


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, emoji=False)
