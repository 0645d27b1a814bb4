"""What was sent with a request, read into the model of its route: as JSON that says each thing once, or as text."""

from __future__ import annotations

import base64
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from refledger.domain.errors import Invalid
from refledger.entry import faults
from refledger.entry.models.common import Body, TextBody
from refledger.entry.models.kinds import REFUSED

BODY_LIMIT_BYTES = 64 * 1024
JSON = "application/json"


class Malformed(Invalid):
    """The request cannot be read at all."""

    code = "MALFORMED"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Rejected(Exception):
    """The body, or the query, is not as it should be. `faults`: each field with its reason."""

    def __init__(self, faults: list[dict[str, str]]) -> None:
        self.faults = faults
        self.detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults[:3])


def body(model: type[BaseModel], event: dict[str, Any], headers: dict[str, str]) -> BaseModel:
    """Read the body of an event of the gateway. Raises Malformed, Rejected."""
    if not issubclass(model, TextBody):
        return validated(model, _body_text(event, headers))
    text = _body_text(event, headers, model.content_type, model.limit_bytes)
    return validated(model, json.dumps({"text": text}))


def sent(event: dict[str, Any], limit: int = BODY_LIMIT_BYTES) -> bytes:
    """Return what was sent, byte for byte: what is not UTF-8, API Gateway hands on in base64.

    Raises Malformed.
    """
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError:  # no base64, or half of a surrogate pair
        raise Malformed(400, "the body is not UTF-8 text") from None
    if len(body) > limit:
        raise Malformed(413, f"the body is larger than {limit} bytes")
    return bytes(body)


def _body_text(
    event: dict[str, Any], headers: dict[str, str], wanted: str = JSON, limit: int = BODY_LIMIT_BYTES
) -> str:
    told = sent(event, limit)
    if not told and wanted == JSON:
        return "{}"
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != wanted:
        raise Malformed(415, f"the body must be {wanted}")
    try:
        return told.decode()
    except UnicodeDecodeError:
        raise Malformed(400, "the body is not UTF-8 text") from None


def validated(model: type[BaseModel], text: str) -> BaseModel:
    """Return a model of JSON text.

    Raises Malformed for what is not JSON, Rejected with the fields for what is not as it should be.
    """
    try:
        return model.model_validate_json(_checked(text, exact=issubclass(model, Body) and model.exact))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise Malformed(400, "the body is not JSON") from None
        raise Rejected(faults.joined(list(map(_fault, details[:20])))) from None


def _checked(text: str, *, exact: bool) -> str:
    """The text, if it says each thing once: of two amounts no one knows which was meant. Raises Rejected.

    `exact`: with numbers that have a point as texts: Pydantic would take them for floats, digits would be lost.
    """
    if text == "{}":
        return text
    try:
        told = json.loads(text, parse_float=str, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):  # no JSON, or none that can be meant: Pydantic says so
        return text
    return json.dumps(told) if exact else text


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's members. Raises Rejected where a name stands twice."""
    told = dict(pairs)
    if len(told) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Rejected([{"field": twice, "message": "stands there more than once"}])
    return told


def _fault(detail: Any) -> dict[str, str]:
    """Where, and what; a rule of the domain names the place itself, seen from where it was asked."""
    place = [*detail["loc"], *([detail["ctx"]["field"]] if detail["type"] == REFUSED else [])]
    return {"field": faults.place(place) or "body", "message": faults.message(detail)}
