"""What each item adds to which counters, as long as it is as it is.

An item says itself on which day it became what it is (`store/trails.py`), so what it adds is counted on that day: the
one on which refledger booked it, by the clock of who wrote it. A change of an item adds what it says now and takes
away what it said. So figures follow from images, and not from the order of events, from when the stream told of them,
or from whether they are counted for the first time. `counter_names.py` has
the table of counters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from refledger.domain.caps import CappedMonth
from refledger.domain.journal import JournalEntry
from refledger.domain.partners import Partner
from refledger.domain.payments import Origin, Payment, PaymentKind
from refledger.domain.referrals import CLOSED, Referral, ReferralStatus
from refledger.domain.rewards import BY_HAND, Cancelled, Reward, RewardStatus, granted
from refledger.domain.times import DAY_MS, MINUTE_MS, day
from refledger.domain.withdrawals import Withdrawal
from refledger.operations.figures.counter_names import TOOK_DAYS, Counts
from refledger.store import dimensions, keys
from refledger.store.dimensions import Dimension
from refledger.store.images import Day, Entity

Figure = tuple[Dimension, str, int]
Dated = tuple[str, Dimension, str, int]  # the day first, such as 20261231
WAITING = (RewardStatus.PENDING, RewardStatus.CALCULATED)
CONVERTED = (ReferralStatus.CONVERTED, ReferralStatus.PAID)
COHORT_MONTHS = 12  # what comes later than that is counted with the twelfth
RANKED = (Counts.CONVERSIONS, Counts.REVENUE, Counts.OVER_CAPS, Counts.EARNED)  # what of a partner leaderboards rank by
LABEL = re.compile(r"[A-Z0-9_]{1,30}")
OTHER_LABEL = "OTHER"


def effects(old: Iterable[Day], new: Iterable[Day]) -> Iterator[Dated]:
    """Yield what one change adds to which counters, on which days.

    `old`, `new`: what the item said of its days before and after it.
    """
    yield from _differences(dated(new), dated(old))


def dated(days: Iterable[Day]) -> Iterator[Dated]:
    """Yield what an item has added to counters on each of its days."""
    before: Entity | None = None
    for when, state in days:
        yield from _differences(_on(when, state), _on(when, before))
        before = state


def _on(when: str, state: Entity | None) -> Iterator[Dated]:
    return ((when, *figure) for figure in figures(state))


def _differences(new: Iterable[Dated], old: Iterable[Dated]) -> Iterator[Dated]:
    sums: Counter[tuple[str, Dimension, str]] = Counter()
    for those, sign in ((new, 1), (old, -1)):
        for when, dimension, counter, amount in those:
            sums[when, dimension, counter] += sign * amount
    yield from ((*place, amount) for place, amount in sums.items() if amount)


def figures(entity: Entity | None) -> Iterator[Figure]:
    """Yield what it adds to counters as it is; nothing for None."""
    match entity:
        case Reward():
            yield from _reward(entity)
        case Referral():
            yield from _referral(entity)
        case Payment():
            yield from _payment(entity)
        case Partner():
            yield from _partner(entity)
        case CappedMonth():
            yield from _capped_month(entity)
        case Withdrawal():
            yield from _withdrawal(entity)
        case JournalEntry():
            yield from _entry(entity)
        case None:
            pass


def stamped_in(entity: Entity | None) -> set[Dimension]:
    """Return where a stamp of it counts: the main dimension of each subject that may ever have it.

    It hangs on nothing that may change between a rebuild's look at the item and its stamp.
    """
    match entity:
        case Reward():
            return {dimensions.partner(entity.partner_id), dimensions.program(entity.program_id)}
        case Referral():
            above = {link.partner_id for link in entity.upline[: entity.depth]}
            found = {dimensions.partner(id) for id in {keys.owner_of(keys.referral(entity.id)), *above}}
            return {*found, dimensions.program(entity.program_id)}
        case Payment() if _was_ever_counted(entity):
            found = {dimensions.partner(_partner_of(entity.referral_id))} if entity.referral_id else set()
            return {*found, dimensions.program(entity.program_id)}
        case Partner():
            return {dimensions.program(entity.program_id)}
        case CappedMonth():
            return {dimensions.partner(entity.partner_id), dimensions.program(entity.program_id)}
        case Withdrawal():
            return {dimensions.WITHDRAWALS}
        case Payment() | JournalEntry() | None:
            return set()


def _partner_of(referral_id: str) -> str:
    return keys.owner_of(keys.referral(referral_id))


def _is_counted(payment: Payment) -> bool:
    """Money that customers paid: what one of the staff granted by hand is none."""
    return payment.kind is PaymentKind.PAYMENT and payment.origin is not Origin.BY_HAND


def _was_ever_counted(payment: Payment) -> bool:
    """That, and what has turned out to be another payment since: it counts on the days until then."""
    was = payment.kind is PaymentKind.ALIAS and (payment.referral_id or payment.shares)
    return _is_counted(replace(payment, kind=PaymentKind.PAYMENT) if was else payment)


def _reward(reward: Reward) -> Iterator[Figure]:
    currency, status = reward.currency, reward.status
    partner, program = dimensions.partner(reward.partner_id), dimensions.program(reward.program_id)
    by_hand, cancelled = reward.rule == BY_HAND, status is RewardStatus.CANCELLED
    earned = 0 if cancelled else granted(reward)
    of_tier = Counts.EARNED.named(key=f"{reward.tier}", currency=currency)
    yield partner, Counts.BY_HAND_AMOUNT.named(currency=currency) if by_hand else of_tier, earned
    amount = reward.amount if cancelled else earned
    if reward.cancelled is Cancelled.IDLE:
        yield program, Counts.IDLE.named(), 1
        yield program, Counts.IDLE_AMOUNT.named(currency=currency), amount
    else:
        yield program, Counts.REWARDS.named(key=status), 1
        yield program, Counts.REWARDS_AMOUNT.named(key=status, currency=currency), amount
    if by_hand and not cancelled:
        yield program, Counts.BY_HAND.named(), 1
        yield program, Counts.BY_HAND_AMOUNT.named(currency=currency), earned
    if status not in WAITING:
        return
    yield partner, Counts.PENDING.named(currency=currency), earned
    due = Counts.DUE_ON.named(when=day(reward.matures_at_ms), currency=currency)
    yield dimensions.forecast(reward.program_id), due, earned
    if reward.held:
        yield program, Counts.HELD.named(), 1
        yield program, Counts.HELD_AMOUNT.named(currency=currency), earned


def _capped_month(month: CappedMonth) -> Iterator[Figure]:
    for where in (dimensions.partner(month.partner_id), dimensions.program(month.program_id)):
        yield where, Counts.OVER_CAPS.named(currency=month.currency), month.over


def _referral(referral: Referral) -> Iterator[Figure]:
    status, source, created, code = referral.status, referral.source, day(referral.created_at_ms), referral.code
    partner, program = dimensions.partner(_partner_of(referral.id)), dimensions.program(referral.program_id)
    if status not in CLOSED:
        for tier, link in enumerate(referral.upline[: referral.depth], start=1):
            yield dimensions.partner(link.partner_id), Counts.CUSTOMERS.named(key=f"{tier}"), 1
        if code:
            yield partner, Counts.CODE_REFERRALS.named(key=code), 1
    year, month, date = created[:4], created[4:6], created[4:]
    cohort = dimensions.cohorts(referral.program_id, year)
    for where in (partner, program):
        yield where, Counts.REFERRALS.named(key=status), 1
    yield program, Counts.SOURCE_REFERRALS.named(key=source), 1
    yield cohort, Counts.COHORT.named(when=month), 1
    yield cohort, Counts.MADE_ON.named(when=date, key=status), 1
    if status not in CONVERTED or not referral.converted_at_ms:
        return
    took_ms = max(0, referral.converted_at_ms - referral.created_at_ms)
    yield partner, Counts.CONVERSIONS.named(), 1
    if code:
        yield partner, Counts.CODE_CONVERSIONS.named(key=code), 1
    yield program, Counts.SOURCE_CONVERSIONS.named(key=source), 1
    bucket = max(days for days in TOOK_DAYS if days * DAY_MS <= took_ms)
    yield program, Counts.TOOK_DAYS.named(key=f"{bucket}"), 1
    yield program, Counts.TOOK_MINUTES.named(), took_ms // MINUTE_MS
    yield cohort, Counts.COHORT_CONVERSIONS.named(when=month), 1


def _payment(payment: Payment) -> Iterator[Figure]:
    if not _is_counted(payment):
        return
    amount, currency, gone = payment.amount, payment.currency, payment.back.of(payment.amount)
    program = dimensions.program(payment.program_id)
    yield program, Counts.PAYMENTS.named(), 1
    yield program, Counts.PAID.named(currency=currency), amount
    yield program, Counts.GONE.named(currency=currency), gone
    if not payment.referral_id:
        return
    partner = dimensions.partner(_partner_of(payment.referral_id))
    yield partner, Counts.PAYMENTS.named(), 1
    yield partner, Counts.REVENUE.named(currency=currency), amount - gone
    referred = day(keys.referred_at(payment.referral_id))
    cohort = dimensions.cohorts(payment.program_id, referred[:4])
    month, after = referred[4:6], min(_months_between(referred, day(payment.occurred_at_ms)), COHORT_MONTHS)
    yield cohort, Counts.COHORT_PAYMENTS.named(when=month, after=after), 1
    yield cohort, Counts.COHORT_REVENUE.named(when=month, after=after, currency=currency), amount - gone


def _months_between(first: str, last: str) -> int:
    """Calendar months from one day (`20261231`) to a later one; 0 for an earlier one."""
    count = (int(last[:4]) - int(first[:4])) * 12 + int(last[4:6]) - int(first[4:6])
    return max(0, count)


def _partner(partner: Partner) -> Iterator[Figure]:
    program, label = dimensions.program(partner.program_id), partner.tier
    yield program, Counts.PARTNERS.named(key=partner.status), 1
    if label:
        yield program, Counts.LABELLED.named(key=label if LABEL.fullmatch(label) else OTHER_LABEL), 1


def _withdrawal(withdrawal: Withdrawal) -> Iterator[Figure]:
    currency, status = withdrawal.currency, withdrawal.status
    yield dimensions.WITHDRAWALS, Counts.WITHDRAWALS_AMOUNT.named(currency=currency, key=status), withdrawal.amount
    yield dimensions.WITHDRAWALS, Counts.WITHDRAWALS.named(currency=currency, key=status), 1


def _entry(entry: JournalEntry) -> Iterator[Figure]:
    """An entry is written once and never changed."""
    currency, kind = entry.currency, entry.kind
    for counts, key in (
        (Counts.DEBITED, entry.debit), (Counts.CREDITED, entry.credit), (Counts.ENTRIES_AMOUNT, kind),
    ):  # fmt: skip
        yield dimensions.JOURNAL, counts.named(currency=currency, key=key), entry.amount
    yield dimensions.JOURNAL, Counts.ENTRIES.named(currency=currency, key=kind), 1
