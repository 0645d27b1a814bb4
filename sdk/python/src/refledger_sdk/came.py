"""By which share link a visitor came, as the site's own server reads and keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

COOKIE = "refledger"
_CODE, _CLICK = re.compile(r"[\w-]{4,32}", re.ASCII), re.compile(r"clk_[0-9a-v]{40,176}")


@dataclass(frozen=True)
class Came:
    """`click_id`: "" for who came with the code alone."""

    code: str
    click_id: str = ""

    @property
    def reference(self) -> str:
        """What to hand to Stripe as `client_reference_id`."""
        return self.click_id or self.code


def _read(code: str | None, click_id: str | None) -> Came | None:
    if not code or not _CODE.fullmatch(code):
        return None
    return Came(code, click_id if click_id and _CLICK.fullmatch(click_id) else "")


def from_query(query: Mapping[str, str], parameter: str = "ref") -> Came | None:
    """Return what the address of a page says, None where it says nothing that could be."""
    return _read(query.get(parameter), query.get(f"{parameter}_id"))


def from_cookie(cookies: Mapping[str, str]) -> Came | None:
    """Return what the tracker's cookie says, or this server's."""
    code, _, click_id = cookies.get(COOKIE, "").partition(".")
    return _read(code, click_id)


def set_cookie(came: Came, days: int = 30, domain: str = "") -> str:
    """Return the header `Set-Cookie` by which browsers keep it as long as it says, and the tracker reads it."""
    of = f"; Domain={domain}" if domain else ""
    return f"{COOKIE}={came.code}.{came.click_id}; Max-Age={days * 86_400}; Path=/{of}; Secure; SameSite=Lax"
