"""A linkage schema that cannot encode is refused before anyone is encoded with it, and the message says where."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from agencies.encoding.bloom import encode_rows
from agencies.encoding.schema import load_schema, shipped_schema
from config.resources import SCHEMAS
from protocols.errors import InputError

GOOD: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 128, "kdf": {"type": "HKDF"}},
    "features": [
        {
            "identifier": "name",
            "format": {"type": "string"},
            "hashing": {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerToken": 4}},
        }
    ],
}


def changed(*path: str | int, to: object) -> bytes:
    """The good schema with one place replaced (or taken out, by `...`)."""
    document = copy.deepcopy(GOOD)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return json.dumps(document).encode()


FEATURE = ("features", 0)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "not JSON: line 1, column"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[]", "must be a JSON object; got list"),
        (b"[" * 20_000, "nested too deeply"),
        (changed("version", to=4), "`version` 3; got `4`"),
        (changed("version", to=...), "`version` 3; got nothing"),
        (changed("version", to=True), "`version` 3; got `true`"),
        (changed("version", to=[3]), "`version` 3"),
        (changed("features", to=[]), "has no features"),
        (changed("features", to=...), "at `$`: 'features' is a required property"),
        (changed("clkConfig", "l", to=0), "`$.clkConfig.l`"),
        (changed("clkConfig", "l", to="1024"), "`$.clkConfig.l`"),
        (changed("clkConfig", "l", to=128.0), "whole number"),
        (changed("clkConfig", "l", to=1000), "power of two as length; got 1000"),
        (changed("clkConfig", "l", to=1 << 30), "bits before folding"),
        (changed("clkConfig", "xor_folds", to="1"), "clkConfig.xor_folds"),
        (changed("clkConfig", "xor_folds", to=1000), "bits before folding"),
        (changed("clkConfig", "kdf", to={"type": "legacy"}), "`$.clkConfig.kdf"),
        (changed("clkConfig", "kdf", to={"type": "HKDF", "salt": "a"}), "`kdf.salt` that is not base64"),
        (changed("clkConfig", "kdf", to={"type": "HKDF", "keySize": 65}), "keys of up to 64 bytes; got 65"),
        (changed("clkConfig", "kdf", to={"type": "HKDF", "keySize": 9000}), "bytes of keys"),
        (changed(*FEATURE, "hashing", "strategy", to={}), "`$.features[0]"),
        (changed(*FEATURE, "hashing", "comparison", to={"type": "ngram"}), "`$.features[0]"),
        (changed(*FEATURE, "hashing", "comparison", to={"type": "ngram", "n": 2.0}), "`n` is not a whole number"),
        (changed(*FEATURE, "format", to={"type": "string", "pattern": "["}), "feature 1 `name`"),
        (changed(*FEATURE, "format", to={"type": "date", "format": "%Q"}), "date format that cannot be read back"),
        (changed(*FEATURE, "format", to={"type": "date", "format": "%Y %Y"}), "date format that cannot be read back"),
        (
            changed(*FEATURE, "hashing", "hash", to={"type": "blakeHash", "prevent_singularity": True}),
            "feature 1 `name` that cannot be used",
        ),
        (
            changed(
                *FEATURE, "hashing", "comparison", to={"type": "numeric", "thresholdDistance": 0.001, "resolution": 1}
            ),
            "feature 1 `name` that cannot be used: not enough fractional precision",
        ),
    ],
)
def test_what_cannot_encode_is_refused_with_its_place(data: bytes, says: str) -> None:
    with pytest.raises(InputError) as problem:
        load_schema(data)
    assert says in str(problem.value)
    assert len(str(problem.value)) < 500


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("hashing", "comparison"), {"type": "soundex"}, "`$.features[0].hashing.comparison`: expected `type` `ngram`"),
        (("hashing", "strategy"), {"k": 20}, "expected `bitsPerToken` or `bitsPerFeature`"),
        (("hashing", "hash"), {"type": "md5"}, "expected `type` `blakeHash`, or `doubleHash`"),
        (("format",), {"type": "text"}, "expected `type` `string`, `integer`, `date`"),
    ],
)
def test_a_part_that_has_several_forms_is_told_which(path: tuple[str, ...], value: object, says: str) -> None:
    document = json.loads((SCHEMAS / "person.json").read_bytes())
    part = document["features"][0]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises(InputError) as refused:
        load_schema(json.dumps(document).encode())
    assert says in refused.value.what
    assert "not valid under any" not in refused.value.what


def test_a_file_is_named_but_not_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "linkage.json"
    with pytest.raises(InputError, match=r"`linkage\.json` cannot be read: No such file") as problem:
        load_schema(path)
    assert str(tmp_path) not in str(problem.value)
    path.write_bytes(changed("version", to=9))
    with pytest.raises(InputError, match=r"`linkage\.json` must have `version` 3"):
        load_schema(path)
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    assert load_schema(path).feature_names == ("name",)


def test_the_digest_is_of_the_content_not_of_its_layout() -> None:
    again = json.dumps(dict(reversed(GOOD.items())), indent=7).encode()
    assert load_schema(again).digest == load_schema(json.dumps(GOOD).encode()).digest
    assert load_schema(changed("clkConfig", "l", to=256)).digest != load_schema(json.dumps(GOOD).encode()).digest


def test_loading_leaves_the_document_as_it_was() -> None:
    schema = load_schema(json.dumps(GOOD).encode())
    encode_rows(schema, b"s", [("a",)])
    assert schema.document == GOOD


def test_version_1_and_2_are_read_as_clkhash_reads_them() -> None:
    old = {
        "version": 2,
        "clkConfig": {"l": 128, "kdf": {"type": "HKDF", "salt": base64.b64encode(b"s").decode()}},
        "features": [
            {
                "identifier": "name",
                "format": {"type": "string"},
                "hashing": {"ngram": 2, "strategy": {"k": 4}, "hash": {"type": "blakeHash"}},
            }
        ],
    }
    schema = load_schema(json.dumps(old).encode())
    from clkhash.clk import generate_clks
    from clkhash.schema import from_json_dict

    rows = [("Ada",), ("",)]
    theirs = b"".join(clk.tobytes() for clk in generate_clks(rows, from_json_dict(old), "s", max_workers=1))
    assert encode_rows(schema, "s", rows).tobytes() == theirs


def test_the_shipped_person_schema_is_dense_and_hashes_with_blake_only() -> None:
    for name, length in (("person", 1024), ("person-2048", 2048)):
        schema = shipped_schema(name)
        assert schema.length == length
        assert {feature["hashing"]["hash"]["type"] for feature in schema.document["features"]} == {"blakeHash"}
        assert len(schema.feature_names) >= 3
        empty = encode_rows(schema, b"s" * 32, [("",) * len(schema.feature_names)])
        assert not empty.any(), "a missing value must set no bit"
    with pytest.raises(InputError, match="no shipped schema `nobody`"):
        shipped_schema("nobody")
