"""The books of one partner: every balance re-derived from the journal, the journal from rewards and withdrawals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from refledger.domain.adjustments import Adjustment, AdjustmentKind, AdjustmentStatus
from refledger.domain.caps import CappedMonth, month_of
from refledger.domain.journal import (
    Account,
    Anchors,
    Balance,
    EntryKind,
    JournalEntry,
    faults,
    holdings_faults,
    newest_faults,
)
from refledger.domain.partners import Partner
from refledger.domain.payments import Payment
from refledger.domain.referrals import Referral
from refledger.domain.rewards import Reward, owed, worth
from refledger.domain.withdrawals import OPEN, TRANSITIONS, Withdrawal, WithdrawalStatus, payouts_begun
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import UNREADABLE, Checked, Fault, looks
from refledger.operations.proof.duty_checks import adjustment_faults, gift_faults, withdrawal_faults
from refledger.operations.proof.earning_checks import NO_TERMS, Terms, idle_faults, name_faults, rating_faults, terms_of
from refledger.operations.proof.guard_checks import Estate, estate_faults
from refledger.operations.proof.payout_gate_checks import payout_gate_faults, suspension_faults
from refledger.operations.proof.reward_checks import (
    against_journal,
    against_payment,
    against_payout,
    against_referral,
    contents_faults,
    month_faults,
)
from refledger.operations.proof.timely_checks import cursor_faults, following_faults, waiting_faults
from refledger.store import adjustments, caps, keys, ledger, payments, referrals, rewards, withdrawals
from refledger.store.placing import Placing
from refledger.store.table import BATCH_LIMIT

PARTNERS_SIDE = (Account.AVAILABLE, Account.RESERVED, Account.PAID)
NEWEST = 500  # entries
MOVED = "moved all the time while it was read: verify again"
MADE_BY_HAND = {EntryKind.CREDIT: 1, EntryKind.DEBIT: -1, EntryKind.WRITE_OFF: 1, EntryKind.ANCHOR: 0}


def verify_partner(context: Context, partner_id: str, checked: Checked, *, timely: bool = False) -> Iterator[Fault]:
    """The books of one partner, currency by currency. Read again where they moved while they were read.

    `timely`: also what should have happened by now, where schedules and the stream's readers run beside it.
    """
    checked.partners += 1
    checked._firsts.is_new("partner", partner_id)
    table = Placing(context.table)
    try:
        yield from list(_faults_of(replace(context, table=table), partner_id, checked, timely=timely))
    except UNREADABLE as error:
        yield Fault(partner_id, "", f"an item cannot be read: {type(error).__name__}: {error}")
    yield from (Fault(partner_id, "", reason) for reason in table.faults)


def count_entries(context: Context, partner_id: str) -> int:
    """Return how long the partner's books are, of all currencies together; 0 where that cannot be read."""
    try:
        return sum(balance.version for balance in ledger.balances(context.table, partner_id))
    except UNREADABLE:
        return 0


def verify_newest(context: Context, partner_id: str) -> Iterator[Fault]:
    """Check the newest entries of each journal against each other and the balance.

    It is a look that any books allow.

    Nothing where people have anchored hashes: those are read whole.
    """
    try:
        yield from list(_newest_faults(context, partner_id))
    except UNREADABLE as error:
        yield Fault(partner_id, "", f"an item cannot be read: {type(error).__name__}: {error}")


def _newest_faults(context: Context, partner_id: str) -> Iterator[Fault]:
    before: list[Balance] = []
    found: list[Fault] = []
    for _ in looks(context):
        before = ledger.balances(context.table, partner_id)
        found = [
            Fault(partner_id, balance.currency, reason)
            for balance in before
            for reason in newest_faults(_newest(context, partner_id, balance.currency), balance)
        ]
        if not found:
            return
    if before != ledger.balances(context.table, partner_id):
        yield Fault(partner_id, "", MOVED)
    elif not agreed_anchors(context, partner_id):
        yield from found


def _newest(context: Context, partner_id: str, currency: str) -> Iterator[tuple[JournalEntry, ledger.After | None]]:
    return islice(ledger.newest_with_after(context.table, partner_id, currency, NEWEST), NEWEST)


