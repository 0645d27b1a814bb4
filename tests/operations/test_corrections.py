"""A payment of which its provider tells more later: captures that grow, an invoice after its charge."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from refledger.domain.errors import SecondPersonNeeded
from refledger.domain.journal import EntryKind
from refledger.domain.payment_events import (
    PaymentReceived,
    PaymentSkipped,
)
from refledger.domain.payments import PaymentKind
from refledger.domain.rewards import SECOND_PERSON, RewardStatus, net
from refledger.domain.rules import Pay, RuleSet
from refledger.domain.tellers import NO_CUSTOMER, Teller
from refledger.domain.times import DAY_MS
from refledger.operations.earning import explanations, payments, rating, unattributed
from refledger.operations.earning.maturity import mature_from
from refledger.operations.earning.payments import Recorded, RecordOutcome
from refledger.operations.referring import closing, lifecycle, reads
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import referral_progress
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.programs import a_rule


@dataclass(frozen=True)
class Captured:
    """The charge says what was captured of it so far, and how much was given up; it knows no tax."""

    sum: int
    given_up: int = 0


@dataclass(frozen=True)
class Session:
    amount: int
    base: int
    shipping: int = 0


@dataclass(frozen=True)
class Guest:
    """A session that names no customer, as of a guest whom the charge's metadata name."""

    amount: int
    base: int


@dataclass(frozen=True)
class Invoice:
    amount: int
    base: int
    lines: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Refunded:
    id: str
    amount: int


@dataclass(frozen=True)
class Link:
    """The invoice that is its own key is that of the intent."""


Fact = Captured | Session | Guest | Invoice | Refunded | Link


def tell(books: Books, n: str, fact: Fact, customer: str = "carol", at_ms: int = 0) -> Recorded:
    """One event about the money number `n`; where there is a link, the invoice is known by its own id alone."""
    pay, at_ms = f"pi{n}", at_ms or books.clock()
    match fact:
        case Captured(sum, given_up):
            recorded = books.pay(
                customer, pay, sum, teller=Teller.CHARGE, uncaptured=given_up, occurred_at_ms=at_ms, system="stripe"
            )
        case Session(amount, base, shipping):
            recorded = books.pay(
                customer, pay, base, amount=amount, shipping=shipping, teller=Teller.SESSION, names=(f"in{n}",),
                occurred_at_ms=at_ms, system="stripe",
            )  # fmt: skip
        case Guest(amount, base):
            known = PaymentReceived(
                "stripe", pay, "", "default", amount, base, "USD", at_ms, program_said=False, teller=Teller.SESSION
            )
            told = PaymentSkipped("stripe", pay, amount, "USD", at_ms, NO_CUSTOMER, known)
            recorded = payments.skip(books.context, told)
        case Invoice(amount, base, lines):
            recorded = books.pay(
                customer, f"in{n}", base, amount=amount, lines=lines, teller=Teller.INVOICE, occurred_at_ms=at_ms,
                system="stripe",
            )  # fmt: skip
        case Refunded(id, amount):
            recorded = books.refund(pay, amount, f"{id} of {n}", system="stripe")
        case Link():
            recorded = books.alias(pay, f"in{n}", system="stripe")
    for message in recorded.due:
        mature_from(books.context, message.partner_id, message.currency, message.since)
    return recorded


def catch_up(books: Books, *names: str) -> None:
    """The schedule has ticked."""
    for program_id, customer in list(rating.waiting(books.context)):
        rating.rate_customer(books.context, program_id, customer)
    for name in names:
        books.mature(name)


@pytest.fixture
def books(books: Books) -> Books:
    """Ann refers Bob, Bob refers Carol; 20 % and 10 %, nothing held."""
    books.program()
    books.chain("ann", "bob", "carol")
    return books


# ---------------------------------------------------------------- captures


