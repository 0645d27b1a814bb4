"""Pausing, resuming and archiving programs over HTTP."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from tests.support.functions import Answer, World, assert_problem

P = "/api/v1/programs/{programId}"
numbers = count()


@pytest.fixture
def program(world: World) -> str:
    """The id of a program of one test's own."""
    id = f"pausing-{next(numbers)}"
    world.books.program(id)
    return id


def become(world: World, id: str, verb: str, **told: Any) -> Answer:
    return world.admin(f"POST {P}/{verb}", path={"programId": id}, body={"reason": "budget spent"}, **told)


def test_a_program_is_paused_resumed_and_archived(world: World, program: str) -> None:
    """Each is a version with its reason; the times in which nothing is earned are shown; the repeat changes nothing."""
    for number, (verb, status, idle) in enumerate(
        [("pause", "PAUSED", 1), ("resume", "ACTIVE", 1), ("archive", "ARCHIVED", 2)], start=2
    ):
        world.books.clock.forward(1000)
        for _ in range(2):
            answer = become(world, program, verb)
            assert (answer.status, answer.headers["etag"]) == (200, f'"{number}"')
            body = {name: value for name, value in answer.body.items() if name != "pendingChange"}
            assert answer.body["pendingChange"] is None
            assert (body["status"], body["statusReason"], len(body["idle"])) == (status, "budget spent", idle)
        assert world.admin(f"GET {P}", path={"programId": program}).body == body
    assert [each["to"] is None for each in body["idle"]] == [False, True]
    for verb in ("pause", "resume"):
        refused = become(world, program, verb)
        assert (refused.status, refused.code) == (409, "PROGRAM_CLOSED")
    versions = world.admin(f"GET {P}/versions", path={"programId": program}).body["data"]
    assert [each["status"] for each in versions] == ["ARCHIVED", "ACTIVE", "PAUSED", "ACTIVE"]


def test_lists_by_status(world: World, program: str) -> None:
    """Active, paused and archived ones apart, in any case of letters."""
    become(world, program, "pause")

    def ids(status: str) -> list[str]:
        query = {"status": status, "limit": "100"}
        return [each["id"] for each in world.admin("GET /api/v1/programs", query=query).body["data"]]

    assert program in ids("paused")
    assert program not in ids("ACTIVE")
    assert "default" in ids("active")


def test_who_may_and_which(world: World, program: str) -> None:
    """Admins only; a program that is there; with a reason."""
    for verb in ("pause", "resume", "archive"):
        assert_problem(become(world, program, verb, sub="fin", groups=("finance",)), 403)
        missing = become(world, "nosuchthing", verb)
        assert (missing.status, missing.code) == (404, "PROGRAM_NOT_FOUND")
        assert_problem(world.admin(f"POST {P}/{verb}", path={"programId": program}, body={}), 422)
    assert world.admin(f"GET {P}", path={"programId": program}).body["version"] == 1


def test_nobody_applies_a_code_of_a_closed_program(world: World) -> None:
    """409 PROGRAM_CLOSED until it goes on."""
    code = world.call("GET /api/v1/referrals/code", sub="referrer-of-pauses").body["code"]
    route = "POST /api/v1/referrals/apply/{code}"
    become(world, "default", "pause")
    try:
        refused = world.call(route, sub="customer-of-pauses", path={"code": code})
        assert (refused.status, refused.code) == (409, "PROGRAM_CLOSED")
    finally:
        become(world, "default", "resume")
    assert world.call(route, sub="customer-of-pauses", path={"code": code}).status == 201
