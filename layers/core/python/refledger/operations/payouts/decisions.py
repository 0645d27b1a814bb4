"""What one of the staff decides about a withdrawal: that it may be paid, that it was, or that its money is put back.

Each looks first at what stands against it (`payout_gate.look`), asks whether this person may and is enough
(`duties.case`), and commits under both: a suspension, a refund or another decision in between makes it look again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from refledger.domain.duties import Act, Allowed, NeedsSecond
from refledger.domain.errors import NoteNeeded, NotPayable, SecondPersonNeeded
from refledger.domain.payout_gate import (
    accepted,
    check_note,
    check_second,
    check_stops,
    said_yes,
    said_yes_to,
    seen_by,
    stops,
    takes_second,
)
from refledger.domain.withdrawals import (
    Approval,
    PayoutProblem,
    Withdrawal,
    WithdrawalStatus,
    WithdrawalStep,
    after_approval,
    check_can_be_paid,
    check_decider,
    check_waiting,
    movement,
)
from refledger.operations import duties
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.duties import Case
from refledger.operations.payouts import payout_gate, risks
from refledger.operations.payouts.payout_gate import Seen
from refledger.operations.payouts.transitions import book, is_repeat
from refledger.store import withdrawals

Decide = Callable[[Withdrawal, Seen], Withdrawal]


@retry_on_conflict
def _decide(
    context: Context, withdrawal_id: str, actor: str, request: str, act: Decide, *, day: bool = False
) -> Withdrawal:
    """Look at the withdrawal, and let this person act on what there is to see; again where somebody was faster.

    Idempotent by the request. `day`: see `payout_gate.look`. Raises OwnWithdrawal, WithdrawalNotFound, Busy, and what
    `act` raises.
    """
    old = withdrawals.find(context.table, withdrawal_id)
    if is_repeat(old, actor, request):
        return old
    seen = payout_gate.look(context, old, day=day)
    check_decider(old, actor, seen.partner.customer)
    return act(old, seen)


def approve(context: Context, withdrawal_id: str, actor: str, request: str, note: str) -> Withdrawal:
    """Approve a withdrawal that waits, or again one that something has stood against since its approval.

    Above the limit of the day, and with a debt, a first yes is kept and another person's lets it go; a yes from before
    the debt does not count for it. The limit is the stricter of that under which it was asked for and today's.
    Raises what `_decide` raises, and PartnerSuspended, NotPayable, NoteNeeded, SecondPersonNeeded, AlreadyDecided.
    """

    def act(old: Withdrawal, seen: Seen) -> Withdrawal:
        is_late = old.status in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAYING) and bool(seen.blockers)
        if not is_late:
            check_waiting(old)
        check_stops(seen.blockers)
        check_note(seen.blockers, note)
        yes = said_yes(old)
        case = _case(context, seen, Act.APPROVE_WITHDRAWAL, actor, 0 if is_late else old.amount, yes)
        verdict = case.require()
        known = said_yes_to(old, seen.blockers) if takes_second(seen.blockers) else yes
        enough = isinstance(verdict, Allowed) and (not takes_second(seen.blockers) or bool(set(known) - {actor}))
        if not enough and actor in known:
            raise SecondPersonNeeded("a second person must approve this withdrawal")
        said = Approval(actor, seen.now_ms, note, request, saw=seen_by(seen.blockers))
        new = _with_yes(old, said, enough=enough, is_late=is_late)
        changes: dict[str, Any] = {"risks": risks.worked_out(context, seen), "assessed_at_ms": seen.now_ms}
        if enough:
            changes |= {"accepted": accepted(old, seen.blockers), "blocked": ()}
        new = replace(new, **changes)
        context.table.commit(*withdrawals.change(old, new), *seen.guards(), *(case.writes() if enough else []))
        return new

    return _decide(context, withdrawal_id, actor, request, act, day=True)


def _with_yes(old: Withdrawal, yes: Approval, *, enough: bool, is_late: bool) -> Withdrawal:
    if is_late and enough:  # it was approved before: this is a word about what came up since
        word = WithdrawalStep(old.status, yes.by, yes.at_ms, yes.note, yes.request)
        return replace(old, steps=(*old.steps, word))
    return after_approval(old, yes, enough=enough)


def _case(context: Context, seen: Seen, act: Act, actor: str, amount: int, earlier: Sequence[str] = ()) -> Case:
    asked = seen.withdrawal
    return duties.case(
        context, act, actor, seen.programs, asked.currency, {asked.partner_id: amount},
        earns={seen.partner.customer}, requester=asked.requester, earlier=earlier,
    )  # fmt: skip


def retry(context: Context, withdrawal_id: str, actor: str, request: str, note: str) -> Withdrawal:
    """Try a payout again that was for certain not made.

    What people may take on them is asked when it starts.

    Raises what `_decide` raises, and NotPayable, PartnerSuspended, SecondPersonNeeded.
    """

    def act(old: Withdrawal, seen: Seen) -> Withdrawal:
        if old.problem is not PayoutProblem.DECLINED:
            raise NotPayable("only a payout that was declined, for certain, can be tried again")
        check_stops(seen.blockers)
        _case(context, seen, Act.RETRY_PAYOUT, actor, 0).check()
        return book(
            context, old, WithdrawalStatus.APPROVED, actor, request, note, transaction_id="", batch_id="",
            also=seen.guards()
        )  # fmt: skip

    return _decide(context, withdrawal_id, actor, request, act)


# ---------------------------------------------------------------- how the transfer ended


def mark_paid(
    context: Context, withdrawal_id: str, actor: str, request: str, note: str, transaction_id: str
) -> Withdrawal:
    """Say that the transfer was made.

    What stands against it is asked here, too: the money leaves the books now.

    Told again with the same `transaction_id` it answers the same, whoever tells it. With a debt another person must
    have said yes to it before, and it takes a note. What the bank has paid in spite of a suspension, or while an
    account cooled, is a fact: two people say so, with a note and the bank's reference; the first one's word is kept. So
    is it of what a restore entered, which nobody approved, above the limit or with a debt.
    Raises what `_decide` raises, and PartnerSuspended, NotPayable, NoteNeeded, SecondPersonNeeded, AlreadyDecided.
    """

    def act(old: Withdrawal, seen: Seen) -> Withdrawal:
        if old.status is WithdrawalStatus.PAID and transaction_id and old.transaction_id == transaction_id:
            return old
        check_can_be_paid(old)
        is_stopped = stops(seen.blockers)
        if is_stopped:
            _check_has_left(old, seen, transaction_id)
        check_note(seen.blockers, note)
        yes, is_nobodys = said_yes_to(old, seen.blockers), old.was_approved_by_nobody
        if not is_stopped and not is_nobodys:
            check_second(seen.blockers, actor, yes)
        alone = not old.was_approved_by_rule and not set(said_yes(old)) - {actor}
        earlier = [each.by for each in old.approvals if each.to is WithdrawalStatus.PAID] if is_nobodys else ()
        case = _case(context, seen, Act.MARK_PAID, actor, old.amount if alone else 0, earlier)
        takes_two = is_stopped
        if is_nobodys:
            takes_two = isinstance(case.require(), NeedsSecond) or takes_second(seen.blockers) or is_stopped
        else:
            case.check()
        if takes_two and not set(yes) - {actor}:
            return _keep(
                context,
                old,
                seen,
                Approval(actor, seen.now_ms, _told(note, transaction_id), request, WithdrawalStatus.PAID),
            )
        changes: dict[str, Any] = {"transaction_id": transaction_id} if transaction_id else {}
        if seen.blockers:
            changes |= {"accepted": accepted(old, seen.blockers)}
        return book(
            context, old, WithdrawalStatus.PAID, actor, request, note, balance=seen.balance(old.currency), blocked=(),
            also=[*seen.guards(posted=old.currency), *case.writes()], **changes,
        )  # fmt: skip

    return _decide(context, withdrawal_id, actor, request, act)


def _check_has_left(withdrawal: Withdrawal, seen: Seen, transaction_id: str) -> None:
    """Of what stops everybody only what may be with the bank can have been paid: it is in a file.

    Raises PartnerSuspended or NotPayable for all else, NoteNeeded without the bank's reference.
    """
    if not withdrawal.batch_id:
        check_stops(seen.blockers)
    if not transaction_id:
        raise NoteNeeded("transactionId: the bank's reference of a transfer that was made in spite of what stops it")


def _keep(context: Context, old: Withdrawal, seen: Seen, word: Approval) -> Withdrawal:
    """Write down what the first of two people says. Raises SecondPersonNeeded where they have said so."""
    word = replace(word, saw=seen_by(seen.blockers))
    said = [each for each in old.approvals if each.at_ms >= old.entered_at_ms]
    if any((each.by, each.to, each.saw) == (word.by, word.to, word.saw) for each in said):
        raise SecondPersonNeeded("a second person must say so, too")
    new = replace(old, approvals=(*old.approvals, word))
    context.table.commit(*withdrawals.change(old, new))
    return new


def mark_failed(
    context: Context, withdrawal_id: str, actor: str, request: str, note: str, transaction_id: str = ""
) -> Withdrawal:
    """Say that the transfer was not, and will not be, made: its money is available again.

    Of one that is in a file for the bank only the bank knows: it takes a note and the bank's reference, and above the
    limit for adjustments two people, like any other money that is made. The first one's word is kept.
    Whatever stands against paying it: that is no reason why the bank should have. Raises what `_decide` raises, and
    NotPayable, NoteNeeded, SecondPersonNeeded, AlreadyDecided.
    """

    def amount_at_stake(old: Withdrawal) -> int:
        if old.status is WithdrawalStatus.REQUESTED:
            raise NotPayable("nobody approved the withdrawal yet")
        movement(old.status, WithdrawalStatus.FAILED)
        if old.status is WithdrawalStatus.PAYING and old.is_sent and not note:
            raise NoteNeeded("note: say how you know that the provider did not, and will not, pay")
        if old.batch_id:
            _check_evidence(note, transaction_id)
        return old.amount if old.batch_id or (old.status is WithdrawalStatus.PAYING and old.is_sent) else 0

    return _put_back(
        context, withdrawal_id, WithdrawalStatus.FAILED, actor, request, _told(note, transaction_id), amount_at_stake
    )


def mark_returned(
    context: Context, withdrawal_id: str, actor: str, request: str, note: str, transaction_id: str
) -> Withdrawal:
    """Say that the whole payout came back: PAID → RETURNED, and the money is available again.

    `transaction_id`: the bank's of the return; it stands in the note, the payout's own id stays. Above the limit for
    adjustments it takes two people: the first one's word is kept.
    Raises what `_decide` raises, and NoteNeeded, SecondPersonNeeded, AlreadyDecided.
    """

    def amount_at_stake(old: Withdrawal) -> int:
        movement(old.status, WithdrawalStatus.RETURNED)
        _check_evidence(note, transaction_id)
        return old.amount

    return _put_back(
        context, withdrawal_id, WithdrawalStatus.RETURNED, actor, request, _told(note, transaction_id), amount_at_stake
    )


def _check_evidence(note: str, transaction_id: str) -> None:
    if not note.strip():
        raise NoteNeeded("note: say how you know that the money is back")
    if not transaction_id:
        raise NoteNeeded("transactionId: the bank's reference of the money that came back")


def _told(note: str, transaction_id: str) -> str:
    return f"{note} ({transaction_id})".strip() if transaction_id else note


def _put_back(
    context: Context,
    withdrawal_id: str,
    status: WithdrawalStatus,
    actor: str,
    request: str,
    note: str,
    amount_at_stake: Callable[[Withdrawal], int],
) -> Withdrawal:
    duty = Act.MARK_FAILED if status is WithdrawalStatus.FAILED else Act.MARK_RETURNED

    def act(old: Withdrawal, seen: Seen) -> Withdrawal:
        amount = amount_at_stake(old)
        earlier = [each.by for each in old.approvals if each.to is status and each.at_ms >= old.entered_at_ms]
        case = _case(context, seen, duty, actor, amount, earlier)
        if isinstance(case.require(), NeedsSecond):
            return _keep(context, old, seen, Approval(actor, seen.now_ms, note, request, status))
        return book(
            context, old, status, actor, request, note, balance=seen.balance(old.currency), blocked=(),
            also=case.writes(),
        )  # fmt: skip

    return _decide(context, withdrawal_id, actor, request, act)
