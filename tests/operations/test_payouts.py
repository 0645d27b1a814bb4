"""Making a payout: once at the provider, whatever dies or is not answered; and never released where it is not known."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from refledger.domain.errors import Busy, PayoutUnavailable
from refledger.domain.journal import EntryKind, post
from refledger.domain.payouts import PayoutOrder, PayoutResult
from refledger.domain.withdrawals import PayoutProblem, Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.operations.payouts import staff_remedies, transitions, withdrawals
from refledger.store import ledger
from refledger.store import withdrawals as stored
from tests.support import worlds
from tests.support.books import Books, Faulty
from tests.support.crashes import crash_at_each_write
from tests.support.payouts import IDEMPOTENT_MS, Provider, approved, start, verified

S = WithdrawalStatus
P = PayoutProblem

pytestmark = worlds.lives_in(worlds.funded, amount=5000, auto_approve_limit=2000)


def found(books: Books, made: Withdrawal) -> Withdrawal:
    return stored.find(books.table, made.id)


def attempt(books: Books, made: Withdrawal, provider: Provider) -> Withdrawal | None:
    """One try of the task; None where the provider gave no answer, and Step Functions tries again."""
    try:
        return start(books, made.id, provider)
    except PayoutUnavailable:
        return None


def test_an_approved_withdrawal_is_paid_and_settled(books: Books) -> None:
    """The provider's id is kept, the money moved once, the history says which payout it was."""
    made, provider = approved(books), Provider()
    paid = start(books, made.id, provider)
    assert (paid.status, paid.transaction_id, paid.payout) == (S.PAID, f"tr-{made.id}-1", 1)
    assert [step.request for step in paid.steps[1:]] == ["payout-1", f"PAID:{made.id}-1"]
    assert books.balance("bob") == (3000, 0, 2000)
    assert books.faults() == []
    assert start(books, made.id, provider) == paid
    assert provider.sent == [f"{made.id}-1"]


def test_the_order_says_what_is_to_be_paid(books: Books) -> None:
    """The amount, the currency, the opened account, and when it was first sent; repr shows no account."""
    made, provider = approved(books), Provider()
    start(books, made.id, provider)
    (order,) = provider.paid.values()
    assert (order.withdrawal_id, order.amount, order.currency) == (made.id, 2000, "USD")
    assert order.first_sent_at_ms == books.clock()
    assert getattr(order.account, "account_id", "") == "acct_1BobExample0000"
    assert "acct_1" not in repr(order)


def test_that_it_begins_is_written_down_before_the_provider_hears_of_it(books: Books) -> None:
    """At the moment of the first send the item says PAYING, with the key and the time."""
    made = approved(books)
    seen: list[Withdrawal] = []

    class ReadOnlyTable(Provider):
        def send(self, order: PayoutOrder) -> PayoutResult:
            seen.append(found(books, made))
            return super().send(order)

    start(books, made.id, ReadOnlyTable())
    assert (seen[0].status, seen[0].payout, seen[0].sent_at_ms) == (S.PAYING, 1, books.clock())


def test_nothing_is_sent_for_a_bank_transfer(books: Books) -> None:
    """PAYING, for a person; its account stays closed, and asking again changes nothing."""
    made = books.withdraw("bob", 2000)
    withdrawals.decide(books.context, made.id, S.APPROVED, "ann", "r", "")
    opened, provider = len(books.kms.calls), Provider()
    paying = start(books, made.id, provider)
    assert paying.status is S.PAYING
    assert start(books, made.id, provider) == paying
    assert (provider.sent, provider.looked_up, len(books.kms.calls)) == ([], [], opened)


@pytest.mark.parametrize("status", [S.REQUESTED, S.REJECTED, S.CANCELLED, S.FAILED, S.PAID])
def test_only_what_is_approved_begins(books: Books, status: S) -> None:
    """In every other status the task leaves it alone and says how it stands."""
    made = approved(books) if status in (S.FAILED, S.PAID) else books.withdraw("bob", 2000)
    if status is S.PAID:
        start(books, made.id)
    elif status is not S.REQUESTED:
        transitions.step(books.context, made.id, status, "ann")
    before, provider = found(books, made), Provider()
    assert start(books, made.id, provider) == before
    assert provider.sent == []


