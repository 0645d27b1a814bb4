"""The portal on a page of the owner's: put there by one script, with tokens that the page's own server asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from playwright.sync_api import Browser, Request, Route, expect

from tests.web.browser import ADMIN, PROGRAM, ROOT, Visitor, World

PAGE = (ROOT / "examples" / "embedded-portal" / "index.html").read_text(encoding="utf-8")

# Somebody else's page, in a frame beside the portal: asks for the token, and gives the portal another one
THIEF = """<!doctype html><html lang="en"><title>Advertisement</title><p id="sent">0</p><p id="heard"></p><script>
onmessage = ({ data }) => { heard.textContent += JSON.stringify(data); };
setInterval(() => {
  parent.postMessage({ refledger: 1, wants: "token", height: 9000 }, "*");
  for (let at = 0; at < parent.length; at++)
    if (parent[at] !== self) parent[at].postMessage({ refledger: 1, token: "rlp_of_a_thief", failed: true }, "*");
  sent.textContent++;
}, 20);
</script></html>"""


@contextmanager
def shop(world: World, who: dict[str, str], pages: dict[str, str] | None = None) -> Iterator[tuple[str, list[int]]]:
    """A site of the owner's, whose server knows which partner is signed in. Yields its origin, and what it asked.

    `pages`: others than `/`, by their paths.
    """
    asked: list[int] = []

    def ask() -> dict[str, Any]:
        wish = {"sub": "shop", "groups": [], "scope": "refledger/portal:write"}
        token = world.client.http.post("/_local/token", json=wish).json()["accessToken"]
        answer = world.client.http.post(
            "/api/v1/portal-sessions", json={"partnerId": who["partner"]}, headers={"authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 201, answer.text
        asked.append(answer.status_code)
        return dict(answer.json())

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, kind: str, text: str) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self) -> None:
            text = {"/": PAGE, **(pages or {})}.get(self.path, "")
            named = text.replace('data-program="default"', f'data-program="{who["program"]}"')
            self._answer("text/html", named.replace("https://api.example.com", world.client.api))

        def do_POST(self) -> None:
            self._answer("application/json", json.dumps({"token": ask()["token"]}))

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def allow(world: World, who: dict[str, str], origin: str, name: str) -> dict[str, Any]:
    """A program whose portal this origin may show, and a partner of it, who is signed in there."""
    body = {
        **PROGRAM, "id": who["program"], "name": "Friends",
        "portal": {"allowedOrigins": [origin], "name": "Friends of the shop", "accent": "#ffcc00"},
    }  # fmt: skip
    world.client.post(ADMIN, "/programs", body, key=who["program"])
    told = {"programId": who["program"], "firstName": name, "lastName": "Inset", "email": f"{name}@pages.example.com"}
    made = world.client.post(ADMIN, "/partners", told, key=f"pages-{name}")
    who["partner"] = made["id"]
    return dict(made)


def test_a_partner_reads_and_shares_on_the_owners_page(browser: Browser, world: World) -> None:
    """In the shop's frame and colour, with a token that no address has; not in the frame of anybody else."""
    who = {"program": "embedded"}
    with shop(world, who) as (origin, asked), shop(world, who) as (elsewhere, _):
        made = allow(world, who, origin, "Eli")
        visitor = Visitor(browser, origin, others=(world.client.api,))
        visitor.go("/")
        frame = visitor.page.frame_locator("iframe")
        expect(frame.get_by_role("heading", name="Your link", exact=True)).to_be_visible()
        expect(frame.get_by_text("Friends of the shop")).to_be_visible()
        frame.get_by_role("link", name="Earnings", exact=True).click()
        expect(frame.get_by_role("heading", level=1, name="Earnings")).to_be_visible()
        frame.get_by_role("link", name="Share", exact=True).click()
        expect(frame.get_by_text(f"/r/{made['referralCode']}").first).to_be_visible()
        frame.get_by_role("button", name="Save as SVG").wait_for()
        assert asked == [201]
        inner = visitor.page.frames[1]
        assert "rlp_" not in inner.url
        assert visitor.barriers(inner) == []
        if folder := os.environ.get("SCREENS"):
            visitor.page.screenshot(path=ROOT / folder / "portal-embedded-desktop.png", full_page=True)
        visitor.close()
        refused = ["frame-ancestors", "ERR_BLOCKED"]
        stranger = Visitor(browser, elsewhere, others=(world.client.api,), expected=refused)
        stranger.go("/")
        stranger.page.wait_for_load_state("networkidle")
        assert stranger.page.frame_locator("iframe").get_by_role("link", name="Share").count() == 0
        stranger.close()


