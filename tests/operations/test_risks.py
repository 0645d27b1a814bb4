"""What people are told of a withdrawal, and what the program approves by itself: with the facts of the table."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from refledger.domain.errors import Conflict
from refledger.domain.journal import EntryKind, post
from refledger.domain.partners import PartnerStatus
from refledger.domain.rules import Pay
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import Risk, Withdrawal, WithdrawalStatus
from refledger.operations import duties
from refledger.operations.earning import manual_rewards, reward_decisions
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.partners import partners
from refledger.operations.payouts import risks, transitions, withdrawals, workflow_tasks
from refledger.store import ledger
from refledger.store import programs as stored_programs
from refledger.store import withdrawals as stored
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write
from tests.support.payouts import start, verified
from tests.support.programs import a_program

S = WithdrawalStatus
LIMIT = 2000


@pytest.fixture
def books(books: Books) -> Books:
    """Bob was paid 10.00 twice, and is known for long; the program approves up to 20.00 by itself."""
    books.program(auto_approve_limit=LIMIT)
    books.grant("bob", 1_000_000)
    books.mature("bob")
    method = verified(books, "bob")
    books.clock.forward(60 * DAY_MS)
    for _ in range(2):
        made = books.withdraw("bob", 1000, payee=method)
        withdrawals.decide(books.context, made.id, S.APPROVED, "ann", "r", "")
        start(books, made.id)
    books.clock.forward(2 * DAY_MS)
    return books


def ask(books: Books, amount: int = LIMIT) -> Withdrawal:
    return books.withdraw("bob", amount, payee=verified(books, "bob"))


def assess(books: Books, made: Withdrawal) -> tuple[bool, tuple[Risk, ...]]:
    """Whether it needs nobody, and the reasons that were written down; asked again when it comes to it."""
    alone = workflow_tasks.assess(books.context, made.id)["autoApprove"]
    if alone:
        assert workflow_tasks.auto_approve(books.context, made.id)["status"] == "APPROVED"
    else:
        with pytest.raises(Conflict):
            workflow_tasks.auto_approve(books.context, made.id)
        assert stored.find(books.table, made.id).status is S.REQUESTED
    return alone, stored.find(books.table, made.id).risks


def owe(books: Books, amount: int, currency: str = "USD") -> None:
    balance = ledger.find_balance(books.table, books.partner("bob").id, currency)
    after, entry = post(balance, EntryKind.DEBIT, amount, "adjustment", books.clock())
    books.table.commit(*ledger.post(balance, after, entry))


def held(books: Books) -> None:
    books.grant("bob", 5, due_ms=books.clock() + DAY_MS)
    reward_decisions.hold(books.context, books.rewards("bob")[-1].id, "odd", "ann")


def stopped(books: Books) -> None:
    partners.change_status(books.context, books.partner("bob").id, PartnerStatus.INACTIVE, "why", "ann")


def given_a_cent(books: Books) -> None:
    manual_rewards.give(books.context, Gift(books.partner("bob").id, 1, "USD", "why"), "ann", None)


def lifted(books: Books) -> None:
    for status in (PartnerStatus.SUSPENDED, PartnerStatus.ACTIVE):
        partners.change_status(books.context, books.partner("bob").id, status, "why", "ann")


def rated(books: Books) -> None:
    bob = books.partner("bob")
    partners.set_rates(books.context, bob.id, (("", Pay(2001)),), bob.version, "deal", "ann")


def test_a_rule_is_nobodys_second_look(books: Books) -> None:
    """What one of the staff gave is looked at by a person, for a month; the account that staff vouched for is not."""
    verified(books, "bob")
    given_a_cent(books)
    assert assess(books, ask(books)) == (False, (Risk.MADE_BY_STAFF,))
    books.clock.forward(30 * DAY_MS)
    assert assess(books, ask(books)) == (True, ())


def test_what_is_within_the_limit_and_has_no_risk_needs_nobody(books: Books) -> None:
    """Approved by the system, which says why."""
    made = ask(books)
    assert assess(books, made) == (True, ())
    step = stored.find(books.table, made.id).steps[-1]
    assert (step.status, step.by, bool(step.note)) == (S.APPROVED, "system", True)


def test_what_was_told_with_a_key_needs_nobody(books: Books) -> None:
    """Another admin confirmed the key, and two set the rule: no staff made that money by hand."""
    books.table.commit(*duties.sold(books.context, books.user("ann"), [books.partner("bob").id]))
    assert assess(books, ask(books)) == (True, ())


@pytest.mark.parametrize(
    ("act", "risk"),
    [
        (lambda books: owe(books, 2_000_000), Risk.DEBT),
        (lambda books: owe(books, 1, "EUR"), Risk.DEBT),
        (held, Risk.HELD_REWARDS),
        (stopped, Risk.NOT_ACTIVE),
        (given_a_cent, Risk.MADE_BY_STAFF),
        (lifted, Risk.MADE_BY_STAFF),
        (rated, Risk.MADE_BY_STAFF),
    ],
)
def test_what_happened_since_the_request_counts(books: Books, act: Callable[[Books], None], risk: Risk) -> None:
    """Assessed without a risk; then something happens: the rule is asked again before it approves, and says no."""
    made = ask(books)
    assert workflow_tasks.assess(books.context, made.id)["autoApprove"]
    act(books)
    with pytest.raises(Conflict):
        workflow_tasks.auto_approve(books.context, made.id)
    found = stored.find(books.table, made.id)
    assert (found.status, found.risks) == (S.REQUESTED, (risk,))


def test_a_first_withdrawal_of_a_new_partner_has_many_risks(books: Books) -> None:
    """To an account that was never seen before."""
    books.grant("eve", 100_000)
    books.mature("eve")
    assert assess(books, books.withdraw("eve", LIMIT)) == (
        False,
        (Risk.NEW_PAYOUT_METHOD, Risk.UNVERIFIED_PAYOUT_METHOD, Risk.FIRST_WITHDRAWAL, Risk.YOUNG_ACCOUNT),
    )


@pytest.mark.parametrize(("amount", "risky"), [(3000, ()), (3001, (Risk.UNUSUAL_AMOUNT,))])
def test_more_than_usual(books: Books, amount: int, risky: tuple[Risk, ...]) -> None:
    """Three times the mean of what was paid, to the cent; only in that currency, and only what was paid."""
    rejected = ask(books, 500_000)
    withdrawals.decide(books.context, rejected.id, S.REJECTED, "ann", "r", "")
    assert assess(books, ask(books, amount)) == (False, risky)
    books.grant("bob", 100_000, currency="EUR")
    books.mature("bob", "EUR")
    other = books.withdraw("bob", LIMIT, currency="EUR", payee=verified(books, "bob"))
    assert assess(books, other)[1] == (Risk.FIRST_WITHDRAWAL,)


def test_splitting_an_amount_does_not_help(books: Books) -> None:
    """Two halves of a day are one: the second, and what follows, needs a person; a day later it does not."""
    half = LIMIT // 2
    first, second = ask(books, half), ask(books, half + 1)
    assert assess(books, first)[0] is False, "together they are more, whichever is looked at first"
    assert assess(books, second)[0] is False
    withdrawals.cancel(books.context, second, books.user("bob"), "r")
    assert assess(books, first)[0], "what came back does not count"
    assert not assess(books, ask(books, half + 1))[0], "what was approved does"
    books.clock.forward(DAY_MS)
    assert assess(books, ask(books, half + 1))[0]


def test_not_even_all_at_once(books: Books) -> None:
    """Eight requests in the same moment, each within the limit: together within it, or a person decides."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ask(books, 1000), range(8)))

        def decide(each: Withdrawal) -> None:
            if workflow_tasks.assess(books.context, each.id)["autoApprove"]:
                workflow_tasks.auto_approve(books.context, each.id)

        list(pool.map(decide, made))
    found = [stored.find(books.table, each.id) for each in made]
    assert sum(each.amount for each in found if each.status is S.APPROVED) <= LIMIT


