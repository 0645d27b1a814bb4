"""The portal on a page of the owner's: put there by one script, with tokens that the page's own server asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from playwright.sync_api import Browser, expect

from tests.web.browser import ADMIN, PROGRAM, ROOT, Visitor, World

PAGE = """<!doctype html><html lang="en"><title>Shop</title><h1>Your account</h1><div id="portal"></div>
<script src="{api}/embed.js" data-program="embedded" data-token-url="/token" data-into="#portal"></script></html>"""


@contextmanager
def shop(world: World, who: dict[str, str]) -> Iterator[tuple[str, list[int]]]:
    """A site of the owner's, whose server knows which partner is signed in. Yields its origin, and what it asked."""
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
            self._answer("text/html", PAGE.replace("{api}", world.client.api) if self.path == "/" else "")

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


def allow(world: World, origins: list[str]) -> None:
    """A program of its own, whose portal these may show; the next version where it is there already."""
    client = world.client
    body = {
        **PROGRAM, "id": "embedded", "name": "Friends",
        "portal": {"allowedOrigins": origins, "name": "Friends of the shop", "accent": "#ffcc00"},
    }  # fmt: skip
    client.post(ADMIN, "/programs", body, key="embedded")


def test_a_partner_reads_and_shares_on_the_owners_page(browser: Browser, world: World) -> None:
    """In the shop's frame and colour, with a token that no address has; not in the frame of anybody else."""
    who: dict[str, str] = {}
    with shop(world, who) as (origin, asked), shop(world, who) as (elsewhere, _):
        allow(world, [origin])
        eli = {"programId": "embedded", "firstName": "Eli", "lastName": "Embed", "email": "eli@pages.example.com"}
        made = world.client.post(ADMIN, "/partners", eli, key="pages-eli")
        who["partner"] = made["id"]
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
    expect(page.get_by_role("alert").filter(has_text="portal.allowedOrigins")).to_be_visible()
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
