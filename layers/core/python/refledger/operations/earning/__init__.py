"""Money that comes in: payments, what they earn, what is taken back, and when it matures."""
