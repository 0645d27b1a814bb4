"""What all routes have in common lives in a world of functions, too."""

from tests.support.function_worlds import fresh, somebody, sqs, world

__all__ = ["fresh", "somebody", "sqs", "world"]
