"""The rules, pure: no clock, no network, nothing outside the standard library."""
