"""What a provider's word comes to, in every status: believed, harmless, or a person's business. Never a guess."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from refledger.domain.methods import MethodType
from refledger.domain.provider_events import (
    IMPOSSIBLE,
    NOTHING,
    Answer,
    Delivered,
    News,
    Said,
    answer,
    fits,
    request_of,
)
from refledger.domain.withdrawals import (
    TRANSITIONS,
    MethodUsed,
    PayoutProblem,
    Withdrawal,
    WithdrawalStatus,
    WithdrawalStep,
)

S = WithdrawalStatus
P = PayoutProblem


def withdrawal(status: S, payout: int = 1, **changes: Any) -> Withdrawal:
    type_ = changes.pop("type", MethodType.STRIPE)
    return Withdrawal(**{
        "id": "w", "partner_id": "p", "program_id": "default", "amount": 5, "currency": "EUR", "status": status,
        "method": MethodUsed("m", 1, type_, "B", "…0000"), "requester": "bob", "created_at_ms": 1,
        "expires_at_ms": 2, "body": "b", "payout": payout, **changes,
    })  # fmt: skip


def news(said: Said, payout: int = 1, **changes: Any) -> News:
    return News(said, **{"transaction_id": f"tr-{payout}", "key": f"w-{payout}", **changes})


ORDERED = Delivered(5, "EUR", "…0000")
OTHERS = [
    Delivered(1, "EUR", "…0000"), Delivered(None, "EUR", "…0000"), Delivered(5, "USD", "…0000"),
    Delivered(5, "EUR", "…0001"), Delivered(0, "EUR", "…0000"), Delivered(None, "", "…"),
]  # fmt: skip

# Status → what PAID, RETURNED, PARTLY_RETURNED and FAILED of the only payout come to.
EXPECTED: dict[S, tuple[Answer, Answer, Answer, Answer]] = {
    S.APPROVED: (
        Answer((S.PAID,)),
        Answer((S.PAID, S.RETURNED)),
        Answer((S.PAID,), P.PARTLY_RETURNED, reported=True),
        NOTHING,
    ),
    S.PAYING: (
        Answer((S.PAID,)),
        Answer((S.PAID, S.RETURNED)),
        Answer((S.PAID,), P.PARTLY_RETURNED, reported=True),
        Answer((S.FAILED,)),
    ),
    S.PAID: (
        NOTHING,
        Answer((S.RETURNED,)),
        Answer(problem=P.PARTLY_RETURNED, reported=True),
        Answer(problem=P.FAILED_AFTER_PAID, reported=True),
    ),
    S.FAILED: (
        Answer(problem=P.PAID_AFTER_FAILED, reported=True),
        Answer(kept=True),
        Answer(problem=P.PAID_AFTER_FAILED, reported=True),
        NOTHING,
    ),
    S.RETURNED: (NOTHING, NOTHING, NOTHING, NOTHING),
}
EXPECTED[S.REQUESTED] = EXPECTED[S.APPROVED]  # to be tried again, and people were asked once more
EXPECTED |= dict.fromkeys((S.REJECTED, S.CANCELLED, S.EXPIRED), EXPECTED[S.FAILED])  # and then it was given back


@pytest.mark.parametrize(("status", "number"), list(product(EXPECTED, range(4))))
def test_every_word_in_every_status(status: S, number: int) -> None:
    """The whole table; what moves, moves along the table of transitions."""
    found = answer(withdrawal(status), news(list(Said)[number]))
    assert found == EXPECTED[status][number]
    assert answer(withdrawal(status), news(list(Said)[number], delivered=ORDERED)) == found
    was = status
    for move in found.moves:
        assert (was, move) in TRANSITIONS
        was = move


@pytest.mark.parametrize("said", Said)
@pytest.mark.parametrize("status", S)
def test_of_a_payout_that_was_never_made_nothing_is_believed(status: S, said: Said) -> None:
    """Neither before anything was sent, nor of a bank transfer: reported, and nothing is touched."""
    assert answer(withdrawal(status, payout=0), news(said)) == IMPOSSIBLE
    assert answer(withdrawal(status, type=MethodType.BANK_TRANSFER), news(said)) == IMPOSSIBLE


@pytest.mark.parametrize("delivered", OTHERS, ids=str)
@pytest.mark.parametrize("said", Said)
@pytest.mark.parametrize("status", S)
def test_what_was_not_ordered_is_believed_of_no_payout(status: S, said: Said, delivered: Delivered) -> None:
    """A cent, another currency or account, an amount that is none: nothing moves, and somebody hears of it. While the
    payout is under way it waits for a person, because `find` would say the same.
    """
    found = answer(withdrawal(status), news(said, delivered=delivered))
    assert found == (Answer(problem=P.UNKNOWN, reported=True) if status is S.PAYING else IMPOSSIBLE)


def test_what_was_not_ordered_keeps_its_hands_off_the_payouts_name() -> None:
    """With the payout's key on it, too, what is said of the payout is still news, and comes to the same as without."""
    one = withdrawal(S.PAYING)
    for said in Said:
        strange = news(said, event_id="e1", delivered=OTHERS[0])
        assert (fits(one, strange), fits(one, news(said))) == (False, True)
        noted = withdrawal(S.PAYING, steps=(WithdrawalStep(S.PAYING, "system", 3, "", request_of(one, strange)),))
        for other in Said:
            assert request_of(one, news(other, event_id="e1")) != request_of(one, strange)
            assert answer(noted, news(other)) == answer(one, news(other))


