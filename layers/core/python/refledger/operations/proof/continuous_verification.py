"""The check of the books as the deployment runs it: a tick looks again at what it found, at partners of whom the stream
told, and goes on with a sweep through everything, which begins once a day.

A tick is bounded by its time and by how much it reads, and each part by a share of the time: none waits for another. A
fault counts once a later tick has seen it, too: a write that was in progress, or an index that was behind, is gone by
then. It is told then, once, and stays until a look finds it no more. Books so long that they cost too much to be read
after each change are looked at by their newest entries, and whole by the sweep; the longest are for the operators'
command alone, and are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby, islice

from refledger.domain.times import MINUTE_MS, SECOND_MS
from refledger.operations.context import Context
from refledger.operations.proof import verification
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.operations.proof.partner_checks import MOVED, count_entries, verify_newest, verify_partner
from refledger.operations.proof.payment_checks import verify_payments
from refledger.operations.proof.program_checks import verify_programs
from refledger.operations.proof.referral_checks import verify_referrals
from refledger.operations.proof.verification import PARTNERS, Subject
from refledger.operations.proof.verification_queue import SETTLED_MS
from refledger.store import changed_partners, findings
from refledger.store.findings import END, Finding
from refledger.store.findings import FindingReason as FindingReason  # what `Tell` is told

HOUR_MS = 60 * MINUTE_MS
ROUND_MS = 20 * HOUR_MS  # between the beginnings of two sweeps: a partner's two looks are less than a day apart
BEHIND_MS = 6 * HOUR_MS  # what the stream told of before that is left to the sweep
LEFT_MS = 20 * SECOND_MS  # for what is begun, and for the place
LONG_MS = 90 * SECOND_MS  # what the longest books that are read whole may take
LONG, TOO_LONG = 2_000, 100_000  # entries of a partner
MOST = 20_000  # items that changed partners, and the sweep, may read before they leave the rest to the next tick
KEPT_EVERY = 100  # partners, or hundreds of payments, between two places that are kept
AGAIN = 50  # findings that are looked at again
FINDINGS_LIMIT = 1_000
REASONS_LIMIT = 20  # of a finding that are kept in words
SHARES = (80, 50, 0)  # percent of a tick's time that is left when each of the three parts ends

Tell = Callable[[Subject, FindingReason], None]


# How a finding is looked at again, by what it is of; partners have a way of their own
OF: dict[str, Callable[[Context, list[str], Checked], Iterable[tuple[str, Fault]]]] = {
    verification.EARNED: verify_payments,
    verification.REFERRED: verify_referrals,
    verification.PROGRAMS: lambda context, _, __: verify_programs(context),
}


@dataclass
class Screened:
    """What a tick came to. `faults`: that count now; `age_ms`: since the last whole sweep ended."""

    faults: int = 0
    age_ms: int = 0
    partners: int = 0
    payments: int = 0


class _Later(Exception):
    """The next partner's books need more time than there is."""