# ---------------------------------------------------------------- no answer


@pytest.mark.parametrize(("fates", "payouts"), [(["DOWN"] * 5, 6), (["LOST"], 1), (["DOWN", "LOST"], 2)])
def test_no_answer_is_asked_for_again_with_the_same_key(books: Books, fates: list[str], payouts: int) -> None:
    """However often: one key, looked up before every further send, paid once."""
    made, provider = approved(books), Provider(list(fates))
    tries = 0
    while attempt(books, made, provider) is None:
        tries += 1
        assert found(books, made).status is S.PAYING, "unknown is not failed"
        assert books.balance("bob") == (3000, 2000, 0)
    assert provider.sent == [f"{made.id}-1"] * payouts
    assert len(provider.looked_up) == tries
    assert found(books, made).status is S.PAID
    assert books.balance("bob") == (3000, 0, 2000)


def test_after_the_provider_forgot_the_key_nothing_is_sent_again(books: Books) -> None:
    """A millisecond before, it is; from then on a person looks: still PAYING, the money neither released nor moved."""
    made, provider = approved(books), Provider(["DOWN", "DOWN"])
    assert attempt(books, made, provider) is None
    books.clock.forward(IDEMPOTENT_MS - 1)
    assert attempt(books, made, provider) is None
    books.clock.forward(1)
    for _ in range(2):
        waits = start(books, made.id, provider)
        assert (waits.status, waits.problem) == (S.PAYING, P.UNKNOWN)
    assert len(provider.sent) == 2
    assert books.balance("bob") == (3000, 2000, 0)
    assert [step.request for step in waits.steps].count("UNKNOWN-1") == 1
    assert list(stored.with_problem(books.table, "", 10)) != []
    assert list(stored.with_status(books.table, S.PAYING, "", 10)) == []


def test_what_becomes_known_later_is_booked(books: Books) -> None:
    """Unknown, and the next look-up finds it paid: settled, and the problem is over."""
    made, provider = approved(books), Provider(["LOST"])
    assert attempt(books, made, provider) is None
    hidden, provider.paid = provider.paid, {}
    books.clock.forward(IDEMPOTENT_MS)
    assert start(books, made.id, provider).problem is P.UNKNOWN
    provider.paid = hidden
    paid = start(books, made.id, provider)
    assert (paid.status, paid.problem) == (S.PAID, None)
    assert len(provider.sent) == 1


def test_a_look_up_without_an_answer_sends_nothing(books: Books) -> None:
    """Not known is not "not there"."""
    made, provider = approved(books), Provider(["LOST"], deaf=3)
    while attempt(books, made, provider) is None:
        pass
    assert len(provider.sent) == 1
    assert found(books, made).status is S.PAID


def test_something_else_under_the_same_key_waits_for_a_person(books: Books) -> None:
    """A fault at the provider is neither paid nor declined: nothing is sent again, nothing released."""
    made, provider = approved(books), Provider(["FAULT"])
    waits = start(books, made.id, provider)
    assert (waits.status, waits.problem) == (S.PAYING, P.UNKNOWN)
    start(books, made.id, provider)
    assert len(provider.sent) == 1


# ---------------------------------------------------------------- declined


def test_declined_for_good_returns_the_money(books: Books) -> None:
    """FAILED with the reason, available again, once."""
    made, provider = approved(books), Provider(["DECLINED"])
    for _ in range(2):
        failed = start(books, made.id, provider)
        assert (failed.status, failed.steps[-1].note) == (S.FAILED, "declined: account_closed")
    assert books.balance("bob") == (5000, 0, 0)
    assert books.faults() == []
    assert len(provider.sent) == 1


