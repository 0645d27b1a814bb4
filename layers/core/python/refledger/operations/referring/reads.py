"""Referrals as they are found: by their ids, by their lead, by their customer."""

from __future__ import annotations

from refledger.domain.errors import ReferralNotFound
from refledger.domain.referrals import Referral
from refledger.operations.context import Context, of_table
from refledger.store import bindings, keys, programs, referrals

find = of_table(referrals.find)


def is_id(text: str) -> bool:
    """Tell whether a referral could have this id."""
    return keys.is_referral_id(text)


def owner_of(referral_id: str) -> str:
    """Tell whose referral it is, which its id says."""
    return keys.owner_of(keys.referral(referral_id))


def currency_of(context: Context, referral_id: str) -> str:
    """Tell the currency of a referral's program. Raises ReferralNotFound, ProgramNotFound."""
    return programs.find(context.table, find(context, referral_id).program_id).currency


def lead_hash(context: Context, lead: str) -> str:
    """Under which the lead's guard lies."""
    return context.ids.hash("lead", lead)


def by_lead(context: Context, lead: str) -> Referral:
    """Find the referral of a lead. Raises ReferralNotFound."""
    id = referrals.of_lead(context.table, lead_hash(context, lead))
    if id is None:
        raise ReferralNotFound("no referral has this lead")
    return find(context, id)


def by_customer(context: Context, program_id: str, customer: str) -> Referral:
    """Find the referral of a customer (keyed hash). Raises ReferralNotFound."""
    binding = bindings.find(context.table, program_id, customer)
    if binding is None:
        raise ReferralNotFound("this customer was not referred")
    return find(context, binding.referral_id)
