"""API keys in the console: made and shown once, confirmed by another admin, rotated by its maker, revoked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from refledger.entry import access
from tests.web.browser import ADMIN, PHONE, Visitor, World

Visit = Callable[..., Visitor]
TEXT = re.compile(r"rl_(live|test)_[0-9a-v]{55}")
SMALL = {"width": 360, "height": 740}


def opens(world: World, text: str) -> bool:
    """Whether a key opens what is for `programs:read`."""
    answer = world.client.http.get("/keyed/api/v1/programs", headers={"authorization": f"Bearer {text}"})
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def made(world: World, name: str, *scopes: str) -> dict[str, Any]:
    """A key of another admin's, who has a name."""
    world.client.named("ben-of-keys", "Ben Second")
    key: dict[str, Any] = world.client.post("ben-of-keys", "/api-keys", {"name": name, "scopes": [*scopes]}, key=name)
    return key


def tick(dialog: Locator, *scopes: str) -> None:
    for each in scopes:
        dialog.get_by_role("checkbox", name=each).check()


def asked(page: Page, button: str, of: str = "") -> Locator:
    """The dialog that a button opens."""
    page.get_by_role("button", name=f"{button} …").click()
    return page.get_by_role("dialog", name=of or button)


def filled(page: Page, name: str, *scopes: str) -> Locator:
    """The dialog that makes a key, with what a key needs."""
    dialog = asked(page, "Make a key")
    dialog.get_by_label("Name", exact=True).fill(name)
    tick(dialog, *scopes)
    return dialog


def kept(page: Page) -> str:
    """The text that is shown once, after its dialog was closed."""
    text = page.get_by_label("Key", exact=True).inner_text()
    page.get_by_role("button", name="I have kept it").click()
    return text


def test_a_key_is_made_and_shown_once(visit: Visit, world: World) -> None:
    """Found from the settings; its text opens, is copied, and is nowhere once its dialog is closed."""
    ada = visit()
    ada.sign_in("Ada Admin", "/console/settings")
    page = ada.settled()
    page.get_by_role("main").get_by_role("link", name="API keys").click()
    dialog = asked(page, "Make a key")
    submit = dialog.get_by_role("button", name="Make a key")
    dialog.get_by_label("Name", exact=True).fill("Shop of Ada")
    expect(submit).to_be_disabled()  # it would open nothing
    tick(dialog, "programs:read")
    for wrong in ("0", "3651", "1.5", "soon"):
        dialog.get_by_label("Days until it ends").fill(wrong)
        expect(submit).to_be_disabled()
    dialog.get_by_label("Days until it ends").fill("30")
    assert ada.barriers() == []
    submit.click()
    told = page.get_by_role("dialog", name="The key of “Shop of Ada”")
    expect(told.get_by_text("never again: it is kept nowhere")).to_be_visible()
    text = told.get_by_label("Key", exact=True).inner_text()
    assert TEXT.fullmatch(text)
    assert ada.copies(told.get_by_role("button", name="Copy")) == text
    assert ada.barriers() == []
    assert opens(world, text)
    told.get_by_role("button", name="I have kept it").click()
    row = page.get_by_role("row").filter(has_text="Shop of Ada")
    expect(row).to_contain_text("Ada Admin")
    expect(row).to_contain_text("programs:read")
    expect(row).to_contain_text(f"{text[:24]}…{text[-4:]}")
    row.get_by_role("link").click()
    page.get_by_role("heading", level=1, name="Shop of Ada").wait_for()
    key_id = page.url.rsplit("/", 1)[1]
    kept = world.client.get(ADMIN, f"/api-keys/{key_id}")
    assert kept["status"] == "ACTIVE"
    assert kept["expiresAt"][:10] > kept["createdAt"][:10]
    assert text not in page.content()


def test_its_maker_rotates_it_and_revokes_it(visit: Visit, world: World) -> None:
    """The text of before goes on for the hours that were said, and none does after the revocation."""
    ada = visit()
    ada.sign_in("Ada Admin", "/console/api-keys")
    page = ada.page
    dialog = filled(page, "Rotated by Ada", "programs:read")
    dialog.get_by_label("Days until it ends").fill("")
    dialog.get_by_role("button", name="Make a key").click()
    texts = [kept(page)]
    page.get_by_role("link", name="Rotated by Ada").click()
    for hours in ("2", "0"):
        dialog = asked(page, "Rotate")
        dialog.get_by_label("Hours that those before go on").fill("169")
        expect(dialog.get_by_role("button", name="Rotate")).to_be_disabled()
        dialog.get_by_label("Hours that those before go on").fill(hours)
        dialog.get_by_role("button", name="Rotate").click()
        texts.append(kept(page))
        former = page.get_by_role("region", name="Texts of before that still go")
        if hours == "2":
            expect(former).to_contain_text(f"…{texts[0][-4:]}")
            assert [opens(world, each) for each in texts] == [True, True]
        else:
            expect(former).to_have_count(0)
            assert [opens(world, each) for each in texts] == [False, False, True]
    asked(page, "Revoke").get_by_role("button", name="Revoke").click()
    expect(page.locator("h1 + .badge, header.title .badge")).to_have_text("Revoked")
    expect(page.get_by_role("button", name="Rotate …")).to_have_count(0)
    expect(page.get_by_role("button", name="Revoke …")).to_have_count(0)
    assert not opens(world, texts[-1])


