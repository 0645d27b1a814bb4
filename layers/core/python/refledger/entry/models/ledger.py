"""Journal entries and balances over HTTP."""

from __future__ import annotations

from typing import Self

from refledger.domain.journal import Balance, EntryKind
from refledger.domain.journal_files import Posting
from refledger.domain.times import iso
from refledger.entry.models.common import Currency, PageQuery, Query, View, in_major
from refledger.entry.models.ids import PartnerId


class EntriesQuery(PageQuery):
    """`partnerId` is for staff; without it they see everybody's, partners get their own either way."""

    partner_id: PartnerId | None = None
    currency: Currency | None = None


class BalancesQuery(Query):
    partner_id: PartnerId | None = None


class EntryView(View):
    """One movement: `amount` left `debit` and arrived in `credit`. Each entry carries the hash of the one before.

    `reference` is the withdrawal, or what moved rewards: the payment where there was only one, else "maturity". The
    rewards that an entry sums are those from `firstReward` to `lastReward` in the order of their due times.

    For staff and services: `transactionId`, the bank's or provider's reference of a payout; `externalPaymentId`, what
    its sender calls the payment of which it is. For staff: the partner's names.
    """

    partner_id: str
    partner_name: str | None = None
    partner_company: str | None = None
    currency: str
    version: int
    kind: EntryKind
    debit: str
    credit: str
    amount: int
    reference: str
    transaction_id: str | None = None
    external_payment_id: str | None = None
    first_reward: str | None
    last_reward: str | None
    at: str
    previous_hash: str
    hash: str
    amount_decimal = in_major("amount")

    @classmethod
    def of(cls, posting: Posting) -> Self:
        entry = posting.entry
        return cls(
            partner_id=entry.partner_id,
            partner_name=posting.name or None,
            partner_company=posting.company or None,
            currency=entry.currency,
            version=entry.version,
            kind=entry.kind,
            debit=entry.debit,
            credit=entry.credit,
            amount=entry.amount,
            reference=entry.reference,
            transaction_id=posting.transaction or None,
            external_payment_id=posting.payment or None,
            first_reward=entry.partner_id + entry.first if entry.first else None,
            last_reward=entry.partner_id + entry.last if entry.last else None,
            at=iso(entry.at_ms),
            previous_hash=entry.previous,
            hash=entry.hash,
        )


class LedgerBalanceView(View):
    partner_id: str
    currency: str
    available: int
    reserved: int
    paid: int
    version: int
    available_decimal = in_major("available")
    reserved_decimal = in_major("reserved")
    paid_decimal = in_major("paid")

    @classmethod
    def of(cls, balance: Balance) -> Self:
        return cls(
            partner_id=balance.partner_id,
            currency=balance.currency,
            available=balance.available,
            reserved=balance.reserved,
            paid=balance.paid,
            version=balance.version,
        )


class BalancesView(View):
    data: list[LedgerBalanceView]


class PartnerEntriesQuery(PageQuery):
    """`currency`: only entries in it; without it one currency comes after another."""

    currency: Currency | None = None
