"""Every entity as an item and back: nothing is lost, and nothing in it is a float."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.domain import base32
from refledger.domain.batches import Batch, TransferLine
from refledger.domain.errors import PartnerNotFound, ProgramNotFound, WithdrawalNotFound
from refledger.domain.journal import Balance, EntryKind, post
from refledger.domain.methods import MethodType, PayoutMethod
from refledger.domain.partners import Idle, Partner, PartnerStatus
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.rules import Pay
from refledger.domain.withdrawals import (
    Approval,
    MethodUsed,
    PayoutProblem,
    Risk,
    Withdrawal,
    WithdrawalStatus,
    WithdrawalStep,
)
from refledger.store import batches, keys, ledger, methods, partners, programs, rewards, withdrawals
from refledger.store.attributes import pack, unpack
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed, Write

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
IDS = st.binary(min_size=10, max_size=10).map(base32.encode)
LONG_IDS = st.binary(min_size=15, max_size=15).map(base32.encode)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.integers(1, 2**42)
MONEY = st.integers(0, 10**15)
PARTNERS = st.builds(
    Partner, id=IDS, program_id=st.just("default"), code=TEXT, status=st.sampled_from(PartnerStatus),
    customer=TEXT, created_at_ms=MOMENTS, first_name=TEXT, last_name=TEXT, email=TEXT, phone=TEXT,
    company_name=TEXT, idle=st.lists(st.builds(Idle, MOMENTS, MOMENTS | st.none()), max_size=3).map(tuple),
    version=st.integers(1, 9), own_rates=st.just(()) | st.just((("", Pay(5)), ("gold", Pay.amounts({"EUR": 7})))),
    tier=TEXT, tags=st.lists(TEXT, max_size=3).map(tuple), codes=st.integers(0, 50),
    notices=st.lists(TEXT, max_size=3).map(tuple),
)  # fmt: skip
STATUSES = st.sampled_from(WithdrawalStatus)
WITHDRAWALS = st.builds(
    Withdrawal, id=LONG_IDS, partner_id=IDS, program_id=st.just("default"), amount=MONEY,
    currency=st.just("EUR"),
    status=STATUSES, method=st.builds(MethodUsed, IDS, st.integers(1, 999), st.sampled_from(MethodType), TEXT, TEXT),
    requester=IDS, created_at_ms=MOMENTS, expires_at_ms=MOMENTS, body=IDS, attempt=st.integers(0, 9),
    resumed_at_ms=MOMENTS, transaction_id=TEXT,
    steps=st.lists(st.builds(WithdrawalStep, STATUSES, IDS, MOMENTS, st.just(""), TEXT), max_size=3).map(tuple),
    approvals=st.lists(st.builds(Approval, IDS, MOMENTS, st.just(""), TEXT), max_size=2).map(tuple),
    risks=st.lists(st.sampled_from(Risk), unique=True).map(tuple), payout=st.integers(0, 9), sent_at_ms=MOMENTS,
    problem=st.none() | st.sampled_from(PayoutProblem), batch_id=TEXT,
)  # fmt: skip
METHODS = st.builds(
    PayoutMethod, id=IDS, partner_id=IDS, version=st.integers(1, 200), type=st.sampled_from(MethodType), holder=TEXT,
    masked=TEXT, cipher=st.binary(min_size=1, max_size=300), created_at_ms=MOMENTS, verified_at_ms=MOMENTS,
    verified_by=TEXT, disabled_at_ms=MOMENTS,
)  # fmt: skip
LINES = st.builds(TransferLine, LONG_IDS, IDS, IDS, st.integers(1, 200), MONEY, st.just("EUR"))
BATCHES = st.builds(Batch, LONG_IDS, MOMENTS, IDS, IDS, st.lists(LINES, max_size=4).map(tuple))
REWARDS = st.builds(
    Reward, id=st.builds(keys.reward_id, IDS, MOMENTS, st.just("EUR"), LONG_IDS, st.integers(1, 10)),
    partner_id=st.just(""), tier=st.integers(1, 10), amount=MONEY, currency=st.just("EUR"),
    status=st.sampled_from(RewardStatus), base=MONEY, rate_bps=st.integers(0, 10_000),
    rule_version=st.integers(1, 9),
    program_id=st.just("default"), payment=LONG_IDS, referral_id=TEXT, matures_at_ms=MOMENTS,
    earned_at_ms=MOMENTS, reversed=MONEY, entry=st.integers(0, 10**6),
).map(lambda reward: replace(reward, partner_id=reward.id[:16]))  # fmt: skip


def through_the_wire(write: Write) -> dict[str, Any]:
    """An item as DynamoDB gives it back."""
    return unpack(pack(write.target))


@calm
@given(PARTNERS)
def test_partners(partner: Partner) -> None:
    """Every field, idle times that last among them."""
    first, *guards = partners.create(partner, "hash-of-email")
    assert partners.from_item(through_the_wire(first)) == partner
    assert all(guard.target["partner"] == partner.id for guard in guards)
    assert len(guards) == (4 if partner.customer else 3)


@calm
@given(WITHDRAWALS)
def test_withdrawals(withdrawal: Withdrawal) -> None:
    """Every field, method and history among them; notes are items of their own."""
    assert withdrawals.from_item(through_the_wire(withdrawals.create(withdrawal))) == withdrawal


@calm
@given(METHODS)
def test_payout_methods(method: PayoutMethod) -> None:
    """Every field; the cipher text is bytes again, and id, version and partner come from the key."""
    assert methods.from_item(through_the_wire(methods.create(method)[0])) == method


@calm
@given(BATCHES)
def test_batches(batch: Batch) -> None:
    """Every line, and the lines' order."""
    assert batches.from_item(through_the_wire(batches.create(batch)[0])) == batch


