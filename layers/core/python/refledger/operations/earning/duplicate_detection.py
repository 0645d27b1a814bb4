"""Payments that two systems told of, and that may be the same money: what earns second waits for a person.

A customer's binding knows which systems tell of their payments. With one, as nearly always, nothing else is read or
written. From the second one on every payment of theirs is written down with it, and entered under what was read, so
that of two at once one sees the other. Which of two is second does not depend on what was told first: see
`domain/suspicion.py`. Whoever may be one of two is held as it comes; who turns out to be the first is let go again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.rewards import IN_BALANCE, POSSIBLE_DUPLICATE, Cancelled, Reward, holding
from refledger.domain.suspicion import Sighting, cluster_of, keeper, near, sighting, waiting
from refledger.domain.uplines import Binding
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import reversals
from refledger.store import bindings, keys, payments, rewards, sightings
from refledger.store.transaction import Write

LOOKED_AT = 4_000  # rewards of a partner, latest due first, when a second system comes: some 2 MB
PAGE = 500
PUTS = 50
FOR_GOOD = (Cancelled.BY_HAND, Cancelled.IDLE, Cancelled.DUPLICATE)


@dataclass(frozen=True)
class Suspicion:
    """What is known of a payment that comes. `twin`: the payment that it may be; `again`: those to be looked at because
    of it, itself among them where it may be the first.
    """

    binding: Binding
    twin: str = ""
    again: tuple[str, ...] = ()
    writes: list[Write] = field(default_factory=list)


def look(context: Context, binding: Binding, payment: Payment) -> Suspicion:
    """Return whether a payment that comes may be one that another system has told.

    Reads nothing where there is one system.

    The payment must be written with what this returns, and its binding counted on. Raises RetryableConflict.
    """
    if not _is_compared(payment) or binding.systems in ((), (payment.told_in,)):
        return Suspicion(binding)
    is_new = payment.told_in not in binding.systems
    if is_new or _from_ms(payment) < binding.seen_from_ms:
        binding = _write_down(context, binding, payment)
    again = (payment.id,) if is_new else ()  # once more: one that was being taken meanwhile knew of one system only
    twins = _twins(context, payment)
    others = {each.payment: each for each in sightings.around(context.table, binding, payment.occurred_at_ms)}
    others.pop(payment.id, None)
    places = [(each.occurred_at_ms, each.id) for each in twins]
    others |= {each.payment: each for each in sightings.some(context.table, binding, places)}
    new = sighting(payment, others.keys() & {each.id for each in twins})
    others = {each.payment: each for each in near(new, others.values())}
    writes = [sightings.keep(binding, new)]
    for each in sorted(new.twins):  # whoever looks at the other one finds it, however far apart they are
        others[each] = replace(others[each], twins=others[each].twins | {payment.id})
        writes.append(sightings.keep(binding, others[each]))
    cluster = _without_names(context, cluster_of(payment.id, [*others.values(), new]), payment.id)
    if len(cluster) == 1:
        return Suspicion(binding, again=again, writes=writes)
    before, after = waiting(others.values()), waiting([*others.values(), new])
    moved = tuple(each for each in others if before.get(each) != after.get(each))
    if payment.id not in after:  # the first, by its time, of what came before it
        again = (payment.id,)
    twin = after.get(payment.id) or next((each.payment for each in cluster if each.payment != payment.id), "")
    return Suspicion(binding, twin, (*moved, *again), writes)


def _is_compared(payment: Payment) -> bool:
    """What was added to a conversion is a part of it; what nobody paid for is nobody's twin."""
    return bool(payment.base and payment.told_in) and not payment.target


def held(earned: Iterable[Reward], twin: str) -> list[Reward]:
    """Return the rewards of a payment that may be `twin`, as they wait for a person."""
    return [
        replace(each, held=holding(each.held, POSSIBLE_DUPLICATE, on=True), twin=twin) if twin else each
        for each in earned
    ]


def _twins(context: Context, payment: Payment) -> list[Payment]:
    """The customer's payments that another system knows by an id of this one."""
    ids = {reversals.root(context, id) for id in payment.other_ids}
    return [each for each in payments.some(context.table, *ids).values() if _is_of(each, payment)] if ids else []


def _is_of(other: Payment, payment: Payment) -> bool:
    return other.kind is PaymentKind.PAYMENT and other.customer == payment.customer and other.id != payment.id


