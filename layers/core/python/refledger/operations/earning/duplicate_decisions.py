"""A person looks at a payment that may be another one, and says whether it is: see `duplicate_detection.py`.

Another one: what it earned goes on, and neither of the two is suspected again because of the other. The same: the two
are joined, like any two names of a payment (`payment_merges.py`). It stays written down who said so, and why.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from refledger.domain.duties import Act, NeedsSecond
from refledger.domain.errors import AlreadyDecided
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.rewards import POSSIBLE_DUPLICATE, SECOND_PERSON, Reward, holding
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import duplicate_detection, rating, refunds, reversals
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.earning.reward_decisions import tellers_of
from refledger.store import bindings, keys, partners, payments, programs, referrals, rewards, sightings
from refledger.store.transaction import Write


@dataclass(frozen=True)
class Cleared:
    """The payment as it is now. `due`: whose money moves, or may."""

    payment: Payment
    due: tuple[MaturityMessage, ...] = ()


def another(context: Context, payment_id: str, note: str, by: str) -> Cleared:
    """The payment is none that another system told of: what it earned goes on. Idempotent.

    Above what one person may make in a day it is then held until another person releases it. Who told of one of the two
    does not say so, nor who earns from it. Raises PaymentNotFound, AlreadyDecided for what is not suspected,
    SecondPersonNeeded, Forbidden, Busy.
    """
    due: list[MaturityMessage] = []
    whose = _clear(context, due, payment_id, note, by)
    if whose:
        due += rating.rate_customer(context, *whose).due
    return Cleared(payments.find(context.table, payment_id), tuple(due))


@retry_on_conflict
def _clear(context: Context, due: list[MaturityMessage], payment_id: str, note: str, by: str) -> tuple[str, str] | None:
    old = payments.find(context.table, payment_id)
    if old.kind is PaymentKind.PAYMENT and old.cleared_by and not old.twin:
        return None
    _check_suspected(old)
    binding = bindings.find(context.table, old.program_id, _customer(context, old))
    if binding is None:
        raise AlreadyDecided("nobody is known to have made the payment")
    twin = payments.find(context.table, old.twin)
    existing = rewards.many(context.table, [id for id, _ in old.shares])
    needs_second, sums = _case(context, old, twin, existing, by)
    pairs = [
        (each, replace(_freed(each, needs_second), note=note, by=by))
        for each in existing
        if POSSIBLE_DUPLICATE in each.held
    ]
    taken = reversals.settle(context, old, pairs, old.id, context.now_ms())
    others, spoken_for = duplicate_detection.spoken_for(context, binding, old, twin)
    again = binding.look_again(tuple(others), old.id) if others else binding
    new = replace(old, twin="", cleared_by=by, note=note)
    context.table.commit(
        payments.may_be(old, new),
        *taken.writes,
        *spoken_for,
        sightings.take_off(old.id),
        *sums,
        *([bindings.count(binding, again)] if others else []),
    )
    due.extend(taken.due)
    return binding.program_id, binding.customer


def same(context: Context, payment_id: str, note: str, by: str) -> Cleared:
    """The payment is the one that it may be: they are one from now on, under both names. Idempotent.

    Which of them stays, the rules of names say; of the other one all is taken back. Raises like `another`.
    """
    _, twin = _say_same(context, payment_id, note, by)
    linked = refunds.link(context, payment_id, twin)
    if linked.outcome is RecordOutcome.DIFFERENT:
        raise AlreadyDecided("one of the two is known to be another payment's")
    return Cleared(payments.find(context.table, payment_id), tuple(linked.due))


@retry_on_conflict
def _say_same(context: Context, payment_id: str, note: str, by: str) -> tuple[Payment, str]:
    old = payments.find(context.table, payment_id)
    if old.kind is PaymentKind.ALIAS:
        return old, old.target
    if old.cleared_by and not old.twin:
        raise AlreadyDecided("a person has said that it is another payment")
    _check_suspected(old)
    existing = rewards.many(context.table, [id for id, _ in old.shares])
    _check_stranger(context, Act.CANCEL_REWARD, existing, by)
    new = replace(old, note=note, cleared_by=by)  # who told of it stays its maker
    if new != old:
        context.table.commit(payments.may_be(old, new))
    return new, old.twin


def _freed(reward: Reward, needs_second: bool) -> Reward:
    """No more held because its payment may be another one; for whatever else it is."""
    held = holding(reward.held, POSSIBLE_DUPLICATE, on=False)
    return replace(reward, held=holding(held, SECOND_PERSON, on=True) if needs_second else held, twin="")


def _check_suspected(payment: Payment) -> None:
    if payment.kind is not PaymentKind.PAYMENT or not payment.twin:
        raise AlreadyDecided("nothing says that the payment may be another one")


def _customer(context: Context, payment: Payment) -> str:
    """Of a conversion it may have become known since."""
    return payment.customer or referrals.find(context.table, payment.referral_id).customer


def _case(
    context: Context, payment: Payment, twin: Payment, existing: list[Reward], by: str
) -> tuple[bool, list[Write]]:
    """Whether another person has to release it, too, and what writes it down. Raises what bars who says so."""
    for maker in sorted(tellers_of(context, payment) | tellers_of(context, twin)) or [""]:
        _check_stranger(context, Act.CLEAR_DUPLICATE, existing, by, maker)
    amounts = Counter[str]()
    for each in existing:
        if POSSIBLE_DUPLICATE in each.held:
            amounts[each.partner_id] += each.amount  # what a refund or a dispute holds may come back
    program = programs.find(context.table, payment.program_id)
    case = duties.case(context, Act.CLEAR_DUPLICATE, by, [program], payment.currency, amounts)
    return isinstance(case.require(), NeedsSecond), case.writes()


def _check_stranger(context: Context, act: Act, existing: list[Reward], by: str, maker: str = "") -> None:
    ids = sorted({each.partner_id for each in existing})
    found = context.table.get_many([keys.partner(id) for id in ids]) if ids else []
    users = [partners.from_item(item).customer for item in found if item]
    duties.check_stranger(act, by, *users, maker=maker)