def test_a_further_capture_books_the_difference_once(books: Books) -> None:
    """40.00, then 100.00 of the same intent: 20.00 are earned, and an entry and explain say why it is more."""
    assert tell(books, "", Captured(4_000)).outcome is RecordOutcome.RECORDED
    assert (books.balance("bob"), books.balance("ann")) == ((800, 0, 0), (400, 0, 0))
    assert tell(books, "", Captured(10_000)).outcome is RecordOutcome.CORRECTED
    assert (books.balance("bob"), books.balance("ann")) == ((2_000, 0, 0), (1_000, 0, 0))
    for older in (4_000, 10_000, 0):
        if older:
            assert tell(books, "", Captured(older)).outcome is RecordOutcome.REPEATED
    assert books.balance("bob") == (2_000, 0, 0)
    entry = books.entries("bob")[-1]
    assert (entry.kind, entry.amount) == (EntryKind.EARN, 1_200)
    assert entry.reference.endswith(" as it was told anew")
    (reward,) = books.rewards("bob")
    told = explanations.explain(books.context, reward.id).explanation
    assert told.rated_again is not None
    assert told.rated_again.text.startswith("it was 8.00 USD until more was known of its payment")
    assert told.earned.text == "20.00 % of 100.00 USD = 20.00"
    assert books.faults() == []


def test_within_the_hold_the_reward_becomes_the_right_one(books: Books) -> None:
    """Nothing is booked before its time, and nothing twice after it."""
    books.change_program(hold_days=30)
    books.chain("bob", "dave")
    tell(books, "", Captured(4_000), "dave")
    books.clock.forward(10 * DAY_MS)
    tell(books, "", Captured(10_000), "dave")
    assert [(each.amount, each.status) for each in books.rewards("bob")] == [(2_000, RewardStatus.PENDING)]
    assert books.entries("bob") == []
    books.clock.forward(21 * DAY_MS)
    books.mature("bob")
    assert [entry.amount for entry in books.entries("bob")] == [2_000]
    assert books.faults() == []


@pytest.mark.parametrize(
    ("pays", "amounts"),
    [((2000, 1000), (2_000, 1_000)), ((Pay(flat=(("USD", 500),)), Pay(flat=(("USD", 300),))), (500, 300))],
)
def test_after_the_end_each_reward_follows_by_its_own_rate(
    books: Books, pays: tuple[Pay | int, ...], amounts: tuple[int, int]
) -> None:
    """Closed from before its payment: what is captured further raises no balance, and the books are right."""
    books.change_program(rules=RuleSet(a_rule(*pays)))
    books.chain("bob", "dave")
    tell(books, "", Captured(4_000), "dave")
    referral = reads.by_customer(books.context, "default", books.user("dave"))
    books.table.commit(referral_progress.convert(referral.id, books.clock(), books.clock()))
    paid_ms = books.clock()
    books.clock.forward(DAY_MS)
    assert closing.close(books.context, referral.id, "a fraud", "eve", from_ms=paid_ms).cancelled == 2
    assert tell(books, "", Captured(10_000), "dave", paid_ms).outcome is RecordOutcome.CORRECTED
    rewards = [*books.rewards("bob"), *books.rewards("ann")]
    assert [(each.amount, each.status) for each in rewards] == [(amount, RewardStatus.CANCELLED) for amount in amounts]
    assert (books.balance("bob"), books.balance("ann")) == ((0, 0, 0), (0, 0, 0))
    assert books.faults() == []


