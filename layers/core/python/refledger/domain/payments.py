"""What is kept of a payment, and what of it is gone again: refunds and disputes, and their sums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from refledger.domain.tellers import CONVERSIONS, OWN_EVENTS, SKIPPED_ONLY, STRIPE, Teller


class PaymentKind(StrEnum):
    """What is known of a payment."""

    PAYMENT = "PAYMENT"  # somebody may earn from it
    IGNORED = "IGNORED"  # nobody earns from it; known, so that its refund is not taken for one that came early
    EARLY = "EARLY"  # parked: refunds or disputes of a payment that has not come yet
    FOREIGN = "FOREIGN"  # parked: in a currency that the program does not take
    ALIAS = "ALIAS"  # another name of a payment


PARKED = (PaymentKind.EARLY, PaymentKind.FOREIGN)
UNREFERRED = "UNREFERRED"


class Origin(StrEnum):
    """What made a payment that somebody earns from."""

    PAYMENT = "PAYMENT"  # money that a customer paid
    CONVERSION = "CONVERSION"  # a referral that converted, for the value that was told
    BY_HAND = "BY_HAND"  # one of the staff, for one partner


@dataclass(frozen=True)
class ChargeSum:
    """What a provider has told of the refunds of one charge together, beside what of them is known one by one."""

    charge: str  # keyed hash
    total: int  # the latest sum
    at_ms: int  # when it was true
    refunds: int = 0  # those that are known one by one, without those that failed
    failed: int = 0  # those that failed since

    @property
    def stands(self) -> int:
        return max(0, self.total - self.failed)

    @property
    def unknown(self) -> int:
        """What the sum says beyond the refunds that are known one by one."""
        return max(0, self.stands - self.refunds)


@dataclass(frozen=True)
class TakenBack:
    """What of a payment is gone: sums, so that the order in which they came does not matter. Minor units."""

    refunds: int = 0  # refunds that are known one by one, without those that failed
    failed: int = 0  # refunds that failed since a provider told the sum in `total`
    total: int = 0  # the latest sum of refunds that was told of the payment, not of one of its charges
    disputed: int = 0  # open disputes
    lost: int = 0  # disputes that were lost
    uncaptured: int = 0  # what of `refunds` is no refund, because it was never paid
    total_at_ms: int = 0  # when that sum was told
    outside: int = 0  # what of `refunds` the provider knows nothing of, so that none of its sums has it
    unnamed: int = 0  # what of `refunds` may be of any charge
    sums: tuple[ChargeSum, ...] = ()  # by charge, sorted
    elsewhere: int = 0  # what is counted as another payment, which this has turned out to be

    @property
    def refunded(self) -> int:
        """What was refunded, in minor units.

        A charge's sum counts where it says more than its refunds that are known one by one, and never twice. Refunds
        that do not say of which charge they are are taken to be among those that only a sum knows.
        """
        inside = self.refunds - self.outside
        if self.uncaptured:  # of one charge, that was captured in part
            by_charge = max(inside - self.uncaptured, sum(each.stands for each in self.sums))
        else:
            by_charge = inside + max(0, sum(each.unknown for each in self.sums) - self.unnamed)
        return self.outside + max(0, by_charge, self.total - self.failed)

    @property
    def holds(self) -> bool:
        """Whether a dispute is open that may still give something back."""
        return self.disputed > 0 and not self.elsewhere

    def of(self, paid: int) -> int:
        """Return how much of `paid` is gone, in minor units; never more than it."""
        return min(paid, self.refunded + self.disputed + self.lost + self.elsewhere)

    def plus(self, refund: Refund, sign: int = 1) -> TakenBack:
        """Add one more refund, or take away one that is among them (`sign` -1)."""
        if refund.stray or refund.waits:
            return self
        amount = sign * refund.amount
        if not refund.failed:
            changed = replace(self, refunds=self.refunds + amount)
            if refund.outside:
                return replace(changed, outside=self.outside + amount)
            if not refund.charge:
                return replace(changed, unnamed=self.unnamed + amount)
            return changed._of_charge(refund.charge, refunds=amount)
        if refund.outside:
            return self
        changed = self._of_charge(refund.charge, failed=amount, failed_at_ms=refund.failed_at_ms)
        of_all = refund.failed_at_ms >= self.total_at_ms and (self.total or not refund.charge)
        return replace(changed, failed=self.failed + amount) if of_all else changed

    def minus(self, refund: Refund) -> TakenBack:
        return self.plus(refund, -1)

    def _of_charge(self, charge: str, refunds: int = 0, failed: int = 0, failed_at_ms: int = 0) -> TakenBack:
        """A sum that was told later leaves a failed refund out already."""
        return replace(self, sums=tuple(
            replace(
                each, refunds=each.refunds + refunds,
                failed=each.failed + (failed if failed_at_ms >= each.at_ms else 0),
            ) if each.charge == charge else each
            for each in self.sums
        ))  # fmt: skip

    def with_dispute(self, dispute: Dispute, sign: int = 1) -> TakenBack:
        """Add one more dispute, or take away one that is among them (`sign` -1)."""
        amount = 0 if dispute.stray else sign * dispute.amount
        if dispute.status is DisputeStatus.OPEN:
            return replace(self, disputed=self.disputed + amount)
        return replace(self, lost=self.lost + amount) if dispute.status is DisputeStatus.LOST else self

    def told(self, charge: str, total: int, at_ms: int) -> TakenBack:
        """Set the sum of a charge, or of the payment (""), where it is later than what is known of it.

        What is known one by one has to be summed up anew then: see `summed`.
        """
        if not charge:
            later = (at_ms, total) > (self.total_at_ms, self.total)
            return replace(self, total=total, total_at_ms=at_ms) if later else self
        known = {each.charge: each for each in self.sums}
        old = known.get(charge)
        if old and (at_ms, total) <= (old.at_ms, old.total):
            return self
        known[charge] = ChargeSum(charge, total, at_ms)
        return replace(self, sums=tuple(known[name] for name in sorted(known)))


NOTHING = TakenBack()


@dataclass(frozen=True)
class Payment:
    """What is known of a payment. Of an EARLY one only what came first: its currency and what of it is gone.

    The currency is "" where only the end of a dispute came, which does not say it.
    """

    id: str
    kind: PaymentKind
    currency: str
    program_id: str = ""
    amount: int = 0
    base: int = 0
    customer: str = ""  # keyed hash
    product_id: str = ""
    occurred_at_ms: int = 0
    created_at_ms: int = 0
    due_ms: int = 0
    referral_id: str = ""
    shares: tuple[tuple[str, int], ...] = ()  # (reward id, amount before anything was taken back), nearest tier first
    unearned: tuple[tuple[int, str], ...] = ()  # (tier, why) of tiers that have a partner and earned nothing
    back: TakenBack = field(default_factory=TakenBack)
    body: str = ""  # hash of what the event said
    reason: str = ""  # why nobody earns from it
    target: str = ""  # of an ALIAS: the payment
    note: str = ""  # what a person said who took it off the list of what is parked
    by: str = ""
    by_machine: bool = False  # a service, or a CRM, told of it
    revision: int = 1  # counts its changes: each is made under the one that was read
    origin: Origin = Origin.PAYMENT
    lines: tuple[tuple[str, int], ...] = ()  # see `PaymentReceived`
    shipping: int = 0
    teller: Teller = Teller.ITSELF
    program_said: bool = True
    system: str = ""  # which system told of it; "" for the owner's own events, and where that was not kept
    twin: str = ""  # the payment that this may be, as long as nobody has said whether it is
    cleared_by: str = ""  # keyed hash of who said whether it is
    external_id: str = ""  # what its system calls it; "" where there is none, or it came before that was kept
    caller: str = ""  # keyed hash of the service that told of it over HTTP: see `Act.TELL_SALE`
    other_ids: tuple[str, ...] = field(default=(), compare=False)  # what its id would be in other systems; not kept

    @property
    def told_in(self) -> str:
        """Which system told of it; "" for what one of the staff gave by hand."""
        match self.origin:
            case Origin.BY_HAND:
                return ""
            case Origin.CONVERSION:
                return CONVERSIONS
            case Origin.PAYMENT:
                return self.system or (STRIPE if self.teller else OWN_EVENTS)

    @property
    def is_nobodys(self) -> bool:
        """Whether it earned nothing because nobody had referred its customer, and nobody has decided about it."""
        return self.kind is PaymentKind.IGNORED and self.reason == UNREFERRED and not self.note

    @property
    def is_told_by_nobody(self) -> bool:
        """Whether it is a conversion of which no person told, or a sale on the word of a service alone."""
        if self.origin is Origin.CONVERSION:
            return self.by_machine or not self.by
        return bool(self.caller) and not self.by

    @property
    def is_on_word(self) -> bool:
        """Whether it earns on the word of somebody, who may make so much in a day."""
        return bool(self.by or self.cleared_by or self.caller)

    @property
    def gives_way(self) -> bool:
        """Whether it only holds the place of a payment of which nothing that counts was told yet."""
        return self.kind is PaymentKind.EARLY or (self.kind is PaymentKind.IGNORED and self.reason in SKIPPED_ONLY)


def said(payment: Payment) -> str:
    """Hash what its event said of it: 32 hexadecimal digits of SHA-256.

    It tells another content under the same id, and an edit of what is kept.
    """
    parts = [
        payment.customer, payment.program_id, payment.product_id, payment.amount, payment.base, payment.currency,
        *([payment.origin, payment.referral_id] if payment.origin is not Origin.PAYMENT else []),
        *([payment.lines, payment.shipping] if payment.lines or payment.shipping else []),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Refund:
    """A refund that is known by itself. `failed`: it did not arrive, and takes nothing from anybody.

    The latest that is told of it is true, by the time at which it was; of both at once, that it failed.
    """

    hash: str  # keyed hash of its id
    amount: int
    currency: str
    at_ms: int
    failed: bool
    failed_at_ms: int = 0
    made_at_ms: int = 0  # when it was last told that it was made, 0: only that it failed
    charge: str = ""  # keyed hash of which charge it is of, "" where nobody said
    outside: bool = False  # told by another than the payment's provider, whose sums do not know of it
    stray: bool = False  # its sender told it for another payment first: here it takes nothing
    by: str = ""  # of one that staff entered: keyed hash of who
    note: str = ""  # and why
    reference: str = ""  # of the transfer, say
    body: str = ""  # hash of the request
    waits: bool = False  # for a second person: takes nothing until then
    confirmed_by: str = ""
    undone_by: str = ""  # who said that it was a mistake, where that needs a second person

    def joined(self, other: Refund) -> Refund:
        """Join the same refund as it was told twice.

        Under two names of its payment or at two times.
        """
        failed_at_ms, made_at_ms = max(self.failed_at_ms, other.failed_at_ms), max(self.made_at_ms, other.made_at_ms)
        return replace(
            self, failed=bool(failed_at_ms) and failed_at_ms >= made_at_ms,
            failed_at_ms=failed_at_ms, made_at_ms=made_at_ms, charge=self.charge or other.charge,
            outside=self.outside and other.outside, stray=self.stray and other.stray,
        )  # fmt: skip


class DisputeStatus(StrEnum):
    """How a chargeback stands."""

    OPEN = "OPEN"  # not decided: the reward is held, or its worth taken back
    WON = "WON"  # the owner keeps the money, and the partner the reward
    LOST = "LOST"  # the money is gone, and the reward with it


@dataclass(frozen=True)
class Dispute:
    """`amount` is 0 as long as only its end is known. `at_ms`: when it was opened, or ended where that is not known.

    An end may be told again, and another one: the latest stands, by its own time; of two at once that it was lost. That
    it was opened never undoes an end, whenever it is told.
    """

    hash: str  # keyed hash of its id
    payment: str
    amount: int
    currency: str
    status: DisputeStatus
    at_ms: int
    ended_at_ms: int = 0  # when the latest end was, 0 while it is open
    stray: bool = False  # as of a refund

    def joined(self, other: Dispute) -> Dispute:
        """Join the same dispute as it was told twice, or its beginning and its end.

        Whichever came first.
        """
        told = self if self.amount else other
        opened_at_ms = min((each.at_ms for each in (self, other) if each.amount), default=0)
        # of two ends at once the first by name: LOST
        ends = [(-each.ended_ms, each.status.value, each.status) for each in (self, other) if each.ended_ms]
        before_ms, _, status = min(ends) if ends else (0, "", DisputeStatus.OPEN)
        return replace(
            told, status=status, at_ms=opened_at_ms or -before_ms, ended_at_ms=-before_ms,
            stray=self.stray and other.stray,
        )  # fmt: skip

    @property
    def ended_ms(self) -> int:
        """When it ended; for one that ended before that was kept, when it was opened. 0 while it is open."""
        return 0 if self.status is DisputeStatus.OPEN else self.ended_at_ms or self.at_ms


def summed(refunds: Iterable[Refund], disputes: Iterable[Dispute], told: TakenBack = NOTHING) -> TakenBack:
    """Sum up what these come to, one by one, beside the sums that were `told`."""
    back = replace(
        told, refunds=0, failed=0, disputed=0, lost=0, outside=0, unnamed=0,
        sums=tuple(ChargeSum(each.charge, each.total, each.at_ms) for each in told.sums),
    )  # fmt: skip
    for refund in refunds:
        back = back.plus(refund)
    for dispute in disputes:
        back = back.with_dispute(dispute)
    return back
