"""The SDKs as they are made from the document: they type-check, and Python's calls a server on the loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree, ignore_patterns, which
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from refledger.adapters import signed_webhooks
from refledger.adapters.queues import PaymentsQueue
from refledger.domain import clicks
from refledger.domain.clicks import Click
from refledger.domain.portals import Portal
from refledger.entry import access, config
from refledger.entry.http import Api
from refledger.operations.partners import portal_sessions
from scripts import sdk
from tests.support import keyed
from tests.support.functions import World, api_of
from tests.support.queues import Sqs

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
CALLS = sdk.grouped(json.loads(sdk.DOCUMENT.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both SDKs, made anew beside what is written by hand."""
    folder = tmp_path_factory.mktemp("sdk")
    for name in ("python", "typescript"):
        copytree(ROOT / "sdk" / name, folder / name, ignore=ignore_patterns("_api.py", "api.ts", "__pycache__", "dist"))
    sdk.write(folder)
    return folder


@pytest.fixture(scope="module")
def package(made: Path) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(made / "python" / "src"))
        yield importlib.import_module("refledger_sdk")


class Gateway(ThreadingHTTPServer):
    """The real functions behind HTTP. `first`: what is answered before they are asked."""

    def __init__(self, world: World, served: Any) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.world, self.served = world, served
        self.first: list[tuple[int, dict[str, str]]] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    server: Gateway

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers))
        if self.server.first:
            status, told = self.server.first.pop(0)
            self._send(status, told, b'{"code": "BUSY", "detail": "later"}')
            return
        answer = self.server.served(self.command, self.path, headers, body)
        self._send(answer["statusCode"], answer["headers"], answer["body"].encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        if status == 0:  # the line goes dead
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 the library's names

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def serve(world: World) -> Any:
    """Lead a request to the function of its route, as an admin's."""

    def answer(verb: str, target: str, headers: dict[str, str], body: str) -> dict[str, Any]:
        path, _, query = target.partition("?")
        parts = path.split("/")
        for route in sorted(access.ROUTES, key=lambda each: each.count("{")):
            method, _, template = route.partition(" ")
            names = template.split("/")
            if (
                method == verb
                and len(names) == len(parts)
                and all(n[:1] == "{" or n == p for n, p in zip(names, parts, strict=True))
            ):
                found = {name[1:-1]: part for name, part in zip(names, parts, strict=True) if name[:1] == "{"}
                asked = dict(each.split("=") for each in query.split("&")) if query else None
                event = world.event(
                    route, **world.as_admin(route), path=found, query=asked, text=body or None, headers=headers
                )
                api: Api = api_of(route)
                return api(event, None)
        raise AssertionError(f"no route for {verb} {path}")

    return answer


@pytest.fixture
def gateway(fresh: World) -> Iterator[Gateway]:
    server = Gateway(fresh, serve(fresh))
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def api(package: ModuleType, gateway: Gateway) -> Any:
    return package.Refledger(gateway.url, lambda: "a token", pause=lambda _: None)


# ---------------------------------------------------------------- what is made


def test_every_operation_has_a_call_of_its_own(package: ModuleType) -> None:
    """None is lost, and no two have one name."""
    made = package.Refledger("http://127.0.0.1", "token")
    document = json.loads(sdk.DOCUMENT.read_text(encoding="utf-8"))
    everything = [each for each in document["paths"].values() for _ in each]
    assert sum(map(len, CALLS.values())) > len(everything) - 30
    for group, those in CALLS.items():
        names = [sdk.python_name(sdk.camel(call.words)) for call in those]
        assert len(set(names)) == len(names)
        assert [name for name in names if not callable(getattr(getattr(made, sdk.snake(group)), name))] == []


def test_python_is_typed(made: Path) -> None:
    """By mypy's strictest, with what is made."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={made / 'mypy'}", "src"]
    done = subprocess.run(command, cwd=made / "python", capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout


def test_typescript_is_typed(made: Path) -> None:
    """By the compiler that the pages have."""
    compiler, node = ROOT / "web" / "node_modules" / "typescript" / "bin" / "tsc", which("node")
    assert node, "Node.js brings it"
    done = subprocess.run(
        [node, str(compiler), "-p", "."],
        cwd=made / "typescript",
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    script = made / "try.mjs"
    script.write_text(TRIED, encoding="utf-8")
    done = subprocess.run([node, str(script)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr


TRIED = """
import assert from "node:assert";
import { ApiError, Refledger, verify } from "./typescript/dist/index.js";

const asked = [];
const answers = [];
const json = (status, body, headers = {}) => new Response(JSON.stringify(body), { status, headers });
const pretend = async (url, sent) => {
  asked.push([sent.method, `${url.pathname}${url.search}`, sent.headers]);
  const next = answers.shift();
  if (next instanceof Error) throw next;
  return next;
};
const api = new Refledger("https://api.example.com/", () => "token", { fetch: pretend, pause: async () => {} });
answers.push(json(503, {}), new TypeError("dead line"), json(202, { outcome: "QUEUED", id: "order-1" }));
await api.events.sale({ paymentId: "order-1", customerId: "c", amount: 1, currency: "EUR" });
assert.equal(asked.length, 3);
assert.equal(new Set(asked.map(([, , headers]) => headers["idempotency-key"])).size, 1);
answers.push(json(200, { data: [{ id: "a" }], nextCursor: "x y" }), json(200, { data: [], nextCursor: "z" }));
answers.push(json(200, { data: [{ id: "b" }], nextCursor: null }));
const found = [];
for await (const each of api.partners.listAll({ programId: "default" })) found.push(each.id);
assert.deepEqual(found, ["a", "b"]);
assert.match(asked.at(-2)[1], /cursor=x\\+y/);
answers.push(json(404, { code: "PARTNER_NOT_FOUND" }));
const isRefusal = (error) => error instanceof ApiError && error.code === "PARTNER_NOT_FOUND";
await assert.rejects(api.partners.get("a/../b"), isRefusal);
assert.equal(asked.at(-1)[1], "/api/v1/partners/a%2F..%2Fb");
const withKey = new Refledger("https://api.example.com", "rl_live_0", { fetch: pretend });
answers.push(json(200, { data: [], nextCursor: null }));
await withKey.programs.list({ limit: 5 });
assert.equal(asked.at(-1)[1], "/keyed/api/v1/programs?limit=5");
const headers = new Headers({ "webhook-id": "m", "webhook-timestamp": "1000", "webhook-signature": "v1,x" });
assert.equal(await verify("{}", headers, "whsec_AAAA", 1000_000), false);
"""


# ---------------------------------------------------------------- Python, at the real functions


def test_pages_are_walked_to_their_end(api: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, each once."""
    monkeypatch.setattr(api.partners, "list_", lambda ask=api.partners.list_, **more: ask(**{**more, "limit": 1}))
    ids = {gateway.world.books.partner(name).id for name in ("bob", "eve")}
    found = [each["id"] for each in api.partners.list_all(program_id="default")]
    assert (len(found), set(found)) == (2, ids)
    assert len(gateway.asked) == 2


def test_what_is_repeated_has_one_key(api: Any, gateway: Gateway) -> None:
    """Refused for now, a gateway's fault, a dead line: the same key each time, and one partner."""
    gateway.first = [(503, {"retry-after": "1"}), (502, {}), (0, {}), (429, {})]
    new = {"firstName": "Ada", "lastName": "Example", "email": "ada.of.sdk@example.com"}
    made = api.partners.create(new)
    assert made["email"] == "ada.of.sdk@example.com"
    keys = [headers["idempotency-key"] for _, _, headers in gateway.asked]
    assert (len(keys), len(set(keys))) == (5, 1)


def test_a_refusal_is_told_with_its_code(package: ModuleType, api: Any, gateway: Gateway) -> None:
    """And what has no key and changes something is not sent twice when nobody knows what became of it."""
    with pytest.raises(package.ApiError) as refused:
        api.partners.get("p" * 16)
    assert (refused.value.status, refused.value.code) == (404, "PARTNER_NOT_FOUND")
    gateway.asked.clear()
    gateway.first = [(502, {})]
    with pytest.raises(package.ApiError):
        api.partners.update("p" * 16, {"tier": "gold"}, if_match=1)
    assert len(gateway.asked) == 1
    assert gateway.asked[0][2]["if-match"] == '"1"'


def test_ids_stay_in_their_place(package: ModuleType, api: Any, gateway: Gateway) -> None:
    """No id leads to another path."""
    with pytest.raises(package.ApiError):
        api.partners.get("a/../../programs")
    assert gateway.asked[0][1] == "/api/v1/partners/a%2F..%2F..%2Fprograms"


# ---------------------------------------------------------------- signatures, and who came


def test_what_it_signs_is_believed(package: ModuleType) -> None:
    """By the check of the webhook itself."""
    body, secret = b'{"type": "Lead Created"}', "s" * 32
    (header,) = package.sign(body, secret, 1_000).values()
    signed_webhooks.check(body, header, [secret], now_ms=1_000_000)


def test_a_message_is_believed_by_its_signature(package: ModuleType) -> None:
    """Of these bytes, this id, this time, by one of several signatures; nothing else."""
    secret, body = "whsec_" + base64.b64encode(b"k" * 24).decode(), b'{"type":"x"}'
    digest = base64.b64encode(hmac.new(b"k" * 24, b"m1.1000." + body, hashlib.sha256).digest()).decode()
    told = {"Webhook-Id": "m1", "Webhook-Timestamp": "1000", "Webhook-Signature": f"v1a,AA== v1,AAAA v1,{digest}"}
    package.verify(body, told, secret, 1_200)
    for wrong, at in (
        ({**told, "Webhook-Id": "m2"}, 1_200), (told, 1_301), ({}, 1_000), ({**told, "Webhook-Signature": ""}, 1_000),
        ({**told, "Webhook-Timestamp": "\u0661000"}, 1_000), ({**told, "Webhook-Signature": f"v2,{digest}"}, 1_000),
    ):  # fmt: skip
        with pytest.raises(package.NotSigned):
            package.verify(body, wrong, secret, at)


def test_a_server_keeps_what_the_tracker_reads(package: ModuleType) -> None:
    """The same cookie, and a real click id; text that could be neither is nothing."""
    id = clicks.id_of(Click("ANA7K2M9QX", 1_795_000_000_000), b"12345", lambda _: bytes(10))
    came = package.from_query({"ref": "ANA7K2M9QX", "ref_id": id})
    assert came.reference == id
    cookie = package.set_cookie(came, days=1).split(";")[0]
    assert package.from_cookie({"refledger": cookie.partition("=")[2]}) == came
    for bad in ({}, {"ref": "a b"}, {"ref": "abc"}, {"ref": "x; Domain=evil.example"}, {"ref": "ABCD\r\nX: y"}):
        assert package.from_query(bad) is None
    assert package.from_query({"ref": "ABCD", "ref_id": "clk_<"}).click_id == ""


# ---------------------------------------------------------------- examples


def shop_of(name: str) -> Any:
    """A visitor of an example's server."""
    spec = importlib.util.spec_from_file_location(f"shop_of_{name}", EXAMPLES / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app.test_client()


def test_the_embedded_portal_runs(package: ModuleType, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page names the stack's script; its server hands out tokens of who is signed in, to its own page alone."""
    books = gateway.world.books
    books.change_program(portal=Portal(("http://127.0.0.1:5000",)))
    books.chain("alice", "bob")
    monkeypatch.setenv("REFLEDGER_URL", gateway.url)
    monkeypatch.setenv("REFLEDGER_TOKEN", "token")
    monkeypatch.setenv("PARTNER_ID", books.partner("bob").id)
    visitor = shop_of("embedded-portal")
    assert f'src="{gateway.url}/embed.js"' in visitor.get("/").text
    answer = visitor.post("/partner-token", headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    shown = portal_sessions.partner_of(books.context, answer.json["token"])
    assert (shown.id, set(answer.json)) == (books.partner("bob").id, {"token"})
    assert visitor.post("/partner-token", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_the_flask_shop_runs(package: ModuleType, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor of a link buys: the cookie is the server's, and the sale names the click."""
    queue = Sqs()
    monkeypatch.setattr(config, "payments_queue", lambda: PaymentsQueue(queue, "payments"))
    monkeypatch.setenv("REFLEDGER_URL", gateway.url)
    monkeypatch.setenv("REFLEDGER_TOKEN", "token")
    visitor = shop_of("flask")
    id = clicks.id_of(Click("ANA7K2M9QX", 1_795_000_000_000), b"12345", lambda _: bytes(10))
    https = "https://shop.example.com"
    kept = visitor.get(f"/?ref=ANA7K2M9QX&ref_id={id}", base_url=https).headers["set-cookie"]
    assert kept == f"refledger=ANA7K2M9QX.{id}; Max-Age=2592000; Path=/; Secure; SameSite=Lax"
    assert visitor.post("/checkout", base_url=https).status_code == 303
    (message,) = queue.dead
    sale = json.loads(message["MessageBody"])["detail"]
    assert (sale["clickId"], sale["referralCode"], sale["amount"]) == (id, "ANA7K2M9QX", 10_000)


def test_the_route_of_next_is_typescript(tmp_path: Path) -> None:
    """As far as its own text goes; Next.js and Stripe are not installed here."""
    script = tmp_path / "parse.cjs"
    route = EXAMPLES / "nextjs-route" / "app" / "api" / "checkout" / "route.ts"
    script.write_text(
        f"""const ts = require({json.dumps(str(ROOT / "web" / "node_modules" / "typescript"))});
const text = require("fs").readFileSync({json.dumps(str(route))}, "utf8");
const {{ diagnostics }} = ts.transpileModule(text, {{ reportDiagnostics: true, compilerOptions: {{ strict: true }} }});
if (diagnostics.length) throw new Error(JSON.stringify(diagnostics.map((each) => each.messageText)));
""",
        encoding="utf-8",
    )
    node = which("node")
    assert node, "Node.js brings it"
    done = subprocess.run([node, str(script)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr


def test_a_key_is_called_where_keys_are_taken(
    package: ModuleType, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API key in the place of a token goes below /keyed, and is answered there."""
    keyed.calling(monkeypatch)
    world, body = gateway.world, {"name": "Shop", "scopes": ["programs:read"]}
    text = world.admin("POST /api/v1/api-keys", body=body).body["key"]
    gateway.served = lambda verb, target, headers, _: keyed.answered(
        world, verb, target.removeprefix("/keyed").partition("?")[0], headers=headers
    )
    for token in (text, lambda: text):
        api = package.Refledger(gateway.url, token)
        assert [each["id"] for each in api.programs.list_all()] == ["default"]
        assert gateway.asked[-1][1].startswith("/keyed/api/v1/programs?")
