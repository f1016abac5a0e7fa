"""The Workbook's connector: asks for a profile as one worker, and opens what that worker may see. Its private key never leaves."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from agencies.client import ServiceClient
from agencies.folder import AgencyFolder
from agencies.local_view import LocalView, read_view
from protocols.catalogue import Value, decode_dated_value
from protocols.errors import InputError, KeyProblem, ProtocolError, VerificationError
from protocols.identity import WORKER_HEADER, make_worker_assertion
from protocols.load import LoadedProtocol, load_protocol_text
from protocols.profile_answer import DataKey, Freshness, Profile, ProfileAgency, ProfileMember, ReleasedValue
from protocols.sealing import open_box, open_cell
from protocols.submission import box_context, cell_context
from protocols.vocabulary import Purpose, RoleFunction


@dataclass(frozen=True, slots=True)
class OpenedValue:
    """A value that was opened, with everything that came with it.

    `as_at` is the value's own date, which is sealed with it: the service knows the record's date alone, and calls fresh what may be
    older. `freshness` is therefore said again here, by the protocol's rule.
    """

    released: ReleasedValue
    value: Value | None
    as_at: date
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class OpenedAgency:
    """One member at one agency, its values opened."""

    answer: ProfileAgency
    values: tuple[OpenedValue, ...]


@dataclass(frozen=True, slots=True)
class OpenedMember:
    """One member, with the name that the council itself knows; '' if it knows none."""

    answer: ProfileMember
    name: str
    born: date | None
    agencies: tuple[OpenedAgency, ...]


@dataclass(frozen=True, slots=True)
class OpenedProfile:
    """A whole profile, opened for one worker."""

    answer: Profile
    worker: str
    members: tuple[OpenedMember, ...]


def ask_profile(
    folder: AgencyFolder,
    client: ServiceClient,
    family_ref: str,
    role: RoleFunction,
    *,
    worker: str | None = None,
    purpose: Purpose = Purpose.SAFEGUARDING,
    now: datetime | None = None,
) -> OpenedProfile:
    """Ask about one family as one worker and open the answer.

    Without `worker` the council's own list of allocations says who works on the case in that role. Whether that worker may see anything
    is for the service to decide. Raises `InputError`, `Refusal`, `KeyProblem`, `VerificationError`, `Unavailable`.
    """
    if folder.settings.purpose != "workbook":
        raise KeyProblem(
            f"`{folder.path.name}` is not the Workbook's folder: its key cannot open a profile.",
            next_step="Name the folder that `kinlink workbook init` made.",
        )
    now = now or datetime.now(UTC)
    view = _council_view(folder)
    asked_by = worker or _allocated(view, family_ref, role, now.date())
    assertion = make_worker_assertion(
        folder.party, asked_by, role, purpose, family_ref, now, secrets.token_urlsafe(12), folder.signing_key
    )
    answer = client.call(
        "GET",
        f"/v1/families/{quote(family_ref, safe='')}/profile",
        scope="query",
        params={"purpose": purpose.value},
        headers={WORKER_HEADER: assertion},
    )
    profile = Profile.read(answer.content, "profile")
    return open_profile(folder, profile, asked_by, view, _protocol(folder, client, profile))


def open_profile(
    folder: AgencyFolder, profile: Profile, worker: str, view: LocalView, protocol: LoadedProtocol
) -> OpenedProfile:
    """Open every sealed value of a profile. Raises `VerificationError` if one does not open: nothing is shown half."""
    opener = _Opener(protocol, profile.asked_at.date())
    keys = {key.id: (key, _data_key(folder, key)) for key in profile.keys}
    members = []
    for member in profile.members:
        local = view.members.get(member.record_ref)
        agencies = tuple(
            OpenedAgency(
                answer=agency,
                values=tuple(opener.opened(agency.agency, value, keys) for value in agency.values),
            )
            for agency in member.agencies
        )
        members.append(OpenedMember(member, local.name if local else "", local.born if local else None, agencies))
    return OpenedProfile(profile, worker, tuple(members))


class _Opener:
    """Opens values under one protocol, on the day that the profile was asked for."""

    def __init__(self, protocol: LoadedProtocol, day: date) -> None:
        self._catalogue = {each.id: each for each in protocol.document.attributes}
        self._rules = {each.id: each for each in protocol.document.freshness}
        self._day = day

    def opened(self, agency: str, value: ReleasedValue, keys: dict[str, tuple[DataKey, bytes]]) -> OpenedValue:
        if value.key not in keys or keys[value.key][0].agency != agency:
            raise VerificationError(
                f"The profile lacks the data key for a value of `{value.attribute}`.",
                next_step="Ask again; if it stays so, call the operator of the service.",
            )
        if value.attribute not in self._catalogue:
            raise ProtocolError(
                f"The catalogue here has no attribute `{value.attribute}`.", next_step="Get the live sharing protocol."
            )
        key, data_key = keys[value.key]
        about = cell_context(agency, value.record_ref, value.attribute, value.as_at, key.protocol_digest)
        data = open_cell(_unbase64(value.sealed), data_key, about)
        said, own = decode_dated_value(self._catalogue[value.attribute], data)
        as_at = own or value.as_at
        return OpenedValue(value, said, as_at, self._freshness(agency, value, as_at))

    def _freshness(self, agency: str, value: ReleasedValue, as_at: date) -> Freshness:
        rule = self._rules.get(agency)
        if value.freshness is Freshness.STALE or rule is None:
            return Freshness.STALE
        days = rule.exceptions.get(value.attribute, rule.value_days)
        return Freshness.STALE if self._day - as_at > timedelta(days=days) else Freshness.FRESH


def _data_key(folder: AgencyFolder, key: DataKey) -> bytes:
    if key.recipient != folder.sealing_key.public.fingerprint:
        raise KeyProblem(
            f"`{key.agency}` sealed its values to a key that the Workbook does not use any more.",
            next_step=f"Send the Workbook's current card to `{key.agency}`; its next submission will open.",
        )
    about = box_context("workbook", key.agency, key.protocol_digest, key.epoch)
    return open_box(_unbase64(key.box), folder.sealing_key, about)


def _protocol(folder: AgencyFolder, client: ServiceClient, profile: Profile) -> LoadedProtocol:
    """The protocol of the answer: the folder's own file, or the service's text if that has exactly the digest of the answer."""
    own = folder.protocol
    if own.digest == profile.protocol_digest:
        return own
    live = load_protocol_text(str(client.protocol()["text"]), "the live sharing protocol")
    if live.digest != profile.protocol_digest:
        raise VerificationError(
            "The answer was made under a protocol that the service does not show.", next_step="Ask again."
        )
    return live


def _council_view(folder: AgencyFolder) -> LocalView:
    """The council's own names and allocations; empty if the folder names no council folder."""
    named = folder.settings.council_folder
    if not named:
        return LocalView()
    return read_view(AgencyFolder(Path(folder.path / named), folder.passphrase))


def _allocated(view: LocalView, family_ref: str, role: RoleFunction, day: date) -> str:
    workers = view.workers(family_ref, role, day)
    if not workers:
        raise InputError(
            f"The council's allocations name no {role.value} for `{family_ref[:30]}` today.",
            next_step="Name the worker with --worker, or check reference and role.",
        )
    return workers[0]


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise VerificationError("A sealed value is not base64.", next_step="Ask again.") from None
