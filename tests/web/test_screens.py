"""Every screen: no barrier that axe finds, nothing missing in any language, everything by keyboard.

`SCREENS=docs/screens make test ARGS=tests/web/test_screens.py` keeps the pictures that the README shows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.web.browser import ADMIN, DESKTOP, PHONE, ROOT, Visitor, World

Visit = Callable[..., Visitor]
CONSOLE = {
    "inbox": "/console", "withdrawals": "/console/withdrawals?status=ALL", "withdrawal": "/console/withdrawals/{june}",
    "payouts": "/console/payouts", "partners": "/console/partners", "partner": "/console/partners/{partner}",
    **{tab: f"/console/partners/{{partner}}?tab={tab}" for tab in ("codes", "notes", "lines", "figures", "statements")},
    "referrals": "/console/referrals", "referral": "/console/referrals/{referral}",
    "rewards": "/console/rewards?status=ALL", "reward": "/console/rewards/{reward}", "payments": "/console/payments",
    "payment": "/console/payments/{payment}", "parked": "/console/payments?view=PARKED",
    "duplicates": "/console/payments?view=DUPLICATES", "disputes": "/console/payments?view=DISPUTES",
    "adjustments": "/console/adjustments?partnerId={partner}", "adjustment": "/console/adjustments/{adjustment}",
    "applications": "/console/applications?status=ALL", "invitations": "/console/applications?view=invitations",
    "programs": "/console/programs", "program": "/console/programs/default",
    "terms": "/console/programs?make=yes",
    "reports": "/console/reports", "trends": "/console/reports/trends", "funnel": "/console/reports/funnel",
    "sources": "/console/reports/sources", "cohorts": "/console/reports/cohorts",
    "forecast": "/console/reports/forecast", "leaderboard": "/console/reports/leaderboard",
    "summary": "/console/reports/payouts", "books": "/console/books", "journal": "/console/books/journal",
    "entry": "/console/books/{entry}",
    "audit": "/console/audit?entity={partner}", "files": "/console/files", "people": "/console/people",
    "api-keys": "/console/api-keys", "api-key": "/console/api-keys/{key}",
    "settings": "/console/settings", "search": "/console/search?q=Okafor+Media", "nowhere": "/console/nowhere",
}  # fmt: skip
PORTAL = {
    "home": "/portal", "share": "/portal/share", "referrals": "/portal/referrals", "earnings": "/portal/earnings",
    "withdraw": "/portal/withdraw", "accounts": "/portal/accounts", "statements": "/portal/statements",
    "notices": "/portal/notices", "profile": "/portal/profile",
}  # fmt: skip
LOOKS = {
    "desktop": {"size": DESKTOP, "scheme": "light", "locale": "en-GB"},
    "phone": {"size": PHONE, "scheme": "dark", "locale": "de-DE"},
}
KEY = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")  # a word of the API that nobody has put into a language


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("app", ["console", "portal"])
def test_every_screen_is_for_everybody(visit: Visit, world: World, app: str, look: str) -> None:
    """Readers of screens, phones, dark rooms: axe finds nothing, nothing is too wide, no text is missing."""
    somebody = visit(**LOOKS[look])
    page = somebody.page
    somebody.go(f"/{app}")
    page.get_by_role("button", name=re.compile("Sign in|Anmelden")).wait_for()
    assert somebody.barriers() == [], "the first page"
    page.get_by_role("button", name=re.compile("Sign in|Anmelden")).click()
    if app == "console":
        page.get_by_role("link", name="Ada Admin").click()
    else:
        page.get_by_label("Their id").fill("pages-june")
        page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1).wait_for()
    things = world.things()
    for name, path in (CONSOLE if app == "console" else PORTAL).items():
        somebody.go(path.format(**things))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert somebody.barriers() == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
        if name != "audit":  # which repeats what is kept, as it is kept
            assert KEY.findall(page.locator("body").inner_text()) == [], name
        if (folder := os.environ.get("SCREENS")) and name != "nowhere":
            page.screenshot(path=ROOT / folder / f"{app}-{name}-{look}.png", full_page=True)


def found(world: World, q: str) -> list[str]:
    """How those are called whom a search finds, in its order."""
    answer = world.client.get(ADMIN, "/partners", q=q, programId="default")["data"]
    return [f"{each['firstName']} {each['lastName']}" for each in answer]


def among(visit: Visit, world: World, *names: str) -> tuple[Page, dict[str, dict[str, Any]]]:
    """The list of partners who are this test's alone: all are called alike, and nobody else is."""
    made = {name: world.somebody(*name.split()) for name in names}
    q = names[0].split()[0].lower()
    world.until(lambda: found(world, q) == [*names], f"{names} are found")
    ada = visit()
    ada.sign_in("Ada Admin")
    ada.go(f"/console/partners?q={q}&programId=default")  # of several it would ask one by one
    expect(row(ada.page, names[-1])).to_be_visible()
    return ada.page, made


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def test_everything_by_keyboard(visit: Visit, world: World) -> None:
    """The first key leads past the navigation, j and k through a list; a dialog keeps the focus until Escape."""
    page, _ = among(visit, world, "Keyboard Ann", "Keyboard Ben", "Keyboard Cal")
    page.get_by_role("link", name="refledger").focus()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    for key, name in (("j", "Ann"), ("j", "Ben"), ("ArrowUp", "Ann"), ("k", "Ann"), ("j", "Ben"), ("ArrowDown", "Cal"),
                      ("j", "Cal"), ("k", "Ben")):  # fmt: skip
        page.keyboard.press(key)
        expect(row(page, f"Keyboard {name}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Keyboard Ben")).to_be_focused()
    change = page.get_by_role("button", name="Change …")
    change.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(change).to_be_focused()


