"""Why a person should look: each reason alone, at its very limit; and what the program may approve by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from refledger.domain.journal import Balance, EntryKind, JournalEntry, post
from refledger.domain.methods import MethodType, PayoutMethod
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import CurrencyTerms
from refledger.domain.risks import RiskFacts, asked_for, needs_no_person, risks
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import Approval, MethodUsed, Risk, Withdrawal, WithdrawalStatus, WithdrawalStep

NOW_MS = 1_000 * DAY_MS
METHOD = PayoutMethod("m", "p", 1, MethodType.STRIPE, "B", "…0000", b"", NOW_MS - 7 * DAY_MS, verified_at_ms=1)
PARTNER = Partner("p", "default", "CODE", PartnerStatus.ACTIVE, "bob", NOW_MS - 30 * DAY_MS)
FACTS = RiskFacts(NOW_MS, PARTNER, METHOD, (100, 100, 101), in_debt=False, has_held_rewards=False)


def withdrawal(amount: int = 300, **changes: Any) -> Withdrawal:
    return Withdrawal(**{
        "id": "w", "partner_id": "p", "program_id": "default", "amount": amount, "currency": "EUR",
        "status": WithdrawalStatus.REQUESTED, "method": MethodUsed("m", 1, MethodType.STRIPE, "B", "…0000"),
        "requester": "bob", "created_at_ms": NOW_MS, "expires_at_ms": NOW_MS, "body": "b", **changes,
    })  # fmt: skip


def test_an_old_friend_is_no_risk() -> None:
    """A week old method, a month old account, three times the mean to the cent: nothing to look at."""
    assert risks(withdrawal(301), FACTS) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": replace(METHOD, created_at_ms=METHOD.created_at_ms + 1)}, (Risk.NEW_PAYOUT_METHOD,)),
        ({"method": replace(METHOD, verified_at_ms=0)}, (Risk.UNVERIFIED_PAYOUT_METHOD,)),
        ({"method": None}, (Risk.NEW_PAYOUT_METHOD, Risk.UNVERIFIED_PAYOUT_METHOD)),
        ({"paid": (100, 100, 100)}, (Risk.UNUSUAL_AMOUNT,)),
        ({"paid": (*[100] * 25, 10_000)}, (Risk.UNUSUAL_AMOUNT,)),
        ({"paid": ()}, (Risk.FIRST_WITHDRAWAL,)),
        ({"partner": replace(PARTNER, created_at_ms=PARTNER.created_at_ms + 1)}, (Risk.YOUNG_ACCOUNT,)),
        ({"has_held_rewards": True}, (Risk.HELD_REWARDS,)),
        ({"in_debt": True}, (Risk.DEBT,)),
        *(
            ({"partner": replace(PARTNER, status=status)}, (Risk.NOT_ACTIVE,))
            for status in PartnerStatus
            if status is not PartnerStatus.ACTIVE
        ),
    ],
)
def test_each_reason_alone(changes: dict[str, Any], expected: tuple[Risk, ...]) -> None:
    """One fact is different, by a millisecond or a cent: exactly that reason."""
    assert risks(withdrawal(301), replace(FACTS, **changes)) == expected


def entries(*moves: tuple[EntryKind, int, str, int]) -> list[JournalEntry]:
    """(kind, amount, reference, how long ago), oldest first; returned newest first, as they are read."""
    balance, made = Balance("p", "EUR"), []
    for kind, amount, reference, ago_ms in moves:
        balance, entry = post(balance, kind, amount, reference, NOW_MS - ago_ms)
        made.append(entry)
    return made[::-1]


def test_what_was_asked_for_within_a_day_counts_once() -> None:
    """Not what is a day old, not what came back, not this one, not other movements; what was paid counts."""
    found = entries(
        (EntryKind.RESERVE, 1, "old", DAY_MS),
        (EntryKind.RESERVE, 2, "almost", DAY_MS - 1),
        (EntryKind.EARN, 4, "payment", 9),
        (EntryKind.RESERVE, 8, "rejected", 8),
        (EntryKind.RESERVE, 16, "paid", 7),
        (EntryKind.RELEASE, 8, "rejected", 6),
        (EntryKind.RELEASE, 1, "old", 6),
        (EntryKind.SETTLE, 16, "paid", 5),
        (EntryKind.RESERVE, 32, "w", 4),
    )
    assert asked_for(found, NOW_MS, "w") == 2 + 16


TERMS = CurrencyTerms(auto_approve_limit=300)


def alone(amount: int = 300, terms: CurrencyTerms = TERMS, others: int | None = 0, **given: Any) -> bool:
    item = withdrawal(amount, **given.pop("item", {}))
    return needs_no_person(item, terms, given.get("found", ()), others, given.get("available", 0))


def test_the_program_approves_what_is_within_its_limit_and_has_no_risk() -> None:
    """To the cent, alone or together with others of the day."""
    assert alone()
    assert alone(200, others=100)


@pytest.mark.parametrize(
    "given",
    [
        {"amount": 301},
        {"amount": 200, "others": 101},
        {"others": None},
        {"found": (Risk.YOUNG_ACCOUNT,)},
        {"available": -1},
        {"terms": CurrencyTerms()},
        {"terms": CurrencyTerms(auto_approve_limit=300, second_approval_limit=299)},
        {"amount": 200, "others": 100, "terms": CurrencyTerms(auto_approve_limit=900, second_approval_limit=299)},
        {"item": {"steps": (WithdrawalStep(WithdrawalStatus.REQUESTED, "system", 1),)}},
        {"item": {"approvals": (Approval("ann", 1),)}},
    ],
)
def test_a_person_decides_about_everything_else(given: dict[str, Any]) -> None:
    """More than the limit, split or not; what could not be counted; a risk; debt; no limit; what needs two; what people
    have begun to decide about.
    """
    assert not alone(**given)
