"""Months of rewards that are under a cap, as items: they change with the balance that they are a part of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from refledger.domain.caps import CappedMonth, month_of
from refledger.domain.journal import Balance
from refledger.domain.rewards import Reward
from refledger.store import keys, trails
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, Item, Write, update

IS_UNCHANGED = "the month's sums are as they were read"

Months = dict[str, CappedMonth]  # by name


def of_rewards(table: Table, balance: Balance, earned: Iterable[Reward], *, strong: bool = True) -> Months:
    """Return the months that count these rewards, all of the balance's partner and currency; up to 100.

    No read for none.
    """
    named = {month.name: month for month in map(month_of, earned) if month}
    found = table.get_many([_key(month) for month in named.values()], strong=strong) if named else []
    return {
        name: from_item(item) if item else replace(month, used=balance.caps.get(name, 0))
        for (name, month), item in zip(named.items(), found, strict=True)
    }


def of_partner(table: Table, partner_id: str) -> Iterator[CappedMonth]:
    """Return every month of a partner. For the check of the books, not for a request."""
    return map(from_item, table.query(*keys.capped_months(partner_id)))


def move(old: CappedMonth, new: CappedMonth, now_ms: int) -> Write:
    """Write the month's sums, under what was read of them."""
    values: Item = {"kept": _texts(new.kept), "covered": _texts(new.covered), "revision": old.revision + 1}
    first: Item = {} if old.revision else {"used": new.used, "created": now_ms}
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in {**values, **first})
    trail, before = trails.kept({"over": old.over}, {"over": new.over}, old.created_at_ms, now_ms)
    if not old.revision:
        return update(IS_UNCHANGED, _key(new), change, NOT_THERE, **values, **first)
    return update(IS_UNCHANGED, _key(new), change + trail, "#revision = :was", **values, **before, was=old.revision)


def from_item(item: Item) -> CappedMonth:
    currency, month, program_id = keys.capped_month_in(item)
    return CappedMonth(
        partner_id=keys.owner_of(item), currency=currency, program_id=program_id, month=month, used=item["used"],
        kept=_numbers(item["kept"]), covered=_numbers(item["covered"]), revision=item["revision"],
        created_at_ms=item["created"],
    )  # fmt: skip


def _key(month: CappedMonth) -> keys.Key:
    return keys.capped_month(month.partner_id, month.currency, month.month, month.program_id)


def _texts(by_cap: Mapping[int, int]) -> dict[str, int]:
    return {str(cap): amount for cap, amount in by_cap.items()}


def _numbers(by_cap: Mapping[str, int]) -> dict[int, int]:
    return {int(cap): amount for cap, amount in by_cap.items()}
