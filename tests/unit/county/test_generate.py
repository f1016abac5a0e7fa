"""The command: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.county.generate import LARGEST, county, main


def test_it_writes_the_folder_and_says_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "new"), "--families", "30", "--scale", "2", "--seed", "5"]) == 0
    names = {str(path.relative_to(tmp_path / "new")) for path in tmp_path.rglob("*") if path.is_file()}
    assert len(names) == 6 * 2 + 5 + 2
    assert {"police/extract.csv", "police/mapping.yaml", "social_care/consents.csv", "truth.csv"} <= names
    said = capsys.readouterr().out
    assert "health" in said
    assert "open families        18" in said  # a fifth of sixty, and the six of the stories


def test_it_refuses_more_families_than_there_are_nhs_numbers_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=f"from 10 to {LARGEST}"):
        county(families=LARGEST + 1)
    with pytest.raises(SystemExit) as stopped:
        main(["--out", "unused", "--families", "3"])
    assert stopped.value.code == 2
    assert "`families`" in capsys.readouterr().err


def test_the_stories_do_not_depend_on_the_seed_or_the_size() -> None:
    one, other = county(1, 40), county(2, 70)
    for agency in one.records:
        stories = [
            {record.ref: record for record in made.records[agency] if record.person.startswith("S")}
            for made in (one, other)
        ]
        assert stories[0] == stories[1]
        assert stories[0]
