"""A dispute puts money out of reach at once; WON undoes it, LOST keeps it; in any order, at any time."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from refledger.domain.errors import InsufficientFunds, Unreadable
from refledger.domain.partners import PartnerStatus
from refledger.domain.rewards import DISPUTED, Cancelled, Reward, RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.times import DAY_MS
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.partners import partners
from tests.support.books import Books
from tests.support.programs import a_rule

S = RewardStatus


@pytest.fixture
def books(books: Books) -> Books:
    """Alice refers Bob, Bob refers Carol, nothing held; in another program Erin refers Fred, held for 30 days."""
    books.program(currencies=("EUR",))
    books.chain("alice", "bob", "carol")
    books.program("slow", hold_days=30)
    books.member("erin", "slow")
    books.apply("fred", "erin")
    return books


def only(books: Books, name: str) -> Reward:
    (reward,) = books.rewards(name)
    return reward


def kinds(books: Books, name: str) -> list[tuple[str, int]]:
    return [(entry.kind.value, entry.amount) for entry in books.entries(name)]


# ---------------------------------------------------------------- each status of the reward


def test_approved_money_leaves_and_comes_back(books: Books) -> None:
    """By journal entries, on every tier: nothing can be withdrawn meanwhile."""
    books.earn("carol", "p1", 10_000)
    assert books.dispute("p1", 10_000).outcome is RecordOutcome.RECORDED
    assert (books.balance("alice"), books.balance("bob")) == ((0, 0, 0), (0, 0, 0))
    assert (only(books, "bob").status, only(books, "bob").held) == (S.APPROVED, (DISPUTED,))
    with pytest.raises(InsufficientFunds):
        books.withdraw("bob", 1000)
    assert books.faults() == []
    books.close("p1", "WON")
    assert (books.balance("alice"), books.balance("bob")) == ((1000, 0, 0), (2000, 0, 0))
    assert (only(books, "bob").status, only(books, "bob").held) == (S.APPROVED, ())
    assert kinds(books, "bob") == [("EARN", 2000), ("REVERSE", 2000), ("EARN", 2000)]
    assert books.faults() == []


def test_lost_is_final(books: Books) -> None:
    """LOST changes no balance any more: the money is gone already, and the reward is cancelled."""
    books.earn("carol", "p1", 10_000)
    books.dispute("p1", 10_000)
    entries = kinds(books, "bob")
    books.close("p1", "LOST")
    assert kinds(books, "bob") == entries
    assert (only(books, "bob").status, only(books, "bob").cancelled) == (S.CANCELLED, Cancelled.REFUNDED)
    assert books.faults() == []


def test_a_part_leaves_the_rest_where_it_is(books: Books) -> None:
    """A quarter in dispute: the other three can be withdrawn; lost, they stay."""
    books.earn("carol", "p1", 10_000)
    books.dispute("p1", 2_500)
    assert books.balance("bob") == (1500, 0, 0)
    books.close("p1", "LOST")
    assert books.balance("bob") == (1500, 0, 0)
    assert (only(books, "bob").status, only(books, "bob").held) == (S.APPROVED, ())
    assert books.faults() == []


def test_what_waits_is_held_past_its_time(books: Books) -> None:
    """Due while in dispute: it does not mature, also not the part that is not in dispute; WON matures it there."""
    books.pay("fred", "p1", 10_000, program_id="slow")
    books.dispute("p1", 2_500)
    books.clock.forward(31 * DAY_MS)
    books.mature("erin")
    assert (only(books, "erin").status, books.balance("erin")) == (S.PENDING, (0, 0, 0))
    books.clock.forward(31 * DAY_MS)
    books.mature("erin")  # the cursor is past it now
    books.close("p1", "WON")
    assert (only(books, "erin").status, books.balance("erin")) == (S.APPROVED, (2000, 0, 0))
    assert books.faults() == []


@pytest.mark.parametrize(("outcome", "left"), [("WON", 2000), ("LOST", 1500)])
def test_closed_before_its_time_it_waits_on(books: Books, outcome: str, left: int) -> None:
    """A dispute that ends while the reward is held back: it matures in its own time, with what is left."""
    books.pay("fred", "p1", 10_000, program_id="slow")
    books.dispute("p1", 2_500)
    books.close("p1", outcome)
    assert (only(books, "erin").status, only(books, "erin").held) == (S.PENDING, ())
    books.clock.forward(30 * DAY_MS)
    books.mature("erin")
    assert books.balance("erin") == (left, 0, 0)
    assert books.faults() == []


def test_lost_while_it_is_held_past_its_time(books: Books) -> None:
    """The part that is not lost matures when the dispute ends; all lost cancels."""
    books.pay("fred", "p1", 10_000, program_id="slow")
    books.pay("fred", "p2", 10_000, program_id="slow")
    books.dispute("p1", 2_500, "d1")
    books.dispute("p2", 10_000, "d2")
    books.clock.forward(40 * DAY_MS)
    books.mature("erin")
    books.close("p1", "LOST", "d1")
    books.close("p2", "LOST", "d2")
    assert books.balance("erin") == (1500, 0, 0)
    assert sorted(r.status for r in books.rewards("erin")) == [S.APPROVED, S.CANCELLED]
    assert books.faults() == []


def test_paid_out_money_becomes_debt_until_it_is_won(books: Books) -> None:
    """What has left cannot be held, so it is owed."""
    books.earn("carol", "p1", 10_000)
    books.pay_out("bob", 2000)
    books.dispute("p1", 10_000)
    assert books.balance("bob") == (-2000, 0, 2000)
    assert (only(books, "bob").status, only(books, "bob").held) == (S.PAID, ())
    assert books.faults() == []
    books.close("p1", "WON")
    assert books.balance("bob") == (0, 0, 2000)
    assert books.faults() == []


def test_a_reward_that_waits_for_a_person_is_held_too(books: Books) -> None:
    """CALCULATED: WON leaves it to the person again, LOST cancels it."""
    books.program("watched", reviews_rewards=True)
    books.member("wendy", "watched")
    books.apply("xaver", "wendy")
    for id in ("p1", "p2"):
        books.earn("xaver", id, 10_000, program_id="watched")
        books.dispute(id, 10_000, f"d-{id}")
    assert {(r.status, r.held) for r in books.rewards("wendy")} == {(S.CALCULATED, (DISPUTED,))}
    books.close("p1", "WON", "d-p1")
    books.close("p2", "LOST", "d-p2")
    assert sorted((r.status, r.held) for r in books.rewards("wendy")) == [(S.CALCULATED, ()), (S.CANCELLED, ())]
    assert books.balance("wendy") == (0, 0, 0)
    assert books.faults() == []


def test_what_a_person_cancelled_stays_so(books: Books) -> None:
    """A dispute that is won brings back nothing that a person took."""
    books.earn("carol", "p1", 10_000)
    books.cancel(only(books, "bob"))
    books.dispute("p1", 10_000)
    books.close("p1", "WON")
    assert (books.balance("alice"), books.balance("bob")) == ((1000, 0, 0), (0, 0, 0))
    assert (only(books, "bob").cancelled, only(books, "bob").held) == (Cancelled.BY_HAND, ())
    assert books.faults() == []


def test_a_payout_that_covers_what_a_dispute_left(books: Books) -> None:
    """The rest of a reward in dispute leaves: it is paid, and held no more; the end of the dispute still counts."""
    books.earn("carol", "p1", 10_000)
    books.dispute("p1", 5_000)
    books.pay_out("bob", 1000)
    assert (only(books, "bob").status, only(books, "bob").held) == (S.PAID, ())
    assert books.faults() == []
    books.close("p1", "WON")
    assert books.balance("bob") == (1000, 0, 1000)
    assert books.faults() == []


# ---------------------------------------------------------------- who is released, and how much


def test_an_idle_partner_gets_nothing_when_it_is_released(books: Books) -> None:
    """Who earned nothing when the customer paid earns nothing when the dispute is won after its time."""
    id = books.partner("erin").id
    partners.change_status(books.context, id, PartnerStatus.INACTIVE, "", "ann")
    books.clock.forward(1000)
    books.pay("fred", "p1", 10_000, program_id="slow")
    books.dispute("p1", 10_000)
    books.clock.forward(1000)
    partners.change_status(books.context, id, PartnerStatus.ACTIVE, "", "ann")
    books.clock.forward(31 * DAY_MS)
    books.close("p1", "WON")
    assert (only(books, "erin").status, only(books, "erin").cancelled) == (S.CANCELLED, Cancelled.IDLE)
    assert books.balance("erin") == (0, 0, 0)
    assert books.faults() == []


def test_the_cap_of_its_month_counts_when_it_is_released(books: Books) -> None:
    """What is in dispute takes none of the month's cap; won, it counts again, and the month never passes it."""
    books.program("capped", rules=RuleSet(a_rule(2000), monthly_cap=(("USD", 3000),)))
    books.member("gina", "capped")
    books.apply("hugo", "gina")
    books.dispute("p1", 10_000)
    books.earn("hugo", "p1", 10_000, program_id="capped")
    books.earn("hugo", "p2", 10_000, program_id="capped")
    assert books.balance("gina") == (2000, 0, 0)
    books.close("p1", "WON")
    assert books.balance("gina") == (3000, 0, 0)
    books.dispute("p2", 10_000, "d2")
    assert books.balance("gina") == (2000, 0, 0)
    books.close("p2", "WON", "d2")
    assert books.balance("gina") == (3000, 0, 0)
    assert books.faults() == []


