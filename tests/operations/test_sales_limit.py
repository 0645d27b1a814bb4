"""What a service tells of sales over HTTP earns up to `salesLimit` in a day; the rest is held for another person."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import permutations
from random import Random
from typing import Any

import pytest

from refledger.domain.errors import Busy, Forbidden, Refledger, SecondPersonNeeded
from refledger.domain.programs import CurrencyTerms, Weights
from refledger.domain.rewards import IN_BALANCE, SECOND_PERSON, Reward, RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS, HOUR_MS, iso
from refledger.operations.earning import conversions, duplicate_decisions, parked, rating, unattributed
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.partners import partners
from refledger.operations.payouts import decisions
from refledger.operations.referring import code_application, lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import bindings, exposures, keys, payments, rewards
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


def name(books: Books, customer: str, by: str = "ann") -> None:
    """One of the staff says that Alice has referred the customer, and what they paid before is taken."""
    new = NewReferral(books.partner("alice").id, customer=books.user(customer))
    lifecycle.create(books.context, new, books.user(by), None, customer, by=books.user(by))
    unattributed.take(books.context, unattributed.Referred("default", books.user(customer)))


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


# ---------------------------------------------------------------- beside a person's word


def test_whose_customer_it_is_opens_no_other_limit(books: Books) -> None:
    """Three of the staff entered referrals, honestly: a key tells that their customers had paid before."""
    books.change_program(sales_limit=LIMIT, adjustment_limit=LIMIT, tier_rates_bps=(2000,))
    sell(books, "all", 5 * LIMIT)
    for person in ("ann", "mia", "kim"):
        name(books, f"customer of {person}", person)
        sell(books, f"p of {person}", 5 * LIMIT, f"customer of {person}", occurred_at_ms=books.clock() - HOUR_MS)
    assert earned(books) == LIMIT
    assert books.faults() == []


@pytest.mark.parametrize("sold_first", [True, False])
def test_who_named_the_customer_has_not_vouched_for_the_sale(books: Books, sold_first: bool) -> None:
    """Zoe has the key, Ann entered the referral: Zoe alone releases no more of it than one person may make."""
    books.change_program(sales_limit=LIMIT, adjustment_limit=LIMIT, tier_rates_bps=(2000,))
    steps: list[Callable[[], None]] = [
        lambda: sell(books, "p", 10**9, "carol", occurred_at_ms=books.clock() - HOUR_MS),
        lambda: name(books, "carol"),
    ]
    for step in steps if sold_first else reversed(steps):
        step()
    (waiting,) = held(books)
    with pytest.raises(SecondPersonNeeded):
        books.release(waiting, by=books.user("ann"))
    assert books.release(waiting, by=books.user("zoe")).held == HELD
    assert books.release(waiting, by=books.user("mia")).status is RewardStatus.APPROVED
    assert books.faults() == []


def test_a_named_customers_sale_counts_in_both_days(books: Books) -> None:
    """In Ann's, whose word it is whose customer, and in the key's."""
    books.change_program(sales_limit=LIMIT, adjustment_limit=LIMIT, tier_rates_bps=(2000,))
    name(books, "carol")
    sell(books, "p1", 5 * LIMIT, "carol", occurred_at_ms=books.clock() - HOUR_MS)
    sell(books, "p2", 5)
    books.pay("carol", "p3", 5, occurred_at_ms=books.clock() - HOUR_MS)
    assert [each.amount for each in held(books)] == [1, 1]
    assert earned(books) == LIMIT


@pytest.mark.parametrize("way", ["cleared", "named"])
def test_what_becomes_more_is_held_whoever_spoke_for_it_before(books: Books, way: str) -> None:
    """That it is no other payment, or whose customer it is, says nobody of what a sale told later makes of it."""
    books.change_program(rules=RuleSet(a_rule(2000, first=[1])), sales_limit=LIMIT, adjustment_limit=LIMIT)
    ids = set[str]()
    for number in range(6):
        who = f"customer {number}"
        if way == "cleared":
            books.apply(who, "alice")
            books.pay(who, f"pi_{number}", 10_000, system="stripe")
            books.mature("alice")
            sell(books, f"p{number}", 10_000, who, occurred_at_ms=books.clock() - 1_000)
            rating.rate_customer(books.context, "default", books.user(who))
            duplicate_decisions.another(books.context, books.payment(f"p{number}").id, "two", books.user("mia"))
        else:
            sell(books, f"p{number}", 10_000, who)
            books.clock.forward(1_000)
            name(books, who)
        sell(books, f"small {number}", 100, who, occurred_at_ms=books.clock() - HOUR_MS)
        rating.rate_customer(books.context, "default", books.user(who))
        ids.add(books.payment(f"p{number}").id)
    told = [each for each in books.rewards("alice") if each.payment in ids]
    assert [each.amount for each in told if each.held == HELD] == ([2_000] * 6 if way == "named" else [])
    assert sum(each.amount for each in told if not each.held) <= LIMIT
    assert books.faults() == []


def test_what_a_dispute_holds_counts_when_it_is_released(books: Books) -> None:
    """It comes back with the dispute: whoever releases meanwhile vouches for all of it."""
    books.change_program(sales_limit=0, adjustment_limit=LIMIT, tier_rates_bps=(2000,))
    sell(books, "p", 10**8)
    books.dispute("p", 10**8)
    (waiting,) = held(books)
    books.release(waiting, by=books.user("zoe"))
    books.close("p", "WON")
    assert earned(books) == 0
    (waiting,) = held(books)
    assert books.release(waiting, by=books.user("mia")).status is RewardStatus.APPROVED


def test_nobody_tells_of_what_they_earn(books: Books) -> None:
    """Who made the key is the partner, or turns out to be: it waits, and nobody lets it go."""
    sell(books, "p", 5, caller=books.user("alice"))
    (waiting,) = held(books)
    with pytest.raises(Forbidden):
        books.release(waiting, by=books.user("mia"))
    assert earned(books) == 0


def test_who_was_linked_to_the_partner_later_tells_nothing_of_them_either(books: Books) -> None:
    """The customer was bound when nobody had signed in as the partner yet."""
    new = partners.NewPartner("Acme", "Example", "acme@example.com")
    acme = partners.create(books.context, new, books.user("mia"), None, "body")
    code_application.apply(books.context, books.limits, books.user("carol"), acme.code)
    sell(books, "before", 5, "carol", caller=books.user("ann"))
    partners.link_user(books.context, acme.id, books.user("ann"), books.user("mia"))
    sell(books, "after", 5, "carol", caller=books.user("ann"))
    partitions = books.context.reward_partitions(acme.id)
    told = {each.payment: each.held for each in rewards.all_of(books.table, partitions)}
    assert told == {books.payment("before").id: (), books.payment("after").id: HELD}


def test_who_told_does_not_review_it(books: Books) -> None:
    """Where the program has a person approve what is earned."""
    books.change_program(sales_limit=LIMIT, reviews_rewards=True, tier_rates_bps=(2000,))
    sell(books, "p", 5 * LIMIT, caller=books.user("ann"))
    books.mature("alice")
    (waiting,) = books.rewards("alice")
    with pytest.raises(SecondPersonNeeded):
        books.approve(waiting, by=books.user("ann"))
    assert books.approve(waiting, by=books.user("mia")).status is RewardStatus.APPROVED


@pytest.mark.parametrize("first", ["", "app", "site"])
def test_what_was_told_of_nobodys_payment_is_rewritten_by_no_other(books: Books, first: str) -> None:
    """A key does not make another customer's order out of it; who told it corrects it."""
    books.pay("carol", "order", 10_000, caller=books.user(first) if first else "")
    again = books.pay("bob", "order", 5, caller=books.user("site"))
    told = {"site": RecordOutcome.RECORDED, "app": RecordOutcome.CONTRADICTED, "": RecordOutcome.DIFFERENT}
    assert again.outcome is told[first]
    books.apply("carol", "alice")
    unattributed.take(books.context, unattributed.Referred("default", books.user("carol")))
    assert earned(books) == (1 if first == "site" else 2_000)


