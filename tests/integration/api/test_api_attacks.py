"""Attacks on the running service, each run for real: what the attacker learns without the gate, and with it.

The attacker holds the linkage secret (an agency does) and an accomplice who sees how many links a run made, or asks the Workbook.
"""

import json
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from agencies.encoding.harden import Hardening
from agencies.encoding.person import PersonEncoder
from agencies.encoding.schema import shipped_schema
from agencies.standardise.person import StandardPerson

TARGET = "SOCREF000M"
SECRET = bytes(range(32))


@pytest.fixture
def open_gate(monkeypatch):
    """The service as it would be without the gate."""

    def switch(on):
        if on:
            monkeypatch.undo()
        else:
            monkeypatch.setattr("api.receiving.examine", lambda *_: None)
            monkeypatch.setattr("api.receiving.check_pace", lambda *_: None)

    return switch


def flip(clk, places):
    bits = np.unpackbits(clk)
    bits[list(places)] ^= 1
    return np.packbits(bits)


class Oracle:
    """Children's social care as the attacker: its own encoding of one member changes, and the run's totals tell whether that linked."""

    def __init__(self, site, tools):
        self.site, self.tools = site, tools
        self.county, self.asked, self.refused = site.county, 0, 0
        self.own = next(person for person in self.county.social_care if person.ref == TARGET)
        # Alone in its family: nothing but its own encoding decides.
        self.county.police = [p for p in self.county.police if p.ref not in ("POLREF0001", "POLREF0002")]
        self.site.submit("police", self.site.submission("police", self.county.police))
        self.hidden = next(person for person in self.county.police if person.ref == "POLREF0000").clks[0]

    def links(self, clk):
        """Whether an encoding links to the hidden one; None if the gate refused."""
        self.asked += 1
        people = [p if p.ref != TARGET else replace(p, clks=[clk]) for p in self.county.social_care]
        answer = self.site.submit("social_care", self.site.submission("social_care", people, self.county.declared))
        if answer.status_code != 201:
            self.refused += 1
            return None
        run = self.tools.link(self.site)
        assert run["state"] == "completed", run
        return run["totals"]["police"].get("certain", 0)


def climb(oracle, bits=8):
    """Learn bits of the hidden encoding one by one; returns how many were learned right."""
    order = np.random.default_rng(5).permutation(1024)
    start, most = oracle.own.clks[0], None
    if (most := oracle.links(start)) is None:
        return 0
    low, high = 0, 400
    while high - low > 1:
        middle = (low + high) // 2
        found = oracle.links(flip(start, order[:middle]))
        if found is None:
            return 0
        low, high = (middle, high) if found == most else (low, middle)
    below = flip(start, order[:high])  # one bit short of a link
    right = 0
    for place in order[-bits:]:
        found = oracle.links(flip(below, [place]))
        if found is None:
            return right
        guess = np.unpackbits(below)[place] ^ (1 if found == most else 0)
        right += int(guess == np.unpackbits(oracle.hidden)[place])
    return right


def test_hill_climbing_reads_bits_without_the_gate_and_none_with_it(linked, tools, open_gate):
    oracle = Oracle(linked, tools)
    open_gate(False)
    right = climb(oracle)
    asked = oracle.asked
    assert right == 8, (right, asked)
    oracle.links(oracle.own.clks[0])
    open_gate(True)
    oracle.asked = 0
    learned = climb(oracle)
    print(f"oracle: {right} of 8 bits in {asked} questions; with the gate {learned} after {oracle.asked}")
    assert (learned, oracle.refused) == (0, 1)
    assert oracle.asked <= 10


def person(given, family, born, number=0):
    """A made-up person with an address."""
    return StandardPerson(
        given_name=given,
        family_name=family,
        date_of_birth=born,
        sex="mf"[number % 2],
        address=f"{number % 90 + 1} tannery way",
        postcode=f"SG99{number % 9 + 1}{chr(65 + number % 20)}{chr(65 + number // 20 % 20)}",
    )


