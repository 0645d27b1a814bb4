"""A browser before the running stack: what it may not do fails the test, whatever else it is about.

An error in its console, a refused script, a request to anywhere else: each of them is a fault of the pages.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Frame, Locator, Page, expect, sync_playwright

from scripts.demo import Client
from scripts.setup import BROWSERS

ROOT = Path(__file__).parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 180_000
# in a container of root's there is no sandbox to be had, and all pages are the stack's own
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage"]
ADMIN = "admin-of-pages"
IBAN = "DE89370400440532013000"  # the example of the Bundesbank
PROGRAM: dict[str, Any] = {
    "id": "default", "name": "Partner program", "currency": "EUR", "tierRatesBps": [2000, 1000], "holdDays": 0,
    "coolingHours": 0, "payoutMinimum": {"amount": 1000, "currency": "EUR"},
    "links": {"defaultUrl": "https://shop.example.com/", "allowedDomains": ["shop.example.com"]},
}  # fmt: skip
# names, company, account, and what their customer pays in cents, of which they get a fifth
PARTNERS = {
    "mara": ("Mara", "Lind", "Nordic Reviews", IBAN, 60_000),
    "theo": ("Théo", "Martin", "", "FR1420041010050500013M02606", 25_000),
    "june": ("June", "Okafor", "Okafor Media Ltd", "GB82WEST12345698765432", 91_000),
}
expect.set_options(timeout=PATIENCE_MS)
# what goes away by itself after some seconds, such as "Copied", stays: a slow machine looks late
NOTHING_GOES_BY_ITSELF = """{
    const soon = window.setTimeout;
    window.setTimeout = (what, ms, ...rest) => soon(what, ms >= 5000 ? 2 ** 31 - 1 : ms, ...rest);
}"""
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own browser, `make test` installs it. Raises AssertionError where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "no Chromium or Chrome on PATH: `make test` installs one on Debian as root, else it has to be there"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS, timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """Somebody at the pages, with what their browser complains of."""

    browser: Browser
    origin: str
    size: dict[str, int] = field(default_factory=lambda: DESKTOP)
    scheme: Any = "light"
    locale: str = "en-GB"
    others: tuple[str, ...] = ()  # other origins that it may ask
    expected: list[str] = field(default_factory=list)  # parts of complaints that a test causes

    def __post_init__(self) -> None:
        self.complaints: list[str] = []
        context = self.browser.new_context(
            viewport={"width": self.size["width"], "height": self.size["height"]}, color_scheme=self.scheme,
            locale=self.locale, timezone_id="UTC", reduced_motion="reduce", accept_downloads=True,
        )  # fmt: skip
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.origin)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(NOTHING_GOES_BY_ITSELF)
        context.on("request", lambda request: self._look_at(request.url))
        self.page: Page = context.new_page()
        self.page.on("console", lambda told: self._complain(told.text) if told.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self._complain(str(error)))

    def _complain(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.complaints.append(text)

    def _look_at(self, url: str) -> None:
        if not url.startswith((self.origin, *self.others, "data:", "blob:")):
            self._complain(f"a request to {url}")

    def go(self, path: str) -> None:
        self.page.goto(self.origin + path)

    def sign_in(self, name: str, path: str = "/console") -> None:
        """From the page through the issuer's and back, as whom the sign-in page names."""
        self.go(path)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("link", name=name).click()
        self.page.wait_for_url(self.origin + path)
        self.page.get_by_role("heading", level=1).wait_for()

    def sign_in_as(self, sub: str, path: str = "/portal") -> None:
        """The same for anybody else."""
        self.go(path)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_label("Their id").fill(sub)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(self.origin + path)
        self.page.get_by_role("heading", level=1).wait_for()

    def settled(self) -> Page:
        """The page once nothing on it is loading any more."""
        self.page.wait_for_load_state("networkidle")
        expect(self.page.locator(".skeleton, [aria-busy=true]")).to_have_count(0)
        return self.page

    def copies(self, button: Locator) -> str:
        """What a button puts on the clipboard, which it does some time after the click."""
        self.page.evaluate("navigator.clipboard.writeText('')")
        button.click()
        self.page.wait_for_function("async () => await navigator.clipboard.readText()")
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def barriers(self, frame: Frame | None = None) -> list[str]:
        """What axe finds on this screen, or in a frame of it, one line each."""
        self.settled()
        place = frame or self.page
        # evaluated by the debugger, which no policy of the page's binds
        place.evaluate(AXE.read_text("utf-8"))
        found = place.evaluate("() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })")
        return [f"{each['id']}: {node['html'][:160]}" for each in found["violations"] for node in each["nodes"]]

    def close(self) -> None:
        """Raises AssertionError with all that the browser complained of."""
        self.page.context.close()
        assert not self.complaints, self.complaints