@pytest.mark.parametrize("said", [Said.FAILED, Said.RETURNED, Said.PARTLY_RETURNED])
@pytest.mark.parametrize("status", [status for status in S if status is not S.RETURNED])
def test_news_of_an_earlier_payout_are_not_of_this_one(status: S, said: Said) -> None:
    """The first was declined, the second is under way: what became of the first changes nothing. That all of it came
    back is kept: it must not count as paid when that is told after it.
    """
    assert answer(withdrawal(status, payout=2), news(said, payout=1)) == Answer(kept=said is Said.RETURNED)


@pytest.mark.parametrize("status", [S.REQUESTED, S.APPROVED, S.PAYING])
def test_an_earlier_payout_that_was_paid_after_all_settles(status: S) -> None:
    """The money has left: so the next payout must not begin, or is known to be one too many when it is paid."""
    assert answer(withdrawal(status, payout=2), news(Said.PAID, payout=1)) == Answer((S.PAID,))


@pytest.mark.parametrize("status", [S.REQUESTED, S.APPROVED, S.PAYING, S.FAILED, S.CANCELLED])
def test_paid_is_not_believed_of_what_came_back_before(status: S) -> None:
    """The return of a payout was told first, when nothing followed from it: its "paid" says nothing new."""
    item = withdrawal(status, payout=2, steps=(WithdrawalStep(status, "system", 3, "", news(Said.RETURNED).request),))
    assert answer(item, news(Said.PAID)) == NOTHING
    assert answer(item, news(Said.PAID, payout=2)) != NOTHING


@pytest.mark.parametrize(("problem", "expected"), [
    (P.PARTLY_RETURNED, Answer((S.RETURNED,))),
    (None, Answer(problem=P.PARTLY_RETURNED, reported=True)),
])  # fmt: skip
def test_a_part_that_was_put_right_does_not_come_back_twice(problem: P | None, expected: Answer) -> None:
    """As long as nobody has seen to the part, all of it may be booked; then only a person knows what is left."""
    step = WithdrawalStep(S.PAID, "system", 3, "", news(Said.PARTLY_RETURNED, event_id="e1").request)
    assert answer(withdrawal(S.PAID, steps=(step,), problem=problem), news(Said.RETURNED)) == expected


def settled(by: str, key: str, status: S = S.PAID, transaction_id: str = "tr-1") -> Withdrawal:
    step = WithdrawalStep(S.PAID, by, 3, "", f"PAID:{key}")
    return withdrawal(status, payout=2, transaction_id=transaction_id, steps=(step,))


@pytest.mark.parametrize("status", [S.PAID, S.RETURNED])
def test_two_payouts_that_were_paid_are_noticed(status: S) -> None:
    """The first settled it, then the second is paid, too; and the other way round. The same one again is harmless."""
    twice = Answer(problem=P.PAID_TWICE, reported=True)
    for one, other in ((1, 2), (2, 1)):
        item = settled("system", f"w-{one}", status, f"tr-{one}")
        assert answer(item, news(Said.PAID, payout=one)) == NOTHING
        assert answer(item, news(Said.PAID, payout=other)) == twice


def test_what_a_person_called_paid_is_the_newest_payout() -> None:
    """They typed another id than the provider has; an earlier payout's is a second one all the same."""
    item = settled("ann", "request of ann", transaction_id="typed by ann")
    assert answer(item, news(Said.PAID, payout=2)) == NOTHING
    assert answer(item, news(Said.PAID, payout=2, key="")) == NOTHING
    assert answer(item, news(Said.PAID, payout=1)) == Answer(problem=P.PAID_TWICE, reported=True)


def test_one_transaction_is_one_payout_whatever_its_key() -> None:
    """A later payout found that the first one had been made, and took it: the first one's messages are about it."""
    item = settled("system", "w-2")
    assert answer(item, news(Said.PAID, payout=1)) == NOTHING
    assert answer(item, news(Said.RETURNED, payout=1)) == Answer((S.RETURNED,))


def test_without_a_key_the_transaction_tells_payouts_apart() -> None:
    """A provider that does not tell the key."""
    item = settled("system", "tr-1")
    assert answer(item, news(Said.RETURNED, payout=1, key="")) == Answer((S.RETURNED,))
    assert answer(item, news(Said.RETURNED, payout=2, key="")) == Answer(kept=True)
    assert answer(item, news(Said.PAID, payout=2, key="")) == Answer(problem=P.PAID_TWICE, reported=True)


def test_paid_after_failed_and_then_returned_is_as_if_it_had_failed() -> None:
    """The problem is over by itself, and no money was ever booked for it."""
    item = withdrawal(S.FAILED, problem=P.PAID_AFTER_FAILED)
    assert answer(item, news(Said.RETURNED)) == Answer(solved=True)


def test_a_problem_keeps_its_name() -> None:
    """What comes on top of it is reported, too."""
    item = withdrawal(S.PAID, problem=P.PAID_TWICE)
    assert answer(item, news(Said.PARTLY_RETURNED)) == Answer(problem=P.PAID_TWICE, reported=True)


def test_a_repeat_is_known_by_the_payout_or_by_the_event() -> None:
    """A second part that comes back is another event; PAID is said of a payout once, whatever the event."""
    assert news(Said.PAID, event_id="e1").request == news(Said.PAID, event_id="e2").request
    assert news(Said.PARTLY_RETURNED, event_id="e1").request != news(Said.PARTLY_RETURNED, event_id="e2").request
    assert len({news(said).request for said in Said}) == len(Said)
