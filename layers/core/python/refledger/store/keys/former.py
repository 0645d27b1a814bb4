"""Keys as they were before they could be read without a legend: what each of them is called today.

Kinds and sort keys had a letter each, the indexes were called `list` and `work`. `refledger rename-keys` moves a table
on, by these tables of names; nothing else knows them. See docs/decisions/0115.
"""

from __future__ import annotations

from typing import Any, Final

from refledger.store.keys.form import INDEX_KEYS, LISTED, ROOT, WAITING, Key

_ITSELF: Final = {"A": ROOT}
_DAYS: Final = {"D": "DAY", "T": "TOTALS"}
# What a partition begins with; what it begins with today, and the first words of sort keys. None: they stay as they are
_KINDS: Final[tuple[tuple[str, str, dict[str, str] | None], ...]] = (
    ("U#CODE", "GUARD#CODE", _ITSELF), ("U#LOOK", "GUARD#LOOKALIKE", _ITSELF), ("U#EMAIL", "GUARD#EMAIL", _ITSELF),
    ("U#SUB", "GUARD#USER", _ITSELF), ("U#KEY", "GUARD#REQUEST", _ITSELF), ("U#ALIKE", "GUARD#TRAIT", None),
    ("U#REFUND", "GUARD#REFUND", _ITSELF), ("U#DISPUTE", "GUARD#DISPUTE", _ITSELF),
    ("U#APPLICANT", "GUARD#APPLICANT", _ITSELF), ("U#LEAD", "GUARD#LEAD", {**_ITSELF, "W": "FACTS"}),
    ("S#P", "STATISTICS#PARTNER", _DAYS), ("S#PROGRAM", "STATISTICS#PROGRAM", _DAYS),
    ("S#COHORT", "STATISTICS#COHORT", _DAYS), ("S#DUE", "STATISTICS#FORECAST", _DAYS),
    ("S#JOURNAL", "STATISTICS#JOURNAL", _DAYS), ("S#WITHDRAWALS", "STATISTICS#WITHDRAWALS", _DAYS),
    ("S#G", "STATISTICS#GENERATION", _ITSELF), ("K", "CLICKS", _DAYS), ("TOP", "LEADERBOARD", None),
    ("Y#P", "EXPOSURE#PARTNER", _ITSELF), ("Y#A", "EXPOSURE#ACTOR", _ITSELF),
    ("G", "PROGRAM", {"V": "VERSION", "C": "CHANGE"}),
    ("P", "PARTNER", {**_ITSELF, "B": "BALANCE", "D": "DUE", "L": "CAP", "M": "METHOD", "C": "CODE", "N": "NOTE"}),
    ("C", "CUSTOMER", {**_ITSELF, "H": "PAID", "T": "SIGHTING", "P": "PROGRAM", "U": "UNREFERRED"}),
    ("E", "PAYMENT", {**_ITSELF, "R": "REFUND", "D": "DISPUTE", "S": "SUSPECT", "T": "TWIN"}),
    ("W", "WITHDRAWAL", {**_ITSELF, "N": "NOTE", "T": "TOKEN", "S": "ACCOUNT_SHOWN"}),
    ("B", "BATCH", {**_ITSELF, "D": "DOWNLOAD"}), ("X", "ADJUSTMENT", _ITSELF),
    ("O", "JOB", {**_ITSELF, "R": "LINES", "OPEN": "OPEN"}), ("H", "ANSWER", _ITSELF), ("N", "PERSON", _ITSELF),
    ("F", "REFERRAL", None), ("R", "REWARD", None), ("J", "JOURNAL", None), ("A", "AUDIT", None),
    ("Q", "SEARCH", None), ("L", "LIMIT", None), ("V", "TOUCHED", None),
)  # fmt: skip
_ALONE: Final = {"G": "PROGRAMS", "V": "FINDINGS", "SYS": "SYSTEM"}  # partitions that are one of their kind
_SORT_KEYS: Final = {("P", "D#"): "OVERDUE", ("P", "M"): "METHODS"}  # where the first word says it to nobody
_LISTS: Final = {
    ("l1", "P"): "PARTNERS", ("l1", "B"): "BATCHES", ("w1", "O"): "OPEN_JOBS", ("w1", "X"): "WAITING_ADJUSTMENTS",
    ("w1", "RATE"): "TO_BE_RATED", ("w1", "PARKED"): "PARKED_PAYMENTS", ("w1", "DUPLICATE"): "POSSIBLE_DUPLICATES",
    ("w1", "DISPUTE"): "OPEN_DISPUTES",
}  # fmt: skip
# What a list's partition begins with: by what it was first of all, for INVITATIONS have nothing behind them
_PARTS_OF_LISTS: Final = (
    ("I#", ""), ("P#", "PARTNERS#"), ("F#", "REFERRALS#"), ("W#", "WITHDRAWALS#"), ("O#", "JOBS#"),
    ("X#", "ADJUSTMENTS#"), ("A#", "AUDIT_BY#"), ("E#", "PAYMENTS#"), ("R#", "REWARDS#"), ("DUE#", "DUE#"),
)  # fmt: skip
_INDEXES: Final = dict(zip(("l1", "l2", "w1", "w2"), (*INDEX_KEYS[LISTED], *INDEX_KEYS[WAITING]), strict=True))
STOPPED: Final = {"pk": "SYS", "sk": "STOPPED"}  # the item that says so
PARTITIONS_OF_ANY: Final = ("SYS", "G")  # a table that was ever used has something in one of them


