"""The knock-out table is computed, is the page that is published, and keeps an unsound protocol from going live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import service_app
from api.soundness import judged_by
from config.resources import PROTOCOL_FILE
from kinlink.cli import build
from kinlink.knockout import knock_out_table, require_sound, unsound
from kinlink.knockout_page import matching_page, table_text
from linkage.knockout import PARTS, Case, Line, Shares, failures
from protocols.errors import ProtocolError, Refusal
from protocols.load import LoadedProtocol, canonical_json, load_protocol

DOCS = Path(__file__).parents[3] / "docs"
LOADED = load_protocol(PROTOCOL_FILE)


@pytest.fixture(scope="module")
def computed() -> tuple[Line, ...]:
    """The table of the shipped protocol."""
    return knock_out_table(LOADED)


@pytest.fixture(scope="module")
def lines(computed: tuple[Line, ...]) -> dict[str, Line]:
    """Its lines by name."""
    return {line.case.name: line for line in computed}


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped protocol without its guards and with low thresholds: a name and a place are enough for it."""
    document = LOADED.document
    rules = document.matching.model_copy(
        update={
            "certain": 0.02,
            "stay_certain": 0.02,
            "probable": 0.011,
            "stay_probable": 0.01,
            "guards": document.matching.guards.model_copy(update={"closeness": 0.0, "date": False}),
        }
    )
    path = tmp_path_factory.mktemp("loose") / "loose.json"
    path.write_bytes(canonical_json(document.model_copy(update={"matching": rules})))
    return path


def test_every_subset_of_agreeing_parts_has_a_line(lines: dict[str, Line]) -> None:
    """Sixteen subsets of four parts, and the usual errors."""
    subsets = {
        tuple(line.case.of(part) for part in PARTS)
        for line in lines.values()
        if all(line.case.of(part) in ("agrees", "differs") for part in PARTS)
    }
    assert len(subsets) == 2 ** len(PARTS)
    errors = {line.case.of(part) for line in lines.values() for part in PARTS} - {"agrees", "differs"}
    assert errors >= {"one letter", "one digit", "day and month swapped", "missing", "another generation"}
    assert {"moved", "another family name (marriage)"} <= set(lines)
    for line in lines.values():
        for shares in (line.alone, line.with_family):
            assert shares.certain + shares.probable + shares.none == pytest.approx(1.0)


def test_no_one_kind_of_evidence_is_ever_certain(lines: dict[str, Line]) -> None:
    """Name alone, date alone, place alone, and name with place without the date: not one pair of the two hundred."""
    for name in ("only name", "only date of birth", "only place", "only name and place", "only given name and place"):
        assert lines[name].case.never_certain
        assert lines[name].alone.certain == 0.0
    assert all(line.alone.certain == 0.0 for line in lines.values() if line.case.never_certain)
    assert failures(tuple(lines.values())) == ()


def test_the_table_shows_that_links_are_found(lines: dict[str, Line]) -> None:
    """It would be easy to be never wrong by linking nobody."""
    for name in ("all", "one letter of the given name wrong", "one letter of the family name wrong", "moved"):
        assert lines[name].alone.certain > 0.9
    assert lines["only nothing"].alone.none == 1.0
    assert lines["only nothing"].with_family.none == 1.0


def test_what_relatives_share_is_never_certain_even_beside_the_family(lines: dict[str, Line]) -> None:
    """Twins, and a father and a son of one name and place, also of one birthday."""
    shared = [line for line in lines.values() if line.case.shared]
    assert len(shared) == 3
    assert all(line.alone.certain == line.with_family.certain == 0.0 for line in shared)
    beside = replace(shared[0], with_family=Shares(0.5, 0.5, 0.0))
    assert failures((beside,)) == (shared[0].case.name,)


def test_the_published_page_is_fresh(computed: tuple[Line, ...]) -> None:
    """What stands in the documentation is what is computed now."""
    page = (DOCS / "knock-out.md").read_text(encoding="utf-8")
    assert page == matching_page(LOADED, computed), "stale: run `kinlink protocol pages`"


def test_a_loose_protocol_fails_and_says_where(loose: Path) -> None:
    """Without guards a name with a place is certain: the command says so and fails."""
    result = CliRunner().invoke(build("protocol"), ["protocol", "explain", str(loose), "--matching"])
    assert isinstance(result.exception, ProtocolError)
    assert "only name and place" in result.exception.what
    assert "FAILS" in result.output


@pytest.fixture
def no_judge() -> Iterator[None]:
    """As in a program without an encoder, and so again afterwards."""
    judged_by(None)
    yield
    judged_by(None)


def test_a_loose_protocol_cannot_go_live(loose: Path, tmp_path: Path, no_judge: None) -> None:
    """The service is asked to put it in force, at its beginning and later, and refuses; nothing is left behind."""
    judged_by(_known({load_protocol(loose).digest: ("only name and place",)}))
    made = _service("init", "--protocol", loose, "--data", tmp_path / "one", "--mode", "demo")
    assert isinstance(made.exception, Refusal)
    assert "only name and place" in made.exception.what
    assert not (tmp_path / "one").exists()
    assert _service("init", "--protocol", PROTOCOL_FILE, "--data", tmp_path / "two", "--mode", "demo").exit_code == 0
    loaded = _service("load-protocol", loose, "--data", tmp_path / "two", "--live")
    assert isinstance(loaded.exception, Refusal)


def test_without_an_encoder_nothing_goes_live(loose: Path, tmp_path: Path, no_judge: None) -> None:
    """Nobody can tell, so it is refused."""
    made = _service("init", "--protocol", loose, "--data", tmp_path / "one", "--mode", "demo")
    assert isinstance(made.exception, Refusal)
    assert "Nobody can tell" in made.exception.what


def test_the_program_lends_the_service_its_judge(no_judge: None) -> None:
    """`kinlink service` and `kinlink serve` are made of both sides; the judge is the real table."""
    from api import soundness

    build("service")
    soundness.require_sound(LOADED)
    assert unsound(LOADED) == ()


def test_the_verdict_names_what_fails() -> None:
    """One certain pair in a thousand is one too many."""
    case = Case("only name", tuple((part, "differs") for part in PARTS), never_certain=True)
    bad = Line(case, 1_000, Shares(0.001, 0.0, 0.999), Shares(0.0, 0.0, 1.0))
    with pytest.raises(ProtocolError, match="only name"):
        require_sound(LOADED, [bad])
    text = table_text(LOADED, [bad])
    assert "certain 0.1 %, none 99.9 %" in text
    assert "FAILS" in text


def _known(failed: dict[str, tuple[str, ...]]) -> Any:
    def judge(loaded: LoadedProtocol) -> tuple[str, ...]:
        return failed.get(loaded.digest, ())

    return judge


def _service(*arguments: object) -> Any:
    return CliRunner().invoke(service_app, [str(argument) for argument in arguments])
