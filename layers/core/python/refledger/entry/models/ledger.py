"""Journal entries and balances over HTTP."""

from __future__ import annotations

from typing import Self

from refledger.domain.journal import Balance, EntryKind, EntryPlace
from refledger.domain.journal_files import Posting
from refledger.domain.times import iso
from refledger.entry.models.common import Currency, PageQuery, Query, View, in_major
from refledger.entry.models.ids import PartnerId
from refledger.operations.journal_pages import EntryInPlace


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

    `id`: of `GET /ledger/entries/{entryId}`.

    For staff and services: `transactionId`, the bank's or provider's reference of a payout; `externalPaymentId`, what
    its sender calls the payment of which it is. For staff: the partner's names.
    """

    id: str
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
            id=str(EntryPlace.of(entry)),
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


class AfterView(View):
    """What the partner had once an entry was booked."""

    currency: str
    available: int
    reserved: int
    paid: int
    available_decimal = in_major("available")
    reserved_decimal = in_major("reserved")
    paid_decimal = in_major("paid")


class EntryInPlaceView(View):
    """An entry of the journal between its neighbours. `after`: null for entries from before that was kept.
    `previousId`: null for the first of its journal; `nextId`: null for the last. `intact`: whether it hashes to what it
    says, and says the hash of the one before.
    """

    entry: EntryView
    after: AfterView | None
    previous_id: str | None
    next_id: str | None
    intact: bool

    @classmethod
    def of(cls, found: EntryInPlace, view: EntryView) -> Self:
        after = None
        if found.after:
            available, reserved, paid = found.after
            after = AfterView(currency=found.entry.currency, available=available, reserved=reserved, paid=paid)
        return cls(
            entry=view,
            after=after,
            previous_id=str(EntryPlace.of(found.before)) if found.before else None,
            next_id=str(EntryPlace.of(found.following)) if found.following else None,
            intact=found.is_intact,
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
