"""The program: what an agency's machine imports, and what a person sees when something goes wrong."""

import errno
import os
import subprocess
import sys

import pytest

from kinlink import cli
from protocols.errors import BUG_EXIT_CODE, InputError, KeyProblem

SERVER_ONLY = ["fastapi", "sqlalchemy", "numba", "scipy", "uvicorn", "alembic"]


def run_main(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["kinlink", *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code


def command_that_raises(monkeypatch, error):
    def command() -> None:
        raise error

    monkeypatch.setattr(cli, "_load", lambda name, group: command)


def test_an_agency_never_imports_the_servers_packages():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(" + repr(SERVER_ONLY) + "));"
        "sys.argv = ['kinlink', 'agency', '--help'];"
        "from kinlink.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "encode" in done.stdout


def test_a_missing_server_package_is_named_with_its_extra(monkeypatch, capsys):
    def missing(module):
        raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")

    monkeypatch.setattr(cli.importlib, "import_module", missing)
    assert run_main(monkeypatch, "serve") == 1
    assert "kinlink[server]" in capsys.readouterr().err


def test_a_problem_is_shown_as_sentences_with_its_exit_code(monkeypatch, capsys):
    command_that_raises(monkeypatch, KeyProblem("The key `k1` has expired.", next_step="Rotate it."))
    assert run_main(monkeypatch, "serve") == KeyProblem.exit_code
    shown = capsys.readouterr().err
    assert "The key `k1` has expired." in shown
    assert "Rotate it." in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "No space left"), (errno.EFBIG, "File too large"), (errno.EACCES, "denied")]
)
def test_a_full_disk_and_a_missing_permission_are_no_faults(monkeypatch, capsys, number, said):
    command_that_raises(monkeypatch, OSError(number, os.strerror(number), "/home/someone/outbox/file.kinlink"))
    assert run_main(monkeypatch, "serve") == InputError.exit_code
    shown = capsys.readouterr().err
    assert said in shown
    assert "`file.kinlink`" in shown
    assert "What next:" in shown
    assert "someone" not in shown


def test_another_error_of_the_system_stays_a_fault(monkeypatch, capsys):
    command_that_raises(monkeypatch, OSError(errno.EIO, "Input/output error"))
    monkeypatch.delenv("KINLINK_TRACEBACK", raising=False)
    assert run_main(monkeypatch, "serve") == BUG_EXIT_CODE


def test_a_fault_shows_its_place_and_never_its_values(monkeypatch, capsys):
    command_that_raises(monkeypatch, ValueError("could not parse 'Maya Okafor'"))
    monkeypatch.delenv("KINLINK_TRACEBACK", raising=False)
    assert run_main(monkeypatch, "serve") == BUG_EXIT_CODE
    shown = capsys.readouterr().err
    assert "Okafor" not in shown
    assert "ValueError" in shown


def test_every_group_and_command_is_listed():
    listed = subprocess.run(
        [sys.executable, "-m", "kinlink", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(name in listed for name in [*cli.GROUPS, *cli.COMMANDS])


@pytest.mark.parametrize("name", [*cli.GROUPS, *cli.COMMANDS])
def test_every_group_and_command_can_be_loaded(name):
    group = {**cli.GROUPS, **cli.COMMANDS}[name]
    assert callable(cli._load(name, group))
