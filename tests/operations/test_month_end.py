"""A month is closed as an accountant would: openings and movements lead to closings, and payouts to the bank."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from refledger.adapters.files import Files
from refledger.domain import statements
from refledger.domain.jobs import ExportSubject, Job
from refledger.domain.journal import Account, EntryKind
from refledger.domain.people import PersonKind
from refledger.domain.times import DAY_MS, day
from refledger.domain.withdrawals import Approval, WithdrawalStatus, WithdrawalStep
from refledger.operations import people
from refledger.operations.context import Context
from refledger.operations.figures import statements as monthly
from refledger.operations.jobs import export_run, jobs, month_end
from refledger.operations.payouts import decisions
from refledger.store import jobs as stored_jobs
from refledger.store import ledger, withdrawals
from tests.support.books import Books
from tests.support.buckets import Bucket
from tests.support.crashes import CrashingClient
from tests.support.faults import Death

Tables = dict[str, list[dict[str, str]]]


class Desk:
    """Where packs are asked for."""

    def __init__(self, books: Books) -> None:
        self.books, self.bucket = books, Bucket(least=1)

    def ask(self, what: ExportSubject, **filters: str) -> Job:
        return jobs.export(self.books.context, lambda *_: None, what, filters, "ann", None, "body")

    def work(self, job: Job, go_on: Callable[[], bool] = lambda: True, context: Context | None = None) -> None:
        for _ in range(1_000):
            now = stored_jobs.find(self.books.table, job.id)
            if not export_run.run(context or self.books.context, Files(self.bucket, "files"), now, go_on, 500):
                return
        raise AssertionError("it never comes to an end")

    def content(self, job: Job) -> bytes:
        return bytes(self.bucket.objects[f"exports/{job.id}.csv"])

    def pack(self, month: str, go_on: Callable[[], bool] = lambda: True) -> bytes:
        job = self.ask(ExportSubject.MONTH_END, month=month)
        self.work(job, go_on)
        return self.content(job)

    def rows(self, what: ExportSubject, **filters: str) -> list[dict[str, str]]:
        job = self.ask(what, **filters)
        self.work(job)
        return list(csv.DictReader(io.StringIO(self.content(job).decode(), newline="")))


def _sometimes() -> Callable[[], bool]:
    """Time is over after every sixth line."""
    turns = itertools.cycle([True] * 5 + [False])
    return lambda: next(turns)


def tables(pack: bytes) -> Tables:
    with zipfile.ZipFile(io.BytesIO(pack)) as read:
        assert read.testzip() is None
        return {
            name: list(csv.DictReader(io.StringIO(read.read(name).decode(), newline="")))
            for name in read.namelist() if name.endswith(".csv")
        }  # fmt: skip


def month_of(books: Books) -> str:
    now = day(books.clock())
    return f"{now[:4]}-{now[4:6]}"


def next_month(books: Books) -> str:
    """Goes to the middle of it; returns the one that is over."""
    over = month_of(books)
    books.clock.at_ms = statements.month(over, books.clock()).until_ms + 10 * DAY_MS
    return over


@pytest.fixture
def desk(books: Books) -> Desk:
    books.program(currencies=("USD", "JPY"), payout_minimum=None)
    return Desk(books)


def live(books: Books) -> list[str]:
    """Three months of three partners; the months that are over."""
    over = []
    books.member("ada", "default")
    for number in range(3):
        for name in ("ada", "bob", "eve"):
            books.grant(name, 10_000 + 100 * number, 777)
            books.mature(name)
        books.grant("bob", 5_000, currency="JPY")
        books.mature("bob", "JPY")
        books.pay_out("bob", 4_000)
        books.withdraw("ada", 1_000)
        over.append(next_month(books))
    return over


def figures(rows: list[dict[str, str]], name: str) -> dict[tuple[str, str], Decimal]:
    return {(row["partnerId"], row["currency"]): Decimal(row[name]) for row in rows}


def test_a_month_is_closed_and_leads_to_the_next(desk: Desk) -> None:
    """Opening + movements = closing for everybody; the next month opens with it; the sums are the trial balance."""
    before: Tables | None = None
    for month in live(desk.books):
        made = tables(desk.pack(month))
        rows = made["statements.csv"]
        assert {row["partnerName"] for row in rows} >= {"ada ada"}
        for row in rows:
            change = sum(
                Decimal(row[kind]) * (1 if kind in ("EARN", "CREDIT", "RELEASE", "RETURN", "WRITE_OFF") else -1)
                for kind in EntryKind if kind is not EntryKind.SETTLE
            )  # fmt: skip
            assert Decimal(row["openingAvailable"]) + change == Decimal(row["closingAvailable"])
        for holding in month_end.HOLDINGS:
            opening = figures(rows, f"opening{holding}")
            if before:
                closing = figures(before["statements.csv"], f"closing{holding}")
                assert {key: opening.get(key) for key in closing} == closing
        for line in made["trial-balance.csv"]:
            if line["account"] in (Account.AVAILABLE, Account.RESERVED, Account.PAID):
                name = line["account"].capitalize()
                mine = [row for row in rows if row["currency"] == line["currency"]]
                assert Decimal(line["opening"]) == sum(Decimal(row[f"opening{name}"]) for row in mine)
                assert Decimal(line["closing"]) == sum(Decimal(row[f"closing{name}"]) for row in mine)
            if line["account"] == "all":
                assert Decimal(line["closing"]) == 0
                assert line["debits"] == line["credits"]
        before = made


def test_figures_are_those_of_statements_and_of_balances(desk: Desk) -> None:
    """What a partner is told is what the pack says."""
    *_, month = live(desk.books)
    rows = tables(desk.pack(month))["statements.csv"]
    for name in ("ada", "bob", "eve"):
        partner = desk.books.partner(name).id
        told = monthly.of_partner(desk.books.context, partner, month)
        mine = {row["currency"]: row for row in rows if row["partnerId"] == partner}
        assert set(mine) == {account.currency for account in told.accounts}
        for account in told.accounts:
            digits = 0 if account.currency == "JPY" else 2
            row = mine[account.currency]
            assert int(Decimal(row["closingAvailable"]).scaleb(digits)) == account.closing.available
            assert int(Decimal(row["openingReserved"]).scaleb(digits)) == account.opening.reserved
            assert (row["lastVersion"], row["lastHash"]) == (str(account.version), account.hash)


def test_payouts_join_the_bank_statement_by_its_reference(desk: Desk) -> None:
    """What went out in the month, with the transfer's number; what came back is below zero."""
    *_, month = live(desk.books)
    made = tables(desk.pack(month))
    (out,) = made["payouts.csv"]
    assert (out["amount"], out["kind"], out["currency"]) == ("40.00", "SETTLE", "USD")
    assert out["transactionId"]
    (settled,) = [
        row for row in made["journal.csv"] if row["kind"] == "SETTLE" and row["debit"]
    ]  # fmt: skip
    assert (settled["transactionId"], settled["document"]) == (out["transactionId"], out["document"])
    assert {row["currency"]: row for row in made["trial-balance.csv"] if row["account"] == "paid"}["USD"][
        "credits"
    ] == "40.00"


