"""The double-entry journal of one partner and currency, and the balance that follows from it.

One entry holds both legs, so an unbalanced one cannot be written. Versions have no gaps, and each entry carries the
hash of the one before: an entry that is edited, moved or taken away breaks the chain at its own version.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from refledger.domain.times import day


class Account(StrEnum):
    # the owner's side: minus what all partners' sides hold, told apart by why
    REWARDS = "rewards"  # what was promised
    ADJUSTMENTS = "adjustments"  # what people corrected
    WRITE_OFFS = "write_offs"  # debt that was forgiven
    # the partner's side
    AVAILABLE = "available"
    RESERVED = "reserved"
    PAID = "paid"


class Kind(StrEnum):
    EARN = "EARN"
    REVERSE = "REVERSE"
    RESERVE = "RESERVE"
    RELEASE = "RELEASE"
    SETTLE = "SETTLE"
    RETURN = "RETURN"  # a payout that came back
    PAY = "PAY"  # money that went out without being reserved any more: a payout that was believed to have failed
    CREDIT = "CREDIT"
    DEBIT = "DEBIT"
    WRITE_OFF = "WRITE_OFF"


# kind → (debit, credit): money leaves the debit account and arrives in the credit account
LEGS: dict[Kind, tuple[Account, Account]] = {
    Kind.EARN: (Account.REWARDS, Account.AVAILABLE),
    Kind.REVERSE: (Account.AVAILABLE, Account.REWARDS),
    Kind.RESERVE: (Account.AVAILABLE, Account.RESERVED),
    Kind.RELEASE: (Account.RESERVED, Account.AVAILABLE),
    Kind.SETTLE: (Account.RESERVED, Account.PAID),
    Kind.RETURN: (Account.PAID, Account.AVAILABLE),
    Kind.PAY: (Account.AVAILABLE, Account.PAID),
    Kind.CREDIT: (Account.ADJUSTMENTS, Account.AVAILABLE),
    Kind.DEBIT: (Account.AVAILABLE, Account.ADJUSTMENTS),
    Kind.WRITE_OFF: (Account.WRITE_OFFS, Account.AVAILABLE),
}

OPENS = {Kind.RESERVE: 1, Kind.RELEASE: -1, Kind.SETTLE: -1}  # what each does to the number of open withdrawals


@dataclass(frozen=True)
class Entry:
    """One movement. `first`, `last`: sort keys of the first and last reward that an EARN or REVERSE sums."""

    partner_id: str
    currency: str
    version: int
    kind: Kind
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
    are marked as paid.
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

    def asked_on(self, at_ms: int) -> int:
        """How many withdrawals were asked for on the day of that moment."""
        on, count = self.asked
        return count if on == day(at_ms) else 0


def seal(entry: Entry) -> str:
    """SHA-256 over everything in the entry but the hash itself, as JSON with sorted keys."""
    fields = {name: value for name, value in asdict(entry).items() if name != "hash"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def contents_hash(parts: Iterable[tuple[str, int]]) -> str:
    """One hash for the (reward id, amount) pairs that an entry sums."""
    return hashlib.sha256(json.dumps(list(parts), separators=(",", ":")).encode()).hexdigest()


def post(
    balance: Balance,
    kind: Kind,
    amount: int,
    reference: str,
    now_ms: int,
    *,
    unpaid: int = 0,
    span: tuple[str, str] = ("", ""),
    contents: str = "",
) -> tuple[Balance, Entry]:
    """The balance after a movement, and the entry that explains it. `amount` > 0; `unpaid` is a difference.

    An EARN may be of 0: what came in then was over a monthly cap. Time never runs backwards in a journal, whatever the
    clocks of two machines say.
    """
    if amount < 0 or (amount == 0 and kind is not Kind.EARN):
        raise ValueError("a movement has a positive amount; its kind says where it goes")
    debit, credit = LEGS[kind]
    entry = Entry(
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
        asked=(day(now_ms), balance.asked_on(now_ms) + 1) if kind is Kind.RESERVE else balance.asked,
    )
    return after, entry


def holdings_faults(entries: Iterable[tuple[Entry, tuple[int, int, int] | None]]) -> Iterator[str]:
    """Entries that say another balance than what they and those before them come to; None says nothing."""
    accounts: Counter[str] = Counter()
    for entry, after in entries:
        accounts[entry.debit] -= entry.amount
        accounts[entry.credit] += entry.amount
        come_to = (accounts[Account.AVAILABLE], accounts[Account.RESERVED], accounts[Account.PAID])
        if after is not None and after != come_to:
            yield f"entry {entry.version}: says that there was {after} after it, and the journal comes to {come_to}"


def faults(entries: Iterable[Entry], balance: Balance) -> Iterator[str]:
    """Every way in which a journal and its balance disagree; nothing for books that are right."""
    accounts: Counter[str] = Counter()
    previous, version = "", 0
    for entry in entries:
        version += 1
        if entry.version != version:
            yield f"entry {entry.version}: found where version {version} belongs"
            version = entry.version
        if entry.previous != previous:
            yield f"entry {entry.version}: does not follow the hash of the entry before it"
        if entry.hash != seal(entry):
            yield f"entry {entry.version}: its hash is not that of its contents"
        least = 0 if entry.kind is Kind.EARN else 1
        if (entry.debit, entry.credit) != LEGS[entry.kind] or entry.amount < least:
            yield f"entry {entry.version}: {entry.kind} with wrong legs or amount"
        accounts[entry.debit] -= entry.amount
        accounts[entry.credit] += entry.amount
        previous = entry.hash
    if (balance.version, balance.head) != (version, previous):
        yield f"balance: is at version {balance.version}, the journal at {version}"
    for account in (Account.AVAILABLE, Account.RESERVED, Account.PAID):
        if getattr(balance, account.value) != accounts[account]:
            yield f"balance: {account} is {getattr(balance, account.value)}, the journal says {accounts[account]}"
