"""The OpenAPI document is what the code says, and says what the gateway serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from refledger.domain import errors
from refledger.entry import access
from scripts import api_page, api_samples, descriptions, openapi
from tests.support import functions

FUNCTION = Path(__file__).parents[2] / "functions" / "docs"
Json = dict[str, Any]


@cache
def document() -> Json:
    return openapi.document()


def operations() -> Iterator[tuple[str, Json]]:
    for path, methods in document()["paths"].items():
        yield from ((f"{method.upper()} {path}", told) for method, told in methods.items())


def test_amounts_are_told_as_decimals_too() -> None:
    """Whatever is answered with an amount and its currency says it in major units beside it, as files do."""
    schemas = document()["components"]["schemas"]
    told = {name: each["properties"] for name, each in schemas.items() if name.endswith("View")}
    rows = {name: fields for name, fields in told.items() if {"amount", "currency"} <= set(fields)}
    del rows["MoneyView"]  # of terms, which are sent back as they were read, and of sums of reports
    assert len(rows) > 10
    assert [name for name, fields in rows.items() if "amountDecimal" not in fields] == []


def test_the_committed_document_is_made_from_the_code() -> None:
    """Whoever changes a route or a model runs `make openapi`; page and document are of one making."""
    committed = json.loads((FUNCTION / "openapi.json").read_text(encoding="utf-8"))
    assert committed == document()
    assert (FUNCTION / "index.html").read_text(encoding="utf-8") == api_page.page(committed)


def test_every_route_has_an_operation() -> None:
    """No route without a page, no page without a route."""
    assert {route for route, _ in operations()} == set(access.ROUTES)


def test_operations_have_names_of_their_own() -> None:
    """Generators of clients make a method of each."""
    names = [told["operationId"] for _, told in operations()]
    assert len(set(names)) == len(names)


def test_names_come_from_the_resources_of_the_path() -> None:
    """As a client of Stripe's reads: withdrawals.list, referrals.create, partners.codes.disable."""
    names = {route: told["operationId"] for route, told in operations()}
    assert names["GET /api/v1/withdrawals"] == "withdrawals.list"
    assert names["POST /api/v1/referrals"] == "referrals.create"
    assert names["PATCH /api/v1/rewards/{rewardId}"] == "rewards.update"
    assert names["POST /api/v1/partners/{partnerId}/codes/{code}/disable"] == "partners.codes.disable"
    assert names["GET /api/v1/partners/statistics"] == "partners.statistics"
    assert names["GET /api/v1/partners/{partnerId}/statistics"] == "partners.statistics.get"


def test_every_tag_is_told() -> None:
    """And none that nothing has."""
    assert {tag for _, told in operations() for tag in told["tags"]} == {tag["name"] for tag in document()["tags"]}


def test_moments_are_moments() -> None:
    """What a client's generator turns into a time: every property that ends with At."""
    view = document()["components"]["schemas"]["PartnerView"]["properties"]
    assert view["createdAt"]["format"] == "date-time"


def test_everything_is_described() -> None:
    """Each field of each schema, each parameter, and each value of each enum: nobody has to guess."""
    schemas = document()["components"]["schemas"]
    fields = {
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, told in schema.get("properties", {}).items()
        if not told.get("description")
    }
    parameters = {
        f"{route} {each['name']}"
        for route, told in operations()
        for each in told["parameters"]
        if not each.get("description")
    }
    values = {
        f"{name}.{value}"
        for name, schema in schemas.items()
        for value in schema.get("enum", ())
        if not schema.get("description") or not schema["x-enumDescriptions"][value]
    }
    assert (fields, parameters, values) == (set(), set(), set())


def test_a_description_is_of_one_thing() -> None:
    """It ends where a sentence does, and says nothing of a field beside it: a docstring has one item for each."""
    schemas = document()["components"]["schemas"]
    told = {(name, field): each for name, s in schemas.items() for field, each in s.get("properties", {}).items()}
    told |= {(route, each["name"]): each for route, operation in operations() for each in operation["parameters"]}
    unfit = re.compile(r"(\bor|[;,:])\.?$|`\w+`:\s")
    assert [where for where, each in told.items() if unfit.search(each["description"])] == []


