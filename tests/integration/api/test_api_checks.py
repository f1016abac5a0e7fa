"""Keyed comparators at the service: taken in whole or refused, and given to the matcher beside the encodings."""

from datetime import UTC, datetime

import numpy as np
import pytest

from api.intake import Terms, check_submission
from api.opening import open_encodings
from protocols.errors import SubmissionError
from protocols.load import load_protocol
from protocols.sealing import SealingPrivateKey
from protocols.signing import Card, SigningKey, sign_card
from protocols.submission import NO_CHECK


@pytest.fixture
def shipped(tools):
    return load_protocol(tools.shipped_file)


class Desk:
    """An agency that submits under the shipped protocol, and a service that takes it in."""

    def __init__(self, tmp_path, tools, shipped, party):
        self.path, self.tools, self.shipped, self.party = tmp_path, tools, shipped, party
        self.workbook = type(party)("workbook", "workbook")
        self.matcher, signing = SealingPrivateKey.generate(), SigningKey.generate()
        card = Card(
            party="service",
            purpose="service",
            signing_key=signing.public.as_dict(),
            sealing_key=self.matcher.public.text(),
        )
        self.card = sign_card(card, signing)

    def submit(self, numbers, **changed):
        bits = self.shipped.document.encoding.hardening.length
        people = [
            self.tools.Person(f"POLREF{i:04d}", [self.tools.clk(i, bits, bits // 2)], checks=[row])
            for i, row in enumerate(numbers)
        ]
        path = self.path / "one.kinlink"
        self.tools.build(path, self.party, people, self.shipped, self.card, self.workbook, **changed)
        return path

    def check(self, path):
        fingerprint = self.workbook.sealing.public.fingerprint
        terms = Terms("police", self.shipped, self.matcher, fingerprint, datetime.now(UTC))
        return check_submission(path, self.party.signing.public, terms, None)


@pytest.fixture
def desk(tmp_path, tools, shipped):
    return Desk(tmp_path, tools, shipped, tools.Party("police"))


def test_numbers_reach_the_matcher_as_they_were_sent(desk):
    path = desk.submit([[5, 32767], [NO_CHECK, NO_CHECK], [7, NO_CHECK]])
    desk.check(path)
    records = open_encodings([path], "police", "person", desk.matcher)
    assert records.checked.tolist() == [[5, 32767], [-1, -1], [7, -1]]
    assert records.checked.dtype == np.int32


def test_a_number_beyond_its_bits_is_refused_without_saying_it(desk):
    with pytest.raises(SubmissionError, match="beyond its bits") as refused:
        desk.check(desk.submit([[5, 32768]]))
    assert "32768" not in str(refused.value)


def test_too_few_numbers_are_refused(desk):
    with pytest.raises(SubmissionError, match=r"bytes in `checks\.sealed`; there are 2"):
        desk.check(desk.submit([[5]]))


def test_comparators_that_the_protocol_does_not_name_are_refused(desk):
    with pytest.raises(SubmissionError, match="keyed comparators are not the ones"):
        desk.check(desk.submit([[5, 6]], checks=None))
