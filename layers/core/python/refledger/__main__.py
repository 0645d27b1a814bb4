"""The operators' command: `python -m refledger verify --table NAME`, against AWS or the local stack.

Credentials, region and endpoint come from the usual AWS variables.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from refledger.adapters import aws
from refledger.adapters.ids import Ids
from refledger.operations.context import Context
from refledger.operations.verification import Checked, verify
from refledger.store.table import Table


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 when the books are right, 1 when one fault or more was found."""
    parser = argparse.ArgumentParser(prog="refledger", description="Operate a deployment of refledger.")
    commands = parser.add_subparsers(required=True)
    check = commands.add_parser("verify", help="re-derive every balance from the journal; exit 1 on any fault")
    check.add_argument("--table", default=os.environ.get("TABLE_NAME"), help="the table's name (TABLE_NAME)")
    check.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    options = parser.parse_args(arguments)
    if not options.table:
        parser.error("--table or TABLE_NAME is needed")
    return _verify(options.table, options.json)


def _verify(table_name: str, as_json: bool) -> int:
    context, checked = Context(Table(aws.client("dynamodb"), table_name), Ids("")), Checked()
    faults = []
    for fault in verify(context, checked):
        faults.append(fault)
        if not as_json:
            sys.stdout.write(f"FAULT partner {fault.partner_id} {fault.currency}: {fault.reason}\n")
    if as_json:
        sys.stdout.write(json.dumps({"checked": asdict(checked), "faults": [asdict(f) for f in faults]}) + "\n")
    else:
        read = ", ".join(f"{number} {name}" for name, number in asdict(checked).items())
        sys.stdout.write(f"{len(faults)} faults in {read}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
