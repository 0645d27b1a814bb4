"""Stop and go: by one item, then reader by reader; whoever dies in between is followed by somebody who finishes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.adapters.event_sources import ATTEMPTS, EventSource
from refledger.domain.times import HOUR_MS
from refledger.operations.recovery import stopping
from refledger.operations.recovery.stopping import READERS, Sources
from refledger.store import audit, keys, stops
from refledger.store.attributes import pack
from refledger.store.transaction import ConditionFailed
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write
from tests.template.deployed import MAPPING, of_type


class Lambda:
    """Lambda's mappings, of which one call fails: before it was done, or after."""

    def __init__(self, fails_at: int = -1, *, done: bool = False, busy: int = 0) -> None:
        self.states = dict.fromkeys(READERS, "Enabled")
        self.fails_at, self.done, self.busy, self.calls = fails_at, done, busy, 0

    def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:  # noqa: N803
        return {"State": self.states[UUID]}

    def update_event_source_mapping(self, UUID: str, Enabled: bool) -> None:  # noqa: N803
        self.calls += 1
        if self.calls <= self.busy:
            raise ClientError({"Error": {"Code": "ResourceInUseException"}}, "UpdateEventSourceMapping")
        fails = self.calls - 1 == self.fails_at
        if fails and not self.done:
            raise TimeoutError
        self.states[UUID] = "Enabled" if Enabled else "Disabled"
        if fails:
            raise TimeoutError

    def off(self) -> set[str]:
        return {name for name, state in self.states.items() if state == "Disabled"}


def sources(client: Lambda) -> Sources:
    return {name: EventSource(client, name, pause=lambda _: None) for name in READERS}


def test_the_readers_are_those_of_the_template() -> None:
    """All that reads a queue, but for the one that only puts partners in order: none is forgotten when one is added."""
    reads = {id for id, each in of_type(MAPPING).items() if "Queue" in str(each["EventSourceArn"])}
    assert reads - set(READERS) == {"LeaderboardsFunctionChanged"}
    assert set(READERS) <= reads


def test_what_the_first_release_wrote_is_read(books: Books) -> None:
    """A stop may last through a deployment, or a restore."""
    item: dict[str, Any] = {
        "pk": "SYSTEM", "sk": "STOPPED", "since": 1_790_000_000_000, "by": "ann", "reason": "tampering",
        "readers": ["PaymentEventsFunctionPayments"], "stamp": "s1", "payouts": False,
    }  # fmt: skip
    books.client.put_item(TableName=books.table_name, Item=pack(item))
    assert stops.read(books.table) == stops.Stop(
        1_790_000_000_000, "ann", "tampering", ("PaymentEventsFunctionPayments",), "s1"
    )


def test_stop_and_go(books: Books) -> None:
    """Once each; a repeat keeps who stopped it and why; what was off before is off afterwards."""
    client = Lambda()
    client.states[READERS[1]] = "Disabled"
    first = stopping.stop(books.context, sources(client), "ann", "tampering")
    assert client.off() == set(READERS)
    books.clock.forward(1)
    again = stopping.stop(books.context, sources(client), "bob", "as well")
    assert (again.by, again.reason, again.since_ms, again.readers) == (
        "ann", "tampering", first.since_ms, first.readers,
    )  # fmt: skip
    books.clock.forward(1)
    assert stopping.go(books.context, sources(client), "bob", "put right")
    assert client.off() == {READERS[1]}
    assert stops.read(books.table) is None
    assert stopping.go(books.context, sources(client), "bob", "put right") is None
    told = [entry for _, entry in audit.of_entity(books.table, stopping.ENTITY, "", "!", "~", 10)]
    assert [(each.action, each.changes[0].after, each.changes[1].after) for each in told] == [
        ("DELETED", "bob", "put right"), ("CHANGED", "bob", "as well"), ("CREATED", "ann", "tampering"),
    ]  # fmt: skip


def test_bookings_may_go_on_before_payouts(books: Books) -> None:
    """After a restore, say: what waited is booked and looked at before any money leaves. A stop takes that back."""
    client = Lambda()
    assert stopping.go(books.context, sources(client), "ann", "not stopped", but_payouts=True) is None
    stopping.stop(books.context, sources(client), "ann", "restore")
    left = stopping.go(books.context, sources(client), "ann", "replay", but_payouts=True)
    assert left
    assert (stops.read(books.table), left.only_payouts, client.off()) == (left, True, set())
    assert not stopping.stop(books.context, sources(client), "bob", "wrong figures").only_payouts
    assert client.off() == set(READERS)
    stopping.go(books.context, sources(client), "ann", "replay", but_payouts=True)
    stopping.go(books.context, sources(client), "ann", "verified")
    assert stops.read(books.table) is None


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("at", range(len(READERS)))
def test_whoever_dies_between_two_readers_is_followed(books: Books, at: int, done: bool) -> None:
    """As long as somebody has begun to stop it, or not finished to let it go on, it is stopped; a repeat finishes."""
    client = Lambda(at, done=done)
    with pytest.raises(TimeoutError):
        stopping.stop(books.context, sources(client), "ann", "tampering")
    assert stops.read(books.table), "what books sees it from the first call on"
    stopping.stop(books.context, sources(client), "ann", "tampering")
    assert client.off() == set(READERS)
    client.calls, client.fails_at = 0, at
    with pytest.raises(TimeoutError):
        stopping.go(books.context, sources(client), "ann", "put right")
    assert stops.read(books.table), "and until the last one"
    assert stopping.go(books.context, sources(client), "ann", "put right")
    assert client.off() == set()


