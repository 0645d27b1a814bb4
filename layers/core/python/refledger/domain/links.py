"""Where a program's share links may lead, and what they carry there.

A link that anybody may write decides only among the places that the program has named: what is not exactly of the form
below is refused, and never repaired, because browsers and parsers repair in different ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from refledger.domain.errors import Invalid

if TYPE_CHECKING:
    from refledger.domain.referrals import ReferralSource

MAX_URL = 2_000
MAX_DOMAINS = 20
MAX_CAMPAIGNS = 50
MAX_COOKIE_DAYS = 400  # browsers keep none for longer
PARAMETER, CAMPAIGN = "ref", "campaign"
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"  # no address: the last label begins with a letter
_DOMAIN = re.compile(rf"(?:\*\.)?{_HOST}")
# Printable ASCII without the backslash, which browsers take for a slash; no user, no port, no end that a browser trims
_URL = re.compile(rf"https://({_HOST})((?:[/?\x23][!-\[\]-~]*)?)", re.IGNORECASE | re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_CAMPAIGN = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True)
class Links:
    """`domains`: hosts, exactly, or `*.example.com` for everything below one. `parameter`: gets the code;
    `<parameter>_id` that of the click.

    `cookie_days` > 0: the code is kept in a cookie as well, called like the parameter; of `cookie_domain`, or of the
    host of the link alone. `campaigns`: those whose clicks are told apart; there are no others.
    """

    default_url: str
    domains: tuple[str, ...]
    parameter: str = PARAMETER
    cookie_days: int = 0
    cookie_domain: str = ""
    campaigns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.domains) <= MAX_DOMAINS or not all(map(_DOMAIN.fullmatch, self.domains)):
            raise Invalid(f"links.allowedDomains: 1 to {MAX_DOMAINS} hosts in small letters, or *.example.com")
        if not _PARAMETER.fullmatch(self.parameter) or self.parameter == CAMPAIGN:
            raise Invalid("links.parameter: a letter, then letters, digits, dashes and underscores, up to 40")
        if not 0 <= self.cookie_days <= MAX_COOKIE_DAYS:
            raise Invalid(f"links.cookieDays: 0 to {MAX_COOKIE_DAYS}")
        if self.cookie_domain and self.cookie_domain not in {host.removeprefix("*.") for host in self.domains}:
            raise Invalid("links.cookieDomain: one of allowedDomains, without the star")
        if len(self.campaigns) > MAX_CAMPAIGNS or not all(map(_CAMPAIGN.fullmatch, self.campaigns)):
            raise Invalid(f"links.campaigns: up to {MAX_CAMPAIGNS}, of small letters, digits and dashes")
        if len(set(self.campaigns)) < len(self.campaigns) or len(set(self.domains)) < len(self.domains):
            raise Invalid("links: each domain and each campaign once")
        self.target(self.default_url, "links.defaultUrl")

    def target(self, asked: str | None = None, name: str = "to") -> str:
        """Return where a link leads that asks for `asked`; without it, the default address.

        Raises Invalid for what is no such address, or not allowed.
        """
        if asked is None:
            return self.default_url
        found = _URL.fullmatch(asked) if len(asked) <= MAX_URL else None
        if found is None:
            raise Invalid(f"{name}: an https address without user and port, in ASCII, up to {MAX_URL} characters")
        if not self._allows(found[1].lower()):
            raise Invalid(f"{name}: not a host that this program's links may lead to")
        return asked

    def attributed(self, url: str, code: str, campaign: str, click: str = "") -> str:
        """Return the address with the code as its parameter, in the place of any that it had.

        And with the campaign and the id of the click, if any.
        """
        more = {CAMPAIGN: campaign, self.click_parameter: click}
        carried = {self.parameter: code, **{name: value for name, value in more.items() if value}}
        parts = urlsplit(url)
        kept = [
            part for part in parts.query.split("&") if part and _name_in(part) not in {*carried, self.click_parameter}
        ]
        told = "&".join([*kept, *(f"{name}={value}" for name, value in carried.items())])
        return urlunsplit(parts._replace(query=told))

    @property
    def click_parameter(self) -> str:
        """Name of what gets the id of the click."""
        return f"{self.parameter}_id"

    def campaign(self, named: str | None) -> str:
        """Read the campaign that is meant.

        "" for none, or for one that the program does not know.
        """
        text = (named or "").strip().lower()
        return text if text in self.campaigns else ""

    def _allows(self, host: str) -> bool:
        return host in self.domains or any(host.endswith(each[1:]) for each in self.domains if each.startswith("*."))


def _name_in(part: str) -> str:
    """The parameter's name in a part of a query, as the page that gets it will read it."""
    return unquote_plus(part.partition("=")[0])


def source(named: str | None) -> ReferralSource:
    """Read the source that a link names, in any case.

    One that names none may be anywhere.
    """
    from refledger.domain.referrals import ReferralSource  # programs have links; only a referral has a source

    text = (named or ReferralSource.UNKNOWN).strip().upper()
    return ReferralSource(text) if text in set(ReferralSource) else ReferralSource.OTHER
