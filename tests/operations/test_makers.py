"""Who made a partner, or what a partner earns, does not let their money out: every way in leaves the same mark."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from refledger.domain.errors import SecondPersonNeeded
from refledger.domain.exposures import Marked
from refledger.domain.invitations import Person
from refledger.domain.partners import Partner
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.rules import Own, Pay
from refledger.domain.times import DAY_MS
from refledger.operations import applications, invitations, partner_bulk, partners, paying
from refledger.operations.invitations import Invited
from refledger.operations.once import Once
from refledger.operations.partners import NewPartner
from refledger.store import exposures, keys
from tests.support.books import Books

PERSON = Person("Acme", "Example", "acme@example.com")


@pytest.fixture
def books(books: Books) -> Books:
    books.program()
    return books


def created(books: Books, user: str = "acme") -> Partner:
    new = NewPartner("Acme", "Example", "acme@example.com", user=books.user(user) if user else "")
    return partners.create(books.context, new, books.user("ann"), None, "body")


def created_with_others(books: Books) -> Partner:
    new = NewPartner("Acme", "Example", "acme@example.com", user=books.user("acme"))
    request = Once.of(books.context, books.user("ann"), "bulk", "key", "body")
    (done,) = partner_bulk.change_many(books.context, [new], books.user("ann"), request)
    assert done["status"] == "ACTIVE"
    return books.partner("acme")


def invited(books: Books) -> Partner:
    request = Once.of(books.context, books.user("ann"), "invitations", "key", "body")
    _, token = invitations.invite(books.context, Invited(PERSON, "default", 7), books.user("ann"), request)
    return invitations.accept(books.context, books.limits, token, books.user("acme"), Person())


def applied(books: Books) -> Partner:
    asked = applications.apply(books.context, books.user("acme"), PERSON, "default", "please", "body")
    applications.approve(books.context, asked.id, books.user("ann"), "well known")
    return books.partner("acme")


def linked(books: Books) -> Partner:
    acme = created(books, "")
    return partners.link_user(books.context, acme.id, books.user("acme"), books.user("ann"))


def earned(books: Books, amount: int = 500) -> Reward:
    """What a customer brought them."""
    books.grant("acme", amount)
    books.mature("acme")
    return books.rewards("acme")[-1]


def pay(books: Books, reward: Reward, by: str) -> Reward:
    return paying.process(books.context, reward.id, "PAYPAL", "TX", books.user(by), "request")


def marks(books: Books, partner: Partner) -> list[tuple[Marked, str]]:
    item = books.table.get(keys.exposure_of_partner(partner.id))
    return [(mark.kind, mark.actor) for mark in exposures.from_item(partner.id, item).marks]


WAYS = (created, created_with_others, invited, applied, linked)


@pytest.mark.parametrize("way", WAYS)
def test_who_lets_somebody_in_does_not_pay_them(books: Books, way: Callable[[Books], Partner]) -> None:
    """Within the window; somebody else does, and after it whoever."""
    acme = way(books)
    assert marks(books, acme) == [(Marked.LINKED, books.user("ann"))]
    first, second = earned(books), earned(books)
    with pytest.raises(SecondPersonNeeded, match="who signs in as this partner"):
        pay(books, first, "ann")
    assert pay(books, first, "mia").status is RewardStatus.PAID
    books.clock.forward(30 * DAY_MS)
    assert pay(books, second, "ann").status is RewardStatus.PAID
    assert books.faults() == []


def test_who_joins_by_themselves_was_let_in_by_nobody(books: Books) -> None:
    """And so was who was onboarded without a user, until somebody says who that is."""
    assert marks(books, books.partner("bob")) == []
    assert marks(books, created(books, "")) == []


def test_told_again_it_is_the_same_mark(books: Books) -> None:
    """The repeat of a request, whoever's answer was lost."""
    new = NewPartner("Acme", "Example", "acme@example.com", user=books.user("acme"))
    made = [partners.create(books.context, new, books.user("ann"), "key", "body") for _ in range(2)]
    assert made[0] == made[1]
    assert marks(books, made[0]) == [(Marked.LINKED, books.user("ann"))]


# ---------------------------------------------------------------- rates


def set_rates(books: Books, own: Own, by: str) -> None:
    acme = books.partner("acme")
    partners.set_rates(books.context, acme.id, own, acme.version, "deal", books.user(by))


@pytest.mark.parametrize("own", [(("", Pay(2001)),), (("gold", Pay(9000)),), (("", Pay.amounts({"USD": 1})),)])
def test_who_raises_what_a_partner_earns_never_pays_it(books: Books, own: Own) -> None:
    """However long ago, and whatever it is by now: customers who came under it bring it for ever."""
    books.partner("acme")
    set_rates(books, own, "ann")
    first, second = earned(books), earned(books)
    set_rates(books, (), "mia")
    books.clock.forward(400 * DAY_MS)
    with pytest.raises(SecondPersonNeeded, match="raised what this partner earns"):
        pay(books, first, "ann")
    assert pay(books, first, "mia").status is RewardStatus.PAID
    books.change_program(maker_window_days=0)
    assert pay(books, second, "ann").status is RewardStatus.PAID


def test_up_to_what_the_program_pays_nobody_is_a_maker(books: Books) -> None:
    """Less than the offer, the offer itself, and back to it."""
    books.partner("acme")
    for own in ((("", Pay(1500)),), (("", Pay(2000)),), ()):
        set_rates(books, own, "ann")
    assert pay(books, earned(books), "ann").status is RewardStatus.PAID


def test_who_is_barred_by_a_rate_that_lasts_is_so_after_other_marks(books: Books) -> None:
    """A later mark of another kind does not take it away."""
    acme = created(books)
    set_rates(books, (("", Pay(2001)),), "ann")
    assert marks(books, acme) == [(Marked.LINKED, books.user("ann")), (Marked.RATED, books.user("ann"))]
