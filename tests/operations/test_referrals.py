"""Applying a code: once, for ever, never one's own, never in a circle, and no guessing."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from refledger.domain.errors import (
    AlreadyReferred,
    CodeClosesCircle,
    CodeNotActive,
    CodeNotFound,
    OwnCode,
    RateLimited,
    Refledger,
    UserTaken,
)
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.times import MINUTE_MS
from refledger.operations.partners import partners
from refledger.operations.rate_limits import Limits
from refledger.operations.referring import code_application
from refledger.store import bindings, keys
from refledger.store import partners as stored_partners
from tests.support import worlds
from tests.support.books import Books, Faulty

pytestmark = worlds.lives_in(worlds.one_program)


def bound(books: Books, name: str) -> Any:
    """The customer's binding, as a payment reads it."""
    return bindings.find(books.table, "default", books.user(name))


def upline(books: Books, name: str) -> list[str]:
    names = {books.partner(n).id: n for n in ("alice", "bob", "carol", "dave")}
    return [names[link.partner_id] for link in bound(books, name).upline]


def together(jobs: list[Callable[[], object]]) -> list[object]:
    """All of them at once in 16 threads; what each returned, or was refused with."""

    def run(job: Callable[[], object]) -> object:
        try:
            return job()
        except Refledger as refused:
            return type(refused)

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(run, jobs))


def typing(books: Books, name: str, code: str) -> object:
    """Apply whatever was typed."""
    return code_application.apply(books.context, books.limits, books.user(name), code)


# ---------------------------------------------------------------- one code, for ever


def test_a_code_binds_a_customer_to_its_partner(books: Books) -> None:
    """The binding that payments read, and the referral that people see, in one transaction."""
    books.apply("bob", "alice")
    binding = bound(books, "bob")
    assert (binding.program_id, binding.depth, binding.bound_at_ms) == ("default", 2, books.clock())
    assert upline(books, "bob") == ["alice"]
    referral = books.table.get(keys.referral(binding.referral_id))
    assert referral is not None
    assert (referral["status"], referral["source"], referral["customer"]) == ("ACCEPTED", "WEBSITE", books.user("bob"))


def test_the_same_code_again_is_the_same_referral(books: Books) -> None:
    """A repeat, in small letters or a year later, finds the first."""
    first = typing(books, "bob", books.partner("alice").code)
    books.clock.forward(365 * 24 * 60 * MINUTE_MS)
    assert typing(books, "bob", f" {books.partner('alice').code.lower()} ") == first


def test_a_second_code_is_refused(books: Books) -> None:
    """Whoever was referred stays with who referred them."""
    books.apply("carol", "alice")
    with pytest.raises(AlreadyReferred):
        books.apply("carol", "bob")
    assert upline(books, "carol") == ["alice"]


def test_nobody_refers_themselves(books: Books) -> None:
    """One's own code is refused, also for who was referred already."""
    with pytest.raises(OwnCode):
        books.apply("bob", "bob")
    books.apply("bob", "alice")
    with pytest.raises(OwnCode):
        books.apply("bob", "bob")


@pytest.mark.parametrize("status", [PartnerStatus.INACTIVE, PartnerStatus.SUSPENDED, PartnerStatus.TERMINATED])
def test_only_an_active_partners_code_binds(books: Books, status: PartnerStatus) -> None:
    """Nobody new; but who was bound before is told so, and may ask again."""
    books.apply("carol", "alice")
    partners.change_status(books.context, books.partner("alice").id, status, "why", "ann")
    with pytest.raises(CodeNotActive):
        books.apply("bob", "alice")
    assert bound(books, "bob") is None
    books.apply("carol", "alice")


def test_a_partner_who_is_stopped_at_that_moment_gets_nobody(books: Books) -> None:
    """Between the look at the partner and the transaction the partner was suspended: the transaction notices."""
    world = books.context
    alice = books.partner("alice")

    class Suspending(type(world.table)):  # type: ignore[misc]
        def commit(self, *writes: Any) -> None:
            if world.table is not self and stored_partners.find(world.table, alice.id).status == "ACTIVE":
                partners.change_status(world, alice.id, PartnerStatus.SUSPENDED, "", "ann")
            super().commit(*writes)

    context = type(world)(Suspending(books.client, books.table_name), world.ids, world.now_ms, world.pause)
    with pytest.raises(CodeNotActive):
        code_application.apply(context, books.limits, books.user("bob"), alice.code)
    assert bound(books, "bob") is None


def test_two_codes_at_once_bind_once(books: Books) -> None:
    """Sixteen try eight codes for one customer: one partner has them, whoever came second is told."""
    names = [f"n{number}" for number in range(8)]
    for name in names:
        books.partner(name)
    answers = together([partial(books.apply, "carol", name) for name in names * 2])
    assert answers.count(None) == 2
    assert answers.count(AlreadyReferred) == 14


