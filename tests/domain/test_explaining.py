"""Why a reward is what it is: the words say what the numbers say, and the numbers come to the amounts."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refledger.domain.caps import CappedMonth
from refledger.domain.currencies import EXPONENTS, decimal, exponent, money
from refledger.domain.explaining import NextStep, agree, capped, coming, earned, explain, taken
from refledger.domain.journal import Balance
from refledger.domain.partners import Idle, Partner, PartnerStatus
from refledger.domain.payments import Payment, PaymentKind, TakenBack
from refledger.domain.rewards import DISPUTED, Cancelled, Reward, RewardStatus, revalue, reversal, ripe, worth
from refledger.domain.rules import Pay, RateSource, RuleSet, Sale, shares
from refledger.domain.times import DAY_MS
from tests.support.programs import a_rule

S = RewardStatus
NOW = 1_790_000_000_000
PARTNER = Partner("p", "default", "CODE", PartnerStatus.ACTIVE, "bob", 0)
CURRENCIES = st.sampled_from(["USD", "JPY", "KWD"])
MONEY = st.integers(1, 10**12)


def a_reward(**changes: object) -> Reward:
    given_: dict[str, object] = {
        "id": "r1", "partner_id": "p", "tier": 1, "amount": 1999, "currency": "USD", "status": S.PENDING,
        "base": 9999, "rate_bps": 2000, "rule_version": 3, "program_id": "default", "payment": "e", "referral_id": "f",
        "matures_at_ms": NOW + DAY_MS, "earned_at_ms": NOW, "rule": RateSource.PROGRAM,
    }  # fmt: skip
    return Reward(**{**given_, **changes})  # type: ignore[arg-type]


def a_payment(*shares_: tuple[str, int], amount: int = 9999, back: TakenBack | None = None) -> Payment:
    kept = shares_ or (("r1", 1999),)
    return Payment("e", PaymentKind.PAYMENT, "USD", amount=amount, base=9999, shares=kept, back=back or TakenBack())


# ---------------------------------------------------------------- decimals


@given(st.integers(-(10**18), 10**18), st.integers(0, 7))
def test_a_decimal_is_the_number_and_no_more(amount: int, digits: int) -> None:
    """Read back it is the same number, with exactly its digits behind the point, and none where there are none."""
    text = decimal(amount, digits)
    assert Decimal(text) == Decimal(amount).scaleb(-digits)
    assert re.fullmatch(r"-?\d+" + (rf"\.\d{{{digits}}}" if digits else ""), text)
    for least in range(digits + 1):
        short = decimal(amount, digits, least)
        assert Decimal(short) == Decimal(text)
        assert len(short.partition(".")[2]) >= least
        assert len(short.partition(".")[2]) == least or not short.endswith("0")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(1999, "USD", "19.99 USD"), (5, "USD", "0.05 USD"), (-5, "USD", "-0.05 USD"), (1999, "JPY", "1999 JPY"),
     (1999, "KWD", "1.999 KWD"), (0, "JPY", "0 JPY")],
)  # fmt: skip
def test_money_in_words(amount: int, currency: str, text: str) -> None:
    """As many decimals as the currency has."""
    assert money(amount, currency) == text


# ---------------------------------------------------------------- earned


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "20.00 % of 99.99 USD = 19.998, rounded down to 19.99"),
        ({"base": 10_000, "amount": 2000}, "20.00 % of 100.00 USD = 20.00"),
        ({"currency": "JPY", "base": 999, "amount": 199}, "20.00 % of 999 JPY = 199.8, rounded down to 199"),
        ({"currency": "KWD", "rate_bps": 1, "base": 123_456, "amount": 12},
         "0.01 % of 123.456 KWD = 0.0123456, rounded down to 0.012"),
        ({"amount": 999}, "20.00 % of 99.99 USD = 19.998, rounded down to 19.99, of which nearer tiers left 9.99"),
        ({"rate_bps": 0, "amount": 500}, "a flat amount of 5.00 USD"),
        ({"rate_bps": 0, "amount": 500, "base": 500}, "a flat amount of 5.00 USD: no more is left of the payment"),
    ],
)  # fmt: skip
def test_the_arithmetic_in_words(changes: dict[str, object], text: str) -> None:
    """Exact before it is rounded, and how it was rounded."""
    reward = a_reward(**changes)
    assert earned(reward, a_payment(("r1", reward.amount))).text == text


PAYS = st.builds(Pay, st.integers(1, 3000)) | st.builds(
    lambda amount: Pay.amounts({"USD": amount, "JPY": amount, "KWD": amount}), st.integers(1, 10**6)
)


@given(st.lists(PAYS, min_size=1, max_size=3), st.integers(1, 10**8) | st.integers(1, 2000), CURRENCIES)
@example([Pay.amounts({"USD": 800}), Pay(5000)], 1000, "USD")  # the second gets what is left
def test_the_numbers_come_to_what_the_rules_gave(pays: list[Pay], base: int, currency: str) -> None:
    """Whatever the rules say, percent or flat, on every tier: the amount follows from what the explanation names."""
    rules = RuleSet(a_rule(*pays))
    made = shares(rules, ["a", "b", "c"], (), Sale(base, currency, "", NOW, 1, NOW))
    paid = a_payment(*((f"r{share.tier}", share.amount) for share in made if share.amount))
    for share in made:
        if not share.amount:
            continue
        reward = a_reward(
            id=f"r{share.tier}", tier=share.tier, amount=share.amount, base=base, rate_bps=share.rate_bps,
            currency=currency,
        )  # fmt: skip
        found = earned(reward, paid)
        if found.rate_bps is not None:
            assert found.rounded_down == found.base * found.rate_bps // 10_000
            exact = Decimal(found.base) * found.rate_bps / 10_000
            assert Decimal(found.exact).scaleb(exponent(currency)) == exact
        assert share.amount == min(found.rounded_down, found.base - found.nearer_tiers)
        said = [Decimal(word) for word in re.findall(r"(?<![\d.])\d+(?:\.\d+)?(?= [A-Z]|$|:)", found.text)]
        assert Decimal(share.amount).scaleb(-exponent(currency)) in said, found.text


# ---------------------------------------------------------------- taken back

BACKS = st.builds(TakenBack, MONEY, st.integers(0, 10**12), st.just(0), MONEY | st.just(0), MONEY | st.just(0))


@given(st.integers(1, 10**6), MONEY, BACKS | st.just(TakenBack()), CURRENCIES, st.none() | st.integers(0, 10**6))
def test_worth_follows_from_the_numbers(
    amount: int, paid: int, back: TakenBack, currency: str, limit: int | None
) -> None:
    """Payment's sums → gone → reversed → net → what the cap left → worth: each from the numbers before it alone."""
    reward = revalue(a_reward(amount=amount, currency=currency, cap=limit), paid, back)
    if reward.status is S.PENDING:
        reward = ripe(replace(reward, held=()), earns=True)
    payment = a_payment(("r1", amount), amount=paid, back=back)
    found = explain(reward, payment, PARTNER, Balance("p", currency), NOW)
    assert agree(reward, payment)
    t = found.taken
    assert t.gone == min(t.paid, t.refunded + t.disputed + t.lost)
    assert t.kept == t.paid - t.gone
    assert t.reversed == found.earned.amount - found.earned.amount * t.kept // t.paid
    assert t.net == found.earned.amount - t.reversed
    left = found.capped.left if found.capped else None
    assert found.granted == (t.net if left is None else min(t.net, left))
    assert found.worth == (found.granted if reward.status is S.APPROVED else 0) == worth(reward)
    if 0 < t.gone < t.paid:
        assert f"leaves {decimal(t.net, exponent(currency))};" in t.text
        assert t.text.endswith(f"{decimal(t.reversed, exponent(currency))} is taken back")


