"""News of leads: in any order, any number of times, whatever dies, the referral comes to the same."""

from __future__ import annotations

import itertools
import threading
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from refledger.domain.errors import ReferralNotFound
from refledger.domain.leads import LeadNews, LeadStep, Value
from refledger.domain.partners import PartnerStatus
from refledger.domain.referrals import Referral, ReferralSource, ReferralStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.context import Context
from refledger.operations.earning import conversions, maturity, rating
from refledger.operations.partners import partners
from refledger.operations.referring import leads, lifecycle, reads
from refledger.operations.referring.leads import LeadOutcome, LeadResult, take
from refledger.store import keys
from refledger.store import leads as stored_leads
from tests.support.books import START_MS, Books
from tests.support.crashes import AT_READS, crash_at_each_write
from tests.support.faults import FaultInjectingClient
from tests.support.programs import a_rule

HOUR_MS = DAY_MS // 24
S, O = ReferralStatus, LeadOutcome  # noqa: E741
WORTH = Value(major=Decimal("1000.50"))


@pytest.fixture
def books(books: Books) -> Books:
    """Alice has a code."""
    books.program()
    books.partner("alice")
    return books


def created(books: Books, lead: str = "L1", **more: Any) -> LeadNews:
    told: dict[str, Any] = {"codes": (books.partner("alice").code,), "source": ReferralSource.EMAIL, **more}
    return LeadNews(lead, START_MS, **told)


def step(step: LeadStep, hour: int, lead: str = "L1", **more: Any) -> LeadNews:
    return LeadNews(lead, START_MS + hour * HOUR_MS, step, **more)


def tell(books: Books, *news: LeadNews) -> list[LeadResult]:
    return [take(books.context, each) for each in news]


def outcomes(books: Books, *news: LeadNews) -> list[LeadOutcome]:
    return [taken.outcome for taken in tell(books, *news)]


def referral(books: Books, lead: str = "L1") -> Referral:
    return reads.by_lead(books.context, lead)


def earned(books: Books) -> list[int]:
    return [reward.amount for reward in books.rewards("alice")]


# ---------------------------------------------------------------- a lead's life


def test_a_lead_with_a_code_makes_a_referral_and_its_life_moves_it(books: Books) -> None:
    """Created, accepted, converted: 20 % of the value in the program's currency, once; told again, nothing happens."""
    life = [
        created(books, campaign="spring"),
        step(LeadStep.ACCEPTED, 1),
        step(LeadStep.CONVERTED, 2, value=WORTH),
    ]
    assert outcomes(books, *life) == [O.MADE, O.MOVED, O.MOVED]
    made = referral(books)
    assert (made.status, made.source, made.campaign, made.lead) == (S.CONVERTED, ReferralSource.EMAIL, "spring", "L1")
    assert made.converted_at_ms == START_MS + 2 * HOUR_MS
    assert earned(books) == [20_010]
    assert outcomes(books, *life) == [O.KNOWN, O.KNOWN, O.KNOWN]
    assert (referral(books), earned(books)) == (made, [20_010])
    assert books.faults() == []


def test_in_whatever_order_they_come(books: Books) -> None:
    """The code may be the last to come, and the value may be told by itself: all orders end the same."""
    for number, order in enumerate(itertools.permutations(range(4)), start=1):
        lead = f"L{number}"
        news = [
            created(books, lead),
            step(LeadStep.ACCEPTED, 1, lead),
            step(LeadStep.CONVERTED, 2, lead),
            LeadNews(lead, START_MS + 3 * HOUR_MS, value=WORTH),
        ]
        tell(books, *[news[place] for place in order])
        assert (referral(books, lead).status, earned(books)) == (S.CONVERTED, [20_010] * number), order
    assert books.faults() == []


def test_a_rejection_ends_it_in_whatever_order(books: Books) -> None:
    """With the reason; an acceptance that comes late does not open it again."""
    for number, order in enumerate(itertools.permutations(range(3))):
        lead = f"L{number}"
        news = [
            created(books, lead),
            step(LeadStep.ACCEPTED, 1, lead),
            step(LeadStep.REJECTED, 2, lead, reason="no budget"),
        ]
        tell(books, *[news[place] for place in order])
        closed = referral(books, lead)
        assert (closed.status, closed.reason) == (S.REJECTED, "no budget"), order


