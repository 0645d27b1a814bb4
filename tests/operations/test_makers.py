"""Who made a partner, or what a partner earns, does not let their money out: every way in leaves the same mark."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from refledger.domain.errors import Busy, SecondPersonNeeded
from refledger.domain.exposures import Marked
from refledger.domain.invitations import ContactDetails
from refledger.domain.partners import Partner
from refledger.domain.rewards import SECOND_PERSON, Reward, RewardStatus
from refledger.domain.rules import Own, Pay
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations import program_changes
from refledger.operations import programs as operations_of_programs
from refledger.operations.earning import conversions, manual_rewards
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.idempotency import Once
from refledger.operations.partners import applications, invitations, partner_bulk, partners
from refledger.operations.partners.invitations import Invited
from refledger.operations.partners.partners import NewPartner
from refledger.operations.payouts import single_payouts, withdrawals
from refledger.operations.referring import lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import exposures, keys, programs
from tests.support import worlds
from tests.support.books import Books

PERSON = ContactDetails("Acme", "Example", "acme@example.com")

pytestmark = worlds.lives_in(worlds.one_program)


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
    return invitations.accept(books.context, books.limits, token, books.user("acme"), ContactDetails())


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
    return single_payouts.process(books.context, reward.id, "PAYPAL", "TX", books.user(by), "request")


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


# ---------------------------------------------------------------- what machines tell


LIMIT = 5_000


def told(books: Books, value: int, entered_by: str = "", linked_by: str = "", by: str = "") -> Reward:
    """What bob's referral earns, a fifth, when a CRM (or a service `by`) says that it converted."""
    who = books.user(entered_by) if entered_by else books.user("service")
    new = NewReferral(partner_id=books.partner("bob").id)
    made = lifecycle.create(books.context, new, "x", None, "", by=who, by_machine=not entered_by)
    if linked_by:
        lifecycle.link_lead(books.context, made.id, f"lead of {made.id}", by=books.user(linked_by))
    done = conversions.convert(books.context, made.id, 5 * value, by=by, by_machine=bool(by))
    return done.rewards[0]


@pytest.mark.parametrize("service", ["", "service"])
def test_who_releases_what_only_a_machine_told_makes_it(books: Books, service: str) -> None:
    """The machine may be theirs. It counts in their day and the partner's, and they let none of it out."""
    books.change_program(adjustment_limit=LIMIT, conversion_limit=0)
    held = [told(books, amount, by=service) for amount in (LIMIT - 1, 1, 1)]
    assert [each.held for each in held] == [(SECOND_PERSON,)] * 3
    first, second = (books.release(each, by=books.user("ann")) for each in held[:2])
    assert {first.status, second.status} == {RewardStatus.APPROVED}
    with pytest.raises(SecondPersonNeeded, match="gave this partner money"):
        pay(books, first, "ann")
    third = books.release(held[2], by=books.user("ann"))
    assert third.held == (SECOND_PERSON,)
    with pytest.raises(SecondPersonNeeded):
        books.release(third, by=books.user("ann"))
    assert manual_rewards.give(
        books.context, Gift(books.partner("bob").id, 1, "USD", "why"), books.user("ann"), None
    ).held
    assert books.release(third, by=books.user("mia")).status is RewardStatus.APPROVED
    assert pay(books, first, "mia").status is RewardStatus.PAID, "who looked second at what ann vouched for"
    assert books.faults() == []


def test_two_of_two_release_and_pay_what_a_machine_told(books: Books) -> None:
    """Far above the limit: ann vouches, mia looks; mia pays it, and ann does not."""
    books.change_program(adjustment_limit=LIMIT, conversion_limit=0, second_approval_limit=None)
    held = told(books, 100 * LIMIT)
    assert books.release(held, by=books.user("ann")).held
    done = books.release(held, by=books.user("mia"))
    assert (done.status, done.vouched_by) == (RewardStatus.APPROVED, books.user("ann"))
    with pytest.raises(SecondPersonNeeded):
        pay(books, done, "ann")
    assert pay(books, done, "mia").status is RewardStatus.PAID


