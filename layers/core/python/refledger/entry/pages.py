"""What the pages are sent with: what a browser lets them do, and what they are told of the stack."""

from __future__ import annotations

from collections.abc import Iterable

ASKED_AGAIN = {"cache-control": "no-cache"}
NOBODY = "'none'"
SETTINGS = b"{/*settings*/}"  # in a page, where what it is to know goes
PAGE = {
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
IN_A_FRAME = {name: value for name, value in PAGE.items() if name != "cross-origin-opener-policy"}


def policy(*, calls: Iterable[str] = (), frames: Iterable[str] = (), images: Iterable[str] = ()) -> str:
    """Return a policy by which nothing runs or is shown but what comes from here.

    See https://www.w3.org/TR/CSP3/.

    `calls`, `images`: other origins that are asked, and that pictures come from. `frames`: which pages may show it.
    """
    own, pictures = "'self'", "'self' data: blob:"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {' '.join([pictures, *images])}; "
        f"connect-src {' '.join([own, *calls])}; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {' '.join(frames) or NOBODY}; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def fill(page: bytes, told: str) -> bytes:
    """Put JSON into a page, in which nothing can end the script that it stands in."""
    return page.replace(SETTINGS, told.replace("<", "\\u003c").encode())