def test_without_a_code_news_wait(books: Books) -> None:
    """Most leads of a CRM were sent by nobody: that is no error, and they are kept until a code comes, or for long."""
    assert outcomes(books, step(LeadStep.CONVERTED, 2, value=WORTH), LeadNews("L1", START_MS)) == [O.NOTED, O.NOTED]
    with pytest.raises(ReferralNotFound):
        referral(books)
    hashed = reads.lead_hash(books.context, "L1")
    item = books.table.get(keys.lead_facts(hashed))
    assert item is not None
    assert item["ttl"] == (START_MS + stored_leads.KEPT_MS) // 1000
    assert outcomes(books, created(books)) == [O.MOVED]
    assert earned(books) == [20_010]


def test_a_lead_of_which_nothing_is_told_leaves_nothing(books: Books) -> None:
    """That a lead is there, without a code, is not worth an item."""
    assert outcomes(books, LeadNews("L1", START_MS)) == [O.NOTED]
    assert books.table.get(keys.lead_facts(reads.lead_hash(books.context, "L1"))) is None


def test_converted_for_nobody_knows_what_is_accepted(books: Books) -> None:
    """Nobody earns from an amount that nobody told: it waits for the amount, or for the customer's payment."""
    assert outcomes(books, created(books), step(LeadStep.CONVERTED, 1)) == [O.MADE, O.MOVED]
    assert (referral(books).status, earned(books)) == (S.ACCEPTED, [])
    assert outcomes(books, LeadNews("L1", START_MS + HOUR_MS, value=WORTH)) == [O.MOVED]
    assert (referral(books).status, earned(books)) == (S.CONVERTED, [20_010])


def test_a_value_alone_converts_nothing(books: Books) -> None:
    """CRMs tell what a deal may be worth long before it is won; the newest value counts when it is."""
    values = [LeadNews("L1", START_MS + hour * HOUR_MS, value=Value(major=Decimal(hour))) for hour in (1, 3, 2)]
    assert outcomes(books, created(books), *values) == [O.MADE, O.KNOWN, O.KNOWN, O.KNOWN]
    assert earned(books) == []
    tell(books, step(LeadStep.CONVERTED, 4))
    assert earned(books) == [60]


# ---------------------------------------------------------------- what does not go


def test_a_code_that_is_none_makes_nothing_until_it_is_corrected(books: Books) -> None:
    """The newest code counts; one of several that were found is enough."""
    wrong = LeadNews("L1", START_MS, codes=("NOSUCHCODE",))
    assert outcomes(books, wrong, step(LeadStep.ACCEPTED, 1)) == [O.UNKNOWN_CODE, O.UNKNOWN_CODE]
    right = LeadNews("L1", START_MS + HOUR_MS, codes=("NOSUCHCODE", books.partner("alice").code))
    assert outcomes(books, right, wrong) == [O.MOVED, O.KNOWN]
    assert referral(books).status is S.ACCEPTED


def test_a_partner_who_is_not_active_refers_nobody(books: Books) -> None:
    """Refused with its reason, and nothing is made."""
    partners.change_status(books.context, books.partner("alice").id, PartnerStatus.SUSPENDED, "checked", "admin")
    (taken,) = tell(books, created(books))
    assert (taken.outcome, taken.why) == (O.REFUSED, "CODE_NOT_ACTIVE")


def test_a_conversion_after_the_end_is_reported_and_earns_nothing(books: Books) -> None:
    """Rejected is final. Whoever is told of the conversion decides by hand; other news do not tell it again."""
    tell(books, created(books), step(LeadStep.REJECTED, 1, reason="spam"))
    late = step(LeadStep.CONVERTED, 2, value=WORTH)
    assert [(taken.outcome, taken.why) for taken in tell(books, late, step(LeadStep.ACCEPTED, 3))] == [
        (O.UNPAID, "REFERRAL_CLOSED"),
        (O.LATE, ""),
    ]
    assert (referral(books).status, earned(books)) == (S.REJECTED, [])