def test_what_parameters_mean() -> None:
    """Not what a field of the same name means elsewhere."""
    told = {(route, each["name"]): each["description"] for route, o in operations() for each in o["parameters"]}
    assert told["GET /api/v1/partners/top", "by"] == "What partners are ranked by."
    assert "UNREFERRED: those of customers whom nobody had referred" in told["GET /api/v1/payments", "state"]
    assert told["GET /api/v1/programs/{programId}/versions/{version}", "version"].startswith("The number of")
    assert told["GET /api/v1/audit", "to"] == "The moment at which it ends, which is not in it."
    assert told["GET /api/v1/referrals/trends", "from"].endswith("are the default.")


@pytest.mark.parametrize("route", openapi.routes(), ids=lambda route: route.key)
def test_an_example_of_a_request_would_be_taken(route: Any) -> None:
    """Rules between fields are not in the schema: only the model knows them."""
    method, path = route.key.split()
    for kind, content in document()["paths"][path][method.lower()].get("requestBody", {}).get("content", {}).items():
        if kind == "application/json" and access.ROUTES[route.key]:
            route.body.model_validate_json(json.dumps(content["example"]))


def test_examples_say_something() -> None:
    """Made by the name of a field, where its schema has no example: "text" tells nobody anything."""
    written = json.dumps(document())
    assert sorted(set(re.findall(r'"(\w+)": "text"', written))) == []
    assert bool('"amountDecimal": "15.00"' in written)


def test_descriptions_are_of_something() -> None:
    """A name in the list that no schema and no parameter has is one that was renamed."""
    schemas = document()["components"]["schemas"]
    fields = {field for schema in schemas.values() for field in schema.get("properties", ())}
    parameters = {each["name"] for _, told in operations() for each in told["parameters"]}
    names = {re.sub(r"^\w+\.|:\w+$", "", name) for name in descriptions.COMMON}
    assert names - fields - parameters == set()
    told_of = [re.sub(r":\w+$", "", name).split(".") for name in descriptions.COMMON if "." in name]
    told_of = [each for each in told_of if not each[0].endswith("Query")]  # whose fields are parameters
    assert [name for model, name in told_of if name not in schemas.get(model, {}).get("properties", {})] == []


def test_what_has_few_values_says_which() -> None:
    """A client's generator makes a type of each status: the rest is somebody's words, or of a kind that grows."""
    schemas = document()["components"]["schemas"]
    few = ("status", "state", "kind", "type", "what", "origin", "interval", "risks", "blocked")
    open_ended = {
        "ActorView.kind",
        "FaultView.kind",
        "AuditView.type",
        "PayoutMethodView.type",
        "ExportFilters.status",
        "Problem.type",
    }

    def has_values(schema: Json) -> bool:
        inner = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
        return bool({"enum", "const", "$ref"} & schema.keys()) or any(map(has_values, inner))

    free = {
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, told in schema.get("properties", {}).items()
        if field.casefold().endswith(few) and field != "byStatus" and not has_values(told)
    }
    assert free <= open_ended | {"Problem.status"}


def test_bounds_are_said_as_a_schema_says_them() -> None:
    """`minimum` and `maximum`, of amounts and rates too; not the names that Pydantic has for them."""
    text = json.dumps(document()["components"]["schemas"])
    assert re.findall(r'"(?:gt|ge|lt|le)": -?\d', text) == []
    assert document()["components"]["schemas"]["Money"]["properties"]["amount"]["minimum"] == 0


def test_every_reference_leads_somewhere() -> None:
    """A `$ref` that names nothing breaks every generator of clients."""
    text = json.dumps(document())
    for part in ("schemas", "examples", "headers"):
        named = {found.split('"')[0] for found in text.split(f"#/components/{part}/")[1:]}
        assert named <= set(document()["components"][part])
        assert named


def samples() -> Iterator[Any]:
    """(where, example, schema) of every body and answer."""
    for route, told in operations():
        asked = told.get("requestBody", {}).get("content", {}).items() if access.ROUTES[route] else ()
        answered = [(k, c) for s, each in told["responses"].items() if s < "400" for k, c in each["content"].items()]
        for kind, content in [*asked, *answered]:
            if "example" in content or kind == "application/json":
                yield pytest.param(content.get("example"), content["schema"], id=f"{route} {kind}")


