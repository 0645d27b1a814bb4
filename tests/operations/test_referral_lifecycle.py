"""Referrals as staff, services and CRMs make and move them: once, in any order, and never against the rules."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.domain.errors import (
    AlreadyReferred,
    CodeClosesCircle,
    CodeNotActive,
    CodeNotFound,
    Conflict,
    Invalid,
    KeyReused,
    LeadTaken,
    OwnCode,
    PartnerNotFound,
    ProgramClosed,
    ReferralClosed,
    ReferralNotFound,
    Refledger,
    Stale,
)
from refledger.domain.partners import PartnerStatus
from refledger.domain.programs import ProgramStatus
from refledger.domain.referrals import DELETED, Referral, ReferralSource, ReferralStatus
from refledger.domain.times import DAY_MS
from refledger.operations import programs
from refledger.operations.context import Context
from refledger.operations.partners import partners
from refledger.operations.referring import lifecycle, reads
from refledger.operations.referring.lifecycle import NewReferral, ReferralUpdate
from refledger.store import bindings, keys
from refledger.store import referrals as stored
from tests.support import worlds
from tests.support.books import Books
from tests.support.crashes import crash_at_each_write

S = ReferralStatus

pytestmark = worlds.lives_in(worlds.one_program, attribution_days=30)


def create(books: Books, of: str = "alice", key: str | None = None, body: str = "body", **told: Any) -> Referral:
    """A referral of a partner's, by their code."""
    new = NewReferral(code=books.partner(of).code, source=ReferralSource.PHONE, **told)
    return lifecycle.create(books.context, new, "ann", key, body)


def read(books: Books, referral: Referral) -> Referral:
    return stored.find(books.table, referral.id)


def binding_of(books: Books, name: str) -> Any:
    return bindings.find(books.table, "default", books.user(name))


# ---------------------------------------------------------------- new ones


def test_a_referral_freezes_whose_it_is_and_by_which_rules(books: Books) -> None:
    """The up-line above the partner, the depth and the version are those of this moment; it expires after 30 days."""
    books.apply("bob", "alice")
    made = create(books, "bob", campaign="autumn", tags=("b", "a", "b"), note="called us")
    books.change_program(tier_rates_bps=(500,))
    found = read(books, made)
    assert found == made
    assert [link.partner_id for link in found.upline] == [books.partner("bob").id, books.partner("alice").id]
    assert (found.status, found.depth, found.rule_version, found.code) == (S.PENDING, 2, 1, books.partner("bob").code)
    assert (found.tags, found.until_ms) == (("a", "b"), books.clock() + 30 * DAY_MS)


def test_the_same_key_is_the_same_referral(books: Books) -> None:
    """Also later, with a lead and a customer that are taken by then: by that very referral."""
    told = {"lead": "L-1", "customer": books.user("carol")}
    first = create(books, key="k", **told)
    books.clock.forward(DAY_MS)
    assert create(books, key="k", **told) == first
    with pytest.raises(KeyReused):
        create(books, key="k", body="another", **told)
    assert create(books).id != first.id


def test_of_many_at_once_with_one_key_there_is_one_referral(books: Books) -> None:
    """Whoever comes second gets the first one's."""
    code = books.partner("alice").code

    def make(_: int) -> str:
        new = NewReferral(code=code, lead="L-1", customer=books.user("carol"))
        return lifecycle.create(books.context, new, "ann", "k", "body").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(16)))) == 1


def test_a_process_that_dies_leaves_one_referral_or_none(books: Books) -> None:
    """At every call, before and after: the repeat with the same key makes what is missing, and nothing twice."""
    code = books.partner("alice").code
    numbers = iter(range(1_000))

    def act(context: Context, number: int) -> Referral:
        new = NewReferral(code=code, lead=f"L-{number}", customer=books.user(f"customer{number}"))
        return lifecycle.create(context, new, "ann", f"k{number}", "body")

    for number in crash_at_each_write(books, lambda: next(numbers), act):
        made = act(books.context, number)
        assert reads.by_lead(books.context, f"L-{number}") == made
        assert binding_of(books, f"customer{number}").referral_id == made.id
    every = [referral for _, referral in stored.of_partner(books.table, books.partner("alice").id, "", 100)]
    assert len(every) == next(numbers)
    assert len({referral.lead for referral in every}) == len(every)