@dataclass
class World:
    """Partners of a program who have earned something. `partners`, `withdrawals`: ids, by the partner's short name."""

    client: Client
    partners: dict[str, str] = field(default_factory=dict)
    withdrawals: dict[str, str] = field(default_factory=dict)

    def ask(self, sub: str, cents: int, key: str) -> str:
        """A withdrawal that somebody asks for, of their first account. Returns its id once its risks are known."""
        who = f"pages-{sub}"
        methods = self.client.get(who, "/me/payout-methods")["data"]
        method = next(each["id"] for each in methods if each["usable"])
        asked = {"amount": cents, "currency": "EUR", "payoutMethodId": method}
        id = str(self.client.post(who, "/referrals/withdraw", asked, key=key)["id"])
        self.until(lambda: self.client.get(ADMIN, f"/withdrawals/{id}")["riskState"] == "ASSESSED", id)
        return id

    def somebody(self, first: str, last: str = "Example", **more: str) -> dict[str, Any]:
        """A partner of the test's own: what it sees of them, no other test has changed."""
        new = {"firstName": first, "lastName": last, "email": f"{first}.{last}@pages.example.com".lower(), **more}
        made: dict[str, Any] = self.client.post(ADMIN, "/partners", new, key=f"pages-{first}-{last}")
        return made

    def earner(self, sub: str, first: str, last: str, company: str, iban: str, paid: int) -> dict[str, Any]:
        """A partner with an account whose customer paid so many cents, and who has got their fifth of it."""
        client, who = self.client, f"pages-{sub}"
        partner: dict[str, Any] = client.post(ADMIN, "/partners", {
            "programId": PROGRAM["id"], "firstName": first, "lastName": last, "companyName": company,
            "sub": who, "email": f"{sub}@pages.example.com", "phone": "+49 30 5550100",
        }, key=who)  # fmt: skip
        client.post(f"customer-of-{sub}", f"/referrals/apply/{partner['referralCode']}")
        client.put_event({
            "paymentId": who, "customerId": f"customer-of-{sub}", "programId": PROGRAM["id"],
            "amount": paid, "currency": "EUR", "occurredAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        })  # fmt: skip
        client.post(who, "/payout-methods", {
            "type": "BANK_TRANSFER", "accountHolder": f"{first} {last}", "iban": iban,
        }, key=f"{who}-method")  # fmt: skip

        def has_earned() -> bool:
            rows = client.get(who, "/me/balance")["data"]
            return sum(rows[0][step] for step in ("available", "reserved", "paid")) >= paid // 5 if rows else False

        self.until(has_earned, sub)
        return partner

    def program(self, id: str) -> None:
        """A program of the same terms, for who changes them."""
        name = PROGRAM["name"] if id == PROGRAM["id"] else f"The program {id}"
        self.client.post(ADMIN, "/programs", {**PROGRAM, "id": id, "name": name}, key=f"pages-{id}")

    def change(self, partner_id: str, **what: str) -> None:
        """Somebody else changes a partner, by the API."""
        path, token = f"/api/v1/partners/{partner_id}", {"authorization": f"Bearer {self.client.token(ADMIN, 'admin')}"}
        tag = self.client.http.get(path, headers=token).headers["etag"]
        answer = self.client.http.patch(path, headers={**token, "if-match": tag}, json=what)
        assert answer.status_code == 200, answer.text

    def things(self) -> dict[str, str]:
        """What addresses of single screens name, by what stands there in braces: all of June's."""
        partner = self.partners["june"]
        reward = self.client.get(ADMIN, f"/partners/{partner}/rewards")["data"][-1]
        adjustment = self.client.post(ADMIN, "/adjustments", {
            "partnerId": partner, "amount": 1_500, "currency": "EUR", "reason": "the bonus of the launch",
        }, key="pages-adjustment")  # fmt: skip
        entry = self.client.get(ADMIN, "/ledger/entries", partnerId=partner)["data"][0]
        told = {"name": "Shop", "scopes": ["partners:read", "events:write"], "validDays": 365}
        return {
            "key": self.client.post(ADMIN, "/api-keys", told, key="pages-key")["id"],
            "partner": partner, "june": self.withdrawals["june"], "reward": reward["id"], "entry": entry["id"],
            "payment": reward["paymentId"], "referral": reward["referralId"], "adjustment": adjustment["id"],
        }  # fmt: skip

    def is_on_its_way(self, id: str) -> None:
        """Wait until an approved withdrawal is to be paid: no later pay run of another test finds it then by chance."""
        self.until(lambda: self.client.get(ADMIN, f"/withdrawals/{id}")["status"] == "PAYING", id)

    def until(self, probe: Callable[[], bool], what: str) -> None:
        """Events take a moment."""
        give_up = time.monotonic() + PATIENCE_MS / 1000
        while not probe():
            if time.monotonic() > give_up:
                raise AssertionError(f"{what}: not in {PATIENCE_MS} ms")
            time.sleep(0.1)


def people(origin: str, aws: str) -> World:
    """The world of the pages, made by the calls that anybody would make."""
    world = World(Client(origin, aws))
    world.program(PROGRAM["id"])
    for sub, told in PARTNERS.items():
        world.partners[sub] = world.earner(sub, *told)["id"]
    for sub, cents in (("mara", 10_000), ("june", 16_200)):
        world.withdrawals[sub] = world.ask(sub, cents, f"pages-{sub}-withdraw")
    return world