@calm
@given(REWARDS)
def test_rewards(reward: Reward) -> None:
    """Every field; id and partner come from the key."""
    assert rewards.from_item(through_the_wire(rewards.create(reward, 1))) == reward


# ---------------------------------------------------------------- with the table


def a_withdrawal(id: str, **changes: Any) -> Withdrawal:
    given_: dict[str, Any] = {
        "id": id, "partner_id": "p", "program_id": "default", "amount": 5, "currency": "EUR",
        "status": WithdrawalStatus.REQUESTED, "method": MethodUsed("m", 1, MethodType.BANK_TRANSFER, "B", "…1"),
        "requester": "bob", "created_at_ms": 10, "expires_at_ms": 20, "body": "b",
    }  # fmt: skip
    return Withdrawal(**{**given_, **changes})


def test_a_step_is_written_only_under_the_status_that_was_read(table: Table, fresh: Callable[[], str]) -> None:
    """The first of two who read REQUESTED moves it, with index, history and note; the second is refused by name."""
    old = a_withdrawal(fresh())
    table.commit(withdrawals.create(old))
    new = stepped(old, WithdrawalStep(WithdrawalStatus.APPROVED, "ann", 11, "fine", "r"))
    late = withdrawals.change(old, stepped(old, WithdrawalStep(WithdrawalStatus.REJECTED, "eve", 12)))
    table.commit(*withdrawals.change(old, new))
    with pytest.raises(ConditionFailed) as failed:
        table.commit(*late)
    assert set(failed.value.items) == {withdrawals.IS_UNCHANGED}
    assert withdrawals.find(table, old.id) == new
    listed = dict(withdrawals.with_status(table, WithdrawalStatus.APPROVED, "", 100))
    assert old.id in listed.values()
    assert old.id not in dict(withdrawals.with_status(table, WithdrawalStatus.REQUESTED, "", 100)).values()


def stepped(old: Withdrawal, step: WithdrawalStep, **changes: Any) -> Withdrawal:
    return replace(old, status=step.status, steps=(*old.steps, step), **changes)


def test_everything_of_a_withdrawal_is_kept(table: Table, fresh: Callable[[], str]) -> None:
    """Also what came up later: approvals, notes of both kinds, risks, the payout, a problem."""
    old = a_withdrawal(fresh())
    table.commit(withdrawals.create(old))
    changes: dict[str, Any] = {
        "approvals": (Approval("eve", 10, "first", "r1"),), "risks": tuple(Risk), "payout": 2, "sent_at_ms": 12,
        "problem": PayoutProblem.DECLINED, "transaction_id": "T-1",
    }  # fmt: skip
    new = stepped(old, WithdrawalStep(WithdrawalStatus.PAYING, "ann", 11, "second", "r2"), **changes)
    table.commit(*withdrawals.change(old, new))
    assert withdrawals.find(table, old.id) == new
    (listed,) = withdrawals.many(table, [old.id])
    assert (listed.steps[0].note, listed.approvals[0].note, listed.problem) == ("", "", PayoutProblem.DECLINED)


@pytest.mark.parametrize(
    "first",
    [
        {"approvals": (Approval("eve", 10),)},
        {"steps": (WithdrawalStep(WithdrawalStatus.REQUESTED, "system", 10),), "problem": PayoutProblem.UNKNOWN},
    ],
)
def test_whatever_happened_meanwhile_is_noticed(table: Table, fresh: Callable[[], str], first: dict[str, Any]) -> None:
    """The status is the same, but there is an approval, or a word about a problem, more than was read."""
    old = a_withdrawal(fresh())
    table.commit(withdrawals.create(old))
    table.commit(*withdrawals.change(old, replace(old, **first)))
    with pytest.raises(ConditionFailed):
        table.commit(*withdrawals.change(old, stepped(old, WithdrawalStep(WithdrawalStatus.APPROVED, "ann", 11))))