def screen(context: Context, left_ms: Callable[[], int], tell: Tell) -> Screened:
    """One tick. `left_ms`: of its time; `tell` is called for each fault that is new. May be repeated."""
    tick = _Tick(context, left_ms, tell)
    begun_ms = left_ms()
    ends = [begun_ms * share // 100 for share in SHARES]
    tick.look_again(lambda: left_ms() > max(ends[0], LEFT_MS))
    tick.follow(lambda: left_ms() > max(ends[1], LEFT_MS))
    tick.sweep(lambda: left_ms() > max(ends[2], LEFT_MS))
    return tick.end()


@dataclass
class _Tick:
    context: Context
    left_ms: Callable[[], int]
    tell: Tell
    screened: Screened = field(default_factory=Screened)
    seen: set[str] = field(default_factory=set)  # partners whom this tick has looked at

    def __post_init__(self) -> None:
        table = self.context.table
        self.now_ms = self.context.now_ms()
        self.found = {(each.kind, each.id): each for each in islice(findings.all_of(table), FINDINGS_LIMIT)}
        self.before = self.round = findings.kept(table, self.now_ms)

    def end(self) -> Screened:
        self.screened.faults = sum(finding.told for finding in self.found.values())
        self.screened.age_ms = self.now_ms - self.round.whole_ms
        is_clean = self.round.has_swept and not self.screened.faults
        if is_clean != bool(self.round.clean_ms):
            self.round = replace(self.round, clean_ms=self.now_ms if is_clean else 0)
            self._keep()
        return self.screened

    def look_again(self, go_on: Callable[[], bool]) -> None:
        """At what was found, those first that were not looked at for longest."""
        for finding in sorted(self.found.values(), key=lambda each: each.looked_ms)[:AGAIN]:
            if not go_on():
                return
            if finding.kind == PARTNERS:
                self._again(finding)
                continue
            told = OF[finding.kind](self.context, [finding.id], Checked())
            self._judge((finding.kind, finding.id), [fault for id, fault in told if id == finding.id])

    def _again(self, finding: Finding) -> None:
        is_known = all(reason.is_told for reason in finding.reasons)
        if is_known and self.now_ms - finding.looked_ms < HOUR_MS and count_entries(self.context, finding.id) > LONG:
            return
        with suppress(_Later):
            self._judge((PARTNERS, finding.id), self._partner(self.context, finding.id, Checked()))

    def follow(self, go_on: Callable[[], bool]) -> None:
        """Partners of whom the stream told, in its order. What was begun of one word is finished: it is short."""
        checked, until_ms = Checked(), self.now_ms - SETTLED_MS
        reached_ms = max(self.round.changed_ms, self.now_ms - BEHIND_MS)
        for noted_ms, partner_ids in changed_partners.within(self.context.table, reached_ms, until_ms):
            reached_ms = noted_ms
            if _volume(checked) > MOST or not go_on():
                break
            for partner_id in partner_ids:
                if partner_id not in self.seen:
                    self._changed(partner_id, checked)
        else:
            reached_ms = max(reached_ms, until_ms)
        self.round = replace(self.round, changed_ms=reached_ms)
        if checked.partners or reached_ms - self.before.changed_ms > HOUR_MS:
            self._keep()

    def _changed(self, partner_id: str, checked: Checked) -> None:
        if count_entries(self.context, partner_id) > LONG:
            checked.partners += 1
            self.screened.partners += 1
            if not list(verify_newest(self.context, partner_id)):
                self.seen.add(partner_id)
                return
        with suppress(_Later):  # the sweep comes to them
            self._judge((PARTNERS, partner_id), self._partner(self.context, partner_id, checked))

    def sweep(self, go_on: Callable[[], bool]) -> None:
        """On from where the last tick was; from the beginning, once a day."""
        if self.round.is_over:
            if self.now_ms - self.round.began_ms < ROUND_MS:
                return
            self.round = replace(self.round, place="", began_ms=self.now_ms, left_out=())
        checked = Checked()
        walk = verification.walk(self.context, checked, self.round.place, self._partner)
        try:
            for number, step in enumerate(walk, 1):
                for subject, told in groupby(step, key=lambda each: each[0]):
                    self._judge(subject, [fault for _, fault in told])
                self.round = replace(self.round, place=checked.place)
                if number % KEPT_EVERY == 0:
                    self._keep()
                if _volume(checked) > MOST or not go_on():
                    break
            else:
                self.round = replace(self.round, place=END, whole_ms=self.now_ms)
        except _Later:
            pass
        self.screened.payments += checked.payments
        self._keep()

    def _partner(self, context: Context, partner_id: str, checked: Checked) -> Iterable[Fault]:
        """Their books, whole where they are not too long for that. Raises _Later."""
        entries = count_entries(context, partner_id)
        if entries > LONG and self.left_ms() < LONG_MS:
            raise _Later
        self.seen.add(partner_id)
        self.screened.partners += 1
        if entries <= TOO_LONG:
            return list(verify_partner(context, partner_id, checked, timely=True))
        checked.partners += 1
        if partner_id not in self.round.left_out:
            self.round = replace(self.round, left_out=(*self.round.left_out, partner_id))
        return list(verify_newest(context, partner_id))

    def _judge(self, subject: Subject, faults: Iterable[Fault]) -> None:
        """Keep what is wrong, tell what is sure, forget what is no more."""
        faults, old = list(faults), self.found.get(subject)
        if any(fault.reason == MOVED for fault in faults):
            return
        new = judged(subject, old, faults, self.now_ms)
        if new is None:
            if old is not None:
                self.context.table.commit(findings.remove(old))
                del self.found[subject]
            return
        if old is None and len(self.found) >= FINDINGS_LIMIT:
            return
        self.context.table.commit(findings.save(new))
        self.found[subject] = new
        known = {_kind(reason) for reason in old.reasons if reason.is_told} if old else set()
        for reason in new.reasons:
            if reason.is_told and _kind(reason) not in known:
                known.add(_kind(reason))
                self.tell(subject, reason)

    def _keep(self) -> None:
        self.context.table.commit(findings.keep(self.round))


def judged(subject: Subject, old: Finding | None, faults: list[Fault], now_ms: int) -> Finding | None:
    """Return what is kept of a look: since when each kind of fault is there, and if it is sure by now."""
    if not faults:
        return None
    before = {_kind(reason): reason for reason in old.reasons} if old else {}
    reasons = []
    for fault in faults[:REASONS_LIMIT]:
        reason = FindingReason(fault.partner_id, fault.currency, fault.reason, now_ms)
        if seen := before.get(_kind(reason)):
            reason = replace(reason, since_ms=seen.since_ms, is_told=seen.is_told or seen.since_ms < now_ms)
        reasons.append(reason)
    return Finding(*subject, tuple(reasons), now_ms, len(faults) - len(reasons))


def _kind(reason: FindingReason) -> tuple[str, str]:
    """The same fault in other figures is the same fault: books go on."""
    return reason.currency, re.sub(r"[0-9]+", "0", reason.text)


def _volume(checked: Checked) -> int:
    return sum(checked.counts().values())
