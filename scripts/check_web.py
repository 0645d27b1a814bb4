"""Check the console and the portal as they were built: types, lint, and what a browser loads at first."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB, SITE = ROOT / "web", ROOT / "functions" / "web" / "site"
BUDGETS = {"portal": 25 * 1024, "console": 60 * 1024}  # bytes of script, packed with gzip
TRACKER_BYTES = 1536  # of the script on other sites' pages, packed with gzip
LINKED = re.compile(r'(?:src|href)="/assets/([\w.-]+\.js)"')
IMPORTED = re.compile(r'(?:from|import)\s*"\./([\w.-]+\.js)"')
LIMIT_SECONDS = 300


def first_load(app: str, site: Path = SITE) -> dict[str, int]:
    """Return the scripts that a page loads at once, with their sizes: its own, what they import, the longest texts."""
    waiting = LINKED.findall((site / f"{app}.html").read_text(encoding="utf-8"))
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += IMPORTED.findall((site / "assets" / name).read_text(encoding="utf-8"))
    sizes = {path.name.removesuffix(".gz"): path.stat().st_size for path in (site / "assets").glob("*.js.gz")}
    texts = [
        max((size, name) for name, size in sizes.items() if re.match(rf"{kind}\.[a-z]{{2}}-", name))
        for kind in ("shared", app)
    ]
    return {name: sizes[name] for name in sorted(found | {name for _, name in texts})}


def main() -> int:
    """Print what is wrong; the exit code says whether there is any."""
    npx = shutil.which("npx")
    if npx is None:
        print("web: npx is missing: Node.js 20.19 or later brings it")
        return 1
    status = 0
    for command in (["tsc"], ["biome", "check", "--error-on-warnings", "."]):
        status |= subprocess.run(
            [npx, "--no-install", *command], cwd=WEB, timeout=LIMIT_SECONDS, check=False
        ).returncode
    for app, budget in BUDGETS.items():
        size = sum(first_load(app).values())
        print(f"web: the {app} loads {size:,} bytes of script at first, of {budget:,}")
        if size > budget:
            print("\n".join(f"  {size:>7,} {name}" for name, size in first_load(app).items()))
            status = 1
    size = (SITE / "t.js.gz").stat().st_size
    print(f"web: the tracker is {size:,} bytes, of {TRACKER_BYTES:,}")
    size = (SITE / "embed.js.gz").stat().st_size
    print(f"web: the script of an embedded portal is {size:,} bytes, of {TRACKER_BYTES:,}")
    return min(status | (size > TRACKER_BYTES), 1)


if __name__ == "__main__":
    sys.exit(main())
