"""`refledger verify`: every fault in the books, told when it is found; 1 where there is one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from refledger.adapters.archive import Missing
from refledger.cli.findings import show_found, words
from refledger.cli.manifest_source import Signed, add_manifest, opened
from refledger.cli.output import ProgressLine, add_progress, say, warn
from refledger.cli.target import Target, Usage, add_target
from refledger.domain.manifest import Damaged
from refledger.operations.earning import overdue
from refledger.operations.proof import attestation, partner_checks, verification
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.store import partners
from refledger.store.table import BATCH_LIMIT


def add_to(commands: Any) -> None:
    parser = commands.add_parser("verify", help="re-derive every balance from the journal; exit 1 on any fault")
    parser.add_argument("--json", action="store_true", help="one JSON document, a line for each fault")
    parser.add_argument("--partner", metavar="ID", help="the books of this partner alone")
    parser.add_argument("--from", dest="place", metavar="PLACE", help="go on from where another run was interrupted")
    parser.add_argument("--found", action="store_true", help="what the stack has found by itself; reads no books")
    add_manifest(parser)
    add_progress(parser)
    add_target(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    target, checked = Target(options), Checked()
    if sum(map(bool, (options.partner, options.place, options.found))) > 1:
        raise Usage("one of --partner, --from and --found")
    if options.found:
        return show_found(target.context, is_json=options.json)
    signed = opened(target, options) if options.manifest else None
    found = 0
    output = _Json() if options.json else _Text()
    output.begin()
    try:
        with ProgressLine(lambda: f"{found} faults in {_read(checked)}", asked=options.progress) as progress:
            for fault in _faults(target, options, signed, checked):
                with progress.aside():
                    output.tell(fault, found)
                found += 1
    except BaseException:
        if checked.place:
            warn(f"refledger: to go on, verify --from {checked.place}")
        raise
    output.end(checked, found)
    return 1 if found else 0


def _faults(
    target: Target, options: argparse.Namespace, signed: Signed | None, checked: Checked
) -> Iterator[Fault]:  # fmt: skip
    """All that is wrong, as it is found."""
    context, partner_id = target.context, options.partner
    if partner_id:
        partners.find(context.table, partner_id)
        yield from partner_checks.verify_partner(context, partner_id, checked)
    else:
        yield from verification.verify(context, checked, options.place or "")
    everybody = (id for _, id in partners.oldest(context.table, "", BATCH_LIMIT))
    for late in overdue.waiting_too_long(context, [partner_id] if partner_id else everybody):
        yield Fault(*late)
    if signed:
        rows = attestation.rows_of(signed.source, signed.checker, signed.day)
        mine = (row for row in rows if partner_id in (None, row.partner_id))
        try:
            yield from attestation.check(context, mine, checked)
        except Damaged as error:
            yield Fault("", "", f"manifest {signed.label}: {error}")
        except Missing as error:
            raise Usage(f"there is no {error}") from error


def _read(checked: Checked) -> str:
    return ", ".join(f"{number} {name}" for name, number in checked.counts().items())


class _Text:
    """A line for each fault, and one at the end."""

    def begin(self) -> None:
        pass

    def tell(self, fault: Fault, _: int, word: str = "FAULT") -> None:
        say(words(fault, word))

    def end(self, checked: Checked, found: int) -> None:
        for known in checked.known:
            self.tell(known, 0, "KNOWN")
        say(f"{found} faults in {_read(checked)}")


class _Json:
    """One document, although it is written while faults are found: what was cut off is no JSON, so no good news."""

    def begin(self) -> None:
        sys.stdout.write('{"faults": [')

    def tell(self, fault: Fault, place: int) -> None:
        sys.stdout.write((",\n" if place else "\n") + json.dumps(asdict(fault)))

    def end(self, checked: Checked, found: int) -> None:
        known = json.dumps(list(map(asdict, checked.known)))
        say(("\n" if found else "") + f'], "known": {known}, "checked": {json.dumps(checked.counts())}}}')
