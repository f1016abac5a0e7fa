"""Where a passphrase comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

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
