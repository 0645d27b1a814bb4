"""What people know things by, read for a page of them at once: a partner's name, the owner's id of a customer, what its
sender calls a payment. For staff alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from refledger.domain.people import SYSTEM, SYSTEM_NAME
from refledger.store import keys, partners
from refledger.store import people as stored_people
from refledger.store.table import Table, place
from refledger.store.transaction import Item

if TYPE_CHECKING:  # each is loaded where one is read: most functions have people and partners alone
    from refledger.domain.partners import Partner
    from refledger.domain.payments import Payment
    from refledger.domain.rewards import Reward


@dataclass(frozen=True)
class Labels:
    """By id. `customers`: what the owner calls who pays, by referral, and by payment where nobody referred them.

    `masks`: an e-mail address that stands for a customer is told in part, to whoever sees personal data so.
    """

    partners: Mapping[str, Partner] = field(default_factory=dict)
    payments: Mapping[str, Payment] = field(default_factory=dict)
    customers: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)  # who act for the owner, by id
    masks: bool = False

    def name(self, partner_id: str) -> str | None:
        """First and last name of a partner, None where they have none or were not read."""
        partner = self.partners.get(partner_id)
        return partner.name or None if partner else None

    def company(self, partner_id: str) -> str | None:
        partner = self.partners.get(partner_id)
        return partner.company_name or None if partner else None

    def customer(self, referral_or_payment_id: str) -> str | None:
        """Return what the owner calls the customer.

        None where nobody said, it is sealed, or they were forgotten.
        """
        return self.shown(self.customers.get(referral_or_payment_id, "")) or None

    def shown(self, customer_id: str) -> str:
        local, at, domain = customer_id.rpartition("@")
        return f"{local[:1]}…@{domain}" if self.masks and at else customer_id


NONE = Labels()


def of_rewards(table: Table, shown: Iterable[Reward], *, people: bool = True, masks: bool = False) -> Labels:
    """Return the labels of whose rewards, and of which payments, they are.

    `people`: partners' names as well. Costs half a unit for each.
    """
    rewards = list(shown)
    wanted = [keys.payment(each.payment) for each in rewards]
    wanted += [keys.referral(each.referral_id) for each in rewards if keys.is_referral_id(each.referral_id)]
    wanted += [keys.partner(each.partner_id) for each in rewards] if people else []
    return _sorted(_read(table, wanted), masks=masks)


def of_payments(table: Table, shown: Iterable[Payment], *, people: bool = True, masks: bool = False) -> Labels:
    """Return who paid them, and whose customers they are."""
    listed = list(shown)
    wanted = [keys.referral(each.referral_id) for each in listed if keys.is_referral_id(each.referral_id)]
    wanted += [
        keys.nobodys_payment(each.customer, each.occurred_at_ms, each.id) for each in listed if each.is_nobodys
    ]  # fmt: skip
    wanted += [keys.binding(each.program_id, each.customer) for each in listed if _by_binding(each)]
    wanted += [keys.partner(id) for each in listed if (id := partner_of(each))] if people else []
    found = _read(table, wanted)
    from refledger.store import bindings

    bound = {each: found.get(place(keys.binding(each.program_id, each.customer))) for each in listed}
    referred = {each.id: bindings.from_item(item).referral_id for each, item in bound.items() if item}
    found |= _read(table, list(map(keys.referral, referred.values())))
    labels = _sorted(found, masks=masks)
    named = {id: labels.customers[referral] for id, referral in referred.items() if referral in labels.customers}
    return replace(labels, customers={**labels.customers, **named})


def of_payment(
    table: Table, payment: Payment, *, strong: bool = True, masks: bool = False
) -> tuple[list[Reward], Labels]:
    """Its rewards, and who paid it: one read for a payment that somebody earns from."""
    if not payment.shares:
        return [], of_payments(table, [payment], people=False, masks=masks)
    earned = [keys.reward(id) for id, _ in payment.shares]
    referral = [keys.referral(payment.referral_id)] if keys.is_referral_id(payment.referral_id) else []
    items = table.get_many([*earned, *referral], strong=strong)
    from refledger.store import rewards as stored_rewards

    rewards = [stored_rewards.from_item(item) for item in items[: len(earned)] if item]
    labels = _sorted({place(item): item for item in items[len(earned) :] if item}, masks=masks)
    return rewards, replace(labels, payments={payment.id: payment})


def of_partners(table: Table, ids: Iterable[str]) -> Labels:
    return _sorted(_read(table, [keys.partner(id) for id in ids if id]), masks=False)


def of_people(table: Table, ids: Iterable[str], partner_ids: Iterable[str] = ()) -> Labels:
    """Return who did something, and whose it is, in one read."""
    partners = [keys.partner(id) for id in partner_ids if id]
    return _sorted(_read(table, [keys.person(id) for id in ids if id and id != SYSTEM] + partners), masks=False)


def partner_of(payment: Payment) -> str:
    """Return whose customer paid it, or who was given it; "" where it is nobody's."""
    if keys.is_referral_id(payment.referral_id):
        return keys.owner_of(keys.referral(payment.referral_id))
    return keys.owner_of(keys.reward(payment.shares[0][0])) if payment.shares else ""


def _by_binding(payment: Payment) -> bool:
    """Whether only the binding says whose it is: parked, or ignored for what became of the referral."""
    return bool(payment.customer and payment.program_id) and not payment.referral_id and not payment.is_nobodys


def _read(table: Table, wanted: list[keys.Key]) -> dict[tuple[str, str], Item]:
    """Each once; what is shown need not be of this very moment."""
    different = list({place(key): key for key in wanted}.values())
    return {place(item): item for item in table.get_many(different, strong=False) if item}


def _sorted(found: Mapping[tuple[str, str], Item], *, masks: bool) -> Labels:
    known: dict[str, Partner] = {}
    paid: dict[str, Payment] = {}
    customers: dict[str, str] = {}
    called = {SYSTEM: SYSTEM_NAME}
    for item in found.values():
        match keys.kind_of(item):
            case "PARTNER":
                partner = partners.from_item(item)
                known[partner.id] = partner
            case "PAYMENT":
                from refledger.store import payments

                payment = payments.from_item(item)
                paid[payment.id] = payment
            case "REFERRAL":
                from refledger.store import referrals

                referral = referrals.from_item(item)
                customers[referral.id] = referral.customer_id
            case "PERSON":
                person = stored_people.from_item(item)
                called |= {person.id: person.name} if person.name else {}
            case _:
                from refledger.store import customers as stored_customers

                customers |= stored_customers.of_nobodys(item)
    return Labels(known, paid, customers, called, masks)
