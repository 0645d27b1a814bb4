"""What one person may make or pay out in a day, in however many pieces and ways, and at once: attacks that worked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from refledger.domain.adjustments import Adjustment, AdjustmentKind, AdjustmentRequest, AdjustmentStatus
from refledger.domain.duties import Act
from refledger.domain.errors import Busy, Forbidden, Refledger, SecondPersonNeeded
from refledger.domain.partners import PartnerStatus
from refledger.domain.programs import CurrencyTerms, Weights
from refledger.domain.referrals import ReferralSource
from refledger.domain.rewards import SECOND_PERSON, Reward, RewardStatus
from refledger.domain.times import HOUR_MS
from refledger.operations import adjustments, duties
from refledger.operations.earning import conversions, manual_rewards
from refledger.operations.earning.conversions import Converted
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.partners import partners
from refledger.operations.payouts import methods, single_payouts
from refledger.operations.referring import lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from tests.support import worlds
from tests.support.books import Books

S = RewardStatus
LIMIT = 5_000
EUR = CurrencyTerms(adjustment_limit=LIMIT, second_approval_limit=LIMIT)
numbers = count()


pytestmark = worlds.lives_in(
    worlds.some_partners, adjustment_limit=LIMIT, second_approval_limit=LIMIT, currencies={"EUR": EUR}
)


def adjust(books: Books, amount: int, to: str = "bob", by: str = "ann", currency: str = "USD") -> Adjustment:
    asked = AdjustmentRequest(books.partner(to).id, currency, amount, AdjustmentKind.ADJUSTMENT, "why")
    return adjustments.request(books.context, asked, books.user(by), "route", f"{next(numbers)}", f"{asked}")


def give(books: Books, amount: int, to: str = "bob", by: str = "ann", currency: str = "USD") -> Reward:
    return manual_rewards.give(books.context, Gift(books.partner(to).id, amount, currency, "why"), books.user(by), None)


def convert(books: Books, value: int, to: str = "bob", by: str = "ann", **told: Any) -> Converted:
    """A referral of theirs that somebody enters, and says to have converted: a fifth of it is earned."""
    new = NewReferral(partner_id=books.partner(to).id, source=ReferralSource.OTHER)
    made = lifecycle.create(books.context, new, "ann", None, "", by=books.user(by) if by else "")
    return conversions.convert(books.context, made.id, value, by=books.user(by) if by else "", **told)


def pay(books: Books, reward: Reward, by: str = "ann") -> Reward:
    return single_payouts.process(books.context, reward.id, "PAYPAL", "TX", books.user(by), "request")


def made(books: Books, *names: str) -> int:
    """All that came into the balances of these."""
    for name in names:
        books.mature(name)
    return sum(sum(books.balance(name)) for name in names)


# ---------------------------------------------------------------- in pieces


def test_twenty_adjustments_of_the_limit(books: Books) -> None:
    """The first is posted; the others wait for another person, and so does the other direction."""
    asked = [adjust(books, LIMIT) for _ in range(20)]
    assert [each.status for each in asked].count(AdjustmentStatus.POSTED) == 1
    assert adjust(books, -1).status is AdjustmentStatus.WAITING
    assert books.balance("bob") == (LIMIT, 0, 0)
    assert adjustments.approve(books.context, asked[1].id, books.user("mia"), "r", "").status is AdjustmentStatus.POSTED
    assert books.faults() == []


def test_twenty_rewards_of_the_limit(books: Books) -> None:
    """The first matures; the others are held until another person releases them."""
    given = [give(books, LIMIT) for _ in range(20)]
    assert [each.held for each in given] == [(), *([(SECOND_PERSON,)] * 19)]
    assert made(books, "bob") == LIMIT
    with pytest.raises(SecondPersonNeeded):
        books.release(given[1], by=books.user("ann"))
    assert books.release(given[1], by=books.user("mia")).status is S.APPROVED
    assert books.faults() == []


@pytest.mark.parametrize("first", ["adjust", "give", "convert"])
@pytest.mark.parametrize("then", ["adjust", "give", "convert"])
def test_another_way_in_is_no_other_sum(books: Books, first: str, then: str) -> None:
    """What was made one way leaves nothing for another one, to the same partner, or by the same person to another."""
    ways: dict[str, Callable[..., Any]] = {
        "adjust": adjust, "give": give, "convert": lambda books, amount, **who: convert(books, 5 * amount, **who),
    }  # fmt: skip
    ways[first](books, LIMIT - 1)
    ways[then](books, 2)
    ways[then](books, 2, to="eve")
    ways[then](books, 2, by="mia")
    assert made(books, "bob", "eve") == LIMIT - 1
    ways[then](books, 1)
    assert made(books, "bob") == LIMIT
    assert books.faults() == []


def test_over_many_partners_one_person_is_still_one(books: Books) -> None:
    """Ten accomplices get together what one would get."""
    names = [f"friend{number}" for number in range(10)]
    for name in names:
        give(books, LIMIT, to=name)
    assert made(books, *names) == LIMIT


def test_over_a_day_and_not_for_ever(books: Books) -> None:
    """After 24 hours and not before; an hour is counted whole."""
    give(books, LIMIT)
    books.clock.forward(24 * HOUR_MS - 1)
    assert give(books, 1).held
    books.clock.forward(HOUR_MS)
    assert not give(books, LIMIT).held


def test_many_at_once_make_no_more(books: Books) -> None:
    """Forty threads, three ways, two partners, one person: not a cent above the limit."""

    def one(number: int) -> None:
        to = "bob" if number % 2 else "eve"
        with suppress(Busy):
            [adjust, give, lambda *told: convert(told[0], 5 * told[1], told[2])][number % 3](books, LIMIT // 4, to)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(one, range(40)))
    assert 0 < made(books, "bob", "eve") <= LIMIT
    assert books.faults() == []


def test_currencies_count_together_where_the_program_says_how(books: Books) -> None:
    """Each by itself without weights: a limit for each. With them one limit for all."""
    adjust(books, LIMIT)
    assert adjust(books, LIMIT, to="eve", by="mia").status is AdjustmentStatus.POSTED
    assert not give(books, LIMIT, currency="EUR").held
    books.change_program(
        adjustment_limit=LIMIT, currencies={"EUR": EUR}, exposure=Weights("USD", (("EUR", 1_100),))
    )  # fmt: skip
    books.clock.forward(26 * HOUR_MS)
    give(books, LIMIT - 1_100)
    assert give(books, 1_001, currency="EUR").held
    assert not give(books, 1_000, currency="EUR").held
    assert give(books, 1).held


# ---------------------------------------------------------------- conversions


def test_a_conversion_that_a_person_tells_is_held_like_a_reward_by_hand(books: Books) -> None:
    """200,000.00 for a word: no. Who told it does not release it, another person does, and it goes on."""
    done = convert(books, 100_000_000)
    assert [each.held for each in done.rewards] == [(SECOND_PERSON,)]
    assert made(books, "bob") == 0
    (reward,) = done.rewards
    with pytest.raises(SecondPersonNeeded):
        books.release(reward, by=books.user("ann"))
    with pytest.raises(Forbidden):
        books.release(reward, by=books.user("bob"))
    assert books.release(reward, by=books.user("mia")).status is S.APPROVED
    assert books.balance("bob") == (20_000_000, 0, 0)
    assert books.faults() == []


def test_every_tier_counts(books: Books) -> None:
    """Accomplices above one another get what one would get; all rewards of a conversion are held, or none."""
    books.apply("low", "mid")
    done = convert(books, 20_000, to="low")
    assert sum(each.amount for each in done.rewards) == 6_000
    assert [each.held for each in done.rewards] == [(SECOND_PERSON,)] * 2


@pytest.mark.parametrize("by", ["", "service"])
def test_what_machines_tell_has_a_limit(books: Books, by: str) -> None:
    """A service, or a CRM: up to `conversionLimit` a day and partner it earns, above it waits for a person."""
    books.change_program(adjustment_limit=LIMIT, conversion_limit=2 * LIMIT)
    told: dict[str, Any] = {"by": by, "by_machine": True}
    assert convert(books, 9_999_999_999, **told).rewards[0].held == (SECOND_PERSON,)
    assert convert(books, 10 * LIMIT, **told).rewards[0].held == ()
    held = convert(books, 5, **told)
    assert held.rewards[0].held == (SECOND_PERSON,)
    assert made(books, "bob") == 2 * LIMIT
    assert not give(books, LIMIT - 1).held  # what people make is another sum
    assert books.release(held.rewards[0], by=books.user("mia")).status is S.APPROVED  # one of it: she vouches
    assert books.faults() == []


def test_without_a_limit_of_their_own_machines_have_that_of_people(books: Books) -> None:
    """A program from before is not open to every token."""
    assert convert(books, 5 * LIMIT + 5, by="service", by_machine=True).rewards[0].held == (SECOND_PERSON,)


def test_a_service_is_one_actor_over_all_partners(books: Books) -> None:
    """A token that was stolen makes no limit for each of a thousand accomplices."""
    names = [f"friend{number}" for number in range(4)]
    for name in names:
        convert(books, 5 * LIMIT, to=name, by="service", by_machine=True)
    assert made(books, *names) == LIMIT


# ---------------------------------------------------------------- a parked payment


def test_an_accepted_payment_is_somebodys_word(books: Books) -> None:
    """Above the limit what it earns is held until another person releases it."""
    books.apply("carol", "bob")
    for number in range(2):
        books.pay("carol", f"p{number}", 5 * LIMIT, "GBP")
    books.change_program(adjustment_limit=LIMIT, currencies={"GBP": EUR})
    for number in range(2):
        books.accept(f"p{number}")
    held = {each.held for each in books.rewards("bob")}
    assert held == {(), (SECOND_PERSON,)}
    (second,) = [each for each in books.rewards("bob") if each.held]
    with pytest.raises(SecondPersonNeeded):
        books.release(second)  # by the admin who accepted it
    assert books.release(second, by=books.user("mia")).status is S.APPROVED
    assert books.faults() == []


# ---------------------------------------------------------------- paid out


def earned(books: Books, *amounts: int, name: str = "bob") -> list[Reward]:
    books.grant(name, *amounts)
    books.mature(name)
    return [each for each in books.rewards(name) if each.status is S.APPROVED]


def test_four_by_themselves_are_not_more_than_four_together(books: Books) -> None:
    """`process-payment` after `process-payment`: the limit is for the day, of the partner as of the person."""
    first, second, third = earned(books, LIMIT, 1, 1)
    assert sorted((first.amount, second.amount, third.amount)) == [1, 1, LIMIT]
    largest = next(each for each in (first, second, third) if each.amount == LIMIT)
    assert pay(books, largest).status is S.PAID
    for each, by in ((first, "ann"), (second, "ann"), (third, "mia")):
        if each.id != largest.id:
            with pytest.raises(SecondPersonNeeded):
                pay(books, each, by)
    (other,) = earned(books, 1, name="eve")
    with pytest.raises(SecondPersonNeeded):
        pay(books, other)
    assert pay(books, other, "mia").status is S.PAID
    assert books.balance("bob") == (2, 0, LIMIT)
    assert books.faults() == []


def test_many_payments_at_once(books: Books) -> None:
    """Twenty threads with a quarter of the limit each: four are paid."""

    def one(reward: Reward) -> bool:
        for _ in range(20):
            try:
                return pay(books, reward).status is S.PAID
            except Busy:
                continue
            except Refledger as refused:
                assert isinstance(refused, SecondPersonNeeded)  # noqa: PT017  in a thread
                return False
        return False

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(one, earned(books, *[LIMIT // 4] * 20))) == 4
    assert books.balance("bob")[2] == LIMIT
    assert books.faults() == []


# ---------------------------------------------------------------- maker and checker


def lift(books: Books) -> None:
    for status in (PartnerStatus.SUSPENDED, PartnerStatus.ACTIVE):
        partners.change_status(books.context, books.partner("bob").id, status, "why", books.user("ann"))


def verify(books: Books) -> None:
    method = books.method("bob")
    methods.verify(books.context, lambda: books.vault, dict, method.partner_id, method.id, books.user("ann"))


def adjusted_by_two(books: Books) -> None:
    """Ann asks, Mia posts: Ann is who made it."""
    asked = adjust(books, LIMIT + 1)
    adjustments.approve(books.context, asked.id, books.user("mia"), "r", "")


@pytest.mark.parametrize(
    "act",
    [
        lambda books: adjust(books, 1), lambda books: give(books, 1), lambda books: convert(books, 5),
        lambda books: convert(books, 100 * LIMIT), adjusted_by_two, lift, verify,
    ],
    ids=["adjust", "give", "convert", "convert held", "adjust by two", "lift", "verify"],
)  # fmt: skip
def test_who_did_something_for_a_partner_pays_them_nothing(books: Books, act: Callable[[Books], Any]) -> None:
    """For a month, of whatever else the partner has; somebody else does it meanwhile, and so do they for others."""
    first, second = earned(books, 1, 2)
    act(books)
    with pytest.raises(SecondPersonNeeded, match="somebody else than who"):
        pay(books, first)
    (others,) = earned(books, 1, name="eve")
    assert pay(books, others).status is S.PAID
    assert pay(books, first, "mia").status is S.PAID
    books.clock.forward(30 * 24 * HOUR_MS)
    assert pay(books, second).status is S.PAID


def test_who_linked_a_user_pays_them_nothing(books: Books) -> None:
    """A partner who was onboarded, who has earned, and whose user one of the staff now names."""
    new = partners.NewPartner("A", "B", "acme@example.com")
    acme = partners.create(books.context, new, "admin", None, "body")
    partners.link_user(books.context, acme.id, books.user("acme"), books.user("ann"))
    assert books.partner("acme").id == acme.id
    (reward,) = earned(books, 1, name="acme")
    with pytest.raises(SecondPersonNeeded):
        pay(books, reward)
    assert pay(books, reward, "mia").status is S.PAID


def test_a_debit_makes_nobody_a_maker(books: Books) -> None:
    """Who took money away may let out what is left."""
    (reward,) = earned(books, 10)
    adjust(books, -1, to="eve")
    adjust(books, -1)
    books.grant("bob", 5)
    books.mature("bob")
    assert pay(books, reward).status is S.PAID


def test_a_window_of_no_days_lets_one_person_do_both(books: Books) -> None:
    """An owner with a staff of one says so in the program."""
    books.change_program(adjustment_limit=LIMIT, maker_window_days=0)
    (reward,) = earned(books, 1)
    adjust(books, 1)
    assert pay(books, reward).status is S.PAID
    given = give(books, 1)
    books.mature("bob")
    with pytest.raises(SecondPersonNeeded):  # but never of what they gave
        pay(books, given)


def test_a_payment_and_a_gift_at_the_same_moment_are_one_after_the_other(books: Books) -> None:
    """Whichever comes first: the payment was allowed before the gift, or is refused after it."""
    for reward in earned(books, *range(1, 7)):
        with ThreadPoolExecutor(2) as pool:
            paid = pool.submit(pay, books, reward)
            given = pool.submit(adjust, books, 1)
            given.result()
            try:
                paid.result()
            except SecondPersonNeeded:
                return
    pytest.fail("what was given bars nobody")


# ---------------------------------------------------------------- before its day


def test_rewards_approved_before_their_day_count(books: Books) -> None:
    """The hold is there so that a refund comes first: one person lets the limit past it, and waits with the rest."""
    books.change_program(adjustment_limit=LIMIT, hold_days=30)
    books.apply("carol", "bob")
    for number in range(3):
        books.pay("carol", f"p{number}", 10_000)
    first, second, third = books.rewards("bob")
    for each in (first, second):
        assert books.approve(each, by=books.user("ann")).status is S.APPROVED
    with pytest.raises(SecondPersonNeeded):
        books.approve(third, by=books.user("ann"))
    with pytest.raises(SecondPersonNeeded):
        books.approve(third, by=books.user("mia"))
    books.clock.forward(31 * 24 * HOUR_MS)
    assert books.approve(third, by=books.user("ann")).status is S.APPROVED
    assert books.faults() == []


def test_who_told_of_a_conversion_does_not_review_it(books: Books) -> None:
    """Where the program reviews rewards another person looks at what was told."""
    books.change_program(adjustment_limit=LIMIT, reviews_rewards=True)
    (reward,) = convert(books, 100).rewards
    books.mature("bob")
    with pytest.raises(SecondPersonNeeded):
        books.approve(reward, by=books.user("ann"))
    assert books.approve(reward, by=books.user("mia")).status is S.APPROVED


def test_a_repeat_counts_once(books: Books) -> None:
    """The same key, the same conversion, the same payment told again: nothing more is counted."""
    for _ in range(5):
        gift = Gift(books.partner("bob").id, LIMIT // 2, "USD", "why")
        manual_rewards.give(books.context, gift, books.user("ann"), "key")
    assert not give(books, LIMIT - LIMIT // 2).held
    (reward,) = earned(books, LIMIT, name="eve")
    for _ in range(3):
        assert pay(books, reward, "mia").status is S.PAID


def test_the_books_know_who_did_what(books: Books) -> None:
    """Marks are of the people who made it, not of who looked at it afterwards."""
    held = give(books, LIMIT + 1)
    books.release(held, by=books.user("mia"))
    case = duties.case(books.context, Act.PAY_REWARD, "x", [], "USD", {books.partner("bob").id: 0})
    assert [mark.actor for mark in case.facts.marks] == [books.user("ann")]