@pytest.mark.parametrize("pay", [2000, Pay(flat=(("USD", 1500),))])
def test_after_the_end_what_was_paid_out_earns_no_more(books: Books, pay: Pay | int) -> None:
    """Closed from before its payment, when its reward had been paid out: what is captured further is no money."""
    books.change_program(rules=RuleSet(a_rule(pay)))
    books.chain("bob", "dave")
    paid_ms = books.clock()
    tell(books, "", Captured(10_000), "dave")
    books.clock.forward(DAY_MS)
    books.mature("bob")
    (reward,) = books.rewards("bob")
    books.pay_out("bob", reward.amount)
    referral = reads.by_customer(books.context, "default", books.user("dave"))
    closing.close(books.context, referral.id, "a fraud", "eve", from_ms=paid_ms)
    assert tell(books, "", Captured(25_000), "dave", paid_ms).outcome is RecordOutcome.CORRECTED
    assert [(each.amount, each.status) for each in books.rewards("bob")] == [(reward.amount, RewardStatus.PAID)]
    assert books.balance("bob") == (0, 0, reward.amount)
    tell(books, "", Refunded("r", 25_000))
    assert books.balance("bob") == (-reward.amount, 0, reward.amount)
    assert books.faults() == []


@pytest.mark.parametrize("paid_out", [False, True])
def test_refunds_in_between_and_a_payout(books: Books, paid_out: bool) -> None:
    """40.00 captured, 20.00 refunded, 60.00 more captured: 80 % of 20.00 is left, whether it was paid out or not."""
    tell(books, "", Captured(4_000))
    tell(books, "", Refunded("r", 2_000))
    books.earn("carol", "other", 10_000, system="stripe")
    if paid_out:
        books.pay_out("bob", 2_400)
    tell(books, "", Captured(10_000))
    assert books.balance("bob")[0] == 1_600 + 2_000 - (2_400 if paid_out else 0)
    tell(books, "", Refunded("r2", 8_000))
    assert books.balance("bob")[0] == 2_000 - (2_400 if paid_out else 0)
    assert books.faults() == []


def test_what_was_given_up_is_no_refund_whichever_capture_told_of_it(books: Books) -> None:
    """Before basil the last capture makes a Refund of the rest: 19.50 of 59.50, of which 40.00 were taken in two."""
    for number, order in enumerate(itertools.permutations([Captured(3_000), Captured(4_000, 1_950)])):
        before = books.balance("bob")[0]
        for fact in (order[0], Refunded("rest", 1_950), Refunded("half", 2_000), order[1]):
            tell(books, str(number), fact)
        assert books.balance("bob")[0] - before == 400
    assert books.faults() == []


def test_a_payment_that_nobody_earns_from_is_corrected_too(books: Books) -> None:
    """Of a customer whom nobody had referred: when somebody does, all that was captured earns, in whatever order."""
    for order in ((4_000, 10_000), (10_000, 4_000)):
        customer = f"customer {order}"
        for sum in order:
            tell(books, customer, Captured(sum), customer)
        assert books.payment(f"pi{customer}", "stripe").is_nobodys
        books.clock.forward(1)
        books.chain("bob", customer)
        tell(books, customer, Captured(4_000), customer)
        assert books.payment(f"pi{customer}", "stripe").amount == 10_000
    assert books.balance("bob") == (4_000, 0, 0)
    assert books.faults() == []


def test_one_that_is_parked_for_its_currency_is_corrected_before_it_is_accepted(books: Books) -> None:
    """Nobody has decided yet, and then about all of it."""
    for sum in (4_000, 10_000, 4_000):
        books.pay("carol", "eur", sum, "EUR", teller=Teller.CHARGE)
    found = books.payment("eur")
    assert (found.kind, found.amount, found.base) == (PaymentKind.FOREIGN, 10_000, 10_000)
    books.change_program(currencies=["EUR"])
    for message in books.accept("eur").due:
        mature_from(books.context, message.partner_id, message.currency, message.since)
    assert books.balance("bob", "EUR") == (2_000, 0, 0)
    assert books.faults() == []


