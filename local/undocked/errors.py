"""The one error that ends a start: what is wrong, and what to do about it, for the terminal."""

from __future__ import annotations


class StartError(Exception):
    """The stack refuses to start.

    The text names the cause (resource and property, port, file) and the way out.
    """
