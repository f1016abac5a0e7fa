"""A credential holds for its maker, its audience and its two minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from protocols.errors import InputError, KeyProblem
from protocols.identity import (
    ClientAssertion,
    client_claimed,
    make_client_assertion,
    make_worker_assertion,
    read_client_assertion,
    read_worker_assertion,
)
from protocols.signing import SigningKey
from protocols.vocabulary import Purpose, RoleFunction

KEY = SigningKey.generate()
NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


def test_a_client_assertion_is_read_back():
    token = make_client_assertion("police", "kinlink", KEY, NOW)
    assert client_claimed(token) == "police"
    assert read_client_assertion(token, KEY.public, "kinlink", NOW).sub == "police"


@pytest.mark.parametrize(
    ("key", "audience", "later"),
    [
        (SigningKey.generate(), "kinlink", 0),
        (KEY, "another", 0),
        (KEY, "kinlink", 300),
        (KEY, "kinlink", -300),
    ],
)
def test_a_foreign_expired_or_misdirected_assertion_is_refused(key, audience, later):
    token = make_client_assertion("police", "kinlink", KEY, NOW)
    with pytest.raises(KeyProblem) as caught:
        read_client_assertion(token, key.public, audience, NOW + timedelta(seconds=later))
    assert caught.value.next_step


def test_a_worker_assertion_is_bound_to_the_client_that_asks():
    token = make_worker_assertion(
        "workbook", "w-20417-sw", RoleFunction.SOCIAL_WORKER, Purpose.SAFEGUARDING, "WB-20417", NOW, "s-1", KEY, NOW
    )
    assert read_worker_assertion(token, KEY.public, "workbook", NOW).role_function is RoleFunction.SOCIAL_WORKER
    with pytest.raises(KeyProblem):
        read_worker_assertion(token, KEY.public, "police", NOW)


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_a_malformed_assertion_is_a_key_problem(token):
    with pytest.raises(KeyProblem):
        client_claimed(token)


@pytest.mark.parametrize(("odd", "named"), [({"worker": "Jane Smith"}, "worker"), ({"case": "WB 20417"}, "case")])
def test_what_cannot_stand_in_a_worker_assertion_is_named_and_not_repeated(odd, named):
    given = {"worker": "w-1", "case": "WB-1"} | odd
    with pytest.raises(InputError, match=f"`{named}`") as raised:
        make_worker_assertion(
            "workbook",
            role_function=RoleFunction.SOCIAL_WORKER,
            purpose=Purpose.SAFEGUARDING,
            auth_time=datetime.now(UTC),
            session="s-1",
            key=SigningKey.generate(),
            **given,
        )
    assert odd[named] not in str(raised.value)


@pytest.mark.parametrize(("minutes", "said"), [(60, "lives too long"), (2, None)])
def test_an_assertion_that_somebody_made_to_last_is_refused(minutes, said):
    """Its maker sets its end: one that lasts for a year would be a key that is never rotated."""
    now = int(NOW.timestamp())
    claims = {
        "iss": "police",
        "sub": "police",
        "aud": "kinlink",
        "jti": "j" * 20,
        "iat": now,
        "exp": now + 60 * minutes,
    }
    token = KEY.sign(ClientAssertion(**claims).canonical(), typ="JWT")
    if said is None:
        assert read_client_assertion(token, KEY.public, "kinlink", NOW).sub == "police"
        return
    with pytest.raises(KeyProblem, match=said):
        read_client_assertion(token, KEY.public, "kinlink", NOW)
