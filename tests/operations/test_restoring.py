"""After a table was put back: what was paid since then is paid by nobody again, whatever tells of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from refledger.adapters.stepfunctions import Execution, told
from refledger.domain.errors import InsufficientFunds, NoteNeeded, NotPayable, PayoutUnavailable, SecondPersonNeeded
from refledger.domain.partners import PartnerStatus
from refledger.domain.restoring import BEGUN, RestoreAction
from refledger.domain.times import HOUR_MS
from refledger.domain.withdrawals import PayoutProblem, Withdrawal, WithdrawalStatus
from refledger.operations.partners import partners
from refledger.operations.payouts import batches, decisions, single_payouts, withdrawals
from refledger.operations.payouts.transitions import step
from refledger.operations.recovery import restoring
from refledger.operations.recovery.restoring import Held
from refledger.store import withdrawals as stored
from tests.support.books import Books
from tests.support.payouts import Provider, start, verified
from tests.support.recovery import Recoverable
from tests.support.workflow import definition

S = WithdrawalStatus
WHY = "put back to 2026-11-29T02:00:00Z"
BACKUP = datetime(2026, 11, 29, 2, tzinfo=UTC)


class Disaster:
    """A table, what it was at a moment, and what becomes of it when it is put back to that."""

    def __init__(self, books: Books) -> None:
        self.before, self.recovery = books, Recoverable(books.client)
        self.at_ms = 0

    def backup(self) -> None:
        self.recovery.remember("refledger", BACKUP)
        self.at_ms = self.before.clock() + 1
        self.before.clock.forward(HOUR_MS)

    def restore(self) -> Books:
        self.recovery.restore_table_to_point_in_time(
            SourceTableName="refledger", TargetTableName="restored", RestoreDateTime=BACKUP,
            SSESpecificationOverride={"Enabled": True, "SSEType": "KMS"}, BillingModeOverride="PAY_PER_REQUEST",
        )  # fmt: skip
        return Books(self.before.client, "restored", self.before.clock, self.before.kms, self.before.bounds)


@pytest.fixture
def disaster(books: Books) -> Disaster:
    """Bob has 50.00 when the backup is made."""
    books.program()
    books.grant("bob", 5000)
    books.mature("bob")
    return Disaster(books)


def by_table(disaster: Disaster, after: Books) -> list[Held]:
    """Settled by what the table before says; and again, which changes nothing."""
    before = disaster.before.table
    done = list(restoring.settle(after.context, restoring.former(after.context, before, disaster.at_ms), WHY))
    again = list(restoring.settle(after.context, restoring.former(after.context, before, disaster.at_ms), WHY))
    assert [each for each in again if each.act in (RestoreAction.HOLD, RestoreAction.ENTER)] == []
    return done


def by_workflow(after: Books, *runs: Execution) -> list[Held]:
    """Settled by what the executions say, where the table before is gone."""
    done = list(restoring.settle(after.context, restoring.told_by(after.context, runs), WHY))
    again = list(restoring.settle(after.context, restoring.told_by(after.context, runs), WHY))
    assert [each for each in again if each.act in (RestoreAction.HOLD, RestoreAction.ENTER)] == []
    return done


def run(made: Withdrawal, *states: str, ended_as: S | None = None, attempt: int = 0) -> Execution:
    name = f"{made.id}-{attempt}" if attempt else made.id
    return Execution("arn", name, ended_as is None, made.created_at_ms, told(made), frozenset(states), ended_as)


def found(books: Books, made: Withdrawal) -> Withdrawal:
    return stored.find(books.table, made.id)


def move(books: Books, made: Withdrawal, *statuses: S) -> None:
    for status in statuses:
        step(books.context, made.id, status, "ann", request=f"r-{status}")


def exported(books: Books) -> list[str]:
    try:
        return [line.withdrawal_id for line in batches.create(books.context, "ann", None, "x", 100, None).lines]
    except Exception:
        return []


@pytest.mark.parametrize("by", ["table", "workflow"])
def test_a_transfer_that_was_asked_for_and_paid_since_is_not_paid_again(disaster: Disaster, by: str) -> None:
    """Its money is reserved, so that nobody can ask for it again; somebody who knows says that it was paid."""
    disaster.backup()
    paid = disaster.before.pay_out("bob", 4000)
    after = disaster.restore()
    assert after.balance("bob") == (5000, 0, 0)  # as if nothing had happened: asked for again, it would be paid twice
    run_of_it = run(paid, "PayOut", "Settle", ended_as=S.PAID)
    (held,) = by_table(disaster, after) if by == "table" else by_workflow(after, run_of_it)
    assert (held.act, held.trace.id) == (RestoreAction.ENTER, paid.id)
    assert after.balance("bob") == (1000, 4000, 0)
    assert (found(after, paid).status, found(after, paid).problem) == (S.PAYING, PayoutProblem.UNKNOWN)
    with pytest.raises(InsufficientFunds):
        after.withdraw("bob", 4000)
    assert exported(after) == []
    assert after.faults() == []
    withdrawals.conclude(after.context, paid.id, S.PAID, "ann", "r9", "seen at the bank", f"bank-{paid.id}")
    after.cover("bob", "USD", paid.id)
    assert after.balance("bob") == disaster.before.balance("bob") == (1000, 0, 4000)
    assert after.faults() == []


@pytest.mark.parametrize("by", ["table", "workflow"])
def test_a_transfer_that_was_exported_since_is_in_no_other_file(disaster: Disaster, by: str) -> None:
    """What the bank was given is known to the table before, or to nobody: then no open transfer is exported."""
    given, waits = disaster.before.withdraw("bob", 2000), disaster.before.withdraw("bob", 1500)
    move(disaster.before, given, S.APPROVED, S.PAYING)
    move(disaster.before, waits, S.APPROVED)
    disaster.backup()
    assert exported(disaster.before) == [given.id]
    after = disaster.restore()
    by_table(disaster, after) if by == "table" else by_workflow(after, run(given, "PayOut"))
    assert found(after, given).problem is PayoutProblem.UNKNOWN
    assert found(after, waits).problem is (None if by == "table" else PayoutProblem.UNKNOWN)
    assert exported(after) == []
    with pytest.raises(NotPayable):
        decisions.retry(after.context, given.id, "ann", "r5", "again")
    assert after.faults() == []


@pytest.mark.parametrize("suspended", [False, True])
def test_a_file_that_is_downloaded_again_leaves_out_what_is_held(disaster: Disaster, suspended: bool) -> None:
    """Its batch was made before, and given to the bank after: nobody knows that of the copy. Nor does the first look at
    a file take it out of its batch, of which the bank's word is needed before the money is given back.
    """
    before = disaster.before
    given = before.withdraw("bob", 2000)
    move(before, given, S.APPROVED, S.PAYING)
    batch = batches.create(before.context, "ann", None, "x", 100, None)
    disaster.backup()
    assert given.id in batches.file(before.context, before.vault, batch.id, "ann", "f1")
    withdrawals.conclude(before.context, given.id, S.PAID, "ann", "r9", "seen at the bank", "bank-1")
    after = disaster.restore()
    (held,) = by_table(disaster, after)
    assert held.act is RestoreAction.HOLD
    if suspended:
        partners.change_status(after.context, after.partner("bob").id, PartnerStatus.SUSPENDED, "looked into", "ann")
    assert given.id not in batches.file(after.context, after.vault, batch.id, "ann", "f2")
    assert found(after, given).batch_id == batch.id
    with pytest.raises(NoteNeeded):
        decisions.mark_failed(after.context, given.id, "ann", "r5", "not seen")


@pytest.mark.parametrize("by", ["table", "workflow"])
@pytest.mark.parametrize("asked_before", [True, False])
def test_what_a_provider_paid_since_is_asked_for_and_not_sent(disaster: Disaster, by: str, asked_before: bool) -> None:
    """Neither cancelled nor rejected meanwhile, and PAID once the provider has said so."""
    before, provider = disaster.before, Provider()
    payee = verified(before, "bob")
    if not asked_before:
        disaster.backup()
    asked = before.withdraw("bob", 2000, payee=payee)
    if asked_before:
        disaster.backup()
    move(before, asked, S.APPROVED)
    paid = start(before, asked.id, provider)
    assert paid.status is S.PAID
    after = disaster.restore()
    by_table(disaster, after) if by == "table" else by_workflow(after, run(asked, "PayOut", ended_as=S.PAID))
    assert found(after, asked).status is S.PAYING
    settled = start(after, asked.id, provider)
    assert (settled.status, settled.transaction_id) == (S.PAID, paid.transaction_id)
    assert len(provider.sent) == 1
    assert after.balance("bob") == before.balance("bob")
    assert after.faults() == []


def test_what_a_provider_does_not_know_waits_for_a_person(disaster: Disaster) -> None:
    """It may have begun, and nobody sends it again."""
    asked = disaster.before.withdraw("bob", 2000, payee=verified(disaster.before, "bob"))
    disaster.backup()
    after, provider = disaster.restore(), Provider()
    by_workflow(after, run(asked, "PayOut"))
    assert start(after, asked.id, provider).problem is PayoutProblem.UNKNOWN
    assert provider.sent == []


@pytest.mark.parametrize("by", ["table", "workflow"])
def test_what_was_declined_then_and_paid_since_is_not_called_declined(disaster: Disaster, by: str) -> None:
    """Somebody tried it again since. Who is told "for certain not paid" gives the money back, or tries once more."""
    before, provider = disaster.before, Provider(["NO FUNDS"])
    asked = before.withdraw("bob", 2000, payee=verified(before, "bob"))
    move(before, asked, S.APPROVED)
    assert start(before, asked.id, provider).problem is PayoutProblem.DECLINED
    disaster.backup()
    decisions.retry(before.context, asked.id, "ann", "r4", "funds are there now")
    assert start(before, asked.id, provider).status is S.PAID
    after = disaster.restore()
    (held,) = by_table(disaster, after) if by == "table" else by_workflow(after, run(asked, "PayOut", ended_as=S.PAID))
    assert held.act is RestoreAction.HOLD
    with pytest.raises(NotPayable):
        decisions.retry(after.context, asked.id, "ann", "r5", "funds are there now")
    settled = start(after, asked.id, provider)
    assert len(provider.sent) == 2
    if by == "table":  # which says how often it was tried
        assert (settled.status, after.balance("bob")) == (S.PAID, before.balance("bob"))
    else:
        assert (settled.status, settled.problem) == (S.PAYING, PayoutProblem.UNKNOWN)
    assert after.faults() == []


def test_what_was_begun_then_and_tried_again_since_is_looked_for_by_its_last_key(disaster: Disaster) -> None:
    """Sent again with its first key it would be declined once more, and its money given back."""
    before, provider = disaster.before, Provider(["DOWN", "NO FUNDS"])
    asked = before.withdraw("bob", 2000, payee=verified(before, "bob"))
    move(before, asked, S.APPROVED)
    with pytest.raises(PayoutUnavailable):
        start(before, asked.id, provider)
    disaster.backup()
    assert start(before, asked.id, provider).problem is PayoutProblem.DECLINED
    decisions.retry(before.context, asked.id, "ann", "r4", "funds are there now")
    assert start(before, asked.id, provider).status is S.PAID
    after = disaster.restore()
    by_table(disaster, after)
    tries = len(provider.sent)
    assert start(after, asked.id, provider).status is S.PAID
    assert len(provider.sent) == tries
    assert after.balance("bob") == before.balance("bob")


def test_what_is_still_declined_can_be_tried_again(disaster: Disaster) -> None:
    """Nothing has happened to it since."""
    before = disaster.before
    asked = before.withdraw("bob", 2000, payee=verified(before, "bob"))
    move(before, asked, S.APPROVED)
    start(before, asked.id, Provider(["NO FUNDS"]))
    disaster.backup()
    after = disaster.restore()
    assert by_table(disaster, after) == []
    assert decisions.retry(after.context, asked.id, "ann", "r4", "funds are there now").status is S.APPROVED


def test_a_provider_that_is_away_is_asked_again(disaster: Disaster) -> None:
    """What is not known is never taken for unpaid."""
    asked = disaster.before.withdraw("bob", 2000, payee=verified(disaster.before, "bob"))
    disaster.backup()
    after, provider = disaster.restore(), Provider(deaf=1)
    by_workflow(after, run(asked, "PayOut"))
    with pytest.raises(PayoutUnavailable):
        start(after, asked.id, provider)
    assert (found(after, asked).status, found(after, asked).problem) == (S.PAYING, None)


@pytest.mark.parametrize("by", ["table", "workflow"])
def test_what_nobody_paid_goes_on_as_if_nothing_had_been(disaster: Disaster, by: str) -> None:
    """One that still waits, one that was rejected since, and one that was asked for and cancelled since."""
    before = disaster.before
    waits, rejected = before.withdraw("bob", 1000), before.withdraw("bob", 1100)
    disaster.backup()
    cancelled = before.withdraw("bob", 1200)
    move(before, rejected, S.REJECTED)
    move(before, cancelled, S.CANCELLED)
    after = disaster.restore()
    runs = [run(waits, "Decide"), run(rejected, "Decide", ended_as=S.REJECTED),
            run(cancelled, "RequestApproval", ended_as=S.CANCELLED)]  # fmt: skip
    assert (by_table(disaster, after) if by == "table" else by_workflow(after, *runs)) == []
    assert [found(after, each).status for each in (waits, rejected)] == [S.REQUESTED, S.REQUESTED]
    assert stored.find_or_none(after.table, cancelled.id) is None


def test_a_reward_that_was_paid_by_hand_since_is_not_paid_again(disaster: Disaster) -> None:
    """Nobody but the table before knows of it."""
    before = disaster.before
    disaster.backup()
    (reward,) = before.rewards("bob")
    single_payouts.process(before.context, reward.id, "cash", "receipt 1", "ann", "r1", note="")
    after = disaster.restore()
    (held,) = by_table(disaster, after)
    assert held.act is RestoreAction.ENTER
    assert after.balance("bob") == (0, 5000, 0)
    with pytest.raises(NotPayable):
        single_payouts.process(after.context, reward.id, "cash", "receipt 2", "ann", "r2", note="")
    withdrawals.conclude(after.context, held.trace.id, S.PAID, "ann", "r3", "it was cash", "receipt 1")
    after.cover("bob", "USD", held.trace.id)
    assert after.balance("bob") == (0, 0, 5000)
    assert after.faults() == []


def test_what_came_back_since_is_named(disaster: Disaster) -> None:
    """It is PAID there, and its money is the partner's again: a person says so."""
    before = disaster.before
    paid = before.pay_out("bob", 4000)
    disaster.backup()
    decisions.mark_returned(before.context, paid.id, "ann", "r7", "came back", "ret-1")
    (held,) = by_table(disaster, disaster.restore())
    assert (held.act, held.trace.status) == (RestoreAction.PERSON, S.RETURNED)


