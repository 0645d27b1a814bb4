"""Which rewards a payout covered: those whose money has left, the oldest approval first, and no more."""

from __future__ import annotations

import random

import pytest

from refledger.domain.journal import EntryKind, post
from refledger.domain.rewards import RewardStatus
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.earning import maturity, rewards
from refledger.operations.payouts import withdrawals
from refledger.store import ledger
from tests.support import worlds
from tests.support.books import Books

S = RewardStatus

pytestmark = worlds.lives_in(worlds.two_tiers, currencies=("EUR", "JPY"), payout_minimum=1)


def paid(books: Books, name: str = "bob", currency: str = "USD") -> list[int]:
    """The worth of the rewards that are marked as paid, in the order of their approval."""
    found = [r for r in books.rewards(name) if r.status is S.PAID and r.currency == currency]
    return [r.amount - r.reversed for r in sorted(found, key=lambda r: (r.entry, r.id))]


def earn(books: Books, *amounts: int, currency: str = "USD") -> None:
    """Rewards of Bob's, one after the other."""
    for amount in amounts:
        books.clock.forward(1)
        books.earn("carol", f"p{books.clock()}", amount * 5, currency)


def test_the_oldest_first(books: Books) -> None:
    """A payout covers what was approved first; each says by which withdrawal."""
    earn(books, 100, 200, 300)
    first = books.pay_out("bob", 300)
    assert paid(books) == [100, 200]
    second = books.pay_out("bob", 300)
    assert paid(books) == [100, 200, 300]
    assert [r.paid_by for r in books.rewards("bob")] == [first.id, first.id, second.id]
    assert books.faults() == []


def test_a_part_covers_nothing_until_it_is_whole(books: Books) -> None:
    """A reward of which a part has left is not paid yet; nor is a smaller one that is younger."""
    earn(books, 1000, 5)
    books.pay_out("bob", 999)
    assert paid(books) == []
    books.pay_out("bob", 1)
    assert paid(books) == [1000]
    books.pay_out("bob", 5)
    assert paid(books) == [1000, 5]
    assert books.faults() == []


def test_what_is_only_asked_for_covers_nothing(books: Books) -> None:
    """Reserved money has not left; rejected, it is available again."""
    earn(books, 1000)
    made = books.withdraw("bob", 1000)
    assert books.cover("bob") == 0
    withdrawals.decide(books.context, made.id, WithdrawalStatus.REJECTED, "ann", "r", "no")
    assert books.cover("bob") == 0
    assert paid(books) == []
    assert books.faults() == []


def test_covering_again_changes_nothing(books: Books) -> None:
    """Whoever asks, and however often."""
    earn(books, 100, 200)
    books.pay_out("bob", 150)
    before = books.rewards("bob")
    assert [books.cover("bob", withdrawal_id="another") for _ in range(3)] == [0, 0, 0]
    assert books.rewards("bob") == before


def test_more_than_one_transaction_can_hold(books: Books) -> None:
    """300 rewards of one payout, approved in four entries, one of them with rewards of zero worth in between."""
    books.grant("bob", *range(1, 301))
    books.mature("bob")
    books.pay_out("bob", sum(range(1, 301)))
    assert sorted(paid(books)) == list(range(1, 301))
    assert books.faults() == []


def test_a_refund_between_makes_room(books: Books) -> None:
    """What is refunded before it was covered is worth less, so the payout covers the next one, too."""
    for id, amount in (("a", 100), ("b", 200), ("c", 300)):
        books.clock.forward(1)
        books.earn("carol", id, amount * 5)
    books.refund("a", 250)
    books.pay_out("bob", 250)
    assert paid(books) == [50, 200]
    books.refund("b", 1000)  # paid already: owed from now on
    assert books.balance("bob") == (100, 0, 250)
    assert paid(books) == [50, 0]
    books.pay_out("bob", 100)
    assert paid(books) == [50, 0, 300]
    assert books.faults() == []


def test_a_debt_that_is_worked_off_covers_what_did_it(books: Books) -> None:
    """Paid out, refunded, earned anew: the money of the new reward has left already, so it is paid."""
    books.earn("carol", "a", 5_000)
    books.pay_out("bob", 1000)
    books.refund("a", 5_000)
    earn(books, 600)
    assert books.balance("bob") == (-400, 0, 1000)
    books.cover("bob")
    assert paid(books) == [0, 600]
    earn(books, 700)
    books.cover("bob")
    assert (paid(books), books.balance("bob")) == ([0, 600], (300, 0, 1000))
    books.pay_out("bob", 300)
    assert paid(books) == [0, 600, 700]
    assert books.faults() == []


