"""People sign in at a real OpenID provider, hold the offices it vouches for, and are asked again before they approve."""

import re
import subprocess
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from api import guards
from api.app import create_app
from api.guards import Guard, person
from api.oidc import require_encrypted
from api.people import acting, offices_of, roles_of
from protocols.errors import InputError
from protocols.lifecycle import Office

BASE = "https://kinlink.test"


@pytest.fixture
def offered(site, provider, monkeypatch):
    """The site with an identity provider, as browsers reach it, and with a route that asks for a fresh sign-in."""
    change = {"oidc_issuer": provider, "oidc_client_id": "kinlink", "public_url": BASE, "tls_at_proxy": True}
    site.service.settings = site.settings = site.settings.model_copy(update=change)
    app = create_app(site.service)
    router = APIRouter()

    @router.post("/v1/approve", status_code=204)
    def approve(request: guards.Request) -> None:
        acting(person(request), "police", Office.SENIOR_RISK_OWNER)

    @router.post("/v1/stop", status_code=204)
    def stop(request: guards.Request) -> None:
        person(request)

    app.include_router(router)
    monkeypatch.setitem(guards.ROUTES, ("POST", "/v1/approve"), Guard.APPROVE)
    monkeypatch.setitem(guards.ROUTES, ("POST", "/v1/stop"), Guard.OFFICE)
    site.http.app = app
    return site


