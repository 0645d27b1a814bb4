"""Partners: which states follow which, and in which times they earn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.domain.partners import TRANSITIONS, Idle, Partner, PartnerStatus, next_idle

P = PartnerStatus
NEW = Partner("p", "default", "CODE", P.ACTIVE, "", 0)


def test_every_status_may_follow_every_other_until_the_end() -> None:
    """ACTIVE, INACTIVE and SUSPENDED lead to each other and to TERMINATED; TERMINATED leads nowhere."""
    expected = {status: set(P) - {status} if status is not P.TERMINATED else set() for status in P}
    assert expected == TRANSITIONS


@pytest.mark.parametrize(("at_ms", "covered"), [(9, False), (10, True), (19, True), (20, False)])
def test_an_idle_time_begins_with_its_first_and_ends_before_its_last_millisecond(at_ms: int, covered: bool) -> None:
    """From 10 until 20 covers 10 and 19, but neither 9 nor 20."""
    assert Idle(10, 20).covers(at_ms) is covered


def test_an_idle_time_that_lasts_has_no_end() -> None:
    """Without an end it covers everything from its beginning on."""
    assert Idle(10).covers(10**15)
    assert not Idle(10).covers(9)


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from(P)), max_size=12), st.integers(0, 700))
def test_a_partner_earns_exactly_while_active(changes: list[tuple[int, P]], asked_ms: int) -> None:
    """After any sequence of changes, each moment earns if and only if the partner was ACTIVE then."""
    partner, now_ms, was = NEW, 0, [(0, P.ACTIVE)]
    for later_ms, status in changes:
        now_ms += later_ms
        partner = replace(partner, status=status, idle=next_idle(partner, status, now_ms))
        was.append((now_ms, status))
    then = [status for since_ms, status in was if since_ms <= asked_ms][-1]
    assert partner.earns_at(asked_ms) is (then is P.ACTIVE)


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from(P)), max_size=12))
def test_idle_times_stand_in_order_and_never_overlap(changes: list[tuple[int, P]]) -> None:
    """Only the last one may be open, and it is so exactly while the partner is not ACTIVE."""
    partner, now_ms = NEW, 0
    for later_ms, status in changes:
        now_ms += later_ms
        partner = replace(partner, status=status, idle=next_idle(partner, status, now_ms))
    ends = [idle.until_ms for idle in partner.idle]
    assert None not in ends[:-1]
    assert (ends[-1:] == [None]) is (partner.status is not P.ACTIVE)
    for before, after in zip(partner.idle, partner.idle[1:], strict=False):
        assert before.since_ms <= (before.until_ms or 0) <= after.since_ms
