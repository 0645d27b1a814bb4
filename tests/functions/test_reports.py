"""Statistics, trends, leaderboards and the trial balance over HTTP: what they say is what is in the books."""

from __future__ import annotations

from typing import Any

import pytest

from refledger.domain.journal import Account
from refledger.domain.partners import PartnerStatus
from refledger.domain.times import DAY_MS, day
from refledger.operations.partners import partners
from refledger.store import keys
from refledger.store.transaction import update
from tests.support.functions import World, assert_problem
from tests.support.rollups import Counting

HOLD_DAYS = 2


def dollars(amount: int) -> list[dict[str, Any]]:
    return [{"currency": "USD", "amount": amount, "amountDecimal": f"{amount / 100:.2f}"}]


@pytest.fixture(scope="module")
def told(dynamodb_endpoint: str) -> Any:
    """Three days: Alice refers Bob, Bob refers Carol and Dave, who pay; one refund, one payout, one suspension.

    START_MS is 2026-09-22.
    """
    from tests.support import functions

    with functions.world(dynamodb_endpoint) as world:
        books = world.books
        books.program(hold_days=HOLD_DAYS)
        count = Counting(books)
        books.chain("alice", "bob", "carol")
        books.apply("dave", "bob")
        books.partner("carol")
        convert(world, "bob", 0)
        count()
        books.clock.forward(DAY_MS)
        books.pay("carol", "1", 10_000)
        books.pay("dave", "2", 5_000)
        books.pay("carol", "3", 700, "JPY")
        count()
        books.clock.forward(HOLD_DAYS * DAY_MS)
        books.refund("1", 2_500)
        for name in ("alice", "bob"):
            books.mature(name)
        books.pay_out("bob", 1_500)
        books.pay("dave", "4", 40_000)
        partners.change_status(books.context, books.partner("carol").id, PartnerStatus.SUSPENDED, "", "x")
        count()
        yield world


def convert(world: World, of: str, days: int) -> None:
    """A referral that somebody made converts so many days after it was made."""
    (item, *_) = world.books.table.query(keys.referrals(world.books.partner(of).id))
    world.books.table.commit(update(
        "converts", {"pk": item["pk"], "sk": item["sk"]}, "SET #status = :status, #converted = :at",
        status="CONVERTED", at=item["created"] + days * DAY_MS,
    ))  # fmt: skip


def read(world: World, path: str, **query: str) -> dict[str, Any]:
    answer = world.admin(f"GET /api/v1{path}", query=query)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    return found


def test_program(told: World) -> None:
    """Partners, referrals, payments and rewards of a program, as the events above made them."""
    path = {"programId": "default"}
    found = told.admin("GET /api/v1/programs/{programId}/statistics", path=path).body
    assert found["programId"] == "default"
    assert found["from"] is None
    assert found["partners"] == {"total": 3, "byStatus": {"ACTIVE": 2, "SUSPENDED": 1}, "byTier": {}}
    assert found["referrals"] == {
        "total": 3, "byStatus": {"ACCEPTED": 2, "CONVERTED": 1}, "accepted": 3, "converted": 1,
        "conversionRateBps": 3333,
    }  # fmt: skip
    assert found["payments"]["count"] == 3, "the yen are parked: nobody earns from them"
    assert found["payments"]["paid"] == dollars(55_000)
    assert found["payments"]["gone"] == dollars(2_500)
    assert found["payments"]["net"] == dollars(52_500)
    states = found["rewards"]["byStatus"]
    assert {status: each["count"] for status, each in states.items()} == {"PENDING": 2, "APPROVED": 3, "PAID": 1}
    assert states["PENDING"]["amounts"] == dollars(8_000 + 4_000)
    assert states["PAID"]["amounts"] == dollars(1_500)
    assert found["rewards"]["total"] == 6


