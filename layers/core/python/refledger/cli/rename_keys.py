"""`refledger rename-keys`: a table with keys of before becomes another one, with keys that can be read.

Every step looks first whether it is done: the command may be ended and given again at any time, until the stack has
the new table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from refledger.adapters.ids import Ids
from refledger.adapters.recovery import Recovery
from refledger.cli.migrate import raw_items
from refledger.cli.output import ProgressLine, add_progress, say
from refledger.cli.restoring import LOOK_SECONDS, tell_faults
from refledger.cli.target import Target, Usage, add_target
from refledger.operations.context import Context
from refledger.operations.recovery import renaming
from refledger.operations.recovery.renaming import Pass
from refledger.store import keys, migrations
from refledger.store.migrations import MigrationProgress
from refledger.store.table import Table

PASSES = 5  # until one has nothing to write, while readers of the stream end what they have begun
NOT_STOPPED = (
    "{table} must stand still, and what had begun before must have ended. With the command of the release that runs, "
    'not with this one: bin/refledger stop --wait --reason "keys are renamed"'
)
FOREIGN = "{into} has something in it that is not of {table}: name a table that is not there, and it is made"
TWO_MORE = "{into} has {more} items that are not in {table} any more: name another table, and delete this one"
LET_GO = (
    "{table} was let go on after {into} was made of it: what was written since is in neither. Stop it again, and name "
    "another table"
)
NEXT = """Now give it to the stack, with the code of this checkout, and let all go on with this command:
  make deploy STAGE=… SET="ExistingTable={into} ExistingTableStreamArn={stream} Rollout=AllAtOnce"
  bin/refledger verify
  bin/refledger go --reason "keys are renamed"
{table} stays as it is, and nothing reads it: delete it once you are sure."""


def add_to(commands: Any) -> None:
    parser = commands.add_parser("rename-keys", help="copy a table with keys of before into one with today's")
    parser.add_argument("--into", required=True, metavar="TABLE", help="the table to be made, or gone on with")
    parser.add_argument(
        "--anyway", action="store_true", help="go on although verify finds faults: they were there before"
    )
    add_progress(parser)
    add_target(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, pause: Callable[[float], None] = time.sleep) -> int:
    """Copy the table with today's keys, verify the copy, and give it all that a table in use has.

    Returns 0 once the stack can be given it; 1 where a person must look first.
    """
    return Renaming(Target(options), options, pause).run()


class Renaming:
    """From the table of before to the line for `make deploy`."""

    def __init__(self, target: Target, options: argparse.Namespace, pause: Callable[[float], None]) -> None:
        client = target.client("dynamodb")
        self._table, self._recovery = target.table, Recovery(client)
        self._context = Context(Table(client, options.into), Ids(""))
        self._into, self._pause, self._options = self._context.table, pause, options
        self._names = {"table": self._table.name, "into": self._into.name}

    def run(self) -> int:
        if not renaming.is_of_before(self._table):
            raise Usage(f"{self._table.name} has nothing under keys of before: there is nothing to rename")
        self._make()
        known = self._begin()
        if not known.ended_ms:
            if not self._move():
                return 1
            ended = replace(known, ended_ms=self._context.now_ms())
            self._into.commit(migrations.go_on(known, ended))
            known = ended
        stop, now_ms = renaming.stop_of(self._table), self._context.now_ms()
        if stop is None or stop.since_ms > known.ended_ms or not renaming.is_still(stop, now_ms):
            say(LET_GO.format(**self._names))
            return 1
        while given := self._recovery.complete_next(self._into.name):
            say(f"{self._into.name} has {given}")
            self._wait()
        say(NEXT.format(**self._names, stream=self._recovery.stream(self._into.name)))
        return 0

    def _check_still(self) -> int:
        """Since when all stands still, in epoch milliseconds. Raises Usage where somebody may book."""
        stop = renaming.stop_of(self._table)
        if stop is None or not renaming.is_still(stop, self._context.now_ms()):
            raise Usage(NOT_STOPPED.format(**self._names))
        return stop.since_ms

    def _make(self) -> None:
        if not self._recovery.state(self._into.name):
            self._check_still()
            self._recovery.make(self._into.name, keys.INDEX_KEYS)
            say(f"{self._into.name} is made, without a stream: what is copied is nothing new")
        self._wait()

    def _wait(self) -> None:
        while self._recovery.state(self._into.name) != "ACTIVE":
            self._pause(LOOK_SECONDS)

    def _begin(self) -> MigrationProgress:
        """Put its mark into an empty table. Raises Usage for one that has something else in it, or tells of it."""
        known = migrations.find(self._into, f"KEYS-OF-{self._table.name}")
        if known.began_ms:
            return known
        self._check_still()
        if self._recovery.stream(self._into.name) or any(raw_items(self._into)()):
            raise Usage(FOREIGN.format(**self._names))
        begun = replace(known, began_ms=self._context.now_ms())
        self._into.commit(migrations.go_on(known, begun))
        return replace(begun, steps=1)

    def _move(self) -> bool:
        """Copy until nothing is left to copy, and verify; False where a person must look."""
        for number in range(1, PASSES + 1):
            since_ms = self._check_still()
            done = self._pass(number)
            if not done.written:
                break
        else:
            say(f"{self._table.name} goes on changing: find out what writes there, and give this command again")
            return False
        if more := renaming.count(raw_items(self._into), done.at_s) - done.kept:
            say(TWO_MORE.format(**self._names, more=more))
            return False
        say(f"{self._into.name} has {done.kept} items, and {self._table.name} the same")
        if tell_faults(self._context) and not self._options.anyway:
            say("Where the command of the release that runs finds the same: --anyway goes on")
            return False
        if self._check_still() != since_ms:
            say(f"{self._table.name} was let go on meanwhile, and stopped again: give this command once more")
            return False
        return True

    def _pass(self, number: int) -> Pass:
        told = [Pass(0, 0, 0)]
        with ProgressLine(lambda: f"{told[-1].kept} items, {told[-1].written} written", asked=self._options.progress):
            done = renaming.move(self._context, self._into, raw_items(self._table), told.append)
        say(f"pass {number}: {done.kept} items, {done.written} written")
        return done
