"""The console and the portal as files: who may have them, what they may do in a browser, what is sent of them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refledger.entry import access
from tests.support.functions import Answer, World, assert_problem, load

PAGES = {
    "GET /console": {}, "GET /console/{screen}": {"screen": "inbox"},
    "GET /console/{screen}/{thing}": {"screen": "withdrawals", "thing": "abc"}, "GET /portal": {},
    "GET /portal/{screen}": {"screen": "accounts"},
}  # fmt: skip
ASSET = "GET /assets/{file}"
SCRIPT = b"console.log(1);" * 100


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What a build leaves: a page each, and a script in three forms (the second packed by hand, to be told apart)."""
    (tmp_path / "assets").mkdir()
    for name in ("console", "portal"):
        page = f'<!doctype html><title>{name}</title><script type="application/json">{{/*settings*/}}</script>'
        (tmp_path / f"{name}.html").write_text(page, "utf-8")
    (tmp_path / "assets" / "a-1B.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "a-1B.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "assets" / "a-1B.js.br").write_bytes(b"as brotli")
    (tmp_path / "t.js").write_bytes(SCRIPT)
    (tmp_path / "secret.txt").write_text("not for anybody", "utf-8")
    module: Any = load("web")
    monkeypatch.setattr(module, "SITE", tmp_path)
    module._filled.cache_clear(), module._file.cache_clear()
    yield tmp_path
    module._filled.cache_clear(), module._file.cache_clear()


def ask(world: World, route: str, path: dict[str, str] | None = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.call(route, sub=None, path=path, headers=named)


def text(answer: Answer) -> str:
    return answer.body if isinstance(answer.body, str) else gzip.decompress(answer.body).decode()


def test_any_site_may_load_the_tracker(world: World) -> None:
    """From any origin, under any policy that it has itself; kept for an hour, and asked for again by its tag."""
    answer = ask(world, "GET /t.js", accept_encoding="gzip")
    assert (answer.status, text(answer)) == (200, SCRIPT.decode())
    told = {
        "content-type": "text/javascript; charset=utf-8", "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin", "x-content-type-options": "nosniff",
    }  # fmt: skip
    assert told.items() <= answer.headers.items()
    assert re.match(r"public, max-age=3600\b", answer.headers["cache-control"])
    assert "set-cookie" not in answer.headers
    assert ask(world, "GET /t.js", if_none_match=answer.headers["etag"]).status == 304


def test_the_root_leads_to_the_console(world: World) -> None:
    """Who types the host's name gets somewhere."""
    answer = ask(world, "GET /")
    assert (answer.status, answer.headers["location"]) == (302, "/console")


@pytest.mark.parametrize("route", PAGES)
def test_a_page_comes_at_every_depth(world: World, route: str) -> None:
    """The same page for each screen, for it looks at its address itself; it knows where people sign in."""
    answer = ask(world, route, PAGES[route])
    assert answer.status == 200
    assert f"<title>{'portal' if 'portal' in route else 'console'}</title>" in text(answer)
    (settings,) = re.findall(r'json">(.*)</script>', text(answer))
    assert json.loads(settings) == {"authority": "https://issuer.example.com/pool", "clientId": "pages"}
    assert access.ROUTES[route] is access.PUBLIC


@pytest.mark.parametrize("route", PAGES)
def test_a_page_runs_nothing_of_others(world: World, route: str) -> None:
    """Scripts from here alone, calls to here and to the issuer alone, in nobody's frame."""
    headers = ask(world, route, PAGES[route]).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert policy["connect-src"] == "'self' https://issuer.example.com https://sign-in.example.com"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_page_is_asked_for_again_and_sent_once(world: World) -> None:
    """A new build is seen at once, and the same one costs a line."""
    first = ask(world, "GET /console", accept_encoding="gzip")
    assert first.headers["cache-control"] == "no-cache"
    again = ask(world, "GET /console", accept_encoding="gzip", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, "")
    looked = ask(world, "HEAD /console", accept_encoding="gzip")
    assert (looked.status, looked.headers, looked.body) == (200, first.headers, "")


@pytest.mark.parametrize(
    ("accepted", "coding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("", "")]
)
def test_an_asset_is_kept_for_ever_in_the_best_form(world: World, accepted: str, coding: str) -> None:
    """Its name changes with what is in it; packed when it was built, not when it is asked for."""
    answer = ask(world, ASSET, {"file": "a-1B.js"}, accept_encoding=accepted)
    assert answer.headers.get("content-encoding", "") == coding
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "accept-encoding"
    if coding == "br":
        assert answer.body == b"as brotli"
    else:
        assert text(answer).encode() == SCRIPT
    had = ask(world, ASSET, {"file": "a-1B.js"}, if_none_match=answer.headers["etag"])
    assert had.status == 304


@pytest.mark.parametrize(
    "name", ["b.js", "../secret.txt", "..%2Fsecret.txt", "secret.txt", ".js", "a-1B.js.gz", "", "a/b.js"]
)
def test_nothing_else_is_served(world: World, name: str) -> None:
    """No other file, however it is asked for."""
    assert_problem(ask(world, ASSET, {"file": name}), 404)


def test_without_a_build_the_pages_say_so(world: World, site: Path) -> None:
    """503, and what to do; not a fault of the one who asks."""
    (site / "console.html").unlink()
    answer = ask(world, "GET /console")
    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    assert "make build" in answer.body["detail"]


def test_what_the_settings_say_cannot_end_the_script(world: World) -> None:
    """An issuer with a tag in its address stays text."""
    world.variables["SIGN_IN_ISSUER"] = "https://issuer.example.com/</script><b>"
    try:
        page = text(ask(world, "GET /portal"))
    finally:
        world.variables["SIGN_IN_ISSUER"] = "https://issuer.example.com/pool"
    assert page.count("</script>") == 1
