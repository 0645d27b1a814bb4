"""A referral program: what it pays, how long it holds, which currencies it takes, and who may take how much out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from refledger.domain.currencies import MAX_AMOUNT, exponent
from refledger.domain.errors import Invalid, ProgramClosed
from refledger.domain.links import Links
from refledger.domain.partners import Idle, Partner
from refledger.domain.portals import Portal
from refledger.domain.rules import Own, RuleSet
from refledger.domain.times import HOUR_MS

if TYPE_CHECKING:
    from refledger.domain.methods import PayoutMethod
    from refledger.domain.payments import Payment

DEFAULT_PROGRAM = "default"  # where nobody says which
# What the items of a program and of its people are like; the next number with what must be run once after an upgrade.
# 2: items keep the days on which their figures changed, and all figures were counted by them.
DATA_FORMAT = 2
MAX_CURRENCIES = 20
MAX_HOLD_DAYS = 3_650
MAX_ATTRIBUTION_DAYS = 3_650
MAX_APPROVAL_SECONDS = 365 * 86_400
APPROVAL_SECONDS = 7 * 86_400
MAKER_WINDOW_DAYS = 30
MAX_MAKER_WINDOW_DAYS = 365
MAX_WEIGHT = 10**12
COOLING_HOURS = 72
SAFE_LIMIT_UNITS = 500  # what one person may do alone in a day where an owner says nothing, in units of the currency
SAFE_MINIMUM_UNITS = 1
SAFE_ATTRIBUTION_DAYS = 90
MAX_BIND_WITHIN_HOURS, BIND_WITHIN_HOURS = 720, 24
MAX_COOLING_HOURS = 90 * 24

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def is_program_id(text: str) -> bool:
    """Return whether it is lower-case letters, digits and dashes, up to 40."""
    return _ID.fullmatch(text) is not None


class ProgramStatus(StrEnum):
    """Whether a program takes referrals and payments."""

    ACTIVE = "ACTIVE"  # people are referred, and payments earn
    PAUSED = "PAUSED"  # nobody is referred, and what customers pay meanwhile earns nothing
    ARCHIVED = "ARCHIVED"  # the same, for good; what was earned before matures and is paid out


# from → to; ARCHIVED is the end
TRANSITIONS: dict[ProgramStatus, frozenset[ProgramStatus]] = {
    ProgramStatus.ACTIVE: frozenset({ProgramStatus.PAUSED, ProgramStatus.ARCHIVED}),
    ProgramStatus.PAUSED: frozenset({ProgramStatus.ACTIVE, ProgramStatus.ARCHIVED}),
    ProgramStatus.ARCHIVED: frozenset(),
}


# A limit that is not said → the one that holds instead
FALLS_BACK: Final = {"conversion_limit": "adjustment_limit", "sales_limit": "conversion_limit"}


@dataclass(frozen=True)
class CurrencyTerms:
    """What holds for money in one currency, in its minor units. A limit is the most that needs nobody more."""

    payout_minimum: int = 0
    auto_approve_limit: int | None = None  # withdrawals up to this need no person; None: all do
    second_approval_limit: int | None = None  # withdrawals above this need two; None: none does
    adjustment_limit: int | None = None  # what people make above this in a day needs a second person; None: nothing
    conversion_limit: int | None = None  # what machines tell above this in a day is held; None: as adjustment_limit
    sales_limit: int | None = None  # what a service makes sales earn above this in a day; None: as conversion_limit

    def __post_init__(self) -> None:
        for name, amount in (
            ("payoutMinimum", self.payout_minimum), ("autoApproveLimit", self.auto_approve_limit),
            ("secondApprovalLimit", self.second_approval_limit), ("adjustmentLimit", self.adjustment_limit),
            ("conversionLimit", self.conversion_limit), ("salesLimit", self.sales_limit),
        ):  # fmt: skip
            if amount is not None and not 0 <= amount <= MAX_AMOUNT:
                raise Invalid(f"{name}: not an amount")

    def in_force(self, name: str) -> int | None:
        """Return what the term comes to: the limit of sales is that of conversions where none is said.

        That of conversions is that of adjustments.
        """
        said: int | None = getattr(self, name)
        return self.in_force(FALLS_BACK[name]) if said is None and name in FALLS_BACK else said


NOT_TAKEN = CurrencyTerms(second_approval_limit=0, adjustment_limit=0)  # nobody set a limit: two people look


def safe_terms(currency: str) -> CurrencyTerms:
    """Return the terms of a currency for which an owner says none. Raises UnknownCurrency.

    Units are not worth the same everywhere: where one is worth little, more is asked of two people.
    """
    unit = 10 ** exponent(currency)
    limit = SAFE_LIMIT_UNITS * unit
    return CurrencyTerms(SAFE_MINIMUM_UNITS * unit, None, limit, limit)


class Looser(StrEnum):
    """In which direction a term protects less."""

    HIGHER = "higher"  # no value at all is the loosest
    HIGHER_THAN_NONE = "higher, where none is the strictest"
    LOWER = "lower"

    def is_looser(self, new: int | None, old: int | None) -> bool:
        """Return whether `new` protects less than `old`."""
        match self:
            case Looser.HIGHER:
                return old is not None and (new is None or new > old)
            case Looser.HIGHER_THAN_NONE:
                return new is not None and (old is None or new > old)
            case Looser.LOWER:
                return (new or 0) < (old or 0)


# Every term of a currency; a test fails for one that is missing here
CURRENCY_TERMS: dict[str, Looser] = {
    "payout_minimum": Looser.LOWER,
    "auto_approve_limit": Looser.HIGHER_THAN_NONE,
    "second_approval_limit": Looser.HIGHER,
    "adjustment_limit": Looser.HIGHER,
    "conversion_limit": Looser.HIGHER,
    "sales_limit": Looser.HIGHER,
}


def stricter(one: CurrencyTerms, other: CurrencyTerms) -> CurrencyTerms:
    """Take of each term the one that protects more.

    What was asked for is judged by the terms of then and of now.
    """
    return replace(one, **{
        name: (other if looser.is_looser(one.in_force(name), other.in_force(name)) else one).in_force(name)
        for name, looser in CURRENCY_TERMS.items()
    })  # type: ignore[arg-type]  # fmt: skip


def cooling_until(cooling_hours: int, partner: Partner, method: PayoutMethod) -> int:
    """Return when a withdrawal to the method may be approved at the earliest, in epoch milliseconds.

    A user who was linked to a partner, and an account that is new or was added again, may be somebody else's: the
    right one has `cooling_hours` to notice. `cooling_hours`: of the program, the most of then and now.
    """
    return max(partner.linked_at_ms, method.created_at_ms) + cooling_hours * HOUR_MS


@dataclass(frozen=True)
class Weights:
    """How amounts of other currencies count where a day's sum is held against a limit in `currency`.

    `rates`: (currency, minor units of `currency` for 1,000 minor units of that one), sorted. Not a rate to pay by. One
    that the program does not take any more keeps its own: a day's sums of it still count.
    """

    currency: str
    rates: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        named = [self.currency, *(currency for currency, _ in self.rates)]
        if len(set(named)) < len(named):
            raise Invalid("exposure: each currency once, and not its own")
        if not all(1 <= rate <= MAX_WEIGHT for _, rate in self.rates):
            raise Invalid(f"exposure: rates are 1 to {MAX_WEIGHT}")

    def weigh(self, currency: str, amount: int) -> int:
        """Return what an amount counts, in minor units of `self.currency`, rounded up.

        0 where there is no rate.
        """
        if currency == self.currency:
            return amount
        return -(-amount * dict(self.rates).get(currency, 0) // 1_000)


@dataclass(frozen=True)
class Program:
    """One version of a program. Versions never change: each change makes the next one."""

    id: str
    name: str
    currency: str  # its main one; it takes this and the others in `currencies`
    rules: RuleSet
    hold_days: int = 0
    currencies: tuple[tuple[str, CurrencyTerms], ...] = ()  # by currency, sorted
    approval_timeout_seconds: int = APPROVAL_SECONDS  # a withdrawal nobody decided about expires after this
    reviews_rewards: bool = False  # a person approves each reward when its time has come
    attribution_days: int | None = None  # a referral that brings nothing in these many days expires; None: none does
    cooling_hours: int = COOLING_HOURS  # withdrawals wait so long after a new account, or a user linked to a partner
    bind_within_hours: int = BIND_WITHIN_HOURS  # what is paid so shortly before the referral earns
    new_customers_only: bool = True  # who has paid before cannot be referred any more
    commission_on_shipping: bool = True  # whether what is paid for shipping earns like the rest
    links: Links | None = None  # where partners' links lead; None: there are none
    portal: Portal | None = None  # how it looks on the owner's site, and where; None: it is shown on no other page
    maker_window_days: int = MAKER_WINDOW_DAYS  # who made a partner's money lets none of it out for so long
    exposure: Weights | None = None  # None: the day's sums count each currency by itself
    status: ProgramStatus = ProgramStatus.ACTIVE
    idle: tuple[Idle, ...] = ()  # when it was not ACTIVE
    reason: str = ""  # why it was paused, resumed or archived
    version: int = 1
    created_at_ms: int = 0
    changed_at_ms: int = 0  # when this version was made
    changed_by: str = ""  # keyed hash of the user who made it
    data_format: int = field(default=DATA_FORMAT, compare=False)  # what its data are like: see DATA_FORMAT
    counted_since_ms: int = field(default=0, compare=False)  # of an older format; 0: nobody knows

    def __post_init__(self) -> None:
        exponent(self.currency)  # raises UnknownCurrency
        taken = {self.currency, *dict(self.currencies)}
        weighed = {self.exposure.currency, *dict(self.exposure.rates)} if self.exposure else set()
        for currency in taken | weighed:
            exponent(currency)
        if len(taken) > MAX_CURRENCIES or len(dict(self.currencies)) < len(self.currencies):
            raise Invalid(f"currencies: up to {MAX_CURRENCIES}, each once")
        for where, named in self.rules.currencies().items():
            self._check_currencies(where, named)
        if not 0 <= self.hold_days <= MAX_HOLD_DAYS:
            raise Invalid(f"holdDays: 0 to {MAX_HOLD_DAYS}")
        if self.attribution_days is not None and not 1 <= self.attribution_days <= MAX_ATTRIBUTION_DAYS:
            raise Invalid(f"attributionDays: 1 to {MAX_ATTRIBUTION_DAYS}, or null")
        if not 0 <= self.bind_within_hours <= MAX_BIND_WITHIN_HOURS:
            raise Invalid(f"bindWithinHours: 0 to {MAX_BIND_WITHIN_HOURS}")
        if not 0 <= self.cooling_hours <= MAX_COOLING_HOURS:
            raise Invalid(f"coolingHours: 0 to {MAX_COOLING_HOURS}")
        if not 1 <= self.approval_timeout_seconds <= MAX_APPROVAL_SECONDS:
            raise Invalid(f"approvalTimeoutSeconds: 1 to {MAX_APPROVAL_SECONDS}")
        if not 0 <= self.maker_window_days <= MAX_MAKER_WINDOW_DAYS:
            raise Invalid(f"makerWindowDays: 0 to {MAX_MAKER_WINDOW_DAYS}")
        if self.exposure and (self.exposure.currency not in taken or taken - weighed):
            raise Invalid("exposure: all currencies of the program, against one of them")

    @property
    def tier_rates_bps(self) -> tuple[int, ...]:
        """What tier 1, 2, … earn of a payment for which there is no other rule; 0 where it is a flat amount."""
        return tuple(pay.rate_bps for pay in self.rules.default.tiers)

    def commission_base(self, payment: Payment) -> int:
        """Return what of a payment commission is paid on, by this version: 0 to its `base`, in minor units."""
        return payment.base if self.commission_on_shipping else max(0, payment.base - payment.shipping)

    def earns_at(self, at_ms: int) -> bool:
        """Return whether money that came in at that moment earns anybody anything."""
        return not any(idle.covers(at_ms) for idle in self.idle)

    def check_open(self) -> None:
        """Raise ProgramClosed unless customers can be referred now."""
        if self.status is not ProgramStatus.ACTIVE:
            raise ProgramClosed(f"the program is {self.status}")

    def becomes(self, status: ProgramStatus, now_ms: int) -> Program:
        """Return the program with another status from `now_ms` on.

        Raises ProgramClosed where it cannot follow.
        """
        if status not in TRANSITIONS[self.status]:
            raise ProgramClosed(f"a program that is {self.status} cannot become {status}")
        idle = self.idle
        if status is ProgramStatus.ACTIVE:
            idle = (*idle[:-1], Idle(idle[-1].since_ms, now_ms))
        elif self.status is ProgramStatus.ACTIVE:
            idle = (*idle, Idle(now_ms))
        return replace(self, status=status, idle=idle)

    def takes(self, currency: str) -> bool:
        """Return whether payments in it earn anything; others are parked until somebody decides."""
        return currency == self.currency or currency in dict(self.currencies)

    def terms(self, currency: str) -> CurrencyTerms:
        """Return the terms of a currency.

        Of one that the program does not take, or not any more: no minimum, and two people decide.
        """
        return dict(self.currencies).get(currency, CurrencyTerms() if currency == self.currency else NOT_TAKEN)

    def limit(self, name: str, currency: str) -> int | None:
        """Return the most in a day that needs nobody more, by a limit's name in the API.

        In minor units of `currency`. None: there is no limit.
        """
        terms = self.terms(currency)
        return terms.in_force({
            "adjustmentLimit": "adjustment_limit", "conversionLimit": "conversion_limit", "salesLimit": "sales_limit",
            "secondApprovalLimit": "second_approval_limit",
        }[name])  # fmt: skip

    def limits_sales(self, currency: str) -> bool:
        """Return whether what a service's sales earn in a day has a limit, in this currency or over all."""
        return self.limit("salesLimit", currency) is not None or self.exposure is not None

    def approves_alone(self, amount: int, currency: str) -> bool:
        """Return whether a withdrawal of this amount needs no person."""
        limit = self.terms(currency).auto_approve_limit
        return limit is not None and amount <= limit

    def check_own(self, own: Own) -> None:
        """Raise Invalid for a partner's own pays that cannot be promised beside the program's."""
        self.rules.check_own(own)
        self._check_currencies("rates", {currency for _, pay in own for currency, _ in pay.flat})

    def _check_currencies(self, where: str, named: set[str]) -> None:
        if others := sorted(currency for currency in named if not self.takes(currency)):
            raise Invalid(f"{where}: amounts in {', '.join(others[:3])}, which the program does not take")

    def says_the_same(self, other: Program) -> bool:
        """Return whether both are the same terms, whichever versions they are, and whether paused or not."""
        made = {
            "version": 0, "created_at_ms": 0, "changed_at_ms": 0, "changed_by": "", "status": ProgramStatus.ACTIVE,
            "idle": (), "reason": "",
        }  # fmt: skip
        return replace(self, **made) == replace(other, **made)  # type: ignore[arg-type]
