"""The audit: who did what, with what was there before and after; written once, whatever comes twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from refledger.domain.audit import TEXT_LIMIT, TOO_LONG, AuditAction, Change, compare
from refledger.domain.partners import PartnerStatus
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.partners import partners
from refledger.operations.payouts import withdrawals
from refledger.operations.proof.audit_projection import entry_of
from refledger.store import keys
from refledger.store import partners as stored_partners
from refledger.store.audit_actor import acting
from refledger.store.stream import Record, record
from refledger.store.transaction import Item
from tests.support.books import ACCOUNT, Books
from tests.support.changes import Follower, Tail
from tests.support.crashes import crash_at_each_write

ANN = ("ann-hash", "admin", "192.0.2.1", "request-1")


def everything(books: Books) -> list[Item]:
    """Every audit item, as the table holds it."""
    pages = books.client.get_paginator("scan").paginate(TableName=books.table_name)
    return [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("AUDIT#")]


def suspend(books: Books, name: str) -> None:
    partners.change_status(books.context, books.partner(name).id, PartnerStatus.SUSPENDED, "looks odd", "ann-hash")


@pytest.mark.parametrize("days", [0, 3])
def test_what_somebody_did_is_told_with_before_and_after(books: Books, days: int) -> None:
    """Who, when, from where, by which call; what was there, and what is there now. Nothing that did not change, nor
    what an item keeps of the days before (`store/trails.py`).
    """
    books.program()
    follower = Follower(books)
    partner = books.partner("bob")
    books.clock.forward(days * DAY_MS)
    follower.catch_up()
    with acting(*ANN, "POST /suspend"):
        suspend(books, "bob")
    (told,) = [each for each in follower.follow() if keys.told_of(each.item) == ("PARTNER", partner.id, "")]
    entry = follower.of(partner.id)[-1]
    assert (entry.actor, entry.kind, entry.origin, entry.request, entry.operation) == (*ANN, "POST /suspend")
    assert (entry.entity, entry.type, entry.part, entry.action) == (partner.id, "PARTNER", "", AuditAction.CHANGED)
    assert entry.at_ms == told.at_ms
    changes = {each.field: (each.before, each.after) for each in entry.changes}
    assert changes == {"status": ("ACTIVE", "SUSPENDED"), "version": (1, 2), "reason": (None, "looks odd")}


def test_what_comes_twice_is_told_once(books: Books) -> None:
    """A batch that Lambda hands over again, whole or in halves, adds nothing and changes nothing."""
    books.program()
    follower = Follower(books)
    with acting(*ANN, "POST /suspend"):
        books.partner("bob")
        suspend(books, "bob")
    records = follower.follow()
    before = everything(books)
    assert before
    follower.follow(records)
    follower.follow(records[len(records) // 2 :])
    assert everything(books) == before


def test_nothing_is_missing_when_the_function_dies(books: Books) -> None:
    """Wherever it ends, before a call or after it: the batch comes again, and the audit is as if nothing had been."""
    books.program()
    follower, alike = Follower(books), set()

    def prepare() -> list[Record]:
        follower.follow()
        with acting(*ANN, "POST /suspend"):
            name = books.ids.new()
            books.partner(name)
            suspend(books, name)
        return follower.records()

    for records in crash_at_each_write(books, prepare, lambda context, records: follower.follow(records, context)):
        follower.follow(records)
        partner = next(keys.owner_of(each.item) for each in records if keys.kind_of(each.item) == "PARTNER")
        alike.add(tuple((each.type, each.action, len(each.changes)) for each in follower.of(partner)))
    assert len(alike) == 1


def test_two_changes_of_one_call_are_told_apart(books: Books) -> None:
    """One call that makes several partners: an entry of each, all with the call's id."""
    books.program()
    follower = Follower(books)
    with acting(*ANN, "POST /bulk"):
        ids = [books.partner(name).id for name in ("a", "b", "c")]
    follower.follow()
    for id in ids:
        (entry,) = follower.of(id)
        assert (entry.action, entry.request) == (AuditAction.CREATED, "request-1")


def test_the_system_is_told_of_where_a_status_moves(books: Books) -> None:
    """A withdrawal that the workflow moved along is nobody's doing; an unchanged `who` of an earlier call is not taken
    for its author.
    """
    books.program()
    follower = Follower(books)
    books.grant("bob", 50_000)
    books.mature("bob")
    with acting("bob-hash", "partner", "192.0.2.9", "request-2", "POST /withdraw"):
        made = books.withdraw("bob", 20_000)
    withdrawals.decide(books.context, made.id, WithdrawalStatus.APPROVED, "", "r1", "")
    follower.catch_up()
    asked, approved = follower.of(made.id)
    assert (asked.action, asked.actor, asked.kind) == (AuditAction.CREATED, "bob-hash", "partner")
    assert (approved.actor, approved.kind, approved.origin, approved.request) == ("", "system", "", "")
    assert ("status", "REQUESTED", "APPROVED") in [(c.field, c.before, c.after) for c in approved.changes]


