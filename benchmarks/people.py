"""What partners, codes and referrals take."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from benchmarks.bench import Bench, design, today
from refledger.domain.codes import CodeStatus
from refledger.domain.errors import CodeClosesCircle, CodeNotFound
from refledger.domain.invitations import ContactDetails
from refledger.domain.partners import Partner, PartnerStatus
from refledger.operations.idempotency import Once
from refledger.operations.partners import invitations, partner_codes, partner_profile, partners
from refledger.operations.partners.invitations import Invited
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.operations.partners.partners import NewPartner
from refledger.operations.rate_limits import LimitKind
from refledger.operations.referring import code_application
from refledger.store import partners as partners_stored

CUSTOMERS = 30


def partners_and_referrals(bench: Bench) -> None:
    """Alice refers Bob, Bob refers the customers; Ida is a company."""
    books, context, limits = bench.books, bench.books.context, bench.books.limits
    ida = NewPartner("Ida", "Partner", "ida@example.com", "+49 30 1234567", "Partners Ltd", user=books.user("ida"))
    # the data model's 10, the guard by which one request makes one partner, also when the answer was lost, and that of
    # what the code looks like
    with bench.measure("partner: onboard, guards of code, its look, e-mail, user, request", today(1, 1, 20, 1)):
        made = partners.create(context, ida, "admin", "key", "body")
    with bench.measure("… repeated", today(2, 0, 0, 2)):
        partners.create(context, ida, "admin", "key", "body")
    later = partners.create(context, replace(ida, email="tom@example.com", user=""), "admin", None, "body")
    with bench.measure("partner: link a user", today(3, 1, 8, 3)):
        partners.link_user(context, later.id, books.user("tom"), "admin")
    with bench.measure("partner: another status", today(1, 1, 3, 1)):
        partners.change_status(context, made.id, PartnerStatus.INACTIVE, "on leave", "admin")
    with bench.measure("code: first call, makes the partner", today(2, 1, 10, 2)):
        partners.of_member(context, books.user("alice"))
    looking_after(bench, made)
    with bench.measure("code: again", design(2, 0, 0, 2)):
        partners.of_member(context, books.user("alice"))

    bob = books.partner("bob")
    books.apply("bob", "alice")
    user = books.user("customer")
    with bench.measure("apply a code, two tiers, circle check", today(4, 3, 12, 7)):
        code_application.apply(context, limits, user, bob.code, "customer")
    with bench.measure("… repeated", today(2, 2, 2, 5)):
        code_application.apply(context, limits, user, bob.code, "customer")
    with bench.measure("… refused: would close a circle", today(3, 2, 2, 6)), suppress(CodeClosesCircle):
        code_application.apply(context, limits, books.user("alice"), bob.code)
    with bench.measure("… refused: no such code", today(1, 1, 1, 1)), suppress(CodeNotFound):
        code_application.apply(context, limits, user, "ZZZZZZZZZZ")
    for number in range(CUSTOMERS):
        books.apply(f"customer {number}", "bob")

    allowed = limits.allowed[LimitKind.READS]
    with bench.measure("limits: a request, of a caller at the limit", today(None, None, "0.02", 0), allowed):
        for _ in range(allowed):
            limits.take(context, books.user("busy"), LimitKind.READS)


def looking_after(bench: Bench, ida: Partner) -> None:
    """What staff do with a partner, and how somebody else becomes one."""
    books, context = bench.books, bench.books.context
    version = partners_stored.find(books.table, ida.id).version

    def once(key: str) -> Once:
        return Once.of(context, "admin", "people", key, "body")

    with bench.measure("partner: another address, with its guards", today(1, 1, 10, 1)):
        partner_profile.change(context, ida.id, ProfileChanges(email="ida@partners.example"), version)
    with bench.measure("partner: tags", today(1, 1, 1, 1)):
        partner_profile.change(context, ida.id, ProfileChanges(tags=("agency", "north")), version + 1)
    with bench.measure("partner: a code more", today(4, 1, 10, 4)):
        code = partner_codes.add(context, ida.id, "SUMMER-26", "Flyer", "autumn", once("code")).code
    with bench.measure("partner: another main code", today(3, 1, 10, 3)):
        partner_codes.rotate(context, ida.id, None, once("rotate"))
    with bench.measure("partner: a code off", today(2, 1, 4, 2)):
        partner_codes.change_status(context, ida.id, code, CodeStatus.DISABLED)
    alice = books.partner("alice").code
    with bench.measure("code: is it good", today(3, 0, 0, 2)):
        partner_codes.validate(context, alice)
    invited = Invited(ContactDetails("Kim", "Example", "kim@example.com"), "default", 14)
    with bench.measure("invitation", today(1, 1, 6, 1)):
        _, token = invitations.invite(context, invited, "admin", once("invite"))
    with bench.measure("invitation: accepted, makes the partner", today(2, 3, 22, 2)):
        invitations.accept(context, books.limits, token, books.user("kim"), ContactDetails())
