"""Every route is in the table of guards, and every guard lets through exactly whom it names."""

import re
from datetime import timedelta

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from sqlalchemy import update

from api.guards import QUESTION, ROUTES, Guard
from api.store.tables_people import PersonSessionRow
from protocols.identity import WORKER_HEADER

PEOPLE = (Guard.PERSON, Guard.OFFICE, Guard.APPROVE, Guard.AUDIT)
PARTIES = ("social_care", "police", "workbook", "operator")
ALLOWED = {
    Guard.CLIENT: set(PARTIES),
    Guard.SUBMIT: {"social_care", "police"},
    Guard.DECLARE: {"social_care"},
    Guard.QUERY: {"workbook"},
    Guard.OPERATE: {"operator"},
    Guard.START: {"operator", "social_care"},
    Guard.CHALLENGE: {"workbook", "social_care", "police"},
    Guard.AGREE: {"operator", "social_care", "police"},
    Guard.READ: set(PARTIES),
}
EXAMPLES = {
    "digest": "0" * 64,
    "session": "ses-" + "0" * 16,
    "upload_id": "up-" + "0" * 24,
    "submission_id": "sub-" + "0" * 24,
    "run_id": "run-" + "0" * 16,
    "rehearsal_id": "reh-" + "0" * 16,
    "family_ref": "WB-1",
    "number": "1",
    "challenge_id": "chl-" + "0" * 16,
    "recall_id": "rcl-" + "0" * 16,
    "access_id": "bgl-" + "0" * 16,
    "alert_id": "alr-" + "0" * 16,
    "worker": "w-1",
    "day": "2026-01-01",
    "agency": "police",
    "record_ref": "POLREF0001",
    "link_id": "lnk-" + "0" * 24,
    "decision_id": "prf-" + "0" * 20 + ".00.00.000",
}


