"""What earns on somebody's word: a conversion that is told, a parked payment that is accepted.

Above what may be made so in a day its rewards are held, until a person releases them who did not say so. So is what it
earns more once its provider tells more of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from refledger.domain.duties import Act, NeedsSecond
from refledger.domain.payments import Payment
from refledger.domain.programs import Program
from refledger.domain.rewards import IN_BALANCE, SECOND_PERSON, Cancelled, Reward, RewardStatus, holding, revalue
from refledger.operations import duties
from refledger.operations.context import Context
from refledger.operations.earning import rating
from refledger.operations.earning.payments import PaymentAssessment
from refledger.store.transaction import Write


def by_word(
    context: Context,
    act: Act,
    by: str,
    program: Program,
    assess: Callable[[tuple[str, ...]], PaymentAssessment],
    makers: Collection[str] = (),
    caller: str = "",
) -> tuple[PaymentAssessment, list[Write]]:
    """Return what the payment comes to, and what writes down the day's sums with it.

    `assess` makes the payment with reasons to hold its rewards. `by`: keyed hash of who says so, "" for a CRM.
    `makers`: the people behind what a machine tells. `caller`: the service that told of it, which has a limit of its
    own beside the person's. Raises what bars them.
    """
    assessed = assess(())
    amounts = Counter[str]()
    for reward in assessed.rewards:
        amounts[reward.partner_id] += reward.amount
    currency, by_machine = assessed.payment.currency, act is Act.CONVERT_BY_MACHINE
    sold = _sold(context, caller, program, assessed) if caller else []
    if sold is None:  # it waits on the service's account, and is in nobody's day
        amounts = Counter(dict.fromkeys(amounts, 0))
    case = duties.case(context, act, by, [program], currency, amounts, by_machine=by_machine)
    if isinstance(case.require(), NeedsSecond) or sold is None:
        assessed, sold = assess((SECOND_PERSON,)), []
    return assessed, [*case.writes(marks=makers if by_machine else None, caller=assessed.payment.caller), *sold]


def told_by_service(
    context: Context, caller: str, program: Program, assess: Callable[[tuple[str, ...]], PaymentAssessment]
) -> PaymentAssessment:
    """Return what a payment comes to that a service told of over HTTP, counted in the service's day.

    Above what it may make so its rewards are held. `caller`: keyed hash of the service.
    """
    assessed = assess(())
    counted = _sold(context, caller, program, assessed)
    if counted is None:
        assessed, counted = assess((SECOND_PERSON,)), []
    marks = duties.sold(context, caller, [reward.partner_id for reward in assessed.rewards])
    return replace(assessed, writes=[*assessed.writes, *counted, *marks])


def _sold(context: Context, caller: str, program: Program, assessed: PaymentAssessment) -> list[Write] | None:
    """What counts the payment in the day of the service; None where that needs a person."""
    earning = {reward.partner_id for reward in assessed.rewards}
    links = [link for link in (assessed.binding.upline if assessed.binding else ()) if link.partner_id in earning]
    earns = {link.customer for link in links}
    if "" in earns and duties.is_own(context, caller, earning):  # who was linked later is looked up
        earns.add(caller)
    amount = sum(reward.amount for reward in assessed.rewards)
    return duties.sale(context, caller, program, assessed.payment.currency, amount, earns=earns)


def more(
    context: Context, payment: Payment, existing: Mapping[int, Reward], becomes: Mapping[int, Reward]
) -> tuple[dict[int, Reward], list[Write]]:
    """Return a counted payment's rewards as they become, and what writes their rise into the day's sums.

    Above what one person may make in a day they are held, and whatever a service's sale comes to more; one that is in
    the balance stays what it was instead, for nothing that is there is held: somebody gives the rest by hand.
    """
    amounts, earning = Counter[str](), set[str]()
    for tier, new in becomes.items():
        difference = new.amount - _amount(existing.get(tier))
        if difference > 0 and new.cancelled is not Cancelled.BY_HAND:
            earning.add(new.partner_id)
            if SECOND_PERSON not in new.held:
                amounts[new.partner_id] += difference
    marks = duties.sold(context, payment.caller, earning) if payment.caller else []
    if not amounts:
        return dict(becomes), marks
    program = context.program(payment.program_id)
    person = "" if payment.caller else payment.by or payment.cleared_by  # who vouched for a sale had seen less
    if person:
        act = Act.ACCEPT_PAYMENT if payment.by else Act.CLEAR_DUPLICATE
        case = duties.case(context, act, person, [program], payment.currency, amounts)
        is_enough, counted = not isinstance(case.require(), NeedsSecond), case.writes()
    else:  # it is told of no sale, so it is counted in no day
        is_limited = program.limits_sales(payment.currency)
        is_enough, counted = not is_limited and not duties.is_own(context, payment.caller, amounts), marks
    if is_enough:
        return dict(becomes), counted
    return {tier: _waits(payment, existing.get(tier), new) for tier, new in becomes.items()}, counted


def doubt(context: Context, payment: Payment) -> None:
    """Hold what a service's sale earns, because the bus tells something else of it.

    What is in a balance stays there. Raises RetryableConflict.
    """
    existing = rating.rewards_of(context, payment)
    is_over = (*IN_BALANCE, RewardStatus.CANCELLED)
    becomes = {
        tier: each if each.status in is_over else replace(each, held=holding(each.held, SECOND_PERSON, on=True))
        for tier, each in existing.items()
    }
    rating.book(context, payment, payment, existing, becomes, f"{payment.id} because of the bus")


def _amount(reward: Reward | None) -> int:
    return reward.amount if reward else 0


def _waits(payment: Payment, old: Reward | None, new: Reward) -> Reward:
    """The reward, where it has become more, as far as one person's word goes."""
    if new.amount <= _amount(old) or new.cancelled is Cancelled.BY_HAND:
        return new
    if old and old.status in IN_BALANCE:
        return revalue(replace(new, amount=old.amount, rate_bps=0), payment.amount, payment.back)
    return replace(new, held=holding(new.held, SECOND_PERSON, on=True))
