"""Codes beside the main one: made once, never given to another, and silent when they are disabled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from refledger.domain.codes import MAX_CODES, CodeStatus, PartnerCode
from refledger.domain.errors import (
    AlreadyReferred,
    CodeNotActive,
    CodeNotAllowed,
    CodeNotFound,
    CodeTaken,
    Conflict,
    KeyReused,
    TooManyCodes,
)
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import ProgramStatus
from refledger.operations import programs
from refledger.operations.idempotency import Once
from refledger.operations.partners import partner_codes, partners
from refledger.operations.referring import code_application
from refledger.store import codes as stored
from tests.support.books import Books, Faulty

S = CodeStatus


@pytest.fixture
def bob(books: Books) -> Partner:
    books.program()
    return books.partner("bob")


def once(books: Books, key: str | None = None, body: str = "body") -> Once:
    return Once.of(books.context, "ann", "codes", key, body)


def add(books: Books, partner: Partner, wished: str | None = None, key: str | None = None) -> PartnerCode:
    return partner_codes.add(books.context, partner.id, wished, "Flyer", "autumn", once(books, key))


def codes_of(books: Books, name: str = "bob") -> list[str]:
    return [each.code for each in stored.of_partner(books.table, books.partner(name), strong=True)]


def bind(books: Books, name: str, code: str) -> str:
    return code_application.apply(books.context, books.limits, books.user(name), code).upline[0].partner_id


def test_a_code_more_binds_like_the_main_one(books: Books, bob: Partner) -> None:
    """Chosen or made, in any case of letters; both are listed after the main one."""
    chosen, made = add(books, bob, "summer-26"), add(books, bob)
    assert (chosen.code, chosen.vanity, chosen.label, chosen.campaign) == ("SUMMER-26", True, "Flyer", "autumn")
    assert (len(made.code), made.vanity) == (10, False)
    assert codes_of(books)[0] == bob.code
    assert set(codes_of(books)) == {bob.code, "SUMMER-26", made.code}
    assert bind(books, "carol", "Summer-26") == bind(books, "dora", made.code.lower()) == bob.id


def test_a_code_is_added_once(books: Books, bob: Partner) -> None:
    """Repeats at once and later answer the same code; the key is not good for another request."""
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: add(books, bob, key="key"), range(8)))
    assert made == {add(books, bob, key="key")}
    assert len(codes_of(books)) == 2
    with pytest.raises(KeyReused):
        partner_codes.add(books.context, bob.id, None, "", "", once(books, "key", "other"))


@pytest.mark.parametrize("alike", ["SUMMER-26", "summer26", "SVMMER-26", "5UMMER_26", "SUMMER-Z6"])
def test_a_code_that_looks_like_another_is_refused(books: Books, bob: Partner, alike: str) -> None:
    """Whoever's it is, the partner's own as well; nothing is written."""
    add(books, bob, "SUMMER-26")
    for name in ("bob", "eve"):
        before = codes_of(books, name)
        with pytest.raises(CodeTaken):
            add(books, books.partner(name), alike)
        assert codes_of(books, name) == before


def test_nobody_takes_a_code_that_looks_like_one_the_system_made(books: Books, bob: Partner) -> None:
    """A zero for an O, a five for an S: a customer could not tell them apart."""
    alike = bob.code.replace("0", "O").replace("5", "S").replace("1", "I").replace("8", "B")
    with pytest.raises(CodeTaken):
        add(books, books.partner("eve"), alike)


@pytest.mark.parametrize("wished", ["abc", "x" * 33, "SUP-PORT", "5upp0rt", "A--B", "-ABC", "ÄBCD", "A#BC", "OOO0", ""])
def test_a_code_that_misleads_is_refused(books: Books, bob: Partner, wished: str) -> None:
    """Too short, too long, official, odd."""
    with pytest.raises(CodeNotAllowed):
        add(books, bob, wished)


def test_of_two_who_wish_the_same_one_gets_it(books: Books, bob: Partner) -> None:
    """Eight partners in one moment: one has the code, and whom it binds is theirs."""
    people = [books.partner(f"n{number}") for number in range(8)]

    def wish(partner: Partner) -> bool:
        try:
            add(books, partner, "SUMMER-26")
        except CodeTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [partner for partner, done in zip(people, pool.map(wish, people), strict=True) if done]
    assert [each.id for each in won] == [bind(books, "carol", "SUMMER-26")]


def test_there_is_a_limit_which_a_repeat_does_not_meet(books: Books, bob: Partner) -> None:
    """Also where all come at once: not one too many is made."""
    for _ in range(MAX_CODES - 2):
        add(books, bob)
    first = add(books, bob, key="key")

    def one_more(_: int) -> bool:
        try:
            add(books, bob)
        except TooManyCodes:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(one_more, range(4))) == 1
    assert len(codes_of(books)) == MAX_CODES + 1
    assert add(books, bob, key="key") == first
    with pytest.raises(TooManyCodes):
        partner_codes.rotate(books.context, bob.id, None, once(books))


def test_the_main_code_is_changed_and_the_old_one_binds_until_it_is_disabled(books: Books, bob: Partner) -> None:
    """The one on the links is the new one; whom the old one bound stays bound."""
    for _ in range(2):
        rotated = partner_codes.rotate(books.context, bob.id, "BOBS-BEST", once(books, "key"))
        assert (rotated.code, rotated.version) == ("BOBS-BEST", bob.version + 1)
    assert codes_of(books) == ["BOBS-BEST", bob.code]
    assert bind(books, "carol", bob.code) == bind(books, "dora", "BOBS-BEST") == bob.id
    off = partner_codes.change_status(books.context, bob.id, bob.code.lower(), S.DISABLED)
    assert off == partner_codes.change_status(books.context, bob.id, bob.code, S.DISABLED)
    assert off.status is S.DISABLED
    with pytest.raises(CodeNotActive):
        bind(books, "erik", bob.code)
    assert bind(books, "carol", bob.code) == bob.id
    partner_codes.change_status(books.context, bob.id, bob.code, S.ACTIVE)
    assert bind(books, "erik", bob.code) == bob.id


def test_a_disabled_code_says_no_more_than_before(books: Books, bob: Partner) -> None:
    """Who was referred by somebody else is told that, not that the code is off."""
    books.apply("carol", "eve")
    off = add(books, bob)
    partner_codes.change_status(books.context, bob.id, off.code, S.DISABLED)
    with pytest.raises(AlreadyReferred):
        bind(books, "carol", off.code)


def test_the_main_code_stays_active(books: Books, bob: Partner) -> None:
    """It is on every link: another one must follow it first. Codes of others are not there."""
    with pytest.raises(Conflict):
        partner_codes.change_status(books.context, bob.id, bob.code, S.DISABLED)
    assert partner_codes.change_status(books.context, bob.id, bob.code, S.ACTIVE).main
    for code in (books.partner("eve").code, "NOBODYS", "a"):
        with pytest.raises(CodeNotFound):
            partner_codes.change_status(books.context, bob.id, code, S.DISABLED)


def test_who_has_left_gets_no_codes(books: Books, bob: Partner) -> None:
    """TERMINATED is the end."""
    partners.change_status(books.context, bob.id, PartnerStatus.TERMINATED, "why", "ann")
    with pytest.raises(Conflict):
        add(books, bob)
    with pytest.raises(Conflict):
        partner_codes.rotate(books.context, bob.id, None, once(books))


@pytest.mark.parametrize("seed", range(3))
def test_conflicts_and_lost_answers_make_no_code_twice(books: Books, bob: Partner, seed: int) -> None:
    """Added, rotated and disabled through a table that now and then conflicts or says nothing: each is done once."""
    books.context = books.behind(Faulty(books.client, 50, seed))
    made = add(books, bob, "SUMMER-26")
    rotated = partner_codes.rotate(books.context, bob.id, None, once(books))
    partner_codes.change_status(books.context, bob.id, made.code, S.DISABLED)
    assert sorted(codes_of(books)) == sorted([rotated.code, bob.code, "SUMMER-26"])
    assert books.partner("bob").version == bob.version + 2
    guard = stored.guard_of(books.table, "SUMMER-26")
    assert guard is not None
    assert not guard.is_active


def test_a_code_is_valid_while_it_would_bind(books: Books, bob: Partner) -> None:
    """Not when there is none such, when it is off, when the partner may not earn, when the program takes nobody."""
    off = add(books, bob).code
    partner_codes.change_status(books.context, bob.id, off, S.DISABLED)

    def valid(code: str = bob.code) -> str | None:
        books.context._programs.clear()
        return partner_codes.validate(books.context, code)

    assert valid() == valid(f" {bob.code.lower()} ") == bob.id
    assert valid(off) is valid("NOBODYS") is valid("ä") is valid("") is None
    partners.change_status(books.context, bob.id, PartnerStatus.INACTIVE, "why", "ann")
    assert valid() is None
    partners.change_status(books.context, bob.id, PartnerStatus.ACTIVE, "why", "ann")
    programs.change_status(books.context, "default", ProgramStatus.PAUSED, "why", "ann")
    assert valid() is None
