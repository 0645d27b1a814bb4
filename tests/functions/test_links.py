"""Links that anybody may click: they are counted, lead to the program's own pages, and keep nothing of who clicked."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from refledger.domain.links import Links
from refledger.domain.times import DAY_MS, day
from refledger.entry import config
from refledger.operations.rate_limits import Limits, parse
from refledger.store import clicks, keys, statistics
from refledger.store.clicks import Clicks
from tests.support.books import Faulty
from tests.support.functions import Answer, World, load

FOLLOW = "GET /r/{code}"
SHOP = Links("https://shop.example.com/hello", ("shop.example.com",), campaigns=("spring",))
ADDRESS = "192.0.2.1"  # that the world's calls come from


@pytest.fixture
def shop(fresh: World) -> World:
    """The default program has links to a shop."""
    fresh.books.change_program(links=SHOP)
    return fresh


def click(world: World, code: str, headers: dict[str, str] | None = None, **query: str) -> Answer:
    return world.call(FOLLOW, sub=None, path={"code": code}, query=query, headers=headers)


def led_to(answer: Answer) -> str:
    """Where a click leads, without the id that no two clicks have in common."""
    return re.sub("&ref_id=clk_[0-9a-v]+", "", answer.headers["location"])


def assert_page(answer: Answer, status: int) -> None:
    """A small page for a visitor, and no JSON."""
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "location" not in answer.headers
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert answer.body.startswith("<!doctype html>")


def code_of(world: World, name: str) -> str:
    return world.books.partner(name).code


def test_a_click_leads_on_and_is_counted(shop: World) -> None:
    """In any case of letters; to the default page with the code on it, and no copy of the answer is kept anywhere."""
    code = code_of(shop, "bob")
    answer = click(shop, code.lower(), source="Email", campaign="Spring")
    assert (answer.status, answer.body) == (302, "")
    assert led_to(answer) == f"https://shop.example.com/hello?ref={code}&campaign=spring"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    click(shop, code, source="carrier pigeon", campaign="nobody knows")
    click(shop, code)
    assert clicks.of_code(shop.books.table, code) == Clicks(3, {"EMAIL": 1, "OTHER": 1, "UNKNOWN": 1}, {"spring": 1})


def test_a_cookie_is_set_where_the_program_says_so(shop: World) -> None:
    """For as long as it says, of the domain that it says, over https alone, and not for other sites' requests."""
    cookie = Links("https://a.example.com/", ("a.example.com", "*.example.com"), "via", 30, "example.com")
    shop.books.change_program(links=cookie)
    code = code_of(shop, "bob")
    told = click(shop, code).headers["set-cookie"]
    assert told == f"via={code}; Max-Age=2592000; Path=/; Domain=example.com; Secure; SameSite=Lax"


def test_another_page_of_the_site_may_be_asked_for_and_no_other_site(shop: World) -> None:
    """`to` leads to allowed hosts only: else the answer is a refusal, without a location, and no click."""
    code = code_of(shop, "bob")
    allowed = click(shop, code, to="https://shop.example.com/sale?size=4#top")
    assert led_to(allowed) == f"https://shop.example.com/sale?size=4&ref={code}#top"
    for to in ("https://evil.example.net/", "//evil.example.net", "http://shop.example.com/", "/sale", ""):
        assert_page(click(shop, code, to=to), 422)
    assert clicks.of_code(shop.books.table, code).total == 1


def test_a_code_that_binds_nobody_leads_on_without_it(shop: World) -> None:
    """A disabled code's visitors find the site; nobody gets them, and nothing is counted."""
    code = code_of(shop, "bob")
    guard = shop.books.table.get(keys.code(code))
    assert guard
    shop.books.client.update_item(
        TableName=shop.books.table_name, Key={name: {"S": guard[name]} for name in ("pk", "sk")},
        UpdateExpression="SET #s = :off", ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":off": {"S": "DISABLED"}},
    )  # fmt: skip
    answer = click(shop, code)
    assert (answer.status, answer.headers["location"]) == (302, "https://shop.example.com/hello")
    assert clicks.of_code(shop.books.table, code).total == 0


def test_what_is_no_code_or_has_no_link_is_not_found(shop: World) -> None:
    """Codes of nobody, text that can be no code, and codes of a program that has no links."""
    for code in ("NOBODYS", "x", "", "ä" * 9, "A" * 500, "../../etc", "%00", "a\nb"):
        assert_page(click(shop, code), 404)
    shop.books.program("plain")
    assert_page(click(shop, shop.books.member("mia", "plain").code), 404)


