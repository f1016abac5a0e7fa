"""A machine gets a token for its own signed, single-use credential, and for nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from api.admin import register_card, retire_key, revoke_client
from api.serve import _config as server_config
from protocols.errors import InputError
from protocols.identity import ASSERTION_TYPE, WORKER_HEADER, make_client_assertion, make_worker_assertion
from protocols.signing import Card, SigningKey, decode_base64url, sign_card
from protocols.vocabulary import Purpose, RoleFunction

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


def assertion(site, party, **given):
    return make_client_assertion(party, site.settings.audience, site.parties[party].signing, **given)


@BOTH
def test_a_token_names_what_it_allows_and_ends_soon(site):
    answer = site.ask_token("police").json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 300)
    assert answer["scope"].split() == ["submit:police", "review:police"]
    assert site.ask_token("social_care").json()["scope"].split()[-1] == "declare"
    assert site.ask_token("workbook").json()["scope"] == "query"
    assert site.ask_token("operator").json()["scope"] == "operate"
    assert site.ask_token("police", scope="submit:police").json()["scope"] == "submit:police"


@BOTH
def test_a_credential_works_once(site, tools):
    credential = assertion(site, "police")
    assert site.ask_token("police", assertion=credential).status_code == 200
    replayed = site.ask_token("police", assertion=credential)
    assert replayed.status_code == 401
    assert "used before" in replayed.json()["detail"]
    assert tools.events(site, "client:token:refused")[-1].actor == "police"


def test_credentials_that_are_not_the_partys_are_refused(site):
    police, now = site.parties["police"].signing, datetime.now(UTC)
    cases = {
        "not registered for this party": make_client_assertion("police", "kinlink", site.parties["health"].signing),
        "another service": make_client_assertion("police", "elsewhere", police),
        "expired": assertion(site, "police", now=now - timedelta(minutes=10)),
        "from the future": assertion(site, "police", now=now + timedelta(minutes=10)),
        "not one of a party": make_client_assertion("nobody", "kinlink", police),
        "malformed": "a.b.c",
    }
    for what, credential in cases.items():
        answer = site.ask_token("police", assertion=credential)
        assert answer.status_code == 401, what
        assert what in answer.json()["detail"], answer.json()["detail"]
        assert answer.headers["www-authenticate"] == "Bearer"
    unknown_key = site.ask_token("police", key=SigningKey.generate())
    assert unknown_key.status_code == 401


def test_a_scope_that_is_not_the_partys_is_refused(site):
    for scope in ["declare", "submit:health", "operate", "query submit:police"]:
        answer = site.ask_token("police", scope=scope)
        assert answer.status_code == 401
        assert scope not in answer.json()["detail"]


def test_the_form_is_checked(site):
    good = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion(site, "police"),
    }
    for name, value in [("grant_type", "password"), ("client_assertion_type", "x"), ("client_assertion", "x" * 5000)]:
        assert site.http.post("/v1/token", data=good | {name: value}).status_code == 422
    assert site.http.post("/v1/token", json=good).status_code == 422
    binary = site.http.post(
        "/v1/token", content=b"\xff\xfe=1", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert binary.status_code == 422


def test_tokens_are_kept_as_hashes_only(site):
    token = site.token("police")
    files = [path for path in site.settings.data_dir.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if token.encode() in path.read_bytes()]


def test_an_unknown_or_missing_token_is_refused(site):
    for headers in [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
    ]:
        assert site.http.get("/v1/submissions", headers=headers).status_code == 401


def test_a_token_ends(site, monkeypatch):
    token = site.token("police")
    later = datetime.now(UTC) + timedelta(minutes=6)
    monkeypatch.setattr(site.service.store, "clock", lambda: later)
    answer = site.http.get("/v1/submissions", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


@BOTH
def test_revocation_is_immediate_and_reversible_only_by_a_new_registration(site, tools):
    headers = {"Authorization": f"Bearer {site.token('police')}"}
    assert site.http.get("/v1/submissions", headers=headers).status_code == 200
    revoke_client(site.service, "police")
    assert site.http.get("/v1/submissions", headers=headers).status_code == 401
    assert site.ask_token("police").status_code == 401
    assert tools.events(site, "client:access:revoked")[0].facts == {"client": "police", "tokens": 1}
    stolen = site.parties["police"]
    with pytest.raises(InputError, match="registered before"):
        register_card(site.service, stolen.card)
    site.parties["police"] = tools.Party("police")
    register_card(site.service, site.parties["police"].card)
    assert site.ask_token("police").status_code == 200
    refused = site.ask_token("police", key=stolen.signing)
    assert refused.status_code == 401
    assert "retired key" in refused.json()["detail"]


def test_keys_rotate_with_an_overlap(site, tools):
    old = site.parties["police"]
    new = tools.Party("police", sealing=old.sealing)
    register_card(site.service, new.card)
    assert site.ask_token("police", key=old.signing).status_code == 200
    token = site.ask_token("police", key=old.signing).json()["access_token"]
    assert site.ask_token("police", key=new.signing).status_code == 200
    retire_key(site.service, old.signing.public.kid)
    refused = site.ask_token("police", key=old.signing)
    assert "retired key" in refused.json()["detail"]
    assert site.http.get("/v1/submissions", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert site.ask_token("police", key=new.signing).status_code == 200
    with pytest.raises(InputError, match="registered before"):
        register_card(site.service, old.card)
    with pytest.raises(InputError, match="not in use"):
        retire_key(site.service, old.signing.public.kid)


def test_cards_of_strangers_are_not_registered(site, tools):
    key = SigningKey.generate()
    sealing = tools.Party("x").sealing.public.text()

    def card(party, purpose):
        made = Card(party=party, purpose=purpose, signing_key=key.public.as_dict(), sealing_key=sealing)
        return sign_card(made, key)

    for party, purpose, what in [
        ("fire_brigade", "agency", "not a party"),
        ("police", "workbook", "expected `workbook`"),
        ("operator", "service", "not registered here"),
    ]:
        with pytest.raises(InputError, match=what):
            register_card(site.service, card(party, purpose))


def test_too_many_token_requests_are_slowed(tmp_path, protocol, tools):
    site = tools.make_site(tmp_path, protocol, tokens_per_address_minute=3)
    try:
        statuses = [site.ask_token("police").status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert site.ask_token("police").headers["retry-after"] == "60"
    finally:
        site.http.close()
        site.service.close()


@pytest.mark.parametrize(("at_proxy", "statuses"), [(True, [422, 422, 429, 422]), (False, [422, 422, 429, 429])])
def test_behind_a_proxy_each_caller_has_a_limit_of_its_own(tmp_path, protocol, tools, at_proxy, statuses):
    """Somebody without any credential must not use up everybody's sign-ins; nor escape the limit by a header of their own."""
    site = tools.make_site(tmp_path, protocol, tokens_per_address_minute=2, tls_at_proxy=at_proxy)
    config = server_config(site.service, site.settings)
    config.load()
    try:
        proxy, said = TestClient(config.loaded_app, client=("127.0.0.1", 50000)), []
        for address in ("198.51.100.7, 203.0.113.1", "203.0.113.1", "198.51.100.8, 203.0.113.1", "203.0.113.2"):
            form = {"data": {"grant_type": "none"}, "headers": {"X-Forwarded-For": address}}
            said.append(proxy.post("/v1/token", **form).status_code)
        assert said == statuses
    finally:
        site.http.close()
        site.service.close()


