"""A customer who was found out: what they brought is let go at no till without a person who knows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.domain.errors import Conflict, NoteNeeded
from refledger.domain.partners import REJECTED_KEPT
from refledger.domain.programs import CurrencyTerms
from refledger.domain.referrals import Referral
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import Risk, Withdrawal, WithdrawalStatus
from refledger.operations.payouts import batches, payout_gate, risks, single_payouts, withdrawals
from refledger.operations.referring import closing, lifecycle, reads
from refledger.store import keys, referral_progress
from refledger.store import partners as stored
from refledger.store import withdrawals as stored_withdrawals
from refledger.store.transaction import update
from tests.support.books import Books
from tests.support.payouts import Provider, start, verified

S = WithdrawalStatus
WHO = "carol"


@pytest.fixture
def books(books: Books) -> Books:
    """Bob referred Carol, whose payment brought 20.00 USD, and Dave, whose brought as much; nothing is held."""
    books.program()
    books.chain("bob", WHO)
    books.apply("dave", "bob")
    for customer in (WHO, "dave"):
        books.earn(customer, f"of {customer}", 10_000)
        books.table.commit(referral_progress.convert(referral(books, customer).id, books.clock(), books.clock()))
    books.clock.forward(1000)
    return books


def referral(books: Books, customer: str = WHO) -> Referral:
    return reads.by_customer(books.context, "default", books.user(customer))


def close(books: Books, customer: str = WHO, **more: Any) -> None:
    closing.close(books.context, referral(books, customer).id, "it is the partner's own", "root", **more)


def approve(books: Books, made: Withdrawal, note: str = "", request: str = "", by: str = "ann") -> Withdrawal:
    return withdrawals.decide(books.context, made.id, S.APPROVED, by, request or f"{by} {note}", note)


def mark_paid(books: Books, made: Withdrawal, note: str = "") -> Withdrawal:
    return withdrawals.conclude(books.context, made.id, S.PAID, "ann", f"paid {note}", note, "T-1")


def seen(books: Books, made: Withdrawal) -> list[tuple[str, str, str, int]]:
    _, blockers, _ = payout_gate.read(books.context, made.id)
    return [(each.code.value, each.referral_id, each.currency, each.amount) for each in blockers]


def found(books: Books, customer: str = WHO, amount: int = 2000) -> list[tuple[str, str, str, int]]:
    return [("CUSTOMER_REJECTED", referral(books, customer).id, "USD", amount)]


def test_it_is_seen_with_what_it_is_about_and_takes_a_note(books: Books) -> None:
    """The attack: the fraud is found out, the referral closed, and what it brought is paid out without a word."""
    made = books.withdraw("bob", 2000)
    assert seen(books, made) == []
    close(books)
    assert seen(books, made) == found(books)
    assert Risk.CUSTOMER_REJECTED in risks.assess(books.context, made.id).withdrawal.risks
    shown, _, _ = payout_gate.read(books.context, made.id)
    assert (Risk.CUSTOMER_REJECTED in shown.risks, shown.blocked) == (True, ("CUSTOMER_REJECTED",))
    with pytest.raises(NoteNeeded, match="rejected or closed"):
        approve(books, made)
    approved = approve(books, made, "only the later ones were not real")
    assert (approved.status, seen(books, made)) == (S.APPROVED, [])
    assert start(books, made.id).status is S.PAYING
    assert mark_paid(books, made).status is S.PAID


def test_no_rule_approves_it(books: Books) -> None:
    """Not even where everything else is well."""
    for number in range(2):  # an old partner, who was paid before, to the same account
        paid = books.withdraw("bob", 1000)
        approve(books, paid, request=f"{number}")
        start(books, paid.id)
        withdrawals.conclude(books.context, paid.id, S.PAID, "ann", f"paid {number}", "", f"T{number}")
    for customer in (WHO, "dave"):
        books.earn(customer, f"more of {customer}", 10_000)
    books.clock.forward(60 * DAY_MS)
    books.change_program(currencies={"USD": CurrencyTerms(auto_approve_limit=5_000)})
    made = books.withdraw("bob", 1000, payee=verified(books, "bob"))
    close(books)
    assessed = risks.assess(books.context, made.id)
    assert not assessed.needs_no_person
    assert Risk.CUSTOMER_REJECTED in assessed.withdrawal.risks


def test_what_was_approved_before_goes_back_to_people(books: Books) -> None:
    """Its payout does not start; a bank transfer is in no batch, and is not marked without a note."""
    waiting, paying_out = books.withdraw("bob", 1000), books.withdraw("bob", 1000)
    for made in (waiting, paying_out):
        approve(books, made)
    start(books, paying_out.id)
    batch = batches.create(books.context, "fin", None, "body", 90, None)
    close(books)
    back = start(books, waiting.id)
    assert (back.status, back.blocked) == (S.REQUESTED, ("CUSTOMER_REJECTED",))
    with pytest.raises(NoteNeeded):
        mark_paid(books, paying_out)
    books.clock.forward(1)
    assert paying_out.id not in batches.file(books.context, books.vault, batch.id, "fin", "r")
    with pytest.raises(Conflict):
        batches.create(books.context, "fin", None, "another", 90, None)
    approve(books, paying_out, "known", "late")
    assert batches.create(books.context, "fin", None, "third", 90, None).lines[0].withdrawal_id == paying_out.id
    assert mark_paid(books, paying_out).status is S.PAID


def test_it_is_not_sent_again(books: Books) -> None:
    """The provider heard nothing of it before the customer was found out."""
    provider = Provider(fates=["DOWN"])
    made = books.withdraw("bob", 2000, payee=verified(books, "bob"))
    approve(books, made)
    with pytest.raises(Exception, match="no answer"):
        start(books, made.id, provider)
    close(books)
    held = start(books, made.id, provider)
    assert (held.status, held.blocked, provider.paid) == (S.PAYING, ("CUSTOMER_REJECTED",), {})
    approve(books, made, "known", "late")
    assert start(books, made.id, provider).status is S.PAID


def test_a_reward_is_not_paid_by_itself_either(books: Books) -> None:
    reward = next(each for each in books.rewards("bob") if each.referral_id == referral(books).id)
    close(books)
    with pytest.raises(NoteNeeded):
        single_payouts.process(books.context, reward.id, "CASH", "TX", "ann", "r", 0, "")
    assert single_payouts.process(books.context, reward.id, "CASH", "TX", "ann", "r", 0, "known").paid_by


def test_it_is_over_once_nothing_of_it_is_unpaid(books: Books) -> None:
    """Paid out by somebody who knew, or taken back: the next withdrawal is as any other."""
    close(books)
    made = books.withdraw("bob", 2000)
    approve(books, made, "known")
    start(books, made.id)
    mark_paid(books, made)
    books.cover("bob", withdrawal_id=made.id)
    close(books, "dave", cancel_unpaid=True)
    books.grant("bob", 5_000)
    books.mature("bob")
    assert seen(books, books.withdraw("bob", 1000)) == []


def test_one_found_out_later_counts_anew(books: Books) -> None:
    """Who let go of the one said nothing about the other."""
    made = books.withdraw("bob", 2000)
    close(books)
    approve(books, made, "known")
    close(books, "dave")
    assert seen(books, made) == found(books, "dave")
    assert start(books, made.id).status is S.REQUESTED


@pytest.mark.parametrize("name", ["zed", "alice"])
def test_all_who_earned_of_it_are_looked_at(books: Books, name: str) -> None:
    """Not the partner alone whose referral it is: the second tier has its part."""
    books.chain("alice", "zed", "yan")
    books.earn("yan", "of yan", 500_000)
    books.table.commit(referral_progress.convert(referral(books, "yan").id, books.clock(), books.clock()))
    books.clock.forward(1000)
    close(books, "yan")
    made = books.withdraw(name, 1000)
    assert [each[:2] for each in seen(books, made)] == [("CUSTOMER_REJECTED", referral(books, "yan").id)]


def test_a_rejection_is_told_as_a_close_is(books: Books) -> None:
    """In books from before a first payment marked its binding, one was rejected whose customer had paid."""
    books.apply("erin", "bob")
    made, id = books.withdraw("bob", 2000), referral(books, "erin").id
    books.earn("erin", "of erin", 10_000)
    key = keys.binding("default", books.user("erin"))
    books.table.commit(update("as it was", key, "REMOVE #converted", "attribute_exists(#converted)"))
    lifecycle.reject(books.context, id, "it is the partner's own")
    assert seen(books, made) == [("CUSTOMER_REJECTED", id, "USD", 2000)]


def test_an_open_one_that_is_rejected_stops_nothing(books: Books) -> None:
    """Nothing came of it; the partner remembers it, and that is all."""
    books.apply("erin", "bob")
    made = books.withdraw("bob", 2000)
    lifecycle.reject(books.context, referral(books, "erin").id, "not a customer")
    assert (seen(books, made), books.partner("bob").rejected) == ([], (referral(books, "erin").id,))
    assert approve(books, made).status is S.APPROVED


def test_one_found_out_between_the_look_and_the_act_is_not_missed(books: Books) -> None:
    """What was read does not hold any more, so that the till looks again."""

    class Meanwhile:
        def __init__(self, act: Callable[[], None]) -> None:
            self.act: Callable[[], None] | None = act

        def __getattr__(self, name: str) -> Any:
            if name == "transact_write_items" and self.act:
                act, self.act = self.act, None
                act()
            return getattr(books.client, name)

    made = books.withdraw("bob", 2000)
    context = books.behind(Meanwhile(lambda: close(books)))
    with pytest.raises(NoteNeeded):
        withdrawals.decide(context, made.id, S.APPROVED, "ann", "r", "")
    assert stored_withdrawals.find(books.table, made.id).status is S.REQUESTED


def test_the_newest_are_kept(books: Books) -> None:
    partner = books.partner("bob")
    for number in range(REJECTED_KEPT + 5):
        books.table.commit(stored.note_rejected(books.partner("bob"), f"{partner.id}{number:024d}"))
    assert [int(each[-3:]) for each in books.partner("bob").rejected] == list(range(5, REJECTED_KEPT + 5))
