"""Items that are where people and schedules look for them, and stay: what an item says itself, held against its lists.

`Placing` is a table that is read like any other, and remembers what is wrong with where the items lie that were read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from refledger.store import adjustments, bindings, keys, partners, payments, referrals, rewards, withdrawals
from refledger.store.keys import HIGHEST, LOWEST, Key
from refledger.store.table import Table
from refledger.store.transaction import Item

LISTS: Final = {keys.LISTED: "list", keys.WAITING: "list of what waits"}


class Placing(Table):
    """Reads like the table that it is made of, and keeps what is wrong with where each item is that was read last."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.client, table.name)
        self._table = table
        self._found: dict[tuple[str, str], list[str]] = {}

    @property
    def faults(self) -> list[str]:
        """What is wrong with where these items are."""
        return [reason for _, reasons in sorted(self._found.items()) for reason in reasons]

    def faults_of(self, *keys: Key) -> list[str]:
        """Return what is wrong with where these are, each once."""
        return [reason for key in keys for reason in self._found.pop((key["pk"], key["sk"]), ())]

    def get(self, key: Key, *, strong: bool = True) -> Item | None:
        return self._seen(self._table.get(key, strong=strong))

    def get_many(self, keys: Sequence[Key], *, strong: bool = True, only: Sequence[str] = ()) -> list[Item | None]:
        found = self._table.get_many(keys, strong=strong, only=only)
        return found if only else list(map(self._seen, found))

    def query(
        self, partition: str, low: str = LOWEST, high: str = HIGHEST, *, index: str | None = None,
        only: Sequence[str] = (), **more: Any,
    ) -> Iterator[Item]:  # fmt: skip
        for item in self._table.query(partition, low, high, index=index, only=only, **more):
            if index is None and not only:
                self._seen(item)
            yield item

    def _seen(self, item: Item | None) -> Item | None:
        if item:
            with suppress(ValueError, KeyError, TypeError, AttributeError, IndexError):  # whoever reads it says so
                self._found[item["pk"], item["sk"]] = list(faults(item))
        return item


def faults(item: Item) -> Iterator[str]:
    """Yield what is wrong with where an item is listed, or with how long it stays."""
    found = _wanted(item)
    if found is None:
        return
    named, wanted = found
    if "ttl" in item and "ttl" not in wanted:
        yield f"{named}: will be deleted, and must stay"
    for index, list in LISTS.items():
        if not keys.is_same_place(item, wanted, index):
            there, right = keys.list_in(item, index) or "nowhere", keys.list_in(wanted, index) or "none"
            yield f"{named}: is in the {list} {there}, and belongs into {right}"


def _wanted(item: Item) -> tuple[str, Item] | None:
    """What it is, and where it belongs; None where nothing is known of that."""
    owner, is_root = "" if keys.kind_of(item) == item["pk"] else keys.owner_of(item), keys.is_root(item)
    match keys.kind_of(item):
        case "REWARD":
            return f"reward {owner}{item['sk']}", rewards.places(rewards.from_item(item))
        case "PAYMENT" if is_root:
            return f"payment {owner}", payments.places(payments.from_item(item))
        case "WITHDRAWAL" if is_root:
            return f"withdrawal {owner}", withdrawals.places(withdrawals.from_item(item))
        case "ADJUSTMENT":
            return f"adjustment {owner}", adjustments.places(adjustments.from_item(item))
        case "REFERRAL":
            return f"referral {owner}{item['sk']}", referrals.places(referrals.from_item(item))
        case "PARTNER" if is_root:
            return f"partner {owner}", partners.places(partners.from_item(item))
        case "CUSTOMER" if is_root:
            return f"binding of customer {keys.last_two_of(item)[1]}", bindings.places(bindings.from_item(item))
        case "PARTNER" | "JOURNAL":
            return f"{item['sk']} of partner {owner}", {}
        case "PROGRAMS" | "PROGRAM":
            return f"program {owner} {item['sk']}", {}
        case _:
            return None
