"""What staff do in the console, from signing in to its result: in a browser, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Route, expect

from tests.web.browser import ADMIN, PATIENCE_MS, Visitor, World

Visit = Callable[..., Visitor]
PIAS_IBAN = "BE68539007547034"  # an example of the registry of IBANs


def test_an_admin_decides_about_many_and_pays_them(visit: Visit, world: World, tmp_path: Path) -> None:
    """From the inbox to the bank's file and back: two withdrawals ticked, approved with a note, exported, paid."""
    world.earner("payne", "Pia", "Payne", "Payne Press", PIAS_IBAN, 60_000)
    world.earner("penn", "Paul", "Penn", "Penn Pals", "GB33BUKB20201555555555", 91_000)
    asked = {"payne": world.ask("payne", 10_000, "pay-payne"), "penn": world.ask("penn", 16_200, "pay-penn")}
    waiting = {each["kind"]: each["count"] for each in world.client.get(ADMIN, "/inbox")["data"]}
    if waiting["WITHDRAWALS_TO_PAY"]:
        world.client.post("admin-of-the-bank", "/payout-batches", {}, key="what other tests have left")
    ada = visit()
    ada.sign_in("Ada Admin")
    page = ada.page
    page.get_by_role("link", name="Withdrawals to decide").click()
    expect(page.get_by_role("heading", level=1, name="Withdrawals")).to_be_visible()
    page.get_by_role("checkbox", name="Choose the withdrawal of Payne Press").check()
    page.get_by_role("row").filter(has_text="Penn Pals").focus()
    page.keyboard.press("x")
    expect(page.get_by_text("2 chosen · €262.00")).to_be_visible()
    page.get_by_role("button", name="Approve …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("€262.00")).to_be_visible()
    dialog.get_by_label("Note").fill("known well")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("2 done")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()

    for id in asked.values():
        world.is_on_its_way(id)
    page.get_by_role("link", name="Pay runs").click()
    page.get_by_role("button", name="Make a pay run …").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a pay run").click()
    expect(page.get_by_role("heading", level=1, name="Pay run of")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download the file").click()
    file = tmp_path / "file.csv"
    started.value.save_as(file)
    assert PIAS_IBAN in file.read_text("utf-8")
    expect(page.get_by_text("Given to Ada Admin")).to_be_visible()

    page.get_by_label("Bank reference of the transfer to Payne Press").fill("TX-1")
    page.get_by_label("One reference for all").fill("TX-ALL")
    expect(page.get_by_text("You say that the bank made 2 transfers: €262.00")).to_be_visible()
    page.get_by_role("button", name="Mark 2 as paid").click()
    expect(page.get_by_text("2 done")).to_be_visible()
    told = {sub: world.client.get(ADMIN, f"/withdrawals/{id}") for sub, id in asked.items()}
    assert {sub: (each["status"], each["transactionId"]) for sub, each in told.items()} == {
        "payne": ("PAID", "TX-1"), "penn": ("PAID", "TX-ALL"),
    }  # fmt: skip

    page.get_by_role("link", name="€100.00").click()
    expect(page.get_by_text("Ada Admin approved it")).to_be_visible()
    expect(page.get_by_text("known well")).to_be_visible()
    expect(page.get_by_text("Ada Admin confirmed that it was paid")).to_be_visible()
    expect(page.get_by_role("button", name="Mark as returned …")).to_be_visible()
    expect(page.get_by_role("button", name="Approve …")).to_have_count(0)


def test_an_account_is_shown_to_who_asks_for_it(visit: Visit, world: World) -> None:
    """Masked until then; support, who may not see it, is not even offered it, nor anything that decides."""
    id = world.ask("june", 1_000, "account")
    ada = visit()
    ada.sign_in("Finn Finance")
    ada.go(f"/console/withdrawals/{id}")
    ada.page.get_by_role("button", name="Approve …").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(ada.page.get_by_text("Finn Finance approved it")).to_be_visible()
    assert "GB82WEST" not in ada.page.content()
    ada.page.get_by_role("button", name="Show the whole account").click()
    expect(ada.page.get_by_text("GB82WEST12345698765432")).to_be_visible()
    sue = visit()
    sue.sign_in("Sue Support")
    sue.go(f"/console/withdrawals/{id}")
    expect(sue.page.get_by_role("heading", level=1)).to_contain_text("Okafor Media Ltd")
    sue.settled()
    assert sue.page.get_by_role("button", name="Show the whole account").count() == 0
    assert sue.page.get_by_role("button", name="Mark as paid …").count() == 0
    world.is_on_its_way(id)


def test_what_got_no_answer_is_done_once(visit: Visit, world: World) -> None:
    """The answer to an approval is lost: the page says that it is not known, and trying again does nothing twice."""
    id = world.ask("theo", 1_500, "lost")
    ada = visit(expected=["Failed to load resource", "ERR_FAILED"])
    ada.sign_in("Ada Admin")
    ada.go(f"/console/withdrawals/{id}")
    keys: list[str] = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch(timeout=PATIENCE_MS)
        if len(keys) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    ada.page.route("**/approve", lose)
    ada.page.get_by_role("button", name="Approve …").click()
    submit = ada.page.get_by_role("dialog").get_by_role("button", name="Approve")
    submit.click()
    expect(ada.page.get_by_text("It is not known whether it was done")).to_be_visible()
    submit.click()
    expect(ada.page.get_by_text("Ada Admin approved it")).to_have_count(1)
    assert len(keys) == 2
    assert keys[0] == keys[1]
    told = world.client.get(ADMIN, f"/withdrawals/{id}")
    assert [step["status"] for step in told["history"]].count("APPROVED") == 1
    world.is_on_its_way(id)


def test_a_refusal_says_that_nothing_changed(visit: Visit, world: World) -> None:
    """Somebody else has decided meanwhile: the page says so, with the request's id, and shows it as it is now."""
    id = world.ask("theo", 1_100, "refused")
    ada = visit(expected=["409"])
    ada.sign_in("Ada Admin")
    ada.go(f"/console/withdrawals/{id}")
    ada.page.get_by_role("button", name="Approve …").click()
    world.client.post(ADMIN, f"/withdrawals/{id}/reject", {"note": "another one"}, expect=200)
    ada.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    alert = ada.page.get_by_role("alert")
    expect(alert).to_contain_text("It was decided already")
    expect(alert).to_contain_text("Nothing was changed.")
    expect(alert.locator("code")).not_to_be_empty()


def test_a_partner_is_found_and_nobody_is_written_over(visit: Visit, world: World) -> None:
    """By how the name begins; of two who change at once the slower one sees both versions."""
    made = {name: world.somebody(*name.split())["id"] for name in ("Finder Fern", "Other Otis")}
    ada = visit(expected=["412"])
    ada.sign_in("Ada Admin")
    page = ada.page
    page.get_by_role("link", name="Partners").click()
    expect(page.get_by_role("link", name="Other Otis")).to_be_visible()
    world.until(lambda: bool(world.client.get(ADMIN, "/partners", q="finder", programId="default")["data"]), "Fern")
    page.get_by_role("searchbox", name="Search", exact=True).fill("find")
    expect(page.get_by_role("link", name="Other Otis")).to_have_count(0)
    page.get_by_role("link", name="Finder Fern").click()
    expect(page.get_by_role("heading", level=1, name="Finder Fern")).to_be_visible()
    page.get_by_role("button", name="Change …").click()
    world.change(made["Finder Fern"], phone="+44 20 7946 0000")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Given name").fill("Flora")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Somebody was faster")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_text("+44 20 7946 0000")).to_be_visible()
    page.get_by_role("button", name="Keep my changes").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    told = world.client.get(ADMIN, f"/partners/{made['Finder Fern']}")
    assert (told["firstName"], told["phone"]) == ("Flora", "+44 20 7946 0000")


def test_who_is_signed_out_is_asked_to_sign_in(visit: Visit) -> None:
    """Signing out ends at the first page; a deep link leads back to where it pointed."""
    ada = visit()
    ada.sign_in("Ada Admin", "/console/partners")
    expect(ada.page.get_by_role("heading", level=1, name="Partners")).to_be_visible()
    ada.page.get_by_role("button", name="Ada Admin").click()
    ada.page.get_by_role("button", name="Sign out").click()
    expect(ada.page.get_by_role("button", name="Sign in")).to_be_visible()
    ada.go("/console/withdrawals")
    expect(ada.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_console_is_for_staff(visit: Visit) -> None:
    """A partner is told so, and led to the portal."""
    june = visit()
    june.sign_in_as("pages-june", "/console")
    expect(june.page.get_by_role("heading", name="The console is for staff")).to_be_visible()
    assert june.page.get_by_role("navigation").get_by_role("link").count() == 0