def test_what_has_a_problem_is_in_a_list_of_its_own(table: Table, fresh: Callable[[], str]) -> None:
    """And in no list of a status, until the problem is over; by the time when it came into each."""
    old = a_withdrawal(fresh(), status=WithdrawalStatus.PAYING)
    table.commit(withdrawals.create(old))
    step = WithdrawalStep(WithdrawalStatus.PAYING, "system", 5_000_000)
    stuck = stepped(old, step, problem=PayoutProblem.UNKNOWN)
    table.commit(*withdrawals.change(old, stuck))
    assert (f"5000000#{old.id}", old.id) in list(withdrawals.with_problem(table, "", 100))
    assert old.id not in dict(withdrawals.with_status(table, WithdrawalStatus.PAYING, "", 100)).values()
    over = stepped(stuck, replace(step, at_ms=5_000_001), problem=None)
    table.commit(*withdrawals.change(stuck, over))
    assert old.id not in dict(withdrawals.with_problem(table, "", 100)).values()
    assert old.id in dict(withdrawals.with_status(table, WithdrawalStatus.PAYING, "", 100)).values()


def test_only_one_begins_the_next_attempt(table: Table, fresh: Callable[[], str]) -> None:
    """Two sweepers who read the same attempt: the second is refused."""
    old = a_withdrawal(fresh())
    table.commit(withdrawals.create(old))
    new, write = withdrawals.resume(old, 15)
    table.commit(write)
    with pytest.raises(ConditionFailed) as failed:
        table.commit(withdrawals.resume(old, 16)[1])
    assert set(failed.value.items) == {withdrawals.HAS_ATTEMPT}
    assert withdrawals.find(table, old.id) == new == replace(old, attempt=1, resumed_at_ms=15)


def test_tokens_are_kept_by_kind_and_the_latest_counts(table: Table, fresh: Callable[[], str]) -> None:
    """A later attempt's token takes the place of an earlier one's; it is not the withdrawal's own item."""
    id = fresh()
    assert withdrawals.token(table, id, "APPROVAL") is None
    for token in ("one", "two"):
        table.commit(withdrawals.keep_token(id, "APPROVAL", token, 1_790_000_000_000))
    assert withdrawals.token(table, id, "APPROVAL") == "two"
    assert withdrawals.token(table, id, "SETTLEMENT") is None
    item = table.get(keys.task_token(id, "APPROVAL"))
    assert item is not None
    assert item["ttl"] == 1_790_000_000 + 400 * 86_400