def _write_down(context: Context, binding: Binding, payment: Payment) -> Binding:
    """A second system tells of the customer, or of a time before what is written down: so is what was told before.

    First the binding says so, then those are looked for: who comes meanwhile writes down their own. Resumable.
    """
    systems, from_ms = tuple(sorted({*binding.systems, payment.told_in})), _from_ms(payment)
    if systems != binding.systems:
        context.table.commit(bindings.told_in(binding, systems))
        binding = replace(binding, systems=systems)
    told = _told_before(context, binding, from_ms)
    known = {each.payment for each in sightings.some(context.table, binding, [(p.occurred_at_ms, p.id) for p in told])}
    new = [sightings.keep(binding, sighting(each)) for each in told if each.id not in known]
    for start in range(0, len(new), PUTS):
        context.table.commit(*new[start : start + PUTS])
    if from_ms < binding.seen_from_ms:
        context.table.commit(bindings.seen_from(binding, from_ms))
        binding = replace(binding, seen_from_ms=from_ms)
    return binding


def _from_ms(payment: Payment) -> int:
    """No payment that is compared with this one has rewards that are due earlier."""
    return max(0, payment.occurred_at_ms - sightings.AROUND_MS)


def _told_before(context: Context, binding: Binding, from_ms: int) -> list[Payment]:
    """The customer's payments whose rewards are due from then on, by the nearest partner who has any of them."""
    for link in binding.upline[: binding.depth]:
        found: dict[str, None] = {}
        partitions = context.reward_partitions(link.partner_id)
        newest = rewards.newest(context.table, partitions, PAGE, keys.due_from(from_ms))
        for _, reward in zip(range(LOOKED_AT), newest, strict=False):
            if reward.referral_id == binding.referral_id:
                found[reward.payment] = None
        if found:
            return [each for each in _read(context, list(found)) if _is_compared(each)]
    return []


def _read(context: Context, ids: list[str]) -> list[Payment]:
    """Those that are payments by themselves: no names of others."""
    return [each for each in payments.many(context.table, ids) if each.kind is PaymentKind.PAYMENT]


# ---------------------------------------------------------------- who waits


def judge(context: Context, binding: Binding, payment_id: str) -> list[MaturityMessage]:
    """Hold what may be another payment, and let go what may not, of those that may be this one.

    The first of them last, so that there is no moment in which two are let in. Idempotent. Raises Busy.
    """
    if not binding.is_mixed:
        return []
    found = payments.some(context.table, payment_id)
    if binding.seen == 1 and payment_id in found:
        binding = retry_on_conflict(_write_down)(context, binding, found[payment_id])
    cluster = _cluster(context, binding, found[payment_id]) if payment_id in found else []
    first = keeper(cluster, _let_in(context, cluster)) if cluster else ""
    due: list[MaturityMessage] = []
    for id in sorted((each.payment for each in cluster), key=lambda id: id == first):
        due += _judge(context, binding, id)
    return due


def _cluster(context: Context, binding: Binding, payment: Payment) -> list[Sighting]:
    """Those that may be the same money as the payment, itself among them; none where it is not compared."""
    known = {each.payment: each for each in sightings.around(context.table, binding, payment.occurred_at_ms)}
    if payment.id not in known or payment.kind is not PaymentKind.PAYMENT:
        return []
    far = known[payment.id].twins - known.keys()
    places = [(each.occurred_at_ms, each.id) for each in payments.some(context.table, *far).values()] if far else []
    known |= {each.payment: each for each in sightings.some(context.table, binding, places)}
    mine = known.pop(payment.id)
    return _without_names(context, cluster_of(payment.id, [mine, *near(mine, known.values())]), payment.id)


def _without_names(context: Context, cluster: list[Sighting], payment_id: str) -> list[Sighting]:
    """Without those that are only names of others by now, though nothing was earned under them."""
    if len(cluster) == 1:
        return cluster
    there = {each.id for each in _read(context, [each.payment for each in cluster])} | {payment_id}
    return [each for each in cluster if each.payment in there]


def _let_in(context: Context, cluster: list[Sighting]) -> set[str]:
    """Those of which something is in a balance: nothing of that is taken back on a guess."""
    if len(cluster) < 2:
        return set()
    told = payments.some(context.table, *(each.payment for each in cluster))
    found = rewards.many(context.table, [id for each in told.values() for id, _ in each.shares])
    return {each.payment for each in found if each.status in IN_BALANCE}