def test_declined_for_a_reason_of_the_owners_waits_and_is_tried_again(books: Books) -> None:
    """The money stays reserved; a person retries, and that payout has another key."""
    made, provider = approved(books), Provider(["NO FUNDS"])
    for _ in range(2):
        waits = start(books, made.id, provider)
        assert (waits.status, waits.problem) == (S.PAYING, P.DECLINED)
        assert waits.steps[-1].note == "declined: balance_insufficient"
    assert books.balance("bob") == (3000, 2000, 0)
    again = staff_remedies.retry(books.context, made.id, "eve", "retry", "topped up")
    assert (again.status, again.problem) == (S.APPROVED, None)
    paid = start(books, made.id, provider)
    assert (paid.status, paid.payout) == (S.PAID, 2)
    assert provider.sent == [f"{made.id}-1", f"{made.id}-2"]
    assert list(provider.paid) == [f"{made.id}-2"]
    assert books.balance("bob") == (3000, 0, 2000)


def test_accepted_and_not_paid_yet_keeps_the_providers_id(books: Books) -> None:
    """PAYING; looked up when asked again, never sent again."""
    made, provider = approved(books), Provider(["AWAITING"])
    for _ in range(2):
        waits = start(books, made.id, provider)
        assert (waits.status, waits.problem, waits.transaction_id) == (S.PAYING, None, f"tr-{made.id}-1")
    books.clock.forward(IDEMPOTENT_MS)
    assert start(books, made.id, provider).problem is None
    assert len(provider.sent) == 1


# ---------------------------------------------------------------- debt


def owe(books: Books, amount: int) -> None:
    """So much is taken from Bob's balance."""
    balance = ledger.find_balance(books.table, books.partner("bob").id, "USD")
    after, entry = post(balance, EntryKind.DEBIT, amount, "adjustment", books.clock())
    books.table.commit(*ledger.post(balance, after, entry))


def by_rule(books: Books) -> Withdrawal:
    """As if the program's own rule had approved it."""
    made = books.withdraw("bob", 2000, payee=verified(books, "bob"))
    return transitions.step(books.context, made.id, S.APPROVED, "system", request="workflow-APPROVED")


@pytest.mark.parametrize(("debt", "status"), [(3000, S.PAID), (3001, S.REQUESTED)])
def test_a_debt_since_the_automatic_approval_needs_a_person(books: Books, debt: int, status: S) -> None:
    """With nothing left it is paid; with a cent of debt it goes back to people, and nothing is sent."""
    made, provider = by_rule(books), Provider()
    owe(books, debt)
    found_ = start(books, made.id, provider)
    assert (found_.status, len(provider.sent)) == (status, int(status is S.PAID))
    assert start(books, made.id, provider) == found_, "and stays there"


def test_a_person_may_pay_in_spite_of_a_debt(books: Books) -> None:
    """Two people, in fact, who say why; also where the rule had approved it first."""
    made = by_rule(books)
    owe(books, 3001)
    start(books, made.id)
    assert withdrawals.decide(books.context, made.id, S.APPROVED, "ann", "r", "known").status is S.REQUESTED
    withdrawals.decide(books.context, made.id, S.APPROVED, "eve", "r", "known")
    assert start(books, made.id).status is S.PAID
    assert books.balance("bob") == (-1, 0, 2000)


# ---------------------------------------------------------------- deaths, faults, races


def ways(books: Books) -> dict[str, Callable[[], tuple[Withdrawal, Provider]]]:
    """Each way a payout may go."""
    return {
        "paid": lambda: (approved(books), Provider()),
        "lost": lambda: (approved(books), Provider(["LOST"])),
        "declined": lambda: (approved(books), Provider(["DECLINED"])),
        "no funds": lambda: (approved(books), Provider(["NO FUNDS"])),
        "awaiting": lambda: (approved(books), Provider(["AWAITING"])),
        "by rule": lambda: (by_rule(books), Provider()),
    }


ENDS = {
    "paid": (S.PAID, None), "lost": (S.PAID, None), "declined": (S.FAILED, None), "by rule": (S.PAID, None),
    "no funds": (S.PAYING, P.DECLINED), "awaiting": (S.PAYING, None),
}  # fmt: skip


