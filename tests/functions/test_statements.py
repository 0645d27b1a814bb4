"""Statements over HTTP: one's own, or anybody's for staff; as JSON, for a spreadsheet, and on paper."""

from __future__ import annotations

import csv
import io
import zlib
from typing import Any

import pytest

from refledger.domain import statements
from refledger.domain.times import DAY_MS, day
from refledger.entry import statement_pdf
from refledger.operations.figures import statements as of_statements
from refledger.operations.partners import partner_profile, partners
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.operations.partners.partners import NewPartner
from refledger.store import ledger, withdrawals
from tests.support.buckets import refused
from tests.support.faults import FaultInjectingClient
from tests.support.functions import World, assert_problem

OWN = "GET /api/v1/me/statements/{month}"
ONE = "GET /api/v1/partners/{partnerId}/statements/{month}"


@pytest.fixture
def month(fresh: World) -> str:
    """Bob earned, was paid, earned yen, and all of it the month before now; 5.00 more came since."""
    books = fresh.books
    books.grant("bob", 10_000, 2_500)
    books.mature("bob")
    books.pay_out("bob", 3_000)
    books.withdraw("bob", 1_000)
    books.grant("bob", 777, currency="JPY")
    books.mature("bob", "JPY")
    when = day(books.clock())
    books.clock.forward(40 * DAY_MS)
    books.grant("bob", 500)
    books.mature("bob")
    return f"{when[:4]}-{when[4:6]}"


def account(answer: Any, currency: str) -> Any:
    (found,) = [each for each in answer.body["accounts"] if each["currency"] == currency]
    return found


def test_a_month_from_its_beginning_to_its_end(fresh: World, month: str) -> None:
    """All movements between two balances, per currency, and what each left behind it."""
    answer = fresh.call(OWN, sub="bob", path={"month": month})
    assert answer.status == 200
    assert (answer.body["month"], answer.body["final"]) == (month, True)
    dollars = account(answer, "USD")
    assert dollars["opening"] == {
        "available": 0, "reserved": 0, "paid": 0, "availableDecimal": "0.00", "reservedDecimal": "0.00",
        "paidDecimal": "0.00",
    }  # fmt: skip
    assert dollars["closing"] == {
        "available": 8_500, "reserved": 1_000, "paid": 3_000, "availableDecimal": "85.00", "reservedDecimal": "10.00",
        "paidDecimal": "30.00",
    }  # fmt: skip
    kinds = [each["kind"] for each in dollars["movements"]]
    assert kinds == ["EARN", "RESERVE", "SETTLE", "RESERVE"]
    assert [each["after"]["available"] for each in dollars["movements"]] == [12_500, 9_500, 9_500, 8_500]
    assert {"kind": "RESERVE", "count": 2, "amount": 4_000, "amountDecimal": "40.00"} in dollars["totals"]
    assert account(answer, "JPY")["closing"]["available"] == 777
    last = fresh.books.entries("bob")[3]
    assert (dollars["version"], dollars["hash"]) == (4, last.hash)


def test_the_month_that_runs_is_told_as_not_over(fresh: World, month: str) -> None:
    """It begins with what the last one left, and ends with what is there now; empty currencies are left out of none."""
    now = day(fresh.books.clock())
    answer = fresh.call(OWN, sub="bob", path={"month": f"{now[:4]}-{now[4:6]}"})
    assert answer.body["final"] is False
    assert account(answer, "USD")["opening"]["available"] == 8_500
    assert account(answer, "USD")["closing"]["available"] == 9_000
    assert (account(answer, "JPY")["movements"], account(answer, "JPY")["hash"]) == ([], None)
    before = fresh.call(OWN, sub="bob", path={"month": "2020-02"})
    assert (before.status, before.body["accounts"]) == (200, [])