def test_a_period_tells_what_changed_in_it(told: World) -> None:
    """Only the last day: the refund, what matured, the payment of that day; and nothing on days before the first."""
    today = day(told.books.clock())
    iso = f"{today[:4]}-{today[4:6]}-{today[6:]}"
    path = {"programId": "default"}
    query = {"from": iso, "to": iso}
    found = told.admin("GET /api/v1/programs/{programId}/statistics", path=path, query=query).body
    assert (found["from"], found["to"]) == (iso, iso)
    assert found["payments"] == {
        "count": 1, "paid": dollars(40_000), "gone": dollars(2_500), "net": dollars(37_500)
    }  # fmt: skip
    assert found["partners"]["byStatus"] == {"ACTIVE": -1, "SUSPENDED": 1}
    query = {"from": "2025-01-01", "to": "2025-12-31"}
    nothing = told.admin("GET /api/v1/programs/{programId}/statistics", path=path, query=query).body
    assert nothing["payments"]["count"] == nothing["rewards"]["total"] == nothing["partners"]["total"] == 0


def test_overview_and_counts(told: World) -> None:
    """The overview is what the parts say, of all time and of the last 30 days, which are the same here."""
    found = read(told, "/analytics/overview")
    whole = told.admin("GET /api/v1/programs/{programId}/statistics", path={"programId": "default"}).body
    for name in ("partners", "payments", "rewards"):
        assert found["allTime"][name] == found["last30Days"][name] == whole[name]
    assert found["allTime"]["referrals"] == whole["referrals"]
    assert found["last30Days"]["referrals"] == {**whole["referrals"], "conversionRateBps": None}
    counts = read(told, "/partners/statistics")
    assert {name: counts[name] for name in whole["partners"]} == whole["partners"]
    referrals = read(told, "/referrals/statistics")
    assert {name: referrals[name] for name in whole["referrals"]} == whole["referrals"]
    rewards = read(told, "/rewards/statistics")
    assert {name: rewards[name] for name in whole["rewards"]} == whole["rewards"]


def test_sources_funnel_and_time_to_convert(told: World) -> None:
    """All came from the website; one of three converted, on the day it was made; nobody left on the way."""
    assert read(told, "/referrals/sources")["data"] == [
        {"source": "WEBSITE", "referrals": 3, "shareBps": 10_000, "converted": 1, "conversionRateBps": 3333}
    ]
    funnel = read(told, "/referrals/funnel")
    assert [(step["step"], step["count"], step["ofFirstBps"]) for step in funnel["steps"]] == [
        ("CREATED", 3, 10_000), ("ACCEPTED", 3, 10_000), ("CONVERTED", 1, 3333), ("PAID", 0, 0),
    ]  # fmt: skip
    assert (funnel["rejected"], funnel["expired"]) == (0, 0)
    (source,) = read(told, "/referrals/sources", **{"from": "2026-09-01", "to": "2026-09-30"})["data"]
    assert (source["shareBps"], source["conversionRateBps"]) == (10_000, None)
    took = read(told, "/analytics/time-to-convert")
    assert (took["converted"], took["averageHours"]) == (1, 0)
    assert [(each["fromDays"], each["toDays"], each["count"]) for each in took["data"]][:2] == [(0, 0, 1), (1, 6, 0)]


def test_trends(told: World) -> None:
    """By day every day is there, also those without anything; by week and month the same sums stand together."""
    days = read(told, "/referrals/trends")["data"]
    assert len(days) == 30
    assert [point["created"] for point in days[-4:]] == [3, 0, 0, 0]
    assert [point["converted"] for point in days[-4:]] == [1, 0, 0, 0]
    rewards = read(told, "/rewards/trends")["data"]
    assert [point["created"] for point in rewards[-4:]] == [0, 4, 0, 2]
    assert rewards[-3]["earned"] == dollars(3_000 + 1_500)
    assert rewards[-1]["paid"] == dollars(1_500)
    for interval in ("week", "MONTH"):
        points = read(told, "/rewards/trends", interval=interval)["data"]
        assert sum(point["created"] for point in points) == 6
        assert len({point["from"] for point in points}) == len(points) == 12
    assert (points[-1]["from"], points[-1]["cut"]) == ("2026-09-01", True)
    assert (points[-2]["from"], points[-2]["to"], points[-2]["cut"]) == ("2026-08-01", "2026-08-31", False)


