"""What finance and auditors read in the console: the books against the API, a cent to its event, who did what."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.web.browser import ADMIN, PATIENCE_MS, Visitor, World

Visit = Callable[..., Visitor]


def rows_of(file: Path) -> list[list[str]]:
    """A file of figures as a program reads it."""
    return list(csv.reader(file.read_text("utf-8-sig").splitlines()))


def saved(page: Page, button: Locator, folder: Path) -> list[list[str]]:
    """The file that a button gives."""
    with page.expect_download() as started:
        button.click()
    started.value.save_as(folder / "figures.csv")
    return rows_of(folder / "figures.csv")


def test_the_books_say_what_the_api_says(visit: Visit, world: World, tmp_path: Path) -> None:
    """Each account to the cent, on the page and in its file; and the day's end is asked for by its day."""
    finn = visit()
    finn.sign_in("Finn Finance")
    page = finn.page
    page.get_by_role("link", name="Books", exact=True).click()

    def euros() -> dict[str, Any]:
        data = world.client.get(ADMIN, "/ledger/trial-balance")["data"]
        return next(each for each in data if each["currency"] == "EUR")

    def agrees() -> bool:
        before = euros()
        page.reload()
        part = finn.settled().get_by_role("region", name="Trial balance · EUR")
        expect(part.get_by_text("Debit equals credit")).to_be_visible()
        told = saved(page, part.get_by_role("button", name="CSV of what is seen").first, tmp_path)
        figures = [[each[f"{side}Decimal"] for side in ("debit", "credit", "balance")] for each in before["accounts"]]
        if [row[1:] for row in told[1:-1]] != figures:
            return False  # something was booked in between
        assert told[-1] == ["Together", before["debitDecimal"], before["creditDecimal"], ""]
        shown = part.get_by_role("table", name="Trial balance").get_by_role("row").all_inner_texts()
        plain = [re.sub(r"[€,]", "", row).split("\t")[1:] for row in shown[1:-1]]
        assert plain == figures
        return True

    world.until(agrees, "books that nobody writes to")
    expect(page.get_by_text("As of now")).to_be_visible()
    page.get_by_label("As of the end of").fill("2026-01-31")
    expect(page.get_by_text("Nothing was booked")).to_be_visible()
    expect(page).to_have_url(re.compile("asOf=2026-01-31"))
    page.get_by_role("button", name="Now").click()
    expect(page.get_by_role("region", name="Trial balance · EUR")).to_be_visible()


def test_a_cent_is_followed_from_the_balance_to_its_event(visit: Visit, world: World) -> None:
    """From a partner's money through the journal, an entry and a reward to the payment, and back to the entry."""
    sue = visit()
    sue.sign_in("Sue Support")
    page = sue.page
    sue.go(f"/console/partners/{world.partners['june']}")
    page.get_by_role("region", name="Money").get_by_role("link", name="Journal").click()
    expect(page.get_by_text("Only what is of")).to_be_visible()
    earned = page.get_by_role("row").filter(has_text="Earned").filter(has_text="€182.00")
    earned.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1, name="Earned · Entry")).to_be_visible()
    expect(page.get_by_text("Hashes are right")).to_be_visible()
    rewards = page.get_by_role("table", name="Rewards in it")
    expect(rewards.get_by_role("link", name="pages-june")).to_be_visible()
    rewards.get_by_role("link", name="€182.00").click()
    expect(page.get_by_role("heading", level=1, name="€182.00")).to_be_visible()
    page.get_by_role("link", name=re.compile("Entry .+ of the books")).click()
    expect(page.get_by_role("row").filter(has_text="€182.00").filter(has_text="Earned")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="pages-june").click()
    expect(page.get_by_role("heading", level=1, name="€910.00")).to_be_visible()


def test_a_fault_in_the_books_is_not_green(visit: Visit, world: World) -> None:
    """They are right since a moment; with a fault the page says how many, which, and whose."""
    told = world.client.get(ADMIN, "/ledger/verification")
    finn = visit()
    finn.sign_in("Finn Finance")
    page = finn.page

    def is_green() -> bool:
        finn.go("/console/books")
        finn.settled()
        return page.get_by_text("The books are right").is_visible()

    world.until(is_green, "the check of the books")
    june = world.partners["june"]
    fault = {"kind": "PARTNER", "id": june, "partnerId": june, "reason": "balance EUR: 1 is not 2", "counts": True,
             "since": told["changesUntil"] or "2026-11-30T00:00:00.000Z"}  # fmt: skip

    def falsify(route: Route) -> None:
        answer = route.fetch(timeout=PATIENCE_MS)
        route.fulfill(response=answer, body=json.dumps({**answer.json(), "faults": 1, "data": [fault]}))

    page.route("**/ledger/verification", falsify)
    page.reload()
    expect(page.get_by_text("1 fault in the books")).to_be_visible()
    expect(page.get_by_text("The books are right")).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="balance EUR: 1 is not 2")).to_be_visible()


def test_who_did_what_is_found_at_the_thing_itself(visit: Visit, world: World, tmp_path: Path) -> None:
    """What an admin changed stands in the audit a moment later; support sees that it was changed, and not to what."""
    theo = world.partners["theo"]
    ada = visit()
    ada.sign_in("Ada Admin")
    ada.go(f"/console/partners/{theo}")
    ada.page.get_by_role("button", name="Change …").click()
    dialog = ada.page.get_by_role("dialog")
    dialog.get_by_label("Phone").fill("+33 1 55 55 01 02")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    world.until(lambda: "phone" in json.dumps(world.client.get(ADMIN, "/audit", entity=theo, limit=100)), "the audit")
    ada.page.get_by_role("link", name="Who did what").click()
    line = ada.page.get_by_role("listitem").filter(has_text="phone").filter(has_text="Changed")
    expect(line.first).to_contain_text("Ada Admin")
    expect(line.first).to_contain_text("…02")
    file = saved(ada.page, ada.page.get_by_role("button", name="CSV of what is seen"), tmp_path)
    assert any(row[2] == "Ada Admin" and row[11] == "phone" for row in file), file
    line.first.get_by_role("link", name="Ada Admin").click()
    expect(ada.page).to_have_url(re.compile("actor="))
    expect(ada.page.get_by_role("listitem").filter(has_text=theo).first).to_be_visible()
    sue = visit()
    sue.sign_in("Sue Support")
    sue.go(f"/console/audit?entity={theo}")
    masked = sue.page.get_by_role("listitem").filter(has_text="phone").filter(has_text="Changed")
    expect(masked.first).to_contain_text("not shown to you")
    assert "…02" not in sue.page.locator("main").inner_text()


@pytest.mark.parametrize("name", ["Ada Admin", "Finn Finance", "Sue Support"])
def test_the_books_are_read_by_all_of_the_staff(visit: Visit, name: str) -> None:
    """Admins, finance and support have the books and the audit in their navigation."""
    somebody = visit()
    somebody.sign_in(name)
    places = somebody.page.get_by_role("navigation", name="Screens")
    places.get_by_role("link", name="Books").click()
    expect(somebody.page.get_by_role("region", name="Are the books right?")).to_be_visible()
    places.get_by_role("link", name="Audit").click()
    expect(somebody.page.get_by_role("heading", level=1, name="Audit")).to_be_visible()
