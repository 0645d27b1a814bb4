"""Payout providers behind `domain.payouts.Payouts`, one module each."""
