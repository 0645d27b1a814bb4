"""What partners do in the portal: their link, their money, their accounts, their statements."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.web.browser import ADMIN, PHONE, Visitor, World

Visit = Callable[..., Visitor]


def test_a_partner_shares_and_sees_why(visit: Visit, world: World) -> None:
    """The link is copied and shown as a code to be scanned; a reward says how it came to be."""
    mara = visit(size=PHONE)
    mara.sign_in_as("pages-mara")
    page = mara.page
    (link,) = [each["url"] for each in world.client.get("pages-mara", "/me/links")["data"]]
    expect(page.get_by_text(link, exact=True)).to_be_visible()
    assert mara.copies(page.get_by_role("button", name="Copy link")) == link
    expect(page.get_by_text("Copied")).to_be_visible()
    page.get_by_role("button", name="QR code").click()
    expect(page.get_by_role("img", name=f"QR code of {link}")).to_be_visible()
    page.get_by_role("button", name="Why …").first.click()
    expect(page.get_by_role("dialog").get_by_text("€600.00")).to_be_visible()
    assert mara.barriers() == []


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


def test_from_an_invitation_to_the_first_reward(visit: Visit, world: World) -> None:
    """Invited, signed in, known; a link for a place; a friend pays and gets a part back; the reason adds up."""
    client = world.client
    invited = {"email": "nils@pages.example.com", "firstName": "Nils", "lastName": "Berg"}
    token = client.post(ADMIN, "/invitations", invited, key="pages-nils")["token"]
    nils = visit(size=PHONE)
    page = nils.page
    nils.go(f"/portal/join#{token}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Their id").fill("pages-nils")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="You are invited")).to_be_visible()
    assert token not in page.url
    assert nils.barriers() == []
    page.get_by_label("Company").fill("Berg AB")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name="Your link", exact=True)).to_be_visible()
    me = client.get("pages-nils", "/me")
    assert (me["firstName"], me["companyName"], me["email"]) == ("Nils", "Berg AB", "nils@pages.example.com")

    page.get_by_role("link", name="More to share").click()
    page.get_by_label("Where it will stand").select_option("Social media")
    link = nils.copies(page.get_by_role("button", name="Copy link"))
    assert link.endswith(f"/r/{me['referralCode']}?source=social_media")
    with page.expect_download() as started:
        page.get_by_role("button", name="Save as SVG").click()
    assert started.value.suggested_filename == "qr.svg"
    assert link in nils.copies(page.get_by_role("button", name="Copy text").first)
    browser = {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "user-agent": "Mozilla/5.0"}
    assert client.http.get(link, headers=browser, follow_redirects=False).status_code == 302

    client.post("customer-of-nils", f"/referrals/apply/{me['referralCode']}")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    paid = {"paymentId": "pages-nils", "amount": 33_333, "currency": "EUR", "occurredAt": now}
    client.put_event({**paid, "customerId": "customer-of-nils", "programId": "default"})
    refund = {**paid, "refundId": "pages-nils-back", "amount": 10_000}
    client.put_event(refund, detail_type="Payment Refunded")
    world.until(lambda: any(each["reversed"] for each in client.get("pages-nils", "/me/rewards")["data"]), "refund")
    (reward,) = client.get("pages-nils", "/me/rewards")["data"]
    go_to(page, "Earnings")
    page.get_by_role("button", name="Why …").click()
    steps = page.get_by_role("dialog").get_by_role("row")
    expect(steps).to_have_count(4)
    (_, base), (_, share), (_, back), (_, yours) = [(row.split("\n")[0], cents(row)) for row in steps.all_inner_texts()]
    assert (base, share) == (33_333, 6_666)
    assert share - back == yours == reward["net"]
    page.keyboard.press("Escape")

    go_to(page, "Referrals")
    expect(page.get_by_role("row").filter(has_text="Has paid")).to_be_visible()
    go_to(page, "Notices")
    page.get_by_label("my money has left").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    assert client.get("pages-nils", "/me/notifications")["events"] == ["WITHDRAWAL_PAID"]
    go_to(page, "Profile")
    page.get_by_label("Phone").fill("+46 8 5550100")
    page.get_by_role("button", name="Save").click()
    world.until(lambda: client.get("pages-nils", "/me")["phone"] == "+46 8 5550100", "phone")


def go_to(page: Page, name: str) -> None:
    """By the navigation, which is behind a button where there is no room for it."""
    page.locator("button.places").click()
    page.get_by_role("navigation").get_by_role("link", name=name).click()


def cents(row: str) -> int:
    """The last amount of a row, as the page shows it: `€66.66`."""
    return int(re.findall(r"€([\d.,]+)", row)[-1].replace(",", "").replace(".", ""))


def test_a_business_applies(visit: Visit, world: World) -> None:
    """Who has asked sees that it waits, also after coming back; once somebody said yes there is their link."""
    zoe = visit()
    zoe.sign_in_as("pages-zoe")
    page = zoe.page
    page.get_by_role("button", name="Apply …").click()
    for name, text in (("Given name", "Zoe"), ("Family name", "Reseller"), ("E-mail", "zoe@pages.example.com")):
        page.get_by_label(name).fill(text)
    page.get_by_label("Where and how").fill("In my newsletter")
    assert zoe.barriers() == []
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_role("heading", name="Your application is being looked at")).to_be_visible()
    page.reload()
    expect(page.get_by_text("In my newsletter")).to_be_visible()
    (waiting,) = world.client.get("pages-zoe", "/me/applications")["data"]
    world.client.post(ADMIN, f"/applications/{waiting['id']}/approve", {"reason": "welcome"}, expect=200)
    page.reload()
    expect(page.get_by_role("heading", name="Your link", exact=True)).to_be_visible()


def test_somebody_new_gets_a_link(visit: Visit) -> None:
    """Whoever is signed in and no partner yet becomes one by a click."""
    new = visit()
    new.sign_in_as("pages-new")
    new.page.get_by_role("button", name="Get my link").click()
    expect(new.page.get_by_role("heading", name="Your link", exact=True)).to_be_visible()
    expect(new.page.get_by_text("Nothing earned yet")).to_be_visible()


def test_without_a_network_it_says_so(visit: Visit) -> None:
    """No blank page: what happened, and a way to go on once there is one again."""
    mara = visit(expected=["ERR_INTERNET_DISCONNECTED"])
    mara.sign_in_as("pages-mara")
    mara.settled()
    page = mara.page
    page.get_by_role("link", name="Statements").click()
    expect(page.get_by_role("heading", level=1, name="Statements")).to_be_visible()
    page.get_by_role("button", name="as CSV").first.wait_for()
    page.context.set_offline(True)
    page.get_by_role("button", name="as CSV").first.click()
    expect(page.get_by_role("alert")).to_contain_text("No answer: are you offline?")
    page.context.set_offline(False)
    with page.expect_download():
        page.get_by_role("button", name="as CSV").first.click()
    expect(page.get_by_role("alert")).to_have_count(0)
