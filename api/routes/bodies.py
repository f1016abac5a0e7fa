"""Bodies that cross the wire as the protocol's own models: read strictly from their bytes, as every party reads them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from protocols.errors import InputError, VerificationError
from protocols.signing import Wire

_W = TypeVar("_W", bound=Wire)


class Shown(BaseModel):
    """What is shown of a value of ours: the fields of the same name, or of the name that `validation_alias` gives."""

    model_config = ConfigDict(from_attributes=True)


_JSON = "application/json"


def wire(model: type[_W], name: str) -> Callable[[Request], Awaitable[_W]]:
    """A dependency that reads the body as `model`. Raises `InputError` that names fields, never values."""

    async def read(request: Request) -> _W:
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != _JSON:
            raise InputError(f"The {name} comes as `{_JSON}`.", next_step="Send it as JSON.")
        try:
            return model.read(await request.body(), name)
        except VerificationError as error:
            raise InputError(error.what, next_step="See the API's description for the expected form.") from None

    return read


def described_body(model: type[Wire]) -> dict[str, Any]:
    """The body for the API's description."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}}
