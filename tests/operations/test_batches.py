"""Bank transfers are exported once: whoever exports, however often, and wherever it dies."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.domain.batches import MAX_LINES, Batch, TransferLine
from refledger.domain.errors import BatchNotFound, Conflict, KeyReused
from refledger.domain.methods import BankAccount, MethodType, StripeAccount
from refledger.domain.times import HOUR_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.earning import manual_rewards
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.payouts import batches, methods
from refledger.operations.payouts.transitions import step
from refledger.store import batches as stored
from refledger.store import keys
from refledger.store import withdrawals as stored_withdrawals
from refledger.store.transaction import RetryableConflict, update
from tests.support.books import Books, Faulty

S = WithdrawalStatus
CONNECTED = StripeAccount("Bob Example", "acct_1032D82eZvKYlo2C")


@pytest.fixture
def books(books: Books) -> Books:
    """Bob has a lot, in dollars and in yen."""
    books.program()
    for currency in ("USD", "JPY"):
        books.grant("bob", 10_000_000, currency=currency)
        books.mature("bob", currency)
    return books


def move(books: Books, withdrawal: Withdrawal, status: S) -> None:
    step(books.context, withdrawal.id, status, "ann", request=f"r-{status}")


def paying(books: Books, count: int = 1, amount: int = 1500, currency: str = "USD", **more: Any) -> list[Withdrawal]:
    """Withdrawals that were approved, and whose transfer somebody has to make; each a moment after the other."""
    made = []
    for _ in range(count):
        books.clock.forward(1)
        made.append(books.withdraw("bob", amount, currency=currency, **more))
        for status in (S.APPROVED, S.PAYING):
            move(books, made[-1], status)
    return made


def export(books: Books, key: str | None = None, limit: int = MAX_LINES, currency: str | None = None) -> Batch:
    return batches.create(books.context, "ann", key, f"{limit} {currency}", limit, currency)


def ids(batch: Batch) -> list[str]:
    return [line.withdrawal_id for line in batch.lines]


def read(books: Books, batch: Batch) -> list[dict[str, str]]:
    text = batches.file(books.context, books.vault, batch.id, "ann", "r")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


# ---------------------------------------------------------------- what is in it


def test_what_waits_to_be_paid_is_exported_once(books: Books) -> None:
    """The longest waiting first; afterwards nothing is left, and what comes later is in the next."""
    first = paying(books, 3)
    batch = export(books)
    assert ids(batch) == [withdrawal.id for withdrawal in first]
    assert batch.totals == {"USD": 4500}
    with pytest.raises(Conflict):
        export(books)
    later = paying(books)
    assert ids(export(books)) == [later[0].id]
    for withdrawal in first:
        assert stored_withdrawals.find(books.table, withdrawal.id).batch_id == batch.id


def test_only_bank_transfers_that_somebody_has_to_make(books: Books) -> None:
    """Not what is undecided, approved only, paid or failed already; not Stripe's; not what has a problem."""
    (wanted,) = paying(books)
    books.withdraw("bob", 1500)
    move(books, books.withdraw("bob", 1500), S.APPROVED)
    for end in (S.PAID, S.FAILED):
        move(books, paying(books)[0], end)
    method = books.method("bob", CONNECTED)
    books.table.commit(update(
        "verified", keys.method(method.partner_id, method.id, 1), "SET #verified = :one", one=1,
    ))  # fmt: skip
    assert paying(books, payee=method.id)[0].method.type is MethodType.STRIPE
    (odd,) = paying(books)
    books.table.commit(update("odd", keys.withdrawal(odd.id), "SET #problem = :why", why="DECLINED"))
    assert ids(export(books)) == [wanted.id]


