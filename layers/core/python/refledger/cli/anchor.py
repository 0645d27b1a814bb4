"""`refledger anchor`: what two people have to agree on, so that a journal that was tampered with can go on."""

from __future__ import annotations

import argparse
import json
from typing import Any

from refledger.cli.output import say
from refledger.cli.target import Target, add_target
from refledger.domain.journal import Anchors, broken, chain
from refledger.operations.proof import partner_checks
from refledger.operations.proof.book_checks import Checked
from refledger.store import ledger, partners


def add_to(commands: Any) -> None:
    parser = commands.add_parser("anchor", help="what an anchor of a broken journal must say; changes nothing")
    parser.add_argument("partner", metavar="PARTNER", help="the partner's id")
    parser.add_argument("currency", metavar="CURRENCY", help="of the journal, such as USD")
    add_target(parser)
    parser.set_defaults(run=describe)


def describe(options: argparse.Namespace) -> int:
    """Show what an ANCHOR would have to name, and its request.

    Returns 0 where there is nothing to anchor, or what there is can be; 1 where something must be put right first.
    """
    context = Target(options).context
    partners.find(context.table, options.partner)
    agreed = partner_checks.agreed_anchors(context, options.partner)
    entries = [entry for _, entry in ledger.entries(context.table, options.partner, options.currency)]
    hashes = broken(entries, Anchors(agreed))
    told = {(options.currency, reason) for _, reason in hashes}
    found = partner_checks.verify_partner(context, options.partner, Checked())
    first = [fault for fault in found if (fault.currency, fault.reason) not in told]
    for fault in first:
        say(f"to be put right first: {fault.currency} {fault.reason}")
    if first:
        return 1
    for _, reason in hashes:
        say(reason)
    if not hashes:
        say("nothing is broken")
        return 0
    named = max(place for place, _ in hashes)
    say("one admin sends this to POST /api/v1/adjustments, another one approves it:")
    say(json.dumps({
        "partnerId": options.partner, "kind": "ANCHOR", "currency": options.currency, "amount": 0, "entries": named,
        "chain": chain(entries[:named]), "reason": "what was found, and by what evidence it is right now",
    }))  # fmt: skip
    return 0
