"""The check of the books finds whatever was changed behind the back of the operations, and says what it is."""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from refledger.domain.errors import Invalid
from refledger.domain.journal import seal
from refledger.domain.payments import PaymentKind
from refledger.domain.rewards import DISPUTED, RewardStatus
from refledger.operations.proof import book_checks, verification
from refledger.operations.proof.book_checks import Checked
from refledger.operations.proof.verification import verify
from refledger.store import keys
from refledger.store import ledger as stored_ledger
from refledger.store.table import Table
from refledger.store.transaction import Item, delete, put, update
from tests.support import dynamodb, seeds
from tests.support.books import Books
from tests.support.history import items_of, kind_of, with_history

log = logging.getLogger(__name__)
SOME = 25  # of some 700 single corruptions; CORRUPTIONS=all tries every one


@pytest.fixture(scope="module")
def books(dynamodb_endpoint: str) -> Books:
    """For all tests that put back what they change."""
    return with_history(Books(dynamodb.new_database(dynamodb_endpoint)))


def test_right_books_have_no_fault_and_everything_was_read(books: Books) -> None:
    """Two partners; their journals, withdrawals, rewards, payments and what is parked were looked at."""
    checked, kinds = Checked(), [kind_of(item) for item in items_of(books)]
    assert list(verify(books.context, checked)) == []
    read = (checked.partners, checked.balances, checked.entries, checked.rewards, checked.withdrawals)
    assert read == tuple(
        kinds.count(kind) for kind in ("PARTNER/ROOT", "PARTNER/BALANCE", "JOURNAL", "REWARD", "WITHDRAWAL/ROOT")
    )
    nobodys = sum(
        item.get("kind") in ("IGNORED", "ALIAS") for item in items_of(books) if kind_of(item) == "PAYMENT/ROOT"
    )
    assert checked.payments == kinds.count("PAYMENT/ROOT") - nobodys > 5


