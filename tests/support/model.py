"""What a company that pays commission would work out by hand: a second, independent answer to every report.

Written from docs/rules.md, docs/api, docs/events.md and docs/leads.md, and from nothing of refledger's code, which it
does not import. It keeps for everything what it was and since when (`History`), so what a report says of any time is
looked up and never added up on the way. Money in minor units, times in milliseconds since 1970, days in UTC.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Generic, TypeVar

DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
EVER = 1 << 60
T = TypeVar("T")
Pay = int | dict[str, int]  # basis points; or minor units by currency
CLOSED = ("REJECTED", "EXPIRED")
OPEN = ("PENDING", "ACCEPTED")
LEGS = {  # kind of entry: (debit, credit), as docs/accounting.md has the accounts
    "EARN": ("rewards", "available"), "REVERSE": ("available", "rewards"), "RESERVE": ("available", "reserved"),
    "RELEASE": ("reserved", "available"), "SETTLE": ("reserved", "paid"), "RETURN": ("paid", "available"),
    "PAY": ("available", "paid"), "CREDIT": ("adjustments", "available"), "DEBIT": ("available", "adjustments"),
    "WRITE_OFF": ("write_offs", "available"),
}  # fmt: skip


def day_of(ms: int) -> date:
    return datetime.fromtimestamp(ms // 1000, UTC).date()


def midnight(day: date) -> int:
    """The first moment of a day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def month_of(ms: int) -> str:
    return f"{day_of(ms):%Y-%m}"


def months_after(ms: int, months: int) -> int:
    """The same day and time so many calendar months later, the last day of one that has no such day."""
    year, month = divmod(day_of(ms).year * 12 + day_of(ms).month - 1 + months, 12)
    last = date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)
    return midnight(last.replace(day=min(last.day, day_of(ms).day))) + ms % DAY


class History(Generic[T]):
    """What something was, and since when."""

    def __init__(self, ms: int, value: T) -> None:
        self._steps = [(ms, value)]

    def becomes(self, ms: int, value: T) -> None:
        if value != self.now:
            self._steps.append((ms, value))

    def before(self, ms: int) -> T | None:
        """As it was just before a moment; None where it was not there yet."""
        found = None
        for since, value in self._steps:
            if since < ms:
                found = value
        return found

    @property
    def since(self) -> int:
        return self._steps[-1][0]

    @property
    def now(self) -> T:
        return self._steps[-1][1]


@dataclass(eq=False)
class Program:
    """`rates`: of tier 1, 2, …, in basis points, or flat by currency; `first`: those of a customer's first payment.

    `cap`: what a partner earns at most in a month, by currency.
    """

    id: str
    rates: tuple[Pay, ...]
    hold_days: int = 0
    attribution_days: int | None = None
    cap: dict[str, int] = field(default_factory=dict)
    pauses: list[tuple[int, int]] = field(default_factory=list)
    products: dict[str, tuple[Pay, ...]] = field(default_factory=dict)  # rates of those that have rules of their own
    first: tuple[Pay, ...] = ()
    limit_payments: int | None = None
    limit_months: int | None = None

    @property
    def depth(self) -> int:
        """How many tiers earn by any of its rules."""
        return max(map(len, (self.rates, self.first, *self.products.values())))

    def shares(self, payment: Payment, number: int, first_ms: int) -> list[int]:
        """What each tier gets of a customer's payment number so and so, whose first was at `first_ms`."""
        pays = self.products.get(payment.product)
        if pays is None:
            pays = self.first if self.first and number == 1 else self.rates
            if self.limit_payments is not None and number > self.limit_payments:
                return []
            if self.limit_months is not None and payment.occurred >= months_after(first_ms, self.limit_months):
                return []
        left, given = payment.base, []
        for pay in pays:
            share = pay.get(payment.currency, 0) if isinstance(pay, dict) else payment.base * pay // 10_000
            given.append(min(share, left))
            left -= given[-1]
        return given

    def pays_at(self, ms: int) -> bool:
        return not any(since <= ms < until for since, until in self.pauses)


@dataclass(eq=False)
class Partner:
    id: str
    name: str
    program: Program
    code: str
    made: int
    label: str
    status: History[str]
    clicks: Counter[str] = field(default_factory=Counter)  # by source
    booked: dict[str, list[Reward]] = field(default_factory=lambda: defaultdict(list))  # in the order of the journal

    def earns_at(self, ms: int) -> bool:
        return self.status.before(ms + 1) in ("ACTIVE", None)