def test_more_entries_in_a_day_than_are_looked_at(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be counted is not taken for nothing."""
    monkeypatch.setattr(risks, "ENTRIES", 3)
    for number in range(2):
        books.grant("bob", 100 + number)
        books.mature("bob")
    assert assess(books, ask(books, 1000)) == (False, ())


def test_it_stays_with_people_once_it_went_back_to_them(books: Books) -> None:
    """Approved by rule, then a debt, then none any more: no loop, a person decides."""
    made = ask(books)
    assert assess(books, made)[0]
    owe(books, 2_000_000)
    assert start(books, made.id).status is S.REQUESTED
    books.grant("bob", 3_000_000)
    books.mature("bob")
    assert assess(books, made) == (False, ())
    withdrawals.decide(books.context, made.id, S.APPROVED, "ann", "r", "")
    assert start(books, made.id).status is S.PAID


def test_what_needs_two_people_is_approved_by_none(books: Books) -> None:
    """A program whose limits contradict each other."""
    current = stored_programs.find(books.table, "default")
    terms = a_program(payout_minimum=1000, auto_approve_limit=LIMIT, second_approval_limit=LIMIT - 1)
    books.set_terms(terms, current.version)
    assert assess(books, ask(books)) == (False, ())
    assert assess(books, ask(books, 1000))[0] is False, "together with the other one"


@pytest.mark.parametrize("status", [status for status in S if status is not S.REQUESTED])
def test_only_what_waits_is_assessed(books: Books, status: S) -> None:
    """In every other status nothing is written, nothing approved, and above all nothing paid again."""
    made = ask(books)
    ways = {
        S.APPROVED: [S.APPROVED], S.PAYING: [S.APPROVED, S.PAYING], S.PAID: [S.APPROVED, S.PAID],
        S.FAILED: [S.APPROVED, S.FAILED], S.RETURNED: [S.APPROVED, S.PAID, S.RETURNED],
    }  # fmt: skip
    for each in ways.get(status, [status]):
        transitions.step(books.context, made.id, each, "ann")
    stopped(books)
    before = stored.find(books.table, made.id)
    assert workflow_tasks.assess(books.context, made.id)["autoApprove"] is False
    assert workflow_tasks.auto_approve(books.context, made.id)["status"] == status
    assert stored.find(books.table, made.id) == before


def test_wherever_the_process_dies_the_repeat_ends_it(books: Books) -> None:
    """The reasons are written once, and read the same by whoever comes next."""
    held(books)
    for made in crash_at_each_write(
        books, lambda: ask(books), lambda context, made: workflow_tasks.assess(context, made.id)
    ):
        assert assess(books, made) == (False, (Risk.HELD_REWARDS,))
    assert books.faults() == []