def test_a_walk_goes_on_from_any_place(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read up to a place, and what is read from there on, is everything, once; also with pages of one."""
    monkeypatch.setattr(verification, "BATCH_LIMIT", 1)
    whole, places = Checked(), list[tuple[str, dict[str, int]]]()
    for found in verification.walk(books.context, whole):
        assert found == []
        if not places or whole.place != places[-1][0]:  # programs have no place: there are few
            places.append((whole.place, whole.counts()))
    assert {place.partition("/")[0] for place, _ in places} == {"partners", "earned", "parked", "referred"}
    assert len(places) == whole.partners + whole.payments + whole.referrals
    for place, before in places:
        rest = Checked()
        assert list(verify(books.context, rest, place)) == []
        assert {name: before[name] + n for name, n in rest.counts().items()} == whole.counts()
    assert list(verify(books.context, Checked(), whole.place)) == []
    for wrong in ("nowhere", "partners", "earned/default/x/y", "parked/1/2"):
        with pytest.raises(Invalid):
            list(verify(books.context, Checked(), wrong))


# ---------------------------------------------------------------- what is not read

SHAPES = Path(__file__).parents[1] / "shapes" / "next.json"  # everything that the story leaves in a table
# Kinds of items that no check of the books reads, and what sees instead that one is wrong, or why nobody has to.
UNREAD = {
    "STATISTICS": "`rebuild statistics --check` holds each figure of each day against the books",
    "LEADERBOARD": "`rebuild leaderboards --check`",
    "CLICKS": "counts that nothing else knows; no money follows from them",
    "AUDIT": "who did what: nothing in the table can say it again",
    "SEARCH": "only where the stream's readers run as well: `timely_checks.py`",
    "EXPOSURE": "what a day has seen of somebody, for what comes: what was done in spite of a limit is named",
    "LIMIT": "how often somebody called in a minute",
    "ANSWER": "of a bulk call, for its repeat",
    "JOB": "exports and imports: files, no books",
    "PERSON": "names of who acted",
    "APPLICATION": "of who wants to be a partner: people decide",
    "INVITATION": "the same",
    "API_KEY": "what opens the API: hashes that nothing else knows",
    "BATCH": "what a bank's file had in it: each withdrawal says so itself",
    "FINDINGS": "what was found",
    "TOUCHED": "who is looked at next: the sweep comes to everybody",
    "GUARD#REQUEST": "its key is made of what a caller sent",
    "GUARD#EMAIL": "its key is made with a secret that whoever verifies need not have",
    "GUARD#EXTERNAL": "the same",
    "GUARD#LEAD": "the same",
    "GUARD#APPLICANT": "the same",
    "GUARD#TRAIT": "who is like whom: a risk that people look at",
}


class Reading(Table):
    """A table that remembers which kinds of items somebody wanted to read."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.client, table.name)
        self.kinds: set[str] = set()

    def get(self, key: keys.Key, **more: Any) -> Item | None:
        self.kinds.add(kind_in(key["pk"]))
        return super().get(key, **more)

    def get_many(self, keys: Sequence[keys.Key], **more: Any) -> list[Item | None]:
        self.kinds.update(kind_in(key["pk"]) for key in keys)
        return super().get_many(keys, **more)

    def query(self, partition: str, *args: Any, **more: Any) -> Iterator[Item]:
        self.kinds |= set() if more.get("index") else {kind_in(partition)}
        return super().query(partition, *args, **more)


def kind_in(partition: str) -> str:
    kind, *rest = partition.split("#")
    return f"{kind}#{rest[0]}" if kind == "GUARD" else kind


def test_each_kind_of_item_is_read_or_listed(books: Books) -> None:
    """A kind that nobody looks at says here why; one that is looked at is not among these."""
    table = Reading(books.table)
    assert list(verify(replace(books.context, table=table, _shards=[]), Checked())) == []
    kinds = {kind_in(item["pk"]["S"]) for item in json.loads(SHAPES.read_text(encoding="utf-8"))["items"]}
    assert kinds - table.kinds - {"SYSTEM"} == set(UNREAD)
    assert table.kinds <= kinds


# ---------------------------------------------------------------- every single corruption

READ = (
    "REWARD",
    "PAYMENT/ROOT",
    "PAYMENT/REFUND",
    "PAYMENT/DISPUTE",
    "PARTNER/BALANCE",
    "PARTNER/CAP",
    "JOURNAL",
    "WITHDRAWAL/ROOT",
    "ADJUSTMENT",
)
REMOVED = "removed"
INDEX = ("listed_in", "listed_at", "waits_in", "waits_at")  # where people and schedules look
# What no other item says, so that nothing could contradict it: what it is for, and why that is bearable.
UNSEEN: dict[str, dict[str, str]] = {
    "REWARD": {
        "note": "a person's words", "by": "a person", "created": "when it was written", "revision": "counts changes",
        "review": "whether a person approves it: for what comes, not for what was",
        "twin": "an explanation: of what waits its payment says the same",
    },
    "PAYMENT/ROOT": {
        "revision": "counts changes", "created": "when it came", "due": "the same is in its rewards' ids",
        "reason": "why nobody earns", "target": "what an ALIAS is of: for what comes", "ttl": "when it may go",
        "unearned": "an explanation of what is not there", "system": "who told of it: for what comes",
        "twin": "what it may be: of what waits its rewards say the same", "cleared": "a person",
        "external": "what its owner calls it",
    },
    "PAYMENT/REFUND": {"at": "when", "failed_at": "when", "made_at": "when: which word of it is the later one"},
    "PAYMENT/DISPUTE": {"at": "when", "ended": "when: which end of it is the later one"},
    "PARTNER/BALANCE": {
        "at": "the last entry's time, which the next one must not be before", "asked": "how many on its last day",
    },
    "PARTNER/CAP": {"revision": "counts changes", "created": "for the figures"},
    "WITHDRAWAL/ROOT": {
        "attempt": "which execution", "resumed": "when", "batch": "which file", "body": "for repeats of the request",
        "created": "when", "expires": "until when", "sent": "when", "program": "whose limits",
        "requester": "who asked", "terms": "whose limits, too", "assessed": "when somebody looked",
        "risks": "what to look at", "blocked": "what stood against it then",
        "transaction": "the provider's number: only the provider can say that it is wrong",
    },
    "ADJUSTMENT": {
        "approver": "who", "requester": "who", "body": "for repeats", "created": "when", "decided": "when",
        "entry": "an explanation: the entry names the adjustment", "note": "words", "reason": "words",
        "program": "whose limit", "request": "for repeats",
    },
}  # fmt: skip
BALANCED = (RewardStatus.APPROVED, RewardStatus.PAID)


def is_read(item: Item) -> bool:
    """Payments that nobody earns from are in no list: nothing follows from them, and nothing of theirs is checked."""
    return kind_of(item) != "PAYMENT/ROOT" or item["kind"] not in (PaymentKind.IGNORED, PaymentKind.ALIAS)


@dataclass(frozen=True)
class Corruption:
    item: Item
    name: str  # of the attribute, or REMOVED
    value: Any = None

    def __str__(self) -> str:
        return f"{kind_of(self.item)} {self.item.get('status', self.item.get('kind', ''))} {self.name} {self.value!r}"

    @property
    def is_seen(self) -> bool | None:
        """Whether anything else says otherwise; None where that depends on more than the item."""
        item, kind = self.item, kind_of(self.item)
        if self.name in INDEX:  # of what is found otherwise than by a list
            found = kind in ("REWARD", "WITHDRAWAL/ROOT") or (kind == "PAYMENT/ROOT" and item["kind"] == "PAYMENT")
            return True if found and self.name in ("listed_in", "waits_in") else None
        match kind:
            case "REWARD":
                return self._seen_in_reward(item)
            case "PAYMENT/ROOT":
                return self._seen_in_payment(item)
            case "PAYMENT/DISPUTE" if item["status"] == "WON" or not item["amount"]:  # it takes nothing
                return None
            case "PAYMENT/REFUND" if self.name == "failed_at":  # before or after a sum that was told
                return None
            case "ADJUSTMENT" if item["status"] == "WAITING":  # a person reads it before it is posted
                return None
            case "PARTNER/BALANCE" if self.name == "open":  # a count that is too low only lets one more be asked for
                return None
            case "PARTNER/BALANCE" if (
                self.name == "cover"
            ):  # too early is only looked at again; this is past all that is owed
                return bool(item["unpaid"])
        return self.name not in UNSEEN.get(kind, {})

    def _seen_in_reward(self, item: Item) -> bool:
        match self.name:
            case "held":  # for which reason of a person is nowhere else; whether it is, the list says
                said = bool(item["held"]) is not bool(self.value) or DISPUTED in (*item["held"], *self.value)
                return said or item["status"] in BALANCED
            case "entry":  # of what is worth something
                return item["status"] in BALANCED and item["amount"] > item["reversed"]
            case "status" if item["held"]:  # its list is that of what is held; no money moves
                return not {item["status"], self.value} <= {"PENDING", "CALCULATED"}
            case "cancelled":  # by whom: only a refund's word can be checked
                return False
        return self.name not in UNSEEN["REWARD"]

    def _seen_in_payment(self, item: Item) -> bool | None:
        if item["kind"] == "PAYMENT":
            return self.name not in UNSEEN["PAYMENT/ROOT"]
        if self.name in ("kind", REMOVED, "occurred", "rewards"):  # of what is parked; its event makes it anew
            return None
        if item["kind"] == "EARLY":  # only what is gone of it is known
            return True if self.name in ("back", "currency") else None
        return self.name not in UNSEEN["PAYMENT/ROOT"]


def others(item: Item, name: str, value: Any) -> list[Any]:
    """What an attribute may be instead."""
    words = {
        ("REWARD", "status"): [*RewardStatus], ("PAYMENT/ROOT", "kind"): [*PaymentKind],
        ("REWARD", "cancelled"): ["BY_HAND", "IDLE"], ("PAYMENT/DISPUTE", "status"): ["OPEN", "WON", "LOST"],
        ("ADJUSTMENT", "status"): ["WAITING", "POSTED", "REJECTED"],
        ("WITHDRAWAL/ROOT", "status"): [
            "REQUESTED", "APPROVED", "PAYING", "PAID", "REJECTED", "CANCELLED", "EXPIRED", "FAILED",
        ],
        ("JOURNAL", "kind"): ["EARN", "REVERSE", "RESERVE", "RELEASE", "SETTLE", "RETURN", "PAY", "CREDIT", "DEBIT"],
        ("REWARD", "held"): [[], ["a reason"], [DISPUTED]],
    }  # fmt: skip
    if (kind_of(item), name) == ("PARTNER/BALANCE", "earned"):  # with its version, else nobody would believe it
        return [[value[0] + 1, value[1]], [value[0] - 1, value[1]]]
    if (kind_of(item), name) == ("PAYMENT/ROOT", "back"):  # what is known one by one, that is
        return [[*value[:at], value[at] + 1, *value[at + 1 :]] for at in (0, 1, 3, 4)]
    if found := words.get((kind_of(item), name)):
        return [str(other) if isinstance(other, str) else other for other in found if other != value]
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1, value - 1]
        case str():
            return [("y" if value.startswith("x") else "x") + value[1:]]
        case list() if value:
            return [value[:-1]]
        case dict() if value:
            return [{}]
    return []


