"""Where the files that ship with Kinlink are."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

PROTOCOL_FILE = _HERE / "protocols" / "hertfordshire.yaml"
SCHEMAS = _HERE / "schemas"
COUNTY_DATA = _HERE / "county" / "data"
