"""Corrections by hand: once per key, with their money in one transaction, by two people where it takes two."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.domain.adjustments import Adjustment, AdjustmentKind, AdjustmentRequest, AdjustmentStatus
from refledger.domain.errors import (
    AdjustmentNotFound,
    AlreadyDecided,
    CurrencyNotTaken,
    InsufficientFunds,
    KeyReused,
    NoDebt,
    OwnAdjustment,
    PartnerNotFound,
    Refledger,
    SecondPersonNeeded,
)
from refledger.domain.journal import Account, EntryKind
from refledger.operations import adjustments
from refledger.operations.context import Context
from refledger.operations.partners import partners
from refledger.store import adjustments as stored
from tests.support import worlds
from tests.support.books import Books, Faulty

K, S = AdjustmentKind, AdjustmentStatus
LIMIT = 2000

pytestmark = worlds.lives_in(worlds.funded, amount=5000, adjustment_limit=LIMIT)


def adjust(
    books: Books,
    amount: int,
    key: str | None = None,
    *,
    kind: AdjustmentKind = K.ADJUSTMENT,
    by: str = "ann",
    context: Context | None = None,
    **changes: Any,
) -> Adjustment:
    partner_id = books.partner("bob").id
    asked = AdjustmentRequest(**{
        "partner_id": partner_id, "currency": "USD", "amount": amount, "kind": kind, "reason": "why", **changes,
    })  # fmt: skip
    return adjustments.request(context or books.context, asked, books.user(by), "route", key, f"{asked}")


def approve(books: Books, made: Adjustment, by: str = "eve", request: str = "r") -> Adjustment:
    return adjustments.approve(books.context, made.id, books.user(by), request, "seen the bank statement")


# ---------------------------------------------------------------- one person


@pytest.mark.parametrize(
    ("amount", "kind", "debit", "credit"),
    [
        (LIMIT, EntryKind.CREDIT, Account.ADJUSTMENTS, Account.AVAILABLE),
        (-LIMIT, EntryKind.DEBIT, Account.AVAILABLE, Account.ADJUSTMENTS),
    ],
)
def test_up_to_the_limit_it_is_posted_at_once(
    books: Books, amount: int, kind: EntryKind, debit: Account, credit: Account
) -> None:
    """The balance moves by it, one entry names it, and it waits for nobody."""
    made = adjust(books, amount)
    assert (made.status, made.approver, made.entry) == (S.POSTED, "", 2)
    assert books.balance("bob") == (5000 + amount, 0, 0)
    entry = books.entries("bob")[-1]
    assert (entry.kind, entry.debit, entry.credit, entry.amount, entry.reference) == (
        kind, debit, credit, abs(amount), made.id,
    )  # fmt: skip
    assert stored.find(books.table, made.id) == made
    assert list(stored.waiting(books.table, "", 9)) == []
    assert books.faults() == []


def test_a_debit_may_make_debt_and_debt_stops_withdrawals(books: Books) -> None:
    """50.00 less 60.00 is 10.00 owed; nothing can be withdrawn; a later reward works it off."""
    approve(books, adjust(books, -6000))
    assert books.balance("bob") == (-1000, 0, 0)
    with pytest.raises(InsufficientFunds):
        books.withdraw("bob", 1000)
    books.grant("bob", 3000)
    books.mature("bob")
    books.withdraw("bob", 2000)
    assert books.balance("bob") == (0, 2000, 0)
    assert books.faults() == []


def test_debt_can_be_forgiven_and_then_they_can_withdraw_again(books: Books) -> None:
    """Part of it, then the rest; what is earned afterwards is theirs."""
    approve(books, adjust(books, -6000))
    adjust(books, 400, kind=K.WRITE_OFF)
    assert books.balance("bob") == (-600, 0, 0)
    adjust(books, 600, kind=K.WRITE_OFF)
    assert books.balance("bob") == (0, 0, 0)
    assert [(e.kind, e.debit) for e in books.entries("bob")[-2:]] == [(EntryKind.WRITE_OFF, Account.WRITE_OFFS)] * 2
    books.grant("bob", 1000)
    books.mature("bob")
    books.withdraw("bob", 1000)
    assert books.faults() == []


@pytest.mark.parametrize("owed", [0, 1, 1999])
def test_no_more_is_forgiven_than_is_owed(books: Books, owed: int) -> None:
    """Neither with a balance above zero, nor a cent above the debt; nothing is written."""
    if owed:
        approve(books, adjust(books, -5000 - owed))
    before = books.entries("bob")
    with pytest.raises(NoDebt):
        adjust(books, owed + 1, "key", kind=K.WRITE_OFF)
    assert books.entries("bob") == before


def test_only_for_a_partner_and_in_their_currencies(books: Books) -> None:
    """Nobody's balance, and no balance in a currency by mistake; one that is there may be corrected, by two."""
    with pytest.raises(PartnerNotFound):
        adjust(books, 1, partner_id="p" * 16)
    with pytest.raises(CurrencyNotTaken):
        adjust(books, 1, currency="EUR")
    books.grant("bob", 50, currency="EUR")
    books.mature("bob", "EUR")
    assert adjust(books, -1, currency="EUR").status is S.WAITING