def test_a_withdrawal_of_nobody_knows_whom_is_named(disaster: Disaster) -> None:
    """Executions that an older version started say only the id; and a partner may have come after the backup."""
    disaster.backup()
    paid = disaster.before.pay_out("bob", 4000)
    after = disaster.restore()
    old = Execution("arn", paid.id, False, 1, {"withdrawalId": paid.id}, frozenset({"PayOut"}), S.PAID)
    assert [each.act for each in by_workflow(after, old)] == [RestoreAction.PERSON]
    late = {**told(paid), "partnerId": "p2p2p2p2p2p2p2p2"}
    new = Execution("arn", paid.id, False, 1, late, frozenset({"PayOut"}), S.PAID)
    assert [each.act for each in by_workflow(after, new)] == [RestoreAction.PERSON]


def test_money_that_is_not_there_yet_becomes_a_debt(disaster: Disaster) -> None:
    """It was earned after the backup, and withdrawn; what is replayed later earns it back."""
    before = disaster.before
    disaster.backup()
    before.grant("bob", 3000)
    before.mature("bob")
    paid = before.pay_out("bob", 8000)
    after = disaster.restore()
    by_table(disaster, after)
    assert after.balance("bob") == (-3000, 8000, 0)
    assert after.faults() == []
    assert found(after, paid).amount == 8000


