"""The OpenAPI document is what the code says, and says what the gateway serves."""

from __future__ import annotations

import json
from pathlib import Path

from refledger.entry import access
from scripts.openapi import document

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_committed_document_is_made_from_the_code() -> None:
    """Whoever changes a route or a model runs `make openapi`."""
    assert json.loads(COMMITTED.read_text()) == document()


def test_every_route_has_an_operation() -> None:
    """No route without a page, no page without a route."""
    written = {f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods}
    assert written == set(access.ROUTES)


def test_every_reference_leads_somewhere() -> None:
    """A `$ref` that names nothing breaks every generator of clients."""
    made = document()
    text = json.dumps(made)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(made["components"]["schemas"])
    assert len(names) > 20
