"""Making programs and partners: each once, whoever asks again or at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from refledger.adapters.ids import Ids
from refledger.domain.errors import (
    Conflict,
    EmailTaken,
    Forbidden,
    KeyReused,
    PartnerNotFound,
    ProgramExists,
    ProgramNotFound,
    UserTaken,
)
from refledger.domain.partners import Idle, Partner, PartnerStatus
from refledger.domain.programs import Program
from refledger.domain.rules import Pay
from refledger.operations import programs
from refledger.operations.context import CLOCK_SKEW_MS
from refledger.operations.partners import partners
from refledger.operations.referring import code_application
from refledger.store import keys
from refledger.store import partners as stored
from tests.support.books import SECRET, Books, Faulty
from tests.support.programs import a_program

P = PartnerStatus
ACME = partners.NewPartner("Ada", "Example", "ada@example.com", "+49 30 1", "Acme")


def onboard(
    books: Books, new: partners.NewPartner = ACME, key: str | None = None, caller: str = "ann", body: str = "body"
) -> Partner:
    return partners.create(books.context, new, caller, key, body)


def number_of_partners(books: Books) -> int:
    return len(list(stored.newest(books.table, "", 100)))


# ---------------------------------------------------------------- programs


def create_program(books: Books, id: str, key: str | None, body: str = "body", caller: str = "ann") -> Program:
    return programs.create(books.context, a_program(id, currency="EUR", hold_days=30), caller, key, body).program


def test_a_program_is_made_once(books: Books) -> None:
    """The same key and body give the same program; without a key the id is taken."""
    first = create_program(books, "one", "key")
    assert create_program(books, "one", "key") == first
    for key in (None, "another"):
        with pytest.raises(ProgramExists):
            create_program(books, "one", key)


def test_a_key_is_for_one_request(books: Books) -> None:
    """Another body or another program under the same key is refused; another caller's key is another key."""
    create_program(books, "one", "key")
    with pytest.raises(KeyReused):
        create_program(books, "one", "key", body="other")
    with pytest.raises(KeyReused):
        create_program(books, "two", "key")
    assert create_program(books, "two", "key", caller="eve").id == "two"


def test_a_repeat_gets_the_first_program_as_it_is(books: Books) -> None:
    """What is stored is answered, not what was sent again a moment later."""
    first = programs.create(books.context, a_program("one", created_at_ms=5), "ann", "k", "b").program
    assert (first.changed_at_ms, first.changed_by) == (5, "ann")
    again = programs.create(books.context, replace(first, created_at_ms=9), "ann", "k", "b").program
    assert again == first


def test_programs_made_at_once_are_one(books: Books) -> None:
    """Eight repeats in one moment all get the program."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create_program(books, "one", "key"), range(8)))
    assert len(set(made)) == 1


# ---------------------------------------------------------------- partners


def test_a_member_is_one_partner_for_ever(books: Books) -> None:
    """The first call makes the partner, sixteen at once make one, and all later ones find it."""
    books.program()
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: books.partner("bob"), range(16)))
    assert made == {books.partner("bob")}
    assert number_of_partners(books) == 1
    (bob,) = made
    guard = {"partner": bob.id, "program": "default", "status": "ACTIVE"}
    assert books.table.get(keys.code(bob.code)) == {**keys.code(bob.code), **guard}


def test_without_a_default_program_there_are_no_members(books: Books) -> None:
    """Somebody has to make the program first."""
    with pytest.raises(ProgramNotFound):
        books.partner("bob")


def test_onboarding_says_what_was_said(books: Books) -> None:
    """Everything the admin told is on the partner, who is active and has a code."""
    books.program()
    made = onboard(books)
    assert stored.find(books.table, made.id) == made
    assert (made.first_name, made.email, made.company_name) == ("Ada", "ada@example.com", "Acme")
    assert (made.status, made.customer, len(made.code)) == (P.ACTIVE, "", 10)


def test_onboarding_with_a_key_happens_once(books: Books) -> None:
    """Repeats and simultaneous repeats give the same partner; another body under the key is refused."""
    books.program()
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: onboard(books, key="key"), range(8)))
    assert len(made) == number_of_partners(books) == 1
    with pytest.raises(KeyReused):
        onboard(books, replace(ACME, email="other@example.com"), key="key", body="other")
    other = onboard(books, replace(ACME, email="other@example.com"), key="key", caller="eve", body="other")
    assert other not in made


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@Example.COM"])
def test_an_email_address_is_of_one_partner(books: Books, email: str) -> None:
    """In capitals or not; nothing of the second partner is written."""
    books.program()
    onboard(books)
    with pytest.raises(EmailTaken):
        onboard(books, replace(ACME, email=email))
    assert number_of_partners(books) == 1


def test_a_user_is_one_partner(books: Books) -> None:
    """Onboarded first, the user's own call finds that partner; a member cannot be onboarded again."""
    books.program()
    made = onboard(books, replace(ACME, user=books.user("ada")))
    assert books.partner("ada") == made
    with pytest.raises(UserTaken):
        onboard(books, replace(ACME, email="other@example.com", user=books.user("ada")))
    books.partner("bob")
    with pytest.raises(UserTaken):
        onboard(books, replace(ACME, email="bob@example.com", user=books.user("bob")))
    assert number_of_partners(books) == 2


