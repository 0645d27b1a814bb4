"""A payment of several products: each line earns by its product's rule, together in one reward per tier."""

from __future__ import annotations

from refledger.domain.rules import RateSource, RuleSet
from refledger.operations.earning.payments import RecordOutcome
from tests.support.books import Books
from tests.support.programs import a_rule

LINES = (("gold", 10_000), ("seats", 10_000))


def test_gold_and_basic_in_one_invoice(books: Books) -> None:
    """30 % of one and 10 % of the other: before, all went by the program's rule. Half is refunded, half is left."""
    books.program(rules=RuleSet(a_rule(1000), (("gold", a_rule(3000)),)))
    books.chain("bob", "carol")
    books.earn("carol", "p", 20_000, lines=LINES)
    (reward,) = books.rewards("bob")
    assert (reward.amount, reward.rule, reward.base) == (4_000, RateSource.LINES, 20_000)
    assert books.balance("bob") == (4_000, 0, 0)
    assert books.payment("p").lines == LINES
    assert books.pay("carol", "p", 20_000, lines=LINES).outcome is RecordOutcome.REPEATED
    assert books.pay("carol", "p", 20_000, lines=LINES[:1]).outcome is RecordOutcome.DIFFERENT
    books.refund("p", 10_000)
    assert books.balance("bob") == (2_000, 0, 0)
    assert books.faults() == []


def test_without_rules_by_product_lines_change_nothing(books: Books) -> None:
    """The rate is told as ever."""
    books.program(rules=RuleSet(a_rule(1000)))
    books.chain("bob", "carol")
    books.earn("carol", "p", 20_000, lines=LINES)
    (reward,) = books.rewards("bob")
    assert (reward.amount, reward.rate_bps, reward.rule) == (2_000, 1000, RateSource.PROGRAM)
