"""`refledger forget`: what says who somebody is goes; the books stay, and can still be verified."""

from __future__ import annotations

import argparse
from typing import Any

from refledger.cli.output import say
from refledger.cli.target import Target, Usage, add_target
from refledger.domain.times import iso
from refledger.operations.partners import anonymization
from refledger.operations.partners.anonymization import KEPT_YEARS, Report

WHOM = ("partner", "customer", "person")
MOST_YEARS = 100


def _years(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_YEARS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of years from 0 to {MOST_YEARS}")
    return int(text)


def add_to(commands: Any) -> None:
    parser = commands.add_parser("forget", help="take away what says who a partner, a customer, or one of the staff is")
    parser.add_argument(
        "whom", nargs="+", metavar="ID",
        help="a partner's id; or `customer` and the id by which your shop calls them; or `person` and the id of one of "
        "the staff as the audit has it, or their `sub`",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="do it; without this it is only said what would be done")
    parser.add_argument(
        "--keep-years", type=_years, default=KEPT_YEARS, metavar="N",
        help=f"how long who was paid, and why, is kept for the books, from the end of its year (default {KEPT_YEARS})",
    )  # fmt: skip
    parser.add_argument("--anyway", action="store_true", help="also where money is theirs that nobody asked for")
    add_target(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Forget a partner, a customer or a person of the staff, or say what would be done.

    Returns 0 done, or said; 1 where something stands against it, or one who is a partner too.
    """
    whom, id = _asked(options.whom)
    target = Target(options)
    if options.yes:
        target.check_runs()
    if whom == "customer":
        return _customer(target, id, dry_run=not options.yes)
    if whom == "person":
        return _person(target, id, dry_run=not options.yes)
    context = target.keyed_context
    if reasons := anonymization.why_not(context, id, anyway=options.anyway):
        for reason in reasons:
            say(f"partner {id} is not forgotten: {reason}")
        return 1
    _tell(
        f"partner {id}", anonymization.partner(context, id, years=options.keep_years, dry_run=not options.yes),
        dry_run=not options.yes,
    )  # fmt: skip
    return 0


def _customer(target: Target, id: str, *, dry_run: bool) -> int:
    context = target.keyed_context
    report = anonymization.customer(context, id, dry_run=dry_run)
    if report.done or report.kept:
        _tell("the customer", report, dry_run=dry_run)
    else:
        say("nothing is known of such a customer, or nothing any more; if that surprises you, look at the id")
    if partner_id := anonymization.also_partner(context, id):
        say(f"they sign in as partner {partner_id}, who is forgotten apart")
        return 1
    return 0


def _person(target: Target, id: str, *, dry_run: bool) -> int:
    report = anonymization.person(target.keyed_context, id, dry_run=dry_run)
    if report.done:
        _tell(f"person {id}", report, dry_run=dry_run)
    else:
        say("no name is kept of such a person, or none any more; if that surprises you, look at the id")
    return 0


def _asked(words: list[str]) -> tuple[str, str]:
    """Whom, and which: a partner where nothing else is said."""
    match words:
        case [id] if id not in WHOM:
            return "partner", id
        case [whom, id] if whom in WHOM:
            return whom, id
    raise Usage("say whom: forget ID for a partner, forget customer ID, or forget person ID")


def _tell(who: str, report: Report, *, dry_run: bool) -> None:
    listed = ", ".join(f"{number} {what}" for what, number in sorted(report.done.items())) or "nothing is left"
    say(f"{who}: would take away {listed}" if dry_run else f"{who} is forgotten: {listed}")
    if report.kept:
        kept = ", ".join(f"{number} {what}" for what, number in sorted(report.kept.items()))
        say(f"kept for the books until {iso(report.kept_until_ms)[:10]}: {kept}; then say this again")
    if dry_run and report.done:
        say("nothing was changed: --yes does it")