def test_a_client_that_floods_is_slowed(tmp_path, protocol, tools):
    site = tools.make_site(tmp_path, protocol, requests_per_client_minute=5)
    try:
        statuses = [site.call("police", "GET", "/v1/submissions").status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        assert site.call("health", "GET", "/v1/submissions").status_code == 200
    finally:
        site.http.close()
        site.service.close()


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@BOTH
@pytest.mark.parametrize("odd", ["pol\0ice", "\ud800", "x" * 5_000, "", ["police"], None, "POLICE "])
def test_what_no_database_would_store_is_malformed_like_anything_else(site, odd):
    """PostgreSQL stores no NUL: what claims to be from such a party, or signed with such a key, is no fault of the service."""
    claims, header = encoded({"sub": odd}), encoded({"alg": "EdDSA", "kid": odd})
    for credential in (f"e30.{claims}.x", f"{header}.{encoded({'sub': 'police'})}.x"):
        answer = site.ask_token("police", assertion=credential)
        assert answer.status_code in (401, 422), answer.text
        assert "malformed" in answer.json()["detail"]


@BOTH
def test_control_characters_are_refused_where_people_write(linked):
    signing, now = linked.parties["workbook"].signing, datetime.now(UTC)

    def asked(**odd):
        role, purpose = RoleFunction.SOCIAL_WORKER, Purpose.SAFEGUARDING
        made = make_worker_assertion("workbook", "w-1", role, purpose, "WB-20003", now, "session-1", signing)
        claims = json.loads(decode_base64url(made.split(".")[1]))
        return {WORKER_HEADER: signing.sign(json.dumps(claims | odd).encode(), typ="JWT")}

    assert linked.call("workbook", "GET", "/v1/families/WB-20003/profile", headers=asked()).status_code == 200
    for odd in ({"session": "a\0b"}, {"case": "a\0b"}):
        answer = linked.call("workbook", "GET", "/v1/families/WB-20003/profile", headers=asked(**odd))
        assert answer.status_code == 401, answer.text
    given = {
        "family_ref": "WB-20003",
        "reason": linked.protocol.document.break_glass.reasons[0],
        "explanation": "A child is\0 at risk now.",
        "manager": "w-boss",
    }
    assert linked.call("workbook", "POST", "/v1/break-glass", json=given, headers=asked()).status_code == 422
    merged = {"agency": "police", "reason": "Two agencies \0 merged in May."}
    assert linked.call("operator", "POST", "/v1/gate-passes", json=merged).status_code == 422
