"""Who earns what of a payment, worked out again: by the customer's binding and the rules of its program's version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from refledger.batched import batched
from refledger.domain.partners import Partner
from refledger.domain.payments import Origin, Payment, PaymentKind
from refledger.domain.programs import Program
from refledger.domain.referrals import Referral
from refledger.domain.rewards import BY_HAND, IN_BALANCE, Reward
from refledger.domain.rules import MAX_PAYMENTS, Sale, Share, shares
from refledger.domain.times import MINUTE_MS
from refledger.domain.uplines import Binding
from refledger.operations.context import Context
from refledger.operations.earning import rating
from refledger.operations.proof.book_checks import NOW, Checked
from refledger.store import bindings, referrals
from refledger.store.table import BATCH_LIMIT

Customer = tuple[str, str]  # program and keyed hash


@dataclass(frozen=True)
class Terms:
    """What payments are rated by: bindings by customer, referrals of conversions by id, versions of programs.

    `current`: a program as it is now, which knows when it was not open.
    """

    version: Callable[[str, int], Program | None]
    current: Callable[[str], Program | None]
    bound: Mapping[Customer, Binding] = field(default_factory=dict)
    converted: Mapping[str, Referral] = field(default_factory=dict)

    def of(self, payment: Payment) -> Binding | None:
        """Return what says who earns from it: of a conversion whose customer nobody knew, its referral."""
        found = self.bound.get((payment.program_id, payment.customer))
        referral = self.converted.get(payment.referral_id)
        if referral and (found is None or found.referral_id != referral.id):
            return referral.bound("", 0)
        return found


NO_TERMS = Terms(lambda *_: None, lambda _: None)


def terms_of(context: Context, paid: Iterable[Payment], checked: Checked) -> Terms:
    """Read what these payments are rated by.

    It is read after them: who rates one again changes the binding first, and the payment then.
    """
    counting = [each for each in paid if each.kind is PaymentKind.PAYMENT and each.origin is not Origin.BY_HAND]
    customers = sorted({(each.program_id, each.customer) for each in counting if each.customer})
    told = sorted({each.referral_id for each in counting if each.origin is Origin.CONVERSION and each.referral_id})
    bound = [each for batch in batched(customers, BATCH_LIMIT) for each in bindings.many(context.table, batch)]
    return Terms(
        lambda program_id, version: checked.version(context, program_id, version),
        lambda program_id: checked.version(context, program_id, NOW),
        {(each.program_id, each.customer): each for each in bound},
        {each.id: each for batch in batched(told, BATCH_LIMIT) for each in referrals.many(context.table, batch)},
    )


def own_name(payment: Payment) -> str:
    """Return what its system calls a payment that counts, which nothing else can be called.

    It is "" where it has no name.
    """
    counts = payment.kind is PaymentKind.PAYMENT and payment.external_id and not payment.back.elsewhere
    return f"{payment.told_in} {payment.external_id}" if counts else ""


def name_faults(paid: Iterable[Payment]) -> Iterator[str]:
    """Check that no two of these are one."""
    first: dict[str, str] = {}
    for payment in paid:
        if (name := own_name(payment)) and first.setdefault(name, payment.id) != payment.id:
            yield f"payment {payment.id}: counts, and so does {first[name]} of the same name"


def rating_faults(payment: Payment, earned: Sequence[Reward], terms: Terms, *, whole: bool) -> Iterator[str]:
    """Check what the payment has earned whom. `earned`: its rewards; with `whole` they are all of them."""
    if payment.kind is not PaymentKind.PAYMENT or payment.back.elsewhere:
        return
    if payment.origin is Origin.BY_HAND:
        if len(payment.shares) != 1 or any((each.tier, each.amount) != (1, payment.amount) for each in earned):
            yield f"payment {payment.id}: was given to one partner, and earned otherwise"
        return
    binding = terms.of(payment)
    if binding is None:
        yield f"payment {payment.id}: nobody is bound to earn from its customer"
        return
    program = terms.version(binding.program_id, binding.rule_version)
    if program is None:
        yield f"payment {payment.id}: version {binding.rule_version} of program {binding.program_id} is not there"
        return
    if payment.referral_id != binding.referral_id:
        yield f"payment {payment.id}: is of referral {payment.referral_id}, its customer's is {binding.referral_id}"
        return
    if binding.again:  # some of the customer's payments are to be rated again
        return
    base = program.commission_base(payment)
    if other := [reward for reward in earned if reward.base != base]:  # then its amount is another one, too
        yield f"reward {other[0].id}: is of a base of {other[0].base}, its program's version pays on {base}"
        return
    for reward in earned:
        yield from (f"reward {reward.id}: {reason}" for reason in _frozen_faults(reward, binding, program))
    if binding.customer and (binding.why_not(payment.occurred_at_ms) or not rating.is_of(binding, payment)):
        yield from _possible_faults(payment, earned, binding, program)
    else:
        yield from _exact_faults(payment, earned, rating.split(payment, binding, program), whole=whole)


def _frozen_faults(reward: Reward, binding: Binding, program: Program) -> Iterator[str]:
    """What does not depend on which of the customer's payments it is of."""
    links = binding.upline[: program.rules.depth]
    if not 0 < reward.tier <= len(links) or links[reward.tier - 1].partner_id != reward.partner_id:
        yield f"tier {reward.tier} is {reward.partner_id}, who is not the partner above its customer"
    if reward.rule_version != binding.rule_version:
        yield f"is of version {reward.rule_version} of the program, its customer's are of {binding.rule_version}"
    cap = dict(program.rules.monthly_cap).get(reward.currency)
    if reward.cap != cap and reward.limit is None:  # a part of a cap that was granted for good is in the balance
        yield f"is under a cap of {reward.cap}, its program's is {cap}"


