"""What payments earn by when they were made: the customer's first, their months, their number.

A payment is rated when it comes, by what is known then. Where an earlier one comes later, those behind it are rated
again, each in a transaction of its own under its revision: a function of the customer's payments alone, so that repeats
and others who do the same change nothing. What is to be rated again stands on the binding, written with the payment
that came late; whoever does not come to it leaves it to the schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from refledger.domain.errors import Busy, ProgramNotFound
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import Origin, Payment, PaymentKind
from refledger.domain.programs import Program
from refledger.domain.rewards import IN_BALANCE, POSSIBLE_DUPLICATE, SECOND_PERSON, Reward, RewardStatus, revalue
from refledger.domain.rules import Sale, Share, shares
from refledger.domain.times import months_after
from refledger.domain.uplines import EXPIRED, FOREVER_MS, Binding, RatingBacklog
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import duplicate_detection, reversals
from refledger.store import bindings, keys, payments, referrals, rewards, transaction
from refledger.store.table import BATCH_LIMIT
from refledger.store.transaction import Write

LEADS = "leads"  # a CRM, which tells of conversions
PAUSE_MS = 20
LASTING = (POSSIBLE_DUPLICATE, SECOND_PERSON)  # what holds each reward of a payment, sorted
TURNS = 20  # how often others may come late while one rates again; then the schedule goes on


# ---------------------------------------------------------------- by time


def split(payment: Payment, binding: Binding, terms: Program) -> list[Share]:
    """Return what each tier earns of a payment, by its place in time and the terms of its binding."""
    number, first_at_ms = binding.place(*_place(payment))
    base = terms.commission_base(payment)
    sale = Sale(base, payment.currency, payment.product_id, payment.occurred_at_ms, number, first_at_ms, payment.lines)
    return shares(terms.rules, [link.partner_id for link in binding.upline], binding.own, sale)


def terms_of(context: Context, binding: Binding) -> Program:
    """Return the version of the program under which the customer was bound. Raises ProgramNotFound."""
    return context.program_version(binding.program_id, binding.rule_version)


def _place(payment: Payment) -> tuple[int, str]:
    """What was added to a conversion when its value turned out higher has the place of the conversion."""
    return payment.occurred_at_ms, payment.target or payment.id


def earn(context: Context, payment: Payment, binding: Binding, program: Program, share: Share, due_ms: int) -> Reward:
    """Return the reward of one tier, with everything it will ever need."""
    spread = context.spread(share.partner_id)
    return Reward(
        id=keys.reward_id(share.partner_id, due_ms, payment.currency, payment.id, share.tier, spread),
        partner_id=share.partner_id,
        tier=share.tier,
        amount=share.amount,
        currency=payment.currency,
        status=RewardStatus.PENDING,
        base=share.base,
        rate_bps=share.rate_bps,
        rule=share.source.value,
        rule_version=binding.rule_version,
        cap=share.cap,
        review=program.reviews_rewards,
        program_id=binding.program_id,
        payment=payment.id,
        referral_id=binding.referral_id,
        matures_at_ms=due_ms,
        earned_at_ms=payment.occurred_at_ms,
    )


def counted(
    old: Binding, payment: Payment, terms: Program, now_ms: int, again: tuple[str, ...] = ()
) -> tuple[Binding, list[Write]]:
    """Return the customer's binding with this payment, and the write that changes it, if any does.

    For most payments nothing changes, and the write only demands that the binding still earns.

    The first in time takes off when the binding expires. One that expired meanwhile counts again, with its referral.
    `again`: payments that have to be looked at because of this one, see `duplicate_detection.py`.
    Who closes the binding meanwhile is met in any case.
    """
    if not old.customer:  # of a conversion: nobody knows who pays
        return old, []
    if payment.target:  # it is counted already
        return old, [bindings.still_earns(old)]
    at_ms, rules = payment.occurred_at_ms, terms.rules
    machine = payment.by or LEADS if payment.by_machine else ""
    new = old.converted(at_ms, payment.caller or machine, now_ms)
    base = terms.commission_base(payment)
    if base and rules.needs_count:
        new = new.counted(at_ms, payment.id, rules)
    if payment.base:
        new = new.told_in(payment.told_in)
    if again:
        new = new.look_again(again, payment.id)
    writes = [bindings.count(old, new) if new != old else bindings.still_earns(old)]
    if old.closed and payment.origin is Origin.PAYMENT:  # a conversion changes its referral itself
        writes.append(referrals.reopen(old.referral_id, at_ms, now_ms))
    keeps_all = new.keeps_all(rules)
    if rules.months or keeps_all:
        unlisted = {*old.listed} - {*new.listed}
        if base and (keeps_all or at_ms < months_after(new.first_at_ms, rules.months[-1])):
            unlisted |= {(at_ms, payment.id)} - {*new.listed}
        writes += [bindings.paid(old, *place) for place in sorted(unlisted)]
    return new, writes


def uncounted(context: Context, gone: Payment, keep: Payment | None) -> list[Write]:
    """Return what takes a payment out of its place that has turned out to be another one.

    It is none of the customer's by itself.
    """
    binding = bindings.find(context.table, gone.program_id, gone.customer) if gone.customer else None
    if binding is None:
        return []
    others, writes = duplicate_detection.gone(context, binding, gone)
    new = binding.look_again(tuple(others), gone.id) if others else binding
    new = left_by(context, binding, new, gone, keep)
    return [*writes, *([bindings.count(binding, new)] if new != binding else [])]


def left_by(context: Context, read: Binding, new: Binding, gone: Payment, keep: Payment | None = None) -> Binding:
    """Return the customer's binding `new`, without a payment that takes no place any more.

    `read`: as it was read.

    `keep`: which it has turned out to be. Whoever was beyond the list has the place that is free then.
    """
    place = (gone.occurred_at_ms, gone.id)
    if place not in read.listed:  # met by who looks just now whose a free place is
        return replace(new, turn=new.turn + 1, late=gone.id) if read.unlisted else new
    terms = terms_of(context, read)
    counts = keep and keep.kind is PaymentKind.PAYMENT and keep.referral_id == gone.referral_id
    counts = counts and bool(keep and terms.commission_base(keep))
    others = [(keep.occurred_at_ms, keep.id)] if keep and counts else []
    return new.without(place, _next_after(context, read, gone) if read.unlisted else others, terms.rules)


def _next_after(context: Context, binding: Binding, gone: Payment) -> list[tuple[int, str]]:
    """The first of those that had no place in the list, as many as may have one when `gone` is not in it any more."""
    last_ms, _ = binding.listed[-1]
    kept = bindings.paid_within(context.table, binding, last_ms, FOREVER_MS)
    later = (place for place in kept if place > binding.listed[-1])
    room, found = binding.room - len(binding.listed) + 1, list[tuple[int, str]]()
    while len(found) < room and (batch := list(islice(later, BATCH_LIMIT))):
        counted = {
            each.id
            for each in payments.many(context.table, [id for _, id in batch])
            if each.kind is PaymentKind.PAYMENT and not each.back.elsewhere and each.id != gone.id
        }
        found += [(at_ms, id) for at_ms, id in batch if id in counted]
    return found[:room]


# ---------------------------------------------------------------- again


@dataclass
class Rated:
    """`due`: whose money moved, or may. `changed`: how many payments earn something else now. `is_done`: whether
    nothing of the customer's is left.
    """

    due: list[MaturityMessage] = field(default_factory=list)
    changed: int = 0
    is_done: bool = True

    def add(self, other: Rated) -> None:
        self.due += other.due
        self.changed += other.changed


def rate_again(context: Context, payment_id: str) -> Rated:
    """Return what the payment earns by what is known of its customer now.

    Idempotent. Nothing for what nobody earns from, or was not paid by a customer. Raises PaymentNotFound, Busy.
    """
    rated = _rate(context, payment_id)
    payment = payments.find(context.table, payment_id)
    if payment.origin is Origin.CONVERSION and not payment.target:
        from refledger.operations.earning.conversions import parts_of  # it rates what it books

        for part in parts_of(context, payment.referral_id)[1:]:
            rated.add(rate_again(context, part.id))
    return rated


@retry_on_conflict
def _rate(context: Context, payment_id: str) -> Rated:
    payment = payments.find(context.table, payment_id)
    if payment.kind is PaymentKind.IGNORED and payment.reason == EXPIRED:
        return _in_time(context, payment)
    if payment.kind is not PaymentKind.PAYMENT or payment.origin is Origin.BY_HAND or not payment.customer:
        return Rated()
    # read after the payment: whoever rates it by a later binding changes its revision, and this is tried again
    binding = bindings.find(context.table, payment.program_id, payment.customer)
    if binding is None or not is_of(binding, payment):
        return Rated()
    parts = split(payment, binding, terms_of(context, binding))
    if binding.why_not(payment.occurred_at_ms):  # its referral was closed before it: what it earned, it keeps or lost
        return Rated()
    existing = rewards_of(context, payment)
    becomes = became(context, payment, binding, parts, existing, binding.late)
    new = replace(payment, unearned=tuple((part.tier, part.nothing.value) for part in parts if part.nothing))
    reference, met = f"{payment.id} because of {binding.late}", [bindings.still_earns(binding)]
    if payment.caller:
        from refledger.operations.earning import word  # it assesses what it rates

        becomes, marks = word.more(context, payment, existing, becomes)
        met += marks
    return book(context, payment, new, existing, becomes, reference, met)


def rewards_of(context: Context, payment: Payment) -> dict[int, Reward]:
    """Return what it has earned whom so far, by tier."""
    return {reward.tier: reward for reward in rewards.many(context.table, [id for id, _ in payment.shares])}


def book(
    context: Context, old: Payment, new: Payment, existing: dict[int, Reward], becomes: dict[int, Reward],
    reference: str, also: Sequence[Write] = (),
) -> Rated:  # fmt: skip
    """Write a payment as it is rated now, with its rewards by tier and the money of their partners.

    `old`: the payment as it was read; it is written under its revision.
    """
    new = replace(new, shares=tuple((becomes[tier].id, becomes[tier].amount) for tier in sorted(becomes)))
    moved = [(existing[tier], reward) for tier, reward in becomes.items() if existing.get(tier, reward) != reward]
    made = [reward for tier, reward in becomes.items() if tier not in existing]
    if not moved and not made and new == old:
        return Rated()
    now_ms = context.now_ms()
    look_ms = now_ms if made and old.due_ms <= now_ms else None
    looked = _looked_at(context, made) if look_ms is not None else []
    taken = reversals.settle(context, old, moved, reference, now_ms)
    created = [rewards.create(reward, now_ms) for reward in made]
    context.table.commit(payments.rate(old, new, look_ms, now_ms), *taken.writes, *created, *looked, *also)
    return Rated([*taken.due, *(_message(old, reward) for reward in made if look_ms is not None)], 1)


def _looked_at(context: Context, made: list[Reward]) -> list[Write]:
    """What sees to it that the daily look for what is overdue begins before what is made after its time."""
    for reward in made:
        try:
            context.table.commit(rewards.look_back(reward))
        except transaction.ConditionFailed:
            continue  # it begins before it anyway
    return [rewards.is_looked_at(reward) for reward in made]


def _in_time(context: Context, payment: Payment) -> Rated:
    """One that was paid after its referral had expired: it has not, for another was paid in time and told later.

    Where a machine told of that one, this earns on its word, too, where that has a limit: for a person, whoever told.
    """
    from refledger.operations.earning.payments import assess  # it rates what it assesses

    binding = bindings.find(context.table, payment.program_id, payment.customer)
    if binding is None or binding.why_not(payment.occurred_at_ms):
        return Rated()
    program = context.program_after(payment.program_id, context.now_ms())
    is_limited = program.limits_sales(payment.currency)
    caller = payment.caller or (binding.revived_by if is_limited else "")
    taken = replace(payment, kind=PaymentKind.PAYMENT, reason="", caller=caller)
    held = (SECOND_PERSON,) if caller and is_limited else ()
    assessed = assess(context, taken, binding, program, payment, held)
    marks: list[Write] = []
    if caller:
        from refledger.operations import duties  # what comes by the bus needs to know nothing of them

        earning = [reward.partner_id for reward in assessed.rewards]
        marks = duties.sold(context, caller, earning)
        if duties.is_own(context, caller, earning):
            assessed = assess(context, taken, binding, program, payment, (SECOND_PERSON,))
    context.table.commit(*assessed.writes, *marks)
    return Rated(assessed.due(context.now_ms()), 1)


def became(
    context: Context, payment: Payment, binding: Binding, parts: list[Share], existing: dict[int, Reward],
    because_of: str,
) -> dict[int, Reward]:  # fmt: skip
    """Return the rewards of the payment by tier, as they must be.

    One that earns nothing any more stays, with nothing.
    """
    found: dict[int, Reward] = {}
    given, base = {part.tier: part for part in parts}, terms_of(context, binding).commission_base(payment)
    held = tuple(why for why in LASTING if any(why in reward.held for reward in existing.values()))
    for tier in sorted({*given, *existing}):
        part, old = given.get(tier), existing.get(tier)
        amount = part.amount if part else 0
        if old is None:
            if part and amount:
                program = context.program(binding.program_id)
                new = earn(context, payment, binding, program, part, payment.due_ms)
                new = replace(new, held=held, twin=payment.twin)
                found[tier] = revalue(replace(new, because_of=because_of), payment.amount, payment.back)
            continue
        rate_bps, rule = (part.rate_bps, part.source.value) if part and amount else (0, old.rule)
        if _stays(old, payment) and amount > old.amount:
            amount, rate_bps = old.amount, 0
        new = rated_anew(replace(old, base=base), amount, rate_bps, rule, because_of)
        found[tier] = revalue(new, payment.amount, payment.back)
    return found


def _stays(old: Reward, payment: Payment) -> bool:
    """Whether it was in the balance when its payment became more than one person's word is good for: see `word.more`.

    It has no rate any more since its own payment was corrected.
    """
    corrected = old.because_of == payment.id and not old.rate_bps
    return payment.is_on_word and old.status in IN_BALANCE and corrected


def rated_anew(old: Reward, amount: int, rate_bps: int, rule: str, because_of: str) -> Reward:
    """Return the reward as it is rated now, with what it was before, and because of which payment."""
    if (old.amount, old.rate_bps, old.rule) == (amount, rate_bps, rule):
        return old
    first = old.first_amount if old.because_of else old.amount
    new = replace(old, amount=amount, rate_bps=rate_bps, rule=rule, because_of=because_of, first_amount=first)
    return replace(new, vouched_by="") if amount > old.amount else new  # who vouched for it had seen less


def _message(payment: Payment, reward: Reward) -> MaturityMessage:
    name = f"{payment.id}-{payment.revision}-{reward.partner_id}-again"
    return MaturityMessage(reward.partner_id, reward.currency, rewards.sort_key(reward.id), True, name)


def rate_customer(context: Context, program_id: str, customer: str, go_on: Callable[[], bool] = lambda: True) -> Rated:
    """Everything that is to be rated again of a customer, payment by payment, while `go_on` says so.

    Idempotent, and may be left and begun anew: what is left stands on the binding until it is done. Raises Busy.
    """
    rated = Rated()
    for _ in range(TURNS):
        binding = bindings.find(context.table, program_id, customer)
        if binding is None or binding.again is None:
            return rated
        left = _rate_all(context, binding, rated, go_on)
        try:
            context.table.commit(bindings.rated(binding, left))
        except transaction.RetryableConflict:
            context.pause(PAUSE_MS)
            continue  # another one came late, or another worker was faster
        if left is not None:
            break
    rated.is_done = False
    return rated


def at_once(context: Context, program_id: str, customer: str) -> list[MaturityMessage]:
    """Rate what a payment that came late has just left of its customer. Returns whose money moved, or may.

    Where others are in the way it waits for the schedule: whoever calls has booked what they were to book.
    """
    if not customer:
        return []
    try:
        return rate_customer(context, program_id, customer).due
    except Busy:
        return []


def _rate_all(context: Context, binding: Binding, rated: Rated, go_on: Callable[[], bool]) -> RatingBacklog | None:
    """Returns what is left, None where nothing is."""
    again = binding.again or RatingBacklog()
    for place, payment in enumerate(again.payments):
        if not go_on():
            return replace(again, payments=again.payments[place:])
        rated.add(rate_again(context, payment))
        rated.due += duplicate_detection.judge(context, binding, payment)
    if again.until_ms:
        for at_ms, payment in bindings.paid_within(context.table, binding, again.from_ms, again.until_ms):
            if not go_on():
                return RatingBacklog((), at_ms, again.until_ms)
            rated.add(rate_again(context, payment))
    return None


def waiting(context: Context) -> Iterator[tuple[str, str]]:
    """Yield (program, customer) of what those who took a late payment have left."""
    return bindings.to_be_rated(context.table, 100)


def out_of_order(context: Context, due: list[Reward]) -> list[str]:
    """Return the payments of these rewards that earn something else by their times, and wait to be rated."""
    counting = {reward.payment for reward in due if _counts(context, reward)}
    found = [each for each in payments.many(context.table, sorted(counting)) if each.customer]
    named = sorted({(each.program_id, each.customer) for each in found})
    bound = {(each.program_id, each.customer): each for each in bindings.many(context.table, named) if each.turn}
    return [
        each.id
        for each in found
        if (binding := bound.get((each.program_id, each.customer))) and not _is_right(context, each, binding)
    ]


def is_of(binding: Binding, payment: Payment) -> bool:
    """Return whether the binding says what the payment earns."""
    return binding.referral_id == payment.referral_id and binding.knows(*_place(payment))


def _is_right(context: Context, payment: Payment, binding: Binding) -> bool:
    if not is_of(binding, payment) or binding.why_not(payment.occurred_at_ms):
        return True
    parts = split(payment, binding, terms_of(context, binding))
    due = _earning((part.partner_id, part.amount) for part in parts)
    if payment.caller:  # what would be more than its service may tell in a day stays what it was
        most = dict(due)
        return all(amount <= most.get(partner_id, 0) for partner_id, amount in _earning(payment.shares))
    return _earning(payment.shares) == due


def _earning(shares: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """(partner, amount) of what is something; a reward's id begins with its partner's."""
    return [(id[: keys.PARTNER_ID_LENGTH], amount) for id, amount in shares if amount]


def _counts(context: Context, reward: Reward) -> bool:
    """Whether its rules ask which of the customer's payments it is of."""
    try:
        return context.program_version(reward.program_id, reward.rule_version).rules.needs_count
    except ProgramNotFound:  # `verify` reports it
        return False
