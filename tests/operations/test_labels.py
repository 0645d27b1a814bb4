"""Payments and rewards are known by what their senders and the owner call them; who wants it, by keyed hashes alone."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import replace

import pytest

from refledger.adapters.files import Files
from refledger.domain.jobs import ExportSubject
from refledger.domain.leads import LeadNews, LeadStep
from refledger.domain.payment_events import PaymentSkipped
from refledger.domain.payments import Payment
from refledger.domain.tellers import Teller
from refledger.operations import labels
from refledger.operations.earning import payments, reversals
from refledger.operations.jobs import export_run, jobs
from refledger.operations.partners import anonymization
from refledger.operations.referring import leads, lifecycle
from refledger.operations.referring.lifecycle import NewReferral, ReferralUpdate
from refledger.store import jobs as stored_jobs
from refledger.store import keys, referrals
from refledger.store import payments as stored_payments
from refledger.store.audit_actor import acting
from refledger.store.transaction import update
from tests.support.books import Books
from tests.support.buckets import Bucket
from tests.support.changes import Follower

ADDRESS = "zoe.quux@shop.example"


@pytest.fixture(autouse=True)
def program(books: Books) -> None:
    books.program()


def raw(books: Books) -> str:
    """All that is in the table, keys and the audit too."""
    pages = books.client.get_paginator("scan").paginate(TableName=books.table_name)
    return repr([item for page in pages for item in page["Items"]])


def exported(books: Books, what: ExportSubject, **filters: str) -> list[dict[str, str]]:
    bucket = Bucket(least=1)
    job = jobs.export(books.context, lambda *_: None, what, filters, "ann", None, "body")
    while export_run.run(books.context, Files(bucket, "files"), stored_jobs.find(books.table, job.id), lambda: True):
        pass
    return list(csv.DictReader(io.StringIO(bucket.objects[f"exports/{job.id}.csv"].decode(), newline="")))


def referred(books: Books, customer_id: str, partner: str = "pam") -> str:
    """By a service, for a customer whom it names."""
    new = NewReferral(
        books.partner(partner).id, customer=books.ids.user(customer_id), customer_id=customer_id
    )  # fmt: skip
    return lifecycle.create(books.context, new, "service", customer_id, "body").id


def _known(books: Books, name: str) -> Payment:
    """The payment that Stripe calls so, by whatever name it is kept."""
    return stored_payments.find(books.table, reversals.root(books.context, books.ids.payment("stripe", name)))


def test_a_payment_is_known_by_its_own_id_and_its_customer(books: Books) -> None:
    """Whatever is exported of it can be found in the owner's shop, by the ids and names that the owner has."""
    books.chain("ann", "pam")
    referred(books, "cus_77")
    books.pay("cus_77", "order 4711", 12_345)
    (paid,) = exported(books, ExportSubject.PAYMENTS)
    assert (paid["toldBy"], paid["externalId"], paid["customerId"]) == ("payments", "order 4711", "cus_77")
    assert (paid["customerHash"], paid["partnerId"]) == (books.ids.user("cus_77"), books.partner("pam").id)
    assert (paid["amount"], paid["amountDecimal"], paid["refundedDecimal"]) == ("12345", "123.45", "0.00")
    earned = exported(books, ExportSubject.REWARDS)
    assert {(row["externalPaymentId"], row["customerId"], row["paymentToldBy"]) for row in earned} == {
        ("order 4711", "cus_77", "payments")
    }
    (made,) = [row for row in exported(books, ExportSubject.REFERRALS) if row["partnerId"] == books.partner("pam").id]
    assert (made["customerId"], made["customerHash"]) == ("cus_77", books.ids.user("cus_77"))


def test_names_of_partners_stand_beside_their_ids(books: Books) -> None:
    """An accountant need not look up who is who; also in the ledger and with withdrawals."""
    gil = books.member("gil", "default")
    referred(books, "cus_1", "gil")
    books.pay("cus_1", "p1", 100_000)
    books.clock.forward(40 * 86_400_000)
    books.mature("gil")
    books.withdraw("gil", 2_000)
    for what in (
        ExportSubject.PAYMENTS,
        ExportSubject.REWARDS,
        ExportSubject.WITHDRAWALS,
        ExportSubject.LEDGER,
        ExportSubject.REFERRALS,
    ):
        rows = [row for row in exported(books, what) if row["partnerId"] == gil.id]
        assert rows, what
        assert {row["partnerName"] for row in rows} == {gil.name}, what
    assert {row["amountDecimal"] for row in exported(books, ExportSubject.WITHDRAWALS)} == {"20.00"}


def test_amounts_in_major_units_have_the_currency_s_decimals(books: Books) -> None:
    """None for yen, three for dinars."""
    books.change_program(currencies=("USD", "JPY", "KWD"), payout_minimum=None)
    referred(books, "cus_1")
    books.pay("cus_1", "yen", 12_345, "JPY")
    books.pay("cus_1", "dinars", 12_345, "KWD")
    assert {row["externalId"]: row["amountDecimal"] for row in exported(books, ExportSubject.PAYMENTS)} == {
        "yen": "12345", "dinars": "12.345"
    }  # fmt: skip