def test_a_key_that_is_believed_waits_for_another_admin(visit: Visit, world: World) -> None:
    """Its maker is told so and cannot confirm it; another admin can, and cannot rotate it."""
    ada = visit()
    ada.sign_in("Ada Admin", "/console/api-keys")
    page = ada.page
    dialog = filled(page, "Believed of Ada", "events:write", "programs:read")
    expect(dialog.get_by_text("until another admin confirms it")).to_be_visible()
    dialog.get_by_role("button", name="Make a key").click()
    text = kept(page)
    page.get_by_role("link", name="Believed of Ada").click()
    expect(page.get_by_text("another admin than you has to confirm it")).to_be_visible()
    expect(page.get_by_role("button", name="Confirm …")).to_have_count(0)
    assert not opens(world, text)
    hers = made(world, "Believed of Ben", "events:write", "programs:read")
    ada.go(f"/console/api-keys/{hers['id']}")
    expect(page.get_by_text("Ben Second made it")).to_be_visible()
    expect(page.get_by_role("button", name="Rotate …")).to_have_count(0)
    asked(page, "Confirm").get_by_role("button", name="Confirm").click()
    expect(page.locator("header.title .badge")).to_have_text("Active")
    expect(page.get_by_text("Only who made it can rotate it")).to_be_visible()
    assert opens(world, hers["key"])


def test_a_lost_answer_shows_no_text(visit: Visit, world: World) -> None:
    """The key is made once, and who tries again is told to rotate it."""
    ada = visit(expected=["Failed to load", "net::ERR"])
    ada.sign_in("Ada Admin", "/console/api-keys")
    page = ada.page
    dialog = filled(page, "Lost on its way", "programs:read")

    def lose(route: Any) -> None:
        if route.request.method != "POST":
            route.fallback()
            return
        route.fetch()
        route.abort()

    page.route("**/api/v1/api-keys", lose)
    dialog.get_by_role("button", name="Make a key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("It is not known whether it was done")
    page.unroute("**/api/v1/api-keys")
    dialog.get_by_role("button", name="Make a key").click()
    told = page.get_by_role("dialog", name="The key of “Lost on its way”")
    expect(told).to_contain_text("rotate the key to have another")
    told.get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("link", name="Lost on its way")).to_have_count(1)


def test_the_search_finds_a_key_and_keeps_its_secret(visit: Visit, world: World) -> None:
    """By its name, and by a text that somebody found: no address, and no call, has the rest of that."""
    key = made(world, "Found Somewhere", "programs:read")
    ada = visit(expected=["404"])
    ada.sign_in("Ada Admin")
    page = ada.page
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    box = page.get_by_role("searchbox", name="Search everything")
    for typed in ("found some", key["key"]):
        page.locator("h1").focus()
        page.keyboard.press("/")
        box.fill(typed)
        page.keyboard.press("Enter")
        hit = page.get_by_role("list", name="Search").locator(f'a[href="/console/api-keys/{key["id"]}"]')
        expect(hit).to_have_count(1)
    expect(page).to_have_url(re.compile(f"q={key['prefix']}$"))
    ada.settled()
    assert not [each for each in calls if key["key"][24:] in each]


@pytest.mark.parametrize("name", ["Finn Finance", "Sue Support"])
def test_keys_are_for_admins(visit: Visit, world: World, name: str) -> None:
    """Nobody else is shown a way to them, nor the screen."""
    key = made(world, "Not for everybody", "programs:read")
    somebody = visit(expected=["404"])
    somebody.sign_in(name)
    page = somebody.settled()
    expect(page.get_by_role("link", name="Partners")).to_be_visible()
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
    for path in ("", f"/{key['id']}"):
        somebody.go(f"/console/api-keys{path}")
        expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    somebody.go("/console/search?q=Not+for+everybody")
    expect(page.get_by_text("Nothing was found")).to_be_visible()


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_every_scope_is_offered_and_explained(visit: Visit, world: World, locale: str) -> None:
    """Those that the API knows, no others, in each language, also on a small phone."""
    ada = visit(size=SMALL if locale == "de-DE" else PHONE, locale=locale, scheme="dark")
    ada.go("/console/api-keys")
    page = ada.page
    page.get_by_role("button", name=re.compile("Sign in|Anmelden")).click()
    page.get_by_role("link", name="Ada Admin").click()
    page.get_by_role("button", name=re.compile("Make a key|Schlüssel anlegen")).click()
    dialog = page.get_by_role("dialog")
    labels = dialog.locator("label.check")
    expect(labels).to_have_count(len(access.SCOPES))
    assert {each.locator("code").inner_text() for each in labels.all()} == access.SCOPES
    for each in labels.locator("small").all_inner_texts():
        assert re.search(r"\w \w", each), f"{each} is no text"
    assert ada.barriers() == []
    for size in ("document.documentElement", "document.querySelector('dialog')"):
        assert page.evaluate(f"{size}.scrollWidth <= {size}.clientWidth"), size