def test_a_lead_has_one_referral(books: Books) -> None:
    """A second one is refused, whoever's it is."""
    create(books, lead="L-1")
    with pytest.raises(LeadTaken):
        create(books, "bob", lead="L-1")
    assert [id for _, id in stored.of_program(books.table, "default", "", 10)] == [
        reads.by_lead(books.context, "L-1").id
    ]


def test_a_customer_is_bound_by_the_same_rules_as_by_a_code(books: Books) -> None:
    """Nobody refers themselves, nobody is referred twice, and no circle closes."""
    books.chain("alice", "bob", "carol")
    for of, customer, refusal in (
        ("alice", "alice", OwnCode), ("alice", "bob", AlreadyReferred), ("bob", "carol", AlreadyReferred),
        ("carol", "alice", CodeClosesCircle),
    ):  # fmt: skip
        with pytest.raises(refusal):
            create(books, of, customer=books.user(customer))
    dave = create(books, "carol", customer=books.user("dave"))
    assert binding_of(books, "dave").upline == dave.upline
    books.earn("dave", "p1", 1000)
    assert books.balance("carol") == (200, 0, 0)


def test_what_cannot_be_referred_is_refused(books: Books) -> None:
    """Unknown codes and partners, another partner's code, one who is not active, a program that is paused."""
    alice, bob = books.partner("alice"), books.partner("bob")

    def make(**told: Any) -> Referral:
        return lifecycle.create(books.context, NewReferral(**told), "ann", None, "")

    for told, refusal in (
        ({}, Invalid), ({"code": "NOBODYS"}, CodeNotFound), ({"code": "é#"}, CodeNotFound),
        ({"partner_id": "0" * 16}, PartnerNotFound), ({"partner_id": alice.id, "code": bob.code}, Invalid),
        ({"partner_id": alice.id, "campaign": "c" * 101}, Invalid), ({"partner_id": alice.id, "tags": ("",)}, Invalid),
    ):  # fmt: skip
        with pytest.raises(refusal):
            make(**told)
    assert make(partner_id=alice.id).code == "", "which one came with no code came with none"
    assert make(partner_id=alice.id, code=f" {alice.code.lower()}").code == alice.code
    partners.change_status(books.context, bob.id, PartnerStatus.SUSPENDED, "why", "ann")
    with pytest.raises(CodeNotActive):
        make(partner_id=bob.id)
    programs.change_status(books.context, "default", ProgramStatus.PAUSED, "why", "ann")
    with pytest.raises(ProgramClosed):
        make(partner_id=alice.id)
    with pytest.raises(ProgramClosed):
        books.apply("dave", "alice")


# ---------------------------------------------------------------- steps


STEPS: dict[str, Callable[[Books, Referral], Referral]] = {
    "accept": lambda books, r: lifecycle.accept(books.context, r.id),
    "reject": lambda books, r: lifecycle.reject(books.context, r.id, "no fit"),
    "remove": lambda books, r: lifecycle.remove(books.context, r.id),
    "expire": lambda books, r: lifecycle.expire(books.context, r.id, "too old"),
}
# step: {status: what it becomes, None: refused}
BECOMES: dict[str, dict[S, S | None]] = {
    "accept": {S.PENDING: S.ACCEPTED, S.ACCEPTED: S.ACCEPTED},
    "reject": {S.PENDING: S.REJECTED, S.ACCEPTED: S.REJECTED, S.REJECTED: S.REJECTED},
    "remove": {S.PENDING: S.REJECTED, S.ACCEPTED: S.REJECTED, S.REJECTED: S.REJECTED},
    "expire": {S.PENDING: S.EXPIRED, S.ACCEPTED: S.EXPIRED, S.EXPIRED: S.EXPIRED},
}


def in_status(books: Books, status: S, **told: Any) -> Referral:
    """A referral that has come to this status, however it got there."""
    made = create(books, **told)
    old = read(books, made)
    if status is not S.PENDING:
        books.table.commit(stored.change(old, Referral(**{**vars(old), "status": status, "version": 2}), books.clock()))
    return read(books, made)


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("step", list(STEPS))
def test_every_step_from_every_status(books: Books, step: str, status: S) -> None:
    """It leads where it may, changes nothing where it has led already, and is refused everywhere else."""
    old = in_status(books, status)
    wanted = BECOMES[step].get(status)
    if wanted is None:
        with pytest.raises(ReferralClosed):
            STEPS[step](books, old)
        assert read(books, old) == old
        return
    new = STEPS[step](books, old)
    assert (new.status, new.version) == (wanted, old.version + (wanted is not status))
    assert read(books, new) == new
    assert STEPS[step](books, old) == new