class Browser:
    """A browser: the cookies it has here, and those it has at the provider."""

    def __init__(self, site, person):
        self.here = TestClient(
            site.http.app,
            base_url=BASE,
            raise_server_exceptions=False,
            headers={"Origin": BASE},
            follow_redirects=False,
        )
        self.there = httpx2.Client(headers={"x-person": person}, trust_env=False)

    def go(self, path="/v1/sign-in"):
        """As far as the way back from the provider, which is not yet taken."""
        answer = self.here.get(path)
        assert answer.status_code == 303, answer.text
        asked = {name: value[0] for name, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        place = answer.headers["location"]
        for _ in range(8):
            answer = self.there.get(place)
            place = str(httpx2.URL(place).join(answer.headers["location"]))
            if place.startswith(BASE):
                return place.removeprefix(BASE), asked
        raise AssertionError("the provider sent us round in circles")

    def sign_in(self, path="/v1/sign-in"):
        back, _ = self.go(path)
        answer = self.here.get(back)
        assert answer.status_code == 303, answer.text
        return answer

    def close(self):
        self.there.close()


@pytest.fixture
def browser(offered):
    opened = []

    def make(person):
        opened.append(Browser(offered, person))
        return opened[-1]

    yield make
    for item in opened:
        item.close()


def test_somebody_signs_in_with_the_offices_that_the_provider_vouches_for(offered, browser, tools):
    dpo = browser("dpo-1")
    back, asked = dpo.go("/v1/sign-in?return_to=/v1/sessions")
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["nonce"]
    answer = dpo.here.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/sessions")
    cookie = next(item for item in answer.headers.get_list("set-cookie") if item.startswith("__Host-kinlink-session="))
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    me = dpo.here.get("/v1/me").json()
    assert (me["person"], me["offices"]) == ("dpo-1", ["police:data-protection-officer"])
    event = tools.events(offered, "person:session:opened")[-1]
    assert event.facts["offices"] == ("police:data-protection-officer",)
    assert "dpo-1" not in str(event)


def test_a_machine_without_node_uses_the_wheels(monkeypatch, tools):
    monkeypatch.setattr("shutil.which", lambda name: None)
    node, npm, environment = tools.node_and_npm()
    for words in ([node, "--version"], [*npm, "--version"]):
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert re.match(r"v?[0-9]+[.]", done.stdout)


def test_a_client_with_a_secret_signs_in_too(offered, browser, tmp_path):
    (tmp_path / "secret").write_text("a secret of the tests, long enough\n")
    change = {"oidc_client_id": "kinlink-secret", "oidc_client_secret_file": tmp_path / "secret"}
    offered.service.settings = offered.settings.model_copy(update=change)
    assert browser("siro-1").sign_in().status_code == 303


def test_whoever_signs_in_anew_leaves_no_session_behind(offered, browser):
    """A session that somebody else had set in this browser would go on, unseen, beside the new one."""
    dpo = browser("dpo-1")
    dpo.sign_in()
    first = dict(dpo.here.cookies)
    dpo.sign_in()
    with offered.service.store.reading() as tx:
        assert len(tx.people.sessions("dpo-1")) == 1
    dpo.here.cookies.clear()
    dpo.here.cookies.update(first)
    assert dpo.here.get("/v1/me").status_code == 401


def test_the_way_back_works_once_and_in_its_own_browser(offered, browser):
    dpo, thief = browser("dpo-1"), browser("siro-1")
    back, _ = dpo.go()
    for_thief, _ = thief.go()
    assert thief.here.get(back).json()["type"] == "urn:kinlink:problem:sign-in"
    assert dpo.here.get(back).status_code == 401, "the state was used up by the attempt"
    assert dpo.here.get(for_thief).status_code == 401
    assert dpo.here.get("/v1/me").status_code == 401
    assert dpo.here.get("/v1/sign-in/callback?state=unknown&code=x").status_code == 401


@pytest.mark.parametrize("bent", ["nonce", "verifier", "audience", "issuer"])
def test_what_does_not_fit_the_request_is_not_believed(offered, browser, tools, bent):
    from sqlalchemy import update

    from api.store.tables_people import SignInRow

    dpo = browser("dpo-1")
    back, _ = dpo.go()
    if bent in ("nonce", "verifier"):
        with offered.service.store.writing() as tx:
            tx.session.execute(update(SignInRow).values({bent: "x" * 50}))
    elif bent == "issuer":
        back = back.replace("iss=http", "iss=https")
    else:
        offered.service.settings = offered.settings.model_copy(update={"oidc_client_id": "another"})
        offered.service._provider = None
    answer = dpo.here.get(back)
    assert answer.status_code == 401
    assert dpo.here.get("/v1/me").status_code == 401
    assert tools.events(offered, "person:session:refused")


def test_whom_the_provider_turns_away_is_not_let_in(offered, browser):
    stranger = browser("nobody-knows-them")
    back, _ = stranger.go()
    assert "error=access_denied" in back
    answer = stranger.here.get(back)
    assert answer.status_code == 401
    assert "nobody-knows-them" not in answer.text


def test_an_approval_asks_who_you_are_again_and_a_stop_does_not(offered, browser, monkeypatch):
    offered.service.settings = offered.settings.model_copy(update={"step_up_acr": "two-factors"})
    siro = browser("siro-1")
    siro.sign_in()
    assert siro.here.post("/v1/stop").status_code == 204
    refused = siro.here.post("/v1/approve")
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:kinlink:problem:step-up")
    assert "insufficient_user_authentication" in refused.headers["www-authenticate"]
    before = siro.here.get("/v1/me").json()["session"]
    back, asked = siro.go("/v1/sign-in?again=true")
    assert (asked["prompt"], asked["max_age"], asked["acr_values"]) == ("login", "0", "two-factors")
    assert siro.here.get(back).status_code == 303
    assert siro.here.get("/v1/me").json()["session"] != before
    assert siro.here.post("/v1/approve").status_code == 204
    later = offered.service.now() + timedelta(minutes=6)
    monkeypatch.setattr(offered.service.store, "clock", lambda: later)
    assert siro.here.post("/v1/approve").json()["type"] == "urn:kinlink:problem:step-up"
    assert siro.here.post("/v1/stop").status_code == 204


def test_an_office_is_held_at_an_agency_and_not_elsewhere(offered, browser):
    dpo, worker = browser("dpo-1"), browser("worker-1")
    dpo.sign_in()
    worker.sign_in()
    assert dpo.here.post("/v1/approve").json()["type"] == "urn:kinlink:problem:scope"
    assert worker.here.post("/v1/stop").json()["type"] == "urn:kinlink:problem:scope"
    assert worker.here.get("/v1/me").json()["offices"] == []


def test_sessions_are_listed_and_ended(offered, browser):
    first, second, operator = browser("dpo-1"), browser("dpo-1"), browser("operator-1")
    for item in (first, second, operator):
        item.sign_in()
    own = first.here.get("/v1/sessions").json()
    assert {item["person"] for item in own} == {"dpo-1"}
    assert len(own) == 2
    assert len(operator.here.get("/v1/sessions").json()) == 3
    other = second.here.get("/v1/me").json()["session"]
    theirs = operator.here.get("/v1/me").json()["session"]
    assert first.here.delete(f"/v1/sessions/{theirs}").status_code == 404, "nobody ends another's, or learns that it is"
    assert first.here.delete(f"/v1/sessions/{other}").status_code == 204
    assert second.here.get("/v1/me").status_code == 401
    mine = first.here.get("/v1/me").json()["session"]
    assert operator.here.delete(f"/v1/sessions/{mine}").status_code == 204
    assert first.here.get("/v1/me").status_code == 401
    assert operator.here.post("/v1/sign-out").status_code == 204
    assert operator.here.get("/v1/me").status_code == 401


def test_a_session_ends_when_it_is_unused_and_at_the_latest_after_a_working_day(offered, browser, monkeypatch):
    start = offered.service.now()
    idle, busy = browser("dpo-1"), browser("siro-1")
    idle.sign_in()
    busy.sign_in()

    def at(minutes):
        monkeypatch.setattr(offered.service.store, "clock", lambda: start + timedelta(minutes=minutes))

    at(29)
    assert idle.here.get("/v1/me").status_code == 200
    for minutes in range(29, 8 * 60, 25):
        at(minutes)
        assert busy.here.get("/v1/me").status_code == 200, minutes
    assert idle.here.get("/v1/me").status_code == 401
    at(8 * 60 + 1)
    assert busy.here.get("/v1/me").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.test"},
        {"Origin": "null"},
        {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ""},
    ],
)
def test_another_sites_page_changes_nothing(offered, browser, headers):
    dpo = browser("dpo-1")
    dpo.sign_in()
    assert dpo.here.post("/v1/stop", headers=headers).json()["type"] == "urn:kinlink:problem:scope"
    assert dpo.here.post("/v1/stop").status_code == 204