def corruptions(books: Books) -> Iterator[Corruption]:
    items = items_of(books)
    unread = {item["pk"] for item in items if not is_read(item)}
    for item in items:
        if kind_of(item) not in READ or item["pk"] in unread:
            continue
        yield Corruption(item, REMOVED)
        for name, value in item.items():
            if name not in ("pk", "sk"):
                yield from (Corruption(item, name, other) for other in others(item, name, value))


def faults_with(books: Books, corruption: Corruption) -> list[str]:
    """What is found while the item is not what it was."""
    item = corruption.item
    if corruption.name == REMOVED:
        books.table.commit(delete("a removal", {"pk": item["pk"], "sk": item["sk"]}, "attribute_exists(pk)"))
    else:
        books.table.commit(put("an edit", {**item, corruption.name: corruption.value}, condition=""))
    try:
        return [fault.reason for fault in books.faults()]
    finally:
        books.table.commit(put("as it was", item, condition=""))


def test_every_single_corruption_is_named(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attribute of any item changed, any item removed: a fault says so, where anything else says otherwise.

    What nothing else says is listed above, with the reason; it is tried too, and must not break the check.
    """
    monkeypatch.setattr(book_checks, "LOOKS", 1)  # nothing moves here
    every = list(corruptions(books))
    seed = seeds.seed("CORRUPTIONS_SEED")
    log.warning("CORRUPTIONS_SEED=%d", seed)
    if os.environ.get("CORRUPTIONS") != "all":
        every = random.Random(seed).sample(every, SOME)
    wrong = []
    for each in every:
        found = faults_with(books, each)  # also where it may or may not be seen: it must not break the check
        if each.is_seen not in (None, bool(found)):
            wrong.append((str(each), found))
    assert wrong == [], "\n".join(map(str, wrong))
    assert books.faults() == []


@pytest.mark.parametrize("kind", ["JOURNAL", "REWARD", "PAYMENT/REFUND", "WITHDRAWAL/ROOT"])
def test_what_was_swapped_is_named(books: Books, kind: str) -> None:
    """Two items that change places, each right in itself: neither is what its key says."""
    found = [item for item in items_of(books) if kind_of(item) == kind]
    pairs = (
        [(a, b) for a in found for b in found if a["pk"] == b["pk"] and a["sk"] < b["sk"]]
        if kind != "WITHDRAWAL/ROOT"
        else []
    )
    pairs = pairs or [(found[0], found[-1])]
    differ = [
        (a, b) for a, b in pairs
        if any(a.get(n) != b.get(n) for n in ("amount", "failed", "status", "hash", "base", "reversed"))
    ]  # fmt: skip
    assert differ
    for one, two in random.Random(4).sample(differ, min(6, len(differ))):
        for at, says in ((one, two), (two, one)):
            books.table.commit(put("swapped", {**says, "pk": at["pk"], "sk": at["sk"]}, condition=""))
        reasons = [fault.reason for fault in books.faults()]
        for item in (one, two):
            books.table.commit(put("as it was", item, condition=""))
        same_sums = kind == "PAYMENT/REFUND"  # two refunds of one payment say together what they said before
        assert bool(reasons) is not same_sums, (one, two)
    assert books.faults() == []


# ---------------------------------------------------------------- what is said


def edit(books: Books, key: dict[str, str], **values: Any) -> None:
    """Change attributes of an item directly in the table."""
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    books.table.commit(update("an edit", key, change, "attribute_exists(pk)", **values))


def entry_key(books: Books, version: int) -> dict[str, str]:
    entry = books.entries("bob")[version - 1]
    return keys.entry(entry.partner_id, "USD", entry.at_ms, version)


def balance_key(books: Books) -> dict[str, str]:
    return keys.balance(books.partner("bob").id, "USD")


def reward_key(books: Books, status: RewardStatus) -> dict[str, str]:
    return keys.reward(next(r.id for r in books.rewards("bob") if r.currency == "USD" and r.status is status))


def withdrawal_key(books: Books, key: str) -> dict[str, str]:
    return keys.withdrawal(books.ids.withdrawal(books.partner("bob").id, key))


def payment_key(books: Books, name: str) -> dict[str, str]:
    return keys.payment(books.ids.payment("payments", name))


def month_key(books: Books) -> dict[str, str]:
    return keys.capped_month(books.partner("bob").id, "USD", "202609", "default")


A = RewardStatus.APPROVED
KeyOf = Callable[[Books], dict[str, str]]
# What is edited, how (None: removed), and what is said about it.
EDITS: dict[str, tuple[KeyOf, dict[str, Any] | None, str]] = {
    "an entry's amount": (lambda b: entry_key(b, 2), {"amount": 1}, "entry 2: its hash"),
    "an entry's hash": (lambda b: entry_key(b, 3), {"hash": "0"}, "entry 4: does not follow"),
    "an entry removed": (lambda b: entry_key(b, 3), None, "entry 4: found where version 3 belongs"),
    "the first entry removed": (lambda b: entry_key(b, 1), None, "entry 2: found where version 1 belongs"),
    "the last entry removed": (lambda b: entry_key(b, len(b.entries("bob"))), None, "balance: is at version"),
    "an entry that cannot be read": (lambda b: entry_key(b, 2), {"kind": "GIFT"}, "cannot be read: ValueError"),
    "available": (balance_key, {"available": 999_999}, "balance: available is 999999"),
    "unpaid": (balance_key, {"unpaid": 1}, "unpaid is 1"),
    "caps": (balance_key, {"caps": {"default 202609": 1}}, "monthly caps: the balance says {'default 202609': 1}"),
    "what a capped month kept": (month_key, {"kept": {"500000": 1}}, "monthly cap of default 202609: does not count"),
    "a capped month removed": (month_key, None, "monthly cap of default 202609: does not count"),
    "cover": (balance_key, {"cover": "99999999"}, "is not paid, and payouts have covered all up to entry"),
    "the balance removed": (balance_key, None, "balance: is at version 0"),
    "a reward's reversal": (lambda b: reward_key(b, A), {"reversed": 5}, "rewards are worth"),
    "a reward's base": (lambda b: reward_key(b, A), {"base": 5}, "its base, program, referral or time"),
    "a reward's rate": (lambda b: reward_key(b, A), {"rate": 5}, "which is not 5 basis points"),
    "a reward's entry": (lambda b: reward_key(b, A), {"entry": 10}, "names entry 10, which did not credit it"),
    "no such entry": (lambda b: reward_key(b, A), {"entry": 99}, "names entry 99, the journal ends at"),
    "a reward removed": (lambda b: reward_key(b, A), None, "its reward"),
    "a reward that cannot be read": (lambda b: reward_key(b, A), {"status": "LOST"}, "cannot be read: ValueError"),
    "an open withdrawal paid": (lambda b: withdrawal_key(b, "w0"), {"status": "PAID"}, "which is not what its history"),
    "an open withdrawal removed": (lambda b: withdrawal_key(b, "w0"), None, "is booked, and not there"),
    "a payment's amount": (lambda b: payment_key(b, "p0"), {"amount": 10**9}, "what it says is not what was recorded"),
    "a payment removed": (lambda b: payment_key(b, "p0"), None, "its payment is not there"),
    "a parked one's amount": (lambda b: payment_key(b, "euros"), {"amount": 10**9}, "what it says is not what was"),
    "what was refunded early": (lambda b: payment_key(b, "early"), {"back": [0] * 7}, "refunds are 500, it says 0"),
    "a payment that cannot be read": (lambda b: payment_key(b, "p0"), {"kind": "GIFT"}, "cannot be read: ValueError"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_it_says_what_is_wrong(books: Books, name: str) -> None:
    """In words that lead a person to the item; put back, all is right again."""
    key_of, values, told = EDITS[name]
    key = key_of(books)
    before = books.table.get(key)
    assert before is not None
    if values is None:
        books.table.commit(delete("a removal", key, "attribute_exists(pk)"))
    else:
        edit(books, key, **values)
    found = books.faults()
    books.table.commit(put("as it was", before, condition=""))
    assert any(told in fault.reason for fault in found), found
    assert {fault.partner_id for fault in found} <= {books.partner("bob").id, books.partner("alice").id, ""}
    assert books.faults() == []


def test_one_broken_item_hides_no_other_fault(books: Books) -> None:
    """What cannot be read is named, and everybody else's books are checked all the same."""
    alice, bob = (keys.balance(books.partner(name).id, "USD") for name in ("alice", "bob"))
    before = [books.table.get(key) for key in (alice, bob)]
    edit(books, bob, available="much")
    edit(books, alice, available=7)
    found = {fault.partner_id: fault.reason for fault in books.faults()}
    for item in before:
        books.table.commit(put("as it was", item or {}, condition=""))
    assert set(found) >= {books.partner("alice").id, books.partner("bob").id}


def test_a_forged_journal_that_fits_itself_is_found(dynamodb_endpoint: str) -> None:
    """Entries, hashes and balance rewritten consistently still say something else than the rewards."""
    books, previous = with_history(Books(dynamodb.new_database(dynamodb_endpoint))), ""
    for entry in books.entries("bob"):
        amount = entry.amount + 7 if entry.version == 1 else entry.amount
        forged = replace(entry, amount=amount, previous=previous, hash="")
        forged = replace(forged, hash=seal(forged))
        where = keys.entry(entry.partner_id, "USD", entry.at_ms, entry.version)
        edit(books, where, amount=forged.amount, prev=forged.previous, hash=forged.hash)
        previous = forged.hash
    balance = stored_ledger.find_balance(books.table, books.partner("bob").id, "USD")
    edit(books, balance_key(books), head=previous, available=balance.available + 7, unpaid=balance.unpaid + 7)
    reasons = [fault.reason for fault in books.faults()]
    assert any(reason.startswith("rewards are worth") for reason in reasons), reasons
    assert not any("hash" in reason for reason in reasons), "the forgery is good; only the rewards give it away"


def test_a_refund_that_takes_from_two_payments_is_named(dynamodb_endpoint: str) -> None:
    """What the books of before left behind, and a guard that says otherwise than what lies below a payment."""
    books = Books(dynamodb.new_database(dynamodb_endpoint))
    books.program()
    books.chain("bob", "carol")
    for id in ("twice1", "twice2"):
        books.earn("carol", id, 10_000)
    books.refund("twice1", 100, "same")
    assert books.faults() == []
    first, hashed = books.payment("twice1").id, books.ids.hash("refund", "payments", "same")
    books.table.commit(delete("there is one", keys.refund_guard(hashed), "attribute_exists(pk)"))
    books.refund("twice2", 100, "same")
    named = [fault.reason for fault in books.faults()]
    assert any("under the same id" in reason for reason in named)
    assert any(f"payment {first}: a refund or dispute is of another one" in reason for reason in named)
