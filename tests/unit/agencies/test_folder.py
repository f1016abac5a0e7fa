"""An agency's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agencies.folder import AgencyFolder, References, init_folder, renew, set_epoch
from agencies.settings import read_settings
from config.resources import PROTOCOL_FILE
from protocols.errors import Busy, InputError, KeyProblem, VerificationError
from protocols.signing import open_card

PASSPHRASE = b"made up for tests only"
SERVICE = "http://127.0.0.1:9"


def make(path: Path, party: str = "police", **options: object) -> AgencyFolder:
    given: dict[str, object] = {
        "service": SERVICE,
        "protocol": PROTOCOL_FILE,
        "passphrase": lambda: PASSPHRASE,
        "scrypt_n": 1 << 4,
        **options,
    }
    return init_folder(path, party, **given)  # type: ignore[arg-type]


def test_a_folder_opens_again_with_the_same_keys(tmp_path: Path) -> None:
    made = make(tmp_path / "police")
    again = AgencyFolder(tmp_path / "police", lambda: PASSPHRASE)
    assert again.card == made.card
    assert again.sealing_key == made.sealing_key
    assert again.references.record("x") == made.references.record("x")
    assert open_card((tmp_path / "police" / "police.card").read_text()) == made.card
    assert again.protocol.document.id == "hertfordshire"


def test_no_private_key_stands_in_the_folder_in_clear(tmp_path: Path) -> None:
    made = make(tmp_path / "police")
    held = b"".join(path.read_bytes() for path in (tmp_path / "police").rglob("*") if path.is_file())
    assert made.signing_key.as_dict()["d"].encode() not in held
    assert made.sealing_key.raw not in held


def test_init_keeps_what_is_there_and_refuses_a_used_folder(tmp_path: Path) -> None:
    folder = tmp_path / "police"
    folder.mkdir()
    (folder / "extract.csv").write_text("kept")
    made = make(folder)
    assert (folder / "extract.csv").read_text() == "kept"
    before = made.card
    with pytest.raises(InputError, match=r"`agency.yaml` and `keys` and `secrets` already; nothing was changed"):
        make(folder)
    assert AgencyFolder(folder, lambda: PASSPHRASE).card == before


def test_an_init_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "police"
    folder.mkdir()
    (folder / "extract.csv").write_text("kept")
    with pytest.raises(InputError, match="service"):
        make(folder, service="http://elsewhere.example")
    assert [path.name for path in folder.iterdir()] == ["extract.csv"]

    def no_passphrase() -> bytes:
        raise KeyProblem("none")

    with pytest.raises(KeyProblem):
        make(tmp_path / "new", passphrase=no_passphrase)
    assert not (tmp_path / "new").exists()


def test_an_agency_that_the_protocol_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no agency `fire_service`") as raised:
        make(tmp_path / "x", "fire_service")
    assert "social_care, police" in raised.value.next_step


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("epoch: 1", "epoch: one"), r"agency.yaml:8:1.*`epoch`"),
        (("epoch: 1", "epoch: 1\nsecret: abc"), r"agency.yaml:9:1.*`secret` is not a setting"),
        (("purpose: agency", "purpose: service"), r"agency.yaml:3:1.*`purpose`"),
        (("agency: ", "agncy: "), r"`agency` is missing"),
        (('service: "http://127', 'service: "http://user@127'), "expected an address"),
        (("purpose: agency", "purpose: [agency"), r"agency.yaml:\d+:\d+"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    make(tmp_path / "police")
    path = tmp_path / "police" / "agency.yaml"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(InputError, match=said):
        read_settings(tmp_path / "police")


def test_plain_http_is_for_this_machine_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="plain `http`"):
        make(tmp_path / "police", service="http://kinlink.example.gov.uk")
    assert make(tmp_path / "two", service="https://kinlink.example.gov.uk/").settings.service.endswith("uk")


def test_a_card_is_trusted_once_and_replaced_only_on_purpose(tmp_path: Path) -> None:
    police, care = make(tmp_path / "police"), make(tmp_path / "care", "social_care")
    police.trust(care.signed_card())
    assert police.trust(care.signed_card()) == care.card
    other = make(tmp_path / "false", "social_care")
    with pytest.raises(KeyProblem, match="trusted already, with other keys"):
        police.trust(other.signed_card())
    assert police.trusted_card("social_care", "agency") == care.card
    police.trust(other.signed_card(), replace=True)
    assert police.trusted_card("social_care", "agency") == other.card


def test_an_altered_card_is_refused(tmp_path: Path) -> None:
    police, care = make(tmp_path / "police"), make(tmp_path / "care", "social_care")
    head, body, signature = care.signed_card().split(".")
    with pytest.raises(VerificationError):
        police.trust(f"{head}.{body[:-4]}AAAA.{signature}")
    with pytest.raises(VerificationError):
        police.trust("not a card")
    with pytest.raises(KeyProblem, match="no trusted card of `social_care`"):
        police.trusted_card("social_care", "agency")


def test_renewed_keys_are_new_and_references_stay(tmp_path: Path) -> None:
    made = make(tmp_path / "police")
    reference = made.references.record("A1")
    renewed = renew(made)
    assert renewed.card != made.card
    assert renewed.references.record("A1") == reference
    assert open_card(renewed.card_path.read_text()) == renewed.card


def test_the_workbook_has_no_reference_key_and_no_secrets(tmp_path: Path) -> None:
    made = make(tmp_path / "workbook", "workbook", purpose="workbook")
    assert not (made.path / "secrets").exists()
    with pytest.raises(KeyProblem):
        made.references.record("x")


def test_two_commands_do_not_work_in_one_folder_at_once(tmp_path: Path) -> None:
    made = make(tmp_path / "police")
    with made.lock(), pytest.raises(Busy, match="Another command"), AgencyFolder(made.path).lock():
        pass
    with made.lock():
        pass


def test_the_epoch_changes_and_everything_else_in_the_settings_stays(tmp_path: Path) -> None:
    made = make(tmp_path / "police")
    before = (made.path / "agency.yaml").read_text()
    set_epoch(made, 2)
    assert made.settings.epoch == read_settings(made.path).epoch == 2
    assert (made.path / "agency.yaml").read_text().replace("epoch: 2", "epoch: 1") == before


def test_references_are_keyed_and_kinds_are_apart() -> None:
    one, two = References(b"1" * 32), References(b"2" * 32)
    assert one.record("A") == one.record(" A ") != one.record("B")
    assert one.record("A") != one.group("A")
    assert one.record("A") != two.record("A")
    assert len(one.record("A")) == 32
    assert one.record("A").isalnum()
    with pytest.raises(KeyProblem):
        References(b"short")


def test_a_damaged_key_file_is_told_without_its_content(tmp_path: Path) -> None:
    made = make(tmp_path / "police", passphrase=None)
    (made.path / "keys" / "signing.key").write_text(json.dumps({"kty": "OKP", "d": "canary"}))
    with pytest.raises(KeyProblem) as raised:
        _ = AgencyFolder(made.path).signing_key
    assert "canary" not in str(raised.value)