def available(books: Books) -> int:
    """What Alice has of all that has come in, everything being due."""
    books.clock.forward(DAY_MS)
    books.mature("alice")
    return books.balance("alice")[0]


@pytest.mark.parametrize("matured", [False, True])
def test_a_deal_that_falls_through_is_taken_back(books: Books, matured: bool) -> None:
    """It converted, and it was lost after that: nothing is earned; won again, it is earned again."""
    tell(books, created(books), step(LeadStep.CONVERTED, 1, value=WORTH))
    assert not matured or available(books) == 20_010
    assert outcomes(books, step(LeadStep.REJECTED, 2, reason="no budget")) == [O.MOVED]
    assert outcomes(books, step(LeadStep.REJECTED, 2, reason="no budget")) == [O.KNOWN]
    assert (referral(books).status, referral(books).reason, available(books)) == (S.CONVERTED, "no budget", 0)
    assert books.faults() == []
    assert outcomes(books, step(LeadStep.CONVERTED, 3)) == [O.MOVED]
    assert (referral(books).reason, available(books)) == ("", 20_010)
    assert books.faults() == []


def worth(hour: int, lead: str, amount: int) -> LeadNews:
    return LeadNews(lead, START_MS + hour * HOUR_MS, value=Value(amount=amount, currency="USD"))


def test_a_value_is_what_was_told_of_the_latest_time(books: Books) -> None:
    """Corrected down it is taken back in part, up it is added to: all orders come to the same, cent for cent."""
    for number, order in enumerate(itertools.permutations(range(4)), start=1):
        lead = f"L{number}"
        news = [
            step(LeadStep.CONVERTED, 1, lead, value=Value(amount=50_000, currency="USD")),
            worth(2, lead, 80_000), worth(3, lead, 30_000), worth(4, lead, 90_000),
        ]  # fmt: skip
        tell(books, created(books, lead), *[news[place] for place in order])
        tell(books, *[news[place] for place in order])
        assert available(books) == 18_000 * number, order
    assert books.faults() == []


def test_lost_and_corrected_in_any_order(books: Books) -> None:
    """A deal that was lost is worth nothing, whatever its value; won again it is worth its latest one."""
    won = 0
    for number, order in enumerate(itertools.permutations(range(4)), start=1):
        lead = f"L{number}"
        news = [
            step(LeadStep.CONVERTED, 1, lead, value=Value(amount=50_000, currency="USD")),
            worth(2, lead, 20_000), step(LeadStep.REJECTED, 3, lead), step(LeadStep.CONVERTED, 5, lead),
        ]  # fmt: skip
        tell(books, created(books, lead), *[news[place] for place in order])
        tell(books, *news)
        if referral(books, lead).status is S.CONVERTED:  # what was rejected before it was told to convert stays so
            won += 1
        assert available(books) == 4_000 * won, order
    assert won >= 12
    assert books.faults() == []


def test_what_falls_through_and_never_converted_in_time_earns_nothing(books: Books) -> None:
    """Rejected first, then told to convert: in both orders nothing."""
    for number, order in enumerate(itertools.permutations(range(2))):
        news = [step(LeadStep.REJECTED, 1, f"L{number}"), step(LeadStep.CONVERTED, 2, f"L{number}", value=WORTH)]
        tell(books, created(books, f"L{number}"), *[news[place] for place in order])
        assert available(books) == 0
    assert books.faults() == []


def test_what_a_person_told_falls_through_too(books: Books) -> None:
    """Converted by hand, and lost in the CRM after that."""
    tell(books, created(books))
    conversions.convert(books.context, referral(books).id, 10_000, by="ann")
    assert outcomes(books, LeadNews("L1", books.clock() + 1, LeadStep.REJECTED)) == [O.MOVED]
    assert available(books) == 0
    assert books.faults() == []


