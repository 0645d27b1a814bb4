"""Balances and journal entries. A balance is written nowhere else, and never without the entry that explains it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from refledger.domain.journal import Account, Balance, EntryKind, EntryPlace, JournalEntry
from refledger.store import keys
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, Item, Write, check, put, update

IS_CURRENT = "the balance is at the version that was read"
HAS_NO_DEBT = "nothing is owed in the currency"


def post(old: Balance, new: Balance, entry: JournalEntry) -> list[Write]:
    """Write the balance under its version, and its entry. `new` and `entry` come from `journal.post`."""
    assert new.version == entry.version == old.version + 1
    earned = {} if new.earned is None else {"earned": [new.earned, new.version]}
    return [
        update(
            IS_CURRENT, keys.balance(new.partner_id, new.currency),
            "SET #available = :available, #reserved = :reserved, #paid = :paid, #unpaid = :unpaid, #ver = :version,"
            " #head = :head, #at = :at, #caps = :caps, #cover = :cover, #open = :open, #asked = :asked"
            + (", #earned = :earned" if earned else ""),
            "#ver = :was AND #unpaid = :unpaid_was" if old.version else NOT_THERE,
            available=new.available, reserved=new.reserved, paid=new.paid, unpaid=new.unpaid, version=new.version,
            head=new.head, at=new.at_ms, caps=dict(new.caps), cover=new.cover,
            open=new.open, asked=list(new.asked), **earned,
            **({"was": old.version, "unpaid_was": old.unpaid} if old.version else {}),
        ),
        put("the journal has no such version yet", {
            **keys.entry(entry.partner_id, entry.currency, entry.at_ms, entry.version), "ver": entry.version,
            "kind": entry.kind.value, "debit": entry.debit.value, "credit": entry.credit.value, "amount": entry.amount,
            "ref": entry.reference, "at": entry.at_ms, "prev": entry.previous, "first": entry.first, "last": entry.last,
            "refs": entry.contents, "hash": entry.hash, "after": [new.available, new.reserved, new.paid],
        }),
    ]  # fmt: skip


def sort_key(entry: JournalEntry) -> str:
    """Return where it is in its journal."""
    return keys.entry(entry.partner_id, entry.currency, entry.at_ms, entry.version)["sk"]


def cover(old: Balance, new: Balance) -> Write:
    """Note in the balance that rewards were marked as paid.

    No money moves, so there is no entry, and only what counts such rewards changes.
    """
    assert replace(new, unpaid=old.unpaid, cover=old.cover) == old
    return update(
        IS_CURRENT, keys.balance(new.partner_id, new.currency), "SET #unpaid = :unpaid, #cover = :cover",
        "#ver = :was AND #unpaid = :unpaid_was AND #cover = :cover_was",
        unpaid=new.unpaid, cover=new.cover, was=old.version, unpaid_was=old.unpaid, cover_was=old.cover,
    )  # fmt: skip


def still_without_debt(balance: Balance) -> Write:
    """Demand that nothing is owed in it, as it was read."""
    if not balance.version:
        return check(HAS_NO_DEBT, keys.balance(balance.partner_id, balance.currency), NOT_THERE)
    return check(HAS_NO_DEBT, keys.balance(balance.partner_id, balance.currency), "#available >= :zero", zero=0)


def find_balance(table: Table, partner_id: str, currency: str, *, strong: bool = True) -> Balance:
    """Return the balance; an empty one where nothing was ever booked.

    Money is decided about on a strong read only.
    """
    return balance_from(table.get(keys.balance(partner_id, currency), strong=strong), partner_id, currency)


def balances(table: Table, partner_id: str) -> list[Balance]:
    """Return all of a partner's balances, by currency."""
    return [
        balance_from(item, partner_id, keys.currency_of_balance(item))
        for item in table.query(*keys.balances(partner_id))
    ]


def entries(
    table: Table,
    partner_id: str,
    currency: str,
    after: str = "",
    page_size: int | None = None,
    *,
    until: str = keys.HIGHEST,
    strong: bool = True,
) -> Iterator[tuple[str, JournalEntry]]:
    """Yield (sort key, entry) in the order of versions: those after `after`, none beyond `until`."""
    partition = keys.journal(partner_id, currency)
    for item in table.query(partition, after or keys.LOWEST, until, page_size=page_size, strong=strong):
        if item["sk"] != after:
            yield item["sk"], entry_from(item)


