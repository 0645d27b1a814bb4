"""`refledger rebuild`: what follows from the books, made anew from them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from refledger.cli.output import ProgressLine, add_progress, say
from refledger.cli.target import Target, Usage, add_target, positive
from refledger.domain.times import MINUTE_MS
from refledger.operations.figures import rebuild, rebuild_diff
from refledger.operations.figures.rebuild_diff import Difference
from refledger.operations.recovery import backfill
from refledger.store import partners

WAIT_MINUTES = 15
SHOWN = 40  # differences
WHAT = {
    "search": "rows by which partners are found", "progress": "referrals that converted or were paid",
    "leaderboards": "partners' places in them",
}  # fmt: skip
WALKED = {"search": "partners", "progress": "payments and rewards", "leaderboards": "partners"}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("rebuild", help="make anew what follows from the books")
    subjects = parser.add_subparsers(required=True, metavar="WHAT")
    statistics = subjects.add_parser("statistics", help="all figures; the old ones are read until it is done")
    statistics.add_argument("--partner", metavar="ID", help="of this partner alone, whether they are right or not")
    statistics.add_argument("--check", action="store_true", help="only say what differs from the books, day by day")
    statistics.add_argument("--all", action="store_true", help="all of them, whether they are right or not")
    statistics.add_argument(
        "--wait", type=positive, default=WAIT_MINUTES, metavar="MINUTES",
        help=f"how long to wait for the stream's consumer (default {WAIT_MINUTES}); another run goes on",
    )  # fmt: skip
    statistics.add_argument("--afresh", action="store_true", help="give up what an earlier run began")
    add_progress(statistics)
    add_target(statistics)
    statistics.set_defaults(run=rebuild_statistics)
    for what in sorted(backfill.SUBJECTS):
        other = subjects.add_parser(what, help=f"{WHAT[what]}; writes only what is missing")
        other.add_argument("--check", action="store_true", help="only say whether it is needed")
        add_progress(other)
        add_target(other)
        other.set_defaults(run=rebuild_other, what=what)


def rebuild_other(options: argparse.Namespace) -> int:
    """Make search rows, progress or leaderboards anew; with --check only compare.

    Returns 0 when nothing is missing, or it was written; with --check 1 when something is.
    """
    context = Target(options).context
    told = ["beginning"]
    with ProgressLine(lambda: told[-1], asked=options.progress):
        found = backfill.catch_up(
            context, options.what, check=options.check, tell=lambda text: told.__setitem__(0, text)
        )  # fmt: skip
    state = "not needed" if not found.behind else "needed" if options.check else "done"
    say(f"{options.what}: {state}; {found.behind} behind, {found.looked_at} {WALKED[options.what]} looked at")
    return 1 if found.behind and options.check else 0


def rebuild_statistics(options: argparse.Namespace) -> int:
    """Build figures anew: those that differ, a partner's, or all; with --check only compare.

    Returns 0 when all is right, or has new figures; 1 when the consumer has not counted everything yet, or with --check
    when something differs.
    """
    if options.check + options.all + bool(options.partner) > 1:
        raise Usage("one of --check, --all and --partner")
    context = Target(options).context
    told = ["beginning"]
    if options.partner:
        partners.find(context.table, options.partner)

    def of_partners() -> Iterable[str]:
        return [options.partner] if options.partner else rebuild.everybody(context)

    def tell(text: str) -> None:
        told[0] = text

    only: set[str] | None = None
    with ProgressLine(lambda: told[-1], asked=options.progress):
        if not options.partner and not options.all:
            found = rebuild_diff.differences(context, of_partners, tell)
            only = {each.dimension.subject for each in found}
            for line in _lines(found):
                say(line)
        if options.check:
            say(f"statistics: {'needed' if only else 'not needed'}")
            return 1 if only else 0
        done = rebuild.rebuild(
            context, of_partners, options.wait * MINUTE_MS, whole=not options.partner, afresh=options.afresh,
            only=only, tell=tell,
        )  # fmt: skip
    say(f"{done.partners} partners have new figures, made of {done.stamped} items that were told the stream now")
    if not options.partner:
        say(f"{done.programs} of programs and the books have new figures")
    if done.waiting or done.programs_waiting:
        say(
            f"{done.waiting} partners and {done.programs_waiting} of programs and the books have their old figures"
            " still: stream_rollups is behind, or gave up records again. Run this once more; if that changes"
            " nothing, with --afresh"
        )
    return 1 if done.waiting or done.programs_waiting else 0


def _lines(found: Sequence[Difference]) -> Iterator[str]:
    """The first of them, and how many there are."""
    for each in found[:SHOWN]:
        of = " ".join(filter(None, (each.dimension.of.lower(), each.dimension.id, each.dimension.year)))
        on = f"on {each.day[:4]}-{each.day[4:6]}-{each.day[6:]}" if each.day else "in all"
        yield f"{of}, {each.counter} {on}: counted {each.counted}, in the books {each.in_books}"
    if found:
        where = len({each.dimension for each in found})
        yield f"{len(found)} figures differ from the books, of {where} partners, programs, years or journals"
