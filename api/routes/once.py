"""Idempotency keys: a request that is sent again, because nobody knows whether it arrived, gets the answer of the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Header, Request, Response
from pydantic import BaseModel

from api.guards import caller, service_of
from api.store.desk import Kept
from api.store.store import Transaction
from protocols.errors import InputError

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9_-]{8,64}$",
        description="The same key and the same request get the same answer, for a day.",
    ),
]
_M = TypeVar("_M", bound=BaseModel)


def once(
    request: Request,
    response: Response,
    key: str | None,
    given: BaseModel | None,
    make: Callable[[Transaction], _M],
    worker: str | None = None,
) -> _M | Response:
    """Do something in one transaction, once for each idempotency key. Raises `InputError` for another request under one key.

    What another `worker` asks for is another request, whatever it says.
    """
    service, client = service_of(request), caller(request).client
    said = given.model_dump_json() if given is not None else ""
    who = f"{worker}\n" if worker else ""
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n{who}{said}".encode()).hexdigest()
    with service.store.writing() as tx:
        if key is None:
            return make(tx)
        kept = tx.desk.kept(client, key)
        if kept is not None:
            if kept.request_sha256 != digest:
                raise InputError("This idempotency key was used for another request.", next_step="Use a new key.")
            return Response(kept.body, kept.status, media_type="application/json")
        made = make(tx)
        status = response.status_code or 200
        tx.desk.keep(client, key, Kept(digest, status, made.model_dump_json()), service.now())
        return made
