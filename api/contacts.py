"""Whom to write to at an agency: the controller, and its data protection officer (UK GDPR Art 30(1)(a)).

An agency's own, not the agreement's: a mailbox changes without anybody having to approve a version of the sharing protocol.
"""

from __future__ import annotations

import re

from api.identity import Contacts
from api.service import Service
from protocols.audit.events.parties import ContactsSet
from protocols.errors import InputError

LONGEST = 120
_MAILBOX = re.compile(r"[a-z0-9][a-z0-9._+-]*@[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+")


def set_contacts(service: Service, by: str, agency: str, given: Contacts) -> Contacts:
    """Keep the mailboxes that are given in place of those before, and return all. Raises `InputError` for what cannot be used."""
    for what, mailbox in (("controller", given.controller), ("officer", given.officer)):
        if mailbox is not None and (len(mailbox) > LONGEST or not _MAILBOX.fullmatch(mailbox)):
            raise InputError(
                f"The mailbox given as `{what}` is not one that can be used: lower case, such as `dpo@agency.example`, at most {LONGEST} characters.",
                next_step="Give the mailbox of an office, not a person's.",
            )
    with service.store.writing() as tx:
        client = tx.identity.client(agency)
        if client is None or client.purpose != "agency":
            raise InputError(f"Agency `{agency}` is not registered.", next_step="See `kinlink service status`.")
        before = tx.identity.contacts(agency)
        after = Contacts(given.controller or before.controller, given.officer or before.officer)
        if after != before:
            event = ContactsSet(actor=by, client=agency, controller=after.controller, officer=after.officer)
            tx.identity.set_contacts(event)
    return after