def test_onboarding_and_first_call_at_once_make_one_partner(books: Books) -> None:
    """Whoever is first makes the partner; the member gets it either way."""
    books.program()
    new = replace(ACME, user=books.user("ada"))

    def admin() -> None:
        with suppress(UserTaken):
            onboard(books, new)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(admin)
        made = {call.result() for call in [pool.submit(books.partner, "ada") for _ in range(7)]}
        first.result()
    assert len(made) == number_of_partners(books) == 1


def test_nobody_is_onboarded_for_a_program_that_is_not_there(books: Books) -> None:
    """The refusal names it, and no guard is left behind."""
    books.program()
    with pytest.raises(ProgramNotFound):
        onboard(books, replace(ACME, program_id="nowhere"))
    assert onboard(books).email == ACME.email


def test_a_code_that_is_taken_is_passed_over(books: Books) -> None:
    """Two partners whose codes would be the same: the second gets its next one."""

    class Colliding(Ids):
        def code(self, partner_id: str, attempt: int) -> str:
            return "SAMECODE" if attempt == 0 else super().code(partner_id, attempt)

    books.context = replace(books.context, ids=Colliding(SECRET))
    books.program()
    codes = [books.partner(name).code for name in ("alice", "bob", "carol")]
    assert codes[0] == "SAMECODE"
    assert len(set(codes)) == 3
    books.apply("carol", "bob")


@pytest.mark.parametrize("seed", range(3))
def test_conflicts_and_lost_answers_make_no_second_partner(books: Books, seed: int) -> None:
    """A member, an onboarding with a key and one without: each is there once."""
    books.program()
    books.context = books.behind(Faulty(books.client, 60, seed))
    books.partner("bob")
    onboard(books, key="key")
    onboard(books, replace(ACME, email="other@example.com"))
    assert number_of_partners(books) == 3


# ---------------------------------------------------------------- a user later


def test_a_user_is_linked_once(books: Books) -> None:
    """Who was onboarded without a user gets one; a repeat changes nothing; another user, or a partner, is refused."""
    books.program()
    made = onboard(books)
    linked = partners.link_user(books.context, made.id, books.user("ada"), "admin")
    assert linked == partners.link_user(books.context, made.id, books.user("ada"), "admin") == books.partner("ada")
    since = {"linked_at_ms": books.clock()}
    assert linked == replace(made, customer=books.user("ada"), version=made.version + 1, **since)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        partners.link_user(books.context, made.id, books.user("eve"), "admin")
    other = onboard(books, replace(ACME, email="other@example.com"))
    for user in ("ada", "bob"):
        books.partner("bob")
        with pytest.raises(UserTaken):
            partners.link_user(books.context, other.id, books.user(user), "admin")
    with pytest.raises(PartnerNotFound):
        partners.link_user(books.context, "nobody", books.user("zoe"), "admin")


@pytest.mark.parametrize("behind_ms", [0, 1, CLOCK_SKEW_MS])
def test_who_links_may_have_a_clock_that_is_behind(books: Books, behind_ms: int) -> None:
    """The partner had no user when their customer came, whatever the two clocks say: nothing is wrong."""
    books.program()
    made = onboard(books)
    code_application.apply(books.context, books.limits, books.user("bob"), made.code, "bob")
    behind = replace(books.context, now_ms=lambda: books.clock() - behind_ms)
    partners.link_user(behind, made.id, books.user("ada"), "admin")
    assert books.faults() == []


