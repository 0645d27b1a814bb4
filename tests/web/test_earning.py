"""What staff do about referrals, payments, rewards and those who want to be partners, from a click to its result."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.web.browser import ADMIN, PROGRAM, Visitor, World

Visit = Callable[..., Visitor]


def test_a_referral_becomes_a_reward_that_adds_up(visit: Visit, world: World) -> None:
    """Entered by hand, paid by its customer, explained step by step, and less by what a refund takes back."""
    rosa = world.somebody("Rosa")
    ada = visit()
    ada.sign_in("Ada Admin", "/console/referrals")
    page = ada.page
    page.get_by_role("button", name="New referral …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("The partner's code").fill(rosa["referralCode"])
    dialog.get_by_label("Customer id").fill("story-customer")
    dialog.get_by_role("button", name="New referral").dblclick()
    row = page.get_by_role("row").filter(has_text="story-customer")
    expect(row).to_have_count(1)
    row.get_by_role("link", name="story-customer").click()
    page.get_by_role("button", name="Accept …").click()
    page.get_by_role("dialog").get_by_role("button", name="Accept").click()
    expect(page.locator(".title .badge")).to_have_text("Accepted")

    world.client.put_event({
        "paymentId": "story-payment", "customerId": "story-customer", "programId": "default", "amount": 15_001,
        "currency": "EUR", "occurredAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    })  # fmt: skip
    rewards = f"/partners/{rosa['id']}/rewards"

    def mine() -> list[dict[str, Any]]:
        return [each for each in world.client.get(ADMIN, rewards)["data"] if each["customerId"] == "story-customer"]

    world.until(lambda: [each["status"] for each in mine()] == ["APPROVED"], "the reward")

    page.get_by_role("link", name="Payments").click()
    page.get_by_role("link", name=re.compile("story-payment")).click()
    expect(page.get_by_role("heading", level=1, name="€150.01 of story-customer")).to_be_visible()
    page.get_by_role("button", name="Enter a refund …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount in EUR").fill("50")
    dialog.get_by_label("Reason").fill("one of three was broken")
    dialog.get_by_role("button", name="Enter a refund").click()
    expect(page.get_by_role("row").filter(has_text="one of three was broken")).to_contain_text("Counts")
    page.get_by_role("link", name="€20.00").click()
    steps = page.locator(".waterfall li")
    expect(steps.nth(0)).to_contain_text("20 % of €150.01")
    expect(steps.nth(0)).to_contain_text("€30.00")
    expect(steps.nth(1)).to_contain_text("€50.00 of €150.01 went back")
    expect(steps.nth(1)).to_contain_text("-€10.00")
    expect(steps.nth(2)).to_contain_text("Granted")
    expect(steps.nth(2)).to_contain_text("€20.00")
    page.get_by_role("button", name="Cancel …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note").fill("a test order")
    dialog.get_by_role("button", name="Cancel", exact=True).last.click()
    expect(page.locator(".title")).to_contain_text("By a person")
    assert [(each["status"], each["note"]) for each in mine()] == [("CANCELLED", "a test order")]


def test_what_takes_two_people(visit: Visit, world: World) -> None:
    """A gift and a correction above one person's day wait for the other, who finds them and lets them go."""
    ada, finn = visit(), visit()
    ada.sign_in("Ada Admin", f"/console/partners/{world.somebody('Otto')['id']}")
    for button, why in (("Give a reward", "spoke at the fair"), ("Correct the balance", "lost in the move")):
        ada.page.get_by_role("button", name=f"{button} …").click()
        dialog = ada.page.get_by_role("dialog")
        dialog.get_by_label("Amount in EUR").fill("600,00")
        dialog.get_by_label("Reason").fill(why)
        dialog.get_by_role("button", name=button).click()
        expect(dialog).to_have_count(0)
    finn.sign_in("Finn Finance")
    page = finn.page
    page.get_by_role("link", name=re.compile("They wait for a second person")).click()
    page.get_by_role("row").filter(has_text="Otto Example").get_by_role("link", name="€600.00").click()
    expect(page.get_by_text("Ada Admin has asked for it; you would be the second person.")).to_be_visible()
    page.get_by_role("button", name="Approve …").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.locator(".title .badge")).to_have_text("Booked")
    page.get_by_role("link", name="Rewards").click()
    page.get_by_label("Status").select_option(label="Held")
    page.get_by_role("row").filter(has_text="Otto Example").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".title")).to_contain_text("Needs a second person")
    page.get_by_role("button", name="Release …").click()
    page.get_by_role("dialog").get_by_role("button", name="Release").click()
    expect(page.locator(".title")).not_to_contain_text("Needs a second person")


