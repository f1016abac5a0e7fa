"""An agency watches the service's audit log: it may only grow, and what the agency keeps proves it."""

import json

import pytest

from agencies.client import ServiceClient
from agencies.witness import KEPT, watch_log
from protocols.audit.checkpoint import Checkpoint
from protocols.audit.note import cosign_note
from protocols.errors import VerificationError
from protocols.signing import SigningKey


def watch(county, name):
    folder = county.folder(name)
    with ServiceClient(folder) as client:
        return watch_log(folder, client)


def test_the_log_only_grows_and_every_agency_keeps_its_head(county):
    first = watch(county, "police")
    assert first.size > 0
    second = watch(county, "police")
    assert second.before == first.size
    assert second.size > first.size
    assert watch(county, "probation").size > second.size


def test_a_log_that_was_rewritten_is_noticed(county):
    watch(county, "recovery")
    folder = county.folder("recovery")
    kept = folder.place("local") / KEPT
    genuine = kept.read_text()
    origin, size, _ = genuine.split("\n", 3)[:3]
    service = county.data / "keys" / "signing.jwk"
    key = SigningKey.from_dict(json.loads(service.read_text()))
    kept.write_text(
        str(cosign_note(Checkpoint(origin, int(size), bytes(32)).sign(key), "recovery", folder.signing_key))
    )
    with pytest.raises(VerificationError, match="changed or removed"):
        watch(county, "recovery")
    kept.write_text(str(Checkpoint(origin, 10**6, bytes(32)).sign(key)))
    with pytest.raises(VerificationError, match="somebody was shown 1000000"):
        watch(county, "recovery")
    kept.write_text(genuine)
    watch(county, "recovery")
