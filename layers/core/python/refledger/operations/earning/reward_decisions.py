"""What people decide about a reward: to hold it, let it go, approve it before its day, or cancel it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from refledger.domain.duties import Act, NeedsSecond
from refledger.domain.errors import AlreadyDecided, Conflict, Invalid, check_version
from refledger.domain.partners import Partner
from refledger.domain.payments import Payment
from refledger.domain.rewards import (
    DISPUTED,
    OWN_REASONS,
    POSSIBLE_DUPLICATE,
    SECOND_PERSON,
    Cancelled,
    Reward,
    RewardStatus,
    holding,
    worth,
)
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning.rewards import booked, change, freed, holder, ripened
from refledger.store import payments, programs, referrals, rewards
from refledger.store.transaction import Write

REASONS_LIMIT = 5  # reasons to hold that one reward may have at a time


def hold(context: Context, reward_id: str, reason: str, by: str) -> Reward:
    """Keep a reward from maturing until a person releases it. Idempotent by the reason.

    Raises RewardNotFound, Invalid, AlreadyDecided once it is in the balance: then an adjustment is the way.
    """

    def decide(old: Reward, _: Partner) -> Reward:
        held = _also_held(old, reason)
        return old if held == old.held else replace(old, held=held, note=reason, by=by)

    return _by_hand(context, reward_id, Act.HOLD_REWARD, by, decide)


def amend(context: Context, reward_id: str, version: int, note: str | None, reason: str | None, by: str) -> Reward:
    """Write a note on a reward, hold it for a reason, or both, if `version` is its current one.

    Idempotent: what stands there already changes nothing, whatever `version` says.
    Raises RewardNotFound, Stale, Forbidden, and what `hold` raises.
    """

    def decide(old: Reward, _: Partner) -> Reward:
        held = _also_held(old, reason) if reason else old.held
        new = replace(old, held=held, note=(reason or old.note) if note is None else note)
        if new == old:
            return old
        check_version("reward", old.version, version)
        return replace(new, by=by)

    return _by_hand(context, reward_id, Act.HOLD_REWARD, by, decide)


def _also_held(old: Reward, reason: str) -> tuple[str, ...]:
    """The reasons with one more of a person's. Raises Invalid, AlreadyDecided, Conflict."""
    if reason in OWN_REASONS:
        raise Invalid(f"reason: {reason} is what the system itself says")
    if reason in old.held:
        return old.held
    if old.status not in (RewardStatus.PENDING, RewardStatus.CALCULATED):
        raise AlreadyDecided(f"the reward is {old.status}: it cannot be held any more")
    if len(old.held) >= REASONS_LIMIT:
        raise Conflict("the reward is held for enough reasons")
    return holding(old.held, reason, on=True)


def release(context: Context, reward_id: str, note: str, by: str) -> Reward:
    """Take off what people held it for.

    One that is due is approved here: the schedule may be past it. Idempotent.

    An open dispute holds on. What was given by hand above the limit is released by another person than who gave it;
    what only a machine told by people who vouch for it: above what one may make in a day the first one's word is kept.
    One whose payment may be another one: this says that it is not, for all of the payment (see
    `duplicate_decisions.another`). Raises RewardNotFound, SecondPersonNeeded, Forbidden.
    """
    vouched: list[Write] = []

    def decide(old: Reward, partner: Partner) -> Reward:
        vouched.clear()
        held = tuple(reason for reason in old.held if reason == DISPUTED)
        if held == old.held or POSSIBLE_DUPLICATE in old.held:
            return old
        if SECOND_PERSON in old.held:
            told = payments.find(context.table, old.payment)
            _check_second(makers_of(context, told), partner, by)
            case = _voucher(context, old, partner, by) if told.is_told_by_nobody else None
            if case and isinstance(case.require(), NeedsSecond):
                return replace(old, vouched_by=by, note=note, by=by)
            vouched.extend(case.writes(marks={old.vouched_by or by}) if case else ())
        new = replace(old, held=held, note=note, by=by)
        return freed(context, new, partner, context.now_ms())

    released = _by_hand(context, reward_id, Act.RELEASE_REWARD, by, decide, vouched)
    if POSSIBLE_DUPLICATE not in released.held:
        return released
    from refledger.operations.earning import duplicate_decisions

    duplicate_decisions.another(context, released.payment, note, by)
    return rewards.find(context.table, reward_id)


def makers_of(context: Context, payment: Payment) -> frozenset[str]:
    """Return who told of it, accepted or cleared it: see `tellers_of`."""
    return tellers_of(context, payment) | {payment.cleared_by} - {""}


