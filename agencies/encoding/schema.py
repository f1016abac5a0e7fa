"""A clkhash linkage schema, checked before any person is encoded with it."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import rfc8785

from config.resources import SCHEMAS
from protocols.errors import InputError

_BLAKE2B_LONGEST_KEY = 64
_HKDF_BLOCKS = 255
_DIGEST_BYTES = {"SHA256": 32, "SHA512": 64}
_HASHES_PER_FEATURE = 2
_LONGEST_CLK = 1 << 24


def clkhash() -> SimpleNamespace:
    """The parts of clkhash in use. Imported on first use, because it takes a while and announces its own packaging."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        from clkhash import clk, field_formats, key_derivation
        from clkhash import schema as schemas
    return SimpleNamespace(clk=clk, formats=field_formats, keys=key_derivation, schemas=schemas)


@dataclass(frozen=True, slots=True)
class EncodingSchema:
    """A linkage schema that clkhash accepts and that can encode.

    `length` is the CLK's length in bits (after any XOR folds), `digest` the SHA-256 in hex of the document's canonical JSON
    (RFC 8785), `fields` clkhash's own field objects, one for each column.
    """

    document: dict[str, Any] = field(repr=False)
    digest: str
    length: int
    xor_folds: int
    feature_names: tuple[str, ...]
    fields: tuple[Any, ...] = field(repr=False)

    @property
    def row_bytes(self) -> int:
        """Bytes of one CLK; bits beyond `length` are zero."""
        return (self.length + 7) // 8

    def keys(self, secret: bytes | str) -> tuple[tuple[bytes, ...], ...]:
        """clkhash's keys for a secret: for every column, one key for each hash function."""
        kdf = _kdf(self.document)
        derived: tuple[tuple[bytes, ...], ...] = clkhash().keys.generate_key_lists(
            secret,
            len(self.fields),
            key_size=kdf["key_size"],
            salt=kdf["salt"],
            info=kdf["info"],
            kdf="HKDF",
            hash_algo=kdf["hash"],
        )
        return derived

    def reference(self) -> Any:
        """clkhash's own schema object, for comparing with clkhash."""
        return clkhash().schemas.from_json_dict(copy.deepcopy(self.document))


def load_schema(source: str | Path | bytes) -> EncodingSchema:
    """Read and check a linkage schema, from a path or from the bytes of the JSON document.

    Takes version 3, and 1 and 2 as clkhash converts them. Raises `InputError` that names the place in the document.
    """
    name, data = _read(source)
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _wrong(name, "is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise _wrong(name, f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise _wrong(name, "is nested too deeply") from None
    if not isinstance(document, dict):
        raise _wrong(name, f"must be a JSON object; got {type(document).__name__}")
    try:
        digest = hashlib.sha256(rfc8785.dumps(document)).hexdigest()
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise _wrong(name, f"cannot be written as canonical JSON: {error}") from None
    latest = _latest_version(name, document)
    fields = tuple(_field(name, i, feature) for i, feature in enumerate(latest["features"]))
    config = latest["clkConfig"]
    schema = EncodingSchema(
        document=latest,
        digest=digest,
        length=config["l"],
        # clkhash reads `xor_folds`, though its own JSON schema describes `xorFolds`.
        xor_folds=config.get("xor_folds", 0),
        feature_names=tuple(f.identifier for f in fields),
        fields=fields,
    )
    _check_can_encode(name, schema)
    return schema


def shipped_schema(name: str = "person") -> EncodingSchema:
    """A schema that ships with the project: `person` (1,024 bits), `person-2048` or `person-4096`."""
    path = SCHEMAS / f"{name}.json"
    if not path.is_file():
        raise InputError(
            f"There is no shipped schema `{name}`.",
            next_step="Use `person`, `person-2048` or `person-4096`, or give a file.",
        )
    return load_schema(path)


def _read(source: str | Path | bytes) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        return "the linkage schema", source
    path = Path(source).absolute()
    try:
        return f"`{path.name}`", path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The linkage schema `{path.name}` cannot be read: {error.strerror}.", next_step="Check the path."
        ) from None


def _wrong(name: str, problem: str) -> InputError:
    return InputError(
        f"The linkage schema {name} {problem}." if name.startswith("`") else f"{name.capitalize()} {problem}.",
        next_step="Correct the schema; clkhash's documentation of linkage schema v3 lists what is allowed.",
    )


def _latest_version(name: str, document: dict[str, Any]) -> dict[str, Any]:
    import jsonschema  # type: ignore[import-untyped]

    schemas = clkhash().schemas
    version = document.get("version")
    if isinstance(version, bool) or version not in list(schemas.MASTER_SCHEMA_FILE_NAMES):
        got = "nothing" if version is None else f"`{json.dumps(version)[:20]}`"
        raise _wrong(name, f"must have `version` 3; got {got}")
    latest = document
    for step in (version, 3):
        validator = jsonschema.Draft7Validator(schemas._get_master_schema(step))
        problem = jsonschema.exceptions.best_match(validator.iter_errors(latest))
        if problem is not None:
            raise _wrong(name, f"is wrong at `{problem.json_path}`: {_said(problem)}")
        try:
            latest = schemas.convert_to_latest_version(copy.deepcopy(latest))
        except (KeyError, TypeError, ValueError) as error:
            raise _wrong(
                name, f"of version {version} cannot be converted to version 3 ({type(error).__name__})"
            ) from None
    if not latest["features"]:
        raise _wrong(name, "has no features")
    return latest