def test_what_nobody_approved_is_marked_as_paid_by_two_above_the_limit(disaster: Disaster) -> None:
    """A restore is no approval. The first one's word is kept, and is not enough however often it is said."""
    after, paid = waiting_for_its_mark(disaster, second_approval_limit=3000)
    asked = mark(after, paid, "ann")
    assert (asked.status, [each.to for each in asked.approvals]) == (S.PAYING, [S.PAID])
    with pytest.raises(SecondPersonNeeded):
        mark(after, paid, "ann")
    assert after.balance("bob") == (1000, 4000, 0)
    assert mark(after, paid, "eve").status is S.PAID
    assert mark(after, paid, "ann").status is S.PAID, "told again"
    assert after.faults() == []


def test_what_nobody_approved_counts_in_the_day_of_who_marks_it(disaster: Disaster) -> None:
    """Up to the limit one person is enough: for one, and not for one after the other."""
    disaster.backup()
    first, second = (disaster.before.pay_out("bob", 2000) for _ in range(2))
    after = disaster.restore()
    by_table(disaster, after)
    after.change_program(second_approval_limit=2500)
    assert mark(after, first, "ann").status is S.PAID
    assert mark(after, second, "ann").status is S.PAYING
    assert mark(after, second, "eve").status is S.PAID