def test_nobody_corrects_their_own_balance(books: Books) -> None:
    """Staff who are partners ask somebody else, whatever the amount and in whichever direction."""
    for amount in (1, -1, LIMIT + 1):
        with pytest.raises(OwnAdjustment):
            adjust(books, amount, by="bob")
    assert len(books.entries("bob")) == 1


# ---------------------------------------------------------------- two people


@pytest.mark.parametrize("amount", [LIMIT + 1, -LIMIT - 1])
def test_above_the_limit_a_second_person_posts_it(books: Books, amount: int) -> None:
    """Until then no money moves; after it the item says who, when and why, and leaves the list of what waits."""
    made = adjust(books, amount)
    assert (made.status, made.entry) == (S.WAITING, 0)
    assert books.balance("bob") == (5000, 0, 0)
    assert [id for _, id in stored.waiting(books.table, "", 9)] == [made.id]
    books.clock.forward(60_000)
    done = approve(books, made)
    assert (done.status, done.approver, done.decided_at_ms) == (S.POSTED, books.user("eve"), books.clock())
    assert (done.note, done.entry) == ("seen the bank statement", 2)
    assert books.balance("bob") == (5000 + amount, 0, 0)
    assert stored.find(books.table, made.id) == done
    assert list(stored.waiting(books.table, "", 9)) == []
    assert books.faults() == []


def test_the_second_person_is_another_one(books: Books) -> None:
    """Not who asked, and not the partner; then somebody else may."""
    made = adjust(books, LIMIT + 1)
    with pytest.raises(SecondPersonNeeded):
        approve(books, made, by="ann")
    with pytest.raises(OwnAdjustment):
        approve(books, made, by="bob")
    with pytest.raises(OwnAdjustment):
        adjustments.reject(books.context, made.id, books.user("bob"), "r", "no debit for me")
    assert len(books.entries("bob")) == 1
    assert approve(books, made).status is S.POSTED


def test_who_became_the_partner_meanwhile_does_not_decide(books: Books) -> None:
    """The partner is looked at when it is decided, not when it was asked."""
    books.program("second", adjustment_limit=LIMIT)
    acme = partners.create(books.context, partners.NewPartner("A", "B", "a@example.com", "", "", "default", ""),
                           "admin", None, "body")  # fmt: skip
    made = adjust(books, LIMIT + 1, partner_id=acme.id)
    partners.link_user(books.context, acme.id, books.user("eve"), "admin")
    with pytest.raises(OwnAdjustment):
        approve(books, made, by="eve")
    approve(books, made, by="mia")


def test_who_asked_and_became_the_partner_has_asked_for_nothing(books: Books) -> None:
    """Nobody posts what somebody asked for their own balance; it can still be rejected."""
    acme = partners.create(books.context, partners.NewPartner("A", "B", "a@example.com"), "admin", None, "body")
    made = adjust(books, LIMIT + 1, partner_id=acme.id)
    partners.link_user(books.context, acme.id, made.requester, "admin")
    with pytest.raises(OwnAdjustment):
        approve(books, made, by="eve")
    assert adjustments.reject(books.context, made.id, books.user("eve"), "r", "own").status is S.REJECTED


@pytest.mark.parametrize("by", ["eve", "ann"])
def test_rejected_or_taken_back_moves_nothing(books: Books, by: str) -> None:
    """By the second person, or by who asked; then it can no longer be posted."""
    made = adjust(books, LIMIT + 1)
    done = adjustments.reject(books.context, made.id, books.user(by), "r", "wrong partner")
    assert (done.status, done.note, done.entry) == (S.REJECTED, "wrong partner", 0)
    assert adjustments.reject(books.context, made.id, books.user(by), "r", "wrong partner") == done
    with pytest.raises(AlreadyDecided):
        approve(books, made)
    assert books.balance("bob") == (5000, 0, 0)
    assert list(stored.waiting(books.table, "", 9)) == []
    assert books.faults() == []


def test_debt_that_is_gone_by_then_is_not_forgiven(books: Books) -> None:
    """Asked while there was debt, posted after it was worked off: refused, and it waits on."""
    approve(books, adjust(books, -8000))
    made = adjust(books, 3000, kind=K.WRITE_OFF)
    assert made.status is S.WAITING
    books.grant("bob", 1)
    books.mature("bob")
    with pytest.raises(NoDebt):
        approve(books, made)
    assert stored.find(books.table, made.id) == made
    assert books.balance("bob") == (-2999, 0, 0)
    assert books.faults() == []


def test_an_adjustment_that_is_none(books: Books) -> None:
    """404, for both decisions."""
    for decide in (adjustments.approve, adjustments.reject):
        with pytest.raises(AdjustmentNotFound):
            decide(books.context, "none", books.user("eve"), "r", "")