@retry_on_conflict
def _judge(context: Context, binding: Binding, payment_id: str) -> list[MaturityMessage]:
    payment = payments.find(context.table, payment_id)
    cluster = _cluster(context, binding, payment)
    if not cluster:
        return []
    first = keeper(cluster, _let_in(context, cluster))
    twin = "" if first == payment.id else first
    existing = rewards.many(context.table, [id for id, _ in payment.shares])
    pairs = [(old, _with_twin(old, twin)) for old in existing]
    moved = [(old, new) for old, new in pairs if old != new]
    if not moved and twin == payment.twin:
        return []
    now_ms = context.now_ms()
    taken = reversals.settle(context, payment, moved, payment.id, now_ms)
    listed = [sightings.list_it(payment.id, twin, now_ms) if twin else sightings.take_off(payment.id)]
    context.table.commit(
        payments.may_be(payment, replace(payment, twin=twin)), *taken.writes, *(listed if twin != payment.twin else [])
    )
    return taken.due


def _with_twin(reward: Reward, twin: str) -> Reward:
    """The reward of a payment that may be `twin` ("" for none): held, unless it is in the balance, or gone for good."""
    on = bool(twin) and reward.status not in IN_BALANCE and reward.cancelled not in FOR_GOOD
    new = replace(reward, held=holding(reward.held, POSSIBLE_DUPLICATE, on=on), twin=twin if on else "")
    return new if on or POSSIBLE_DUPLICATE in reward.held or reward.twin else reward


def same_id(context: Context, payment_id: str, other_id: str) -> list[MaturityMessage]:
    """A payment has got a name under which another system has told of `other_id`. Idempotent. Raises Busy."""
    from refledger.operations.earning import rating

    binding = _same_id(context, payment_id, other_id)
    return rating.rate_customer(context, binding.program_id, binding.customer).due if binding else []


@retry_on_conflict
def _same_id(context: Context, payment_id: str, other_id: str) -> Binding | None:
    if not payments.some(context.table, other_id):  # as nearly always
        return None
    known = _read(context, [payment_id, reversals.root(context, other_id)])
    if len(known) < 2 or not _is_of(*known) or known[0].told_in == known[1].told_in:
        return None
    binding = bindings.find(context.table, known[0].program_id, known[0].customer)
    places = [(each.occurred_at_ms, each.id) for each in known]
    both = sightings.some(context.table, binding, places) if binding else []
    if binding is None or len(both) < 2 or both[0].payment in both[1].twins:
        return None
    pairs = ((both[0], both[1]), (both[1], both[0]))
    kept = [sightings.keep(binding, replace(one, twins=one.twins | {other.payment})) for one, other in pairs]
    again = binding.look_again(tuple(each.id for each in known), payment_id)
    context.table.commit(*kept, bindings.count(binding, again))
    return binding


def retold(context: Context, binding: Binding, old: Payment, new: Payment) -> Suspicion:
    """Return which other a payment may be by its new amount, and who is to be looked at."""
    known = sightings.some(context.table, binding, [(old.occurred_at_ms, old.id)]) if binding.is_mixed else []
    figures = sighting(new).figures
    if not known or known[0].figures == figures:
        return Suspicion(binding)
    around = [each for each in sightings.around(context.table, binding, old.occurred_at_ms) if each.payment != old.id]
    after = replace(known[0], figures=figures)
    before, now = (
        {each.payment for each in cluster_of(old.id, [one, *near(one, around)])} - {old.id} for one in (known[0], after)
    )
    again = (*sorted(before | now), old.id)
    return Suspicion(binding, min(now, default=""), again, [sightings.keep(binding, after)])


def may_be(reward: Reward, twin: str) -> Reward:
    """Hold a reward whose payment may be `twin` by what is known now.

    It is held as it changes; who is the first is let go.
    """
    return _with_twin(reward, twin) if twin else reward


def gone(context: Context, binding: Binding, payment: Payment) -> tuple[list[str], list[Write]]:
    """A payment that has turned out to be another one: whose turn it may be now, and what writes it down."""
    if not binding.is_mixed:
        return [], []
    others = [each.payment for each in _cluster(context, binding, payment) if each.payment != payment.id]
    writes = [sightings.joined(binding, payment.occurred_at_ms, payment.id)]
    return others, [*writes, *([sightings.take_off(payment.id)] if payment.twin else [])]


def spoken_for(context: Context, binding: Binding, payment: Payment, twin: Payment) -> tuple[list[str], list[Write]]:
    """A person has said that these are two payments: whose turn it may be now, and what writes it down.

    Theirs, too: apart, each of them may be one that was alone while they were together.
    """
    cluster = _cluster(context, binding, payment)
    writes = [sightings.speak_for(binding, each) for each in cluster if each.payment in {payment.id, twin.id}]
    return [each.payment for each in cluster], writes