def _exact_faults(payment: Payment, earned: Sequence[Reward], parts: Sequence[Share], *, whole: bool) -> Iterator[str]:
    given = {part.tier: part for part in parts}
    for reward in earned:
        part = given.get(reward.tier)
        if part is None or not part.amount:
            if reward.amount:
                yield f"reward {reward.id}: is {reward.amount}, by its rules it is nothing"
        elif (reward.amount, reward.rate_bps) != (part.amount, part.rate_bps):
            if _counts_less(payment, reward, part):
                continue
            yield (
                f"reward {reward.id}: is {reward.amount} at {reward.rate_bps} basis points, "
                f"by its rules it is {part.amount} at {part.rate_bps}"
            )
        elif reward.rule and reward.rule != part.source:
            yield f"reward {reward.id}: is of the rule {reward.rule}, by its program it is {part.source}"
    if whole:
        there = {reward.tier for reward in earned}
        for part in parts:
            if part.amount and part.tier not in there:
                yield f"payment {payment.id}: by its rules tier {part.tier} earns {part.amount}, and has no reward"


def _counts_less(payment: Payment, reward: Reward, part: Share) -> bool:
    """Whether it stays what it was when one person's, or a service's, word was no more good for what it would be now.

    Told of by a service it may be rated again because of another payment.
    """
    is_known = reward.because_of == payment.id or (payment.caller and reward.because_of)
    return bool(payment.is_on_word and is_known) and not reward.rate_bps and reward.amount < part.amount


def _possible_faults(payment: Payment, earned: Sequence[Reward], binding: Binding, program: Program) -> Iterator[str]:
    """What it would have earned as whichever of the customer's payments.

    Its place is not known: it came before times were kept, or its referral was closed, and it earns what it did.
    """
    by_tier: dict[int, set[tuple[int, int]]] = {}
    for number in (1, 2, MAX_PAYMENTS + 1):
        for first_at_ms in (payment.occurred_at_ms, 0):
            sale = Sale(
                program.commission_base(payment), payment.currency, payment.product_id, payment.occurred_at_ms, number,
                first_at_ms, payment.lines,
            )  # fmt: skip
            for part in shares(program.rules, [link.partner_id for link in binding.upline], binding.own, sale):
                by_tier.setdefault(part.tier, set()).add((part.amount, part.rate_bps))
    for reward in earned:
        possible = by_tier.get(reward.tier, set())
        corrected = reward.because_of == payment.id and reward.rate_bps in {0, *(rate for _, rate in possible)}
        if reward.amount and (reward.amount, reward.rate_bps) not in possible and not corrected:
            yield f"reward {reward.id}: is {reward.amount} at {reward.rate_bps} basis points, which no rule of it gives"


def idle_faults(reward: Reward, partner: Partner, program: Program | None) -> Iterator[str]:
    """Check that what was paid while the partner, or the program, earned nothing came into no balance."""
    if reward.status not in IN_BALANCE:
        return
    moments = (reward.earned_at_ms - MINUTE_MS, reward.earned_at_ms)  # two clocks may differ
    if not any(map(partner.earns_at, moments)):
        yield "was paid for while its partner earned nothing"
    if program and reward.rule != BY_HAND and not any(map(program.earns_at, moments)):
        yield "was paid for while its program was not open"
