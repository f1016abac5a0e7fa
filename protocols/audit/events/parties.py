"""Who is let in: parties with their keys and tokens, people with their sessions."""

from __future__ import annotations

from protocols.audit.events.vocabulary import Event, EventKind, Personal


class ClientRegistered(Event):
    """A party's card was registered: from now its keys are believed."""

    kind = EventKind.CLIENT_REGISTERED
    client: str
    purpose: str
    signing_key: str
    sealing_key: str


class ContactsSet(Event):
    """The mailboxes of an agency's offices, in place of those before. They are roles', so they stand in clear."""

    kind = EventKind.CONTACTS_SET
    decides = False
    client: str
    controller: str | None = None
    officer: str | None = None


class ClientKeyRetired(Event):
    """One of a party's keys is no longer believed."""

    kind = EventKind.CLIENT_KEY_RETIRED
    client: str
    signing_key: str


class ClientRevoked(Event):
    """A party has no access any more: keys and tokens."""

    kind = EventKind.CLIENT_REVOKED
    client: str
    tokens: int


class TokenIssued(Event):
    """A party proved who it is and holds a token."""

    kind = EventKind.TOKEN_ISSUED
    decides = False
    signing_key: str
    scope: str


class TokenRefused(Event):
    """Someone who claimed to be this party got no token."""

    kind = EventKind.TOKEN_REFUSED
    decides = False
    reason: str


class PersonSignedIn(Event):
    """Somebody has a session, with these offices; how: the identity provider, or a demo's one-time link."""

    kind = EventKind.PERSON_SIGNED_IN
    decides = False
    session: str
    how: str
    offices: tuple[str, ...]
    person: Personal


class PersonSignedOut(Event):
    """A session ended, by the person or by another."""

    kind = EventKind.PERSON_SIGNED_OUT
    decides = False
    session: str
    by: Personal


class SignInRefused(Event):
    """Somebody came back from the identity provider and got no session."""

    kind = EventKind.SIGN_IN_REFUSED
    decides = False
    reason: str


class SignInLinkMade(Event):
    """The operator of a demo made a link that signs somebody in once."""

    kind = EventKind.SIGN_IN_LINK_MADE
    decides = False
    offices: tuple[str, ...]
    person: Personal
