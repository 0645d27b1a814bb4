"""Starting, stopping, crashing and starting again: what survives, what is left behind, what is noticed."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from undocked.testing import Stack, StartFailedError, free_ports, wait_until
from undocked_tests.conftest import SAMPLE
from undocked_tests.shop_client import invoke, notes, put, queue_url, send_event

ASK = """
import json, os, sys, urllib.request
ports = [os.environ[name] for name in ("API_PORT", "AWS_PORT", "DYNAMODB_PORT")]
about = json.load(urllib.request.urlopen("http://127.0.0.1:" + ports[0] + "/_local/about"))
with open(sys.argv[1] + "/ran", "w") as file:
    file.write(" ".join([*ports, str(about["dynamodb"])]))
"""
PROXY = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample that tests may change; returns its template."""
    copy = tmp_path_factory.mktemp("project") / "sample"
    shutil.copytree(SAMPLE.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy / "template.yaml"


@pytest.fixture(scope="module")
def stack(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that the tests of this file crash and restart, one after another; its user has a proxy."""
    data, ask = tmp_path_factory.mktemp("data"), f"{sys.executable} -c '{ASK}' "
    with Stack(project, data=data, options=["--when-ready", f"{ask}{data}"], environment=PROXY) as running:
        yield running


def test_a_command_runs_when_the_stack_is_ready(stack: Stack) -> None:
    """With the ports of this stack, which answers it."""
    ran = stack.data / "ran"
    wait_until(lambda: ran.exists() and ran.read_text(encoding="utf-8"))
    ports = f"{stack.api_port} {stack.aws_port} {stack.dynamodb_port}"
    assert ran.read_text(encoding="utf-8") == f"{ports} {stack.about()['dynamodb']}"


def children_of(stack: Stack) -> list[psutil.Process]:
    """All processes that the stack has started: JVM, reaper, workers."""
    return psutil.Process(stack.pid).children(recursive=True)


def assert_all_gone(processes: list[psutil.Process]) -> None:
    """None of them may outlive the stack by more than a moment."""
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive


def audited(stack: Stack, run: str) -> dict[str, int]:
    """How often the audit function has seen each order of a run."""
    found = [note for note in notes(stack, "audit") if run in note["SK"]]
    return {note["SK"].split("/")[0]: int(note["seen"]) for note in found}


def test_a_crash_loses_nothing_and_leaves_nothing(stack: Stack) -> None:
    """kill -9 in the middle of work: every child goes, also a busy one; every accepted write and event is kept.

    Stream records are seen at least once, and at most one batch of them twice; messages that were in flight come back.
    """
    run, token, secret = uuid.uuid4().hex, stack.token("u1"), stack.get("/echo/x").json()["env"]["HASH_KEY"]
    order = stack.post("/orders", json={"amount": 5}, token=token).json()["id"]
    sqs, later = stack.client("sqs"), queue_url(stack, "LaterQueue")
    for number in range(5):
        send_event(stack, "Later", {"number": number})
    in_flight = sqs.receive_message(QueueUrl=later, MaxNumberOfMessages=2, VisibilityTimeout=600)["Messages"]
    sqs.delete_message(QueueUrl=later, ReceiptHandle=in_flight[0]["ReceiptHandle"])
    for number in range(60):
        put(stack, f"ORDER#{run}-{number}")
    hang = {"rawPath": "/plain/hang", "pathParameters": {"kind": "hang"}}
    invoke(stack, "OrdersFunction", hang, InvocationType="Event")
    children = children_of(stack)
    stack.kill9()
    assert_all_gone(children)

    stack.start()
    assert stack.get(f"/orders/{order}", token=token).json()["status"] == "NEW"  # and the old token is still good
    assert stack.get("/echo/x").json()["env"]["HASH_KEY"] == secret
    kept = sqs.receive_message(QueueUrl=queue_url(stack, "LaterQueue"), MaxNumberOfMessages=10, AttributeNames=["All"])[
        "Messages"
    ]
    assert len(kept) == 4
    again = next(message for message in kept if message["MessageId"] == in_flight[1]["MessageId"])
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["Attributes"]["SentTimestamp"] <= kept[-1]["Attributes"]["SentTimestamp"]
    seen = wait_until(lambda: found if len(found := audited(stack, run)) == 60 else {})
    assert sum(count - 1 for count in seen.values()) <= 10


def test_a_clean_restart_repeats_nothing(stack: Stack) -> None:
    """Ctrl-C ends with status 0; after the next start no stream record is seen again."""
    run = uuid.uuid4().hex
    for number in range(5):
        put(stack, f"ORDER#{run}-{number}")
    wait_until(lambda: len(audited(stack, run)) == 5)
    children = children_of(stack)
    assert stack.stop() == 0
    wait_until(lambda: f"stopped; the data stay in {stack.data}\n" in f"{stack.output}\n")
    assert_all_gone(children)
    stack.start()
    put(stack, f"ORDER#{run}-last")
    wait_until(lambda: len(audited(stack, run)) == 6)  # so all before it have been looked at
    assert set(audited(stack, run).values()) == {1}


def test_who_waits_at_the_end_is_told_so(stack: Stack) -> None:
    """Ctrl-C with a call in flight: 503 as JSON, no traceback, status 0."""
    began = len(stack.output)
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(httpx.get, f"{stack.api}/plain/hang", timeout=300, trust_env=False)
        wait_until(lambda: "[local-OrdersFunction] hangs" in stack.output[began:])
        assert stack.stop() == 0
        answer = hanging.result()
    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})
    assert "Traceback" not in stack.output[began:]
    stack.start()


def test_a_dead_database_is_started_again(stack: Stack) -> None:
    """DynamoDB Local ends by itself: it comes back on the same data, and everything goes on."""
    order = stack.post("/orders", json={"amount": 7}, token=stack.token("u1")).json()["id"]
    dead = stack.about()["dynamodb"]
    psutil.Process(dead).kill()
    wait_until(lambda: stack.get(f"/orders/{order}", token=stack.token("u1")).status_code == 200)
    assert stack.about()["dynamodb"] != dead
    wait_until(lambda: "undocked: DynamoDB Local is started again" in stack.output)


def test_a_proxy_is_not_asked_for_this_machine(stack: Stack) -> None:
    """The user's HTTP_PROXY, behind which nothing is: the stack starts and answers."""
    assert PROXY.items() <= psutil.Process(stack.pid).environ().items()
    assert stack.get("/orders/summary").status_code == 200


def test_a_dead_worker_is_replaced(stack: Stack) -> None:
    """A worker that is killed while idle costs no call."""
    assert stack.get("/orders/summary").status_code == 200
    workers = [psutil.Process(pid) for pid in stack.about()["workers"]["local-OrdersFunction"]]
    for worker in workers:
        worker.kill()
    assert_all_gone(workers)
    assert stack.get("/orders/summary").status_code == 200


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("functions/orders/app.py", '"static": True', '"static": None'),
        ("layers/core/python/shop/__init__.py", "import boto3", "import boto3  # changed"),
    ],
    ids=["code", "layer"],
)
def test_changed_code_is_taken_up_at_the_next_call(stack: Stack, project: Path, path: str, old: str, new: str) -> None:
    """A change of the function's own file, or of a layer's, is run by a fresh worker without a restart."""
    before = stack.get("/orders/summary").json()
    source = project.parent / path
    source.write_text(source.read_text().replace(old, new))
    # files are looked at ten times a second
    after = wait_until(lambda: told if (told := stack.get("/orders/summary").json())["pid"] != before["pid"] else {})
    if "static" in old:
        assert (before["static"], after["static"]) == (True, None)