def test_another_currency_is_reported_and_the_first_stands(books: Books) -> None:
    """Nothing is converted from one to another."""
    tell(books, created(books), step(LeadStep.CONVERTED, 1, value=WORTH))
    assert outcomes(books, step(LeadStep.CONVERTED, 2, value=Value(amount=5, currency="EUR"))) == [O.DIFFERENT]
    assert earned(books) == [20_010]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Value(major=Decimal("1.005")), "INVALID"),
        (Value(major=Decimal(1), currency="EUR"), "CURRENCY_NOT_TAKEN"),
        (Value(amount=100, currency="JPY"), "CURRENCY_NOT_TAKEN"),
    ],
)
def test_a_value_that_cannot_be_booked_is_reported(books: Books, value: Value, why: str) -> None:
    """Nothing is rounded, and nothing is converted from one currency to another."""
    _, taken = tell(books, created(books), step(LeadStep.CONVERTED, 1, value=value))
    assert (taken.outcome, taken.why, earned(books)) == (O.UNPAID, why, [])


def test_a_lead_that_was_taken_out_does_not_come_back(books: Books) -> None:
    """Repeats of old news find the referral that was deleted, closed as it is."""
    (taken,) = tell(books, created(books))
    lifecycle.remove(books.context, taken.referral_id)
    assert outcomes(books, created(books), step(LeadStep.ACCEPTED, 1)) == [O.LATE, O.LATE]
    with pytest.raises(ReferralNotFound):
        referral(books)
    assert len(list(books.table.query(keys.referrals(books.partner("alice").id)))) == 1


# ---------------------------------------------------------------- the customer


def test_the_customer_is_bound_when_the_crm_knows_who_it_is(books: Books) -> None:
    """With the code or later; then payments earn like anybody's."""
    tell(books, created(books, customer="carol"), created(books, "L2"))
    books.pay("carol", "p1", 10_000)
    assert outcomes(books, LeadNews("L2", START_MS, customer="dave")) == [O.MOVED]
    books.pay("dave", "p2", 20_000)
    assert earned(books) == [2_000, 4_000]
    assert referral(books, "L2").customer == books.user("dave")
    assert books.faults() == []


def test_a_customer_of_somebody_else_is_not_taken_away(books: Books) -> None:
    """Neither with the code nor later; the referral that is there stays as it is."""
    books.chain("bob", "carol")
    (refused,) = tell(books, created(books, customer="carol"))
    assert (refused.outcome, refused.why) == (O.REFUSED, "ALREADY_REFERRED")
    tell(books, created(books, "L2"))
    (later,) = tell(books, LeadNews("L2", START_MS, customer="carol"))
    assert (later.outcome, later.why, referral(books, "L2").customer) == (O.REFUSED, "ALREADY_REFERRED", "")


def test_no_customer_lies_in_the_table_by_name(books: Books) -> None:
    """What waits has the keyed hash of the customer, and lies under that of the lead."""
    tell(books, LeadNews("a lead", START_MS, customer="carol@example.com"))
    item = books.table.get(keys.lead_facts(reads.lead_hash(books.context, "a lead")))
    assert item is not None
    assert item["customer"] == books.user("carol@example.com")
    assert "carol" not in str(item)
    assert "a lead" not in str(item)


# ---------------------------------------------------------------- deaths and races


@pytest.mark.parametrize("last", ["created", "converted"])
def test_whoever_dies_is_met_by_the_repeat(books: Books, last: str) -> None:
    """At every write to the table, before and after it: told again, it ends as if nothing had happened."""
    numbers = itertools.count()

    def told(lead: str) -> list[LeadNews]:
        news = [step(LeadStep.ACCEPTED, 1, lead), step(LeadStep.CONVERTED, 2, lead, value=WORTH), created(books, lead)]
        return news if last == "created" else [news[2], news[0], news[1]]

    def prepare() -> str:
        lead = f"lead{next(numbers)}"
        tell(books, *told(lead)[:2])
        return lead

    died = 0
    for lead in crash_at_each_write(books, prepare, lambda context, lead: take(context, told(lead)[2])):
        tell(books, told(lead)[2])
        assert referral(books, lead).status is S.CONVERTED
        died += 1
    assert died > (10 if AT_READS else 3)
    assert earned(books) == [20_010] * (died + 1)
    assert books.faults() == []


def accept_in(context: Context, lead: str) -> None:
    take(context, step(LeadStep.ACCEPTED, 1, lead))