def test_a_crm_revives_no_referral_by_itself(books: Books) -> None:
    """Told a day late that the deal was won in time: what was paid since by Stripe waits for a person."""
    books.change_program(sales_limit=LIMIT, adjustment_limit=LIMIT, attribution_days=1, tier_rates_bps=(2000,))
    books.apply("carol", "alice")
    at_ms = books.clock()
    books.clock.forward(2 * DAY_MS)
    books.pay("carol", "in_1", 10**8, system="stripe")
    binding = bindings.find(books.table, "default", books.user("carol"))
    assert binding
    conversions.convert(books.context, binding.referral_id, 5, at_ms=at_ms)
    rating.rate_customer(books.context, "default", books.user("carol"))
    assert ([each.amount for each in held(books)], earned(books)) == ([2 * 10**7], 1)
    assert books.faults() == []


@pytest.mark.parametrize("first", ["site", "", "before it expired"])
def test_a_key_revives_no_referral_by_itself(books: Books, first: str) -> None:
    """A cent that is told to be of before it expired: what was paid since waits for a person. The bus is believed, and
    so is a key that tells in time.
    """
    books.change_program(sales_limit=LIMIT, adjustment_limit=LIMIT, attribution_days=1, tier_rates_bps=(2000,))
    books.apply("carol", "alice")
    at_ms = books.clock()
    if first == "before it expired":
        sell(books, "cent", 5, "carol", occurred_at_ms=at_ms)
    books.clock.forward(2 * DAY_MS)
    books.pay("carol", "in_1", 10**8, system="stripe")
    if first != "before it expired":
        books.pay("carol", "cent", 5, occurred_at_ms=at_ms, caller=books.user(first) if first else "")
    rating.rate_customer(books.context, "default", books.user("carol"))
    assert [each.amount for each in held(books)] == ([2 * 10**7] if first == "site" else [])
    assert earned(books) == (1 if first == "site" else 2 * 10**7 + 1)
    for waiting in held(books):
        with pytest.raises(SecondPersonNeeded):
            books.release(waiting, by=books.user("site"))
        assert books.release(waiting, by=books.user("zoe")).held == HELD
        assert books.release(waiting, by=books.user("kim")).status is RewardStatus.APPROVED
    books.pay("carol", "in_2", 100, system="stripe")
    assert (held(books), earned(books)) == ([], 2 * 10**7 + 21)
    assert books.faults() == []


