"""What a program may say of its portal on other pages: only what a policy and a page can safely repeat."""

from __future__ import annotations

import pytest

from refledger.domain.errors import Invalid
from refledger.domain.portals import Portal


@pytest.mark.parametrize(
    "origin",
    ["https://www.example.com", "https://shop.example.com:8443", "http://localhost:8080", "http://127.0.0.1:26677"],
)
def test_an_origin_as_browsers_write_it(origin: str) -> None:
    """With TLS, but for one's own machine."""
    assert Portal((origin,)).allowed_origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "*", "https://*", "https://*.example.com", "http://www.example.com", "https://example.com/", "https://example",
        "https://EXAMPLE.com", "https://a.example.com https://evil.example", "https://a.example.com; script-src *",
        "https://user@example.com", "https://example.com:0", "https://10.0.0.1", "null", "", "https://example.com\n",
        "data:", "'self'", "http://localhost.example.com",
    ],
)  # fmt: skip
def test_what_is_no_origin(origin: str) -> None:
    """No star, no path, nothing that would say more in a policy."""
    with pytest.raises(Invalid):
        Portal((origin,))


@pytest.mark.parametrize(
    "address",
    [
        "http://www.example.com/a.svg", "javascript:alert(1)", "https://www.example.com/a;b", "https://example.com/a,b",
        "https://example.com/a b", "https://example.com/<b>", "https://example.com/'", 'https://example.com/"',
        "https://user@example.com/", "//example.com/a.svg", "data:image/svg+xml,", "https://example.com/\\a",
        "https://example.com/" + "a" * 500,
    ],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    """Of a logo, the terms, or help."""
    with pytest.raises(Invalid):
        Portal(logo_url=address)
    with pytest.raises(Invalid):
        Portal(terms_url=address)
    with pytest.raises(Invalid):
        Portal(help_url=address)


def test_a_colour_and_a_logo() -> None:
    """A colour is six digits; of the logo's address only the origin goes into the policy."""
    assert Portal(logo_url="https://cdn.example.com:8443/a/logo.svg?v=2").logo_origin == "https://cdn.example.com:8443"
    assert Portal(accent="#0f766e").logo_origin == ""
    for accent in ("red", "#fff", "#0F766E", "#0f766e;", "url(x)"):
        with pytest.raises(Invalid):
            Portal(accent=accent)
    with pytest.raises(Invalid):
        Portal(("https://a.example.com",) * 2)
    with pytest.raises(Invalid):
        Portal(tuple(f"https://a{n}.example.com" for n in range(11)))
