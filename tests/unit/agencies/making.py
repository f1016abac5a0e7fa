"""What tests of submissions open and write: a part as a table, its keys and encodings, a folder's families and protocol."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from agencies.folder import AgencyFolder
from agencies.submission import Made
from protocols.sealing import SealingPrivateKey, open_box, open_stream
from protocols.submission import (
    box_context,
    clk_context,
    clk_part,
    open_submission,
)

Row = dict[str, str]


def table(made: Made, name: str) -> pl.DataFrame:
    with open_submission(made.path) as file, file.open(name) as source:
        return pl.read_parquet(io.BytesIO(source.read()))


def data_key(made: Made, who: str, key: SealingPrivateKey) -> bytes:
    manifest = made.manifest
    recipient = getattr(manifest, who)
    about = box_context(who, manifest.agency, manifest.protocol_digest, manifest.epoch)
    return open_box(base64.b64decode(recipient.box), key, about)


def clks(made: Made, key: bytes) -> np.ndarray[Any, Any]:
    manifest = made.manifest
    with open_submission(made.path) as file, file.open(clk_part("person")) as source:
        about = clk_context(manifest.agency, "person", manifest.protocol_digest)
        data = b"".join(open_stream(source, key, about))  # type: ignore[arg-type]
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, manifest.clks[0].bits // 8)


def declaring(
    make_world: Callable[[str], Any], write_extract: Callable[..., Path], people: list[Row], child: str = ""
) -> tuple[Any, Path, Path]:
    """Social care, an extract in which the second person is a child, and the folder that declares both a family."""
    world = make_world("social_care")
    folder = world.agency.path.parent / "lcs"
    people[1].update({"DOB": "03/04/2019", "KIND": "C"})
    extract = write_extract(people, folder=folder)
    declare(folder, people[0]["REF"], child or people[1]["REF"])
    return world, extract, folder


def declare(folder: Path, mother: str, child: str) -> None:
    (folder / "families.csv").write_text("family_ref,aliases,opened,closed\nWB-1,WB-0,2026-01-05,\n")
    (folder / "members.csv").write_text(
        "family_ref,member_ref,role,kind,stage,stage_since,expected_date,mother_ref,joined,left\n"
        f"WB-1,{mother},MOTHER,ADULT,,,,,2026-01-05,\nWB-1,{child},CHILD,CHILD,CP,2026-03-01,,,2026-01-05,\n"
        f"WB-1,U1,UNBORN,UNBORN,PLO,2026-09-01,2027-01-20,{mother},2026-09-01,\n"
    )
    (folder / "relationships.csv").write_text(
        f"family_ref,adult_ref,child_ref,relationship,contact\nWB-1,{mother},{child},PARENT,LIVES_WITH\n"
    )
    (folder / "allocations.csv").write_text(
        "family_ref,worker,role_function,for_ref,from,until\nWB-1,w-1,social-worker,,2026-01-05,\n"
    )
    (folder / "consents.csv").write_text(
        "member_ref,given_by_ref,capacity,scope,purpose,notice_version,method,status,given_at,expires_at,withdrawn_at\n"
        f"{mother},,ADULT,recovery.episode,family-support,v3,in-person,GIVEN,2026-05-01T10:00:00+01:00,,\n"
    )


def use_protocol(folder: AgencyFolder, text: str) -> None:
    (folder.path / "protocol.yaml").write_text(text)
    settings = folder.path / "agency.yaml"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith("protocol:")]
    settings.write_text("\n".join([*lines, "protocol: protocol.yaml"]) + "\n")
