"""The steps of `refledger restore`. The first half makes the copy, the second lets the stack go on with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count

from refledger.adapters.ids import Ids
from refledger.adapters.recovery import Backup, Recovery
from refledger.adapters.replays import NONE, OVER, UNFINISHED, Replays
from refledger.adapters.stepfunctions import Executions
from refledger.cli.findings import words
from refledger.cli.output import say
from refledger.cli.stopping import sources, who
from refledger.cli.target import Target, Usage
from refledger.domain.currencies import money
from refledger.domain.restoring import RestoreAction
from refledger.domain.times import SECOND_MS
from refledger.operations.context import Context
from refledger.operations.proof import verification
from refledger.operations.proof.book_checks import Checked
from refledger.operations.recovery import restoring, stopping
from refledger.operations.recovery.restoring import Held
from refledger.store import stops
from refledger.store.stops import Stop
from refledger.store.table import Table

WORKFLOW = "WithdrawalApproval"
ARCHIVES = ("Archive", "StripeArchive", "SalesforceArchive")
QUEUES = ("PaymentsQueue", "LeadsQueue", "MaturityQueue")  # where what comes again is worked on
MARGIN = timedelta(minutes=15)  # events are archived some minutes late, and clocks differ; more than once is no harm
LOOK_SECONDS = 15
REPLAY_NAME_LIMIT = 64
SHOWN = 20  # of faults
STAMP, STAMPED, STAMPED_AS = re.compile(r"-r\d{8}T\d{6}$"), "20261129T020000", "%Y%m%dT%H%M%S"
WHAT = {
    RestoreAction.ENTER: "is not in the copy: its money is reserved, and it is held",
    RestoreAction.HOLD: "is held",
    RestoreAction.PROVIDER: "its provider is asked before anything is sent",
    RestoreAction.PERSON: "cannot be held here: settle it before you let payouts go on",
}


@dataclass
class Wish:
    """What is to be restored: from which table, to which moment, under which name."""

    target: Target
    at: datetime | None
    is_last: bool
    former: bool

    @cached_property
    def recovery(self) -> Recovery:
        return Recovery(self.target.client("dynamodb"))

    @cached_property
    def table(self) -> str:
        """The table that the stack uses now."""
        return self.target.resource("Table")

    @cached_property
    def backup(self) -> Backup | None:
        """The backup of a table that was deleted, where that is asked for. Raises Usage where there is none."""
        if not self.is_last:
            return None
        if found := self.recovery.last_backup(self.table):
            return found
        raise Usage(f"AWS has no backup of {self.table} from when it was deleted")

    @cached_property
    def moment(self) -> datetime:
        if self.at:
            return self.at
        if self.is_in_use:
            return datetime.strptime(self.table[-len(STAMPED) :], STAMPED_AS).replace(tzinfo=UTC)
        found = self.backup
        assert found  # or nothing was asked for
        return found.at.astimezone(UTC)

    @cached_property
    def copy(self) -> str:
        """Made of the name and the moment, so that the command given again finds what it has begun."""
        return f"{STAMP.sub('', self.table)}-r{self.moment:{STAMPED_AS}}"

    @property
    def is_in_use(self) -> bool:
        """Whether the stack was given the copy already. A copy that was deleted itself is none that is in use."""
        if self.is_last:
            return bool(STAMP.search(self.table)) and self.recovery.state(self.table) != ""
        return self.table == self.copy

    @property
    def since(self) -> datetime:
        return self.moment - MARGIN

    @property
    def since_ms(self) -> int:
        return int(self.since.timestamp() * 1000)

    @property
    def label(self) -> str:
        return f"{self.moment:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def why(self) -> str:
        return f"the table was put back to {self.label}"

    def context(self, table: str) -> Context:
        return Context(Table(self.target.client("dynamodb"), table), Ids(""))


def tell_faults(context: Context) -> int:
    """Verify, and say what is wrong; how much."""
    checked, found = Checked(), 0
    for fault in verification.verify(context, checked):
        found += 1
        if found <= SHOWN:
            say(words(fault))
    more = f" ({found - SHOWN} more are not shown)" if found > SHOWN else ""
    say(f"verify: {found} faults in {', '.join(f'{n} {what}' for what, n in checked.counts().items())}{more}")
    return found


def _hold(wish: Wish, context: Context, before: str, since_ms: int) -> Iterator[Held]:
    """End what runs, and hold what may have been paid since then. Of what was deleted nothing is missing.

    `before`: the table before, where its word is taken.
    """
    if wish.is_last:
        return
    executions = Executions(wish.target.client("stepfunctions"), wish.target.resource(WORKFLOW))
    if wish.former and wish.recovery.state(before):
        traces = restoring.former(context, wish.context(before).table, since_ms)
    else:
        traces = restoring.told_by(context, list(executions.since(since_ms)))
    ended = 0
    for arn in executions.running():
        executions.stop(arn)
        ended += 1
    say(f"{ended} executions of the workflow were ended: the sweeper begins others, from what the copy says")
    for held in restoring.settle(context, traces, wish.why):
        say(_line(held))
        yield held


class Copying:
    """From the stop to the line for `make deploy`."""

    def __init__(self, wish: Wish, pause: Callable[[float], None], *, anyway: bool) -> None:
        self._wish, self._pause, self._anyway = wish, pause, anyway
        self._sources = sources(wish.target)

    def run(self) -> int:
        wish = self._wish
        self._check()
        readers = self._stop()
        self._copy()
        context = wish.context(wish.copy)
        self._stop_copy(context, readers)
        while given := wish.recovery.complete_next(wish.copy):
            say(f"{wish.copy} has {given}")
            self._wait_for_copy()
        held = list(_hold(wish, context, wish.table, wish.since_ms))
        if tell_faults(context) and not self._anyway:
            say(
                "A restore may cut a transaction in two, at that very second: try a moment before or after, with --at. "
                "What was wrong before it is wrong in the copy, too: --anyway goes on"
            )
            return 1
        self._tell(held)
        return 1

    def _check(self) -> None:
        """Raises Usage for a moment that the table cannot be put back to."""
        wish = self._wish
        if wish.recovery.state(wish.copy):
            return
        if wish.is_last:
            if wish.recovery.state(wish.table):
                raise Usage(f"{wish.table} was not deleted: say --at TIME")
            return
        if not wish.recovery.state(wish.table):
            raise Usage(f"{wish.table} is not there any more: --last-backup takes what it was when it was deleted")
        window = wish.recovery.window(wish.table)
        if window is None:
            raise Usage(f"point-in-time recovery of {wish.table} is off: only its backups can be put back")
        if not window[0] <= wish.moment <= window[1]:
            raise Usage(f"{wish.table} can be put back to moments from {window[0]:%FT%TZ} to {window[1]:%FT%TZ}")

    def _stop(self) -> tuple[str, ...]:
        """Stop all that uses the table; the readers that read until then."""
        wish = self._wish
        if not wish.recovery.state(wish.table):
            reading = tuple(name for name, each in self._sources.items() if each.reads)
            for name in reading:
                self._sources[name].enable(False)
            say(f"{wish.table} is not there, so nothing can be booked; its queues are read no more")
            return reading or tuple(self._sources)
        context = wish.context(wish.table)
        stop = stops.read(context.table)
        if stop is None or stop.only_payouts or any(each.reads for each in self._sources.values()):
            stop = stopping.stop(context, self._sources, who(wish.target), wish.why)
        left_ms = stopping.settled_at_ms(stop) - context.now_ms()
        if left_ms > 0:
            say(f"everything that books or pays is stopped; what had begun ends within {left_ms // SECOND_MS + 1} s")
            self._pause(left_ms / SECOND_MS)
        return stop.readers

    def _stop_copy(self, context: Context, readers: tuple[str, ...]) -> None:
        """Before anything uses it; what it was stopped for at that moment goes on to stop it."""
        stop, wish = stops.read(context.table), self._wish
        if stop and not stop.only_payouts:
            return
        made = Stop(context.now_ms(), who(wish.target), wish.why, readers, context.ids.new())
        context.table.commit(stops.change(stop, made) if stop else stops.write(made))
        say(f"{wish.copy} is stopped before anything uses it")

    def _copy(self) -> None:
        wish = self._wish
        if not wish.recovery.state(wish.copy):
            if wish.backup:
                wish.recovery.begin_from(wish.backup, wish.copy)
            else:
                wish.recovery.begin(wish.table, wish.copy, wish.moment)
            say(f"{wish.copy} is being made of {wish.table} as it was at {wish.label}")
        self._wait_for_copy()

    def _wait_for_copy(self) -> None:
        while self._wish.recovery.state(self._wish.copy) != "ACTIVE":
            self._pause(LOOK_SECONDS)

    def _tell(self, held: list[Held]) -> None:
        wish = self._wish
        persons = [each for each in held if each.act is RestoreAction.PERSON]
        say(f"{len(held)} withdrawals were found now that may have been paid; {len(persons)} of them could not be held")
        say("Give the copy to the stack, and then give this command once more:")
        say(
            f'  make deploy STAGE=… SET="ExistingTable={wish.copy} '
            f'ExistingTableStreamArn={wish.recovery.stream(wish.copy)} Rollout=AllAtOnce"'
        )


def _line(held: Held) -> str:
    trace = held.trace
    said = f"withdrawal {trace.id}"
    if trace.partner_id:
        said += f" of {trace.partner_id}, {money(trace.amount, trace.currency)}"
    said += f", was {trace.status}" if trace.status else ""
    return f"{said}{f' ({trace.transaction_id})' if trace.transaction_id else ''}: {WHAT[held.act]}"


class GoingOn:
    """From the deployed copy to the last word, which is a person's."""

    def __init__(self, wish: Wish, pause: Callable[[float], None]) -> None:
        self._wish, self._pause = wish, pause
        self._replays = Replays(wish.target.client("events"))

    def run(self) -> int:
        wish, context = self._wish, self._wish.context(self._wish.table)
        stop = stops.read(context.table)
        if stop and not stop.only_payouts:
            if self._has_begun():
                say(f"somebody has stopped it again since: {stop.by}, {stop.reason}")
                say("Where bookings may go on all the same: bin/refledger go --but-payouts --reason …; then this")
                return 1
            self._hold_again(context, stop)
            stopping.go(context, sources(wish.target), who(wish.target), wish.why, but_payouts=True)
            say("bookings go on; payouts, and whatever people write, are stopped still")
        if not self._replay():
            return 1
        self._drain()
        found = tell_faults(context)
        say("Look at what is held: bin/refledger withdrawals stuck --older 0m, and docs/disaster.md. Then:")
        say('  bin/refledger go --reason "restored"')
        say("  bin/refledger rebuild statistics")
        return 1 if found or stop else 0

    def _hold_again(self, context: Context, stop: Stop) -> None:
        """Somebody may have let the table before go on, as after a deployment that failed: what moved there since."""
        wish = self._wish
        before = wish.recovery.source(wish.table)
        is_there = bool(before and wish.recovery.state(before))
        if is_there or not wish.former:
            list(_hold(wish, context, before, stop.since_ms if wish.former else wish.since_ms))

    def _archives(self) -> list[str]:
        return [name for name in ARCHIVES if name in self._wish.target.resources]

    def _has_begun(self) -> bool:
        """Whether bookings went on already, after which replays are begun."""
        return any(self._replays.state(self._name(archive, 1)) != NONE for archive in self._archives())

    def _name(self, archive: str, attempt: int) -> str:
        return f"{self._wish.table}-{archive}{f'-{attempt}' if attempt > 1 else ''}"[-REPLAY_NAME_LIMIT:]

    def _begin(self, archive: str) -> str:
        """The name of the replay to wait for: of another one where the last could not be finished, whose is taken."""
        for name in (self._name(archive, attempt) for attempt in count(1)):
            state = self._replays.state(name)
            if state == NONE:
                now = datetime.now(UTC)
                self._replays.begin(name, self._wish.target.resource(archive), self._wish.since, now)
            if state not in UNFINISHED:
                break
        return name

    def _replay(self) -> bool:
        """All archives come again; False where one could not."""
        names = {archive: self._begin(archive) for archive in self._archives()}
        good = True
        for archive, name in names.items():
            while (state := self._replays.state(name)) not in OVER:
                self._pause(LOOK_SECONDS)
            say(f"{archive}: what came since {self._wish.since:%FT%TZ} has come again: {state}")
            good = good and state not in UNFINISHED
        if not good:
            say("Give this command once more: what could not come again is begun anew")
        return good

    def _drain(self) -> None:
        """Wait until what came again is booked."""
        client = self._wish.target.client("sqs")
        asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        for name in QUEUES:
            url = self._wish.target.resource(name)
            while any(
                int(n) for n in client.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"].values()
            ):
                self._pause(LOOK_SECONDS)
            say(f"{name} is empty")
