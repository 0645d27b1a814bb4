"""README's story, command by command as it is printed, and the demo world, on one stack."""

from __future__ import annotations

import http.server
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts import demo_world, seed
from scripts.demo import Client, eventually
from undocked.testing import Stack

ROOT = Path(__file__).parents[2]
PEOPLE = re.compile(r"\b(alice|bob|ida|fred)\b")
FACTS = re.compile(r'(\\?"(?:paymentId|refundId)\\?":\\?")([\w-]+)')
PATIENCE_SECONDS = 180
AWS_CLI = f"""#!{sys.executable}
# As much of the AWS CLI as the story needs, strict about the rest.
import argparse, json, os, sys, boto3
parser = argparse.ArgumentParser()
parser.add_argument("--endpoint-url", required=True)
parser.add_argument("service", choices=["events"])
parser.add_argument("command", choices=["put-events"])
parser.add_argument("--entries", type=json.loads, required=True)
given = parser.parse_args()
answer = boto3.client("events", endpoint_url=given.endpoint_url).put_events(Entries=given.entries)
sys.exit(answer["FailedEntryCount"])
"""


def indented(text: str) -> str:
    """The commands of a text: its indented lines, in one piece."""
    return "\n".join(line for line in text.splitlines() if line.startswith("  ") and not line.startswith("  make "))


def of_readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8").split("## The story, by hand")[1].split("\n## ")[0]


def runnable(commands: str) -> str:
    """As bash runs them; a line that ends with what it prints is asked until it does (events take a moment)."""
    lines = ["set -euo pipefail"]
    for line in commands.splitlines():
        command, mark, wanted = line.partition("  # ")
        if not mark:
            lines.append(line)
            continue
        pattern = "*".join(map(shlex.quote, wanted.strip().split("…")))
        lines += [
            f"tries=0; until out=$({command.strip()}) && [[ $out == {pattern} ]]; do",
            f'  (( ++tries < {PATIENCE_SECONDS} )) || {{ echo {shlex.quote(line)} said "$out" >&2; exit 1; }}; sleep 1',
            "done",
        ]
    return "\n".join(lines)


@pytest.fixture
def terminal(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has set the ports, and has the AWS CLI or is told what stands in for it."""
    (tmp_path / "aws").write_text(AWS_CLI)
    (tmp_path / "aws").chmod(0o755)
    (tmp_path / "python3").symlink_to(sys.executable)
    return {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "API_PORT": str(stack.api_port), "AWS_PORT": str(stack.aws_port),
        "HOME": str(tmp_path), "PYTHONPATH": str(ROOT),
    }  # fmt: skip


@pytest.mark.parametrize("has_aws_cli", [True, False])
def test_the_story_by_hand_goes_as_it_is_printed(
    client: Client, terminal: dict[str, str], has_aws_cli: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is refused, and the figures are those of the text. The second time it is told of other people."""

    def renamed(text: str) -> str:
        return text if has_aws_cli else FACTS.sub(r"\1again-\2", PEOPLE.sub(r"\1-again", text))

    seed.seed(client, is_empty=True)
    text = renamed(of_readme())
    if not has_aws_cli:
        (Path(terminal["HOME"]) / "aws").unlink()  # README says what stands in for it
    done = subprocess.run(
        ["bash", "-c", runnable(indented(text))],
        cwd=ROOT, env=terminal, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.findall(r'.*"status": ?[45][0-9][0-9].*', done.stdout) == []

    def minor(pattern: str) -> int:
        (found,) = re.findall(pattern, re.sub(r"\s+", " ", text))
        return int(found.replace(".", ""))

    def balance(who: str) -> tuple[int, int]:
        (usd,) = client.get(renamed(who), "/ledger/balances")["data"]
        return usd["available"], usd["paid"]

    asked = minor(r"asks for ([0-9.]+),")
    assert balance("alice") == (minor(r"her reward is ([0-9.]+) now") - asked, asked)


def test_the_demo_world_is_worth_looking_at(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """A start and another one: partners who have earned, been paid and wait; and what staff have to decide about."""
    seed.seed(client)
    assert "demo world: ready" in capsys.readouterr().out
    seed.seed(client)
    assert "demo world" not in capsys.readouterr().out
    own = {"programId": demo_world.ID}
    names = {each["companyName"] for each in client.get("admin", "/partners", limit=100, **own)["data"]}
    assert names == {each.company for each in demo_world.PARTNERS}

    def withdrawals() -> list[int]:
        return [len(client.get("admin", "/withdrawals", status=s, **own)["data"]) for s in ("PAID", "REQUESTED")]

    eventually(withdrawals, [2, 5], "withdrawals that are paid, and that wait")
    (lena,) = client.get("lena", "/me/balance")["data"]
    paid, reserved = (amount * 100 for amount in demo_world.PARTNERS[0].asks)
    assert (lena["paid"], lena["reserved"]) == (paid, reserved)
    assert lena["available"] > 0 < lena["pending"]
    inbox = {each["kind"]: each["count"] for each in client.get("admin", "/inbox")["data"]}
    assert min(inbox[each] for each in ("WITHDRAWALS_TO_DECIDE", "APPLICATIONS", "ADJUSTMENTS", "DISPUTES")) > 0
    assert client.get("ida", "/me/balance")["data"][0]["available"] > 0


@pytest.mark.parametrize("script", ["scripts/seed.py", "scripts/demo.py"])
def test_a_foreign_stack_is_left_alone(terminal: dict[str, str], script: str) -> None:
    """What answers at the ports and is no refledger gets nothing but the question who it is."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"GET {self.path}")
            body = b'{"stack": "shop"}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            asked.append(f"POST {self.path}")
            self.send_error(500)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {**terminal, "API_PORT": str(server.server_port)}
        done = subprocess.run(
            [sys.executable, script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        server.shutdown()
    assert done.returncode == 1
    assert "is not a local stack of refledger: set API_PORT and AWS_PORT" in done.stdout
    assert asked == ["GET /_local/about"]
