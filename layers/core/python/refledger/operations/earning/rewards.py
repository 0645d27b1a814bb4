"""Every change of a reward goes through `change`, and so does the money that follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from refledger.domain.caps import CappedMonth, month_of
from refledger.domain.errors import (
    PartnerNotFound,
    ProgramNotFound,
)
from refledger.domain.journal import Balance, EntryKind, contents_hash, post
from refledger.domain.maturity import MaturityMessage
from refledger.domain.partners import Partner
from refledger.domain.programs import Program
from refledger.domain.rewards import (
    BY_HAND,
    Reward,
    RewardStatus,
    owed,
    ripe,
    worth,
)
from refledger.domain.times import MINUTE_MS
from refledger.operations.context import Context
from refledger.store import caps, keys, ledger, partners, rewards
from refledger.store.transaction import Write

REWARDS_AT_ONCE = 95  # rewards in a transaction, which with the balance and its entry may hold 100 items
MONTHS = 3  # capped ones beside so many rewards; with more of them there are fewer rewards in it
LATE_MS = 15 * MINUTE_MS  # a reward may be committed, and seen in an index, this long after its time
CURSOR_STEP_MS = 60 * MINUTE_MS

Pair = tuple[Reward, Reward]


def change(context: Context, balance: Balance, pairs: Sequence[Pair], reference: str, now_ms: int) -> list[Write]:
    """Move the rewards of one partner and currency from old to new, with the balance and its entry.

    Rewards and the months whose caps they are under are written under what was read of them. The entry books what both
    come to together: a cap is of all of a month's rewards, and of none by itself.
    """
    months = _months(context, balance, pairs)
    over = sum(new.over - old.over for old, new in months)
    difference = sum(worth(new) - worth(old) for old, new in pairs) - over
    unpaid = sum(_owed(new) - _owed(old) for old, new in pairs) + sum(new.owed - old.owed for old, new in months)
    counted = [caps.move(old, new, now_ms) for old, new in months]
    if difference == 0 and not any(worth(new) > worth(old) for old, new in pairs):
        counted += [ledger.cover(balance, replace(balance, unpaid=balance.unpaid + unpaid))] if unpaid else []
        return [rewards.move(old, new, now_ms) for old, new in pairs] + counted
    written = [(old, booked(balance, old, new)) for old, new in pairs]
    moved = [(old, new) for old, new in written if worth(new) != worth(old)]
    places = sorted(rewards.sort_key(new.id) for _, new in moved)
    after, entry = post(
        balance,
        EntryKind.EARN if difference >= 0 else EntryKind.REVERSE,
        abs(difference),
        reference,
        now_ms,
        unpaid=unpaid,
        span=(places[0], places[-1]),
        contents=contents_hash([
            *((new.id, worth(new) - worth(old)) for old, new in moved),
            *((f"cap {new.name}", old.over - new.over) for old, new in months if new.over != old.over),
        ]),
    )  # fmt: skip
    return [rewards.move(old, new, now_ms) for old, new in written] + counted + ledger.post(balance, after, entry)


def _months(context: Context, balance: Balance, pairs: Sequence[Pair]) -> list[tuple[CappedMonth, CappedMonth]]:
    """The months whose sums change, as they are and as they will be."""
    under = [(old, new, month.name) for old, new in pairs if (month := month_of(new))]
    before = caps.of_rewards(context.table, balance, [new for _, new, _ in under])
    after = dict(before)
    for old, new, name in under:
        after[name] = after[name].moved(old, new)
    return [(before[name], after[name]) for name in before if after[name] != before[name]]


def _owed(reward: Reward) -> int:
    """What of it waits to be covered by itself; what is under a cap waits with its month."""
    return 0 if month_of(reward) else owed(reward)


def booked(balance: Balance, old: Reward, new: Reward) -> Reward:
    """The reward with the entry that puts it into the balance, where it is worth more than before."""
    return replace(new, entry=balance.version + 1) if worth(new) > worth(old) else new


def ripened(context: Context, partner: Partner, found: Sequence[Reward], *, by_hand: bool = False) -> list[Reward]:
    """Return what becomes of rewards whose time has come.

    Each was earned if both the partner and the program were active when the customer paid: the payment's own look at
    the program may have been a minute old. What is given by hand needs no open program.
    """
    open = _programs_after(context, [old for old in found if old.rule != BY_HAND])

    def earns(old: Reward) -> bool:
        program = None if old.rule == BY_HAND else open[old.program_id]
        return partner.earns_at(old.earned_at_ms) and (program is None or program.earns_at(old.earned_at_ms))

    return [ripe(old, earns=earns(old), by_hand=by_hand) for old in found]


def _programs_after(context: Context, earned: Sequence[Reward]) -> dict[str, Program | None]:
    """Programs by id, as they were after the last of these rewards was earned: one read for all of them.

    None for one that is not there: `verify` reports it; what was earned is not lost over it.
    """
    latest: dict[str, int] = {}
    for reward in earned:
        latest[reward.program_id] = max(reward.earned_at_ms, latest.get(reward.program_id, 0))
    found: dict[str, Program | None] = {}
    for program_id, at_ms in latest.items():
        try:
            found[program_id] = context.program_after(program_id, at_ms)
        except ProgramNotFound:
            found[program_id] = None
    return found


def holder(context: Context, partner_id: str, currency: str) -> tuple[Partner, Balance]:
    """Return whose rewards they are, and what they have.

    Raises PartnerNotFound.
    """
    partner, balance = context.table.get_many([keys.partner(partner_id), keys.balance(partner_id, currency)])
    if partner is None:
        raise PartnerNotFound("rewards of a partner who does not exist")
    return partners.from_item(partner), ledger.balance_from(balance, partner_id, currency)


def due_now(made: Iterable[Reward], now_ms: int) -> list[MaturityMessage]:
    """Return the messages for rewards that were made just now.

    Those which are due already need not wait to be found.
    """
    return [
        MaturityMessage(each.partner_id, each.currency, rewards.sort_key(each.id), True, f"{each.payment}-{each.id}")
        for each in made
        if each.status is RewardStatus.PENDING and not each.held and each.matures_at_ms <= now_ms
    ]


def make_room(cancelled: Iterable[Reward], now_ms: int) -> list[MaturityMessage]:
    """Return what to say of cancelled rewards: payouts may cover others instead.

    The worker who is told has nothing to mature, and looks what is covered.
    """
    last = {(each.partner_id, each.currency): each for each in cancelled}
    return [
        MaturityMessage(partner_id, currency, keys.due_from(now_ms), True, f"{each.payment}-{each.id}-{each.version}")
        for (partner_id, currency), each in last.items()
    ]


def freed(context: Context, reward: Reward, partner: Partner, now_ms: int) -> Reward:
    """Return what becomes of a reward that was held, or came back.

    It may be past the moment when the schedule looked.
    """
    if reward.status is RewardStatus.PENDING and not reward.held and reward.matures_at_ms <= now_ms:
        return ripened(context, partner, [reward])[0]
    return reward