# ---------------------------------------------------------------- order, repeats, several


STEPS: dict[str, Callable[[Books, str, str], object]] = {
    "payment": lambda b, n, _: b.earn("carol", f"p{n}", 10_000),
    "opened": lambda b, n, _: b.dispute(f"p{n}", 4_000, f"d{n}"),
    "closed": lambda b, n, outcome: b.close(f"p{n}", outcome, f"d{n}"),
    "refund": lambda b, n, _: b.refund(f"p{n}", 1_000, f"r{n}"),
}


@pytest.mark.parametrize(("outcome", "left"), [("WON", 1800), ("LOST", 1000)])
def test_any_order_comes_to_the_same(books: Books, outcome: str, left: int) -> None:
    """Payment, opening, end and a refund, each twice: in the end the refund, and a lost dispute, are gone."""
    for number, order in enumerate(itertools.permutations(STEPS), start=1):
        for name in order:
            STEPS[name](books, str(number), outcome)
            STEPS[name](books, str(number), outcome)
        assert books.balance("bob") == (left * number, 0, 0), order
        assert books.parked() == []
    assert books.faults() == []


def test_two_disputes_and_a_refund_overlap(books: Books) -> None:
    """Each takes its own; together never more than all; while one is open it is held."""
    books.earn("carol", "p1", 10_000)
    steps: list[Callable[[], object]] = [
        lambda: books.dispute("p1", 6_000, "d1"), lambda: books.refund("p1", 3_000),
        lambda: books.dispute("p1", 3_000, "d2"),
        lambda: books.close("p1", "WON", "d1"), lambda: books.close("p1", "LOST", "d2"),
    ]  # fmt: skip
    available = []
    for step in steps:
        step()
        available.append(books.balance("bob")[0])
        assert books.faults() == []
    assert available == [800, 200, 0, 800, 800]
    assert only(books, "bob").held == ()


