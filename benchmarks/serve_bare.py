"""The yardstick: a bare FastAPI route that does the same indexed reads and answers with the rows. It decides, checks and records nothing.

python -m benchmarks.serve_bare DATABASE_URL     prints its address
"""

from __future__ import annotations

import sys
from base64 import b64encode
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import select

from api.store.engine import make_engine
from api.store.tables import CellRow, ConsentRow, FamilyRow, RecordRow, SubmissionRow
from api.store.tables_work import LinkRow


def bare(url: str) -> FastAPI:
    """The application."""
    app, engine = FastAPI(), make_engine(url)

    @app.get("/families/{ref}")
    def family(ref: str) -> JSONResponse:
        with engine.connect() as db:
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
        return JSONResponse(
            {
                "family": declared,
                "keys": [list(row) for row in current],
                "links": [list(row) for row in links],
                "records": [list(row) for row in flags],
                "cells": [[r, a, str(at), b64encode(sealed).decode()] for r, a, at, sealed in cells],
                "consents": [row.body for row in consents],
            }
        )

    return app


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}", flush=True)


if __name__ == "__main__":
    _Server(uvicorn.Config(bare(sys.argv[1]), port=0, log_config=None, access_log=False)).run()
