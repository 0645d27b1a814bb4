"""Each payment's shares are rewards, and what is gone of it is the sum of its refunds and disputes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from refledger.batched import batched
from refledger.domain.payments import Payment, PaymentKind, said
from refledger.domain.rewards import Reward
from refledger.domain.times import MINUTE_MS
from refledger.operations.context import Context
from refledger.operations.earning.conversions import conversion_faults
from refledger.operations.earning.reversals import counted, root
from refledger.operations.proof.book_checks import UNREADABLE, Checked, Fault, looks
from refledger.operations.proof.earning_checks import NO_TERMS, Terms, own_name, rating_faults, terms_of
from refledger.operations.proof.partner_checks import verify_partner
from refledger.operations.proof.reward_checks import unread
from refledger.operations.proof.suspicion_checks import unseen_faults, waiting_faults
from refledger.store import keys, partners, payments, rewards
from refledger.store.placing import Placing
from refledger.store.table import BATCH_LIMIT

LISTED_MS = MINUTE_MS  # longer than an index is behind


@dataclass
class _Look:
    """Some payments as they were read, with the rewards and terms that they are held against."""

    earned: dict[str, Reward]
    terms: Terms

    @classmethod
    def at(cls, context: Context, found: Sequence[Payment], checked: Checked) -> _Look:
        named = [id for payment in found for id, _ in payment.shares]
        earned = {reward.id: reward for reward in rewards.many(context.table, named)}
        return cls(earned, terms_of(context, found, checked))

    def of(self, payment: Payment) -> list[Reward]:
        return [self.earned[id] for id, _ in payment.shares if id in self.earned]


def verify_payments(context: Context, ids: list[str], checked: Checked) -> Iterator[tuple[str, Fault]]:
    """Yield (id, what is wrong with it) of these, up to a hundred."""
    table = Placing(context.table)
    placing = replace(context, table=table)
    try:
        found = payments.many(table, ids)
        look = _Look.at(placing, found, checked)
    except UNREADABLE as error:
        if len(ids) > 1:
            for id in ids:  # which of them it is
                yield from verify_payments(context, [id], checked)
            return
        if not (found := _readable(context, ids[0])):
            yield ids[0], Fault("", "", f"payment {ids[0]}: cannot be read: {type(error).__name__}: {error}")
            return
        why = f"what belongs to it cannot be read: {type(error).__name__}: {error}"
        yield ids[0], Fault("", found[0].currency, f"payment {ids[0]}: {why}")
        look = _Look({}, NO_TERMS)
        checked.payments += 1
    else:
        for payment in found:
            checked.payments += 1
            yield from ((payment.id, fault) for fault in _faults_of(placing, payment, look, checked))
            own = [keys.payment(payment.id), *(keys.reward(id) for id, _ in payment.shares)]
            own += [keys.binding(payment.program_id, payment.customer)] if payment.customer else []
            yield from ((payment.id, Fault("", payment.currency, reason)) for reason in table.faults_of(*own))
    for payment in found:
        yield from ((payment.id, fault) for fault in _beside(context, payment, checked))
    for id, reason in unseen_faults(context, found, checked._firsts):
        yield id, Fault("", "", reason)


def _readable(context: Context, id: str) -> list[Payment]:
    with suppress(*UNREADABLE):
        return payments.many(context.table, [id])
    return []


def _faults_of(context: Context, payment: Payment, look: _Look, checked: Checked) -> Iterator[Fault]:
    try:
        yield from _payment_faults(context, payment, look, checked)
    except UNREADABLE as error:
        why = f"what belongs to it cannot be read: {type(error).__name__}: {error}"
        yield Fault("", payment.currency, f"payment {payment.id}: {why}")


def _beside(context: Context, payment: Payment, checked: Checked) -> Iterator[Fault]:
    yield from _unseen(context, payment, checked)
    yield from _taken_twice(context, payment, checked)
    if (name := own_name(payment)) and (other := checked._firsts.of("name", name, payment.id)) != payment.id:
        yield Fault("", payment.currency, f"payment {payment.id}: counts, and so does {other} of the same name")


def _payment_faults(context: Context, payment: Payment, look: _Look, checked: Checked) -> Iterator[Fault]:
    reasons: list[str] = []
    for number in looks(context):
        if number:
            payment = payments.find(context.table, payment.id)
            look = _Look.at(context, [payment], checked)
        reasons = list(_reasons(context, payment, look))
        if not reasons:
            return
    yield from (Fault("", payment.currency, reason) for reason in reasons)


def _reasons(context: Context, payment: Payment, look: _Look) -> Iterator[str]:
    found = look.of(payment)
    earned = {reward.id: reward for reward in found}
    yield from (
        f"payment {payment.id}: its reward {id} is not there"
        for id, amount in payment.shares
        if id not in earned or earned[id].amount != amount
    )
    if not 0 <= sum(amount for _, amount in payment.shares) <= payment.base <= payment.amount:
        yield f"payment {payment.id}: its shares are more than its base, or that more than was paid"
    if payment.kind is not PaymentKind.EARLY and payment.body != said(payment):
        yield f"payment {payment.id}: what it says is not what was recorded"
    yield from unread(context, payment)
    yield from _taken_back_faults(context, payment)
    yield from conversion_faults(context, payment)
    yield from waiting_faults(payment, found)
    yield from rating_faults(payment, found, look.terms, whole=True)


def _unseen(context: Context, payment: Payment, checked: Checked) -> Iterator[Fault]:
    """Whoever earned is among the partners whose books were looked at; or was onboarded meanwhile."""
    for id, _ in payment.shares:
        partner_id = keys.owner_of(keys.reward(id))
        if not checked._firsts.is_new("partner", partner_id):
            continue
        if (partner := partners.some(context.table, partner_id)) is None:
            yield Fault(partner_id, payment.currency, "earned, and is not there")
        elif context.now_ms() - partner.created_at_ms > LISTED_MS and not partners.is_listed(context.table, partner):
            yield Fault(partner_id, payment.currency, "earned, and is not in the list of partners")
            yield from verify_partner(context, partner_id, checked)


def _taken_back_faults(context: Context, payment: Payment) -> Iterator[str]:
    """Its sums are those of its refunds and disputes; what of them is in another currency takes nothing."""
    back = payment.back
    refunds, disputes = payments.taken_back(context.table, payment.id, strong=True)
    found = counted(refunds, disputes, payment.currency, back)
    sums = {
        "refunds": (back.refunds, found.refunds),
        "failed refunds": (back.failed, found.failed),
        "refunds that its provider does not know": (back.outside, found.outside),
        "open disputes": (back.disputed, found.disputed),
        "lost disputes": (back.lost, found.lost),
    }
    for what, (told, summed_up) in sums.items():
        if told != summed_up:
            yield f"payment {payment.id}: {what} are {summed_up}, it says {told}"
    if back.sums != found.sums or (back.sums and back.unnamed != found.unnamed):
        yield f"payment {payment.id}: what it says of its charges does not follow from their refunds"
    claims = [(keys.refund_guard(r.hash), r.stray, keys.refund, r.hash) for r in refunds]
    claims += [(keys.dispute_guard(d.hash), d.stray, keys.dispute, d.hash) for d in disputes]
    for batch in batched(claims, BATCH_LIMIT):
        for (_, stray, below, hash), guard in zip(
            batch, context.table.get_many([each[0] for each in batch]), strict=True
        ):
            if guard is None:  # older ones have none
                continue
            owner = payments.guarded(guard)
            if stray is (root(context, owner) == payment.id) and (stray or not _has_moved(context, below(owner, hash))):
                whose = "is its own and takes nothing" if stray else "is of another one, and takes from this, too"
                yield f"payment {payment.id}: a refund or dispute {whose}"


def _has_moved(context: Context, key: keys.Key) -> bool:
    """Whether what lay below a name lies below its payment by now, although the name is not yet known as one."""
    return bool(payments.moved_to(context.table.get(key)))


def _taken_twice(context: Context, payment: Payment, checked: Checked) -> Iterator[Fault]:
    """What was told for two payments under one id, before ids of refunds were their sender's, took from both."""
    refunds, _ = payments.taken_back(context.table, payment.id) if payment.back.refunds else ([], [])
    for refund in refunds:
        if refund.stray or refund.failed or refund.currency != payment.currency:
            continue
        other = checked._firsts.of("refund", refund.hash, payment.id)
        if other != payment.id:
            why = f"a refund of {refund.amount} took from it and, under the same id, from payment {other}"
            yield Fault("", payment.currency, f"payment {payment.id}: {why}")