def test_refunds_in_words() -> None:
    """None, a part, all."""
    none, part, all = (
        taken(replace(a_reward(), reversed=reversal(1999, 9999, gone)), a_payment(back=TakenBack(refunds=gone))).text
        for gone in (0, 3000, 9999)
    )
    assert none == "nothing of the payment went back"
    assert part == "30.00 USD of 99.99 went back: 19.99 * 69.99 / 99.99, rounded down, leaves 13.99; 6.00 is taken back"
    assert all == "all of the payment (99.99 USD) went back, and all of the reward with it"


def test_a_cap_in_words() -> None:
    """What the month has in it, and what is over; what was granted for good says so; without a cap nothing is said."""
    assert capped(a_reward(), None) is None
    month = CappedMonth("p", "USD", "default", "202609", kept={5000: 4000})
    before = capped(a_reward(cap=5000), month)
    assert before is not None
    assert (before.left, before.month, before.kept, before.over) == (None, "2026-09", 4000, 0)
    says = "the program pays a partner up to 50.00 USD for payments of 2026-09; "
    assert before.text == says + "rewards of 40.00 are in the balance so far"
    over = capped(a_reward(cap=5000), replace(month, kept={5000: 5001}))
    assert over is not None
    assert (over.over, over.text) == (1, says + "rewards of 50.01 were kept, so 0.01 of them is over the cap")
    for_good = capped(a_reward(cap=5000, limit=12), None)
    assert for_good is not None
    assert for_good.text == says + "0.12 of that went to this reward"


