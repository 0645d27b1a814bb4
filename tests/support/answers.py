"""The answers of all reports, made of the independent model: the JSON that a client should get.

Counters are by names of this module's own, as of a moment: `at(model, …, before)`. A period is the counters at its end
less those at its beginning, which is what docs/api/reports.md says a period is.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from tests.support.model import (
    CLOSED,
    DAY,
    EVER,
    LEGS,
    MINUTE,
    Model,
    Partner,
    Program,
    day_of,
    midnight,
    month_of,
)

Counts = Counter[tuple[str, ...]]
Period = tuple[date, date] | None
TOOK = ((0, 0), (1, 6), (7, 13), (14, 29), (30, 59), (60, 89), (90, 179), (180, None))
WAITS = ("PENDING", "CALCULATED")


def span(period: Period) -> tuple[int, int]:
    """The moments between which a period lies."""
    return (0, EVER) if period is None else (midnight(period[0]), midnight(period[1] + timedelta(days=1)))


def change(counts: Any, period: Period) -> Counts:
    since, until = span(period)
    found = counts(until)
    found.subtract(counts(since))
    return Counter({name: n for name, n in found.items() if n})


def bps(part: int, whole: int) -> int | None:
    """Null of nothing, and of what is no part of the whole."""
    return part * 10_000 // whole if whole > 0 and 0 <= part <= whole else None


def shares(parts: list[int]) -> list[int | None]:
    """Of each in all together; null where a period took more of one away than came."""
    return [bps(part, sum(parts)) if min(parts) >= 0 else None for part in parts]


def money(found: Counts, *names: str) -> list[dict[str, Any]]:
    sums = sorted((name[-1], n) for name, n in found.items() if name[:-1] == names and n)
    return [{"currency": currency, "amount": n} for currency, n in sums]


def net(*parts: tuple[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    sums: Counter[str] = Counter()
    for sign, amounts in parts:
        for each in amounts:
            sums[each["currency"]] += sign * each["amount"]
    return [{"currency": currency, "amount": n} for currency, n in sorted(sums.items()) if n]


def by(found: Counts, *names: str) -> dict[str, int]:
    return {name[-1]: n for name, n in sorted(found.items()) if name[:-1] == names and n}


# ---------------------------------------------------------------- of a program


def of_program(model: Model, program: Program, before: int) -> Counts:
    found: Counts = Counter()
    for partner in model.partners:
        if partner.program is program and (status := partner.status.before(before)):
            found["partner", status] += 1
            if partner.label:
                found["label", partner.label] += 1
    for referral in model.referrals:
        if referral.program is program and (status := referral.status.before(before)):
            found["referral", status] += 1
            found["source", referral.source] += 1
            if referral.converted is not None and referral.told < before:
                took = max(0, referral.converted - referral.made)
                found["converted", referral.source] += 1
                found["took", str(max(first for first, _ in TOOK if first <= took // DAY))] += 1
                found["minutes", ""] += took // MINUTE
    for payment in model.payments.values():
        if payment.program is program and payment.origin != "BY_HAND" and payment.told < before:
            found["payments", ""] += 1
            found["paid", payment.currency] += payment.amount
            found["gone", payment.currency] += payment.gone.before(before) or 0
    for reward in model.rewards:
        if reward.program is program and (state := reward.state.before(before)):
            cancelled = state.status == "CANCELLED"
            place = "NEVER" if state.why == "IDLE" else state.status
            found["reward", place] += 1
            found["worth", place, reward.currency] += reward.amount if cancelled else state.net
            if reward.by_hand and not cancelled:
                found["hand", ""] += 1
                found["handworth", reward.currency] += state.net
            if state.held and state.status in WAITS:
                found["held", ""] += 1
                found["heldworth", reward.currency] += state.net
    for _, whose, currency, over in model.over(before):
        if whose is program:
            found["over", currency] += over
    return found


def in_program(model: Model, program: Program, period: Period) -> Counts:
    return change(lambda before: of_program(model, program, before), period)


def dates(period: Period) -> dict[str, Any]:
    return {"from": period[0].isoformat() if period else None, "to": period[1].isoformat() if period else None}


def partners(found: Counts) -> dict[str, Any]:
    states = by(found, "partner")
    return {"total": sum(states.values()), "byStatus": states, "byTier": by(found, "label")}


def referrals(found: Counts, period: Period) -> dict[str, Any]:
    """No rate of a period: what converts in it was mostly made before."""
    states, converted = by(found, "referral"), sum(by(found, "converted").values())
    total = sum(states.values())
    return {
        "total": total, "byStatus": states, "accepted": accepted(states), "converted": converted,
        "conversionRateBps": None if period else bps(converted, total),
    }  # fmt: skip


def accepted(states: dict[str, int]) -> int:
    return sum(states.get(status, 0) for status in ("ACCEPTED", "CONVERTED", "PAID"))


def payments(found: Counts) -> dict[str, Any]:
    paid, gone = money(found, "paid"), money(found, "gone")
    return {"count": found["payments", ""], "paid": paid, "gone": gone, "net": net((1, paid), (-1, gone))}


def rewards(found: Counts) -> dict[str, Any]:
    states = {name[1] for name in found if name[0] in ("reward", "worth")} - {"NEVER"}
    return {
        "total": sum(by(found, "reward").values()),
        "byStatus": {s: {"count": found["reward", s], "amounts": money(found, "worth", s)} for s in sorted(states)},
        "byHand": {"count": found["hand", ""], "amounts": money(found, "handworth")},
        "neverDue": {"count": found["reward", "NEVER"], "amounts": money(found, "worth", "NEVER")},
        "held": {"count": found["held", ""], "amounts": money(found, "heldworth")},
        "overCap": money(found, "over"),
    }


def program_figures(found: Counts, period: Period) -> dict[str, Any]:
    return {
        **dates(period), "partners": partners(found), "referrals": referrals(found, period),
        "payments": payments(found), "rewards": rewards(found),
    }  # fmt: skip


def sources(found: Counts, period: Period) -> list[dict[str, Any]]:
    names = {name[1] for name in found if name[0] in ("source", "converted")}
    rows = sorted(((found["source", name], name) for name in names), key=lambda each: (-each[0], each[1]))
    return [
        {
            "source": name, "referrals": n, "shareBps": share, "converted": found["converted", name],
            "conversionRateBps": None if period else bps(found["converted", name], n),
        }
        for (n, name), share in zip(rows, shares([n for n, _ in rows]), strict=True)
    ]  # fmt: skip


def funnel(model: Model, program: Program, period: Period) -> dict[str, Any]:
    """Of those who were made in the period: how far they are now."""
    since, until = span(period)
    states = Counter(r.status.now for r in model.referrals if r.program is program and since <= r.made < until)
    counts = [sum(states.values()), accepted(states), states["CONVERTED"] + states["PAID"], states["PAID"]]
    steps = zip(("CREATED", "ACCEPTED", "CONVERTED", "PAID"), counts, [counts[0], *counts], strict=False)
    return {
        **dates(period), "rejected": states["REJECTED"], "expired": states["EXPIRED"],
        "steps": [
            {"step": step, "count": n, "ofFirstBps": bps(n, counts[0]), "ofPreviousBps": bps(n, last)}
            for step, n, last in steps
        ],
    }  # fmt: skip


def time_to_convert(found: Counts, period: Period) -> dict[str, Any]:
    counts = [found["took", str(first)] for first, _ in TOOK]
    converted, minutes = sum(counts), found["minutes", ""]
    return {
        **dates(period), "converted": converted,
        "averageHours": (minutes + 30 * converted) // (60 * converted) if converted > 0 else None,
        "data": [
            {"fromDays": first, "toDays": last, "count": n, "shareBps": share}
            for (first, last), n, share in zip(TOOK, counts, shares(counts), strict=True)
        ],
    }  # fmt: skip


def referral_point(found: Counts) -> dict[str, Any]:
    told = referrals(found, None)
    return {
        "created": told["total"], "accepted": told["accepted"], "converted": told["converted"],
        "rejected": told["byStatus"].get("REJECTED", 0), "expired": told["byStatus"].get("EXPIRED", 0),
    }  # fmt: skip


def reward_point(found: Counts) -> dict[str, Any]:
    worth = {status: money(found, "worth", status) for status in (*WAITS, "APPROVED", "PAID", "CANCELLED")}
    over, booked = money(found, "over"), [(1, worth["APPROVED"]), (1, worth["PAID"])]
    return {
        "created": sum(by(found, "reward").values()),
        "earned": net(*booked, *((1, worth[status]) for status in WAITS), (-1, over)),
        "approved": net(*booked, (-1, over)),
        "byHand": money(found, "handworth"), "neverDue": money(found, "worth", "NEVER"), "paid": worth["PAID"],
        "cancelled": worth["CANCELLED"],
    }  # fmt: skip


def whole(day: date, interval: str) -> tuple[date, date]:
    """The day, week (from Monday on) or month in which a day lies."""
    if interval == "DAY":
        return day, day
    if interval == "WEEK":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def buckets(period: tuple[date, date], interval: str) -> list[tuple[date, date, bool]]:
    """First and last day of each point, and whether it is cut, at the edge of the period."""
    found, day = [], period[0]
    while day <= period[1]:
        first, last = whole(day, interval)
        found.append((day, min(last, period[1]), first < day or last > period[1]))
        day = last + timedelta(days=1)
    return found


def latest(today: date, interval: str) -> tuple[date, date]:
    """The last 30 days, 12 weeks or 12 months, of which one runs."""
    first = today
    for _ in range(29 if interval == "DAY" else 11):
        first = whole(first, interval)[0] - timedelta(days=1)
    return whole(first, interval)[0], today


def cohorts(model: Model, program: Program, year: int) -> list[dict[str, Any]]:
    mine = [each for each in model.referrals if each.program is program and day_of(each.made).year == year]
    found = []
    for month in sorted({month_of(each.made) for each in mine}):
        those = [each for each in mine if month_of(each.made) == month]
        later: dict[int, Counts] = {}
        for payment in model.payments.values():
            if payment.referral in those and payment.origin != "BY_HAND":
                made, paid = day_of(those[0].made), day_of(payment.occurred)
                after = min(12, max(0, (paid.year - made.year) * 12 + paid.month - made.month))
                counts = later.setdefault(after, Counter())
                counts["n", ""] += 1
                counts["rev", payment.currency] += payment.amount - payment.gone.now
        converted = sum(each.converted is not None for each in those)
        found.append({
            "month": month, "referrals": len(those), "converted": converted,
            "conversionRateBps": bps(converted, len(those)),
            "months": [
                {"month": after, "payments": counts["n", ""], "revenue": money(counts, "rev")}
                for after, counts in sorted(later.items())
            ],
        })  # fmt: skip
    return found


def forecast(model: Model, program: Program, today: date) -> dict[str, Any]:
    found: Counts = Counter()
    for reward in model.rewards:
        state = reward.state.now
        if reward.program is program and state.status in WAITS:
            due = day_of(reward.due)
            found["overdue" if due < today else due.isoformat(), reward.currency] += state.net
    names = sorted({name[0] for name, n in found.items() if n and name[0] != "overdue"})
    overdue = money(found, "overdue")
    total = net((1, overdue), *((1, money(found, name)) for name in names))
    data = [{"date": name, "amounts": money(found, name)} for name in names]
    return {"overdue": overdue, "total": total, "data": data}


# ---------------------------------------------------------------- of a partner


def of_partner(model: Model, partner: Partner, before: int) -> Counts:
    found: Counts = Counter()
    for referral in model.referrals:
        status = referral.status.before(before)
        if status is None or partner not in referral.up:
            continue
        if status not in CLOSED:
            found["customers", str(referral.up.index(partner) + 1)] += 1
        if referral.up[0] is partner:
            found["referral", status] += 1
            found["converted", ""] += referral.told < before and referral.converted is not None
    for payment in model.payments.values():
        if payment.referral and payment.referral.up[0] is partner and payment.told < before:
            found["payments", ""] += 1
            found["revenue", payment.currency] += payment.amount - (payment.gone.before(before) or 0)
    for reward in model.rewards:
        state = reward.state.before(before)
        if reward.partner is not partner or state is None or state.status == "CANCELLED":
            continue
        if reward.by_hand:
            found["hand", reward.currency] += state.net
        else:
            found["earned", reward.currency] += state.net
            found["tier", str(reward.tier), reward.currency] += state.net
        if state.status in WAITS:
            found["pending", reward.currency] += state.net
    for whose, _, currency, over in model.over(before):
        if whose is partner:
            found["earned", currency] -= over
            found["over", currency] += over
    return found


def partner_figures(found: Counts, period: Period) -> dict[str, Any]:
    states, converted = by(found, "referral"), found["converted", ""]
    total = sum(states.values())
    return {
        "customers": by(found, "customers"), "referrals": total, "byStatus": states, "conversions": converted,
        "conversionRateBps": None if period else bps(converted, total), "payments": found["payments", ""],
        "revenue": money(found, "revenue"), "earned": money(found, "earned"), "pending": money(found, "pending"),
        "givenByHand": money(found, "hand"),
    }  # fmt: skip


def in_partner(model: Model, partner: Partner, period: Period) -> Counts:
    return change(lambda before: of_partner(model, partner, before), period)


def board(model: Model, program: Program, metric: str, currency: str, month: Period) -> list[tuple[int, str, int]]:
    values = []
    for partner in model.partners:
        if partner.program is program:
            found = in_partner(model, partner, month)
            name = {"REVENUE": ("revenue", currency), "REWARDS": ("earned", currency)}.get(metric, ("converted", ""))
            values.append((-found[name], partner.id))
    ranked = [(-n, id) for n, id in sorted(values) if n < 0]
    return [(rank, id, n) for rank, (n, id) in enumerate(ranked, start=1)]


def links(model: Model, partner: Partner) -> dict[str, Any]:
    """Of the main code, the only one that partners of the model have."""
    came = [each for each in model.referrals if each.code == partner.code]
    n = sum(each.status.now not in CLOSED for each in came)
    converted = sum(each.converted is not None for each in came)
    clicks = sum(partner.clicks.values())
    return {
        "clicks": {"total": clicks, "bySource": dict(sorted(partner.clicks.items()))}, "referrals": n,
        "converted": converted, "referralRateBps": bps(n, clicks), "conversionRateBps": bps(converted, n),
        "paidRateBps": bps(converted, clicks) if n <= clicks else None,
    }  # fmt: skip


# ---------------------------------------------------------------- money


def moved(model: Model, before: int) -> Counts:
    """All entries, by currency and kind."""
    found: Counts = Counter()
    for entry in model.entries:
        if entry.ms < before:
            found[entry.currency, entry.kind] += entry.amount
    return found


def asked(model: Model, before: int) -> Counts:
    found: Counts = Counter()
    for each in model.withdrawals:
        if status := each.status.before(before):
            found[each.currency, status, "n"] += 1
            found[each.currency, status, "amount"] += each.amount
    return found


def trial_balance(model: Model, before: int) -> dict[str, dict[str, tuple[int, int]]]:
    """By currency and account: (debit, credit)."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for (currency, kind), amount in moved(model, before).items():
        accounts = found.setdefault(currency, {})
        for account, debit, credit in ((LEGS[kind][0], amount, 0), (LEGS[kind][1], 0, amount)):
            was = accounts.get(account, (0, 0))
            accounts[account] = was[0] + debit, was[1] + credit
    return found


def payouts(model: Model, period: Period) -> list[dict[str, Any]]:
    entries = change(lambda before: moved(model, before), period)
    states = change(lambda before: asked(model, before), period)
    found = []
    for currency in sorted({name[0] for name in (*entries, *states)}):
        sums = {kind: entries[currency, kind] for kind in ("RESERVE", "RELEASE", "SETTLE", "PAY", "RETURN")}
        names = sorted({name[1] for name in states if name[0] == currency})
        found.append({
            "currency": currency, "requested": sums["RESERVE"], "released": sums["RELEASE"], "settled": sums["SETTLE"],
            "paidDirectly": sums["PAY"], "returned": sums["RETURN"],
            "paid": sums["SETTLE"] + sums["PAY"] - sums["RETURN"],
            "withdrawals": [
                {
                    "status": s, "count": states[currency, s, "n"], "currency": currency,
                    "amount": states[currency, s, "amount"],
                } for s in names
            ],
        })  # fmt: skip
    return found