def test_a_frame_beside_it_is_neither_heard_nor_answered(browser: Browser, world: World) -> None:
    """Not while the portal waits for its token, nor later; and no address that a browser keeps or sends has a token."""
    who = {"program": "beside"}
    pages: dict[str, str] = {}
    with shop(world, who, pages) as (origin, asked), shop(world, who, {"/thief": THIEF}) as (evil, _):
        pages["/both"] = PAGE.replace("<div", f'<iframe id="evil" src="{evil}/thief"></iframe><div')
        made = allow(world, who, origin, "Ida")
        visitor = Visitor(browser, origin, others=(world.client.api, evil))
        page, addresses, tokens, held = visitor.page, list[str](), set[str](), list[Route]()

        def note(request: Request) -> None:
            addresses.extend([request.url, request.headers.get("referer", "")])
            if "/api/v1/" in request.url:
                tokens.add(request.headers.get("authorization", ""))

        page.on("request", note)
        page.route("**/partner-token", lambda route: held.append(route))
        with page.expect_request("**/partner-token"):
            visitor.go("/both")
        (thief,) = (frame for frame in page.frames if frame.url.startswith(evil))
        count = int(thief.locator("#sent").inner_text())
        thief.wait_for_function("least => Number(sent.textContent) > least", arg=count + 5)
        held[0].continue_()
        portal = page.frame_locator("#portal iframe")
        expect(portal.get_by_text(f"/r/{made['referralCode']}").first).to_be_visible()
        portal.get_by_role("link", name="Earnings", exact=True).click()
        expect(portal.get_by_role("heading", level=1, name="Earnings")).to_be_visible()
        expect(thief.locator("#heard")).to_be_empty()
        assert page.locator("#portal iframe").evaluate("frame => frame.offsetHeight") < 9_000
        (bearer,) = tokens
        assert (asked, bearer.startswith("Bearer rlp_"), "thief" in bearer) == ([201], True, False)
        assert not [each for each in (*addresses, *(frame.url for frame in page.frames)) if "rlp_" in each]
        whole = portal.get_by_role("link", name="Open the whole portal")
        assert (whole.get_attribute("target"), whole.get_attribute("rel")) == ("_blank", "noopener")
        visitor.close()
        # by the gateway, which looks at the tokens of every other route
        for method, path in (("POST", "/referrals/withdraw"), ("POST", "/payout-methods"), ("PATCH", "/me")):
            headers = {"authorization": bearer}
            assert world.client.http.request(method, f"/api/v1{path}", json={}, headers=headers).status_code == 401


def test_no_page_puts_itself_around_the_portal_or_where_money_moves(browser: Browser, world: World) -> None:
    """Whoever shows the owner's page in a frame shows it without; the portal that pays out is shown in nobody's."""
    who = {"program": "around"}
    pages = {
        "/money": '<!doctype html><title>Shop</title><iframe src="https://api.example.com/portal/withdraw"></iframe>'
    }
    with shop(world, who, pages) as (origin, _), shop(world, who, pages) as (evil, _):
        pages["/around"] = f'<!doctype html><title>You have won</title><iframe src="{origin}/"></iframe>'
        allow(world, who, origin, "Una")
        for own, path in ((evil, "/around"), (origin, "/money")):
            refused = ["frame-ancestors", "ERR_BLOCKED"]
            visitor = Visitor(browser, own, others=(world.client.api, origin), expected=refused)
            with visitor.page.expect_console_message(lambda told: "frame-ancestors" in told.text):
                visitor.go(path)
            visitor.close()


def test_an_admin_says_who_may_show_it_and_how(visit: Callable[..., Visitor], world: World) -> None:
    """In the program's terms: what is no origin is refused and changes nothing; the page says what to copy."""
    client = world.client
    client.post(ADMIN, "/programs", {**PROGRAM, "id": "dressed", "name": "Dressed"}, key="dressed")
    ada = visit(expected=["422"])
    ada.sign_in("Ada Admin", "/console/programs/dressed")
    page = ada.page
    page.get_by_role("button", name="Change …").click()
    page.get_by_label("Origins of pages that may show it").fill("https://Shop.example.com/, shop.example.com")
    page.get_by_label("Name that partners see").fill("Friends of the shop")
    page.get_by_label("Colour").fill("#0F766E")
    page.get_by_label("Address of the terms").fill("https://shop.example.com/terms")
    page.get_by_role("button", name="Save").click()
    # the preview beside it says the same
    expect(page.locator("form").get_by_role("alert").filter(has_text="portal.allowedOrigins")).to_be_visible()
    assert client.get(ADMIN, "/programs/dressed")["portal"] is None
    page.get_by_label("Origins of pages that may show it").fill("https://Shop.example.com/, https://www.example.com")
    page.get_by_role("button", name="Save").click()
    shown = page.get_by_role("region", name="Portal")
    expect(shown).to_contain_text("https://shop.example.com, https://www.example.com")
    expect(shown).to_contain_text(f'<script src="{client.api}/embed.js" data-program="dressed"')
    assert ada.barriers() == []
    assert client.get(ADMIN, "/programs/dressed")["portal"] == {
        "allowedOrigins": ["https://shop.example.com", "https://www.example.com"], "name": "Friends of the shop",
        "logoUrl": "", "accent": "#0f766e", "termsUrl": "https://shop.example.com/terms", "helpUrl": "",
    }  # fmt: skip
    page.get_by_role("button", name="Change …").click()
    for field in ("Origins of pages that may show it", "Name that partners see", "Colour", "Address of the terms"):
        page.get_by_label(field).fill("")
    page.get_by_role("button", name="Save").click()
    expect(shown).to_have_count(0)
    assert client.get(ADMIN, "/programs/dressed")["portal"] is None