def test_the_same_code_at_once_is_one_referral(books: Books) -> None:
    """Sixteen repeats in the same moment: one binding, one referral."""
    code = books.partner("alice").code
    answers = together([partial(typing, books, "bob", code)] * 16)
    assert len(set(answers)) == 1
    found = list(books.table.query(keys.referrals_of_program("default"), index="listed"))
    assert len(found) == 1


@pytest.mark.parametrize("seed", range(4))
def test_conflicts_and_lost_answers_change_nothing(books: Books, seed: int) -> None:
    """Refused, or done without an answer: the customer is bound once."""
    code = books.partner("alice").code
    books.context = books.behind(Faulty(books.client, 60, seed))
    typing(books, "bob", code)
    assert upline(books, "bob") == ["alice"]
    assert len(list(books.table.query(keys.referrals_of_program("default"), index="listed"))) == 1


# ---------------------------------------------------------------- tiers


def test_the_chain_is_frozen_with_the_version_of_the_day(books: Books) -> None:
    """Two tiers earn; links above are kept beyond the depth."""
    books.chain("alice", "bob", "carol", "dave")
    assert (bound(books, "dave").rule_version, bound(books, "dave").depth) == (1, 2)
    assert upline(books, "dave") == ["carol", "bob", "alice"]


def test_later_rates_are_for_later_customers(books: Books) -> None:
    """A change of the program leaves who is bound with the old rates; their payments earn by them."""
    books.chain("alice", "bob", "carol")
    books.change_program(tier_rates_bps=(500, 300))
    books.apply("dave", "bob")
    assert [bound(books, name).rule_version for name in ("carol", "dave")] == [1, 2]
    books.pay("carol", "p1", 10_000)
    books.pay("dave", "p2", 10_000)
    made = {(r.amount, r.rate_bps, r.rule_version) for r in books.rewards("bob")}
    assert made == {(2000, 2000, 1), (500, 500, 2)}


def test_a_link_that_comes_later_changes_no_frozen_chain(books: Books) -> None:
    """Who is referred after they referred somebody gives that one no new tier."""
    books.apply("carol", "bob")
    books.apply("bob", "alice")
    assert upline(books, "carol") == ["bob"]


def test_a_partner_who_never_signs_in_can_be_applied(books: Books) -> None:
    """An onboarded company has a code but no customer of its own: a chain of one, and no circle to look for."""
    new = partners.NewPartner("Acme", "Ltd", "acme@example.com")
    acme = partners.create(books.context, new, "admin", None, "body")
    typing(books, "bob", acme.code)
    assert [(link.partner_id, link.customer) for link in bound(books, "bob").upline] == [(acme.id, "")]


def test_a_code_leads_to_its_own_program(books: Books) -> None:
    """A customer may be referred once per program; the code says which."""
    books.program("second", tier_rates_bps=(700,))
    new = partners.NewPartner("Acme", "Ltd", "acme@example.com", program_id="second")
    acme = partners.create(books.context, new, "admin", None, "body")
    books.apply("bob", "alice")
    typing(books, "bob", acme.code)
    second = bindings.find(books.table, "second", books.user("bob"))
    assert second is not None
    assert [link.partner_id for link in second.upline] == [acme.id]
    assert second.depth == 1
    assert upline(books, "bob") == ["alice"]


# ---------------------------------------------------------------- circles


@pytest.mark.parametrize("length", [2, 3, 5])
def test_a_circle_cannot_be_closed(books: Books, length: int) -> None:
    """The first of a chain cannot apply the code of its last, or of anybody in between."""
    names = [f"n{number}" for number in range(length)]
    books.chain(*names)
    for below in names[1:]:
        with pytest.raises(CodeClosesCircle):
            books.apply(names[0], below)
    assert bound(books, names[0]) is None


def test_a_circle_is_found_beyond_what_a_binding_keeps(books: Books) -> None:
    """Ten links are kept on a customer; the eleventh and further are found by walking on."""
    names = [f"n{number}" for number in range(14)]
    books.chain(*names)
    assert len(bound(books, names[-1]).upline) == 10
    with pytest.raises(CodeClosesCircle):
        books.apply(names[0], names[-1])


def test_chains_joined_at_the_top_are_walked_to_the_end(books: Books) -> None:
    """Frozen chains end where they ended then; the walk goes on with what was bound since."""
    books.chain("c", "d")
    books.chain("b", "c")
    books.chain("a", "b")
    with pytest.raises(CodeClosesCircle):
        books.apply("a", "d")


def test_rings_that_close_at_once_stay_open(books: Books) -> None:
    """Nine rings of two and three partners apply each other's codes at the same moment, each call twice.

    Every ring lacks exactly one link: never none (a circle), and nobody is refused without need.
    """
    rings = [[f"r{ring}-{place}" for place in range(2 + ring % 2)] for ring in range(9)]
    codes = {name: books.partner(name).code for ring in rings for name in ring}
    calls = [(name, codes[ring[(place + 1) % len(ring)]]) for ring in rings for place, name in enumerate(ring)]
    calls = random.Random(3).sample(calls * 2, 2 * len(calls))
    answers = together([partial(typing, books, name, code) for name, code in calls])
    assert all(answer is CodeClosesCircle for answer in answers if isinstance(answer, type))
    for ring in rings:
        assert [bound(books, name) is None for name in ring].count(True) == 1


