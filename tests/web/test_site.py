"""A merchant's site in a browser: the link, the tracker, a checkout, Stripe's webhook, and the partner's reward."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from refledger.adapters import signed_webhooks
from scripts.demo import eventually
from tests.web.browser import PATIENCE_MS, ROOT, World
from tests.web.conftest import STRIPE_SECRET

SHOP = "https://shop.example.com"
SECONDS = PATIENCE_MS / 1000  # as long as anything may take on a busy machine
PAGE = (ROOT / "examples" / "plain-html" / "index.html").read_text(encoding="utf-8")


class Shop(ThreadingHTTPServer):
    """The merchant's server: the example's page, an order, and the cookie where it is asked to set one."""

    def __init__(self, api: str) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.api, self.orders, self.kept = api, list[dict[str, str]](), list[dict[str, str]]()
        self.page = PAGE

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        if self.path == "/t.js":  # as the merchant's proxy leads it to the stack
            found = httpx.get(f"{self.server.api}/t.js", timeout=SECONDS)
            self._answer(200, found.content, {"content-type": found.headers["content-type"]})
        else:
            self._answer(200, self.server.page.encode(), {"content-type": "text/html; charset=utf-8"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path == "/keep":
            came = json.loads(body)
            self.server.kept.append(came)
            cookie = f"refledger={came['code']}.{came['clickId']}; Max-Age=2592000; Path=/; Secure; SameSite=Lax"
            self._answer(204, b"", {"set-cookie": cookie})
            return
        self.server.orders.append({name: values[0] for name, values in parse_qs(body).items()})
        self._answer(200, b"<!doctype html><title>Thanks</title><h1>Thanks</h1>", {"content-type": "text/html"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def shop(world: World) -> Iterator[Shop]:
    server = Shop(world.client.api)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def visitor(browser: Browser, shop: Shop) -> Iterator[BrowserContext]:
    """A browser for which the shop's own name leads to the server on the loopback, and nothing else leads anywhere."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)

    def lead(route: Route) -> None:
        url = route.request.url
        if url.startswith(SHOP):
            route.fulfill(response=route.fetch(url=url.replace(SHOP, shop.url), max_redirects=0, timeout=PATIENCE_MS))
        else:
            route.abort()

    context.route(lambda url: not url.startswith(shop.api), lead)
    yield context
    context.close()


def asked(page: Page, what: str) -> str:
    return str(page.evaluate(f"refledger.{what}()"))


def cookie_of(context: BrowserContext) -> str:
    return next((each["value"] for each in context.cookies(SHOP) if each["name"] == "refledger"), "")


def paid(world: World, reference: str) -> httpx.Response:
    """Stripe's word that somebody paid at the shop's checkout."""
    now = int(time.time())
    session = {
        "id": f"cs_{now}", "object": "checkout.session", "mode": "payment", "payment_status": "paid", "currency": "eur",
        "amount_total": 10_000, "total_details": {"amount_tax": 0}, "customer": f"cus_site_{now}", "invoice": None,
        "payment_intent": f"pi_site_{now}", "client_reference_id": reference, "metadata": {},
    }  # fmt: skip
    event = {"object": "event", "id": f"evt_{now}", "type": "checkout.session.completed", "created": now,
             "livemode": False, "data": {"object": session}}  # fmt: skip
    body = json.dumps(event).encode()
    headers = {"stripe-signature": signed_webhooks.sign(body, STRIPE_SECRET, now), "content-type": "application/json"}
    address = f"{world.client.api}/api/v1/webhooks/stripe-payments"
    return httpx.post(address, content=body, headers=headers, timeout=SECONDS)


def test_a_visitor_of_a_link_becomes_a_customer_of_its_partner(
    world: World, shop: Shop, visitor: BrowserContext
) -> None:
    """Once round: what the tracker keeps is what the checkout hands on, and what Stripe brings back."""
    who = "pages-sia"
    code = world.somebody("Sia", sub=who)["referralCode"]
    page = visitor.new_page()
    link = f"{world.client.api}/r/{code}?source=email"
    # followed here: of a redirect the browser would ask the network, where the shop's name leads nowhere
    page.goto(httpx.get(link, headers={"user-agent": "Mozilla/5.0"}, timeout=SECONDS).headers["location"])
    click = asked(page, "clickId")
    assert (asked(page, "code"), click[:4]) == (code, "clk_")
    assert cookie_of(visitor) == f"{code}.{click}"
    page.goto(f"{SHOP}/another-page")
    assert asked(page, "clickId") == click, "without the address, from the cookie"
    assert page.locator("a").get_attribute("href") == f"https://buy.stripe.com/test_example?client_reference_id={click}"
    page.get_by_role("button", name="Buy").click()
    page.get_by_role("heading", name="Thanks").wait_for()
    assert shop.orders == [{"referralCode": code, "clickId": click}]
    answer = paid(world, shop.orders[0]["clickId"])
    assert (answer.status_code, answer.json()) == (200, {"outcome": "QUEUED"})
    eventually(
        lambda: [each["available"] for each in world.client.get(who, "/me/balance")["data"]], [2_000],
        "the reward in the balance",
    )  # fmt: skip


def test_consent_and_the_sites_own_server(world: World, shop: Shop, visitor: BrowserContext) -> None:
    """Nothing is kept before somebody agrees, nor after they take it back; the server's cookie goes before a script's;
    and what is in an address and could be no code is nothing.
    """
    shop.page = PAGE.replace('data-days="30"', 'data-consent="wait" data-server="/keep"')
    page = visitor.new_page()
    click = "clk_" + "0" * 60
    page.goto(f"{SHOP}/?ref=ANA7K2M9QX&ref_id={click}")
    assert asked(page, "code") == "ANA7K2M9QX"
    assert (cookie_of(visitor), shop.kept) == ("", [])
    page.evaluate("refledger.consent(true)")
    eventually(lambda: cookie_of(visitor), f"ANA7K2M9QX.{click}", "the cookie of the site's server")
    assert shop.kept == [{"code": "ANA7K2M9QX", "clickId": click}]
    page.evaluate("refledger.consent(false)")
    assert cookie_of(visitor) == ""
    page.goto(f"{SHOP}/?ref=%3Cscript%3E&ref_id=x")
    assert (asked(page, "code"), asked(page, "clickId")) == ("", "")
    assert page.locator("input").first.input_value() == ""
