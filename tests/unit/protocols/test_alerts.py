"""Every kind of alert that the service raises has words for people."""

import re
from pathlib import Path

from protocols.alerts import _WORDS, in_words

ABOUT = re.compile(r'"(?:f")?([a-z]+(?:-[a-z]+)+|break-glass):\{')


def test_every_alert_that_is_raised_has_words():
    said = {
        kind for path in (Path(__file__).parents[3] / "api").rglob("*.py") for kind in ABOUT.findall(path.read_text())
    }
    assert {"break-glass", "question-refused", "gate-pass"} <= said
    assert said <= set(_WORDS)


def test_what_it_is_about_stands_behind_and_an_unknown_kind_as_it_is():
    assert in_words("silent-record-asked:prf-1").endswith("keeps silent about (prf-1)")
    assert in_words("something-new:x") == "something-new (x)"
