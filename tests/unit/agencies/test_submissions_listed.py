"""What an agency sees of its submissions: a file that a delta in force stands on is not called replaced."""

from agencies.cli_service import _below


def one(name: str, state: str, base: str | None = None) -> dict[str, str | None]:
    return {"id": name, "state": state, "base": base}


def test_everything_below_a_delta_in_force_is_kept():
    listed = [one("d", "received", "c"), one("c", "superseded", "b"), one("b", "superseded"), one("a", "superseded")]
    assert _below(listed) == {"b", "c"}


def test_what_is_below_a_delta_that_was_itself_replaced_is_replaced():
    listed = [one("c", "current"), one("b", "superseded", "a"), one("a", "superseded")]
    assert _below(listed) == set()