# ---------------------------------------------------------------- who made the key


@pytest.mark.parametrize("way", ["at once", "held", "before its customer", "named", "expired"])
def test_who_made_the_key_lets_out_nothing_of_whom_it_told_of(books: Books, way: str) -> None:
    """However its sale came to earn; anybody else of the staff does."""
    books.change_program(sales_limit=LIMIT, adjustment_limit=LIMIT, tier_rates_bps=(2000,))
    ann, amount = books.user("ann"), 5 * LIMIT + 5 * (way == "held")
    match way:
        case "at once" | "held":
            sell(books, "p", amount, caller=ann)
        case "before its customer":
            sell(books, "p", amount, "carol", caller=ann)
            books.apply("carol", "alice")
            unattributed.take(books.context, unattributed.Referred("default", books.user("carol")))
        case "named":
            name(books, "carol", "mia")
            sell(books, "p", amount, "carol", caller=ann, occurred_at_ms=books.clock() - HOUR_MS)
        case _:
            books.change_program(sales_limit=LIMIT, attribution_days=1, tier_rates_bps=(2000,))
            books.apply("carol", "alice")
            books.clock.forward(2 * DAY_MS)
            sell(books, "p", amount, "carol", caller=ann)
            books.pay("carol", "in time", 5, occurred_at_ms=books.clock() - 2 * DAY_MS)
            rating.rate_customer(books.context, "default", books.user("carol"))
    for waiting in held(books):
        books.release(waiting, by=books.user("zoe"))
        books.release(waiting, by=books.user("kim"))
    assert earned(books) >= LIMIT
    withdrawal = books.withdraw("alice", LIMIT)
    with pytest.raises(SecondPersonNeeded):
        decisions.approve(books.context, withdrawal.id, ann, "request", "fine")
    decisions.approve(books.context, withdrawal.id, books.user("lea"), "request", "fine")
    assert books.faults() == []


