"""What partners are called and how they are found: changed under the version that was read, found by any beginning."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from refledger.domain.errors import EmailTaken, KeyReused, PartnerNotFound, Stale
from refledger.domain.partners import Partner, PartnerNote, PartnerStatus
from refledger.domain.times import DAY_MS
from refledger.operations.idempotency import Once
from refledger.operations.partners import networks, partner_lists, partner_profile, partners
from refledger.operations.partners.partner_lists import PartnerFilter
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.store import notes, search
from refledger.store import partners as stored
from tests.support.books import Books, Faulty

ADA = partners.NewPartner("Ada", "Lovelace", "ada@example.com", "+44 20 1", "Engines Ltd", tier="GOLD", tags=("maths",))

ANYBODY = PartnerFilter()


def onboard(books: Books, new: partners.NewPartner = ADA) -> Partner:
    made = partners.create(books.context, new, "ann", None, "body")
    books.table.commit(*search.follow(None, made))
    return made


@pytest.fixture
def ada(books: Books) -> Partner:
    books.program()
    return onboard(books)


def change(books: Books, partner: Partner, version: int | None = None, **told: str) -> Partner:
    changes = ProfileChanges(**told)  # type: ignore[arg-type]
    return partner_profile.change(books.context, partner.id, changes, version or partner.version)


# ---------------------------------------------------------------- changes


def test_what_is_said_changes_and_the_rest_stays(books: Books, ada: Partner) -> None:
    """Also to nothing; the version counts it. The same again changes nothing, whatever version is named."""
    changed = change(books, ada, last_name="King", phone="", tier="SILVER")
    assert changed == replace(ada, last_name="King", phone="", tier="SILVER", version=2)
    assert change(books, ada, 7, last_name="King", tier="SILVER") == changed == stored.find(books.table, ada.id)
    tagged = partner_profile.change(books.context, ada.id, ProfileChanges(tags=(), notices=("REWARD_APPROVED",)), 2)
    assert (tagged.tags, tagged.notices) == ((), ("REWARD_APPROVED",))


def test_who_read_an_old_version_is_told_so(books: Books, ada: Partner) -> None:
    """Of eight who read the same one, one changes it."""
    with pytest.raises(Stale):
        change(books, ada, 2, last_name="King")

    def rename(name: str) -> bool:
        try:
            change(books, ada, last_name=name)
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(rename, "ABCDEFGH")) == 1
    with pytest.raises(PartnerNotFound):
        change(books, replace(ada, id="nobody"), last_name="King")


def test_an_address_moves_with_its_guard(books: Books, ada: Partner) -> None:
    """The new one is taken from then on, and the old one free; other capitals are the same address."""
    other = onboard(books, replace(ADA, email="other@example.com"))
    with pytest.raises(EmailTaken):
        change(books, other, email="ADA@example.com")
    moved = change(books, ada, email="Ada@Example.com")
    moved = change(books, moved, email="king@example.com")
    change(books, other, email="ada@example.com")
    with pytest.raises(EmailTaken):
        onboard(books, replace(ADA, email="king@example.com"))
    bob = books.partner("bob")  # who had none
    assert change(books, bob, email="bob@example.com").email == "bob@example.com"
    with pytest.raises(EmailTaken):
        change(books, moved, email="bob@example.com")


def test_two_at_once_do_not_get_one_address(books: Books, ada: Partner) -> None:
    """Eight partners wish for the same: one has it."""
    people = [books.partner(f"n{number}") for number in range(8)]

    def wish(partner: Partner) -> bool:
        try:
            change(books, partner, email="one@example.com")
        except EmailTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(wish, people)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_conflicts_and_lost_answers_change_once(books: Books, ada: Partner, seed: int) -> None:
    """A name, an address and a note, each as if nothing had been in the way."""
    books.context = books.behind(Faulty(books.client, 60, seed))
    changed = change(books, ada, last_name="King", email="king@example.com")
    assert (changed.version, stored.find(books.table, ada.id)) == (2, changed)
    write(books, ada, "called her")
    assert [note.text for _, note in notes.newest(books.table, ada.id, "", 9)] == ["called her"]


# ---------------------------------------------------------------- notes


def write(books: Books, partner: Partner, text: str, key: str | None = None) -> PartnerNote:
    request = Once.of(books.context, "ann", "notes", key, text)
    return partner_profile.write_note(books.context, partner.id, text, "ann", request)


def test_a_note_is_written_once_and_the_newest_comes_first(books: Books, ada: Partner) -> None:
    """The repeat gets the first; the key is not good for another text; nobody has no notes."""
    first = write(books, ada, "called her", "key")
    books.clock.forward(5)
    assert write(books, ada, "called her", "key") == first == PartnerNote(first.id, "called her", "ann", first.at_ms)
    write(books, ada, "she called back")
    found = list(notes.newest(books.table, ada.id, "", 9))
    assert [note.text for _, note in found] == ["she called back", "called her"]
    assert [note for _, note in notes.newest(books.table, ada.id, found[0][0], 9)] == [first]
    with pytest.raises(KeyReused):
        write(books, ada, "something else", "key")
    with pytest.raises(PartnerNotFound):
        write(books, replace(ada, id="nobody"), "called her")


# ---------------------------------------------------------------- finding


def names(
    books: Books, text: str, wanted: PartnerFilter = ANYBODY, limit: int = 10, program: str = "default"
) -> list[str]:
    """The last names of all pages."""
    found, after = [], ""
    while True:
        page, last = partner_lists.beginning_with(books.context, program, text, wanted, after, limit)
        found += [each.last_name for each in page]
        if last is None:
            return found
        after = last


@pytest.mark.parametrize(
    "text", ["ada", "ADA LOV", "lovelace", "Lovelace  A", "ada@ex", "engines l", "a", "Ádá", "\uff41\uff44\uff41"]
)
def test_a_partner_is_found_by_each_beginning(books: Books, ada: Partner, text: str) -> None:
    """Name either way round, address, company; whatever the capitals and accents; and once."""
    onboard(books, partners.NewPartner("Zoe", "Other", "zoe@other.example"))
    for limit in (1, 10):
        assert names(books, text, limit=limit) == ["Lovelace"]


@pytest.mark.parametrize("text", ["love ada", "example.com", "ltd", "#", " ", "x"])
def test_what_is_not_a_beginning_finds_nobody(books: Books, ada: Partner, text: str) -> None:
    """Neither the middle of a name nor what folds to nothing."""
    assert names(books, text) == []


def test_scripts_of_all_kinds_are_found(books: Books, ada: Partner) -> None:
    """A name of Greek, Cyrillic or Chinese letters, or of very long words."""
    people = [("Ωμέγα", "Παπα"), ("Жанна", "Иванова"), ("李", "小龍"), ("𐐀" * 70, "Deseret"), ("x" * 100, "y" * 100)]
    for number, (first, last) in enumerate(people):
        onboard(books, partners.NewPartner(first, last, f"n{number}@example.com"))
        assert names(books, first[:70]) == names(books, last) == [last]


def test_who_is_called_otherwise_now_is_found_so_and_not_as_before(books: Books, ada: Partner) -> None:
    """Even while the rows are those of before: a late row finds nobody."""
    changed = change(books, ada, last_name="King", email="king@example.com")
    assert names(books, "lovelace") == []
    assert names(books, "engines") == ["King"]
    for _ in range(2):  # the stream may say it again
        books.table.commit(*search.follow(ada, changed))
    assert names(books, "king") == ["King"]
    assert [id for _, (_, id) in search.beginning_with(books.table, "default", "l", "", 9)] == []


def test_filters_hold_in_a_search_as_well(books: Books, ada: Partner) -> None:
    """Label, tag, status, days, program."""
    assert names(books, "ada", PartnerFilter(tier="GOLD", tag="maths", status="ACTIVE")) == ["Lovelace"]
    for other in (
        PartnerFilter(tier="SILVER"),
        PartnerFilter(tag="law"),
        PartnerFilter(status="INACTIVE"),
        PartnerFilter(until_ms=ada.created_at_ms),
    ):
        assert names(books, "ada", other) == []
    assert names(books, "ada", program="elsewhere") == []


def test_lists_have_filters_and_end(books: Books, ada: Partner) -> None:
    """Each filter alone, and pages of one and of all; what is looked at in a call is bounded, and goes on."""
    for number in range(230):
        books.table.commit(*stored.create(_plain(books, number), ""))
    wanted = {
        "all": PartnerFilter(), "label": PartnerFilter(tier="GOLD"), "tag": PartnerFilter(tag="maths"),
        "status": PartnerFilter(status="ACTIVE"),
        "home": PartnerFilter(program_id="elsewhere"), "first day": PartnerFilter(until_ms=ada.created_at_ms + 1),
        "later": PartnerFilter(from_ms=ada.created_at_ms + 1), "before": PartnerFilter(until_ms=ada.created_at_ms),
    }  # fmt: skip
    numbers = {name: sum(map(len, pages(books, each, 100))) for name, each in wanted.items()}
    assert numbers == {
        "all": 231, "label": 1, "tag": 1, "status": 231, "home": 0, "first day": 1, "later": 230, "before": 0,
    }  # fmt: skip
    assert list(map(len, pages(books, PartnerFilter(tier="GOLD"), 5))) == [0, 1]
    assert list(map(len, pages(books, PartnerFilter(), 77))) == [77, 77, 77]


def _plain(books: Books, number: int) -> Partner:
    new = partners.NewPartner(f"n{number}", "Plain", "")
    made = replace(partners.partner_of(books.context, new), created_at_ms=books.clock() + DAY_MS + number)
    return replace(made, code=books.ids.code(made.id, 0))


def pages(books: Books, wanted: PartnerFilter, limit: int) -> list[list[Partner]]:
    found, before = [], ""
    for _ in range(9):
        page, last = partner_lists.newest(books.context, wanted, before, limit)
        found.append(page)
        if last is None:
            return found
        before = last
    raise AssertionError("the list does not end")


# ---------------------------------------------------------------- chains


def test_who_is_above_and_who_is_below(books: Books, ada: Partner) -> None:
    """Nearest first; and the customers of a partner with the partners that they are themselves."""
    books.chain("alice", "bob", "carol")
    books.apply("dora", "bob")
    carol, bob, alice = (books.partner(name) for name in ("carol", "bob", "alice"))
    above = networks.above(books.context, carol.id, None)
    assert above is not None
    assert [link.partner_id for link in above.upline] == [bob.id, alice.id]
    assert networks.above(books.context, alice.id, None) is networks.above(books.context, ada.id, None) is None
    assert networks.above(books.context, carol.id, "elsewhere") is None
    first, last = networks.below(books.context, bob.id, "", 1)
    second, end = networks.below(books.context, bob.id, last or "", 1)
    assert {each.partner_id for each in first + second} == {carol.id, ""}
    assert (end, networks.below(books.context, ada.id, "", 5)) == (None, ([], None))


def test_a_status_does_not_touch_what_a_partner_is_called(books: Books, ada: Partner) -> None:
    """Suspended and renamed at once: both are so afterwards, in some order."""
    with ThreadPoolExecutor(2) as pool:
        status = pool.submit(partners.change_status, books.context, ada.id, PartnerStatus.SUSPENDED, "why", "ann")
        name = pool.submit(lambda: [change(books, ada, v, last_name="King") for v in [_current(books, ada)]])
        status.result()
        try:
            name.result()
        except Stale:
            change(books, ada, _current(books, ada), last_name="King")
    found = stored.find(books.table, ada.id)
    assert (found.status, found.last_name, found.version) == (PartnerStatus.SUSPENDED, "King", 3)


def _current(books: Books, partner: Partner) -> int:
    return stored.find(books.table, partner.id).version