def every_route(routes):
    """Routes as they are, also those of routers that the application keeps as they were included."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from every_route(inner.routes)


def routes(app):
    return {(method, route.path) for route in every_route(app.routes) for method in route.methods}


def address(path):
    return re.sub(r"\{(\w+)\}", lambda found: EXAMPLES.get(found[1], "x" * 8), path)


def test_every_route_has_a_guard_and_every_guard_a_route(shared_site):
    assert routes(shared_site.http.app) == set(ROUTES)


def test_nothing_but_guarded_routes_answers(shared_site):
    assert not [route for route in every_route(shared_site.http.app.routes) if not isinstance(route, APIRoute)]
    assert shared_site.http.get("/docs").status_code == 404


def test_a_route_without_a_guard_answers_nobody(site):
    router = APIRouter()
    router.add_api_route("/v1/forgotten", lambda: {"secret": 1}, methods=["GET"])
    site.http.app.include_router(router)
    answer = site.call("operator", "GET", "/v1/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


@pytest.mark.parametrize("method_path", sorted(ROUTES), ids=" ".join)
def test_each_route_lets_through_whom_its_guard_names(shared_site, method_path):
    method, path = method_path
    guard = ROUTES[method_path]
    if guard in PEOPLE:
        check_people(shared_site, signed_in(shared_site), method, address(path), guard)
        return
    if guard is Guard.OPEN:
        assert shared_site.http.request(method, address(path)).status_code not in (401, 403)
        return
    assert shared_site.http.request(method, address(path)).status_code == 401
    if guard is Guard.METRICS:
        assert {shared_site.call(party, method, path).status_code for party in PARTIES} == {401}
        return
    for party in PARTIES:
        answer = shared_site.call(party, method, address(path))
        if party in ALLOWED[guard]:
            assert answer.status_code not in (401, 500), (party, answer.text)
            assert "does not allow" not in answer.text
        else:
            assert answer.status_code == 403, (party, answer.text)
            assert answer.json()["type"] == "urn:kinlink:problem:scope"


def test_a_whole_question_is_let_in_only_for_the_workbook(shared_site):
    method, path = QUESTION
    told = {WORKER_HEADER: "no.assertion.at-all"}
    for party in PARTIES:
        answer = shared_site.call(party, method, address(path), headers=told)
        problem = "key" if party in ALLOWED[ROUTES[QUESTION]] else "scope"
        assert answer.json()["type"] == f"urn:kinlink:problem:{problem}", party
    for credential in ({}, {"Authorization": "Bearer unknown"}, {"Authorization": "Basic unknown"}):
        answer = shared_site.http.request(method, address(path), headers=told | credential)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:kinlink:problem:key")


def signed_in(shared_site):
    """One without an office, one with, one whose sign-in is not recent any more."""
    found = {
        "nobody": shared_site.sign_in("worker-1", []),
        "officer": shared_site.sign_in("dpo-1", ["police:data-protection-officer"]),
        "council": shared_site.sign_in("dpo-2", ["social_care:data-protection-officer"]),
        "earlier": shared_site.sign_in("siro-1", ["police:senior-risk-owner"]),
    }
    with shared_site.service.store.writing() as tx:
        tx.session.execute(
            update(PersonSessionRow)
            .where(PersonSessionRow.person == "siro-1")
            .values(authenticated_at=shared_site.service.now() - timedelta(hours=1))
        )
    return found


def check_people(site, people, method, path, guard):
    assert site.http.request(method, path).json()["type"] == "urn:kinlink:problem:sign-in"
    for party in PARTIES:
        assert site.call(party, method, path).status_code == 401, party
    kinds = {}
    for name in ("nobody", "earlier"):
        answer = people[name].request(method, path)
        kinds[name] = answer.json()["type"] if answer.status_code >= 400 else None
    office = "urn:kinlink:problem:scope"
    assert (kinds["nobody"] == office) is (guard is not Guard.PERSON)
    assert (kinds["earlier"] == "urn:kinlink:problem:step-up") is (guard is Guard.APPROVE)
    for name in ("officer", "council"):
        let_in = people[name].request(method, path).status_code not in (401, 403, 500)
        assert let_in is (guard is not Guard.AUDIT or name == "council"), name


def test_every_answer_has_the_same_security_headers(shared_site):
    for answer in [
        shared_site.http.get("/v1/service"),
        shared_site.http.get("/v1/submissions"),
        shared_site.http.get("/none"),
    ]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "server" not in answer.headers


def test_counts_are_for_whoever_holds_the_metrics_token(shared_site):
    """What is counted tells that somebody uploaded something: no agency may see it, nor anybody without a credential."""
    token = shared_site.settings.folder.metrics_token
    assert token.stat().st_mode & 0o077 == 0
    shown = shared_site.http.get("/metrics", headers={"Authorization": f"Bearer {token.read_text()}"})
    assert shown.status_code == 200
    assert "kinlink_audit_entries" in shown.text
    wrong = shared_site.http.get("/metrics", headers={"Authorization": "Bearer guessed"})
    assert (wrong.status_code, "kinlink_" in wrong.text) == (401, False)


def test_words_that_are_no_method_are_counted_as_one(site, logs):
    """Whoever sends them needs no credential: each would be one more line of the metrics, for ever, and a word in the log."""
    for word in ("SAMIRA", "HADDAD", "PROPFIND"):
        assert site.http.request(word, "/v1/service").status_code == 405
    counted = site.service.metrics.text().decode()
    assert counted.count("# TYPE kinlink_requests_total") == 1
    assert 'method="other"' in counted
    assert "SAMIRA" not in counted + logs.getvalue()


def test_problems_have_one_shape_and_no_value_in_them(site, logs):
    secret = "Samira Haddad 01/01/1991"
    for answer in [
        site.http.get(f"/v1/nothing/{secret}"),
        site.call("police", "POST", "/v1/uploads", json={"file_sha256": secret, "bytes": 1}),
        site.call(
            "police",
            "POST",
            "/v1/uploads",
            content=f'{{"{secret}'.encode(),
            headers={"Content-Type": "application/json"},
        ),
        site.call("police", "GET", f"/v1/uploads/{secret}"),
        site.call(
            "social_care", "PUT", "/v1/families/WB-1", json={"family_ref": "WB-1", "opened": secret, "members": []}
        ),
        site.call("workbook", "GET", "/v1/families/WB-1/profile", headers={"Kinlink-Worker": secret}),
    ]:
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert set(body) == {"type", "title", "status", "detail", "next_step", "instance"}
        assert body["status"] == answer.status_code
        assert "Samira" not in answer.text
    assert "Samira" not in logs.getvalue()


def test_a_fault_tells_nothing(site, logs, monkeypatch):
    monkeypatch.setattr("api.store.submissions.Submissions.submissions_of", lambda *_: 1 / 0)
    answer = site.call("police", "GET", "/v1/submissions")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "The service made a mistake; nothing was changed."
    assert "division" not in answer.text + logs.getvalue()
    assert '"error": "ZeroDivisionError"' in logs.getvalue()


def test_a_body_that_is_no_text_is_malformed_like_any_other(shared_site):
    answer = shared_site.call(
        "police", "POST", "/v1/uploads", content=b"\xff\xfe", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_long_is_refused(shared_site):
    body = b'{"file_sha256": "' + b"0" * (2 << 20)
    answer = shared_site.call(
        "police", "POST", "/v1/uploads", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
