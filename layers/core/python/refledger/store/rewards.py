"""Rewards as items. Nothing that changes in a reward's normal life is in an index.

`partitions`, of whoever reads a partner's: `Context.reward_partitions`. What lies in several is read as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from refledger.domain.errors import RewardNotFound
from refledger.domain.rewards import Cancelled, Reward, RewardStatus
from refledger.store import keys, merge, trails
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, put, update

CURSOR_IS_BEHIND = "the cursor is behind"
MARK_IS_UNCHANGED = "the mark of what is overdue is as it was read"
MARK_IS_BEHIND = "the mark of what is overdue is not past the reward"
IS_UNCHANGED = "the reward is as it was read"
FIGURED = ("amount", "cancelled", "held", "limit", "reversed", "status")  # what of it changes that figures are made of


def create(reward: Reward, now_ms: int) -> Write:
    return put(f"reward of tier {reward.tier} is new", {
        **keys.reward(reward.id), "tier": reward.tier, "currency": reward.currency,
        "rule": reward.rule_version,
        "program": reward.program_id, "payment": reward.payment, "referral": reward.referral_id,
        "due": reward.matures_at_ms, "earned": reward.earned_at_ms, "created": now_ms, "review": reward.review,
        **({"cap": reward.cap} if reward.cap is not None else {}), **_changing(reward), **_listing(reward, now_ms),
    })  # fmt: skip


def move(old: Reward, new: Reward, now_ms: int) -> Write:
    """Write the change of a reward, under the revision that was read.

    Every change of it is made here, and counts one on.
    """
    name, was, become = f"{IS_UNCHANGED}: {old.id}", _changing(old), _changing(new)
    listed = _listing(new, now_ms) if _waits_in(old) != _waits_in(new) else {}
    changed = {attribute: value for attribute, value in {**become, **listed}.items() if was.get(attribute) != value}
    changed["revision"] = old.revision + 1
    trail, before = trails.kept(_figured(was), _figured(become), old.created_at_ms, now_ms)
    gone = [attribute for attribute in was if attribute not in become]
    gone += ["waits_in", "waits_at"] if _waits_in(old) and not _waits_in(new) else []
    change = (
        "SET "
        + ", ".join(f"#{each} = :{each}" for each in changed)
        + trail
        + (" REMOVE " + ", ".join(f"#{each}" for each in gone) if gone else "")
    )
    if not old.revision:
        return update(name, keys.reward(old.id), change, "attribute_not_exists(#revision)", **changed, **before)
    return update(name, keys.reward(old.id), change, "#revision = :was", **changed, **before, was=old.revision)


def _figured(changing: Item) -> Item:
    return {name: value for name, value in changing.items() if name in FIGURED}


def moved(old: Reward, new: Reward) -> Reward:
    """Return the reward as it stands after the move."""
    return replace(new, revision=old.revision + 1)


def sort_key(reward_id: str) -> str:
    """Return where it is among the rewards of its partner, which sort by when they are due."""
    return keys.reward(reward_id)["sk"]


def partition(reward_id: str) -> str:
    """Return in which of its partner's partitions it lies."""
    return keys.reward(reward_id)["pk"]


def find(table: Table, reward_id: str, *, strong: bool = True) -> Reward:
    """Find it by its id.

    Raises RewardNotFound.
    """
    item = table.get(keys.reward(reward_id), strong=strong)
    if item is None:
        raise RewardNotFound("there is no such reward")
    return from_item(item)


def many(table: Table, ids: Sequence[str], *, strong: bool = True) -> list[Reward]:
    """Return those that exist, in the order of the ids."""
    found = table.get_many([keys.reward(id) for id in ids], strong=strong)
    return [from_item(item) for item in found if item]


def still_waiting(table: Table, ids: Sequence[str]) -> list[str]:
    """Ids of the rewards that wait for their time; also of what cannot be seen yet."""
    found = table.get_many([keys.reward(id) for id in ids], strong=False, only=("status", "held"))
    return [id for id, item in zip(ids, found, strict=True) if item is None or _waits_for_its_time(item)]


