"""Somebody is forgotten: nothing that says who they are is left in the table, and the books are as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from refledger.domain.adjustments import AdjustmentKind, AdjustmentRequest
from refledger.domain.audit import AuditAction
from refledger.domain.errors import Busy, Conflict, PartnerNotFound, Stale
from refledger.domain.invitations import ContactDetails, InvitationStatus
from refledger.domain.leads import LeadFacts
from refledger.domain.methods import BankAccount
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.times import DAY_MS
from refledger.operations import adjustments, external_ids, likeness
from refledger.operations.earning import manual_rewards
from refledger.operations.earning.manual_rewards import Gift
from refledger.operations.idempotency import Once
from refledger.operations.partners import (
    anonymization,
    applications,
    invitations,
    partner_codes,
    partner_lists,
    partner_profile,
    partners,
)
from refledger.operations.partners.anonymization import Report
from refledger.operations.partners.invitations import Invited
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.operations.partners.partners import NewPartner
from refledger.operations.referring import lifecycle, reads
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import erasure
from refledger.store import invitations as stored_invitations
from refledger.store import leads as stored_leads
from refledger.store import methods as stored_methods
from refledger.store import partners as stored_partners
from refledger.store import withdrawals as stored_withdrawals
from refledger.store.audit_actor import acting
from tests.support.books import Books
from tests.support.changes import Follower
from tests.support.crashes import CrashingClient
from tests.support.faults import Death

# Each may stand nowhere in the table afterwards, in whatever spelling
SECRETS = (
    "zebedee", "quux", "0301234", "quuxworks", "likes-tea", "wrote-kindly", "tagged-so", "my-label", "203.0.113",
    "moved-away", "asked-by-phone", "saw-the-passport", "met-at-fair", "de89", "…3000",
)  # fmt: skip
VOUCHERS = ("asked-twice", "gift-for-work")
ACCOUNT = BankAccount("Zebedee Quux", iban="DE89370400440532013000")
LATER_MS = 12 * 366 * DAY_MS


def raw(books: Books) -> str:
    """All that is in the table, as text; the audit and what is in keys too."""
    pages = books.client.get_paginator("scan").paginate(TableName=books.table_name)
    return repr([item for page in pages for item in page["Items"]]).casefold()


def left(books: Books, *texts: str) -> list[str]:
    found = raw(books)
    return [text for text in texts if text in found]


@pytest.fixture
def follower(books: Books) -> Follower:
    books.program(payout_minimum=0)
    return Follower(books)


def a_life(books: Books, follower: Follower, name: str = "zeb") -> Partner:
    """Somebody who was invited, referred, earned, was paid, is written about, and is terminated. Zero is left."""
    books.partner("upper")
    address = f"{name}.zebedee@example.com"
    person = ContactDetails("Zebedee", "Quux", address, "0301234", "Quuxworks")
    once = Once.of(books.context, "ina", "invite", name, "body")  # who invites somebody does not pay them
    _, token = invitations.invite(books.context, Invited(person=person, program_id="default", days=14), "ina", once)
    with acting(books.user(name), "partner", "203.0.113.7", f"request-{name}", "POST /invitations/accept"):
        partner = invitations.accept(books.context, books.limits, token, books.user(name), ContactDetails())
        books.method(name, replace(ACCOUNT, holder=f"Zebedee Quux {name}"))
    with acting("ann", "admin", "192.0.2.1", f"request-2-{name}", "PATCH /partners"):
        changes = ProfileChanges(tags=("tagged-so",), phone="0301234 5")
        partner = partner_profile.change(books.context, partner.id, changes, partner.version)
        note = Once.of(books.context, "ann", "note", f"note {name}", "body")
        partner_profile.write_note(books.context, partner.id, "likes-tea, says Zebedee", "ann", note)
        code = Once.of(books.context, "ann", "code", f"code {name}", "body")
        partner_codes.add(books.context, partner.id, None, "my-label", "", code)
        lifecycle.create(books.context, NewReferral(partner.id, note="met-at-fair"), "ann", f"f {name}", "body")
        manual_rewards.give(books.context, Gift(partner.id, 300, "USD", "gift-for-work"), "eve", f"gift {name}")
        asked = AdjustmentRequest(partner.id, "USD", -300, AdjustmentKind.ADJUSTMENT, "asked-twice")
        adjustments.request(books.context, asked, "eve", "route", f"key {name}", "body")
    books.apply(f"customer of {name}", name)
    books.earn(f"customer of {name}", f"payment of {name}", 10_000)
    books.mature(name)
    with acting(books.user(name), "partner", "203.0.113.7", f"request-3-{name}", "POST /withdraw"):
        available = books.balance(name)[0]
        made = books.withdraw(name, available, payee=stored_methods.of_partner(books.table, partner.id)[0].id)
    with acting("ann", "admin", "192.0.2.1", f"request-4-{name}", "POST /approve"):
        books.conclude_paid(made)
        books.cover(name, "USD", made.id)
        terminated = partners.change_status(books.context, partner.id, PartnerStatus.TERMINATED, "moved-away", "ann")
    follower.catch_up()
    return terminated


def forget(books: Books, partner: Partner, **options: Any) -> Report:
    assert anonymization.why_not(books.context, partner.id) == []
    return anonymization.partner(books.context, partner.id, **options)


def test_nothing_is_left_of_who_they_were(books: Books, follower: Follower) -> None:
    """In no item, key or entry of the audit, once the books need not be kept any more; and the books are right."""
    partner = a_life(books, follower)
    assert set(left(books, *SECRETS)) >= {"zebedee", "quux", "likes-tea", "203.0.113", "met-at-fair", "my-label"}
    before = books.balance("zeb"), books.entries("zeb"), books.rewards("zeb")
    books.clock.forward(LATER_MS)
    report = forget(books, partner)
    assert not report.kept
    assert report.done["payout methods"] == 1
    follower.catch_up()
    assert left(books, *SECRETS, *VOUCHERS) == []
    after = books.balance("zeb"), books.entries("zeb"), [replace(each, note="") for each in books.rewards("zeb")]
    assert (before[0], before[1], [replace(each, note="") for each in before[2]]) == after
    assert books.faults() == []


def test_who_was_paid_and_why_is_kept_as_long_as_books_must_be(books: Books, follower: Follower) -> None:
    """The account, the address and all that people wrote about them go at once; the payee after the years."""
    partner = a_life(books, follower)
    report = forget(books, partner)
    follower.catch_up()
    assert report.kept["payees of withdrawals"] == 1
    assert report.kept["reasons of adjustments"] == 1
    assert left(books, *SECRETS) == ["zebedee", "quux", "…3000"], "the payee, and what of the account may be shown"
    assert left(books, *VOUCHERS) == [*VOUCHERS]
    (paid,) = withdrawals_of(books, partner)
    assert (paid.method.holder, paid.method.masked) == ("Zebedee Quux zeb", "DE…3000")
    books.clock.at_ms = report.kept_until_ms - 1
    assert not forget(books, partner).done
    books.clock.at_ms = report.kept_until_ms
    assert forget(books, partner).done["payees of withdrawals"] == 1
    assert left(books, *SECRETS, *VOUCHERS) == []


def withdrawals_of(books: Books, partner: Partner) -> Iterator[Any]:
    return (
        stored_withdrawals.find(books.table, id)
        for _, id in stored_withdrawals.of_partner(books.table, partner.id, "", 10)
    )


def test_years_are_counted_from_the_end_of_the_year(books: Books) -> None:
    """What was paid in 2026 is kept, by ten years, until 2037 begins."""
    assert anonymization.kept_until(books.clock(), 0) > books.clock()
    day = 24 * 60 * 60 * 1000
    assert anonymization.kept_until(1_798_761_600_000 - 1, 10) == 1_798_761_600_000 + 3_653 * day, "31 December 2026"
    assert anonymization.kept_until(1_798_761_600_000, 0) == 1_798_761_600_000 + 365 * day, "1 January 2027"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(books: Books, follower: Follower) -> None:
    """The same report, and not a byte in the table is another."""
    partner = a_life(books, follower)
    books.clock.forward(LATER_MS)
    before = raw(books)
    said = anonymization.partner(books.context, partner.id, years=0, dry_run=True)
    assert raw(books) == before
    done = anonymization.partner(books.context, partner.id, years=0)
    assert (said.done, said.kept) == (done.done, done.kept)


def test_again_finds_nothing_to_do(books: Books, follower: Follower) -> None:
    """Also not what the stream told meanwhile; and the first time stays the time."""
    partner = a_life(books, follower)
    forget(books, partner, years=0)
    at_ms = stored_partners.find(books.table, partner.id).forgotten_at_ms
    assert at_ms == books.clock()
    follower.catch_up()
    books.clock.forward(DAY_MS)
    before = raw(books)
    assert not forget(books, partner, years=0).done
    assert raw(books) == before


@pytest.mark.parametrize("done", [False, True])
def test_who_was_interrupted_goes_on(books: Books, follower: Follower, done: bool) -> None:
    """A command that ends at each of its writes in turn, before it or after it, and is said again, comes to the end."""
    partner = a_life(books, follower)
    died = 0
    while died < 200:
        client = CrashingClient(books.client, 0 if done else 1, done=done)
        try:
            anonymization.partner(books.behind(client), partner.id, years=0)
        except Death:
            died += 1
        else:
            break
    assert died >= 20
    follower.catch_up()
    books.clock.forward(366 * DAY_MS)
    forget(books, partner, years=0)
    assert left(books, *SECRETS, *VOUCHERS) == []
    assert len([each for each in follower.of(partner.id) if each.operation == "forget"]) == 1
    assert books.faults() == []


def test_what_the_stream_tells_late_goes_the_next_time(books: Books, follower: Follower) -> None:
    """An entry of the audit that was on its way: the command says after how long to come again."""
    partner = a_life(books, follower)
    with acting("ann", "admin", "192.0.2.1", "late", "PATCH /partners"):
        old = stored_partners.find(books.table, partner.id)
        partner_profile.change(books.context, partner.id, ProfileChanges(company_name="Late Quux"), old.version)
    books.clock.forward(LATER_MS)
    forget(books, partner)
    follower.catch_up()
    assert "late quux" in raw(books)
    assert forget(books, partner).done == {"audit entries": 1}
    assert left(books, *SECRETS) == []


def test_it_is_audited_without_a_word_about_them(books: Books, follower: Follower) -> None:
    """That it was done, when, and by somebody who operates the deployment."""
    partner = a_life(books, follower)
    forget(books, partner, years=0)
    follower.catch_up()
    (entry,) = [each for each in follower.of(partner.id) if each.operation == "forget"]
    assert (entry.type, entry.action, entry.kind, entry.operation) == (
        "PARTNER",
        AuditAction.CHANGED,
        "operator",
        "forget",
    )
    assert [(each.field, each.after) for each in entry.changes] == [("forgotten", books.clock())]


def test_the_address_is_free_and_nobody_finds_them_by_a_name(books: Books, follower: Follower) -> None:
    """Somebody else may have it; no search finds them, and nobody is like them any more."""
    partner = a_life(books, follower)
    forget(books, partner)
    new = NewPartner("Zebedee", "Quux", partner.email, "0301234 5")
    other = partners.create(books.context, new, "ann", None, "")
    assert likeness.of_partner(books.context, other.id)[0] == []
    follower.catch_up()
    found = partner_lists.beginning_with(books.context, "default", "zebedee", partner_lists.PartnerFilter(), "", 10)
    assert [each.id for each in found[0]] == [other.id]


def test_an_open_invitation_to_them_is_revoked(books: Books, follower: Follower) -> None:
    """Whoever has the letter would otherwise come in by a name that nobody knows any more."""
    partner = a_life(books, follower)
    person = ContactDetails("Zebedee", "Quux", partner.email.upper())
    once = Once.of(books.context, "ann", "invite", "again", "body")
    made, _ = invitations.invite(books.context, Invited(person=person, program_id="default", days=14), "ann", once)
    forget(books, partner, years=0)
    found = stored_invitations.find(books.table, made.id)
    assert (found.status, found.person) == (InvitationStatus.REVOKED, ContactDetails())


def test_an_application_goes_with_them(books: Books, follower: Follower) -> None:
    """The one that made them a partner, and those that were rejected before."""
    for name in ("no", "yes"):
        person = ContactDetails("Zebedee", "Quux", "z.quux@example.com")
        made = applications.apply(books.context, books.user("zeb"), person, "default", "wrote-kindly", name)
        decide = applications.approve if name == "yes" else applications.reject
        decide(books.context, made.id, "ann", "saw-the-passport")
    partner = books.partner("zeb")
    partners.change_status(books.context, partner.id, PartnerStatus.TERMINATED, "moved-away", "ann")
    follower.catch_up()
    assert forget(books, partner).done["applications"] == 2
    follower.catch_up()
    assert left(books, *SECRETS) == []


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda books: books.partner("zeb"), "the partner is ACTIVE"),
        (lambda books: books.withdraw("zeb", 1_000), "is REQUESTED"),
        (lambda books: books.earn("customer", "p", 10_000), "20.00 USD are in the balance"),
    ],
)
def test_money_that_is_open_stands_against_it(
    books: Books, follower: Follower, prepare: Callable[[Books], object], told: str
) -> None:
    """Nobody is forgotten who is owed something, or whose money is on its way."""
    books.chain("zeb", "customer")
    books.earn("customer", "first", 10_000)
    prepare(books)
    reasons = anonymization.why_not(books.context, books.partner("zeb").id)
    assert any(told in each for each in reasons) or "are in the balance" in told
    assert any("are in the balance" in each for each in reasons)
    anyway = anonymization.why_not(books.context, books.partner("zeb").id, anyway=True)
    assert anyway == [each for each in reasons if "balance" not in each]


def test_money_that_comes_later_stands_against_it(books: Books) -> None:
    """Rewards that wait for their time, and what a second person has not decided."""
    books.program(hold_days=30, payout_minimum=0, adjustment_limit=100)
    books.chain("zeb", "customer")
    books.pay("customer", "p", 10_000)
    zeb = books.partner("zeb").id
    adjustments.request(
        books.context,
        AdjustmentRequest(zeb, "USD", 5_000, AdjustmentKind.ADJUSTMENT, "why"),
        "ann",
        "route",
        "key",
        "body",
    )
    reasons = anonymization.why_not(books.context, zeb)
    assert any("1 rewards in USD wait for their time" in each for each in reasons)
    assert any("waits for a second person" in each for each in reasons)


def test_nothing_is_written_about_them_any_more(books: Books, follower: Follower) -> None:
    """No name, no address, no note; and no other user signs in as them."""
    partner = a_life(books, follower)
    forget(books, partner)
    version = stored_partners.find(books.table, partner.id).version
    with pytest.raises(Conflict, match="forgotten"):
        partner_profile.change(books.context, partner.id, ProfileChanges(first_name="Zebedee"), version)
    once = Once.of(books.context, "ann", "note", "n", "body")
    with pytest.raises(Conflict, match="forgotten"):
        partner_profile.write_note(books.context, partner.id, "Zebedee", "ann", once)


def test_one_whom_there_is_not(books: Books) -> None:
    """In the words of the API."""
    with pytest.raises(PartnerNotFound):
        anonymization.why_not(books.context, "nobody")


# ---------------------------------------------------------------- customers


@pytest.mark.parametrize("first", ["forget", "change"])
def test_who_is_called_otherwise_meanwhile_is_forgotten_whole(
    books: Books, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No guard keeps an id that nobody has, and nothing that was forgotten comes back."""
    books.program()
    partner_id = books.partner("zeb").id
    new = NewReferral(partner_id, customer=books.user("cust-1"), external_id="deal-1", note="by-phone")
    made = lifecycle.create(books.context, new, "ann", None, "body")
    real_told, real_moves = erasure.told, external_ids.moves

    def forget() -> None:
        anonymization.customer(books.context, "cust-1")

    def change() -> None:
        lifecycle.update(books.context, made.id, lifecycle.ReferralUpdate(external_id="deal-2"), made.version)

    def told(*of: Any) -> Any:
        monkeypatch.setattr(erasure, "told", real_told)
        change()
        return real_told(*of)

    def moves(*of: Any) -> Any:
        monkeypatch.setattr(external_ids, "moves", real_moves)
        forget()
        return real_moves(*of)

    if first == "forget":
        monkeypatch.setattr(erasure, "told", told)
        with pytest.raises(Busy):
            forget()
    else:
        monkeypatch.setattr(external_ids, "moves", moves)
        with pytest.raises(Stale):
            change()
    forget()
    assert left(books, "deal-1", "deal-2", "by-phone") == []
    for each in ("deal-1", "deal-2"):
        assert external_ids.find(books.context, external_ids.Kind.REFERRAL, "default", each) is None


