"""Adjustments as items and back, and the two lists that they are found in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.adjustments import Adjustment, AdjustmentKind, AdjustmentRequest, AdjustmentStatus
from refledger.domain.errors import AdjustmentNotFound
from refledger.store import adjustments
from refledger.store.attributes import pack, unpack
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed
from tests.support.books import Books

S = AdjustmentStatus
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.integers(1, 2**42)
ADJUSTMENTS = st.builds(
    Adjustment, id=st.just("x" * 16), program_id=st.just("default"), status=st.sampled_from(S), requester=TEXT,
    created_at_ms=MOMENTS, body=TEXT, approver=TEXT, decided_at_ms=MOMENTS | st.just(0), note=TEXT, request=TEXT,
    entry=st.integers(0, 10**6),
    asked=st.builds(
        AdjustmentRequest, st.just("p" * 16), st.sampled_from(["USD", "JPY", "KWD"]), st.integers(1, 10**15),
        st.sampled_from([AdjustmentKind.ADJUSTMENT, AdjustmentKind.WRITE_OFF]),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=500),
    ),
)  # fmt: skip


def an_adjustment(number: int, **changes: object) -> Adjustment:
    asked = AdjustmentRequest("p" * 16, "USD", -number, AdjustmentKind.ADJUSTMENT, "why")
    made = Adjustment(f"x{number}", asked, "default", S.WAITING, "ann", 1000 + number, "body")
    return replace(made, **changes)  # type: ignore[arg-type]


@given(ADJUSTMENTS)
def test_an_adjustment_comes_back_as_it_was(adjustment: Adjustment) -> None:
    """Nothing is lost between the item and the table's own form of it."""
    assert adjustments.from_item(unpack(pack(adjustments.create(adjustment).target))) == adjustment


@given(ADJUSTMENTS)
def test_only_what_waits_is_in_the_list_of_what_waits(adjustment: Adjustment) -> None:
    """All are in their partner's list; those that nobody has to look at are not work."""
    item = adjustments.create(adjustment).target
    assert item["listed_at"].endswith(adjustment.id)
    assert ("waits_in" in item) is (adjustment.status is S.WAITING)


@pytest.fixture
def table(books: Books) -> Table:
    return books.table


def test_lists_and_decisions(table: Table) -> None:
    """Waiting ones oldest first, a partner's newest first, both from a position on; a decision is made once."""
    made = [an_adjustment(number) for number in (1, 2, 3)]
    for each in made:
        table.commit(adjustments.create(each))
    waiting = list(adjustments.waiting(table, "", 10))
    assert [id for _, id in waiting] == ["x1", "x2", "x3"]
    assert [id for _, id in adjustments.waiting(table, waiting[0][0], 1)] == ["x2", "x3"]
    own = list(adjustments.of_partner(table, "p" * 16, "", 1))
    assert [id for _, id in own] == ["x3", "x2", "x1"]
    assert [id for _, id in adjustments.of_partner(table, "p" * 16, own[0][0], 10)] == ["x2", "x1"]

    decided = replace(made[1], status=S.POSTED, approver="eve", decided_at_ms=9, note="fine", request="r", entry=4)
    table.commit(adjustments.decide(decided))
    assert adjustments.find(table, "x2") == decided
    assert [id for _, id in adjustments.waiting(table, "", 10)] == ["x1", "x3"]
    assert len(list(adjustments.of_partner(table, "p" * 16, "", 10))) == 3
    for again in (decided, replace(made[1], status=S.REJECTED), an_adjustment(9)):  # of the last there is no item
        with pytest.raises(ConditionFailed, match=adjustments.IS_WAITING):
            table.commit(adjustments.decide(again))
    assert adjustments.many(table, ["x2", "none"]) == [decided]
    with pytest.raises(AdjustmentNotFound):
        adjustments.find(table, "x9")
