"""Where a passphrase comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend
from typer.testing import CliRunner

from agencies import keyring_store
from agencies.cli import agency_app
from agencies.folder import AgencyFolder
from agencies.passphrase import find_passphrase
from protocols.errors import KeyProblem


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KINLINK_PASSPHRASE_FILE", "KINLINK_PASSPHRASE", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def test_a_file_comes_first_then_the_variable_then_the_credential_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kinlink-passphrase").write_text("from the credential store\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert find_passphrase() == b"from the credential store"
    monkeypatch.setenv("KINLINK_PASSPHRASE", "from the variable")
    assert find_passphrase() == b"from the variable"
    (tmp_path / "file").write_text("from the file\r\n")
    monkeypatch.setenv("KINLINK_PASSPHRASE_FILE", str(tmp_path / "file"))
    assert find_passphrase() == b"from the file"


class Memory(KeyringBackend):
    """A keyring of the operating system's kind, in memory."""

    name = "test keyring"
    priority = 5.0

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


class Locked(Memory):
    """One that the person did not unlock."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked


class InAFile(Memory):
    """One that protects nothing."""

    priority = 0.5


@pytest.fixture
def use_keyring() -> Iterator[Callable[[KeyringBackend], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_a_passphrase_kept_in_the_systems_keyring_opens_the_folder(
    tmp_path: Path, make_agency: Callable[..., AgencyFolder], monkeypatch: pytest.MonkeyPatch,
    use_keyring: Callable[[KeyringBackend], None],
) -> None:  # fmt: skip
    folder = make_agency("police").path
    memory = Memory()
    use_keyring(memory)
    run = CliRunner()
    monkeypatch.setenv("KINLINK_PASSPHRASE", "not this folder's")
    assert isinstance(run.invoke(agency_app, ["keyring", "-C", str(folder)]).exception, KeyProblem)
    assert memory.held == {}
    monkeypatch.setenv("KINLINK_PASSPHRASE", "made up for tests only")
    kept = run.invoke(agency_app, ["keyring", "-C", str(folder)])
    assert "is kept in test keyring" in kept.output
    assert "made up" not in kept.output
    monkeypatch.delenv("KINLINK_PASSPHRASE")
    assert AgencyFolder(folder).signing_key
    with pytest.raises(KeyProblem, match="none was given"):
        AgencyFolder(make_agency("probation").path).signing_key  # noqa: B018
    assert "Taken out" in run.invoke(agency_app, ["keyring", "--forget", "-C", str(folder)]).output
    with pytest.raises(KeyProblem, match="none was given"):
        AgencyFolder(folder).signing_key  # noqa: B018


def test_a_keyring_that_is_locked_or_protects_nothing_is_passed_over(
    use_keyring: Callable[[KeyringBackend], None],
) -> None:
    for backend in (Locked(), InAFile()):
        backend.held["kinlink", "police"] = "something"
        use_keyring(backend)
        assert keyring_store.find("police") is None
        with pytest.raises(KeyProblem):
            keyring_store.keep("police", "something else")


def test_a_file_or_a_variable_comes_before_the_keyring(
    monkeypatch: pytest.MonkeyPatch, use_keyring: Callable[[KeyringBackend], None]
) -> None:
    memory = Memory()
    memory.held["kinlink", "police"] = "from the keyring"
    use_keyring(memory)
    assert find_passphrase(party="police") == b"from the keyring"
    monkeypatch.setenv("KINLINK_PASSPHRASE", "from the variable")
    assert find_passphrase(party="police") == b"from the variable"


def test_without_a_terminal_the_message_says_how_to_give_one() -> None:
    with pytest.raises(KeyProblem, match="none was given") as raised:
        find_passphrase()
    assert "KINLINK_PASSPHRASE_FILE" in raised.value.next_step


@pytest.mark.parametrize(("content", "said"), [(b"", "empty"), (b"\xff\xfe", "not UTF-8")])
def test_an_unusable_file_is_named_but_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    (tmp_path / "pass").write_bytes(content)
    monkeypatch.setenv("KINLINK_PASSPHRASE_FILE", str(tmp_path / "pass"))
    with pytest.raises(KeyProblem, match=said):
        find_passphrase()


def test_a_missing_file_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINLINK_PASSPHRASE", "from the variable")
    monkeypatch.setenv("KINLINK_PASSPHRASE_FILE", str(tmp_path / "absent"))
    with pytest.raises(KeyProblem, match="`absent` cannot be read"):
        find_passphrase()


def test_a_new_passphrase_must_be_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINLINK_PASSPHRASE", "short")
    assert find_passphrase() == b"short"
    with pytest.raises(KeyProblem, match="at least 12") as raised:
        find_passphrase(new=True)
    assert "short." not in raised.value.what.replace("is shorter", "")
