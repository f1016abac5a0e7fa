"""A sharing protocol loads the same whether its text was read before or not, and nothing that is wrong in the cache is believed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.resources import PROTOCOL_FILE
from protocols import load_cache
from protocols.errors import ProtocolError
from protocols.load import load_protocol, load_protocol_text

TEXT = PROTOCOL_FILE.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(load_cache.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path / "kinlink"


def test_the_second_time_is_the_first_time_only_quicker(cache: Path) -> None:
    first, start = load_protocol(PROTOCOL_FILE), time.process_time()
    again = load_protocol(PROTOCOL_FILE)
    assert time.process_time() - start < 1.0
    assert (again.document, again.digest, again.text) == (first.document, first.digest, first.text)
    assert len(list(cache.iterdir())) == 1


def test_errors_have_their_places_from_the_cache_too(cache: Path) -> None:
    wrong = TEXT.replace("unlinked_days: 7", "unlinked_days: 700")
    said = []
    for _ in range(2):
        with pytest.raises(ProtocolError) as caught:
            load_protocol_text(wrong, "draft.yaml")
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "draft.yaml:1:1" not in said[0]
    assert "`unlinked_days`" in said[0]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_cache_is_done_without(cache: Path, damage: bytes) -> None:
    good = load_protocol(PROTOCOL_FILE)
    (file,) = cache.iterdir()
    file.write_bytes(damage)
    assert load_protocol(PROTOCOL_FILE).digest == good.digest


def test_a_cache_that_was_altered_gives_another_digest(cache: Path) -> None:
    good = load_protocol(PROTOCOL_FILE)
    (file,) = cache.iterdir()
    file.write_text(file.read_text().replace('"unlinked_days":7', '"unlinked_days":6'))
    assert load_protocol(PROTOCOL_FILE).digest != good.digest


def test_no_place_for_a_cache_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(load_cache.FOLDER_VARIABLE, str(tmp_path / "file"))
    assert load_protocol(PROTOCOL_FILE).digest
    monkeypatch.delenv(load_cache.FOLDER_VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert load_protocol(PROTOCOL_FILE).digest
