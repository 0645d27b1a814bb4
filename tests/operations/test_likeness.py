"""Partners who may be one person: found whatever they call themselves, listed for staff, and refused nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from refledger.adapters.ids import Ids
from refledger.domain.errors import EmailTaken
from refledger.domain.invitations import ContactDetails
from refledger.domain.likeness import SignalType, TraitKind
from refledger.domain.methods import Account, BankAccount, StripeAccount
from refledger.domain.partners import Partner
from refledger.domain.withdrawals import Risk
from refledger.operations import likeness
from refledger.operations.idempotency import Once
from refledger.operations.partners import applications, invitations, partner_bulk, partner_profile, partners
from refledger.operations.partners.invitations import Invited
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.operations.partners.partners import NewPartner
from refledger.operations.payouts import methods, workflow_tasks
from refledger.store import alike, keys
from refledger.store import methods as stored_methods
from refledger.store import partners as stored_partners
from refledger.store import withdrawals as stored_withdrawals
from refledger.store.transaction import delete, update
from tests.domain.test_normalization import VICTIM
from tests.support import worlds
from tests.support.books import ACCOUNT, Books

OTHER = BankAccount("Carol Example", iban="GB33BUKB20201555555555")
DE = BankAccount("Somebody Else", iban="DE89 3704 0044 0532 0130 00")
DOMESTIC = BankAccount("B. Example", number="532013000", bank_code="370 400 44")

pytestmark = worlds.lives_in(worlds.one_program, payout_minimum=0)


def onboard(books: Books, name: str, email: str, last_name: str = "", phone: str = "") -> Partner:
    new = NewPartner(name, last_name or name, email, phone, user=books.user(name))
    return partners.create(books.context, new, "admin", None, "")


def signals(books: Books, partner: Partner) -> set[tuple[SignalType, TraitKind, tuple[str, ...]]]:
    found, _ = likeness.of_partner(books.context, partner.id)
    return {(each.type, each.kind, tuple(sorted(other.partner_id for other in each.others))) for each in found}


def add(books: Books, partner: Partner, account: Account) -> None:
    methods.add(books.context, lambda: books.vault, partner.id, account)


@pytest.mark.parametrize("account", [DE, DOMESTIC, replace(ACCOUNT, holder="Bob E")])
def test_one_account_of_two_partners_is_seen_by_both(books: Books, account: Account) -> None:
    """Under another name, with blanks, or as bank code and number; whoever came first."""
    bob, carol, dan = (books.partner(name) for name in ("bob", "carol", "dan"))
    add(books, bob, ACCOUNT)
    add(books, carol, account)
    add(books, dan, OTHER)
    assert signals(books, bob) == {(SignalType.SHARED_ACCOUNT, TraitKind.ACCOUNT, (carol.id,))}
    assert signals(books, carol) == {(SignalType.SHARED_ACCOUNT, TraitKind.ACCOUNT, (bob.id,))}
    assert signals(books, dan) == set()


def test_a_stripe_account_is_one_account(books: Books) -> None:
    """The holder's name is what partners say."""
    bob, carol = books.partner("bob"), books.partner("carol")
    add(books, bob, StripeAccount("Bob", "acct_123456"))
    add(books, carol, StripeAccount("Carol", "acct_123456"))
    assert signals(books, bob) == {(SignalType.SHARED_ACCOUNT, TraitKind.ACCOUNT, (carol.id,))}


def test_a_disabled_account_still_counts(books: Books) -> None:
    """Taking it out of use hides nothing."""
    bob, carol = books.partner("bob"), books.partner("carol")
    add(books, bob, ACCOUNT)
    add(books, carol, ACCOUNT)
    method = stored_methods.of_partner(books.table, carol.id)[0]
    methods.disable(books.context, carol.id, method.id)
    assert signals(books, bob) == {(SignalType.SHARED_ACCOUNT, TraitKind.ACCOUNT, (carol.id,))}


def test_all_spellings_of_a_mailbox_are_twins(books: Books) -> None:
    """Each is taken as a partner of its own, and each finds all the others."""
    made = []
    for number, email in enumerate(VICTIM):
        try:
            made.append(onboard(books, f"p{number}", email))
        except EmailTaken:  # the same but for capitals: one address
            continue
    assert len(made) > 15
    for each in made:
        ((type, kind, others),) = signals(books, each)
        assert (type, kind, others) == (
            SignalType.TWIN, TraitKind.EMAIL, tuple(sorted(other.id for other in made if other is not each)),
        )  # fmt: skip


