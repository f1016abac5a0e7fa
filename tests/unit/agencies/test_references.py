"""`kinlink agency references`: the service's names for an agency's records, and nothing else of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from agencies.cli_references import references_command
from protocols.errors import InputError


@pytest.fixture
def run(world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KINLINK_PASSPHRASE", "made up for tests only")
    app = typer.Typer()
    app.command()(references_command)
    return lambda *words, given=None: CliRunner().invoke(app, [*words, "-C", str(world.agency.path)], input=given)


def test_it_prints_the_references_in_the_files_order(world: Any, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("POL-2\n\n POL-1 \n")
    known = world.agency.references
    expected = [known.record("POL-2"), known.record("POL-1")]
    for words, given in ((str(file), None), ("-", file.read_text())):
        done = run(words, given=given)
        assert done.exit_code == 0, done.output
        assert done.output.split() == expected
        assert "POL-" not in done.output


@pytest.mark.parametrize("content", [b"", b"\n \n", b"Zo\xeb\n"])
def test_a_file_without_references_is_refused(run: Any, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.txt"
    file.write_bytes(content)
    refused = run(str(file))
    assert isinstance(refused.exception, InputError)
    assert "Zo" not in str(refused.exception)