def test_cohorts(told: World) -> None:
    """All were referred this month, and paid in it; a year without referrals has no cohorts."""
    (cohort,) = read(told, "/analytics/cohorts")["data"]
    assert (cohort["month"], cohort["referrals"], cohort["converted"]) == ("2026-09", 3, 1)
    assert cohort["months"] == [{"month": 0, "payments": 3, "revenue": dollars(52_500)}]
    assert read(told, "/analytics/cohorts", year="2025")["data"] == []


def test_forecast(told: World) -> None:
    """The payment of today is due in two days; what matured is in it no more."""
    due = day(told.books.clock() + HOLD_DAYS * DAY_MS)
    found = read(told, "/analytics/forecast")
    assert found["data"] == [{"date": f"{due[:4]}-{due[4:6]}-{due[6:]}", "amounts": dollars(12_000)}]
    assert found["total"] == dollars(12_000)
    assert found["overdue"] == []


def test_a_partner(told: World) -> None:
    """Bob's customers, what they paid and what he earned: in all, day by day, and as a scorecard."""
    bob = told.books.partner("bob").id
    found = told.admin("GET /api/v1/partners/{partnerId}/statistics", path={"partnerId": bob}).body
    assert found["allTime"] == {
        "customers": {"1": 2}, "referrals": 2, "byStatus": {"ACCEPTED": 1, "CONVERTED": 1}, "conversions": 1,
        "conversionRateBps": 5000, "payments": 3, "revenue": dollars(52_500), "earned": dollars(1_500 + 1_000 + 8_000),
        "givenByHand": [], "pending": dollars(8_000),
    }  # fmt: skip
    assert [(each["payments"], each["revenue"]) for each in found["days"]] == [
        (0, []), (2, dollars(15_000)), (1, dollars(37_500))
    ]  # fmt: skip
    own = told.call("GET /api/v1/me/performance", sub="bob").body
    assert own["allTime"] == {
        "referrals": 2, "conversions": 1, "payments": 3,
        "revenue": [{"currency": "USD", "amount": 52_500, "amountDecimal": "525.00"}],
        "earned": [{"currency": "USD", "amount": 10_500, "amountDecimal": "105.00"}],
    }  # fmt: skip
    assert [each["date"] for each in own["days"]] == [each["date"] for each in found["days"]]
    assert_problem(told.call("GET /api/v1/me/performance", sub="nobody"), 404)
    card = told.admin("GET /api/v1/analytics/scorecards/{partnerId}", path={"partnerId": bob}).body
    assert (card["status"], card["tier"], card["allTime"]) == ("ACTIVE", None, found["allTime"])
    assert card["thisMonth"] == {**found["allTime"], "conversionRateBps": None}
    assert card["lastMonth"]["payments"] == 0
    for route in ("GET /api/v1/partners/{partnerId}/statistics", "GET /api/v1/analytics/scorecards/{partnerId}"):
        assert_problem(told.admin(route, path={"partnerId": "0" * 16}), 404)


@pytest.mark.parametrize("month", ["2026-09", "all"])
def test_leaderboards(told: World, month: str) -> None:
    """By revenue Bob alone, by rewards Bob before Alice, by conversions Bob; amounts are those of one currency."""
    alice, bob = (told.books.partner(name).id for name in ("alice", "bob"))

    def rows(**query: str) -> list[tuple[int, str, int]]:
        found = read(told, "/partners/top", month=month, **query)
        return [(row["rank"], row["partnerId"], row["value"]) for row in found["data"]]

    assert rows() == rows(by="revenue") == [(1, bob, 52_500)]
    assert rows(by="rewards") == [(1, bob, 10_500), (2, alice, 750 + 500 + 4_000)]
    assert rows(by="Rewards", limit="1") == [(1, bob, 10_500)]
    assert rows(by="conversions") == [(1, bob, 1)]
    assert rows(by="revenue", currency="eur") == []
    assert read(told, "/partners/top", month="2026-08")["updatedAt"] is None


