"""The gate's commands do what its routes do: canaries that raise alarms, a pass that lets one batch through, all on record."""

import numpy as np
import pytest
from typer.testing import CliRunner

from api.batch_gate import tell
from api.cli import service_app
from protocols.errors import InputError

RUN = CliRunner()
REASON = "Two agencies merged on 1 November; agreed with both officers."


@pytest.fixture
def run(request):
    """Run a command on the data folder of the test's site."""

    def command(site, *words, given=None):
        return RUN.invoke(service_app, [*words, "--data", str(site.settings.data_dir)], input=given)

    return command


def test_canaries_of_the_command_line_raise_the_alarm(linked, tools, run, tmp_path):
    refs = ["SOCREF003M", "SOCREF003F", "SOCREF003C"]
    file = tmp_path / "canaries.txt"
    file.write_text("\n".join([*refs, refs[0], ""]) + "\n")
    done = run(linked, "canary", "add", "social_care", "--refs", str(file))
    assert done.exit_code == 0, done.output
    assert "3 canaries noted; social_care has 3." in done.output
    assert not any(ref in done.output for ref in refs)
    listed = run(linked, "canary", "list")
    assert "social_care" in listed.output
    assert not any(ref in listed.output for ref in refs)
    assert linked.call("operator", "GET", "/v1/canaries").json() == {"canaries": {"social_care": 3}}
    (event,) = tools.events(linked, "canary:records:planted")
    assert event.facts == {"agency": "social_care", "records": 3}
    tools.link(linked)
    assert tools.events(linked, "canary:link:found")
    tools.verified(linked)


def test_canaries_come_from_standard_input_too(site, run):
    assert run(site, "canary", "add", "police", "--refs", "-", given="POLREF0001\nPOLREF0002\n").exit_code == 0
    assert site.call("operator", "GET", "/v1/canaries").json() == {"canaries": {"police": 2}}


@pytest.mark.parametrize("text", ["", "POLREF0001\nMary Smith, 3 High St\n"])
def test_what_is_no_list_of_references_is_refused_whole(site, run, tmp_path, text):
    file = tmp_path / "canaries.txt"
    file.write_text(text)
    refused = run(site, "canary", "add", "police", "--refs", str(file))
    assert isinstance(refused.exception, InputError)
    assert "Mary" not in str(refused.exception)
    assert site.call("operator", "GET", "/v1/canaries").json() == {"canaries": {}}


def test_an_agency_that_there_is_not_has_neither_canaries_nor_a_pass(site, run):
    for words in (("canary", "add", "x_y", "--refs", "-"), ("gate-pass", "x_y", "--reason", REASON)):
        refused = run(site, *words, given="POLREF0001\n")
        assert isinstance(refused.exception, InputError)
        assert "no such agency" in str(refused.exception)


def test_a_pass_lets_one_batch_through_and_both_officers_are_told(site, tools, run):
    people = [tools.Person(f"POLREF{i:04d}", [tools.clk(i)], groups=[f"case-{i // 3}"]) for i in range(30)]
    site.submit("police", site.submission("police", people))
    bits = np.unpackbits(people[0].clks[0])
    bits[3] ^= 1
    changed = [tools.Person(people[0].ref, [np.packbits(bits)], groups=people[0].groups), *people[1:]]
    assert site.submit("police", site.submission("police", changed)).status_code == 422
    short = run(site, "gate-pass", "police", "--reason", "because")
    assert isinstance(short.exception, InputError)
    assert "20 to 500" in str(short.exception)
    done = run(site, "gate-pass", "police", "--reason", REASON)
    assert done.exit_code == 0, done.output
    for officer in ("police", "social_care", "operator"):
        assert "gate-pass:police" in [item["about"] for item in site.call(officer, "GET", "/v1/alerts").json()]
    assert site.submit("police", site.submission("police", changed)).status_code == 201
    (event,) = tools.events(site, "submission:gate-pass:granted")
    assert event.actor == "operator"
    tools.verified(site)


def test_what_the_operator_should_look_at_is_shown_until_it_was_looked_at(site, run):
    with site.service.store.writing() as tx:
        tell(tx, "operator", "job-given-up:job-1", site.service.now())
        tell(tx, "police", "gate-pass:police", site.service.now())
    shown = run(site, "alerts")
    assert shown.exit_code == 0, shown.output
    assert "gave a job up" in shown.output
    assert "gate" not in shown.output
    assert "nothing to look at" in run(site, "alerts", "--seen", shown.output.split()[0]).output
    assert isinstance(run(site, "alerts", "--seen", "alr-x").exception, InputError)
