"""An explanation of a real reward: its numbers come to what is booked, whatever happened to its payment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.domain.errors import PaymentNotFound, RewardNotFound
from refledger.domain.explaining import NextStep
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.rules import Pay, RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.earning import explanations
from refledger.operations.earning.explanations import Explained
from refledger.store import keys
from refledger.store import rewards as stored
from refledger.store.attributes import pack
from tests.support import dynamodb, worlds
from tests.support.books import Books
from tests.support.programs import a_rule

S = RewardStatus

pytestmark = worlds.lives_in(
    worlds.two_tiers, hold_days=30, rules=RuleSet(a_rule(2000, 1000), monthly_cap=(("USD", 3000),))
)


def explained(books: Books, name: str) -> Explained:
    """Of somebody's first reward."""
    return explanations.explain(books.context, books.rewards(name)[0].id)


def follows(found: Explained, reward: Reward) -> None:
    """The reward's amounts, from the explanation's numbers alone."""
    e = found.explanation
    amount = min(e.earned.base * (e.earned.rate_bps or 0) // 10_000, e.earned.base - e.earned.nearer_tiers)
    gone = min(e.taken.paid, e.taken.refunded + e.taken.disputed + e.taken.lost)
    left = amount * (e.taken.paid - gone) // e.taken.paid
    limit = e.capped.left if e.capped else None
    assert (amount, amount - left) == (reward.amount, reward.reversed)
    assert e.taken.refunded == sum(each.amount for each in found.refunds if not each.failed)
    assert e.granted == (left if limit is None else min(left, limit))
    assert e.worth == (e.granted if reward.status in (S.APPROVED, S.PAID) else 0)


def test_from_payment_to_payout(books: Books) -> None:
    """Each stage of a reward's life says what it is and what comes next."""
    books.pay("carol", "p1", 9999, amount=11_999)
    found = explained(books, "bob")
    follows(found, books.rewards("bob")[0])
    assert found.explanation.earned.text == "20.00 % of 99.99 USD = 19.998, rounded down to 19.99"
    assert explained(books, "alice").explanation.earned.nearer_tiers == 1999
    (coming,) = found.explanation.coming
    assert (coming.what, coming.at_ms) == (NextStep.MATURES, books.clock() + 30 * DAY_MS)

    books.refund("p1", 4000, "r1")
    books.refund("p1", 1000, "r2", failed=True)
    found = explained(books, "bob")
    follows(found, books.rewards("bob")[0])
    assert sorted((each.amount, each.failed) for each in found.refunds) == [(1000, True), (4000, False)]

    books.clock.forward(30 * DAY_MS)
    books.mature("bob")
    reward = books.rewards("bob")[0]
    found = explained(books, "bob")
    follows(found, reward)
    assert (found.explanation.worth, found.explanation.reward.entry) == (books.balance("bob")[0], 1)
    assert [each.what for each in found.explanation.coming] == [NextStep.WAITS_FOR_PAYOUT]


def test_held_cancelled_and_in_debt(books: Books) -> None:
    """A person's hold waits for a release; cancelled by hand is the end; a refund after a payout is debt."""
    books.pay("carol", "p1", 10_000)
    books.hold(books.rewards("bob")[0])
    books.clock.forward(40 * DAY_MS)
    books.mature("bob")
    assert [each.what for each in explained(books, "bob").explanation.coming] == [NextStep.WAITS_FOR_RELEASE]
    books.release(books.rewards("bob")[0])
    assert [each.what for each in explained(books, "bob").explanation.coming] == [NextStep.WAITS_FOR_PAYOUT]
    books.withdraw("bob", 2000)
    books.refund("p1", 5000)
    found = explained(books, "bob")
    assert [each.what for each in found.explanation.coming] == [NextStep.WORKS_OFF_DEBT, NextStep.WAITS_FOR_PAYOUT]
    assert "owes 10.00 USD" in found.explanation.coming[0].text
    books.cancel(books.rewards("alice")[0])
    assert [each.what for each in explained(books, "alice").explanation.coming] == [NextStep.NOTHING]


def test_a_cap_is_part_of_it(books: Books) -> None:
    """Two rewards of 20.00 with 30.00 a month: both say that 10.00 of the month is over."""
    for id in ("p1", "p2"):
        books.pay("carol", id, 10_000)
    books.clock.forward(30 * DAY_MS)
    books.mature("bob")
    found = [explanations.explain(books.context, each.id).explanation for each in books.rewards("bob")]
    assert [(e.capped.kept, e.capped.over, e.granted) for e in found if e.capped] == [(4000, 1000, 2000)] * 2
    assert sum(e.worth for e in found) - 1000 == books.balance("bob")[0] == 3000


def test_flat_amounts_are_explained(dynamodb_endpoint: str) -> None:
    """A flat tier, and one that got only what nearer tiers left of a small payment."""
    books = Books(dynamodb.new_database(dynamodb_endpoint))
    books.program(rules=RuleSet(a_rule(Pay.amounts({"USD": 800}), 5000)))
    books.chain("alice", "bob", "carol")
    books.pay("carol", "p1", 1000)
    bob, alice = (explained(books, name).explanation for name in ("bob", "alice"))
    assert (bob.earned.rate_bps, bob.earned.amount) == (None, 800)
    assert (alice.earned.rounded_down, alice.earned.nearer_tiers, alice.earned.amount) == (500, 800, 200)
    assert alice.earned.text.endswith("of which nearer tiers left 2.00")


def test_what_is_not_there(books: Books) -> None:
    """No such reward; and a reward whose payment is missing is a fault that is named, not explained away."""
    with pytest.raises(RewardNotFound):
        explanations.explain(books.context, books.partner("bob").id + "0" * 32)
    books.grant("bob", 100)
    key = keys.payment(books.rewards("bob")[0].payment)
    books.client.delete_item(TableName=books.table_name, Key=pack(dict(key)))
    with pytest.raises(PaymentNotFound):
        explained(books, "bob")


def test_a_refund_between_the_two_reads_is_not_half_told(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reward is read, then a refund comes, then the payment is read: both are read again, strongly."""
    books.pay("carol", "p1", 10_000)
    id, read, strengths = books.rewards("bob")[0].id, stored.find, []

    def then_refund(table: Any, reward_id: str, *, strong: bool = True) -> Reward:
        found = read(table, reward_id, strong=strong)
        strengths.append(strong)
        if len(strengths) == 1:
            books.refund("p1", 5000)
        return found

    monkeypatch.setattr(stored, "find", then_refund)
    found = explanations.explain(books.context, id).explanation
    assert (found.reward.reversed, found.taken.gone, strengths) == (1000, 5000, [False, True])


HAPPENINGS: dict[str, Callable[[Books, int, str], object]] = {
    "refund": lambda books, amount, id: books.refund("p1", amount, id),
    "refund fails": lambda books, amount, id: books.refund("p1", amount, id, failed=True),
    "dispute": lambda books, amount, id: books.dispute("p1", amount, id),
    "won": lambda books, _, id: books.close("p1", "WON", id),
    "lost": lambda books, _, id: books.close("p1", "LOST", id),
    "a month later": lambda books, _, __: books.clock.forward(31 * DAY_MS),
    "matures": lambda books, _, __: books.mature("bob"),
}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(1, 20_000),
    st.lists(
        st.tuples(st.sampled_from(sorted(HAPPENINGS)), st.sampled_from([1, 700, 3333, 9999]), st.sampled_from("abc")),
        max_size=7,
    ),
)
def test_whatever_happens_the_numbers_come_to_the_amounts(
    dynamodb_endpoint: str, base: int, happenings: list[tuple[str, int, str]]
) -> None:
    """Refunds that fail, disputes won and lost, maturity before and after: after each step both tiers are explained."""
    books = Books(dynamodb.new_database(dynamodb_endpoint))
    books.program(hold_days=30)
    books.chain("alice", "bob", "carol")
    books.pay("carol", "p1", base, amount=base + base // 5)
    for what, amount, id in happenings:
        HAPPENINGS[what](books, amount, id)
        for name in ("bob", "alice"):
            for reward in books.rewards(name):
                follows(explanations.explain(books.context, reward.id), reward)
    assert books.faults() == []
