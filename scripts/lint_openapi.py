"""Hold the OpenAPI document against what its readers use: two linters, and a TypeScript client made of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "functions" / "docs" / "openapi.json"
RULES = ROOT / "scripts" / "api-lint"
TOOLS = ROOT / ".local" / "api-lint" / "node_modules" / ".bin"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}  # they would call home
LIMIT_SECONDS = 600


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        client = Path(folder) / "client.ts"
        commands = (
            ["redocly", "lint", "--config", str(RULES / "redocly.yaml"), str(DOCUMENT)],
            ["spectral", "lint", "--fail-severity", "hint", "--ruleset", str(RULES / "spectral.yaml"), str(DOCUMENT)],
            ["openapi-typescript", str(DOCUMENT), "-o", str(client)],
            ["tsc", "--noEmit", "--strict", str(client)],
        )
        for tool, *arguments in commands:
            done = subprocess.run(
                [str(TOOLS / tool), *arguments], env={**os.environ, **QUIET}, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=LIMIT_SECONDS,
            )  # fmt: skip
            if done.returncode:
                print(f"{tool}:\n{done.stdout}{done.stderr}", file=sys.stderr)
                return 1
    print(f"openapi: {', '.join(command[0] for command in commands)}: clean")
    return 0


if __name__ == "__main__":
    sys.exit(main())
