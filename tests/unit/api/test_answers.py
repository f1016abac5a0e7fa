"""What is kept of an answer is JSON that says what the decisions say."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from api.answers import written
from api.explain import remembered
from api.picture import SealedCell
from config.resources import PROTOCOL_FILE
from protocols.consent import ConsentState
from protocols.decision import ChildTie, Facts, Granted, Refused
from protocols.decision_inputs import FLAGS, FRESH, pack_facts, write_children, write_facts
from protocols.load import load_protocol
from protocols.profile import AgencyStatus, Asker, RecordAtAgency
from protocols.profile_scene import Scene
from protocols.vocabulary import Contact, Grade, Kind, Purpose, Relationship, RoleFunction, Stage

NOW = datetime(2026, 11, 16, 9, 0, 1, 5, tzinfo=UTC)
TIES = (
    ChildTie(Stage.S47, Relationship.PARENT, Contact.LIVES_WITH),
    ChildTie(Stage.CIN, Relationship.CARER, Contact.NO_CONTACT, expecting=True),
)


@pytest.fixture(scope="module")
def protocol():
    return load_protocol(PROTOCOL_FILE).compiled


def told(protocol, own_client):
    """A mother with every kind of record at every agency."""
    asker = Asker(
        RoleFunction.SOCIAL_WORKER, Purpose.SAFEGUARDING, True, frozenset({"mother-0001"} if own_client else ())
    )
    scene = Scene(asker, "mother-0001", Facts(Kind.ADULT, TIES), [], protocol, NOW)
    status, flags = AgencyStatus(NOW.date() - timedelta(days=1)), ({}, {"held": True}, {"silent": True})
    said = []
    for party, more in product(protocol.document.parties, (None, *flags)):
        cells = tuple(
            SealedCell(item.id, date(2026, 11, 1), "record-0001", "sub-1", b"") for item in protocol.by_agency[party.id]
        )
        records = [] if more is None else [RecordAtAgency(Grade.CERTAIN, cells, **more), RecordAtAgency(Grade.PROBABLE)]
        said.append(scene.tell(party, records, status))
    return said


@pytest.mark.parametrize("own_client", [True, False])
@pytest.mark.parametrize("open_case", [True, False])
def test_every_decision_is_kept_with_all_that_it_depended_on(protocol, own_client, open_case):
    said = told(protocol, own_client)
    text, refused = written(said, open_case)
    lines = json.loads(text)
    assert refused == sum(isinstance(made.decision, Refused) for item in said for made in item.decisions)
    assert len(lines) == len(said)
    for line, item in zip(lines, said, strict=True):
        assert (line["member"], line["agency"], line["state"]) == (item.member_ref, item.agency, item.state.value)
        assert line["open_case"] is open_case
        assert line["released"] == [cell.cell.attribute for cell in item.released]
        for kept, inputs, made in zip(line["decisions"], remembered(line, "somebody"), item.decisions, strict=True):
            assert inputs.facts == made.facts
            assert (inputs.request.mode, inputs.request.attribute, inputs.request.at) == (
                made.mode,
                made.attribute,
                NOW,
            )
            assert inputs.request.own_client is own_client
            decision = made.decision
            if isinstance(decision, Granted):
                assert kept[2:-1] == ["granted", decision.rule, decision.basis, decision.stage, decision.break_glass]
            else:
                assert kept[2:-1] == ["refused", [f"{reason.code.value}:{reason.rule}" for reason in decision.reasons]]


def test_facts_are_written_as_they_are_packed():
    every = [*FLAGS, *FRESH]
    for kind, grade, consent, children in product(Kind, (None, *Grade), ConsentState, ((), TIES)):
        for name in every:
            facts = Facts(kind, children, grade, consent=consent, **{name: name in FLAGS})
            assert json.loads(write_facts(facts, write_children(children))) == pack_facts(facts)