def _faults_of(context: Context, partner_id: str, checked: Checked, *, timely: bool) -> Iterator[Fault]:
    before, books, found, known = _looked_at(context, partner_id, checked)
    if found and before != ledger.balances(context.table, partner_id):
        found = [Fault(partner_id, "", MOVED)]
    found += list(_count(context, books, before, checked))
    checked.known.extend(known)
    asked, partner = books.all_withdrawals, books.estate.partner
    found += [Fault(partner_id, "", fault) for fault in suspension_faults(context, partner_id, asked)]
    found += [Fault(partner_id, *fault) for fault in adjustment_faults(context, partner, books.asked, checked)]
    found += [Fault(partner_id, *fault) for fault in withdrawal_faults(context, partner, asked, checked)]
    found += [Fault(partner_id, *fault) for fault in gift_faults(partner, books.payments.values())]
    if timely and partner:
        found += [Fault(partner_id, *fault) for fault in _late_faults(context, partner, books)]
    yield from found


def _late_faults(context: Context, partner: Partner, books: _Books) -> Iterator[tuple[str, str]]:
    earned = books.all_rewards
    yield from waiting_faults(context, earned, books.all_withdrawals)
    yield from cursor_faults(context, partner.id, {each.currency for each in earned})
    for reason in following_faults(context, partner, books.payments.values(), earned, books.referrals):
        yield "", reason


def _looked_at(
    context: Context, partner_id: str, checked: Checked
) -> tuple[list[Balance], _Books, list[Fault], list[Fault]]:
    """Balances before, books, faults and known faults: of the first look that finds no fault, or else of the last."""
    seen = None
    for _ in looks(context):
        before = ledger.balances(context.table, partner_id)
        books = _read(context, partner_id, before, checked)
        known: list[Fault] = []
        found = list(_faults(books, known))
        seen = before, books, found, known
        if not found:
            break
    assert seen  # there is always one look
    return seen


@dataclass(frozen=True)
class _Books:
    """All of a partner, by currency; payments by id."""

    partner_id: str
    balances: dict[str, Balance]
    entries: dict[str, list[JournalEntry]]
    after: dict[str, list[ledger.After | None]]  # what each entry says that there was after it
    rewards: dict[str, list[Reward]]
    withdrawals: dict[str, list[Withdrawal]]
    adjusted: dict[str, Counter[tuple[str, int]]]  # (adjustment id, signed amount) that was posted
    asked: list[Adjustment]
    estate: Estate
    payments: dict[str, Payment]
    referrals: dict[str, Referral]
    months: dict[str, dict[str, CappedMonth]]  # those under a cap, by name
    terms: Terms = NO_TERMS  # by which the payments are rated

    @property
    def all_withdrawals(self) -> list[Withdrawal]:
        return [each for of in self.withdrawals.values() for each in of]

    @property
    def all_rewards(self) -> list[Reward]:
        return [each for of in self.rewards.values() for each in of]


def _count(context: Context, books: _Books, balances: list[Balance], checked: Checked) -> Iterator[Fault]:
    """Keeps what all partners together must come to, and what nobody may have twice."""
    checked.balances += len(balances)
    checked.entries += sum(map(len, books.entries.values()))
    checked.rewards += sum(map(len, books.rewards.values()))
    checked.withdrawals += sum(map(len, books.withdrawals.values()))
    for balance in balances:
        checked._held[balance.currency] += balance.available + balance.reserved + balance.paid
    for currency, entries in books.entries.items():
        for entry in entries:
            checked._owners[currency] -= entry.amount * (entry.debit not in PARTNERS_SIDE)
            checked._owners[currency] += entry.amount * (entry.credit not in PARTNERS_SIDE)
    for program_id in sorted({reward.program_id for earned in books.rewards.values() for reward in earned}):
        if checked._firsts.is_new("program", program_id) and context.table.get(keys.program(program_id)) is None:
            yield Fault("", "", f"program {program_id}: partners earned from it, and it is not there")
    for currency, asked in books.withdrawals.items():
        for w in asked:
            if w.method.type.is_paid_by_person or not w.transaction_id:
                continue  # a bank's statement may have one number for many transfers
            if checked._firsts.of("payout", w.transaction_id, w.id) != w.id:
                yield Fault(books.partner_id, currency, f"withdrawal {w.id}: another one has the same payout")