def test_trial_balance(told: World) -> None:
    """By account what all journals hold; debits are credits; as of yesterday without what was booked today."""
    (found,) = read(told, "/ledger/trial-balance")["data"]
    books = told.books
    held = [books.balance(name) for name in ("alice", "bob", "carol", "dave")]
    wanted = dict(zip(("available", "reserved", "paid"), map(sum, zip(*held, strict=True)), strict=True))
    balances = {row["account"]: row["balance"] for row in found["accounts"]}
    assert {account: balances[account] for account in wanted} == wanted
    assert set(balances) == set(Account)
    assert sum(balances.values()) == 0
    assert (found["balanced"], found["debit"]) == (True, found["credit"])
    entries = [entry for name in ("alice", "bob") for entry in books.entries(name)]
    assert sum(kind["entries"] for kind in found["kinds"]) == len(entries)
    yesterday = day(books.clock() - DAY_MS)
    assert read(told, "/ledger/trial-balance", asOf=f"{yesterday[:4]}-{yesterday[4:6]}-{yesterday[6:]}")["data"] == []


def test_payouts(told: World) -> None:
    """One withdrawal was asked for and paid."""
    (found,) = read(told, "/payouts/summary")["data"]
    assert found == {
        "currency": "USD", "requested": 1_500, "released": 0, "settled": 1_500, "paidDirectly": 0, "returned": 0,
        "paid": 1_500,
        "withdrawals": [
            {"status": "PAID", "count": 1, "currency": "USD", "amount": 1_500, "amountDecimal": "15.00"},
        ],
        "requestedDecimal": "15.00", "releasedDecimal": "0.00", "settledDecimal": "15.00",
        "paidDirectlyDecimal": "0.00", "returnedDecimal": "0.00", "paidDecimal": "15.00",
    }  # fmt: skip
    assert read(told, "/payouts/summary", **{"from": "2025-01-01", "to": "2025-12-31"})["data"] == []


PROGRAM_ROUTES = (
    "/analytics/overview", "/analytics/cohorts", "/analytics/forecast", "/analytics/time-to-convert",
    "/partners/statistics", "/partners/top", "/referrals/statistics", "/referrals/sources", "/referrals/funnel",
    "/referrals/trends", "/rewards/statistics", "/rewards/trends",
)  # fmt: skip


@pytest.mark.parametrize("path", PROGRAM_ROUTES)
def test_a_program_that_does_not_exist_has_no_figures(told: World, path: str) -> None:
    """404, so that a wrong id is not taken for a program in which nothing happened; text that is no id: 422."""
    answer = told.admin(f"GET /api/v1{path}", query={"programId": "nowhere"})
    assert_problem(answer, 404)
    assert answer.code == "PROGRAM_NOT_FOUND"
    assert_problem(told.admin(f"GET /api/v1{path}", query={"programId": "No Where"}), 422)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/referrals/statistics", {"from": "2026-01-01"}),
        ("/referrals/statistics", {"from": "2026-01-02", "to": "2026-01-01"}),
        ("/referrals/statistics", {"from": "2025-01-01", "to": "2026-01-02"}),
        ("/referrals/statistics", {"from": "1", "to": "2"}),
        ("/referrals/statistics", {"from": "2026-02-30", "to": "2026-03-01"}),
        ("/referrals/trends", {"interval": "year"}),
        ("/partners/top", {"by": "luck"}),
        ("/partners/top", {"month": "2026-13"}),
        ("/partners/top", {"limit": "101"}),
        ("/partners/top", {"currency": "XXX1"}),
        ("/analytics/cohorts", {"year": "20266"}),
        ("/ledger/trial-balance", {"asOf": "2016-01-01"}),
        ("/payouts/summary", {"programId": "default"}),
    ],
)
def test_what_cannot_be_asked(told: World, path: str, query: dict[str, str]) -> None:
    """Half a period, one that ends before it begins, one longer than a year, days that there are none of, …: 422."""
    assert_problem(told.admin(f"GET /api/v1{path}", query=query), 422)


def test_services_read_statistics_by_their_scope_and_partners_do_not(told: World) -> None:
    """A service with the scope, support: yes. A partner, a service with another scope: no."""
    route = "GET /api/v1/analytics/overview"
    assert told.call(route, sub="s", claims={"scope": "refledger/statistics:read"}).status == 200
    assert told.call(route, sub="s", groups=("support",)).status == 200
    assert_problem(told.call(route, sub="bob"), 403)
    assert_problem(told.call(route, sub="s", claims={"scope": "refledger/rewards:read"}), 403)
