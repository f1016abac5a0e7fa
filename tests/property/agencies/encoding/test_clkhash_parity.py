"""For any schema that clkhash accepts and any text, our CLKs are clkhash's, and we refuse exactly the rows that clkhash refuses."""

from __future__ import annotations

import base64
import json
import string
import traceback
from typing import Any

import pytest
from clkhash.clk import generate_clks
from clkhash.schema import from_json_dict
from clkhash.serialization import serialize_bitarray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agencies.encoding.bloom import EntryRefused, encode_rows, encode_stream
from agencies.encoding.schema import load_schema
from protocols.errors import InputError

TEXT = st.one_of(
    st.text(max_size=12),
    st.text(alphabet=string.ascii_letters + " -'", max_size=24),
    st.sampled_from(
        [
            "",
            " ",
            "  ",
            "a",
            "aaaaaaaa",
            "ß",
            "İ",
            "ﬁ",
            "e\u0301",
            "李小龍",
            "😀😀",
            "\x00",
            "N/A",
            "a" * 3000,
            "é" * 900,
        ]
    ),
)
NUMBER = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.floats(-1e6, 1e6).map(repr),
    st.sampled_from(
        ["", "+13", " 13", "0013", "-0", "1e3", "nan", "inf", "-inf", "1e999", "٣", "1_000", "x", "9" * 400, "9" * 5000]
    ),
)
DATE = st.one_of(
    st.dates().map(lambda d: d.strftime("%Y-%m-%d")),
    st.sampled_from(["", "2021-02-29", "2021-2-9", "21-02-09", "0099-01-01"]),
)
ANY = st.one_of(TEXT, NUMBER, DATE)


