"""Payments that were nobody's when they came: taken when their customer turns out to be referred after all.

A checkout often takes the money first and tells of the referral after it. What a customer paid within the program's
`bindWithinHours` before the referral earns as if it came after it. The table's stream tells of a referral that got its
customer, in a message to the queue of payments; the answer to it is idempotent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import Payment, PaymentKind, said
from refledger.domain.referrals import Referral
from refledger.domain.times import HOUR_MS
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import rating
from refledger.operations.earning.payments import assessed_now
from refledger.store import bindings, customers, payments
from refledger.store.stream import Record

SOURCE, KIND = "refledger", "Customer Referred"
TAKEN_LIMIT = 20  # payments of one customer that a referral takes


@dataclass(frozen=True)
class Referred:
    """A customer (keyed hash) has a referral in a program now."""

    program_id: str
    customer: str

    def detail(self) -> dict[str, str]:
        return {"programId": self.program_id, "customer": self.customer}


def referred_in(records: Iterable[Record]) -> list[Referred]:
    """Return the customers that the stream tells of newly, each once."""
    told = (
        Referred(new.program_id, new.customer)
        for record in records
        if isinstance(new := record.after, Referral)
        and new.customer
        and not (isinstance(old := record.before, Referral) and old.customer)
    )
    return list(dict.fromkeys(told))


def take(context: Context, told: Referred) -> list[MaturityMessage]:
    """Note where the customer is referred, and let earn what they paid shortly before.

    Idempotent. Raises Busy.

    Returns what may mature at once.
    """
    binding = bindings.find(context.table, told.program_id, told.customer)
    if binding is None:
        return []
    context.table.commit(customers.referred(told.customer, told.program_id))
    since_ms = binding.bound_at_ms - context.program(told.program_id).bind_within_hours * HOUR_MS
    due: list[MaturityMessage] = []
    ids = customers.nobodys_since(context.table, told.customer, max(0, since_ms), TAKEN_LIMIT)
    for id in ids:
        due += _take(context, id, told.program_id)
    if ids:  # what the customer paid later may have come first
        due += rating.rate_customer(context, told.program_id, told.customer).due
    return due


@retry_on_conflict
def _take(context: Context, payment_id: str, program_id: str) -> list[MaturityMessage]:
    found = payments.many(context.table, [payment_id])
    old = found[0] if found and found[0].is_nobodys else None
    if old is None or (old.program_said and old.program_id != program_id):
        return []
    binding = bindings.find(context.table, program_id, old.customer)
    assessed = assessed_now(context, anew(old, program_id), binding, context.program(program_id), old)
    context.table.commit(*assessed.writes)
    return assessed.due(context.now_ms())


def anew(old: Payment, program_id: str) -> Payment:
    """Return a payment that was nobody's as it would come now, in this program."""
    new = replace(old, kind=PaymentKind.PAYMENT, reason="", program_id=program_id)
    return replace(new, body=said(new))
