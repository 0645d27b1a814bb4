"""Who may do it and whether one is enough: every act held against every relation, mark, sum and kind of caller."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.duties import (
    DUTIES,
    OUT_BARS,
    Act,
    Allowed,
    Barred,
    Duty,
    DutyFacts,
    NeedsSecond,
    Relation,
    Stake,
    check,
    check_apart,
    check_stranger,
    decide,
    require,
)
from refledger.domain.errors import Forbidden, OwnAdjustment, OwnWithdrawal, Refledger, SecondPersonNeeded
from refledger.domain.exposures import Exposure, ExposureTally, Mark, Marked
from refledger.domain.times import DAY_MS
from tests.support.programs import a_program

R = Relation
NOW_MS = 1_790_000_000_000
LIMIT = 1_000
PROGRAM = a_program(adjustment_limit=LIMIT, second_approval_limit=LIMIT, conversion_limit=LIMIT)
WHO: dict[Relation, dict[str, Any]] = {
    Relation.BENEFICIARY: {"earns": frozenset({"ann", "other"})}, Relation.EARNER: {"earns": frozenset({"ann"})},
    Relation.REQUESTER: {"requester": "ann"}, Relation.MAKER: {"maker": "ann"},
}  # fmt: skip


def facts(**changes: Any) -> DutyFacts:
    return DutyFacts(**{"actor": "ann", "now_ms": NOW_MS, "programs": (PROGRAM,), "currency": "USD", **changes})


def seen(tally: ExposureTally, amount: int) -> Exposure:
    return Exposure("somebody").plus(tally, "USD", amount, NOW_MS)


@pytest.mark.parametrize("act", Act)
def test_every_act_has_one_row(act: Act) -> None:
    """With words for it; a limit has a sum, a way above it and a measure, and none of them stands alone."""
    duty = DUTIES[act]
    assert duty.what
    assert bool(duty.limit) == bool(duty.tally) == bool(duty.measure)
    assert duty.above or not duty.limit
    assert set(DUTIES) == set(Act)


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("act", Act)
def test_who_is_something_to_it_never_does_it(act: Act, relation: Relation) -> None:
    """Exactly the relations of the row bar, at any amount; who is a stranger to it is free to."""
    duty = DUTIES[act]
    bars = relation in duty.never or (
        WHO[relation].keys() == {"earns"} and bool(duty.never & {R.BENEFICIARY, R.EARNER})
    )
    verdict = decide(act, facts(**WHO[relation]))
    assert isinstance(verdict, Barred) == bars
    assert isinstance(decide(act, facts(earns=frozenset({"bob"}), requester="bob", maker="eve")), Allowed)


@pytest.mark.parametrize("kind", Marked)
@pytest.mark.parametrize("act", Act)
def test_marks_bar_within_the_window(act: Act, kind: Marked) -> None:
    """The same person, until the very end of the program's window; nobody else; and never with a window of 0 days."""
    bars = kind in DUTIES[act].barred_by
    window_ms = PROGRAM.maker_window_days * DAY_MS
    for age_ms, within in ((0, True), (window_ms - 1, True), (window_ms, False)):
        verdict = decide(act, facts(marks=(Mark(kind, "ann", NOW_MS - age_ms),)))
        assert isinstance(verdict, Barred) == (bars and within)
        if isinstance(verdict, Barred):
            assert verdict.error is SecondPersonNeeded
    assert isinstance(decide(act, facts(marks=(Mark(kind, "eve", NOW_MS),))), Allowed)
    never = a_program(maker_window_days=0)
    assert isinstance(decide(act, facts(marks=(Mark(kind, "ann", NOW_MS),), programs=(never,))), Allowed)
    assert isinstance(decide(act, facts(marks=(Mark(kind, "ann", NOW_MS),), programs=(never, PROGRAM))), Barred) == bars


@pytest.mark.parametrize("act", [act for act, duty in DUTIES.items() if duty.barred_by])
def test_all_that_lets_money_out_is_barred_by_every_mark(act: Act) -> None:
    """There is no mark that means less."""
    assert DUTIES[act].barred_by == OUT_BARS == frozenset(Marked)


LIMITED = [(act, duty) for act, duty in DUTIES.items() if duty.limit]


@pytest.mark.parametrize(("act", "duty"), LIMITED)
def test_sums_and_not_acts_are_held_against_the_limit(act: Act, duty: Duty) -> None:
    """To the unit, of the partner as of the actor, in its own sum only; nothing at stake passes nothing."""
    tally = duty.tally
    assert tally
    for before, amount, above in ((0, LIMIT, False), (0, LIMIT + 1, True), (LIMIT, 1, True), (LIMIT - 1, 1, False),
                                  (LIMIT + 1, 0, False)):  # fmt: skip
        for whose in range(2):
            stakes = [Stake(Exposure("nothing"), amount), Stake(seen(tally, before), amount)]
            verdict = decide(act, facts(stakes=tuple(stakes[whose:] + stakes[:whose])))
            assert isinstance(verdict, NeedsSecond) == above
            assert isinstance(verdict, Allowed) == (not above)
    for other in set(ExposureTally) - {tally}:
        assert isinstance(decide(act, facts(stakes=(Stake(seen(other, LIMIT), LIMIT),))), Allowed)