def _read(context: Context, partner_id: str, balances: list[Balance], checked: Checked) -> _Books:
    books = _Books(
        partner_id, {b.currency: b for b in balances}, {}, {}, defaultdict(list), defaultdict(list),
        defaultdict(Counter), [], Estate.read(context, partner_id), {}, {}, defaultdict(dict),
    )  # fmt: skip
    for month in caps.of_partner(context.table, partner_id):
        books.months[month.currency][month.name] = month
    for reward in rewards.all_of(context.table, context.reward_partitions(partner_id)):
        books.rewards[reward.currency].append(reward)
    wanted = [id for _, id in withdrawals.of_partner(context.table, partner_id, "", BATCH_LIMIT)]
    for withdrawal in withdrawals.many(context.table, wanted):
        books.withdrawals[withdrawal.currency].append(withdrawal)
    corrections = [id for _, id in adjustments.of_partner(context.table, partner_id, "", BATCH_LIMIT)]
    for adjustment in adjustments.many(context.table, corrections):
        books.asked.append(adjustment)
        if adjustment.status is AdjustmentStatus.POSTED:
            books.adjusted[adjustment.asked.currency][adjustment.id, adjustment.asked.amount] += 1
    paid = sorted({r.payment for earned in books.rewards.values() for r in earned})
    books.payments.update((payment.id, payment) for payment in payments.many(context.table, paid))
    named = {r.referral_id for earned in books.rewards.values() for r in earned if keys.is_referral_id(r.referral_id)}
    books.referrals.update((referral.id, referral) for referral in referrals.many(context.table, sorted(named)))
    for currency in {*books.balances, *books.rewards, *books.withdrawals, *books.adjusted, *books.months}:
        booked = list(ledger.with_after(context.table, partner_id, currency))
        books.entries[currency] = [entry for entry, _ in booked]
        books.after[currency] = [after for _, after in booked]
    return replace(books, terms=terms_of(context, books.payments.values(), checked))


def _faults(books: _Books, known: list[Fault]) -> Iterator[Fault]:
    yield from (Fault(books.partner_id, "", reason) for reason in estate_faults(books.estate, books.all_withdrawals))
    yield from (Fault(books.partner_id, "", reason) for reason in _earning_faults(books))
    agreed = _agreed(books.asked)
    for currency in sorted(books.entries):
        balance = books.balances.get(currency) or Balance(books.partner_id, currency)
        entries = books.entries[currency]
        anchors = Anchors(agreed)
        reasons = [
            *faults(entries, balance, anchors),
            *holdings_faults(zip(entries, books.after[currency], strict=True)),
            *_reward_faults(entries, balance, books, currency),
            *contents_faults(entries, books.rewards[currency]),
            *month_faults(balance, books.rewards[currency], books.months[currency]),
            *_withdrawal_faults(entries, balance, books.withdrawals[currency]),
            *_adjustment_faults(entries, books.adjusted[currency]),
            *payout_gate_faults(entries, balance, books.withdrawals[currency]),
        ]
        yield from (Fault(books.partner_id, currency, reason) for reason in reasons)
        known += [Fault(books.partner_id, currency, reason) for reason in anchors.known]


def _earning_faults(books: _Books) -> Iterator[str]:
    """What the partner has earned is what they may: by whose customers, by which rules, and when."""
    terms = books.terms
    by_payment: dict[str, list[Reward]] = defaultdict(list)
    for reward in books.all_rewards:
        by_payment[reward.payment].append(reward)
        program = terms.current(reward.program_id)
        reasons = idle_faults(reward, books.estate.partner, program) if books.estate.partner else ()
        yield from (f"reward {reward.id}: {reason}" for reason in reasons)
    yield from name_faults(books.payments.values())
    for payment in books.payments.values():
        yield from rating_faults(payment, by_payment[payment.id], terms, whole=False)


def _agreed(asked: Iterable[Adjustment]) -> frozenset[tuple[str, str]]:
    """(id, chain) of each anchor that one person asked for and another one posted."""
    return frozenset(
        (each.id, each.asked.chain)
        for each in asked
        if each.asked.kind is AdjustmentKind.ANCHOR and each.status is AdjustmentStatus.POSTED
        and each.requester and each.approver not in ("", each.requester)
    )  # fmt: skip


def agreed_anchors(context: Context, partner_id: str) -> frozenset[tuple[str, str]]:
    """Return (id, chain) of those of a partner."""
    ids = [id for _, id in adjustments.of_partner(context.table, partner_id, "", BATCH_LIMIT)]
    return _agreed(adjustments.many(context.table, ids))


