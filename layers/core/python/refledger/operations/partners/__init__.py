"""Partners: how they come in, what they are called, whom they know, and how they are forgotten."""
