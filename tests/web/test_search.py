"""The search for everything, and the keys: from any screen of the console, by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.web.browser import ADMIN, PHONE, Visitor, World

Visit = Callable[..., Visitor]
MISSES = "404"  # whatever a word is not is asked for as well, and a browser writes that down


@pytest.mark.parametrize("name", ["Finn Finance", "Sue Support"])
def test_any_word_leads_to_what_it_names(visit: Visit, world: World, name: str) -> None:
    """By `/`: names either way round, a company, an address, a code, ids of the API's and one's own."""
    june, withdrawal = world.partners["june"], world.withdrawals["june"]
    partner = world.client.get(ADMIN, f"/partners/{june}")
    reward = next(
        each
        for each in world.client.get(ADMIN, f"/partners/{june}/rewards", limit=100)["data"]
        if each["externalPaymentId"] == "pages-june"
    )
    entry = world.client.get(ADMIN, "/ledger/entries", partnerId=june)["data"][0]["id"]
    somebody = visit(expected=[MISSES])
    somebody.sign_in(name)
    page = somebody.page
    box = page.get_by_role("searchbox", name="Search everything")
    expect(box).to_be_visible()
    words = {
        "okafor med": f"partners/{june}", "Okafor": f"partners/{june}", "june@pages": f"partners/{june}",
        partner["referralCode"]: f"partners/{june}", june: f"partners/{june}",
        withdrawal: f"withdrawals/{withdrawal}", "pages-june": f"payments/{reward['paymentId']}",
        "customer-of-june": f"referrals/{reward['referralId']}", reward["id"]: f"rewards/{reward['id']}",
        entry: f"books/{entry}", "partner prog": "programs/default",
    }  # fmt: skip
    for typed, path in words.items():
        page.locator("h1").focus()
        page.keyboard.press("/")
        expect(box).to_be_focused()
        box.fill(typed)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name=f"Found for “{typed}”")).to_be_visible()
        hits = page.get_by_role("list", name="Search")
        expect(hits.locator(f'a[href="/console/{path}"]')).to_have_count(1)
    hits.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("/console/programs/default$"))
    page.go_back()
    expect(box).to_have_value("partner prog")


def test_what_is_not_there_is_not_found(visit: Visit) -> None:
    """And the page says what can be looked for; on a phone, too."""
    sue = visit(expected=[MISSES], size=PHONE)
    sue.sign_in("Sue Support")
    sue.page.get_by_role("searchbox", name="Search everything").fill("nobody at all")
    sue.page.keyboard.press("Enter")
    expect(sue.page.get_by_text("Nothing was found")).to_be_visible()
    expect(sue.page.get_by_text("A name, company or e-mail address as it begins")).to_be_visible()


def test_the_keys_are_shown_by_a_key(visit: Visit) -> None:
    """`?` shows them, Escape goes back to where one was; neither key is taken from who is typing."""
    ada = visit()
    ada.sign_in("Ada Admin", "/console/partners")
    page = ada.settled()
    page.locator("h1").focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys.get_by_text("Next row of a list")).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    mine = page.get_by_role("searchbox", name="Search", exact=True)
    mine.focus()
    page.keyboard.type("a/?")
    expect(mine).to_have_value("a/?")
    expect(keys).to_have_count(0)
