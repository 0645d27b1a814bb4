"""A small world in which everything has happened once: what the check of the books is tried on."""

from __future__ import annotations

from typing import Any

from refledger.domain.adjustments import AdjustmentKind, AdjustmentRequest
from refledger.domain.programs import CurrencyTerms
from refledger.domain.rewards import RewardStatus
from refledger.domain.rules import RuleSet
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations import adjustments
from refledger.operations.payouts import withdrawals
from refledger.store import keys
from refledger.store.transaction import Item
from tests.support import streams
from tests.support.books import Books
from tests.support.payouts import Provider, start, verified
from tests.support.programs import a_rule

S = WithdrawalStatus


def with_history(books: Books) -> Books:
    """Alice, Bob and Carol: payments, refunds, disputes, holds, withdrawals and adjustments, in every end they have."""
    books.program(
        currencies={"JPY": CurrencyTerms()}, rules=RuleSet(a_rule(2000, 1000), monthly_cap=(("USD", 500_000),)),
        adjustment_limit=1_000,
    )  # fmt: skip
    books.chain("alice", "bob", "carol")
    for number in range(4):
        books.clock.forward(1)
        books.earn("carol", f"p{number}", 100_000)
    books.earn("carol", "yen", 100_000, "JPY")
    _taken_back(books)
    _by_hand(books)
    _paid_out(books)
    for number, amount in enumerate((500, -300, 5_000)):
        asked = AdjustmentRequest(books.partner("bob").id, "USD", amount, AdjustmentKind.ADJUSTMENT, "a correction")
        adjustments.request(books.context, asked, "admin", "route", f"a{number}", "body")
    return books


def _taken_back(books: Books) -> None:
    books.refund("p1", 30_000)
    books.refund("p1", 5_000, "r2")
    books.refund("p1", 5_000, "r2", failed=True)
    books.refund_total("p1", 32_000)
    for id, amount, end in (("open", 10_000, ""), ("won", 20_000, "WON"), ("lost", 5_000, "LOST")):
        books.dispute("p2", amount, id)
        if end:
            books.close("p2", end, id)
    books.close("p2", "LOST", "its opening has not come")
    books.refund("p3", 100_000, "all")
    books.pay("carol", "euros", 5_000, "EUR")
    books.refund("euros", 100, "r1", "EUR")
    books.refund("early", 500)
    books.pay("dave", "nobody's", 1_000)
    books.refund("nobody's", 100)
    books.alias("another name", "p1")


def _by_hand(books: Books) -> None:
    for id, act in (("held", books.hold), ("cancelled", books.cancel)):
        books.pay("carol", id, 100_000)
        payment = books.payment(id).id
        (reward,) = [r for r in books.rewards("bob") if r.payment == payment]
        assert reward.status is RewardStatus.PENDING
        act(reward)


def _paid_out(books: Books) -> None:
    books.pay_out("bob", 20_000)
    for number, end in enumerate((None, S.REJECTED, S.FAILED)):
        made = books.withdraw("bob", 1_000 + number, f"w{number}")
        if end is S.FAILED:
            withdrawals.decide(books.context, made.id, S.APPROVED, "ann", "r1", "")
            withdrawals.conclude(books.context, made.id, end, "ann", "r2", "the bank refused")
        elif end:
            withdrawals.decide(books.context, made.id, end, "ann", "r1", "no")
    for key in ("first", "second"):
        made = books.withdraw("bob", 2_000, key, payee=verified(books, "bob"))
        withdrawals.decide(books.context, made.id, S.APPROVED, "ann", f"{key} yes", "")
        start(books, made.id, Provider())


def kind_of(item: Item) -> str:
    """REWARD, JOURNAL, PAYMENT/ROOT, PAYMENT/REFUND, …: with what the sort key begins with, where that tells."""
    kind = keys.kind_of(item)
    return f"{kind}/{item['sk'].split('#')[0]}" if kind in ("PAYMENT", "PARTNER", "WITHDRAWAL") else kind


def items_of(books: Books) -> list[Item]:
    """Everything in the table, as its stream has told it."""
    latest: dict[tuple[str, str], Item] = {}
    for record in streams.records(books.client):
        item: dict[str, Any] = record.new or record.old
        latest.pop((item["pk"], item["sk"]), None)
        if record.new:
            latest[item["pk"], item["sk"]] = record.new
    return list(latest.values())
