"""Migrations: what older releases left is moved on once, in pieces, while others write; and the books stay right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from refledger.cli.migrate import whole_table
from refledger.domain.errors import Busy
from refledger.domain.journal import EntryKind
from refledger.domain.likeness import TraitKind
from refledger.operations import likeness
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.recovery import migrating
from refledger.operations.recovery.migrating import ALL, Migration, Pages, migrate
from refledger.store import alike, keys, ledger, migrations, partners
from refledger.store.keys import Key
from refledger.store.transaction import Item, put, update
from tests.store.test_shapes import of_kind, table_of
from tests.support.books import Books

GUARDS, ALIKE, EARNED, SINCE = ALL


@pytest.fixture
def old(dynamodb_endpoint: str) -> Books:
    """A table of the first release whose items were kept."""
    return table_of("78e5482", dynamodb_endpoint)


def everything(books: Books) -> list[Item]:
    pages, place, found = whole_table(books.table, 100), None, list[Item]()
    while True:
        items, place = pages(place)
        found += items
        if place is None:
            return sorted(found, key=lambda item: (item["pk"], item["sk"]))


def but_progress(items: list[Item]) -> list[Item]:
    return [item for item in items if not item["sk"].startswith("MIGRATION#")]


class Killed(Exception):
    """The operator's laptop is shut."""


def dying(pages: Pages, after: int) -> Pages:
    """Dies when it is asked for more than so many pages."""
    left = iter(range(after))

    def asked(place: Key | None) -> tuple[list[Item], Key | None]:
        if next(left, None) is None:
            raise Killed
        return pages(place)

    return asked


@pytest.mark.parametrize("migration", ALL, ids=lambda each: each.name)
def test_what_an_old_release_left_is_moved_on_and_the_books_stay_right(old: Books, migration: Migration) -> None:
    """`verify` names nothing before and after; everything that was there is there as it was; and money goes on."""
    before = everything(old)
    assert old.faults() == []
    done = migrate(old.context, migration, whole_table(old.table, 50))
    after = but_progress(everything(old))
    assert (done.looked_at >= len(before), done.ended_ms) == (True, old.clock())
    more = {"guards": 5, "alike": 9, "earned": 0, "since": 0}[migration.name]
    assert len(after) - len(before) == more == len(new_in(before, after))
    was = [without("earned", item) if migration is EARNED and keys.is_balance(item) else item for item in after]
    was += [without("since", item) for item in after if migration is SINCE and keys.is_program(item)]
    assert [item for item in before if item not in was] == []
    assert old.faults() == []
    assert old.pay("carol", "after the update", 10_000)
    assert old.faults() == []


def without(name: str, item: Item) -> Item:
    return {each: value for each, value in item.items() if each != name}


def new_in(before: list[Item], after: list[Item]) -> list[Item]:
    known = {(item["pk"], item["sk"]) for item in before}
    return [item for item in after if (item["pk"], item["sk"]) not in known]


@pytest.mark.parametrize("migration", ALL, ids=lambda each: each.name)
def test_a_second_run_does_nothing(old: Books, migration: Migration) -> None:
    """It does not even read; and from the beginning again it finds all well."""
    done = migrate(old.context, migration, whole_table(old.table, 50))
    left = everything(old)
    old.clock.forward(1_000)
    assert migrate(old.context, migration, dying(whole_table(old.table), 0)) == done
    assert everything(old) == left
    again = migrate(old.context, migration, whole_table(old.table, 50), again=True)
    assert (again.moved_on, but_progress(everything(old))) == (0, but_progress(left))


@pytest.mark.parametrize("migration", ALL, ids=lambda each: each.name)
def test_a_dry_run_says_what_would_be_done_and_writes_nothing(old: Books, migration: Migration) -> None:
    before = everything(old)
    would = migrate(old.context, migration, whole_table(old.table, 50), dry_run=True)
    assert everything(old) == before
    done = migrate(old.context, migration, whole_table(old.table, 50))
    twice = {"guards": 1, "alike": 0, "earned": 0, "since": 0}[
        migration.name
    ]  # one refund lies under both names of its payment
    assert would.moved_on - twice == done.moved_on > 0


