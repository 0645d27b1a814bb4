"""A cursor is good for the list that made it alone: same caller, route and path, and each filter as it was."""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from refledger.adapters.ids import Ids
from refledger.domain.errors import Invalid
from refledger.entry import config
from refledger.entry.http import Request, Route
from refledger.entry.models.common import NoBody, PageQuery
from refledger.entry.tokens import Caller
from scripts import openapi

LISTS = {route.key: route for route in openapi.routes() if issubclass(route.query, PageQuery)}
OWN = {"limit", "cursor"}
# Of each filter some values, of which two at least fit every list that has it
VALUES: dict[str, tuple[str, ...]] = {
    "partnerId": ("a" * 16, "b" * 16),
    "programId": ("default", "other"),
    "entity": ("a" * 24, "b" * 24),
    "actor": ("a" * 24, "b" * 24),
    "from": ("2026-01-01", "2026-01-02", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    "to": ("2026-02-01", "2026-02-02", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"),
    "currency": ("USD", "EUR"),
    "status": (
        "PENDING", "APPROVED", "ACTIVE", "PAUSED", "WAITING", "CONFIRMED", "REQUESTED", "PAYING", "ACCEPTED", "HELD",
    ),
    "state": ("HELD", "REVIEW", "WAITING", "UNREFERRED"),
    "problem": ("true", "false", "any", "DECLINED", "UNKNOWN"),
    "origin": ("PAYMENT", "CONVERSION", "BY_HAND", "CUSTOMER"),
    "tier": ("GOLD", "SILVER"),
    "source": ("WEBSITE", "EMAIL"),
    "tag": ("maths", "physics"),
    "q": ("ad", "be"),
    "externalId": ("crm-1", "crm-2"),
}  # fmt: skip


def filters_of(route: Route) -> set[str]:
    return {field.alias or name for name, field in route.query.model_fields.items()} - OWN


def queries(route: Route, name: str) -> list[BaseModel]:
    """The list with each value of one filter, and without it where it may be left out; nothing else differs."""
    found: list[BaseModel] = []
    for beside in ({}, {"programId": "default"}, {"partnerId": "a" * 16}, {"entity": "a" * 16}):
        for value in (None, *VALUES[name]):
            asked: dict[str, Any] = {key: told for key, told in {**beside, name: value}.items() if told is not None}
            try:
                found.append(route.query.model_validate(asked, by_alias=True))
            except ValidationError:
                continue
        if len(found) > 1:
            return found
        found.clear()
    return found


def asked(at: Route, query: BaseModel, **others: Any) -> Request[Any, Any]:
    path = {name: "x" * 24 for name in ("partnerId", "programId", "importId") if f"{{{name}}}" in at.key}
    known: dict[str, Any] = {
        "caller": Caller("somebody", frozenset(), frozenset()), "route": at.key, "path": path, "query": query,
        "body": NoBody(), "key": None, "request_id": "r",
    }  # fmt: skip
    return Request(**{**known, **others})


@pytest.fixture(autouse=True)
def _ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "context", lambda: SimpleNamespace(ids=Ids("cursors")))


@pytest.mark.parametrize(
    ("key", "name"), [(key, name) for key, route in LISTS.items() for name in sorted(filters_of(route))]
)
def test_a_cursor_of_one_filter_is_refused_with_another(key: str, name: str) -> None:
    """With another value, and without it, whatever the list does with it."""
    route = LISTS[key]
    made = {query.model_dump_json(): query for query in queries(route, name)}
    assert len(made) > 1, f"VALUES needs two {name} that fit {key}"
    for one in made.values():
        cursor = asked(route, one).cursor(["a place"])
        for other in made.values():
            request = asked(route, other.model_copy(update={"cursor": cursor, "limit": 7}))
            if other is one:
                assert request.position(None) == ["a place"]
            else:
                with pytest.raises(Invalid, match="not one of this list"):
                    request.position(None)


@pytest.mark.parametrize("key", LISTS)
def test_a_cursor_is_of_one_caller_route_and_path(key: str) -> None:
    """Somebody else, another list, and the same list of somebody else: all are refused."""
    route = LISTS[key]
    name = next(iter(sorted(filters_of(route))), "")
    query = queries(route, name)[0] if name else route.query.model_validate({})
    mine = asked(route, query)
    again = query.model_copy(update={"cursor": mine.cursor("here")})
    assert asked(route, again).position(None) == "here"
    stranger = Caller("another", frozenset(), frozenset())
    for others in ({"caller": stranger}, {"route": "GET /api/v1/elsewhere"}, {"path": {"partnerId": "y" * 24}}):
        with pytest.raises(Invalid):
            asked(route, again, **others).position(None)


def test_every_list_asks_its_request() -> None:
    """No handler signs or reads a cursor by itself: none can forget what it is good for."""
    for path in sorted((openapi.ROOT / "functions").glob("*/app.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "refledger.entry":
                assert "paging" not in {name.name for name in node.names}, path
            if isinstance(node, ast.FunctionDef) and "Page[" in ast.unparse(node.returns or node.args):
                assert "request.position(" in ast.unparse(node), (path, node.name)
