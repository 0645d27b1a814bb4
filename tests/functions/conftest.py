"""Functions live in worlds of their own."""

from tests.support.function_worlds import fresh, somebody, sqs, world

__all__ = ["fresh", "somebody", "sqs", "world"]
