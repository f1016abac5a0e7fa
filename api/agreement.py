"""Versions of the sharing protocol come and go by what people do to them: signed acts, checked against the life of a version.

The rules are `protocols.lifecycle`'s; here are identity, storage and effect. Either a party vouches by its signature for the person and
the office, or the person is signed in and the service signs what it saw. What is stopped stays stopped, whichever version is in
force, until the agency's own senior risk owner starts it again.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from api.identity import DECLARING_AGENCY, ClientKey
from api.problems import NotFound
from api.protocol_versions import ProtocolVersion
from protocols.acts import read_act
from protocols.audit.events.agreement import (
    ProtocolActedOn,
    ProtocolActivated,
    ProtocolSuspended,
    ReleasesStarted,
    ReleasesStopped,
)
from protocols.audit.events.answers import AlertRaised
from protocols.audit.events.vocabulary import Event
from protocols.errors import KeyProblem, Refusal
from protocols.lifecycle import Act, Deed, Office, Standing, Status, act_on
from protocols.load import LoadedProtocol
from protocols.rehearsal import RehearsalReport
from protocols.signing import signer_of

OPERATOR: Final = "operator"
SERVICE: Final = "service"
_RESUMES: Final = "Suspend or retire the other version first."


@dataclass(frozen=True, slots=True)
class SignedAct:
    """An act with the token that it came as."""

    act: Act
    token: str

    @property
    def sha256(self) -> str:
        """What names it in the log."""
        return hashlib.sha256(self.token.encode()).hexdigest()


class AgreementStore(Protocol):
    """The storage that acts need."""

    def version(self, digest: str) -> ProtocolVersion | None:
        """A version by its digest."""

    def live(self) -> ProtocolVersion | None:
        """The version in force."""

    def acts(self, digest: str) -> tuple[Act, ...]:
        """Everything that was done to a version, oldest first."""

    def stopped(self) -> frozenset[str]:
        """The agencies whose releases are stopped."""

    def rehearsal(self, digest: str) -> RehearsalReport | None:
        """A rehearsal's report by its digest."""

    def keep_act(self, signed: SignedAct, after: Standing, events: tuple[Event, ...], at: datetime) -> None:
        """Keep an act and what came of it. Raises `Refusal` if the same act is there."""


class KeyStore(Protocol):
    """The storage that knows who signs."""

    def key(self, kid: str) -> ClientKey | None:
        """A key by its name."""


def standing(store: AgreementStore, loaded: LoadedProtocol) -> Standing:
    """Where a version stands. Raises `NotFound`."""
    version = store.version(loaded.digest)
    if version is None:
        raise NotFound("There is no such version of the sharing protocol.", next_step="List the versions.")
    acts = store.acts(loaded.digest)
    return Standing(
        document=loaded.document,
        digest=loaded.digest,
        status=Status(version.state),
        acts=acts,
        day=next((act.day for act in reversed(acts) if act.deed is Deed.SCHEDULE), None),
        stopped=store.stopped(),
    )


def signed_act(keys: KeyStore, token: str, client: str, now: datetime) -> SignedAct:
    """The act in a token of this client. Raises `KeyProblem` for another's key, `VerificationError` for what does not hold."""
    key = keys.key(signer_of(token))
    if key is None or key.client != client or key.retired_at is not None:
        raise KeyProblem(
            "The act is signed with a key that is not this party's.", next_step="Sign it with the current key."
        )
    act = read_act(token, key.verifying_key, now)
    vouch(act, client)
    return SignedAct(act, token)


def vouch(act: Act, client: str) -> None:
    """Whether a party may vouch for this act: an agency for its own officers, the operator for the service. Raises `Refusal`."""
    if act.agency != (SERVICE if client == OPERATOR else client):
        raise Refusal("A party acts for itself only.", next_step="Sign the act in the folder of the agency it is for.")
    if (act.office is Office.OPERATOR) != (client == OPERATOR):
        raise Refusal(
            f"`{client}` has no {act.office}.", next_step="Only the service's operator acts as operator, and only so."
        )


def take(store: AgreementStore, loaded: LoadedProtocol, signed: SignedAct, actor: str, now: datetime) -> Standing:
    """Do what an act does; who vouches for it has been checked. Raises `Refusal` that says who may, or what is missing."""
    act = signed.act
    after = act_on(standing(store, loaded), act)
    live = store.live()
    if act.deed is Deed.SCHEDULE:
        _check_rehearsal(store.rehearsal(act.rehearsal or ""), loaded.digest, live)
    if act.deed is Deed.RESUME and live is not None:
        raise Refusal(f"Cannot resume: version {live.version} is in force.", next_step=_RESUMES)
    store.keep_act(signed, after, _events(signed, after, actor), now)
    return after


def _check_rehearsal(report: RehearsalReport | None, digest: str, live: ProtocolVersion | None) -> None:
    if report is None or report.draft_digest != digest:
        raise Refusal(
            "The service has no such rehearsal of this version.", next_step="Have it rehearsed, and name that report."
        )
    if not report.passes:
        raise Refusal(
            f"The rehearsal did not pass: {len(report.failed_personas)} personas are treated otherwise than agreed, "
            f"{report.outside} people are outside any open case.",
            next_step="Change the draft; it is a new version then.",
        )
    if live is not None and report.live_digest != live.digest:
        raise Refusal(
            "The rehearsal was against a version that is not in force any more.", next_step="Have it rehearsed again."
        )


def _events(signed: SignedAct, after: Standing, actor: str) -> tuple[Event, ...]:
    act, document = signed.act, after.document
    acted = ProtocolActedOn(
        actor=actor,
        protocol=document.id,
        version=document.version,
        digest=after.digest,
        deed=act.deed.value,
        office=act.office.value,
        state=after.status.value,
        verdict=act.verdict.value if act.verdict else None,
        act_sha256=signed.sha256,
        person=act.person,
    )
    return (acted, *_effects(signed, after, actor))


def _effects(signed: SignedAct, after: Standing, actor: str) -> tuple[Event, ...]:
    """What an act changes for everybody, beyond being on record."""
    act, document = signed.act, after.document
    if act.deed in (Deed.GO_LIVE, Deed.RESUME, Deed.SUSPEND):
        kind = ProtocolSuspended if act.deed is Deed.SUSPEND else ProtocolActivated
        return (
            kind(
                actor=actor,
                protocol=document.id,
                version=document.version,
                digest=after.digest,
                reason=f"{act.deed.value}: act {signed.sha256}",
            ),
        )
    if act.deed in (Deed.STOP_OWN, Deed.START_OWN):
        stops = act.deed is Deed.STOP_OWN
        told = AlertRaised(
            actor="service",
            alert=f"alr-{secrets.token_hex(8)}",
            about=f"releases-{'stopped' if stops else 'started'}:{act.agency}",
            recipient=DECLARING_AGENCY,
        )
        change = ReleasesStopped if stops else ReleasesStarted
        return (change(actor=actor, agency=act.agency, act_sha256=signed.sha256), told)
    return ()
