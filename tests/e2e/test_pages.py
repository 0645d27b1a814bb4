"""A web page of another origin calls the API: what browsers ask before they let it."""

from __future__ import annotations

import pytest

from scripts.demo import Client

ORIGIN = "http://localhost:5173"  # AllowedOrigins, unless given


@pytest.mark.parametrize("path", ["/api/v1/withdrawals", "/api/v1/programs/default", "/docs"])
def test_a_preflight_is_answered(client: Client, path: str) -> None:
    """With methods, headers and how long it holds; another origin gets none of it."""
    asking = {
        "origin": ORIGIN, "access-control-request-method": "PUT",
        "access-control-request-headers": "authorization,content-type,idempotency-key,if-match",
    }  # fmt: skip
    answer = client.http.options(path, headers=asking)
    assert answer.status_code == 204
    told = answer.headers
    assert told["access-control-allow-origin"] == ORIGIN
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(told["access-control-allow-methods"].split(","))
    assert set(asking["access-control-request-headers"].split(",")) <= set(
        told["access-control-allow-headers"].split(",")
    )
    assert int(told["access-control-max-age"]) > 0
    other = client.http.options(path, headers={**asking, "origin": "https://other.example"})
    assert [name for name in other.headers if name.startswith("access-control-")] == []


def test_a_page_may_read_what_it_needs_of_an_answer(client: Client) -> None:
    """Refusals too, and the names of files."""
    for token, status in ((client.token("reader"), 200), ("none", 401)):
        headers = {"origin": ORIGIN, "authorization": f"Bearer {token}"}
        answer = client.http.get("/api/v1/referrals/withdrawals", headers=headers)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)
        exposed = answer.headers["access-control-expose-headers"].split(",")
        assert {"etag", "location", "retry-after", "ratelimit", "content-disposition"} <= set(exposed)


def test_what_has_no_route_of_its_own_is_answered(client: Client) -> None:
    """HEAD like GET, another method by those that there are, another address by a problem; none without its token."""
    token = {"authorization": f"Bearer {client.token('reader')}"}
    got, looked = (client.http.request(method, "/api/v1/session", headers=token) for method in ("GET", "HEAD"))
    assert (looked.status_code, looked.content) == (got.status_code, b"") == (200, b"")
    assert "ratelimit" in looked.headers
    assert client.http.head("/api/v1/session").status_code == 401
    other = client.http.delete("/api/v1/partners")
    assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    nowhere = client.http.get("/api/v1/nothing")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "NOT_FOUND")
    assert client.http.get(nowhere.json()["type"]).status_code == 200