def test_each_goes_by_the_terms_under_which_it_was_asked_for(books: Books) -> None:
    """The first was asked for when nothing cooled, the second when that did: of who is linked anew the first goes."""
    (first,) = paying(books)
    books.change_program(cooling_hours=72)
    books.clock.forward(72 * HOUR_MS)
    (second,) = paying(books)
    assert second.method == first.method
    books.change_program(cooling_hours=0)
    books.table.commit(update("x", keys.partner(second.partner_id), "SET #linked = :now", now=books.clock()))
    assert ids(export(books)) == [first.id]
    books.clock.forward(72 * HOUR_MS)
    assert ids(export(books)) == [second.id]


def test_each_is_barred_by_the_terms_under_which_it_was_asked_for(books: Books) -> None:
    """Ann gave bob a cent: she exports nothing of what was asked for when makers were no checkers."""
    books.change_program(maker_window_days=0)
    (first,) = paying(books)
    books.change_program(maker_window_days=30)
    (second,) = paying(books)
    books.change_program(maker_window_days=0)
    manual_rewards.give(books.context, Gift(second.partner_id, 1, "USD", "why"), "ann", None)
    assert ids(export(books)) == [first.id]
    assert ids(batches.create(books.context, "mia", None, "body", 9, None)) == [second.id]


def test_a_limit_and_a_currency(books: Books) -> None:
    """The rest stays for the next batch; ninety are the most that one transaction takes with the batch."""
    dollars, yen = paying(books, 3), paying(books, 2, currency="JPY")
    assert ids(export(books, currency="JPY", limit=1)) == [yen[0].id]
    assert ids(export(books, limit=2)) == [dollars[0].id, dollars[1].id]
    rest = export(books)
    assert ids(rest) == [dollars[2].id, yen[1].id]
    assert rest.totals == {"JPY": 1500, "USD": 1500}


def test_ninety_are_exported_together(books: Books) -> None:
    """As many as a batch may have, and the ninety-first in the next; what was exported before is passed over."""
    made = paying(books, MAX_LINES + 11, amount=1000)
    assert len(export(books, limit=10).lines) == 10
    batch = export(books)
    assert ids(batch) == [withdrawal.id for withdrawal in made[10:100]]
    assert len(read(books, batch)) == MAX_LINES
    assert len(export(books).lines) == 1


# ---------------------------------------------------------------- once


def test_one_key_is_one_batch(books: Books) -> None:
    """Also when more waits by then, and when nothing does; another question under the key is refused."""
    paying(books)
    batch = export(books, "key")
    assert export(books, "key") == batch
    paying(books)
    assert export(books, "key") == batch
    with pytest.raises(KeyReused):
        export(books, "key", limit=5)
    assert len(export(books).lines) == 1


def test_many_at_once_export_nothing_twice(books: Books) -> None:
    """Eight clerks: every withdrawal is in exactly one batch, which is the one that it names."""
    made = paying(books, 12)

    def once(number: int) -> list[Batch]:
        try:
            return [export(books, limit=5)]
        except Conflict:
            return []

    with ThreadPoolExecutor(8) as pool:
        exported = [batch for found in pool.map(once, range(8)) for batch in found]
    assert sorted(id for batch in exported for id in ids(batch)) == sorted(withdrawal.id for withdrawal in made)
    for batch in exported:
        assert {stored_withdrawals.find(books.table, id).batch_id for id in ids(batch)} == {batch.id}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("key", [None, "key"])
def test_lost_answers_and_conflicts_make_one_batch(books: Books, key: str | None, seed: int) -> None:
    """Refused, or done without an answer: one batch with everything in it."""
    made = paying(books, 3)
    books.context = books.behind(Faulty(books.client, 60, seed))
    batch = export(books, key)
    assert ids(batch) == [withdrawal.id for withdrawal in made]
    assert [id for _, id in stored.newest(books.table, "", 10)] == [batch.id]


