"""Who has paid before is referred by a code only where the program says so, and by no machine at all."""

from __future__ import annotations

import pytest

from refledger.domain.errors import CustomerPaidBefore
from refledger.domain.leads import LeadNews
from refledger.domain.referrals import Referral, ReferralSource
from refledger.domain.times import DAY_MS, HOUR_MS
from refledger.operations.idempotency import Once
from refledger.operations.referring import leads, lifecycle, referral_bulk
from refledger.operations.referring.leads import LeadOutcome
from refledger.operations.referring.lifecycle import NewReferral, ReferralUpdate
from refledger.store import bindings
from tests.support.books import Books


def a_world(books: Books, *, new_customers_only: bool) -> Books:
    """Old Olga paid 5,000.00 two days ago, and nobody had referred her; Nina has paid nothing."""
    books.program(new_customers_only=new_customers_only)
    books.partner("alice")
    books.pay("olga", "before", 500_000)
    books.clock.forward(2 * DAY_MS)
    return books


def refer(books: Books, customer: str, by: str = "", *, by_machine: bool = False) -> Referral:
    new = NewReferral(books.partner("alice").id, customer=books.user(customer) if customer else "")
    return lifecycle.create(books.context, new, by or "crm", None, "b", by=by, by_machine=by_machine)


def test_an_old_customer_applies_no_code(books: Books) -> None:
    """The attack: who has paid for years applies a friend's code, and the friend earns from then on."""
    a_world(books, new_customers_only=True)
    with pytest.raises(CustomerPaidBefore):
        books.apply("olga", "alice")
    books.pay("olga", "after", 500_000)
    assert books.rewards("alice") == []
    books.apply("nina", "alice")
    books.earn("nina", "hers", 1_000)
    assert books.balance("alice") == (200, 0, 0)


def test_a_program_may_take_old_ones(books: Books) -> None:
    """Where it says so."""
    a_world(books, new_customers_only=False)
    books.apply("olga", "alice")
    books.earn("olga", "after", 1_000)
    assert books.balance("alice")[0] >= 200


def test_what_was_paid_within_the_window_makes_nobody_old(books: Books) -> None:
    """A payment a moment before the code was applied: to the hour at which the window ends."""
    books.program(new_customers_only=True, bind_within_hours=24)
    books.partner("alice")
    for name in ("early", "late"):
        books.pay(name, f"of {name}", 1_000)
    books.clock.forward(24 * HOUR_MS)
    books.apply("early", "alice")
    books.clock.forward(1)
    with pytest.raises(CustomerPaidBefore):
        books.apply("late", "alice")


@pytest.mark.parametrize("new_customers_only", [True, False])
def test_no_machine_binds_one_who_has_paid(books: Books, new_customers_only: bool) -> None:
    """The attack: referrals:write binds any customer to a partner for ever. By whatever way in."""
    a_world(books, new_customers_only=new_customers_only)
    with pytest.raises(CustomerPaidBefore):
        refer(books, "olga", by="shop", by_machine=True)
    one = refer(books, "", by="shop", by_machine=True)
    olga = books.user("olga")
    with pytest.raises(CustomerPaidBefore):
        lifecycle.link_lead(books.context, one.id, "L-1", olga, by="shop", by_machine=True)
    with pytest.raises(CustomerPaidBefore):
        lifecycle.update(books.context, one.id, ReferralUpdate(customer=olga), 1, by="shop", by_machine=True)
    steps = [NewReferral(books.partner("alice").id, customer=olga)]
    request = Once.of(books.context, "shop", "bulk", "k", "b")
    (result,) = referral_bulk.change_many(books.context, steps, request, by="shop", by_machine=True)
    assert result["code"] == "CUSTOMER_PAID_BEFORE"
    news = LeadNews(
        "L-2", books.clock(), codes=(books.partner("alice").code,), source=ReferralSource.EMAIL, customer="olga"
    )
    taken = leads.take(books.context, news)
    assert (taken.outcome, taken.why) == (LeadOutcome.REFUSED, "CUSTOMER_PAID_BEFORE")
    assert bindings.find(books.table, "default", olga) is None
    assert refer(books, "nina", by="shop", by_machine=True).customer == books.user("nina")


def test_people_bind_old_ones_where_the_program_takes_them(books: Books) -> None:
    """And where it does not, nor do they."""
    a_world(books, new_customers_only=False)
    assert refer(books, "olga", by="ann").customer == books.user("olga")
    books.change_program(new_customers_only=True)
    books.pay("otto", "before 2", 1_000)
    books.clock.forward(2 * DAY_MS)
    with pytest.raises(CustomerPaidBefore):
        refer(books, "otto", by="ann")
