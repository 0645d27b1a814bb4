"""Other services, each behind a few functions in our own words."""