@pytest.mark.parametrize(("act", "duty"), LIMITED)
def test_two_people_are_two(act: Act, duty: Duty) -> None:
    """Another one's yes before this one's is enough, and counts in no sum; the same one's is not."""
    above = {"stakes": (Stake(Exposure("p"), LIMIT + 1),)}
    assert decide(act, facts(earlier=("eve",), **above)) == Allowed(alone=False)
    twice = decide(act, facts(earlier=("ann",), **above))
    assert isinstance(twice, Barred)
    assert twice.error is SecondPersonNeeded
    assert decide(act, facts(earlier=("ann", "eve"), **above)) == Allowed(alone=False)


def test_a_first_yes_counts_only_while_who_said_it_still_may() -> None:
    """Who became the partner, or got a mark, since they said yes is no second person."""
    above: dict[str, Any] = {"stakes": (Stake(Exposure("p"), LIMIT + 1),), "earlier": ("eve",)}
    act = Act.APPROVE_WITHDRAWAL
    assert isinstance(decide(act, facts(**above, earns=frozenset({"eve"}))), NeedsSecond)
    assert isinstance(decide(act, facts(**above, requester="eve")), NeedsSecond)
    assert isinstance(decide(act, facts(**above, marks=(Mark(Marked.LINKED, "eve", NOW_MS),))), NeedsSecond)


def test_the_strictest_of_several_terms_holds() -> None:
    """Those when it was asked for, and those of now, whichever is which."""
    loose = a_program(second_approval_limit=None)
    for programs in ((PROGRAM, loose), (loose, PROGRAM)):
        verdict = decide(Act.APPROVE_WITHDRAWAL, facts(stakes=(Stake(Exposure("p"), LIMIT + 1),), programs=programs))
        assert isinstance(verdict, NeedsSecond)


@pytest.mark.parametrize("act", Act)
def test_machines_do_what_the_row_says(act: Act) -> None:
    """And nothing else: what is not said to be for machines needs a person."""
    verdict = decide(act, facts(by_machine=True))
    assert isinstance(verdict, Allowed if DUTIES[act].by_machine else Barred)
    assert {act for act, duty in DUTIES.items() if duty.by_machine} == {
        Act.REFER, Act.CONVERT_BY_MACHINE, Act.TELL_SALE, Act.CHANGE_STATUS,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("act", "who", "error"),
    [
        (Act.APPROVE_WITHDRAWAL, {"earns": frozenset({"ann"})}, OwnWithdrawal),
        (Act.APPROVE_WITHDRAWAL, {"requester": "ann"}, OwnWithdrawal),
        (Act.APPROVE_ADJUSTMENT, {"earns": frozenset({"ann"})}, OwnAdjustment),
        (Act.APPROVE_ADJUSTMENT, {"requester": "ann"}, SecondPersonNeeded),
        (Act.RELEASE_REWARD, {"maker": "ann"}, SecondPersonNeeded),
        (Act.GIVE_REWARD, {"earns": frozenset({"ann"})}, Forbidden),
        (Act.CONFIRM_TERMS, {"requester": "ann"}, SecondPersonNeeded),
    ],
)
def test_each_refusal_has_the_code_that_it_always_had(act: Act, who: dict[str, Any], error: type[Refledger]) -> None:
    """Own withdrawals and adjustments have a code of their own."""
    with pytest.raises(error) as raised:
        require(act, facts(**who))
    assert type(raised.value) is error
    with pytest.raises(error):
        check(decide(act, facts(**who)))


@pytest.mark.parametrize(("act", "error"), [(Act.APPROVE_ADJUSTMENT, OwnAdjustment), (Act.RELEASE_REWARD, Forbidden)])
def test_who_made_it_is_not_whose_it_is_by_now(act: Act, error: type[Refledger]) -> None:
    """Whoever asks: with the code that a beneficiary gets."""
    check_apart(act, "bob", ["ann", "eve"], "why")
    with pytest.raises(Refledger) as refused:
        check_apart(act, "bob", ["ann", "bob"], "why")
    assert (type(refused.value), refused.value.detail) == (error, "why")


def test_nobody_is_a_stranger_to_nobody() -> None:
    """A partner who never signs in is not the system; somebody is a stranger to who they are not."""
    check_stranger(Act.CANCEL_REWARD, "", "")
    check_stranger(Act.CANCEL_REWARD, "ann", "", "bob")
    with pytest.raises(Forbidden):
        check_stranger(Act.CANCEL_REWARD, "ann", "bob", "ann")
    with pytest.raises(SecondPersonNeeded):
        check(NeedsSecond("why"))
    check(Allowed())


@given(st.lists(st.integers(1, 3 * LIMIT), max_size=30))
def test_alone_nobody_passes_more_than_the_limit(amounts: list[int]) -> None:
    """Whatever is tried one after the other within a day: what one person did alone is never above it."""
    exposure = Exposure("p")
    for amount in amounts:
        verdict = decide(Act.GIVE_REWARD, facts(stakes=(Stake(exposure, amount),)))
        if verdict == Allowed():
            exposure = exposure.plus(ExposureTally.MADE, "USD", amount, NOW_MS)
    assert exposure.sums(ExposureTally.MADE, NOW_MS).get("USD", 0) <= LIMIT
