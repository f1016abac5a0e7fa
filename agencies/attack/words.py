"""Phrases that several findings share."""

GIVEN_LIST = "a list that holds the same people (the extract itself), the schema and the hardening, but no key"
KNOWN = {"seeds_20": "20 of the people", "seeds_5pct": "5 % of the people", "seeds_quarter": "a quarter of the people"}
HARDEN = (
    "Raise the hardening's t by one (up to 6) or halve the encodings' length, and measure again: both cost links. Where groups are what gives "
    "people away, submit fewer or smaller groups."
)
