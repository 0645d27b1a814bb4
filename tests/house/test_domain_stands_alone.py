"""The domain imports nothing outside the standard library, not even by accident of what else is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "layers" / "core" / "python"
MODULES = sorted(
    ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
    for path in (SOURCES / "refledger" / "domain").rglob("*.py")
)

# No site-packages (-S), no environment and no current folder (-I): only Python and the sources can be seen.
IMPORT = """
import importlib, sys
sys.path.append(sys.argv[1])
importlib.import_module(sys.argv[2])
known = sys.stdlib_module_names | {"refledger", "__main__"}
print(*sorted({name.partition(".")[0] for name in sys.modules} - known))
print(*sorted(n for n in sys.modules if n.startswith("refledger.") and not n.startswith("refledger.domain")))
"""


def test_there_is_a_domain() -> None:
    """The list below would pass empty."""
    assert {"refledger.domain", "refledger.domain.rewards", "refledger.domain.withdrawals"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_domain_module_imports_the_standard_library_alone(module: str) -> None:
    """In a fresh process that can see nothing else, it imports, and brings in no other part of refledger."""
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT, str(SOURCES), module]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