def test_another_customer_or_another_tax_is_still_a_contradiction(books: Books) -> None:
    """The first one stands, and somebody is told."""
    tell(books, "", Captured(10_000))
    assert tell(books, "", Captured(10_000), "dave").outcome is RecordOutcome.DIFFERENT
    assert tell(books, "", Captured(4_000), "dave").outcome is RecordOutcome.DIFFERENT
    other = books.pay("carol", "pi", 9_000, amount=10_000, teller=Teller.CHARGE, system="stripe")
    assert other.outcome is RecordOutcome.DIFFERENT
    euros = books.pay("carol", "pi", 20_000, "EUR", teller=Teller.INVOICE, system="stripe")
    assert euros.outcome is RecordOutcome.DIFFERENT
    assert books.balance("bob") == (2_000, 0, 0)


def test_the_owners_own_events_are_corrected_by_nothing(books: Books) -> None:
    """There one event says all there is to say: another content under the same id is a mistake."""
    books.earn("carol", "p", 4_000)
    assert books.pay("carol", "p", 10_000).outcome is RecordOutcome.DIFFERENT
    assert books.balance("bob") == (800, 0, 0)


# ---------------------------------------------------------------- tax, shipping, products told later


@pytest.mark.parametrize("better", [Session(11_900, 10_000), Guest(11_900, 10_000), Invoice(11_900, 10_000)])
def test_a_charge_is_corrected_by_what_knows_its_tax(books: Books, better: Fact) -> None:
    """119.00 as the charge says, of which 19.00 are tax: 20.00 in either order, as a correction after the hold."""
    facts: list[Fact] = [Captured(11_900), better] + ([Link()] if isinstance(better, Invoice) else [])
    for number, order in enumerate(itertools.permutations(facts)):
        before = books.balance("bob")[0]
        for fact in order:
            assert tell(books, str(number), fact).outcome is not RecordOutcome.DIFFERENT
        assert books.balance("bob")[0] - before == 2_000, order
        assert books.payment(f"pi{number}", "stripe").kind in (PaymentKind.PAYMENT, PaymentKind.ALIAS)
    assert books.faults() == []


def test_what_was_recorded_before_anybody_kept_who_told_of_it_stays(books: Books) -> None:
    """As it lies in a table that is older: sent again, with a line that names a product, it is a repeat."""
    books.earn("carol", "in", 11_900, system="stripe")
    again = Invoice(11_900, 10_000, (("gold", 5_000), ("seats", 5_000)))
    assert tell(books, "", again).outcome is RecordOutcome.REPEATED
    assert books.balance("bob") == (2_380, 0, 0)
    assert books.faults() == []


def test_shipping_and_products_that_are_told_later(books: Books) -> None:
    """110.00 with 10.00 for shipping that earns nothing; then an invoice with lines of two products, 30 % and 20 %."""
    books.change_program(rules=RuleSet(a_rule(2000), (("gold", a_rule(3000)),)), commission_on_shipping=False)
    books.chain("bob", "dave")
    tell(books, "", Captured(11_000), "dave")
    assert books.balance("bob") == (2_200, 0, 0)
    tell(books, "", Session(11_000, 11_000, 1_000), "dave")
    assert books.balance("bob") == (2_000, 0, 0)
    tell(books, "", Invoice(11_000, 10_000, (("gold", 5_000), ("seats", 5_000))), "dave")
    assert books.balance("bob") == (2_500, 0, 0)
    assert books.faults() == []


def test_flat_amounts_stay_and_what_is_taken_back_follows_what_was_paid(books: Books) -> None:
    """5.00 flat: of 40.00 of which 20.00 are gone half is left; of 100.00 four fifths."""
    books.change_program(rules=RuleSet(a_rule(Pay.amounts({"USD": 500}))))
    books.chain("bob", "dave")
    tell(books, "", Captured(4_000), "dave")
    tell(books, "", Refunded("r", 2_000), "dave")
    assert books.balance("bob") == (250, 0, 0)
    tell(books, "", Captured(10_000), "dave")
    assert books.balance("bob") == (400, 0, 0)
    assert books.faults() == []


