"""The linkage secret's way from agency to agency."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agencies.drills import run_drill
from agencies.folder import AgencyFolder, renew
from agencies.secret import (
    SealedSecret,
    compare_check,
    create_secret,
    epochs_held,
    linkage_secret,
    open_secret,
    retire_secret,
    seal_secret,
    stored_secret,
    use_epoch,
)
from protocols.errors import InputError, KeyProblem, VerificationError
from protocols.signing import decode_base64url, sign_card

MakeAgency = Callable[..., AgencyFolder]


@pytest.fixture
def two(make_agency: MakeAgency) -> tuple[AgencyFolder, AgencyFolder]:
    care, police = make_agency("social_care"), make_agency("police")
    care.trust(police.signed_card())
    police.trust(care.signed_card())
    create_secret(care, 1)
    return care, police


def test_both_hold_the_same_secret_and_read_the_same_check_value(two: tuple[AgencyFolder, AgencyFolder]) -> None:
    care, police = two
    held = open_secret(police, seal_secret(care, "police", 1))
    assert linkage_secret(care, 1) == linkage_secret(police, 1)
    assert len(linkage_secret(care, 1)) == 32
    assert held.check == stored_secret(care, 1).check
    assert compare_check(police, 1, held.check.replace("-", " ").upper())
    assert not compare_check(police, 1, "0000-0000-0000-0000")


def test_the_secret_stands_in_clear_in_no_file(two: tuple[AgencyFolder, AgencyFolder], tmp_path: Path) -> None:
    care, police = two
    path = seal_secret(care, "police", 1)
    open_secret(police, path)
    secret = linkage_secret(care, 1)
    held = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    for form in (secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)):
        assert form not in held
    assert secret.hex() not in repr(stored_secret(care, 1))


def test_two_secrets_are_never_the_same_and_one_is_not_overwritten(make_agency: MakeAgency) -> None:
    one, two = make_agency("police"), make_agency("recovery")
    create_secret(one, 1)
    create_secret(two, 1)
    assert linkage_secret(one, 1) != linkage_secret(two, 1)
    with pytest.raises(InputError, match="not overwritten"):
        create_secret(one, 1)


@pytest.mark.parametrize("name", ["service", "workbook", "nobody"])
def test_it_is_never_sealed_to_anybody_but_an_agency(two: tuple[AgencyFolder, AgencyFolder], name: str) -> None:
    with pytest.raises(KeyProblem, match="is not an agency of the sharing protocol"):
        seal_secret(two[0], name, 1)


def test_a_card_of_the_service_under_an_agencys_name_does_not_help(two: tuple[AgencyFolder, AgencyFolder]) -> None:
    """A card that says `police` but is for a service or a Workbook is stored beside the agency's, and never used for the secret."""
    care, _ = two
    for purpose in ("service", "workbook"):
        card = care.card.model_copy(update={"party": "recovery", "purpose": purpose})
        care.trust(sign_card(card, care.signing_key))
    with pytest.raises(KeyProblem, match=r"no trusted card of `recovery` \(agency\)"):
        seal_secret(care, "recovery", 1)


def test_a_swapped_card_file_is_noticed(two: tuple[AgencyFolder, AgencyFolder]) -> None:
    care, _ = two
    card = care.card.model_copy(update={"party": "recovery", "purpose": "service"})
    (care.path / "cards" / "recovery.agency.card").write_text(sign_card(card, care.signing_key))
    with pytest.raises(KeyProblem, match="card of another party"):
        seal_secret(care, "recovery", 1)


def test_the_workbook_never_holds_it(make_agency: MakeAgency, two: tuple[AgencyFolder, AgencyFolder]) -> None:
    workbook = make_agency("workbook", "workbook")
    with pytest.raises(KeyProblem, match="Workbook never holds"):
        create_secret(workbook, 1)
    with pytest.raises(KeyProblem, match="Workbook never holds"):
        open_secret(workbook, seal_secret(two[0], "police", 1))


def test_one_for_another_agency_does_not_open(two: tuple[AgencyFolder, AgencyFolder], make_agency: MakeAgency) -> None:
    care, _ = two
    recovery = make_agency("recovery")
    recovery.trust(care.signed_card())
    with pytest.raises(KeyProblem, match="sealed to `police`; this folder is `recovery`'s"):
        open_secret(recovery, seal_secret(care, "police", 1))


