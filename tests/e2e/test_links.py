"""From a click to a customer's money on paper: links, figures and statements through the whole system."""

from __future__ import annotations

from datetime import UTC, datetime

from scripts.demo import Client, eventually
from tests.e2e.people import People

TERMS = {
    "name": "Shop", "currency": "USD", "tierRatesBps": [2500], "holdDays": 0, "coolingHours": 0,
    "links": {"defaultUrl": "https://shop.example.com/", "allowedDomains": ["shop.example.com"], "cookieDays": 7},
}  # fmt: skip


def test_a_click_becomes_a_customer_and_a_line_of_a_statement(client: Client) -> None:
    """Anybody's click is led on with the code; who comes with it is counted; what they pay is on the month's PDF."""
    people = People(client)
    shop, wanda, fred = (f"{name}-{people.run}" for name in ("links", "wanda", "fred"))
    admin = f"admin-{people.run}"
    client.post(admin, "/programs", {"id": shop, **TERMS})
    new = {"firstName": "Wánda", "lastName": "Шоп", "email": f"{wanda}@example.com", "sub": wanda, "programId": shop}
    code = client.post(admin, "/partners", new)["referralCode"]

    page = "https://shop.example.com/sale?size=4"
    for to, led in ((None, "https://shop.example.com/?"), (page, f"{page}&")):
        query = {"source": "email", **({"to": to} if to else {})}
        clicked = client.http.get(
            f"/r/{code.lower()}", params=query, headers={"user-agent": "Mozilla/5.0"}, follow_redirects=False
        )
        location, _, click = clicked.headers["location"].partition("&ref_id=")
        assert (clicked.status_code, location, click[:4]) == (302, f"{led}ref={code}", "clk_")
        assert clicked.headers["set-cookie"].startswith(f"ref={code}; Max-Age=604800; Path=/; Secure")
    elsewhere = client.http.get(f"/r/{code}", params={"to": "https://evil.example.net/"}, follow_redirects=False)
    assert (elsewhere.status_code, "location" in elsewhere.headers) == (422, False)
    assert client.http.get("/r/NOBODY-S-CODE", follow_redirects=False).status_code == 404

    people.pay(10_000, customer=fred, programId=shop, clickId=click)
    people.eventually_has(wanda, 2_500)

    def figures() -> tuple[object, ...]:
        (link,) = client.get(wanda, "/me/links")["data"]
        assert link["clicks"] == {"total": 2, "bySource": {"EMAIL": 2}, "byCampaign": {}}
        return link["referrals"], link["converted"], link["referralRateBps"], link["paidRateBps"]

    eventually(figures, (1, 1, 5_000, 5_000), "customers under the code, those who paid, and rates")
    (found,) = client.get(wanda, "/me/codes")["data"]
    assert found["url"].endswith(f"/r/{code}")

    month = f"{datetime.now(UTC):%Y-%m}"
    (account,) = client.get(wanda, f"/me/statements/{month}")["accounts"]
    assert [each["change"]["available"] for each in account["movements"]] == [2_500]
    headers = {"authorization": f"Bearer {client.token(wanda)}"}
    pdf = client.http.get(f"/api/v1/me/statements/{month}?format=pdf", headers=headers)
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.content.rstrip().endswith(b"%%EOF")