class Named:
    """A county whose encodings are of made-up people: declared families, and a police force that knows none of their members."""

    def __init__(self, tools, families=60, strangers=700):
        rng = np.random.default_rng(11)
        parts = ["an", "bel", "cor", "dan", "el", "fen", "gor", "hal", "is", "jar", "kel", "lon", "mar", "ned", "or"]
        given, family = (["".join(pair) for pair in product(parts[start:], parts)] for start in (0, 4))

        def anybody(number, family_name=None, child=False):
            year = int(rng.integers(2010, 2025) if child else rng.integers(1960, 2000))
            born = f"{year}{rng.integers(1, 13):02}{rng.integers(1, 29):02}"
            return person(str(rng.choice(given)), family_name or str(rng.choice(family)), born, number)

        self.encode = PersonEncoder(shipped_schema("person"), Hardening("standard", 5), SECRET).encode
        self.members, self.refs, self.declared = [], [], []
        for number in range(families):
            name = str(rng.choice(family))
            refs = [f"SOCREF{number:03d}{letter}" for letter in "MFC"]
            self.members += [anybody(number, name, child=ref.endswith("C")) for ref in refs]
            self.refs += refs
            self.declared.append(tools.declaration(f"WB-{20000 + number}", *refs))
        self.strangers = [anybody(1000 + number) for number in range(strangers)]
        self.tools = tools
        clks = self.encode(self.members)
        self.social_care = [
            tools.Person(ref, [clks[i]], "CHILD" if ref.endswith("C") else "ADULT", [f"s{i // 3}"])
            for i, ref in enumerate(self.refs)
        ]
        self.police = self.records("POLREF", self.strangers)

    def records(self, prefix, people):
        """People as records of an agency, each in a group of their own."""
        clks = self.encode(people)
        return [self.tools.Person(f"{prefix}{i:05d}", [clks[i]], "ADULT", [f"{prefix}{i}"]) for i in range(len(people))]


def send(site, agency, people, declared=()):
    return site.submit(agency, site.submission(agency, people, declared))


def linked_members(site):
    """How many members police is linked to, of whatever grade: what the accomplice sees."""
    with site.service.store.reading() as tx:
        return {link.member_ref for link in tx.links.active("police")}


@pytest.fixture
def named(site, tools):
    county = Named(tools)
    assert send(site, "social_care", county.social_care, county.declared).status_code == 201
    assert send(site, "police", county.police).status_code == 201
    assert tools.link(site)["state"] == "completed"
    assert linked_members(site) == set()
    site.named = county
    return site


def test_a_dictionary_dump_finds_members_without_the_gate_and_none_with_it(named, tools, open_gate):
    """Police does not know when 60 of the people were born, and sends every one of 30 birthdays for each of them."""
    county = named.named
    wanted = county.members[::3]
    days = sorted({each.date_of_birth for each in county.strangers})[:29]
    dump = [replace(each, date_of_birth=day) for each in wanted for day in [each.date_of_birth, *days]]
    batch = [*county.police, *county.records("POLDMP", dump)]
    answer = send(named, "police", batch)
    assert answer.status_code == 422, answer.text
    assert "resemble each other as people do not" in answer.json()["detail"]
    tools.link(named)
    assert linked_members(named) == set()
    open_gate(False)
    assert send(named, "police", batch).status_code == 201
    tools.link(named)
    found = linked_members(named)
    print(f"dictionary dump of {len(dump)}: {len(found)} of {len(wanted)} members found without the gate, 0 with it")
    assert len(found) > 20


def test_a_probe_for_one_person_tells_its_sender_nothing_and_others_that_it_was_made(named, tools):
    """The gate cannot tell one honest record from one probe. What is left: the sender gets no answer, and others are told."""
    county = named.named
    member, nobody = county.members[0], person("zora", "quillfeather", "19910203", 77)
    answers, linked = [], []
    for probe in (nobody, member):
        before = send(named, "police", county.police)
        assert before.status_code == 201
        tools.link(named)
        taken = send(named, "police", [*county.police, *county.records("POLPRB", [probe])])
        assert taken.status_code == 201, taken.text
        tools.link(named)
        linked.append(len(linked_members(named)))
        answers.append(what_police_sees(named))
    print(f"probe: links made for a stranger {linked[0]}, for a member {linked[1]}; the sender's answers are the same")
    assert linked[0] == 0
    assert linked[1] >= 1
    assert answers[0] == answers[1]
    told = [item["about"] for item in named.call("operator", "GET", "/v1/alerts").json()]
    assert sum(about.startswith("few-new-records-linked") for about in told) == 1
    assert len(tools.events(named, "run:newest-batch:linked")) == 1