def test_machine_facts_are_their_own_record(books: Books) -> None:
    """Payments, rewards and what matures leave no entry, not even where a partner's request made it mature."""
    books.program()
    books.chain("alice", "bob", "carol")
    follower = Follower(books)
    follower.catch_up()
    before = {item["type"]["S"] for item in everything(books)}
    books.pay("carol", "p1", 100_000)
    with acting("bob-hash", "partner", "192.0.2.9", "request-2", "POST /withdraw"):
        books.mature("bob")
    follower.catch_up()
    assert {reward.status for reward in books.rewards("bob")} == {"APPROVED"}
    assert {item["type"]["S"] for item in everything(books)} <= before | {"REFERRAL"}


def test_what_is_sealed_stays_out(books: Books) -> None:
    """Of an account the audit says whose it is and how it may be shown, and not a byte of what is sealed."""
    books.program()
    follower = Follower(books)
    with acting(*ANN, "POST /payout-methods"):
        method = books.method("bob")
    follower.follow()
    entry = next(each for each in follower.of(method.partner_id) if each.type == "PAYOUT_METHOD")
    assert entry.part == method.id
    fields = {each.field: each.after for each in entry.changes}
    assert "cipher" not in fields
    assert fields["holder"] == ACCOUNT.holder
    assert str(ACCOUNT.iban)[4:-4] not in str(everything(books))


def test_bytes_of_the_stream_are_not_even_read(books: Books) -> None:
    """Lambda hands bytes over as base64, which is no error and no text."""
    books.program()
    tail = Tail(books.client)
    with acting(*ANN, "POST /payout-methods"):
        books.method("bob")
    told = [each for each in tail.new() if "B" in each["dynamodb"]["NewImage"].get("cipher", {})]
    assert told
    assert isinstance(told[0]["dynamodb"]["NewImage"]["cipher"]["B"], str)
    assert "cipher" not in record(told[0]).new


def test_names_and_free_texts_are_personal(books: Books) -> None:
    """What a role that sees masked data must not see is known by its name; what nobody has looked at is personal."""
    for name in ("first_name", "last_name", "email", "phone", "company", "reason", "note", "text", "holder", "masked",
                 "method", "held", "a_new_attribute"):  # fmt: skip
        assert Change(name, None, "x").is_personal, name
    for name in ("status", "amount", "currency", "program", "version", "rules"):
        assert not Change(name, None, "x").is_personal, name


def test_what_dynamodb_deletes_by_itself_is_no_change(books: Books) -> None:
    """An item whose time is over goes without anybody having done anything."""
    old = {**keys.partner("p" * 16), "status": "ACTIVE"}
    assert entry_of(Record("1", 1, old, {}, expired=True)) is None
    gone = entry_of(Record("1", 1, old, {}))
    assert gone is not None
    assert (gone.action, gone.kind) == (AuditAction.DELETED, "system")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x" * (TEXT_LIMIT + 1), "x" * TEXT_LIMIT + "…"),
        ("x" * TEXT_LIMIT, "x" * TEXT_LIMIT),
        (["y" * 100] * 100, TOO_LONG),
        ([1, {"a": None}], [1, {"a": None}]),
    ],
)
def test_an_entry_has_an_end(value: object, kept: object) -> None:
    """However much was written, what is repeated of it fits an item."""
    assert compare({}, {"text": value}) == (Change("text", None, kept),)


def test_partners_are_found_by_their_new_names(books: Books) -> None:
    """The rows by which partners are searched follow their names, and those of the old ones go."""
    books.program()
    follower = Follower(books)
    partner = books.partner("bob")
    for company in ("Before Ltd", "After Ltd"):
        new = replace(partner, company_name=company, version=partner.version + 1)
        books.table.commit(stored_partners.change(partner, new, books.clock()))
        partner = new
        follower.catch_up()
    rows = [item["sk"] for item in books.table.query(keys.search_rows("default", "")[0])]
    assert f"after ltd#{partner.id}" in rows
    assert [row for row in rows if row.startswith("before")] == []


def test_how_to_reach_a_partner_is_not_kept_for_good(books: Books) -> None:
    """Entries are never changed: of addresses and numbers they say enough to be recognised, before and after."""
    old, new = {"email": "dora@example.com", "phone": "+49 30 12345"}, {"email": "max@example.org", "phone": ""}
    assert [(each.field, each.before, each.after) for each in compare(old, new)] == [
        ("email", "d\u2026@example.com", "m\u2026@example.org"),
        ("phone", "\u202645", ""),
    ]


@pytest.mark.parametrize(
    ("origin", "kept"),
    [("203.0.113.77", "203.0.113.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("", ""), ("unknown", "")],
)
def test_where_a_partner_called_from_is_kept_as_a_network(origin: str, kept: str) -> None:
    """Staff and services are answerable for what they do: their address stays."""
    key = keys.partner("p" * 16)

    def told(kind: str) -> str:
        who = {"by": "b", "kind": kind, "from": origin, "request": "r", "what": "PATCH /me", "n": 1}
        entry = entry_of(Record("1", 1, {**key, "first_name": "A"}, {**key, "first_name": "B", "who": who}))
        assert entry is not None
        return entry.origin

    assert told("partner") == kept
    assert told("admin") == origin