def test_what_is_remembered_of_a_service_is_written_once_a_day(books: Books) -> None:
    """For the whole of it: the window of a sale in its last hour is no shorter."""
    books.change_program(sales_limit=None, adjustment_limit=None, tier_rates_bps=(2000,))
    place, versions = keys.exposure_of_partner(books.partner("alice").id), []
    for number in range(3):
        sell(books, f"p{number}", 100)
        item = books.table.get(place)
        assert item
        versions.append(item["version"])
        ((_, who, until_ms),) = item["marks"]
        assert (who, until_ms % DAY_MS) == (books.user("site"), 0)
        assert 0 < until_ms - books.clock() <= DAY_MS
        books.clock.forward(HOUR_MS if number == 0 else DAY_MS)
    assert versions == [1, 1, 2]


@pytest.mark.parametrize("seed", range(60))
def test_one_person_with_a_key_in_any_order(books: Books, seed: int) -> None:
    """Mallory of the staff has a key: in whatever order all that she may do comes, what it brings Alice beside what was
    really paid is within the day of her key, and nothing of it leaves by her.
    """
    books.change_program(
        rules=RuleSet(a_rule(2000, first=[2500])), sales_limit=LIMIT, adjustment_limit=LIMIT, attribution_days=1
    )
    mallory, before_ms = books.user("mallory"), books.clock() - HOUR_MS
    books.pay("bob", "real", 10_000, system="stripe")

    def of_rewards(act: Callable[..., Any]) -> None:
        for each in books.rewards("alice"):
            with suppress(Refledger):
                act(each, by=mallory)

    def clears() -> None:
        for each in ("big", "early", "more", "order"):
            with suppress(Refledger):
                duplicate_decisions.another(books.context, books.payment(each).id, "two", mallory)

    def lets_out() -> None:
        books.mature("alice")
        if (available := books.balance("alice")[0]) > 0:
            asked = books.withdraw("alice", available)
            if any(each.payment in told() for each in books.rewards("alice")):
                with pytest.raises(SecondPersonNeeded):
                    decisions.approve(books.context, asked.id, mallory, "request", "fine")

    def told() -> set[str]:
        ids = [books.ids.payment("payments", each) for each in ("big", "early", "more", "order", "theirs")]
        return {each.id for each in payments.many(books.table, ids) if each.caller}

    steps: list[Callable[[], Any]] = [
        lambda: sell(books, "big", 10**8, caller=mallory),
        lambda: sell(books, "early", 4 * LIMIT, caller=mallory, occurred_at_ms=before_ms),
        lambda: sell(books, "theirs", 10**7, "carol", caller=mallory, occurred_at_ms=before_ms),
        lambda: sell(books, "more", 4 * LIMIT, caller=mallory),
        lambda: sell(books, "order", 10**6, caller=mallory),
        lambda: books.pay("dave", "order", 100),
        lambda: name(books, "carol", "mallory"),
        lambda: books.refund("early", 100),
        lambda: books.dispute("big", 10**8),
        lambda: books.close("big", "WON"),
        lambda: rating.rate_customer(books.context, "default", books.user("bob")),
        lambda: unattributed.take(books.context, unattributed.Referred("default", books.user("carol"))),
        clears,
        lambda: of_rewards(books.release),
        lambda: of_rewards(books.approve),
        lets_out,
    ]
    Random(seed).shuffle(steps)
    for step in (*steps, clears, lambda: of_rewards(books.release), lambda: of_rewards(books.approve), lets_out):
        with suppress(Refledger):
            step()
    real = {books.ids.payment("stripe", "real")}
    made = [each for each in books.rewards("alice") if each.payment not in real and each.status in IN_BALANCE]
    assert sum(each.amount - each.reversed for each in made) <= LIMIT
    assert books.faults() == []