def _reward_faults(entries: list[JournalEntry], balance: Balance, books: _Books, currency: str) -> Iterator[str]:
    """What is credited is what rewards are worth, less what caps take, and each reward is what its payment says."""
    earned, months = books.rewards[currency], books.months[currency]
    total = sum(map(worth, earned)) - sum(month.over for month in months.values())
    credited = sum(
        entry.amount * (1 if entry.kind is EntryKind.EARN else -1)
        for entry in entries
        if entry.kind in (EntryKind.EARN, EntryKind.REVERSE)
    )
    if total != credited:
        yield f"rewards are worth {total}, the journal credits {credited} for them"
    by_hand = sum(entry.amount * MADE_BY_HAND.get(entry.kind, 0) for entry in entries)
    held = balance.available + balance.reserved + balance.paid
    if total + by_hand != held:
        yield f"rewards and adjustments come to {total + by_hand}, the balance holds {held}"
    unpaid = sum(owed(each) for each in earned if not month_of(each)) + sum(each.owed for each in months.values())
    if balance.unpaid != unpaid:
        yield f"unpaid is {balance.unpaid}, the approved rewards are worth {unpaid}"
    taken = {entry.reference for entry in entries}
    for reward in earned:
        reasons = [
            *against_payment(reward, books.payments.get(reward.payment)), *against_journal(reward, entries, balance),
            *against_referral(reward, books.referrals.get(reward.referral_id)),
            *against_payout(reward, taken),
        ]  # fmt: skip
        yield from (f"reward {reward.id}: {reason}" for reason in reasons)


def _withdrawal_faults(entries: list[JournalEntry], balance: Balance, asked: list[Withdrawal]) -> Iterator[str]:
    """Reserved is what is open, paid what is PAID; each change of a withdrawal booked what belongs to it, once."""
    opened = sum(w.amount for w in asked if w.status in OPEN)
    if balance.reserved != opened:
        yield f"balance: reserved is {balance.reserved}, the open withdrawals are {opened}"
    paid = sum(w.amount for w in asked if w.status is WithdrawalStatus.PAID)
    if balance.paid != paid:
        yield f"balance: paid is {balance.paid}, the paid withdrawals are {paid}"
    by_hand = (*MADE_BY_HAND, EntryKind.EARN, EntryKind.REVERSE)
    booked: dict[str, Counter[EntryKind]] = defaultdict(Counter)
    for entry in entries:
        if entry.kind not in by_hand:
            booked[entry.reference][entry.kind] += 1
    amounts = {(entry.reference, entry.amount) for entry in entries}
    for w in asked:
        wanted = _movements(w)
        if booked.pop(w.id, Counter()) != wanted or (w.id, w.amount) not in amounts:
            yield f"withdrawal {w.id}: {w.status}, but that is not what is booked"
        if w.partner_id != balance.partner_id or w.status is not (
            w.steps[-1].status if w.steps else WithdrawalStatus.REQUESTED
        ):
            yield f"withdrawal {w.id}: {w.status} of {w.partner_id}, which is not what its history says"
        begun = payouts_begun(w)
        if begun is not None and w.payout != begun:
            yield f"withdrawal {w.id}: {begun} payouts were begun, it says {w.payout}"
    for reference in sorted(booked):
        yield f"withdrawal {reference}: is booked, and not there"


def _movements(withdrawal: Withdrawal) -> Counter[EntryKind]:
    """What its history must have booked."""
    wanted, status, steps = Counter([EntryKind.RESERVE]), WithdrawalStatus.REQUESTED, withdrawal.steps
    if not withdrawal.method.is_known:  # a reward that was paid by itself: PAID from its beginning
        wanted, status, steps = Counter([EntryKind.PAY]), WithdrawalStatus.PAID, steps[1:]
    for step in steps:
        kind = TRANSITIONS.get((status, step.status))
        wanted.update([kind] if kind else [])
        status = step.status
    return wanted


def _adjustment_faults(entries: list[JournalEntry], posted: Counter[tuple[str, int]]) -> Iterator[str]:
    booked = Counter(
        (entry.reference, entry.amount * MADE_BY_HAND[entry.kind]) for entry in entries if entry.kind in MADE_BY_HAND
    )
    for id, amount in sorted({*(booked - posted), *(posted - booked)}):
        yield f"adjustment {id} of {amount}: booked {booked[id, amount]} times, posted {posted[id, amount]} times"
