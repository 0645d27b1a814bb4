"""What is in an export: for each kind a head, and its lines in groups, each with the position to go on from.

A source walks along lists whose order never changes, newest first, and each thing has one place in them: whoever goes
on from a position misses nothing and meets nothing twice, whatever happens to the things meanwhile. What is made after
the walk began may be missing; what each line says is how it was when it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from refledger.batched import batched
from refledger.domain.csv_files import Cell
from refledger.domain.currencies import major
from refledger.domain.jobs import ExportSubject
from refledger.domain.journal_files import Posting
from refledger.domain.payments import Payment
from refledger.domain.referrals import Referral
from refledger.domain.rewards import Reward, net
from refledger.domain.times import DAY_MS, iso
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations import labels, people
from refledger.operations.context import Context
from refledger.operations.jobs import postings
from refledger.operations.labels import Labels
from refledger.store import audit, exports, keys, ledger
from refledger.store import partners as stored_partners
from refledger.store import payments as stored_payments
from refledger.store import programs as stored_programs
from refledger.store import referrals as stored_referrals
from refledger.store import rewards as stored_rewards
from refledger.store import withdrawals as stored_withdrawals
from refledger.store.table import Table

Row = list[Cell]
Step = tuple[Any, list[Row]]  # where to go on after it, and its lines
Walk = Callable[[str, Any], Iterator[Step]]  # of one partner or program, after a position
T = TypeVar("T")
NO_ROWS: Final[list[Row]] = []


@dataclass(frozen=True)
class ExportSelection:
    """The filters, read. `low`, `high`: bounds of the positions of a list."""

    context: Context
    filters: Mapping[str, str]
    since_ms: int
    until_ms: int
    low: str
    high: str

    def wants(self, **facts: str) -> bool:
        """Return whether none of the filters wants another value."""
        return all(self.filters.get(name, value) == value for name, value in facts.items())

    def in_time(self, at_ms: int) -> bool:
        return self.since_ms <= at_ms < self.until_ms


@dataclass(frozen=True)
class ExportSource:
    head: tuple[str, ...]
    steps: Callable[[ExportSelection, Any], Iterator[Step]]


def steps(context: Context, what: ExportSubject, filters: Mapping[str, str], after: Any) -> Iterator[Step]:
    """Yield the steps of an export: all where `after` is None, else those after what a step said."""
    return SOURCES[what].steps(asked(context, filters), after)


def asked(context: Context, filters: Mapping[str, str]) -> ExportSelection:
    since_ms = _start_ms(filters["from"]) if "from" in filters else None
    until_ms = _start_ms(filters["to"]) + DAY_MS if "to" in filters else None
    low, high = keys.positions(since_ms, until_ms)
    return ExportSelection(context, filters, since_ms or 0, keys.LAST_MS if until_ms is None else until_ms, low, high)


def _start_ms(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_MS


def of_partners(
    asked: ExportSelection, after: Any, walk: Callable[[str, Any], Iterator[tuple[Any, T]]], nothing: T
) -> Iterator[tuple[Any, T]]:
    """Partner by partner, or the one who is asked for. `nothing`: what is told at the end of each."""
    if only := asked.filters.get("partnerId"):
        yield from walk(only, after)
    else:
        yield from of_everybody(asked.context.table, after, walk, nothing)


def of_everybody(
    table: Table, after: Any, walk: Callable[[str, Any], Iterator[tuple[Any, T]]], nothing: T
) -> Iterator[tuple[Any, T]]:
    """Partner by partner, newest first, each from where a step stopped."""
    before, begun, inner = after or ("", "", None)
    if begun:
        for place, told in walk(begun, inner):
            yield [before, begun, place], told
    for position, partner_id in exports.partners(table, before):
        for place, told in walk(partner_id, None):
            yield [position, partner_id, place], told
        yield [position, "", None], nothing


def _of_programs(asked: ExportSelection, after: Any, walk: Walk) -> Iterator[Step]:
    """Program by program in the order of their ids, or the one that is asked for."""
    if only := asked.filters.get("programId"):
        yield from walk(only, after)
        return
    begun, inner = after or ("", None)
    if begun:
        for place, rows in walk(begun, inner):
            yield [begun, place], rows
    for _, program in stored_programs.after(asked.context.table, begun):
        for place, rows in walk(program.id, None):
            yield [program.id, place], rows


# ---------------------------------------------------------------- partners

PARTNER_HEAD: Final = (
    "id", "programId", "referralCode", "status", "tier", "tags", "firstName", "lastName", "email", "phone",
    "companyName", "createdAt",
)  # fmt: skip


def _partners(asked: ExportSelection, after: Any) -> Iterator[Step]:
    table = asked.context.table
    found = stored_partners.newest(table, after or "", exports.PAGE, low=asked.low, high=asked.high)
    for batch in batched(found, exports.PAGE):
        partners = {each.id: each for each in stored_partners.many(table, [id for _, id in batch])}
        for position, id in batch:
            partner = partners.get(id)
            if partner is None or not asked.wants(programId=partner.program_id, status=partner.status):
                yield position, []
                continue
            yield position, [[
                partner.id, partner.program_id, partner.code, partner.status, partner.tier, _list(partner.tags),
                partner.first_name, partner.last_name, partner.email, partner.phone, partner.company_name,
                iso(partner.created_at_ms),
            ]]  # fmt: skip


# ---------------------------------------------------------------- referrals

REFERRAL_HEAD: Final = (
    "id", "partnerId", "programId", "status", "source", "campaign", "leadId", "tags", "createdAt", "expiresAt",
    "convertedAt", "closedAt", "reason", "payoutStatus", "customerId", "customerHash", "partnerName", "partnerCompany",
)  # fmt: skip


def _referrals(asked: ExportSelection, after: Any) -> Iterator[Step]:
    table = asked.context.table
    if partner_id := asked.filters.get("partnerId"):
        yield from _referral_rows(asked, exports.referrals_of_partner(table, partner_id, after or ""))
        return
    yield from _of_programs(
        asked, after,
        lambda program_id, before: _referral_rows(
            asked, exports.referrals(table, program_id, before or "", asked.low, asked.high)
        ),
    )  # fmt: skip


def _referral_rows(asked: ExportSelection, found: Iterator[tuple[str, str]]) -> Iterator[Step]:
    table = asked.context.table
    for batch in batched(found, exports.PAGE):
        referrals = {each.id: each for each in stored_referrals.many(table, [id for _, id in batch], strong=False)}
        payouts = stored_withdrawals.statuses(table, (each.payout for each in referrals.values()))
        named = labels.of_partners(table, (keys.owner_of(keys.referral(id)) for _, id in batch))
        for position, id in batch:
            made = referrals.get(id)
            wanted = made and asked.in_time(made.created_at_ms) and asked.wants(
                programId=made.program_id, status=made.status, source=made.source
            )  # fmt: skip
            yield position, [_referral(made, payouts, named)] if made and wanted else []


def _referral(referral: Referral, payouts: Mapping[str, WithdrawalStatus], named: Labels) -> Row:
    partner_id = keys.owner_of(keys.referral(referral.id))
    return [
        referral.id, partner_id, referral.program_id, referral.status, referral.source, referral.campaign or None,
        referral.lead, _list(referral.tags), iso(referral.created_at_ms), _moment(referral.until_ms),
        _moment(referral.converted_at_ms), _moment(referral.closed_at_ms), referral.reason or None,
        payouts.get(referral.payout), referral.customer_id or None, referral.customer, named.name(partner_id),
        named.company(partner_id),
    ]  # fmt: skip


# ---------------------------------------------------------------- payments and rewards

PAYMENT_HEAD: Final = (
    "id", "programId", "origin", "amount", "base", "currency", "refunded", "disputed", "lost", "productId",
    "referralId", "occurredAt", "createdAt", "toldBy", "externalId", "customerId", "customerHash", "partnerId",
    "partnerName", "partnerCompany", "amountDecimal", "baseDecimal", "refundedDecimal", "disputedDecimal",
    "lostDecimal", "by", "byName",
)  # fmt: skip
REWARD_HEAD: Final = (
    "id", "partnerId", "programId", "tier", "status", "amount", "reversed", "net", "limit", "currency", "held",
    "cancelled", "earnedAt", "maturesAt", "base", "rateBps", "rule", "ruleVersion", "paymentId", "referralId", "paidBy",
    "payoutStatus", "partnerName", "partnerCompany", "paymentToldBy", "externalPaymentId", "customerId",
    "amountDecimal", "reversedDecimal", "netDecimal", "by", "byName",
)  # fmt: skip
PAYMENTS_AT_ONCE: Final = 10  # each has ten rewards at most, and a hundred are read at once


def _payments(asked: ExportSelection, after: Any) -> Iterator[Step]:
    table = asked.context.table

    def walk(program_id: str, before: Any) -> Iterator[Step]:
        found = exports.payments(table, program_id, asked.context.shards(), before or "", asked.low, asked.high)
        for batch in batched(found, exports.PAGE):
            payments = {each.id: each for each in stored_payments.many(table, [id for _, id, _ in batch], strong=False)}
            named = labels.of_payments(table, payments.values())
            called = people.names(table, (each.by for each in payments.values()))
            for position, id, _ in batch:
                yield position, [_payment(payments[id], named, called)] if id in payments else []

    yield from _of_programs(asked, after, walk)


def _payment(payment: Payment, named: Labels, called: Mapping[str, str]) -> Row:
    back, partner_id = payment.back, labels.partner_of(payment)
    told = [payment.amount, payment.base, back.refunded, back.disputed, back.lost]
    return [
        payment.id, payment.program_id, payment.origin, payment.amount, payment.base, payment.currency,
        back.refunded, back.disputed, back.lost, payment.product_id, payment.referral_id,
        iso(payment.occurred_at_ms), iso(payment.created_at_ms), payment.told_in, payment.external_id,
        named.customer(payment.referral_id), payment.customer, partner_id, named.name(partner_id),
        named.company(partner_id), *_major(payment.currency, *told), payment.by, called.get(payment.by),
    ]  # fmt: skip


def _rewards(asked: ExportSelection, after: Any) -> Iterator[Step]:
    table = asked.context.table
    if partner_id := asked.filters.get("partnerId"):
        partitions = asked.context.reward_partitions(partner_id)
        of_partner = stored_rewards.of_partner(table, partitions, after or "", exports.PAGE)
        for page in batched(of_partner, exports.PAGE):
            payouts = stored_withdrawals.statuses(table, (reward.paid_by for _, reward in page))
            named = labels.of_rewards(table, (reward for _, reward in page))
            called = people.names(table, (reward.by for _, reward in page))
            for position, reward in page:
                yield position, _reward_rows(asked, [reward], payouts, named, called)
        return

    def walk(program_id: str, before: Any) -> Iterator[Step]:
        # by when the payment came to be known: when the customer paid is looked at line by line
        found = exports.payments(table, program_id, asked.context.shards(), before or "", keys.LOWEST, keys.HIGHEST)
        for batch in batched(found, PAYMENTS_AT_ONCE):
            wanted = [id for _, _, ids in batch for id in ids]
            rewards = {each.id: each for each in stored_rewards.many(table, wanted, strong=False)}
            payouts = stored_withdrawals.statuses(table, (reward.paid_by for reward in rewards.values()))
            named = labels.of_rewards(table, rewards.values())
            called = people.names(table, (reward.by for reward in rewards.values()))
            for position, _, ids in batch:
                made = [rewards[id] for id in ids if id in rewards]
                yield position, _reward_rows(asked, made, payouts, named, called)

    yield from _of_programs(asked, after, walk)


def _reward_rows(
    asked: ExportSelection,
    rewards: list[Reward],
    payouts: Mapping[str, WithdrawalStatus],
    named: Labels,
    called: Mapping[str, str],
) -> list[Row]:
    return [
        _reward(reward, payouts, named, called)
        for reward in rewards
        if asked.in_time(reward.earned_at_ms) and asked.wants(programId=reward.program_id, status=reward.status)
    ]


def _reward(
    reward: Reward, payouts: Mapping[str, WithdrawalStatus], named: Labels, called: Mapping[str, str]
) -> Row:  # fmt: skip
    payment = named.payments.get(reward.payment)
    return [
        reward.id, reward.partner_id, reward.program_id, reward.tier, reward.status, reward.amount,
        reward.reversed, net(reward), reward.limit, reward.currency, _list(reward.held), reward.cancelled,
        iso(reward.earned_at_ms), iso(reward.matures_at_ms), reward.base, reward.rate_bps or None, reward.rule,
        reward.rule_version, reward.payment, reward.referral_id, reward.paid_by, payouts.get(reward.paid_by),
        named.name(reward.partner_id), named.company(reward.partner_id), payment.told_in if payment else None,
        payment.external_id if payment else None, named.customer(reward.referral_id),
        *_major(reward.currency, reward.amount, reward.reversed, net(reward)), reward.by, called.get(reward.by),
    ]  # fmt: skip


# ---------------------------------------------------------------- withdrawals and the ledger

WITHDRAWAL_HEAD: Final = (
    "id", "partnerId", "programId", "status", "amount", "currency", "methodType", "accountHolder", "account",
    "transactionId", "risks", "problem", "batchId", "createdAt", "changedAt", "partnerName", "partnerCompany",
    "amountDecimal", "approvedBy", "approvedByName", "rejectedBy", "rejectedByName", "paidBy", "paidByName",
)  # fmt: skip
ENTRY_HEAD: Final = (
    "partnerId", "currency", "version", "kind", "debit", "credit", "amount", "reference", "at", "previousHash", "hash",
    "partnerName", "partnerCompany", "amountDecimal", "firstReward", "lastReward", "transactionId",
    "externalPaymentId",
)  # fmt: skip


def _withdrawals(asked: ExportSelection, after: Any) -> Iterator[Step]:
    table = asked.context.table

    def walk(partner_id: str, before: Any) -> Iterator[Step]:
        found = exports.withdrawals(table, partner_id, before or "", asked.low, asked.high)
        for batch in batched(found, exports.PAGE):
            known = {each.id: each for each in stored_withdrawals.many(table, [id for _, id in batch], strong=False)}
            named = labels.of_partners(table, (each.partner_id for each in known.values()))
            called = people.names(table, (id for each in known.values() for _, ids in deciders(each) for id in ids))
            for position, id in batch:
                made = known.get(id)
                if made is None or not asked.wants(programId=made.program_id, status=made.status):
                    yield position, []
                    continue
                changed_at_ms = made.steps[-1].at_ms if made.steps else made.created_at_ms
                yield position, [[
                    made.id, made.partner_id, made.program_id, made.status, made.amount, made.currency,
                    *made.method.in_words, made.transaction_id,
                    _list(risk.value for risk in made.risks), made.problem, made.batch_id, iso(made.created_at_ms),
                    iso(changed_at_ms), named.name(made.partner_id), named.company(made.partner_id),
                    *_major(made.currency, made.amount),
                    *(cell for _, ids in deciders(made) for cell in who(ids, called)),
                ]]  # fmt: skip

    yield from of_partners(asked, after, walk, NO_ROWS)


def deciders(made: Withdrawal) -> Iterator[tuple[WithdrawalStatus, list[str]]]:
    """Yield who approved it, one or two; who rejected it; who said that it was paid."""
    for status in (WithdrawalStatus.APPROVED, WithdrawalStatus.REJECTED, WithdrawalStatus.PAID):
        last = next((step for step in reversed(made.steps) if step.status is status), None)
        first = [each.by for each in made.approvals if each.to is status] if last else []
        yield status, list(dict.fromkeys([*first, last.by])) if last else []


def who(ids: list[str], called: Mapping[str, str]) -> list[Cell]:
    """Return their ids and their names, in the same order.

    An id for a name that is not known, nothing where none is.
    """
    return [_list(ids), ", ".join(called.get(id, id) for id in ids) if called.keys() & set(ids) else None]


def _ledger(asked: ExportSelection, after: Any) -> Iterator[Step]:
    table = asked.context.table

    def walk(partner_id: str, place: Any) -> Iterator[Step]:
        currencies = [
            each.currency for each in ledger.balances(table, partner_id) if asked.wants(currency=each.currency)
        ]
        for on, batch in postings.of_partner(table, partner_id, currencies, place, asked.since_ms, asked.until_ms):
            yield on, list(map(_entry, batch))

    yield from of_partners(asked, after, walk, NO_ROWS)


def _entry(posting: Posting) -> Row:
    entry = posting.entry
    return [
        entry.partner_id, entry.currency, entry.version, entry.kind, entry.debit, entry.credit, entry.amount,
        entry.reference, iso(entry.at_ms), entry.previous, entry.hash, posting.name, posting.company,
        *_major(entry.currency, entry.amount), *(entry.partner_id + each if each else None for each in (
            entry.first, entry.last
        )), posting.transaction, posting.payment,
    ]  # fmt: skip


# ---------------------------------------------------------------- the audit

AUDIT_HEAD: Final = (
    "at", "entity", "type", "part", "action", "actor", "actorKind", "origin", "request", "operation", "field", "before",
    "after", "actorName",
)  # fmt: skip


def _audit(asked: ExportSelection, after: Any) -> Iterator[Step]:
    """A line for each field that changed. The filters name an entity or an actor."""
    find, of = (audit.of_entity, "entity") if "entity" in asked.filters else (audit.by_actor, "actor")
    found = find(asked.context.table, asked.filters[of], after or "", asked.low, asked.high, exports.PAGE)
    for batch in batched(found, exports.PAGE):
        called = people.names(asked.context.table, (entry.actor for _, entry in batch))
        for position, entry in batch:
            yield position, [
                [
                    iso(entry.at_ms), entry.entity, entry.type, entry.part, entry.action, entry.actor, entry.kind,
                    entry.origin, entry.request, entry.operation, change.field, _text(change.before),
                    _text(change.after), called.get(entry.actor),
                ]
                for change in entry.changes
            ]  # fmt: skip


def _major(currency: str, *amounts: int) -> list[Cell]:
    """The amounts in major units, with the decimals of the currency: what people and accounting software read."""
    return [major(amount, currency) for amount in amounts]


def _list(words: Iterable[str]) -> str:
    return " ".join(words)


def _moment(ms: int) -> str:
    return iso(ms) if ms else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)


SOURCES: Final[dict[ExportSubject, ExportSource]] = {
    ExportSubject.PARTNERS: ExportSource(PARTNER_HEAD, _partners),
    ExportSubject.REFERRALS: ExportSource(REFERRAL_HEAD, _referrals),
    ExportSubject.REWARDS: ExportSource(REWARD_HEAD, _rewards),
    ExportSubject.PAYMENTS: ExportSource(PAYMENT_HEAD, _payments),
    ExportSubject.WITHDRAWALS: ExportSource(WITHDRAWAL_HEAD, _withdrawals),
    ExportSubject.LEDGER: ExportSource(ENTRY_HEAD, _ledger),
    ExportSubject.AUDIT: ExportSource(AUDIT_HEAD, _audit),
}