@pytest.mark.parametrize("way", ENDS)
def test_wherever_the_process_dies_the_next_one_ends_it(books: Books, way: str) -> None:
    """Before and after each call to the table: the next try finds what was done; paid once at most, booked once."""
    books.grant("bob", 1_000_000)
    books.mature("bob")

    def act(context: Context, subject: tuple[Withdrawal, Provider]) -> None:
        _tried(books, *subject, context)

    for made, provider in crash_at_each_write(books, ways(books)[way], act):
        while attempt(books, made, provider) is None:
            pass
        end = found(books, made)
        assert (end.status, end.problem) == ENDS[way]
        assert len(provider.paid) <= 1
        assert books.faults() == []


def _tried(books: Books, made: Withdrawal, provider: Provider, context: Context) -> None:
    for _ in range(3):
        try:
            start(books, made.id, provider, context)
            return
        except PayoutUnavailable:
            continue


@pytest.mark.parametrize("seed", range(4))
def test_conflicts_and_lost_answers_pay_once(books: Books, seed: int) -> None:
    """Writes refused, or done without an answer: one payment, one settlement."""
    books.grant("bob", 100_000)
    books.mature("bob")
    faulty = Faulty(books.client, 60, seed)
    for _ in range(5):
        made, provider = approved(books), Provider(["DOWN", "LOST"])
        for _ in range(10):
            try:
                start(books, made.id, provider, books.behind(faulty))
            except (PayoutUnavailable, Busy):
                continue
            break
        assert found(books, made).status is S.PAID
        assert len(provider.paid) == 1
    assert faulty.injected > 1
    assert books.balance("bob")[1:] == (0, 10_000)
    assert books.faults() == []


def test_two_workflows_at_once_pay_once(books: Books) -> None:
    """Two executions of one withdrawal, each time in the same moment: one key, one payment."""
    books.grant("bob", 100_000)
    books.mature("bob")
    with ThreadPoolExecutor(4) as pool:
        for _ in range(8):
            made, provider = approved(books), Provider(["LOST"])
            list(pool.map(partial(attempt, books, made), [provider] * 4))
            while attempt(books, made, provider) is None:
                pass
            assert set(provider.sent) == {f"{made.id}-1"}
            assert len(provider.paid) == 1
            assert found(books, made).status is S.PAID
    assert books.faults() == []


@pytest.mark.parametrize("action", ["mark-failed", "mark-paid"])
def test_a_person_is_faster_than_the_providers_answer(books: Books, action: str) -> None:
    """Somebody says how it ended while it is being sent: their word stands, and what contradicts it is a problem."""
    made = approved(books)

    class Slow(Provider):
        def send(self, order: PayoutOrder) -> PayoutResult:
            if action == "mark-failed":
                withdrawals.conclude(books.context, made.id, S.FAILED, "ann", "r", "certain")
            else:
                withdrawals.conclude(books.context, made.id, S.PAID, "ann", "r", transaction_id="T-1")
            return super().send(order)

    end = start(books, made.id, Slow())
    if action == "mark-failed":
        assert (end.status, end.problem) == (S.FAILED, P.PAID_AFTER_FAILED)
        assert books.balance("bob") == (5000, 0, 0)
    else:
        assert (end.status, end.problem) == (S.PAID, None)
        assert books.balance("bob") == (3000, 0, 2000)
    assert books.faults() == []


@pytest.mark.parametrize(("status", "balance"), [(S.PAID, (3000, 0, 2000)), (S.FAILED, (5000, 0, 0))])
def test_a_person_is_faster_than_the_providers_no(books: Books, status: S, balance: tuple[int, int, int]) -> None:
    """It is declined for good, and somebody had said how it ended: the money moves by their word, and once."""
    made = approved(books)

    class Slow(Provider):
        def send(self, order: PayoutOrder) -> PayoutResult:
            transaction = "T-1" if status is S.PAID else ""
            withdrawals.conclude(books.context, made.id, status, "ann", "r", "certain", transaction)
            return super().send(order)

    assert start(books, made.id, Slow(["DECLINED"])).status is status
    assert books.balance("bob") == balance
    assert books.faults() == []
