"""An agency's record of processing names whom to write to, or says that it does not know."""

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from api.cli import service_app
from api.contacts import set_contacts
from api.fsck import check_store
from api.identity import Contacts
from protocols.errors import InputError

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
CONTROLLER, OFFICER = "information.governance@police.example", "dpo@police.example"


def record(site, agency="police"):
    answer = site.officer().get(f"/v1/audit/agencies/{agency}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@BOTH
def test_the_record_names_the_controller_s_and_the_officer_s_mailbox(site, tools):
    assert record(site)["controller_contact"].startswith("MISSING")
    assert record(site)["data_protection_officer"].startswith("MISSING")
    set_contacts(site.service, "operator", "police", Contacts(controller=CONTROLLER))
    assert record(site)["data_protection_officer"].startswith("MISSING")
    set_contacts(site.service, "operator", "police", Contacts(officer=OFFICER))
    set_contacts(site.service, "operator", "police", Contacts())
    found = record(site)
    assert (found["controller_contact"], found["data_protection_officer"]) == (CONTROLLER, OFFICER)
    assert record(site, "health")["controller_contact"].startswith("MISSING")
    said = [dict(entry.facts) for entry in tools.events(site, "client:contacts:set")]
    assert said == [
        {"client": "police", "controller": CONTROLLER},
        {"client": "police", "controller": CONTROLLER, "officer": OFFICER},
    ]
    tools.verified(site)


@BOTH
def test_contacts_that_were_altered_or_are_not_on_record_are_named(site):
    set_contacts(site.service, "operator", "police", Contacts(officer=OFFICER))

    def findings(statement):
        with site.service.store.engine.begin() as connection:
            connection.execute(text(statement))
        with site.service.store.reading() as tx:
            return list(check_store(tx.session, tx, None))

    altered = findings("UPDATE clients SET officer = 'else@where.example' WHERE client = 'police'")
    assert any("contacts of `police`" in item and "officer" in item for item in altered)
    unsaid = findings("UPDATE clients SET controller = 'else@where.example' WHERE client = 'health'")
    assert "the contacts of `health` has no entry" in unsaid


@pytest.mark.parametrize("wrong", ["Anna Example", "a@b", "A@police.example", f"{'a' * 120}@police.example", "x@y.z\n"])
def test_what_is_no_mailbox_is_refused_and_not_repeated(site, wrong):
    with pytest.raises(InputError, match="mailbox") as problem:
        set_contacts(site.service, "operator", "police", Contacts(officer=wrong))
    assert wrong not in str(problem.value)


@pytest.mark.parametrize("nobody", ["nobody", "workbook", "operator"])
def test_only_an_agency_has_contacts(site, nobody):
    with pytest.raises(InputError, match="not registered"):
        set_contacts(site.service, "operator", nobody, Contacts(officer=OFFICER))


def test_the_same_by_command(site):
    words = ["contacts", "police", "--data", str(site.settings.data_dir)]
    told = CliRunner().invoke(service_app, [*words, "--officer", OFFICER])
    assert told.output == f"police: controller not given, officer {OFFICER}.\n"
    assert CliRunner().invoke(service_app, words).output == told.output