def _waits_for_its_time(item: Item) -> bool:
    """What cannot be read waits, too: one broken item stops its own partner, not the schedule."""
    return item.get("status", RewardStatus.PENDING) == RewardStatus.PENDING and not item.get("held")


def due(
    table: Table, partitions: tuple[str, ...], currency: str, since: str, now_ms: int, page_size: int
) -> Iterator[Reward]:
    """Yield rewards of one currency that are due at `now_ms`, oldest first.

    They wait for their time; those that are held are not among them. `since`: where to begin to look.
    """
    high = keys.due_from(now_ms + 1)
    for item in merge.by_sort_key(table, partitions, since or keys.LOWEST, high, page_size=page_size):
        if _waits_for_its_time(item) and item["currency"] == currency:
            yield from_item(item)


def between(table: Table, partitions: tuple[str, ...], first: str, last: str) -> Iterator[Reward]:
    """Rewards from the sort key `first` to the sort key `last`, whatever their currency."""
    return map(from_item, merge.by_sort_key(table, partitions, first, last))


def newest(table: Table, partitions: tuple[str, ...], page_size: int, since: str = keys.LOWEST) -> Iterator[Reward]:
    """Return a partner's rewards from the sort key `since` on, those that are due last first."""
    return map(from_item, merge.by_sort_key(table, partitions, since, page_size=page_size, newest_first=True))


def looked_until(table: Table, partner_id: str, currency: str) -> str:
    """Return the sort key before which no reward of this currency waits to mature.

    "" where nobody looked yet.
    """
    item = table.get(keys.due_cursor(partner_id, currency))
    return item["due"] if item else ""


def look_from(partner_id: str, currency: str, due: str) -> Write:
    """The next look begins at `due`, never earlier than before."""
    key = keys.due_cursor(partner_id, currency)
    return update(CURSOR_IS_BEHIND, key, "SET #due = :due", "attribute_not_exists(pk) OR #due < :due", due=due)


def overdue_marks(table: Table, partner_ids: Sequence[str]) -> dict[str, str]:
    """Return for each partner, up to 100 of them, the sort key before which no reward waits.

    It is "" where nobody looked yet.
    """
    marks = table.get_many([keys.overdue_mark(id) for id in partner_ids], strong=False)
    return {id: item.get("due", "") if item else "" for id, item in zip(partner_ids, marks, strict=True)}


def look_past(partner_id: str, was: str, due: str) -> Write:
    """Note that no reward of the partner, of whatever currency, that sorts before `due` waits.

    `was`: the mark as it was read.
    """
    key, unmoved = keys.overdue_mark(partner_id), "#due = :was" if was else "attribute_not_exists(#due)"
    return update(MARK_IS_UNCHANGED, key, "SET #due = :due", unmoved, due=due, **({"was": was} if was else {}))


def look_back(reward: Reward) -> Write:
    """The mark of its partner is not past it: for one that is made long after its time.

    See `is_looked_at`.
    """
    key = keys.overdue_mark(reward.partner_id)
    return update(MARK_IS_BEHIND, key, "SET #due = :due", "#due > :due", due=keys.reward(reward.id)["sk"])


def is_looked_at(reward: Reward) -> Write:
    """Refuses to make a reward whose time the mark of its partner is past: `look_back` comes first."""
    key, unpassed = keys.overdue_mark(reward.partner_id), "attribute_not_exists(#due) OR #due <= :made"
    return update(MARK_IS_BEHIND, key, "SET #made = :made", unpassed, made=keys.reward(reward.id)["sk"])


def waiting_since(
    table: Table, partitions: tuple[str, ...], mark: str, until_ms: int
) -> Iterator[tuple[str, str, bool]]:
    """Yield (sort key, currency, whether it waits) of rewards from a mark on, due before `until_ms`."""
    low, high = mark or keys.LOWEST, keys.due_from(until_ms)
    for item in merge.by_sort_key(table, partitions, low, high, only=("status", "held")):
        yield item["sk"], keys.currency_of(item["sk"]), _waits_for_its_time(item)


