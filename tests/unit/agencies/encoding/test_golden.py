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
    assert shipped_schema("person").digest == "602e1eb3405984caf97d9a58b9011c3de55c66e5752da202dc22f847934208c5"
    assert shipped_schema("person-2048").digest == "51065d1be4b25f0a332005504fc77c6156e4944c456b5b4cac38d09289946941"
    assert shipped_schema("person-4096").digest == "30e6a9009992d4d9ed4a29026322e412884f8bd772af5e13e81ea07ad75881bf"