def test_a_spreadsheet_has_the_same_figures(fresh: World, month: str) -> None:
    """In major units with all decimals of the currency, a line for each movement between opening and closing."""
    answer = fresh.call(OWN, sub="bob", path={"month": month}, query={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    pid = fresh.books.partner("bob").id
    assert answer.headers["content-disposition"] == f'attachment; filename="statement-{pid}-{month}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.body)))
    dollars = [row for row in rows if row["currency"] == "USD"]
    assert [row["kind"] for row in dollars] == ["OPENING", "EARN", "RESERVE", "SETTLE", "RESERVE", "CLOSING"]
    assert [row["available"] for row in dollars] == ["", "125.00", "-30.00", "0.00", "-10.00", ""]
    assert [row["availableAfter"] for row in dollars] == ["0.00", "125.00", "95.00", "95.00", "85.00", "85.00"]
    assert {row["paidAfter"] for row in rows if row["currency"] == "JPY"} == {"0"}
    assert rows[1]["reference"]


def test_every_form_says_what_it_is_of(fresh: World, month: str) -> None:
    """Title, partner, period, and whether it is final or runs on: in the answer and in each line of the table."""
    partner = fresh.books.partner("bob")
    partner_profile.change(fresh.books.context, partner.id, ProfileChanges(first_name="Bob", company_name="B Ltd"), 1)
    path, now = {"partnerId": partner.id, "month": month}, day(fresh.books.clock())
    told = fresh.admin(ONE, path=path).body
    assert (told["title"], told["partnerName"], told["partnerCompany"]) == (f"Statement {month}, final", "Bob", "B Ltd")
    for asked, state in ((month, "FINAL"), (f"{now[:4]}-{now[4:6]}", "RUNNING")):
        rows = list(csv.DictReader(io.StringIO(
            fresh.admin(ONE, path={**path, "month": asked}, query={"format": "csv"}).body
        )))  # fmt: skip
        said = {(row["title"], row["state"], row["partnerId"], row["partnerName"], row["month"]) for row in rows}
        assert said == {(f"Statement {asked}, {state.lower()}", state, partner.id, "Bob", asked)}
        assert {row["from"][:7] for row in rows} == {asked}
    masked = fresh.call(ONE, sub="sue", groups=("support",), path=path).body
    assert (masked["partnerName"], masked["partnerCompany"]) == (None, None)


def test_an_entry_of_several_rewards_says_which(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first to the last of them, in the answer, in the table and on paper."""
    books = fresh.books
    books.grant("bob", 1_000, 2_000)
    books.mature("bob")
    now = day(books.clock())
    path = {"month": f"{now[:4]}-{now[4:6]}"}
    (earned,) = fresh.call(OWN, sub="bob", path=path).body["accounts"][0]["movements"]
    ids = sorted(each.id for each in books.rewards("bob"))
    assert (earned["reference"], [earned["firstReward"], earned["lastReward"]]) == ("maturity", ids)
    row = list(csv.DictReader(io.StringIO(fresh.call(OWN, sub="bob", path=path, query={"format": "csv"}).body)))[1]
    assert [row["firstReward"], row["lastReward"]] == ids
    printed: list[str] = []
    monkeypatch.setattr("fpdf.FPDF.multi_cell", lambda *told, **_: printed.append(told[3]))
    assert fresh.call(OWN, sub="bob", path=path, query={"format": "pdf"}).body.startswith(b"%PDF-")
    assert f"rewards {ids[0]} to {ids[1]}" in printed


def test_payouts_carry_the_banks_reference(fresh: World, month: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the answer, in the table and on paper: of what went out or came back, not of what is only asked for."""
    told = account(fresh.call(OWN, sub="bob", path={"month": month}), "USD")["movements"]
    (paid,) = [each for each in told if each["kind"] == "SETTLE"]
    assert paid["transactionId"] == f"bank-{paid['reference']}"
    assert {each["transactionId"] for each in told if each is not paid} == {None}
    table = fresh.call(OWN, sub="bob", path={"month": month}, query={"format": "csv"}).body
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["kind"], row["transactionId"]) for row in rows if row["transactionId"]] == [
        ("SETTLE", paid["transactionId"])
    ]
    printed: list[str] = []
    monkeypatch.setattr("fpdf.FPDF.multi_cell", lambda *told, **_: printed.append(told[3]))
    assert pdf(fresh, month).status == 200
    assert f"transaction {paid['transactionId']}" in printed


def test_a_reference_that_comes_later_changes_no_closed_month(fresh: World, month: str) -> None:
    """What was asked for in a month and paid in the next: its reference is in the statement that has the payout."""
    books, forms = fresh.books, ("json", "csv", "pdf")
    path, now = {"month": month}, day(books.clock())
    first = [fresh.call(OWN, sub="bob", path=path, query={"format": form}).body for form in forms]
    (open_one,) = [
        each for each in withdrawals.many(books.table, sorted({each.reference for each in books.entries("bob")}))
        if each.is_open
    ]  # fmt: skip
    books.conclude_paid(open_one)
    fresh.bucket.objects.clear()
    assert [fresh.call(OWN, sub="bob", path=path, query={"format": form}).body for form in forms] == first
    later = account(fresh.call(OWN, sub="bob", path={"month": f"{now[:4]}-{now[4:6]}"}), "USD")["movements"]
    assert [each["transactionId"] for each in later] == [None, f"bank-{open_one.id}"]


def test_a_closed_month_never_differs(fresh: World, month: str) -> None:
    """In any form, a day or a year later, and when it has to be made once more: it is as of when it was closed."""
    forms = ("json", "csv", "pdf")
    first = [fresh.call(OWN, sub="bob", path={"month": month}, query={"format": form}).body for form in forms]
    fresh.books.clock.forward(400 * DAY_MS)
    fresh.books.grant("bob", 4_000)
    fresh.books.mature("bob")
    fresh.bucket.objects.clear()  # as the bucket's rule does after a week
    assert [fresh.call(OWN, sub="bob", path={"month": month}, query={"format": f}).body for f in forms] == first


@pytest.mark.parametrize(("count", "words"), [(1, "once"), (2, "twice"), (3, "3 times"), (1_000, "1000 times")])
def test_counts_are_words(count: int, words: str) -> None:
    """Nobody reads "1 entries"."""
    assert statement_pdf._times(count) == words


def text_of(pdf: bytes) -> int:
    """How many pages' contents there are, each of which must unpack."""
    streams = [part.split(b"endstream")[0] for part in pdf.split(b"stream\n")[1:]]
    return sum(b" Tj" in zlib.decompress(each.strip()) for each in streams if each.startswith(b"x\x9c"))


def test_a_pdf_is_one_and_the_same_each_time(fresh: World, month: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of pages, with the font inside; made twice at a time it is the same bytes, with many lines many pages."""
    query = {"format": "Pdf"}
    answer = fresh.call(OWN, sub="bob", path={"month": month}, query=query)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].endswith(f'-{month}.pdf"')
    assert answer.body.startswith(b"%PDF-")
    assert b"FontFile2" in answer.body
    assert answer.body == fresh.call(OWN, sub="bob", path={"month": month}, query=query).body
    assert text_of(answer.body) >= 1
    for number in range(120):
        fresh.books.grant("bob", 100 + number)
        fresh.books.mature("bob")
    now = day(fresh.books.clock())
    longer = fresh.call(OWN, sub="bob", path={"month": f"{now[:4]}-{now[4:6]}"}, query=query)
    assert text_of(longer.body) >= 3


@pytest.mark.parametrize("name", ["Владимир", "Ελένη", "محمد", "דוד", "山田太郎", "नमस्ते", "Ångström", "\U0001f600"])
def test_a_pdf_takes_every_name(fresh: World, name: str) -> None:
    """Names of any script make a PDF: what the font has not is shown as unknown, and nothing fails."""
    new = NewPartner(name, "X", f"a{ord(name[0])}@example.com")  # also those that were stored before names had rules
    made = partners.create(fresh.books.context, new, "admin", None, "")
    path = {"partnerId": made.id, "month": "2026-01"}
    answer = fresh.admin(ONE, path=path, query={"format": "pdf"})
    assert (answer.status, answer.body[:5]) == (200, b"%PDF-")


def test_support_and_services_get_no_names(fresh: World, month: str) -> None:
    """The PDF for those who see others' personal data masked is that of a partner without names."""
    fresh.admin(
        "POST /api/v1/partners",
        body={"firstName": "Ada", "lastName": "Example", "email": "ada@example.com", "sub": "ada"},
    )
    path = {"partnerId": fresh.books.partner("ada").id, "month": month}
    whole = fresh.admin(ONE, path=path, query={"format": "pdf"}).body
    service = {"sub": "robot", "claims": {"scope": "refledger/ledger:read"}}
    masked = [
        fresh.call(ONE, path=path, query={"format": "pdf"}, **who).body
        for who in ({"sub": "sue", "groups": ("support",)}, service)
    ]
    assert masked[0] == masked[1] != whole
    assert fresh.call(OWN, sub="ada", path={"month": month}, query={"format": "pdf"}).body == whole


def test_who_gets_which_statement(fresh: World, month: str) -> None:
    """Staff everybody's, a partner their own and no other, somebody who is no partner none."""
    path = {"partnerId": fresh.books.partner("bob").id, "month": month}
    for groups in ("admin", "finance", "support"):
        assert fresh.call(ONE, sub="x", groups=(groups,), path=path).body["accounts"]
    for sub in ("bob", "eve"):
        assert_problem(fresh.call(ONE, sub=sub, path=path), 403)
    assert_problem(fresh.call(OWN, sub="nobody", path={"month": month}), 404)
    assert_problem(fresh.admin(ONE, path={**path, "partnerId": "0" * 16}), 404)
    assert_problem(fresh.admin(ONE, path={**path, "partnerId": "../x"}), 404)


@pytest.mark.parametrize("month", ["2026-13", "2099-01", "november", "", "2026-11-21", "0000-01"])
def test_what_is_no_month_is_not_found(fresh: World, month: str) -> None:
    """Months that cannot be, or have not begun, whoever asks."""
    fresh.books.partner("bob")
    assert_problem(fresh.call(OWN, sub="bob", path={"month": month}), 404)


def test_other_formats_are_refused(fresh: World) -> None:
    """There are three, in any case of letters."""
    fresh.books.partner("bob")
    for given in ("xlsx", "", "json,csv"):
        assert_problem(fresh.call(OWN, sub="bob", path={"month": "2026-01"}, query={"format": given}), 422)


def test_very_many_movements_stay_one_file(fresh: World, month: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day's movements of one kind are one line then, with how many there were."""
    monkeypatch.setattr(statements, "MAX_LINES", 3)
    dollars = account(fresh.call(OWN, sub="bob", path={"month": month}), "USD")
    assert [(each["kind"], each["count"]) for each in dollars["movements"]] == [
        ("EARN", 1), ("RESERVE", 2), ("SETTLE", 1),
    ]  # fmt: skip
    assert dollars["movements"][-1]["after"] == dollars["closing"]
    assert fresh.call(OWN, sub="bob", path={"month": month}, query={"format": "pdf"}).status == 200


# ---------------------------------------------------------------- PDFs of months that are over


def pdf(world: World, month: str, headers: dict[str, str] | None = None) -> Any:
    return world.call(OWN, sub="bob", path={"month": month}, query={"format": "pdf"}, headers=headers or {})


def kept(world: World) -> list[str]:
    return [name for name in world.bucket.objects if name.startswith("statements/")]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a PDF is made."""
    made: list[int] = []
    render = statement_pdf.render

    def counted(*given: Any, **named: Any) -> bytes:
        made.append(1)
        return render(*given, **named)

    monkeypatch.setattr(statement_pdf, "render", counted)
    return made


def test_a_month_that_is_over_is_printed_once(fresh: World, month: str, printed: list[int]) -> None:
    """The same bytes the next day, and no entry is read again; who has them gets 304 without a body."""
    first = pdf(fresh, month)
    fresh.books.clock.forward(DAY_MS)
    again = pdf(fresh, month)
    assert (again.status, again.body, len(printed)) == (200, first.body, 1)
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "private, no-cache"
    assert len(kept(fresh)) == 1
    fresh.bucket.calls.clear()
    same = pdf(fresh, month, {"if-none-match": f'W/"x", {first.headers["etag"]}'})
    assert (same.status, same.body, fresh.bucket.calls) == (304, b"", [])


def test_a_month_that_goes_on_is_not_kept(fresh: World, month: str, printed: list[int]) -> None:
    """Nor for the quarter of an hour in which an entry may still be on its way."""
    assert month
    now = day(fresh.books.clock())
    for _ in range(2):
        answer = pdf(fresh, f"{now[:4]}-{now[4:6]}")
        assert "etag" not in answer.headers
    assert (len(printed), kept(fresh)) == (2, [])


def test_an_entry_in_a_month_that_was_over_is_noticed(fresh: World, month: str, printed: list[int]) -> None:
    """There is no way to one; but a clock that was wrong, or a restored table, is not hidden by a file."""
    first = pdf(fresh, month)
    books, now_ms = fresh.books, fresh.books.clock()
    books.clock.at_ms = statements.month(month, now_ms).until_ms - 1
    assert ledger.find_balance(books.table, books.partner("bob").id, "EUR").version == 0
    books.grant("bob", 1_234, currency="EUR")
    books.mature("bob", "EUR")
    books.clock.at_ms = now_ms
    second = pdf(fresh, month)
    assert second.headers["etag"] != first.headers["etag"]
    assert (len(printed), second.body != first.body, len(kept(fresh))) == (2, True, 2)
    shown = fresh.call(OWN, sub="bob", path={"month": month})
    assert account(shown, "EUR")["closing"]["available"] == 1_234


def test_who_is_called_otherwise_gets_another(fresh: World, month: str, printed: list[int]) -> None:
    """Names are printed; and who may not see them never gets the file of who may."""
    bob = fresh.books.partner("bob")
    path, query = {"partnerId": bob.id, "month": month}, {"format": "pdf"}
    masked = fresh.call(ONE, sub="sue", groups=("support",), path=path, query=query)
    whole = fresh.admin(ONE, path=path, query=query)
    assert masked.headers["etag"] != whole.headers["etag"]
    partner_profile.change(fresh.books.context, bob.id, ProfileChanges(first_name="Robert"), bob.version)
    renamed = fresh.admin(ONE, path=path, query=query)
    assert renamed.headers["etag"] not in (masked.headers["etag"], whole.headers["etag"])
    again = fresh.call(ONE, sub="sue", groups=("support",), path=path, query=query)
    assert (again.headers["etag"], again.body) == (masked.headers["etag"], masked.body)
    assert len(printed) == 3


@pytest.mark.parametrize("method", ["get_object", "put_object"])
def test_a_bucket_that_fails_hinders_nobody(
    fresh: World, month: str, printed: list[int], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made again, as before there was one."""

    def broken(**_: Any) -> Any:
        raise refused("SlowDown", method)

    monkeypatch.setattr(fresh.bucket, method, broken)
    bodies = [pdf(fresh, month).body for _ in range(2)]
    assert (len(printed), bodies[0] == bodies[1]) == (2, True)


def test_a_repeat_costs_a_few_small_reads(fresh: World, month: str) -> None:
    """However many entries there are: who, the partner, their balances, and the last entry in each currency."""
    pdf(fresh, month)
    counting = FaultInjectingClient(fresh.books.client, None)
    context = fresh.books.behind(counting)
    context.program("default")
    counting.calls.clear()
    found = of_statements.basis(context, fresh.books.partner("bob").id, month)
    assert [currency for currency, _, _ in found.heads] == ["JPY", "USD"]
    assert counting.calls == ["get_item", "query", "query", "query"]
