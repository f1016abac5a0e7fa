"""Deciding about a person at all agencies together says what deciding one by one says."""

from dataclasses import replace

from protocol_scenes import scene

from protocols.decision import Granted, decide
from protocols.profile_scene import Scene
from protocols.vocabulary import Mode


def test_every_decision_of_an_answer_is_the_one_that_is_made_alone() -> None:
    kinds = set()
    for seed in range(800):
        parts, about = scene(seed)
        protocol = parts[4]
        said = Scene(*parts).tell(*about)
        for made in said.decisions:
            request = replace(said.asked, agency=said.agency, mode=made.mode, attribute=made.attribute)
            assert decide(request, made.facts, protocol) == made.decision
            kinds.add((made.mode, type(made.decision)))
    assert kinds >= {(mode, kind) for mode in (Mode.EXISTENCE, Mode.CONTENT) for kind in (Granted,)}
    assert len(kinds) >= 5


def test_only_what_is_decided_and_there_is_released() -> None:
    for seed in range(800):
        parts, about = scene(seed)
        said = Scene(*parts).tell(*about)
        granted = {made.attribute for made in said.decisions if isinstance(made.decision, Granted)}
        cells = {cell.attribute for record in about[1] for cell in record.cells}
        assert {item.cell.attribute for item in said.released} <= granted & cells