@dataclass(eq=False)
class Referral:
    id: str
    program: Program
    up: list[Partner]  # who earns: tier 1, 2, …
    code: str
    source: str
    made: int
    status: History[str]
    customer: str = ""
    lead: str = ""
    converted: int | None = None  # when
    told: int = EVER  # when that was told
    ends: int | None = None  # when its time is over, unless it has converted
    shut_from: int | None = None


@dataclass(eq=False)
class Payment:
    name: str
    program: Program
    amount: int
    base: int
    currency: str
    occurred: int
    told: int
    origin: str = "PAYMENT"
    referral: Referral | None = None
    product: str = ""
    expired: bool = False  # earns nothing, because it was made when the referral's time was over
    rewards: list[Reward] = field(default_factory=list)
    refunds: dict[str, int] = field(default_factory=dict)
    disputes: dict[str, tuple[int, str]] = field(default_factory=dict)  # amount; "", WON or LOST
    gone: History[int] = field(init=False)

    def __post_init__(self) -> None:
        self.gone = History(self.told, 0)

    @property
    def disputed(self) -> bool:
        return any(not end for _, end in self.disputes.values())

    @property
    def taken_back(self) -> int:
        disputes = sum(amount for amount, end in self.disputes.values() if end != "WON")
        return min(self.amount, sum(self.refunds.values()) + disputes)


@dataclass(frozen=True)
class State:
    """Of a reward. `net`: what refunds left of it. `why`: it was cancelled. `held`: by whom or what."""

    status: str
    net: int
    held: frozenset[str] = frozenset()
    why: str = ""


@dataclass(eq=False)
class Reward:
    payment: Payment
    partner: Partner
    tier: int
    amount: int
    due: int
    state: History[State]
    id: str = ""

    @property
    def currency(self) -> str:
        return self.payment.currency

    @property
    def program(self) -> Program:
        return self.payment.program

    @property
    def by_hand(self) -> bool:
        return self.payment.origin == "BY_HAND"

    @property
    def cap(self) -> int | None:
        return None if self.by_hand else self.program.cap.get(self.currency)

    def kept(self, before: int) -> int:
        """What of it is in the balance, caps aside."""
        state = self.state.before(before)
        return state.net if state and state.status in ("APPROVED", "PAID") else 0


@dataclass(frozen=True)
class Entry:
    ms: int
    partner: Partner
    currency: str
    kind: str
    amount: int


@dataclass(eq=False)
class Withdrawal:
    id: str
    partner: Partner
    currency: str
    amount: int
    made: int
    status: History[str]
    ends: int = EVER
    looked_at: bool = False


