"""A payment becomes one reward per tier: one read, one transaction, no balance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial

from refledger.domain.errors import Unreadable
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payment_events import (
    PaymentReceived,
    PaymentSkipped,
)
from refledger.domain.payments import Origin, Payment, PaymentKind, TakenBack, said
from refledger.domain.programs import Program, is_program_id
from refledger.domain.rewards import Reward, RewardStatus, revalue
from refledger.domain.tellers import SENDERS
from refledger.domain.tellings import better, contradicts
from refledger.domain.times import DAY_MS, MINUTE_MS, SECOND_MS
from refledger.domain.uplines import EXPIRED, Binding
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import corrections, duplicate_detection, rating, reversals
from refledger.store import bindings, customers, keys, payments, rewards, sightings
from refledger.store.transaction import ConditionFailed, Write

HINT_MS = 60 * MINUTE_MS


class RecordOutcome(StrEnum):
    RECORDED = "RECORDED"
    REPEATED = "REPEATED"
    CORRECTED = "CORRECTED"  # known, and now known better: more of it was captured, or its tax was told
    DIFFERENT = "DIFFERENT"  # the same id with another content: the first stands
    CONTRADICTED = "CONTRADICTED"  # likewise, and the first was another service's: this one is kept for a person
    UNREFERRED = "UNREFERRED"
    REJECTED = "REJECTED"  # the customer's referral was
    EXPIRED = "EXPIRED"  # the customer's referral had, when they paid
    ENDED = "ENDED"  # the customer's referral was closed from an earlier moment on
    PAUSED = "PAUSED"  # the program was paused, or archived, when the customer paid
    FOREIGN = "FOREIGN"  # in a currency that the program does not take: parked until a person acts
    EARLY = "EARLY"  # of a payment that has not come yet: parked until it does
    SKIPPED = "SKIPPED"  # does not count by this event, and is remembered, so that its refunds find it


@dataclass(frozen=True)
class Recorded:
    """`payment`: our id. `due`: what may mature at once, because the program holds nothing back."""

    outcome: RecordOutcome
    payment: str
    due: list[MaturityMessage] = field(default_factory=list)
    again: tuple[str, str] | None = None  # program and customer, where some of their payments are to be rated again


def record(context: Context, received: PaymentReceived) -> Recorded:
    """Book a payment with what each tier earns of it.

    Idempotent for ever by the payment's own item and those of its other names. Those of the customer that were made
    later are rated again, where they came before it: here, or by the schedule. Raises Busy, and Unreadable for a
    program that does not exist: a customer whom nobody referred is no fault, a payment that names a wrong program is.
    """
    ids = [context.ids.payment(received.system, name) for name in (received.payment_id, *received.names)]
    recorded = retry_on_conflict(attempt)(context, received, ids[0], tuple(ids[1:]))
    if recorded is None:
        from refledger.operations.earning import payment_names

        recorded = payment_names.record(context, received, tuple(ids))
    if recorded.again is None:
        return recorded
    return replace(recorded, due=[*recorded.due, *rating.rate_customer(context, *recorded.again).due])


def attempt(context: Context, received: PaymentReceived, id: str, names: tuple[str, ...] = ()) -> Recorded | None:
    """Return the payment under the id `id` and, as its ALIAS, under other `names`.

    None where one of them stands for something already, and what counts has to be found out. Raises like `record`, and
    RetryableConflict.
    """
    aliases = [
        payments.name(Payment(name, PaymentKind.ALIAS, "", created_at_ms=context.now_ms(), target=id)) for name in names
    ]

    def once(parked: Payment | None = None) -> Recorded | None:
        program_id, customer, binding = _whose(context, received, strong=parked is not None)
        payment = told(received, id, customer, program_id, _other_ids(context, received))
        if parked:
            payment = better(payment, parked)
        program = context.program(program_id)
        if binding and not program.earns_at(received.occurred_at_ms):  # what is kept may not know of its end
            program = context.program_after(program_id, context.now_ms())
        suspect: list[Write] = []
        if parked:
            parked, suspect = reversals.met(context, parked, payment)
        assessed = assessed_now(context, payment, binding, program, parked)
        if assessed.payment.is_nobodys:
            if parked and parked.is_nobodys and parked.body == payment.body:
                return Recorded(RecordOutcome.REPEATED, id)
            own_id = _own_id(context, received, customer)
            context.table.commit(customers.nobodys(customer, id, payment.occurred_at_ms, context.now_ms(), own_id))
        try:
            context.table.commit(*assessed.writes, *aliases, *suspect)
        except ConditionFailed as failed:
            taken = [payments.name_of(name) for name in names if payments.name_of(name) in failed.items]
            if payments.IS_NEW not in failed.items:
                if taken:
                    return None
                raise
            first = payments.from_item(failed.items[payments.IS_NEW])
            if first.kind is PaymentKind.ALIAS:  # counted under its other name, or waiting for it
                return None
            told_before = all(payments.is_named(failed, name, id) for name in names)
            if first.is_nobodys and _rewrites(payment, first):
                return Recorded(_otherwise(first, received), id)
            if not first.gives_way and not first.is_nobodys:
                done = repeated(context, first, received)
                return replace(done, again=done.again or _again(binding)) if told_before else None
            if taken and not told_before:
                return None
            if taken:
                aliases.clear()
            return once(first)
        if assessed.payment.is_nobodys and _referred_meanwhile(context, received, customer):
            return once(assessed.payment)
        if assessed.binding:
            _keep_customer_id(context, received, assessed.binding)
        return Recorded(assessed.outcome, id, assessed.due(context.now_ms()), _again(assessed.binding))

    return once()


def _rewrites(payment: Payment, first: Payment) -> bool:
    """Whether a service says something else of a payment than another one, or the bus, did before."""
    is_another = bool(payment.caller) and payment.caller != first.caller
    if not (payment.program_said or first.program_said):  # what was guessed of both may have changed meanwhile
        payment = replace(payment, program_id=first.program_id)
    return is_another and said(payment) != first.body


def _own_id(context: Context, received: PaymentReceived, customer: str) -> str:
    """What the owner calls the customer (keyed hash), of whom a payment may have two ids; "" where that is sealed."""
    is_first = context.ids.user(received.customer_id) == customer
    return context.customer_id(received.customer_id if is_first else received.other_customer_id)


def _keep_customer_id(context: Context, received: PaymentReceived, binding: Binding) -> None:
    """Once, for a customer who was referred before ids of customers were kept, or while they were sealed."""
    if binding.id_kept or not (own_id := _own_id(context, received, binding.customer)):
        return
    try:
        context.table.commit(*bindings.keep_customer_id(binding, own_id))
    except ConditionFailed:  # the referral is gone: there is nothing to name it on
        return


def _again(binding: Binding | None) -> tuple[str, str] | None:
    return (binding.program_id, binding.customer) if binding and binding.again else None


def _referred_meanwhile(context: Context, received: PaymentReceived, customer: str) -> bool:
    """Whether somebody referred the customer who did not see that they had paid. Whoever refers them notes the program
    before they look for payments, and a payment is noted before this is asked: one of both sees the other.
    """
    asks_all = not received.program_said and not received.other_customer_id
    if asks_all and not customers.programs_of(context.table, customer):  # as of most customers
        return False
    return _whose(context, received)[2] is not None


def _whose(context: Context, received: PaymentReceived, *, strong: bool = True) -> tuple[str, str, Binding | None]:
    """Program, customer (keyed hash) and binding of a payment. For most it is one read.

    Where the event names no program, and nobody referred the customer in the default one, it is the one program in
    which their referral counts; not `strong`: what was noted just now may be missed, and is asked for again before the
    payment is left as nobody's. Raises Unreadable for a program that does not exist.
    """
    known = is_program_id(received.program_id)  # other text never enters a key
    names = [name for name in (received.customer_id, received.other_customer_id) if name]
    hashes = [context.ids.user(name) for name in names]
    for customer in hashes if known else ():
        if binding := bindings.find(context.table, received.program_id, customer):
            return received.program_id, customer, binding
    for customer in hashes if not received.program_said else ():
        if binding := inferred(context, customer, received.occurred_at_ms, strong=strong):
            return binding.program_id, customer, binding
    if not known or not context.has_program(received.program_id):
        raise Unreadable("programId: there is no such program")
    return received.program_id, hashes[0], None


def is_referred(context: Context, received: PaymentReceived) -> bool:
    """Return whether somebody referred the customer of a payment.

    Raises Unreadable for a program that does not exist.
    """
    return _whose(context, received)[2] is not None


def inferred(context: Context, customer: str, paid_at_ms: int, *, strong: bool = True) -> Binding | None:
    """Return the binding of the customer in the one program in which it counts; None for none or two."""
    found = [
        binding
        for program_id in customers.programs_of(context.table, customer, strong=strong)
        if (binding := bindings.find(context.table, program_id, customer)) and not binding.why_not(paid_at_ms)
    ]
    return found[0] if len(found) == 1 else None


def told(
    received: PaymentReceived, id: str, customer: str, program_id: str, other_ids: tuple[str, ...] = ()
) -> Payment:
    """Return the payment as its event tells it, before anybody has looked what it earns."""
    payment = Payment(
        id=id,
        kind=PaymentKind.PAYMENT,
        currency=received.currency,
        program_id=program_id,
        amount=received.amount,
        base=received.base,
        customer=customer,
        product_id=received.product_id,
        lines=received.lines,
        shipping=received.shipping,
        teller=received.teller,
        system=received.system,
        external_id=received.payment_id,
        caller=received.caller,
        program_said=received.program_said,
        occurred_at_ms=received.occurred_at_ms,
        back=TakenBack(uncaptured=received.uncaptured),
        other_ids=other_ids,
    )
    return replace(payment, body=said(payment))


def _other_ids(context: Context, received: PaymentReceived) -> tuple[str, ...]:
    """What ids of ours it would have, had another of the systems told of it that know a payment's own id."""
    others = [sender for sender in SENDERS if sender != received.system]
    return tuple(
        context.ids.payment(other, name) for name in (received.payment_id, *received.names) for other in others
    )


