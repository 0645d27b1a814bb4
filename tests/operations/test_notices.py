"""Notices on the bus: to partners who chose them, of everybody where the owner wants it, and without anybody's name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from refledger.adapters.bus import BATCH_LIMIT, Bus
from refledger.domain.notices import NoticeKind
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations import notices
from refledger.operations.payouts import withdrawals
from refledger.store import keys, partners
from tests.support.books import Books
from tests.support.changes import EventsClient, Follower
from tests.support.events import validator

ALL = tuple(NoticeKind)


@pytest.fixture
def follower(books: Books) -> Follower:
    """Alice referred Bob, and Bob referred Carol; nothing of it is new any more."""
    books.program()
    books.chain("alice", "bob", "carol")
    made = Follower(books)
    made.catch_up()
    return made


def choose(books: Books, name: str, *kinds: NoticeKind) -> None:
    old = books.partner(name)
    new = replace(old, notices=tuple(kind.value for kind in kinds), version=old.version + 1)
    books.table.commit(partners.change(old, new, books.clock()))


def reject(books: Books, withdrawal_id: str) -> None:
    withdrawals.decide(books.context, withdrawal_id, WithdrawalStatus.REJECTED, "ann", "r1", "no")


def live(books: Books) -> None:
    """Carol pays, Bob and Alice earn, Bob is paid once and refused once."""
    books.earn("carol", "p1", 100_000)
    books.pay_out("bob", 15_000)
    reject(books, books.withdraw("bob", 2_000).id)


def test_partners_are_told_what_they_chose(follower: Follower) -> None:
    """Everything for Bob, who chose all; nothing for Alice, who chose nothing."""
    books = follower.books
    choose(books, "bob", *ALL)
    live(books)
    follower.catch_up()
    assert {detail["partnerId"] for _, detail in follower.bus.told} == {books.partner("bob").id}
    found = dict(follower.bus.told)
    assert set(found) == {"Reward Approved", "Withdrawal Paid", "Withdrawal Rejected", "Referral Converted"}
    (reward,) = books.rewards("bob")
    approved = found["Reward Approved"]
    assert (approved["rewardId"], approved["amount"], approved["currency"]) == (reward.id, 20_000, "USD")
    assert (found["Withdrawal Paid"]["amount"], found["Withdrawal Rejected"]["amount"]) == (15_000, 2_000)
    assert found["Referral Converted"]["referralId"] == reward.referral_id
    assert all(detail["chosen"] for detail in found.values())


@pytest.mark.parametrize("kind", ALL)
def test_one_choice_is_one_kind(follower: Follower, kind: NoticeKind) -> None:
    """Who chose one is told of that one alone."""
    books = follower.books
    choose(books, "bob", kind)
    live(books)
    follower.catch_up()
    assert {told for told, _ in follower.bus.told} == {kind.words}


def test_the_owners_systems_may_be_told_of_everybody(follower: Follower) -> None:
    """With the parameter, everything of everybody is told once, and says who chose it."""
    books, follower.to_all = follower.books, True
    choose(books, "bob", NoticeKind.REWARD_APPROVED)
    live(books)
    follower.catch_up()
    chosen = {(kind, detail["partnerId"]) for kind, detail in follower.bus.told if detail["chosen"]}
    assert chosen == {("Reward Approved", books.partner("bob").id)}
    assert {detail["partnerId"] for _, detail in follower.bus.told} == {books.partner(n).id for n in ("alice", "bob")}
    ids = [detail["id"] for _, detail in follower.bus.told]
    assert len(set(ids)) == len(ids)


def test_a_repeat_has_the_same_ids(follower: Follower) -> None:
    """Who is told twice can see it: the same thing has the same id."""
    books, follower.to_all = follower.books, True
    live(books)
    records = follower.follow()
    first = list(follower.bus.told)
    follower.bus.told.clear()
    notices.send(books.context, follower.bus, records, to_all=True)
    assert follower.bus.told == first


def test_the_schema_says_what_is_told(follower: Follower) -> None:
    """Every notice is as events/schemas has it, and has nothing that it does not name: no names, no accounts."""
    follower.to_all = True
    live(follower.books)
    follower.catch_up()
    schema = validator("notice.schema.json")
    assert {kind for kind, _ in follower.bus.told} == {kind.words for kind in ALL}
    for _, detail in follower.bus.told:
        schema.validate(detail)


def test_a_bus_that_is_down_takes_nothing_from_the_audit(follower: Follower) -> None:
    """The batch fails and comes again; what stands before the notices is done already, and done once."""
    books, follower.to_all = follower.books, True
    live(books)
    records = follower.records()
    follower.bus.down = True
    with pytest.raises(RuntimeError):
        follower.follow(records)
    rejected = next(each for each in records if each.new.get("status") == "REJECTED")
    before = follower.of(keys.owner_of(rejected.item))
    assert before
    follower.bus.down = False
    follower.follow(records)
    assert follower.of(keys.owner_of(rejected.item)) == before
    assert {kind for kind, _ in follower.bus.told} >= {"Withdrawal Paid", "Withdrawal Rejected"}


def test_events_go_out_ten_at_a_time() -> None:
    """As many as PutEvents takes, on the stack's bus, from one source."""
    client = EventsClient()
    Bus(client, "bus").put([("Reward Approved", {"id": str(number)}) for number in range(BATCH_LIMIT * 2 + 1)])
    assert [len(call) for call in client.calls] == [10, 10, 1]
    assert {(entry["Source"], entry["EventBusName"]) for call in client.calls for entry in call} == {
        ("refledger", "bus")
    }


def test_an_entry_that_is_not_taken_is_an_error() -> None:
    """PutEvents says so in its answer alone: who does not look loses the event."""
    client = EventsClient(12)
    with pytest.raises(RuntimeError, match="1 events were not taken: ThrottlingException"):
        Bus(client, "bus").put([("Reward Approved", {})] * 20)
