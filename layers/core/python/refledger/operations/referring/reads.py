"""Referrals as they are found by their ids."""

from __future__ import annotations

from refledger.domain.referrals import Referral
from refledger.operations.context import Context
from refledger.store import keys, programs, referrals


def is_id(text: str) -> bool:
    """Tell whether a referral could have this id."""
    return keys.is_referral_id(text)


def owner_of(referral_id: str) -> str:
    """Tell whose referral it is, which its id says."""
    return keys.owner_of(keys.referral(referral_id))


def find(context: Context, referral_id: str, *, strong: bool = True) -> Referral:
    """Find a referral. Raises ReferralNotFound."""
    return referrals.find(context.table, referral_id, strong=strong)


def currency_of(context: Context, referral_id: str) -> str:
    """Tell the currency of a referral's program. Raises ReferralNotFound, ProgramNotFound."""
    return programs.find(context.table, find(context, referral_id).program_id).currency