# ---------------------------------------------------------------- once


@pytest.mark.parametrize("amount", [LIMIT, -LIMIT, LIMIT + 1])
def test_one_key_is_one_adjustment(books: Books, amount: int) -> None:
    """However late; another body is refused, and the same key of another person is another adjustment."""
    first = adjust(books, amount, "key")
    books.clock.forward(10**9)
    assert adjust(books, amount, "key") == first
    with pytest.raises(KeyReused):
        adjust(books, amount + 1, "key")
    assert adjust(books, amount, "key", by="eve").id != first.id
    assert adjust(books, amount).id != first.id
    assert books.faults() == []


def test_a_repeated_approval_is_the_same_and_another_one_is_too_late(books: Books) -> None:
    """By person and request; the money moves once."""
    made = adjust(books, LIMIT + 1)
    done = approve(books, made)
    assert approve(books, made) == done
    for other in ({"request": "r2"}, {"by": "mia"}):
        with pytest.raises(AlreadyDecided):
            approve(books, made, **other)
    assert books.balance("bob") == (5000 + LIMIT + 1, 0, 0)


def test_two_approve_at_once(books: Books) -> None:
    """Eight people at the same moment: one posts it, the others are told so; one entry."""
    made = adjust(books, LIMIT + 1)
    people = [f"staff-{number}" for number in range(8)]

    def one(who: str) -> str:
        try:
            return approve(books, made, by=who, request=who).approver
        except Refledger as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(one, people))
    assert sum(each == AlreadyDecided.code for each in said) == 7
    (winner,) = [each for each in said if each != AlreadyDecided.code]
    assert stored.find(books.table, made.id).approver == winner
    assert books.balance("bob") == (5000 + LIMIT + 1, 0, 0)
    assert books.faults() == []


def test_the_same_key_from_everywhere_at_once(books: Books) -> None:
    """One adjustment, one entry, and everybody hears of it."""
    books.partner("bob")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: adjust(books, 100, "key"), range(8)))
    assert {each.id for each in made} == {made[0].id}
    assert books.balance("bob") == (5100, 0, 0)
    assert books.faults() == []


def test_write_offs_at_once_forgive_no_more_than_is_owed(books: Books) -> None:
    """Ten of 3.00 for a debt of 10.00: three are posted, the others refused."""
    approve(books, adjust(books, -6000))

    def one(_: int) -> str:
        try:
            return adjust(books, 300, kind=K.WRITE_OFF).status
        except Refledger as error:
            return error.code

    with ThreadPoolExecutor(5) as pool:
        said = list(pool.map(one, range(10)))
    assert sorted(said) == [NoDebt.code] * 7 + [S.POSTED] * 3
    assert books.balance("bob") == (-100, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("seed", range(5))
def test_lost_answers_and_conflicts_change_nothing(books: Books, seed: int) -> None:
    """Every second write conflicts, or is done and says nothing: each adjustment is there once, with its money."""
    faulty = Faulty(books.client, 50, seed)
    context = books.behind(faulty)
    expected = 5000
    for number in range(6):
        made = adjust(books, 100, f"key {number}", context=context)
        again = adjust(books, 100, f"key {number}", context=context)
        assert made == again
        large = adjust(books, -LIMIT - 1, f"large {number}", context=context)
        done = adjustments.approve(context, large.id, books.user("eve"), "r", "")
        assert done.status is S.POSTED
        expected += 100 - LIMIT - 1
    assert faulty.injected > 5
    assert books.balance("bob") == (expected, 0, 0)
    assert len(books.entries("bob")) == 1 + 12
    assert books.faults() == []


class Died(Exception):
    """The process is gone."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("amount", [100, LIMIT + 1])
def test_a_call_that_dies_at_its_write_can_be_repeated(books: Books, amount: int, after: bool) -> None:
    """Before the write nothing is there, after it everything; the repeat with the key ends up the same either way."""

    class CrashingTable:
        armed = True

        def __getattr__(self, name: str) -> Any:
            method = getattr(books.client, name)
            if name not in ("transact_write_items", "put_item") or not self.armed:
                return method

            def call(**arguments: Any) -> Any:
                self.armed = False
                if after:
                    method(**arguments)
                raise Died

            return call

    with pytest.raises(Died):
        adjust(books, amount, "key", context=books.behind(CrashingTable()))
    posted = amount <= LIMIT
    assert books.balance("bob") == (5000 + (amount if after and posted else 0), 0, 0)
    made = adjust(books, amount, "key")
    assert made.status is (S.POSTED if posted else S.WAITING)
    if not posted:
        with pytest.raises(Died):
            adjustments.approve(books.behind(CrashingTable()), made.id, books.user("eve"), "r", "")
        adjustments.approve(books.context, made.id, books.user("eve"), "r", "")
    assert books.balance("bob") == (5000 + amount, 0, 0)
    assert len(books.entries("bob")) == 2
    assert books.faults() == []
