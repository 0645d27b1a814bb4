"""`python -m refledger`: the operators' command. See `refledger/cli/`."""

from __future__ import annotations

import sys

from refledger.cli import main

if __name__ == "__main__":
    sys.exit(main())
