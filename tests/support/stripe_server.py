"""Stripe as far as payouts go, on this machine: transfers, their reversals, accounts, idempotency keys, signed events.

It speaks the HTTP that https://docs.stripe.com/api documents (form bodies, Bearer keys, Request-Id, error objects,
cursors) and keeps what an idempotency key answered, as Stripe does from the moment that a request begins to execute.
`fail` makes the next requests go wrong in one of the ways that a network and a provider have.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY = "sk_test_keyOfTheTests"
ACCOUNT = "acct_1MTfjCQ9PRzxEwkZ"
SECRET = "whsec_of_the_tests_which_is_as_long_"
KEEP_SECONDS = 24 * 3600
LISTED_SECONDS = 30 * 24 * 3600

Json = dict[str, Any]
Reply = tuple[int, Json]


@dataclass(frozen=True)
class Failure:
    """`after`: what was asked for is done first. `status` None: the connection ends without an answer, or is reset."""

    status: int | None = None
    type: str = "api_error"
    code: str = ""
    after: bool = False
    reset: bool = False
    silent_seconds: float = 0  # no answer for so long, and none at all after it
    path: str = "/v1/transfers"
    method: str = "POST"
    body: bytes | None = None  # another body than Stripe's, of something on the way


@dataclass
class _Kept:
    """What a key was first used for, what was answered, and when."""

    request: tuple[str, str]
    reply: Reply
    at: float


@dataclass
class StripeServer:
    """The account of an owner. `balance`: available, per currency, in Stripe's units; `transfers`: oldest first."""

    balance: dict[str, int] = field(default_factory=lambda: {"usd": 10**9, "isk": 10**9, "kwd": 10**9, "jpy": 10**9})
    accounts: dict[str, Json] = field(default_factory=dict)
    transfers: list[Json] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)  # method, path, form or query
    headers: list[dict[str, str]] = field(default_factory=list)
    deliver: Callable[[bytes, dict[str, str]], object] | None = None  # where events go: body and headers
    events: list[Json] = field(default_factory=list)  # of the last month, oldest first, delivered or not
    clock: Callable[[], float] = time.time
    livemode: bool = False
    key: str = KEY
    secret: str = SECRET
    base: str = ""
    port: int = 0

    def __post_init__(self) -> None:
        self._numbers, self._lock = itertools.count(1), threading.RLock()
        self._keys: dict[str, _Kept] = {}
        self._failures: list[Failure] = []
        self.add_account(ACCOUNT)

    # ---------------------------------------------------------------- what a test says

    def add_account(self, id: str, *, transfers: str = "active", payouts_enabled: bool = True) -> None:
        self.accounts[id] = {
            "id": id, "object": "account", "country": "DE", "type": "express", "details_submitted": True,
            "charges_enabled": True, "payouts_enabled": payouts_enabled, "capabilities": {"transfers": transfers},
            "requirements": {"disabled_reason": None, "currently_due": []},
        }  # fmt: skip

    def fail(self, *failures: Failure) -> None:
        """The next requests that a failure's method and path fit, in this order."""
        self._failures += failures

    def forget_keys(self) -> None:
        """A day later: keys that are pruned are executed anew."""
        self._keys.clear()

    @property
    def posts(self) -> int:
        """How often a transfer was asked for, with an answer or without."""
        return sum((method, path) == ("POST", "/v1/transfers") for method, path, _ in self.requests)

    def paid(self, withdrawal_id: str) -> int:
        """What has been moved for a withdrawal and not come back, in Stripe's units."""
        ours = [t for t in self.transfers if t["metadata"].get("withdrawalId") == withdrawal_id]
        return sum(t["amount"] - t["amount_reversed"] for t in ours)

    def reverse(self, transfer_id: str, amount: int | None = None) -> Json:
        """In the dashboard, by hand: all of it, or `amount`."""
        (transfer,) = [each for each in self.transfers if each["id"] == transfer_id]
        status, reversal = self._reverse(transfer, {} if amount is None else {"amount": str(amount)})
        assert status == 200, reversal
        return transfer

    def tell(self, kind: str, transfer: Json, **changes: Any) -> None:
        """Send an event about a transfer, signed now."""
        body = json.dumps(self.happen(kind, transfer) | changes).encode()
        if self.deliver:
            self.deliver(body, {"stripe-signature": signature(body, self.secret), "content-type": "application/json"})

    def happen(self, kind: str, subject: Json) -> Json:
        """The event of something that happened, as it is listed from now on."""
        event = self.event(kind, subject)
        self.events.append(event)
        return event

    def event(self, kind: str, transfer: Json) -> Json:
        return {
            "id": f"evt_{next(self._numbers)}", "object": "event", "api_version": "2026-10-28.endive",
            "created": int(self.clock()), "livemode": self.livemode, "type": kind, "pending_webhooks": 1,
            "data": {"object": json.loads(json.dumps(transfer))}, "request": {"id": None, "idempotency_key": None},
        }  # fmt: skip

    # ---------------------------------------------------------------- what it answers

    def handle(self, method: str, path: str, given: dict[str, str], headers: dict[str, str]) -> Reply:
        with self._lock:
            self.requests.append((method, path, given))
            self.headers.append(headers)
            if headers.get("authorization") != f"Bearer {self.key}":
                return _error(401, "invalid_request_error", "", f"Invalid API Key provided: {self.key[:7]}****")
            key = headers.get("idempotency-key", "")
            if method != "POST" or not key:
                return self._execute(method, path, given)
            asked, kept = (path, json.dumps(given, sort_keys=True)), self._keys.get(key)
            if kept and time.time() - kept.at < KEEP_SECONDS:
                if kept.request != asked:
                    return _error(400, "idempotency_error", "", f"Keys for idempotent requests: {key} was used before")
                return kept.reply
            status, answer = self._execute(method, path, given)
            began = answer.get("error", {}).get("code") not in ("parameter_missing", "parameter_invalid_integer")
            if began:  # what fails validation is not kept
                self._keys[key] = _Kept(asked, (status, json.loads(json.dumps(answer))), time.time())
            return status, answer

    def keep_error(self, path: str, given: dict[str, str], headers: dict[str, str], reply: Reply) -> None:
        """Errors of the server are kept under the key as well: "including 500 errors"."""
        asked = (path, json.dumps(given, sort_keys=True))
        self._keys[headers.get("idempotency-key", "")] = _Kept(asked, reply, time.time())

    def _execute(self, method: str, path: str, given: dict[str, str]) -> Reply:
        match method, path.strip("/").split("/")[1:]:
            case "POST", ["transfers"]:
                return self._create(given)
            case "GET", ["transfers"]:
                return self._list(given)
            case "GET", ["events"]:
                return self._list_events(given)
            case "GET", ["transfers", id]:
                return self._known(id, lambda transfer: (200, transfer))
            case "POST", ["transfers", id, "reversals"]:
                return self._known(id, lambda transfer: self._reverse(transfer, given))
            case "GET", ["accounts", id]:
                if id not in self.accounts:
                    text = f"The provided key does not have access to account '{id}' (or that account does not exist)."
                    return _error(403, "invalid_request_error", "account_invalid", text)
                return 200, self.accounts[id]
        return _error(404, "invalid_request_error", "", f"Unrecognized request URL ({method}: {path}).")

    def _create(self, given: dict[str, str]) -> Reply:
        for name in ("currency", "destination"):
            if name not in given:
                return _error(400, "invalid_request_error", "parameter_missing", f"Missing required param: {name}.")
        if not given.get("amount", "").isdigit() or int(given["amount"]) < 1:
            return _error(400, "invalid_request_error", "parameter_invalid_integer", "Invalid positive integer")
        amount, currency, destination = int(given["amount"]), given["currency"], given["destination"]
        if destination not in self.accounts:
            return _error(400, "invalid_request_error", "resource_missing", f"No such destination: '{destination}'")
        if self.accounts[destination]["capabilities"].get("transfers") != "active":
            text = "Your destination account needs at least one of the following capabilities: transfers"
            return _error(400, "invalid_request_error", "insufficient_capabilities_for_transfer", text)
        if self.balance.get(currency, 0) < amount:
            text = "You have insufficient funds in your Stripe account for this transfer."
            return _error(400, "invalid_request_error", "balance_insufficient", text)
        self.balance[currency] -= amount
        number = next(self._numbers)
        transfer = {
            "id": f"tr_{number:024}", "object": "transfer", "amount": amount, "amount_reversed": 0,
            "balance_transaction": f"txn_{number}", "created": int(self.clock()), "currency": currency,
            "description": None, "destination": destination, "destination_payment": f"py_{number}",
            "livemode": self.livemode, "metadata": _nested(given, "metadata"), "reversals": _list_of([], ""),
            "reversed": False, "source_transaction": None, "source_type": "card",
            "transfer_group": given.get("transfer_group"),
        }  # fmt: skip
        self.transfers.append(transfer)
        self.tell("transfer.created", transfer)
        return 200, transfer

    def _list(self, given: dict[str, str]) -> Reply:
        found = [t for t in reversed(self.transfers) if given.get("transfer_group") in (None, t["transfer_group"])]
        return _page(found, given, "/v1/transfers")

    def _list_events(self, given: dict[str, str]) -> Reply:
        """Of the last 30 days, newest first; up to 20 types."""
        types = {value for name, value in given.items() if name.startswith("types[")}
        if len(types) > 20:
            return _error(400, "invalid_request_error", "", "too many types")
        listed = [e for e in reversed(self.events) if e["created"] >= self.clock() - LISTED_SECONDS]
        return _page([e for e in listed if e["type"] in types or not types], given, "/v1/events")

    def _reverse(self, transfer: Json, given: dict[str, str]) -> Reply:
        left = transfer["amount"] - transfer["amount_reversed"]
        amount = int(given.get("amount", left))
        if not 0 < amount <= left:
            return _error(400, "invalid_request_error", "", "more than is left of the transfer")
        transfer["amount_reversed"] += amount
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        self.balance[transfer["currency"]] += amount
        reversal = {"id": f"trr_{next(self._numbers)}", "object": "transfer_reversal", "amount": amount,
                    "currency": transfer["currency"], "transfer": transfer["id"], "metadata": {}}  # fmt: skip
        transfer["reversals"]["data"].insert(0, reversal)
        self.tell("transfer.reversed", transfer)
        return 200, reversal

    def _known(self, id: str, then: Callable[[Json], Reply]) -> Reply:
        for transfer in self.transfers:
            if transfer["id"] == id:
                return then(transfer)
        return _error(404, "invalid_request_error", "resource_missing", f"No such transfer: '{id}'")

    def next_failure(self, method: str, path: str) -> Failure | None:
        with self._lock:
            for number, failure in enumerate(self._failures):
                if (failure.method, failure.path) == (method, path):
                    return self._failures.pop(number)
        return None