def test_what_is_not_there_is_said_so(books: Books) -> None:
    """Also an id that nothing could have: its key is a slice of it."""
    nobodys = keys.referral_id(books.partner("alice").id, 1, bytes(9))
    for id in (nobodys, "", "0" * 16, nobodys + "0"):
        with pytest.raises(ReferralNotFound):
            lifecycle.accept(books.context, id)


@pytest.mark.parametrize("step", ["reject", "remove", "expire"])
def test_closing_closes_the_binding_in_the_same_transaction(books: Books, step: str) -> None:
    """Wherever the process dies: payments earn as long as the referral is open, and not after."""
    names = iter(f"customer{number}" for number in range(100))

    def prepare() -> tuple[str, Referral]:
        name = next(names)
        return name, create(books, customer=books.user(name))

    def act(context: Context, subject: tuple[str, Referral]) -> Referral:
        _, old = subject
        return {
            "reject": lambda: lifecycle.reject(context, old.id, "no fit"),
            "remove": lambda: lifecycle.remove(context, old.id),
            "expire": lambda: lifecycle.expire(context, old.id, "too old"),
        }[step]()

    for name, old in crash_at_each_write(books, prepare, act):
        assert bool(binding_of(books, name).closed) is not read(books, old).is_open
        closed = act(books.context, (name, old))
        assert binding_of(books, name).closed == closed.status
        assert str(books.pay(name, f"pay {name}", 1000).outcome) == closed.status
        assert books.payment(f"pay {name}").reason == closed.status
    assert books.faults() == []


def test_a_rejection_and_a_payment_may_come_at_once(books: Books) -> None:
    """Whichever is first: the payment earned if it was, and the referral and its binding always say the same."""
    for number in range(8):
        name = f"customer{number}"
        made = create(books, customer=books.user(name))

        def reject(made: Referral = made) -> object:
            try:
                return lifecycle.reject(books.context, made.id, "no fit")
            except Refledger as refused:
                return refused

        with ThreadPoolExecutor(2) as pool:
            rejected, paid = pool.submit(reject), pool.submit(books.pay, name, f"p{number}", 1000)
            rejected.result(), paid.result()
        binding, referral = binding_of(books, name), read(books, made)
        earned = bool(books.payment(f"p{number}").shares)
        assert (binding.closed == "REJECTED") is (referral.status is S.REJECTED)
        assert earned is bool(binding.converted_at_ms)
        assert earned is not (referral.status is S.REJECTED)


def test_one_that_was_taken_out_lets_its_lead_go(books: Books) -> None:
    """It stays, with its reason, and the lead may be given to the right one. A rejected one keeps its lead."""
    wrong = create(books, lead="L-1")
    removed = lifecycle.remove(books.context, wrong.id)
    assert (removed.status, removed.reason) == (S.REJECTED, DELETED)
    right = create(books, "bob", lead="L-1")
    assert reads.by_lead(books.context, "L-1") == right
    lifecycle.reject(books.context, right.id, "no fit")
    with pytest.raises(LeadTaken):
        create(books, lead="L-1")


def test_nobody_earns_through_a_closed_referral(books: Books) -> None:
    """Whom a rejected customer refers later brings the first partner nothing; and yet no circle closes through it."""
    bob = create(books, customer=books.user("bob"))
    lifecycle.reject(books.context, bob.id, "no fit")
    books.apply("carol", "bob")
    assert [link.partner_id for link in binding_of(books, "carol").upline] == [books.partner("bob").id]
    with pytest.raises(CodeClosesCircle):
        books.apply("alice", "carol")
    with pytest.raises(ReferralClosed):
        books.apply("bob", "alice")


def test_a_customer_who_is_linked_by_many_at_once_is_bound_once(books: Books) -> None:
    """Everybody who says the same gets the same."""
    made = create(books)

    def link(_: int) -> int:
        return lifecycle.link_lead(books.context, made.id, "L-1", books.user("carol")).version

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(link, range(8))) == {2}
    assert binding_of(books, "carol").referral_id == made.id


