"""Two names of one payment become one: what lies below the one moves under the other, in batches, and the name last.

Each batch moves some refunds and disputes, and the sums of both with them, under the revisions of both: whoever comes
in between sees each of them once. Whoever dies is met by the repeat, which goes on with what is left.

A payment that was counted under the name that goes is taken back whole first: its money is counted as the other one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import Dispute, Payment, PaymentKind, Refund, TakenBack
from refledger.domain.tellers import Teller
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import rating, reversals
from refledger.store import payments
from refledger.store.transaction import RetryableConflict, Write

BATCH = 25  # refunds and disputes: 50 writes beside those of ten tiers, which take up to 40
DUPLICATE = "DUPLICATE"  # the reason of a name under which a payment was counted, and is no more


@dataclass(frozen=True)
class PaymentChildren:
    """What lies below a payment, by the hash of its id."""

    refunds: dict[str, Refund]
    disputes: dict[str, Dispute]

    def counted(self, currency: str, told: TakenBack) -> TakenBack:
        return reversals.counted(self.refunds.values(), self.disputes.values(), currency, told)


@dataclass
class PaymentMerge:
    """From the name `gone` to the name `keep`, ids of ours. `due`: whose money moves, as with a refund.

    `knows`: whether an object of a provider's told of money under the name that goes.
    """

    context: Context
    gone: str
    keep: str
    due: list[MaturityMessage] = field(default_factory=list)
    knows: bool = False
    has_begun: bool = False  # something is under the other name already
    is_turned: bool = False  # before that, what was to go has come to rank above what was to stay: it begins anew
    counted: set[tuple[str, str]] = field(default_factory=set)  # program and customer, whose payments are rated again

    def all(self) -> list[MaturityMessage]:
        """Move everything; `gone` is an ALIAS then. Idempotent. Raises Busy."""
        while _move_more(self.context, self):
            pass
        for whose in self.counted:  # whoever dies before leaves them to the schedule
            self.due += rating.rate_customer(self.context, *whose).due
        return self.due

    def move_more(self) -> bool:
        """One transaction of it. Returns whether there is more to do. Raises RetryableConflict."""
        found = payments.some(self.context.table, self.gone, self.keep)
        gone, keep = found.get(self.gone), found.get(self.keep)
        if gone is None or gone.kind is PaymentKind.ALIAS:
            return False
        if keep and keep.kind is PaymentKind.ALIAS:
            raise RetryableConflict("the payment has got another name meanwhile")
        if not self.has_begun and rank(gone) > rank(keep):
            self.is_turned = True
            return False
        self.knows = gone.teller is not Teller.ITSELF
        if gone.kind is PaymentKind.PAYMENT and gone.back.elsewhere < gone.amount:  # also where nobody earned of it
            self._take_back_whole(gone, keep)
            has_more = True
        else:
            has_more = self._move(gone, keep)
        self.has_begun = True
        return has_more

    def _take_back_whole(self, gone: Payment, keep: Payment | None) -> None:
        back = replace(gone.back, elsewhere=gone.amount)
        taken = reversals.apply(self.context, gone.id, gone, back, gone.currency, self.keep)
        places = rating.uncounted(self.context, gone, keep)
        self.context.table.commit(*taken.writes, *places, payments.unchanged(self.keep, keep))
        self.due += taken.due
        if places:
            self.counted.add((gone.program_id, gone.customer))

    def _move(self, gone: Payment, keep: Payment | None) -> bool:
        source, target = self._below(gone.id), self._below(self.keep)
        refunds = list(source.refunds.values())[:BATCH]
        disputes = list(source.disputes.values())[: BATCH - len(refunds)]
        writes: list[Write] = []
        for refund in refunds:
            known = target.refunds.get(refund.hash)
            target.refunds[refund.hash] = both = known.joined(refund) if known else refund
            del source.refunds[refund.hash]
            writes += [payments.refund(self.keep, known, both)] if both != known else []
            writes.append(payments.refund_moved(gone.id, refund, self.keep))
        for dispute in disputes:
            met = target.disputes.get(dispute.hash)
            one = replace(met.joined(dispute) if met else dispute, payment=self.keep)
            target.disputes[dispute.hash] = one
            del source.disputes[dispute.hash]
            writes += [payments.dispute(met, one)] if one != met else []
            writes.append(payments.dispute_moved(dispute, self.keep))
        more = bool(source.refunds or source.disputes)
        currency = (keep.currency if keep else "") or gone.currency
        told = _told(reversals.of(keep), gone.back) if currency == gone.currency else reversals.of(keep)
        back = target.counted(currency, told)
        if keep is None and gone.kind is PaymentKind.IGNORED:  # nobody waits for it
            taken = reversals.ReversalResult([payments.create(replace(gone, id=self.keep, back=back))])
        else:
            taken = reversals.apply(self.context, self.keep, keep, back, currency, self.keep)
        left = source.counted(gone.currency, replace(gone.back, total=0, total_at_ms=0, sums=()))
        now_ms = self.context.now_ms()
        self.context.table.commit(*writes, *taken.writes, *self._suspects(gone, keep, currency), (
            payments.take_back(gone, left, gone.currency, now_ms)
            if more else payments.replace(gone, self._alias(gone, left), now_ms)
        ))  # fmt: skip
        self.due += taken.due
        return more

    def _alias(self, gone: Payment, left: TakenBack) -> Payment:
        """What counted stays to be read, for its rewards were made."""
        new = replace(gone, kind=PaymentKind.ALIAS, target=self.keep, revision=gone.revision + 1, back=left)
        return replace(new, reason=DUPLICATE, twin="") if gone.shares else replace(new, reason="", note="")

    def _suspects(self, gone: Payment, keep: Payment | None, currency: str) -> list[Write]:
        """What is in no currency of the payment's takes nothing of it, and is listed: see `reversals.met`."""
        if keep is None or keep.kind is PaymentKind.EARLY or gone.currency in ("", currency):
            return []
        return [payments.suspect(self.keep, self.context.now_ms())]

    def _below(self, id: str) -> PaymentChildren:
        refunds, disputes = payments.taken_back(self.context.table, id, strong=True)
        return PaymentChildren({each.hash: each for each in refunds}, {each.hash: each for each in disputes})


def rank(payment: Payment | None) -> int:
    """Return how high it ranks: what earns above what does not, above what waits for a payment."""
    if payment is None or payment.gives_way:
        return 0
    if payment.back.elsewhere:  # its end was decided, and begun
        return -1
    return {PaymentKind.PAYMENT: 3, PaymentKind.FOREIGN: 2}.get(payment.kind, 1)


def _told(back: TakenBack, other: TakenBack) -> TakenBack:
    """The sums that were told under either name: of each charge the latest."""
    told = back.told("", other.total, other.total_at_ms)
    for each in other.sums:
        told = told.told(each.charge, each.total, each.at_ms)
    return replace(told, uncaptured=max(back.uncaptured, other.uncaptured))


@retry_on_conflict
def _move_more(_context: Context, joining: PaymentMerge) -> bool:
    return joining.move_more()
