"""A referral that converts for a value that somebody tells: it earns exactly like a payment of that much, once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from refledger.domain.duties import Act
from refledger.domain.errors import Conflict, CurrencyNotTaken, Invalid, ProgramClosed, ReferralClosed
from refledger.domain.maturity import MaturityMessage
from refledger.domain.payments import NOTHING, Origin, Payment, PaymentKind, said
from refledger.domain.referrals import CLOSED, OPEN, Referral, ReferralStatus
from refledger.domain.rewards import Reward
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning import rating
from refledger.operations.earning.payments import assess
from refledger.operations.earning.word import by_word
from refledger.operations.upline_resolution import check_stranger
from refledger.store import bindings, keys, payments, programs, referrals, rewards

ADDED_LIMIT = 20  # how often the value of a conversion may turn out to be more than it ever was
SYSTEM = "conversion"  # what sends their payments, as it were; the payment's id there is the referral's


@dataclass(frozen=True)
class Converted:
    """`repeated`: it had converted for the same before. `due`: whose money moved of what the customer paid later."""

    referral: Referral
    payment: Payment
    rewards: list[Reward]
    repeated: bool = False
    due: tuple[MaturityMessage, ...] = ()


def payment_id(context: Context, referral_id: str) -> str:
    """Return the id of the payment as which the conversion of a referral is booked, one for ever."""
    return context.ids.payment(SYSTEM, referral_id)


def parts_of(context: Context, referral_id: str) -> list[Payment]:
    """Return the payments of a conversion: its own, and one for each time its value turned out higher."""
    names = [referral_id, *(f"{referral_id}+{number}" for number in range(1, ADDED_LIMIT + 1))]
    return payments.many(context.table, [context.ids.payment(SYSTEM, name) for name in names])


def part_name(referral_id: str, number: int) -> str:
    """Return the name of payment number `number` of a conversion: see `parts_of`."""
    return f"{referral_id}+{number}" if number else referral_id


@retry_on_conflict
def add(context: Context, referral_id: str, number: int, amount: int) -> tuple[Payment, list[MaturityMessage]]:
    """Book that a conversion was worth `amount` more than what is booked of it, in minor units.

    Returns the payment, and what may mature at once.

    It is earned like the conversion itself, and when that was. `number`: how many payments of it there are; idempotent
    by that. Raises ReferralNotFound, and Forbidden.
    """
    table, now_ms = context.table, context.now_ms()
    old = referrals.find(table, referral_id)
    id = context.ids.payment(SYSTEM, part_name(referral_id, number))
    first, *done = payments.many(table, [old.conversion, id])
    if done:
        return done[0], []
    new = replace(
        first, id=id, amount=amount, base=amount, target=first.id, back=NOTHING, shares=(), unearned=(), revision=1,
        by="", by_machine=True, note="", reason="", external_id=part_name(referral_id, number),
    )  # fmt: skip
    new = replace(new, body=said(new))
    program = programs.find(table, old.program_id)
    binding = bindings.find(table, old.program_id, old.customer) if old.customer else None
    bound = binding or old.bound("", now_ms)
    assessed, sums = by_word(
        context, Act.CONVERT_BY_MACHINE, "", program, lambda held: assess(context, new, bound, program, None, held),
        old.makers,
    )  # fmt: skip
    met = [] if binding else [referrals.unchanged(old)]
    table.commit(*assessed.writes, *sums, *met)
    return assessed.payment, assessed.due(now_ms)


def convert(
    context: Context,
    referral_id: str,
    amount: int,
    currency: str = "",
    *,
    by: str = "",
    by_machine: bool = False,
    at_ms: int = 0,
) -> Converted:
    """Book the value of a conversion, in minor units, by the rules and up-line of its referral.

    `currency`: "" for the program's own. `by`: keyed hash of the person or service (`by_machine`) who says so, "" for a
    CRM. `at_ms`: when it converted, now by default; what converted in time earns, however late it is told.

    Above what may be told in a day, by people or by machines, its rewards are held until a person releases them who did
    not tell it.

    Idempotent for ever by the payment that it is booked as. The referral, its binding, the payment and the rewards
    change in one transaction. A customer who has paid before does not keep it from converting: both earn.
    Raises ReferralNotFound, ReferralClosed for one that was rejected or had expired by then, Invalid, CurrencyNotTaken,
    ProgramClosed where the program was paused then, Conflict where it has converted for another value, and Forbidden
    where `by` would earn from it.
    """
    if amount <= 0:
        raise Invalid("conversionValue: more than nothing")
    id = payment_id(context, referral_id)
    act = Act.CONVERT_BY_MACHINE if by_machine or not by else Act.CONVERT
    converted = _convert(context, id, act, referral_id, amount, currency, by=by, at_ms=at_ms)
    referral = converted.referral
    return replace(converted, due=tuple(rating.at_once(context, referral.program_id, referral.customer)))


@retry_on_conflict
def _convert(
    context: Context, id: str, act: Act, referral_id: str, amount: int, currency: str, *, by: str, at_ms: int
) -> Converted:
    table, now_ms = context.table, context.now_ms()
    old = referrals.find(table, referral_id)
    booked = payments.many(table, [id])
    if booked:
        return _repeated(context, old, booked[0], amount, currency)
    check_stranger(context, act, old.upline, old.depth, by)
    moment_ms = at_ms or now_ms
    binding = bindings.find(table, old.program_id, old.customer) if old.customer else None
    program = programs.find(table, old.program_id)
    if binding.why_not(moment_ms) if binding else old.is_over(moment_ms):
        raise ReferralClosed("the referral was rejected, or has expired: it cannot convert")
    if not program.earns_at(moment_ms):
        raise ProgramClosed("the program was paused when this converted: it earns nothing")
    if not program.takes(currency or program.currency):
        raise CurrencyNotTaken(f"the program does not take {currency}")
    payment = Payment(
        id=id,
        kind=PaymentKind.PAYMENT,
        currency=currency or program.currency,
        program_id=old.program_id,
        amount=amount,
        base=amount,
        customer=old.customer,
        occurred_at_ms=moment_ms,
        referral_id=old.id,
        by=by,
        by_machine=act is Act.CONVERT_BY_MACHINE,
        origin=Origin.CONVERSION,
        external_id=old.id,
    )
    payment = replace(payment, body=said(payment))
    bound = binding or old.bound("", now_ms)
    assessed, sums = by_word(
        context, act, by, program, lambda held: assess(context, payment, bound, program, None, held), old.makers
    )  # fmt: skip
    new = replace(old, conversion=id, version=old.version + 1, updated_at_ms=now_ms)
    if old.status in (*OPEN, ReferralStatus.EXPIRED):
        new = replace(new, status=ReferralStatus.CONVERTED, converted_at_ms=moment_ms, closed_at_ms=0, reason="")
    table.commit(*assessed.writes, *sums, referrals.change(old, new, now_ms))
    made = [replace(reward, created_at_ms=assessed.payment.created_at_ms) for reward in assessed.rewards]
    return Converted(new, assessed.payment, made)


def _repeated(context: Context, referral: Referral, booked: Payment, amount: int, currency: str) -> Converted:
    """What it came to the first time. What a payment said never changes, and nor does what it is said again in."""
    wanted = currency or programs.find(context.table, referral.program_id).currency
    if (booked.amount, booked.currency) != (amount, wanted):
        raise Conflict("the referral has converted for another value")
    earned = rewards.many(context.table, [id for id, _ in booked.shares])
    return Converted(referral, booked, earned, repeated=True)


def conversion_faults(context: Context, payment: Payment) -> list[str]:
    """Return what is wrong with the payment of a conversion, held against its referral.

    Nothing for any other payment.
    """
    if payment.origin is not Origin.CONVERSION:
        return []
    named = f"payment {payment.id}: is the conversion of referral {payment.referral_id}"
    if not keys.is_referral_id(payment.referral_id):
        return [f"{named}, which is none"]
    found = referrals.many(context.table, [payment.referral_id])
    if not found:
        return [f"{named}, which is not there"]
    if found[0].conversion not in (payment.id, payment.target):  # an operator's machine has no key to make the id with
        return [f"{named}, which says otherwise"]
    if found[0].status in (*OPEN, *CLOSED):
        return [f"{named}, which is {found[0].status}"]
    return []
