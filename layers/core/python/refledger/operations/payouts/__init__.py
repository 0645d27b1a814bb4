"""Money that goes out: withdrawals, who decides about them, and the payouts that carry them."""
