"""Asking to be paid: what is available, once per key, and never the same money twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from refledger.domain.errors import (
    BelowMinimum,
    InsufficientFunds,
    KeyReused,
    PartnerNotFound,
    PartnerSuspended,
    Refledger,
    WithdrawalNotFound,
)
from refledger.domain.journal import EntryKind
from refledger.domain.partners import PartnerStatus
from refledger.domain.times import SECOND_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.partners import partners
from refledger.operations.payouts import transitions, withdrawals
from refledger.store import ledger
from refledger.store import withdrawals as stored
from tests.support import worlds
from tests.support.books import ACCOUNT, Books, Faulty

S = WithdrawalStatus

pytestmark = worlds.lives_in(worlds.funded, amount=5000, approval_timeout_seconds=3600)


def become(books: Books, status: PartnerStatus) -> None:
    partners.change_status(books.context, books.partner("bob").id, status, "why", "ann")


def test_the_money_is_reserved_with_the_request(books: Books) -> None:
    """Available becomes reserved, one entry names the withdrawal, and the item says who asked for what, until when."""
    made = books.withdraw("bob", 1500)
    assert books.balance("bob") == (3500, 1500, 0)
    entry = books.entries("bob")[-1]
    assert (entry.kind, entry.amount, entry.reference) == (EntryKind.RESERVE, 1500, made.id)
    assert stored.find(books.table, made.id) == made
    assert (made.status, made.requester) == (S.REQUESTED, books.user("bob"))
    assert (made.method.type, made.method.holder, made.method.masked) == ("BANK_TRANSFER", "Bob Example", "DE…3000")
    assert (made.created_at_ms, made.expires_at_ms) == (books.clock(), books.clock() + 3600 * SECOND_MS)
    assert books.faults() == []


def test_the_last_cent_may_be_taken_and_not_one_more(books: Books) -> None:
    """5001 of 5000 is refused and leaves no trace; 5000 is given; then there is nothing."""
    with pytest.raises(InsufficientFunds):
        books.withdraw("bob", 5001)
    assert len(books.entries("bob")) == 1
    books.withdraw("bob", 5000)
    with pytest.raises(InsufficientFunds):
        books.withdraw("bob", 1000)
    assert books.balance("bob") == (0, 5000, 0)


def test_the_minimum_may_be_taken_and_not_one_less(books: Books) -> None:
    """999 is refused, 1000 is given; whoever has not even that is told about the funds first."""
    with pytest.raises(BelowMinimum):
        books.withdraw("bob", 999)
    books.withdraw("bob", 1000)
    books.partner("dave")
    with pytest.raises(InsufficientFunds):
        books.withdraw("dave", 1)


def test_the_minimum_is_for_the_programs_currency(books: Books) -> None:
    """Another currency has balances of its own and no minimum."""
    books.grant("bob", 70, currency="JPY")
    books.mature("bob", "JPY")
    books.withdraw("bob", 7, currency="JPY")
    with pytest.raises(InsufficientFunds):
        books.withdraw("bob", 64, currency="JPY")
    assert (books.balance("bob", "JPY"), books.balance("bob")) == ((63, 7, 0), (5000, 0, 0))
    with pytest.raises(InsufficientFunds):
        books.withdraw("bob", 1000, currency="EUR")


def test_several_may_be_open(books: Books) -> None:
    """Without a key every call is a request of its own, also of the same amount."""
    ids = {books.withdraw("bob", 1500).id for _ in range(3)}
    assert len(ids) == 3
    assert books.balance("bob") == (500, 4500, 0)


# ---------------------------------------------------------------- idempotency


def test_the_same_key_and_body_are_the_same_withdrawal(books: Books) -> None:
    """However late, and also when the withdrawal has moved on, the partner is suspended or the money gone."""
    first = books.withdraw("bob", 5000, "key")
    assert books.withdraw("bob", 5000, "key") == first
    withdrawals.cancel(books.context, first, books.user("bob"), "r")
    become(books, PartnerStatus.SUSPENDED)
    books.clock.forward(10**9)
    again = books.withdraw("bob", 5000, "key")
    assert (again.id, again.status) == (first.id, S.CANCELLED)
    assert books.balance("bob") == (5000, 0, 0)


def test_the_same_key_and_another_body_are_refused(books: Books) -> None:
    """Nothing is reserved for it; the first stands."""
    books.withdraw("bob", 1500, "key")
    with pytest.raises(KeyReused):
        books.withdraw("bob", 1501, "key")
    assert books.balance("bob") == (3500, 1500, 0)


def test_keys_of_two_partners_do_not_meet(books: Books) -> None:
    """The same key from somebody else is another withdrawal."""
    books.grant("eve", 2000)
    books.mature("eve")
    assert books.withdraw("bob", 1500, "key").id != books.withdraw("eve", 1500, "key").id


def test_a_request_tells_whether_it_is_new(books: Books) -> None:
    """The first yes, its repeat no."""
    ask = (books.context, books.user("bob"), "key", 1500, "USD", ACCOUNT, "body", lambda: books.vault)
    assert [withdrawals.request(*ask)[1] for _ in range(3)] == [True, False, False]


def test_one_key_in_sixteen_threads_is_one_withdrawal(books: Books) -> None:
    """All sixteen get the same answer, and the money is reserved once."""
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: books.withdraw("bob", 2000, "key"), range(16)))
    assert len(set(made)) == 1
    assert books.balance("bob") == (3000, 2000, 0)
    assert books.faults() == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("key", [None, "key"])
def test_conflicts_and_lost_answers_reserve_once(books: Books, key: str | None, seed: int) -> None:
    """Refused, or done without an answer, with a key or without: one withdrawal, reserved once."""
    books.context = books.behind(Faulty(books.client, 60, seed))
    made = books.withdraw("bob", 5000, key)
    assert made.status is S.REQUESTED
    assert books.balance("bob") == (0, 5000, 0)
    assert books.faults() == []


# ---------------------------------------------------------------- who


@pytest.mark.parametrize(
    ("status", "allowed"),
    [(PartnerStatus.INACTIVE, True), (PartnerStatus.TERMINATED, True), (PartnerStatus.SUSPENDED, False)],
)
def test_what_was_earned_may_be_taken_unless_suspended(books: Books, status: PartnerStatus, allowed: bool) -> None:
    """Inactive and terminated partners are paid what they earned; a suspended one waits, whatever account is named."""
    known = books.method("bob", ACCOUNT).id
    become(books, status)
    if allowed:
        assert books.withdraw("bob", 1500).status is S.REQUESTED
    else:
        for payee in ({}, {"payee": known}):
            with pytest.raises(PartnerSuspended):
                books.withdraw("bob", 1500, **payee)
        assert books.balance("bob") == (5000, 0, 0)


def test_only_a_partner_can_withdraw(books: Books) -> None:
    """A user who never asked for a code has nothing to take."""
    with pytest.raises(PartnerNotFound):
        withdrawals.request(books.context, books.user("nobody"), None, 1, "USD", ACCOUNT, "body", lambda: books.vault)


def test_a_partner_of_another_program_has_its_rules(books: Books) -> None:
    """Minimum and time limit are those of the partner's own program."""
    books.program("rich", payout_minimum=4000, approval_timeout_seconds=60)
    new = partners.NewPartner("R", "R", "r@example.com", program_id="rich", user=books.user("rita"))
    partners.create(books.context, new, "ann", None, "body")
    books.grant("rita", 5000)
    books.mature("rita")
    with pytest.raises(BelowMinimum, match=r"40\.00 USD"):
        books.withdraw("rita", 3999)
    made = books.withdraw("rita", 4000)
    assert (made.program_id, made.expires_at_ms) == ("rich", books.clock() + 60 * SECOND_MS)


