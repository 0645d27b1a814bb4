"""Rewards as items. Nothing that changes in a reward's normal life is in an index."""

from __future__ import annotations

from collections.abc import Iterator

from refledger.domain.rewards import Reward, RewardStatus
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

CURSOR_IS_BEHIND = "the cursor is behind"
IS_UNCHANGED = "the reward is as it was read"


def create(reward: Reward) -> Write:
    return put(f"reward of tier {reward.tier} is new", {
        **keys.reward(reward.id), "tier": reward.tier, "amount": reward.amount, "reversed": reward.reversed,
        "currency": reward.currency, "status": reward.status.value, "base": reward.base, "rate": reward.rate_bps,
        "rule": reward.rule_version, "program": reward.program_id, "payment": reward.payment,
        "referral": reward.referral_id, "due": reward.matures_at_ms, "earned": reward.earned_at_ms,
        "entry": reward.entry,
    })  # fmt: skip


def move(old: Reward, new: Reward) -> Write:
    """The reward's change, under the status and the reversed amount that were read."""
    return update(
        f"{IS_UNCHANGED}: {old.id}", keys.reward(old.id),
        "SET #status = :status, #reversed = :reversed, #entry = :entry",
        "#status = :old_status AND #reversed = :old_reversed",
        status=new.status.value, reversed=new.reversed, entry=new.entry,
        old_status=old.status.value, old_reversed=old.reversed,
    )  # fmt: skip


def due(table: Table, partner_id: str, currency: str, since: str, now_ms: int, page_size: int) -> Iterator[Reward]:
    """Rewards of one currency that wait and are due at `now_ms`, oldest first; `since`: where to begin to look."""
    high = keys.due_from(now_ms + 1)
    for item in table.query(keys.rewards(partner_id), since or keys.LOWEST, high, page_size=page_size):
        if item["status"] == RewardStatus.PENDING and item["currency"] == currency:
            yield from_item(item)


def looked_until(table: Table, partner_id: str, currency: str) -> str:
    """No reward of this currency that sorts before this waits to mature ("" where nobody looked yet)."""
    item = table.get(keys.due_cursor(partner_id, currency))
    return item["due"] if item else ""


def look_from(partner_id: str, currency: str, due: str) -> Write:
    """The next look begins at `due`, never earlier than before."""
    key = keys.due_cursor(partner_id, currency)
    return update(CURSOR_IS_BEHIND, key, "SET #due = :due", "attribute_not_exists(pk) OR #due < :due", due=due)


def all_of(table: Table, partner_id: str) -> Iterator[Reward]:
    """Every reward of a partner, oldest due first. For the check of the books, not for a request."""
    return map(from_item, table.query(keys.rewards(partner_id)))


def from_item(item: Item) -> Reward:
    return Reward(
        id=keys.owner_of(item) + item["sk"],
        partner_id=keys.owner_of(item),
        tier=item["tier"],
        amount=item["amount"],
        reversed=item["reversed"],
        currency=item["currency"],
        status=RewardStatus(item["status"]),
        base=item["base"],
        rate_bps=item["rate"],
        rule_version=item["rule"],
        program_id=item["program"],
        payment=item["payment"],
        referral_id=item["referral"],
        matures_at_ms=item["due"],
        earned_at_ms=item["earned"],
        entry=item["entry"],
    )
