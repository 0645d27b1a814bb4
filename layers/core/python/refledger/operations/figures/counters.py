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

from refledger.domain.payments import Origin, PaymentKind
from refledger.domain.referrals import OPEN, ReferralStatus
from refledger.domain.rewards import BY_HAND, Cancelled, RewardStatus
from refledger.domain.times import DAY_MS, MINUTE_MS, day
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.figures.counter_names import Counts
from refledger.store import caps, dimensions, keys, payments, trails
from refledger.store.dimensions import Dimension
from refledger.store.transaction import Item

Figure = tuple[Dimension, str, int]
Dated = tuple[str, Dimension, str, int]  # the day first, such as 20261231
WAITING = (RewardStatus.PENDING, RewardStatus.CALCULATED)
CLOSED = ("REJECTED", "EXPIRED")  # referrals that are nobody's customers
CONVERTED = (ReferralStatus.CONVERTED, ReferralStatus.PAID)
TOOK_DAYS = (0, 1, 7, 14, 30, 60, 90, 180)  # where the buckets of the time to convert begin
COHORT_MONTHS = 12  # what comes later than that is counted with the twelfth
RANKED = (Counts.CONVERSIONS, Counts.REVENUE, Counts.OVER_CAPS, Counts.EARNED)  # what of a partner leaderboards rank by
LABEL = re.compile(r"[A-Z0-9_]{1,30}")
OTHER_LABEL = "OTHER"


def effects(old: Item, new: Item) -> Iterator[Dated]:
    """Yield what one change adds to which counters, on which days."""
    yield from _differences(dated(new), dated(old))


def dated(item: Item) -> Iterator[Dated]:
    """Yield what the item has added to counters on each day on which it changed."""
    before: Item = {}
    for when, state in _states(item):
        yield from _differences(_on(when, state), _on(when, before))
        before = state


def _on(when: str, item: Item) -> Iterator[Dated]:
    return ((when, *figure) for figure in figures(item))


def _differences(new: Iterable[Dated], old: Iterable[Dated]) -> Iterator[Dated]:
    sums: Counter[tuple[str, Dimension, str]] = Counter()
    for those, sign in ((new, 1), (old, -1)):
        for when, dimension, counter, amount in those:
            sums[when, dimension, counter] += sign * amount
    yield from ((*place, amount) for place, amount in sums.items() if amount)


def _states(item: Item) -> Iterator[tuple[str, Item]]:
    """(day, the item as it was at the end of it) of what may be counted."""
    match keys.kind_of(item) if item else "":
        case "J":
            yield day(item["at"]), item
        case "W" if keys.is_alone(item):
            first = item["status"] if not item["steps"] else WithdrawalStatus.REQUESTED
            yield day(item["created"]), {**item, "status": first}
            for status, _, at_ms, _ in item["steps"]:
                yield day(at_ms), {**item, "status": status}
        case "F":
            (first, state), *later = trails.states(item, item["created"])
            yield from _from_before_trails(first, state)
            yield from later
        case "R" | "E" | "P" if "created" in item:
            yield from trails.states(item, item["created"])
        case _:
            pass


def _from_before_trails(first: str, state: Item) -> Iterator[tuple[str, Item]]:
    """A referral that went on before items kept trails has the time of it: until then it waited."""
    moved_ms = state.get("closed" if state["status"] in CLOSED else "converted", 0)
    if state["status"] not in OPEN and day(moved_ms) > first:
        yield first, {**state, "status": ReferralStatus.PENDING}
        yield day(moved_ms), state
    else:
        yield first, state


def figures(item: Item) -> Iterator[Figure]:
    """Yield what the item adds to counters as it is; nothing for {}, and for all that nobody counts."""
    if not item:
        return
    match keys.kind_of(item):
        case "R":
            yield from _reward(item)
        case "F":
            yield from _referral(item)
        case "E" if keys.is_alone(item):
            yield from _payment(item)
        case "P" if keys.is_alone(item):
            yield from _partner(item)
        case "P" if keys.is_capped_month(item):
            yield from _capped_month(item)
        case "W" if keys.is_alone(item):
            yield from _withdrawal(item)
        case "J":
            yield from _entry(item)
        case _:
            pass


