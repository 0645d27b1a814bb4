"""What all keys have in common: how they are put together, and what can be read from any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Key = dict[str, str]

ROOT: Final = "ROOT"  # the sort key of an entity itself; what lies under it has one of its own
PARTNER_ID_LENGTH: Final = 16
LONG_ID_LENGTH: Final = 24  # of payments and withdrawals
NEVER: Final = 9_999_999_999_999  # sorts after every time
LOWEST, HIGHEST = "!", "~"  # sort before and after every sort key
FIRST_MS, LAST_MS = 10**12, 10**13 - 1  # 13 digits, from 2001 to 2286: as text they sort like numbers
LISTED, WAITING = "listed", "waiting"  # the indexes
INDEX_KEYS: Final = {LISTED: ("listed_in", "listed_at"), WAITING: ("waits_in", "waits_at")}

SHARDED: Final = ("PAYMENTS#", "DUE#", "UNREFERRED")  # lists that end with the number of a shard


def _key(pk: str, sk: str = ROOT) -> Key:
    return {"pk": pk, "sk": sk}


def kind_of(key: Key) -> str:
    """Return the first word of the partition: REWARD of a reward, REFERRAL of a referral, …"""
    return key["pk"].split("#", 1)[0]


def is_root(key: Key) -> bool:
    """Return whether it is the entity itself, and not something that lies under it."""
    return key["sk"] == ROOT


def owner_of(key: Key) -> str:
    """Return whose the partition is: the partner of a reward, referral or balance, a withdrawal's id."""
    return key["pk"].split("#")[1]


def listed(partition: str, at_ms: int, id: str) -> dict[str, str]:
    """The attributes of an item that people page through, newest first."""
    return {"listed_in": partition, "listed_at": f"{at_ms}#{id}"}


def waiting(partition: str, at_ms: int, id: str) -> dict[str, str]:
    """The attributes of an item that waits for somebody, or for a time."""
    return {"waits_in": partition, "waits_at": f"{at_ms}#{id}"}


def placed(item: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes by which an item is listed, and until when it is kept, of all that it has."""
    names = (*INDEX_KEYS[LISTED], *INDEX_KEYS[WAITING], "ttl")
    return {name: item[name] for name in names if name in item}


def list_in(item: Mapping[str, Any], index: str) -> str:
    """Return which list of an index an item is in; "" for none."""
    return str(item.get(INDEX_KEYS[index][0], ""))


def is_same_place(there: Mapping[str, Any], wanted: Mapping[str, Any], index: str) -> bool:
    """Return whether two items are in the same list of an index, as the same thing.

    In whichever of its shards; the moment may be that of another look, and a payment's position had all of its id once.
    """

    def whose(item: Mapping[str, Any]) -> tuple[str, str]:
        list, position = list_in(item, index), str(item.get(INDEX_KEYS[index][1], ""))
        return list.rpartition("#")[0] if list.startswith(SHARDED) else list, position.rpartition("#")[2]

    (list_there, id_there), (list_wanted, id_wanted) = whose(there), whose(wanted)
    return list_there == list_wanted and id_there.startswith(id_wanted)


def waits_since(position: str) -> int:
    """Return since when, or until when, what has this position in `waiting` waits, in epoch milliseconds."""
    return int(position.partition("#")[0])


def positions(from_ms: int | None, until_ms: int | None) -> tuple[str, str]:
    """Return the lowest and highest position of a list from one moment on until just before another.

    Epoch milliseconds; None: no bound.
    """
    low = f"{min(max(from_ms, FIRST_MS), LAST_MS)}" if from_ms is not None else LOWEST
    return low, f"{min(max(until_ms, FIRST_MS), LAST_MS)}" if until_ms is not None else HIGHEST


def id_at(position: str) -> str:
    """The id in a position of a list."""
    return position.split("#")[1]


def moment_at(position: str) -> int:
    """The time in a position of a list, in epoch milliseconds."""
    return int(position.split("#")[0])


def last_two_of(key: Key) -> tuple[str, str]:
    """Program and customer of a binding, partner and currency of a journal entry."""
    _, first, second = key["pk"].split("#")
    return first, second