def test_keys_are_as_quick_as_fingers(visit: Visit, world: World) -> None:
    """None is lost between two drawings of the page, and Enter opens the row that has the focus."""
    page, _ = among(visit, world, "Quick Ann", "Quick Ben", "Quick Cal")
    page.evaluate("""() => {
        for (const key of ["j", "j", "j", "Enter"])
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    }""")
    expect(page.get_by_role("heading", level=1, name="Quick Cal")).to_be_visible()


@pytest.mark.parametrize("stands", ["Bo", "Di"])
def test_the_focus_is_on_a_row_whatever_comes_in(visit: Visit, world: World, stands: str) -> None:
    """A list is read again while somebody stands in it: they stay on their row, also where it changes places."""
    q = f"steady{stands}"
    page, made = among(visit, world, f"{q} Bo", f"{q} Di", f"{q} Fay")
    held: list[Route] = []
    again = "**/api/v1/partners?*status=ACTIVE*"
    page.route(again, lambda route: held.append(route))
    with page.expect_request(again):
        page.get_by_label("Status").select_option(label="Active")
    world.until(lambda: bool(page.evaluate("1") and held), "the request is held")
    row(page, f"{q} {stands}").focus()
    for name in ("Al", "Cy"):
        world.somebody(q, name)
    world.change(made[f"{q} Bo"]["id"], lastName="Zed")
    now = [f"{q} {name}" for name in ("Al", "Cy", "Di", "Fay", "Zed")]
    world.until(lambda: found(world, q.lower()) == now, "five are found, and the first of before at the end")
    for each in held:
        each.continue_()
    expect(row(page, f"{q} Cy")).to_be_visible()
    for key, name in {"Bo": (("", "Zed"), ("k", "Fay")), "Di": (("", "Di"), ("j", "Fay"))}[stands]:
        if key:
            page.keyboard.press(key)
        expect(row(page, f"{q} {name}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name=f"{q} Fay")).to_be_visible()


def test_the_language_is_the_readers(visit: Visit) -> None:
    """That of the browser at first, then what was chosen, also after the page comes anew."""
    ada = visit(locale="de-AT")
    ada.go("/console")
    expect(ada.page.get_by_role("button", name="Anmelden")).to_be_visible()
    assert ada.page.locator("html").get_attribute("lang") == "de"
    ada.page.get_by_role("button", name="English").click()
    expect(ada.page.get_by_role("button", name="Sign in")).to_be_visible()
    ada.page.reload()
    expect(ada.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_nothing_but_its_own_scripts_runs(visit: Visit) -> None:
    """The policy holds in a browser: a script that got into the page does nothing."""
    ada = visit(expected=["Content Security Policy", "Refused to", "TrustedScript", "TrustedHTML", "violates"])
    ada.go("/portal")
    ada.page.get_by_role("button", name="Sign in").wait_for()
    ada.page.evaluate("""() => {
        const script = document.createElement("script");
        try { script.textContent = "window.ran = true"; } catch { script.setAttribute("data-refused", ""); }
        document.body.append(script);
    }""")
    assert ada.page.evaluate("window.ran") is None
    refused = "() => { try { document.body.innerHTML = '<b>x</b>'; return false } catch { return true } }"
    assert ada.page.evaluate(refused) is True


def test_the_pictures_of_the_readme_are_there() -> None:
    """Each that a page of the documentation shows."""
    for page in (ROOT / "README.md", ROOT / "docs" / "console.md"):
        for shown in re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", page.read_text("utf-8")):
            assert Path(page.parent, shown).is_file(), shown