def stamped_in(item: Item) -> set[Dimension]:
    """Return where a stamp of the item counts: the main dimension of each subject that may ever have it.

    It hangs on nothing that may change between a rebuild's look at the item and its stamp.
    """
    found: set[Dimension] = set()
    match keys.kind_of(item) if item else "":
        case "R":
            found = {dimensions.partner(keys.owner_of(item)), dimensions.program(item["program"])}
        case "F":
            above = {partner_id for partner_id, _, _ in item["up"][: item["depth"]]}
            found = {dimensions.partner(id) for id in {keys.owner_of(item), *above}}
            found.add(dimensions.program(item["program"]))
        case "E" if keys.is_alone(item) and _was_ever_counted(item):
            referral = item.get("referral", "")
            found = {dimensions.partner(keys.owner_of(keys.referral(referral)))} if referral else set()
            found.add(dimensions.program(item["program"]))
        case "P" if keys.is_alone(item):
            found = {dimensions.program(item["program"])}
        case "P" if keys.is_capped_month(item):
            month = caps.from_item(item)
            found = {dimensions.partner(month.partner_id), dimensions.program(month.program_id)}
        case "W" if keys.is_alone(item):
            found = {dimensions.WITHDRAWALS}
        case _:
            pass
    return found


def _is_counted(payment: Item) -> bool:
    """Money that customers paid: what one of the staff granted by hand is none."""
    return bool(payment["kind"] == PaymentKind.PAYMENT and payment.get("origin") != Origin.BY_HAND)


def _was_ever_counted(payment: Item) -> bool:
    """That, and what has turned out to be another payment since: it counts on the days until then."""
    was = payment["kind"] == PaymentKind.ALIAS and ("referral" in payment or bool(payment["rewards"]))
    return _is_counted({**payment, "kind": PaymentKind.PAYMENT}) if was else _is_counted(payment)


def _reward(item: Item) -> Iterator[Figure]:
    partner_id, currency, status = keys.owner_of(item), item["currency"], item["status"]
    partner, program = dimensions.partner(partner_id), dimensions.program(item["program"])
    earned = _earned(item)
    by_hand, cancelled = item.get("source") == BY_HAND, status == RewardStatus.CANCELLED
    of_tier = Counts.EARNED.named(key=f"{item['tier']}", currency=currency)
    yield partner, Counts.BY_HAND_AMOUNT.named(currency=currency) if by_hand else of_tier, earned
    amount = item["amount"] if cancelled else earned
    if item.get("cancelled") == Cancelled.IDLE:
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
    yield dimensions.forecast(item["program"]), Counts.DUE_ON.named(when=day(item["due"]), currency=currency), earned
    if item["held"]:
        yield program, Counts.HELD.named(), 1
        yield program, Counts.HELD_AMOUNT.named(currency=currency), earned


def _capped_month(item: Item) -> Iterator[Figure]:
    month = caps.from_item(item)
    over = item.get("over", month.over)  # of a day before: that alone
    for where in (dimensions.partner(month.partner_id), dimensions.program(month.program_id)):
        yield where, Counts.OVER_CAPS.named(currency=month.currency), over


def _earned(item: Item) -> int:
    """What refunds and disputes left of a reward; nothing of one that is cancelled."""
    if item["status"] == RewardStatus.CANCELLED:
        return 0
    net = int(item["amount"] - item["reversed"])
    return min(net, int(item.get("limit", net)))


