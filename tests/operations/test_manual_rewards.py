"""Rewards that staff give by hand: once per key, by two people where it is much, and never to themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from refledger.domain.errors import (
    AlreadyDecided,
    Conflict,
    CurrencyNotTaken,
    Forbidden,
    KeyReused,
    PartnerNotFound,
    ProgramClosed,
    Refledger,
    SecondPersonNeeded,
)
from refledger.domain.partners import PartnerStatus
from refledger.domain.payments import Origin
from refledger.domain.programs import ProgramStatus
from refledger.domain.rewards import SECOND_PERSON, Reward, RewardStatus
from refledger.operations import programs
from refledger.operations.context import Context
from refledger.operations.earning import explanations, manual_rewards, reward_decisions
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.partners import partners
from refledger.store import keys, payments
from refledger.store.transaction import update
from tests.support.books import Books, Faulty
from tests.support.crashes import AT_READS, crash_at_each_write

S = RewardStatus
LIMIT = 2000


@pytest.fixture
def books(books: Books) -> Books:
    """Above 20.00 what one person gives another one must release."""
    books.program(adjustment_limit=LIMIT)
    books.partner("bob")
    return books


def give(books: Books, amount: int, key: str | None = None, by: str = "ann", **changes: Any) -> Reward:
    gift = Gift(**{
        "partner_id": books.partner("bob").id, "amount": amount, "currency": "USD", "reason": "spoke for us",
        **changes,
    })  # fmt: skip
    return manual_rewards.give(books.context, gift, books.user(by), key)


def test_it_is_a_reward_like_any_other(books: Books) -> None:
    """Due at once, explained, in the balance with its entry, withdrawn and covered; the books are right throughout."""
    made = give(books, LIMIT, "k")
    assert (made.status, made.amount, made.currency, made.tier, made.held) == (S.PENDING, LIMIT, "USD", 1, ())
    payment = payments.find(books.table, made.payment)
    assert (payment.origin, payment.base, payment.note, payment.by) == (
        Origin.BY_HAND, LIMIT, "spoke for us", books.user("ann"),
    )  # fmt: skip
    told = explanations.explain(books.context, made.id).explanation
    assert "20.00 USD, given by a person" in told.earned.text
    assert "gave it" in told.rule
    assert books.faults() == []
    books.mature("bob")
    assert books.balance("bob") == (LIMIT, 0, 0)
    books.pay_out("bob", LIMIT)
    (paid,) = books.rewards("bob")
    assert paid.status is S.PAID
    assert books.faults() == []


def test_once_per_key(books: Books) -> None:
    """The repeat finds what was given, as it is by now; anything else under the key is refused; no key is no repeat."""
    made = give(books, 500, "k")
    books.mature("bob")
    assert give(books, 500, "k").id == made.id
    assert give(books, 500, "k").status is S.APPROVED
    others: list[dict[str, Any]] = [{"amount": 501}, {"reason": "other"}, {"partner_id": books.partner("eve").id}]
    for other in others:
        with pytest.raises(KeyReused):
            give(books, **{"amount": 500, "key": "k", **other})
    assert give(books, 500, "k", by="eve").id != made.id  # another person's key is another one
    assert give(books, 500).id != give(books, 500).id
    assert len(books.rewards("bob")) == 4


def test_above_the_limit_another_person_releases_it(books: Books) -> None:
    """It waits, however long; who gave it may cancel and not release it; the partner's own user does neither."""
    made = give(books, LIMIT + 1, "k")
    assert made.held == (SECOND_PERSON,)
    books.clock.forward(10**10)
    books.mature("bob")
    assert books.balance("bob") == (0, 0, 0)
    with pytest.raises(SecondPersonNeeded):
        books.release(made, by=books.user("ann"))
    with pytest.raises(Forbidden):
        books.release(made, by=books.user("bob"))
    with pytest.raises(Conflict):
        books.approve(made, by=books.user("eve"))  # held
    assert books.release(made, by=books.user("eve")).status is S.APPROVED
    assert books.balance("bob") == (LIMIT + 1, 0, 0)
    other = give(books, LIMIT + 1, "k2")
    assert books.cancel(other, by=books.user("ann")).status is S.CANCELLED
    with pytest.raises(AlreadyDecided):
        books.approve(other, by=books.user("eve"))
    assert books.faults() == []


def test_no_word_of_a_person_stands_for_the_second_person(books: Books) -> None:
    """The system's reasons cannot be given, and holding it for another reason takes the first one not off."""
    made = give(books, LIMIT + 1)
    for reason in (SECOND_PERSON, "DISPUTE"):
        with pytest.raises(Refledger, match="system"):
            books.hold(made, reason)
    books.hold(made, "odd", by=books.user("ann"))
    with pytest.raises(SecondPersonNeeded):
        books.release(made, by=books.user("ann"))


