"""The units, the image and the compose file are what they should be, as far as can be checked without running them."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from api.settings import Settings
from kinlink.cli import build

TOP = Path(__file__).parents[3]
DEPLOY = TOP / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
INSTRUCTIONS = {"FROM", "WORKDIR", "RUN", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
SETTINGS = {f"KINLINK_{name.upper()}" for name in Settings.model_fields}


def instructions():
    """The Dockerfile's instructions with their continuation lines."""
    text = re.sub(r"\\\n\s*", " ", (DEPLOY / "Dockerfile").read_text())
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line and not line.startswith("#")]


def compose():
    return YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text())


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_no_fault_with_a_unit(unit, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    copy = tmp_path / unit.name.replace("@", "@1")
    copy.write_text(unit.read_text().replace("/opt/kinlink/bin/kinlink", "/bin/true"))
    if unit.suffix == ".timer":
        (tmp_path / "kinlink-backup.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    if unit.suffix == ".service":
        words = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(copy)]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("unit", [path for path in UNITS if path.suffix == ".service"], ids=lambda path: path.name)
def test_a_unit_runs_a_command_that_exists_as_nobody_special(unit):
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str
    read.read_string(unit.read_text())
    service = read["Service"]
    assert service["User"] == "kinlink"
    assert service["NoNewPrivileges"] == "true"
    assert service["ProtectSystem"] == "strict"
    assert re.search(r"kinlink (serve|worker|service backup)", service["ExecStart"])
    assert set(re.findall(r"KINLINK_\w+(?==)", unit.read_text())) <= SETTINGS


def test_the_image_is_built_from_what_is_pinned_and_runs_as_nobody_special():
    found = instructions()
    assert {name for name, _ in found} <= INSTRUCTIONS
    for name, rest in found:
        if name == "FROM":
            image = rest.split()[0]
            assert re.fullmatch(r"[a-z]+:[0-9][\w.-]+", image), "an image has a version, and no host"
        if name == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (TOP / source).exists(), source
        assert "://" not in rest.replace("http://127.0.0.1", "")
    installs = [rest for name, rest in found if name == "RUN" and " install " in rest]
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in installs)
    last = max(place for place, (name, _) in enumerate(found) if name == "FROM")
    users = [rest for name, rest in found[last:] if name == "USER"]
    assert users == ["10001:10001"]
    assert found[-1] == ("CMD", '["serve"]')
    assert set(re.findall(r"KINLINK_\w+(?==)", (DEPLOY / "Dockerfile").read_text())) <= SETTINGS


def test_the_image_installs_the_projects_own_pins_and_only_the_servers():
    pins = [
        {line.split(" ")[0] for line in path.read_text().splitlines() if re.match(r"[a-z]", line)}
        for path in (DEPLOY / "requirements.lock", TOP / "requirements.lock")
    ]
    assert pins[0] <= pins[1]
    names = {pin.split("==")[0] for pin in pins[0]}
    assert {"fastapi", "sqlalchemy", "psycopg-binary", "authlib", "numba"} <= names
    assert not {"pytest", "schemathesis", "mypy"} & names


def test_compose_names_only_what_is_there_and_leaves_nothing_open():
    found = compose()
    services, secrets, networks = found["services"], set(found["secrets"]), set(found["networks"])
    assert set(services) == {"database", "migrate", "serve", "worker"}
    for name, service in services.items():
        assert set(service["secrets"]) <= secrets, name
        assert set(service["networks"]) <= networks, name
        assert set(service.get("depends_on", {})) <= set(services), name
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(found["volumes"]), name
        assert "no-new-privileges:true" in service["security_opt"], name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "only the proxy on this machine reaches it"
        assert "://" not in service["image"]
        assert not re.match(r"[\w-]+\.[\w.-]+/", service["image"])
        if name != "database":
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert {key for key in service["environment"] if key.startswith("KINLINK_")} <= SETTINGS
    assert found["networks"]["inside"] == {"internal": True}
    text = (DEPLOY / "compose.yaml").read_text()
    assert not re.search(r"PASSWORD:|SECRET:", text), "secrets are files"


def test_the_example_settings_are_settings():
    lines = [line for line in (DEPLOY / "kinlink.env.example").read_text().splitlines() if not line.startswith("#")]
    assert {line.split("=")[0] for line in lines} <= SETTINGS


@pytest.mark.parametrize("document", ["operating.md", "api-security.md"])
def test_every_test_that_a_document_names_is_there(document):
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (TOP / "docs" / document).read_text())
    assert len(named) > 10
    for file, test in named:
        assert f"def {test}(" in (TOP / file).read_text(), test


def test_the_operators_guide_names_every_setting_and_no_other():
    named = set(re.findall(r"KINLINK_[A-Z_]+", (TOP / "docs" / "operating.md").read_text()))
    assert SETTINGS - named == set()
    assert named - SETTINGS == {"KINLINK_TEST_KILLS"}


def test_the_operators_guide_names_commands_that_there_are():
    text = (TOP / "docs" / "operating.md").read_text()
    for group, command in sorted(set(re.findall(r"kinlink (service|audit|run|agency) ([a-z-]+)", text))):
        commands = get_command(build(group)).commands[group].commands
        assert command in commands, f"{group} {command}"


def test_what_is_started_can_be_started():
    units = " ".join(unit.read_text() for unit in UNITS)
    started = set(re.findall(r"bin/kinlink ([a-z]+)", units))
    started |= {service["command"][0] for service in compose()["services"].values() if "command" in service}
    assert started == {"serve", "worker", "service", "migrate"}
    for command in started - {"service"}:
        assert get_command(build(command)).commands[command].params, command