After = tuple[int, int, int]  # what was available, reserved and paid once an entry was booked


def with_after(table: Table, partner_id: str, currency: str) -> Iterator[tuple[JournalEntry, After | None]]:
    """Yield all entries in the order of their versions, with what there was after each.

    None for entries from before.
    """
    for item in table.query(keys.journal(partner_id, currency)):
        yield entry_from(item), _after(item)


def last_until(table: Table, partner_id: str, currency: str, before: str) -> tuple[JournalEntry, After | None] | None:
    """Return the last entry whose sort key is below `before`; None where there is none. One small read."""
    found = table.query(keys.journal(partner_id, currency), high=before, page_size=1, newest_first=True)
    return next(((entry_from(item), _after(item)) for item in found), None)


def _after(item: Item) -> After | None:
    if "after" not in item:
        return None
    available, reserved, paid = item["after"]
    return available, reserved, paid


def find_entry(table: Table, place: EntryPlace) -> tuple[JournalEntry, After | None] | None:
    """Return the entry that is there, with what there was after it; None where there is none."""
    item = table.get(keys.entry(place.partner_id, place.currency, place.at_ms, place.version))
    return (entry_from(item), _after(item)) if item else None


def next_entry(table: Table, entry: JournalEntry) -> JournalEntry | None:
    """Return the entry after it in its journal; None of the last."""
    following = entries(table, entry.partner_id, entry.currency, sort_key(entry), page_size=2)
    return next((each for _, each in following), None)


def newest_entries(table: Table, partner_id: str, currency: str, page_size: int) -> Iterator[JournalEntry]:
    """Return a partner's entries, newest first."""
    return map(entry_from, table.query(keys.journal(partner_id, currency), page_size=page_size, newest_first=True))


def newest_with_after(
    table: Table, partner_id: str, currency: str, page_size: int
) -> Iterator[tuple[JournalEntry, After | None]]:
    """Yield them like `with_after`, newest first."""
    for item in table.query(keys.journal(partner_id, currency), page_size=page_size, newest_first=True):
        yield entry_from(item), _after(item)


def newest_until(
    table: Table, partner_id: str, currency: str, before: str, page_size: int = 100
) -> Iterator[JournalEntry]:
    """Entries whose sort keys are below `before`, newest first."""
    partition = keys.journal(partner_id, currency)
    return map(entry_from, table.query(partition, high=before, page_size=page_size, newest_first=True))


def balance_from(item: Item | None, partner_id: str, currency: str) -> Balance:
    if item is None:
        return Balance(partner_id, currency)
    return Balance(
        partner_id=partner_id,
        currency=currency,
        available=item["available"],
        reserved=item["reserved"],
        paid=item["paid"],
        unpaid=item["unpaid"],
        version=item["ver"],
        head=item["head"],
        at_ms=item["at"],
        caps=item["caps"],
        cover=item["cover"],
        open=item.get("open", 0),
        asked=tuple(item.get("asked", ("", 0))),
        earned=_earned(item),
    )


def _earned(item: Item) -> int | None:
    """It stands with the version at which it was true: a release that does not know it leaves it behind."""
    amount, version = item.get("earned", (None, None))
    return amount if version == item["ver"] else None


def say_earned(balance: Balance, earned: int) -> Write:
    """Say how much was earned where nobody knew, as long as nothing else is booked."""
    key, said = keys.balance(balance.partner_id, balance.currency), [earned, balance.version]
    return update(IS_CURRENT, key, "SET #earned = :earned", "#ver = :was", earned=said, was=balance.version)


def entry_from(item: Item) -> JournalEntry:
    partner_id, currency = keys.last_two_of(item)
    return JournalEntry(
        partner_id=partner_id,
        currency=currency,
        version=item["ver"],
        kind=EntryKind(item["kind"]),
        debit=Account(item["debit"]),
        credit=Account(item["credit"]),
        amount=item["amount"],
        reference=item["ref"],
        at_ms=item["at"],
        previous=item["prev"],
        first=item["first"],
        last=item["last"],
        contents=item["refs"],
        hash=item["hash"],
    )