def test_who_gave_it_became_the_partner(books: Books) -> None:
    """Linked to the partner afterwards, nobody may release it any more: it must be given anew."""
    new = partners.NewPartner("Ida", "Example", "ida@example.com")
    ida = partners.create(books.context, new, "admin", None, "body")
    made = give(books, LIMIT + 1, partner_id=ida.id)
    partners.link_user(books.context, ida.id, books.user("ann"), "admin")
    for by in ("ann", "eve"):
        with pytest.raises(Forbidden):
            books.release(made, by=books.user(by))


@pytest.mark.parametrize(
    ("changes", "refused"),
    [({"partner_id": "0" * 16}, PartnerNotFound), ({"currency": "EUR"}, CurrencyNotTaken), ({"by": "bob"}, Forbidden)],
)
def test_what_cannot_be_given(books: Books, changes: dict[str, Any], refused: type[Refledger]) -> None:
    """To nobody, in a currency that the program does not take, to oneself; and nothing is written."""
    with pytest.raises(refused):
        give(books, **{"amount": 100, **changes})
    assert books.rewards("bob") == []


@pytest.mark.parametrize("status", [s for s in PartnerStatus if s is not PartnerStatus.ACTIVE])
def test_only_an_active_partner_is_given_anything(books: Books, status: PartnerStatus) -> None:
    """And what was given and not due yet when they left is cancelled, like everything earned meanwhile."""
    partners.change_status(books.context, books.partner("bob").id, status, "why", "admin")
    with pytest.raises(Conflict):
        give(books, 100)


def test_a_paused_program_gives_still_and_an_archived_one_does_not(books: Books) -> None:
    """A person decides for themselves while it is paused; the end is the end."""
    programs.change_status(books.context, "default", ProgramStatus.PAUSED, "holidays", "admin")
    give(books, 100)
    books.mature("bob")
    assert books.balance("bob") == (100, 0, 0)
    programs.change_status(books.context, "default", ProgramStatus.ARCHIVED, "over", "admin")
    with pytest.raises(ProgramClosed):
        give(books, 100)


def test_a_process_that_dies_gives_all_or_nothing(books: Books) -> None:
    """At each write, before and after it: payment and reward are both there or neither, and the repeat gives once."""
    numbers, died = count(), 0
    bob = books.partner("bob").id

    def act(context: Context, key: str) -> None:
        manual_rewards.give(context, Gift(bob, 100, "USD", "why"), "ann", key)

    for key in crash_at_each_write(books, lambda: f"key{next(numbers)}", act):
        died += 1
        assert books.faults() == []
        given = manual_rewards.give(books.context, Gift(bob, 100, "USD", "why"), "ann", key)
        assert len([r for r in books.rewards("bob") if r.payment == given.payment]) == 1
    assert died == (6 if AT_READS else 2)  # before and after: a look at what there is, the program, the writing
    assert books.faults() == []


def test_many_at_once_with_one_key_are_one(books: Books) -> None:
    """Whatever conflicts and lost answers there are."""
    bob = books.partner("bob").id
    context = books.behind(Faulty(books.client, 40, 7))
    with ThreadPoolExecutor(6) as pool:
        made = list(
            pool.map(lambda _: manual_rewards.give(context, Gift(bob, 100, "USD", "why"), "ann", "k"), range(12))
        )
    assert len({reward.id for reward in made}) == 1
    assert len(books.rewards("bob")) == 1
    assert books.faults() == []


@pytest.mark.parametrize("what", ["origin", "rule"])
def test_the_check_of_the_books_knows_what_was_given(books: Books, what: str) -> None:
    """A payment that pretends to be a customer's, or a reward that pretends to follow a rule, is named."""
    made = give(books, 100)
    if what == "origin":
        books.table.commit(update("spoil", keys.payment(made.payment), "REMOVE #origin"))
    else:
        books.table.commit(update("spoil", keys.reward(made.id), "SET #source = :s", s="program"))
    assert any("rule" in fault.reason for fault in books.faults())


# ---------------------------------------------------------------- notes and holds by version


def amend(books: Books, reward: Reward, version: int, note: str | None = None, hold: str | None = None) -> Reward:
    return reward_decisions.amend(books.context, reward.id, version, note, hold, "admin")


def test_a_note_and_a_hold_by_version(books: Books) -> None:
    """Under the version that was read; what stands there already is no change, whatever the version."""
    made = give(books, 100)
    noted = amend(books, made, 1, "to be looked at")
    assert (noted.note, noted.held, noted.version) == ("to be looked at", (), 2)
    for version in (1, 2, 9):
        assert amend(books, made, version, "to be looked at") == noted
    with pytest.raises(Refledger) as stale:
        amend(books, made, 1, "another")
    assert stale.value.code == "STALE"
    held = amend(books, made, 2, "double", "looks odd")
    assert (held.note, held.held, held.version) == ("double", ("looks odd",), 3)
    assert amend(books, made, 3, hold="more").note == "more"
    assert replace(books.rewards("bob")[0], by="") == replace(amend(books, made, 4, hold="more"), by="")
    books.release(made)
    books.mature("bob")
    assert amend(books, made, books.rewards("bob")[0].version, "paid soon").note == "paid soon"
    with pytest.raises(AlreadyDecided):
        amend(books, made, books.rewards("bob")[0].version, hold="too late")
    assert books.faults() == []
