"""Bindings (who earns from a customer) and the referrals that made them."""

from __future__ import annotations

from refledger.domain.uplines import Binding, Link
from refledger.store import keys, rules
from refledger.store.table import Table
from refledger.store.transaction import NOT_THERE, Item, Write, check, put, update

IS_UNBOUND = "the customer is not referred yet"
COUNT_IS_CURRENT = "no other payment of the customer was counted meanwhile"
TOP_IS_UNBOUND = "nobody referred the top of the chain meanwhile"


def bind(binding: Binding, status: str, source: str) -> list[Write]:
    """The binding, for ever, and the referral that people see."""
    upline = [[link.partner_id, link.customer, rules.own(link.own)] for link in binding.upline]
    at_ms = binding.bound_at_ms
    return [
        put(IS_UNBOUND, {
            **keys.binding(binding.program_id, binding.customer), "referral": binding.referral_id, "up": upline,
            "depth": binding.depth, "rule": binding.rule_version, "bound": at_ms, "n": binding.count,
            "first": binding.first_at_ms,
        }),
        put("the referral is new", {
            **keys.referral(binding.referral_id), "status": status, "source": source, "customer": binding.customer,
            "program": binding.program_id, "up": upline, "depth": binding.depth, "created": at_ms,
            **keys.listed(keys.referrals_of_program(binding.program_id), at_ms, binding.referral_id),
        }),
    ]  # fmt: skip


def count(old: Binding, new: Binding) -> Write:
    """One more payment of the customer, under the number that was read: two at once cannot both be the first."""
    return update(
        COUNT_IS_CURRENT, keys.binding(old.program_id, old.customer), "SET #n = :n, #first = :first", "#n = :was",
        n=new.count, first=new.first_at_ms, was=old.count,
    )  # fmt: skip


def top_still_unbound(program_id: str, customer: str) -> Write:
    """Who is bound to whom never changes, so only through the unbound top of a chain a circle can still close."""
    return check(TOP_IS_UNBOUND, keys.binding(program_id, customer), NOT_THERE)


def find_binding(table: Table, program_id: str, customer: str) -> Binding | None:
    """The one read of a payment."""
    item = table.get(keys.binding(program_id, customer))
    return binding_from(item) if item else None


def binding_from(item: Item) -> Binding:
    program_id, customer = keys.last_two_of(item)
    return Binding(
        program_id=program_id,
        customer=customer,
        referral_id=item["referral"],
        upline=tuple(Link(partner, user, rules.own_from(own)) for partner, user, own in item["up"]),
        depth=item["depth"],
        rule_version=item["rule"],
        bound_at_ms=item["bound"],
        count=item["n"],
        first_at_ms=item["first"],
    )