def test_a_customer_is_forgotten_in_every_program(books: Books, follower: Follower) -> None:
    """What was written with their referrals goes, with its audit; who earns from them does not change."""
    books.program("second", payout_minimum=0)
    for program_id in ("default", "second"):
        partner = books.partner("zeb") if program_id == "default" else books.member("hal", "second")
        with acting("ann", "admin", "192.0.2.1", f"r-{program_id}", "POST /referrals"):
            new = NewReferral(
                partner.id, customer=books.user("cust-1"), lead=f"crm-{program_id}", note="asked-by-phone",
                tags=("tagged-so",),
            )  # fmt: skip
            made = lifecycle.create(books.context, new, "ann", f"f {program_id}", "body")
    hashed = reads.lead_hash(books.context, "crm-default")
    books.table.commit(stored_leads.keep(hashed, LeadFacts(reason="lost-to-a-cousin"), books.clock()))
    lifecycle.reject(books.context, made.id, "went-to-a-cousin")
    follower.catch_up()
    words = ("asked-by-phone", "tagged-so", "crm-default", "crm-second", "went-to-a-cousin", "lost-to-a-cousin")
    assert left(books, *words) == [*words]
    assert anonymization.customer(books.context, "cust-1", dry_run=True).done["referrals"] == 2
    assert anonymization.customer(books.context, "cust-1").done["referrals"] == 2
    follower.catch_up()
    assert left(books, *words) == []
    assert not anonymization.customer(books.context, "cust-1").done
    books.earn("cust-1", "p", 10_000)
    assert books.balance("zeb")[0] == 2_000
    assert books.faults() == []


def test_one_who_is_a_partner_too_is_said_to_be(books: Books) -> None:
    """They are forgotten apart."""
    books.program()
    assert anonymization.also_partner(books.context, "cust-1") is None
    assert anonymization.also_partner(books.context, "zeb") is None
    partner = books.partner("zeb")
    assert anonymization.also_partner(books.context, "zeb") == partner.id