def test_nothing_falls_between_a_note_and_the_making_of_the_referral(books: Books) -> None:
    """Whichever of the two comes in between the calls of the other, the referral is accepted in the end."""
    calls, other = 0, books.context
    take(books.behind(counted := FaultInjectingClient(books.client, None)), created(books, "counted"))
    for lead, at in ((f"in{at}", at) for at in range(len(counted.calls))):
        between = FaultInjectingClient(books.client, at, before=partial(accept_in, other, lead))
        take(books.behind(between), created(books, lead))
        assert referral(books, lead).status is S.ACCEPTED, f"the acceptance came before call {at}"
        calls += 1
    assert calls > 4


def test_all_at_once(books: Books) -> None:
    """The same news from four workers at a time: one referral, one conversion, nothing lost."""
    news = [created(books), step(LeadStep.ACCEPTED, 1), step(LeadStep.CONVERTED, 2, value=WORTH), created(books)]
    start = threading.Barrier(len(news))

    def work(each: LeadNews) -> None:
        start.wait()
        context = books.context
        for _ in range(20):
            try:
                leads.take(context, each)
            except Exception:  # a message that fails comes again
                continue
            return

    threads = [threading.Thread(target=work, args=(each,)) for each in news]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (referral(books).status, earned(books)) == (S.CONVERTED, [20_010])
    assert len(list(books.table.query(keys.referrals(books.partner("alice").id)))) == 1
    assert books.faults() == []


def test_news_from_long_ago_count_as_of_then(books: Books) -> None:
    """A replay of the bus after a week converts at the time that is told, not at that of the replay."""
    books.clock.forward(7 * DAY_MS)
    tell(books, created(books), step(LeadStep.CONVERTED, 5, value=WORTH))
    assert referral(books).converted_at_ms == START_MS + 5 * HOUR_MS


@pytest.mark.parametrize("rules", [RuleSet(a_rule(1000, first=(5000,))), RuleSet(a_rule(1000, payments=1))])
def test_what_is_added_to_a_conversion_has_its_place(books: Books, rules: RuleSet) -> None:
    """500.00 and then 800.00 is the customer's first payment as a whole, or none of it is where one comes late."""
    books.change_program(rules=rules)
    books.clock.forward(DAY_MS)
    more, found = {"codes": (books.partner("alice").code,)}, set()
    for number, order in enumerate(itertools.permutations("abp")):
        before = sum(reward.amount for reward in books.rewards("alice"))
        customer, lead = f"carol {number}", f"L {number}"
        tell(books, LeadNews(lead, START_MS, customer=customer, codes=more["codes"]))
        for each in order:
            if each == "p":
                books.pay(customer, f"p {number}", 10_000, occurred_at_ms=START_MS)
            else:
                amount = 50_000 if each == "a" else 80_000
                tell(books, step(LeadStep.CONVERTED, 1 if each == "a" else 2, lead, value=Value(amount=amount)))
        found.add(sum(reward.amount for reward in books.rewards("alice")) - before)
    assert found == {13_000 if rules.default.first else 1_000}
    assert books.faults() == []


def test_one_that_converted_before_a_payment_has_its_place_at_once(books: Books) -> None:
    """The news rate what is behind them, and say whose money moves: nobody waits for a tick of the schedule."""
    books.change_program(rules=RuleSet(a_rule(1000, first=(5000,))))
    tell(books, LeadNews("L1", START_MS, customer="carol", codes=(books.partner("alice").code,)))
    books.clock.forward(DAY_MS)
    books.earn("carol", "p", 10_000)
    assert books.balance("alice") == (5_000, 0, 0)
    (taken,) = tell(books, step(LeadStep.CONVERTED, 1, value=Value(amount=20_000)))
    assert (sorted(earned(books)), books.balance("alice")) == ([1_000, 10_000], (1_000, 0, 0))
    assert [message.partner_id for message in taken.due] == [books.partner("alice").id]
    assert list(rating.waiting(books.context)) == []
    books.mature("alice")
    (taken,) = tell(books, step(LeadStep.CONVERTED, 2, value=Value(amount=30_000)))
    assert len(taken.due) == 1, "what was added matures as fast"
    for message in taken.due:
        maturity.mature_from(books.context, message.partner_id, message.currency, message.since)
    assert books.balance("alice") == (16_000, 0, 0)
    assert books.faults() == []