def test_another_partners_withdrawal_does_not_exist(books: Books) -> None:
    """The owner reads it; to anybody else it is not found, as if it had never been."""
    made = books.withdraw("bob", 1500)
    books.partner("eve")
    assert withdrawals.own(books.context, books.user("bob"), made.id) == made
    for user in ("eve", "nobody"):
        with pytest.raises(WithdrawalNotFound):
            withdrawals.own(books.context, books.user(user), made.id)
    with pytest.raises(WithdrawalNotFound):
        withdrawals.own(books.context, books.user("bob"), "nosuchthing")


# ---------------------------------------------------------------- on demand


def test_what_is_due_counts_though_no_schedule_came(books: Books) -> None:
    """Whoever asks for more than is available gets what has matured by now into the balance first."""
    books.grant("bob", 700, 800)
    assert books.withdraw("bob", 6500).status is S.REQUESTED
    assert books.balance("bob") == (0, 6500, 0)
    assert books.faults() == []


def test_what_is_not_due_does_not_count(books: Books) -> None:
    """A reward of tomorrow cannot be taken today."""
    books.grant("bob", 1000, due_ms=books.clock() + 1)
    with pytest.raises(InsufficientFunds):
        books.withdraw("bob", 5001)
    books.clock.forward(1)
    assert books.withdraw("bob", 6000).amount == 6000


def test_who_has_enough_matures_nothing(books: Books) -> None:
    """The request stays cheap: due rewards wait for the schedule."""
    books.grant("bob", 700)
    books.withdraw("bob", 5000)
    assert books.balance("bob") == (0, 5000, 0)


def test_on_demand_is_bounded(books: Books) -> None:
    """Five batches of 95 and no more in one request; the rest comes with the next, or with the schedule."""
    books.grant("bob", *[1] * 500)
    with pytest.raises(InsufficientFunds):
        books.withdraw("bob", 5500)
    assert books.balance("bob") == (5475, 0, 0)
    books.withdraw("bob", 5500)


# ---------------------------------------------------------------- races for the whole balance


@pytest.mark.parametrize(("threads", "rounds"), [(2, 50), (16, 6)])
def test_of_many_for_the_whole_balance_exactly_one_succeeds(books: Books, threads: int, rounds: int) -> None:
    """At the same moment each asks for everything: one gets it, the others are told there is too little."""

    def ask(_: int) -> Withdrawal | type[Refledger]:
        try:
            return books.withdraw("bob", 5000)
        except Refledger as refused:
            return type(refused)

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            answers = list(pool.map(ask, range(threads)))
            (won,) = [answer for answer in answers if isinstance(answer, Withdrawal)]
            assert answers.count(InsufficientFunds) == threads - 1
            transitions.step(books.context, won.id, S.REJECTED, "ann")
    assert books.balance("bob") == (5000, 0, 0)
    assert ledger.find_balance(books.table, books.partner("bob").id, "USD").version == 1 + 2 * rounds
    assert books.faults() == []


def test_many_small_ones_never_take_more_than_there_is(books: Books) -> None:
    """Eight at once ask for 10.00 of 50.00: five get it."""

    def ask(_: int) -> bool:
        try:
            books.withdraw("bob", 1000)
        except InsufficientFunds:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))).count(True) == 5
    assert books.balance("bob") == (0, 5000, 0)
    assert books.faults() == []