@pytest.mark.parametrize(("example", "schema"), samples())
def test_an_example_is_what_its_schema_says(example: Any, schema: Json) -> None:
    """Every operation shows a body that would be taken and an answer as it would come."""
    jsonschema.Draft202012Validator({**schema, "components": document()["components"]}).validate(example)


@pytest.mark.parametrize("route", sorted(set(access.ROUTES)))
def test_a_route_says_what_it_refuses(route: str) -> None:
    """All codes of all errors that it may answer, each with an example: `refuses`, where the route is declared."""
    (told,) = [found for found in openapi.routes() if found.key == route]
    assert access.ROUTES[route] is access.PUBLIC or told.refuses is not None


def test_every_code_is_known() -> None:
    """The codes of the examples are those of errors, which stay the same for ever."""
    codes = {kind.code for kind in functions.kinds(errors.Refledger)}
    shown = {each["value"]["code"] for each in document()["components"]["examples"].values()}
    assert shown <= codes | {"MALFORMED", "PRECONDITION_REQUIRED", "INTERNAL"}


def test_the_page_says_what_a_parameter_may_be() -> None:
    """A sentence, and values, bounds and defaults from the schema."""
    page = (FUNCTION / "index.html").read_text(encoding="utf-8")

    def row(name: str, says: str, may_be: str) -> str:
        small = f"<br><small>{may_be}</small>" if may_be else ""
        start = f'<tr data-in="query" data-name="{name}" data-example="">'
        return f"{start}<td><code>{name}</code></td><td>query</td><td></td><td>{says}{small}</td></tr>"

    assert row("limit", "How many items a page has at most.", "1 to 100, 25 unless it is said") in page
    assert row("cursor", "The <code>nextCursor</code> of the page before.", "") in page
    assert "<li><code>REQUESTED</code>: " in page
    meanings = "<li><code>CSV</code>: as a table</li><li><code>JSON</code>: as data</li>"
    meanings += "<li><code>PDF</code>: as a page to print</li>"
    small = f"JSON, CSV or PDF, JSON unless it is said</small><ul>{meanings}</ul>"
    assert (
        row("format", "What the file is written as.", "").replace("</td></tr>", f"<br><small>{small}</td></tr>") in page
    )
    assert "FAILED, RETURNED or ALL</small>" in page
    assert row("from", "Days in UTC, both included, on which they came.", "a day, such as 2026-01-31") in page
    assert "<small>payments or stripe</small>" in page
    assert "<small>true or false, false unless it is said</small>" in page


def test_a_call_is_shown_as_one_types_it() -> None:
    """With curl, in Python that compiles, in TypeScript; with what is needed, and its body."""
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            shown = api_samples.samples(method, path, told)
            assert tuple(shown) == api_samples.LANGUAGES
            compile(shown["Python"], path, "exec")
            assert not {"{", "…"} & set(shown["curl"].partition("-d '")[0]), shown["curl"]
    approve = document()["paths"]["/api/v1/programs/{programId}"]["put"]
    shown = api_samples.samples("put", "/api/v1/programs/{programId}", approve)
    for text in shown.values():
        assert "/api/v1/programs/default" in text
        assert "If-Match" in text
        assert "tierRatesBps" in text or "rules" in text


def test_the_page_tells_each_field_once() -> None:
    """Of bodies and answers: operations lead to the schema, which has an anchor, and every link leads somewhere."""
    page = (FUNCTION / "index.html").read_text(encoding="utf-8")
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)
    assert {f"schema-{name}" for name in document()["components"]["schemas"]} <= set(anchors)
    assert '<p>Fields: <a href="#schema-PartnerPatch">PartnerPatch</a>.</p>' in page
    assert "<tr><td><code>firstName</code></td><td>text</td><td>needed</td><td>The given name." in page
    assert "`" not in re.sub(r"<pre.*?</pre>", "", page, flags=re.S)
    assert "<summary>Payout batches</summary>" in page
    assert len(page) < 1_500_000


def test_the_page_runs_and_loads_what_stands_beside_it() -> None:
    """Nothing in the text itself, and nothing of anybody else's."""
    page = (FUNCTION / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script[^>]*>", page) == re.findall(r'<script src="docs/reference.js\?\w+" defer>', page) != []
    assert re.findall(r"src=.|<style| style=| on\w+=\"", page) == ['src="']
    assert 'href="http' not in page
    assert page.count('<details class="operation"') == len(list(operations()))
