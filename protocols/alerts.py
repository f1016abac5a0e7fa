"""What an alert is about, in words. On the wire it is a kind and the id of a thing, and never names a person."""

from __future__ import annotations

_WORDS = {
    "attack-report-overridden": "a submission was made past its attack report",
    "break-glass": "an emergency access was opened: somebody else judges it afterwards",
    "break-glass-release": "an emergency access released something of this agency's",
    "break-glass-review-late": "an emergency access waits for its review for too long",
    "canary-linked": "an agency linked to an auditor's made-up people",
    "few-new-records-linked": "a batch with only a few new records was linked: its maker could be probing",
    "gate-pass": "the next batch of this agency goes through the gate unexamined",
    "job-given-up": "the worker gave a job up: its log says where it failed",
    "question-refused": "a worker's question was refused",
    "recall-unanswered": "a recall is not acknowledged",
    "releases-started": "an agency's releases go on",
    "releases-stopped": "an agency's releases were stopped",
    "silent-record-asked": "somebody asked about a person whom this agency keeps silent about",
    "submission-quarantined": "a file was put aside, and nothing of it is used",
    "worker-not-vouched-for": "the Workbook asked for a worker whom it did not vouch for as it must",
}


def in_words(about: str) -> str:
    """An alert's `about` as people read it; a kind that is not known here as it came."""
    kind, _, what = about.partition(":")
    return f"{_WORDS.get(kind, kind)} ({what})" if what else _WORDS.get(kind, kind)
