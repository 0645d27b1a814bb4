"""Referral programs and partner payouts on a double-entry ledger."""