def signature(body: bytes, secret: str, at: int | None = None) -> str:
    """Stripe-Signature: https://docs.stripe.com/webhooks/signature, computed here from that page and nothing else."""
    at = int(time.time()) if at is None else at
    return f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


@contextmanager
def running(server: StripeServer | None = None) -> Iterator[StripeServer]:
    """On a free port of the loopback, until the block ends."""
    account = server or StripeServer()
    ended = threading.Event()

    class Handler(_Handler):
        stripe, is_over = account, ended

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        account.port = http.server_address[1]
        account.base = f"http://127.0.0.1:{account.port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield account
        finally:
            ended.set()
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stripe: StripeServer
    is_over: threading.Event

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        url = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("content-length", 0))).decode() if method == "POST" else url.query
        given = dict(parse_qsl(text, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        failure = self.stripe.next_failure(method, url.path)
        if failure is None:
            self._answer(*self.stripe.handle(method, url.path, given, headers))
            return
        if failure.after:
            self.stripe.handle(method, url.path, given, headers)
        if failure.status and failure.status >= 500 and failure.body is None:
            self.stripe.keep_error(url.path, given, headers, _error(failure.status, failure.type, failure.code, "kept"))
        if failure.silent_seconds:
            self.is_over.wait(failure.silent_seconds)
        if failure.status:
            self._answer(*_error(failure.status, failure.type, failure.code, "as the test wants it"), failure.body)
        else:
            self._break_off(failure.reset)

    def _answer(self, status: int, answer: Json, other: bytes | None = None) -> None:
        body = json.dumps(answer).encode() if other is None else other
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if other is None else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", f"req_{len(self.stripe.requests):014}")
        self.end_headers()
        self.wfile.write(body)

    def _break_off(self, reset: bool) -> None:
        if reset:  # a packet that says so, instead of an orderly end
            import socket
            import struct

            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def _error(status: int, type: str, code: str, message: str) -> Reply:
    said = {"type": type, "message": message, "request_log_url": "https://dashboard.stripe.com/test/logs/req_x"}
    return status, {"error": {**said, **({"code": code} if code else {})}}


def _page(found: list[Json], given: dict[str, str], url: str) -> Reply:
    """What of it the filter on `created` lets through, behind the cursor."""
    least, most = int(given.get("created[gte]", 0)), int(given.get("created[lt]", 2**62))
    found = [each for each in found if least <= each.get("created", 0) < most]
    if after := given.get("starting_after"):
        if after not in [each["id"] for each in found]:
            return _error(400, "invalid_request_error", "resource_missing", f"No such object: '{after}'")
        found = found[[each["id"] for each in found].index(after) + 1 :]
    limit = int(given.get("limit", "10"))
    return 200, {**_list_of(found[:limit], url), "has_more": len(found) > limit}


def _list_of(data: list[Json], url: str) -> Json:
    return {"object": "list", "data": data, "has_more": False, "url": url}


def _nested(given: dict[str, str], name: str) -> dict[str, str]:
    """metadata[a]=b → {"a": "b"}."""
    prefix = f"{name}["
    return {key[len(prefix) : -1]: value for key, value in given.items() if key.startswith(prefix)}
