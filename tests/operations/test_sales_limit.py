"""What a service tells of sales over HTTP earns up to `salesLimit` in a day; the rest is held for another person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest

from refledger.domain.errors import Busy, SecondPersonNeeded
from refledger.domain.programs import CurrencyTerms, Weights
from refledger.domain.rewards import SECOND_PERSON, Reward, RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS, HOUR_MS, iso
from refledger.operations.earning import rating, unattributed
from refledger.operations.referring import code_application
from refledger.store import keys
from tests.support import worlds
from tests.support.books import Books
from tests.support.programs import a_rule

LIMIT = 5_000
EUR = CurrencyTerms(sales_limit=LIMIT)
HELD = (SECOND_PERSON,)

pytestmark = worlds.lives_in(worlds.one_referred, sales_limit=LIMIT, currencies={"EUR": EUR}, tier_rates_bps=(2000,))


def sell(books: Books, payment_id: str, amount: int, customer: str = "bob", **told: Any) -> None:
    """A service tells of a payment; a fifth of it is earned."""
    books.pay(customer, payment_id, amount, **{"caller": books.user("site"), **told})


def earned(books: Books) -> int:
    """All that comes into Alice's balance."""
    for currency in ("USD", "EUR"):
        books.mature("alice", currency)
    return sum(sum(books.balance("alice", currency)) for currency in ("USD", "EUR"))


def held(books: Books) -> list[Reward]:
    return [each for each in books.rewards("alice") if each.held]


def test_a_key_that_leaked_earns_no_more_than_a_day_allows(books: Books) -> None:
    """In however many pieces, at whatever times it says that they were paid."""
    sell(books, "all", 10**9)
    for number in range(20):
        sell(books, f"p{number}", 5_000, occurred_at_ms=books.clock() - number * DAY_MS)
    assert earned(books) == LIMIT
    assert {each.held for each in held(books)} == {HELD}
    assert len(held(books)) == 16
    assert books.faults() == []


def test_nothing_is_lost(books: Books) -> None:
    """What is above waits, and earns once a person vouches for it; the bus is another word."""
    sell(books, "p1", 5 * LIMIT)
    sell(books, "p2", 5 * LIMIT)
    books.pay("bob", "p3", 5 * LIMIT)
    assert earned(books) == 2 * LIMIT
    (waiting,) = held(books)
    assert books.release(waiting, by=books.user("mia")).status is RewardStatus.APPROVED
    assert earned(books) == 3 * LIMIT
    assert books.faults() == []


def test_who_releases_vouches(books: Books) -> None:
    """The key may be hers: above what one person makes in a day two say so."""
    books.change_program(sales_limit=0, adjustment_limit=LIMIT, tier_rates_bps=(2000,))
    sell(books, "p1", 5 * LIMIT + 5)
    (waiting,) = held(books)
    assert books.release(waiting, by=books.user("ann")).held == HELD
    with pytest.raises(SecondPersonNeeded):
        books.release(waiting, by=books.user("ann"))
    assert books.release(waiting, by=books.user("mia")).status is RewardStatus.APPROVED


def test_who_made_the_key_releases_nothing_that_it_told(books: Books) -> None:
    """An API key counts as its maker, who is one person in both."""
    sell(books, "p1", 5 * LIMIT + 5, caller=books.user("ann"))
    (waiting,) = held(books)
    with pytest.raises(SecondPersonNeeded):
        books.release(waiting, by=books.user("ann"))
    assert books.release(waiting, by=books.user("mia")).status is RewardStatus.APPROVED


def test_a_repeat_counts_once(books: Books) -> None:
    """What is delivered again adds nothing to the day, whether it was counted or held."""
    for _ in range(3):
        sell(books, "p1", 5 * LIMIT - 5)
        sell(books, "p2", 10)
    sell(books, "p3", 5)
    assert [each.amount for each in held(books)] == [2]
    assert earned(books) == LIMIT


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_any_order(books: Books, order: tuple[int, ...]) -> None:
    """Never above the limit without a person; and the same once a person has released what waits."""
    for place in order:
        sell(books, f"p{place}", (10_000, 14_000, 20_000)[place])
    assert earned(books) <= LIMIT
    for each in held(books):
        books.release(each, by=books.user("mia"))
    assert earned(books) == 8_800
    assert books.faults() == []