# ---------------------------------------------------------------- leads, customers, the rest


def test_a_lead_is_linked_once(books: Books) -> None:
    """Again is the same; another lead, or another referral's, is refused."""
    made = create(books)
    linked = lifecycle.link_lead(books.context, made.id, "L-1")
    assert (linked.lead, linked.version) == ("L-1", 2)
    assert lifecycle.link_lead(books.context, made.id, "L-1") == linked
    with pytest.raises(Conflict):
        lifecycle.link_lead(books.context, made.id, "L-2")
    with pytest.raises(LeadTaken):
        lifecycle.link_lead(books.context, create(books).id, "L-1")
    closed = lifecycle.reject(books.context, create(books).id, "no fit")
    with pytest.raises(ReferralClosed):
        lifecycle.link_lead(books.context, closed.id, "L-3")
    with pytest.raises(ReferralNotFound):
        reads.by_lead(books.context, "L-3")


def test_a_lead_that_is_linked_by_many_at_once_is_linked_once(books: Books) -> None:
    """The same said twice is no conflict; two referrals that want one lead are."""
    one, other = create(books), create(books)

    def link(referral: Referral) -> object:
        try:
            return lifecycle.link_lead(books.context, referral.id, "L-1").id
        except Refledger as refused:
            return type(refused)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(link, [one] * 4 + [other] * 4))
    winner = reads.by_lead(books.context, "L-1")
    assert set(said[:4]) == {winner.id if winner.id == one.id else LeadTaken}
    assert set(said[4:]) == {winner.id if winner.id == other.id else LeadTaken}


def test_a_customer_may_be_known_later(books: Books) -> None:
    """They are bound for what was frozen when the referral was made, and until it expires."""
    made = create(books)
    books.change_program(tier_rates_bps=(500,), attribution_days=5)
    linked = lifecycle.link_lead(books.context, made.id, "L-1", books.user("carol"))
    binding = binding_of(books, "carol")
    assert (binding.rule_version, binding.until_ms, binding.referral_id) == (1, made.until_ms, made.id)
    assert reads.by_customer(books.context, "default", books.user("carol")) == linked
    books.earn("carol", "p1", 1000)
    assert books.balance("alice") == (200, 0, 0)
    with pytest.raises(Conflict):
        lifecycle.update(books.context, made.id, ReferralUpdate(customer=books.user("dave")), linked.version)
    books.apply("erin", "bob")
    with pytest.raises(AlreadyReferred):
        lifecycle.link_lead(books.context, create(books).id, "L-2", books.user("erin"))
    books.apply("alice", "frank")
    with pytest.raises(CodeClosesCircle):
        lifecycle.link_lead(books.context, create(books).id, "L-2", books.user("frank"))
    with pytest.raises(ReferralNotFound):
        reads.by_lead(books.context, "L-2")


def test_a_change_needs_the_version_that_was_read(books: Books) -> None:
    """And saying what is so already needs none."""
    made = create(books)
    changes = ReferralUpdate(ReferralSource.EMAIL, "spring", "a note", ("x",))
    new = lifecycle.update(books.context, made.id, changes, 1)
    assert (new.source, new.campaign, new.note, new.tags, new.version) == (
        ReferralSource.EMAIL,
        "spring",
        "a note",
        ("x",),
        2,
    )
    assert lifecycle.update(books.context, made.id, changes, 1) == new == read(books, made)
    with pytest.raises(Stale):
        lifecycle.update(books.context, made.id, ReferralUpdate(campaign=""), 1)
    cleared = lifecycle.update(books.context, made.id, ReferralUpdate(campaign="", note="", tags=()), 2)
    assert read(books, made) == cleared
    assert "campaign" not in books.table.get(keys.referral(made.id))  # type: ignore[operator]


def test_what_the_stream_writes_meanwhile_is_not_undone(books: Books) -> None:
    """A referral that converted between the look and the write is not rejected over it."""
    made = create(books)
    old = read(books, made)
    for version in (1, 2):  # also where it was made before referrals had versions
        new = Referral(**{**vars(old), "status": S.CONVERTED, "version": version})
        books.table.commit(stored.change(old, new, books.clock()))
        with pytest.raises(ReferralClosed):
            lifecycle.reject(books.context, made.id, "no fit")
        made = create(books)
        old = read(books, made)
