"""A program is changed through the gateway: the ETag goes out and comes back as If-Match."""

from __future__ import annotations

from typing import Any

from scripts.demo import Client

TERMS: dict[str, Any] = {"name": "Changing", "currency": "USD", "tierRatesBps": [1000]}


def test_a_program_is_changed_once_for_each_version(client: Client) -> None:
    """POST, GET and PUT tell the version; without it 428, with the one before 412, and a repeat is answered again."""
    status, made = client.call("admin", "POST", "/programs", {"id": "changing", **TERMS})
    assert (status, made["version"]) == (201, 1)
    headers = {"authorization": f"Bearer {client.token('admin')}"}
    place = "/api/v1/programs/changing"

    def put(days: int, tag: str | None) -> Any:
        told = {**headers, **({"if-match": tag} if tag else {})}
        return client.http.request("PUT", place, json={**TERMS, "holdDays": days}, headers=told)

    tag = client.http.request("GET", place, headers=headers).headers["etag"]
    assert tag.startswith('"1-'), "the version, and what of it was read"
    assert put(31, None).status_code == 428
    changed, again = put(31, tag), put(31, tag)
    assert (changed.status_code, changed.headers["etag"][:2]) == (200, '"2')
    assert changed.json() == again.json()
    assert put(32, tag).status_code == 412
    assert client.http.request("GET", f"{place}/versions/1", headers=headers).json() == {
        name: value for name, value in made.items() if name != "pendingChange"
    }


def test_looser_terms_are_confirmed_by_another_admin(client: Client) -> None:
    """Nothing loosens for who asks alone; another admin's word makes the next version."""
    client.call("admin", "POST", "/programs", {"id": "loosening", **TERMS})
    headers = {"authorization": f"Bearer {client.token('admin')}", "if-match": '"1"'}
    asked = client.http.request("PUT", "/api/v1/programs/loosening", json={**TERMS, "holdDays": 0}, headers=headers)
    assert (asked.status_code, asked.json()["holdDays"]) == (200, 30)
    place = f"/programs/loosening/changes/{asked.json()['pendingChange']['id']}"
    assert client.call("admin", "POST", f"{place}/confirm", {})[0] == 409
    status, confirmed = client.call("admin-2", "POST", f"{place}/confirm", {})
    assert (status, confirmed["status"], confirmed["version"]) == (200, "CONFIRMED", 2)
    assert client.get("admin", "/programs/loosening")["holdDays"] == 0
