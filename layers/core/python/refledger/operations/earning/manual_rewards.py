"""One of the staff gives a reward by hand: a payment that nobody made, with one share, which then lives like any other.

Above what one person may make in a day it is held until another person releases it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from refledger.adapters.ids import LONG_ID_BYTES
from refledger.domain.duties import Act, NeedsSecond
from refledger.domain.errors import Conflict, CurrencyNotTaken, PartnerNotFound, ProgramClosed
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.payments import Origin, Payment, PaymentKind, said
from refledger.domain.programs import Program, ProgramStatus
from refledger.domain.rewards import BY_HAND, SECOND_PERSON, Reward, RewardStatus
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.idempotency import note_repeat
from refledger.store import keys, partners, payments, programs, rewards
from refledger.store.transaction import Item


@dataclass(frozen=True)
class Gift:
    """Who gets how much, in minor units above zero, and why."""

    partner_id: str
    amount: int
    currency: str
    reason: str


def give(context: Context, gift: Gift, actor: str, key: str | None) -> Reward:
    """Return the reward, which is due at once: who calls has it matured, unless it is held.

    Idempotent for ever by the Idempotency-Key, of which the payment's id is made; without one every call is a request
    of its own. Payment and reward are written together or not at all.
    Raises PartnerNotFound, Forbidden for the partner's own user, Conflict unless the partner is ACTIVE, ProgramClosed
    where their program is archived, CurrencyNotTaken, KeyReused, Busy.
    """
    size = LONG_ID_BYTES
    id = context.ids.hash("given", actor, key, size=size) if key else context.ids.new(size)  # no event's id is made so
    return _give(context, id, gift, actor)


@retry_on_conflict
def _give(context: Context, id: str, gift: Gift, actor: str) -> Reward:
    earlier, partner_item = context.table.get_many([keys.payment(id), keys.partner(gift.partner_id)])
    if earlier:
        return _given_before(context, gift, earlier)
    if partner_item is None:
        raise PartnerNotFound("there is no such partner")
    partner = partners.from_item(partner_item)
    duties.check_stranger(Act.GIVE_REWARD, actor, partner.customer)
    if partner.status is not PartnerStatus.ACTIVE:
        raise Conflict(f"the partner is {partner.status}: only an active one earns")
    program = programs.find(context.table, partner.program_id)
    if program.status is ProgramStatus.ARCHIVED:
        raise ProgramClosed("the partner's program is archived")
    if not program.takes(gift.currency):
        raise CurrencyNotTaken(f"the partner's program does not take {gift.currency}")
    case = duties.case(context, Act.GIVE_REWARD, actor, [program], gift.currency, {partner.id: gift.amount})
    held = isinstance(case.require(), NeedsSecond)
    payment, reward = _made(id, gift, partner, program, actor, context.now_ms(), held=held)
    context.table.commit(payments.create(payment), rewards.create(reward, context.now_ms()), *case.writes())
    return reward


def _given_before(context: Context, gift: Gift, earlier: Item) -> Reward:
    """What the same request gave, as it is now. Raises KeyReused where it was another request."""
    payment = payments.from_item(earlier)
    ((reward_id, amount),) = payment.shares
    given = Gift(keys.owner_of(keys.reward(reward_id)), amount, payment.currency, payment.note)
    note_repeat(is_same=given == gift, of=payment)
    return rewards.find(context.table, reward_id)


def _made(
    id: str, gift: Gift, partner: Partner, program: Program, actor: str, now_ms: int, *, held: bool
) -> tuple[Payment, Reward]:
    reward = Reward(
        id=keys.reward_id(partner.id, now_ms, gift.currency, id, 1),
        partner_id=partner.id,
        tier=1,
        amount=gift.amount,
        currency=gift.currency,
        status=RewardStatus.PENDING,
        base=gift.amount,
        rate_bps=0,
        rule=BY_HAND,
        rule_version=program.version,
        program_id=program.id,
        payment=id,
        referral_id="",
        matures_at_ms=now_ms,
        earned_at_ms=now_ms,
        held=(SECOND_PERSON,) if held else (),
        note=gift.reason,
        by=actor,
        created_at_ms=now_ms,
    )
    payment = Payment(
        id=id,
        kind=PaymentKind.PAYMENT,
        currency=gift.currency,
        program_id=program.id,
        amount=gift.amount,
        base=gift.amount,
        occurred_at_ms=now_ms,
        created_at_ms=now_ms,
        due_ms=now_ms,
        shares=((reward.id, reward.amount),),
        note=gift.reason,
        by=actor,
        origin=Origin.BY_HAND,
    )
    return replace(payment, body=said(payment)), reward