def tellers_of(context: Context, payment: Payment) -> frozenset[str]:
    """Return who told of a payment or accepted it; if no person did, the staff who made its referral.

    Who told over HTTP with an API key is the person who made the key.
    """
    told = {payment.by, payment.caller}
    if payment.is_told_by_nobody:
        told.update(*(each.makers for each in referrals.many(context.table, [payment.referral_id])))
    return frozenset(told - {""})


def _check_second(makers: frozenset[str], partner: Partner, by: str) -> None:
    """Raises SecondPersonNeeded for who made it, Forbidden where they are the partner by now."""
    for maker in sorted(makers):
        duties.check_stranger(Act.RELEASE_REWARD, by, maker=maker)
    why = "who gave it is the partner now: cancel it, and let somebody else give it"
    duties.check_apart(Act.RELEASE_REWARD, partner.customer, makers, why)


def _voucher(context: Context, reward: Reward, partner: Partner, by: str) -> duties.Case:
    """Who lets a machine's word count makes that money: the machine may be their own."""
    return duties.case(
        context, Act.RELEASE_TOLD, by, [programs.find(context.table, reward.program_id)], reward.currency,
        {partner.id: reward.amount}, earns=[partner.customer],  # what a refund or a dispute holds may come back
        earlier=[reward.vouched_by] if reward.vouched_by else (),
    )  # fmt: skip


def approve(context: Context, reward_id: str, note: str, by: str, version: int | None = None) -> Reward:
    """A person lets a reward into the balance, at its time or before.

    Idempotent: one that is there stays as it is. `version`: the one that the caller has read, where they say so.

    Raises RewardNotFound, Stale, Conflict while it is held, AlreadyDecided where it was cancelled, SecondPersonNeeded
    before
    its day above what one person may make in a day, and for who told of it where it is to be reviewed.
    """

    def decide(old: Reward, partner: Partner) -> Reward:
        match old.status:
            case RewardStatus.APPROVED | RewardStatus.PAID:
                return old
            case RewardStatus.CANCELLED:
                raise AlreadyDecided("the reward is cancelled")
            case RewardStatus.PENDING | RewardStatus.CALCULATED:
                check_version("reward", old.version, version)
                if old.held:
                    raise Conflict("the reward is held; release it first")
                return ripened(context, partner, [replace(old, note=note or old.note, by=by)], by_hand=True)[0]

    return _by_hand(context, reward_id, Act.APPROVE_REWARD, by, decide)


def _approval(context: Context, old: Reward, new: Reward, partner: Partner, by: str) -> list[Write]:
    """What writes down that one person let it in before its day. Raises SecondPersonNeeded."""
    early = worth(new) - worth(old) if old.matures_at_ms > context.now_ms() else 0
    if not early and not old.review:
        return []
    for made in payments.many(context.table, [old.payment]) if old.review else ():
        for maker in (made.by, made.caller):
            duties.check_stranger(Act.APPROVE_REWARD, by, maker=maker)
    case = duties.case(
        context, Act.APPROVE_REWARD, by, [programs.find(context.table, old.program_id)], old.currency,
        {partner.id: early},
    )  # fmt: skip
    case.check()
    return case.writes()


def cancel(context: Context, reward_id: str, note: str, by: str, version: int | None = None) -> Reward:
    """Cancel a reward for good, whatever becomes of the payment.

    What was in the balance leaves it, into debt if it must. Idempotent. `version`: see `approve`.

    Raises RewardNotFound, Stale, AlreadyDecided once it was paid: then an adjustment is the way.
    """

    def decide(old: Reward, _: Partner) -> Reward:
        if old.cancelled is Cancelled.BY_HAND:
            return old
        check_version("reward", old.version, version)
        if old.status is RewardStatus.PAID:
            raise AlreadyDecided("the reward was paid out; correct it by an adjustment")
        return replace(old, status=RewardStatus.CANCELLED, cancelled=Cancelled.BY_HAND, held=(), note=note, by=by)

    return _by_hand(context, reward_id, Act.CANCEL_REWARD, by, decide)


@retry_on_conflict
def _by_hand(
    context: Context,
    reward_id: str,
    act: Act,
    by: str,
    decide: Callable[[Reward, Partner], Reward],
    also: Sequence[Write] = (),
) -> Reward:
    """One reward as a person decides. `also`: what goes with it, known once it is decided.

    Nobody decides about their own: raises Forbidden.
    """
    old = rewards.find(context.table, reward_id)
    partner, balance = holder(context, old.partner_id, old.currency)
    duties.check_stranger(act, by, partner.customer)
    new = decide(old, partner)
    if new == old:
        return old
    writes = [*change(context, balance, [(old, new)], old.payment, context.now_ms()), *also]
    if act is Act.APPROVE_REWARD:
        writes += _approval(context, old, new, partner, by)
    context.table.commit(*writes)
    return rewards.moved(old, booked(balance, old, new))