def test_of_many_users_at_once_one_is_linked(books: Books) -> None:
    """Eight admins name eight users in one moment: one of them signs in as the partner, the others as nobody."""
    books.program()
    made = onboard(books)

    def link(name: str) -> bool:
        try:
            partners.link_user(books.context, made.id, books.user(name), "admin")
        except Conflict:
            return False
        return True

    names = [f"n{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = [name for name, done in zip(names, pool.map(link, names), strict=True) if done]
    assert len(won) == 1
    assert [name for name in names if stored.id_of_user(books.table, books.user(name))] == won


def test_a_status_and_a_user_at_once_both_stay(books: Books) -> None:
    """A partner who is suspended and linked in the same moment is both afterwards."""
    books.program()
    for number in range(5):
        made = onboard(books, replace(ACME, email=f"{number}@example.com"))
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(partners.link_user, books.context, made.id, books.user(f"n{number}"), "admin")
            two = pool.submit(partners.change_status, books.context, made.id, P.SUSPENDED, "why", "ann")
            assert {one.result().id, two.result().id} == {made.id}
        found = stored.find(books.table, made.id)
        assert (found.status, found.customer, found.version) == (P.SUSPENDED, books.user(f"n{number}"), 3)


# ---------------------------------------------------------------- status


@pytest.mark.parametrize(("old", "new"), list(product(P, P)))
def test_a_status_follows_or_is_refused(books: Books, old: PartnerStatus, new: PartnerStatus) -> None:
    """From each status to each: stays as it is, changes with idle time and index, or is refused for good."""
    books.program()
    bob = books.partner("bob")
    books.clock.forward(10)
    if old is not P.ACTIVE:
        bob = change(books, old)
    books.clock.forward(10)
    if old is P.TERMINATED and new is not old:
        with pytest.raises(Conflict):
            change(books, new)
        assert books.partner("bob") == bob
        return
    assert change(books, new) == books.partner("bob")
    assert books.partner("bob").version == bob.version + (new is not old)
    assert [id for _, id in stored.newest(books.table, "", 10, new)] == [bob.id]
    assert [id for _, id in stored.newest(books.table, "", 10, old)] == ([bob.id] if old is new else [])
    expected: dict[tuple[bool, bool], tuple[Idle, ...]] = {
        (True, True): (),
        (True, False): (Idle(books.clock()),),
        (False, False): (Idle(books.clock() - 10),),
        (False, True): (Idle(books.clock() - 10, books.clock()),),
    }
    assert books.partner("bob").idle == expected[old is P.ACTIVE, new is P.ACTIVE]


def change(books: Books, status: PartnerStatus, name: str = "bob") -> Partner:
    return partners.change_status(books.context, books.partner(name).id, status, "why", "ann")


def test_nobody_has_no_status(books: Books) -> None:
    """An unknown partner is not found."""
    with pytest.raises(PartnerNotFound):
        partners.change_status(books.context, "nobody", P.ACTIVE, "why", "ann")


def test_changes_at_once_come_one_after_the_other(books: Books) -> None:
    """Eight changes in one moment: the history fits the version, and the last one stands."""
    books.program()
    books.partner("bob")
    wanted: list[Any] = [P.INACTIVE, P.ACTIVE] * 4
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda status: change(books, status), wanted))
    bob = books.partner("bob")
    assert len(bob.idle) == bob.version // 2
    assert (bob.idle[-1:] != () and bob.idle[-1].until_ms is None) is (bob.status is P.INACTIVE)


def test_nobody_decides_what_they_earn_or_whether(books: Books) -> None:
    """One of the staff who is a partner, too: own rates and status are somebody else's business."""
    books.program()
    bob, user = books.partner("bob"), books.user("bob")
    with pytest.raises(Forbidden):
        partners.set_rates(books.context, bob.id, (("", Pay(2500)),), bob.version, "deal", user)
    with pytest.raises(Forbidden):
        partners.change_status(books.context, bob.id, P.SUSPENDED, "why", user)
    assert books.partner("bob") == bob


def test_nobody_makes_themselves_a_partner_who_was_onboarded(books: Books) -> None:
    """An admin who links a user names somebody else: else what the partner earned would be theirs."""
    books.program()
    made = partners.create(books.context, ACME, "admin", None, "body")
    with pytest.raises(Forbidden):
        partners.link_user(books.context, made.id, books.user("ann"), books.user("ann"))
    assert partners.link_user(books.context, made.id, books.user("ada"), books.user("ann")).customer == books.user(
        "ada"
    )
