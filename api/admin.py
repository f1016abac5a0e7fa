"""Setting the service up: its keys, its sharing protocol, its parties. Plain functions that the command line calls."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from api.data_folder import write_whole
from api.identity import Client, ClientKey
from api.protocol_versions import activate, add
from api.service import Service, ServiceKeys, open_service
from api.settings import Settings, load_settings, write_settings
from api.store.identity import Identity
from api.store.migrate import migrate
from api.store.store import Transaction
from protocols.audit.events.agreement import ServiceCreated
from protocols.audit.events.parties import ClientKeyRetired, ClientRegistered
from protocols.errors import InputError
from protocols.load import LoadedProtocol, load_protocol
from protocols.sealing import SealingPrivateKey
from protocols.signing import Card, SigningKey, open_card

OPERATOR = "operator"
OPERATOR_KEY = "signing.jwk"
CARD_FILE = "service.card"
KEY_FILE = "log.vkey"
LASTING = ("mode", "audience", "origin")
"""What a service stays, also when a later start forgets to say it: one that is for real never starts as a demo by an empty environment."""


def init_service(data_dir: Path, protocol_path: Path, **given: object) -> Settings:
    """Set a service up: folder, keys, database, sharing protocol, operator. Raises `InputError` if there is one already.

    In demo mode the sharing protocol is in force at once, and the log says so; otherwise it waits for its approvals.
    """
    settings = load_settings(data_dir, **given)
    folder = settings.folder
    protocol = load_protocol(protocol_path)
    if folder.keys.exists():
        raise InputError(f"`{data_dir}` is already a service's data folder.", next_step="Choose another folder.")
    try:
        folder.create()
        write_settings(settings, {*LASTING, *(name for name, value in given.items() if value is not None)})
        keys = ServiceKeys.generate()
        keys.write(folder)
        folder.ensure_metrics_token()
        migrate(settings.url)
        service = open_service(settings)
        try:
            _first_entries(service, protocol)
        finally:
            service.close()
        write_whole(folder.root / CARD_FILE, keys.card.encode(), 0o644)
        write_whole(folder.root / KEY_FILE, (service.log_key.text() + "\n").encode(), 0o644)
    except BaseException:
        shutil.rmtree(folder.keys, ignore_errors=True)
        raise
    return settings


def _first_entries(service: Service, protocol: LoadedProtocol) -> None:
    operator = SigningKey.generate()
    with service.store.writing() as tx:
        tx.identity.create_service(
            ServiceCreated(
                actor="service",
                audience=service.settings.audience,
                signing_key=service.keys.signing.public.kid,
                sealing_key=service.keys.sealing.public.fingerprint,
            )
        )
        add(tx.identity, protocol, OPERATOR, service.now())
        if service.settings.mode == "demo":
            activate(tx.identity, protocol, OPERATOR, "demo", service.now())
        _believe_operator(service, tx, operator)
    _keep_operator(service, operator)


def renew_operator(service: Service, tx: Transaction) -> None:
    """Make the operator a new credential in this data folder; those before it are not believed any more."""
    operator = SigningKey.generate()
    for key in tx.identity.keys(OPERATOR):
        if key.retired_at is None:
            event = ClientKeyRetired(actor=OPERATOR, client=OPERATOR, signing_key=key.kid)
            tx.identity.retire(key.kid, service.now(), event)
    _believe_operator(service, tx, operator)
    _keep_operator(service, operator)


def _believe_operator(service: Service, tx: Transaction, key: SigningKey) -> None:
    card = Card(
        party=OPERATOR,
        purpose="service",
        signing_key=key.public.as_dict(),
        sealing_key=SealingPrivateKey.generate().public.text(),
    )
    _register(service, tx.identity, card, OPERATOR)


def _keep_operator(service: Service, key: SigningKey) -> None:
    write_whole(service.folder.operator / OPERATOR_KEY, json.dumps(key.as_dict()).encode())


def register_card(service: Service, card_text: str) -> Card:
    """Believe a party's card. Raises a `KinlinkError` for a card that is not whole or not for a known party."""
    card = open_card(card_text)
    if card.purpose not in ("agency", "workbook"):
        raise InputError(
            f"A card of purpose `{card.purpose}` is not registered here.",
            next_step="Give an agency's or the Workbook's.",
        )
    with service.store.writing() as tx:
        if card.purpose == "agency" and card.party not in _parties(service, tx):
            raise InputError(
                f"Agency `{card.party}` is not a party of any version of the sharing protocol that is kept here.",
                next_step="Use the agency's id in the sharing protocol, or load the version that it is a party of.",
            )
        if card.purpose == "workbook" and card.party != "workbook":
            raise InputError(
                f"The Workbook's card names `{card.party}`; expected `workbook`.", next_step="Make it again."
            )
        known = tx.identity.key(card.verifying_key.kid)
        if known is not None:
            if known.client != card.party or known.retired_at is not None:
                raise InputError(
                    "This key was registered before, for another party or until it was retired.",
                    next_step="Make a new key.",
                )
            return card
        _register(service, tx.identity, card, card.purpose)
    return card


def _parties(service: Service, tx: Transaction) -> set[str]:
    """The agencies of every version that is, or may come, in force: before one is, its parties are registered and approve it."""
    versions = [item for item in tx.agreement.versions() if item.state != "retired"]
    return {party.id for item in versions for party in service.protocols.load(item).document.parties}


def _register(service: Service, store: Identity, card: Card, purpose: str) -> None:
    now, key = service.now(), card.verifying_key
    store.register(
        Client(card.party, purpose, now),
        ClientKey(key.kid, card.party, key, card.sealing_key, card.sealing_public_key.fingerprint, now),
        ClientRegistered(
            actor=OPERATOR,
            client=card.party,
            purpose=purpose,
            signing_key=key.kid,
            sealing_key=card.sealing_public_key.fingerprint,
        ),
    )


def retire_key(service: Service, kid: str) -> None:
    """Stop believing one key of a party. Raises `InputError` if it is not known."""
    with service.store.writing() as tx:
        key = tx.identity.key(kid)
        if key is None or key.retired_at is not None:
            raise InputError(f"Key `{kid}` is not in use.", next_step="See `kinlink service status`.")
        tx.identity.retire(kid, service.now(), ClientKeyRetired(actor=OPERATOR, client=key.client, signing_key=kid))


def revoke_client(service: Service, client: str) -> None:
    """Shut a party out at once. Raises `InputError` if it is not known."""
    with service.store.writing() as tx:
        if tx.identity.client(client) is None:
            raise InputError(f"Party `{client}` is not registered.", next_step="See `kinlink service status`.")
        tx.identity.revoke(client, service.now())


def load_version(service: Service, path: Path, reason: str | None) -> LoadedProtocol:
    """Keep a version of the sharing protocol; with `reason` put it in force, which only a demo may do without approvals."""
    if reason is not None and service.settings.mode != "demo":
        raise InputError(
            "Outside demo mode a sharing protocol is put in force by its approvals.", next_step="Have it approved."
        )
    loaded = load_protocol(path)
    with service.store.writing() as tx:
        add(tx.identity, loaded, OPERATOR, service.now())
        if reason is not None:
            activate(tx.identity, loaded, OPERATOR, reason, service.now())
    return loaded