def test_a_difference_between_two_runs_is_seen_by_others_and_not_by_its_sender(named, tools):
    """Run with A, then with A and twenty more people, ten of them declared: the difference is logged link by link."""
    county = named.named
    added = [*county.members[:30:3], *(person(f"quill{n}", "feather", f"1990{n + 1:02}03", n) for n in range(10))]
    before = what_police_sees(named)
    send(named, "police", [*county.police, *county.records("POLDIF", added)])
    tools.link(named)
    found = linked_members(named)
    (event,) = tools.events(named, "run:newest-batch:linked")
    print(
        f"differencing: {len(found)} of 10 members linked, {len(event.facts['links'])} of them logged as the newest batch's"
    )
    assert len(event.facts["links"]) == len(found) >= 5
    assert what_police_sees(named) == before


def what_police_sees(site):
    """Every answer that police can get, without ids, times and digests: those differ from submission to submission."""
    seen = []
    for path in ("/v1/submissions", "/v1/alerts", "/v1/attack-overrides", "/v1/certificates"):
        text = site.call("police", "GET", path).text
        seen.append(
            sorted(set(re.findall(r'"(?:state|about|tests|reason)": ?"([^"]*)"', text)) - {"superseded", "purged"})
        )
    for path in ("/v1/runs", "/v1/changes", "/v1/families/WB-20000/profile", "/v1/audit/agencies/police"):
        seen.append(site.call("police", "GET", path).status_code)
    return seen


def test_canaries_catch_the_dump_that_gets_through(named, tools, open_gate):
    county = named.named
    planted = {"agency": "social_care", "record_refs": county.refs[:3]}
    assert named.call("operator", "POST", "/v1/canaries", json=planted).status_code == 201
    open_gate(False)
    send(named, "police", [*county.police, *county.records("POLDMP", county.members[:3])])
    run = tools.link(named)
    (event,) = tools.events(named, "canary:link:found")
    assert (event.facts["agency"], event.facts["run"]) == ("police", run["run_id"])


SCORE = re.compile(r"score|similar|posterior|probab|likel|confiden|distance|weight|margin|percent", re.IGNORECASE)


def properties(schema):
    """Every property of a schema: its name, and what is said of its type."""
    if isinstance(schema, dict):
        for name, inner in (schema.get("properties") or {}).items():
            yield name, inner
        for inner in schema.values():
            yield from properties(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from properties(inner)


def test_no_answer_of_any_route_can_carry_a_score(shared_site):
    """No property is named like a score, and none is a number with a fraction, in any model that the API describes."""
    described = shared_site.http.get("/v1/openapi.json").json()
    found = list(properties(described))
    assert len(found) > 50
    assert [name for name, _ in found if SCORE.search(name)] == []
    assert [name for name, about in found if '"number"' in str(about).replace("'", '"')] == []
    opaque = {
        path
        for path, methods in described["paths"].items()
        for about in methods.values()
        if '"additionalProperties": true' in json.dumps(about.get("responses", {}))
    }
    assert opaque <= {path for path in described["paths"] if path.startswith("/v1/audit/")}


def test_no_agency_learns_how_many_are_linked(linked):
    """What was found, how many pairs were compared and why a run failed is the operator's; a withdrawal does not count links either."""
    run = linked.call("operator", "GET", "/v1/runs").json()[0]
    assert run["totals"]["police"]["certain"] > 0
    hidden = {"stage": None, "progress": None, "totals": None, "problem": None}
    assert linked.call("social_care", "GET", "/v1/runs").json()[0] == run | hidden
    assert linked.call("social_care", "GET", f"/v1/runs/{run['run_id']}").json() == run | hidden
    current = linked.call("police", "GET", "/v1/submissions").json()[0]["id"]
    answer = linked.call("police", "POST", f"/v1/submissions/{current}/withdraw").json()
    assert answer == {"id": current, "state": "withdrawn"}


def test_what_the_open_answers_say_holds_no_fraction(linked):
    """The officer's questions are answered without a described model: so look at what they say."""
    linked.ask("WB-20003")
    for path in ("families/WB-20003", "records/police/POLREF0030", "people/SOCREF003M", "agencies/police"):
        answer = linked.officer().get(f"/v1/audit/{path}")
        assert answer.status_code == 200, answer.text
        assert fractions(answer.json()) == []
    assert fractions(linked.ask("WB-20003").json()) == []


def fractions(value):
    if isinstance(value, float):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for item in inner for each in fractions(item)]
