"""The command line and the environment, read once, as one frozen value."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PORTS = {"API_PORT": "3000", "AWS_PORT": "4566", "DYNAMODB_PORT": "8000"}
EPILOG = "Ports also come from API_PORT, AWS_PORT, DYNAMODB_PORT; JAVA names the Java that runs DynamoDB Local."


@dataclass(frozen=True)
class Options:
    """How one stack is to run. Times in the template's state machines are multiplied by `clock_scale`."""

    template: Path
    stack: str
    region: str
    data: Path
    dynamodb_dir: Path
    cache: Path
    python: Path | None  # what function workers run in; None: the interpreter of the stack itself
    preload: tuple[str, ...]  # modules that workers have imported when they are forked
    parameters: dict[str, str]
    secrets: Path | None  # values of secrets that the template refers to and does not make
    api_port: int
    aws_port: int
    dynamodb_port: int
    restart_dynamodb: bool
    max_workers: int
    clock_scale: float
    welcome: Path | None
    welcome_token: dict[str, Any]
    people: Path | None  # whom the sign-in page names
    when_ready: str | None  # a command, run once beside the running stack
    beside: Path | None  # a checkout of another release, whose functions take half of the calls
    verbose: bool  # say what libraries say, and print functions' metrics and JSON

    @property
    def ports(self) -> dict[str, str]:
        """The three ports, under the names of the variables that say them."""
        return dict(zip(PORTS, map(str, (self.api_port, self.aws_port, self.dynamodb_port)), strict=True))

    @property
    def are_moved(self) -> bool:
        """Whether a port is not the one that whoever says none would ask."""
        return self.ports != PORTS


def read_options(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Parse the command line; defaults come from `environ`.

    Ends the process with a usage message on a mistake.
    """
    parser = argparse.ArgumentParser(
        prog="python -m undocked", description="Run a SAM template on this machine, until Ctrl-C.", epilog=EPILOG
    )
    add = parser.add_argument
    add("template", nargs="?", type=Path, default=Path("template.yaml"))
    add("--stack", default="local", metavar="NAME", help="stack name: prefix of the names of resources")
    add("--region", default="eu-central-1")

    def directory(option: str, variable: str, default: str, what: str) -> None:
        help = f"{what} (environment: {variable}; default {default})"
        add(option, type=Path, default=environ.get(variable, default), metavar="DIR", help=help)

    directory("--data", "LOCAL_DATA", ".local/data", "what survives a restart")
    directory("--dynamodb-dir", "DYNAMODB_LOCAL_DIR", ".local/dynamodb-local", "where DynamoDBLocal.jar is")
    directory("--cache", "LOCAL_CACHE", ".local/cache", "translated templates, which may be removed at any time")
    add(
        "--python",
        type=Path,
        metavar="PATH",
        help="interpreter of the function workers, with awslambdaric and the "
        "layers' requirements and nothing else; without it a package missing from a layer goes unnoticed",
    )
    add(
        "--preload",
        type=_names,
        default="",
        metavar="MODULE,…",
        help="modules of layers and their requirements that are imported once for all workers, which then start in a "
        "tenth of the time (Linux); they must not read the environment while they are imported",
    )
    add(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=_pair,
        help="a template parameter; ${API} in it is the address of the HTTP API",
    )
    add(
        "--secrets",
        type=Path,
        metavar="FILE",
        help="secrets that the template refers to by name and does not declare: a JSON object, name to value "
        "(an object is a secret with JSON keys); keep it readable by its owner alone. The ARN of one is "
        "arn:aws:secretsmanager:REGION:123456789012:secret:NAME-Local0",
    )
    add("--api-port", type=_port, default=environ.get("API_PORT", PORTS["API_PORT"]), help="the HTTP API")
    add(
        "--aws-port",
        type=_port,
        default=environ.get("AWS_PORT", PORTS["AWS_PORT"]),
        help="every AWS service, for CLI and SDKs",
    )
    add("--dynamodb-port", type=_port, default=environ.get("DYNAMODB_PORT", PORTS["DYNAMODB_PORT"]))
    add(
        "--restart-dynamodb",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="start DynamoDB Local again when it ends by itself",
    )
    add(
        "--max-workers",
        type=_positive,
        default=environ.get("LOCAL_MAX_WORKERS", "3"),
        metavar="N",
        help="processes at most for one function (environment: LOCAL_MAX_WORKERS)",
    )
    add(
        "--clock-scale",
        type=_scale,
        default="1",
        metavar="FACTOR",
        help="multiplies waits and time limits of state machines: 0.0001 makes three days 26 seconds",
    )
    add(
        "--welcome",
        type=Path,
        metavar="FILE",
        help="text to print when ready; ${API}, ${AWS}, ${TOKEN} and ${REGION} are filled in",
    )
    add(
        "--welcome-token",
        type=_object,
        default={"sub": "local-user"},
        metavar="JSON",
        help="the request (as to POST /_local/token) for the token in ${TOKEN}",
    )
    add(
        "--people",
        type=Path,
        metavar="FILE",
        help="whom the sign-in page at /_local/issuer names: a JSON list of requests as to POST /_local/token",
    )
    add(
        "--when-ready",
        metavar="COMMAND",
        help="run once when this stack answers, with its own ports in API_PORT, AWS_PORT and DYNAMODB_PORT, before "
        "it says that it is ready; never when it could not start",
    )
    add(
        "--beside",
        type=Path,
        metavar="DIR",
        help="a checkout of another release: its functions, where it has them, take every other call, as while a "
        "deployment goes from one to the other; its state machines are in force",
    )
    add(
        "-v",
        "--verbose",
        action="store_true",
        help="say what libraries say; print functions' metrics, and their lines of JSON whole",
    )
    given = parser.parse_args(arguments)
    if len({given.api_port, given.aws_port, given.dynamodb_port}) < 3:
        parser.error("API_PORT, AWS_PORT and DYNAMODB_PORT must differ")
    values = vars(given)
    api = f"http://127.0.0.1:{given.api_port}"
    parameters = {name: value.replace("${API}", api) for name, value in values.pop("parameter")}
    return Options(parameters=parameters, **values)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return int(text)


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0 and at most 1")
    return value


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object")
    return value
