"""CLKs recorded once from clkhash 0.17: neither an upgrade of clkhash nor a change of ours may alter a bit."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from clkhash.clk import generate_clks
from clkhash.schema import from_json_dict
from clkhash.serialization import serialize_bitarray

from agencies.encoding.bloom import encode_rows
from agencies.encoding.schema import load_schema, shipped_schema

GOLDEN = json.loads((Path(__file__).parent / "golden" / "clkhash-0.17.json").read_text("utf-8"))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_recorded_clks_do_not_change(case: dict[str, Any]) -> None:
    ours = encode_rows(load_schema(json.dumps(case["schema"]).encode()), GOLDEN["secret"], GOLDEN["rows"])
    assert [base64.b64encode(row.tobytes()).decode() for row in ours] == case["clks"]
    theirs = generate_clks(GOLDEN["rows"], from_json_dict(case["schema"]), GOLDEN["secret"], max_workers=1)
    assert [serialize_bitarray(clk) for clk in theirs] == case["clks"]


def test_the_shipped_schemas_do_not_change() -> None:
    """A changed schema is another encoding: every agency would have to encode anew."""
    assert shipped_schema("person").digest == "297515896c25114e1f1b043c523ebbe6538c74d65f8d904642995f5492cdeb59"
    assert shipped_schema("person-2048").digest == "4b79b7875eadf25215561dc39fcd01e43bc4f3917ac5cc8fd2654e9ab2a01722"
