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
    assert shipped_schema("person").digest == "2c5e4e50dbca8ad674be86537e3c01f32d9244ef90831893b1c292806a8c8cca"
    assert shipped_schema("person-2048").digest == "8b7686bf60ec31446c86746f05f030c49de63cf7617ed422fc7616a70e679875"
    assert shipped_schema("person-4096").digest == "fd1b9359ef2b8cff9f98d40150e780ed030861dc493e401e6252e046b5e9e90a"
