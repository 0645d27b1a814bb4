"""Withdrawals as staff find and follow them: lists of all, of a partner, by date; the timeline; whole accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.times import DAY_MS, iso
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.entry import config
from refledger.operations.payouts.transitions import step
from refledger.operations.rate_limits import LimitKind, Limits
from tests.support.functions import World, assert_problem

S = WithdrawalStatus
W = "/api/v1/withdrawals"
ONE = f"{W}/{{withdrawalId}}"
FIN: dict[str, Any] = {"sub": "fin", "groups": ("finance",)}
SUPPORT: dict[str, Any] = {"sub": "sue", "groups": ("support",)}


@pytest.fixture
def bob(world: World, somebody: Callable[[], str]) -> str:
    """A partner with 500.00."""
    name = somebody()
    world.books.grant(name, 50_000)
    world.books.mature(name)
    return name


def listed(world: World, **query: str) -> list[int]:
    answer = world.call(f"GET {W}", query={"limit": "100", **query}, **FIN)
    assert answer.status == 200, answer
    return [each["amount"] for each in answer.body["data"]]


def test_lists_of_all_of_a_partner_and_by_date(world: World, bob: str) -> None:
    """A partner's by when they were asked for, all by when they last moved, each with a day's bounds."""
    world.books.clock.forward(DAY_MS)
    first = world.books.withdraw(bob, 1001)
    world.books.clock.forward(DAY_MS)
    world.books.withdraw(bob, 1002)
    partner, day = world.books.partner(bob).id, iso(first.created_at_ms)[:10]
    assert listed(world, partnerId=partner) == [1002, 1001]
    assert listed(world, partnerId=partner, to=day) == [1001]
    assert listed(world, partnerId=partner, programId="another") == []
    assert world.call(f"POST {ONE}/reject", path={"withdrawalId": first.id}, body={}, **FIN).status == 200
    assert listed(world, partnerId=partner, status="rejected") == [1001]
    assert listed(world, partnerId=partner, status="all") == [1002, 1001]
    today = iso(world.books.clock())[:10]
    assert {1001, 1002} <= set(listed(world, status="all", **{"from": today}))
    assert listed(world, status="rejected", programId="default", **{"from": today, "to": today}) == [1001]
    assert 1001 not in listed(world, status="all", to=day)
    assert listed(world, partnerId=partner, problem="true") == []


def test_a_timeline_tells_everything_once(world: World, bob: str) -> None:
    """Asked for, approved, paid, returned: who, when, why, and what money moved with it; support may read it."""
    made = world.books.withdraw(bob, 2000)
    path = {"withdrawalId": made.id}
    for verb, body in (
        ("approve", {"note": "known well"}), ("mark-paid", {"transactionId": "TX-9"}),
        ("mark-returned", {"note": "closed", "transactionId": "R-9"}),
    ):  # fmt: skip
        world.books.clock.forward(1000)
        assert world.call(f"POST {ONE}/{verb}", path=path, body=body, **FIN).status == 200
    for who in (FIN, SUPPORT):
        told = world.call(f"GET {ONE}/timeline", path=path, **who)
        assert told.status == 200
    body = told.body
    assert (body["withdrawalId"], body["amount"], body["currency"]) == (made.id, 2000, "USD")
    events = body["events"]
    assert [(e["what"], e["status"], e["movement"], e["debit"], e["credit"], e["note"]) for e in events] == [
        ("ASKED", "REQUESTED", "RESERVE", "available", "reserved", None),
        ("STATUS", "APPROVED", None, None, None, "known well"),
        ("STATUS", "PAID", "SETTLE", "reserved", "paid", None),
        ("STATUS", "RETURNED", "RETURN", "paid", "available", "closed (R-9)"),
    ]
    assert [e["by"] for e in events] == [world.books.user(bob), *[world.books.user("fin")] * 3]
    assert [e["at"] for e in events] == sorted(e["at"] for e in events)
    booked = [(e.kind, e.debit, e.credit) for e in world.books.entries(bob) if e.reference == made.id]
    assert [(e["movement"], e["debit"], e["credit"]) for e in events if e["movement"]] == booked
    missing = world.call(f"GET {ONE}/timeline", path={"withdrawalId": "nosuchthing"}, **FIN)
    assert (missing.status, missing.code) == (404, "WITHDRAWAL_NOT_FOUND")
    assert_problem(world.call(f"GET {ONE}/timeline", path=path, sub=bob), 403)


def approved(world: World, name: str) -> str:
    id = world.books.withdraw(name, 2000).id
    step(world.books.context, id, WithdrawalStatus.APPROVED, "ann", request="approve")
    return id


def test_a_whole_account_is_shown_while_it_is_needed(world: World, bob: str) -> None:
    """Between the decision and the payment; before and after it is masked for everybody."""
    id = world.books.withdraw(bob, 2000).id
    path = {"withdrawalId": id}
    shown = []
    for status in (None, S.APPROVED, S.PAYING, S.PAID, S.RETURNED):
        if status:
            step(world.books.context, id, status, "ann", request=status)
        read = world.call(f"GET {ONE}", path=path, **FIN).body
        shown.append((read["status"], bool(read["account"])))
    assert shown == [
        ("REQUESTED", False), ("APPROVED", True), ("PAYING", True), ("PAID", False), ("RETURNED", False),
    ]  # fmt: skip


def test_looking_at_accounts_has_a_limit(world: World, bob: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its own: a finance login does not read them all, and reads on what it likes."""
    path = {"withdrawalId": approved(world, bob)}
    few = Limits({**config.limits().allowed, LimitKind.ACCOUNTS: 2})
    monkeypatch.setattr(config, "limits", lambda: few)
    assert [world.call(f"GET {ONE}", path=path, **FIN).status for _ in range(3)] == [200, 200, 429]
    assert world.call(f"GET {ONE}/timeline", path=path, **FIN).status == 200


def test_whole_accounts_are_for_those_who_pay(world: World, bob: str) -> None:
    """Support and services read the withdrawal with the account masked."""
    path = {"withdrawalId": approved(world, bob)}
    whole = world.call(f"GET {ONE}", path=path, **FIN).body
    assert whole["account"]["iban"].startswith("DE")
    service = {"sub": "crm", "claims": {"scope": "refledger/withdrawals:read"}}
    for who in (SUPPORT, service):
        masked = world.call(f"GET {ONE}", path=path, **who).body
        assert masked["account"] is None
        assert whole["account"]["iban"] not in str(masked)
        assert masked["payoutMethod"] == whole["payoutMethod"]