def test_a_link_that_leads_nowhere_leads_home(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stack has a home: whatever is wrong with the link, and also when the table does not answer."""
    monkeypatch.setitem(shop.variables, "HOME_URL", "https://www.example.com/")
    code = code_of(shop, "bob")
    for wanted, to in (("NOBODYS", "/"), ("x", "/"), (code, "https://evil.example.net/")):
        answer = click(shop, wanted, to=to)
        assert (answer.status, answer.headers["location"], answer.body) == (302, "https://www.example.com/", "")

    def away(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(load("links").links, "follow", away)
    assert click(shop, code).headers["location"] == "https://www.example.com/"


def test_what_is_fetched_ahead_is_not_counted(shop: World) -> None:
    """A browser that guesses where somebody may click next has not clicked."""
    code = code_of(shop, "bob")
    for headers in ({"sec-purpose": "prefetch;prerender"}, {"purpose": "prefetch"}):
        assert click(shop, code, headers=headers).status == 302
    assert clicks.of_code(shop.books.table, code).total == 0


def test_guessing_codes_ends_soon(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who tries codes in vain learns nothing more in that minute, of real codes neither, from any worker."""
    told = "reads=9,writes=9,heavy=9,withdrawals=9,unknown-codes=3"
    for number in range(3):
        monkeypatch.setattr(config, "limits", lambda: Limits(parse(told)))  # each call meets another worker
        assert click(shop, f"GUESS{number}").status == 404
    code = code_of(shop, "bob")
    for wanted in ("GUESS9", code):
        refused = click(shop, wanted)
        assert_page(refused, 429)
        assert int(refused.headers["retry-after"]) >= 1
    shop.books.clock.forward(60_000)
    assert click(shop, code).status == 302


def test_nothing_is_kept_of_who_clicked(shop: World, caplog: pytest.LogCaptureFixture) -> None:
    """No address, and no word of the browser's, in the table or in the log."""
    click(shop, code_of(shop, "bob"), headers={"user-agent": "Browser/7", "referer": "https://from.example.net/"})
    click(shop, "NOBODYS")
    kept = json.dumps(shop.books.client.scan(TableName=shop.books.table_name)["Items"], default=str) + caplog.text
    assert [word for word in (ADDRESS, "Browser/7", "from.example.net") if word in kept] == []


def test_a_click_costs_one_read_and_one_write(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there were: the code and the guesses in one call, the program once a minute."""
    code = code_of(shop, "bob")
    click(shop, code)
    asked: list[str] = []
    client = shop.books.table.client

    class Counting:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(client, name)

    monkeypatch.setattr(clicks, "LANES", 1)
    click(shop, code)
    monkeypatch.setattr(shop.books.table, "client", Counting())
    asked.clear()
    click(shop, code)
    assert asked == ["batch_get_item", "update_item"]


def test_a_click_that_cannot_be_counted_leads_on(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever clicked has nothing to do with a table that is busy."""
    code = code_of(shop, "bob")
    click(shop, code)
    monkeypatch.setattr(shop.books.table, "client", Faulty(shop.books.client, 100, seed=1))
    for _ in range(4):
        assert click(shop, code).status == 302


def test_days_are_folded_and_lose_nothing(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clicks of every day are there by day and in all, however many days and lanes were closed since."""
    monkeypatch.setattr(statistics, "FOLDED_FROM", 1)
    monkeypatch.setattr(statistics, "LOOKED_AT_EACH", 1)
    code = code_of(shop, "bob")
    for number in range(6):
        for _ in range(number + 1):
            click(shop, code)
        shop.books.clock.forward(DAY_MS)
    last = shop.books.clock()
    days = [day(last - back * DAY_MS) for back in range(6, 0, -1)]
    by_day = clicks.of_partner(shop.books.table, [code], days[0], days[-1])
    assert {when: found.total for when, found in by_day.items()} == dict(zip(days, range(1, 7), strict=True))
    assert clicks.of_code(shop.books.table, code).total == 21
    assert (shop.books.table.get(keys.statistics_totals(keys.clicks(code))) or {})["through"] >= days[0]


def test_a_program_says_and_shows_its_links(fresh: World) -> None:
    """What is told is kept as it was told, with defaults for the rest; the next version may have none again."""
    links = {"defaultUrl": "https://shop.example.com/", "allowedDomains": ["shop.example.com"]}
    body = {"id": "shop", "name": "Shop", "currency": "USD", "tierRatesBps": [2000], "links": links}
    made = fresh.admin("POST /api/v1/programs", body=body)
    assert made.body["links"] == {
        **links, "parameter": "ref", "cookieDays": 0, "cookieDomain": "", "campaigns": [],
    }  # fmt: skip
    one = {"path": {"programId": "shop"}}
    assert fresh.admin("GET /api/v1/programs/{programId}", **one).body["links"] == made.body["links"]
    del body["id"], body["links"]
    headers = {"if-match": made.headers["etag"]}
    assert fresh.admin("PUT /api/v1/programs/{programId}", body=body, headers=headers, **one).body["links"] is None
