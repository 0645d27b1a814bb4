"""The double-entry journal of one partner and currency, and the balance that follows from it.

One entry holds both legs, so an unbalanced one cannot be written. Versions have no gaps, and each entry carries the
hash of the one before: an entry that is edited, moved or taken away breaks the chain at its own version.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from refledger.domain.times import day, day_begins


class Account(StrEnum):
    # the owner's side: minus what all partners' sides hold, told apart by why
    REWARDS = "rewards"  # what was promised
    ADJUSTMENTS = "adjustments"  # what people corrected
    WRITE_OFFS = "write_offs"  # debt that was forgiven
    # the partner's side
    AVAILABLE = "available"
    RESERVED = "reserved"
    PAID = "paid"


class EntryKind(StrEnum):
    """Why money moved."""

    EARN = "EARN"  # rewards came into the balance
    REVERSE = "REVERSE"  # refunds, disputes or a correction took of what was earned
    RESERVE = "RESERVE"  # a payout was asked for
    RELEASE = "RELEASE"  # a payout was not made: its money is available again
    SETTLE = "SETTLE"  # a payout left
    RETURN = "RETURN"  # a payout that came back
    PAY = "PAY"  # money that went out without being reserved any more: a payout that was believed to have failed
    CREDIT = "CREDIT"  # a person gave money by hand
    DEBIT = "DEBIT"  # a person took money by hand
    WRITE_OFF = "WRITE_OFF"  # a debt was forgiven
    ANCHOR = "ANCHOR"  # moves nothing: two people say that the hashes of entries before it are broken, and known to be


# kind → (debit, credit): money leaves the debit account and arrives in the credit account
LEGS: dict[EntryKind, tuple[Account, Account]] = {
    EntryKind.EARN: (Account.REWARDS, Account.AVAILABLE),
    EntryKind.REVERSE: (Account.AVAILABLE, Account.REWARDS),
    EntryKind.RESERVE: (Account.AVAILABLE, Account.RESERVED),
    EntryKind.RELEASE: (Account.RESERVED, Account.AVAILABLE),
    EntryKind.SETTLE: (Account.RESERVED, Account.PAID),
    EntryKind.RETURN: (Account.PAID, Account.AVAILABLE),
    EntryKind.PAY: (Account.AVAILABLE, Account.PAID),
    EntryKind.CREDIT: (Account.ADJUSTMENTS, Account.AVAILABLE),
    EntryKind.DEBIT: (Account.AVAILABLE, Account.ADJUSTMENTS),
    EntryKind.WRITE_OFF: (Account.WRITE_OFFS, Account.AVAILABLE),
    EntryKind.ANCHOR: (Account.AVAILABLE, Account.AVAILABLE),
}

# kind → as people who get statements, and those who keep the books, read it
WORDS: Final = {
    EntryKind.EARN: "Earned", EntryKind.REVERSE: "Taken back", EntryKind.RESERVE: "Payout requested",
    EntryKind.RELEASE: "Payout not made",
    EntryKind.SETTLE: "Paid out", EntryKind.RETURN: "Payout came back", EntryKind.PAY: "Paid out",
    EntryKind.CREDIT: "Credited",
    EntryKind.DEBIT: "Debited", EntryKind.WRITE_OFF: "Debt written off", EntryKind.ANCHOR: "Journal confirmed",
}  # fmt: skip
MAY_BE_ZERO = (EntryKind.EARN, EntryKind.ANCHOR)
PAYOUTS: Final = (EntryKind.SETTLE, EntryKind.PAY, EntryKind.RETURN)  # money went out, or came back
# what each does to the number of open withdrawals
OPENS = {EntryKind.RESERVE: 1, EntryKind.RELEASE: -1, EntryKind.SETTLE: -1}


@dataclass(frozen=True)
class JournalEntry:
    """One movement. `first`, `last`: sort keys of the first and last reward that an EARN or REVERSE sums.

    Of an ANCHOR `last` is the number of entries that it names, and `contents` their `chain`.
    """

    partner_id: str
    currency: str
    version: int
    kind: EntryKind
    debit: Account
    credit: Account
    amount: int
    reference: str
    at_ms: int
    previous: str
    first: str = ""
    last: str = ""
    contents: str = ""  # hash of the ids and amounts that it sums
    hash: str = ""


@dataclass(frozen=True)
class Balance:
    """A partner's money in one currency, in minor units; `version` and `head` are those of the last entry.

    `available` below zero is debt. `caps`: what rewards of a program and month (`default 202611`) took of a monthly cap
    when caps were shared out for good; see `caps.py`. `cover`: the sort key of the journal entry up to which rewards
    are marked as paid. `earned`: what rewards put in, less what was taken back of it; None where nobody knows, because
    a release that did not count it has written since.
    """

    partner_id: str
    currency: str
    available: int = 0
    reserved: int = 0
    paid: int = 0
    unpaid: int = 0  # worth of the approved rewards that no payout has covered yet, less what caps take of it
    version: int = 0
    head: str = ""
    at_ms: int = 0
    caps: Mapping[str, int] = field(default_factory=dict)
    cover: str = ""
    open: int = 0  # withdrawals whose money is reserved; of those from before this was counted none is
    asked: tuple[str, int] = ("", 0)  # how many were asked for on a day, UTC (`20261128`)
    earned: int | None = 0

    def asked_on(self, at_ms: int) -> int:
        """Return how many withdrawals were asked for on the day of that moment."""
        on, count = self.asked
        return count if on == day(at_ms) else 0


@dataclass(frozen=True)
class EntryPlace:
    """Where an entry is: its journal, a moment of its UTC day, and its version. As text its id in the API."""

    partner_id: str
    currency: str
    at_ms: int
    version: int

    def __str__(self) -> str:
        return f"{self.partner_id}-{self.currency}-{day(self.at_ms)}-{self.version}"

    @classmethod
    def of(cls, entry: JournalEntry) -> EntryPlace:
        return cls(entry.partner_id, entry.currency, entry.at_ms, entry.version)

    @classmethod
    def read(cls, text: str) -> EntryPlace | None:
        """Return the place that an id says, None for what is no id of an entry."""
        found = re.fullmatch(r"([a-z0-9]{1,40})-([A-Z]{3})-(2[0-9]{7})-([1-9][0-9]{0,9})", text)
        try:
            return cls(found[1], found[2], day_begins(found[3]), int(found[4])) if found else None
        except ValueError:  # no day of any calendar
            return None


def seal(entry: JournalEntry) -> str:
    """Hash everything in the entry but the hash itself: SHA-256 of JSON with sorted keys."""
    return hashlib.sha256(_text({name: value for name, value in vars(entry).items() if name != "hash"})).hexdigest()


def _text(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def chain(entries: Iterable[JournalEntry]) -> str:
    """Hash entries as they stand, whether their hashes are right or not: what an ANCHOR names.

    SHA-256.
    """
    whole = hashlib.sha256()
    for entry in entries:
        whole.update(_text(vars(entry)))
    return whole.hexdigest()


def contents_hash(parts: Iterable[tuple[str, int]]) -> str:
    """Hash the (reward id, amount) pairs that an entry sums."""
    return hashlib.sha256(json.dumps(list(parts), separators=(",", ":")).encode()).hexdigest()


def post(
    balance: Balance,
    kind: EntryKind,
    amount: int,
    reference: str,
    now_ms: int,
    *,
    unpaid: int = 0,
    span: tuple[str, str] = ("", ""),
    contents: str = "",
) -> tuple[Balance, JournalEntry]:
    """Return the balance after a movement, and the entry that explains it.

    `amount` > 0, in minor units; `unpaid` is a difference. An EARN may be of 0: what came in then was over a monthly
    cap; an ANCHOR always is. Time never runs backwards in a journal, whatever the clocks of two machines say.

    Raises ValueError for an amount that its kind cannot have.
    """
    if amount < 0 or (amount == 0 and kind not in MAY_BE_ZERO) or (amount and kind is EntryKind.ANCHOR):
        raise ValueError("a movement has a positive amount; its kind says where it goes")
    debit, credit = LEGS[kind]
    entry = JournalEntry(
        partner_id=balance.partner_id, currency=balance.currency, version=balance.version + 1, kind=kind, debit=debit,
        credit=credit, amount=amount, reference=reference, at_ms=max(now_ms, balance.at_ms), previous=balance.head,
        first=span[0], last=span[1], contents=contents,
    )  # fmt: skip
    entry = replace(entry, hash=seal(entry))
    moved = Counter({debit: -amount})
    moved[credit] += amount
    after = replace(
        balance,
        available=balance.available + moved[Account.AVAILABLE],
        reserved=balance.reserved + moved[Account.RESERVED],
        paid=balance.paid + moved[Account.PAID],
        unpaid=balance.unpaid + unpaid,
        version=entry.version,
        head=entry.hash,
        at_ms=entry.at_ms,
        open=max(0, balance.open + OPENS.get(kind, 0)),
        earned=None if balance.earned is None else balance.earned - moved[Account.REWARDS],
        asked=(day(now_ms), balance.asked_on(now_ms) + 1) if kind is EntryKind.RESERVE else balance.asked,
    )
    return after, entry


def holdings_faults(entries: Iterable[tuple[JournalEntry, tuple[int, int, int] | None]]) -> Iterator[str]:
    """Yield a fault for each entry that says another balance than it and those before it come to.

    None says nothing.
    """
    accounts: Counter[str] = Counter()
    for entry, after in entries:
        accounts[entry.debit] -= entry.amount
        accounts[entry.credit] += entry.amount
        come_to = (accounts[Account.AVAILABLE], accounts[Account.RESERVED], accounts[Account.PAID])
        if after is not None and after != come_to:
            yield f"entry {entry.version}: says that there was {after} after it, and the journal comes to {come_to}"


def newest_faults(
    newest_first: Iterable[tuple[JournalEntry, tuple[int, int, int] | None]], balance: Balance
) -> Iterator[str]:
    """Yield ways in which the newest entries disagree with each other and with the balance.

    As far as they tell.

    What lies before them is taken to be right: that is for `faults`, which reads everything.
    """
    version, head = balance.version, balance.head
    come_to: tuple[int, int, int] | None = (balance.available, balance.reserved, balance.paid)
    for entry, after in newest_first:
        if entry.version != version:
            yield f"entry {entry.version}: found where version {version} belongs"
        if entry.hash != head:
            yield f"entry {entry.version}: what comes after it does not follow its hash"
        if entry.hash != seal(entry):
            yield f"entry {entry.version}: its hash is not that of its contents"
        if after is not None and come_to is not None and after != come_to:
            yield f"entry {entry.version}: says that there was {after} after it, and what follows comes from {come_to}"
        version, head, come_to = entry.version - 1, entry.previous, _before(entry, after)


def _before(entry: JournalEntry, after: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
    """What there was before an entry, of what there was after it."""
    if after is None:
        return None
    moved = Counter({entry.debit: -entry.amount})
    moved[entry.credit] += entry.amount
    available, reserved, paid = after
    return (
        available - moved[Account.AVAILABLE], reserved - moved[Account.RESERVED], paid - moved[Account.PAID]
    )  # fmt: skip


@dataclass(frozen=True)
class Anchors:
    """What people have said of a journal: `agreed` has (id, chain) of each ANCHOR that two of them made.

    `known`: faults of hashes that such an entry names; they are put here, and are no faults any more.
    """

    agreed: frozenset[tuple[str, str]] = frozenset()
    known: list[str] = field(default_factory=list)


NOBODY: Final = Anchors()


def faults(entries: Sequence[JournalEntry], balance: Balance, anchors: Anchors = NOBODY) -> Iterator[str]:
    """Yield every way in which a journal and its balance disagree; nothing for books that are right.

    Hashes of entries that an ANCHOR names are `anchors.known`, as long as these stand as they stood then. An ANCHOR
    excuses nothing else: not a gap, not an amount, not the balance.
    """
    yield from (reason for _, reason in broken(entries, anchors))
    accounts: Counter[str] = Counter()
    previous, version = "", 0
    for entry in entries:
        version += 1
        if entry.version != version:
            yield f"entry {entry.version}: found where version {version} belongs"
            version = entry.version
        least = 0 if entry.kind in MAY_BE_ZERO else 1
        wrong = entry.amount < least or (entry.amount and entry.kind is EntryKind.ANCHOR)
        if (entry.debit, entry.credit) != LEGS[entry.kind] or wrong:
            yield f"entry {entry.version}: {entry.kind} with wrong legs or amount"
        accounts[entry.debit] -= entry.amount
        accounts[entry.credit] += entry.amount
        previous = entry.hash
    if (balance.version, balance.head) != (version, previous):
        yield f"balance: is at version {balance.version}, the journal at {version}"
    for account in (Account.AVAILABLE, Account.RESERVED, Account.PAID):
        if getattr(balance, account.value) != accounts[account]:
            yield f"balance: {account} is {getattr(balance, account.value)}, the journal says {accounts[account]}"
    if balance.earned not in (None, -accounts[Account.REWARDS]):
        yield f"balance: earned is {balance.earned}, the journal says {-accounts[Account.REWARDS]}"


def broken(entries: Sequence[JournalEntry], anchors: Anchors = NOBODY) -> list[tuple[int, str]]:
    """Return place and reason of each hash that is wrong, and of each ANCHOR that does not hold.

    Places count from 1. Wrong hashes of entries that an ANCHOR names are put into `anchors.known` instead.
    """
    through, found = _anchored(entries, anchors.agreed)
    previous = ""
    for place, entry in enumerate(entries, 1):
        reasons = list(_hash_faults(entry, previous))
        if place <= through:
            anchors.known.extend(reasons)
        else:
            found += [(place, reason) for reason in reasons]
        previous = entry.hash
    return sorted(found)


def _hash_faults(entry: JournalEntry, previous: str) -> Iterator[str]:
    if entry.previous != previous:
        yield f"entry {entry.version}: does not follow the hash of the entry before it"
    if entry.hash != seal(entry):
        yield f"entry {entry.version}: its hash is not that of its contents"


def _anchored(entries: Sequence[JournalEntry], agreed: frozenset[tuple[str, str]]) -> tuple[int, list[tuple[int, str]]]:
    """How many entries the ANCHORs name that hold, and what is wrong with those that do not.

    One that does not hold, and is itself among those that a later one names, is history.
    """
    places = [place for place, entry in enumerate(entries, 1) if entry.kind is EntryKind.ANCHOR]
    if not places:
        return 0, []
    through, void = 0, dict[int, str]()
    for place in places:
        entry = entries[place - 1]
        named = int(entry.last) if entry.last.isdecimal() else 0
        if not 0 < named < place or chain(entries[:named]) != entry.contents:
            void[place] = f"entry {entry.version}: anchors entries that are not as they stand now"
        elif (entry.reference, entry.contents) not in agreed:
            void[place] = f"entry {entry.version}: an anchor that no two people agreed on"
        elif entry.hash == seal(entry):
            through = max(through, named)
    return through, [(place, reason) for place, reason in void.items() if place > through]
