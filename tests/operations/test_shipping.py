"""What is paid for shipping earns where the program says so, by the version under which the customer was bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.rules import RuleSet
from refledger.operations.earning import explanations
from tests.support.books import Books
from tests.support.programs import a_program, a_rule

TEN_PER_CENT = RuleSet(a_rule(1000))


def a_sale(books: Books, *, on: bool, rules: RuleSet = TEN_PER_CENT) -> None:
    """110.00, of which 10.00 are for shipping."""
    books.program(rules=rules, commission_on_shipping=on)
    books.chain("bob", "carol")
    books.earn("carol", "p", 11_000, shipping=1_000)


@pytest.mark.parametrize(("on", "earned", "after_a_tenth"), [(True, 1_100, 990), (False, 1_000, 900)])
def test_a_program_chooses_whether_shipping_earns(books: Books, on: bool, earned: int, after_a_tenth: int) -> None:
    """A refund takes back in proportion to what was paid, be it of the shipping or of the goods."""
    a_sale(books, on=on)
    assert books.balance("bob") == (earned, 0, 0)
    books.refund("p", 1_100, "r1")
    assert books.balance("bob") == (after_a_tenth, 0, 0)
    books.refund("p", 9_900, "r2")
    assert books.balance("bob") == (0, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize(("on", "base"), [(True, 11_000), (False, 10_000)])
def test_explain_shows_the_base_with_and_without_it(books: Books, on: bool, base: int) -> None:
    """In numbers, and in words where it was left out."""
    a_sale(books, on=on)
    (reward,) = books.rewards("bob")
    found = explanations.explain(books.context, reward.id)
    told = found.explanation.earned
    assert (told.base, told.shipping, told.shipping_earns) == (base, 1_000, on)
    assert (found.payment.base, told.rounded_down) == (11_000, base // 10)
    assert ("110.00 less 10.00 for shipping" in told.text) is not on


def test_customers_keep_the_terms_under_which_they_were_bound(books: Books) -> None:
    """Versions are for customers who are referred later."""
    a_sale(books, on=True)
    books.change_program(rules=TEN_PER_CENT, commission_on_shipping=False)
    books.chain("bob", "dave")
    books.earn("carol", "p2", 11_000, shipping=1_000)
    books.earn("dave", "p3", 11_000, shipping=1_000)
    assert sorted((each.rule_version, each.base, each.amount) for each in books.rewards("bob")) == [
        (1, 11_000, 1_100), (1, 11_000, 1_100), (2, 10_000, 1_000),
    ]  # fmt: skip
    assert books.faults() == []


def test_lines_earn_by_their_products_and_shipping_nothing(books: Books) -> None:
    """30 % of gold 50.00 and 10 % of seats 50.00; with it, 10 % of the shipping, too."""
    books.program(rules=RuleSet(a_rule(1000), (("gold", a_rule(3000)),)), commission_on_shipping=False)
    books.chain("bob", "carol")
    books.earn("carol", "p", 11_000, shipping=1_000, lines=(("gold", 5_000), ("seats", 5_000)))
    (reward,) = books.rewards("bob")
    assert (reward.amount, reward.base) == (2_000, 10_000)
    assert books.faults() == []


def test_a_tier_that_earns_of_some_lines_only_has_the_base_of_all(books: Books) -> None:
    """As `verify` holds it against the payment: tier 2 earns nothing of gold."""
    books.program(rules=RuleSet(a_rule(1000, 500), (("gold", a_rule(3000)),)))
    books.chain("ann", "bob", "carol")
    books.earn("carol", "p", 11_000, shipping=1_000, lines=(("gold", 5_000), ("seats", 5_000)))
    (reward,) = books.rewards("ann")
    assert (reward.amount, reward.base) == (300, 11_000)
    assert books.faults() == []


def test_nothing_but_shipping_earns_nothing_and_is_nobodys_first(books: Books) -> None:
    """The fee for a parcel that is sent again does not use up the rate of a first payment, in either order."""
    books.program(rules=RuleSet(a_rule(1000, first=(5000,))), commission_on_shipping=False)
    at_ms, sold = {"fee": books.clock(), "sale": books.clock() + 1}, {"fee": 1_000, "sale": 11_000}
    for order, customer in ((("fee", "sale"), "carol"), (("sale", "fee"), "dave")):
        books.chain("bob", customer)
        for each in order:
            books.earn(customer, f"{each} of {customer}", sold[each], shipping=1_000, occurred_at_ms=at_ms[each])
    assert [each.amount for each in books.rewards("bob")] == [5_000, 5_000]
    assert books.faults() == []


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_what_commission_is_paid_on_is_within_what_was_paid(base: int, shipping: int, on: bool) -> None:
    """Never below nothing, never above the base, whatever was kept of shipping."""
    payment = Payment("p", PaymentKind.PAYMENT, "USD", amount=base, base=base, shipping=shipping)
    found = a_program(commission_on_shipping=on).commission_base(payment)
    assert 0 <= found <= payment.base <= payment.amount
    assert found == base or not on
