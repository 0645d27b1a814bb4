"""A reward that staff paid by itself: the books take it as a withdrawal that is PAID from its beginning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from refledger.adapters.ids import LONG_ID_BYTES
from refledger.domain.duties import Act
from refledger.domain.errors import AlreadyDecided, NotPayable, SecondPersonNeeded
from refledger.domain.journal import Balance, EntryKind, post
from refledger.domain.methods import MethodType
from refledger.domain.partners import Partner
from refledger.domain.payout_gate import Blockers, check_note, check_stops, takes_second
from refledger.domain.rewards import Reward, RewardStatus, owed, paid, worth
from refledger.domain.withdrawals import MethodUsed, Withdrawal, WithdrawalStatus, WithdrawalStep
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.earning.reward_decisions import makers_of
from refledger.operations.earning.rewards import holder
from refledger.operations.payouts import payout_gate
from refledger.store import caps, ledger, payments, programs, rewards, withdrawals
from refledger.store.transaction import Write


@retry_on_conflict
def together(context: Context, reward_ids: Sequence[str]) -> dict[str, int]:
    """Return what one payment of these rewards, 100 at most, brings the partner of each, in minor units.

    It counts what of it was told before, too. Those that are not there are left out.
    """
    sums: Counter[tuple[str, str]] = Counter()
    found = rewards.many(context.table, reward_ids)
    for each in found:
        sums[each.partner_id, each.currency] += worth(each) if each.paid_by == _id(context, each) else owed(each)
    return {each.id: sums[each.partner_id, each.currency] for each in found}


def _id(context: Context, reward: Reward) -> str:
    """Of the withdrawal as which the reward's payment is booked: there can be one, for ever."""
    return context.ids.hash("process-payment", reward.id, size=LONG_ID_BYTES)


@retry_on_conflict
def process(
    context: Context,
    reward_id: str,
    method: str,
    transaction_id: str,
    actor: str,
    request: str,
    whole: int = 0,
    note: str = "",
) -> Reward:
    """Book that one of the staff has paid what an approved reward is worth.

    Reward, withdrawal, balance and entry change together.

    `method`: how, in words. `whole`: what the same payment brings the partner with other rewards (see `together`), for
    the limit is for all of it, and for what the partner's and the actor's day has seen. Idempotent for ever by the
    reward: it is paid once, and the same payment told again changes nothing; another one of it is refused. One that
    came back (RETURNED) is no payment any more: told again it is refused, and another one pays the reward anew.
    Raises RewardNotFound, Forbidden for the partner's own user, AlreadyDecided, NotPayable unless it is APPROVED and
    available, PartnerSuspended, Busy, and SecondPersonNeeded above what one person may pay out in a day, for who made
    the reward, and for who did for the partner what bars them.
    """
    old = rewards.find(context.table, reward_id)
    id, back = _id(context, old), None
    if old.status is RewardStatus.PAID:
        before = _paid_before(context, old, method, transaction_id)
        if before.status is WithdrawalStatus.PAID:
            return old
        id, back = context.ids.hash("process-payment", old.id, before.id, size=LONG_ID_BYTES), before
    partner, _ = holder(context, old.partner_id, old.currency)
    duties.check_stranger(Act.PAY_REWARD, actor, partner.customer)
    now_ms, new = context.now_ms(), paid(old, id)
    withdrawal = Withdrawal(
        id=id,
        partner_id=partner.id,
        program_id=partner.program_id,
        amount=0,
        currency=old.currency,
        status=WithdrawalStatus.PAID,
        method=MethodUsed("", 0, MethodType.BANK_TRANSFER, "", method),
        requester="",
        created_at_ms=now_ms,
        expires_at_ms=now_ms,
        body="",
        transaction_id=transaction_id,
        steps=(WithdrawalStep(WithdrawalStatus.PAID, actor, now_ms, note, request),),
    )
    seen = payout_gate.look(context, withdrawal)
    balance = seen.balance(old.currency)
    amount, months = (min(back.amount, worth(old)), []) if back else _open(context, old, new, balance)
    _check_payable(seen.blockers, balance, amount, note)
    case = _case(context, old, seen.partner, actor, amount, whole)
    withdrawal = replace(withdrawal, amount=amount)
    after, entry = post(balance, EntryKind.PAY, amount, id, now_ms, unpaid=0 if back else -amount)
    context.table.commit(
        rewards.move(old, new, now_ms), *months, *withdrawals.created(withdrawal),
        *ledger.post(balance, after, entry), *seen.guards(posted=old.currency), *case.writes(),
    )  # fmt: skip
    return rewards.moved(old, new)


def _case(context: Context, reward: Reward, partner: Partner, actor: str, amount: int, whole: int) -> duties.Case:
    made = payments.many(context.table, [reward.payment])
    case = duties.case(
        context, Act.PAY_REWARD, actor, [programs.find(context.table, partner.program_id)], reward.currency,
        {partner.id: amount}, earns=[partner.customer], maker=made[0].by if made else "", whole=whole,
    )  # fmt: skip
    case.check()
    makers = {reward.vouched_by}.union(*(makers_of(context, each) for each in made)) - {""}
    for maker in sorted(makers):  # who told of it is named first
        duties.check_stranger(Act.PAY_REWARD, actor, maker=maker)
    return case


def _open(context: Context, old: Reward, new: Reward, balance: Balance) -> tuple[int, list[Write]]:
    """What is to be paid of it, in minor units, and what its month's cap then counts as paid. Raises NotPayable."""
    if old.status is not RewardStatus.APPROVED:
        raise NotPayable(f"the reward is {old.status}: only an approved one can be paid")
    before = caps.of_rewards(context.table, balance, [old])
    if not before:
        return owed(old), []
    (month,) = before.values()
    after = month.moved(old, new)
    return month.owed - after.owed, [caps.move(month, after, context.now_ms())]


def _check_payable(blockers: Blockers, balance: Balance, amount: int, note: str) -> None:
    """Raises NotPayable, PartnerSuspended, NoteNeeded, and SecondPersonNeeded with a debt: two let a withdrawal go."""
    check_stops(blockers)
    if not amount:
        raise NotPayable("nothing of the reward is left to be paid")
    if balance.available < amount:
        raise NotPayable("what is available is less than the reward: it is reserved, or went out already")
    if takes_second(blockers):
        why = "; ".join(each.text for each in blockers)
        raise SecondPersonNeeded(f"the partner has to withdraw it, and two people decide, because {why}")
    check_note(blockers, note)


def _paid_before(context: Context, reward: Reward, method: str, transaction_id: str) -> Withdrawal:
    """The payment of it, where it is this very one, or came back and this is another one. Raises AlreadyDecided."""
    known = withdrawals.find_or_none(context.table, reward.paid_by) if reward.paid_by else None
    if known is None or known.status not in (WithdrawalStatus.PAID, WithdrawalStatus.RETURNED):
        raise AlreadyDecided("the reward was paid already")
    is_same = (known.method.masked, known.transaction_id) == (method, transaction_id)
    if known.status is WithdrawalStatus.RETURNED:
        if known.method.is_known:
            raise AlreadyDecided("the payout that paid it came back: its money is available, and can be withdrawn")
        if is_same:
            raise AlreadyDecided("this payment came back; pay it anew, with another transactionId")
        return known
    if known.method.is_known or not is_same:
        raise AlreadyDecided("the reward was paid already")
    return known
