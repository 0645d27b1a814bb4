"""The API's reference in a browser: what is looked for is found, shown in one's language, and tried on this stack."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.web.browser import PHONE, Visitor, World

Visit = Callable[..., Visitor]


def test_a_stranger_finds_a_call_and_makes_it(visit: Visit, world: World) -> None:
    """Search, a deep link, Python instead of curl, and an answer of the stack; a refusal is shown as it came."""
    reader = visit(expected=["401"])
    reader.go("/docs")
    page = reader.page
    page.keyboard.press("/")
    page.get_by_role("searchbox").fill("programs.get")
    expect(page.get_by_text("1 found")).to_be_visible()
    page.locator("nav details details a").filter(visible=True).click()
    operation = page.locator("details.operation[open]")
    expect(operation).to_have_count(1)
    expect(operation).to_have_id("programs.get")
    expect(operation.locator("pre[data-language]").filter(visible=True)).to_contain_text("curl")
    operation.get_by_role("button", name="Python").click()
    expect(operation.locator("pre[data-language]").filter(visible=True)).to_contain_text("import httpx")
    operation.get_by_label("programId (path)").fill("default")
    operation.get_by_role("button", name="Send GET").click()
    expect(operation.get_by_role("status")).to_contain_text("401")
    operation.get_by_label("Access token").fill(world.client.token("admin-of-pages", "admin"))
    operation.get_by_role("button", name="Send GET").click()
    expect(operation.get_by_role("status")).to_contain_text('"id": "default"')
    assert reader.barriers() == []
    page.reload()
    expect(page.locator("details.operation[open]")).to_have_id("programs.get")
    assert page.evaluate("document.documentElement.dataset.show") == "Python"


def test_the_reference_is_read_on_a_phone(visit: Visit) -> None:
    """In one column, with the contents folded, and nothing that scrolls sideways."""
    reader = visit(size=PHONE, scheme="dark")
    reader.go("/docs#withdrawals.approve")
    expect(reader.page.locator("#withdrawals\\.approve").get_by_role("button", name="Send POST")).to_be_visible()
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert reader.barriers() == []