def skip(context: Context, event: PaymentSkipped) -> Recorded:
    """Remember money that does not count by this event; a refund that came before finds it.

    Idempotent, and in the way of nothing that counts: see `Payment.gives_way`. What counts already is corrected by what
    is known of the money nevertheless. Raises Busy.
    """
    now_ms, id = context.now_ms(), context.ids.payment(event.system, event.payment_id)
    known = Payment(
        id, PaymentKind.IGNORED, event.currency, amount=event.amount, occurred_at_ms=event.occurred_at_ms,
        system=event.system, external_id=event.payment_id,
    )  # fmt: skip
    if event.told:
        known = replace(told(event.told, id, "", ""), kind=PaymentKind.IGNORED, program_said=True)
    payment = replace(known, created_at_ms=now_ms, due_ms=now_ms, reason=event.reason)
    payment = replace(payment, body=said(payment))
    return retry_on_conflict(_skip)(context, payment, event)


def _skip(context: Context, payment: Payment, event: PaymentSkipped, parked: Payment | None = None) -> Recorded:
    new = replace(payment, back=parked.back, revision=parked.revision + 1) if parked else payment
    try:
        context.table.commit(payments.replace(parked, new, new.created_at_ms) if parked else payments.create(new))
    except ConditionFailed as failed:
        item = failed.items.get(payments.IS_NEW)
        if item is None:
            raise
        first = payments.from_item(item)
        if first.kind is PaymentKind.EARLY and not first.note and first.currency in ("", payment.currency):
            return _skip(context, payment, event, first)
        if event.told:
            return _corrected(context, first, payment)
    return Recorded(RecordOutcome.SKIPPED, payment.id)