def test_whoever_dies_at_the_table_is_followed(books: Books) -> None:
    """Before or after each write: the same command again comes to the same."""
    client = Lambda()

    def start() -> None:
        stopping.go(books.context, sources(client), "ann", "as it was")

    for _ in crash_at_each_write(
        books, start, lambda context, _: stopping.stop(context, sources(client), "ann", "tampering")
    ):
        stopping.stop(books.context, sources(client), "ann", "tampering")
        assert client.off() == set(READERS)

    def stop() -> None:
        stopping.stop(books.context, sources(client), "ann", "tampering")

    for _ in crash_at_each_write(
        books, stop, lambda context, _: stopping.go(context, sources(client), "ann", "put right")
    ):
        stopping.go(books.context, sources(client), "ann", "put right")
        assert client.off() == set()
        assert books.table.get(keys.stopped()) is None


def test_who_stops_it_while_another_lets_it_go_on_wins(books: Books) -> None:
    """Nobody is told that it goes on while somebody else has been told that it is stopped."""
    client = Lambda()
    stopping.stop(books.context, sources(client), "ann", "tampering")

    class Overtaken(EventSource):
        def enable(self, enabled: bool) -> None:
            super().enable(enabled)
            stopping.stop(books.context, sources(client), "bob", "it goes on!")

    slow = {name: Overtaken(client, name) for name in READERS}
    with pytest.raises(ConditionFailed):
        stopping.go(books.context, slow, "ann", "put right")
    assert stops.read(books.table)
    assert client.off() == set(READERS)


def test_a_reader_that_is_being_changed_is_asked_again(books: Books) -> None:
    """Lambda refuses a change while it is at work on the last one; one that never ends is told."""
    client = Lambda(busy=3)
    stopping.stop(books.context, sources(client), "ann", "tampering")
    assert client.off() == set(READERS)
    client.calls, client.busy = 0, ATTEMPTS
    with pytest.raises(ClientError):
        stopping.go(books.context, sources(client), "ann", "put right")
    assert stops.read(books.table)


def test_who_stops_it_while_readers_are_let_go_on_leaves_none_that_reads(books: Books) -> None:
    """Messages that are read while all is stopped come again until they are given up, each to its DLQ."""
    client = Lambda()
    stopping.stop(books.context, sources(client), "ann", "tampering")

    class Overtaken(EventSource):
        """Bob stops it when two of the readers read again, and two are still to be asked."""

        def enable(self, enabled: bool) -> None:
            super().enable(enabled)
            if self._id == READERS[1]:
                stopping.stop(books.context, sources(client), "bob", "it goes on!")

    slow = {name: Overtaken(client, name) for name in READERS}
    with pytest.raises(ConditionFailed):
        stopping.go(books.context, slow, "ann", "put right")
    assert stops.read(books.table)
    assert client.off() == set(READERS)


def test_a_reader_that_is_let_go_on_while_it_is_stopped_is_asked_again(books: Books) -> None:
    """Whoever stops it looked at the readers before they read again, and wrote that it is stopped after."""
    client = Lambda()
    stopping.stop(books.context, sources(client), "ann", "tampering")

    class Late(EventSource):
        """Ann lets it go on as soon as Bob has looked, and dies before she says so."""

        @property
        def state(self) -> str:
            found = super().state
            if self._id == READERS[-1] and found == "Disabled":
                client.states.update(dict.fromkeys(READERS, "Enabled"))
            return found

    stopping.stop(books.context, {name: Late(client, name) for name in READERS}, "bob", "as well")
    assert client.off() == set(READERS)


def test_bookings_that_went_on_are_waited_for_when_all_is_stopped_again(books: Books) -> None:
    """What had begun before ends a minute after the stop that they heard of, and not after the first one."""
    client = Lambda()
    stopping.stop(books.context, sources(client), "ann", "restore")
    stopping.go(books.context, sources(client), "ann", "replay", but_payouts=True)
    books.clock.forward(HOUR_MS)
    stopping.stop(books.context, sources(client), "bob", "wrong figures")
    standing = stops.read(books.table)
    assert standing
    assert stopping.settled_at_ms(standing) > books.clock()
    assert (standing.by, standing.reason) == ("bob", "wrong figures")