@pytest.mark.parametrize("place", ["https://elsewhere.test", "//elsewhere.test", "/\\elsewhere.test", "elsewhere"])
def test_the_way_back_leads_nowhere_else(offered, place):
    answer = offered.http.get("/v1/sign-in", params={"return_to": place}, follow_redirects=False)
    assert answer.status_code == 422


def test_sessions_are_kept_as_hashes_only(offered, browser):
    dpo = browser("dpo-1")
    dpo.sign_in()
    text = dpo.here.cookies["__Host-kinlink-session"]
    for path in offered.settings.data_dir.rglob("*"):
        if path.is_file():
            assert text.encode() not in path.read_bytes()


def test_a_provider_that_is_not_there_is_said(offered):
    offered.service.settings = offered.settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:1"})
    offered.service._provider = None
    answer = offered.http.get("/v1/sign-in", follow_redirects=False)
    assert answer.status_code == 503
    offered.service.settings = offered.settings.model_copy(update={"oidc_issuer": None})
    offered.service._provider = None
    assert "No identity provider" in offered.http.get("/v1/sign-in", follow_redirects=False).json()["detail"]


def test_no_request_carries_an_address_to_call(offered):
    text = str(offered.http.get("/v1/openapi.json").json())
    assert "'format': 'uri'" not in text
    asked = ("callback_url", "webhook", "redirect_uri", "'url'", "endpoint")
    assert not [name for name in asked if name in text]


@pytest.mark.parametrize("address", ["http://login.example/x", "ftp://login.example", "file:///etc/passwd", "login"])
def test_addresses_in_clear_are_not_called(address):
    with pytest.raises(InputError, match="not an https address"):
        require_encrypted(address, "jwks_uri")
    require_encrypted("https://login.example/x", "jwks_uri")
    require_encrypted("http://127.0.0.1:9/x", "jwks_uri")


def test_the_councils_officer_asks_the_questions_and_others_do_not(linked):
    linked.ask("WB-20001")
    council = linked.sign_in("dpo-9", ["social_care:data-protection-officer"])
    assert council.get("/v1/audit/families/WB-20001").status_code == 200
    police = linked.sign_in("dpo-1", ["police:data-protection-officer"])
    assert police.get("/v1/audit/families/WB-20001").status_code == 403


def test_a_link_signs_in_once_and_in_a_demo_only(site):
    client = site.sign_in("dpo-1", ["police:data-protection-officer"])
    assert client.get("/v1/me").json()["offices"] == ["police:data-protection-officer"]
    assert site.http.get("/v1/sign-in/link?token=unknown").status_code == 401
    site.service.settings = site.settings.model_copy(update={"mode": "production"})
    assert site.http.get("/v1/sign-in/link?token=unknown").status_code == 404


def test_roles_that_are_no_office_are_left_out():
    found = offices_of(["police:data-protection-officer", "operator", "police:operator", "admin", 7, "x:y", "a b:c"])
    assert roles_of(found) == ["operator", "police:data-protection-officer"]
    assert offices_of(None) == frozenset()