def test_what_has_no_base_any_more_is_not_the_customers_first(books: Books) -> None:
    """All of it turns out to be for shipping: the next one is the first."""
    books.change_program(rules=RuleSet(a_rule(1000, first=(5000,), payments=3)), commission_on_shipping=False)
    books.chain("bob", "dave")
    tell(books, "1", Captured(1_000), "dave")
    books.clock.forward(1)
    tell(books, "2", Captured(10_000), "dave")
    assert books.balance("bob") == (1_500, 0, 0)
    tell(books, "1", Session(1_000, 1_000, 1_000), "dave")
    catch_up(books, "bob")
    assert books.balance("bob") == (5_000, 0, 0)
    tell(books, "1", Invoice(1_000, 900), "dave")
    catch_up(books, "bob")
    assert books.balance("bob") == (450 + 1_000, 0, 0)
    assert books.faults() == []


# ---------------------------------------------------------------- any order


AMOUNTS = st.sampled_from([1, 999, 4_000, 10_000, 11_900, 33_333])
QUICK = (Phase.generate,)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """One payment: captures that grow, a session or an invoice of the last of them, refunds."""
    sums = sorted(draw(st.lists(AMOUNTS, min_size=1, max_size=3, unique=True)))
    paid = sums[-1]
    facts: list[Fact] = [Captured(each) for each in sums]
    if draw(st.booleans()):
        shipping = draw(st.sampled_from([0, paid // 9]))
        net = paid - paid // 7
        facts.append(Guest(paid, net) if draw(st.booleans()) else Session(paid, net, shipping))
    if draw(st.booleans()):
        facts += [Invoice(paid, paid - paid // 6, (("gold", paid // 3), ("seats", paid // 3))), Link()]
    for number in range(draw(st.integers(0, 2))):
        facts.append(Refunded(f"r{number}", draw(AMOUNTS)))
    return facts


def wanted(facts: Sequence[Fact], rules: RuleSet, *, on: bool) -> int:
    """What tier 1 keeps: of the best that was told, less what went back."""
    known = [fact for fact in facts if isinstance(fact, Captured | Session | Guest | Invoice)]
    best = max(known, key=lambda fact: ([Captured, Guest, Session, Invoice].index(type(fact)), getattr(fact, "sum", 0)))
    paid = best.sum if isinstance(best, Captured) else best.amount
    base = best.sum if isinstance(best, Captured) else best.base
    if isinstance(best, Session) and not on:
        base -= best.shipping
    gold = dict(rules.products).get("gold")
    earned = base * rules.default.tiers[0].rate_bps // 10_000
    if isinstance(best, Invoice) and gold:
        part = dict(best.lines)["gold"] if best.lines else 0
        earned = part * gold.tiers[0].rate_bps // 10_000
        earned += (base - part) * rules.default.tiers[0].rate_bps // 10_000
    gone = min(paid, sum(fact.amount for fact in facts if isinstance(fact, Refunded)))
    return earned * (paid - gone) // paid


@pytest.mark.parametrize("hold_days", [0, 30])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=QUICK)
@given(facts=histories(), gold=st.booleans(), on=st.booleans(), chance=st.randoms(use_true_random=False))
def test_any_order_comes_to_the_same(
    dynamodb_endpoint: str, hold_days: int, facts: list[Fact], gold: bool, on: bool, chance: random.Random
) -> None:
    """Each fact twice, maturity and days in between: what the best of all that was told earns, less what went back."""
    books = Books(dynamodb.new_database(dynamodb_endpoint))
    rules = RuleSet(a_rule(2000, 700), (("gold", a_rule(3000)),) if gold else ())
    books.program(rules=rules, commission_on_shipping=on, hold_days=hold_days)
    books.chain("ann", "bob", *(f"customer {number}" for number in range(1)))
    at_ms = books.clock()
    for number in range(5):
        customer = f"customer of {number}"
        books.chain("bob", customer)
        before = sum(net(each) for each in books.rewards("bob"))
        for place in chance.sample([*range(len(facts))] * 2, 2 * len(facts)):
            assert tell(books, str(number), facts[place], customer, at_ms).outcome is not RecordOutcome.DIFFERENT
            if chance.randrange(3) == 0:
                books.clock.forward(chance.choice([1, 20 * DAY_MS]))
                catch_up(books, "ann", "bob")
        assert sum(net(each) for each in books.rewards("bob")) - before == wanted(facts, rules, on=on), facts
    books.clock.forward(31 * DAY_MS)
    catch_up(books, "ann", "bob")
    assert books.balance("bob")[0] == 5 * wanted(facts, rules, on=on)
    assert books.faults() == []


# ---------------------------------------------------------------- on somebody's word


def named_after(books: Books, hold_days: int) -> str:
    """Dora paid 10.00 of a charge; a minute later Eve of the staff says that Bob referred her. Keyed hash of Eve."""
    books.change_program(adjustment_limit=5_000, hold_days=hold_days)
    eve = books.user("eve")
    tell(books, "", Captured(1_000), "dora")
    books.clock.forward(60_000)
    lifecycle.create(
        books.context, NewReferral(books.partner("bob").id, customer=books.user("dora")), eve, None, "b", by=eve
    )
    unattributed.take(books.context, unattributed.Referred("default", books.user("dora")))
    books.mature("bob")
    return eve


def test_what_grows_on_somebodys_word_is_held_above_what_they_may_say_alone(books: Books) -> None:
    """The attack: the accomplice's charge is captured in part, named, and captured in full after it."""
    eve = named_after(books, hold_days=30)
    tell(books, "", Captured(15_000), "dora")
    [reward] = books.rewards("bob")
    assert (reward.amount, reward.held) == (3_000, ())
    tell(books, "", Captured(90_000), "dora")
    [reward] = books.rewards("bob")
    assert (reward.amount, reward.held) == (18_000, (SECOND_PERSON,))
    with pytest.raises(SecondPersonNeeded):
        books.release(reward, by=eve)
    books.release(reward, by=books.user("ben"))
    books.clock.forward(31 * DAY_MS)
    books.mature("bob")
    assert books.balance("bob") == (18_000, 0, 0)
    assert books.faults() == []


def test_what_has_matured_grows_on_somebodys_word_as_far_as_that_goes(books: Books) -> None:
    """Nothing that is in the balance is held: the rest is given by hand. Told again it comes to the same."""
    named_after(books, hold_days=0)
    assert books.balance("bob") == (200, 0, 0)
    tell(books, "", Captured(15_000), "dora")
    assert books.balance("bob") == (3_000, 0, 0)
    for sum in (90_000, 90_000, 15_000):
        tell(books, "", Captured(sum), "dora")
        assert books.balance("bob") == (3_000, 0, 0)
        assert books.faults() == []
    tell(books, "", Refunded("r", 45_000), "dora")
    assert books.balance("bob") == (1_500, 0, 0)
    assert books.faults() == []


def test_a_charge_that_nobody_spoke_for_grows_without_anybody(books: Books) -> None:
    """The referral was there when it was paid."""
    books.change_program(adjustment_limit=100)
    tell(books, "", Captured(1_000))
    tell(books, "", Captured(90_000))
    assert books.balance("bob") == (18_000, 0, 0)


def test_a_yes_to_less_is_none_to_more(books: Books) -> None:
    """Who vouched for what a machine told saw that much: a second one's yes does not make it more."""
    tell(books, "", Captured(1_000))
    [old] = [replace(each, vouched_by="dan") for each in books.rewards("bob")]
    assert rating.rated_anew(old, old.amount - 1, 0, "program", "p").vouched_by == "dan"
    assert rating.rated_anew(old, old.amount + 1, 0, "program", "p").vouched_by == ""