def _referral(item: Item) -> Iterator[Figure]:
    status, source, created = item["status"], item.get("source") or "UNKNOWN", item["created"]
    partner, program = dimensions.partner(keys.owner_of(item)), dimensions.program(item["program"])
    if status not in CLOSED:
        for tier, (partner_id, _, _) in enumerate(item["up"][: item["depth"]], start=1):
            yield dimensions.partner(partner_id), Counts.CUSTOMERS.named(key=f"{tier}"), 1
        if item.get("code"):
            yield partner, Counts.CODE_REFERRALS.named(key=item["code"]), 1
    year, month, date = day(created)[:4], day(created)[4:6], day(created)[4:]
    cohort = dimensions.cohorts(item["program"], year)
    for where in (partner, program):
        yield where, Counts.REFERRALS.named(key=status), 1
    yield program, Counts.SOURCE_REFERRALS.named(key=source), 1
    yield cohort, Counts.COHORT.named(when=month), 1
    yield cohort, Counts.MADE_ON.named(when=date, key=status), 1
    if status not in CONVERTED or "converted" not in item:
        return
    took_ms = max(0, item["converted"] - created)
    yield partner, Counts.CONVERSIONS.named(), 1
    if item.get("code"):
        yield partner, Counts.CODE_CONVERSIONS.named(key=item["code"]), 1
    yield program, Counts.SOURCE_CONVERSIONS.named(key=source), 1
    bucket = max(days for days in TOOK_DAYS if days * DAY_MS <= took_ms)
    yield program, Counts.TOOK_DAYS.named(key=f"{bucket}"), 1
    yield program, Counts.TOOK_MINUTES.named(), took_ms // MINUTE_MS
    yield cohort, Counts.COHORT_CONVERSIONS.named(when=month), 1


def _payment(item: Item) -> Iterator[Figure]:
    if not _is_counted(item):
        return
    amount, currency, referral = item["amount"], item["currency"], item.get("referral", "")
    gone = item["gone"] if "gone" in item else payments.back_from(item).of(amount)  # of a day before: that alone
    program = dimensions.program(item["program"])
    yield program, Counts.PAYMENTS.named(), 1
    yield program, Counts.PAID.named(currency=currency), amount
    yield program, Counts.GONE.named(currency=currency), gone
    if not referral:
        return
    partner = dimensions.partner(keys.owner_of(keys.referral(referral)))
    yield partner, Counts.PAYMENTS.named(), 1
    yield partner, Counts.REVENUE.named(currency=currency), amount - gone
    referred = day(keys.referred_at(referral))
    cohort = dimensions.cohorts(item["program"], referred[:4])
    month, after = referred[4:6], min(_months_between(referred, day(item["occurred"])), COHORT_MONTHS)
    yield cohort, Counts.COHORT_PAYMENTS.named(when=month, after=after), 1
    yield cohort, Counts.COHORT_REVENUE.named(when=month, after=after, currency=currency), amount - gone


def _months_between(first: str, last: str) -> int:
    """Calendar months from one day (`20261231`) to a later one; 0 for an earlier one."""
    count = (int(last[:4]) - int(first[:4])) * 12 + int(last[4:6]) - int(first[4:6])
    return max(0, count)


def _partner(item: Item) -> Iterator[Figure]:
    program, label = dimensions.program(item["program"]), item.get("tier", "")
    yield program, Counts.PARTNERS.named(key=item["status"]), 1
    if label:
        yield program, Counts.LABELLED.named(key=label if LABEL.fullmatch(label) else OTHER_LABEL), 1


def _withdrawal(item: Item) -> Iterator[Figure]:
    currency, status = item["currency"], item["status"]
    yield dimensions.WITHDRAWALS, Counts.WITHDRAWALS_AMOUNT.named(currency=currency, key=status), item["amount"]
    yield dimensions.WITHDRAWALS, Counts.WITHDRAWALS.named(currency=currency, key=status), 1


def _entry(item: Item) -> Iterator[Figure]:
    """An entry is written once and never changed."""
    _, currency = keys.last_two_of(item)
    for counts, key in ((Counts.DEBITED, "debit"), (Counts.CREDITED, "credit"), (Counts.ENTRIES_AMOUNT, "kind")):
        yield dimensions.JOURNAL, counts.named(currency=currency, key=item[key]), item["amount"]
    yield dimensions.JOURNAL, Counts.ENTRIES.named(currency=currency, key=item["kind"]), 1