def test_of_two_releases_at_once_no_more_passes_than_one_by_one(books: Books) -> None:
    """Ten of a quarter of the limit each, in threads: four."""
    books.change_program(adjustment_limit=LIMIT, conversion_limit=0)
    held = [told(books, LIMIT // 4) for _ in range(10)]

    def one(reward: Reward) -> bool:
        for _ in range(30):
            with suppress(Busy):
                return not books.release(reward, by=books.user("ann")).held
        return False

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(one, held)) == 4
    assert books.balance("bob")[0] == LIMIT


@pytest.mark.parametrize("way", [{"entered_by": "ann"}, {"linked_by": "ann"}])
def test_who_said_whose_the_lead_is_has_made_what_a_crm_tells_of_it(books: Books, way: dict[str, str]) -> None:
    """They release none of it, and let none of it out, whoever told; somebody else does."""
    books.change_program(adjustment_limit=LIMIT, conversion_limit=LIMIT)
    small = told(books, LIMIT, **way)
    books.mature("bob")
    with pytest.raises(SecondPersonNeeded, match="gave this partner money"):
        pay(books, small, "ann")
    large = told(books, LIMIT, **way)
    assert large.held == (SECOND_PERSON,)
    with pytest.raises(SecondPersonNeeded):
        books.release(large, by=books.user("ann"))
    assert books.release(large, by=books.user("mia")).status is RewardStatus.APPROVED
    assert pay(books, small, "kim").status is RewardStatus.PAID


def test_who_enters_a_referral_of_a_customer_who_pays_has_made_nothing(books: Books) -> None:
    """Typing in referrals bars nobody, as long as customers pay for what they earn."""
    new = NewReferral(partner_id=books.partner("acme").id, customer=books.user("carol"))
    lifecycle.create(books.context, new, "x", None, "", by=books.user("ann"))
    books.clock.forward(1)
    books.pay("carol", "p1", 10_000)
    books.mature("acme")
    assert pay(books, books.rewards("acme")[-1], "ann").status is RewardStatus.PAID


# ---------------------------------------------------------------- a staff of two


def test_a_staff_of_two_pays_what_one_of_them_gave(books: Books) -> None:
    """The other one does: up to what one may let out in a day; for more both of them decide about the limit first."""
    books.change_program(adjustment_limit=LIMIT, second_approval_limit=LIMIT)
    books.partner("acme")
    books.grant("acme", 3 * LIMIT)
    books.mature("acme")
    manual_rewards.give(books.context, Gift(books.partner("acme").id, 1, "USD", "why"), books.user("ann"), None)
    assert approve(books, "mia", LIMIT).status is WithdrawalStatus.APPROVED
    assert approve(books, "mia", LIMIT).status is WithdrawalStatus.REQUESTED
    with pytest.raises(SecondPersonNeeded):
        approve(books, "ann", LIMIT // 5)
    program = programs.find(books.table, "default")
    looser = replace(program, currencies=(("USD", replace(program.terms("USD"), second_approval_limit=None)),))
    asked = operations_of_programs.change(books.context, looser, program.version, books.user("ann")).waiting
    assert asked
    program_changes.confirm(books.context, "default", asked.id, books.user("mia"))
    assert approve(books, "mia", LIMIT // 2).status is WithdrawalStatus.APPROVED


def approve(books: Books, by: str, amount: int) -> Withdrawal:
    made = books.withdraw("acme", amount)
    return withdrawals.decide(books.context, made.id, WithdrawalStatus.APPROVED, books.user(by), by, "")


def test_who_is_barred_by_a_rate_that_lasts_is_so_after_other_marks(books: Books) -> None:
    """A later mark of another kind does not take it away."""
    acme = created(books)
    set_rates(books, (("", Pay(2001)),), "ann")
    assert marks(books, acme) == [(Marked.LINKED, books.user("ann")), (Marked.RATED, books.user("ann"))]
