"""Reports, files, people and settings in the console: what is shown is what the API says, and to whom."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.web.browser import ADMIN, Visitor, World
from tests.web.test_books import saved

Visit = Callable[..., Visitor]


def table(page: Page, name: str) -> list[list[str]]:
    """The rows of a table as they are read, without its heading."""
    rows = page.get_by_role("table", name=name).get_by_role("row").all_inner_texts()
    return [row.split("\t") for row in rows[1:]]


def test_a_report_says_what_the_api_says(visit: Visit, world: World, tmp_path: Path) -> None:
    """The overview and what was paid out, to the cent: on the page and in the file of what is seen."""
    finn = visit()
    finn.sign_in("Finn Finance")
    page = finn.page

    def euros(sums: list[dict[str, Any]]) -> str:
        return next((each["amountDecimal"] for each in sums if each["currency"] == "EUR"), "0.00")

    def overview() -> bool:
        told = world.client.get(ADMIN, "/analytics/overview", programId="default")["allTime"]
        finn.go("/console/reports")
        part = finn.settled().get_by_role("region", name="Overview")
        file = saved(page, part.get_by_role("button", name="CSV of what is seen"), tmp_path)
        figures = {row[0]: row[1] for row in file[1:]}
        wanted = {
            "Partners": str(told["partners"]["total"]), "Referrals made": str(told["referrals"]["total"]),
            "Revenue": euros(told["payments"]["net"]), "Refunded or disputed": euros(told["payments"]["gone"]),
            "Given by hand": euros(told["rewards"]["byHand"]["amounts"]),
        }  # fmt: skip
        if {name: figures[name] for name in wanted} != wanted:
            return False  # something happened in between
        shown = {row[0]: re.sub(r"[€,]", "", row[1]) for row in table(page, "Overview")}
        assert shown == figures
        return True

    def payouts() -> bool:
        told = {each["currency"]: each for each in world.client.get(ADMIN, "/payouts/summary")["data"]}["EUR"]
        finn.go("/console/reports/payouts")
        finn.settled()
        row = next(row for row in table(page, "Payouts") if row[0] == "EUR")
        steps = ("requested", "released", "settled", "paidDirectly", "returned", "paid")
        return [re.sub(r"[€,]", "", cell) for cell in row[1:]] == [told[f"{step}Decimal"] for step in steps]

    world.until(overview, "an overview that nothing adds to")
    world.until(payouts, "payouts that nothing adds to")
    page.get_by_role("navigation", name="Reports").get_by_role("link", name="Trends").click()
    expect(page.get_by_role("region", name="Referrals")).to_be_visible()
    page.get_by_label("By", exact=True).select_option("DAY")
    expect(page).to_have_url(re.compile("interval=DAY"))
    page.get_by_text("The same as a table").first.click()
    expect(page.get_by_role("table", name="Referrals")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("By", exact=True)).to_have_value("MONTH")


def test_finance_closes_a_month(visit: Visit, world: World, tmp_path: Path) -> None:
    """The pack of the month before, made in the background and taken as one file; imports are no matter of theirs."""
    finn = visit(expected=[world.client.aws])  # the file comes from the bucket
    finn.sign_in("Finn Finance", "/console/books")
    page = finn.page
    page.get_by_role("link", name="Close a month").click()
    expect(page.get_by_role("region", name="Exports")).to_be_visible()
    assert page.get_by_role("button", name="Import partners").count() == 0
    page.get_by_role("button", name="A month's pack …").click()
    page.get_by_role("dialog").get_by_role("button", name="Make the file").dblclick()
    row = page.get_by_role("row").filter(has_text="A month's pack")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Done")
    with page.expect_download() as started:
        row.get_by_role("button", name="Download").click()
    started.value.save_as(tmp_path / "pack.zip")
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        assert {"journal.csv", "statements.csv", "trial-balance.csv"} <= {Path(name).name for name in pack.namelist()}


def test_partners_from_a_file_are_tried_first(visit: Visit, world: World, tmp_path: Path) -> None:
    """An admin sees line by line what would become of it, and nothing is made; then the good line is a partner."""
    lines = [
        ["firstName", "lastName", "email", "companyName", "programId"],
        ["Ingrid", "Import", "ingrid@pages.example.com", "Import Pages", "default"],
        ["", "", "no address", "", "default"],
    ]
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    file = tmp_path / "partners.csv"
    file.write_text(text.getvalue(), "utf-8")
    ada = visit()
    ada.sign_in("Ada Admin")
    page = ada.page

    def bring(kind: str, submit: str) -> None:
        ada.go("/console/files")
        page.get_by_role("button", name="Import partners …").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("CSV file").set_input_files(file)
        if kind == "For real":
            dialog.get_by_label("Only try").uncheck()
        dialog.get_by_role("button", name=submit, exact=True).click()
        expect(dialog).to_have_count(0)
        row = page.get_by_role("row").filter(has_text=kind)
        expect(row).to_contain_text("Done")
        row.get_by_role("link").click()

    bring("Trial", "Try it")
    report = page.get_by_role("table", name="Lines of the file")
    expect(report.get_by_role("row").filter(has_text="Would be made")).to_have_count(1)
    expect(report.get_by_role("row").filter(has_text="Not usable")).to_have_count(1)
    assert world.client.get(ADMIN, "/partners", q="Import Pages")["data"] == []
    bring("For real", "Import")
    made = report.get_by_role("row").filter(has_text="Made")
    expect(made).to_have_count(1)
    made.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name="Import Pages")).to_be_visible()


def test_a_name_is_forgotten_by_an_admin_alone(visit: Visit, world: World) -> None:
    """Finance and support see who acted and what they did; an admin takes the name away, and the deeds stay."""
    world.client.named("admin-who-leaves", "Gerda Gone")
    theo = world.partners["theo"]
    world.client.post("admin-who-leaves", f"/partners/{theo}/notes", {"text": "left a note"}, key="pages-gerda")
    actor = world.client.get("admin-who-leaves", "/people/me")["id"]
    for name in ("Finn Finance", "Sue Support"):
        reader = visit()
        reader.sign_in(name)
        reader.go(f"/console/people/{actor}")
        expect(reader.page.get_by_role("heading", level=1, name="Gerda Gone")).to_be_visible()
        expect(reader.page.get_by_role("link", name="What they did")).to_be_visible()
        assert reader.page.get_by_role("button", name="Forget the name …").count() == 0
    ada = visit()
    ada.sign_in("Ada Admin", "/console/people")
    page = ada.page
    page.get_by_role("link", name="Gerda Gone").click()
    page.get_by_role("button", name="Forget the name …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("It cannot be undone")).to_be_visible()
    dialog.get_by_role("button", name="Forget the name").click()
    expect(page.get_by_role("heading", level=1, name="Forgotten")).to_be_visible()
    assert page.get_by_role("button", name="Forget the name …").count() == 0

    def is_told() -> bool:
        return bool(world.client.get(ADMIN, "/audit", actor=actor)["data"])

    world.until(is_told, "the audit")
    page.get_by_role("link", name="What they did").click()
    expect(page.get_by_role("listitem").filter(has_text=theo).first).to_be_visible()
    assert "Gerda Gone" not in page.locator("main").inner_text()


def test_settings_say_how_the_stack_is_set_up(visit: Visit, world: World) -> None:
    """Whether it books and pays, and what its parameters are; support reads it, and is shown no files."""
    told = world.client.get(ADMIN, "/settings")
    sue = visit()
    sue.sign_in("Sue Support", "/console/settings")
    page = sue.page
    expect(page.get_by_text("Bookings and payouts go")).to_be_visible()
    limits = page.get_by_role("region", name="Limits for one caller and minute")
    expect(limits.get_by_text(f"{told['limits']['reads']:,}", exact=True)).to_be_visible()
    places = page.get_by_role("navigation", name="Screens")
    expect(places.get_by_role("link", name="Reports")).to_be_visible()
    assert places.get_by_role("link", name="Files").count() == 0
    sue.go("/console/files")
    expect(page.get_by_role("heading", level=1, name="There is no such page")).to_be_visible()
