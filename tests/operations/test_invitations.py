"""Ways in for partners: an invitation makes one partner, an application is decided once, by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from refledger.domain.errors import (
    AlreadyDecided,
    ApplicationNotFound,
    Conflict,
    EmailTaken,
    Forbidden,
    InvitationNotFound,
    KeyReused,
    ProgramClosed,
    ProgramNotFound,
    RateLimited,
    Refledger,
    UserTaken,
)
from refledger.domain.invitations import Application, ApplicationStatus, ContactDetails, Invitation, InvitationStatus
from refledger.domain.partners import Partner
from refledger.domain.programs import ProgramStatus
from refledger.domain.times import DAY_MS
from refledger.operations import programs
from refledger.operations.idempotency import Once
from refledger.operations.partners import applications, invitations
from refledger.operations.partners.invitations import Invited
from refledger.operations.rate_limits import Limits, parse
from refledger.store import applications as stored_applications
from refledger.store import invitations as stored
from refledger.store import keys
from refledger.store import partners as stored_partners
from refledger.store.attributes import unpack
from tests.support.books import Books, Faulty

KIM = ContactDetails("Kim", "Example", "kim@example.com", company_name="Kim & Co")
NOBODY = ContactDetails()
S, A = InvitationStatus, ApplicationStatus


@pytest.fixture(autouse=True)
def program(books: Books) -> None:
    books.program()


def invite(books: Books, key: str | None = None, body: str = "body", **changes: Any) -> tuple[Invitation, str]:
    told: dict[str, Any] = {"person": KIM, "program_id": "default", "days": 14, **changes}
    return invitations.invite(books.context, Invited(**told), "ann", Once.of(books.context, "ann", "invite", key, body))


def accept(books: Books, token: str, name: str = "kim", told: ContactDetails = NOBODY) -> Partner:
    return invitations.accept(books.context, books.limits, token, books.user(name), told)


def outcome(call: Callable[[], Any]) -> str:
    """What came of it: the code of a refusal, or the status."""
    try:
        return str(call().status)
    except Refledger as refused:
        return refused.code


def number_of_partners(books: Books) -> int:
    return len(list(stored_partners.newest(books.table, "", 100)))


# ---------------------------------------------------------------- invitations


def test_who_is_invited_becomes_that_partner(books: Books) -> None:
    """As the invitation says, but for what they tell themselves; they sign in as this partner from then on."""
    made, token = invite(books, tier="GOLD", tags=("agency",))
    kim = accept(books, token, told=ContactDetails(last_name="Larsen"))
    assert kim == books.partner("kim")
    assert (kim.first_name, kim.last_name, kim.email, kim.company_name) == ("Kim", "Larsen", KIM.email, "Kim & Co")
    assert (kim.tier, kim.tags, len(kim.code)) == ("GOLD", ("agency",), 10)
    found = stored.find(books.table, made.id)
    assert (found.status, found.user, found.partner_id) == (S.ACCEPTED, books.user("kim"), kim.id)


def test_the_token_is_not_in_the_table(books: Books) -> None:
    """Whoever reads the whole table cannot accept an invitation."""
    _, token = invite(books, key="key")
    accept(books, invite(books, person=NOBODY)[1], "lee")
    pages = books.client.get_paginator("scan").paginate(TableName=books.table_name)
    items = [unpack(item) for page in pages for item in page["Items"]]
    assert items
    assert token not in str(items)


def test_a_repeat_gets_the_same_token_and_nobody_else_does(books: Books) -> None:
    """By the Idempotency-Key; without one each call is an invitation of its own."""
    first = invite(books, key="key")
    assert invite(books, key="key") == first
    with pytest.raises(KeyReused):
        invite(books, key="key", body="other")
    assert len({invite(books)[1], invite(books)[1], first[1]}) == 3


def test_an_invitation_makes_one_partner(books: Books) -> None:
    """Eight who have the token come at once: one is the partner, and may ask again; the others are refused."""
    _, token = invite(books)

    def come(name: str) -> str:
        return outcome(lambda: accept(books, token, name))

    names = [f"n{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(come, names))
    assert sorted(came) == ["ACTIVE", *["ALREADY_DECIDED"] * 7]
    winner = names[came.index("ACTIVE")]
    assert accept(books, token, winner) == books.partner(winner)
    assert number_of_partners(books) == 1


def test_the_same_person_at_once_is_one_partner(books: Books) -> None:
    """A double click: all calls get the partner."""
    _, token = invite(books)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: accept(books, token), range(8)))) == 1


def test_an_invitation_runs_out(books: Books) -> None:
    """Until then it is good, from that moment on it is not."""
    made, token = invite(books, days=1)
    books.clock.forward(DAY_MS - 1)
    assert made.status_at(books.clock()) is S.PENDING
    books.clock.forward(1)
    assert made.status_at(books.clock()) is S.EXPIRED
    with pytest.raises(Conflict, match="expired"):
        accept(books, token)
    assert number_of_partners(books) == 0


def test_an_invitation_is_taken_back(books: Books) -> None:
    """Any number of times; then nobody can accept it. One that was accepted stays so."""
    made, token = invite(books)
    assert invitations.revoke(books.context, made.id) == invitations.revoke(books.context, made.id)
    with pytest.raises(AlreadyDecided):
        accept(books, token)
    used, token = invite(books, person=NOBODY)
    accept(books, token)
    with pytest.raises(AlreadyDecided):
        invitations.revoke(books.context, used.id)
    with pytest.raises(InvitationNotFound):
        invitations.revoke(books.context, "nothing")


def test_accepted_and_taken_back_at_once_is_one_of_both(books: Books) -> None:
    """Either there is a partner, or the invitation is revoked."""
    for number in range(5):
        made, token = invite(books, person=NOBODY)
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(outcome, partial(accept, books, token, f"n{number}"))
            two = pool.submit(outcome, partial(invitations.revoke, books.context, made.id))
            came = {one.result(), two.result()}
        there = stored_partners.id_of_user(books.table, books.user(f"n{number}")) is not None
        assert came == ({"ACTIVE", "ALREADY_DECIDED"} if there else {"REVOKED", "ALREADY_DECIDED"})


def test_nobody_guesses_a_token(books: Books) -> None:
    """Guesses are counted like guessed codes; the id on the list is no token."""
    made, token = invite(books)
    books.limits = Limits(parse("reads=9,writes=9,heavy=9,withdrawals=9,unknown-codes=3"))
    for guess in (made.id, "", "x" * 4000):
        with pytest.raises(InvitationNotFound):
            accept(books, guess)
    with pytest.raises(RateLimited):
        accept(books, token)
    books.clock.forward(60_000)
    assert accept(books, token).email == KIM.email


def test_an_invitation_is_for_somebody_who_is_no_partner(books: Books) -> None:
    """Nor for who invites; an address that is taken is told, and another one can be given."""
    _, token = invite(books)
    books.partner("bob")
    with pytest.raises(UserTaken):
        accept(books, token, "bob")
    with pytest.raises(Forbidden):
        invitations.accept(books.context, books.limits, token, "ann", NOBODY)
    accept(books, invite(books)[1], "lee")
    with pytest.raises(EmailTaken):
        accept(books, token)
    assert accept(books, token, told=ContactDetails(email="kim2@example.com")).email == "kim2@example.com"


def test_a_program_that_takes_nobody_invites_nobody(books: Books) -> None:
    """Neither now, nor by what was sent before."""
    with pytest.raises(ProgramNotFound):
        invite(books, program_id="nowhere")
    _, token = invite(books)
    programs.change_status(books.context, "default", ProgramStatus.PAUSED, "why", "ann")
    with pytest.raises(ProgramClosed):
        invite(books)
    with pytest.raises(ProgramClosed):
        accept(books, token)
    programs.change_status(books.context, "default", ProgramStatus.ACTIVE, "why", "ann")
    accept(books, token)


def test_lists_know_what_has_run_out(books: Books) -> None:
    """By status, with what has run out apart from what is open; all, newest first."""
    short, long = invite(books, days=1)[0], invite(books, days=9)[0]
    off, (used, token) = invite(books)[0], invite(books)
    invitations.revoke(books.context, off.id)
    partner_id = accept(books, token).id
    books.clock.forward(DAY_MS)
    newest = invite(books)[0]

    def listed(status: InvitationStatus) -> list[str]:
        return [id for _, id in stored.of_status(books.table, status, books.clock(), "", 9)]

    assert listed(S.PENDING) == [newest.id, long.id]
    assert (listed(S.EXPIRED), listed(S.REVOKED), listed(S.ACCEPTED)) == ([short.id], [off.id], [used.id])
    assert {id for _, id in stored.newest(books.table, "", 9)} == {short.id, long.id, off.id, used.id, newest.id}
    (found,) = stored.many(books.table, [used.id])
    assert found.partner_id == partner_id


# ---------------------------------------------------------------- applications


def apply(books: Books, name: str = "kim", body: str = "body", person: ContactDetails = KIM) -> Application:
    return applications.apply(books.context, books.user(name), person, "default", "I write", body)


def test_who_applies_and_is_taken_is_a_partner(books: Books) -> None:
    """As they said of themselves; a repeat of the decision answers the same."""
    made = apply(books)
    assert [id for _, id in stored_applications.newest(books.table, A.WAITING, "", 9)] == [made.id]
    decided = applications.approve(books.context, made.id, "ann", "welcome")
    assert decided == applications.approve(books.context, made.id, "eve", "again")
    kim = books.partner("kim")
    assert (decided.partner_id, kim.email, kim.customer) == (kim.id, KIM.email, books.user("kim"))
    assert (decided.status, decided.decided_by, decided.reason) == (A.APPROVED, "ann", "welcome")
    assert [id for _, id in stored_applications.newest(books.table, A.WAITING, "", 9)] == []
    assert [id for _, id in stored_applications.newest(books.table, A.APPROVED, "", 9)] == [made.id]
    assert [id for _, id in stored_applications.newest(books.table, None, "", 9)] == [made.id]
    assert books.table.get(keys.applicant(books.user("kim"))) is None
    with pytest.raises(AlreadyDecided):
        applications.reject(books.context, made.id, "ann", "no")


def test_one_application_of_a_user_waits(books: Books) -> None:
    """The same at once and again is the same one; another is refused until it is decided."""
    with ThreadPoolExecutor(8) as pool:
        (made,) = set(pool.map(lambda _: apply(books), range(8)))
    with pytest.raises(Conflict):
        apply(books, body="other")
    rejected = applications.reject(books.context, made.id, "ann", "no")
    assert rejected == applications.reject(books.context, made.id, "eve", "again")
    assert (rejected.status, number_of_partners(books)) == (A.REJECTED, 0)
    again = apply(books, body="other")
    assert again.id != made.id
    with pytest.raises(AlreadyDecided):
        applications.approve(books.context, made.id, "ann", "")


def test_approved_and_rejected_at_once_is_one_of_both(books: Books) -> None:
    """Four say yes, four say no: one of both holds, and there is a partner just where it is yes."""
    made = apply(books)

    def decide(yes: bool) -> str:
        how = applications.approve if yes else applications.reject
        return outcome(lambda: how(books.context, made.id, f"admin {yes}", "why"))

    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(decide, [True, False] * 4))
    final = stored_applications.find(books.table, made.id).status
    assert sorted(came) == sorted([final.value] * 4 + ["ALREADY_DECIDED"] * 4)
    assert number_of_partners(books) == (1 if final is A.APPROVED else 0)


def test_nobody_decides_about_themselves(books: Books) -> None:
    """One of the staff who applies waits for somebody else."""
    made = apply(books)
    for decide in (applications.approve, applications.reject):
        with pytest.raises(Forbidden):
            decide(books.context, made.id, books.user("kim"), "why")
        with pytest.raises(ApplicationNotFound):
            decide(books.context, "nothing", "ann", "why")


def test_what_stands_in_the_way_of_an_approval_leaves_it_waiting(books: Books) -> None:
    """A partner meanwhile, or an address that is taken: told, and it can still be rejected."""
    made = apply(books)
    apply_too = apply(books, "lee", person=replace(KIM, first_name="Lee"))
    books.partner("kim")
    with pytest.raises(UserTaken):
        applications.approve(books.context, made.id, "ann", "")
    with pytest.raises(UserTaken):
        apply(books)
    with pytest.raises(ProgramNotFound):
        applications.apply(books.context, books.user("new"), KIM, "nowhere", "", "body")
    applications.reject(books.context, made.id, "ann", "a partner already")
    assert stored_applications.find(books.table, apply_too.id).status is A.WAITING


def test_an_address_that_is_taken_is_told(books: Books) -> None:
    """The first of two with the same address is approved."""
    first, second = apply(books), apply(books, "lee")
    applications.approve(books.context, first.id, "ann", "")
    with pytest.raises(EmailTaken):
        applications.approve(books.context, second.id, "ann", "")
    assert number_of_partners(books) == 1


@pytest.mark.parametrize("seed", range(3))
def test_conflicts_and_lost_answers_make_one_partner_each(books: Books, seed: int) -> None:
    """Invited, accepted, applied, approved through a table that conflicts or says nothing: each happens once."""
    books.context = books.behind(Faulty(books.client, 60, seed))
    _, token = invite(books, person=NOBODY)
    lee = accept(books, token, "lee")
    made = apply(books)
    decided = applications.approve(books.context, made.id, "ann", "")
    off = invitations.revoke(books.context, invite(books)[0].id)
    assert {lee.id, decided.partner_id} == {id for _, id in stored_partners.newest(books.table, "", 9)}
    assert off.status is S.REVOKED
