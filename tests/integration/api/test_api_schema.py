"""The API's description is true: whatever is sent, with or without a credential, the answer is one that is described."""

import itertools
import shutil

import hypothesis
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.service import open_service
from api.settings import load_settings

UNLIMITED = {"requests_per_client_minute": 1_000_000, "tokens_per_address_minute": 1_000_000}
PARTIES = ["social_care", "police", "workbook", "operator", "person", None]
# A request can be well formed and still be about nothing that is there, or about what this party may not say.
NOT_CHECKED = [positive_data_acceptance]


@pytest.fixture(scope="module")
def described(shared_site):
    shared_site.service.settings = shared_site.settings.model_copy(update=UNLIMITED)
    schema = schemathesis.openapi.from_dict(shared_site.http.get("/v1/openapi.json").json())
    schema.app = shared_site.http.app
    return shared_site, schema


def credential(site, party):
    """What a party sends with every request."""
    if party is None:
        return {}
    if party == "person":
        if "person" not in site.tokens:
            client = site.sign_in("siro-1", ["police:senior-risk-owner", "social_care:data-protection-officer"])
            site.tokens["person"] = client.cookies["kinlink-session"]
        return {"Cookie": f"kinlink-session={site.tokens['person']}", "Origin": "http://testserver"}
    return {"Authorization": f"Bearer {site.token(party)}"}


def judge(case, response):
    """Every check that there is. That something is not available is an answer like others: its form is described too."""
    excluded = [*NOT_CHECKED, not_a_server_error] if response.status_code == 503 else NOT_CHECKED
    case.validate_response(response, excluded_checks=excluded)


def explore(site, schema, party, examples):
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        )
        def check(case):
            judge(case, case.call(headers=credential(site, party)))

        check()
        site.tokens.pop("person", None)  # it may have signed out


@pytest.mark.parametrize("party", PARTIES, ids=str)
def test_every_answer_is_described(described, party):
    explore(*described, party, examples=2)


@pytest.mark.slow
@pytest.mark.parametrize("party", PARTIES, ids=str)
def test_every_answer_is_described_at_length(described, party):
    explore(*described, party, examples=60)


@pytest.mark.slow
def test_what_follows_from_an_answer_is_described_too(described, tmp_path):
    site, schema = described
    before, numbers = site.service, itertools.count()
    shutil.copytree(site.settings.data_dir, tmp_path / "start")

    class Follow(schema.as_state_machine()):
        def setup(self):
            """Every example begins in the same state: a copy of the service's folder."""
            folder = tmp_path / str(next(numbers))
            shutil.copytree(tmp_path / "start", folder)
            service = open_service(load_settings(folder, **UNLIMITED))
            site.service = site.http.app.state.service = service
            site.settings, site.tokens = service.settings, {}

        def teardown(self):
            site.service.close()
            site.service = site.http.app.state.service = before
            site.settings, site.tokens = before.settings, {}

        def get_call_kwargs(self, case):
            party = {"/v1/uploads": "police", "/v1/runs": "operator", "/v1/break-glass": "workbook"}
            wanted = next((name for path, name in party.items() if case.path.startswith(path)), "social_care")
            return {"headers": credential(site, wanted)}

        def validate_response(self, response, case, **given):
            judge(case, response)

    run_state_machine_as_test(
        Follow,
        settings=settings(
            max_examples=20,
            stateful_step_count=6,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_every_route_has_a_description_and_its_problems(described):
    _, schema = described
    for path, operations in schema.raw_schema["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation.get("description"), (method, path)
            assert len(operation["responses"]) > 1 or path == "/health/live", (method, path)


def test_fields_and_parameters_have_examples_that_fit(described):
    _, schema = described
    document = schema.raw_schema
    fields = [
        (place, name, field)
        for place, item in document["components"]["schemas"].items()
        for name, field in item.get("properties", {}).items()
    ]
    fields += [
        (f"{method} {path}", parameter["name"], parameter["schema"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for parameter in operation.get("parameters", ())
    ]
    plain = [(place, name, field) for place, name, field in fields if "$ref" not in str(field)]
    assert len(plain) > 150
    without = [(place, name) for place, name, field in plain if "examples" not in field]
    assert len(without) < len(plain) / 20, without
    for _, _, field in plain:
        for example in field.get("examples", ()):
            jsonschema_rs.validate({key: value for key, value in field.items() if key != "examples"}, example)