def test_a_partners_withdrawals_page_newest_first(table: Table, fresh: Callable[[], str]) -> None:
    """Each position leads to what is older, without gap or repeat, also among those of one moment."""
    partner, made = fresh(), [fresh() for _ in range(7)]
    for number, id in enumerate(made):
        table.commit(withdrawals.create(a_withdrawal(id, partner_id=partner, created_at_ms=100 + number // 3)))
    whole = list(withdrawals.of_partner(table, partner, "", 3))
    assert sorted(id for _, id in whole) == sorted(made)
    assert [position for position, _ in whole] == sorted((p for p, _ in whole), reverse=True)
    for number, (position, _) in enumerate(whole):
        assert list(withdrawals.of_partner(table, partner, position, 3)) == whole[number + 1 :]


def test_what_is_not_there_is_not_found_by_name(table: Table, fresh: Callable[[], str]) -> None:
    """Each kind of entity has its own error; a balance that was never booked is empty instead."""
    nothing = fresh()
    with pytest.raises(PartnerNotFound):
        partners.find(table, nothing)
    with pytest.raises(ProgramNotFound):
        programs.find(table, nothing)
    with pytest.raises(WithdrawalNotFound):
        withdrawals.find(table, nothing)
    assert ledger.find_balance(table, nothing, "EUR") == Balance(nothing, "EUR")
    assert (partners.many(table, []), withdrawals.many(table, [])) == ([], [])


def test_a_status_change_refuses_to_overwrite_another(table: Table, fresh: Callable[[], str]) -> None:
    """Two changes of the same version: one is written, whole, and the other is told that it was late."""
    old = Partner(fresh(), "default", fresh(), PartnerStatus.ACTIVE, "", 5)
    table.commit(*partners.create(old, ""))
    new = replace(old, status=PartnerStatus.INACTIVE, idle=(Idle(7),), version=2)
    table.commit(partners.change_status(old, new, "left", "ann", 7))
    with pytest.raises(ConditionFailed) as failed:
        table.commit(partners.change_status(old, replace(new, status=PartnerStatus.SUSPENDED), "", "eve", 8))
    assert set(failed.value.items) == {partners.IS_UNCHANGED}
    assert partners.find(table, old.id) == new
    with pytest.raises(ConditionFailed) as failed:
        table.commit(partners.still_as_read(old), *partners.create(replace(old, id=fresh(), code=fresh()), ""))
    assert set(failed.value.items) == {partners.IS_UNCHANGED}


def test_partners_page_by_date_and_by_status(table: Table, fresh: Callable[[], str]) -> None:
    """All of them, and those of one status, newest first; each position leads to what is older."""
    for number, made in enumerate(["TERMINATED", "ACTIVE", "TERMINATED"]):
        table.commit(
            *partners.create(Partner(fresh(), "default", fresh(), PartnerStatus(made), "", 9_000 + number), "")
        )
    asked: list[tuple[str | None, int]] = [(None, 3), ("TERMINATED", 2)]
    for status, least in asked:
        whole = list(partners.newest(table, "", 2, status))
        assert len(whole) >= least
        assert [position for position, _ in whole] == sorted((p for p, _ in whole), reverse=True)
        assert list(partners.newest(table, whole[0][0], 1, status)) == whole[1:]


def test_a_journal_is_written_entry_by_entry(table: Table, fresh: Callable[[], str]) -> None:
    """Balance and entries come back as they were; who writes under an old version is refused."""
    balance = Balance(fresh(), "EUR")
    written = []
    for number, kind in enumerate((EntryKind.EARN, EntryKind.RESERVE, EntryKind.RELEASE, EntryKind.REVERSE)):
        after, entry = post(balance, kind, 7, f"r{number}", 86_400_000 * number, span=("a", "b"), contents="c")
        table.commit(*ledger.post(balance, after, entry))
        _, tomorrow = post(balance, kind, 7, "late", 86_400_000 * (number + 1))
        for late in (entry, tomorrow):
            with pytest.raises(ConditionFailed) as failed:
                table.commit(*ledger.post(balance, after, late))
            assert ledger.IS_CURRENT in failed.value.items
        written.append(entry)
        balance = after
    assert ledger.find_balance(table, balance.partner_id, "EUR") == balance
    assert ledger.balances(table, balance.partner_id) == [balance]
    found = list(ledger.entries(table, balance.partner_id, "EUR", page_size=1))
    assert [entry for _, entry in found] == written
    assert list(ledger.entries(table, balance.partner_id, "EUR", after=found[1][0])) == found[2:]


def test_due_rewards_are_those_that_wait_in_one_currency(table: Table, fresh: Callable[[], str]) -> None:
    """PENDING, of the currency, due by now; from where the look begins; oldest first."""
    partner = base32.encode(fresh().encode().rjust(10))[:16]
    payment = base32.encode(bytes(15))

    def reward(due_ms: int, currency: str = "EUR", status: RewardStatus = RewardStatus.PENDING) -> Reward:
        id = keys.reward_id(partner, due_ms, currency, payment, 1)
        return Reward(id, partner, 1, 5, currency, status, 50, 1000, 1, "default", payment, "f", due_ms, due_ms)

    made = [
        reward(30),
        reward(10),
        reward(20, "USD"),
        reward(25, status=RewardStatus.CANCELLED),
        reward(41),
        reward(40),
    ]
    table.commit(*(rewards.create(each, 1) for each in made))
    assert [r.matures_at_ms for r in rewards.due(table, keys.rewards(partner, 0), "EUR", "", 40, 2)] == [10, 30, 40]
    assert [r.matures_at_ms for r in rewards.due(table, keys.rewards(partner, 0), "EUR", keys.due_from(11), 40, 2)] == [
        30,
        40,
    ]
    assert [r.matures_at_ms for r in rewards.all_of(table, keys.rewards(partner, 0))] == [10, 20, 25, 30, 40, 41]


def test_a_reward_is_written_only_as_it_was_read(table: Table, fresh: Callable[[], str]) -> None:
    """Whoever read it before it moved, or before a refund shrank it, is refused by name."""
    partner = base32.encode(fresh().encode().rjust(10))[:16]
    payment = base32.encode(bytes(15))
    id = keys.reward_id(partner, 10, "EUR", payment, 1)
    old = Reward(id, partner, 1, 5, "EUR", RewardStatus.PENDING, 50, 1000, 1, "default", payment, "f", 10, 10)
    table.commit(rewards.create(old, 1))
    approved = replace(old, status=RewardStatus.APPROVED, entry=3)
    table.commit(rewards.move(old, approved, 2))
    for stale in (old, replace(old, revision=3)):
        with pytest.raises(ConditionFailed) as failed:
            table.commit(rewards.move(stale, replace(stale, status=RewardStatus.CANCELLED), 3))
        assert set(failed.value.items) == {f"{rewards.IS_UNCHANGED}: {id}"}
    assert list(rewards.all_of(table, keys.rewards(partner, 0))) == [rewards.moved(old, approved)]
