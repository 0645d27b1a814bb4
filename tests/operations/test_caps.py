"""A monthly cap counts what was kept: whatever comes, goes back and comes again, the month is the same."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest

from refledger.domain.errors import NotPayable
from refledger.domain.journal import EntryKind
from refledger.domain.rewards import RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.earning import explanations
from refledger.operations.payouts import single_payouts
from refledger.store import keys
from refledger.store.transaction import update
from tests.support import worlds
from tests.support.books import Books
from tests.support.programs import a_rule

S = RewardStatus

pytestmark = worlds.lives_in(
    worlds.one_tier, rules=RuleSet(a_rule(2000), monthly_cap=(("USD", 10_000),)), payout_minimum=1
)


def mature(books: Books) -> None:
    """Also what time has passed."""
    books.mature("bob")
    books.cover("bob")


FACTS: dict[str, Any] = {
    "p1": lambda b: b.earn("carol", "p1", 30_000),
    "p2": lambda b: b.earn("carol", "p2", 30_000),
    "p3": lambda b: b.earn("carol", "p3", 30_000),
    "r1": lambda b: b.refund("p1", 30_000),
}


@pytest.mark.parametrize("order", [("p1", "p2", "p3", "r1"), ("p1", "r1", "p2", "p3"), ("r1", "p1", "p2", "p3")])
def test_a_refund_does_not_cost_the_month(books: Books, order: tuple[str, ...]) -> None:
    """Three sales of 60.00 each and one of them returned: 120.00 were kept, so the cap is what is paid."""
    for fact in order:
        FACTS[fact](books)
    assert books.balance("bob") == (10_000, 0, 0)
    assert books.faults() == []


def test_every_order_of_the_same_facts_comes_to_the_same(books: Books) -> None:
    """24 partners, and for each another order of the same four."""
    for number, order in enumerate(permutations(FACTS)):
        books.chain(f"bob {number}", f"carol {number}")
        for fact in order:
            if fact == "r1":
                books.refund(f"{number} p1", 30_000)
            else:
                books.earn(f"carol {number}", f"{number} {fact}", 30_000)
        assert books.balance(f"bob {number}") == (10_000, 0, 0), order
    assert books.faults() == []


def test_room_is_made_again_and_taken_again(books: Books) -> None:
    """Refunds, one that fails, a dispute that is won: the month is min(cap, kept) after each."""
    for id in ("p1", "p2"):
        books.earn("carol", id, 30_000)
    assert books.balance("bob")[0] == 10_000
    books.refund("p1", 15_000)  # 30.00 and 60.00
    assert books.balance("bob")[0] == 9_000
    books.dispute("p2", 30_000)
    assert books.balance("bob")[0] == 3_000
    books.close("p2", "WON")
    assert books.balance("bob")[0] == 9_000
    books.refund("p1", 15_000, failed=True)
    assert books.balance("bob")[0] == 10_000
    books.cancel(books.rewards("bob")[0])
    assert books.balance("bob")[0] == 6_000
    assert books.faults() == []


def test_what_is_over_the_cap_comes_with_an_entry_of_nothing(books: Books) -> None:
    """It is in the journal, so that a payout finds it; a refund that only what is over feels books nothing."""
    for id in ("p1", "p2", "p3"):
        books.earn("carol", id, 30_000)
    assert {entry.kind for entry in books.entries("bob")} == {EntryKind.EARN}
    assert [entry.amount for entry in books.entries("bob")] == [6_000, 4_000, 0]
    books.refund("p1", 30_000)
    assert len(books.entries("bob")) == 3
    assert books.faults() == []


def test_payouts_cover_what_the_cap_left(books: Books) -> None:
    """The oldest first; what is over the cap is covered with the last that was paid, and is in nobody's way later."""
    for id in ("p1", "p2", "p3"):
        books.clock.forward(1)
        books.earn("carol", id, 30_000)
    books.pay_out("bob", 6_000)
    assert [r.status for r in books.rewards("bob")] == [S.PAID, S.APPROVED, S.APPROVED]
    books.pay_out("bob", 4_000)
    assert [r.status for r in books.rewards("bob")] == [S.PAID] * 3
    books.clock.forward(40 * DAY_MS)
    books.earn("carol", "next", 30_000)
    assert books.rewards("bob")[-1].status is S.APPROVED
    books.pay_out("bob", 6_000)
    assert books.rewards("bob")[-1].status is S.PAID
    assert books.faults() == []


def test_a_refund_of_what_was_paid_lets_another_take_its_place(books: Books) -> None:
    """60.00 went out for the first; it is returned, and the money that left covers the second: nobody is in debt."""
    for id in ("p1", "p2"):
        books.clock.forward(1)
        books.earn("carol", id, 30_000)
    books.pay_out("bob", 6_000)
    books.refund("p1", 30_000)
    assert books.balance("bob") == (0, 0, 6_000)
    books.cover("bob")
    assert [r.status for r in books.rewards("bob")] == [S.PAID] * 2
    assert books.faults() == []


