"""What partners, codes and referrals take."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from benchmarks.bench import Bench, design, today
from refledger.domain.errors import CodeClosesCircle, CodeNotFound
from refledger.domain.partners import PartnerStatus
from refledger.operations import partners, referrals
from refledger.operations.limits import LimitKind
from refledger.operations.partners import NewPartner

CUSTOMERS = 30


def partners_and_referrals(bench: Bench) -> None:
    """Alice refers Bob, Bob refers the customers; Ida is a company."""
    books, context, limits = bench.books, bench.books.context, bench.books.limits
    ida = NewPartner("Ida", "Partner", "ida@example.com", "+49 30 1234567", "Partners Ltd", user=books.user("ida"))
    # the data model's 10, and the guard by which one request makes one partner, also when the answer was lost
    with bench.measure("partner: onboard, guards of code, e-mail, user, request", today(1, 1, 12, 1)):
        made = partners.create(context, ida, "admin", "key", "body")
    with bench.measure("… repeated", today(2, 0, 0, 2)):
        partners.create(context, ida, "admin", "key", "body")
    later = partners.create(context, replace(ida, email="tom@example.com", user=""), "admin", None, "body")
    with bench.measure("partner: link a user", today(2, 1, 6, 2)):
        partners.link_user(context, later.id, books.user("tom"), "admin")
    with bench.measure("partner: another status", today(1, 1, 3, 1)):
        partners.change_status(context, made.id, PartnerStatus.INACTIVE, "on leave", "admin")
    with bench.measure("code: first call, makes the partner", today(2, 1, 8, 2)):
        partners.of_member(context, books.user("alice"))
    with bench.measure("code: again", design(2, 0, 0, 2)):
        partners.of_member(context, books.user("alice"))

    bob = books.partner("bob")
    books.apply("bob", "alice")
    user = books.user("customer")
    with bench.measure("apply a code, two tiers, circle check", today(4, 3, 11, 7)):
        referrals.apply(context, limits, user, bob.code)
    with bench.measure("… repeated", today(2, 2, 2, 5)):
        referrals.apply(context, limits, user, bob.code)
    with bench.measure("… refused: would close a circle", today(3, 2, 2, 6)), suppress(CodeClosesCircle):
        referrals.apply(context, limits, books.user("alice"), bob.code)
    with bench.measure("… refused: no such code", today(1, 1, 1, 1)), suppress(CodeNotFound):
        referrals.apply(context, limits, user, "ZZZZZZZZZZ")
    for number in range(CUSTOMERS):
        books.apply(f"customer {number}", "bob")

    allowed = limits.allowed[LimitKind.READS]
    with bench.measure("limits: a request, of a caller at the limit", today(None, None, "0.02", 0), allowed):
        for _ in range(allowed):
            limits.take(context, books.user("busy"), LimitKind.READS)