def test_with_a_debt_two_say_so(disaster: Disaster) -> None:
    """It is where a restore leaves many, and no approval can come any more: it could not be marked at all."""
    before = disaster.before
    disaster.backup()
    before.grant("bob", 3000)
    before.mature("bob")
    paid = before.pay_out("bob", 8000)
    after = disaster.restore()
    by_table(disaster, after)
    assert mark(after, paid, "ann").status is S.PAYING
    assert mark(after, paid, "eve").status is S.PAID
    after.cover("bob", "USD", paid.id)
    assert after.balance("bob") == (-3000, 0, 8000)
    assert after.faults() == []


def waiting_for_its_mark(disaster: Disaster, second_approval_limit: int) -> tuple[Books, Withdrawal]:
    """40.00 that were paid since the backup."""
    disaster.backup()
    paid = disaster.before.pay_out("bob", 4000)
    after = disaster.restore()
    by_table(disaster, after)
    after.change_program(second_approval_limit=second_approval_limit)
    return after, paid


def mark(books: Books, withdrawal: Withdrawal, who: str) -> Withdrawal:
    """Somebody says that the bank has paid it."""
    request = f"{who} {len(found(books, withdrawal).approvals)}"
    id = f"bank-{withdrawal.id}"
    return decisions.mark_paid(books.context, withdrawal.id, books.user(who), request, "in the statement", id)


def test_the_workflow_sends_money_where_this_looks_for_it() -> None:
    """The states whose task may send a payout, or comes after one that did; and those that cannot."""
    tasks = {name: state["Parameters"]["Payload"]["action"] for name, state in definition()["States"].items()}
    before = {"decide"}
    assert {name for name, action in tasks.items() if action not in before} == set(BEGUN) & set(tasks)
    assert {"pay", "finish"} == set(tasks.values()) - before


def test_an_attempt_that_was_resumed_counts_with_the_first(disaster: Disaster) -> None:
    """The payout began in the first one, and the last one only waits."""
    asked = disaster.before.withdraw("bob", 2000)
    disaster.backup()
    after = disaster.restore()
    (held,) = by_workflow(after, run(asked, "PayOut", ended_as=None), run(asked, "Decide", attempt=1))
    assert held.act is RestoreAction.HOLD