def test_one_from_an_unknown_or_a_false_sender_does_not_open(
    two: tuple[AgencyFolder, AgencyFolder], make_agency: MakeAgency, tmp_path: Path
) -> None:
    _, police = two
    probation = make_agency("probation")
    probation.trust(police.signed_card())
    create_secret(probation, 1)
    with pytest.raises(KeyProblem, match="no trusted card of `probation`"):
        open_secret(police, seal_secret(probation, "police", 1))
    # The same, with social care's name written over it: signed with a key that is not social care's.
    sealed = SealedSecret.read(_payload(seal_secret(probation, "police", 1)), "x")
    forged = tmp_path / "forged"
    forged.write_text(probation.signing_key.sign(sealed.model_copy(update={"sender": "social_care"}).canonical()))
    with pytest.raises(KeyProblem, match="not signed with the key that this agency trusts for `social_care`"):
        open_secret(police, forged)
    assert epochs_held(police) == []


def test_an_altered_or_cut_off_file_does_not_open(two: tuple[AgencyFolder, AgencyFolder], tmp_path: Path) -> None:
    care, police = two
    path = seal_secret(care, "police", 1)
    whole = path.read_text().strip()
    head, body, signature = whole.split(".")
    changed = json.loads(decode_base64url(body))
    changed["epoch"] = 2
    altered = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    for text in (whole[: len(whole) // 2], f"{head}.{altered}.{signature}", "", "x", "a.b.c", "ä"):
        path.write_text(text)
        with pytest.raises(VerificationError):
            open_secret(police, path)
    with pytest.raises(InputError, match="cannot be read"):
        open_secret(police, tmp_path / "absent")
    assert epochs_held(police) == []


def test_one_for_lost_keys_says_whom_to_ask(two: tuple[AgencyFolder, AgencyFolder]) -> None:
    care, police = two
    path = seal_secret(care, "police", 1)
    with pytest.raises(KeyProblem, match="a key that this agency does not use any more") as raised:
        open_secret(renew(police), path)
    assert "social_care" in raised.value.next_step


def test_one_under_another_protocol_is_refused(two: tuple[AgencyFolder, AgencyFolder], protocol_file: Path) -> None:
    care, police = two
    other = police.path / "protocol.yaml"
    other.write_text(protocol_file.read_text().replace("version: 1\n", "version: 2\n", 1))
    settings = police.path / "agency.yaml"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith("protocol:")]
    settings.write_text("\n".join([*lines, "protocol: protocol.yaml"]))
    changed = AgencyFolder(police.path, police.passphrase)
    with pytest.raises(KeyProblem, match="another version of the sharing protocol"):
        open_secret(changed, seal_secret(care, "police", 1))


def test_a_second_secret_for_an_epoch_is_refused_and_nothing_changes(
    two: tuple[AgencyFolder, AgencyFolder], make_agency: MakeAgency
) -> None:
    care, police = two
    first = open_secret(police, seal_secret(care, "police", 1))
    assert open_secret(police, seal_secret(care, "police", 1)) == first
    probation = make_agency("probation")
    create_secret(probation, 1)
    probation.trust(police.signed_card())
    police.trust(probation.signed_card())
    with pytest.raises(KeyProblem, match="holds another secret for epoch 1") as raised:
        open_secret(police, seal_secret(probation, "police", 1))
    assert first.check in raised.value.what
    assert stored_secret(police, 1) == first


def test_epochs_overlap_until_the_old_one_is_retired(two: tuple[AgencyFolder, AgencyFolder]) -> None:
    care, police = two
    open_secret(police, seal_secret(care, "police", 1))
    create_secret(care, 2)
    with pytest.raises(KeyProblem, match="no linkage secret of epoch 2"):
        use_epoch(police, 2)
    open_secret(police, seal_secret(care, "police", 2))
    assert epochs_held(police) == [1, 2]
    assert stored_secret(police, 1).check != stored_secret(police, 2).check
    with pytest.raises(KeyProblem, match="Epoch 1 is the one"):
        retire_secret(police, 1)
    use_epoch(police, 2)
    retire_secret(police, 1)
    assert epochs_held(police) == [2]
    assert AgencyFolder(police.path).settings.epoch == 2


def test_an_epoch_that_the_protocol_does_not_have_is_refused(make_agency: MakeAgency) -> None:
    with pytest.raises(InputError, match="has no epoch 9"):
        create_secret(make_agency("police"), 9)


def test_a_damaged_secret_is_told(two: tuple[AgencyFolder, AgencyFolder]) -> None:
    care, _ = two
    path = care.path / "secrets" / "epoch-1"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(KeyProblem, match=r"epoch 1 .*damaged"):
        stored_secret(care, 1)


@pytest.mark.parametrize("which", ["lost-key", "compromised-key"])
def test_the_drills_hold(which: str) -> None:
    lines = list(run_drill(which))
    assert len(lines) >= 6


def test_an_unknown_drill_is_refused() -> None:
    with pytest.raises(InputError, match="no drill `fire`"):
        list(run_drill("fire"))


def _payload(path: Path) -> bytes:
    return decode_base64url(path.read_text().split(".")[1])