@pytest.mark.parametrize("migration", ALL, ids=lambda each: each.name)
@pytest.mark.parametrize("pages", [1, 2, 7])
def test_it_is_gone_on_with_where_it_was_killed(
    old: Books, migration: Migration, pages: int, dynamodb_endpoint: str
) -> None:
    """Killed again and again, each time by another operator, who has nothing but the table: the same comes of it."""
    whole = table_of("78e5482", dynamodb_endpoint)
    migrate(whole.context, migration, whole_table(whole.table))
    looked_at = 0
    for _ in range(10_000):
        try:
            done = migrate(old.context, migration, dying(whole_table(old.table, 20), pages))
            break
        except Killed:
            kept = migrations.find(old.table, migration.name)
            assert kept.looked_at > looked_at, "each run comes further"
            looked_at = kept.looked_at
    assert done.ended_ms
    assert but_progress(everything(old)) == but_progress(everything(whole))
    assert old.faults() == []


def test_killed_between_a_write_and_its_progress_it_writes_nothing_twice(
    old: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is looked at again: what was done of it is found done."""
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "_keep", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            migrate(old.context, GUARDS, whole_table(old.table, 10_000))
    written = everything(old)
    done = migrate(old.context, GUARDS, whole_table(old.table, 10_000))
    assert (done.moved_on, but_progress(everything(old))) == (0, written)


def test_two_runs_at_the_same_time_do_no_harm(old: Books) -> None:
    """One of them goes on, the other says so; nothing is skipped by either."""
    pages = whole_table(old.table, 100)

    def meanwhile(place: Key | None) -> tuple[list[Item], Key | None]:
        if place is None:
            migrate(old.context, GUARDS, dying_quietly(pages))
        return pages(place)

    with pytest.raises(Busy, match="another run"):
        migrate(old.context, GUARDS, meanwhile)
    migrate(old.context, GUARDS, pages)
    assert migrate(old.context, GUARDS, pages, again=True).moved_on == 0


def dying_quietly(pages: Pages) -> Pages:
    """All pages as one."""

    def asked(place: Key | None) -> tuple[list[Item], Key | None]:
        items = list[Item]()
        while True:
            found, place = pages(place)
            items += found
            if place is None:
                return items, None

    return asked


# ---------------------------------------------------------------- who writes meanwhile


def racing(books: Books, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> Iterator[None]:
    """`act` happens once, between what a step has read and what it writes."""
    commit, todo = books.table.commit, [act]

    def late(*writes: Any) -> None:
        if todo:
            todo.pop()()
        commit(*writes)

    monkeypatch.setattr(books.table, "commit", late)
    yield
    assert todo == []


def test_who_takes_the_id_of_a_refund_meanwhile_keeps_it(old: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard that another writer made stands as it is."""
    refund = of_kind(everything(old), "refund")[0]
    guard = keys.refund_guard(keys.hash_of(refund))
    theirs = {**guard, "payment": "of-somebody-else"}
    race = racing(old, monkeypatch, lambda: old.client.put_item(TableName=old.table_name, Item=_packed(theirs)))
    next(race)
    migrate(old.context, GUARDS, lambda _: ([refund], None))
    assert old.table.get(guard) == theirs
    next(race, None)


def _packed(item: dict[str, str]) -> dict[str, Any]:
    return {name: {"S": value} for name, value in item.items()}


def test_what_a_partner_changes_meanwhile_counts(old: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their address moves between the read and the write: the old one must not come back as if they had it."""
    dora = next(item for item in of_kind(everything(old), "partner") if item.get("email") == "dora@example.com")
    partner = partners.from_item(dora)
    hashed = likeness.traits(old.context, partner)
    gone = put("", {**keys.alike(TraitKind.EMAIL, hashed[TraitKind.EMAIL], partner.id), "at": 1, "until": 2}, "")
    moved = update("", keys.partner(partner.id), "SET #email = :new, #version = #version + :one",
                   new="dora@example.net", one=1)  # fmt: skip
    race = racing(old, monkeypatch, lambda: type(old.table).commit(old.table, moved, gone))
    next(race)
    migrate(old.context, ALIKE, lambda _: ([dora], None))
    rows = {kind: alike.rows(old.table, kind, each) for kind, each in hashed.items()}
    assert [row.until_ms for row in rows[TraitKind.EMAIL]] == [2], "they had it"
    now = likeness.traits(old.context, partners.find(old.table, partner.id))
    assert [row.until_ms for row in alike.rows(old.table, TraitKind.EMAIL, now[TraitKind.EMAIL])] == [0]
    next(race, None)


def test_partners_from_before_are_seen_by_each_other(old: Books) -> None:
    """What it is for: somebody comes with Dora's address under another tag, and nobody has looked at Dora since."""
    dora = next(item for item in of_kind(everything(old), "partner") if item["email"] == "dora@example.com")
    twin = replace(partners.from_item(dora), id="t" * 16, email="dora+2@example.com")
    assert likeness.signals(old.context, twin, []) == []
    migrate(old.context, ALIKE, whole_table(old.table))
    (found,) = likeness.signals(old.context, twin, [])
    assert [each.partner_id for each in found.others] == [keys.owner_of(dora)]


def test_a_refund_from_before_takes_from_one_payment_only(old: Books) -> None:
    """What it is for: its sender tells it again, of another payment. Unmoved, it took from both."""
    assert old.pay("carol", "another", 10_000)
    migrate(old.context, GUARDS, whole_table(old.table))
    assert old.refund("p1", 100, "r2").outcome is RecordOutcome.REPEATED, "it is known"
    assert old.refund("another", 100, "r2").outcome is RecordOutcome.DIFFERENT
    assert old.faults() == []


def test_a_step_that_fails_says_at_which_item(old: Books) -> None:
    """And nothing is passed over: the next run begins there."""

    def fails(context: Any, item: Item) -> list[Any]:
        raise KeyError("amount")

    with pytest.raises(KeyError) as told:
        migrate(old.context, Migration("odd", "", fails), whole_table(old.table))
    assert "odd: at the item " in told.value.__notes__[0]
    assert migrations.find(old.table, "odd").steps == 0


def test_a_balance_says_what_rewards_put_into_it(old: Books) -> None:
    """What was booked before by a release that did not count it; unknown until then, and right from then on."""
    balances = [item for item in everything(old) if keys.is_balance(item)]
    known = [ledger.balance_from(item, keys.owner_of(item), keys.currency_of_balance(item)) for item in balances]
    assert {each.earned for each in known} == {None}
    assert migrate(old.context, EARNED, whole_table(old.table)).moved_on == len(balances) > 0
    for each in known:
        found = ledger.find_balance(old.table, each.partner_id, each.currency)
        entries = [entry for _, entry in ledger.entries(old.table, each.partner_id, each.currency)]
        signs = {EntryKind.EARN: 1, EntryKind.REVERSE: -1}
        assert found.earned == sum(signs.get(entry.kind, 0) * entry.amount for entry in entries)
        assert replace(found, earned=None) == each


def test_what_an_older_release_books_afterwards_makes_it_unknown(old: Books) -> None:
    """It moves the balance on and leaves what it does not know: then nobody believes it, and it is said anew."""
    migrate(old.context, EARNED, whole_table(old.table))
    item = next(item for item in everything(old) if keys.is_balance(item))
    old.table.commit(update(
        "an older release", {"pk": item["pk"], "sk": item["sk"]}, "SET #ver = :next", next=item["ver"] + 1
    ))  # fmt: skip
    balance = ledger.find_balance(old.table, keys.owner_of(item), keys.currency_of_balance(item))
    assert balance.earned is None
    migrate(old.context, EARNED, whole_table(old.table), again=True)
    assert ledger.find_balance(old.table, balance.partner_id, balance.currency).earned is not None