def _field(name: str, index: int, feature: dict[str, Any]) -> Any:
    """clkhash's field object; it changes what it reads, so it gets a copy."""
    formats = clkhash().formats
    label = f"feature {index + 1} `{feature.get('identifier', '')}`"
    try:
        spec = formats.spec_from_json_dict(copy.deepcopy(feature))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise _wrong(name, f"has a {label} that cannot be used: {_shortened(str(error))}") from None
    if isinstance(spec, formats.DateSpec):
        _check_date_format(name, label, spec.format)
    properties = spec.hashing_properties
    if properties is not None and not isinstance(getattr(properties.comparator, "n", 1), int):
        raise _wrong(name, f"has a {label} of which `n` is not a whole number written without a point")
    return spec


def _check_date_format(name: str, label: str, form: str) -> None:
    sample = datetime(2000, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        datetime.strptime(sample.strftime(form), form)
    except Exception as error:
        raise _wrong(
            name, f"has a {label} with a date format that cannot be read back: {_shortened(str(error))}"
        ) from None


def _check_can_encode(name: str, schema: EncodingSchema) -> None:
    """What clkhash would only notice at the first record, or in the middle of a file."""
    config = schema.document["clkConfig"]
    length, folds = config["l"], config.get("xor_folds", 0)
    if not isinstance(length, int) or isinstance(length, bool):
        raise _wrong(name, "must have a whole number as `clkConfig.l`")
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 0:
        raise _wrong(name, "must have a whole number of at least 0 as `clkConfig.xor_folds`")
    if folds > 24 or length << folds > _LONGEST_CLK:
        raise _wrong(name, f"asks for more than {_LONGEST_CLK:,} bits before folding")
    kdf = _kdf(schema.document, name)
    whole = length << folds
    for index, spec in enumerate(schema.fields):
        properties = spec.hashing_properties
        if properties is None:
            continue
        label = f"feature {index + 1} `{spec.identifier}`"
        if properties.hash_type == "blakeHash":
            if whole & (whole - 1):
                raise _wrong(name, f"hashes {label} with blakeHash, which needs a power of two as length; got {whole}")
            if kdf["key_size"] > _BLAKE2B_LONGEST_KEY:
                raise _wrong(
                    name, f"hashes {label} with blakeHash, which takes keys of up to 64 bytes; got {kdf['key_size']}"
                )
        elif properties.prevent_singularity and whole == 1:
            raise _wrong(name, f"hashes {label} into one bit, which `prevent_singularity` cannot do")


def _kdf(document: dict[str, Any], name: str = "the linkage schema") -> dict[str, Any]:
    kdf = document["clkConfig"]["kdf"]
    if kdf.get("type") != "HKDF":
        raise _wrong(name, "must derive its keys with `HKDF`")
    parts: dict[str, Any] = {"hash": kdf.get("hash", "SHA256"), "key_size": kdf.get("keySize", 64)}
    for part in ("salt", "info"):
        text = kdf.get(part)
        try:
            parts[part] = None if text is None else base64.b64decode(text)
        except ValueError:
            raise _wrong(name, f"has a `kdf.{part}` that is not base64") from None
    if not isinstance(parts["key_size"], int):
        raise _wrong(name, "must have a whole number as `kdf.keySize`")
    needed = parts["key_size"] * _HASHES_PER_FEATURE * len(document["features"])
    available = _HKDF_BLOCKS * _DIGEST_BYTES[parts["hash"]]
    if needed > available:
        raise _wrong(
            name,
            f"needs {needed:,} bytes of keys, and HKDF with {parts['hash']} gives at most {available:,}: "
            "use fewer features, a smaller `keySize` or SHA512",
        )
    return parts


# What a part of a feature may be, where the JSON schema offers several forms and would only say that none of them fits.
_FORMS = {
    "comparison": "expected `type` `ngram` with `n` (and `positional`), `exact`, or `numeric` with `thresholdDistance` and `resolution`",
    "strategy": "expected `bitsPerToken` or `bitsPerFeature`, and one of them only",
    "hash": "expected `type` `blakeHash`, or `doubleHash` (and `prevent_singularity`)",
    "format": "expected `type` `string`, `integer`, `date` with `format`, or `enum` with `values`; text is in `ascii`, `utf-8`, `utf-16` "
    "or `utf-32`",
}


def _said(problem: Any) -> str:
    """A fault of the document in words; parts of several forms are described by what they may be."""
    place = str(problem.absolute_path[-1]) if problem.absolute_path else ""
    if problem.validator in ("oneOf", "anyOf") and place in _FORMS:
        return _FORMS[place]
    return _shortened(str(problem.message))


def _shortened(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= 200 else text[:199] + "…"