def test_what_is_not_of_one_moment_is_noticed() -> None:
    """A refund that the payment knows and the reward does not, or the other way round."""
    assert agree(a_reward(), a_payment())
    assert not agree(a_reward(), a_payment(back=TakenBack(refunds=3000)))
    assert not agree(a_reward(reversed=600), a_payment())


# ---------------------------------------------------------------- what happens next


IDLE = replace(PARTNER, idle=(Idle(NOW - 1, NOW + 1),))


@pytest.mark.parametrize(
    ("changes", "partner", "available", "expected"),
    [
        ({}, PARTNER, 0, [NextStep.MATURES]),
        ({"review": True}, PARTNER, 0, [NextStep.GOES_TO_REVIEW]),
        ({}, IDLE, 0, [NextStep.WILL_BE_CANCELLED]),
        ({"held": ("odd",)}, PARTNER, 0, [NextStep.WAITS_FOR_RELEASE]),
        ({"held": (DISPUTED,)}, PARTNER, 0, [NextStep.WAITS_FOR_DISPUTE]),
        ({"held": (DISPUTED, "odd")}, PARTNER, 0, [NextStep.WAITS_FOR_DISPUTE, NextStep.WAITS_FOR_RELEASE]),
        ({"status": S.CALCULATED}, PARTNER, 0, [NextStep.WAITS_FOR_APPROVAL]),
        ({"status": S.CALCULATED, "held": ("odd",)}, PARTNER, 0, [NextStep.WAITS_FOR_RELEASE]),
        ({"status": S.APPROVED}, PARTNER, 1999, [NextStep.WAITS_FOR_PAYOUT]),
        ({"status": S.APPROVED}, PARTNER, -1, [NextStep.WORKS_OFF_DEBT, NextStep.WAITS_FOR_PAYOUT]),
        (
            {"status": S.APPROVED, "held": (DISPUTED,)},
            PARTNER,
            9,
            [NextStep.WAITS_FOR_DISPUTE, NextStep.WAITS_FOR_PAYOUT],
        ),
        ({"status": S.APPROVED, "limit": 0}, PARTNER, 0, [NextStep.NOTHING]),
        ({"status": S.PAID}, PARTNER, 0, [NextStep.NOTHING]),
        ({"status": S.PAID, "reversed": 1999}, PARTNER, -1999, [NextStep.WORKS_OFF_DEBT, NextStep.NOTHING]),
        ({"status": S.CANCELLED, "cancelled": Cancelled.REFUNDED}, PARTNER, 0, [NextStep.MAY_COME_BACK]),
        ({"status": S.CANCELLED, "cancelled": Cancelled.BY_HAND}, PARTNER, 0, [NextStep.NOTHING]),
        ({"status": S.CANCELLED, "cancelled": Cancelled.IDLE}, PARTNER, 0, [NextStep.NOTHING]),
    ],
)
def test_every_status_has_a_future(
    changes: dict[str, object], partner: Partner, available: int, expected: list[NextStep]
) -> None:
    """Each status, held or not, in debt or not, says what comes next; a time only where time does it."""
    found = coming(a_reward(**changes), partner, Balance("p", "USD", available), NOW)
    assert [each.what for each in found] == expected
    timed = {NextStep.MATURES, NextStep.GOES_TO_REVIEW, NextStep.WILL_BE_CANCELLED}
    assert [each.at_ms for each in found] == [NOW + DAY_MS if each in timed else None for each in expected]
    assert all(each.text for each in found)


def test_what_is_due_comes_with_the_next_run() -> None:
    """After its time a reward says so, and not a time that is over."""
    (found,) = coming(a_reward(), PARTNER, None, NOW + 2 * DAY_MS)
    assert (found.what, found.at_ms) == (NextStep.MATURES, NOW + 2 * DAY_MS)
    assert "next run" in found.text


def test_a_cap_that_will_bite_is_announced() -> None:
    """Pending is shown before the cap, and says that there is one; once granted, it is not taken twice."""
    assert "monthly cap" in coming(a_reward(cap=100), PARTNER, None, NOW)[0].text
    assert "monthly cap" not in coming(a_reward(cap=100, limit=100), PARTNER, None, NOW)[0].text
    assert "1.00 USD comes" in coming(a_reward(cap=100, limit=100), PARTNER, None, NOW)[0].text


def test_every_rule_has_its_words() -> None:
    """Whatever rule made a reward, the explanation names it, and not another one."""
    said = {explain(a_reward(rule=source), a_payment(), PARTNER, None, NOW).rule for source in RateSource}
    assert len(said) == len(RateSource)
    assert {exponent(code) for code in EXPONENTS} == {0, 2, 3}
