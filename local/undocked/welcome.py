"""What the terminal shows when the stack is ready: what runs, where, and what to try next."""

from __future__ import annotations

import json
from typing import Any, Protocol

from undocked.options import Options


class Running(Protocol):
    """What the text is made from."""

    def token(self, wish: dict[str, Any]) -> str | None:
        """A token of the development issuer, or None where the template has no authorizer."""

    def about(self) -> dict[str, Any]:
        """What runs, by kind."""


def welcome(options: Options, running: Running, seconds: float) -> str:
    """The text to print. The first line begins with "ready", which scripts may wait for."""
    api, aws = f"http://127.0.0.1:{options.api_port}", f"http://127.0.0.1:{options.aws_port}"
    about, token = running.about(), running.token(options.welcome_token)
    counts = {key: len(about[key]) for key in ("workers", "routes", "mappings", "schedules")}
    lines = [
        f"ready in {seconds:.1f} s: API {api}, AWS {aws} (any key), DynamoDB {options.dynamodb_port}, "
        f"data in {options.data}",
        f"runs {counts['workers']} functions, {counts['routes']} routes, {counts['mappings']} pollers, "
        f"{counts['schedules']} schedules; stop with Ctrl-C",
    ]
    if options.are_moved:
        exports = " ".join(f"{name}={port}" for name, port in options.ports.items())
        lines.append(f"in every other terminal, first:  export {exports}")
    if options.python is None:
        lines.append("warning: workers share this interpreter: a package missing from a layer goes unnoticed")
    if options.welcome:
        text = options.welcome.read_text(encoding="utf-8")
        filled = {"API": api, "AWS": aws, "TOKEN": token or "", "REGION": options.region}
        for name, value in filled.items():  # nothing but these four: a shell's own variables stay as they are
            text = text.replace("${" + name + "}", value)
        return "\n".join([*lines, "", text.rstrip()])
    lines.append(f"try:  aws --endpoint-url {aws} --region {options.region} sqs list-queues")
    if token:
        wish = json.dumps({"sub": "someone", "groups": ["admin"]})
        lines += [
            f"token: curl -s {api}/_local/token -d '{wish}'",
            f"then:  curl -s {api}/ -H 'Authorization: Bearer {token}'",
        ]
    return "\n".join(lines)