def test_payouts_say_who_decided_and_who_paid(desk: Desk) -> None:
    """As ids and as people: all who approved it, and who said that it was paid; an id for a name nobody knows."""
    books = desk.books
    people.remember(books.context, "ann", "Ann Admin", PersonKind.PERSON)
    books.grant("bob", 10_000)
    books.mature("bob")
    once, twice = books.withdraw("bob", 2_000), books.withdraw("bob", 3_000)
    books.conclude_paid(once)
    both = WithdrawalStep(WithdrawalStatus.APPROVED, "sue", books.clock())
    first = replace(twice, approvals=(Approval("ann", books.clock()),), status=both.status, steps=(both,))
    books.table.commit(*withdrawals.change(twice, first))
    decisions.mark_paid(books.context, twice.id, "ann", "r2", "", "bank-2")
    rows = {row["withdrawalId"]: row for row in tables(desk.pack(next_month(books)))["payouts.csv"]}
    told = [[rows[each.id][name] for name in month_end.PAYOUT_HEAD[-4:]] for each in (once, twice)]
    assert told == [["ann", "Ann Admin", "ann", "Ann Admin"], ["ann sue", "Ann Admin, sue", "ann", "Ann Admin"]]


def test_what_is_owed_is_told_by_how_long(desk: Desk) -> None:
    """Payouts use up the oldest; each age is what is left of its days, and all of them are the closing balance."""
    books = desk.books
    *_, month = live(books)
    made = tables(desk.pack(month))
    closing = figures(made["statements.csv"], "closingAvailable")
    reserved = figures(made["statements.csv"], "closingReserved")
    for row in made["liabilities.csv"]:
        key = (row["partnerId"], row["currency"])
        ages = [Decimal(row[age]) for age in ("to30Days", "to60Days", "to90Days", "older")]
        assert sum(ages) == Decimal(row["owed"]) == closing[key] + reserved[key]
        assert row["oldestAt"]
    eve = next(row for row in made["liabilities.csv"] if row["partnerId"] == books.partner("eve").id)
    assert all(Decimal(eve[age]) > 0 for age in ("to30Days", "to60Days"))