def test_what_moved_on_in_between_is_not_in_it(books: Books) -> None:
    """Somebody confirms a transfer after it was read and before it is claimed: the batch is made without it."""
    paid, waits = paying(books, 2)

    class Meanwhile:
        """The first transaction comes after somebody was faster."""

        def __init__(self) -> None:
            self.first = True

        def __getattr__(self, name: str) -> Any:
            if name == "transact_write_items" and self.first:
                self.first = False
                move(books, paid, S.PAID)
            return getattr(books.client, name)

    usual = books.context
    books.context = books.behind(Meanwhile())
    slow, books.context = books.context, usual
    assert ids(batches.create(slow, "ann", None, "body", MAX_LINES, None)) == [waits.id]
    assert stored_withdrawals.find(books.table, paid.id).batch_id == ""


def test_a_claim_is_all_or_nothing(books: Books) -> None:
    """A batch of which one line cannot be claimed is not there, and its other lines are free."""
    one, other = paying(books, 2)
    move(books, other, S.PAID)
    lines = tuple(TransferLine(w.id, w.partner_id, w.method.id, 1, w.amount, w.currency) for w in (one, other))
    with pytest.raises(RetryableConflict):
        books.table.commit(*stored.create(Batch("b", 1, "ann", "body", lines)))
    assert stored.find_or_none(books.table, "b") is None
    assert stored_withdrawals.find(books.table, one.id).batch_id == ""


# ---------------------------------------------------------------- the file


def test_the_file_is_always_the_same(books: Books) -> None:
    """Whatever became of withdrawals and methods since; and it says all that a bank asks."""
    (one,) = paying(books)
    (other,) = paying(books, currency="JPY", payee=BankAccount("=Eve", number="12-34", bank_code="99"))
    batch = export(books)
    before = batches.file(books.context, books.vault, batch.id, "ann", "r1")
    move(books, one, S.PAID)
    methods.disable(books.context, one.partner_id, one.method.id)
    books.method("bob")
    assert batches.file(books.context, books.vault, batch.id, "tom", "r2") == before
    assert read(books, batch) == [
        {"reference": one.id, "accountHolder": "Bob Example", "iban": "DE89370400440532013000", "accountNumber": "",
         "bankCode": "", "amount": "15.00", "currency": "USD"},
        {"reference": other.id, "accountHolder": "'=Eve", "iban": "", "accountNumber": "12-34", "bankCode": "99",
         "amount": "1500", "currency": "JPY"},
    ]  # fmt: skip


def test_who_is_given_the_file_is_written_down_before(books: Books) -> None:
    """Also where KMS then fails: rather a name too many than one too few."""
    paying(books)
    batch = export(books)
    batches.file(books.context, books.vault, batch.id, "ann", "r1")
    books.clock.forward(1)
    books.kms.failing = "AccessDeniedException"
    with pytest.raises(Exception, match="AccessDenied"):
        batches.file(books.context, books.vault, batch.id, "tom", "r2")
    assert [download.by for download in stored.downloads(books.table, batch.id)] == ["tom", "ann"]


def test_no_name_no_file(books: Books) -> None:
    """Where it cannot be written down, nothing is opened."""
    paying(books)
    batch = export(books)
    books.context = books.behind(Faulty(books.client, 100, 0))
    with pytest.raises(Exception, match="nothing was done"):
        batches.file(books.context, books.vault, batch.id, "ann", "r1")
    assert books.kms.asked("Decrypt") == 0


def test_a_batch_that_is_not_there(books: Books) -> None:
    """Is not found, and asks KMS nothing."""
    with pytest.raises(BatchNotFound):
        batches.file(books.context, books.vault, "nosuchthing", "ann", "r1")
    assert books.kms.calls == []


def test_only_the_newest_downloads_are_shown(books: Books) -> None:
    """A file that is fetched by a machine every minute does not make the answer grow."""
    paying(books)
    batch = export(books)
    for number in range(stored.DOWNLOADS_SHOWN + 5):
        books.clock.forward(1)
        batches.file(books.context, books.vault, batch.id, f"n{number}", "r")
    shown = stored.downloads(books.table, batch.id)
    assert (len(shown), shown[0].by) == (stored.DOWNLOADS_SHOWN, f"n{stored.DOWNLOADS_SHOWN + 4}")