def test_an_idle_stack_rests(stack: Stack) -> None:
    """Nothing polls hard when nothing happens: well under a tenth of a core for the stack itself."""
    process = psutil.Process(stack.pid)

    def share() -> float:
        before, began = sum(process.cpu_times()[:2]), time.monotonic()
        time.sleep(1.5)
        return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)

    wait_until(lambda: share() < 0.1)  # what was begun before may end first


def test_a_table_that_no_longer_fits_is_refused(stack: Stack, project: Path) -> None:
    """Kept data with other indexes than the template's: a message that names both, and no traceback."""
    stack.stop()
    changed = project.with_name("changed.yaml")
    changed.write_text(project.read_text().replace("IndexName: GSI1,", "IndexName: GSI2,"))
    with pytest.raises(StartFailedError) as refused:
        Stack(changed, data=stack.data).start()
    assert "Table: the table local-Table kept in" in str(refused.value)
    assert "index GSI1 is not in the template; index GSI2 is missing" in str(refused.value)
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize("variable", ["API_PORT", "AWS_PORT", "DYNAMODB_PORT"])
def test_a_taken_port_is_one_clear_line(tmp_path: Path, variable: str) -> None:
    """The line names the variable that moves the port; nothing was started."""
    port = free_ports(1)[0]
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(StartFailedError) as refused:
            Stack(SAMPLE, data=tmp_path / "data", environment={variable: str(port)}).start()
    lines = str(refused.value).splitlines()[1:]
    assert lines == [f"undocked: port {port} is taken: set {variable} to another one"]
    assert not (tmp_path / "data").exists()


@pytest.fixture(scope="module")
def broken(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with a text to print when ready, one of whose functions imports what its layers do not have."""
    source = project.parent / "functions" / "steps" / "app.py"
    source.write_text(source.read_text().replace("from typing import Any", "from typing import Any\n\nimport moto"))
    text = project.with_name("welcome.txt")
    text.write_text("curl $HOME ${API}/x -H 'authorization: ${TOKEN}' # ${AWS} ${REGION} ${OTHER}\n")
    wish = json.dumps({"sub": "boss", "groups": ["admin"]})
    options = ["--welcome", str(text), "--welcome-token", wish, "--when-ready", "echo it is seeded"]
    with Stack(project, data=tmp_path_factory.mktemp("broken"), options=options) as running:
        yield running


def test_a_package_missing_from_the_workers_is_noticed(broken: Stack) -> None:
    """A function that imports what only the stack's own environment has fails, and the terminal says why."""
    error = invoke(broken, "StepsFunction", {"action": "finish", "id": "1"})["Payload"]
    assert error["errorType"] == "Runtime.ImportModuleError"
    wait_until(lambda: "No module named 'moto'" in broken.output)


def test_the_welcome_is_filled_in(broken: Stack) -> None:
    """The four placeholders become addresses and a token that works; a shell's own variables stay."""
    line = wait_until(lambda: next((each for each in broken.output.splitlines() if each.startswith("curl")), ""))
    assert "it is seeded" in broken.output.partition("ready in")[0], "what it speaks of is there"
    ports = f"API_PORT={broken.api_port} AWS_PORT={broken.aws_port} DYNAMODB_PORT={broken.dynamodb_port}"
    assert f"in every other terminal, first:  export {ports}\n" in broken.output
    assert line.startswith(f"curl $HOME {broken.api}/x -H 'authorization: ey")
    assert line.endswith(f"# {broken.aws} eu-central-1 ${{OTHER}}")
    assert broken.get("/orders/1", token=line.split("'")[1].split()[1]).status_code == 404