def test_a_day_is_one_of_utc(books: Books) -> None:
    """The next one has room again."""
    sell(books, "p1", 5 * LIMIT)
    books.clock.forward(DAY_MS - books.clock() % DAY_MS - 1)
    sell(books, "p2", 5)
    assert len(held(books)) == 1
    books.clock.forward(1)
    sell(books, "p3", 5 * LIMIT)
    assert len(held(books)) == 1


def test_another_service_has_a_day_of_its_own(books: Books) -> None:
    """As many sums as there are keys."""
    for name in ("site", "app"):
        sell(books, f"p of {name}", 5 * LIMIT, caller=books.user(name))
        sell(books, f"q of {name}", 5, caller=books.user(name))
    assert len(held(books)) == 2


def test_another_program_is_no_other_day(books: Books) -> None:
    """Who may make programs would have a limit for each of them."""
    books.program("second", sales_limit=LIMIT)
    sell(books, "p1", 5 * LIMIT)
    mal = books.member("mal", "second")
    code_application.apply(books.context, books.limits, books.user("dave"), mal.code)
    sell(books, "p2", 5, customer="dave", program_id="second")
    assert [each.held for each in books.rewards("mal")] == [HELD]


def test_currencies_count_together_by_their_weights(books: Books) -> None:
    """As what people make does."""
    weights = Weights("USD", (("EUR", 1_000),))
    books.change_program(sales_limit=LIMIT, currencies={"EUR": EUR}, tier_rates_bps=(2000,), exposure=weights)
    sell(books, "p1", 4 * LIMIT, currency="EUR")
    sell(books, "p2", 2 * LIMIT)
    sell(books, "p3", LIMIT)
    assert [(each.amount, each.currency) for each in held(books)] == [(LIMIT * 2 // 5, "USD")]


def test_many_at_once_make_no_more(books: Books) -> None:
    """Forty threads with a quarter of the limit each: four are let in."""

    def one(number: int) -> None:
        with suppress(Busy):
            sell(books, f"p{number}", 5 * LIMIT // 4)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(one, range(40)))
    assert earned(books) == LIMIT
    assert books.faults() == []


def test_what_was_nobodys_counts_when_it_begins_to_earn(books: Books) -> None:
    """Told before anybody referred its customer, it is the same word."""
    sell(books, "p1", 5 * LIMIT + 5, customer="carol")
    books.apply("carol", "alice")
    unattributed.take(books.context, unattributed.Referred("default", books.user("carol")))
    assert [each.held for each in books.rewards("alice")] == [HELD]


@pytest.mark.parametrize("is_in_balance", [False, True])
def test_what_becomes_more_counts_too(books: Books, *, is_in_balance: bool) -> None:
    """A first payment earns little; told of an earlier one, it is the second, and would earn without bound."""
    books.change_program(
        rules=RuleSet(a_rule(2000, first=[1])), sales_limit=LIMIT, hold_days=0 if is_in_balance else 30
    )
    books.apply("carol", "alice")
    sell(books, "large", 10**7, customer="carol")
    if is_in_balance:
        assert earned(books) == 1_000
    sell(books, "small", 1_000, customer="carol", occurred_at_ms=books.clock() - HOUR_MS)
    rating.rate_customer(books.context, "default", books.user("carol"))
    books.clock.forward(31 * DAY_MS)
    assert earned(books) == (1_000 if is_in_balance else 0)
    assert books.faults() == []
    if not is_in_balance:
        (waiting,) = held(books)
        assert waiting.amount == 2_000_000


def test_what_the_bus_brings_reads_and_writes_nothing_of_it(books: Books) -> None:
    """Nor does a sale in a program without a limit."""
    books.pay("bob", "p1", 5 * LIMIT)
    books.change_program(tier_rates_bps=(2000,))
    sell(books, "p2", 10**9)
    today = keys.exposure_of_caller(books.user("site"), iso(books.clock())[:10])
    assert books.table.get(today) is None
    assert held(books) == []
