"""Share links lead where the program says, and nowhere else."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.errors import Invalid
from refledger.domain.links import Links, source
from refledger.domain.referrals import ReferralSource


def rules(**changes: Any) -> Links:
    return Links(**{
        "default_url": "https://shop.example.com/welcome", "domains": ("shop.example.com", "*.blog.example.org"),
        "campaigns": ("autumn-26", "spring"), **changes,
    })  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com",
        "https://shop.example.com/",
        "https://SHOP.example.com/a/b?c=d#e",
        "https://a.blog.example.org/x",
        "https://a.b.blog.example.org?x=1",
    ],
)
def test_a_link_leads_to_an_allowed_host(url: str) -> None:
    """The host exactly, in any case, or any below one that is named with a star."""
    assert rules().target(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://shop.example.com/",
        "//shop.example.com/",
        "/welcome",
        "javascript:alert(1)",
        "https:shop.example.com",
        "https:///shop.example.com",
        "https://evil.example.net/",
        "https://shop.example.com.evil.example.net/",
        "https://evil-shop.example.com/",
        "https://blog.example.org/",
        "https://evilblog.example.org/",
        "https://shop.example.com@evil.example.net/",
        "https://evil.example.net#@shop.example.com/",
        "https://evil.example.net?.blog.example.org",
        "https://evil.example.net\\.blog.example.org",
        "https://shop.example.com\\@evil.example.net/",
        "https://user:pass@shop.example.com/",
        "https://shop.example.com:8443/",
        "https://shop.example.com./",
        "https://\u017fhop.example.com/",  # letters that become ASCII when capitals do not count
        "https://\u212a.blog.example.org/",
        "https://shop.example.com/\u0130",
        "https://shop.example.com/\r\nset-cookie: a=b",
        "https://shop.example.com/\n",
        "https://shop.example.com/ x",
        "\thttps://shop.example.com/",
        " https://shop.example.com/",
        "https://shop.example.com/\u00e4",
        "https://sh\u043ep.example.com/",
        "https://shop\u3002example.com/",
        "https://%73hop.example.com/",
        "https://[::1]/",
        "https://127.0.0.1/",
        "https://shop.example.com/" + "x" * 2_000,
    ],
)
def test_a_link_leads_nowhere_else(url: str) -> None:
    """Other schemes and hosts, users, ports, and everything that a browser and a parser may read in two ways."""
    with pytest.raises(Invalid, match=r"^to: "):
        rules().target(url)


@given(st.text(st.characters(codec="ascii"), max_size=40))
def test_whatever_stands_behind_the_host_stays_on_it(tail: str) -> None:
    """An address that is allowed is of that host for a standard parser too, also with the code on it."""
    try:
        url = rules().target(f"https://shop.example.com{tail}")
    except Invalid:
        return
    led = urlsplit(rules().attributed(url, "CODE", ""))
    assert (led.scheme, led.hostname, led.username, led.port) == ("https", "shop.example.com", None, None)
    assert ("ref", "CODE") in parse_qsl(led.query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("url", "led"),
    [
        ("https://shop.example.com", "https://shop.example.com?ref=ABCD"),
        ("https://shop.example.com/a?b=1&b=2#c", "https://shop.example.com/a?b=1&b=2&ref=ABCD#c"),
        ("https://shop.example.com/?ref=THEIRS&x=%20", "https://shop.example.com/?x=%20&ref=ABCD"),
        ("https://shop.example.com/?r%65f=THEIRS", "https://shop.example.com/?ref=ABCD"),
    ],
)
def test_the_code_is_carried_once(url: str, led: str) -> None:
    """The parameter takes the place of any of its name, however that is written; the rest stays as it was."""
    assert rules().attributed(url, "ABCD", "") == led


def test_a_known_campaign_is_carried_too() -> None:
    """The site can say with the referral which campaign brought it; a campaign that nobody knows is none."""
    assert (
        rules()
        .attributed("https://shop.example.com/?campaign=x", "ABCD", "spring")
        .endswith("/?ref=ABCD&campaign=spring")
    )
    assert [rules().campaign(named) for named in (" Autumn-26 ", "summer", None)] == ["autumn-26", "", ""]


def test_sources_are_taken_in_any_case() -> None:
    """A link without a source is on a website; a source that nobody knows is another one."""
    assert (source(None), source(" email "), source("fax")) == (
        ReferralSource.UNKNOWN,
        ReferralSource.EMAIL,
        ReferralSource.OTHER,
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"domains": ()}, "links.allowedDomains"),
        ({"domains": ("shop.example.com", "*.com")}, "links.allowedDomains"),
        ({"domains": ("shop.example.com", "https://x.example.com")}, "links.allowedDomains"),
        ({"domains": ("shop.example.com", "Shop.example.com")}, "links.allowedDomains"),
        ({"domains": ("shop.example.com", "10.0.0.1")}, "links.allowedDomains"),
        ({"domains": ("shop.example.com", "*")}, "links.allowedDomains"),
        ({"domains": ("shop.example.com",) * 2}, "links"),
        ({"default_url": "https://other.example.com/"}, "links.defaultUrl"),
        ({"parameter": "a b"}, "links.parameter"),
        ({"parameter": "campaign"}, "links.parameter"),
        ({"parameter": ""}, "links.parameter"),
        ({"cookie_days": 401}, "links.cookieDays"),
        ({"cookie_days": -1}, "links.cookieDays"),
        ({"cookie_domain": "example.com"}, "links.cookieDomain"),
        ({"campaigns": ("Spring",)}, "links.campaigns"),
        ({"campaigns": ("a_b",)}, "links.campaigns"),
        ({"campaigns": tuple(f"c{number}" for number in range(51))}, "links.campaigns"),
    ],
)
def test_rules_that_cannot_be_are_refused(changes: dict[str, Any], where: str) -> None:
    """A program that would lead to its own wrong page, or anywhere, is not made."""
    with pytest.raises(Invalid, match=f"^{where}: "):
        rules(**changes)
