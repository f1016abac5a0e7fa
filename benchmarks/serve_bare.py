"""The yardsticks: bare FastAPI routes that do the same indexed reads and answer with the rows. They decide and check nothing.

`/families/REF` records nothing. `/recorded/REF` also inserts one row, commits it durably and fills its answer up to a profile's length:
the least that any route would have to do of which every answer is on record before it is told.

python -m benchmarks.serve_bare DATABASE_URL     prints its address
"""

from __future__ import annotations

import os
import secrets
import sys
from base64 import b64encode
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import (
    Column,
    Connection,
    Executable,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    insert,
    null,
    select,
    union_all,
)

from api.store.engine import WRITES, make_engine
from api.store.tables import (
    CellRow,
    ClientKeyRow,
    ClientRow,
    ConflictRow,
    ConsentRow,
    FamilyRow,
    FeedRow,
    MemberRow,
    ProtocolRow,
    RecordRow,
    SubmissionRow,
    TokenRow,
)
from api.store.tables_agreement import StopRow
from api.store.tables_work import BreakGlassRow, HeadRow, LinkRow

PADDING = 305 << 10  # to the length of a profile of twelve members at eight agencies
RECORDED = Table(
    "bare_answers",
    MetaData(),
    Column("answer", String(40), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)


REF = bindparam("ref")
STANDING: tuple[Executable, ...] = (
    select(TokenRow.client, TokenRow.scope, TokenRow.expires_at)
    .join(ClientRow, ClientRow.client == TokenRow.client)
    .where(TokenRow.token_sha256 == REF),
    select(ClientKeyRow.jwk, ClientKeyRow.retired_at).where(ClientKeyRow.kid == REF),
    select(ProtocolRow.digest).where(ProtocolRow.state == "live"),
    select(BreakGlassRow.access).where(BreakGlassRow.family_ref == REF, BreakGlassRow.worker == REF),
    select(ConflictRow.worker)
    .join(MemberRow, MemberRow.record_ref == ConflictRow.record_ref)
    .where(ConflictRow.worker == REF, MemberRow.family_ref == REF),
    union_all(
        select(HeadRow.generation, null(), null()),
        select(null(), FeedRow.confirmed_at, null()),
        select(null(), null(), StopRow.agency),
    ),
)


def bare(url: str) -> FastAPI:
    """The application."""
    app, engine = FastAPI(), make_engine(url)
    RECORDED.create(engine, checkfirst=True)
    writing = engine.execution_options(**{WRITES: True})

    @app.get("/families/{ref}")
    def family(ref: str) -> JSONResponse:
        with engine.connect() as db:
            return JSONResponse(_read(db, ref))

    @app.get("/recorded/{ref}")
    def recorded(ref: str) -> JSONResponse:
        with engine.connect() as db:
            found = _read(db, ref)
        with writing.begin() as db:
            db.execute(insert(RECORDED), {"answer": secrets.token_hex(16), "body": os.urandom(4096)})
        return JSONResponse(found | {"padding": " " * PADDING})

    return app


def _read(db: Connection, ref: str) -> dict[str, Any]:
    """Everything that a question about a family reads."""
    return {"known": _standing(db, ref)} | _rows(db, ref)


def _standing(db: Connection, ref: str) -> list[int]:
    """Who asks, what is agreed, and what stands against the question: how many rows of each there are."""
    return [len(db.execute(statement, {"ref": ref}).all()) for statement in STANDING]


def _rows(db: Connection, ref: str) -> dict[str, Any]:
    """The family, its links, and what the linked records have."""
    declared = db.execute(select(FamilyRow.declaration).where(FamilyRow.family_ref == ref)).scalar_one()
    current = db.execute(
        select(SubmissionRow.agency, SubmissionRow.submission, SubmissionRow.workbook_box).where(
            SubmissionRow.state == "current"
        )
    ).all()
    links = db.execute(
        select(LinkRow.link, LinkRow.member_ref, LinkRow.agency, LinkRow.record_ref, LinkRow.grade).where(
            LinkRow.family_ref == ref, LinkRow.state != "closed"
        )
    ).all()
    chosen = [row.submission for row in current]
    refs = [row.record_ref for row in links]
    flags = db.execute(
        select(RecordRow.record_ref, RecordRow.shielded, RecordRow.silent, RecordRow.hold).where(
            RecordRow.submission.in_(chosen), RecordRow.record_ref.in_(refs)
        )
    ).all()
    cells = db.execute(
        select(CellRow.record_ref, CellRow.attribute, CellRow.as_at, CellRow.sealed).where(
            CellRow.submission.in_(chosen), CellRow.record_ref.in_(refs)
        )
    ).all()
    consents = db.execute(
        select(ConsentRow.body).where(ConsentRow.submission.in_(chosen), ConsentRow.subject_ref.in_(refs))
    ).all()
    return {
        "family": declared,
        "keys": [list(row) for row in current],
        "links": [list(row) for row in links],
        "records": [list(row) for row in flags],
        "cells": [[r, a, str(at), b64encode(sealed).decode()] for r, a, at, sealed in cells],
        "consents": [row.body for row in consents],
    }


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}", flush=True)


if __name__ == "__main__":
    _Server(uvicorn.Config(bare(sys.argv[1]), port=0, log_config=None, access_log=False)).run()
