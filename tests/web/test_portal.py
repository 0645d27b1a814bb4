"""What partners do in the portal: their link, their money, their accounts, their statements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.web.browser import PHONE, Visitor, World

Visit = Callable[..., Visitor]


def test_a_partner_shares_and_sees_why(visit: Visit, world: World) -> None:
    """The link is copied and shown as a code to be scanned; a reward says how it came to be."""
    mara = visit(size=PHONE)
    mara.sign_in_as("pages-mara")
    page = mara.page
    (link,) = [each["url"] for each in world.client.get("pages-mara", "/me/links")["data"]]
    expect(page.get_by_text(link, exact=True)).to_be_visible()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link
    page.get_by_role("button", name="QR code").click()
    expect(page.get_by_role("img", name=f"QR code of {link}")).to_be_visible()
    page.get_by_role("button", name="Why").first.click()
    expect(page.get_by_text("600.00 EUR").first).to_be_visible()


def test_a_partner_is_paid_or_changes_their_mind(visit: Visit, world: World) -> None:
    """From the amount to the list, and back: what is asked for is reserved, and available again once taken back."""
    theo = visit()
    theo.sign_in_as("pages-theo", "/portal/withdraw")
    page = theo.page
    amount = page.get_by_label("Amount in EUR")
    submit = page.get_by_role("button", name="Ask for it")
    for refused in ("9.99", "99999", "12.345", "abc", ""):
        amount.fill(refused)
        expect(submit).to_be_disabled()
    amount.fill("10,50")
    submit.click()
    expect(page.get_by_text("Asked for: you see below")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="€10.50")
    expect(row).to_contain_text("Requested")
    assert world.client.get("pages-theo", "/me/withdrawals")["data"][0]["amount"] == 1050
    row.get_by_role("button", name="Take back …").click()
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    expect(row).to_contain_text("Taken back")


def test_a_partner_keeps_their_accounts(visit: Visit) -> None:
    """One is added, shown by its end alone, and taken out of use; what cannot be one is said at its field."""
    theo = visit(expected=["422"])
    theo.sign_in_as("pages-theo", "/portal/accounts")
    page = theo.page
    page.get_by_role("button", name="Add an account …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Account holder").fill("Théo Martin")
    dialog.get_by_label("IBAN").fill("DE00123456781234567800")
    dialog.get_by_role("button", name="Add an account").click()
    expect(dialog.get_by_role("alert")).to_contain_text("iban")
    dialog.get_by_label("IBAN").fill("NL91ABNA0417164300")
    dialog.get_by_role("button", name="Add an account").click()
    row = page.get_by_role("row").filter(has_text="NL…4300")
    expect(row).to_be_visible()
    assert "NL91ABNA" not in page.content()
    row.get_by_role("button", name="Remove …").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)


def test_a_statement_is_a_file(visit: Visit, tmp_path: Path) -> None:
    """Of the month, as a page to print."""
    mara = visit()
    mara.sign_in_as("pages-mara", "/portal/statements")
    with mara.page.expect_download() as started:
        mara.page.get_by_role("button", name="as PDF").first.click()
    file = tmp_path / "statement.pdf"
    started.value.save_as(file)
    assert file.read_bytes().startswith(b"%PDF")


def test_somebody_new_gets_a_link(visit: Visit) -> None:
    """Whoever is signed in and no partner yet becomes one by a click."""
    new = visit()
    new.sign_in_as("pages-new")
    new.page.get_by_role("button", name="Get my link").click()
    expect(new.page.get_by_role("heading", name="Your link")).to_be_visible()
    expect(new.page.get_by_text("Nothing earned yet")).to_be_visible()


def test_without_a_network_it_says_so(visit: Visit) -> None:
    """No blank page: what happened, and a way to go on once there is one again."""
    mara = visit(expected=["ERR_INTERNET_DISCONNECTED"])
    mara.sign_in_as("pages-mara")
    mara.settled()
    page = mara.page
    page.get_by_role("link", name="Statements").click()
    expect(page.get_by_role("heading", level=1, name="Statements")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="as CSV").first.click()
    expect(page.get_by_role("alert")).to_contain_text("No answer: are you offline?")
    page.context.set_offline(False)
    with page.expect_download():
        page.get_by_role("button", name="as CSV").first.click()
    expect(page.get_by_role("alert")).to_have_count(0)