def _corrected(context: Context, first: Payment, other: Payment) -> Recorded:
    """What is known under that name already, with what an event without a customer tells of the money."""
    id = reversals.root(context, first.id) if first.kind is PaymentKind.ALIAS else first.id
    known = payments.some(context.table, id).get(id)
    rated = corrections.correct(context, known, other) if known else None
    return Recorded(RecordOutcome.CORRECTED, id, rated.due) if rated else Recorded(RecordOutcome.SKIPPED, id)


@dataclass(frozen=True)
class PaymentAssessment:
    """What a payment comes to, and the writes that make it so."""

    outcome: RecordOutcome
    payment: Payment
    rewards: list[Reward]
    writes: list[Write]
    binding: Binding | None = None  # the customer's, as it is then

    def due(self, now_ms: int) -> list[MaturityMessage]:
        waiting = [r.id for r in self.rewards if r.status is RewardStatus.PENDING and not r.held]
        return list(_messages(self.payment.id, waiting)) if self.payment.due_ms <= now_ms else []


def assess(
    context: Context,
    payment: Payment,
    binding: Binding | None,
    program: Program,
    parked: Payment | None = None,
    held: tuple[str, ...] = (),
) -> PaymentAssessment:
    """Return the payment as what it is: earned from, ignored, or parked for its currency.

    `held`: why its rewards wait for a person.
    `parked`: what holds its place already, with refunds and disputes that came first; they are netted here.
    """
    now_ms = context.now_ms()
    back = parked.back if parked else payment.back
    revision = parked.revision + 1 if parked else payment.revision
    become = partial(replace, payment, created_at_ms=now_ms, due_ms=now_ms, back=back, revision=revision)
    earned: list[Reward] = []
    counted: list[Write] = []
    if binding is None:
        outcome = RecordOutcome.UNREFERRED
        assessed = become(kind=PaymentKind.IGNORED, reason=outcome)
    elif why_not := binding.why_not(payment.occurred_at_ms):
        outcome, assessed = RecordOutcome(why_not), become(kind=PaymentKind.IGNORED, reason=why_not)
        if why_not == EXPIRED and payment.origin is Origin.PAYMENT:  # it earns if one that was made in time comes yet
            counted = bindings.paid_after_expiry(binding, payment.occurred_at_ms, payment.id)
    elif not program.earns_at(payment.occurred_at_ms):
        outcome = RecordOutcome.PAUSED
        assessed = become(kind=PaymentKind.IGNORED, reason=outcome)
    elif not program.takes(payment.currency):
        outcome, assessed = RecordOutcome.FOREIGN, become(kind=PaymentKind.FOREIGN)
    else:
        due_ms = max(payment.occurred_at_ms + program.hold_days * DAY_MS, now_ms)
        terms = rating.terms_of(context, binding)
        suspicion = duplicate_detection.look(context, binding, payment)
        binding, counted = rating.counted(suspicion.binding, payment, terms, now_ms, suspicion.again)
        counted += suspicion.writes
        parts = rating.split(payment, binding, terms)
        earned = [rating.earn(context, payment, binding, program, part, due_ms) for part in parts if part.amount]
        assessed = become(
            kind=PaymentKind.PAYMENT, due_ms=due_ms, referral_id=binding.referral_id,
            shares=tuple((reward.id, reward.amount) for reward in earned),
            unearned=tuple((part.tier, part.nothing.value) for part in parts if part.nothing),
        )  # fmt: skip
        waiting = (replace(reward, held=held) for reward in earned) if held else earned
        earned = duplicate_detection.held(waiting, suspicion.twin)
        earned = [revalue(reward, payment.amount, back) for reward in earned]
        if suspicion.twin:
            assessed = replace(assessed, twin=suspicion.twin)
            counted.append(sightings.list_it(payment.id, suspicion.twin, now_ms))
        outcome = RecordOutcome.RECORDED
    shards = context.shards()
    first = payments.replace(parked, assessed, now_ms, shards) if parked else payments.create(assessed, shards)
    writes = [first, *counted, *(rewards.create(r, now_ms) for r in earned)]
    return PaymentAssessment(outcome, assessed, earned, writes, binding)


