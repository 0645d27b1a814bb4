"""How a program's portal looks on the owner's own site, and which pages may show it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from refledger.domain.errors import Invalid

MAX_ORIGINS = 10
MAX_NAME = 60
MAX_ADDRESS = 500
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
# As browsers write origins, and as a policy takes them: no star, no path. Without TLS a page of one's own machine alone
_ORIGIN = re.compile(rf"(?:https://{_HOST}|http://(?:localhost|127\.0\.0\.1))(?::[1-9][0-9]{{0,4}})?")
# Printable ASCII; no user; nothing that ends a source of a policy or a text in a page
_ADDRESS = re.compile(rf"(https://{_HOST}(?::[1-9][0-9]{{0,4}})?)(?:[/?\x23][!\x23-&(-+\--:=?-\[\]-_a-~]*)?")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Portal:
    """`allowed_origins`: of the pages that may show it in a frame; none: nobody may.

    `name`, `logo_url`, `accent` (`#1d4ed8`): what it looks like there, "" for as it comes. `terms_url`, `help_url`:
    what partners are led to, "" for nothing.
    """

    allowed_origins: tuple[str, ...] = ()
    name: str = ""
    logo_url: str = ""
    accent: str = ""
    terms_url: str = ""
    help_url: str = ""

    def __post_init__(self) -> None:
        origins = self.allowed_origins
        if len(origins) > MAX_ORIGINS or len(set(origins)) < len(origins) or not all(map(_ORIGIN.fullmatch, origins)):
            raise Invalid(
                f"portal.allowedOrigins: up to {MAX_ORIGINS}, each once, as https://www.example.com, in small letters"
            )
        if len(self.name) > MAX_NAME:
            raise Invalid(f"portal.name: up to {MAX_NAME} characters")
        if self.accent and not _COLOUR.fullmatch(self.accent):
            raise Invalid("portal.accent: a colour such as #1d4ed8, in small letters")
        for name, address in (
            ("logoUrl", self.logo_url), ("termsUrl", self.terms_url), ("helpUrl", self.help_url),
        ):  # fmt: skip
            if address and (len(address) > MAX_ADDRESS or not _ADDRESS.fullmatch(address)):
                raise Invalid(f"portal.{name}: an https address in ASCII, up to {MAX_ADDRESS} characters")

    @property
    def logo_origin(self) -> str:
        """From where a browser loads the logo; "" where there is none."""
        found = _ADDRESS.fullmatch(self.logo_url)
        return found[1] if found else ""
