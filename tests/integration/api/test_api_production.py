"""A service that is not ready for real use does not start, and says everything that is missing; a demo needs less."""

import pytest
from pydantic import SecretStr

from api.admin import init_service, register_card
from api.doctor import examine
from api.production import missing
from api.serve import serve
from api.service import open_service
from api.settings import load_settings
from config.resources import PROTOCOL_FILE
from protocols.errors import InputError

STRONG = "Yq7-v2mR9x_Lp4Tz0Wd"


@pytest.fixture
def ready(shared_site, tmp_path):
    """Settings with which a service may be used for real."""
    (tmp_path / "client").write_text(STRONG)
    return shared_site.settings.model_copy(
        update={
            "mode": "production",
            "tls_at_proxy": True,
            "audience": "kinlink.county.example",
            "origin": "kinlink.county.example/audit",
            "oidc_issuer": "https://login.county.example",
            "oidc_client_id": "kinlink",
            "oidc_client_secret_file": tmp_path / "client",
            "public_url": "https://kinlink.county.example",
            "database_url": SecretStr(f"postgresql+psycopg://kinlink:{STRONG}@database/kinlink"),
        }
    )


def test_with_everything_there_nothing_is_missing(ready):
    assert missing(ready) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tls_at_proxy": False}, "TLS"),
        ({"tls_certificate": "/nowhere/cert.pem", "tls_at_proxy": False}, "TLS"),
        ({"audience": "kinlink"}, "set `audience`"),
        ({"origin": "kinlink.local/audit"}, "set `origin`"),
        ({"oidc_issuer": None}, "an identity provider for people"),
        ({"oidc_client_id": None}, "an identity provider for people"),
        ({"oidc_issuer": "http://login.county.example"}, "https"),
        ({"public_url": None}, "public_url"),
        ({"public_url": "http://kinlink.county.example"}, "public_url"),
        ({"database_url": SecretStr("postgresql+psycopg://kinlink:change-me-please-1@db/k")}, "password of its own"),
        ({"database_url": SecretStr("postgresql+psycopg://kinlink:Xy7-v2mR@db/k")}, "password of its own"),
    ],
)
def test_what_is_missing_is_said_and_the_start_refused(ready, change, said):
    settings = ready.model_copy(update=change)
    assert said in " ".join(missing(settings))
    with pytest.raises(InputError, match="does not start in production mode") as refused:
        serve(settings)
    assert said in refused.value.what
    assert STRONG not in str(refused.value)
    for part in ("change-me-please-1", "Xy7-v2mR"):
        assert part not in str(refused.value)


@pytest.mark.parametrize(
    "secret", ["", "short", "change-me-change-me", "aaaaaaaaaaaaaaaaaaaaaaaa", "my-secret-0123456789"]
)
def test_a_default_client_secret_is_refused(ready, tmp_path, secret):
    (tmp_path / "client").write_text(secret)
    assert "a secret of its own" in " ".join(missing(ready))


def test_even_a_demo_is_not_served_to_a_network_in_clear(shared_site):
    assert missing(shared_site.settings) == []
    everywhere = shared_site.settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104
    assert "TLS" in missing(everywhere)[0]
    with pytest.raises(InputError, match="does not start in demo mode"):
        serve(everywhere)


def test_the_doctor_says_it_before_the_start_does(ready):
    found = [item for item in examine(ready.model_copy(update={"oidc_issuer": None})) if item.state == "problem"]
    assert any("identity provider" in item.detail for item in found)


def test_a_service_for_real_is_no_demo_when_the_environment_forgets_it(tmp_path, monkeypatch):
    monkeypatch.setenv("KINLINK_MODE", "production")
    monkeypatch.setenv("KINLINK_AUDIENCE", "kinlink.county.example")
    init_service(tmp_path / "data", PROTOCOL_FILE)
    monkeypatch.delenv("KINLINK_MODE")
    monkeypatch.delenv("KINLINK_AUDIENCE")
    found = load_settings(tmp_path / "data")
    assert (found.mode, found.audience) == ("production", "kinlink.county.example")
    with pytest.raises(InputError, match="does not start in production mode"):
        serve(found)


def test_parties_are_registered_before_anything_is_in_force(tmp_path, tools):
    """For real, a version goes live by its parties' acts: so they must be known before."""
    settings = init_service(tmp_path / "data", PROTOCOL_FILE, mode="production")
    service = open_service(settings)
    try:
        assert register_card(service, tools.Party("police").card).party == "police"
        with pytest.raises(InputError, match="not a party of any version"):
            register_card(service, tools.Party("fire").card)
    finally:
        service.close()


def test_the_doctor_finds_a_setting_that_nothing_reads(ready, monkeypatch):
    monkeypatch.setenv("KINLINK_STEP_UP_ACRS", "phr")
    monkeypatch.setenv("KINLINK_STEP_UP_SECONDS", "60")
    (found,) = [item for item in examine(ready) if item.what == "settings"]
    assert (found.state, "KINLINK_STEP_UP_ACRS" in found.detail) == ("warning", True)
    assert "phr" not in found.detail
    assert "SECONDS" not in found.detail


def test_a_setting_that_cannot_be_read_is_named_with_what_is_expected(tmp_path, monkeypatch):
    monkeypatch.setenv("KINLINK_PORT", "abc-93")
    with pytest.raises(InputError, match=r"`KINLINK_PORT` \(input should be a valid integer\)") as found:
        load_settings(tmp_path)
    assert "abc-93" not in str(found.value)