def assessed_now(
    context: Context, payment: Payment, binding: Binding | None, program: Program, parked: Payment | None = None
) -> PaymentAssessment:
    """`assess` for a payment that comes by itself, or with a referral.

    One that was made before one of the staff said whose customer it is counts on that person's word, one that a service
    told of on the service's, and one that is both on both: above what either may make in a day its rewards are held.
    """
    is_named = binding is not None and binding.is_on_word(payment.occurred_at_ms)
    if binding is None or not (is_named or payment.caller):
        return assess(context, payment, binding, program, parked)
    from refledger.domain.duties import Act  # what comes by the bus needs to know nothing of duties
    from refledger.operations.earning import word

    if not is_named:
        return word.told_by_service(
            context, payment.caller, program, lambda held: assess(context, payment, binding, program, parked, held)
        )
    by = binding.named_by
    spoken = payment if payment.caller else replace(payment, by=by)  # who named a customer told of no service's sale
    assessed, sums = word.by_word(
        context, Act.ACCEPT_PAYMENT, by, program, lambda held: assess(context, spoken, binding, program, parked, held),
        caller=payment.caller,
    )  # fmt: skip
    return replace(assessed, writes=[*assessed.writes, *sums])


def repeated(context: Context, first: Payment, received: PaymentReceived) -> Recorded:
    """The first one stands, corrected where this one knows more of the same money.

    Raises RetryableConflict.

    Its rewards are sent to mature again: the first try may have died just before that. Not those of old payments: the
    schedule has found them, and a replay of many would read their partner's history.
    """
    customer = context.ids.user(received.customer_id)
    if received.other_customer_id and first.customer == context.ids.user(received.other_customer_id):
        customer = first.customer
    program_id = received.program_id if received.program_said else first.program_id
    again = told(received, first.id, customer, program_id)
    corrected = corrections.correct(context, first, again)
    if corrected is None and contradicts(first, again):
        outcome = _otherwise(first, received)
        if outcome is RecordOutcome.CONTRADICTED and not received.caller:
            from refledger.operations.earning import word

            word.doubt(context, first)
        return Recorded(outcome, first.id)
    now_ms = context.now_ms()
    fresh = first.kind is PaymentKind.PAYMENT and now_ms - HINT_MS < first.due_ms <= now_ms
    due = list(_messages(first.id, [id for id, _ in first.shares])) if fresh else []
    if corrected is None:
        return Recorded(RecordOutcome.REPEATED, first.id, due)
    left = None if corrected.is_done else (first.program_id, first.customer)
    return Recorded(RecordOutcome.CORRECTED, first.id, [*corrected.due, *due], left)


def _otherwise(first: Payment, received: PaymentReceived) -> RecordOutcome:
    """What it is that another content came under the id; whoever told it first may have taken the id from the other."""
    is_another = bool(first.caller) and first.caller != received.caller
    return RecordOutcome.CONTRADICTED if is_another else RecordOutcome.DIFFERENT


def _messages(id: str, reward_ids: Iterable[str]) -> Iterable[MaturityMessage]:
    """One for each reward. Of a partner whose rewards are spread there may be thousands a second, and one worker at a
    time has a few of them: those of a second have one name, of which the queue takes the first. It may be read before
    the last reward of its second is there; so each looks from the second before on, and the schedule finds the rest.
    """
    for reward_id in reward_ids:
        partner_id, since = keys.owner_of(keys.reward(reward_id)), rewards.sort_key(reward_id)
        currency = keys.currency_of(since)
        name = f"{id}-{partner_id}"
        if keys.spread_of(reward_id):
            second = keys.due_at(since) // SECOND_MS
            since, name = keys.due_from((second - 1) * SECOND_MS), f"{partner_id}-{currency}-{second}"
        yield MaturityMessage(partner_id, currency, since, True, name)
