"""The commands as a new user would try them: a way that works, and for each mistake a sentence and an exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from agencies.cli import agency_app, workbook_app
from agencies.folder import AgencyFolder, init_folder
from agencies.mapping import load_mapping
from config.resources import PROTOCOL_FILE, SCHEMAS
from protocols.errors import InputError, KeyProblem, KinlinkError
from protocols.submission import AttackOverride, open_submission

PASSPHRASE = "made up for tests only"
RUN = CliRunner()


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KINLINK_PASSPHRASE_FILE", raising=False)
    monkeypatch.setenv("KINLINK_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("COLUMNS", "160")
    # Stretching a passphrase is meant to take half a second; a test makes many folders.
    monkeypatch.setattr("agencies.cli_parties.init_folder", partial(init_folder, scrypt_n=1 << 4))


REASON = "Forty made-up people are too few to attack."


def agency(*words: object) -> Result:
    return RUN.invoke(agency_app, [str(word) for word in words])


def right(*words: object) -> str:
    result = agency(*words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(*words: object) -> KinlinkError:
    result = agency(*words)
    assert isinstance(result.exception, KinlinkError), (result.output, result.exception)
    return result.exception


def test_the_way_from_a_folder_to_a_submission(
    tmp_path: Path, world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]]
) -> None:
    folder, extract = world.agency.path, write_extract(people)
    said = right("check", extract, "-C", folder, "--html", tmp_path / "r.html", "--json", tmp_path / "r.json")
    assert "Can be submitted. 0 errors, 0 warnings, 0 notes." in said
    assert json.loads((tmp_path / "r.json").read_text())["records"] == 40
    assert (tmp_path / "r.html").stat().st_mode & 0o777 == 0o600
    assert "adeola" in right("encode", extract, "-C", folder, "--preview", "--rows", 3)
    unattacked = refused("encode", extract, "-C", folder)
    assert "kinlink agency attack EXTRACT" in unattacked.next_step
    assert not list((folder / "outbox").glob("*.kinlink"))
    said = right("encode", extract, "-C", folder, "--override-report", REASON)
    assert "is in the outbox" in said
    assert "The attack report was overridden (missing)" in said
    assert "40 records, 40 encodings" in said
    (made,) = (folder / "outbox").glob("*.kinlink")
    with open_submission(made) as file:
        assert file.manifest.attack_override == AttackOverride(tests=("missing",), reason=REASON)
    assert made.stem in said
    assert "Conformant." in right("conformance", "-C", folder)
    assert "Conformant." in right("conformance", "-C", tmp_path / "no-folder")
    assert "Conformant." in right("conformance", "--protocol", PROTOCOL_FILE)


def test_init_card_trust_and_the_ceremony(tmp_path: Path) -> None:
    for name in ("police", "social_care"):
        said = right(
            "init",
            "-C",
            tmp_path / name,
            "--agency",
            name,
            "--service",
            "http://127.0.0.1:9",
            "--protocol",
            PROTOCOL_FILE,
        )
        assert f"give {name}.card to the others" in said
        assert "Fill in mapping.yaml" in said
    police, care = tmp_path / "police", tmp_path / "social_care"
    assert AgencyFolder(police).vault.encrypted
    check = right("secret", "create", "-C", care).split("Check value: ")[1].split()[0]
    result = RUN.invoke(agency_app, ["trust", str(police / "police.card"), "-C", str(care)], input="n\n")
    assert result.exit_code == 1
    assert not list((care / "cards").iterdir())
    result = RUN.invoke(agency_app, ["trust", str(police / "police.card"), "-C", str(care)], input="y\n")
    assert result.exit_code == 0
    right("trust", "--yes", care / "social_care.card", "-C", police)
    assert "police.sealed-secret" in right("secret", "seal", "--to", "police", "-C", care)
    assert check in right("secret", "open", care / "outbox" / "police.sealed-secret", "-C", police)
    assert "The same secret" in right("secret", "check", "--heard", check, "-C", police)
    wrong = refused("secret", "check", "--heard", "0000", "-C", police)
    assert isinstance(wrong, KeyProblem)
    assert "in use" in right("secret", "check", "-C", police)
    assert "own card" in refused("trust", "--yes", police / "police.card", "-C", police).what
    assert "renewed" not in right("renew-keys", "--yes", "-C", police)
    assert isinstance(refused("secret", "retire", 1, "--yes", "-C", police), KeyProblem)


def test_keys_in_clear_only_when_a_person_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KINLINK_PASSPHRASE")
    words = (
        "init",
        "-C",
        tmp_path / "p",
        "--agency",
        "police",
        "--service",
        "http://127.0.0.1:9",
        "--protocol",
        PROTOCOL_FILE,
    )
    assert isinstance(refused(*words), KeyProblem)
    assert not (tmp_path / "p").exists()
    right(*words, "--keys-in-clear")
    assert not AgencyFolder(tmp_path / "p").vault.encrypted


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("check", "absent.csv"), 11, "no file `absent.csv`"),
        (("check", "."), 11, "is a folder"),
        (("check", "x.csv", "--html", "x.csv"), 11, "no name for this report"),
        (("attack", "x.csv", "--html", "x.csv"), 11, "no name for this report"),
        (("check", "x.csv", "--json", "nowhere/x.json"), 11, "no folder for the report"),
        (("submit", "x.csv"), 13, "`x.csv` cannot be sent"),
        (("withdraw", "sub-12", "--yes"), 11, "`sub-12` is not a submission's id"),
        (("columns", "absent.csv"), 11, "no file `absent.csv`"),
        (("columns", "x.csv", "--write", "x.csv"), 11, "not overwritten"),
        (("check", "x.csv", "--extract-date", "3.4.2026"), 11, "is not a date such as 2026-11-16"),
        (("check", "x.csv", "--extract-date", "2999-01-01"), 11, "is in the future"),
        (("check", "x.csv", "--mapping", "absent.yaml"), 11, "`absent.yaml` cannot be read"),
        (("check", "x.csv", "--declarations", "absent"), 11, "no folder `absent`"),
        (("encode", "x.csv", "--schema", "s.json"), 11, "belong to `--format clkhash-json`"),
        (("encode", "x.csv", "--format", "clkhash-json"), 11, "needs `--schema`, `--secret-file` and `--out`"),
        (("encode", "x.csv", "--delta", "--override-report", REASON), 11, "no submission to be the base"),
        (("submit",), 11, "outbox of `police` is empty"),
        (("submit", "absent.kinlink"), 11, "no file `absent.kinlink`"),
        (("receipt", "sub-1"), 11, "no receipt `sub-1`"),
        (("secret", "seal", "--to", "service"), 12, "is not an agency of the sharing protocol"),
        (("secret", "seal", "--to", "recovery"), 12, "no trusted card of `recovery`"),
        (("secret", "open", "absent"), 11, "`absent` cannot be read"),
        (("secret", "create", "--epoch", "7"), 11, "has no epoch 7"),
        (("secret", "create"), 11, "not overwritten"),
        (("secret", "use", "2"), 12, "no linkage secret of epoch 2"),
        (("trust", "--yes", "absent.card"), 11, "`absent.card` cannot be read"),
        (("trust", "--yes", "x.csv"), 16, "card is malformed"),
        (("drill", "fire"), 11, "no drill `fire`"),
    ],
)
def test_each_mistake_has_its_sentence_and_its_exit_code(
    world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...], code: int, said: str,
) -> None:  # fmt: skip
    path = write_extract(people, name="x.csv")
    monkeypatch.chdir(path.parent)
    error = refused(*words, *(() if words[0] == "drill" else ("-C", "police")))
    assert error.exit_code == code
    assert said in error.what
    assert error.next_step


def test_a_folder_that_is_none_and_a_wrong_passphrase_are_told(
    tmp_path: Path, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = refused("card", "-C", tmp_path / "nowhere")
    assert nowhere.what == "`nowhere` is not an agency's folder: it has no `agency.yaml`."
    monkeypatch.chdir(world.agency.path)
    monkeypatch.setenv("KINLINK_PASSPHRASE", "another one entirely")
    assert "The passphrase does not open the keys in `police`" in refused("card", "-C", world.agency.path).what
    assert "The passphrase does not open the keys in `police`" in refused("card").what
    monkeypatch.delenv("KINLINK_PASSPHRASE")
    assert "none was given" in refused("card", "-C", world.agency.path).what


def test_a_csv_and_any_linkage_schema_become_clkhash_json(tmp_path: Path) -> None:
    schema = SCHEMAS / "person.json"
    names = [each["identifier"] for each in json.loads(schema.read_text())["features"]]
    (tmp_path / "p.csv").write_text(",".join(names) + "\n" + ",".join("a" for _ in names) + "\n")
    (tmp_path / "secret").write_text("horse battery")
    said = right(
        "encode", tmp_path / "p.csv", "--format", "clkhash-json", "--schema", schema,
        "--secret-file", tmp_path / "secret", "-o", tmp_path / "out.json",
    )  # fmt: skip
    assert "1 CLKs written to out.json" in said
    assert "xorFolds" not in said
    assert len(json.loads((tmp_path / "out.json").read_text())["clks"]) == 1


def test_a_csv_without_or_with_another_header_is_encoded_when_a_person_says_so(tmp_path: Path) -> None:
    document = json.loads((SCHEMAS / "person.json").read_text())
    names = [each["identifier"] for each in document["features"]]
    schema = tmp_path / "schema.json"
    document["clkConfig"]["xorFolds"] = 1
    schema.write_text(json.dumps(document))
    (tmp_path / "secret").write_text("horse battery")
    rows = ",".join("a" for _ in names) + "\n"
    (tmp_path / "p.csv").write_text("some,other\n" + rows)
    (tmp_path / "none.csv").write_text(rows)
    words = ["--format", "clkhash-json", "--schema", schema, "--secret-file", tmp_path / "secret", "-o", tmp_path / "o"]
    assert "--header none" in refused("encode", tmp_path / "none.csv", *words).next_step
    said = right("encode", tmp_path / "p.csv", *words, "--header", "ignore")
    assert "it reads `xor_folds`" in said
    skipped = (tmp_path / "o").read_bytes()
    right("encode", tmp_path / "none.csv", *words, "--header", "none")
    assert (tmp_path / "o").read_bytes() == skipped


def test_columns_are_shown_with_what_the_mapping_makes_of_them(
    world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]]
) -> None:
    said = right("columns", write_extract(people), "-C", world.agency.path)
    assert re.search(r"NHS +mapped", said)
    assert re.search(r"NOT_MAPPED +not read", said)
    assert people[0]["SUR"] not in said


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_first_mapping_comes_from_an_extracts_own_columns(
    world: Any, tmp_path: Path, people: list[dict[str, str]], suffix: str
) -> None:
    names = {"REF": "Person ID", "FORE": "First Name", "SUR": "Last Name", "DOB": "Date of Birth", "PC": "Post Code"}
    frame = pl.DataFrame(
        [{new: row[old] for old, new in names.items()} | {"Colour": "x", "AS_AT": "2026-11-10"} for row in people]
    )
    path = tmp_path / f"other{suffix}"
    (frame.write_csv if suffix == ".csv" else frame.write_parquet)(path)
    mapping = tmp_path / "mapping-other.yaml"
    said = right("columns", path, "-C", world.agency.path, "--write", mapping)
    assert "go through every line" in said
    text = "\n".join(
        line for line in mapping.read_text().splitlines() if "suppressed:" not in line and line != "flags:"
    )
    mapping.write_text(text)
    read = load_mapping(mapping, "police", world.agency.protocol)
    assert (read.record, read.identifiers.given_name, read.identifiers.postcode) == (
        "Person ID",
        "First Name",
        "Post Code",
    )
    assert (read.identifiers.sex, read.identifiers.nhs_number) == (None, None)
    assert right("check", path, "-C", world.agency.path, "--mapping", mapping, "--extract-date", "2026-11-10")


def test_the_workbook_makes_its_folder_and_asks_only_from_there(tmp_path: Path, world: Any) -> None:
    folder = tmp_path / "wb"
    words = ["init", "-C", str(folder), "--service", "http://127.0.0.1:9", "--protocol", str(PROTOCOL_FILE)]
    assert RUN.invoke(workbook_app, words).exit_code == 0
    assert RUN.invoke(workbook_app, ["card", "-C", str(folder)]).exit_code == 0
    result = RUN.invoke(workbook_app, ["profile", "WB-1", "--as", "social-worker", "-C", str(folder)])
    assert isinstance(result.exception, InputError)
    assert "allocations name no social-worker for `WB-1`" in result.exception.what
    result = RUN.invoke(workbook_app, ["profile", "WB-1", "--as", "boss", "-C", str(folder)])
    assert result.exit_code == 2
    result = RUN.invoke(workbook_app, ["profile", "WB-1", "--as", "social-worker", "-C", str(world.agency.path)])
    assert isinstance(result.exception, KeyProblem)


def test_no_secret_can_be_given_as_an_argument() -> None:
    """Every option of every command: none takes a passphrase, a key or a secret itself."""
    import typer

    for app in (agency_app, workbook_app):
        group = typer.main.get_command(app)
        commands = [*group.commands.values(), *group.commands.get("secret", group).commands.values()]  # type: ignore[attr-defined]
        for command in commands:
            for each in command.params:
                assert not {"passphrase", "password", "key", "secret"} & set(each.name.split("_")) or each.name in (
                    "secret_file",
                    "clear_keys",
                )


def test_a_real_process_says_what_and_what_next_and_never_a_value(
    world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]]
) -> None:
    path = write_extract([*people, {"REF": "9", "SUR": "Canarsson", "FORE": "Canarella"}])
    path.write_text(path.read_text().rstrip("\n") + ",Canarextra\n")
    done = subprocess.run(
        [sys.executable, "-m", "kinlink", "agency", "encode", str(path), "-C", str(world.agency.path)],
        capture_output=True,
        text=True,
        env={**os.environ, "KINLINK_PASSPHRASE": PASSPHRASE, "KINLINK_TRACEBACK": "0"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 11
    assert "Problem:" in done.stderr
    assert "row 42: expected 34 columns as in the header, got 35" in done.stderr.replace("\n", " ")
    assert "What next:" in done.stderr
    assert "Canar" not in done.stderr + done.stdout
    assert PASSPHRASE not in done.stderr + done.stdout


def test_a_full_disk_leaves_nothing_half_made(
    world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]]
) -> None:
    """A real process that may write files of at most 20 kB."""
    code = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "sys.argv = ['kinlink', *sys.argv[1:]]; runpy.run_module('kinlink', run_name='__main__')"
    )
    words = ["agency", "encode", str(write_extract(people)), "-C", str(world.agency.path)]
    words += ["--override-report", "the disk of this made-up agency is full"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "KINLINK_PASSPHRASE": PASSPHRASE, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 11, done.stderr
    assert "File too large" in done.stderr
    assert "Make room on the disk" in done.stderr
    assert list((world.agency.path / "outbox").iterdir()) == []
    assert list((world.agency.path / "local").glob("*.state.parquet")) == []
