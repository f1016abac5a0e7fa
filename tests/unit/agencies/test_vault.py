"""Keys at rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agencies.vault import SETTINGS, Vault
from protocols.errors import InputError, KeyProblem

SECRET = b"canary-secret-bytes-0123456789"


def right() -> bytes:
    return b"the right passphrase"


def wrong() -> bytes:
    return b"another passphrase"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = Vault.create(tmp_path, right, n=1 << 4)
    made.write("keys/one", SECRET)
    return made


def test_what_is_written_can_be_read_again_with_the_passphrase(tmp_path: Path, vault: Vault) -> None:
    assert Vault(tmp_path, right).read("keys/one", "key") == SECRET
    assert vault.encrypted


def test_nothing_on_disk_holds_the_secret_or_the_passphrase(tmp_path: Path, vault: Vault) -> None:
    data = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET not in data
    assert right() not in data


def test_a_wrong_passphrase_is_told_from_a_damaged_file(tmp_path: Path, vault: Vault) -> None:
    with pytest.raises(KeyProblem, match="passphrase does not open"):
        Vault(tmp_path, wrong).read("keys/one", "key")
    path = tmp_path / "keys" / "one"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(KeyProblem, match="damaged"):
        Vault(tmp_path, right).read("keys/one", "key")


def test_two_files_cannot_change_places(tmp_path: Path, vault: Vault) -> None:
    vault.write("keys/two", b"another")
    (tmp_path / "keys" / "two").write_bytes((tmp_path / "keys" / "one").read_bytes())
    with pytest.raises(KeyProblem, match="copied from another"):
        vault.read("keys/two", "key")


def test_an_empty_file_is_a_damaged_one(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / "keys" / "one").write_bytes(b"")
    with pytest.raises(KeyProblem, match="damaged"):
        vault.read("keys/one", "key")


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_files_are_for_their_owner_only_and_an_open_one_is_refused(tmp_path: Path, vault: Vault) -> None:
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    (tmp_path / "keys" / "one").chmod(0o640)
    with pytest.raises(KeyProblem, match=r"Other users .* mode 640"):
        vault.read("keys/one", "key")


def test_a_key_is_not_overwritten_by_mistake(vault: Vault) -> None:
    with pytest.raises(InputError, match="not overwritten"):
        vault.write("keys/one", b"new")
    assert vault.read("keys/one", "key") == SECRET
    vault.write("keys/one", b"new", replace=True)
    assert vault.read("keys/one", "key") == b"new"


def test_without_a_passphrase_files_are_in_clear(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path, None)
    vault.write("keys/one", SECRET)
    assert not vault.encrypted
    assert (tmp_path / "keys" / "one").read_bytes() == SECRET
    assert Vault(tmp_path, wrong).read("keys/one", "key") == SECRET


def test_a_missing_file_and_a_foreign_folder_are_named(tmp_path: Path, vault: Vault) -> None:
    with pytest.raises(KeyProblem, match=r"signing key \(`x`\)"):
        vault.read("keys/x", "signing key")
    with pytest.raises(InputError, match="not an agency's folder"):
        Vault(tmp_path / "keys", right)


def test_a_damaged_description_is_a_key_problem(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / SETTINGS).write_text("{}")
    with pytest.raises(KeyProblem, match=r"vault.json.* is malformed"):
        Vault(tmp_path, right)


def test_a_removed_file_is_gone(tmp_path: Path, vault: Vault) -> None:
    vault.remove("keys/one")
    assert not vault.has("keys/one")