def test_a_refund_that_fails_after_all_was_paid(books: Books) -> None:
    """What was owed is available again; there is nothing left to be covered, and it can be withdrawn."""
    books.earn("carol", "a", 5_000)
    books.pay_out("bob", 1000)
    books.refund("a", 5_000)
    books.refund("a", 5_000, failed=True)
    assert books.balance("bob") == (0, 0, 1000)
    assert paid(books) == [1000]
    assert books.faults() == []


def test_currencies_that_interleave_keep_apart(books: Books) -> None:
    """Rewards of three currencies lie between each other; a payout in one covers only its own."""
    for number in range(5):
        for currency in ("USD", "EUR", "JPY"):
            earn(books, 100 + number, currency=currency)
    books.pay_out("bob", 100 + 101, "EUR")
    assert (paid(books, currency="USD"), paid(books, currency="EUR"), paid(books, currency="JPY")) == (
        [],
        [100, 101],
        [],
    )
    books.pay_out("bob", 100, "JPY")
    assert (paid(books, currency="USD"), paid(books, currency="JPY")) == ([], [100])
    assert books.faults() == []


def test_one_that_is_worth_nothing_stands_in_nobodys_way(books: Books) -> None:
    """A reward in a whole dispute is passed over, and covered when it came back and its money left."""
    books.earn("carol", "a", 500)
    earn(books, 200)
    books.dispute("a", 500)
    books.pay_out("bob", 200)
    assert paid(books) == [200]
    books.close("a", "WON")
    assert books.balance("bob") == (100, 0, 200)
    books.pay_out("bob", 100)
    assert sorted(paid(books)) == [100, 200]
    assert books.faults() == []


@pytest.mark.parametrize("seed", range(4))
def test_what_is_marked_is_what_has_left(books: Books, seed: int) -> None:
    """Any mix of earnings, refunds, failures and payouts: what is paid is never more than has left, and the next
    reward in turn would be more.
    """
    chosen, ids = random.Random(seed), list[str]()
    for number in range(25):
        books.clock.forward(1)
        match chosen.randrange(5):
            case 0 | 1:
                ids.append(f"x{number}")
                books.earn("carol", ids[-1], 5 * chosen.randrange(1, 400))
            case 2 if ids:
                books.refund(
                    chosen.choice(ids), chosen.randrange(1, 2500), f"r{number % 5}", failed=chosen.random() < 0.4
                )
            case 3 if books.balance("bob")[0] > 0:
                books.pay_out("bob", chosen.randrange(1, books.balance("bob")[0] + 1))
            case _:
                books.cover("bob")
        assert books.faults() == []
    books.cover("bob")
    available, reserved, _ = books.balance("bob")
    waiting = [r for r in books.rewards("bob") if r.status is S.APPROVED and r.amount > r.reversed]
    gone = sum(r.amount - r.reversed for r in waiting) - max(0, available) - reserved
    nearest = min(waiting, key=lambda r: (r.entry, r.id), default=None)
    assert nearest is None or gone < nearest.amount - nearest.reversed


def test_what_a_refund_or_an_adjustment_covered_names_what_took_the_money(books: Books) -> None:
    """Withdrawn in part, then refunded below zero: the reward is PAID by that payout; without one, by what took it."""
    earn(books, 2000)
    books.earn("carol", "refunded", 12_500)  # 25.00 more
    first = books.pay_out("bob", 1500)
    assert paid(books) == []
    books.refund("refunded", 12_500)
    partner_id = books.partner("bob").id
    balance = ledger.find_balance(books.table, partner_id, "USD")
    after, entry = post(balance, EntryKind.DEBIT, 500, "some-adjustment", books.clock())
    books.table.commit(*ledger.post(balance, after, entry))
    books.cover("bob")
    assert [r.paid_by for r in books.rewards("bob") if r.status is S.PAID] == [first.id]
    books.grant("alice", 700)
    books.mature("alice")
    balance = ledger.find_balance(books.table, books.partner("alice").id, "USD")
    after, entry = post(balance, EntryKind.DEBIT, balance.available, "another-adjustment", books.clock())
    books.table.commit(*ledger.post(balance, after, entry))
    books.cover("alice")
    assert {r.paid_by for r in books.rewards("alice") if r.status is S.PAID} == {"another-adjustment"}


def test_what_a_cancelled_reward_no_longer_keeps_covers_the_next(books: Books) -> None:
    """A part had left of the oldest; once that is cancelled it is the whole of the next one, which is paid then."""
    earn(books, 1000, 600)
    first = books.pay_out("bob", 600)
    assert paid(books) == []
    oldest, _ = sorted(books.rewards("bob"), key=lambda r: r.entry)
    cancelled = books.cancel(oldest)
    (told,) = rewards.make_room([cancelled], books.clock())
    assert maturity.mature_from(books.context, told.partner_id, told.currency, told.since) == ""
    assert books.cover("bob") == 1
    assert paid(books) == [600]
    assert [r.paid_by for r in books.rewards("bob") if r.status is S.PAID] == [first.id]
    assert books.faults() == []