def test_who_wants_to_be_a_partner_becomes_one(visit: Visit, world: World) -> None:
    """An application is approved; somebody else is invited by a link that is shown once; support may do neither."""
    world.client.post("pages-applicant", "/applications", {
        "firstName": "Aino", "lastName": "Virtanen", "email": "aino@pages.example.com", "message": "I write about tea",
    }, key="pages-application")  # fmt: skip
    sue = visit()
    sue.sign_in("Sue Support", "/console/applications")
    expect(sue.page.get_by_text("I write about tea")).to_be_visible()
    expect(sue.page.get_by_role("button", name="Approve …")).to_have_count(0)
    ada = visit()
    ada.sign_in("Ada Admin", "/console/applications")
    page = ada.page
    page.get_by_role("row").filter(has_text="Aino Virtanen").get_by_role("button", name="Approve …").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.get_by_role("row").filter(has_text="Aino Virtanen")).to_have_count(0)
    page.get_by_role("button", name="Invite somebody …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail").fill("new@pages.example.com")
    dialog.get_by_role("button", name="Invite somebody").click()
    link = page.get_by_role("dialog").locator("output")
    expect(link).to_contain_text("/portal/join#")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_label("Which").select_option(label="Invitations")
    row = page.get_by_role("row").filter(has_text="new@pages.example.com")
    row.get_by_role("button", name="Take back …").click()
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    expect(row).to_contain_text("Taken back")


def test_terms_are_tried_changed_and_taken_back(visit: Visit, world: World) -> None:
    """The editor says what a payment would earn, writes over nobody, and shows what waits for another admin."""
    world.program("tried")
    ada = visit(expected=["412"])
    ada.sign_in("Ada Admin", "/console/programs/tried")
    page = ada.page
    preview = page.get_by_role("region", name="What a payment earns")
    expect(preview.get_by_role("row").nth(1)).to_contain_text("€20.00")
    page.get_by_role("button", name="Change …").click()
    page.get_by_label("Share in %").first.fill("32.5")
    page.get_by_label("A customer pays").fill("1000")
    expect(preview.get_by_role("row").nth(1)).to_contain_text("€325.00")
    page.get_by_label("Share in %").first.fill("many")
    expect(page.get_by_text("Not a number or an amount: Share")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Share in %").first.fill("20")
    page.get_by_label("By hand, two people above").fill("1000")

    old = world.client.get(ADMIN, "/programs/tried")
    token = {"authorization": f"Bearer {world.client.token(ADMIN, 'admin')}", "if-match": f'"{old["version"]}"'}
    path = "/api/v1/programs/tried"
    terms = {name: value for name, value in PROGRAM.items() if name != "id"}
    changed = world.client.http.put(path, headers=token, json={**terms, "name": "Friends of the shop"})
    assert changed.status_code == 200, changed.text
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Friends of the shop")).to_be_visible()
    dialog.get_by_role("button", name="Keep my changes").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1, name="Friends of the shop")).to_be_visible()
    waiting = page.get_by_role("region", name="Changes that take two")
    row = waiting.get_by_role("row").filter(has_text="By hand, two people above (EUR)")
    expect(row).to_contain_text("€500.00")
    expect(row).to_contain_text("€1,000.00")
    expect(waiting.get_by_role("button", name="Let it take effect …")).to_have_count(0)  # who asked is not the second
    waiting.get_by_role("button", name="Withdraw …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note").fill("not needed after all")
    dialog.get_by_role("button", name="Withdraw").click()
    expect(waiting.locator(".badge")).to_have_text("Withdrawn")
    told = world.client.get(ADMIN, "/programs/tried")
    assert (told["name"], told["currencies"][0]["adjustmentLimit"]) == ("Friends of the shop", 50_000)


def test_a_partner_gets_a_code_a_note_and_a_rate_of_their_own(visit: Visit, world: World) -> None:
    """Entered anew, with a wished code, what staff should know, and more than the program pays for one product."""
    ada = visit()
    ada.sign_in("Ada Admin", "/console/partners")
    page = ada.page
    page.get_by_role("button", name="New partner …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Given name").fill("Ines")
    dialog.get_by_label("Family name").fill("Sousa")
    dialog.get_by_label("E-mail").fill("ines@pages.example.com")
    dialog.get_by_role("button", name="New partner").click()
    expect(page.get_by_role("heading", level=1, name="Ines Sousa")).to_be_visible()
    page.get_by_role("button", name="Commission …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Add a line").click()
    dialog.get_by_label("Product (empty: all others)").fill("gold")
    dialog.get_by_label("Share or amount").fill("a third")
    dialog.get_by_label("Reason").fill("agreed in October")
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    dialog.get_by_label("Share or amount").fill("33.33")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("link", name="Notes").click()
    page.get_by_role("button", name="Write a note …").click()
    page.get_by_role("dialog").get_by_label("Note").fill("met at the fair")
    page.get_by_role("dialog").get_by_role("button", name="Write a note").click()
    expect(page.get_by_role("row").filter(has_text="met at the fair")).to_contain_text("Ada Admin")
    page.get_by_role("link", name="Codes and links").click()
    page.get_by_role("button", name="New code …").click()
    page.get_by_role("dialog").get_by_label("Wished code").fill("INES-26")
    page.get_by_role("dialog").get_by_role("button", name="New code").click()
    row = page.get_by_role("row").filter(has_text="INES")
    row.get_by_role("button", name="Take out of use …").click()
    page.get_by_role("dialog").get_by_role("button", name="Take out of use").click()
    expect(row).to_contain_text("Out of use")
    id = page.url.split("/")[-1].split("?")[0]
    rates = world.client.get(ADMIN, f"/partners/{id}")["ownRates"]
    assert [(each["productId"], each["rateBps"]) for each in rates] == [("gold", 3_333)]