# ---------------------------------------------------------------- the bus says otherwise


@pytest.mark.parametrize("other", [{"customer": "carol"}, {"base": 7}, {"currency": "EUR"}])
def test_what_the_bus_contradicts_waits_for_a_person(books: Books, other: dict[str, Any]) -> None:
    """A key took the id of an order: what it earns is held, and the event is reported, however often it comes."""
    sell(books, "order", 10_000)
    told: dict[str, Any] = {"customer": "bob", "payment_id": "order", "base": 10_000, **other}
    for _ in range(2):
        assert books.pay(**told).outcome is RecordOutcome.CONTRADICTED
    (waiting,) = held(books)
    assert (waiting.held, earned(books)) == (HELD, 0)
    with pytest.raises(SecondPersonNeeded):
        books.release(waiting, by=books.user("site"))
    books.cancel(waiting)
    assert books.pay(**told).outcome is RecordOutcome.CONTRADICTED
    assert (earned(books), books.faults()) == (0, [])


def test_what_the_bus_contradicts_too_late_stays_in_the_balance(books: Books) -> None:
    """It is reported all the same; nothing that is in a balance is held."""
    sell(books, "order", 10_000)
    assert earned(books) == 2_000
    assert books.pay("carol", "order", 10_000).outcome is RecordOutcome.CONTRADICTED
    assert (held(books), earned(books), books.faults()) == ([], 2_000, [])


@pytest.mark.parametrize("first", ["", "app", "site"])
def test_a_service_holds_nothing_that_others_told(books: Books, first: str) -> None:
    """What it says otherwise than another one is kept, for that may have taken the id; the bus has taken none."""
    books.pay("bob", "order", 10_000, caller=books.user(first) if first else "")
    again = books.pay("bob", "order", 7, caller=books.user("site"))
    assert again.outcome is (RecordOutcome.CONTRADICTED if first == "app" else RecordOutcome.DIFFERENT)
    assert (held(books), earned(books)) == ([], 2_000)


# ---------------------------------------------------------------- told by three


