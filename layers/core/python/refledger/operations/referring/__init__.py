"""Referrals, from a code or a lead to their end."""
