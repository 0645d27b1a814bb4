"""What operators do when something is wrong: stop, restore, migrate, count and ask again."""