@dataclass
class Model:
    """The facts, and what follows from them. Whoever tells it a fact gives the moment at which it was told."""

    programs: dict[str, Program]
    partners: list[Partner] = field(default_factory=list)
    referrals: list[Referral] = field(default_factory=list)
    payments: dict[str, Payment] = field(default_factory=dict)
    nobodys: dict[str, Payment] = field(default_factory=dict)  # or ignored: in no report of money
    early: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))  # refunds before their payment
    rewards: list[Reward] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)

    # ------------------------------------------------------------ referrals

    def binding(self, program: Program, customer: str) -> Referral | None:
        return next((r for r in self.referrals if r.program is program and customer and r.customer == customer), None)

    def chain(self, partner: Partner) -> list[Partner]:
        """The partner, and who earns from those whom they refer; it ends at a referral that was closed."""
        above = self.binding(partner.program, partner.name)
        goes_on = above is not None and above.status.now not in CLOSED
        return [partner, *(above.up if above and goes_on else [])][: partner.program.depth]

    def refer(
        self, now: int, id: str, partner: Partner, status: str, source: str, code: str, customer: str = "",
        lead: str = "",
    ) -> Referral:  # fmt: skip
        days = partner.program.attribution_days
        ends = now + days * DAY if days is not None else None
        up = self.chain(partner)
        made = Referral(id, partner.program, up, code, source, now, History(now, status), customer, lead, ends=ends)
        self.referrals.append(made)
        return made

    def close(self, now: int, referral: Referral, status: str) -> None:
        if referral.status.now in OPEN:
            referral.status.becomes(now, status)
            if status == "EXPIRED":
                referral.ends = min(referral.ends or now, now)

    def expire(self, now: int) -> None:
        """The schedule: whose time is over is closed."""
        for referral in self.referrals:
            if referral.status.now in OPEN and referral.ends is not None and referral.ends <= now:
                referral.status.becomes(now, "EXPIRED")

    # ------------------------------------------------------------ payments

    def pay(
        self, now: int, name: str, program: Program, customer: str, amount: int, base: int, currency: str,
        occurred: int, product: str = "",
    ) -> Payment:  # fmt: skip
        """A customer paid; all that follows from it at once does."""
        referral = self.binding(program, customer)
        payment = Payment(name, program, amount, base, currency, occurred, now, referral=referral, product=product)
        earns = referral is not None and program.pays_at(occurred) and referral.status.now != "REJECTED"
        if referral and referral.converted is None and referral.ends is not None and occurred >= referral.ends:
            payment.expired, earns = earns, False
        if referral and referral.shut_from is not None and occurred >= referral.shut_from:
            earns = False
        payment.refunds.update(self.early.pop(name, {}))
        if not earns or referral is None:
            self.nobodys[name] = payment
            return payment
        late = referral.converted is None
        if late:
            referral.converted, referral.told = occurred, now
            referral.status.becomes(now, "CONVERTED")
        self._book(now, payment, referral)
        for other in [each for each in self.nobodys.values() if late and each.expired and each.referral is referral]:
            del self.nobodys[other.name]  # paid after the end of a time limit that there is not any more
            other.told, other.gone = now, History(now, 0)
            self._book(now, other, referral)
        return payment

    def convert(self, now: int, referral: Referral, amount: int, currency: str) -> Payment:
        """The conversion of a lead earns like a payment of its value, whose id is the referral's."""
        payment = Payment(
            referral.id, referral.program, amount, amount, currency, now, now, origin="CONVERSION", referral=referral
        )
        if referral.converted is None:
            referral.converted, referral.told = now, now
            referral.status.becomes(now, "CONVERTED")
        self._book(now, payment, referral)
        return payment

    def _book(self, now: int, payment: Payment, referral: Referral) -> None:
        self.payments[payment.name] = payment
        payment.gone.becomes(now, payment.taken_back)
        due = payment.occurred + payment.program.hold_days * DAY
        earlier = [p.occurred for p in self.payments.values() if p.referral is referral and p is not payment and p.base]
        shares = payment.program.shares(payment, len(earlier) + 1, min(earlier, default=payment.occurred))
        for tier, (partner, amount) in enumerate(zip(referral.up, shares, strict=False), start=1):
            if amount:
                self._reward(now, payment, partner, tier, amount, due)
        self.follow(now, payment)
        self.mature(now, [each for each in payment.rewards if each.due <= now])

    def _reward(self, now: int, payment: Payment, partner: Partner, tier: int, amount: int, due: int) -> Reward:
        made = Reward(payment, partner, tier, amount, due, History(now, State("PENDING", amount)))
        payment.rewards.append(made)
        self.rewards.append(made)
        return made

    def give(self, now: int, partner: Partner, amount: int, currency: str, name: str) -> Reward:
        """A reward by hand: due at once, of no customer and under no cap."""
        payment = Payment(name, partner.program, amount, amount, currency, now, now, origin="BY_HAND")
        self.payments[name] = payment
        made = self._reward(now, payment, partner, 1, amount, now)
        self.mature(now, [made])
        return made

    def refund(self, now: int, name: str, id: str, amount: int) -> None:
        if name in self.payments:
            self.payments[name].refunds[id] = amount
            self.follow(now, self.payments[name])
        elif name in self.nobodys:
            self.nobodys[name].refunds[id] = amount
        else:
            self.early[name][id] = amount

    def dispute(self, now: int, name: str, id: str, amount: int, end: str) -> None:
        """`end`: "" while it is open."""
        payment = self.payments.get(name) or self.nobodys[name]
        payment.disputes[id] = amount, end
        if name in self.payments:
            self.follow(now, payment)

    def follow(self, now: int, payment: Payment) -> None:
        """Every tier keeps its share of what is left, rounded for the owner."""
        gone = payment.taken_back
        payment.gone.becomes(now, gone)
        ready = []
        for reward in payment.rewards:
            was = reward.state.now
            net = reward.amount * (payment.amount - gone) // payment.amount
            held = (was.held | {"DISPUTE"}) if payment.disputed else was.held - {"DISPUTE"}
            if was.status == "PAID" or was.why in ("IDLE", "BY_HAND"):
                reward.state.becomes(now, replace(was, net=net, held=was.held - {"DISPUTE"}))
            elif net == 0 and not payment.disputed:
                reward.state.becomes(now, State("CANCELLED", 0, held, "REFUNDED"))
            elif was.status == "CANCELLED":
                reward.state.becomes(now, State("PENDING", net, held))
                ready.append(reward)
            else:
                reward.state.becomes(now, replace(was, net=net, held=held))
                ready.append(reward)
                booked = reward.partner.booked[reward.currency]
                if net > was.net and reward in booked:  # what came back is booked anew: it is covered after the others
                    booked.remove(reward)
                    booked.append(reward)
        moved = self._balance(now, payment.rewards)
        self.mature(now, [each for each in ready if each.due <= now])
        for partner, currency in moved:
            self.cover(now, partner, currency)

    def mature(self, now: int, rewards: Iterable[Reward], covers: bool = True) -> None:
        """What is due becomes the partner's, unless they did not earn when the customer paid. `covers`: what they owed
        may have been worked off.
        """
        done = []
        for reward in sorted(rewards, key=lambda each: each.due):
            state = reward.state.now
            if state.status != "PENDING" or state.held:
                continue
            at = reward.payment.occurred
            if reward.partner.earns_at(at) and (reward.program.pays_at(at) or reward.payment.origin == "BY_HAND"):
                reward.state.becomes(now, State("APPROVED", state.net))
                booked = reward.partner.booked[reward.currency]
                if reward in booked:
                    booked.remove(reward)
                booked.append(reward)
            else:
                reward.state.becomes(now, State("CANCELLED", state.net, why="IDLE"))
            done.append(reward)
        self._balance(now, done)
        for place in {(each.partner, each.currency): 0 for each in done if covers}:
            self.cover(now, *place)

    def tick(self, now: int) -> None:
        """The schedules. An hour after a payout it is looked once more what it covers."""
        self.expire(now)
        for each in self.withdrawals:
            if each.status.now == "REQUESTED" and each.ends <= now:
                self.ends(now, each, "EXPIRED")
        for each in self.withdrawals:
            if not each.looked_at and each.status.now == "PAID" and each.status.since <= now - HOUR:
                each.looked_at = True
                self.cover(now, each.partner, each.currency)
        self.mature(now, [each for each in self.rewards if each.due <= now])

    # ------------------------------------------------------------ what staff do to a reward

    def hold(self, now: int, reward: Reward, on: bool) -> None:
        state = reward.state.now
        held = state.held | {"STAFF"} if on else state.held - {"STAFF"}
        reward.state.becomes(now, replace(state, held=held))
        if reward.due <= now:
            self.mature(now, [reward], covers=False)

    def cancel(self, now: int, reward: Reward) -> None:
        reward.state.becomes(now, State("CANCELLED", reward.state.now.net, why="BY_HAND"))
        self._balance(now, [reward])
        self.cover(now, reward.partner, reward.currency)

    def pay_reward(self, now: int, reward: Reward) -> None:
        """A withdrawal that is PAID from its beginning."""
        worth = self._needs(reward)
        self.paid(now, reward)
        self.enter(now, reward.partner, reward.currency, "PAY", worth)
        self.withdrawals.append(Withdrawal("", reward.partner, reward.currency, worth, now, History(now, "PAID")))

    def paid(self, now: int, reward: Reward) -> None:
        state = reward.state.now
        reward.state.becomes(now, State("PAID", state.net, state.held - {"DISPUTE"}))
        referral = reward.payment.referral
        if referral and referral.status.now == "CONVERTED":
            referral.status.becomes(now, "PAID")

    # ------------------------------------------------------------ money

    def enter(self, now: int, partner: Partner, currency: str, kind: str, amount: int) -> None:
        if amount:
            self.entries.append(Entry(now, partner, currency, kind, amount))

    def _balance(self, now: int, changed: Iterable[Reward]) -> list[tuple[Partner, str]]:
        """What the rewards of these partners are worth now, less what was booked for them before. Whose money moved."""
        moved = []
        for partner, currency in {(each.partner, each.currency): 0 for each in changed}:
            if more := self.worth(partner, currency) - self.earned(partner, currency):
                self.enter(now, partner, currency, "EARN" if more > 0 else "REVERSE", abs(more))
                moved.append((partner, currency))
        return moved

    def earned(self, partner: Partner, currency: str) -> int:
        signs = {"EARN": 1, "REVERSE": -1}
        mine = (e for e in self.entries if e.partner is partner and e.currency == currency)
        return sum(signs.get(entry.kind, 0) * entry.amount for entry in mine)

    def months(self, before: int = EVER) -> dict[tuple[Partner, Program, str, str], list[Reward]]:
        """What a monthly cap counts together: a partner's rewards of a program, of payments made in one month."""
        found: dict[tuple[Partner, Program, str, str], list[Reward]] = defaultdict(list)
        for reward in self.rewards:
            if reward.cap is not None:
                found[reward.partner, reward.program, reward.currency, month_of(reward.payment.occurred)].append(reward)
        return found

    def over(self, before: int = EVER) -> Iterator[tuple[Partner, Program, str, int]]:
        """What caps take."""
        for (partner, program, currency, _), those in self.months().items():
            over = sum(each.kept(before) for each in those) - program.cap[currency]
            if over > 0:
                yield partner, program, currency, over

    def worth(self, partner: Partner, currency: str) -> int:
        mine = [each for each in self.rewards if each.partner is partner and each.currency == currency]
        taken = sum(n for whose, _, what, n in self.over() if whose is partner and what == currency)
        return sum(each.kept(EVER) for each in mine) - taken

    def holds(self, partner: Partner, currency: str, before: int = EVER) -> dict[str, int]:
        """(available, reserved, paid) as the entries add up to."""
        sums = dict.fromkeys(("available", "reserved", "paid"), 0)
        for entry in self.entries:
            if entry.partner is partner and entry.currency == currency and entry.ms < before:
                debit, credit = LEGS[entry.kind]
                for account, amount in ((debit, -entry.amount), (credit, entry.amount)):
                    if account in sums:
                        sums[account] += amount
        return sums

    def _needs(self, reward: Reward) -> int:
        """What covers one reward: of one under a cap what the cap leaves it, those that are paid before it."""
        if reward.cap is None:
            return reward.kept(EVER)
        month = month_of(reward.payment.occurred)
        those = self.months()[reward.partner, reward.program, reward.currency, month]
        paid = sum(each.kept(EVER) for each in those if each.state.now.status == "PAID")
        return min(reward.cap, paid + reward.kept(EVER)) - min(reward.cap, paid)

    def unpaid(self, partner: Partner, currency: str) -> int:
        """What approved rewards are worth of which no payout has covered any."""
        those = [each for each in self.rewards if each.partner is partner and each.currency == currency]
        plain = sum(e.kept(EVER) for e in those if e.cap is None and e.state.now.status == "APPROVED")
        capped = 0
        for (whose, _, what, _), month in self.months().items():
            if (whose, what) == (partner, currency):
                paid = sum(each.kept(EVER) for each in month if each.state.now.status == "PAID")
                cap = month[0].cap or 0
                capped += min(cap, sum(each.kept(EVER) for each in month)) - min(cap, paid)
        return plain + capped

    def cover(self, now: int, partner: Partner, currency: str) -> None:
        """What has left covers the rewards that came first, each as a whole."""
        sums = self.holds(partner, currency)
        left = self.unpaid(partner, currency) - max(0, sums["available"]) - sums["reserved"]
        for reward in list(partner.booked[currency]):
            if left <= 0:
                return
            if reward.state.now.status != "APPROVED" or not reward.kept(EVER):
                continue
            needs = self._needs(reward)
            if needs > left:
                return
            left -= needs
            self.paid(now, reward)

    # ------------------------------------------------------------ withdrawals, adjustments

    def ask(self, now: int, id: str, partner: Partner, currency: str, amount: int, ends: int) -> Withdrawal:
        made = Withdrawal(id, partner, currency, amount, now, History(now, "REQUESTED"), ends)
        self.withdrawals.append(made)
        self.enter(now, partner, currency, "RESERVE", amount)
        return made

    def ends(self, now: int, made: Withdrawal, status: str) -> None:
        """PAID, RETURNED, or one of the ends at which the money is available again."""
        made.status.becomes(now, status)
        kind = {"PAID": "SETTLE", "RETURNED": "RETURN", "PAYING": ""}.get(status, "RELEASE")
        if kind:
            self.enter(now, made.partner, made.currency, kind, made.amount)
        if status == "PAID":
            self.cover(now, made.partner, made.currency)

    def debt(self, partner: Partner) -> int:
        return max((-self.holds(partner, currency)["available"] for currency in ("USD", "JPY", "KWD")), default=0)


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