@pytest.mark.parametrize("order", list(permutations(("stripe", "bus", "key"))))
@pytest.mark.parametrize("amounts", [(10_000,) * 3, (10_000, 11_000, 12_000)])
@pytest.mark.parametrize("later_ms", [0, HOUR_MS, -HOUR_MS])
def test_one_payment_earns_once(books: Books, order: tuple[str, ...], amounts: tuple[int, ...], later_ms: int) -> None:
    """By Stripe, the bus and a key in any order, at different times, and for different sums under one id."""
    books.change_program(sales_limit=LIMIT, tier_rates_bps=(2000,))
    at_ms = books.clock() - 3 * HOUR_MS
    for place in order:
        if place == "stripe":
            books.pay("bob", "pi_1", amounts[0], system="stripe", occurred_at_ms=at_ms)
        elif place == "bus":
            books.pay("bob", "pi_1", amounts[1], occurred_at_ms=at_ms + later_ms)
        else:
            sell(books, "pi_1", amounts[2], occurred_at_ms=at_ms + 2 * later_ms)
        rating.rate_customer(books.context, "default", books.user("bob"))
    contradicted = order.index("key") < order.index("bus") and amounts[1] != amounts[2]
    assert earned(books) in {each // 5 for each in amounts} | ({0} if contradicted else set())
    assert books.faults() == []


# ---------------------------------------------------------------- further ways around it


@pytest.mark.parametrize("way", ["becomes more", "revived"])
def test_of_ones_own_nothing_where_there_is_no_limit_either(books: Books, way: str) -> None:
    """Who made the key earns nothing of its sale at first, and then would because of another payment."""
    alice, before_ms = books.user("alice"), books.clock()
    if way == "becomes more":
        books.change_program(rules=RuleSet(a_rule(2000, first=[0])))
    else:
        books.change_program(attribution_days=1, tier_rates_bps=(2000,))
    books.apply("carol", "alice")
    books.clock.forward(2 * DAY_MS if way == "revived" else HOUR_MS)
    sell(books, "own", 10**7, "carol", caller=alice)
    books.pay("carol", "cent", 5, occurred_at_ms=before_ms)
    rating.rate_customer(books.context, "default", books.user("carol"))
    own = books.payment("own").id
    assert [each.held for each in books.rewards("alice") if each.payment == own] == [HELD]
    assert (earned(books) <= 1, books.faults()) == (True, [])


@pytest.mark.parametrize("says", [True, False])
def test_a_key_moves_no_order_to_another_program(books: Books, says: bool) -> None:
    """The bus told of it in the default program, where its customer is referred a moment later."""
    books.program("second", sales_limit=LIMIT, tier_rates_bps=(2000,))
    mal = books.member("mal", "second")
    code_application.apply(books.context, books.limits, books.user("carol"), mal.code)
    books.pay("carol", "order", 10_000, program_said=True)
    program: dict[str, Any] = {"program_id": "second"} if says else {"program_said": False}
    again = books.pay("carol", "order", 10_000, caller=books.user("site"), **program)
    assert again.outcome in (RecordOutcome.DIFFERENT, RecordOutcome.REPEATED)
    books.apply("carol", "alice")
    unattributed.take(books.context, unattributed.Referred("default", books.user("carol")))
    assert (books.rewards("mal"), earned(books)) == ([], 2_000)


def test_who_earns_later_of_a_held_sale_is_marked(books: Books) -> None:
    """A second tier that a first payment does not pay is paid when it turns out to be the second."""
    rules = RuleSet(a_rule(2000, 2000, first=[2000, 0]))
    books.change_program(rules=rules, sales_limit=0, adjustment_limit=LIMIT)
    books.apply("carol", "bob")
    ann = books.user("ann")
    sell(books, "p", 10_000, "carol", caller=ann)
    books.pay("carol", "cent", 5, occurred_at_ms=books.clock() - HOUR_MS)
    rating.rate_customer(books.context, "default", books.user("carol"))
    (waiting,) = held(books)
    books.release(waiting, by=books.user("mia"))
    assert earned(books) == 2_000
    withdrawal = books.withdraw("alice", 2_000)
    with pytest.raises(SecondPersonNeeded):
        decisions.approve(books.context, withdrawal.id, ann, "request", "fine")


def test_who_made_the_key_lets_out_nothing_that_another_accepted(books: Books) -> None:
    """A key told of a payment in a currency that the program did not take; Zoe accepted it."""
    ann = books.user("ann")
    books.change_program(sales_limit=LIMIT, adjustment_limit=LIMIT, tier_rates_bps=(2000,))
    sell(books, "p", 10_000, currency="EUR", caller=ann)
    books.change_program(sales_limit=LIMIT, currencies={"EUR": EUR}, tier_rates_bps=(2000,))
    parked.accept(books.context, books.payment("p").id, books.user("zoe"))
    marks = exposures.from_item("", books.table.get(keys.exposure_of_partner(books.partner("alice").id))).marks
    assert ann in {each.actor for each in marks}