def test_the_same_name_and_phone_are_twins(books: Books) -> None:
    """In any order and spelling; the name alone is none."""
    ada = onboard(books, "Ada", "a@example.com", last_name="L\u00f6velace", phone="+49 30 1234567")
    twin = onboard(books, "LOVELACE", "b@example.com", last_name="ada", phone="030/1234567")
    onboard(books, "ada", "c@example.com", last_name="Lovelace")
    assert signals(books, ada) == {(SignalType.TWIN, TraitKind.PERSON, (twin.id,))}


def _applied(books: Books, email: str) -> Partner:
    asked = applications.apply(
        books.context, books.user("zoe"), ContactDetails("Zoe", "L", email), "default", "", "body"
    )
    return stored_partners.find(books.table, applications.approve(books.context, asked.id, "ann", "").partner_id)


def _invited(books: Books, email: str) -> Partner:
    invited = Invited(ContactDetails(email=email), "default", 7, "", ())
    once = Once.of(books.context, "ann", "invitations", "k", "body")
    _, token = invitations.invite(books.context, invited, "ann", once)
    return invitations.accept(books.context, books.limits, token, books.user("zoe"), ContactDetails("Zoe", "L"))


def _in_bulk(books: Books, email: str) -> Partner:
    step = NewPartner("Zoe", "L", email)
    once = Once.of(books.context, "ann", "bulk", "k", "body")
    (made,) = partner_bulk.change_many(books.context, [step], "ann", once)
    return stored_partners.find(books.table, str(made["id"]))


@pytest.mark.parametrize("way", [_applied, _invited, _in_bulk])
def test_every_way_in_leaves_rows(books: Books, way: Callable[[Books, str], Partner]) -> None:
    """Also an import, which makes its partners like a single call: all meet in one transaction."""
    victim = onboard(books, "victim", "victim@gmail.com")
    other = way(books, "vic.tim@gmail.com")
    assert signals(books, victim) == {(SignalType.TWIN, TraitKind.EMAIL, (other.id,))}
    assert signals(books, other) == {(SignalType.TWIN, TraitKind.EMAIL, (victim.id,))}


def test_a_change_of_address_moves_it(books: Books) -> None:
    """The new one is found at once; the old one stays told as what it was."""
    victim, bob = onboard(books, "victim", "victim@gmail.com"), onboard(books, "bob", "bob@example.com")
    changed = partner_profile.change(books.context, bob.id, ProfileChanges(email="vic.tim@googlemail.com"), bob.version)
    assert signals(books, victim) == {(SignalType.TWIN, TraitKind.EMAIL, (bob.id,))}
    partner_profile.change(books.context, bob.id, ProfileChanges(email="bob@example.org"), changed.version)
    found, _ = likeness.of_partner(books.context, victim.id)
    assert [(other.partner_id, other.until_ms) for each in found for other in each.others] == [(bob.id, books.clock())]
    carol = onboard(books, "carol", "b.o.b@example.com")
    assert signals(books, carol) == set()
    dan = onboard(books, "dan", "bob+2@example.com")
    assert signals(books, dan) == {(SignalType.TWIN, TraitKind.EMAIL, (bob.id,))}


def test_look_alike_letters_are_told(books: Books) -> None:
    """A Cyrillic letter in a Latin name: taken, and said."""
    fake = onboard(books, "\u0410lice", "a@example.com")
    assert signals(books, fake) == {(SignalType.LOOK_ALIKE_NAME, TraitKind.NAME, ())}


def risks_of(books: Books, name: str, account: Account) -> set[Risk]:
    made = books.withdraw(name, 100, payee=account)
    workflow_tasks.assess(books.context, made.id)
    return set(stored_withdrawals.find(books.table, made.id).risks) & {
        Risk.SHARED_ACCOUNT, Risk.SELF_REFERRAL, Risk.TWIN,
    }  # fmt: skip


