"""Corrections by hand: what may be asked, how it is booked, when it takes two people, and which two."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.adjustments import (
    Adjustment,
    AdjustmentKind,
    AdjustmentRequest,
    AdjustmentStatus,
    act,
    check_currency,
    check_decision,
    check_possible,
    movement,
)
from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.duties import DutyFacts, NeedsSecond, Stake, decide
from refledger.domain.errors import (
    AlreadyDecided,
    CurrencyNotTaken,
    Invalid,
    NoDebt,
    OwnAdjustment,
    SecondPersonNeeded,
)
from refledger.domain.exposures import Exposure
from refledger.domain.journal import Balance, EntryKind, post
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import CurrencyTerms, Program
from tests.support.programs import a_program

K, S = AdjustmentKind, AdjustmentStatus
AMOUNTS = st.integers(-MAX_AMOUNT, MAX_AMOUNT).filter(bool)
PARTNER = Partner("p", "default", "CODE", PartnerStatus.ACTIVE, "bob", 0)
WAITS = Adjustment("x", AdjustmentRequest("p", "USD", 5, K.ADJUSTMENT, "why"), "default", S.WAITING, "ann", 0, "body")


def asked(
    amount: int, kind: AdjustmentKind = K.ADJUSTMENT, reason: str = "why", currency: str = "USD"
) -> AdjustmentRequest:
    return AdjustmentRequest("p", currency, amount, kind, reason)


@pytest.mark.parametrize("amount", [0, MAX_AMOUNT + 1, -MAX_AMOUNT - 1])
def test_an_amount_is_one(amount: int) -> None:
    """Neither zero nor more than any amount may be, in either direction."""
    with pytest.raises(Invalid, match="amount"):
        asked(amount)


def test_nothing_is_corrected_without_a_reason() -> None:
    """1 to 500 characters; and a write-off only gives."""
    for reason in ("", "x" * 501):
        with pytest.raises(Invalid, match="reason"):
            asked(1, reason=reason)
    assert asked(1, reason="x" * 500).reason == "x" * 500
    with pytest.raises(Invalid, match="forgives"):
        asked(-1, K.WRITE_OFF)


@given(AMOUNTS, st.integers(-MAX_AMOUNT, MAX_AMOUNT))
def test_the_journal_moves_what_was_asked(amount: int, before: int) -> None:
    """Available changes by exactly the signed amount, nothing else does, and the kind says what it was."""
    for kind in (K.ADJUSTMENT, K.WRITE_OFF) if amount > 0 else (K.ADJUSTMENT,):
        how, size = movement(asked(amount, kind))
        after, entry = post(Balance("p", "USD", available=before, reserved=3, unpaid=7), how, size, "x", 1)
        assert (after.available - before, after.reserved, after.unpaid) == (amount, 3, 7)
        wanted = {True: EntryKind.CREDIT, False: EntryKind.DEBIT}[amount > 0]
        assert entry.kind is (EntryKind.WRITE_OFF if kind is K.WRITE_OFF else wanted)


@given(st.integers(1, 10), st.integers(-10, 10))
def test_only_debt_is_written_off(amount: int, available: int) -> None:
    """Up to what is owed and not a cent more; a balance above zero owes nothing. Nothing else asks for debt."""
    balance = Balance("p", "USD", available=available)
    check_possible(asked(amount), balance)
    check_possible(asked(-amount), balance)
    if amount <= -available:
        check_possible(asked(amount, K.WRITE_OFF), balance)
    else:
        with pytest.raises(NoDebt):
            check_possible(asked(amount, K.WRITE_OFF), balance)


def needs_second_person(what: AdjustmentRequest, program: Program) -> bool:
    """Of the first of the day."""
    stakes = (Stake(Exposure("p"), abs(what.amount)),)
    facts = DutyFacts("ann", 0, (program,), currency=what.currency, stakes=stakes)
    return isinstance(decide(act(what), facts), NeedsSecond)


@pytest.mark.parametrize(
    ("limit", "amount", "two"),
    [(None, MAX_AMOUNT, False), (None, -MAX_AMOUNT, False), (500, 500, False), (500, -500, False), (500, 501, True),
     (500, -501, True), (0, 1, True)],
)  # fmt: skip
def test_above_the_limit_it_takes_two(limit: int | None, amount: int, two: bool) -> None:
    """In both directions; without a limit one person is enough for anything."""
    assert needs_second_person(asked(amount), a_program(adjustment_limit=limit)) is two


def test_a_currency_has_limits_of_its_own() -> None:
    """Another currency's limit counts for it; one that the program does not take always needs two people."""
    program = a_program(currencies={"EUR": CurrencyTerms(adjustment_limit=10)}, adjustment_limit=500)
    assert not needs_second_person(asked(10, currency="EUR"), program)
    assert needs_second_person(asked(11, currency="EUR"), program)
    assert needs_second_person(asked(1, currency="JPY"), program)


def test_no_balance_begins_in_a_currency_by_mistake() -> None:
    """Where nothing was ever booked, only a currency that the program takes is possible."""
    check_currency(a_program(), Balance("p", "USD"))
    check_currency(a_program(), Balance("p", "EUR", version=1))
    with pytest.raises(CurrencyNotTaken):
        check_currency(a_program(), Balance("p", "EUR"))


@pytest.mark.parametrize("status", [S.POSTED, S.REJECTED])
def test_who_may_decide(status: AdjustmentStatus) -> None:
    """Neither the partner concerned, nor anybody once it is decided; who asked may take it back and not post it."""
    check_decision(WAITS, PARTNER, status, "eve")
    with pytest.raises(OwnAdjustment):
        check_decision(WAITS, PARTNER, status, "bob")
    for decided in (S.POSTED, S.REJECTED):
        with pytest.raises(AlreadyDecided, match=decided):
            check_decision(replace(WAITS, status=decided), PARTNER, status, "eve")
    if status is S.POSTED:
        with pytest.raises(SecondPersonNeeded):
            check_decision(WAITS, PARTNER, status, "ann")
    else:
        check_decision(WAITS, PARTNER, status, "ann")


def test_a_partner_without_a_user_is_nobody() -> None:
    """A partner who never signs in is not taken for an actor without a name."""
    check_decision(WAITS, replace(PARTNER, customer=""), S.POSTED, "")