# ---------------------------------------------------------------- guessing


@pytest.mark.parametrize(
    "typed", ["NOSUCHCODE", "", "x", "A" * 33, "a#b", "\u00e4\u00f6\u00fc\u00df", "\x00\x00\x00\x00", "\ud800abc"]
)
def test_what_is_no_code_is_not_found(books: Books, typed: str) -> None:
    """Unknown or impossible: the same answer, and the same count."""
    for _ in range(20):
        with pytest.raises(CodeNotFound):
            typing(books, "eve", typed)
    with pytest.raises(RateLimited):
        typing(books, "eve", typed)


def test_after_twenty_guesses_even_the_right_code_is_refused(books: Books) -> None:
    """In this minute, by every worker; the next minute, or somebody else, is free."""
    code = books.partner("alice").code
    for number in range(20):
        with pytest.raises(CodeNotFound):
            typing(books, "eve", f"GUESS{number}")
    another_worker = Limits(books.limits.allowed)
    for limits in (books.limits, another_worker):
        with pytest.raises(RateLimited) as refused:
            code_application.apply(books.context, limits, books.user("eve"), code)
        assert 1 <= refused.value.retry_after_seconds <= 60
    assert bound(books, "eve") is None
    books.apply("bob", "alice")
    books.clock.forward(refused.value.retry_after_seconds * 1000)
    books.apply("eve", "alice")
    assert bound(books, "eve") is not None


def test_guesses_at_once_are_all_counted(books: Books) -> None:
    """A hundred guesses from many workers in one moment: after them the right code is refused."""
    code = books.partner("alice").code
    together([partial(typing, books, "eve", f"GUESS{number}") for number in range(100)])
    with pytest.raises(RateLimited):
        typing(books, "eve", code)


def test_right_codes_are_not_guesses(books: Books) -> None:
    """Whoever sends a right code many times is not limited by it."""
    for _ in range(25):
        books.apply("bob", "alice")


def onboarded(books: Books, name: str) -> Partner:
    """A partner whom an admin onboarded, and who has no user yet."""
    new = partners.NewPartner(name, name, f"{name}@example.com")
    return partners.create(books.context, new, "admin", None, "body")


def test_a_partner_is_not_linked_to_whom_they_referred(books: Books) -> None:
    """Not to the customer themselves, and not to anybody below: their own payments would earn for them."""
    acme = onboarded(books, "acme")
    code_application.apply(books.context, books.limits, books.user("ulf"), acme.code)
    books.apply("vera", "ulf")
    for below in ("ulf", "vera"):
        with pytest.raises((CodeClosesCircle, UserTaken)):
            partners.link_user(books.context, acme.id, books.user(below), "admin")
    fresh = onboarded(books, "fresh")
    code_application.apply(books.context, books.limits, books.user("wim"), fresh.code)
    with pytest.raises(CodeClosesCircle):
        partners.link_user(books.context, fresh.id, books.user("wim"), "admin")
    assert partners.link_user(books.context, fresh.id, books.user("xenia"), "admin").customer == books.user("xenia")


def test_a_user_linked_later_still_closes_no_circle(books: Books) -> None:
    """Acme refers Ulf before it has a user; once its user is Ada, she cannot apply the code of anybody below Ulf."""
    acme = onboarded(books, "acme")
    code_application.apply(books.context, books.limits, books.user("ulf"), acme.code)
    books.apply("vera", "ulf")
    partners.link_user(books.context, acme.id, books.user("ada"), "admin")
    with pytest.raises(CodeClosesCircle):
        books.apply("ada", "vera")
    books.apply("ada", "zoe")
    with pytest.raises(CodeClosesCircle):  # Zoe → Acme (Ada) → Ulf → Vera
        books.apply("zoe", "vera")


def test_linking_and_applying_at_once_close_no_circle(books: Books) -> None:
    """An admin links Acme to Uta in the moment in which she applies the code of Acme's customer: one of the two."""
    rounds = []
    for number in range(8):
        acme = onboarded(books, f"acme{number}")
        code_application.apply(books.context, books.limits, books.user(f"ulf{number}"), acme.code)
        rounds.append((acme, f"uta{number}", books.partner(f"ulf{number}").code))
    calls: list[Callable[[], object]] = []
    for acme, uta, code in rounds:
        calls += [
            partial(typing, books, uta, code),
            partial(partners.link_user, books.context, acme.id, books.user(uta), "admin"),
        ]
    answers = together(calls)
    assert answers.count(CodeClosesCircle) == len(rounds)
    for acme, uta, _ in rounds:
        linked = stored_partners.find(books.table, acme.id).customer == books.user(uta)
        assert linked is (bound(books, uta) is None)