def test_the_same_month_is_the_same_pack(desk: Desk) -> None:
    """A year later, and by workers that are interrupted after every line: to the last byte of every table."""
    month, *_ = live(desk.books)
    first = desk.pack(month)
    desk.books.clock.forward(400 * DAY_MS)
    desk.books.grant("eve", 9_999)
    desk.books.mature("eve")
    asked_for = [each.reference for each in desk.books.entries("ada") if each.kind is EntryKind.RESERVE]
    desk.books.conclude_paid(withdrawals.find(desk.books.table, asked_for[0]))
    assert desk.pack(month) == first, "made in one go"
    turns = itertools.cycle([True, False])
    assert tables(desk.pack(month, lambda: next(turns))) == tables(first)
    assert tables(desk.pack(month, lambda: False)) == tables(first)


def test_a_death_at_any_call_harms_nothing(desk: Desk) -> None:
    """Whoever dies before or after any call to the table leaves a job that the next one finishes, whole."""
    month, *_ = live(desk.books)
    wanted = tables(desk.pack(month))
    for number in itertools.count(0, 7):
        for done in (False, True):
            job, client = (
                desk.ask(ExportSubject.MONTH_END, month=month),
                CrashingClient(desk.books.client, number, done=done),
            )
            died = False
            try:
                desk.work(job, _sometimes(), desk.books.behind(client))
            except Death:
                died = True
            desk.work(job)
            assert tables(desk.content(job)) == wanted, (number, done)
        if not died:
            return


def test_entries_from_before_say_the_same(desk: Desk) -> None:
    """Of entries that do not say what there was after them it is derived."""
    books = desk.books
    month, *_ = live(books)
    wanted = tables(desk.pack(month))
    for name in ("ada", "bob", "eve"):
        partner = books.partner(name).id
        for currency in ("USD", "JPY"):
            for position, _ in ledger.entries(books.table, partner, currency):
                key = {"pk": {"S": f"JOURNAL#{partner}#{currency}"}, "sk": {"S": position}}
                books.client.update_item(TableName=books.table_name, Key=key, UpdateExpression="REMOVE #a",
                                         ExpressionAttributeNames={"#a": "after"})  # fmt: skip
    assert tables(desk.pack(month)) == wanted


def test_a_missing_entry_is_not_papered_over(desk: Desk) -> None:
    """A journal that does not lead from the opening to the closing makes no pack."""
    books = desk.books
    month, *_ = live(books)
    partner = books.partner("bob").id
    position, _ = next(ledger.entries(books.table, partner, "USD"))
    books.client.delete_item(
        TableName=books.table_name, Key={"pk": {"S": f"JOURNAL#{partner}#USD"}, "sk": {"S": position}}
    )  # fmt: skip
    with pytest.raises(statements.Gap):
        desk.pack(month)


def test_the_journal_is_all_entries_once(desk: Desk) -> None:
    """A debit and a credit for each, in any interruption; days and currency are filters; sums agree with the ledger."""
    books = desk.books
    live(books)
    rows = desk.rows(ExportSubject.JOURNAL)
    entries = desk.rows(ExportSubject.LEDGER)
    assert len(rows) == 2 * len(entries)
    assert {row["document"] for row in rows} == {f"{e['partnerId']}-{e['currency']}-{e['version']}" for e in entries}
    yen = desk.rows(ExportSubject.JOURNAL, currency="JPY", partnerId=books.partner("bob").id)
    assert {(row["currency"], row["account"]) for row in yen} == {("JPY", "rewards"), ("JPY", "available")}
    job = desk.ask(ExportSubject.JOURNAL)
    desk.work(job, lambda: False)
    assert list(csv.DictReader(io.StringIO(desk.content(job).decode(), newline=""))) == rows


def test_the_ledger_names_rewards_and_the_bank(desk: Desk) -> None:
    """An entry of several rewards says which they are, one of a payout what the bank calls it."""
    books = desk.books
    books.grant("bob", 10_000, 777)
    books.mature("bob")
    books.pay_out("bob", 4_000)
    earned, _, settled = desk.rows(ExportSubject.LEDGER)
    assert earned["reference"] == "maturity"
    assert [earned["firstReward"], earned["lastReward"]] == sorted(each.id for each in books.rewards("bob"))
    assert settled["transactionId"]
    books.chain("bob", "carl")
    books.earn("carl", "order 7", 3_000)
    books.mature("bob")
    assert desk.rows(ExportSubject.LEDGER)[-1]["externalPaymentId"] == "order 7"