def test_paying_one_reward_pays_what_the_cap_leaves_of_it(books: Books) -> None:
    """By itself, in any order: 60.00, then 40.00, then nothing that could be paid."""
    for id in ("p1", "p2", "p3"):
        books.earn("carol", id, 30_000)
    first, second, third = books.rewards("bob")
    for number, reward in enumerate((second, third)):
        single_payouts.process(books.context, reward.id, "PAYPAL", f"tx{number}", "ann", f"r{number}")
    assert books.balance("bob") == (0, 0, 10_000)
    with pytest.raises(NotPayable, match="nothing"):
        single_payouts.process(books.context, first.id, "PAYPAL", "tx", "ann", "r")
    assert books.faults() == []


def test_each_customer_keeps_the_cap_they_came_with(books: Books) -> None:
    """One month of two versions: never more than 100.00 for the first, and 150.00 for all; in any order."""
    books.change_program(rules=RuleSet(a_rule(2000), monthly_cap=(("USD", 15_000),)))
    books.apply("dave", "bob")
    for who, id in (("carol", "a"), ("dave", "b"), ("carol", "c")):
        books.earn(who, id, 45_000)
    assert books.balance("bob") == (15_000, 0, 0)
    books.refund("b", 45_000)
    assert books.balance("bob") == (10_000, 0, 0)
    assert books.faults() == []


def test_months_programs_and_currencies_have_caps_of_their_own(books: Books) -> None:
    """300 rewards of a hundred months mature at once, in as many transactions as it takes."""
    books.change_program(hold_days=1, rules=RuleSet(a_rule(2000), monthly_cap=(("USD", 10_000),)))
    books.apply("dave", "bob")
    for month in range(40):
        for number in range(2):
            at_ms = books.clock() - month * 31 * DAY_MS
            books.pay("dave", f"{month} {number}", 30_000, occurred_at_ms=at_ms)
    books.clock.forward(DAY_MS)
    mature(books)
    assert books.balance("bob") == (40 * 10_000, 0, 0)
    assert {r.status for r in books.rewards("bob")} == {S.APPROVED}
    assert books.faults() == []


def test_what_was_granted_for_good_keeps_its_part(books: Books) -> None:
    """A month that began when caps were shared out reward by reward: that part is taken, the rest is for what comes."""
    books.earn("carol", "p1", 30_000)
    (old,) = books.rewards("bob")
    name = old.earned_at_ms and "default 202609"
    balance = keys.balance(old.partner_id, "USD")
    month = keys.capped_month(old.partner_id, "USD", "202609", "default")
    books.client.delete_item(TableName=books.table_name, Key={n: {"S": v} for n, v in month.items()})
    books.table.commit(
        update("as it was", keys.reward(old.id), "SET #limit = :limit", limit=6_000),
        update("as it was", balance, "SET #caps = :caps", caps={name: 6_000}),
    )
    assert books.faults() == []
    books.earn("carol", "p2", 30_000)
    assert books.balance("bob") == (10_000, 0, 0)
    books.refund("p1", 15_000)
    assert books.balance("bob") == (7_000, 0, 0), "what it gives back makes no room, as when it was granted"
    books.refund("p2", 15_000)
    assert books.balance("bob") == (6_000, 0, 0)
    books.pay_out("bob", 6_000)
    assert {r.status for r in books.rewards("bob")} == {S.PAID}
    assert books.faults() == []


def test_an_explanation_shows_the_month(books: Books) -> None:
    """What is in it, what the cap is, and what is over."""
    for id in ("p1", "p2"):
        books.earn("carol", id, 30_000)
    found = explanations.explain(books.context, books.rewards("bob")[0].id).explanation
    assert found.capped is not None
    assert (found.capped.cap, found.capped.kept, found.capped.over, found.capped.left) == (10_000, 12_000, 2_000, None)
    assert found.capped.text.endswith("; rewards of 120.00 were kept, so 20.00 of them is over the cap")
    assert sum(r.amount for r in books.rewards("bob")) - found.capped.over == books.balance("bob")[0]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_month_is_what_was_kept_up_to_the_cap(books: Books, seed: int) -> None:
    """Sales, refunds that may fail, disputes, payouts: after each step min(cap, kept) was credited, and all adds up."""
    chosen, ids = random.Random(seed), list[str]()
    for number in range(25):
        books.clock.forward(1)
        match chosen.randrange(6):
            case 0 | 1:
                ids.append(f"x{number}")
                books.earn("carol", ids[-1], chosen.randrange(1, 30_000))
            case 2 if ids:
                failed = chosen.random() < 0.4
                books.refund(chosen.choice(ids), chosen.randrange(1, 30_000), f"r{number % 5}", failed=failed)
            case 3 if ids:
                books.dispute(chosen.choice(ids), chosen.randrange(1, 20_000), f"d{number % 5}")
            case 4 if ids:
                books.close(chosen.choice(ids), chosen.choice(["WON", "LOST"]), f"d{number % 5}")
            case _ if books.balance("bob")[0] > 0:
                books.pay_out("bob", chosen.randrange(1, books.balance("bob")[0] + 1))
        kept = sum(r.amount - r.reversed for r in books.rewards("bob") if r.status in (S.APPROVED, S.PAID))
        assert sum(books.balance("bob")) == min(10_000, kept)
        assert books.faults() == []
