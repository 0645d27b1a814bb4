"""Who is signed in, and what they may do: the pages show what this says, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.domain.errors import Forbidden
from refledger.entry import access
from refledger.entry.access import Role
from tests.support.functions import World

SESSION = "GET /api/v1/session"


def ask(world: World, sub: str, *groups: str, **claims: str) -> dict[str, Any]:
    answer = world.call(SESSION, sub=sub, groups=groups, claims=claims)
    assert answer.status == 200, answer
    told: dict[str, Any] = answer.body
    return told


def test_one_of_the_staff_has_a_name_and_roles(world: World) -> None:
    """The id under which all that they do stands, and the name of their token."""
    told = ask(world, "ada", "admin", "support", name="Ada Admin")
    assert told["id"] == world.books.ids.user("ada")
    assert (told["name"], told["roles"], told["partner"]) == ("Ada Admin", ["admin", "support"], None)
    assert (told["stage"], told["signInMinutes"]) == ("dev", None)


def test_a_partner_learns_which_one(world: World) -> None:
    """Their partner's id and status; nobody else's routes but what is their own."""
    world.books.chain("alice", "bob")
    told = ask(world, "alice")
    assert told["partner"]["id"] == world.books.partner("alice").id
    assert (told["partner"]["programId"], told["partner"]["status"]) == ("default", "ACTIVE")
    assert told["roles"] == []
    assert "GET /api/v1/me/balance" in told["may"]
    assert "GET /api/v1/withdrawals" not in told["may"]


def test_somebody_new_is_no_partner_yet(world: World) -> None:
    """It is no error to be nobody: the page then says how to join."""
    told = ask(world, "stranger")
    assert (told["partner"], told["name"]) == (None, None)


@pytest.mark.parametrize("groups", [(), ("support",), ("finance",), ("admin",), ("admin", "finance")])
def test_may_is_what_the_doors_let_in(world: World, groups: tuple[str, ...]) -> None:
    """Each route that is listed is open to a token like this, and each that is not is closed."""
    may = set(ask(world, "ada", *groups)["may"])
    roles = frozenset(map(Role, groups))
    for route, rule in access.ROUTES.items():
        if rule is access.PUBLIC:
            assert route not in may
            continue
        try:
            access.check(route, roles, frozenset())
            is_open = True
        except Forbidden:
            is_open = False
        assert (route in may) is is_open, route