class UnknownKey(ValueError):
    """Nothing was ever kept under such a key."""


def key_today(pk: str, sk: str) -> Key:
    """Return what a key of before is today. Raises UnknownKey."""
    if pk in _ALONE:
        return {"pk": _ALONE[pk], "sk": sk}
    if (pk, sk) == ("G#", "SHARDS"):
        return {"pk": "SHARDS", "sk": ROOT}
    if pk.startswith("I#") and sk in ("A", "I"):
        return {"pk": f"{'INVITATION' if sk == 'I' else 'APPLICATION'}{pk[1:]}", "sk": ROOT}
    for former, today, words in _KINDS:
        if pk.startswith(f"{former}#"):
            return {"pk": today + pk[len(former) :], "sk": sk if words is None else _sort_key(former, sk, words)}
    raise UnknownKey(f"{pk} / {sk}")


def _sort_key(kind: str, sk: str, words: dict[str, str]) -> str:
    if (kind, sk) in _SORT_KEYS:
        return _SORT_KEYS[kind, sk]
    word, sign, rest = sk.partition("#")
    if word not in words:
        raise UnknownKey(f"{kind}#… / {sk}")
    if words is _DAYS and rest.count("#") == 2:  # told on another day than that which it is of
        rest = rest.replace("#L", "#LATE#", 1)
    return words[word] + sign + rest


def list_today(attribute: str, partition: str) -> str:
    """Return what the partition of a list is called today; `attribute`: `l1` or `w1`. Raises UnknownKey."""
    if (attribute, partition) in _LISTS:
        return _LISTS[attribute, partition]
    for former, today in _PARTS_OF_LISTS:
        if partition.startswith(former):
            return today + partition.removeprefix(former)
    raise UnknownKey(f"{attribute} = {partition}")


def item_today(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item of before as it is today; both as DynamoDB has them.

    Raises UnknownKey. How far a migration had come in the table's own order says nothing of another table: it begins
    anew there.
    """
    key = key_today(item["pk"]["S"], item["sk"]["S"])
    new = {_INDEXES.get(name, name): value for name, value in item.items()}
    new |= {name: {"S": text} for name, text in key.items()}
    for former in ("l1", "w1"):
        if former in item:
            new[_INDEXES[former]] = {"S": list_today(former, item[former]["S"])}
    if item["sk"]["S"].startswith("MIGRATION#") and "place" in item:
        del new["place"]
        new["looked_at"] = {"N": "0"}
    return new


def is_kept(item: dict[str, Any], now_s: int) -> bool:
    """Return whether an item of before is worth moving; `now_s` in epoch seconds.

    What counts a minute's calls is not, nor is what has run out.
    """
    return not item["pk"]["S"].startswith("L#") and ("ttl" not in item or int(item["ttl"]["N"]) > now_s)