def test_a_dispute_of_what_was_refunded_takes_nothing_more(books: Books) -> None:
    """Refunded whole, then disputed: cancelled, held while it is open, and cancelled again, whatever the end."""
    books.earn("carol", "p1", 10_000)
    books.refund("p1", 10_000)
    books.dispute("p1", 10_000)
    assert books.balance("bob") == (0, 0, 0)
    books.close("p1", "WON")
    assert (only(books, "bob").status, only(books, "bob").cancelled) == (S.CANCELLED, Cancelled.REFUNDED)
    assert books.balance("bob") == (0, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("order", itertools.permutations(("opened", "LOST 10", "WON 800", "LOST 20")), ids="-".join)
def test_the_latest_end_stands_whichever_comes_first(books: Books, order: tuple[str, ...]) -> None:
    """A dispute that was lost is won months later (it happens), is told twice, and late: its end is the latest."""
    begin = books.clock()
    books.earn("carol", "p1", 10_000)
    for step in (*order, *order):
        outcome, _, later = step.partition(" ")
        if later:
            books.close("p1", outcome, occurred_at_ms=begin + int(later))
        else:
            books.dispute("p1", 10_000)
        assert books.faults() == []
    assert books.balance("bob") == (2000, 0, 0)
    books.close("p1", "LOST", occurred_at_ms=begin + 900)
    assert books.balance("bob") == (0, 0, 0)


def test_the_same_end_told_again_later_is_later(books: Books) -> None:
    """WON, WON again, and a LOST of between that comes last: it stays won."""
    begin = books.clock()
    books.earn("carol", "p1", 10_000)
    books.dispute("p1", 10_000)
    ends = [("WON", 10), ("WON", 30), ("LOST", 20), ("WON", 30)]
    assert [books.close("p1", end, occurred_at_ms=begin + at).outcome for end, at in ends] == [
        RecordOutcome.RECORDED, RecordOutcome.REPEATED, RecordOutcome.REPEATED, RecordOutcome.REPEATED,
    ]  # fmt: skip
    assert books.balance("bob") == (2000, 0, 0)
    assert books.faults() == []


@pytest.mark.parametrize("ends", [("WON", "LOST"), ("LOST", "WON")])
def test_of_two_ends_at_once_it_was_lost(books: Books, ends: tuple[str, str]) -> None:
    """Whichever comes first, before the opening or after it."""
    books.earn("carol", "p1", 10_000)
    books.dispute("p1", 4_000, "d1")
    for id in ("d1", "d2"):
        for end in ends:
            books.close("p1", end, id)
    books.dispute("p1", 6_000, "d2")
    assert books.balance("bob") == (0, 0, 0)
    assert books.faults() == []


def test_the_same_dispute_with_another_content_is_told(books: Books) -> None:
    """The first stands; another currency is unreadable."""
    books.earn("carol", "p1", 10_000)
    books.dispute("p1", 2_500)
    assert books.dispute("p1", 2_500).outcome is RecordOutcome.REPEATED
    assert books.dispute("p1", 5_000).outcome is RecordOutcome.DIFFERENT
    with pytest.raises(Unreadable, match="currency"):
        books.dispute("p1", 2_500, "d2", "EUR")
    assert books.balance("bob") == (1500, 0, 0)
    assert books.faults() == []


def test_an_end_of_what_nobody_knows_is_in_sight(books: Books) -> None:
    """It names no currency, and waits with its payment where an admin sees it; the opening's currency then counts."""
    assert books.close("p1", "LOST").outcome is RecordOutcome.EARLY
    assert books.parked() == [books.payment("p1").id]
    assert books.payment("p1").currency == ""
    books.dispute("p1", 2_500, currency="EUR")
    assert books.refund("p1", 100).outcome is RecordOutcome.EARLY  # the payment will say whose currency is wrong
    books.earn("carol", "p1", 10_000, "EUR")
    assert books.balance("bob", "EUR") == (1500, 0, 0)
    assert books.parked() == [books.payment("p1").id]  # for the refund, which took nothing
    books.dismiss("p1")
    assert books.parked() == []
    assert books.faults() == []