def mostly(good: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Values that fit, with one in twelve that may not."""
    return st.integers(0, 11).flatmap(lambda n: ANY if n == 0 else good)


@st.composite
def formats(draw: st.DrawFn) -> tuple[dict[str, Any], st.SearchStrategy[str]]:
    """A format and values for it."""
    kind = draw(st.sampled_from(["plain", "plain", "limited", "pattern", "integer", "date", "enum", "text of numbers"]))
    if kind == "plain":
        encoding = draw(st.sampled_from([None, "ascii", "utf-8", "utf-16", "utf-32"]))
        good = st.text(alphabet=string.printable, max_size=20) if encoding == "ascii" else TEXT
        return {"type": "string", **({"encoding": encoding} if encoding else {})}, mostly(good)
    if kind == "limited":
        case, least, most = (
            draw(st.sampled_from(["upper", "lower", "mixed"])),
            draw(st.integers(0, 3)),
            draw(st.integers(3, 30)),
        )
        cased = {"upper": str.upper, "lower": str.lower, "mixed": str}[case]
        good = st.text(alphabet=string.ascii_letters + "éß ", min_size=least, max_size=most // 2 + 2).map(cased)
        return {"type": "string", "case": case, "minLength": least, "maxLength": most}, mostly(good)
    if kind == "pattern":
        pattern = draw(st.sampled_from(["[a-z]*", ".+", r"\w{0,9}", "(?i)[A-Z ]+"]))
        return {"type": "string", "pattern": pattern}, mostly(st.from_regex(pattern, fullmatch=True))
    if kind == "integer":
        low, high = draw(st.none() | st.integers(-50, 0)), draw(st.none() | st.integers(0, 10**6))
        limits = {name: limit for name, limit in (("minimum", low), ("maximum", high)) if limit is not None}
        return {"type": "integer", **limits}, mostly(st.integers(low, high).map(str))
    if kind == "date":
        return {"type": "date", "format": "%Y-%m-%d"}, mostly(DATE)
    if kind == "enum":
        return {"type": "enum", "values": ["m", "f", ""]}, mostly(st.sampled_from(["m", "f", ""]))
    return {"type": "string"}, mostly(NUMBER)


NGRAM = st.builds(
    lambda n, positional: {"type": "ngram", "n": n, **({} if positional is None else {"positional": positional})},
    st.integers(1, 5), st.sampled_from([None, False, True]),
)  # fmt: skip
NUMERIC = st.builds(
    lambda distance, resolution, digits: {"type": "numeric", "thresholdDistance": distance, "resolution": resolution, "fractional_precision": digits},
    st.sampled_from([1, 2, 5.5, 100, 1000.25]), st.integers(1, 8), st.integers(0, 4),
)  # fmt: skip
COMPARISONS = st.one_of(NGRAM, NGRAM, st.just({"type": "exact"}), NUMERIC)
STRATEGIES = st.one_of(
    st.integers(1, 70).map(lambda k: {"bitsPerToken": k}), st.integers(1, 400).map(lambda k: {"bitsPerFeature": k})
)
MISSING = st.one_of(
    st.none(), st.none(),
    st.builds(lambda s, r: {"sentinel": s, **({} if r is None else {"replaceWith": r})}, st.sampled_from(["", "N/A", "x"]), st.sampled_from([None, "", "unknown", "ü", "7"])),
)  # fmt: skip
DOUBLE = st.sampled_from(
    [
        {"type": "doubleHash"},
        {"type": "doubleHash", "prevent_singularity": True},
        {"type": "doubleHash", "prevent_singularity": False},
    ]
)
BLAKE = st.sampled_from([None, {"type": "blakeHash"}])


@st.composite
def schemas_and_rows(draw: st.DrawFn) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    folds = draw(st.integers(0, 3))
    power_of_two = draw(st.booleans())
    length = 2 ** draw(st.integers(0, 12)) if power_of_two else draw(st.integers(2, 1500))
    features: list[dict[str, Any]] = []
    columns = []
    for index in range(draw(st.integers(1, 4))):
        form, values = draw(formats())
        columns.append(values)
        if draw(st.integers(0, 9)) == 0:
            features.append({"identifier": f"ignored{index}", "ignored": True})
            continue
        comparison = draw(COMPARISONS)
        hashing: dict[str, Any] = {"comparison": comparison, "strategy": draw(STRATEGIES)}
        hash_function = draw(st.one_of(BLAKE, DOUBLE) if power_of_two else DOUBLE)
        if hash_function is not None:
            hashing["hash"] = hash_function
        missing = draw(MISSING)
        if missing is not None:
            hashing["missingValue"] = missing
        features.append({"identifier": f"feature {index}", "format": form, "hashing": hashing})
    kdf: dict[str, Any] = {
        "type": "HKDF",
        "hash": draw(st.sampled_from(["SHA256", "SHA512"])),
        "keySize": draw(st.sampled_from([1, 32, 64])),
    }
    for part in ("salt", "info"):
        if draw(st.booleans()):
            kdf[part] = base64.b64encode(draw(st.binary(max_size=20))).decode()
    config: dict[str, Any] = {"l": length, "kdf": kdf}
    if folds:
        config["xor_folds"] = folds
    rows = draw(st.lists(st.tuples(*columns), min_size=3, max_size=8))
    return {"version": 3, "clkConfig": config, "features": features}, rows


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=schemas_and_rows(), secret=st.one_of(st.binary(min_size=1, max_size=64), st.text(min_size=1, max_size=12)))
def test_same_bits_and_same_refusals_as_clkhash(
    case: tuple[dict[str, Any], list[tuple[str, ...]]], secret: bytes | str
) -> None:
    document, rows = case
    try:
        schema = load_schema(json.dumps(document).encode())
    except InputError:
        # Refused ahead of time: only the filter of one bit that double hashing without singularity cannot fill.
        assert document["clkConfig"]["l"] == 1
        return
    reference = from_json_dict(document)
    taken, expected = [], []
    for row in rows:
        try:
            (clk,) = generate_clks([row], reference, secret, max_workers=1)
        except Exception:
            with pytest.raises(EntryRefused):
                encode_rows(schema, secret, [row])
        else:
            taken.append(row)
            expected.append(serialize_bitarray(clk))
    got = encode_rows(schema, secret, taken)
    assert [base64.b64encode(row.tobytes()).decode() for row in got] == expected
    assert schema.row_bytes == got.shape[1]


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=30), chunk=st.integers(1, 7))
def test_the_stream_is_the_whole_in_pieces(rows: list[tuple[str, str]], chunk: int) -> None:
    schema = load_schema(json.dumps(_two_columns()).encode())
    pieces = list(encode_stream(schema, b"secret", rows, chunk))
    assert [len(piece) for piece in pieces[:-1]] == [chunk] * (len(pieces) - 1)
    assert b"".join(piece.tobytes() for piece in pieces) == encode_rows(schema, b"secret", rows).tobytes()


CANARY = "Zqxvanary"


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from([
        {"type": "integer"}, {"type": "date", "format": "%d/%m/%Y"}, {"type": "enum", "values": ["m", "f"]},
        {"type": "string", "case": "upper"}, {"type": "string", "maxLength": 3}, {"type": "string", "minLength": 300},
        {"type": "string", "pattern": "[0-9]+"}, {"type": "string", "encoding": "ascii"},
    ]),
    suffix=st.text(max_size=5), row=st.integers(0, 40),
)  # fmt: skip
def test_a_refusal_names_row_and_column_and_holds_no_value(form: dict[str, Any], suffix: str, row: int) -> None:
    document = _two_columns()
    document["features"][1]["format"] = form
    schema = load_schema(json.dumps(document).encode())
    good = {"integer": "1", "date": "01/02/2003", "enum": "m"}.get(form["type"], "X" * form.get("minLength", 1))
    rows = [("a", "1" if "pattern" in form else good)] * 41
    rows[row] = ("a", CANARY + "é" + suffix)
    with pytest.raises(EntryRefused) as refusal:
        list(encode_stream(schema, b"secret", rows, 10))
    assert (refusal.value.problems[0].row, refusal.value.problems[0].column) == (row + 1, "second")
    assert CANARY not in "".join(traceback.format_exception(refusal.value))
    chain: BaseException | None = refusal.value
    while chain is not None:
        assert CANARY not in repr(chain) + str(chain)
        chain = chain.__cause__ or chain.__context__


def _two_columns() -> dict[str, Any]:
    hashing = {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerFeature": 60}}
    features = [{"identifier": name, "format": {"type": "string"}, "hashing": hashing} for name in ("first", "second")]
    return {"version": 3, "clkConfig": {"l": 256, "kdf": {"type": "HKDF"}}, "features": features}