def all_of(table: Table, partitions: tuple[str, ...]) -> Iterator[Reward]:
    """Return every reward of a partner, oldest due first. For the check of the books, not for a request."""
    return map(from_item, items_of(table, partitions))


def items_of(table: Table, partitions: tuple[str, ...]) -> Iterator[Item]:
    """Yield the same, as they are in the table."""
    return merge.by_sort_key(table, partitions)


def since(table: Table, partitions: tuple[str, ...], start: str) -> Iterator[Reward]:
    """Return a partner's rewards from the sort key `start` on, oldest due first, a page at a time."""
    return map(from_item, merge.by_sort_key(table, partitions, start, page_size=100))


def of_partner(table: Table, partitions: tuple[str, ...], before: str, page_size: int) -> Iterator[tuple[str, Reward]]:
    """Yield (position, reward) of a partner's rewards, the latest due first, from just below `before`."""
    high = before or keys.HIGHEST
    found = merge.by_sort_key(table, partitions, high=high, page_size=page_size, newest_first=True, strong=False)
    for item in found:
        if item["sk"] != before:
            yield item["sk"], from_item(item)


def waiting(table: Table, program_id: str, state: str, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, reward id) of a program's rewards in a state, newest first, from below `before`.

    `state`: HELD, REVIEW or CANCELLED, see `keys.rewards_in`.
    """
    partition = keys.rewards_in(program_id, state)
    found = table.query(partition, high=before or keys.HIGHEST, index="waiting", page_size=page_size, newest_first=True)
    for item in found:
        if item["waits_at"] != before:
            yield item["waits_at"], keys.owner_of(item) + item["sk"]


def held(table: Table, program_id: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, reward id) of a program's rewards that are held, since the longest time first."""
    for item in table.query(keys.rewards_in(program_id, "HELD"), index="waiting", page_size=page_size):
        yield item["waits_at"], keys.owner_of(item) + item["sk"]


def _changing(reward: Reward) -> Item:
    """What may change in a reward's life."""
    kept = {
        "cancelled": reward.cancelled.value if reward.cancelled else None, "limit": reward.limit,
        "paid_by": reward.paid_by or None, "note": reward.note or None,
        "by": reward.by or None, "because": reward.because_of or None,
        "before": reward.first_amount if reward.because_of else None, "twin": reward.twin or None,
        "vouched": reward.vouched_by or None,
    }  # fmt: skip
    return {
        "amount": reward.amount, "base": reward.base, "rate": reward.rate_bps, "source": reward.rule,
        "status": reward.status.value, "reversed": reward.reversed, "entry": reward.entry, "held": list(reward.held),
        **{name: value for name, value in kept.items() if value is not None},
    }  # fmt: skip


def _waits_in(reward: Reward) -> str:
    """Under which state people find it, "" for the many that nobody has to look at."""
    if reward.held:
        return "HELD"
    return {RewardStatus.CALCULATED: "REVIEW", RewardStatus.CANCELLED: "CANCELLED"}.get(reward.status, "")


def _listing(reward: Reward, now_ms: int) -> Item:
    state = _waits_in(reward)
    return keys.waiting(keys.rewards_in(reward.program_id, state), now_ms, reward.id) if state else {}


def places(reward: Reward) -> Item:
    """Return where people find it."""
    return _listing(reward, reward.created_at_ms)


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
        held=tuple(item["held"]),
        cancelled=Cancelled(item["cancelled"]) if "cancelled" in item else None,
        review=item["review"],
        cap=item.get("cap"),
        limit=item.get("limit"),
        rule=item["source"],
        paid_by=item.get("paid_by", ""),
        because_of=item.get("because", ""),
        first_amount=item.get("before", 0),
        twin=item.get("twin", ""),
        revision=item.get("revision", 0),
        created_at_ms=item["created"],
        note=item.get("note", ""),
        by=item.get("by", ""),
        vouched_by=item.get("vouched", ""),
    )