def test_the_id_of_whoever_knows_most_is_kept_in_any_order(books: Books) -> None:
    """A charge, its session and its invoice are one payment: it is called as its invoice calls it."""
    objects = [("pi_1", Teller.CHARGE), ("cs_1", Teller.SESSION), ("in_1", Teller.INVOICE)]
    for number, order in enumerate(itertools.permutations(objects)):
        referred(books, f"cus_{number}")
        for id, teller in order:
            names = tuple(f"{other}/{number}" for other, _ in objects if other != id)
            books.pay(f"cus_{number}", f"{id}/{number}", 10_000, teller=teller, names=names, system="stripe")
        kept = {_known(books, f"{id}/{number}").external_id for id, _ in objects}
        assert kept == {f"in_1/{number}"}, order


def test_who_was_referred_before_is_named_by_their_next_payment(books: Books) -> None:
    """A referral from before ids were kept says it once somebody pays; nothing more is written then."""
    id = referred(books, "cus_old")
    customer = books.ids.user("cus_old")
    books.table.commit(
        update("", keys.referral(id), "REMOVE #customer_id", "attribute_exists(pk)"),
        update("", keys.binding("default", customer), "REMOVE #id_kept", "attribute_exists(pk)"),
    )
    assert referrals.find(books.table, id).customer_id == ""
    books.pay("cus_old", "p1", 10_000)
    assert referrals.find(books.table, id).customer_id == "cus_old"
    anonymization.customer(books.context, "cus_old")
    books.pay("cus_old", "p2", 10_000)
    assert referrals.find(books.table, id).customer_id == "", "who was forgotten stays so"
    assert "cus_old" not in raw(books)


def test_staff_can_name_a_customer_who_is_known_by_a_hash_alone(books: Books) -> None:
    """The same customer said again completes the referral; another one is refused as ever."""
    new = NewReferral(books.partner("pam").id, customer=books.ids.user("cus_9"))
    made = lifecycle.create(books.context, new, "service", "k", "body")
    told = ReferralUpdate(customer=books.ids.user("cus_9"), customer_id="cus_9")
    assert lifecycle.update(books.context, made.id, told, made.version).customer_id == "cus_9"


def use(books: Books, follower: Follower) -> None:
    """A customer comes by every way there is, and pays before and after."""
    books.pay(ADDRESS, "before", 5_000)
    with acting("ann", "admin", "192.0.2.1", "r1", "POST /referrals"):
        referred(books, ADDRESS)
    books.pay(ADDRESS, "after", 10_000)
    news = LeadNews(
        "lead 1", books.clock(), LeadStep.CONVERTED, codes=(books.partner("ann").code,), customer=f"2{ADDRESS}"
    )
    leads.take(books.context, news)
    books.apply(f"3{ADDRESS}", "pam")
    books.pay(f"4{ADDRESS}", "nobody's", 5_000)
    follower.catch_up()


def test_an_owner_may_have_keyed_hashes_alone(books: Books) -> None:
    """With SealCustomerIds nothing by which the owner calls a customer gets into the table, however they came."""
    books.context = replace(books.context, seals_customers=True)
    use(books, Follower(books))
    assert "quux" not in raw(books)
    paid = exported(books, ExportSubject.PAYMENTS)
    assert {row["customerId"] for row in paid} == {""}
    assert books.ids.user(ADDRESS) in {row["customerHash"] for row in paid}


def test_a_customer_is_forgotten_with_the_id(books: Books) -> None:
    """In referrals, payments that were nobody's, news of leads and the audit: nothing of it is left, and books stay."""
    follower = Follower(books)
    use(books, follower)
    assert raw(books).count("quux") >= 4
    for each in (ADDRESS, f"2{ADDRESS}", f"3{ADDRESS}", f"4{ADDRESS}"):
        anonymization.customer(books.context, each)
    follower.catch_up()
    assert "quux" not in raw(books)
    assert books.faults() == []
    again = anonymization.customer(books.context, ADDRESS)
    assert not again.done


def test_an_address_that_stands_for_a_customer_is_masked_for_support(books: Books) -> None:
    """Whoever sees personal data in part sees of an address only what they recognise who know it."""
    use(books, Follower(books))
    shown = books.rewards("pam")
    whole = labels.of_rewards(books.table, shown)
    part = labels.of_rewards(books.table, shown, people=False, masks=True)
    assert {whole.customer(each.referral_id) for each in shown} == {ADDRESS}
    assert {part.customer(each.referral_id) for each in shown} == {"z…@shop.example"}
    assert part.partners == {}


def test_payments_that_earned_nobody_anything_have_their_customer_too(books: Books) -> None:
    """Nobody's, and those that wait for their currency or came too late."""
    books.pay("cus_n", "n", 5_000)
    id = referred(books, "cus_r")
    books.pay("cus_r", "foreign", 5_000, "EUR")
    lifecycle.reject(books.context, id, "no")
    books.pay("cus_r", "rejected", 5_000)
    found = [books.payment(name) for name in ("n", "foreign", "rejected")]
    named = labels.of_payments(books.table, found)
    assert [named.customer(each.id) or named.customer(each.referral_id) for each in found] == [
        "cus_n",
        "cus_r",
        "cus_r",
    ]


def test_what_is_skipped_has_its_id(books: Books) -> None:
    """Money that does not count by its event can be found again, too."""
    payments.skip(books.context, PaymentSkipped("stripe", "pi_9", 500, "USD", books.clock(), "NO_CUSTOMER"))
    known = stored_payments.find(books.table, books.ids.payment("stripe", "pi_9"))
    assert (known.external_id, known.told_in) == ("pi_9", "stripe")