def test_their_own_customers_second_account_is_a_self_referral(books: Books) -> None:
    """Bob's friend pays, and is paid to Bob's account: what Bob asks for says so."""
    books.grant("bob", 100_000)
    books.mature("bob")
    assert risks_of(books, "bob", ACCOUNT) == set()
    books.apply("carol", "bob")
    add(books, books.partner("carol"), DE)
    assert risks_of(books, "bob", ACCOUNT) == {Risk.SHARED_ACCOUNT, Risk.SELF_REFERRAL}
    found, named = likeness.of_partner(books.context, books.partner("bob").id)
    (own,) = [each for each in found if each.type is SignalType.SELF_REFERRAL]
    assert [other.partner_id for other in own.others] == [books.partner("carol").id]
    assert own.others[0].referral_id
    assert set(named) == {books.partner("carol").id}


def test_a_customer_with_the_same_mailbox_is_a_self_referral(books: Books) -> None:
    """Also two tiers below, and by the address alone."""
    onboard(books, "bob", "bob@gmail.com")
    books.grant("bob", 100_000)
    books.mature("bob")
    books.chain("bob", "carol", "dan")
    onboard(books, "dan", "b.ob+shop@googlemail.com")
    assert risks_of(books, "bob", ACCOUNT) == {Risk.TWIN, Risk.SELF_REFERRAL}


def test_what_is_shared_stops_the_automatic_approval_alone(books: Books) -> None:
    """Nothing is refused on a guess: flatmates share a phone, couples an account."""
    books.grant("bob", 100_000)
    books.mature("bob")
    add(books, books.partner("carol"), ACCOUNT)
    made = books.withdraw("bob", 100, payee=ACCOUNT)
    assert workflow_tasks.assess(books.context, made.id)["autoApprove"] is False
    assert stored_withdrawals.find(books.table, made.id).status == "REQUESTED"


def test_partners_from_before_are_found_when_somebody_looks(books: Books) -> None:
    """Their rows are written then; a method's, when it is given or opened again."""
    bob, carol = onboard(books, "bob", "bob@gmail.com"), onboard(books, "carol", "b.ob@gmail.com")
    add(books, bob, ACCOUNT)
    for partner in (bob, carol):
        for kind, hashed in likeness.traits(books.context, partner).items():
            books.table.commit(delete("", keys.alike(kind, hashed, partner.id), ""))
    method = stored_methods.of_partner(books.table, bob.id)[0]
    hashed = method.account_hash
    books.table.commit(delete("", keys.alike(TraitKind.ACCOUNT, hashed, bob.id), ""))
    books.table.commit(update("", keys.method(bob.id, method.id, 1), "REMOVE #same"))
    add(books, carol, ACCOUNT)
    assert signals(books, bob) == set()  # looked at first: nobody else has left anything yet
    assert signals(books, carol) == {(SignalType.TWIN, TraitKind.EMAIL, (bob.id,))}
    add(books, bob, ACCOUNT)
    add(books, bob, ACCOUNT)
    assert stored_methods.of_partner(books.table, bob.id)[0].account_hash == hashed
    assert (SignalType.SHARED_ACCOUNT, TraitKind.ACCOUNT, (bob.id,)) in signals(books, carol)


def test_many_are_counted_and_some_are_named(books: Books) -> None:
    """A hundred partners with one account: bounded reads, the newest named."""
    bob = books.partner("bob")
    add(books, bob, ACCOUNT)
    hashed = stored_methods.of_partner(books.table, bob.id)[0].account_hash
    for number in range(120):
        books.table.commit(alike.has(TraitKind.ACCOUNT, hashed, f"p{number:03}", books.clock() + number))
    ((signal,), _) = likeness.of_partner(books.context, bob.id)
    assert (signal.count, len(signal.others)) == (likeness_most(), likeness.SHOWN)
    assert signal.others[0].since_ms >= signal.others[-1].since_ms


def likeness_most() -> int:
    """One of those that are read is the partner."""
    return alike.MOST - 1


def test_no_text_is_in_a_key(books: Books) -> None:
    """Keyed hashes alone: neither an address nor a number."""
    bob = onboard(books, "bob", "bob@gmail.com", phone="+49 30 1234567")
    hashes = [*likeness.traits(books.context, bob).values(), likeness.account_hash(books.context, ACCOUNT)]
    assert [len(each) for each in hashes] == [24, 24, 24]
    assert likeness.account_hash(replace(books.context, ids=Ids("another secret")), ACCOUNT) not in hashes
