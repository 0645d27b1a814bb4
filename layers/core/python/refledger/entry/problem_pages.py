"""Pages about each problem: what it means, what to do, and which calls answer it. Made from the API's own document."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlunsplit

from refledger.entry import problems

# What to do, by the status
ADVICE = {
    400: "Mend the request: it cannot be read as it was sent.",
    401: "Sign in, or ask for a new access token, and send the request again.",
    403: "Somebody with the right has to do it. Who may do what is in the reference, beside each call.",
    404: "Look at the id and at the stack that was asked. What is somebody else's is answered like what is not there.",
    405: "Use one of the methods that the header Allow names.",
    409: "Read the thing again: its state has changed, or another one is in the way. The same again is refused again.",
    412: "Read the thing again, and send the change with the new ETag in If-Match.",
    413: "Send less at once: split the request.",
    415: "Say in Content-Type what the body is, and send what the call takes.",
    422: "Mend what `detail` and `errors` name, and send it again, with a new Idempotency-Key.",
    428: "Read the thing first, and send its ETag in If-Match.",
    429: "Wait as long as Retry-After says. RateLimit tells in every answer how many calls are left.",
    500: "Not your fault. Send it again with the same Idempotency-Key; if it stays, quote the requestId.",
    503: "Send the same again after Retry-After, with the same Idempotency-Key if it had one: nothing happens twice.",
}


@dataclass
class ProblemCode:
    """What the document says of a code. `calls`: (operationId, method and path) of what answers it."""

    statuses: set[int] = field(default_factory=set)
    words: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)


def read(document: dict[str, Any]) -> dict[str, ProblemCode]:
    """Return every code that the API answers, by its name in addresses."""
    known: dict[str, ProblemCode] = defaultdict(ProblemCode)
    examples = (told["value"] for told in document["components"]["examples"].values())
    for told in (*examples, problems.METHOD_NOT_ALLOWED):
        one = known[_name(told["code"])]
        one.statuses.add(told["status"])
        one.words = told["detail"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            call = (operation["operationId"], f"{method.upper()} {path}")
            for code in dict.fromkeys(_answered(operation)):
                known[_name(code)].calls.append(call)
    return dict(sorted(known.items()))


def _answered(operation: dict[str, Any]) -> list[str]:
    """The codes of what an operation refuses."""
    contents = (told.get("content", {}) for told in operation["responses"].values())
    return [code for each in contents for code in each.get("application/problem+json", {}).get("examples", {})]


def _name(code: str) -> str:
    return problems.page_of(code).rpartition("/")[2]


def page(name: str, told: ProblemCode) -> bytes:
    """Make the page about one code."""
    code = name.upper().replace("-", "_")
    rows = "".join(
        f"<tr><td>{status}</td><td>{problems.TITLES[status]}</td><td>{escape(ADVICE[status])}</td></tr>"
        for status in sorted(told.statuses)
    )
    places = ((urlunsplit(("", "", "/docs", "", id)), key) for id, key in told.calls)
    calls = "".join(f'<li><a href="{place}"><code>{escape(key)}</code></a></li>' for place, key in places)
    answered = f"<h2>Answered by</h2><ul>{calls}</ul>" if calls else ""
    return _page(code, f"<p>{escape(told.words)}.</p><table>{rows}</table>{answered}")


def index(known: dict[str, ProblemCode]) -> bytes:
    """Make the page that leads to all of them."""
    rows = "".join(
        f'<tr><td><a href="/docs/problems/{name}"><code>{name.upper().replace("-", "_")}</code></a></td>'
        f"<td>{', '.join(map(str, sorted(told.statuses)))}</td><td>{escape(told.words)}</td></tr>"
        for name, told in known.items()
    )
    words = "<p>What is refused is answered by RFC 9457; rely on <code>code</code>.</p>"
    return _page("Problems", f"{words}<table>{rows}</table>")


def _page(title: str, body: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} - refledger API</title><link rel="stylesheet" href="/docs/reference.css"></head><body>'
        f'<p><a href="/docs">Reference</a> · <a href="/docs/problems">Problems</a></p><h1>{title}</h1>{body}'
        "</body></html>\n"
    ).encode()
