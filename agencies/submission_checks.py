"""What stops a submission before it is made: each check raises `InputError` with what to do."""

from __future__ import annotations

from datetime import date

from agencies.difference import Difference
from agencies.tally import Tally
from protocols.errors import InputError
from protocols.load import LoadedProtocol

MOST_LEFT_OUT = 0.05


def epoch_in_use(protocol: LoadedProtocol, epoch: int, day: date) -> int:
    """The epoch, if the protocol has it and it holds on that day. Raises `InputError`."""
    held = {each.id: each for each in protocol.document.encoding.epochs}
    if epoch not in held or not held[epoch].holds_on(day):
        right = [str(each.id) for each in held.values() if each.holds_on(day)]
        raise InputError(
            f"Epoch {epoch} is not in use on {day.isoformat()} by `{protocol.label}`.",
            next_step=f"Change to epoch {' or '.join(right)}: kinlink agency secret use EPOCH"
            if right
            else "The protocol needs a new epoch.",
        )
    return epoch


def check_left_out(tally: Tally, accepted: bool) -> None:
    """Stop if too many records are left out, or all. Raises `InputError`."""
    if tally.records == 0:
        raise InputError(
            "No record of the extract can be used. Nothing was made.", next_step="Run: kinlink agency check EXTRACT"
        )
    share = tally.share_left_out
    if share > MOST_LEFT_OUT and not accepted:
        raise InputError(
            f"{tally.left_out:,} records ({share:.0%}) would be left out because of defects; the limit is {MOST_LEFT_OUT:.0%}. "
            "Nothing was made.",
            next_step="See what is wrong: kinlink agency check EXTRACT. If it is right all the same, repeat with "
            "--accept-defects.",
        )


def registered_caseload(protocol: LoadedProtocol, agency: str) -> int:
    """How many records the protocol expects of an agency at most."""
    return next(each.registered_caseload for each in protocol.document.parties if each.id == agency)


def check_caseload(protocol: LoadedProtocol, agency: str, records: int) -> None:
    """Stop if there are more records than the protocol expects of the agency. Raises `InputError`."""
    most = registered_caseload(protocol, agency)
    if records > most:
        raise InputError(
            f"The submission would have {records:,} records; `{agency}` is registered for at most {most:,}. Nothing was made.",
            next_step="Check that it is the right extract; a larger caseload needs a new version of the protocol.",
        )


def check_difference(difference: Difference | None, protocol: LoadedProtocol, accepted: bool) -> None:
    """Stop if more changed since the last submission than the protocol's limit. Raises `InputError`."""
    limit = protocol.document.limits.submission_change_share
    if difference and difference.alarming(limit) and not accepted:
        raise InputError(
            f"{difference.share:.0%} changed since the last submission ({difference.added:,} new, {difference.removed:,} gone, "
            f"{difference.changed:,} changed); the limit is {limit:.0%}. Nothing was made.",
            next_step="Check that the extract is whole and the right one; if so, repeat with --accept-difference.",
        )
